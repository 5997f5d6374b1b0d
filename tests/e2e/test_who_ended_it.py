"""The operational events of an end say who caused it: of a webhook, a key and a redrive, alone and
with their tenant. The deleted row tells it, so its author is written before the deletion."""

import contextlib
from typing import Any, Iterator

import pytest

from support import client, function_process, operational_events, stack
from support.client import Tenant
from support.function_process import Function
from support.operational_events import Operators
from support.receiver import Receiver
from test_operational_events import operators, sees_the_documented_members  # noqa: F401  fixtures

# On one worker: while the operator's tenant exists, it gets the events about all tenants.
pytestmark = pytest.mark.xdist_group("operational events")

OPERATOR = {"kind": "operator", "id": None}
URL = "https://hooks.example.com/in"


def of_key(key: str) -> dict[str, str]:
    return {"kind": "key", "id": key.split("_")[1]}


def opened(session: dict[str, Any]) -> client.Api:
    """The API with the token of a session."""
    answer = client.Api(stack.outputs()["apiUrl"], None).post("/v1/sessions/exchange", {"code": session["code"]})
    return client.operator().with_key(answer.ok(201)["token"])


# ---- By whom -------------------------------------------------------------------------------------


def test_a_deletion_names_the_key_the_session_or_the_operator(operators: Operators, tenant: Tenant) -> None:
    session = tenant.api.post(tenant.path("/sessions"), {"scopes": ["webhooks:read", "webhooks:write"]}).ok(201)
    of_session = {"kind": "session", "id": session["id"]}
    for api, by in ((tenant.api, of_key(tenant.api.key)), (opened(session), of_session), (tenant.operator, OPERATOR)):
        webhook = tenant.new_webhook(URL)
        api.delete(tenant.path(f"/webhooks/{webhook['id']}")).ok(204)
        operators.wait(tenant.id, "webhook.deleted", webhookId=webhook["id"], by=by)
    # A key that deletes itself.
    own = tenant.new_key(["keys"])
    client.operator().with_key(own["key"]).delete(tenant.path(f"/keys/{own['id']}")).ok(204)
    operators.wait(tenant.id, "key.deleted", keyId=own["id"], reason="deleted", by=of_key(own["key"]))
    assert operators.repeated(tenant.id) == {}


def test_what_is_deleted_with_its_tenant_names_who_deleted_the_tenant(operators: Operators, receiver: Receiver) -> None:
    tenant = client.new_tenant()
    receiver.answer(500)
    webhooks = [tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})["id"] for _ in range(2)]
    tenant.publish()
    tenant.wait_for_dead_letters(2)
    job = tenant.api.post(tenant.path("/redrives"), {"ratePerSecond": 1}).ok(202)
    session = client.operator().post("/v1/sessions", {}).ok(201)
    by = {"kind": "operator", "id": session["id"]}
    opened(session).delete(f"/v1/tenants/{tenant.id}").ok(204)
    for webhook in webhooks:
        operators.wait(tenant.id, "webhook.deleted", webhookId=webhook, by=by)
    operators.wait(tenant.id, "key.deleted", keyId=tenant.api.key.split("_")[1], reason="deleted", by=by)
    operators.wait_for_a_later_change()
    # It may have ended before its tenant did.
    assert all(body["by"] == by for body in operators.bodies(tenant.id, "redrive.stopped") if body["redriveId"] == job["id"])
    assert operators.repeated(tenant.id) == {}


def test_a_caller_who_may_not_delete_it_is_never_named(operators: Operators, tenant: Tenant) -> None:
    """A precondition that does not hold, and a key that is gone when it writes."""
    webhook = tenant.new_webhook(URL)
    path = tenant.path(f"/webhooks/{webhook['id']}")
    assert tenant.api.call("DELETE", path, headers={"if-match": '"0"'}).status == 412
    assert "deleted_by" not in operational_events.webhook_row(tenant.id, webhook["id"])
    tenant.operator.delete(path).ok(204)
    operators.wait(tenant.id, "webhook.deleted", webhookId=webhook["id"], by=OPERATOR)


# ---- A crash between the steps -------------------------------------------------------------------


@contextlib.contextmanager
def manage_that_deletes_nothing() -> Iterator[Function]:
    """It dies between the note and the deletion: each transaction that deletes is refused."""

    def refuse(action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        deletes = action == "TransactWriteItems" and any("Delete" in item for item in asked["TransactItems"])
        return (500, {"__type": "InternalServerError", "message": "refused by the test"}) if deletes else None

    with function_process.running("manage", refuse) as manage:
        yield manage


def test_a_deletion_that_was_cut_short_is_no_event_and_names_who_ends_it(operators: Operators, tenant: Tenant) -> None:
    webhook, key = tenant.new_webhook(URL), tenant.new_key(["webhooks:read"])
    paths, shown = (tenant.path(f"/webhooks/{webhook['id']}"), tenant.path(f"/keys/{key['id']}")), tenant.webhook(webhook["id"])
    with manage_that_deletes_nothing() as manage:
        for path in paths:
            assert manage.call("DELETE", path).status == 503
    assert operational_events.webhook_row(tenant.id, webhook["id"])["deleted_by"] == {"M": {"kind": {"S": "operator"}}}
    # A note is no change: nothing is shown of it, and a later change is its owner's.
    assert tenant.webhook(webhook["id"]) == shown
    tenant.patch_webhook(webhook["id"], name="later")
    by = of_key(tenant.api.key)
    operators.wait(tenant.id, "webhook.updated", webhookId=webhook["id"], changed=["name"], by=by)
    assert operators.bodies(tenant.id, "webhook.deleted", "key.deleted") == []
    for path in paths:
        tenant.api.delete(path).ok(204)
    operators.wait(tenant.id, "webhook.deleted", webhookId=webhook["id"], by=by)
    operators.wait(tenant.id, "key.deleted", keyId=key["id"], by=by)
    operators.wait_for_a_later_change()
    assert len(operators.bodies(tenant.id, "webhook.deleted", "key.deleted")) == 2


def test_a_tenants_deletion_that_was_cut_short_stays_its_first_authors(operators: Operators) -> None:
    tenant = client.new_tenant()
    webhook = tenant.new_webhook(URL)
    with manage_that_deletes_nothing() as manage:
        assert manage.call("DELETE", f"/v1/tenants/{tenant.id}").status == 503
    operators.wait_for_a_later_change()
    assert operators.bodies(tenant.id, "webhook.deleted", "key.deleted") == []
    session = client.operator().post("/v1/sessions", {}).ok(201)
    opened(session).put(f"/v1/tenants/{tenant.id}", {"contract": "standard"}).ok(201)
    operators.wait(tenant.id, "webhook.deleted", webhookId=webhook["id"], by=OPERATOR)
    operators.wait(tenant.id, "key.deleted", keyId=tenant.api.key.split("_")[1], by=OPERATOR)
    assert operators.repeated(tenant.id) == {}
