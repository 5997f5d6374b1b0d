"""Values at their limits: times, repeated members, depth, characters; and the errors for them."""

import json

import pytest
from support import stack
from support.client import Answer, Api, Tenant, new_tenant
from support.receiver import Receiver

LAST = "9999-12-31T23:59:59Z"
URL = "https://receiver.example.com/hook"


def refused(answer: Answer, status: int, code: str, field: str | None = None) -> str:
    """Checks the rejection and returns its detail."""
    assert (answer.status, answer.code) == (status, code), answer
    assert answer.json.get("field") == field, answer
    return answer.json["detail"]


# ---- Times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (LAST, LAST),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ("2026-01-01T00:00:00.1234567891Z", "2026-01-01T00:00:00.123456789Z"),
        ("2026-01-31T14:00:00.5+02:00", "2026-01-31T12:00:00.5Z"),
        # A real leap second; receivers' parsers reject its spelling.
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_taken_up_to_the_end_of_9999_and_sent_with_its_digits(tenant: Tenant, receiver: Receiver, given: str, sent: str):
    tenant.new_webhook(receiver.url())

    event = tenant.publish(timestamp=given)

    assert json.loads(receiver.wait(1)[0].body)["timestamp"] == sent
    assert tenant.event(event)["timestamp"] == sent


@pytest.mark.parametrize("given", ["2026-03-05T12:30:60Z", "2026-03-05T23:59:60Z", "9999-12-31T23:59:59-00:01"])
def test_a_time_that_cannot_be_is_refused(tenant: Tenant, given: str):
    answer = tenant.api.post(tenant.path("/events"), {"type": "item.created", "data": 1, "timestamp": given})

    refused(answer, 422, "invalid_timestamp", "timestamp")


def test_never_can_be_written_wherever_a_time_is_read(tenant: Tenant):
    made = tenant.api.post(tenant.path("/keys"), {"scopes": ["webhooks:read"], "expiresAt": LAST}).ok(201)
    assert made["expiresAt"] == "9999-12-31T23:59:59.000Z"
    assert tenant.api.with_key(made["key"]).get(tenant.path("/webhooks")).status == 200
    for path in ("/deliveries", "/dead-letters"):
        assert tenant.api.get(tenant.path(path), since="2026-01-01T00:00:00Z", until=LAST).ok()["items"] == []
        assert tenant.api.get(tenant.path(path), since=LAST).ok()["items"] == []
    counts = tenant.api.post(tenant.path("/redrives"), {"until": LAST, "dryRun": True}).ok()
    assert counts["count"] == 0


# ---- Members that are given twice --------------------------------------------------------------

TWICE = {
    "a patch": ("PATCH", "/webhooks/{webhook}", '{"name":"a","name":"b"}', 400, "invalid_request", "name"),
    "a patch in depth": ("PATCH", "/webhooks/{webhook}", '{"overrides":{"timeoutSeconds":1,"timeoutSeconds":2}}', 400, "invalid_request", "overrides.timeoutSeconds"),
    "headers": ("POST", "/webhooks", '{"url":"%s","events":["*"],"headers":{"X-A":"1","X-A":"2"}}' % URL, 422, "invalid_header", "headers.X-A"),
    "headers of a patch": ("PATCH", "/webhooks/{webhook}", '{"headers":{"X-A":"1","X-A":null}}', 422, "invalid_header", "headers.X-A"),
    "an event": ("POST", "/events", '{"type":"a","type":"b","data":1}', 400, "invalid_request", "type"),
    "an event's context": ("POST", "/events", '{"type":"a","data":1,"context":{"a":1,"a":2}}', 400, "invalid_request", "context.a"),
    "a test's context": ("POST", "/webhooks/{webhook}/test", '{"context":{"a":1,"\\u0061":2}}', 400, "invalid_request", "context.a"),
    "a tenant's limits": ("PUT", "", '{"limits":{"webhooks":1,"webhooks":2}}', 400, "invalid_request", "limits.webhooks"),
}


@pytest.fixture(scope="module")
def somebody() -> tuple[Tenant, str]:
    """A tenant with a webhook, which no rejected request changes."""
    tenant = new_tenant()
    return tenant, tenant.new_webhook(URL)["id"]


@pytest.mark.parametrize("case", TWICE)
def test_a_member_that_is_given_twice_is_refused_and_named(somebody, case: str):
    tenant, webhook = somebody
    method, path, body, status, code, field = TWICE[case]

    detail = refused(tenant.operator.call(method, tenant.path(path.format(webhook=webhook)), body), status, code, field)

    assert "twice" in detail


@pytest.mark.parametrize("member", ["typeNames", "envelope", "mails"])
def test_a_contract_names_nothing_twice(operator: Api, member: str):
    name = stack.unique("twice")
    rest = '"envelope":{"d":"{data}"},' if member != "envelope" else ""
    body = f'{{{rest}"timeoutSeconds":5,"success":["2xx"],"retryDelaysSeconds":[],"{member}":{{"a":"x","a":"y"}}}}'

    refused(operator.put(f"/v1/contracts/{name}", body), 400, "invalid_request", f"{member}.a")

    assert operator.get(f"/v1/contracts/{name}").status == 404


def test_what_an_events_data_repeat_is_the_tenants_own_affair(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())

    tenant.publish(data=b'{"a":1,"a":2}')

    assert receiver.wait(1)[0].body.endswith(b'"data":{"a":1,"a":2}}')


# ---- Depth -------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("levels", [128, 5_000])
def test_whatever_json_is_kept_is_no_deeper_than_an_event_may_be(operator: Api, somebody, levels: int):
    tenant, webhook = somebody
    event_type, contract = stack.unique("deep"), stack.unique("deep")
    rules = b'"timeoutSeconds":5,"success":["2xx"],"retryDelaysSeconds":[]'

    refused(operator.put(f"/v1/event-types/{event_type}", b'{"example":' + nested(levels) + b"}"), 422, "too_deep", "example")
    for member in ("envelope", "testEnvelope"):
        body = b'{"envelope":{"d":"{data}"},' if member == "testEnvelope" else b"{"
        body += f'"{member}":{{"a":'.encode() + nested(levels - 1) + b"}," + rules + b"}"
        refused(operator.put(f"/v1/contracts/{contract}", body), 422, "too_deep", member)
    context = b'{"context":{"a":' + nested(levels - 1) + b"}}"
    refused(tenant.api.post(tenant.path(f"/webhooks/{webhook}/test"), context), 422, "too_deep", "context")

    assert operator.get(f"/v1/event-types/{event_type}").status == 404
    assert operator.get(f"/v1/contracts/{contract}").status == 404


def test_an_example_as_deep_as_an_events_data_may_be_is_kept(operator: Api, tenant: Tenant):
    event_type = stack.unique("deep")
    operator.put(f"/v1/event-types/{event_type}", b'{"example":' + nested(127) + b"}").ok(201)
    tenant.publish(event_type, nested(127))


# ---- Names -------------------------------------------------------------------------------------

INVISIBLE = ["\u0000", "\u001b[2J", "\n", "\u007f", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"]


@pytest.mark.parametrize("text", INVISIBLE, ids=[f"U+{ord(text[0]):04X}" for text in INVISIBLE])
def test_a_name_holds_nothing_that_cannot_be_seen(operator: Api, somebody, text: str):
    tenant, webhook = somebody
    name = f"acme{text}evil"

    refused(operator.put(f"/v1/tenants/{stack.unique()}", {"name": name}), 422, "invalid_name", "name")
    refused(operator.put(f"/v1/event-types/{stack.unique('named')}", {"group": f"x\u202e{text}"}), 422, "invalid_name", "group")
    refused(tenant.api.post(tenant.path("/webhooks"), {"url": URL, "events": ["*"], "name": name}), 422, "invalid_name", "name")
    refused(tenant.api.patch(tenant.path(f"/webhooks/{webhook}"), {"name": name}), 422, "invalid_name", "name")
    refused(tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"], "name": name}), 422, "invalid_name", "name")


# ---- The text of an error ----------------------------------------------------------------------


def test_a_patch_is_blamed_for_what_was_sent(somebody):
    tenant, webhook = somebody
    path = tenant.path(f"/webhooks/{webhook}")

    unknown = refused(tenant.api.patch(path, {"colour": "red"}), 400, "unknown_field", "colour")
    assert all(name in unknown for name in ("`headers`", "`basicAuth`", "`url`", "`overrides`")), unknown
    assert "column" not in unknown
    assert "secret/rotate" in refused(tenant.api.patch(path, {"secret": "s"}), 400, "unknown_field", "secret")
    assert "cannot be removed" in refused(tenant.api.patch(path, {"url": None}), 400, "missing_field", "url")
    wrong = refused(tenant.api.patch(path, {"active": "no"}), 400, "invalid_request", "active")
    assert wrong == "`active` must be true or false, not a string."


def test_a_filter_says_what_it_takes(tenant: Tenant):
    deliveries, path = tenant.path("/deliveries"), tenant.path("/dead-letters")

    assert "completed, failed" in refused(tenant.api.get(deliveries, status="done"), 400, "invalid_filter", "status")
    assert "wh_" in refused(tenant.api.get(deliveries, webhookId="a.b"), 400, "invalid_filter", "webhookId")
    assert "item.created" in refused(tenant.api.get(deliveries, type="it*"), 400, "invalid_filter", "type")
    assert "exhausted" in refused(tenant.api.get(path, reason="why"), 400, "invalid_filter", "reason")
    assert "%2B" in refused(tenant.api.get(f"{deliveries}?since=2026-11-27T10:00:00+01:00"), 400, "invalid_filter", "since")
    assert tenant.api.get(f"{deliveries}?since=2026-11-27T10:00:00%2B01:00").status == 200
    assert "status" in refused(tenant.api.get(deliveries, colour="blue"), 400, "unknown_parameter", "colour")


def test_the_counts_are_no_list(tenant: Tenant):
    detail = refused(tenant.api.get(tenant.path("/stats"), limit=5), 400, "unknown_parameter", "limit")

    assert "since" in detail and "cursor" not in detail


def test_a_mistake_in_a_body_is_told_in_the_callers_words(tenant: Tenant):
    events, hooks, keys = tenant.path("/events"), tenant.path("/webhooks"), tenant.path("/keys")

    for answer, code, field, told in (
        (tenant.api.post(events, '{"type":"a"}'), "missing_field", "data", "`data` is missing."),
        (tenant.api.post(events, '{"type":"a","data":1,"tpye":1}'), "unknown_field", "tpye", "`id`, `type`, `timestamp`, `data`, `context`"),
        (tenant.api.post(events, "[]"), "invalid_request", None, "events/batch"),
        (tenant.api.post(events, "type=a&data=1"), "invalid_json", None, "form data"),
        (tenant.api.post(events, '{"type":"a",}'), "invalid_json", None, "trailing comma"),
        (tenant.api.post(hooks, f'{{"url":"{URL}","events":"*"}}'), "invalid_request", "events", "must be a list, not a string"),
        (tenant.api.post(hooks, {"url": URL, "events": ["*"], "overrides": {"retryDelaysSeconds": [0.5]}}), "invalid_request", "overrides.retryDelaysSeconds[0]", "a whole number"),
    ):
        words(refused(answer, 400, code, field), told)
    words(refused(tenant.api.post(keys, {"scopes": ["events:read"]}), 422, "invalid_value", "scopes[0]"), "one of `events:write`")


def words(detail: str, told: str) -> None:
    """They are the caller's, not Rust's."""
    assert told in detail, detail
    assert not any(word in detail for word in ("u32", "expected", "invalid type", "variant", "sequence")), detail


def test_every_mistake_of_a_body_is_told_at_once(tenant: Tenant):
    hooks = tenant.path("/webhooks")

    def mistakes(answer: Answer, status: int) -> list[tuple[str, str]]:
        first = answer.json["errors"][0]
        assert answer.status == status and (answer.code, answer.json["detail"]) == (first["code"], first["detail"])
        assert answer.json["requestId"] and answer.json["type"] == f"/docs/errors.md#{answer.code}"
        return [(one.get("pointer") or one["parameter"], one["code"]) for one in answer.json["errors"]]

    shape = {"colour": "red", "active": "yes", "overrides": {"timeoutSeconds": "5"}}
    assert mistakes(tenant.api.post(hooks, shape), 400) == [
        ("/colour", "unknown_field"), ("/active", "invalid_request"), ("/overrides/timeoutSeconds", "invalid_request"),
        ("/url", "missing_field"), ("/events", "missing_field"),
    ]
    rules = {"name": "x" * 257, "url": "ftp://receiver.example.com/", "events": [], "contract": "no-such"}
    assert mistakes(tenant.api.post(hooks, rules), 422) == [
        ("/name", "invalid_name"), ("/url", "invalid_url"), ("/events", "invalid_events"), ("/contract", "invalid_contract"),
    ]
    webhook = tenant.new_webhook(URL)
    patched = tenant.api.patch(f"{hooks}/{webhook['id']}", rules)
    assert mistakes(patched, 422) == mistakes(tenant.api.post(hooks, rules), 422)
    event = {"id": "a.b", "type": "a b", "data": 1, "timestamp": "now", "context": {"a": []}}
    assert mistakes(tenant.api.post(tenant.path("/events"), event), 422) == [
        ("/id", "invalid_event_id"), ("/type", "invalid_event_type"), ("/timestamp", "invalid_timestamp"), ("/context", "invalid_value"),
    ]
    assert mistakes(tenant.api.get(hooks, limit=0), 400) == [("limit", "invalid_limit")]
    assert mistakes(tenant.api.get(f"{hooks}/wh_0123456789abcdefghjk"), 404) == [("webhookId", "not_found")]


def test_a_404_names_the_part_of_the_path_and_nothing_that_is_secret(tenant: Tenant, somebody):
    other, webhook = somebody
    absent = "wh_0123456789abcdefghjk"

    refused(tenant.api.get(other.path("/webhooks")), 404, "not_found", "tenantId")
    refused(tenant.operator.get("/v1/tenants/nobody-has-this-id/webhooks"), 404, "not_found", "tenantId")
    for own in (webhook, absent, "x"):
        refused(tenant.api.get(tenant.path(f"/webhooks/{own}")), 404, "not_found", "webhookId")
    refused(tenant.api.delete(tenant.path("/keys/0123456789ab")), 404, "not_found", "keyId")
    assert "slash" in refused(tenant.api.get(tenant.path("/webhooks/")), 404, "not_found")
