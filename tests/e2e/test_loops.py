"""A delivery never becomes a call of the API, under whatever name or through whatever proxy it
comes back: it has the header `postel-hop`, which the API rejects.

The API's own host name is denied earlier (rows `self_loop` of test_guard.py). A relay here
stands for destinations that the guard cannot know: a domain of the operator's own, a proxy,
another deployment.
"""

import time
from typing import Any

import pytest

from support import stack
from support.client import Api, Tenant, new_tenant
from support.receiver import Receiver, Reply, Request

# The tenant's own headers: enough to call its API with.
CONTROL_HOPS = 3


@pytest.fixture
def tenant() -> Tenant:
    return new_tenant("standard")


class Relay:
    """Forwards each delivery to a path of the API, as a proxy does: body and headers unchanged,
    except its hop-by-hop ones."""

    def __init__(self, tenant: Tenant, path: str, drops: tuple[str, ...] = (), most: int = 20) -> None:
        self.tenant, self.path, self.drops, self.most = tenant, path, drops, most
        self.answers: list[Any] = []

    def __call__(self, request: Request) -> Reply:
        if len(self.answers) >= self.most:
            return Reply(204)
        headers = {n: v for n, v in request.headers.items() if n not in ("host", "content-length", "connection", *self.drops)}
        # The key is in the webhook's own header `authorization`, which any tenant may set.
        answer = Api(self.tenant.api.base, None).call("POST", self.path, request.body, headers)
        self.answers.append(answer)
        return Reply(answer.status)


def looped(tenant: Tenant, receiver: Receiver, relay: Relay) -> dict[str, Any]:
    """A webhook to the relay with the tenant's own key, which receives all events."""
    receiver.answer(relay)
    return tenant.new_webhook(receiver.url(), headers={"Authorization": f"Bearer {tenant.api.key}"}, overrides={"retryDelaysSeconds": []})


def test_an_event_that_is_relayed_to_the_publishing_door_is_refused_there(tenant: Tenant, receiver: Receiver) -> None:
    relay = Relay(tenant, tenant.path("/events"))
    looped(tenant, receiver, relay)
    event = tenant.publish(data={"canary": 1})
    delivery = tenant.wait_for_status(event, "failed")
    assert [(answer.status, answer.code) for answer in relay.answers] == [(403, "loop_detected")]
    assert delivery["request"]["headers"]["postel-hop"] == "1", "shown as it was sent"
    assert [d["eventId"] for d in tenant.deliveries()] == [event], "nothing new was published"


def test_a_test_event_that_is_relayed_to_the_test_door_is_refused_there(tenant: Tenant, receiver: Receiver) -> None:
    # An operator's own contract may have a body that this route accepts.
    name = stack.unique()
    contract = {"envelope": {"type": "{type}"}, "timeoutSeconds": 5, "success": ["2xx"], "retryDelaysSeconds": []}
    tenant.operator.put(f"/v1/contracts/{name}", contract).ok(201)
    webhook = tenant.new_webhook(receiver.url(), contract=name, secret=None, headers={"Authorization": f"Bearer {tenant.api.key}"})
    relay = Relay(tenant, tenant.path(f"/webhooks/{webhook['id']}/test"))
    receiver.answer(relay)
    answer = tenant.api.post(relay.path, {}).ok()
    assert (answer["success"], answer["responseCode"]) == (False, 403)
    assert [(one.status, one.code) for one in relay.answers] == [(403, "loop_detected")]


def test_without_the_header_it_would_go_round(tenant: Tenant, receiver: Receiver) -> None:
    relay = Relay(tenant, tenant.path("/events"), drops=("postel-hop",), most=CONTROL_HOPS)
    looped(tenant, receiver, relay)
    tenant.publish()
    stack.eventually(lambda: len(relay.answers) == CONTROL_HOPS and len(receiver.requests()) > CONTROL_HOPS, 60, "the loop")
    assert [answer.status for answer in relay.answers] == [202] * CONTROL_HOPS
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == CONTROL_HOPS + 1, 60, "the end of it")


def test_no_delivery_becomes_a_call_of_the_api(tenant: Tenant) -> None:
    """Every operation that changes anything, from the OpenAPI document, so that a new one cannot
    be forgotten."""
    paths = tenant.api.get("/openapi.json").ok()["paths"]
    operations = [(method.upper(), path) for path, found in paths.items() for method in found if method in ("post", "put", "patch", "delete")]
    assert len(operations) > 15
    hop = {"postel-hop": "1"}
    before = time.time()
    for method, path in operations:
        real = path.replace("{tenantId}", tenant.id).replace("{", "").replace("}", "")
        answer = tenant.operator.call(method, real, {}, hop)
        assert (answer.status, answer.code) == (403, "loop_detected"), (method, path, answer)
    assert tenant.operator.get(tenant.path()).ok()["id"] == tenant.id, f"nothing happened in {time.time() - before:.1f} s"
    # Reading makes no loop.
    assert tenant.api.call("GET", tenant.path("/webhooks"), headers=hop).status == 200
