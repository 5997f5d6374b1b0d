"""Inboxes: webhooks with the URL `postel:inbox` are delivered into the stack itself, as to any
receiver."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import slow, stack, vendors
from support.client import STANDARD_SECRET, Api, Tenant, new_tenant
from support.contracts import seconds_of
from support.vendors import CONTRACTS, DOCUMENTED, SIGNATURE_HEADER, SIGNED

INBOX = "postel:inbox"
KEPT = 100


def path(tenant: Tenant, webhook: dict, rest: str) -> str:
    return tenant.path(f"/webhooks/{webhook['id']}/{rest}")


def requests(tenant: Tenant, webhook: dict, limit: int = 250) -> list[dict[str, Any]]:
    return tenant.api.all(path(tenant, webhook, "requests"), limit)


def script(tenant: Tenant, webhook: dict, *responses: dict[str, Any]) -> dict[str, Any]:
    return tenant.api.put(path(tenant, webhook, "responses"), {"responses": list(responses)}).ok()


def stored(tenant_id: str) -> list[dict[str, Any]]:
    return [row for row in stack.scan("LogTable", f"{tenant_id}#inbox") if row["pk"]["S"] == f"{tenant_id}#inbox"]


def invocation(tenant: Tenant, *numbers: int) -> float:
    """How long the dispatcher takes for a batch of events with these data, in seconds."""
    records = [stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": n}), group=tenant.id) for n in numbers]
    began = time.monotonic()
    assert stack.invoke_with(records)["batchItemFailures"] == []
    return time.monotonic() - began


def statuses(delivery: dict[str, Any]) -> list[int | None]:
    return [attempt.get("responseCode") for attempt in delivery["attemptLog"]]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_is_delivered_with_a_genuine_signature(contract: str):
    tenant = new_tenant(contract)
    event_type, secret = DOCUMENTED[contract].types[0], DOCUMENTED[contract].secret
    webhook = vendors.subscribe(tenant, INBOX)
    assert webhook["url"] == INBOX
    event_id = tenant.api.post(tenant.path("/events"), vendors.event(contract, event_type)).ok(202)["id"]

    delivery = tenant.wait_for_status(event_id, "completed")

    (request,) = requests(tenant, webhook)
    assert (request["deliveryId"], request["eventId"], request["attempt"], request["trigger"]) == (delivery["id"], event_id, 1, "automatic")
    assert request["method"] == "POST" and request["response"]["statusCode"] == 200 and request["response"]["timedOut"] is False
    # What the log shows is what arrived.
    assert (delivery["request"]["url"], statuses(delivery)) == (INBOX, [200])
    assert delivery["request"]["headers"] == request["headers"] and delivery["request"]["body"] == request["body"]
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert headers.keys() >= DOCUMENTED[contract].headers | {"webhook-id", "webhook-timestamp", "content-type", "user-agent"}
    if contract not in SIGNED:
        assert "signature" not in request
        return
    genuine = vendors.signature(contract, secret, request["body"].encode(), headers["webhook-id"], headers["webhook-timestamp"])
    assert headers[SIGNATURE_HEADER[contract]] == genuine
    found = request["signature"]
    names = ["header", "timestamp", "signature"] if contract == "standard" else ["header", "signature"]
    assert found["valid"] is True and [check["name"] for check in found["checks"]] == names
    assert all(check["passed"] and check["detail"].endswith(".") for check in found["checks"])
    assert found["header"].lower() == SIGNATURE_HEADER[contract]


def test_while_a_rotation_overlaps_both_signatures_are_checked(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    tenant.api.post(path(tenant, webhook, "secret/rotate"), {}).ok()
    stack.forgotten_by_all(time.time())
    tenant.wait_for_status(tenant.publish(), "completed")

    (request,) = requests(tenant, webhook)

    assert request["signature"]["valid"] is True
    assert "2 of 2" in request["signature"]["checks"][-1]["detail"]


def test_a_script_fails_twice_and_then_succeeds_by_the_schedule(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX, overrides={"retryDelaysSeconds": [1, 1]})
    set_ = script(tenant, webhook, {"status": 500, "times": 2, "body": "not yet", "headers": {"X-Request-Id": "r-1", "Set-Cookie": "a=b"}}, {"status": 201})
    full = {"status": 201, "delaySeconds": 0, "headers": {}, "body": "", "times": 1}
    assert set_["responses"][1] == full and tenant.api.get(path(tenant, webhook, "responses")).ok() == set_
    event_id = tenant.publish()

    delivery = tenant.wait_for_status(event_id, "completed")

    assert statuses(delivery) == [500, 500, 201]
    first = delivery["attemptLog"][0]
    assert (first["responseBody"], first["responseHeaders"]) == ("not yet", {"x-request-id": "r-1"}), "what is kept of every receiver's response"
    newest_first = requests(tenant, webhook)
    assert [r["attempt"] for r in newest_first] == [3, 2, 1] and [r["response"]["statusCode"] for r in newest_first] == [201, 500, 500]
    assert {r["headers"]["webhook-id"] for r in newest_first} == {event_id}
    assert len({r["id"] for r in newest_first}) == 3
    assert [r["receivedAt"] for r in newest_first] == sorted((r["receivedAt"] for r in newest_first), reverse=True)
    # A script that is set again begins again.
    script(tenant, webhook, {"status": 202})
    assert statuses(tenant.wait_for_status(tenant.publish(), "completed")) == [202]


def test_of_several_dispatchers_each_takes_another_response(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX, overrides={"retryDelaysSeconds": []})
    script(tenant, webhook, {"status": 500, "times": 7}, {"status": 400, "times": 5}, {"status": 204})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: invocation(tenant, number), range(30)))

    given = [request["response"]["statusCode"] for request in requests(tenant, webhook)]
    assert sorted(given) == [204] * 18 + [400] * 5 + [500] * 7


def test_a_delay_is_waited_for_and_leads_into_the_slow_lane(tenant: Tenant):
    # One attempt of nine seconds makes a webhook slow: see test_slow_lane.py.
    longest = int(stack.parameter("MaxWebhookTimeoutSeconds"))
    assert longest > 9
    webhook = tenant.new_webhook(INBOX, overrides={"timeoutSeconds": longest})
    script(tenant, webhook, {"status": 200, "delaySeconds": 9}, {"status": 200, "delaySeconds": 4})

    assert invocation(tenant, 1) >= 9

    assert slow.since(tenant.id, webhook["id"])
    assert [(d["status"], d["attempts"]) for d in tenant.deliveries()] == [("completed", 1)], "late is a success all the same"
    # From now on a batch does not wait for it, and it is delivered all the same.
    assert invocation(tenant, 2) < 4
    stack.eventually(lambda: [d["status"] for d in tenant.deliveries()] == ["completed"] * 2, 60, "the delivery from the slow lane")
    found = [(r["response"]["delayMs"], r["response"]["timedOut"]) for r in requests(tenant, webhook)]
    assert found == [(4000, False), (9000, False)]


def test_a_delay_beyond_the_timeout_is_a_timeout(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX, overrides={"timeoutSeconds": 1, "retryDelaysSeconds": [1]})
    script(tenant, webhook, {"status": 200, "delaySeconds": 60}, {"status": 200})

    delivery = tenant.wait_for_status(tenant.publish(), "completed")

    late, good = delivery["attemptLog"]
    assert late["error"]["code"] == "timeout" and 1000 <= late["durationMs"] < 5000 and good["responseCode"] == 200
    assert [r["response"]["timedOut"] for r in requests(tenant, webhook)] == [False, True]


def test_retry_after_postpones_the_next_attempt(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX, overrides={"retryDelaysSeconds": [1]})
    script(tenant, webhook, {"status": 503, "headers": {"Retry-After": "500"}}, {"status": 200})

    waiting = tenant.wait_for_status(tenant.publish(), "retrying")

    (attempt,) = waiting["attemptLog"]
    assert attempt["responseHeaders"] == {"retry-after": "500"}
    assert seconds_of(waiting["nextAttemptAt"]) - seconds_of(attempt["at"]) >= 500


def test_a_dead_letter_is_redriven_to_an_inbox_that_answers_again(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX, overrides={"retryDelaysSeconds": [1]})
    script(tenant, webhook, {"status": 500})
    event_id = tenant.publish()
    (letter,) = tenant.wait_for_dead_letters(1)
    assert letter["reason"] == "exhausted"
    script(tenant, webhook, {"status": 200})

    tenant.redrive(letter["id"]).ok(202)

    delivery = tenant.wait_for_status(event_id, "completed")
    assert statuses(delivery) == [500, 500, 200] and len(requests(tenant, webhook)) == 3


def test_410_disables_the_webhook(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    script(tenant, webhook, {"status": 410})

    tenant.wait_for_status(tenant.publish(), "failed")

    now = stack.eventually(lambda: (found := tenant.webhook(webhook["id"]))["active"] is False and found, 30, "the webhook to be disabled")
    assert now["disabledReason"] == "gone"
    assert len(requests(tenant, webhook)) == 1, "it still shows what it received"


def test_a_test_event_and_a_manual_retry_take_a_response_like_any_other(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    script(tenant, webhook, {"status": 503}, {"status": 200})

    failed = tenant.api.post(path(tenant, webhook, "test"), {}).ok()
    assert (failed["success"], failed["responseCode"]) == (False, 503)
    good = tenant.api.post(path(tenant, webhook, "test"), {}).ok()
    assert (good["success"], good["responseCode"]) == (True, 200)
    tenant.api.post(tenant.path(f"/deliveries/{good['deliveryId']}/retry")).ok(202)

    stack.eventually(lambda: len(requests(tenant, webhook)) == 3, 30, "the manual attempt")
    assert [r["trigger"] for r in requests(tenant, webhook)][1:] == ["test", "test"]
    assert all(r["signature"]["valid"] for r in requests(tenant, webhook))


def test_the_newest_hundred_are_kept_and_come_page_by_page(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    many = KEPT + 20  # 13 batches of nine, and three
    # One after the other where order is looked at.
    for batch in [range(n, n + 9) for n in range(0, many - 3, 9)]:
        invocation(tenant, *batch)
    for number in range(many - 3, many):
        invocation(tenant, number)

    whole = requests(tenant, webhook)
    numbers = [json.loads(request["body"])["data"] for request in whole]
    assert len(whole) == KEPT and len(set(numbers)) == KEPT
    assert numbers[:3] == [many - 1, many - 2, many - 3]
    # The ring goes round within these pages.
    for limit in (1, 7, 30, 99, 100):
        assert requests(tenant, webhook, limit) == whole, limit
    assert len([row for row in stored(tenant.id) if "seq" in row]) == KEPT


def test_whats_hostile_arrives_byte_for_byte_and_own_headers_are_masked(tenant: Tenant):
    own = {"X-Own-Key": stack.unique("own-header-of-an-inbox")}
    webhook = tenant.new_webhook(INBOX, headers=own, basicAuth={"username": "u", "password": stack.unique("password-of-an-inbox")})
    data = b'{"a":"<script>alert(1)</script><img src=x onerror=alert(1)>","b":"\\u0000\\ud83d\\ude00\\u202e","c":1.0e2 ,"c":"\xc3\xa4"}'
    event_id = tenant.publish(data=data)
    tenant.wait_for_status(event_id, "completed")

    (request,) = requests(tenant, webhook)

    assert data in request["body"].encode() and request["signature"]["valid"] is True
    assert request["headers"]["X-Own-Key"] == "***" and request["headers"]["authorization"] == "***"
    genuine = vendors.signature("standard", STANDARD_SECRET, request["body"].encode(), event_id, request["headers"]["webhook-timestamp"])
    assert request["headers"]["webhook-signature"] == genuine
    assert own["X-Own-Key"] not in repr(stored(tenant.id))


def test_events_of_full_size_arrive_complete_and_their_pages_are_short(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    # Bytes that hardly deflate.
    data = json.dumps("".join(chr(33 + (n * n * 7919 + n // 3 * 104729) % 90) for n in range(250_000)).replace("\\", "x").replace('"', "y")).encode()
    events = [tenant.publish(data=data) for _ in range(6)]
    for event in events:
        tenant.wait_for_status(event, "completed")

    page = tenant.api.get(path(tenant, webhook, "requests")).ok()

    assert 1 <= len(page["items"]) < 6 and page["nextCursor"]
    whole = requests(tenant, webhook)
    assert {request["eventId"] for request in whole} == set(events) and len(whole) == 6
    assert all(data in request["body"].encode() for request in whole)


def test_an_erased_event_leaves_nothing_of_itself_in_an_inbox(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    marker = stack.unique("marker")
    erased, kept = tenant.publish(data=marker), tenant.publish(data="kept")
    for event in (erased, kept):
        tenant.wait_for_status(event, "completed")
    assert marker in repr(stored(tenant.id))

    tenant.api.delete(tenant.path(f"/events/{erased}/data")).ok(204)

    assert marker not in repr(stored(tenant.id))
    bodies = {request["eventId"]: request.get("body") for request in requests(tenant, webhook)}
    assert bodies[erased] is None and "kept" in bodies[kept]


@pytest.mark.parametrize("deleted", ["webhook", "tenant"])
def test_a_deletion_takes_the_requests_and_the_script_along(operator: Api, tenant: Tenant, deleted: str):
    webhook = tenant.new_webhook(INBOX, id="mine")
    script(tenant, webhook, {"status": 201})
    tenant.wait_for_status(tenant.publish(), "completed")
    other = tenant.new_webhook(INBOX, ["none.*"], id="mine-too")
    script(tenant, other, {"status": 202})
    assert len(stored(tenant.id)) == 3

    if deleted == "webhook":
        tenant.api.delete(tenant.path("/webhooks/mine")).ok(204)
        assert [row["sk"]["S"].split("#")[0] for row in stored(tenant.id)] == ["mine-too"]
        # A later webhook of the same id begins anew.
        again = tenant.new_webhook(INBOX, id="mine")
        assert requests(tenant, again) == []
        assert tenant.api.get(path(tenant, again, "responses")).ok()["responses"][0]["status"] == 200
    else:
        operator.delete(tenant.path()).ok(204)
        assert stored(tenant.id) == []


def test_only_its_tenant_sees_an_inbox_and_only_with_the_scope(tenant: Tenant, kuviq: Tenant):
    webhook = tenant.new_webhook(INBOX)
    foreign = Tenant(tenant.id, tenant.contract, kuviq.api, tenant.operator)
    for asked in (foreign, Tenant(kuviq.id, kuviq.contract, kuviq.api, kuviq.operator)):
        for rest in ("requests", "responses"):
            answer = asked.api.get(path(asked, webhook, rest))
            assert (answer.status, answer.code) == (404, "not_found")
        answer = asked.api.put(path(asked, webhook, "responses"), {"responses": [{"status": 500}]})
        assert (answer.status, answer.code) == (404, "not_found")
    reads, writes = (tenant.api.with_key(tenant.new_key([scope])["key"]) for scope in ("deliveries:read", "webhooks:write"))
    reads.get(path(tenant, webhook, "requests")).ok()
    assert reads.get(path(tenant, webhook, "responses")).status == 403
    writes.put(path(tenant, webhook, "responses"), {"responses": [{"status": 500}]}).ok()
    assert writes.get(path(tenant, webhook, "requests")).status == 403


def test_a_webhook_with_a_receiver_has_no_inbox(tenant: Tenant):
    webhook = tenant.new_webhook("https://receiver.example.com/hook", ["none.*"], headers={"X-Own-Key": "value-of-a-header"})
    for answer in (
        tenant.api.get(path(tenant, webhook, "requests")),
        tenant.api.get(path(tenant, webhook, "responses")),
        tenant.api.put(path(tenant, webhook, "responses"), {"responses": [{"status": 200}]}),
    ):
        assert (answer.status, answer.code) == (409, "not_an_inbox")
    # It becomes one by its URL, and its credentials are another host's.
    changed = tenant.patch_webhook(webhook["id"], url=INBOX)
    assert changed["url"] == INBOX and "headers" not in changed
    assert requests(tenant, webhook) == []


@pytest.mark.parametrize("url", ["postel:Inbox", "POSTEL:inbox", "postel:inbox/", "postel:inbox?x=1", "postel:inbox#x", "postel://inbox", "postel:outbox", "postel:", " postel:inbox"])
def test_no_other_url_of_its_scheme_is_accepted(tenant: Tenant, url: str):
    made = tenant.new_webhook(INBOX)
    for answer in (
        tenant.api.post(tenant.path("/webhooks"), {"url": url, "events": ["*"]}),
        tenant.api.patch(tenant.path(f"/webhooks/{made['id']}"), {"url": url}),
    ):
        assert (answer.status, answer.code) == (422, "invalid_url")


def test_a_script_out_of_bounds_is_refused_with_every_mistake(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    wrong = [
        {"status": 199, "delaySeconds": 61, "times": 0},
        {"status": 200, "headers": {"X": "a\r\nSet-Cookie: b"}, "body": "x" * 16385},
    ]

    answer = tenant.api.put(path(tenant, webhook, "responses"), {"responses": wrong})

    assert (answer.status, answer.code) == (422, "invalid_value")
    assert [error["pointer"] for error in answer.json["errors"]] == [
        "/responses/0/status",
        "/responses/0/delaySeconds",
        "/responses/0/times",
        "/responses/1/headers",
        "/responses/1/body",
    ]
    assert tenant.api.put(path(tenant, webhook, "responses"), {"responses": []}).status == 422
    assert tenant.api.put(path(tenant, webhook, "responses"), {"responses": [{}]}).status == 400


def test_only_the_script_that_a_caller_has_seen_is_replaced(tenant: Tenant):
    webhook = tenant.new_webhook(INBOX)
    place = path(tenant, webhook, "responses")
    first = tenant.api.get(place).headers["etag"]
    body = {"responses": [{"status": 202}]}

    second = tenant.api.call("PUT", place, body, {"if-match": first})

    assert second.status == 200 and second.headers["etag"] != first
    assert tenant.api.call("PUT", place, body, {"if-match": first}).status == 412
    assert tenant.api.call("PUT", place, body, {"if-none-match": "*"}).status == 412
    assert tenant.api.call("GET", place, None, {"if-none-match": second.headers["etag"]}).status == 304
    # A request changes the count and not the script.
    tenant.wait_for_status(tenant.publish(), "completed")
    assert tenant.api.get(place).headers["etag"] == second.headers["etag"]
