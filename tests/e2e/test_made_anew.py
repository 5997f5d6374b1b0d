"""A tenant that is created with the id of a deleted one gets nothing of it: neither its log, nor
its dead letters, nor its messages in a queue.

Log and dead letters are stored under the tenant's id and outlive the tenant, so each of these
tests first shows what the old tenant could do.
"""

import dataclasses
import json
import time

import pytest
from support import dead_letters, disturb, stack
from support.client import SCOPES, Tenant
from support.receiver import Receiver


def made_anew(tenant: Tenant, **fields) -> Tenant:
    """The tenant deleted, and created again at once, with a new key."""
    tenant.operator.delete(tenant.path()).ok(204)
    return made(tenant, **fields)


def made(tenant: Tenant, **fields) -> Tenant:
    tenant.operator.put(tenant.path(), {"contract": tenant.contract} | fields).ok(201)
    key = tenant.operator.post(tenant.path("/keys"), {"scopes": SCOPES}).ok(201)["key"]
    return dataclasses.replace(tenant, api=tenant.operator.with_key(key))


def test_it_sees_nothing_of_what_the_old_one_sent(kuviq: Tenant, receiver: Receiver) -> None:
    receiver.answer(400)
    kuviq.new_webhook(receiver.url())
    event = kuviq.publish(data={"of": "the old one"}, id="order-1")
    [letter] = kuviq.wait_for_dead_letters()
    delivery = kuviq.delivery_of(event)["id"]
    job = kuviq.api.post(kuviq.path("/redrives"), {"type": "nothing.of.the.kind"}).ok(202)["id"]
    # An event published just before the deletion is old as well.
    last = kuviq.publish()

    anew = made_anew(kuviq)
    for api in (anew.api, anew.operator):
        seen = {what: api.get(anew.path(f"/{what}")).ok()["items"] for what in ("deliveries", "dead-letters", "redrives")}
        assert seen == {"deliveries": [], "dead-letters": [], "redrives": []}
        assert api.get(anew.path("/deliveries"), since="2020-01-01T00:00:00Z").ok()["items"] == []
        stats = api.get(anew.path("/stats"), since="2020-01-01T00:00:00Z").ok()
        assert [stats[count] for count in ("pending", "completed", "failed", "inProgress")] == [0, 0, 0, 0]
        assert api.post(anew.path("/redrives"), {"dryRun": True}).ok()["count"] == 0
        tried = {
            "event": api.get(anew.path(f"/events/{event}")),
            "last event": api.get(anew.path(f"/events/{last}")),
            "erasing": api.delete(anew.path(f"/events/{event}/data")),
            "delivery": api.get(anew.path(f"/deliveries/{delivery}")),
            "retry": api.post(anew.path(f"/deliveries/{delivery}/retry")),
            "letter": api.get(anew.path(f"/dead-letters/{letter['id']}")),
            "redrive": api.post(anew.path(f"/dead-letters/{letter['id']}/redrive")),
            "deleting": api.delete(anew.path(f"/dead-letters/{letter['id']}")),
            "job": api.get(anew.path(f"/redrives/{job}")),
            "stopping": api.delete(anew.path(f"/redrives/{job}")),
        }
        assert {what: answer.status for what, answer in tried.items()} == dict.fromkeys(tried, 404)
    # The operator's own list still has it.
    assert anew.operator.get(f"/v1/dead-letters/{letter['id']}").ok()["id"] == letter["id"]


def test_it_sees_what_it_sends_itself_from_its_first_moment_on(tenant: Tenant, receiver: Receiver) -> None:
    tenant.new_webhook(receiver.url())
    tenant.publish(id="order-1", data={"of": "the old one"})
    anew = made_anew(tenant)
    anew.new_webhook(receiver.url())
    # The old tenant's id is free: over HTTP, where it would be rejected, and over SQS.
    assert anew.api.post(anew.path("/events"), {"type": "item.created", "data": {}, "id": "order-1"}).ok(202)["duplicate"] is False
    anew.publish_sqs(id="order-2")
    for event in ("order-1", "order-2"):
        stack.eventually(lambda event=event: anew.api.get(anew.path(f"/events/{event}")).status == 200, 60, "the event")
        anew.wait_for_status(event, "completed")
    assert len(anew.deliveries()) == 2


@pytest.mark.parametrize("how", ["an event", "a stored event"])
def test_what_the_old_one_left_in_the_queue_reaches_none_of_its_webhooks(how: str, tenant: Tenant, receiver: Receiver) -> None:
    old, sent = tenant.publish(data={"of": "the old one"}), int(time.time() * 1000)
    anew = made_anew(tenant)
    anew.new_webhook(receiver.url())
    made_at = time.time()
    bodies = {
        "an event": {"tenantId": tenant.id, "type": "item.created", "data": {"of": "the old one"}},
        "a stored event": {"tenantId": tenant.id, "stored": old.removeprefix("evt_")},
    }
    # A publisher may use the old event's name today.
    when = [sent] if how == "an event" else [sent, int(time.time() * 1000)]
    records = [stack.sqs_record(json.dumps(bodies[how]), sent_ms=at) for at in when]
    # A dispatcher that delivered the old event may cache the old tenant for a while, for messages
    # that are as old.
    stack.forgotten_by_all(made_at)
    assert not stack.invoke_with(records).get("batchItemFailures")
    assert receiver.requests() == []
    assert anew.dead_letters() == [] and anew.deliveries() == []
    told = [anew.operator.get(f"/v1/dead-letters/{dead_letters.id_of(record)}").ok() for record in records]
    assert all(one["reason"] == "unknown_tenant" and "tenantId" not in one for one in told), told


@pytest.mark.parametrize("deletion", ["whole", "cut short"])
def test_a_redrive_of_the_old_one_stops_with_it(deletion: str, kuviq: Tenant, receiver: Receiver) -> None:
    receiver.answer(400)
    kuviq.new_webhook(receiver.url())
    # More than two jobs redrive, one letter a second each, until the tenant is created again.
    kuviq.api.post(kuviq.path("/events/batch"), {"events": [{"type": "item.created", "data": {}}] * 40}).ok(202)
    kuviq.wait_for_dead_letters(40, within=60)
    for _ in range(2):
        kuviq.api.post(kuviq.path("/redrives"), {"ratePerSecond": 1}).ok(202)
    if deletion == "cut short":
        kuviq.mark_as_being_deleted()
        anew = made(kuviq)
    else:
        anew = made_anew(kuviq)
    rows = [row for row in stack.scan("DeadLettersTable") if row["pk"]["S"] == f"jobs#{kuviq.id}"]
    assert [row["status"]["S"] for row in rows] == ["cancelled"] * 2
    for _ in range(2):
        anew.api.post(anew.path("/redrives"), {"type": "nothing.of.the.kind"}).ok(202)


# Pauses the queue that all share.
@pytest.mark.alone
def test_nobody_puts_back_into_it_what_was_for_the_old_one(tenant: Tenant, receiver: Receiver) -> None:
    tenant.new_webhook(receiver.url("/old"))
    tenant.publish_sqs(data={"v": 1}, id="same")
    receiver.wait(1, path="/old")
    tenant.publish_sqs(data={"v": "the old one's"}, id="same")
    [proven] = tenant.wait_for_dead_letters()
    # A message that waits in the queue while its tenant is deleted and created again belongs to no
    # tenant.
    with disturb.paused("EventsSource"):
        tenant.publish_sqs(data={"v": "the old one's"}, id="waits")
        anew = made_anew(tenant)
    anew.new_webhook(receiver.url("/new"))

    def nobodys() -> str:
        for letter in anew.operator.get("/v1/dead-letters", limit=50).ok()["items"]:
            message = anew.operator.get(f"/v1/dead-letters/{letter['id']}").ok().get("message", "")
            if tenant.id in message and "waits" in message:
                return letter["id"]
        raise AssertionError("it is not there yet")

    for letter in (proven["id"], stack.eventually(nobodys, 60, "the letter of the message that waited")):
        refused = anew.operator.post(f"/v1/dead-letters/{letter}/redrive")
        assert (refused.status, refused.code) == (409, "not_redrivable") and "earlier tenant" in refused.json["detail"]
    receiver.stays_at(0, 1, path="/new")
