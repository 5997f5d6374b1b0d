"""Slow receivers: webhooks that keep the dispatchers busy are delivered from a separate queue,
so that a batch does not wait for them."""

import json
import time

import pytest
from support import disturb, slow, stack
from support.client import Tenant
from support.receiver import HANG, Receiver, Reply

# functions/domain/src/flow/deliver/slow_receivers.rs: this much time beyond a second makes a
# webhook slow, and quick attempts over this time end that.
FULL_SECONDS = 8
QUICK_SECONDS = 30
DRAINED_SECONDS = 4
# The maximum that is counted on the slow lane, and the minimum that leaks in each second.
MAX_SECONDS = 16
SLOWEST_LEAK = 0.09


def record(tenant: Tenant, number: int) -> dict:
    body = {"tenantId": tenant.id, "type": "item.created", "data": {"number": number}}
    return stack.sqs_record(json.dumps(body), group=tenant.id)


def invocation(*records: dict) -> float:
    """How long the dispatcher takes for a batch, in seconds."""
    began = time.monotonic()
    assert stack.invoke_with(list(records))["batchItemFailures"] == []
    return time.monotonic() - began


def attempted_by(*records: dict) -> list[str]:
    """The tenants whose attempts the dispatcher makes itself when it gets a batch, and so waits
    for, from its own log."""
    answer, written = stack.invoke_and_listen(list(records))
    assert answer["batchItemFailures"] == []
    lines = [json.loads(line) for line in written if line.startswith("{")]
    return [line["tenant_id"] for line in lines if line.get("message") == "delivery.attempted"]


def max_timeout() -> int:
    """The longest timeout of a webhook of this stack: long enough that one attempt fills a
    bucket."""
    longest = int(stack.parameter("MaxWebhookTimeoutSeconds"))
    assert longest > FULL_SECONDS + 1
    return longest


def test_a_hanging_receiver_enters_the_slow_lane_and_leaves_it_after_fast_responses(
    tenant: Tenant, kuviq: Tenant, receiver: Receiver
):
    timeout = max_timeout()
    receiver.answer(HANG, path="/hangs")
    hanging = tenant.new_webhook(receiver.url("/hangs"), overrides={"timeoutSeconds": timeout, "retryDelaysSeconds": []})["id"]
    kuviq.new_webhook(receiver.url("/good"))

    # The batch with the neighbour lasts as long as the timeout, once.
    assert invocation(record(tenant, 0), record(kuviq, 0)) >= timeout
    marked = slow.since(tenant.id, hanging)
    assert marked, "it is not slow after one long timeout"

    # From now on a batch does not wait for it, and it is attempted all the same.
    assert attempted_by(record(tenant, 1), record(kuviq, 1)) == [kuviq.id]
    receiver.wait(2, path="/good")
    receiver.wait(2, path="/hangs")
    stack.eventually(lambda: {d["status"] for d in tenant.deliveries()} == {"failed"}, 2 * timeout + 30, "the slow one's last attempt")
    assert slow.since(tenant.id, hanging) == marked, "written only on a change"
    letters = tenant.wait_for_dead_letters(2)
    assert {letter["reason"] for letter in letters} == {"exhausted"}

    # It answers again: delivered from the slow lane, and then no longer slow.
    receiver.answer(200, path="/hangs")
    answers = time.time()

    def recovers() -> bool:
        event = tenant.publish()
        assert tenant.wait_for_status(event, "completed")["attempts"] == 1
        return slow.since(tenant.id, hanging) is None

    # Both attempts may have been made in one process.
    drained = (MAX_SECONDS - DRAINED_SECONDS) / SLOWEST_LEAK
    assert stack.eventually(recovers, QUICK_SECONDS + drained + 30, "the mark to be removed", every=1)
    assert time.time() - answers >= QUICK_SECONDS, "one quick answer is not enough"
    assert len(tenant.dead_letters()) == 2


def test_a_good_answer_just_within_the_timeout_makes_a_webhook_slow(tenant: Tenant, receiver: Receiver):
    # Long enough to be slow, and as far below the timeout as possible: a busy machine must not turn
    # it into a failure.
    timeout, delay = max_timeout(), FULL_SECONDS + 1.2
    receiver.answer(Reply(200, delay=delay))
    webhook = tenant.new_webhook(receiver.url(), overrides={"timeoutSeconds": timeout})["id"]

    assert invocation(record(tenant, 0)) >= delay
    assert slow.since(tenant.id, webhook)
    # It is a success all the same.
    (delivery,) = tenant.deliveries()
    assert delivery["status"] == "completed"
    assert attempted_by(record(tenant, 1)) == []


def test_another_webhook_of_the_same_tenant_does_not_hang_with_the_first(tenant: Tenant, receiver: Receiver):
    receiver.answer(HANG, path="/hangs")
    tenant.new_webhook(receiver.url("/hangs"), ["hangs.*"], overrides={"timeoutSeconds": max_timeout(), "retryDelaysSeconds": []})
    tenant.new_webhook(receiver.url("/good"), ["item.*"])
    body = json.dumps({"tenantId": tenant.id, "type": "hangs.long", "data": {}})
    assert invocation(stack.sqs_record(body, group=tenant.id)) >= max_timeout()

    invocation(record(tenant, 0))

    assert len(receiver.requests("/good")) == 1, "made in the batch"


def test_another_url_takes_the_mark_away_and_another_name_does_not(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url("/old"))["id"]
    slow.mark(tenant.id, webhook)
    shown = tenant.patch_webhook(webhook, name="the same place")
    assert slow.since(tenant.id, webhook)
    assert shown["slow"] is True and shown["state"] == "slow"
    moved = tenant.patch_webhook(webhook, url=receiver.url("/new"))
    assert "slow" not in moved and moved["state"] == "active"
    assert slow.since(tenant.id, webhook) is None


# With the others that disturb the stack on one worker.
@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_whatever_a_slow_webhook_is_sent_waits_on_the_slow_lane(tenant: Tenant, receiver: Receiver):
    receiver.answer(500, 200)
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [2, 2]})["id"]

    with disturb.no_sweeps(), disturb.paused("SlowSource"), disturb.taken("SlowQueue") as on_the_lane:

        def waits(number: int, what: str) -> None:
            stack.eventually(lambda: on_the_lane.of(tenant.id) == number, 60, f"{what} to be put on the slow lane")

        retried = tenant.publish()
        tenant.wait_for_status(retried, "retrying")
        slow.mark(tenant.id, webhook)
        waits(1, "the retry")
        first = tenant.publish()
        tenant.wait_for_status(first, "pending")
        waits(2, "the first attempt")
        tenant.api.post(tenant.path(f"/deliveries/{tenant.delivery_of(first)['id']}/retry")).ok(202)
        waits(3, "the manual retry")
        tested = tenant.api.post(tenant.path(f"/webhooks/{webhook}/test")).ok()
        assert not tested["success"] and "slow lane" in tested["error"], tested
        waits(4, "the test event")
        receiver.stays_at(1, seconds=1)
    for event in (retried, first):
        assert tenant.wait_for_status(event, "completed")
    stack.eventually(lambda: tenant.delivery(tested["deliveryId"])["status"] == "completed", 60, "the test event")
    # The retry, the test and the first attempt, which the manual one may have replaced.
    made = len(receiver.wait(4))
    receiver.stays_at(made, seconds=1)
    assert made in (4, 5)


@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_what_the_slow_lane_loses_the_sweeper_finds(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())["id"]
    with disturb.no_sweeps(), disturb.paused("SlowSource"), disturb.taken("SlowQueue") as on_the_lane:
        slow.mark(tenant.id, webhook)
        event = tenant.publish()
        tenant.wait_for_status(event, "pending")
        stack.eventually(lambda: on_the_lane.of(tenant.id) == 1, 60, "the message")
        on_the_lane.delete()
        receiver.stays_at(0, seconds=float(stack.parameter("SweepGraceSeconds")) + 1)
        stack.invoke("SweeperFunction", {"postel": "sweep"})
        stack.eventually(lambda: on_the_lane.of(tenant.id) == 1, 60, "the sweeper's message, over the deliveries queue")
    assert tenant.wait_for_status(event, "completed")
    receiver.stays_at(1, seconds=1)
