"""Filters: which events of its types a webhook gets. What the receiver got, what the lists count,
and what explain and the filter's own test say are one and the same."""

from typing import Any

import pytest
from support import stack
from support.client import Tenant
from support.receiver import Receiver, Reply

PAID = {"data": {"order": {"state": ["paid"], "total": [{"numeric": [">", 100]}]}}}


def order(state: str = "paid", total: float = 150) -> dict[str, Any]:
    return {"order": {"state": state, "total": total}}


def listed(tenant: Tenant, **query: Any) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in tenant.api.get(tenant.path("/events"), **query).ok()["items"]}


def explained(tenant: Tenant, event: str, webhook: dict[str, Any]) -> dict[str, Any]:
    answer = tenant.api.get(tenant.path(f"/events/{event}/explain"), webhookId=webhook["id"]).ok()
    return answer["webhooks"][0]


def tried(tenant: Tenant, webhook: dict[str, Any], body: dict[str, Any]):
    return tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/filter/test"), body)


def test_a_webhook_gets_only_the_events_that_its_filter_matches(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url("/all"), ["order.*"])
    filtered = tenant.new_webhook(receiver.url("/paid"), ["order.*"], filter=PAID)
    assert filtered["filter"] == PAID
    ids = {name: tenant.publish("order.changed", data) for name, data in {"paid": order(), "open": order("open"), "small": order(total=100)}.items()}

    receiver.wait(3, path="/all")
    (got,) = receiver.wait(1, path="/paid")
    assert got.headers["webhook-id"] == ids["paid"]
    receiver.stays_at(4, path=None)

    for name, event in ids.items():
        expected = ("delivered", "delivered") if name == "paid" else ("not_wanted", "filtered")
        stack.eventually(lambda: (explained(tenant, event, filtered)["result"], explained(tenant, event, filtered)["reason"]) == expected)
    small = explained(tenant, ids["small"], filtered)
    assert small["filterFields"] == [{"field": "data.order.state", "matches": True}, {"field": "data.order.total", "matches": False}]
    assert small["detail"] == "The webhook's filter does not match the event: data.order.total."
    assert "request" not in small and small["nextAttempts"] == []
    assert {one["webhookId"] for one in tenant.deliveries() if one["eventId"] == ids["open"]} != {filtered["id"]}
    assert len([one for one in tenant.deliveries() if one["webhookId"] == filtered["id"]]) == 1


@pytest.mark.parametrize("door", ["http", "sqs"])
def test_an_event_that_every_filter_leaves_out_is_unmatched_and_done(tenant: Tenant, receiver: Receiver, door: str):
    tenant.new_webhook(receiver.url(), ["order.*"], filter=PAID)
    publish = tenant.publish if door == "http" else tenant.publish_sqs
    left_out, wanted = stack.unique(), stack.unique()
    publish("order.changed", order("open"), id=left_out)
    publish("order.changed", order(), id=wanted)
    receiver.wait(1)
    receiver.stays_at(1)

    def is_done() -> bool:
        events = listed(tenant)
        return len(events) == 2 and all(one["state"] == "processed" for one in events.values())

    stack.eventually(is_done)
    assert [(one["webhooks"], one["state"]) for one in (listed(tenant)[wanted], listed(tenant)[left_out])] == [(1, "processed"), (0, "processed")]
    assert set(listed(tenant, matched="false")) == {left_out} and set(listed(tenant, matched="true")) == {wanted}
    stats = tenant.api.get(tenant.path("/stats")).ok()
    assert (stats["unmatchedEvents"], stats["completed"], stats["pending"]) == (1, 1, 0)
    assert [one["eventId"] for one in tenant.deliveries()] == [wanted]
    assert tenant.api.get(tenant.path("/dead-letters")).ok()["items"] == []


def test_data_of_any_size_are_filtered_and_arrive_as_they_came(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), filter={"data": {"items": {"id": [12345678901234567891]}}})
    items = ",".join(f'{{"id": {12345678901234560000 + n}, "n": {n}.50}}' for n in range(6000))
    without, raw = f'{{"items": [{items}]}}', f'{{"items": [{items},{{"id": 12345678901234567891}}]}}'
    assert 200_000 < len(raw) < 256 * 1024
    tenant.publish("a.b", without.encode())
    event = tenant.publish("a.b", raw.encode())
    (got,) = receiver.wait(1)
    assert got.headers["webhook-id"] == event and raw.encode() in got.body
    receiver.stays_at(1)


def test_a_retry_and_a_redrive_are_not_filtered_again(tenant: Tenant, receiver: Receiver):
    receiver.answer(Reply(500))
    webhook = tenant.new_webhook(receiver.url(), filter=PAID, overrides={"retryDelaysSeconds": [2]})
    event = tenant.publish("order.changed", order())
    receiver.wait(1)
    path = tenant.path(f"/webhooks/{webhook['id']}")
    tenant.api.patch(path, {"filter": {"data": ["nothing"]}}).ok()
    receiver.wait(2)

    def dead() -> list[dict[str, Any]]:
        return [one for one in tenant.api.get(tenant.path("/dead-letters")).ok()["items"] if one["eventId"] == event]

    (letter,) = stack.eventually(dead)
    receiver.answer(Reply(200))
    tenant.api.post(tenant.path(f"/dead-letters/{letter['id']}/redrive")).ok(202)
    receiver.wait(3)


def test_a_filter_is_changed_as_a_whole_and_taken_away_by_null(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    assert "filter" not in webhook
    path = tenant.path(f"/webhooks/{webhook['id']}")
    for filter in (PAID, {"type": ["a.b"]}):
        shown = tenant.api.patch(path, {"filter": filter})
        assert shown.ok()["filter"] == filter == tenant.api.get(path).ok()["filter"]
        assert shown.json["lastChange"]["changed"] == ["filter"]
        again = tenant.api.patch(path, {"filter": filter, "name": None})
        assert again.ok()["updatedAt"] == shown.json["updatedAt"]
        assert tenant.api.call("PATCH", path, {"filter": None}, {"if-match": '"stale"'}).status == 412
    assert [one["filter"] for one in tenant.api.get(tenant.path("/webhooks")).ok()["items"]] == [{"type": ["a.b"]}]
    assert "filter" not in tenant.api.patch(path, {"filter": None}).ok()
    event = tenant.publish("c.d")
    assert receiver.wait(1)[0].headers["webhook-id"] == event


def test_a_mistake_in_a_filter_is_told_with_its_place(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), filter=PAID)
    for filter, field in [
        ({"detail": {"a": [1]}}, "filter.detail"),
        ({"data": {"a": "x"}}, "filter.data.a"),
        ({"data": {"a": [{"between": [1, 2]}]}}, "filter.data.a[0].between"),
        ({"data": {"a": ["x" * 2048]}}, "filter"),
        ([], "filter"),
    ]:
        for answer in (
            tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "filter": filter}),
            tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"filter": filter}),
            tried(tenant, webhook, {"event": {"type": "a.b", "data": 1}, "filter": filter}),
        ):
            assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "invalid_pattern", field), answer.json
    two = tenant.api.post(tenant.path("/webhooks"), {"url": "no url", "events": ["*"], "filter": {}})
    assert two.status == 422 and {one["pointer"] for one in two.json["errors"]} >= {"/url", "/filter"}, two.json


def test_a_filter_is_tried_with_an_event_of_the_log_or_one_of_ones_own(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), filter=PAID)
    event = tenant.publish("order.changed", order())
    receiver.wait(1)
    (state, total) = ("data.order.state", "data.order.total")
    both = tried(tenant, webhook, {"eventId": event}).ok()
    assert both == {"matches": True, "fields": [{"field": state, "matches": True}, {"field": total, "matches": True}]}
    own = tried(tenant, webhook, {"event": {"type": "a.b", "data": order("open")}}).ok()
    assert own == {"matches": False, "fields": [{"field": state, "matches": False}, {"field": total, "matches": True}]}
    other = tried(tenant, webhook, {"eventId": event, "filter": {"type": [{"anything-but": "order.changed"}]}}).ok()
    assert other == {"matches": False, "fields": [{"field": "type", "matches": False}]}
    receiver.stays_at(1)

    plain = tenant.new_webhook(receiver.url())
    tenant.api.delete(tenant.path(f"/events/{event}/data")).ok(204)
    for on, body, status, code, field in [
        (webhook, {}, 400, "invalid_request", "event"),
        (webhook, {"eventId": event, "event": {"type": "a.b", "data": 1}}, 400, "invalid_request", "event"),
        (webhook, {"eventId": event}, 409, "event_erased", None),
        (webhook, {"eventId": "nobody-has-this-id"}, 404, "not_found", "eventId"),
        (webhook, {"event": {"type": "a b", "data": 1}}, 422, "invalid_event_type", "event.type"),
        (webhook, {"event": {"type": "a.b"}}, 400, "missing_field", "event.data"),
        (plain, {"event": {"type": "a.b", "data": 1}}, 422, "invalid_value", "filter"),
    ]:
        answer = tried(tenant, on, body)
        assert (answer.status, answer.json["code"], answer.json.get("field")) == (status, code, field), (body, answer.json)


def test_an_erased_event_is_for_no_webhook_with_a_filter(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), filter=PAID)
    event = tenant.publish("order.changed", order("open"))
    stack.eventually(lambda: listed(tenant)[event]["state"] == "processed")
    tenant.api.delete(tenant.path(f"/events/{event}/data")).ok(204)
    assert (listed(tenant)[event]["state"], listed(tenant)[event]["webhooks"]) == ("processed", 0)
    told = explained(tenant, event, webhook)
    assert (told["result"], told["reason"]) == ("not_wanted", "filtered") and "erased" in told["detail"]
    assert "filterFields" not in told


def test_a_test_event_is_not_filtered(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), filter=PAID)
    assert tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/test"), {}).ok()["success"]
