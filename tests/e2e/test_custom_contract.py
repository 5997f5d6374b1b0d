"""The operator's own contracts over the API: applied without a deployment, checked, versioned."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support import logs, stack
from support.client import Api, Tenant, new_tenant
from support.contracts import seconds_of
from support.receiver import Held, Receiver, Reply

# A snapshot and the contract in it are each cached for ten seconds.
CONTRACT_KNOWN = 20
# From a retry's due time to its request.
OWN_SECONDS = 6

SECRET = "acme's own \u00a7 secret"
ACME: dict[str, Any] = {
    "description": "Acme: signs timestamp and body in base64.",
    "envelope": {
        "kind": "{type}",
        "of": {"tenant": "{tenantId}", "note": "event {id} of \"{type}\""},
        "at": "{timestamp}",
        "content": "{data}",
        "fixed": [1, None],
    },
    "signature": {"header": "X-Acme-Sig", "encoding": "base64", "signedText": "{timestamp}.{body}", "secret": "literal"},
    "headers": {"X-Acme-Time": "{timestampIso}", "X-Acme-Event": "acme/{id}"},
    "timeoutSeconds": 5,
    "success": ["200", "204"],
    "retryDelaysSeconds": [2, 4],
}


def acme(operator: Api, **changes: Any) -> str:
    """A contract with a unique name: names are global to the operator."""
    name = stack.unique("acme")
    operator.put(f"/v1/contracts/{name}", ACME | changes).ok(201)
    return name


def acme_signature(request, secret: str = SECRET) -> str:
    signed = request.headers["webhook-timestamp"].encode() + b"." + request.body
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def deployed() -> set[tuple[str, str]]:
    """The deployed code of the functions."""
    functions = stack.aws("lambda").get_paginator("list_functions").paginate()
    return {(f["FunctionArn"], f["CodeSha256"] + f["LastModified"]) for page in functions for f in page["Functions"]}


def test_a_contract_made_through_the_api_is_obeyed_without_a_deployment(operator: Api, receiver: Receiver):
    before, began = deployed(), time.time()
    tenant = new_tenant(acme(operator))
    tenant.new_webhook(receiver.url(), secret=SECRET)
    receiver.answer(201, 500, 204)
    data = b'{"b":1.0, "a":"\\u00e9"}'

    event_id = tenant.publish("order.paid", data, timestamp="2026-01-15T10:30:00Z")

    requests = receiver.wait(3, within=60)
    gaps = [b.arrived - a.arrived for a, b in zip(requests, requests[1:])]
    for gap, delay in zip(gaps, (2, 4)):
        assert delay - 0.1 <= gap, f"waited {gaps}; 201 is no success here"
    expected = (
        b'{"kind":"order.paid","of":{"tenant":"' + tenant.id.encode() + b'","note":"event ' + event_id.encode() + b' of \\"order.paid\\""},'
        b'"at":"2026-01-15T10:30:00Z","content":' + data + b',"fixed":[1,null]}'
    )
    for request in requests:
        assert request.body == expected
        assert request.headers["x-acme-sig"] == acme_signature(request)
        assert request.headers["x-acme-event"] == f"acme/{event_id}"
        assert int(seconds_of(request.headers["x-acme-time"])) == int(request.headers["webhook-timestamp"])
        assert "webhook-signature" not in request.headers
    assert len({r.headers["x-acme-sig"] for r in requests}) == 3, "the signed text contains each attempt's own time"
    done = tenant.wait_for_status(event_id, "completed")
    assert [a["responseCode"] for a in done["attemptLog"]] == [201, 500, 204]
    for put_off, delay in zip(logs.put_off(done, began), (2, 4), strict=True):
        assert delay <= put_off <= delay + logs.OWN_SECONDS
    assert done["request"]["body"].encode() == expected
    assert deployed() == before


def test_a_custom_contracts_own_end_timeout_and_refusals_are_obeyed(operator: Api, receiver: Receiver):
    tenant = new_tenant(acme(operator, timeoutSeconds=4, refused=["418", "420-429"], retryDelaysSeconds=[], atEnd="disable"))
    refused, slow, ok = (tenant.new_webhook(receiver.url(path), secret=SECRET) for path in ("/refused", "/slow", "/ok"))
    receiver.answer(429, path="/refused")
    receiver.answer(Reply(200, delay=5), path="/slow")

    event_id = tenant.publish("order.paid")

    tenant.wait_for_status(event_id, "completed", ok["id"])
    tenant.wait_for_status(event_id, "failed", refused["id"])
    failed = tenant.wait_for_status(event_id, "failed", slow["id"])
    assert failed["attempts"] == 1 and failed["attemptLog"][0]["error"]["code"] == "timeout"
    reasons = {letter["webhookId"]: letter["reason"] for letter in tenant.wait_for_dead_letters(2)}
    assert reasons == {refused["id"]: "refused", slow["id"]: "exhausted"}
    stack.eventually(lambda: not tenant.webhook(slow["id"])["active"], 60, "the exhausted webhook to be disabled")
    assert tenant.webhook(refused["id"])["active"] and tenant.webhook(ok["id"])["active"]


def test_a_contract_is_listed_read_changed_and_deleted_by_the_operator_alone(operator: Api, tenant: Tenant):
    name = stack.unique("acme")
    made = operator.put(f"/v1/contracts/{name}", ACME).ok(201)
    assert made["version"] == 1 and made["builtin"] is False
    assert operator.get(f"/v1/contracts/{name}").ok() == made
    assert {key: made[key] for key in ("envelope", "headers", "success", "retryDelaysSeconds", "timeoutSeconds")} == {
        key: ACME[key] for key in ("envelope", "headers", "success", "retryDelaysSeconds", "timeoutSeconds")
    }
    # A contract that was read can be written back.
    again = operator.put(f"/v1/contracts/{name}", made | {"timeoutSeconds": 7}).ok(200)
    assert (again["version"], again["timeoutSeconds"]) == (2, 7)
    listed = operator.all("/v1/contracts")
    assert [c for c in listed if c["name"] == name] == [again]
    assert {"kuviq", "inspectorio", "kazinex", "kliq", "standard"} <= {c["name"] for c in listed if c["builtin"]}

    own = f"/v1/contracts/{name}"
    for method, path in (("GET", own), ("PUT", own), ("DELETE", own), ("GET", "/v1/contracts")):
        answer = tenant.api.call(method, path, ACME if method == "PUT" else None)
        assert (answer.status, answer.code) == (403, "forbidden"), f"{method} {path}"

    assert operator.delete(f"/v1/contracts/{name}").status == 204
    assert operator.get(f"/v1/contracts/{name}").status == 404
    assert operator.delete(f"/v1/contracts/{name}").status == 404
    assert name not in {c["name"] for c in operator.all("/v1/contracts")}


def raw_pages(api: Api, path: str) -> Iterator[bytes]:
    """The pages of a list as raw bytes."""
    cursor = None
    while True:
        page = api.get(path, cursor=cursor)
        yield page.raw
        if not (cursor := page.ok().get("nextCursor")):
            return


@pytest.mark.parametrize("name", ["kuviq", "inspectorio", "kazinex", "kliq", "standard"])
def test_a_documented_contract_can_be_read_and_not_changed(operator: Api, name: str):
    before = operator.get(f"/v1/contracts/{name}").ok()

    path = f"/v1/contracts/{name}"
    for answer in (operator.put(path, ACME), operator.put(path, before), operator.delete(path)):
        assert (answer.status, answer.code) == (409, "builtin_contract")
    assert operator.get(f"/v1/contracts/{name}").ok() == before


# ---- What cannot work --------------------------------------------------------------------------

LEFT_OUT = object()
SIGNATURE = ACME["signature"]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in SIGNATURE.items() if key != name}


IMPOSSIBLE = {
    "an unknown placeholder": ({"envelope": {"a": {"b": ["{secret}"]}}}, "envelope"),
    "a placeholder that is not closed": ({"envelope": {"a": "{type"}}, "envelope"),
    "a context placeholder without a name": ({"envelope": {"a": "{context.}"}}, "envelope"),
    "an envelope that is no object": ({"envelope": ["{type}"]}, "envelope"),
    "no envelope": ({"envelope": LEFT_OUT}, "envelope"),
    "an unknown placeholder in the test envelope": ({"testEnvelope": {"a": "{now}"}}, "testEnvelope"),
    "no success status": ({"success": []}, "success"),
    "success left out": ({"success": LEFT_OUT}, "success"),
    "a success status that does not exist": ({"success": ["200", "9xx"]}, "success"),
    "a range that runs backwards": ({"success": ["299-200"]}, "success"),
    "a refused status that is no status": ({"refused": ["four hundred"]}, "refused"),
    "a delay over seven days": ({"retryDelaysSeconds": [60, 7 * 24 * 3600 + 1]}, "retryDelaysSeconds"),
    "a delay below nothing": ({"retryDelaysSeconds": [60, -1]}, "retryDelaysSeconds"),
    "a delay that is no whole number": ({"retryDelaysSeconds": [1.5]}, "retryDelaysSeconds"),
    "more delays than anybody waits for": ({"retryDelaysSeconds": [1] * 31}, "retryDelaysSeconds"),
    "delays left out": ({"retryDelaysSeconds": LEFT_OUT}, "retryDelaysSeconds"),
    "no time at all": ({"timeoutSeconds": 0}, "timeoutSeconds"),
    "more time than a function has": ({"timeoutSeconds": 61}, "timeoutSeconds"),
    "timeout left out": ({"timeoutSeconds": LEFT_OUT}, "timeoutSeconds"),
    "a jitter above the delay itself": ({"jitter": 1.01}, "jitter"),
    "a jitter below nothing": ({"jitter": -0.1}, "jitter"),
    "an end that does not exist": ({"atEnd": "explode"}, "atEnd"),
    "a header of HTTP's own": ({"headers": {"Content-Length": "7"}}, "headers"),
    "a header of Postel's own": ({"headers": {"webhook-id": "x"}}, "headers"),
    "a header name that is none": ({"headers": {"X Acme": "x"}}, "headers"),
    "a header value with a line of its own": ({"headers": {"X-Acme": "a\r\nX-Evil: 1"}}, "headers"),
    "a header value beyond ASCII": ({"headers": {"X-Acme": "caf\u00e9"}}, "headers"),
    "a header value with spaces that HTTP drops": ({"headers": {"X-Acme": " x "}}, "headers"),
    "a header with the body in it": ({"headers": {"X-Acme": "{body}"}}, "headers"),
    "a header with an unknown placeholder": ({"headers": {"X-Acme": "{tenant}"}}, "headers"),
    "a header twice": ({"headers": {"X-Acme": "1", "x-acme": "2"}}, "headers"),
    "a header in two spellings": ({"headers": {"X-Acme": "1", "x_acme": "2"}}, "headers"),
    "a header of Postel's own in another spelling": ({"headers": {"webhook_timestamp": "x"}}, "headers"),
    "a signature in another spelling of webhook-signature": ({"signature": SIGNATURE | {"header": "webhook_signature"}}, "signature.header"),
    "a header that is the signature's in another spelling": ({"headers": {"x_acme_sig": "1"}}, "signature.header"),
    "a header that is the signature's": ({"headers": {"x-acme-sig": "1"}}, "signature.header"),
    "a signature in a header of HTTP's own": ({"signature": SIGNATURE | {"header": "Host"}}, "signature.header"),
    "a signature in a header that is none": ({"signature": SIGNATURE | {"header": "X-Acme: Sig"}}, "signature.header"),
    "a signature in webhook-id": ({"signature": SIGNATURE | {"header": "webhook-id"}}, "signature.header"),
    "a signature without a header": ({"signature": without("header")}, "signature.header"),
    "an unknown encoding": ({"signature": SIGNATURE | {"encoding": "base32"}}, "signature.encoding"),
    "a signature without an encoding": ({"signature": without("encoding")}, "signature.encoding"),
    "an unknown placeholder in the signed text": ({"signature": SIGNATURE | {"signedText": "{body}{secret}"}}, "signature.signedText"),
    "a signature without a signed text": ({"signature": without("signedText")}, "signature.signedText"),
    "an unknown form of secret": ({"signature": SIGNATURE | {"secret": "hex"}}, "signature.secret"),
    "a prefix with a line of its own": ({"signature": SIGNATURE | {"prefix": "v1\r\nX-Evil: "}}, "signature.prefix"),
    "a member that does not exist": ({"colour": "blue"}, "colour"),
    "a mail that does not exist": ({"mails": {"whenever": True}}, "mails"),
    "another name than the path's": ({"name": "somebody-else"}, "name"),
}


@pytest.mark.parametrize("change", IMPOSSIBLE, ids=lambda title: title.replace(" ", "-"))
def test_a_contract_that_cannot_work_is_refused_with_the_field_named(operator: Api, change: str):
    name = stack.unique("acme")
    changes, field = IMPOSSIBLE[change]
    wanted = {key: value for key, value in (ACME | changes).items() if value is not LEFT_OUT}

    answer = operator.put(f"/v1/contracts/{name}", wanted)

    assert (answer.status, answer.code) == (422, "invalid_contract"), answer
    # An element (success[1], headers.X-Acme) may be named instead of the whole member.
    named = answer.json.get("field", "")
    assert named == field or named.startswith((f"{field}[", f"{field}.")), f"{named!r} is to blame for {changes}"
    assert operator.get(f"/v1/contracts/{name}").status == 404, "it was stored"


@pytest.mark.parametrize("name", ["Acme", "acme_1", "acme@1", "a" * 65])
def test_a_contract_name_that_is_none_is_refused(operator: Api, name: str):
    answer = operator.put(f"/v1/contracts/{name}", ACME)

    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_contract", "name")


def test_overrides_that_cannot_work_are_refused_with_the_field_named(tenant: Tenant, receiver: Receiver):
    longest = int(stack.parameter("MaxWebhookTimeoutSeconds"))
    webhook = tenant.new_webhook(receiver.url())
    for overrides, field in (
        ({"timeoutSeconds": 0}, "overrides.timeoutSeconds"),
        ({"timeoutSeconds": longest + 1}, "overrides.timeoutSeconds"),
        ({"retryDelaysSeconds": [7 * 24 * 3600 + 1]}, "overrides.retryDelaysSeconds"),
        ({"retryDelaysSeconds": [1] * 31}, "overrides.retryDelaysSeconds"),
    ):
        made = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "overrides": overrides})
        patched = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"overrides": overrides})
        for answer in (made, patched):
            assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_contract", field), answer
    assert tenant.webhook(webhook["id"]).get("overrides", {}) == {}


# ---- Choice, change, deletion ------------------------------------------------------------------


def test_a_webhook_may_have_another_contract_than_its_tenant(operator: Api, kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url("/usual"))
    chosen = kuviq.new_webhook(receiver.url("/chosen"), contract=acme(operator), secret=SECRET)
    assert chosen["contract"].startswith("acme-")

    kuviq.publish("item.created")

    (usual,) = receiver.wait(1, path="/usual")
    assert "x-webhook-signature" in usual.headers and "x-acme-sig" not in usual.headers
    (other,) = receiver.wait(1, path="/chosen")
    assert other.headers["x-acme-sig"] == acme_signature(other) and "x-webhook-signature" not in other.headers
    unknown = kuviq.api.post(kuviq.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "contract": stack.unique("none")})
    assert (unknown.status, unknown.code, unknown.json["field"]) == (422, "invalid_contract", "contract")


def test_a_deleted_custom_contract_goes_on_serving_the_webhooks_that_have_it(operator: Api, receiver: Receiver):
    name = acme(operator)
    tenant = new_tenant(name)
    webhook = tenant.new_webhook(receiver.url(), secret=SECRET)

    assert operator.delete(f"/v1/contracts/{name}").status == 204

    event_id = tenant.publish("order.paid", {"n": 1})
    (request,) = receiver.wait(1)
    assert request.headers["x-acme-sig"] == acme_signature(request) and json.loads(request.body)["kind"] == "order.paid"
    assert tenant.wait_for_status(event_id, "completed")["request"]["body"].encode() == request.body
    # It can be switched off and on, get another URL and be tested as before ...
    assert tenant.patch_webhook(webhook["id"], active=False)["active"] is False
    assert tenant.patch_webhook(webhook["id"], active=True, name="still mine")["contract"] == name
    rotated = tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/secret/rotate"), {"secret": "another"}).ok()
    assert rotated["secret"] == "another"
    # ... but the contract can no longer be chosen.
    made = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "secret": SECRET, "contract": name})
    assert (made.status, made.code, made.json["field"]) == (422, "invalid_contract", "contract")
    other = new_tenant("standard").new_webhook(receiver.url())
    assert other["contract"] == "standard"


def first_with_version_2(tenant: Tenant, receiver: Receiver) -> tuple[str, Any]:
    """The first event that is sent with the second version, and its request."""

    def changed() -> tuple[str, Any]:
        before = len(receiver.requests())
        event = tenant.publish("order.paid", b'{"n":2.0}')
        request = receiver.wait(before + 1)[-1]
        assert "x-acme-version" in request.headers, "still the first version"
        return event, request

    return stack.eventually(changed, CONTRACT_KNOWN + 5, "an event with the second version", every=1)


def test_an_attempt_shows_the_body_that_it_sent_after_the_contract_was_changed(operator: Api, receiver: Receiver):
    name = acme(operator)
    tenant = new_tenant(name)
    tenant.new_webhook(receiver.url(), secret=SECRET)
    first = tenant.publish("order.paid", b'{"n":1.0}')
    before = tenant.wait_for_status(first, "completed")
    (sent,) = receiver.wait(1)

    second_version = {"envelope": {"v": 2, "d": "{data}"}, "headers": {"X-Acme-Version": "2"}, "signature": SIGNATURE | {"header": "X-Acme-Sig-2"}}
    assert operator.put(f"/v1/contracts/{name}", ACME | second_version).ok(200)["version"] == 2

    second, changed = first_with_version_2(tenant, receiver)
    assert changed.body == b'{"v":2,"d":{"n":2.0}}'
    assert changed.headers["x-acme-version"] == "2" and changed.headers["x-acme-sig-2"] == acme_signature(changed)
    assert "x-acme-sig" not in changed.headers and "x-acme-time" not in changed.headers
    shown = tenant.delivery(before["id"])["request"]
    assert shown == before["request"] and shown["body"].encode() == sent.body
    assert {"X-Acme-Sig", "X-Acme-Time"} <= set(shown["headers"]) and "X-Acme-Version" not in shown["headers"]
    assert tenant.wait_for_status(second, "completed")["request"]["body"].encode() == changed.body
    # Still so after the contract is gone.
    assert operator.delete(f"/v1/contracts/{name}").status == 204
    assert tenant.delivery(before["id"])["request"] == shown


def test_a_pending_retry_follows_the_contract_as_it_is_then(operator: Api, receiver: Receiver):
    """Each attempt uses one version: body, headers and signature belong together."""
    schedule = {"retryDelaysSeconds": [2] * 20, "timeoutSeconds": 10}
    name = acme(operator, **schedule)
    tenant = new_tenant(name)
    tenant.new_webhook(receiver.url(), secret=SECRET)
    answer = Held(500)
    receiver.answer(answer, 500)
    event_id = tenant.publish("order.paid", b'{"n":1.0}')
    receiver.wait(1)

    operator.put(f"/v1/contracts/{name}", ACME | {"envelope": {"v": 2, "d": "{data}"}} | schedule).ok(200)
    changed_at = time.time()
    answer.let_go()

    # Until then some processes still have the first version.
    known = changed_at + CONTRACT_KNOWN + OWN_SECONDS
    late = lambda: [r for r in receiver.requests() if r.arrived > known]  # noqa: E731
    stack.eventually(late, CONTRACT_KNOWN + 20, "an attempt when every process has the second version")
    receiver.answer(200)
    ended = tenant.wait_for_status(event_id, "completed")
    for request in late():
        assert request.body == b'{"v":2,"d":{"n":1.0}}'
        assert request.headers["x-acme-sig"] == acme_signature(request)
    assert ended["request"]["body"].encode() == receiver.requests()[-1].body


def test_a_test_event_has_the_contracts_test_envelope_and_is_logged_as_sent(operator: Api, receiver: Receiver):
    event_type = stack.unique("order.tried")
    operator.put(f"/v1/event-types/{event_type}", {"name": "An order was tried", "example": {"n": 1}}).ok(201)
    envelope = {"try": True, "called": "{typeName}", "to": "{webhookId}", "by": "{tenantId}", "of": "{context.shop}", "d": "{data}"}
    tenant = new_tenant(acme(operator, testEnvelope=envelope))
    webhook = tenant.new_webhook(receiver.url(), secret=SECRET)

    result = tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/test"), {"type": event_type}).ok()

    (request,) = receiver.wait(1)
    sent = json.loads(request.body)
    expected = {"try": True, "called": "An order was tried", "to": webhook["id"], "by": tenant.id, "of": None, "d": {"n": 1}}
    assert list(sent.items()) == list(expected.items())
    assert request.headers["x-acme-sig"] == acme_signature(request)
    assert tenant.delivery(result["deliveryId"])["request"]["body"].encode() == request.body


def test_what_an_envelope_holds_is_sent_and_shown_as_it_is_written(operator: Api, receiver: Receiver):
    name = stack.unique("acme")
    envelope = b'{"n":12345678901234567890123,"x":[1.50,1e2,-0.0],"s":"\\u00fc\\/","d":"{data}"}'
    body = json.dumps(ACME | {"envelope": "here"}).encode().replace(b'"here"', envelope)
    made = operator.call("PUT", f"/v1/contracts/{name}", body)
    assert made.status == 201 and envelope in made.raw
    tenant = new_tenant(name)
    tenant.new_webhook(receiver.url(), secret=SECRET)

    event_id = tenant.publish("order.paid", b"1.0")

    (request,) = receiver.wait(1)
    assert request.body == envelope.replace(b'"{data}"', b"1.0")
    assert envelope in operator.get(f"/v1/contracts/{name}").raw
    assert any(envelope in page for page in raw_pages(operator, "/v1/contracts"))
    assert tenant.wait_for_status(event_id, "completed")["request"]["body"].encode() == request.body
    # A contract that was read can be written again.
    assert operator.call("PUT", f"/v1/contracts/{name}", operator.get(f"/v1/contracts/{name}").raw).ok(200)["version"] == 2
