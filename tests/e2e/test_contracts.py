"""The five documented contracts, as real receivers see them.

The receivers of tests/receivers run as in reality: as separate programs, written from the
documentation.
"""

import json
import re
import time

import pytest
from support import logs, stack, vendors
from support.client import Api, Tenant, new_tenant
from support.contracts import seconds_of
from support.programs import LANGUAGES, Program, Received, with_a_byte_changed
from support.receiver import Receiver, Reply, closed_port
from support.vendors import CONTRACTS, DOCUMENTED, SIGNATURE_HEADER, SIGNED

HAPPENED = "2026-01-15T10:30:00.125Z"
# Every delivery has these, whatever the contract; accept and the first two are HTTP's.
COMMON = {"host", "content-length", "accept", "content-type", "user-agent", "webhook-id", "webhook-timestamp", "postel-hop"}
MESSAGE_ID = re.compile(r"^wh-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
# A colon is legal in the password, not in the user name.
USERNAME, PASSWORD = "user", "p@ss:w\u00f6rd"
# Long enough that no test sees the retry.
NEVER = [3000]


def program(language: str, contract: str) -> Program:
    if contract == "inspectorio":
        return Program(language, contract, username=USERNAME, password=PASSWORD)
    return Program(language, contract, secret=DOCUMENTED[contract].secret)


def published_at_all_doors(tenant: Tenant) -> None:
    """Publishes every documented sample over HTTP with the tenant's key and with the operator's,
    and over SQS with and without an id of the caller."""
    contract = tenant.contract
    for event_type in DOCUMENTED[contract].types:
        plain = vendors.event(contract, event_type, timestamp=HAPPENED)
        for api in (tenant.api, tenant.operator):
            api.post(tenant.path("/events"), plain).ok(202)
        tenant.send_sqs(vendors.event(contract, event_type, timestamp=HAPPENED, tenantId=tenant.id).decode())
        own_id = {"id": f"evt_{stack.unique()}"}
        tenant.send_sqs(vendors.event(contract, event_type, timestamp=HAPPENED, tenantId=tenant.id, **own_id).decode())


def message_id(request: Received) -> str:
    return json.loads(request.body).get("messageId", "")


# ---- The receivers in the field ----------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_receiver_written_from_the_documentation_accepts_all_but_a_changed_byte(contract: str, language: str):
    documented = DOCUMENTED[contract]
    tenant = new_tenant(contract)
    with program(language, contract) as running:
        own = {"basicAuth": {"username": USERNAME, "password": PASSWORD}} if contract == "inspectorio" else {}
        vendors.subscribe(tenant, running.url(), list(documented.types), **own)

        published_at_all_doors(tenant)

        expected = 4 * len(documented.types)
        requests = running.wait(expected)
        assert [(r.status, r.reason) for r in requests] == [(200, "")] * expected
        stack.eventually(lambda: len(tenant.deliveries(status="completed")) == expected, what="the log to say completed")
        log = {d["eventId"]: d for d in tenant.deliveries()}
        assert {r.headers["webhook-id"] for r in requests} == set(log), "each event once"
        for request in requests:
            entry = log[request.headers["webhook-id"]]
            assert entry["attempts"] == 1 and entry["lastResponseCode"] == 200
            check_envelope(tenant, request, entry["eventType"])
            check_headers(contract, request)

        for request in requests[:: len(documented.types)]:
            assert running.replay(request) == 200, "the recorded request itself is accepted once more"
            if contract == "inspectorio":
                refuses_other_credentials_and_envelopes(running, request)
            else:
                refuses_what_is_signed_otherwise(running, contract, request)


def check_envelope(tenant: Tenant, request: Received, event_type: str) -> None:
    """Checks the body byte for byte."""
    found = message_id(request)
    expected = vendors.body(tenant.contract, event_type, HAPPENED, request.headers["webhook-id"], tenant.id, found)
    assert request.body == expected
    if tenant.contract == "inspectorio":
        assert MESSAGE_ID.match(found), found


def check_headers(contract: str, request: Received) -> None:
    """The documented headers, those of every delivery, and nothing else."""
    credentials = {"authorization"} if contract == "inspectorio" else set()
    assert set(request.headers) - {"accept"} == (COMMON | DOCUMENTED[contract].headers | credentials) - {"accept"}
    names = [name.lower() for name, _ in request.header_list]
    assert len(names) == len(set(names)), f"a header was sent twice: {names}"
    assert request.headers["content-type"] == "application/json"
    if contract in SIGNED:
        by_the_document = vendors.signature(
            contract, DOCUMENTED[contract].secret, request.body, request.headers["webhook-id"], request.headers["webhook-timestamp"]
        )
        assert request.headers[SIGNATURE_HEADER[contract]] == by_the_document
    if contract == "kuviq":
        assert int(seconds_of(request.headers["x-webhook-timestamp"])) == int(request.headers["webhook-timestamp"])


def refuses_what_is_signed_otherwise(running: Program, contract: str, request: Received) -> None:
    header = SIGNATURE_HEADER[contract]
    right = request.headers[header]
    assert [running.replay(request, changed) for changed in with_a_byte_changed(request.body)] == [401] * 6
    bare = right.removeprefix("sha256=").removeprefix("v1,")
    last = right[:-3] + ("A" if right[-3] != "A" else "B") + right[-2:]
    for wrong in (last, right[:-1], right.swapcase(), bare if bare != right else f"sha256={right}", "", None):
        assert running.replay(request, **{header: wrong}) == 401, f"{wrong!r} in place of {right!r}"
    # A valid signature, but another envelope.
    for other in (request.body[:-1] + b',"more":1}', b"{}", b"[]", request.body.replace(b'"timestamp"', b'"time"', 1)):
        stamp = str(int(time.time()))
        well = vendors.signature(contract, DOCUMENTED[contract].secret, other, request.headers["webhook-id"], stamp)
        assert running.replay(request, other, **{header: well, "webhook-timestamp": stamp}) == 400, other


def refuses_other_credentials_and_envelopes(running: Program, request: Received) -> None:
    """Without a signature a receiver detects a changed byte only if it breaks the documented
    envelope."""
    right = request.headers["authorization"]
    for wrong in (right[:-1], right[:-3] + "AA=", right.removeprefix("Basic "), "", None):
        assert running.replay(request, authorization=wrong) == 401, wrong
    for member in (b'"messageId"', b'"eventCode"', b'"eventName"', b'"payload"', b'"resourceId"', b'"path"', b'"wh-'):
        at = request.body.index(member) + 1
        changed = request.body[:at] + bytes([request.body[at] ^ 1]) + request.body[at + 1 :]
        assert running.replay(request, changed) == 400, changed
    assert running.replay(request, request.body[:-1] + b',"more":1}') == 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_inspectorio_receiver_without_credentials_gets_none(language: str):
    tenant = new_tenant("inspectorio")
    with Program(language, "inspectorio") as running:
        vendors.subscribe(tenant, running.url(), ["report.created"])

        tenant.api.post(tenant.path("/events"), vendors.event("inspectorio", "report.created", timestamp=HAPPENED)).ok(202)

        (request,) = running.wait(1)
        assert request.status == 200, request.reason
        assert "authorization" not in request.headers


def test_inspectorios_event_name_comes_from_the_catalogue(operator: Api, receiver: Receiver):
    ready, unnamed = f"report.{stack.unique('ready')}", f"report.{stack.unique('unnamed')}"
    operator.put(f"/v1/event-types/{ready}", {"name": "An Inspection report file is ready to view"}).ok(201)
    tenant = new_tenant("inspectorio")
    # A whole component is selected at once.
    tenant.new_webhook(receiver.url(), ["report.*"], secret=None)

    for event_type in (ready, unnamed):
        tenant.publish(event_type, {"resourceId": 1, "path": "/1"})

    names = {envelope["eventCode"]: envelope["eventName"] for envelope in map(json.loads, (r.body for r in receiver.wait(2)))}
    assert names == {ready: "An Inspection report file is ready to view", unnamed: unnamed}


# ---- The documented numbers --------------------------------------------------------------------


@pytest.mark.parametrize("contract", CONTRACTS)
def test_timeout_and_schedule_are_the_documented_numbers(operator: Api, contract: str):
    documented = DOCUMENTED[contract]

    shown = operator.get(f"/v1/contracts/{contract}").ok()

    assert shown["name"] == contract and shown["builtin"] is True
    assert shown["timeoutSeconds"] == documented.timeout
    assert shown["retryDelaysSeconds"] == documented.delays
    assert shown["atEnd"] == documented.at_end
    assert shown["success"] == (["200"] if contract == "inspectorio" else ["2xx"])
    # Only the standard's documentation says "with up to 10 % added"; the vendors promise their
    # minutes.
    assert shown["jitter"] == (0.1 if documented.delays is vendors.STANDARD_DELAYS else 0)
    assert shown.get("httpsOnly", False) is (contract == "kuviq")
    assert ("signature" in shown) is (contract in SIGNED)
    assert any(listed == shown for listed in operator.get("/v1/contracts").ok()["items"])


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_receiver_just_under_the_timeout_succeeds_and_just_over_it_fails(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    # A busy machine may add a second to the one, and make the other's answer late.
    receiver.answer(Reply(200, delay=3.5), path="/under")
    receiver.answer(Reply(200, delay=5.9), path="/over")
    overrides = {"timeoutSeconds": 5, "retryDelaysSeconds": NEVER}
    under, over = (vendors.subscribe(tenant, receiver.url(path), overrides=overrides) for path in ("/under", "/over"))

    event_id = tenant.publish(DOCUMENTED[contract].types[0], {})

    failed = tenant.wait_for_status(event_id, "retrying", over["id"])
    (attempt,) = failed["attemptLog"]
    assert attempt["error"]["code"] == "timeout" and "responseCode" not in attempt
    assert 5000 <= attempt["durationMs"] < 6500, "it is given up at the timeout, not before and not long after"
    done = tenant.wait_for_status(event_id, "completed", under["id"])
    assert done["attempts"] == 1 and 3500 <= done["attemptLog"][0]["durationMs"] < 5500


# ---- Success, failure, refusal -----------------------------------------------------------------

COMPLETED, RETRYING, FAILED = "completed", "retrying", "failed"
RULES = {
    # "Success is exactly 200. Any other status: failure, retried."
    "inspectorio": {200: COMPLETED, 201: RETRYING, 202: RETRYING, 204: RETRYING, 302: RETRYING, 400: RETRYING, 404: RETRYING, 500: RETRYING},
    # "Success 2xx (a receiver's 401 on a bad signature is a failure)."
    "kazinex": {200: COMPLETED, 202: COMPLETED, 299: COMPLETED, 301: RETRYING, 401: RETRYING, 404: RETRYING, 500: RETRYING, 503: RETRYING},
    # "Success 2xx; anything else retries."
    "kliq": {200: COMPLETED, 204: COMPLETED, 301: RETRYING, 400: RETRYING, 401: RETRYING, 404: RETRYING, 410: RETRYING, 429: RETRYING, 500: RETRYING},
    # "4xx: failure, no retry. 5xx and timeout: retry. (3xx, connection errors: not stated; treat as
    # retry.)"
    "kuviq": {200: COMPLETED, 201: COMPLETED, 302: RETRYING, 400: FAILED, 401: FAILED, 404: FAILED, 429: FAILED, 500: RETRYING, 503: RETRYING},
    # "Success 2xx, 410 deactivates."
    "standard": {200: COMPLETED, 204: COMPLETED, 304: RETRYING, 400: RETRYING, 401: RETRYING, 429: RETRYING, 500: RETRYING, 410: FAILED},
}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_success_failure_and_refusal_are_as_documented(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    overrides = {"retryDelaysSeconds": NEVER}
    expected = {}
    for status, becomes in RULES[contract].items():
        receiver.answer(status, path=f"/{status}")
        made = vendors.subscribe(tenant, receiver.url(f"/{status}"), overrides=overrides, name=f"answers {status}")
        expected[made["id"]] = (made["name"], becomes)
    closed = vendors.subscribe(tenant, f"http://127.0.0.1:{closed_port()}/", overrides=overrides, name="refuses to talk")
    expected[closed["id"]] = (closed["name"], RETRYING)

    event_id = tenant.publish(DOCUMENTED[contract].types[0], {})

    def as_documented() -> bool:
        found = {d["webhookId"]: (expected[d["webhookId"]][0], d["status"]) for d in tenant.event(event_id)["deliveries"]}
        assert found == expected
        return True

    stack.eventually(as_documented, what="every receiver's verdict")
    reasons = {letter["webhookId"]: letter["reason"] for letter in tenant.dead_letters()}
    given_up = {webhook for webhook, (_, becomes) in expected.items() if becomes == FAILED}
    assert reasons == dict.fromkeys(given_up, "gone" if contract == "standard" else "refused")
    active = {w["id"]: w["active"] for w in tenant.api.get(tenant.path("/webhooks")).ok()["items"]}
    assert active == {webhook: contract != "standard" or webhook not in given_up for webhook in expected}


# ---- Delays and the end ------------------------------------------------------------------------

# Statuses that are a failure in one contract and might not be in another.
FAILURE = {"inspectorio": 201, "kazinex": 401, "kliq": 404, "kuviq": 500, "standard": 400}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_two_delays_pass_for_real_and_then_comes_the_documented_end(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook, began = vendors.subscribe(tenant, receiver.url(), overrides={"retryDelaysSeconds": [1, 3]}), time.time()
    receiver.answer(FAILURE[contract])
    event_type = DOCUMENTED[contract].types[0]

    tenant.api.post(tenant.path("/events"), vendors.event(contract, event_type, timestamp=HAPPENED)).ok(202)

    requests = receiver.wait(3, within=60)
    first, second = (b.arrived - a.arrived for a, b in zip(requests, requests[1:]))
    assert 0.9 <= first and 2.9 <= second, (first, second)
    assert len({r.body for r in requests}) == 1, "the envelope is the same in all attempts, its id included"
    (event_id,) = {r.headers["webhook-id"] for r in requests}
    expected = vendors.body(contract, event_type, HAPPENED, event_id, tenant.id, json.loads(requests[0].body).get("messageId", ""))
    assert requests[0].body == expected
    assert len({r.headers["webhook-timestamp"] for r in requests}) == 3, "each attempt has its own time"

    failed = tenant.wait_for_status(event_id, "failed")
    assert failed["attempts"] == 3 and failed["lastResponseCode"] == FAILURE[contract]
    first, second = logs.put_off(failed, began)
    assert 1 <= first <= 1.1 + logs.OWN_SECONDS and 3 <= second <= 3.3 + logs.OWN_SECONDS, (first, second)
    (letter,) = tenant.dead_letters()
    assert letter["reason"] == "exhausted" and letter["deliveryId"] == failed["id"]
    if contract == "kliq":
        off = stack.eventually(lambda: (w := tenant.webhook(webhook["id"])) and not w["active"] and w, 60, "the webhook to be disabled")
        assert off["disabledReason"] == "exhausted"
    else:
        assert tenant.webhook(webhook["id"])["active"]
    receiver.stays_at(3, seconds=1.5)


def test_two_webhooks_get_two_message_ids_for_one_event_and_keep_them(receiver: Receiver):
    tenant = new_tenant("inspectorio")
    receiver.answer(500, 200, path="/a")
    receiver.answer(404, 200, path="/b")
    for path in ("/a", "/b"):
        vendors.subscribe(tenant, receiver.url(path), overrides={"retryDelaysSeconds": [1]})

    tenant.publish("report.created", {"resourceId": 1, "path": "/1"})

    ids = [[json.loads(r.body)["messageId"] for r in receiver.wait(2, path=path)] for path in ("/a", "/b")]
    assert all(MESSAGE_ID.match(found[0]) and found[0] == found[1] for found in ids), ids
    assert ids[0][0] != ids[1][0]


def test_kuviq_takes_https_only_where_another_contract_may_go_over_http():
    """The local stack allows http; the contract does not, except for addresses in the operator's
    own networks."""
    assert stack.parameter("AllowHttp") == "true"
    url = "http://hooks.example.com/in"
    kuviq, kliq = new_tenant("kuviq"), new_tenant("kliq")

    refused = kuviq.api.post(kuviq.path("/webhooks"), {"url": url, "events": ["item.*"], "secret": "s"})

    assert (refused.status, refused.code, refused.json["field"], refused.json["reason"]) == (422, "invalid_url", "url", "scheme")
    https = vendors.subscribe(kuviq, "https://hooks.example.com/in", ["item.*"])
    moved = kuviq.api.patch(kuviq.path(f"/webhooks/{https['id']}"), {"url": url})
    assert (moved.status, moved.code, moved.json["reason"]) == (422, "invalid_url", "scheme")
    assert kuviq.webhook(https["id"])["url"] == "https://hooks.example.com/in"
    vendors.subscribe(kliq, url)
