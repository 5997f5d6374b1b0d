"""A row of `make chaos` that is decided by a command must not pass without a result."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "chaos"))

import accounting  # noqa: E402
import faults  # noqa: E402
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


@pytest.mark.parametrize("body", ["[" * 100_000, '{"id": ["x"]}', '"x"', "5", "{", '{"type": "a"}'])
def test_the_accounting_survives_what_a_stranger_wrote(body: str):
    assert accounting._id_in(body) is None
    assert accounting._id_in('{"id": "a"}') == "a" and accounting._id_in('{"stored": "01A"}') == "evt_01A"


def test_a_write_may_meet_others_in_all_its_tries_but_the_last():
    tries = re.search(r"const MAX_ATTEMPTS: u32 = (\d+);", (ROOT / "functions/adapters/src/clients.rs").read_text())
    assert faults.TRIES_THAT_MEET == int(tries[1]) - 1


def test_a_cancelled_transaction_has_a_reason_for_each_of_its_parts():
    cancelled = [rule for rule in faults.conflicts(0.2) if rule["operation"] == "TransactWriteItems" and "attempt=1;" in str(rule["headers"])]
    by_parts = {rule["body"]: [reason["Code"] for reason in rule["error"]["fields"]["CancellationReasons"]] for rule in cancelled}
    assert by_parts["length(TransactItems) == `1`"] == ["TransactionConflict"]
    assert by_parts["length(TransactItems) == `3`"] == ["TransactionConflict", "None", "None"]
