"""The rows of the scorecard, and how the card is printed."""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[2]
# The prefix of the lines that a command prints for each row that it decided.
MARK = "scorecard: "


@dataclass(frozen=True)
class Scale:
    """The size of a run: each row asks for its counts by name, and the command line may override
    them."""

    short: bool
    seed: int
    given: dict[str, float] = field(default_factory=dict)

    def of(self, name: str, full: float, short: float) -> int:
        return int(self.given.get(name, short if self.short else full))


@dataclass(frozen=True)
class Result:
    """Whether a row holds, its numbers, and what was wrong, one line each."""

    passed: bool
    numbers: str
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One promise and its test. `needs_stack` is false for tests that run without one."""

    number: str
    what: str
    run: Callable[[Scale], Result | list["Line"]]
    needs_stack: bool = True
    # Its short form is part of `make test` elsewhere.
    full_only: bool = False


@dataclass(frozen=True)
class Line:
    """A row that was run."""

    number: str
    what: str
    result: Result
    seconds: float


def command(number: str, what: str, argv: list[str], **environment: str) -> Row:
    """A row that is decided by a command whose short form is a separate test, cargo test for
    example. It prints a line for each row that it decides,

        scorecard: {"row": 2, "histories": 100000, "violations": 0, "passed": true}

    where row, what and passed are optional: the defaults are this row's, and whether the command
    succeeded. The other members are its numbers. Without such a line the row fails.
    """

    def run(_: Scale) -> list[Line]:
        began = time.monotonic()
        done = subprocess.run(argv, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        took = time.monotonic() - began
        told = [json.loads(text.split(MARK, 1)[1]) for text in done.stdout.splitlines() if MARK in text]
        tail = [] if done.returncode == 0 else [f"{' '.join(argv)} ended with {done.returncode}:", *done.stdout.splitlines()[-30:]]
        if not told:
            return [Line(number, what, Result(False, "no figures", tail or [f"{' '.join(argv)} printed no line with {MARK!r}"]), took)]
        return [
            Line(
                str(one.get("row", number)),
                one.get("what", what),
                Result(one.get("passed", True) and done.returncode == 0, _spelled(one), tail if place == 0 else []),
                took,
            )
            for place, one in enumerate(told)
        ]

    return Row(number, what, run, needs_stack=False, full_only=True)


def tried(row: Row, scale: Scale) -> list[Line]:
    """A row's lines. An unexpected exception is a failure of the row."""
    began = time.monotonic()
    try:
        result = row.run(scale)
    except Exception as error:  # noqa: BLE001  the other rows still want their turn
        result = Result(False, "", [f"{type(error).__name__}: {error}"])
    return result if isinstance(result, list) else [Line(row.number, row.what, result, time.monotonic() - began)]


def table(lines: list[Line]) -> str:
    """The card as text."""
    width = max(len(line.what) for line in lines)
    rows = [f"{'row':<4} {'what':<{width}} {'':<4} {'s':>5}  numbers"]
    for line in lines:
        verdict = "pass" if line.result.passed else "FAIL"
        rows.append(f"{line.number:<4} {line.what:<{width}} {verdict} {line.seconds:>5.0f}  {line.result.numbers}")
    return "\n".join(rows)


def _spelled(told: dict) -> str:
    return told.get("numbers") or ", ".join(f"{name} {value}" for name, value in told.items() if name not in ("row", "what", "passed"))
