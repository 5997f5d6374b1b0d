#!/usr/bin/env python3
"""Writes the tables of `make bench` into README.md: from .local/bench.jsonl, or the file that is named."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What the README calls each scenario of tests/bench/src/scenario.rs.
NAMES = {
    "sqs": "by SQS, ten an invocation",
    "sqs-batch-1": "one an invocation",
    "sqs-batch-100": "a hundred an invocation",
    "http-single": "by HTTP, one a request",
    "http-10": "by HTTP, ten a request",
    "http-100": "by HTTP, a hundred a request",
    "fanout-5": "5 webhooks",
    "fanout-25": "25 webhooks",
    "8-kib": "8 KiB",
    "64-kib": "64 KiB",
    "64-kib-batch-100": "64 KiB, a hundred an invocation",
    "256-kib": "255 KiB",
    "receiver-100-ms": "the receiver takes 100 ms",
    "receiver-200-ms": "200 ms",
    "receiver-1000-ms": "1 s",
    "http-single-200-ms": "200 ms, by HTTP, one a request",
    "http-10-200-ms": "200 ms, by HTTP, ten a request",
    "closing": "the receiver closes each connection",
    "1-percent-failing": "1 % fail and are tried again",
    "1-percent-hanging": "1 % hang for 2 s",
    "10000-tenants": "each event another tenant's",
    "100-tenants": "100 tenants",
    "log-of-1000": "1,000 in the log before",
    "log-of-100000": "100,000 in the log before",
    "log-of-1000000": "1,000,000 in the log before",
}
SERVICES = ("gateway", "lambda", "sqs", "writes", "reads", "kms", "logs", "egress")


def usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 0.005 else ""


def units(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def cost(figures: dict) -> list[str]:
    bill = [usd(figures["usd"][service]) for service in SERVICES]
    return [units(figures["write_units"] + figures["index_units"]), units(figures["read_units"]), *bill, f"**{figures['usd_in_all']:.2f}**", usd(figures["usd_storage"])]


def speed(figures: dict) -> list[str]:
    cpu = " + ".join(f"{figures['cpu_per_1000'][name]:.2f}" for name in ("dispatcher", "publish") if name in figures["cpu_per_1000"])
    return [f"{figures['deliveries_per_second']:,.0f}", cpu, f"{max(figures['peak_mib'].values()):.0f}"]


def start(figures: dict) -> list[str]:
    times = [f"{figures[name]:.1f} ms" for name in ("next_ms", "next_cpu_ms", "first_ms", "first_cpu_ms")]
    return [*times, f"{figures['binary_mb']:.1f} MB", f"{figures['zip_mb']:.1f} MB"]


def replaced(readme: str, heading: str, number: int, rows: list[list[str]]) -> str:
    """The so-manyth table of a section with other rows under the same head."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", readme, re.MULTILINE | re.DOTALL)
    table = list(re.finditer(r"(?:^\|.*\n)+", section[1], re.MULTILINE))[number]
    head = table[0].splitlines()[:2]
    made = "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
    begin, end = section.start(1) + table.start(), section.start(1) + table.end()
    return readme[:begin] + made + readme[end:]


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".local" / "bench.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    scenarios = {line["scenario"]: line for line in lines if "scenario" in line}
    starts = [line for line in lines if "function" in line]
    page = ROOT / "README.md"
    readme = page.read_text()
    readme = replaced(readme, "What it costs", 0, [[NAMES[name], *cost(scenarios[name])] for name in NAMES if name in scenarios])
    readme = replaced(readme, "How fast", 0, [[NAMES[name], *speed(scenarios[name])] for name in NAMES if name in scenarios])
    if starts:
        readme = replaced(readme, "How fast", 1, [[f"`{line['function']}`", *start(line)] for line in starts])
    for line in lines:
        if "machine" in line:
            readme = re.sub(r"(?m)^Measured on .*$", f"Measured on {line['machine']}, medians of {line['runs']}.", readme)
    page.write_text(readme)


if __name__ == "__main__":
    main()
