"""The catalogue of event types: the operator writes it, tenants read it, envelopes and test events
use it."""

import json
from urllib.parse import quote

import pytest
from support import stack
from support.client import Api, Tenant, new_tenant
from support.receiver import Receiver


def test_the_operator_writes_the_catalogue_and_tenants_read_it(operator: Api, tenant: Tenant):
    event_type = stack.unique("door.opened")
    example = {"door": "D-1", "by": None, "n": [1, 2.5]}
    entry = {"name": "A door was opened", "description": "Sent for each door.", "group": "doors", "example": example}

    made = operator.put(f"/v1/event-types/{event_type}", entry).ok(201)

    assert made == {"type": event_type} | entry
    for api in (operator, tenant.api):
        assert api.get(f"/v1/event-types/{event_type}").ok() == made
        assert made in api.all("/v1/event-types")
    for method in ("PUT", "DELETE"):
        refused = tenant.api.call(method, f"/v1/event-types/{event_type}", entry if method == "PUT" else None)
        assert (refused.status, refused.code) == (403, "forbidden"), method
    # PUT replaces: a member that is left out counts as never set.
    assert operator.put(f"/v1/event-types/{event_type}", {"name": "Opened"}).ok(200) == {"type": event_type, "name": "Opened"}
    assert operator.delete(f"/v1/event-types/{event_type}").status == 204
    for api in (operator, tenant.api):
        assert api.get(f"/v1/event-types/{event_type}").status == 404
    assert operator.delete(f"/v1/event-types/{event_type}").status == 404
    # The catalogue describes types, it does not permit them.
    assert tenant.publish(event_type)


@pytest.mark.parametrize("event_type", ["a b", "a*", "a" * 257, "gr\u00fcn"])
def test_a_type_that_no_event_can_have_is_not_taken_into_the_catalogue(operator: Api, event_type: str):
    answer = operator.put(f"/v1/event-types/{quote(event_type)}", {"name": "x"})

    assert (answer.status, answer.code) == (422, "invalid_event_type"), answer


MISTAKES = {"a number": ({"name": 1}, 400), "too long": ({"name": "x" * 1025}, 422), "unknown": ({"colour": "blue"}, 400), "no object": ([], 400)}


@pytest.mark.parametrize("entry, status", MISTAKES.values(), ids=MISTAKES)
def test_an_entry_with_a_mistake_is_refused_and_leaves_no_trace(operator: Api, entry: object, status: int):
    event_type = stack.unique("door.broken")

    assert operator.put(f"/v1/event-types/{event_type}", entry).status == status
    assert operator.get(f"/v1/event-types/{event_type}").status == 404


def test_an_example_is_sent_as_it_was_written(operator: Api, tenant: Tenant, receiver: Receiver):
    event_type = stack.unique("door.opened")
    example = b'{"z":1.0, "a":"\\u00e9", "big":12345678901234567890123}'
    operator.call("PUT", f"/v1/event-types/{event_type}", b'{"example":' + example + b"}").ok(201)
    webhook = tenant.new_webhook(receiver.url())

    tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/test"), {"type": event_type}).ok()

    assert receiver.wait(1)[0].body.endswith(b',"data":' + example + b"}")


def test_the_log_shows_the_name_that_was_sent_after_the_catalogue_was_changed(operator: Api, receiver: Receiver):
    """A thin envelope contains the catalogue's name of the type; the log shows what was sent,
    not what would be sent now."""
    event_type = stack.unique("report.ready")
    operator.put(f"/v1/event-types/{event_type}", {"name": "The first name"}).ok(201)
    tenant = new_tenant("inspectorio")
    tenant.new_webhook(receiver.url(), secret=None)
    event_id = tenant.publish(event_type, {"resourceId": 1, "path": "/1"})
    before = tenant.wait_for_status(event_id, "completed")
    (request,) = receiver.wait(1)
    assert json.loads(request.body)["eventName"] == "The first name"
    assert before["request"]["body"].encode() == request.body

    operator.put(f"/v1/event-types/{event_type}", {"name": "The second name"}).ok(200)
    assert tenant.delivery(before["id"])["request"]["body"].encode() == request.body
    operator.delete(f"/v1/event-types/{event_type}")
    assert tenant.delivery(before["id"])["request"]["body"].encode() == request.body


# ---- Which types a webhook selects ------------------------------------------------------------


def test_a_webhook_gets_the_types_and_components_that_it_asks_for(tenant: Tenant, receiver: Receiver):
    filters = {
        "/all": ["*"],
        "/item": ["item.*"],
        "/cv": ["cv.*"],
        "/cv.job": ["cv.job.*"],
        "/exact": ["item.created", "cv.job.failed"],
        "/twice": ["item.*", "item.created", "*"],
    }
    items = ["item.created", "item.status.changed", "items.created", "item", "Item.created"]
    published = [*items, "cv.job.completed", "cv.job.failed", "cv.jobs.failed"]
    for path, events in filters.items():
        tenant.new_webhook(receiver.url(path), events)

    for event_type in published:
        tenant.publish(event_type)

    expected = {
        "/all": published,
        "/item": ["item.created", "item.status.changed"],
        "/cv": ["cv.job.completed", "cv.job.failed", "cv.jobs.failed"],
        "/cv.job": ["cv.job.completed", "cv.job.failed"],
        "/exact": ["item.created", "cv.job.failed"],
        "/twice": published,
    }
    for path, types in expected.items():
        got = receiver.wait(len(types), path=path)
        assert sorted(json.loads(r.body)["type"] for r in got) == sorted(types), path
    receiver.stays_at(sum(map(len, expected.values())), seconds=1, path=None)


def test_subscriptions_can_be_added_after_creation_and_not_all_taken_away(receiver: Receiver):
    kazinex = new_tenant("kazinex")
    webhook = kazinex.new_webhook(receiver.url(), ["workflow.created"], secret="s")
    kazinex.publish("document.created")

    kazinex.patch_webhook(webhook["id"], events=["workflow.created", "document.*"])

    kazinex.publish("document.created", {"n": 2})
    (request,) = receiver.wait(1)
    assert json.loads(request.body)["data"] == {"n": 2}, "an event published before was not selected"
    for events, status in (([], 422), (["*.created"], 422), (["a b"], 422), ([""], 422), (["**"], 422), (None, 400)):
        refused = kazinex.api.patch(kazinex.path(f"/webhooks/{webhook['id']}"), {"events": events})
        assert refused.status == status and refused.json["field"].split("[")[0] == "events", events
    assert kazinex.webhook(webhook["id"])["events"] == ["workflow.created", "document.*"]


def test_inspectorios_inactive_webhook_is_listed_and_a_deleted_ones_data_stays(receiver: Receiver):
    inspectorio = new_tenant("inspectorio")
    webhook = inspectorio.new_webhook(receiver.url(), ["report.*"], secret=None, name="Reports")
    assert webhook["active"] is True, "created active"
    event_id = inspectorio.publish("report.created", {"resourceId": 1, "path": "/1"})
    old = inspectorio.wait_for_status(event_id, "completed")

    inspectorio.patch_webhook(webhook["id"], active=False)
    inspectorio.publish("report.created", {"resourceId": 2, "path": "/2"})
    receiver.stays_at(1, seconds=1)
    assert [(w["id"], w["active"]) for w in inspectorio.api.get(inspectorio.path("/webhooks")).ok()["items"]] == [(webhook["id"], False)]

    assert inspectorio.api.delete(inspectorio.path(f"/webhooks/{webhook['id']}")).status == 204
    assert inspectorio.api.get(inspectorio.path("/webhooks")).ok()["items"] == []
    inspectorio.publish("report.created", {"resourceId": 3, "path": "/3"})
    receiver.stays_at(1, seconds=1)
    assert inspectorio.delivery(old["id"]) == old
    assert [d["id"] for d in inspectorio.deliveries(webhookId=webhook["id"])] == [old["id"]]
