"""Tests of tests/chaos/accounting.py, the reconciliation tool: it must neither miss a mismatch
nor report a false one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from support import client, stack
from support.receiver import Receiver, Reply

TOOL = stack.ROOT / "tests" / "chaos" / "accounting.py"


class Ledger:
    """A tenant whose events ended in all three ways, and what its publisher was told."""

    def __init__(self, tenant: client.Tenant, receiver: Receiver, directory: Path) -> None:
        self.tenant, self.receiver, self.directory = tenant, receiver, directory
        self.accepted: list[dict[str, str]] = []
        paths = {"/good": Reply(200), "/bad": Reply(400), "/later": Reply(500)}
        self.webhooks = {}
        for path, reply in paths.items():
            receiver.answer(reply, path=path)
            made = tenant.new_webhook(receiver.url(path), events=[f"{path[1:]}.*", "all.*"], overrides={"retryDelaysSeconds": [3000]})
            self.webhooks[path] = made["id"]
        self.good, self.bad, self.later, self.all = (self.publish(f"{kind}.x") for kind in ("good", "bad", "later", "all"))
        self.accepted.append({"tenant": tenant.id, "messageId": tenant.publish_sqs("good.x")})
        receiver.wait(7, path=None)

        def recorded() -> bool:
            counts = self.run()[1]
            wanted = {"events on record": "5", "delivered": "3", "dead": "2", "due": "2"}
            assert {name: counts.get(name) for name in wanted} == wanted
            return True

        stack.eventually(recorded, 60, "everything to be recorded")

    def publish(self, type: str) -> str:
        self.accepted.append({"tenant": self.tenant.id, "id": self.tenant.publish(type)})
        return self.accepted[-1]["id"]

    def run(self, again: float = 0.5) -> tuple[int, dict[str, str], list[str]]:
        """The exit status, the counts by name, and the mismatches, from the command's output."""
        accepted, posts = self.directory / "accepted.jsonl", self.directory / "posts.jsonl"
        accepted.write_text("".join(json.dumps(one) + "\n" for one in self.accepted))
        seen = [{"event": r.headers["webhook-id"], "webhook": self.webhooks[r.path]} for r in self.receiver.requests(None)]
        posts.write_text("".join(json.dumps(one) + "\n" for one in seen))
        argv = [sys.executable, str(TOOL), "--outputs", str(stack.outputs_path()), "--tenant", self.tenant.id, "--again", str(again)]
        done = subprocess.run([*argv, "--accepted", str(accepted), "--posts", str(posts)], capture_output=True, text=True)
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        lines = done.stdout.splitlines()
        counts = {line.rsplit(None, 1)[0].strip(): line.rsplit(None, 1)[1] for line in lines if not line.startswith("  ")}
        return done.returncode, counts, [line.strip() for line in lines if line.startswith("  ")]

    def items(self, event_id: str) -> list[dict[str, Any]]:
        """An event's items in the log, the event's own first."""
        key = event_id.removeprefix("evt_")
        found = [item for item in stack.scan("LogTable", f"{self.tenant.id}#") if item["sk"]["S"].startswith(key)]
        return sorted(found, key=lambda item: item["sk"]["S"])


@pytest.fixture
def ledger(kuviq: client.Tenant, receiver: Receiver, tmp_path: Path) -> Iterator[Ledger]:
    yield Ledger(kuviq, receiver, tmp_path)


def drop(table: str, item: dict[str, Any]) -> None:
    stack.aws("dynamodb").delete_item(TableName=stack.resource(table), Key={name: item[name] for name in ("pk", "sk")})


def put(table: str, item: dict[str, Any]) -> None:
    stack.aws("dynamodb").put_item(TableName=stack.resource(table), Item=item)


def test_what_adds_up_is_counted_and_nothing_is_wrong(ledger: Ledger) -> None:
    status, counts, wrong = ledger.run()
    assert (status, wrong) == (0, [])
    wanted = {"accepted": "5", "events on record": "5", "delivered": "3", "dead": "2", "due": "2", "POSTs": "7", "does not add up": "0"}
    assert {name: counts.get(name) for name in wanted} == wanted
    assert counts["POSTs without a record"] == "0"


@pytest.mark.alone  # Events that it reports as lost could be in a queue if others were publishing.
def test_each_planted_discrepancy_is_named_and_nothing_else(ledger: Ledger) -> None:
    before = ledger.items(ledger.all)

    def named(*expected: tuple[str, ...]) -> None:
        """Expects this many lines, each with its words."""
        status, _, wrong = ledger.run()
        assert status == 1 and len(wrong) == len(expected), wrong
        assert all(any(all(word in line for word in words) for line in wrong) for words in expected), wrong

    # A delivery that is gone.
    lost = next(item for item in before if item["sk"]["S"].endswith(ledger.webhooks["/later"]))
    drop("LogTable", lost)
    unknown = (ledger.all, ledger.webhooks["/later"], "the receiver saw it, the log has no delivery")
    named((ledger.all, ledger.webhooks["/later"], "no delivery is on record and no message is left"), unknown)
    put("LogTable", lost)

    # An event that is gone without a trace.
    (event, delivery) = ledger.items(ledger.good)
    drop("LogTable", event)
    drop("LogTable", delivery)
    named((ledger.good, "neither on record, dead nor waiting"), (ledger.good, "the receiver saw it, the log has no delivery"))
    put("LogTable", event)
    put("LogTable", delivery)

    # Dead and due at once.
    letter = next(item for item in stack.scan("DeadLettersTable", ledger.tenant.id) if item["event_id"]["S"] == ledger.bad)
    key = letter["sk"]["S"]
    another = key[:-1] + ("Y" if key.endswith("Z") else "Z")
    both = letter | {"delivery": {"S": f"dlv_{lost['sk']['S'].replace('#wh_', '')}"}, "sk": {"S": another}}
    put("DeadLettersTable", both)
    named((ledger.all, ledger.webhooks["/later"], "dead and due, which is not one state"))
    drop("DeadLettersTable", both)

    # Failed, and the reason is gone.
    drop("DeadLettersTable", letter)
    named((ledger.bad, ledger.webhooks["/bad"], "without a dead letter"))
    put("DeadLettersTable", letter)

    # Due, but where the sweeper never looks.
    put("LogTable", {name: value for name, value in lost.items() if name != "due_at"})
    named((ledger.all, ledger.webhooks["/later"], "without a time at which the sweeper would find it"))
    put("LogTable", lost)

    # Recorded as delivered, and never sent.
    unsent = delivery | {"sk": {"S": delivery["sk"]["S"].replace(ledger.webhooks["/good"], "wh_00000000000000000000")}}
    put("LogTable", unsent)
    named(("wh_00000000000000000000", "the receiver saw no POST"))
    drop("LogTable", unsent)

    assert ledger.run()[0] == 0, "the restored rows match again"
