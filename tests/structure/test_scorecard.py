"""A row of `make chaos` that is decided by a command must not pass by saying nothing."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chaos"))

import scorecard  # noqa: E402


def card(script: str) -> list[scorecard.Line]:
    row = scorecard.command("2", "simulated", [sys.executable, "-c", script])
    return scorecard.tried(row, scorecard.Scale(short=True, seed=1))


def test_a_command_tells_its_rows_and_their_numbers():
    lines = card("""print('noise'); print('test it ... scorecard: {"histories": 5, "violations": 0}'); print('scorecard: {"row": "7", "what": "more"}')""")
    assert [(line.number, line.what, line.result.passed, line.result.numbers) for line in lines] == [
        ("2", "simulated", True, "histories 5, violations 0"),
        ("7", "more", True, ""),
    ]


@pytest.mark.parametrize(
    "script",
    [
        "print('all is well')",
        """print('scorecard: {"numbers": "5"}'); raise SystemExit(1)""",
        """print('scorecard: {"passed": false}')""",
        "print('scorecard: {half')",
    ],
)
def test_no_line_a_bad_end_or_a_failure_told_is_no_pass(script):
    (line,) = card(script)
    assert not line.result.passed and line.number == "2"


def test_a_row_that_breaks_fails_and_says_how():
    def broken(_: scorecard.Scale) -> scorecard.Result:
        raise ValueError("lost its way")

    (line,) = scorecard.tried(scorecard.Row("9", "breaks", broken), scorecard.Scale(short=True, seed=1))
    assert not line.result.passed and line.result.wrong == ["ValueError: lost its way"]
    assert "FAIL" in scorecard.table([line])
