"""Erased: nothing is left of an event's content, nor of the responses to it, and nothing of it
is sent any more."""

import json
import time
from typing import Any, Iterator

import pytest
from support import disturb, stack
from support.client import Api, Tenant
from support.receiver import Held, Receiver, Reply

# On one worker with the other tests that disturb the stack: one of these disables the sweeper's own
# schedule.
pytestmark = pytest.mark.xdist_group("alone")


def erase(tenant: Tenant, event_id: str) -> None:
    answer = tenant.api.delete(tenant.path(f"/events/{event_id}/data"))
    assert (answer.status, answer.raw) == (204, b"")


def stored(table: str, marker: str) -> list[str]:
    """The sort keys of the rows that contain a text; data is short here and stored uncompressed."""
    pages = stack.aws("dynamodb").get_paginator("scan").paginate(TableName=stack.resource(table), ConsistentRead=True)
    return [row["sk"]["S"] for page in pages for row in page["Items"] if marker in repr(row)]


def nothing_left(tenant: Tenant, marker: str, event_id: str) -> None:
    assert stored("LogTable", marker) == [] and stored("DeadLettersTable", marker) == []
    assert marker not in json.dumps([tenant.event(event_id), [tenant.delivery(d["id"]) for d in tenant.deliveries()]])


def test_an_erased_event_keeps_its_entries_and_nothing_of_what_was_said(tenant: Tenant, receiver: Receiver):
    marker = stack.unique("marker")
    tenant.new_webhook(receiver.url("/good"))
    tenant.new_webhook(receiver.url("/bad"), overrides={"retryDelaysSeconds": [1]})
    echo = {"location": f"/?of={marker}"}
    receiver.answer(Reply(200, echo, marker.encode()), path="/good")
    receiver.answer(Reply(500, echo, marker.encode()), path="/bad")
    event_id = tenant.publish("item.created", {"n": marker}, context={"who": marker})
    (letter,) = tenant.wait_for_dead_letters(1)
    assert stored("LogTable", marker) != []
    before = tenant.event(event_id)

    erase(tenant, event_id)

    after = tenant.event(event_id)
    assert "data" not in after and "context" not in after and after["erasedAt"]
    assert [after[name] for name in ("id", "type", "timestamp", "acceptedAt")] == [before[name] for name in ("id", "type", "timestamp", "acceptedAt")]
    nothing_left(tenant, marker, event_id)
    for listed in tenant.deliveries():
        shown = tenant.delivery(listed["id"])
        assert listed["erasedAt"] == shown["erasedAt"] == after["erasedAt"]
        assert shown["request"]["url"] and shown["request"]["headers"] and "body" not in shown["request"]
        for attempt in shown["attemptLog"]:
            assert attempt["responseCode"] in (200, 500) and not {"responseBody", "responseHeaders", "truncated"} & set(attempt)
    assert tenant.dead_letter(letter["id"])["erasedAt"] == after["erasedAt"]

    # Neither can be sent again, and erasing again changes nothing.
    for refused in (tenant.redrive(letter["id"]), *(tenant.api.post(tenant.path(f"/deliveries/{d['id']}/retry")) for d in tenant.deliveries())):
        assert (refused.status, refused.code) == (409, "event_erased")
    job = tenant.api.post(tenant.path("/redrives"), {"webhookId": letter["webhookId"]}).ok(202)["id"]
    done = stack.eventually(lambda: ended(tenant, job))
    assert (done["status"], done["done"]) == ("completed", 0)
    sent = len(receiver.requests(None))
    erase(tenant, event_id)
    assert tenant.event(event_id) == after
    stack.for_a_while(lambda: len(receiver.requests(None)) == sent, 1, "nothing to be sent")


def ended(tenant: Tenant, job: str) -> dict[str, Any] | None:
    found = tenant.api.get(tenant.path(f"/redrives/{job}")).ok()
    return None if found["status"] == "running" else found


def test_a_delivery_that_waits_ends_at_once_as_a_dead_letter_that_says_so(kuviq: Tenant, receiver: Receiver):
    marker = stack.unique("marker")
    receiver.answer(Reply(500, {}, marker.encode()))
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3600]})
    event_id = kuviq.publish("item.created", {"n": marker})
    kuviq.wait_for_status(event_id, "retrying")

    erase(kuviq, event_id)

    failed = kuviq.wait_for_status(event_id, "failed", within=60)
    assert failed["errorCode"] == "event_erased" and "nextAttemptAt" not in failed and failed["attempts"] == 1
    (letter,) = kuviq.wait_for_dead_letters(1)
    assert (letter["reason"], letter["deliveryId"]) == ("event_erased", failed["id"])
    refused = kuviq.redrive(letter["id"])
    assert (refused.status, refused.code) == (409, "event_erased")
    nothing_left(kuviq, marker, event_id)
    receiver.stays_at(1, seconds=1)


def test_an_attempt_that_is_under_way_is_recorded_without_what_was_answered(kuviq: Tenant, receiver: Receiver):
    marker = stack.unique("marker")
    answer = Held(Reply(500, {}, marker.encode()))
    receiver.answer(500, answer)
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, 3600]})
    event_id = kuviq.publish("item.created", {"n": marker})
    receiver.wait(2)

    erase(kuviq, event_id)

    answer.let_go()
    # When the attempt's lease is over.
    failed = kuviq.wait_for_status(event_id, "failed", within=60)
    assert failed["attempts"] == 2 and failed["errorCode"] == "event_erased"
    assert [attempt["responseCode"] for attempt in failed["attemptLog"]] == [500, 500]
    nothing_left(kuviq, marker, event_id)
    receiver.stays_at(2, seconds=1)


@pytest.fixture
def sweeps_by_hand_only() -> Iterator[None]:
    with disturb.no_sweeps():
        yield


@pytest.mark.usefixtures("sweeps_by_hand_only")
def test_a_first_attempt_that_is_under_way_is_not_shown_and_is_erased_by_the_sweeper(tenant: Tenant, receiver: Receiver):
    marker = stack.unique("marker")
    answer = Held(Reply(500, {}, marker.encode()))
    receiver.answer(answer)
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3600]})
    event_id = tenant.publish("item.created", {"n": 1})
    receiver.wait(1)

    erase(tenant, event_id)

    answer.let_go()
    # Its sender had read the event before: the attempt is recorded with the response, and shown
    # without it.
    shown = stack.eventually(lambda: tenant.event(event_id)["deliveries"], 60, "the attempt's record")
    assert marker not in json.dumps(tenant.delivery(shown[0]["id"]))
    max_run_time = max(int(stack.parameter("DispatcherTimeoutSeconds")), 30) + 5

    def left_by_a_sweep() -> list:
        stack.invoke("SweeperFunction", {"postel": "sweep"})
        return stored("LogTable", marker)

    # Not before every process that had read it can no longer write it.
    assert left_by_a_sweep() != []
    within = max_run_time + int(stack.parameter("SweepGraceSeconds")) + 15
    stack.eventually(lambda: left_by_a_sweep() == [], within, "the sweeper to erase it", every=1)
    failed = tenant.wait_for_status(event_id, "failed", within=60)
    assert failed["errorCode"] == "event_erased"
    receiver.stays_at(1, seconds=1)


def test_the_dead_letter_of_a_message_that_became_an_event_goes_with_it(operator: Api, receiver: Receiver):
    tenant, marker = Tenant(stack.unique(), "standard", operator, operator), stack.unique("marker")
    tenant.publish_sqs("item.created", {"n": marker})
    letter = stack.eventually(lambda: stored("DeadLettersTable", marker))[0]
    operator.put(f"/v1/tenants/{tenant.id}", {}).ok(201)
    tenant.new_webhook(receiver.url())
    event_id = operator.post(f"/v1/dead-letters/dl_{letter}/redrive").ok(202)["eventId"]
    tenant.wait_for_status(event_id, "completed")

    erase(tenant, event_id)

    nothing_left(tenant, marker, event_id)


def test_events_that_are_not_there_or_are_anothers_are_not_erased(tenant: Tenant, operator: Api, receiver: Receiver):
    mine = tenant.publish("item.created", {"n": 1})
    other = Tenant(stack.unique(), "standard", operator, operator)
    operator.put(f"/v1/tenants/{other.id}", {}).ok(201)
    for path in (tenant.path("/events/unknown/data"), other.path(f"/events/{mine}/data")):
        answer = operator.delete(path)
        assert (answer.status, answer.code) == (404, "not_found")
    without = tenant.api.with_key(tenant.new_key(["deliveries:retry", "events:write"])["key"])
    refused = without.delete(tenant.path(f"/events/{mine}/data"))
    assert (refused.status, refused.code) == (403, "forbidden")
    assert tenant.event(mine)["data"] == {"n": 1}


def test_a_message_from_before_its_tenant_is_erased_with_its_event(operator: Api, receiver: Receiver):
    """The event gets the tenant's time, and so another key than the dead letter."""
    tenant, canary = stack.unique(), stack.unique("canary")
    body = json.dumps({"tenantId": tenant, "type": "a.b", "data": {"said": canary}})
    sent = time.time()
    stack.aws("sqs").send_message(QueueUrl=stack.outputs()["eventsQueueUrl"], MessageBody=body, MessageGroupId=tenant)

    def nobodys() -> str:
        for letter in operator.get("/v1/dead-letters", limit=50).ok()["items"]:
            if canary in operator.get(f"/v1/dead-letters/{letter['id']}").ok().get("message", ""):
                return letter["id"]
        raise AssertionError("it is not there yet")

    letter = stack.eventually(nobodys, 60, "the dead letter")
    # The tenant's log begins a second before its creation.
    stack.eventually(lambda: time.time() > sent + 1.5, 5, "the message to be older than the tenant's log")
    operator.put(f"/v1/tenants/{tenant}", {}).ok(201)
    event = operator.post(f"/v1/dead-letters/{letter}/redrive").ok(202)["eventId"]
    stack.eventually(lambda: operator.get(f"/v1/tenants/{tenant}/events/{event}").ok().get("data"), 60, "the event")
    operator.delete(f"/v1/tenants/{tenant}/events/{event}/data").ok(204)
    rows = [item for table in ("LogTable", "DeadLettersTable") for item in stack.scan(table)]
    assert not [row for row in rows if canary in json.dumps(row, default=str)]


def test_all_events_of_an_id_that_was_used_again_are_erased(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    canaries = [stack.unique("canary") for _ in range(3)]
    deliveries = []
    for number, canary in enumerate(canaries):
        tenant.publish(data={"said": canary}, id="order-1")
        receiver.wait(number + 1)
        tenant.wait_for_status("order-1", "completed")
        deliveries.append(tenant.delivery_of("order-1")["id"])
        # A day passes.
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("LogTable"),
            Key={"pk": {"S": f"{tenant.id}#id#order-1"}, "sk": {"S": "id"}},
            UpdateExpression="SET repeat_until = :over",
            ExpressionAttributeValues={":over": {"N": str(int(time.time()) - 10)}},
        )
    assert len(set(deliveries)) == 3
    tenant.api.delete(tenant.path("/events/order-1/data")).ok(204)
    rows = json.dumps([item for table in ("LogTable", "DeadLettersTable") for item in stack.scan(table, tenant.id)], default=str)
    assert [canary for canary in canaries if canary in rows] == []
    for delivery in deliveries:
        assert tenant.api.post(tenant.path(f"/deliveries/{delivery}/retry")).code == "event_erased"
    receiver.stays_at(3, 1)


# Turns the sweeps off.
@pytest.mark.alone
def test_an_event_whose_retention_ends_after_it_was_erased_leaves_the_sweepers_index(tenant: Tenant, receiver: Receiver):
    """It blocked everything that was due behind it."""
    tenant.new_webhook(receiver.url())
    event = tenant.publish()
    tenant.wait_for_status(event, "completed")
    with disturb.no_sweeps():
        tenant.api.delete(tenant.path(f"/events/{event}/data")).ok(204)
        (row,) = [item for item in stack.scan("LogTable", tenant.id) if "due_at" in item]
        key = {"pk": row["pk"], "sk": row["sk"]}
        past = {":past": {"N": "1"}, ":over": {"N": str(int(time.time()) - 10)}}
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("LogTable"), Key=key, UpdateExpression="SET due_at = :past, expires_at = :over", ExpressionAttributeValues=past
        )
        began = time.monotonic()
        stack.invoke("SweeperFunction", {"postel": "sweep"})
        assert time.monotonic() - began < 15
    after = stack.aws("dynamodb").get_item(TableName=stack.resource("LogTable"), Key=key, ConsistentRead=True)["Item"]
    assert not {"due_at", "due_shard"} & after.keys()
