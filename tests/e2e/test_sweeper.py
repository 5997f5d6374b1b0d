"""Lost work is found, and unprocessable work is set aside: dropped messages and schedules, and
messages that kill their reader."""

import json
import time
from dataclasses import dataclass
from threading import Event
from typing import Any, Iterator

import pytest

from support import client, disturb, processes, stack
from support.contracts import seconds_of
from support.receiver import Receiver, Request

# On one worker with the other tests that disturb the stack, so that none disturbs another between
# two of its tests.
pytestmark = pytest.mark.xdist_group("alone")


@pytest.fixture(scope="module", autouse=True)
def sweeps_by_hand_only() -> Iterator[None]:
    """The sweeper's own schedule is disabled here: only the test's own sweep revives deliveries,
    when the test wants it."""
    with disturb.no_sweeps():
        yield


@pytest.fixture(scope="module")
def grace() -> int:
    """Seconds that a delivery must be overdue before the sweeper treats it as lost."""
    return int(stack.parameter("SweepGraceSeconds"))


def sweep() -> None:
    stack.invoke("SweeperFunction", {"postel": "sweep"})


def failing_once(kuviq: client.Tenant, receiver: Receiver, delay: int) -> dict[str, Any]:
    """A delivery whose first attempt failed and whose second is due after `delay` seconds."""
    receiver.answer(500, 200)
    kuviq.new_webhook(receiver.url(), overrides={"timeoutSeconds": 2, "retryDelaysSeconds": [delay, 1]})
    return kuviq.wait_for_status(kuviq.publish(), "retrying")


def drop_from_queue(tenant: client.Tenant) -> None:
    """Receives the tenant's waiting task from the deliveries queue and deletes it; other
    messages are sent back."""
    sqs, url = stack.aws("sqs"), stack.resource("DeliveriesQueue")

    def dropped() -> bool:
        found = False
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            if json.loads(message["Body"])["tenantId"] == tenant.id:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found = True
            else:
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        return found

    stack.eventually(dropped, 60, "the task to appear on the deliveries queue")


def overdue(delivery: dict[str, Any], grace: int) -> None:
    """Waits until the delivery has been due for longer than the grace."""
    due = seconds_of(delivery["nextAttemptAt"])
    stack.eventually(lambda: time.time() > due + grace + 0.1, 60, "the delivery to be overdue")


def delivered_by_sweep(kuviq: client.Tenant, receiver: Receiver, delivery: dict[str, Any], grace: int) -> None:
    overdue(delivery, grace)
    receiver.stays_at(1, 1)
    sweep()
    receiver.wait(2)
    ended = kuviq.wait_for_status(delivery["eventId"], "completed")
    assert [a.get("responseCode") for a in ended["attemptLog"]] == [500, 200]
    # Sweeping again finds nothing: a completed delivery is no longer due.
    sweep()
    receiver.stays_at(2, 1)


@pytest.mark.alone
def test_a_retry_whose_message_was_deleted_from_the_queue_is_revived(kuviq: client.Tenant, receiver: Receiver, grace: int) -> None:
    with disturb.paused("DeliveriesSource"):
        delivery = failing_once(kuviq, receiver, 2)
        drop_from_queue(kuviq)
    delivered_by_sweep(kuviq, receiver, delivery, grace)


@pytest.mark.alone
def test_a_retry_whose_schedule_was_deleted_is_revived(kuviq: client.Tenant, receiver: Receiver, grace: int) -> None:
    above = int(stack.parameter("QueueDelayLimitSeconds")) + 8
    delivery = failing_once(kuviq, receiver, above)

    def scheduled() -> list[str]:
        return [s["Name"] for s in stack.schedules(delivery["id"])]

    names = stack.eventually(scheduled, 8, "the schedule")
    for name in names:
        stack.aws("scheduler").delete_schedule(GroupName=stack.outputs()["stack"]["RetryScheduleGroupName"], Name=name)
    delivered_by_sweep(kuviq, receiver, delivery, grace)


@pytest.mark.alone
def test_a_manual_retry_whose_message_was_deleted_is_revived(kuviq: client.Tenant, receiver: Receiver, grace: int) -> None:
    receiver.answer(400, 200)
    kuviq.new_webhook(receiver.url())
    delivery = kuviq.wait_for_status(kuviq.publish(), "failed")
    with disturb.paused("DeliveriesSource"):
        kuviq.api.post(kuviq.path(f"/deliveries/{delivery['id']}/retry")).ok(202)
        asked = time.time()
        drop_from_queue(kuviq)
    stack.eventually(lambda: time.time() > asked + grace + 0.5, 60, "the manual attempt to be overdue")
    receiver.stays_at(1, 1)
    sweep()
    receiver.wait(2)
    ended = kuviq.wait_for_status(delivery["eventId"], "completed")
    assert [a["trigger"] for a in ended["attemptLog"]] == ["automatic", "manual"]


@pytest.mark.alone
def test_a_delivery_that_is_not_overdue_is_left_alone(kuviq: client.Tenant, receiver: Receiver) -> None:
    delivery = failing_once(kuviq, receiver, 3)
    due = seconds_of(delivery["nextAttemptAt"])
    sweep()
    second = receiver.wait(2, 20)[1]
    # SQS counts whole seconds, and a message up to a second early is on time.
    assert second.arrived >= due - 1, f"the second attempt came {due - second.arrived:.1f} s early"
    kuviq.wait_for_status(delivery["eventId"], "completed")
    receiver.stays_at(2, 1)


# ---- An upgrade from a version that sweeps only the first eight partitions -----------------------


def partitions(tenant: client.Tenant) -> dict[str, tuple[int, int]]:
    """Of all that is due, by its sort key: the partition of its entry, and the one that it has with
    the default."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    rows = {row["sk"]["S"]: int(row["due_shard"]["S"]) for row in stack.scan("LogTable", tenant.id) if "due_shard" in row}
    return {sk: (shard, (32 * digits.index(sk[24]) + digits.index(sk[25])) % 128) for sk, shard in rows.items()}


@pytest.mark.alone
def test_an_upgrade_first_writes_to_eight_partitions_and_then_to_all(kuviq: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(500)
    kuviq.new_webhook(receiver.url(), overrides={"timeoutSeconds": 2, "retryDelaysSeconds": [3600, 3600]})
    eight = {"POSTEL_DUE_SHARDS": "8"}
    with disturb.paused("DeliveriesSource"):
        with disturb.set_up_as("DispatcherFunction", **eight), disturb.set_up_as("ManageFunction", **eight):
            events = [kuviq.publish() for _ in range(12)]
            first, *others = [kuviq.wait_for_status(event, "retrying") for event in events]
            for delivery in others[:6]:
                kuviq.api.post(kuviq.path(f"/deliveries/{delivery['id']}/retry")).ok(202)
            kuviq.api.delete(kuviq.path(f"/events/{first['eventId']}/data")).ok(204)
            before = partitions(kuviq)
    assert len(before) == len(events) + 1 and any(own >= 8 for _, own in before.values())
    assert {sk: shard for sk, (shard, _) in before.items()} == {sk: own % 8 for sk, (_, own) in before.items()}

    # The manual attempts, by a dispatcher with the default.
    receiver.wait(len(events) + 6)

    def moved() -> bool:
        at = partitions(kuviq)
        return sum(shard == own for shard, own in at.values()) >= 6 and all(shard in (own, own % 8) for shard, own in at.values())

    stack.eventually(moved, 60, "the entries of the deliveries that were tried again to be in their own partitions")


# ---- Messages that kill their reader -------------------------------------------------------------


def lost(tenant: client.Tenant) -> list[int]:
    """How many messages of each delivery were given up and left to the sweeper."""
    return [int(row["lost"]["N"]) for row in stack.scan("LogTable", tenant.id) if "lost" in row]


@dataclass(frozen=True)
class Poison:
    """Three messages that killed the dispatcher whenever it made their request, until they were
    given up, and the deliveries of others meanwhile."""

    receiver: Receiver
    tenants: dict[str, client.Tenant]
    letters: dict[str, list[dict[str, Any]]]
    bystander: client.Tenant
    published: list[str]
    neighbour: client.Tenant
    # By path, the processes that each deadly request killed.
    victims: dict[str, list[list[int]]]
    # The retry's delivery before the next sweep, and how many of its messages were lost.
    left: dict[str, Any]
    lost: list[int]


# With the seconds that a receiver has to kill its sender.
POISONS = {"sqs": 9, "http": 9, "retry": 4}
EVENTS_HIDDEN_SECONDS = 10
# The retry's lease is its timeout plus ten seconds. As on AWS, where messages are hidden for
# minutes, it is over when the message comes back.
DELIVERIES_HIDDEN_SECONDS = 15
NEIGHBOURS = 5


@pytest.fixture(scope="module")
def poison() -> Iterator[Poison]:
    """At the same time: an event over SQS, an event over HTTP, and a retry. No sweep meanwhile: it
    would send another message for the retry between two of its tries, and one more would be
    killed."""
    with Receiver() as receiver:
        with disturb.no_sweeps(), disturb.hidden_for("EventsQueue", EVENTS_HIDDEN_SECONDS), disturb.hidden_for("DeliveriesQueue", DELIVERIES_HIDDEN_SECONDS):
            seen = _poison(receiver)
        yield seen


def _poison(receiver: Receiver) -> Poison:
    harmless, victims = Event(), {f"/{kind}": [] for kind in POISONS}

    def deadly(request: Request) -> int:
        if not harmless.is_set():
            victims[request.path].append(processes.kill_senders({request.peer}))
        return 200

    processes.bootstraps()  # cached now, so that it is not read while a request waits
    tenants = {kind: client.new_tenant("kuviq") for kind in POISONS}
    for kind, tenant in tenants.items():
        receiver.answer(*([500] if kind == "retry" else []), deadly, path=f"/{kind}")
        tenant.new_webhook(receiver.url(f"/{kind}"), overrides={"timeoutSeconds": POISONS[kind], "retryDelaysSeconds": [1, 1]})
    bystander, published = client.new_tenant("kuviq"), []
    bystander.new_webhook(receiver.url("/bystander"))

    def all_dead() -> bool:
        # Others publish all the time.
        published.append(bystander.publish("item.created", {"number": len(published)}))
        missing = [kind for kind, tenant in tenants.items() if not (lost(tenant) if kind == "retry" else tenant.dead_letters())]
        assert not missing, f"not given up yet: {missing}"
        return True

    # The neighbour's events are in one batch with the event that kills.
    neighbour = client.new_tenant("kuviq")
    neighbour.new_webhook(receiver.url("/neighbour"))

    try:
        for kind in ("http", "retry"):
            tenants[kind].publish("item.created", {"n": 1})
        with disturb.paused("EventsSource"):
            _send_together([tenants["sqs"], *[neighbour] * NEIGHBOURS])
        stack.eventually(all_dead, 120, "all of it to be given up", every=1)
    finally:
        harmless.set()
    letters = {kind: tenant.dead_letters() for kind, tenant in tenants.items()}
    (left,) = tenants["retry"].deliveries()
    return Poison(receiver, tenants, letters, bystander, published, neighbour, victims, left, lost(tenants["retry"]))


def _send_together(tenants: list[client.Tenant]) -> None:
    """One event of each; the messages that wait for a mapping are received in one batch."""
    entries = [
        {"Id": str(n), "MessageBody": client.event_bytes("item.created", {"n": n + 1}, tenantId=tenant.id).decode(), "MessageGroupId": tenant.id}
        for n, tenant in enumerate(tenants)
    ]
    sent = stack.aws("sqs").send_message_batch(QueueUrl=stack.outputs()["eventsQueueUrl"], Entries=entries)
    assert len(sent["Successful"]) == len(tenants), sent


@pytest.mark.alone  # This one kills; the others check the result.
@pytest.mark.parametrize("kind", ["sqs", "http"])
def test_a_message_that_always_kills_the_dispatcher_becomes_an_undeliverable_letter(poison: Poison, kind: str) -> None:
    assert [letter["reason"] for letter in poison.letters[kind]] == ["undeliverable"]
    letter = poison.tenants[kind].dead_letter(poison.letters[kind][0]["id"])
    assert letter["tenantId"] == poison.tenants[kind].id
    killed_within_the_limit(poison, kind)


def killed_within_the_limit(poison: Poison, kind: str) -> None:
    # Fewer than the limit if two of them came to one dispatcher, and one's request killed the
    # other's as well.
    victims, limit = poison.victims[f"/{kind}"], int(stack.parameter("MaxReceiveCount"))
    assert 1 <= len(victims) <= limit and any(victims), f"dispatchers killed at each request: {victims}; the queue gives up after {limit}"


@pytest.mark.alone
def test_a_retry_that_killed_the_dispatcher_until_its_message_died_goes_on(poison: Poison) -> None:
    tenant = poison.tenants["retry"]
    killed_within_the_limit(poison, "retry")
    assert (poison.letters["retry"], poison.lost, poison.left["status"]) == ([], [1], "retrying")

    sweep()

    tenant.wait_for_status(poison.left["eventId"], "completed")
    assert lost(tenant) == [] and tenant.dead_letters() == []


def test_other_tenants_are_served_meanwhile(poison: Poison) -> None:
    def all_delivered() -> bool:
        arrived = {request.headers["webhook-id"] for request in poison.receiver.requests("/bystander")}
        assert set(poison.published) <= arrived, f"{len(set(poison.published) - arrived)} of {len(poison.published)} are missing"
        return True

    assert len(poison.published) >= 5
    stack.eventually(all_delivered, 60, "the bystander's events")
    assert poison.bystander.dead_letters() == []


def test_its_neighbours_in_the_batch_are_delivered_and_do_not_die_with_it(poison: Poison) -> None:
    def all_delivered() -> bool:
        statuses = [delivery["status"] for delivery in poison.neighbour.deliveries()]
        assert statuses == ["completed"] * NEIGHBOURS, statuses
        return True

    stack.eventually(all_delivered, 60, "the neighbour's events")
    # The messages that came back with it every time were delivered all the same.
    assert poison.neighbour.dead_letters() == []
    assert {json.loads(request.body)["data"]["n"] for request in poison.receiver.requests("/neighbour")} == set(range(2, NEIGHBOURS + 2))


@pytest.mark.parametrize("kind", ["sqs", "http"])
def test_its_redrive_delivers_once_it_does_no_harm_any_more(poison: Poison, kind: str) -> None:
    tenant, seen = poison.tenants[kind], len(poison.receiver.requests(f"/{kind}"))
    tenant.redrive(poison.letters[kind][0]["id"]).ok(202)
    request = poison.receiver.wait(seen + 1, 30, f"/{kind}")[-1]
    assert json.loads(request.body)["data"] == {"n": 1}
    assert request.headers["webhook-id"] == poison.receiver.requests(f"/{kind}")[0].headers["webhook-id"]
    stack.eventually(lambda: [d["status"] for d in tenant.deliveries()] == ["completed"], 60, "the delivery to be completed")
