"""Slow receivers: who keeps timing out is delivered from a queue of its own, so that a batch does not wait for it. design.md section 5."""

import json
import time

import pytest
from support import disturb, slow, stack
from support.client import Tenant
from support.receiver import HANG, Receiver

TIMEOUT_SECONDS = 4
# functions/domain/src/flow/pace.rs: waits in a row that make a webhook slow, and how old a mark is at least when it goes.
WAITS = 3
MARK_SECONDS = 10


def record(tenant: Tenant, number: int) -> dict:
    body = {"tenantId": tenant.id, "type": "item.created", "data": {"number": number}}
    return stack.sqs_record(json.dumps(body), group=tenant.id)


def invocation(*records: dict) -> float:
    """How long the dispatcher takes for a batch, in seconds."""
    began = time.monotonic()
    assert stack.invoke_with(list(records))["batchItemFailures"] == []
    return time.monotonic() - began


def test_a_hanging_receiver_goes_to_the_slow_lane_and_comes_back_when_it_answers(tenant: Tenant, kuviq: Tenant, receiver: Receiver):
    receiver.answer(HANG, path="/hangs")
    overrides = {"timeoutSeconds": TIMEOUT_SECONDS, "retryDelaysSeconds": []}
    hanging = tenant.new_webhook(receiver.url("/hangs"), overrides=overrides)["id"]
    kuviq.new_webhook(receiver.url("/good"))

    # One batch, so that one process sees them all. The neighbour's batch lasts as long as the timeout.
    assert invocation(*(record(tenant, n) for n in range(WAITS)), record(kuviq, 0)) >= TIMEOUT_SECONDS
    marked = slow.since(tenant.id, hanging)
    assert marked, "it is not slow after three timeouts in a row"

    # From now on a batch does not wait for it, and it is tried all the same.
    assert invocation(record(tenant, WAITS), record(kuviq, 1)) < TIMEOUT_SECONDS / 2
    receiver.wait(2, path="/good")
    receiver.wait(WAITS + 1, path="/hangs")
    stack.eventually(lambda: {d["status"] for d in tenant.deliveries()} == {"failed"}, TIMEOUT_SECONDS + 10, "the slow one's last attempt")
    assert slow.since(tenant.id, hanging) == marked, "written on change only"
    letters = tenant.wait_for_dead_letters(WAITS + 1)
    assert {letter["reason"] for letter in letters} == {"exhausted"}

    # It answers again: delivered from the slow lane, and then no longer slow.
    receiver.answer(200, path="/hangs")

    def recovers() -> bool:
        event = tenant.publish()
        assert tenant.wait_for_status(event, "completed")["attempts"] == 1
        return slow.since(tenant.id, hanging) is None

    assert stack.eventually(recovers, MARK_SECONDS + 15, "the mark to go", every=1)
    assert time.time() - marked / 1000 >= MARK_SECONDS, "a mark stays long enough for all to see it"
    before = len(receiver.requests("/hangs"))
    invocation(record(tenant, 9))
    assert len(receiver.requests("/hangs")) == before + 1, "its first attempt is made in the batch again"
    assert len(tenant.dead_letters()) == WAITS + 1


def test_another_url_takes_the_mark_away_and_another_name_does_not(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url("/old"))["id"]
    slow.mark(tenant.id, webhook)
    shown = tenant.patch_webhook(webhook, name="the same place")
    assert slow.since(tenant.id, webhook)
    assert not {"slowSince", "slow_since", "slow"} & shown.keys(), "it is not part of the API"
    tenant.patch_webhook(webhook, url=receiver.url("/new"))
    assert slow.since(tenant.id, webhook) is None


# With the others that disturb the stack on one worker.
@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_only_what_was_asked_for_by_hand_passes_the_slow_lane(tenant: Tenant, receiver: Receiver):
    receiver.answer(500, 200)
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [2, 2]})["id"]

    def waiting() -> int:
        return stack.queue_depth("SlowQueue")["waiting"]

    with disturb.no_sweeps(), disturb.paused("SlowSource"):
        others = waiting()
        retried = tenant.publish()
        tenant.wait_for_status(retried, "retrying")
        slow.mark(tenant.id, webhook)
        stack.eventually(lambda: waiting() == others + 1, 15, "the retry to be put on the slow lane")
        first = tenant.publish()
        tenant.wait_for_status(first, "pending")
        stack.eventually(lambda: waiting() == others + 2, 15, "the first attempt to be put on the slow lane")
        receiver.stays_at(1, seconds=1)

        # The mark is old enough to go with the first quick answer, so it is set again before each.
        tested = tenant.api.post(tenant.path(f"/webhooks/{webhook}/test")).ok()
        assert tested["success"], tested
        slow.mark(tenant.id, webhook)
        tenant.api.post(tenant.path(f"/deliveries/{tenant.delivery_of(first)['id']}/retry")).ok(202)
        assert tenant.wait_for_status(first, "completed")["attemptLog"][0]["trigger"] == "manual"
        receiver.stays_at(3, seconds=1)
    assert tenant.wait_for_status(retried, "completed")
    receiver.stays_at(4, seconds=1)


@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_what_the_slow_lane_loses_the_sweeper_finds(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())["id"]
    with disturb.no_sweeps(), disturb.paused("SlowSource"):
        slow.mark(tenant.id, webhook)
        event = tenant.publish()
        tenant.wait_for_status(event, "pending")
        stack.eventually(lambda: stack.queue_depth("SlowQueue")["waiting"] >= 1, 15, "the message")
        stack.aws("sqs").purge_queue(QueueUrl=stack.resource("SlowQueue"))
        receiver.stays_at(0, seconds=float(stack.parameter("SweepGraceSeconds")) + 1)
        stack.invoke("SweeperFunction", {"postel": "sweep"})
        stack.eventually(lambda: stack.queue_depth("SlowQueue")["waiting"] == 1, 15, "the sweeper's message, by way of the deliveries queue")
    assert tenant.wait_for_status(event, "completed")
    receiver.stays_at(1, seconds=1)
