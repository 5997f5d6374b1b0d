"""The scorecard: tests each promise of Postel on a local stack, with faults, and prints one
table. Exits 1 if a row fails.

    make chaos                                 # all rows, in full size
    make chaos CHAOS="--short"                 # what `make test` runs, a minute or two
    make chaos CHAOS="--row 1 --row 3 --seed 7 --set kills.deliveries=2000"

A row is a function in a file of this directory, or a command that prints `scorecard: {json}`
(see scorecard.command); ROWS lists them.
"""

import argparse
import os
import random
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import cloud  # noqa: E402
import conflicts  # noqa: E402
import duplicates  # noqa: E402
import external_rows  # noqa: E402
import kills  # noqa: E402
import outage  # noqa: E402
import stack_under_test  # noqa: E402
from scorecard import Line, Row, Scale, table, tried  # noqa: E402

ROWS: list[Row] = [kills.ROW, *cloud.ROWS, duplicates.ROW, *external_rows.ROWS, conflicts.ROW, outage.ROW]

PORT = 4568


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    asked.add_argument("--short", action="store_true", help="small counts, a minute or so")
    asked.add_argument("--row", action="append", help="only this one; may be repeated")
    asked.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the random moments; the proxy's chance has none")
    asked.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="a row's count, kills.deliveries=500 for example")
    asked.add_argument("--port", type=int, default=int(os.environ.get("POSTEL_PORT") or PORT), help="the stack's own port")
    given = asked.parse_args(arguments)
    scale = Scale(given.short, given.seed, {name: float(number) for name, number in (pair.split("=", 1) for pair in given.set)})
    rows = [row for row in ROWS if (given.row is None or row.number in given.row) and not (given.short and row.full_only)]
    lines: list[Line] = []
    for row in (row for row in rows if not row.needs_stack):
        lines += _told(tried(row, scale))
    if any(row.needs_stack for row in rows):
        with stack_under_test.standing(given.port, given.seed) as stack_under_test.proxy:
            for row in (row for row in rows if row.needs_stack):
                lines += _told(tried(row, scale))
    lines.sort(key=lambda line: [int(part) if part.isdecimal() else 0 for part in line.number.split(".")])
    print(f"\n{table(lines)}\n")
    failed = [line.number for line in lines if not line.result.passed]
    print(f"{len(lines) - len(failed)} of {len(lines)} rows hold" + (f"; not {', '.join(failed)}" if failed else ""), flush=True)
    return 1 if failed or not lines else 0


def _told(lines: list[Line]) -> list[Line]:
    """Prints a row as soon as it is decided, with what was wrong."""
    for line in lines:
        print(f"{time.strftime('%H:%M:%S')} row {line.number}: {'pass' if line.result.passed else 'FAIL'}  {line.result.numbers}", flush=True)
        for what in line.result.wrong[:40]:
            print(f"    {what}", flush=True)
        if len(line.result.wrong) > 40:
            print(f"    and {len(line.result.wrong) - 40} more", flush=True)
    return lines


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # `kill` must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main(sys.argv[1:]))
