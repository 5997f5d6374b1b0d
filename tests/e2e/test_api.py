"""The API: every route, who may call it, and its answers."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from support import logs, stack
from support.client import KUVIQ_SECRET, SCOPES, STANDARD_SECRET, Answer, Api, Tenant, event_bytes, new_tenant
from support.contracts import check_kuviq, check_standard, members, seconds_of, standard_signature
from support.receiver import Receiver

MISSING = {
    "webhooks": "wh_0123456789abcdefghjk",
    "events": "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "deliveries": "dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV0123456789abcdefghjk",
    "dead-letters": "dl_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "keys": "0123456789ab",
}


def problem(answer: Answer, status: int, code: str) -> dict:
    """RFC 9457, with a stable code and a sentence that helps."""
    assert (answer.status, answer.code) == (status, code), answer
    body = answer.json
    assert body["status"] == status and body["title"] and body["type"], body
    assert len(body["detail"]) > 15 and body["detail"][-1] in ".!?", body
    return body


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# ---- Health, paths, methods --------------------------------------------------------------------


def test_health_answers_anyone(operator: Api):
    assert operator.with_key(None).get("/health").status == 200
    assert operator.with_key("no key at all").get("/health").status == 200


def test_a_path_that_is_none_is_404_and_a_method_that_is_none_405(operator: Api, tenant: Tenant):
    problem(operator.get("/v1/nothing"), 404, "not_found")
    problem(operator.get(tenant.path("/nothing")), 404, "not_found")
    problem(operator.post(f"/v1/tenants/{tenant.id}"), 405, "method_not_allowed")
    problem(tenant.api.delete(tenant.path("/deliveries")), 405, "method_not_allowed")
    problem(tenant.api.put(tenant.path(f"/webhooks/{MISSING['webhooks']}"), {}), 405, "method_not_allowed")


# ---- Keys --------------------------------------------------------------------------------------


def wrong_keys(right: str, operator_key: str) -> dict[str, str]:
    return {
        "Bearer alone": "Bearer",
        "empty": "Bearer ",
        "nonsense": "Bearer x",
        "another scheme": f"Basic {right}",
        "no scheme": right,
        "one character changed": f"Bearer {right[:-1]}{'a' if right[-1] != 'a' else 'b'}",
        "another secret": f"Bearer {right[:25]}{'0' * 5}{right[30:]}",
        "cut off": f"Bearer {right[:-1]}",
        "one more": f"Bearer {right}a",
        "the operator's, changed": f"Bearer {operator_key[:-1]}{'a' if operator_key[-1] != 'a' else 'b'}",
        "the operator's, cut off": f"Bearer {operator_key[:-1]}",
        "upper case": f"Bearer {right.upper()}",
    }


def test_a_wrong_key_opens_nothing_and_is_told_so_everywhere_alike(operator: Api, tenant: Tenant):
    nobody = tenant.api.with_key(None)
    for how, header in wrong_keys(tenant.api.key, operator.key).items():
        for method, path in (
            ("GET", tenant.path("/webhooks")),
            ("POST", tenant.path("/events")),
            ("POST", tenant.path("/events/batch")),
            ("GET", "/v1/tenants"),
            ("GET", "/v1/dead-letters"),
        ):
            body = event_bytes("item.created", {}) if method == "POST" else None
            answer = nobody.call(method, path, body, {"authorization": header})
            assert problem(answer, 401, "invalid_key"), how
    assert tenant.deliveries() == []


def test_no_key_at_all_is_401(operator: Api, tenant: Tenant):
    # AWS's gateway denies it itself, because the identity source is missing, in its own words.
    assert operator.with_key(None).get(tenant.path("/webhooks")).status == 401
    assert operator.with_key(None).post(tenant.path("/events"), {"type": "a", "data": 1}).status == 401


def test_the_scheme_may_be_written_in_any_case(tenant: Tenant):
    assert tenant.api.with_key(None).call("GET", tenant.path("/webhooks"), None, {"authorization": f"bearer {tenant.api.key}"}).status == 200


def test_a_key_is_shown_once_listed_without_itself_and_dead_once_deleted(tenant: Tenant):
    made = tenant.api.post(tenant.path("/keys"), {"name": "CI", "scopes": ["webhooks:read"]}).ok(201)
    assert made["name"] == "CI" and made["scopes"] == ["webhooks:read"] and seconds_of(made["createdAt"]) and "expiresAt" not in made
    assert made["key"].startswith("postel_") and len(made["key"]) > 60
    api = tenant.api.with_key(made["key"])
    api.get(tenant.path("/webhooks")).ok()

    listed = tenant.api.get(tenant.path("/keys"))
    (shown,) = [k for k in listed.ok()["items"] if k["id"] == made["id"]]
    assert abs(seconds_of(shown.pop("lastUsedAt")) - time.time()) < 60
    assert shown == {n: v for n, v in made.items() if n != "key"}
    assert made["key"].encode() not in listed.raw and made["key"].split("_")[-1].encode() not in listed.raw

    assert tenant.api.delete(tenant.path(f"/keys/{made['id']}")).status == 204
    problem(stack.eventually(lambda: (a := api.get(tenant.path("/webhooks"))).status != 200 and a, 60), 401, "invalid_key")
    problem(tenant.api.delete(tenant.path(f"/keys/{made['id']}")), 404, "not_found")
    assert made["id"] not in {k["id"] for k in tenant.api.get(tenant.path("/keys")).ok()["items"]}


def test_a_keys_last_use_is_shown_and_written_once_an_hour(tenant: Tenant):
    made = tenant.new_key(["webhooks:read"])
    assert "lastUsedAt" not in made

    def shown() -> dict:
        return next(key for key in tenant.operator.get(tenant.path("/keys")).ok()["items"] if key["id"] == made["id"])

    assert "lastUsedAt" not in shown(), "it was never used"
    api = tenant.api.with_key(made["key"])
    began = time.time()
    for _ in range(5):
        api.get(tenant.path("/webhooks")).ok()
        # A request rejected for a missing scope also counts as a use.
        assert api.get(tenant.path("/deliveries")).status == 403
    first = shown()["lastUsedAt"]
    assert began - 1 <= seconds_of(first) <= time.time() + 1
    # Almost an hour later according to the table, and an hour later.
    row = {"pk": {"S": f"key#{made['id']}"}, "sk": {"S": "key"}}
    for seconds, is_written in ((3_000, False), (3_600, True)):
        earlier = int((seconds_of(first) - seconds) * 1000) - 1
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("ConfigTable"),
            Key=row,
            UpdateExpression="SET last_used_at = :at",
            ExpressionAttributeValues={":at": {"N": str(earlier)}},
        )
        api.get(tenant.path("/webhooks")).ok()
        assert (seconds_of(shown()["lastUsedAt"]) >= seconds_of(first)) == is_written, seconds


def test_a_deleted_key_does_not_come_back_by_being_noted(tenant: Tenant):
    made = tenant.new_key(["webhooks:read"])
    api = tenant.api.with_key(made["key"])
    tenant.api.delete(tenant.path(f"/keys/{made['id']}")).ok(204)
    assert api.get(tenant.path("/webhooks")).status == 401
    assert [item for item in stack.scan("ConfigTable") if item["pk"]["S"] == f"key#{made['id']}"] == []


def test_a_key_is_replaced_without_a_gap(tenant: Tenant):
    old, new = (tenant.new_key(["webhooks:read"], name="CI") for _ in range(2))
    apis = {kind: tenant.api.with_key(key["key"]) for kind, key in (("old", old), ("new", new))}
    assert all(api.get(tenant.path("/webhooks")).status == 200 for api in apis.values()), "both live"
    assert tenant.api.delete(tenant.path(f"/keys/{old['id']}")).status == 204
    stack.eventually(lambda: apis["old"].get(tenant.path("/webhooks")).status == 401, 60, "the old key to end")
    apis["new"].get(tenant.path("/webhooks")).ok()


def test_a_key_ends_when_it_was_to_end(tenant: Tenant):
    # Near the end of a second: storing only whole seconds would end it too early.
    end = int(time.time()) + 5.9
    made = tenant.api.post(tenant.path("/keys"), {"scopes": SCOPES, "expiresAt": iso(end)}).ok(201)
    assert abs(seconds_of(made["expiresAt"]) - end) < 0.01
    api = tenant.api.with_key(made["key"])
    api.get(tenant.path("/webhooks")).ok()
    problem(stack.eventually(lambda: (a := api.get(tenant.path("/webhooks"))).status != 200 and a, 60), 401, "invalid_key")
    assert time.time() >= end - 0.05


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"scopes": ["keys"], "expiresAt": "2020-01-01T00:00:00Z"}, 422, "invalid_timestamp"),
        ({"scopes": ["keys"], "expiresAt": "tomorrow"}, 422, "invalid_timestamp"),
        ({"scopes": ["keys"], "expiresAt": 1}, 400, "invalid_request"),
        ({"scopes": []}, 422, "invalid_value"),
        ({"scopes": ["everything"]}, 422, "invalid_value"),
        ({"scopes": "keys"}, 400, "invalid_request"),
        ({"scopes": ["keys"], "more": 1}, 400, "unknown_field"),
    ],
)
def test_a_key_that_cannot_be_is_not_made(tenant: Tenant, wish: dict, status: int, code: str):
    problem(tenant.api.post(tenant.path("/keys"), wish), status, code)
    assert len(tenant.api.get(tenant.path("/keys")).ok()["items"]) == 1


def test_a_key_cannot_give_more_than_it_has(tenant: Tenant):
    api = tenant.api.with_key(tenant.new_key(["keys", "webhooks:read"])["key"])
    api.post(tenant.path("/keys"), {"scopes": ["webhooks:read"]}).ok(201)
    problem(api.post(tenant.path("/keys"), {"scopes": ["webhooks:read", "events:write"]}), 403, "forbidden")
    problem(api.post(tenant.path("/keys"), {"scopes": SCOPES}), 403, "forbidden")


EVENT = {"type": "item.created", "data": {}}
ROUTES = [
    ("POST", "/events", EVENT, "events:write"),
    ("POST", "/events/batch", {"events": [EVENT]}, "events:write"),
    ("GET", f"/events/{MISSING['events']}", None, "deliveries:read"),
    ("DELETE", f"/events/{MISSING['events']}/data", None, "events:erase"),
    ("GET", "/webhooks", None, "webhooks:read"),
    ("POST", "/webhooks", {"url": "https://receiver.example.com/", "events": ["*"]}, "webhooks:write"),
    ("GET", f"/webhooks/{MISSING['webhooks']}", None, "webhooks:read"),
    ("PATCH", f"/webhooks/{MISSING['webhooks']}", {"active": False}, "webhooks:write"),
    ("DELETE", f"/webhooks/{MISSING['webhooks']}", None, "webhooks:write"),
    ("POST", f"/webhooks/{MISSING['webhooks']}/secret/rotate", {}, "webhooks:write"),
    ("DELETE", f"/webhooks/{MISSING['webhooks']}/secret/previous", None, "webhooks:write"),
    ("GET", "/deliveries", None, "deliveries:read"),
    ("GET", f"/deliveries/{MISSING['deliveries']}", None, "deliveries:read"),
    ("POST", f"/deliveries/{MISSING['deliveries']}/retry", None, "deliveries:retry"),
    ("GET", "/dead-letters", None, "deliveries:read"),
    ("GET", f"/dead-letters/{MISSING['dead-letters']}", None, "deliveries:read"),
    ("POST", f"/dead-letters/{MISSING['dead-letters']}/redrive", None, "deliveries:retry"),
    ("DELETE", f"/dead-letters/{MISSING['dead-letters']}", None, "deliveries:retry"),
    ("GET", "/keys", None, "keys"),
    ("POST", "/keys", {"scopes": ["keys"]}, "keys"),
    ("DELETE", f"/keys/{MISSING['keys']}", None, "keys"),
]


def allowed_status(method: str, rest: str) -> int:
    """The status of a route of the list for a permitted caller."""
    if any(f"/{missing}" in rest for missing in MISSING.values()):
        return 404
    return 202 if rest.startswith("/events") else 201 if method == "POST" else 200


def test_every_route_takes_the_key_with_its_scope_and_refuses_those_without(tenant: Tenant):
    only = {scope: tenant.api.with_key(tenant.new_key([scope])["key"]) for scope in SCOPES}
    for method, rest, body, scope in ROUTES:
        for has, api in only.items():
            answer = api.call(method, tenant.path(rest), body)
            if has == scope:
                assert answer.status == allowed_status(method, rest), (method, rest, has, answer)
            else:
                assert (answer.status, answer.code) == (403, "forbidden"), (method, rest, has, answer)


def test_what_is_the_operators_is_refused_to_tenants(operator: Api, tenant: Tenant):
    for method, path, body in (
        ("GET", "/v1/tenants", None),
        ("GET", f"/v1/tenants/{tenant.id}", None),
        ("PUT", f"/v1/tenants/{tenant.id}", {"name": "mine"}),
        ("DELETE", f"/v1/tenants/{tenant.id}", None),
        ("PUT", f"/v1/tenants/{stack.unique()}", {}),
        ("GET", "/v1/dead-letters", None),
        ("GET", f"/v1/dead-letters/{MISSING['dead-letters']}", None),
        ("DELETE", f"/v1/dead-letters/{MISSING['dead-letters']}", None),
        ("POST", f"/v1/dead-letters/{MISSING['dead-letters']}/redrive", None),
    ):
        problem(tenant.api.call(method, path, body), 403, "forbidden")
    assert operator.get(f"/v1/tenants/{tenant.id}").ok()["name"] == f"Tenant {tenant.id}"


def test_a_tenant_that_asks_too_often_is_told_to_wait_and_its_neighbour_is_not(operator: Api, tenant: Tenant):
    operator.put(f"/v1/tenants/{tenant.id}", {"limits": {"requestsPerMinute": 5}}).ok(200)

    # The processes share the limit and may each pass a little uncounted, and a minute may end
    # meanwhile.
    for ask in (lambda: tenant.api.get(tenant.path("/webhooks")), lambda: tenant.api.post(tenant.path("/events"), EVENT)):
        refused = stack.eventually(lambda: (answer := ask()).status not in (200, 202) and answer, 70, "a refusal", every=0)
        problem(refused, 429, "too_many_requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert operator.get(tenant.path("/deliveries")).status == 200, "the operator is not counted"
    neighbour = new_tenant()
    neighbour.api.get(neighbour.path("/webhooks")).ok()


# ---- Tenants -----------------------------------------------------------------------------------


def test_a_tenant_is_made_replaced_read_listed_and_deleted(operator: Api):
    tenant_id = stack.unique()
    path = f"/v1/tenants/{tenant_id}"
    problem(operator.get(path), 404, "not_found")
    wish = {"name": "Ämter", "contract": "kuviq", "contactEmail": "a@example.com", "publishers": ["AROAEXAMPLE1"], "limits": {"webhooks": 3}}
    made = operator.put(path, wish).ok(201)
    assert {n: made[n] for n in wish} == wish and made["id"] == tenant_id and made["createdAt"] == made["updatedAt"]
    assert operator.get(path).ok() == made
    assert made in operator.get("/v1/tenants", limit=250).ok()["items"]

    replaced = operator.put(path, {"name": "New"}).ok(200)
    assert replaced["name"] == "New" and replaced["contract"] == "standard" and "contactEmail" not in replaced
    assert replaced["createdAt"] == made["createdAt"] and replaced["updatedAt"] > made["updatedAt"]

    assert operator.delete(path).status == 204
    problem(operator.get(path), 404, "not_found")
    problem(operator.delete(path), 404, "not_found")
    assert tenant_id not in {t["id"] for t in operator.get("/v1/tenants", limit=250).ok()["items"]}


def test_tenants_are_listed_newest_first_in_pages_without_gap_or_repeat(operator: Api):
    made = [new_tenant().id for _ in range(5)]
    seen, cursor = [], None
    while not set(made) <= set(seen):
        page = operator.get("/v1/tenants", limit=2, cursor=cursor).ok()
        assert len(page["items"]) <= 2
        seen += [t["id"] for t in page["items"]]
        cursor = page.get("nextCursor")
        assert cursor or set(made) <= set(seen), "the list ended too early"
    assert [t for t in seen if t in made] == made[::-1] and len(seen) == len(set(seen))


def test_a_deleted_tenants_key_and_webhooks_do_not_come_back_with_its_name(operator: Api, tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    assert operator.delete(f"/v1/tenants/{tenant.id}").status == 204
    problem(tenant.api.get(tenant.path("/webhooks")), 401, "invalid_key")
    problem(operator.post(tenant.path("/events"), EVENT), 404, "not_found")
    operator.put(f"/v1/tenants/{tenant.id}", {}).ok(201)
    problem(tenant.api.get(tenant.path("/webhooks")), 401, "invalid_key")
    assert operator.get(tenant.path("/webhooks")).ok()["items"] == []
    problem(operator.get(tenant.path(f"/webhooks/{webhook['id']}")), 404, "not_found")
    assert operator.get(tenant.path("/keys")).ok()["items"] == []
    operator.post(tenant.path("/events"), EVENT).ok(202)
    receiver.stays_at(0, seconds=2)


@pytest.mark.parametrize("tenant_id", ["a.b", "a%20b", "%C3%BC", "x" * 65, "a%2Fb", "a%3Bb"])
def test_a_tenant_id_that_cannot_be_is_refused(operator: Api, tenant_id: str):
    answer = operator.put(f"/v1/tenants/{tenant_id}", {})
    if tenant_id == "a%2Fb" and answer.status == 404:
        # A gateway may decode the slash before it routes.
        problem(answer, 404, "not_found")
    else:
        problem(answer, 422, "invalid_tenant_id")


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"contract": "no-such"}, 422, "invalid_contract"),
        ({"contract": 5}, 400, "invalid_request"),
        ({"name": ["x"]}, 400, "invalid_request"),
        ({"contactEmail": "nobody"}, 422, "invalid_value"),
        ({"publishers": "AROA"}, 400, "invalid_request"),
        ({"publishers": ["AROAX:session"]}, 422, "invalid_value"),
        ({"publishers": [""]}, 422, "invalid_value"),
        ({"limits": {"webhooks": -1}}, 422, "invalid_value"),
        ({"limits": {"more": 1}}, 400, "unknown_field"),
        ({"colour": "red"}, 400, "unknown_field"),
        (b"[]", 400, "invalid_request"),
        (b"{", 400, "invalid_json"),
        (b'{"name": "\xff"}', 400, "invalid_utf8"),
    ],
)
def test_a_tenant_with_a_mistake_is_not_made(operator: Api, wish: dict | bytes, status: int, code: str):
    tenant_id = stack.unique()
    problem(operator.put(f"/v1/tenants/{tenant_id}", wish), status, code)
    problem(operator.get(f"/v1/tenants/{tenant_id}"), 404, "not_found")


def test_an_unknown_tenant_is_404_on_every_route_for_the_operator_too(operator: Api):
    nobody = f"/v1/tenants/{stack.unique('nobody')}"
    for method, rest, body, _ in ROUTES:
        problem(operator.call(method, nobody + rest, body), 404, "not_found")


# ---- Webhooks ----------------------------------------------------------------------------------


def test_a_webhook_is_made_read_listed_patched_and_deleted(tenant: Tenant, receiver: Receiver):
    wish = {
        "name": "Lager",
        "url": receiver.url(),
        "events": ["inspection.completed", "item.*"],
        "active": False,
        "contract": "kuviq",
        "secret": KUVIQ_SECRET,
        "overrides": {"timeoutSeconds": 5, "retryDelaysSeconds": [1, 2]},
    }
    made = tenant.api.post(tenant.path("/webhooks"), wish).ok(201)
    assert {n: made[n] for n in wish} == wish, "only this response shows the secret"
    assert made["id"].startswith("wh_") and made["createdAt"] == made["updatedAt"] and "disabledReason" not in made
    kept = {n: v for n, v in made.items() if n != "secret"}
    assert tenant.webhook(made["id"]) == kept
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == [kept]

    patched = tenant.patch_webhook(made["id"], name=None, active=True, events=["*"], overrides={"timeoutSeconds": None})
    assert "name" not in patched and patched["active"] is True and patched["events"] == ["*"]
    assert patched["overrides"] == {"retryDelaysSeconds": [1, 2]}, "a merge patch reaches into an object"
    assert patched["url"] == wish["url"] and patched["createdAt"] == made["createdAt"] and patched["updatedAt"] > made["updatedAt"]
    assert tenant.webhook(made["id"]) == patched
    assert tenant.patch_webhook(made["id"], overrides=None).get("overrides", {}) == {}

    tenant.publish("item.created")
    check_kuviq(receiver.wait(1)[0], KUVIQ_SECRET)

    assert tenant.api.delete(tenant.path(f"/webhooks/{made['id']}")).status == 204
    for method in ("GET", "DELETE"):
        problem(tenant.api.call(method, tenant.path(f"/webhooks/{made['id']}")), 404, "not_found")
    problem(tenant.api.patch(tenant.path(f"/webhooks/{made['id']}"), {"active": True}), 404, "not_found")
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == []
    tenant.publish("item.created")
    receiver.stays_at(1, seconds=1.5)


def test_by_default_a_webhook_is_active_with_its_tenants_contract_and_a_new_secret(tenant: Tenant, receiver: Receiver):
    made = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"]}).ok(201)
    assert made["active"] is True and made["contract"] == "standard" and made["secret"].startswith("whsec_")
    tenant.publish()
    check_standard(receiver.wait(1)[0], made["secret"])
    other = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url("/other"), "events": ["*"]}).ok(201)
    assert other["secret"] != made["secret"]


def test_a_rotated_secret_signs_beside_the_old_one_newest_first(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    path = tenant.path(f"/webhooks/{webhook['id']}/secret/rotate")
    newer = tenant.api.post(path, {"overlapSeconds": 3600}).ok()["secret"]
    assert newer.startswith("whsec_") and newer != STANDARD_SECRET
    tenant.publish()
    request = receiver.wait(1)[0]
    headers = request.headers
    expected = [standard_signature(s, headers["webhook-id"], headers["webhook-timestamp"], request.body) for s in (newer, STANDARD_SECRET)]
    assert headers["webhook-signature"].split(" ") == expected
    last = tenant.api.post(path, {"overlapSeconds": 0, "secret": "whsec_" + "QUFB" * 8}).ok()["secret"]
    assert last == "whsec_" + "QUFB" * 8
    tenant.publish()
    request = receiver.wait(2)[1]
    headers = request.headers
    alone = standard_signature(last, headers["webhook-id"], headers["webhook-timestamp"], request.body)
    assert headers["webhook-signature"] == alone, "without an overlap no older secret signs any more"
    problem(tenant.api.post(path, {"overlapSeconds": -1}), 422, "invalid_value")
    problem(tenant.api.post(path, {"secret": "whsec_short"}), 422, "invalid_secret")


BAD_WEBHOOKS = {
    "no url": ({"url": None}, 400, "missing_field"),
    "a number for url": ({"url": 5}, 400, "invalid_request"),
    "an empty url": ({"url": ""}, 422, "invalid_url"),
    "no url at all": ({"url": "receiver"}, 422, "invalid_url"),
    "another scheme": ({"url": "ftp://receiver.example.com/"}, 422, "invalid_url"),
    "javascript": ({"url": "javascript:alert(1)"}, 422, "invalid_url"),
    "metadata": ({"url": "http://169.254.169.254/latest/meta-data/"}, 422, "invalid_url"),
    "metadata in hex": ({"url": "http://0xa9fea9fe/"}, 422, "invalid_url"),
    "private": ({"url": "https://10.0.0.1/hook"}, 422, "invalid_url"),
    "private v6": ({"url": "https://[fd00::1]/hook"}, 422, "invalid_url"),
    "credentials": ({"url": "https://user:secret@receiver.example.com/"}, 422, "invalid_url"),
    "an internal name": ({"url": "https://metadata.google.internal/"}, 422, "invalid_url"),
    "a name that cannot exist": ({"url": "https://receiver.invalid/"}, 422, "invalid_url"),
    "a fragment": ({"url": "https://receiver.example.com/#x"}, 422, "invalid_url"),
    "a line break": ({"url": "https://receiver.example.com/\r\nx"}, 422, "invalid_url"),
    "too long a url": ({"url": "https://receiver.example.com/" + "x" * 2048}, 422, "invalid_url"),
    "no events": ({"events": None}, 400, "missing_field"),
    "none of the events": ({"events": []}, 422, "invalid_events"),
    "a star too many": ({"events": ["**"]}, 422, "invalid_events"),
    "a star in the middle": ({"events": ["item.*.done"]}, 422, "invalid_events"),
    "an empty filter": ({"events": [""]}, 422, "invalid_events"),
    "one filter of two wrong": ({"events": ["item.created", "a b"]}, 422, "invalid_events"),
    "numbers for events": ({"events": [5]}, 400, "invalid_request"),
    "too many filters": ({"events": ["a.b"] * 101}, 422, "invalid_events"),
    "an unknown contract": ({"contract": "no-such"}, 422, "invalid_contract"),
    "a secret too short": ({"secret": "whsec_" + "QUFB" * 4}, 422, "invalid_secret"),
    "a secret that is no base64": ({"secret": "whsec_not base64 at all!!!!!!!!!!!!!!!!!"}, 422, "invalid_secret"),
    "an empty kuviq secret": ({"secret": "", "contract": "kuviq"}, 422, "invalid_secret"),
    "no time at all": ({"overrides": {"timeoutSeconds": 0}}, 422, "invalid_contract"),
    "too much time": ({"overrides": {"timeoutSeconds": 61}}, 422, "invalid_contract"),
    "more time than the operator allows": ({"overrides": {"timeoutSeconds": 11}}, 422, "invalid_contract"),
    "a negative delay": ({"overrides": {"retryDelaysSeconds": [-1]}}, 422, "invalid_value"),
    "a delay of more than a week": ({"overrides": {"retryDelaysSeconds": [7 * 24 * 3600 + 1]}}, 422, "invalid_contract"),
    "too many delays": ({"overrides": {"retryDelaysSeconds": [1] * 31}}, 422, "invalid_contract"),
    "an unknown override": ({"overrides": {"colour": 1}}, 400, "unknown_field"),
    "text for active": ({"active": "yes"}, 400, "invalid_request"),
    "too long a name": ({"name": "x" * 257}, 422, "invalid_name"),
    "an unknown field": ({"colour": "red"}, 400, "unknown_field"),
}


@pytest.mark.parametrize("case", BAD_WEBHOOKS)
def test_a_webhook_with_a_mistake_is_not_made_and_not_patched(tenant: Tenant, case: str):
    change, status, code = BAD_WEBHOOKS[case]
    right = {"url": "https://receiver.example.com/hook", "events": ["*"]}
    wish = {n: v for n, v in (right | change).items() if v is not None}
    body = problem(tenant.api.post(tenant.path("/webhooks"), wish), status, code)
    if code == "invalid_url":
        assert body["reason"] and body["field"] == "url"
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == []

    if {"secret", "contract"} & set(change):
        return
    made = tenant.api.post(tenant.path("/webhooks"), right).ok(201)
    problem(tenant.api.patch(tenant.path(f"/webhooks/{made['id']}"), change), status, code)
    assert tenant.webhook(made["id"]) == {n: v for n, v in made.items() if n != "secret"}


def test_a_webhooks_own_headers_arrive_and_are_shown_without_their_values(tenant: Tenant, receiver: Receiver):
    value = f"Bearer {stack.unique('hidden')}"
    made = tenant.new_webhook(receiver.url(), headers={"Authorization": value, "X-Api-Version": "7"})
    tenant.publish()
    request = receiver.wait(1)[0]
    assert request.headers["authorization"] == value and request.headers["x-api-version"] == "7"
    names = [name.lower() for name, _ in request.header_list]
    assert len(names) == len(set(names))
    (listed,) = stack.eventually(lambda: tenant.deliveries(status="completed"))
    for path in ("/webhooks", f"/webhooks/{made['id']}", f"/deliveries/{listed['id']}"):
        assert value.encode() not in tenant.api.get(tenant.path(path)).raw
    shown = {name.lower() for name in tenant.delivery(listed["id"])["request"]["headers"]}
    assert {"authorization", "x-api-version"} <= shown, "masked, not left out"
    tenant.patch_webhook(made["id"], headers={"Authorization": None, "X-Api-Version": "8"})
    tenant.publish()
    changed = receiver.wait(2)[1]
    assert "authorization" not in changed.headers and changed.headers["x-api-version"] == "8"


@pytest.mark.parametrize(
    "headers",
    [
        # Searched for in all that the run leaves (tests/afterwards), so no other test may use it.
        {"Host": "refused-host.example.com"},
        {"Content-Length": "5"},
        {"transfer-encoding": "chunked"},
        {"Content-Type": "text/plain"},
        {"User-Agent": "me"},
        {"webhook-id": "mine"},
        {"Webhook-Signature": "v1,mine"},
        {"X-Amz-Date": "20260115T103000Z"},
        {"Proxy-Authorization": "Basic x"},
        {"a b": "x"},
        {"": "x"},
        {"X-A": "one\r\nX-Evil: two"},
        {"X-A": "k\u00fcviq"},
        {"X-A": "1", "x-a": "2"},
        {"X-A": "v" * 4096},
    ],
    ids=str,
)
def test_a_header_that_a_webhook_cannot_have_is_refused(tenant: Tenant, headers: dict):
    wish = {"url": "https://receiver.example.com/hook", "events": ["*"], "headers": headers}
    problem(tenant.api.post(tenant.path("/webhooks"), wish), 422, "invalid_header")
    made = tenant.api.post(tenant.path("/webhooks"), wish | {"headers": {}}).ok(201)
    problem(tenant.api.patch(tenant.path(f"/webhooks/{made['id']}"), {"headers": headers}), 422, "invalid_header")
    tenant.api.delete(tenant.path(f"/webhooks/{made['id']}"))
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == []


def test_a_contracts_signature_cannot_be_replaced_by_a_header_of_the_webhooks_own(kuviq: Tenant, receiver: Receiver):
    wish = {"url": receiver.url(), "events": ["*"], "secret": KUVIQ_SECRET, "headers": {"x-webhook-signature": "sha256=mine"}}
    answer = kuviq.api.post(kuviq.path("/webhooks"), wish)
    if answer.status != 201:
        problem(answer, 422, "invalid_header")
        return
    kuviq.publish()
    request = receiver.wait(1)[0]
    assert [name.lower() for name, _ in request.header_list].count("x-webhook-signature") == 1
    check_kuviq(request, KUVIQ_SECRET)


def test_basic_credentials_are_sent_never_shown_and_dropped_when_the_host_changes(tenant: Tenant, receiver: Receiver):
    password = f"p:ss word/{stack.unique('hidden')}"
    made = tenant.api.post(
        tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "basicAuth": {"username": "postel", "password": password}}
    ).ok(201)
    assert made["basicAuth"] == {"username": "postel"}
    tenant.publish()
    sent = receiver.wait(1)[0].headers["authorization"]
    assert sent == "Basic " + base64.b64encode(f"postel:{password}".encode()).decode()
    (listed,) = stack.eventually(lambda: tenant.deliveries(status="completed"))
    for path in ("/webhooks", f"/webhooks/{made['id']}", f"/deliveries/{listed['id']}"):
        raw = tenant.api.get(tenant.path(path)).raw
        assert json.dumps(password)[1:-1].encode() not in raw and password.encode() not in raw and sent.split(" ")[1].encode() not in raw
    moved = tenant.patch_webhook(made["id"], url=receiver.url("/other-path"))
    assert moved["basicAuth"] == {"username": "postel"}, "the same host keeps them"
    moved = tenant.patch_webhook(made["id"], url=receiver.url().replace("127.0.0.1", "localhost"))
    assert "basicAuth" not in moved
    twice = {"headers": {"Authorization": "x"}, "basicAuth": {"username": "a", "password": "b"}}
    problem(tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"]} | twice), 422, "invalid_header")


def test_a_webhook_cannot_point_at_this_api_itself(tenant: Tenant):
    made = stack.aws("apigatewayv2").get_api(ApiId=stack.outputs()["stack"]["HttpApiId"])["ApiEndpoint"]
    body = problem(tenant.api.post(tenant.path("/webhooks"), {"url": f"{made}/v1/tenants/{tenant.id}/events", "events": ["*"]}), 422, "invalid_url")
    assert body["reason"]


def test_a_tenant_has_as_many_webhooks_as_it_may_have(operator: Api, tenant: Tenant):
    wish = {"url": "https://receiver.example.com/hook", "events": ["*"]}
    made = [tenant.api.post(tenant.path("/webhooks"), wish).ok(201) for _ in range(25)]
    problem(tenant.api.post(tenant.path("/webhooks"), wish), 409, "webhook_limit")
    seen, cursor = [], None
    while True:
        page = tenant.api.get(tenant.path("/webhooks"), limit=10, cursor=cursor).ok()
        seen += page["items"]
        if not (cursor := page.get("nextCursor")):
            break
    assert sorted(w["id"] for w in seen) == sorted(w["id"] for w in made)
    assert [w["createdAt"] for w in seen] == sorted((w["createdAt"] for w in seen), reverse=True)
    assert tenant.api.delete(tenant.path(f"/webhooks/{made[0]['id']}")).status == 204
    tenant.api.post(tenant.path("/webhooks"), wish).ok(201)
    operator.put(f"/v1/tenants/{tenant.id}", {"limits": {"webhooks": 26}}).ok()
    tenant.api.post(tenant.path("/webhooks"), wish).ok(201)
    problem(tenant.api.post(tenant.path("/webhooks"), wish), 409, "webhook_limit")


# ---- Publishing --------------------------------------------------------------------------------


def test_an_event_is_accepted_and_can_be_read_with_all_it_said(tenant: Tenant):
    wish = {"id": stack.unique("own"), "type": "item.created", "timestamp": "2026-01-15T10:30:00.123Z", "data": {"a": 1}}
    wish["context"] = {"projectId": "p-1", "n": 7}
    answer = tenant.api.post(tenant.path("/events"), wish).ok(202)
    assert answer == {"id": wish["id"], "duplicate": False, "webhookCount": 0}
    kept = tenant.event(wish["id"])
    assert {n: kept[n] for n in wish} == wish and kept["deliveries"] == [] and abs(seconds_of(kept["acceptedAt"]) - time.time()) < 20

    ours = tenant.api.post(tenant.path("/events"), EVENT).ok(202)
    assert ours["id"].startswith("evt_") and ours["duplicate"] is False
    assert tenant.event(ours["id"])["type"] == "item.created"
    problem(tenant.api.get(tenant.path(f"/events/{MISSING['events']}")), 404, "not_found")
    problem(tenant.api.get(tenant.path("/events/never-sent")), 404, "not_found")


def test_the_content_type_of_a_publication_does_not_matter(tenant: Tenant):
    for content_type in ("text/plain", "application/json; charset=utf-8", "application/octet-stream", None):
        answer = tenant.api.call("POST", tenant.path("/events"), event_bytes("item.created", b'{"\xc3\xbc":1.0}'), {"content-type": content_type})
        assert members(tenant.api.get(tenant.path(f"/events/{answer.ok(202)['id']}")).raw)["data"] == b'{"\xc3\xbc":1.0}'


def test_a_batch_answers_each_event_in_order_and_one_mistake_takes_no_other_with_it(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    own = stack.unique("own")
    events = [
        {"type": "item.created", "data": 0},
        {"type": "no good", "data": 1},
        {"type": "item.created", "data": 2, "id": own},
        {"type": "item.created", "data": 2, "id": own},
        {"type": "item.created", "data": 4, "more": 1},
        7,
        {"type": "item.created", "data": 6},
    ]
    results = tenant.api.post(tenant.path("/events/batch"), {"events": events}).ok(202)["results"]
    assert len(results) == len(events)
    assert [r.get("error", {}).get("code") for r in results] == [None, "invalid_event_type", None, None, "unknown_field", "invalid_request", None]
    assert [r["error"]["status"] for r in results if "error" in r] == [422, 400, 400]
    assert [r["status"] for r in results] == [202, 422, 202, 202, 400, 400, 202]
    assert results[2]["id"] == results[3]["id"] == own and sorted([results[2]["duplicate"], results[3]["duplicate"]]) == [False, True]
    assert results[0]["duplicate"] is results[6]["duplicate"] is False and results[0]["id"] != results[6]["id"]
    receiver.wait(3)
    got = receiver.stays_at(3, seconds=1.5)
    assert sorted(json.loads(r.body)["data"] for r in got) == [0, 2, 6]
    assert {r.headers["webhook-id"] for r in got} == {results[0]["id"], own, results[6]["id"]}


def test_a_batch_takes_a_hundred_events_and_no_more(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    one = {"type": "item.created", "data": 1}
    results = tenant.api.post(tenant.path("/events/batch"), {"events": [one] * 100}).ok(202)["results"]
    assert len({r["id"] for r in results}) == 100 and not any(r["duplicate"] for r in results)
    for wrong, status, code in (
        ({"events": []}, 422, "invalid_value"),
        ({"events": [one] * 101}, 422, "invalid_value"),
        ({"events": one}, 400, "invalid_request"),
        ({}, 400, "missing_field"),
        ({"events": [one], "more": 1}, 400, "unknown_field"),
    ):
        problem(tenant.api.post(tenant.path("/events/batch"), wrong), status, code)
    requests = receiver.wait(100, within=60)
    assert {r.headers["webhook-id"] for r in requests} == {r["id"] for r in results}
    receiver.stays_at(100, seconds=1)


LIMIT = 256 * 1024
FRAME = len(event_bytes("item.created", b'""'))
BAD_EVENTS = {
    "nothing": (b"", 400, "empty_body"),
    "no json": (b"hello", 400, "invalid_json"),
    "half json": (b'{"type":"item.created","data":{"a":', 400, "invalid_json"),
    "trailing garbage": (b'{"type":"item.created","data":1} x', 400, "invalid_json"),
    "two objects": (b'{"type":"item.created","data":1}{}', 400, "invalid_json"),
    "single quotes": (b"{'type':'item.created','data':1}", 400, "invalid_json"),
    "NaN": (b'{"type":"item.created","data":NaN}', 400, "invalid_json"),
    "a byte order mark": (b'\xef\xbb\xbf{"type":"item.created","data":1}', 400, "invalid_json"),
    "an array": (b"[]", 400, "invalid_request"),
    "null": (b"null", 400, "invalid_request"),
    "no type": (b'{"data":1}', 400, "missing_field"),
    "no data": (b'{"type":"item.created"}', 400, "missing_field"),
    "a type that is a number": (b'{"type":1,"data":1}', 400, "invalid_request"),
    "an unknown field": (b'{"type":"item.created","data":1,"colour":1}', 400, "unknown_field"),
    "a field twice": (b'{"type":"item.created","type":"item.deleted","data":1}', 400, "invalid_request"),
    "a tenant in the body": (b'{"type":"item.created","data":1,"tenantId":"other"}', 400, "unknown_field"),
    "context that is no object": (b'{"type":"item.created","data":1,"context":[]}', 400, "invalid_request"),
    "context in depth": (b'{"type":"item.created","data":1,"context":{"a":{}}}', 422, "invalid_value"),
    "too much context": (json.dumps(EVENT | {"context": {str(n): n for n in range(17)}}).encode(), 422, "invalid_value"),
    "a type with a space": (b'{"type":"item created","data":1}', 422, "invalid_event_type"),
    "an empty type": (b'{"type":"","data":1}', 422, "invalid_event_type"),
    "a type with letters of no ASCII": ('{"type":"ärger","data":1}'.encode(), 422, "invalid_event_type"),
    "a type with a star": (b'{"type":"item.*","data":1}', 422, "invalid_event_type"),
    "a type of 257": (b'{"type":"' + b"x" * 257 + b'","data":1}', 422, "invalid_event_type"),
    "an id with a full stop": (b'{"type":"item.created","data":1,"id":"a.1"}', 422, "invalid_event_id"),
    "an empty id": (b'{"type":"item.created","data":1,"id":""}', 422, "invalid_event_id"),
    "an id of 65": (b'{"type":"item.created","data":1,"id":"' + b"x" * 65 + b'"}', 422, "invalid_event_id"),
    "an id that is a number": (b'{"type":"item.created","data":1,"id":7}', 400, "invalid_request"),
    "a time in words": (b'{"type":"item.created","data":1,"timestamp":"now"}', 422, "invalid_timestamp"),
    "a time without a zone": (b'{"type":"item.created","data":1,"timestamp":"2026-01-15T10:30:00"}', 422, "invalid_timestamp"),
    "a day that is none": (b'{"type":"item.created","data":1,"timestamp":"2026-02-30T10:30:00Z"}', 422, "invalid_timestamp"),
    "a time as a number": (b'{"type":"item.created","data":1,"timestamp":1768473000}', 400, "invalid_request"),
    "a byte too many": (event_bytes("item.created", b'"' + b"x" * (LIMIT + 1 - FRAME) + b'"'), 413, "payload_too_large"),
    "nested 129 deep": (b'{"type":"item.created","data":' + b"[" * 128 + b"]" * 128 + b"}", 400, "invalid_json"),
    "nested 100000 deep": (b'{"type":"item.created","data":' + b"[" * 100_000, 400, "invalid_json"),
    "bytes that are no UTF-8": (b'{"type":"item.created","data":"\xff\xfe"}', 400, "invalid_utf8"),
    "half a character": (b'{"type":"item.created","data":"\xc3"}', 400, "invalid_utf8"),
    "UTF-16": ('{"type":"item.created","data":1}'.encode("utf-16"), 400, "invalid_utf8"),
}


@pytest.mark.parametrize("case", BAD_EVENTS)
def test_an_event_with_a_mistake_is_refused_and_leaves_no_trace(tenant: Tenant, case: str):
    body, status, code = BAD_EVENTS[case]
    tenant.new_webhook("https://receiver.example.com/hook")
    # The gateway passes JSON on as text, with replacement characters for invalid UTF-8, and other
    # types unchanged.
    for content_type in ("application/json", "application/octet-stream"):
        problem(tenant.api.call("POST", tenant.path("/events"), body, {"content-type": content_type}), status, code)
    assert tenant.deliveries() == [] and tenant.dead_letters() == []


def test_refused_events_left_nothing_in_any_table_and_no_request(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    for body, status, _ in BAD_EVENTS.values():
        assert tenant.api.call("POST", tenant.path("/events"), body).status == status
    strangers = {401: tenant.api.with_key("wrong"), 403: tenant.api.with_key(tenant.new_key(["webhooks:read"])["key"]), 404: new_tenant().api}
    for status, api in strangers.items():
        assert api.post(tenant.path("/events"), EVENT).status == status
    receiver.stays_at(0, seconds=1.5)
    assert stack.scan("LogTable", of_partition=tenant.id) == []
    assert stack.scan("DeadLettersTable", of_partition=tenant.id) == []
    assert tenant.webhook(webhook["id"])["active"] is True


# ---- Idempotency -------------------------------------------------------------------------------


def test_the_same_id_and_body_again_is_a_duplicate_and_one_post(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    own = stack.unique("own")
    first = tenant.api.post(tenant.path("/events"), event_bytes("item.created", b'{"n":1.50}', id=own)).ok(202)
    assert first == {"id": own, "duplicate": False, "webhookCount": 1}
    for _ in range(3):
        again = tenant.api.post(tenant.path("/events"), event_bytes("item.created", b'{"n":1.50}', id=own)).ok(202)
        assert again == {"id": own, "duplicate": True, "webhookCount": 1}
    tenant.wait_for_status(own, "completed")
    assert tenant.api.post(tenant.path("/events"), event_bytes("item.created", b'{"n":1.50}', id=own)).ok(202)["duplicate"] is True
    receiver.stays_at(1, seconds=2)
    assert len(tenant.deliveries()) == 1


@pytest.mark.parametrize(
    "other",
    [
        event_bytes("item.created", b'{"n":1.5}', id="ID"),
        event_bytes("item.deleted", b'{"n":1.50}', id="ID"),
        event_bytes("item.created", b'{"n":1.50}', id="ID", timestamp="2026-01-15T10:30:00Z"),
        event_bytes("item.created", b'{"n":1.50}', id="ID", context={"a": 1}),
    ],
    ids=["data", "type", "timestamp", "context"],
)
def test_the_same_id_with_another_body_is_409_and_changes_nothing(tenant: Tenant, receiver: Receiver, other: bytes):
    tenant.new_webhook(receiver.url())
    own = stack.unique("own")
    tenant.api.post(tenant.path("/events"), event_bytes("item.created", b'{"n":1.50}', id=own)).ok(202)
    problem(tenant.api.post(tenant.path("/events"), other.replace(b'"ID"', f'"{own}"'.encode())), 409, "id_conflict")
    receiver.wait(1)
    assert members(receiver.stays_at(1, seconds=2)[0].body)["data"] == b'{"n":1.50}'
    assert tenant.event(own)["type"] == "item.created" and len(tenant.deliveries()) == 1


def test_the_same_id_by_sqs_with_another_body_is_a_dead_letter(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    own = stack.unique("own")
    tenant.publish("item.created", {"n": 1}, id=own)
    tenant.publish_sqs("item.created", {"n": 1}, id=own)
    tenant.publish_sqs("item.created", {"n": 2}, id=own)
    (letter,) = tenant.wait_for_dead_letters(1)
    assert letter["reason"] == "id_conflict"
    receiver.wait(1)
    receiver.stays_at(1, seconds=2)


def test_an_id_that_came_by_sqs_is_a_duplicate_by_http(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    own = stack.unique("own")
    tenant.publish_sqs("item.created", b'{"n":1.50}', id=own)
    tenant.wait_for_status(own, "completed")
    again = tenant.api.post(tenant.path("/events"), event_bytes("item.created", b'{"n":1.50}', id=own)).ok(202)
    assert again == {"id": own, "duplicate": True, "webhookCount": 1}
    problem(tenant.api.post(tenant.path("/events"), event_bytes("item.created", b'{"n":1.5}', id=own)), 409, "id_conflict")
    receiver.stays_at(1, seconds=2)


def test_an_id_is_a_tenants_own(tenant: Tenant, kuviq: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url("/a"))
    kuviq.new_webhook(receiver.url("/b"))
    own = stack.unique("own")
    for one, data in ((tenant, {"of": "a"}), (kuviq, {"of": "b"})):
        assert one.api.post(one.path("/events"), EVENT | {"id": own, "data": data}).ok(202) == {"id": own, "duplicate": False, "webhookCount": 1}
    assert json.loads(receiver.wait(1, path="/a")[0].body)["data"] == {"of": "a"}
    assert json.loads(receiver.wait(1, path="/b")[0].body)["data"] == {"of": "b"}


def test_thirty_publications_of_one_id_at_once_are_one_delivery(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    own, gate = stack.unique("own"), threading.Barrier(30)
    body = event_bytes("item.created", b'{"n":1.50}', id=own)

    def publish(_) -> Answer:
        gate.wait(20)
        return tenant.api.post(tenant.path("/events"), body)

    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(publish, range(30)))

    assert {a.status for a in answers} == {202}, [a.raw for a in answers if a.status != 202]
    assert sorted(a.json["duplicate"] for a in answers) == [False] + [True] * 29
    assert {a.json["id"] for a in answers} == {own}
    tenant.wait_for_status(own, "completed")
    receiver.stays_at(1, seconds=3)
    assert len(tenant.deliveries()) == 1


# ---- The log -----------------------------------------------------------------------------------


def test_deliveries_are_filtered(tenant: Tenant, receiver: Receiver):
    good = tenant.new_webhook(receiver.url("/good"), ["item.*"])
    bad = tenant.new_webhook(receiver.url("/bad"), ["user.*"], overrides={"retryDelaysSeconds": []})
    receiver.answer(500, path="/bad")
    first = [tenant.publish("item.created"), tenant.publish("item.deleted"), tenant.publish("user.created")]
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == 2 and len(tenant.deliveries(status="failed")) == 1)
    between = iso(time.time())
    time.sleep(0.05)
    later = tenant.publish("item.created")
    tenant.wait_for_status(later, "completed")

    def ids(**query) -> list[str]:
        return [d["eventId"] for d in tenant.deliveries(**query)]

    assert ids() == [later, *first[::-1]], "newest first"
    assert ids(status="failed") == ids(webhookId=bad["id"]) == ids(type="user.created") == [first[2]]
    assert ids(status="completed") == ids(webhookId=good["id"]) == [later, first[1], first[0]]
    assert ids(type="item.created") == [later, first[0]]
    assert ids(type="item.created", until=between) == [first[0]]
    assert ids(since=between) == [later] and ids(until=between) == first[::-1]
    assert ids(since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z") == ids(status="pending") == []
    entry = tenant.deliveries(since=between)[0]
    assert entry == {n: v for n, v in tenant.delivery(entry["id"]).items() if n not in ("request", "attemptLog")}
    assert seconds_of(entry["createdAt"]) <= seconds_of(entry["processedAt"])


def test_pages_of_deliveries_have_no_gap_and_no_repeat_while_new_ones_come(tenant: Tenant, receiver: Receiver):
    for n in range(3):
        tenant.new_webhook(receiver.url(f"/{n}"))
    events = [tenant.publish(data={"n": n}) for n in range(8)]
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == 24, 60, "24 deliveries")
    whole = tenant.deliveries()
    assert [d["eventId"] for d in whole] == [e for e in events[::-1] for _ in range(3)]

    for filters in ({}, {"status": "completed"}):
        seen, cursor, pages = [], None, 0
        while True:
            page = tenant.api.get(tenant.path("/deliveries"), limit=5, cursor=cursor, **filters).ok()
            assert len(page["items"]) <= 5
            seen += page["items"]
            pages += 1
            if not (cursor := page.get("nextCursor")):
                break
            if pages == 2:
                tenant.publish(data={"late": True})
        assert [d["id"] for d in seen][-24:] == [d["id"] for d in whole] and len({d["id"] for d in seen}) == len(seen)


@pytest.mark.parametrize("limit", ["0", "-1", "251", "1e2", "abc", "", "99999999999999999999999"])
def test_a_limit_that_cannot_be_is_refused(tenant: Tenant, limit: str):
    for rest in ("/deliveries", "/dead-letters", "/webhooks"):
        problem(tenant.api.get(tenant.path(rest), limit=limit), 400, "invalid_limit")


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"webhookId": "5.5"},
        {"type": "a b"},
        {"since": "yesterday"},
        {"until": "2026-13-01T00:00:00Z"},
        {"status": "failed,"},
    ],
    ids=lambda query: next(iter(query.items())),
)
def test_a_filter_that_cannot_be_is_refused_rather_than_ignored(tenant: Tenant, query: dict):
    problem(tenant.api.get(tenant.path("/deliveries"), **query), 400, "invalid_filter")


def test_a_parameter_that_no_operation_knows_is_refused_everywhere(tenant: Tenant):
    made = tenant.new_webhook("https://receiver.example.com/hook")
    for method, path in [
        ("GET", "/deliveries"),
        ("GET", f"/webhooks/{made['id']}"),
        ("PATCH", f"/webhooks/{made['id']}"),
        ("POST", "/webhooks"),
        ("POST", "/events"),
        ("POST", "/events/batch"),
        ("GET", "/events/none"),
        ("DELETE", f"/webhooks/{made['id']}"),
    ]:
        for query, name in (("colour=red", "colour"), ("Status=failed", "Status")):
            body = {"url": "https://receiver.example.com/hook", "events": ["*"]} if path == "/webhooks" else {}
            answer = tenant.api.call(method, f"{tenant.path(path)}?{query}", body)
            assert (answer.status, answer.code, answer.json["field"]) == (400, "unknown_parameter", name), path
    assert tenant.webhook(made["id"])["id"] == made["id"]
    assert tenant.api.with_key("wrong").get(tenant.path("/webhooks/x"), colour="red").status == 401
    for path in ("/health", "/openapi.json"):
        assert tenant.api.get(path, now="1").status == 200, "caches and load balancers add their own"


def test_a_cursor_opens_the_list_it_came_from_and_no_other(operator: Api, tenant: Tenant, receiver: Receiver):
    other = new_tenant()
    for one in (tenant, other):
        one.new_webhook(receiver.url())
        for _ in range(3):
            one.publish()
        stack.eventually(lambda: len(one.deliveries(status="completed")) == 3)
    cursor = tenant.api.get(tenant.path("/deliveries"), limit=1).ok()["nextCursor"]
    assert len(tenant.api.get(tenant.path("/deliveries"), cursor=cursor).ok()["items"]) == 2
    assert tenant.id not in cursor, "opaque"

    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    for forged in (flipped, cursor[:-2], cursor + "AA", "x", "", "%00", "eyJwayI6InQifQ", cursor[::-1]):
        problem(tenant.api.get(tenant.path("/deliveries"), cursor=forged), 400, "invalid_cursor")
    problem(other.api.get(other.path("/deliveries"), cursor=cursor), 400, "invalid_cursor")
    problem(tenant.api.get(tenant.path("/dead-letters"), cursor=cursor), 400, "invalid_cursor")
    problem(tenant.api.get(tenant.path("/webhooks"), cursor=cursor), 400, "invalid_cursor")
    problem(tenant.api.get(tenant.path("/deliveries"), cursor=cursor, status="failed"), 400, "invalid_cursor")
    problem(operator.get("/v1/tenants", cursor=cursor), 400, "invalid_cursor")


# ---- Nobody else's data ------------------------------------------------------------------------


def test_another_tenants_ids_answer_exactly_as_missing_ones(tenant: Tenant, receiver: Receiver):
    victim = new_tenant("kuviq")
    webhook = victim.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})
    receiver.answer(500)
    event_id = victim.publish("item.created", {"private": True}, id=stack.unique("own"))
    failed = victim.wait_for_status(event_id, "failed")
    (letter,) = victim.wait_for_dead_letters(1)
    theirs = {
        "webhooks": webhook["id"],
        "events": event_id,
        "deliveries": failed["id"],
        "dead-letters": letter["id"],
        "keys": victim.api.get(victim.path("/keys")).ok()["items"][0]["id"],
    }
    missing = MISSING | {"events": stack.unique("own")}
    nobody = stack.unique("nobody")
    calls = [
        ("GET", "webhooks", "", None),
        ("PATCH", "webhooks", "", {"active": False}),
        ("DELETE", "webhooks", "", None),
        ("POST", "webhooks", "/secret/rotate", {}),
        ("DELETE", "webhooks", "/secret/previous", None),
        ("GET", "events", "", None),
        ("GET", "deliveries", "", None),
        ("POST", "deliveries", "/retry", None),
        ("GET", "dead-letters", "", None),
        ("POST", "dead-letters", "/redrive", None),
        ("DELETE", "dead-letters", "", None),
        ("DELETE", "keys", "", None),
    ]
    for method, kind, rest, body in calls:
        own_path = [tenant.api.call(method, tenant.path(f"/{kind}/{i}{rest}"), body) for i in (theirs[kind], missing[kind], "no-id-at-all")]
        problem(own_path[0], 404, "not_found")
        assert own_path[0].bare == own_path[1].bare == own_path[2].bare, (method, kind)
        their_path = [tenant.api.call(method, f"/v1/tenants/{t}/{kind}/{theirs[kind]}{rest}", body) for t in (victim.id, nobody)]
        # The answer shows which part of the path is not the caller's: the tenant, whatever follows.
        assert their_path[0].bare == their_path[1].bare, (method, kind)
        assert (own_path[0].json["field"] == "tenantId", their_path[0].json["field"]) == (False, "tenantId"), (method, kind)
    for method, rest, body, _ in ROUTES:
        answers = [tenant.api.call(method, f"/v1/tenants/{t}{rest}", body) for t in (victim.id, nobody, "a.b")]
        problem(answers[0], 404, "not_found")
        assert answers[0].bare == answers[1].bare == answers[2].bare, (method, rest)

    for query in ({"webhookId": webhook["id"]}, {"type": "item.created"}):
        assert tenant.deliveries(**query) == [] and tenant.dead_letters(**query) == []
    receiver.stays_at(1, seconds=1)
    assert victim.webhook(webhook["id"])["active"] is True and victim.dead_letters() == [letter]
    assert victim.api.get(victim.path("/keys")).ok()["items"][0]["id"] == theirs["keys"]


def test_no_secret_is_in_a_later_answer_a_table_or_a_log(operator: Api, kuviq: Tenant, receiver: Receiver):
    secret, began = f"zauberwort-{stack.unique('s')}", time.time()
    webhook = kuviq.new_webhook(receiver.url(), secret=secret, overrides={"retryDelaysSeconds": []})
    receiver.answer(200, 400)
    done, failed = kuviq.publish(), None
    kuviq.wait_for_status(done, "completed")
    failed = kuviq.publish()
    delivery = kuviq.wait_for_status(failed, "failed")
    (letter,) = kuviq.wait_for_dead_letters(1)
    path = kuviq.path
    answers = [
        kuviq.api.get(path("/webhooks")),
        kuviq.api.get(path(f"/webhooks/{webhook['id']}")),
        kuviq.api.patch(path(f"/webhooks/{webhook['id']}"), {"name": "renamed"}),
        kuviq.api.get(path("/deliveries")),
        kuviq.api.get(path(f"/deliveries/{delivery['id']}")),
        kuviq.api.get(path(f"/events/{failed}")),
        kuviq.api.get(path("/dead-letters")),
        kuviq.api.get(path(f"/dead-letters/{letter['id']}")),
        kuviq.api.get(path("/keys")),
        operator.get(f"/v1/tenants/{kuviq.id}"),
    ]
    hidden = [secret, kuviq.api.key.split("_")[-1], operator.key]
    for answer in answers:
        answer.ok()
        for text in hidden:
            assert text.encode() not in answer.raw
    for table in ("ConfigTable", "LogTable", "DeadLettersTable"):
        items = repr([i for i in stack.scan(table) if kuviq.id in repr(i)])
        assert table == "DeadLettersTable" or kuviq.id in items
        for text in hidden:
            assert text not in items, f"a secret is in {table}"
    lines = logs.holding("DispatcherFunction", kuviq.id, began)
    assert lines
    lines += [line for name in ("Manage", "Authorizer", "Publish") for line in logs.lines(logs.group_of(f"{name}Function"), began)]
    for text in hidden:
        assert not any(text in line for line in lines), "a secret is in a log"


def test_one_log_line_tells_an_attempt_with_its_ids_and_without_its_payload(kuviq: Tenant, receiver: Receiver):
    marker, began = stack.unique("payload"), time.time()
    webhook = kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(500, 200)
    event_id = kuviq.publish("item.created", {"marker": marker})
    done = kuviq.wait_for_status(event_id, "completed")

    def of_attempts() -> list[dict]:
        written = [json.loads(line) for line in logs.holding("DispatcherFunction", event_id, began)]
        return sorted((line for line in written if line.get("message") == "delivery.attempted"), key=lambda a: a["attempt_number"])

    attempts = stack.eventually(lambda: len(found := of_attempts()) >= 2 and found, 60, "two lines")
    assert [a["attempt_number"] for a in attempts] == [1, 2] and [a["status_code"] for a in attempts] == [500, 200]
    for attempt in attempts:
        assert attempt["level"] == "INFO" and attempt["tenant_id"] == kuviq.id and attempt["webhook_id"] == webhook["id"]
        assert attempt["event_id"] == event_id and attempt["delivery_id"] == done["id"] and attempt["trigger"] == "automatic"
        assert isinstance(attempt["duration_ms"], int) and attempt["verdict"]
    assert attempts[0]["next_attempt_at"] and "next_attempt_at" not in attempts[1]
    assert not any(marker in line for line in logs.holding("DispatcherFunction", kuviq.id, began))
