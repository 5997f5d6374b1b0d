"""Test events: sent at once, with the same signing and sending as any delivery."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import stack, vendors
from support.client import Answer, Api, Tenant, new_tenant
from support.contracts import ISO_Z, members
from support.programs import LANGUAGES, Program
from support.receiver import HANG, Receiver, Reply, Request, closed_port
from support.vendors import CONTRACTS, DOCUMENTED, SIGNATURE_HEADER, SIGNED

# The members of the result; a failed one also has `error`.
RESULT = {"success", "responseCode", "responseTimeMs", "deliveryId"}


def test_button(tenant: Tenant, webhook: dict, **body: Any) -> Answer:
    return tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/test"), body)


# pytest must not take the helper for a test.
test_button.__test__ = False


def with_an_example(operator: Api, contract: str) -> str:
    """A separate type in the catalogue for this test, with the vendor's sample as its example."""
    event_type = stack.unique("example.of")
    sample = vendors.sample(contract, DOCUMENTED[contract].types[0])
    operator.call("PUT", f"/v1/event-types/{event_type}", b'{"name":"An example","example":' + sample + b"}").ok(201)
    return event_type


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_test_event_of_a_chosen_type_is_accepted_by_the_vendors_receiver(operator: Api, contract: str, language: str):
    event_type = with_an_example(operator, contract)
    tenant = new_tenant(contract)
    with Program(language, contract, secret=DOCUMENTED[contract].secret) as running:
        # The webhook need not select the type. Kazinex's document has a project in each event: a
        # webhook of one project sets it.
        context = {"context": {"project_id": "proj_xyz789"}} if contract == "kazinex" else {}
        webhook = vendors.subscribe(tenant, running.url(), [DOCUMENTED[contract].types[0]], **context)

        result = test_button(tenant, webhook, type=event_type).ok()

        (request,) = running.wait(1)
        assert (request.status, request.reason) == (200, "")
        assert set(result) == RESULT, result
        assert result["success"] is True and result["responseCode"] == 200 and 0 <= result["responseTimeMs"] < 10_000
        if contract != "kuviq":
            data = members(request.body)["payload" if contract == "inspectorio" else "data"]
            assert json.loads(data) == json.loads(vendors.sample(contract, DOCUMENTED[contract].types[0])), "the catalogue's example"
            assert event_type in request.body.decode()
        if contract in SIGNED:
            stamp = request.headers["webhook-timestamp"]
            right = vendors.signature(contract, DOCUMENTED[contract].secret, request.body, request.headers["webhook-id"], stamp)
            assert request.headers[SIGNATURE_HEADER[contract]] == right

        logged = tenant.delivery(result["deliveryId"])
        assert logged["status"] == "completed" and logged["attempts"] == 1 and logged["webhookId"] == webhook["id"]
        (attempt,) = logged["attemptLog"]
        assert attempt["trigger"] == "test" and attempt["responseCode"] == 200
        assert logged["request"]["body"].encode() == request.body and logged["request"]["url"] == running.url()
        assert [d["id"] for d in tenant.deliveries()] == [result["deliveryId"]]
        stack.for_a_while(lambda: len(running.received()) == 1, 1, "one request")


def test_kuviqs_test_event_is_its_own_envelope_to_the_byte(kuviq: Tenant, receiver: Receiver):
    webhook = vendors.subscribe(kuviq, receiver.url())

    result = test_button(kuviq, webhook).ok()

    assert result["success"] is True
    (request,) = receiver.wait(1)
    timestamp = json.loads(request.body)["timestamp"]
    assert ISO_Z.match(timestamp)
    assert re.sub(rb"from [^\"]+", b"from <product>", request.body) == (
        b'{"event":"test.webhook","timestamp":"%s","isTest":true,"data":{"message":"This is a test webhook from <product>",'
        b'"endpointId":"%s","organizationId":"%s"}}' % (timestamp.encode(), webhook["id"].encode(), kuviq.id.encode())
    )
    assert request.headers["x-webhook-signature"] == vendors.signature("kuviq", DOCUMENTED["kuviq"].secret, request.body)
    assert ISO_Z.match(request.headers["x-webhook-timestamp"])
    assert kuviq.delivery(result["deliveryId"])["request"]["body"].encode() == request.body
    # A real event of the same type has the normal envelope.
    kuviq.publish("test.webhook", {"n": 1})
    assert b"isTest" not in receiver.wait(2)[1].body


# Alone, since the three seconds are a limit of the product and not of other tests.
@pytest.mark.alone
def test_a_kazinex_test_event_arrives_in_three_seconds_and_is_logged_in_full(operator: Api, receiver: Receiver):
    event_type = with_an_example(operator, "kazinex")
    tenant = new_tenant("kazinex")
    webhook = vendors.subscribe(tenant, receiver.url())
    receiver.answer(200, Reply(202, {"content-type": "application/json", "x-request-id": "req-7"}, b'{"seen":"gr\xc3\xbc\xc3\x9fe"}'))
    test_button(tenant, webhook).ok()  # warms everything up

    began = time.time()
    result = test_button(tenant, webhook, type=event_type, context={"organisation_id": "org_1", "project_id": "proj_2"}).ok()
    took = time.time() - began

    request = receiver.wait(2)[1]
    assert request.arrived - began <= 3, f"it arrived after {request.arrived - began:.2f} s"
    assert took <= 3, f"the answer took {took:.2f} s"
    envelope = json.loads(request.body)
    assert list(envelope) == ["event", "timestamp", "organisation_id", "project_id", "data"]
    assert (envelope["event"], envelope["organisation_id"], envelope["project_id"]) == (event_type, "org_1", "proj_2")
    assert result["responseCode"] == 202

    opened = tenant.delivery(result["deliveryId"])
    assert opened["request"]["method"] == "POST" and opened["request"]["body"].encode() == request.body
    shown = {name.lower(): value for name, value in opened["request"]["headers"].items()}
    assert shown["x-kazinex-signature"] == request.headers["x-kazinex-signature"] and shown["webhook-id"] == request.headers["webhook-id"]
    (attempt,) = opened["attemptLog"]
    assert attempt["responseCode"] == 202 and attempt["responseBody"] == '{"seen":"grüße"}'
    assert attempt["responseHeaders"]["x-request-id"] == "req-7"
    # The duration in the log is the one in the result.
    assert attempt["durationMs"] == result["responseTimeMs"]
    assert opened["eventType"] == event_type
    # Its event can be read as well.
    assert tenant.event(opened["eventId"])["type"] == event_type


def test_a_kazinex_test_event_has_its_ids_without_a_context_of_its_own(operator: Api, receiver: Receiver):
    tenant = new_tenant("kazinex")
    webhook = vendors.subscribe(tenant, receiver.url())

    def ids_of_a_test() -> tuple:
        before = len(receiver.requests())
        result = test_button(tenant, webhook).ok()
        request = receiver.wait(before + 1)[-1]
        assert tenant.delivery(result["deliveryId"])["request"]["body"].encode() == request.body, "shown as it was sent"
        envelope = json.loads(request.body)
        assert list(envelope) == ["event", "timestamp", "organisation_id", "project_id", "data"]
        return envelope["organisation_id"], envelope["project_id"]

    assert ids_of_a_test() == (tenant.id, None)
    operator.put(f"/v1/tenants/{tenant.id}", {"contract": "kazinex", "context": {"organisation_id": "org_abc123", "project_id": "p"}}).ok()
    # Tests are sent by a dispatcher that may have read its snapshot just before.
    stack.eventually(lambda: ids_of_a_test() == ("org_abc123", "p"), 60, "the tenant's context")
    tenant.patch_webhook(webhook["id"], context={"project_id": "proj_xyz789"})
    stack.eventually(lambda: ids_of_a_test() == ("org_abc123", "proj_xyz789"), 60, "the webhook's context over the tenant's")


# ---- Failure -----------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_failed_test_event_is_told_logged_not_retried_and_no_dead_letter(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url(), overrides={"retryDelaysSeconds": [1, 1]})
    receiver.answer(Reply(201 if contract == "inspectorio" else 500, {}, b"kaputt"))

    result = test_button(tenant, webhook).ok()

    code = 201 if contract == "inspectorio" else 500
    assert set(result) == RESULT | {"error"} and result["success"] is False and result["responseCode"] == code
    assert str(code) in result["error"] and result["responseTimeMs"] >= 0
    receiver.stays_at(1, seconds=3.5)
    logged = tenant.delivery(result["deliveryId"])
    assert logged["status"] == "failed" and logged["attempts"] == 1 and "nextAttemptAt" not in logged
    assert logged["attemptLog"][0]["trigger"] == "test" and logged["attemptLog"][0]["responseBody"] == "kaputt"
    assert tenant.dead_letters() == []
    assert tenant.webhook(webhook["id"])["active"], "a test switches nothing off"


def test_a_test_event_that_gets_no_answer_says_why(receiver: Receiver):
    tenant = new_tenant("kliq")
    receiver.answer(HANG)
    hangs = vendors.subscribe(tenant, receiver.url(), overrides={"timeoutSeconds": 1})
    nobody = vendors.subscribe(tenant, f"http://127.0.0.1:{closed_port()}/hook")

    for webhook, why in ((hangs, "timeout"), (nobody, "connect")):
        result = test_button(tenant, webhook).ok()

        assert result["success"] is False and "responseCode" not in result and why == result["errorCode"], result
        assert tenant.delivery(result["deliveryId"])["attemptLog"][0]["error"]["code"] == why
    assert result["responseTimeMs"] < 1000


def test_a_410_to_a_test_event_switches_nothing_off(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    receiver.answer(410)

    result = test_button(tenant, webhook).ok()

    assert result["success"] is False and result["responseCode"] == 410
    stack.for_a_while(lambda: tenant.webhook(webhook["id"])["active"], 1, "the webhook to be on")
    assert tenant.dead_letters() == []


def test_a_test_event_stays_a_test_when_it_is_retried_by_hand(kuviq: Tenant, receiver: Receiver):
    webhook = vendors.subscribe(kuviq, receiver.url(), active=False)
    receiver.answer(500, 410, 200)
    delivery = test_button(kuviq, webhook, type="item.created").ok()["deliveryId"]

    for number, status in ((2, "failed"), (3, "completed")):
        # A test event goes to an inactive webhook, and so does its retry.
        waiting = kuviq.api.post(kuviq.path(f"/deliveries/{delivery}/retry")).ok(202)

        assert waiting["manualAttemptWaiting"] is True and waiting["id"] == delivery and waiting["test"] is True
        body = json.loads(receiver.wait(number)[-1].body)
        assert body["isTest"] is True and body["event"] == "test.webhook", "a test went out as a real event"
        stack.eventually(lambda: kuviq.delivery(delivery)["attempts"] == number)
        logged = kuviq.delivery(delivery)
        assert "manualAttemptWaiting" not in logged
        assert (logged["status"], logged["attemptLog"][-1]["trigger"]) == (status, "manual")
        assert json.loads(logged["request"]["body"]) == body
    assert kuviq.dead_letters() == [] and "disabledReason" not in kuviq.webhook(webhook["id"])


def test_a_publisher_who_names_a_test_event_sends_it_to_nobody(tenant: Tenant, receiver: Receiver):
    tried = tenant.new_webhook(receiver.url("/tried"), ["*"])
    tenant.new_webhook(receiver.url("/other"), ["*"])
    key = test_button(tenant, tried).ok()["deliveryId"].removeprefix("dlv_")[:26]

    tenant.send_sqs(json.dumps({"tenantId": tenant.id, "stored": key}))

    (letter,) = tenant.wait_for_dead_letters(1)
    assert letter["reason"] == "undeliverable"
    receiver.stays_at(0, seconds=1, path="/other")


# ---- Who, what and where -----------------------------------------------------------------------


def test_an_inactive_webhook_can_be_tried_out_and_stays_inactive(receiver: Receiver):
    tenant = new_tenant("kuviq")
    webhook = vendors.subscribe(tenant, receiver.url(), active=False)

    result = test_button(tenant, webhook).ok()

    assert result["success"] is True
    receiver.wait(1)
    assert tenant.webhook(webhook["id"])["active"] is False
    tenant.publish("item.created")
    receiver.stays_at(1, seconds=1.5)


def test_only_the_webhook_that_is_tried_out_gets_the_test_event(tenant: Tenant, receiver: Receiver):
    tried = tenant.new_webhook(receiver.url("/tried"), ["*"])
    tenant.new_webhook(receiver.url("/other"), ["*"])

    test_button(tenant, tried).ok()

    receiver.wait(1, path="/tried")
    receiver.stays_at(0, seconds=1, path="/other")


def test_a_test_event_carries_the_webhooks_own_credentials(receiver: Receiver):
    tenant = new_tenant("inspectorio")
    basic = {"username": "user", "password": "p@ss:w\u00f6rd"}
    webhook = vendors.subscribe(tenant, receiver.url(), basicAuth=basic, headers={"X-Api-Key": "k-1"})

    result = test_button(tenant, webhook).ok()

    (request,) = receiver.wait(1)
    assert request.headers["authorization"] == "Basic dXNlcjpwQHNzOnfDtnJk" and request.headers["x-api-key"] == "k-1"
    assert "dXNlcjpwQHNzOnfDtnJk" not in json.dumps(tenant.delivery(result["deliveryId"]))


def test_test_events_of_others_of_no_type_and_without_the_scope_are_refused(tenant: Tenant, receiver: Receiver):
    webhook, stranger = tenant.new_webhook(receiver.url()), new_tenant("standard")

    refusals = {
        "another tenant's webhook": (stranger.api.post(stranger.path(f"/webhooks/{webhook['id']}/test"), {}), 404, "not_found"),
        "another tenant's path": (stranger.api.post(tenant.path(f"/webhooks/{webhook['id']}/test"), {}), 404, "not_found"),
        "no webhook": (tenant.api.post(tenant.path("/webhooks/wh_aaaaaaaaaaaaaaaaaaaa/test"), {}), 404, "not_found"),
        "no type": (test_button(tenant, webhook, type="not a type"), 422, "invalid_event_type"),
        "an unknown member": (test_button(tenant, webhook, data={}), 400, "unknown_field"),
    }
    reader = tenant.api.with_key(tenant.new_key(["webhooks:read", "events:write"])["key"])
    refusals["no scope"] = (reader.post(tenant.path(f"/webhooks/{webhook['id']}/test"), {}), 403, "forbidden")

    for title, (answer, status, code) in refusals.items():
        assert (answer.status, answer.code) == (status, code), title
    receiver.stays_at(0, seconds=1)
    assert tenant.deliveries() == []


# ---- How many at once --------------------------------------------------------------------------


def test_a_webhook_has_one_test_event_its_tenant_three_and_a_hang_up_frees_none(tenant: Tenant, receiver: Receiver):
    receiver.answer(HANG)
    # The longest timeout: three must run at a time.
    hanging = [tenant.new_webhook(receiver.url(), overrides={"timeoutSeconds": 10}) for _ in range(4)]
    other = new_tenant("standard")
    elsewhere = other.new_webhook(receiver.url("/good"))

    def refused(webhook: dict, whose: str) -> int:
        answer = test_button(tenant, webhook)
        assert (answer.status, answer.code) == (409, "test_under_way"), answer
        assert whose in answer.json["detail"] and "wait" in answer.json["detail"], answer.json
        return int(answer.headers["retry-after"])

    # The first caller hangs up.
    with pytest.raises(TimeoutError):
        tenant.api.within(1).post(tenant.path(f"/webhooks/{hanging[0]['id']}/test"), {})
    with ThreadPoolExecutor() as others:
        # The first attempt ends ten seconds after it began: requests that it blocks are made at
        # once.
        answers = [others.submit(test_button, tenant, webhook) for webhook in hanging[1:3]]
        receiver.wait(3)
        refused(hanging[3], "this tenant")
        assert 1 <= refused(hanging[0], "this webhook") <= 30
        assert test_button(other, elsewhere).ok()["success"], "another tenant's"
        results = [answer.result().ok() for answer in answers]
    assert all(result["errorCode"] == "timeout" for result in results), results

    # They have ended, and so has the one without a waiting caller.
    receiver.answer(200)
    for webhook in hanging:
        stack.eventually(lambda: test_button(tenant, webhook).status == 200, 60, "the test event to be admitted", every=1)


def test_of_many_calls_at_once_one_sends_a_test_event(tenant: Tenant, receiver: Receiver):
    webhook, refused = tenant.new_webhook(receiver.url()), threading.Semaphore(0)

    def once_all_others_are_refused(_: Request) -> int:
        # For nine seconds: the tests' stack limits an attempt to ten.
        end = time.monotonic() + 9
        for _ in range(19):
            refused.acquire(timeout=max(0, end - time.monotonic()))
        return 200

    def call(_: int) -> Answer:
        answer = test_button(tenant, webhook)
        if answer.status == 409:
            refused.release()
        return answer

    receiver.answer(once_all_others_are_refused)
    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(call, range(20)))

    assert sorted(answer.status for answer in answers) == [200] + [409] * 19
    receiver.stays_at(1, seconds=1)
