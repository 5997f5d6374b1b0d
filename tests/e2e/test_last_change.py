"""Who changed a webhook last, and what: with the webhook, in lists and in explanations."""

import json
from typing import Any

import pytest
from support import client, stack
from support.receiver import Receiver, Reply

URL = "https://hooks.example.com/in"
SECRET = "canary-of-a-value"


def by_key(api: client.Api, name: str | None = None) -> dict[str, Any]:
    found = {"kind": "key", "id": api.key.split("_")[1]}
    return found | {"name": name} if name else found


def session(tenant: client.Tenant) -> tuple[client.Api, str]:
    made = tenant.api.post(tenant.path("/sessions"), {}).ok(201)
    token = tenant.api.with_key(None).post("/v1/sessions/exchange", {"code": made["code"]}).ok(201)["token"]
    return tenant.api.with_key(token), made["id"]


def operator_session(operator: client.Api) -> tuple[client.Api, str]:
    made = operator.post("/v1/sessions", {}).ok(201)
    token = operator.with_key(None).post("/v1/sessions/exchange", {"code": made["code"]}).ok(201)["token"]
    return operator.with_key(token), made["id"]


def place(tenant: client.Tenant, webhook: str) -> dict[str, Any]:
    return {"TableName": stack.resource("ConfigTable"), "Key": {"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": f"webhook#{webhook}"}}}


def rewrite(tenant: client.Tenant, webhook: str, expression: str, **values: Any) -> None:
    stack.aws("dynamodb").update_item(**place(tenant, webhook), UpdateExpression=expression, ExpressionAttributeValues={f":{name}": value for name, value in values.items()})


def test_every_kind_of_caller_is_named_with_what_it_changed(tenant: client.Tenant, operator: client.Api) -> None:
    named = tenant.new_key(client.SCOPES, name="ERP ü 😀")
    key = tenant.api.with_key(named["key"])
    in_portal, portal_id = session(tenant)
    in_console, console_id = operator_session(operator)
    webhook = tenant.new_webhook(URL)
    assert "lastChange" not in webhook and "lastChange" not in tenant.webhook(webhook["id"])
    path = tenant.path(f"/webhooks/{webhook['id']}")
    for api, by, changes, changed in (
        (tenant.api, by_key(tenant.api), {"name": SECRET}, ["name"]),
        (key, by_key(key, "ERP ü 😀"), {"events": ["item.*"], "url": f"{URL}/{SECRET}"}, ["url", "events"]),
        (in_portal, {"kind": "session", "id": portal_id}, {"headers": {"x-token": f"{SECRET}-header"}, "context": {"a": SECRET}}, ["context", "headers"]),
        (operator, {"kind": "operator"}, {"active": False}, ["active"]),
        (in_console, {"kind": "operator", "id": console_id}, {"active": True, "overrides": {"timeoutSeconds": 3}}, ["active", "overrides"]),
        (key, by_key(key, "ERP ü 😀"), {"basicAuth": {"username": SECRET, "password": f"{SECRET}-password"}}, ["basicAuth"]),
    ):
        after = api.patch(path, changes).ok()
        assert after["lastChange"] == {"at": after["updatedAt"], "by": by, "changed": changed}
        # The same in a read, in the list and in what is stored, and never a value.
        assert tenant.webhook(webhook["id"]) == after
        assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == [after]
        assert SECRET not in json.dumps(after["lastChange"])
    row = stack.aws("dynamodb").get_item(**place(tenant, webhook["id"]))["Item"]
    assert SECRET not in json.dumps(row["written"])


def test_what_changes_nothing_leaves_the_last_change_as_it_is(tenant: client.Tenant) -> None:
    webhook = tenant.new_webhook(URL)
    other = tenant.new_key(["webhooks:read", "webhooks:write"])
    first = tenant.patch_webhook(webhook["id"], name="orders")
    path = tenant.path(f"/webhooks/{webhook['id']}")
    # Also what was read, sent back.
    for same in ({}, {"name": "orders"}, first, {"lastChange": {"by": {"kind": "postel"}}}, {"lastChange": None}):
        assert tenant.api.with_key(other["key"]).patch(path, same).ok() == first
    assert tenant.webhook(webhook["id"]) == first


def test_a_rotation_and_the_end_of_older_secrets_are_changes_of_the_secret(tenant: client.Tenant) -> None:
    webhook = tenant.new_webhook(URL)
    path = tenant.path(f"/webhooks/{webhook['id']}")
    rotated = tenant.api.post(f"{path}/secret/rotate").ok()
    assert rotated["lastChange"] == {"at": rotated["updatedAt"], "by": by_key(tenant.api), "changed": ["secret"]}
    assert rotated["secret"] not in json.dumps(rotated["lastChange"])
    other = tenant.new_key(["webhooks:write"], name="rotation")
    key = tenant.api.with_key(other["key"])
    ended = key.delete(f"{path}/secret/previous").ok()
    assert ended["lastChange"] == {"at": ended["updatedAt"], "by": by_key(key, "rotation"), "changed": ["secret"]}
    assert tenant.webhook(webhook["id"]) == ended


def test_postel_says_why_it_switched_a_webhook_off(tenant: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(Reply(410))
    hook = tenant.new_webhook(receiver.url())["id"]
    event = tenant.publish()
    off = stack.eventually(lambda: (found := tenant.webhook(hook))["state"] == "disabled" and found, 60, "it to be disabled")
    assert off["lastChange"] == {"at": off["disabledAt"], "by": {"kind": "postel"}, "changed": ["active"], "reason": "gone"}
    (listed,) = [one for one in tenant.operator.all("/v1/webhooks", state="disabled") if one["id"] == hook]
    assert listed["lastChange"] == off["lastChange"]
    tenant.wait_for_status(event, "failed")
    draft = tenant.api.post(tenant.path("/events/explain"), {"type": "item.created", "data": 1}).ok()["webhooks"]
    assert [(one["reason"], one["lastChange"]) for one in draft] == [("disabled", off["lastChange"])]
    renamed = tenant.patch_webhook(hook, name="orders")
    assert renamed["disabledReason"] == "gone" and renamed["lastChange"]["by"] == by_key(tenant.api)
    assert renamed["lastChange"]["changed"] == ["name"] and "reason" not in renamed["lastChange"]


def test_missing_events_are_explained_by_who_changed_the_event_list(tenant: client.Tenant, receiver: Receiver) -> None:
    webhook = tenant.new_webhook(receiver.url(), ["order.paid"])
    got = tenant.publish("order.paid")
    tenant.wait_for_status(got, "completed")
    erp = tenant.new_key(["webhooks:write"], name="ERP")
    key = tenant.api.with_key(erp["key"])
    key.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"events": ["order.shipped"]}).ok()
    missing = tenant.publish("order.paid")
    change = tenant.webhook(webhook["id"])["lastChange"]
    assert (change["by"], change["changed"]) == (by_key(key, "ERP"), ["events"])

    def explained(event: str) -> dict[str, Any]:
        (one,) = tenant.api.get(tenant.path(f"/events/{event}/explain")).ok()["webhooks"]
        return one

    told = explained(missing)
    assert (told["result"], told["reason"], told["lastChange"]) == ("not_wanted", "type_not_selected", change)
    # Nothing is missing here, whatever was changed since.
    assert explained(got)["reason"] == "delivered" and "lastChange" not in explained(got)
    # Subscribed again: not to what came before.
    tenant.patch_webhook(webhook["id"], events=["order.*"])
    told = explained(missing)
    assert (told["reason"], told["lastChange"]) == ("changed_later", tenant.webhook(webhook["id"])["lastChange"])


def test_a_row_of_a_version_without_authors_has_no_last_change_and_works(tenant: client.Tenant, receiver: Receiver) -> None:
    hook = tenant.new_webhook(receiver.url())["id"]
    changed = tenant.patch_webhook(hook, name="orders")
    # As that version writes it: the author stays in the row, and is no longer who wrote it.
    rewrite(tenant, hook, "SET updated_at = updated_at + :one", one={"N": "5"})
    later = tenant.webhook(hook)
    assert "lastChange" not in later and later["name"] == changed["name"]
    tenant.wait_for_status(tenant.publish(), "completed")
    stack.aws("dynamodb").update_item(**place(tenant, hook), UpdateExpression="REMOVE written")
    assert tenant.webhook(hook) == later
    tenant.wait_for_status(tenant.publish(), "completed")
    assert tenant.patch_webhook(hook, name="bills")["lastChange"]["changed"] == ["name"]


@pytest.mark.parametrize(
    "written",
    [
        {"S": "robot"},
        {"M": {"at": {"N": "1"}, "by": {"M": {"kind": {"S": "robot"}}}, "changed": {"L": []}}},
        {"M": {"at": {"N": "1"}, "by": {"M": {"kind": {"S": "postel"}}}, "changed": {"L": [{"S": "colour"}]}}},
    ],
)
def test_an_author_that_this_version_cannot_read_keeps_nothing_from_being_delivered(tenant: client.Tenant, receiver: Receiver, written: dict[str, Any]) -> None:
    hook = tenant.new_webhook(receiver.url())["id"]
    rewrite(tenant, hook, "SET written = :written", written=written)
    assert "lastChange" not in tenant.webhook(hook)
    tenant.wait_for_status(tenant.publish(), "completed")
    assert tenant.patch_webhook(hook, name="orders")["lastChange"]["changed"] == ["name"]
