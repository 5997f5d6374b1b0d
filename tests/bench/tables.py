#!/usr/bin/env python3
"""Writes the tables of `make bench` into docs/costs.md and docs/performance.md, from
.local/bench.jsonl or the given file."""

import json
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COSTS = ROOT / "docs" / "costs.md"
PERFORMANCE = ROOT / "docs" / "performance.md"

# The pages' names of the scenarios of tests/bench/src/scenario.rs.
NAMES = {
    "sqs": "SQS, 10 per invocation",
    "sqs-batch-1": "SQS, 1 per invocation",
    "sqs-batch-100": "SQS, 100 per invocation",
    "http-single": "HTTP, 1 per request",
    "http-10": "HTTP, 10 per request",
    "http-100": "HTTP, 100 per request",
    "fanout-5": "5 webhooks",
    "fanout-25": "25 webhooks",
    "8-kib": "8 KiB",
    "64-kib": "64 KiB",
    "64-kib-batch-100": "64 KiB, 100 per invocation",
    "256-kib": "255 KiB",
    "receiver-100-ms": "receiver takes 100 ms",
    "receiver-200-ms": "receiver takes 200 ms",
    "receiver-1000-ms": "receiver takes 1 s",
    "http-single-200-ms": "200 ms; HTTP, 1 per request",
    "http-10-200-ms": "200 ms; HTTP, 10 per request",
    "closing": "receiver closes each connection",
    "1-percent-failing": "1 % fail and are retried",
    "1-percent-hanging": "1 % hang for 2 s",
    "10000-tenants": "each event another tenant's",
    "100-tenants": "100 tenants",
    "log-of-1000": "1,000 events in the log before",
    "log-of-100000": "100,000 events in the log before",
    "log-of-1000000": "1,000,000 events in the log before",
}
# Two tables, since a page has room for six columns.
SERVICES = (("gateway", "lambda", "sqs", "writes", "reads"), ("kms", "logs", "egress"))


def usd(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 0.005 else ""


def units(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def cost(figures: dict) -> list[str]:
    written = figures["write_units"] + figures["index_units"]
    return [units(written), units(figures["read_units"]), f"**{figures['usd_in_all']:.2f}**", usd(figures["usd_storage"])]


def bill(figures: dict, services: tuple[str, ...]) -> list[str]:
    return [usd(figures["usd"][service]) for service in services]


def speed(figures: dict) -> list[str]:
    cpu = " + ".join(f"{figures['cpu_per_1000'][name]:.2f}" for name in ("dispatcher", "publish") if name in figures["cpu_per_1000"])
    return [f"{figures['deliveries_per_second']:,.0f}", cpu, f"{max(figures['peak_mib'].values()):.0f}"]


def start(figures: dict) -> list[str]:
    return [f"{figures[name]:.1f} ms" for name in ("next_ms", "next_cpu_ms", "first_ms", "first_cpu_ms")]


def size(figures: dict) -> list[str]:
    return [f"{figures['binary_mb']:.1f} MB", f"{figures['zip_mb']:.1f} MB"]


def replaced(page: str, heading: str, number: int, rows: list[list[str]]) -> str:
    """Replaces the rows of one of the tables below a heading."""
    section = re.search(rf"^##+ {heading}\n(.*?)(?=^##+ |\Z)", page, re.MULTILINE | re.DOTALL)
    table = list(re.finditer(r"(?:^\|.*\n)+", section[1], re.MULTILINE))[number]
    head = table[0].splitlines()[:2]
    made = "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
    begin, end = section.start(1) + table.start(), section.start(1) + table.end()
    return page[:begin] + made + page[end:]


def main() -> None:
    path = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".local" / "bench.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    measured = {line["scenario"]: line for line in lines if "scenario" in line}
    scenarios = [(NAMES[name], measured[name]) for name in NAMES if name in measured]
    starts = [(f"`{line['function']}`", line) for line in lines if "function" in line]

    costs = COSTS.read_text()
    costs = replaced(costs, "A million deliveries", 0, [[name, *cost(figures)] for name, figures in scenarios])
    for number, services in enumerate(SERVICES):
        costs = replaced(costs, "By service", number, [[name, *bill(figures, services)] for name, figures in scenarios])
    COSTS.write_text(costs)

    page = PERFORMANCE.read_text()
    page = replaced(page, "Throughput", 0, [[name, *speed(figures)] for name, figures in scenarios])
    if starts:
        page = replaced(page, "Start-up", 0, [[name, *start(figures)] for name, figures in starts])
        page = replaced(page, "Start-up", 1, [[name, *size(figures)] for name, figures in starts])
    for line in lines:
        if "machine" in line:
            made = textwrap.fill(f"Measured on {line['machine']}, medians of {line['runs']}.", 100)
            page = re.sub(r"(?ms)^Measured on .*?\.$(?=\n\n)", made, page)
    PERFORMANCE.write_text(page)


if __name__ == "__main__":
    main()
