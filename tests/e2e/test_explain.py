"""Explain: for each webhook whether it gets an event and why, what is sent, and when. What it says
is compared with what the receiver got, and nothing is sent or written by asking."""

import json
from datetime import datetime
from typing import Any

from support import client, stack
from support.client import Tenant
from support.receiver import Receiver, Reply

MASK = "***"
# What a request cannot know before it is sent: the signature, and the time of the attempt.
CHANGING = {"webhook-signature", "webhook-timestamp", "x-webhook-timestamp"}
# Added by the HTTP client below Postel.
TRANSPORT = {"host", "content-length", "accept", "connection", "transfer-encoding"}


def draft(tenant: Tenant, type: str = "item.created", data: Any = None, **fields: Any) -> dict[str, Any]:
    return tenant.api.post(tenant.path("/events/explain"), {"type": type, "data": {} if data is None else data} | fields).ok()


def explained(tenant: Tenant, event_id: str, **query: str) -> dict[str, Any]:
    return tenant.api.get(tenant.path(f"/events/{event_id}/explain"), **query).ok()


def of(answer: dict[str, Any], webhook: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in answer["webhooks"] if one["webhookId"] == webhook["id"]]
    return found


def why(answer: dict[str, Any], webhook: dict[str, Any]) -> tuple[str, str]:
    one = of(answer, webhook)
    return one["result"], one["reason"]


def rows(tenant: Tenant) -> list[str]:
    """All that the stack has of a tenant, except how often it called."""
    return sorted(
        repr(sorted((name, value) for name, value in item.items() if name != "last_used_at"))
        for table in ("ConfigTable", "LogTable", "DeadLettersTable")
        for item in stack.scan(table)
        if tenant.id in repr(item) and not item["pk"]["S"].startswith("requests#")
    )


def test_a_draft_says_who_would_get_it_and_sends_and_writes_nothing(tenant: Tenant, receiver: Receiver):
    wants = tenant.new_webhook(receiver.url(), ["item.*"], name="all items", overrides={"retryDelaysSeconds": [5, 60]})
    other = tenant.new_webhook(receiver.url(), ["item.deleted", "order.*"])
    off = tenant.new_webhook(receiver.url(), active=False)
    before = rows(tenant)

    answer = draft(tenant)

    assert [one["webhookId"] for one in answer["webhooks"]] == [off["id"], other["id"], wants["id"]]
    assert "eventId" not in answer and answer["type"] == "item.created" and "hasMore" not in answer
    assert why(answer, wants) == ("pending", "first_attempt")
    assert of(answer, wants)["webhookName"] == "all items"
    assert why(answer, other) == ("not_wanted", "type_not_selected")
    assert of(answer, other)["nearestFilter"] == "item.deleted"
    assert of(answer, other)["detail"] == "The webhook does not subscribe to item.created. The nearest filter is item.deleted."
    assert why(answer, off) == ("not_wanted", "inactive")
    assert off["createdAt"] in of(answer, off)["detail"]
    for one in (other, off):
        assert of(answer, one)["nextAttempts"] == [] and not {"request", "deliveryId", "status", "webhookName"} & of(answer, one).keys()
    first, second, third = [datetime.fromisoformat(at) for at in of(answer, wants)["nextAttempts"]]
    assert [(second - first).total_seconds(), (third - second).total_seconds()] == [5, 60]
    assert draft(tenant, id="order-17")["eventId"] == "order-17"
    receiver.stays_at(0)
    assert rows(tenant) == before and tenant.deliveries() == []


def test_the_request_that_is_explained_is_the_one_that_is_sent(receiver: Receiver):
    for contract in ("standard", "kuviq", "kliq", "kazinex", "inspectorio"):
        tenant = client.new_tenant(contract)
        path = f"/{contract}"
        signs = contract != "inspectorio"
        basic = {"username": "postel", "password": "canary-password"}
        webhook = tenant.new_webhook(
            receiver.url(path), headers={"X-Key": "canary-header"}, basicAuth=basic, **({} if signs else {"secret": None})
        )
        event = {"id": "order-17", "type": "item.created", "data": {"n": 1.50, "text": 'ü "quoted"'}, "timestamp": "2026-01-31T12:00:00Z"}
        raw = json.dumps(event)
        answer = tenant.api.post(tenant.path("/events/explain"), raw)
        told = of(answer.ok(), webhook)["request"]
        assert b"canary" not in answer.raw and webhook.get("secret", "no secret").encode() not in answer.raw

        tenant.api.post(tenant.path("/events"), raw).ok(202)
        (got,) = receiver.wait(1, path=path)

        assert (told["method"], told["url"]) == ("POST", receiver.url(path))
        # A delivery's UUID depends on the time at which the event is accepted.
        known = told["body"] if contract != "inspectorio" else told["body"].replace(json.loads(told["body"])["messageId"], json.loads(got.body)["messageId"])
        assert known.encode() == got.body, contract
        sent = {name.lower(): value for name, value in got.headers.items() if name.lower() not in TRANSPORT}
        shown = {name.lower(): value for name, value in told["headers"].items()}
        assert shown.keys() == sent.keys(), contract
        masked = {name for name, value in shown.items() if value == MASK}
        assert {"x-key", "authorization"} <= masked and all(sent[name] != MASK for name in masked)
        for name in shown.keys() - masked - CHANGING:
            assert shown[name] == sent[name], f"{contract} {name}"
        assert len(masked) == 2 + signs, masked
        assert ("signedText" in told) == signs
        if signs:
            assert told["signedText"].endswith(told["body"])

        tenant.wait_for_status("order-17", "completed")
        after = of(explained(tenant, "order-17"), webhook)
        assert (after["result"], after["status"]) == ("delivered", "completed")
        assert after["request"]["body"].encode() == got.body
        recorded = tenant.delivery(after["deliveryId"])["request"]
        hidden = masked | CHANGING
        assert {n: v for n, v in after["request"]["headers"].items() if n.lower() not in hidden} == {
            n: v for n, v in recorded["headers"].items() if n.lower() not in hidden
        }
        assert all(MASK == value for name, value in after["request"]["headers"].items() if name.lower() in masked)


def test_an_events_webhooks_are_explained_over_its_life(tenant: Tenant, receiver: Receiver):
    receiver.answer(503, path="/retries")
    receiver.answer(410, path="/gone")
    takes = tenant.new_webhook(receiver.url("/takes"))
    retries = tenant.new_webhook(receiver.url("/retries"), overrides={"retryDelaysSeconds": [3000, 600]})
    gone = tenant.new_webhook(receiver.url("/gone"))
    filtered = tenant.new_webhook(receiver.url("/takes"), ["order.*"])
    event_id = tenant.publish("item.created", {"n": 1})
    for webhook, status in ((takes, "completed"), (retries, "retrying"), (gone, "failed")):
        tenant.wait_for_status(event_id, status, webhook["id"])
    later = tenant.new_webhook(receiver.url("/takes"))

    answer = explained(tenant, event_id)

    assert answer["eventId"] == event_id
    assert why(answer, takes) == ("delivered", "delivered") and of(answer, takes)["nextAttempts"] == []
    assert why(answer, retries) == ("due", "retrying")
    delivery = tenant.delivery_of(event_id, retries["id"])
    first, second = of(answer, retries)["nextAttempts"]
    assert first == delivery["nextAttemptAt"]
    assert (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds() == 600
    assert of(answer, retries)["deliveryId"] == delivery["id"] and "The receiver answered 503." in of(answer, retries)["detail"]
    assert why(answer, gone) == ("failed", "gone")
    assert why(answer, filtered) == ("not_wanted", "type_not_selected")
    assert why(answer, later) == ("not_wanted", "created_later")
    assert why(draft(tenant), gone) == ("not_wanted", "disabled")
    assert [one["webhookId"] for one in explained(tenant, event_id, webhookId=gone["id"])["webhooks"]] == [gone["id"]]

    tenant.patch_webhook(retries["id"], active=False)
    assert why(explained(tenant, event_id), retries) == ("due", "webhook_inactive")
    tenant.api.delete(tenant.path(f"/webhooks/{retries['id']}")).ok(204)
    answer = explained(tenant, event_id)
    assert why(answer, retries) == ("due", "webhook_deleted") and answer["webhooks"][-1]["webhookId"] == retries["id"]
    tenant.api.delete(tenant.path(f"/events/{event_id}/data")).ok(204)
    tenant.wait_for_status(event_id, "failed", retries["id"])
    answer = explained(tenant, event_id)
    assert why(answer, retries) == ("failed", "event_erased")
    assert not {"body", "signedText"} & of(answer, takes)["request"].keys()


def test_a_slow_webhook_and_a_test_event_are_told(tenant: Tenant, receiver: Receiver):
    webhook, other = tenant.new_webhook(receiver.url()), tenant.new_webhook(receiver.url("/other"))
    tested = tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/test"), {}).ok()
    event_id = tenant.delivery(tested["deliveryId"])["eventId"]
    answer = explained(tenant, event_id)
    assert why(answer, webhook) == ("delivered", "delivered") and why(answer, other) == ("not_wanted", "test_event")
    key = {"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": f"webhook#{webhook['id']}"}}
    values = {":at": {"N": "1769860800000"}}
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("ConfigTable"), Key=key, UpdateExpression="SET slow_since = :at", ExpressionAttributeValues=values
    )
    slow = of(draft(tenant), webhook)
    assert (slow["result"], slow["reason"]) == ("pending", "slow_lane")
    assert slow["detail"].startswith("The receiver has been slow since 2026-01-31T12:00:00.000Z")


def test_a_draft_is_checked_as_an_event_to_publish(tenant: Tenant):
    path = tenant.path("/events/explain")
    for body, status, code in [
        ("", 400, "empty_body"),
        ("{", 400, "invalid_json"),
        ({"type": "a b", "data": 1}, 422, "invalid_event_type"),
        ({"type": "a.b", "data": 1, "id": "a.b"}, 422, "invalid_event_id"),
        ({"type": "a.b", "data": 1, "tenantId": tenant.id}, 400, "unknown_field"),
        ({"type": "a.b", "data": "x" * 262_144}, 413, "payload_too_large"),
        ({"type": "a.b", "data": "x" * 3_000_000}, 413, "payload_too_large"),
    ]:
        answer = tenant.api.post(path, body)
        assert (answer.status, answer.code) == (status, code)
        same = tenant.api.post(tenant.path("/events"), body)
        assert (same.status, same.code, same.json["detail"]) == (status, code, answer.json["detail"])
    assert tenant.api.post(f"{path}?webhook=x", {"type": "a.b", "data": 1}).code == "unknown_parameter"
    assert tenant.api.get(f"{path}?webhookId=x").code == "unknown_parameter"
    assert tenant.api.get(tenant.path("/events/nobody/explain")).status == 404
    reader = tenant.api.with_key(tenant.new_key(["deliveries:read"])["key"])
    assert reader.post(path, {"type": "a.b", "data": 1}).ok()["webhooks"] == []


def test_an_event_may_be_called_explain(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    assert tenant.api.get(tenant.path("/events/explain")).status == 404
    tenant.publish("item.created", id="explain")
    tenant.wait_for_status("explain", "completed")
    assert tenant.event("explain")["id"] == "explain"
    assert why(explained(tenant, "explain"), webhook) == ("delivered", "delivered")
    refused = tenant.api.put(tenant.path("/events/explain"), {})
    assert (refused.status, sorted(refused.headers["allow"].replace(" ", "").split(","))) == (405, ["GET", "HEAD", "POST"])


def test_large_requests_are_left_out_and_shown_alone(tenant: Tenant):
    webhooks = [tenant.new_webhook(f"https://receiver.example.com/{n}", active=True) for n in range(8)]
    # Quotes take most room in an answer.
    event = {"type": "item.created", "data": '"' * 130_000}
    answer = draft(tenant, **event)
    shown = [one["webhookId"] for one in answer["webhooks"] if "request" in one]
    left_out = [one["webhookId"] for one in answer["webhooks"] if one.get("requestOmitted")]
    assert len(answer["webhooks"]) == len(webhooks) == len(shown) + len(left_out) and shown and left_out
    path = tenant.path(f"/events/explain?webhookId={left_out[-1]}")
    (alone,) = tenant.api.post(path, event).ok()["webhooks"]
    assert '\\"' * 130_000 in alone["request"]["body"]
