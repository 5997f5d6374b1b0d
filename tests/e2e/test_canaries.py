"""A secret of every kind on every route, including places where it does not belong.

The client searches each response of this and every other test (support/canaries.py), and
tests/afterwards searches everything that the whole run left.
"""

import base64
import json
import secrets
from typing import Any

import pytest
from support import canaries, stack
from support.client import Api, Tenant
from support.receiver import Receiver, Reply, Request


def canary(kind: str, prefix: str = "") -> str:
    text = f"{prefix}canary-{secrets.token_hex(12)}"
    canaries.note(kind, text)
    return text


def whsec() -> str:
    text = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    canaries.note("webhook's secret", text)
    return text


def echo(status: int):
    """Sends back the whole request, as debugging receivers do, including the credentials."""

    def answer(request: Request) -> Reply:
        told = {"headers": request.headers, "body": request.body.decode()}
        return Reply(status, {"x-request-id": request.headers.get("authorization", "")}, json.dumps(told).encode())

    return answer


@pytest.fixture
def furnished(tenant: Tenant, receiver: Receiver) -> dict[str, Any]:
    """Webhooks with credentials of every kind, whose receivers send back the request."""
    found = {}
    for name, status in (("good", 200), ("bad", 400), ("later", 500), ("much-later", 500)):
        receiver.answer(echo(status), path=f"/{name}")
        delays = {"bad": [], "later": [1], "much-later": [3000]}.get(name, [])
        found[name] = tenant.new_webhook(
            receiver.url(f"/{name}"),
            [f"{name}.*"],
            secret=whsec(),
            basicAuth={"username": "postel", "password": canary("Basic password")},
            headers={"x-token": canary("webhook's header"), "x-bearer": f"Bearer {canary('webhook header token')}"},
            overrides={"timeoutSeconds": 5, "retryDelaysSeconds": delays},
        )
    return found


def test_no_answer_shows_a_secret_of_any_kind_on_any_way(operator: Api, tenant: Tenant, receiver: Receiver, furnished: dict[str, Any]):
    events = {name: tenant.publish(f"{name}.x", {"n": 1}) for name in furnished}
    tenant.publish_sqs("good.by-sqs", {"n": 2})
    ends = {"good": "completed", "bad": "failed", "later": "failed", "much-later": "retrying"}
    deliveries = {name: tenant.wait_for_status(event, ends[name]) for name, event in events.items()}
    letter = next(l for l in tenant.wait_for_dead_letters(2) if l["webhookId"] == furnished["bad"]["id"])
    tenant.redrive(letter["id"]).ok(202)
    tenant.api.post(tenant.path(f"/deliveries/{deliveries['good']['id']}/retry")).ok(202)
    tenant.api.post(tenant.path(f"/webhooks/{furnished['good']['id']}/test"), {}).ok()
    rotate_and_patch(tenant, furnished["good"]["id"])
    tenant.publish("good.after-rotation")
    put_where_they_do_not_belong(operator, tenant, furnished["good"]["id"])
    receiver.wait(5, path="/good")
    receiver.wait(2, path="/bad")
    read_everything(operator, tenant)

    for name, delivery in deliveries.items():
        shown = tenant.delivery(delivery["id"])
        # The receiver's response is stored, except for the credentials in it.
        assert "***" in json.dumps(shown["attemptLog"]) and "webhook-signature" in json.dumps(shown["attemptLog"]), name
    stack.drop_schedules({deliveries["much-later"]["id"]})


def rotate_and_patch(tenant: Tenant, webhook: str) -> None:
    path = tenant.path(f"/webhooks/{webhook}")
    tenant.api.post(f"{path}/secret/rotate", {}).ok()
    tenant.api.post(f"{path}/secret/rotate", {"secret": whsec()}).ok()
    tenant.api.patch(path, {"basicAuth": {"username": "other", "password": canary("Basic password")}}).ok()
    tenant.api.patch(path, {"headers": {"x-token": canary("webhook's header"), "x-bearer": None}}).ok()


def put_where_they_do_not_belong(operator: Api, tenant: Tenant, webhook: str) -> None:
    """Invalid requests: none of their secrets may be in a response, or be stored."""
    nobody, key = tenant.api.with_key(None), tenant.new_key(["webhooks:read"])["key"]
    hooks, url = tenant.path("/webhooks"), "https://receiver.example.com/"
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for answer in (
        nobody.get(f"{hooks}?key={key}"),
        nobody.get(f"/v1/tenants/{key}/webhooks"),
        nobody.call("GET", hooks, None, {"x-api-key": key}),
        nobody.call("GET", hooks, None, {"authorization": f"Basic {basic}"}),
        nobody.call("GET", hooks, None, {"authorization": f"Token {key}"}),
        nobody.call("GET", hooks, None, {"authorization": f"Bearer {key}{key}"}),
        nobody.call("POST", tenant.path("/events"), {"type": "a", "data": 1, "key": key}),
    ):
        assert answer.status == 401
    for path in (f"/keys/{key}", f"/webhooks/{key}", f"/deliveries/{key}", f"/events/{key}", f"/dead-letters/{key}", f"/redrives/{key}", f"/{key}"):
        assert tenant.api.call("DELETE" if "keys" in path else "GET", tenant.path(path)).status == 404
    for name in ("cursor", "status", "since", "limit", "webhookId"):
        assert tenant.api.get(tenant.path("/deliveries"), **{name: key}).status == 400, name
    for body in (
        {"url": url, "events": ["*"], "secret": canary("webhook's secret", "not base64 ")},
        {"url": url, "events": ["*"], "secret": [canary("webhook's secret")]},
        {"url": f"https://u:{canary('Basic password')}@receiver.example.com/", "events": ["*"]},
        {"url": url, "events": ["*"], "basicAuth": {"username": "a:b", "password": canary("Basic password")}},
        {"url": url, "events": ["*"], "basicAuth": {"username": "a", "password": f"{canary('Basic password')}\n"}},
        {"url": url, "events": ["*"], "basicAuth": canary("Basic password")},
        {"url": url, "events": ["*"], "headers": {"x-bad": f"{canary('header of a webhook')}\r\nx: y"}},
        {"url": url, "events": ["*"], "headers": {"host": canary("header of a webhook")}},
        {"url": url, "events": [canary("webhook's secret")], "active": "no"},
    ):
        for answer in (tenant.api.post(hooks, body), tenant.api.patch(f"{hooks}/{webhook}", body)):
            assert 400 <= answer.status < 500, answer
    for body, status in (
        ({"secret": canary("webhook's secret", "not base64 ")}, 422),
        ({"secret": {"a": canary("webhook's secret")}}, 400),
        ({"overlapSeconds": canary("webhook's secret")}, 400),
    ):
        assert tenant.api.post(f"{hooks}/{webhook}/secret/rotate", body).status == status, body
    assert operator.put(f"/v1/tenants/{tenant.id}", {"publishers": [f"a:{canary('operator text')}"]}).status == 422


def read_everything(operator: Api, tenant: Tenant) -> None:
    """Every list and every object of the tenant: the client searches each response."""
    lists = {kind: tenant.api.get(tenant.path(f"/{kind}")).ok()["items"] for kind in ("webhooks", "deliveries", "dead-letters", "keys")}
    for kind in ("webhooks", "deliveries", "dead-letters"):
        for item in lists[kind]:
            tenant.api.get(tenant.path(f"/{kind}/{item['id']}")).ok()
    for event in {delivery["eventId"] for delivery in lists["deliveries"]}:
        tenant.event(event)
    tenant.api.get(tenant.path("/stats")).ok()
    for path in (f"/v1/tenants/{tenant.id}", "/v1/tenants", "/v1/dead-letters", "/v1/contracts", "/v1/event-types"):
        operator.get(path).ok()
