"""A page in a browser gets short-lived access: sessions, their one-time codes, and who the caller
is."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Callable

import pytest
from support import stack
from support.client import SCOPES, Answer, Api, Tenant, new_tenant

READING = ["webhooks:read", "deliveries:read"]


def create(tenant: Tenant, api: Api | None = None, **wanted: Any) -> dict[str, Any]:
    return (api or tenant.api).post(tenant.path("/sessions"), wanted).ok(201)


def exchange(tenant: Tenant, code: str) -> Answer:
    return tenant.api.with_key(None).post("/v1/sessions/exchange", {"code": code})


def opened(tenant: Tenant, made: dict[str, Any]) -> Api:
    return tenant.api.with_key(exchange(tenant, made["code"]).ok(201)["token"])


def seconds(made: dict[str, Any]) -> float:
    begin, end = (datetime.fromisoformat(made[name]) for name in ("createdAt", "expiresAt"))
    return (end - begin).total_seconds()


def row(made: dict[str, Any]) -> dict[str, Any]:
    pk = f"sessions#{made.get('tenantId', '')}"
    return {"pk": {"S": pk}, "sk": {"S": made["id"]}}


def change(made: dict[str, Any], **values: int) -> None:
    """Moves the times of a stored session, so that no test has to wait for them."""
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("ConfigTable"),
        Key=row(made),
        ConditionExpression="attribute_exists(pk)",
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in values),
        ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in values.items()},
    )


def fill(made: dict[str, Any]) -> None:
    """Writes sessions like this one until there are a thousand."""
    dynamodb, table = stack.aws("dynamodb"), stack.resource("ConfigTable")
    kept = dynamodb.get_item(TableName=table, Key=row(made))["Item"]
    ids = [sk for sk in (f"{made['id'][:-4]}{number:04d}" for number in range(1_000)) if sk != made["id"]][:999]
    for start in range(0, len(ids), 25):
        rows = [kept | {"sk": {"S": sk}, "id": {"S": sk}} for sk in ids[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": one}} for one in rows]})


def is_out(api: Api, path: str = "/v1/me") -> Callable[[], bool]:
    return lambda: api.get(path).status == 401


def refused(answer: Answer, status: int, code: str, field: str | None = None) -> str:
    assert (answer.status, answer.code, answer.json.get("field")) == (status, code, field), answer
    return answer.json["detail"]


def used(answer: Answer) -> str:
    return refused(answer, 410, "code_used", "code")


# ---- The way in ----


def test_a_link_opens_a_session_once(tenant: Tenant) -> None:
    made = create(tenant, scopes=READING, expiresInSeconds=600)
    assert made["url"].endswith(f"/portal/#s={made['code']}") and made["url"].startswith("http")
    assert made["scopes"] == READING and seconds(made) == 600
    token = exchange(tenant, made["code"]).ok(201)
    assert {name: token[name] for name in ("id", "tenantId", "scopes", "expiresAt")} == {name: made[name] for name in ("id", "tenantId", "scopes", "expiresAt")}
    assert token["token"].startswith("postel_ses_")
    api = tenant.api.with_key(token["token"])
    assert api.get(tenant.path("/webhooks")).ok()["items"] == []
    assert refused(api.post(tenant.path("/events"), {"type": "a", "data": 1}), 403, "forbidden") == "This session lacks the scope events:write."
    assert "used or has expired" in used(exchange(tenant, made["code"]))
    assert api.get(tenant.path("/webhooks")).status == 200, "the second use took nothing away"


def test_of_two_pages_with_one_code_one_gets_in(tenant: Tenant) -> None:
    codes = [create(tenant)["code"] for _ in range(5)]
    with ThreadPoolExecutor(4) as pool:
        for code in codes:
            answers = list(pool.map(lambda _: exchange(tenant, code).status, range(4)))
            assert sorted(answers) == [201, 410, 410, 410]


def test_a_code_that_is_used_expired_ended_or_unknown_gets_one_answer(tenant: Tenant) -> None:
    codes = {name: create(tenant) for name in ("used", "expired", "past", "ended", "unknown")}
    exchange(tenant, codes["used"]["code"]).ok(201)
    change(codes["expired"], code_until=int(time.time() * 1000) - 1)
    change(codes["past"], ends_at=int(time.time() * 1000) - 1)
    tenant.api.delete(tenant.path(f"/sessions/{codes['ended']['id']}")).ok(204)
    texts = {name: made["code"] for name, made in codes.items() if name != "unknown"}
    right = codes["unknown"]["code"]
    # With another tenant's name in it, mistyped, and nothing like a code.
    texts |= {"mistyped": right[:-1] + ("0" if right[-1] != "0" else "1"), "short": "code_", "long": "x" * 10_000, "key": str(tenant.api.key), "empty": ""}
    answers = {name: exchange(tenant, code) for name, code in texts.items()}
    assert {used(answer) for answer in answers.values()} == {"This link has been used or has expired. Open a new one."}
    assert len({answer.bare for answer in answers.values()}) == 1, "no answer says more than another"
    exchange(tenant, right).ok(201)


@pytest.mark.parametrize("body, status, code, field", [
    (None, 400, "empty_body", None), ({}, 400, "missing_field", "code"), ({"code": 1}, 400, "invalid_request", "code"), ({"code": None}, 400, "invalid_request", "code"),
    ({"code": "x", "y": 1}, 400, "unknown_field", "y"), (b"\xff", 400, "invalid_utf8", None), ([], 400, "invalid_request", None),
    (b'{"code": "' + b"x" * 70_000 + b'"}', 413, "payload_too_large", None), (b'{"code": ' + b"[" * 200 + b"]" * 200 + b"}", 422, "too_deep", "code"),
])  # fmt: skip
def test_what_is_no_exchange_is_named(tenant: Tenant, body: Any, status: int, code: str, field: str | None) -> None:
    refused(tenant.api.with_key(None).post("/v1/sessions/exchange", body), status, code, field)


def test_a_code_opens_nothing_by_itself_and_a_token_is_no_code(tenant: Tenant) -> None:
    made = create(tenant)
    assert tenant.api.with_key(made["code"]).get("/v1/me").status == 401
    token = exchange(tenant, made["code"]).ok(201)["token"]
    used(exchange(tenant, token))
    assert tenant.api.with_key(token).get("/v1/me").status == 200
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert "session" in refused(tenant.api.with_key(wrong).get("/v1/me"), 401, "invalid_key")


def test_only_hashes_of_code_and_token_are_stored(tenant: Tenant) -> None:
    made = create(tenant)
    stored = lambda: json.dumps(stack.aws("dynamodb").get_item(TableName=stack.resource("ConfigTable"), Key=row(made))["Item"])  # noqa: E731
    before = stored()
    token = exchange(tenant, made["code"]).ok(201)["token"]
    for text, secret in ((before, made["code"]), (stored(), made["code"]), (stored(), token)):
        assert secret not in text and secret.split("_")[-1] not in text
    assert "code_hash" in before and "code_hash" not in stored()


# ---- Never more than its maker ----


def test_a_session_has_its_makers_scopes_unless_fewer_are_asked_for(tenant: Tenant) -> None:
    own = ["keys", "webhooks:read"]
    api = tenant.api.with_key(tenant.new_key(own)["key"])
    assert create(tenant, api)["scopes"] == own
    assert create(tenant, api, scopes=["webhooks:read"] * 2)["scopes"] == ["webhooks:read"]
    for scopes in (["events:write"], SCOPES):
        refused(api.post(tenant.path("/sessions"), {"scopes": scopes}), 403, "forbidden", "scopes")
    assert create(tenant, tenant.operator)["scopes"] == SCOPES
    refused(api.post(tenant.path("/sessions"), {"scopes": []}), 422, "invalid_value", "scopes")
    refused(api.post(tenant.path("/sessions"), {"scopes": ["all"]}), 422, "invalid_value", "scopes[0]")


def test_a_session_ends_no_later_than_the_key_that_makes_it(tenant: Tenant) -> None:
    end = datetime.fromtimestamp(time.time() + 300).astimezone().isoformat(timespec="milliseconds")
    key = tenant.new_key(SCOPES, expiresAt=end)
    api = tenant.api.with_key(key["key"])
    assert create(tenant, api)["expiresAt"] == key["expiresAt"]
    assert seconds(create(tenant, api, expiresInSeconds=60)) == 60
    assert key["expiresAt"] in refused(api.post(tenant.path("/sessions"), {"expiresInSeconds": 600}), 403, "forbidden", "expiresInSeconds")
    assert seconds(create(tenant)) == 3600, "an hour by default"


@pytest.mark.parametrize("wanted", [0, 59, 86_401, 10**12])
def test_a_session_lasts_a_minute_to_a_day(tenant: Tenant, wanted: int) -> None:
    refused(tenant.api.post(tenant.path("/sessions"), {"expiresInSeconds": wanted}), 422, "invalid_value", "expiresInSeconds")
    assert [seconds(create(tenant, expiresInSeconds=right)) for right in (60, 86_400)] == [60, 86_400]


def test_a_session_makes_no_session_and_no_key_that_outlives_it(tenant: Tenant) -> None:
    made = create(tenant, expiresInSeconds=600)
    api = opened(tenant, made)
    assert refused(api.post(tenant.path("/sessions"), {}), 403, "forbidden") == "A session cannot create a session: use a key."
    key = api.post(tenant.path("/keys"), {"scopes": READING}).ok(201)
    assert key["expiresAt"] == made["expiresAt"]
    later = api.post(tenant.path("/keys"), {"scopes": READING, "expiresAt": "2999-01-01T00:00:00Z"})
    assert "A session cannot" in refused(later, 403, "forbidden", "expiresAt")
    refused(api.post("/v1/sessions", {}), 403, "forbidden")


# ---- Its end ----


def test_an_ended_session_opens_nothing_and_says_what_it_was(tenant: Tenant) -> None:
    made, other = create(tenant), create(tenant)
    api, unopened = opened(tenant, made), other["code"]
    assert api.get("/v1/me").ok()["id"] == made["id"]
    tenant.api.delete(tenant.path(f"/sessions/{made['id']}")).ok(204)
    stack.eventually(is_out(api), 5, "the session to end")
    assert "session" in refused(api.get("/v1/me"), 401, "invalid_key")
    refused(tenant.api.delete(tenant.path(f"/sessions/{made['id']}")), 404, "not_found", "sessionId")
    tenant.api.delete(tenant.path("/sessions")).ok(204)
    used(exchange(tenant, unopened))
    assert tenant.api.get(tenant.path("/sessions")).ok()["items"] == []


def test_a_session_ends_at_its_time(tenant: Tenant) -> None:
    made = create(tenant)
    api = opened(tenant, made)
    change(made, ends_at=int(time.time() * 1000) - 1)
    stack.eventually(is_out(api), 5, "the session to expire")


def test_a_page_can_sign_out(tenant: Tenant) -> None:
    made, other = create(tenant, scopes=READING), create(tenant)
    api = opened(tenant, made)
    refused(api.delete(f"/v1/sessions/{other['id']}"), 403, "forbidden")
    api.delete(f"/v1/sessions/{made['id']}").ok(204)
    stack.eventually(is_out(api), 5, "the session to end")
    refused(tenant.api.delete(f"/v1/sessions/{other['id']}"), 403, "forbidden")
    refused(tenant.operator.delete(f"/v1/sessions/{other['id']}"), 404, "not_found", "sessionId")


def test_a_session_ends_with_the_key_that_made_it(tenant: Tenant) -> None:
    key = tenant.new_key(SCOPES)
    maker = tenant.api.with_key(key["key"])
    mine, waiting, others = create(tenant, maker), create(tenant, maker), create(tenant)
    api = opened(tenant, mine)
    assert {one["id"]: one.get("keyId") for one in tenant.api.get(tenant.path("/sessions")).ok()["items"]}[mine["id"]] == key["id"]
    tenant.operator.delete(tenant.path(f"/keys/{key['id']}")).ok(204)
    stack.eventually(is_out(api), 5, "the session to end")
    used(exchange(tenant, waiting["code"]))
    assert [one["id"] for one in tenant.api.get(tenant.path("/sessions")).ok()["items"]] == [others["id"]]


def test_a_session_ends_with_its_tenant_and_is_not_of_the_next(tenant: Tenant) -> None:
    api, waiting = opened(tenant, create(tenant)), create(tenant)
    tenant.operator.delete(tenant.path()).ok(204)
    stack.eventually(is_out(api), 5, "the session to end")
    assert not stack.scan("ConfigTable", f"sessions#{tenant.id}")
    tenant.operator.put(tenant.path(), {}).ok(201)
    assert api.get("/v1/me").status == 401
    used(exchange(tenant, waiting["code"]))


def test_a_row_that_a_deletion_left_is_of_no_later_tenant(tenant: Tenant) -> None:
    made = create(tenant)
    api = opened(tenant, made)
    kept = stack.aws("dynamodb").get_item(TableName=stack.resource("ConfigTable"), Key=row(made))["Item"]
    tenant.operator.delete(tenant.path()).ok(204)
    tenant.operator.put(tenant.path(), {}).ok(201)
    stack.aws("dynamodb").put_item(TableName=stack.resource("ConfigTable"), Item=kept)
    assert "session" in refused(api.get("/v1/me"), 401, "invalid_key")
    refused(api.post(tenant.path("/events"), {"type": "a", "data": 1}), 401, "invalid_key")


# ---- The list, and its bound ----


def test_the_list_has_what_has_not_ended_and_shows_no_code(tenant: Tenant) -> None:
    made = [create(tenant, expiresInSeconds=60 + number) for number in (2, 0, 1)]
    first = exchange(tenant, made[0]["code"]).ok(201)
    gone = create(tenant)
    change(gone, code_until=1)
    listed = tenant.api.all(tenant.path("/sessions"), limit=2)
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(made)], "the newest first, by creation"
    assert ["openedAt" in one for one in listed] == [False, False, True]
    text = json.dumps(listed)
    assert first["token"] not in text and not any(one["code"] in text for one in made)
    assert len(tenant.api.get(tenant.path("/keys")).ok()["items"]) == 1, "a session is no key"


def test_a_tenant_has_a_thousand_sessions_and_no_more(tenant: Tenant) -> None:
    first = create(tenant)
    fill(first)
    assert "1000" in refused(tenant.api.post(tenant.path("/sessions"), {}), 409, "session_limit")
    # One whose code expired unused makes room.
    change(first, code_until=1)
    create(tenant)
    refused(tenant.api.post(tenant.path("/sessions"), {}), 409, "session_limit")
    tenant.api.delete(tenant.path("/sessions")).ok(204)
    assert not stack.scan("ConfigTable", f"sessions#{tenant.id}")
    create(tenant)


# ---- The operator ----


def test_a_session_of_the_operator_is_the_operator_but_for_further_ones(tenant: Tenant) -> None:
    made = tenant.operator.post("/v1/sessions", {}).ok(201)
    assert made["url"].endswith(f"/console/#s={made['code']}") and seconds(made) == 8 * 3600
    assert "tenantId" not in made
    api = opened(tenant, made)
    assert api.get("/v1/tenants", limit=1).ok()["items"]
    assert api.patch(tenant.path(), {"name": "by the console"}).ok()["name"] == "by the console"
    assert create(tenant, api, scopes=READING)["tenantId"] == tenant.id
    api.post(tenant.path("/events"), {"type": "a", "data": 1}).ok(202)
    assert "operator's key" in refused(api.post("/v1/sessions", {}), 403, "forbidden")
    assert made["id"] in [one["id"] for one in api.all("/v1/sessions")]
    refused(tenant.api.get("/v1/sessions"), 403, "forbidden")
    other = tenant.operator.post("/v1/sessions", {}).ok(201)
    api.delete(f"/v1/sessions/{other['id']}").ok(204)
    used(exchange(tenant, other["code"]))
    api.delete(f"/v1/sessions/{made['id']}").ok(204)
    stack.eventually(is_out(api), 5, "the session to end")
    assert "session" in refused(api.get("/v1/tenants"), 401, "invalid_key")


def remembered(context: dict[str, str], method: str, path: str, body: Any = None) -> int:
    """What the management function answers while the gateway remembers what the authorizer said."""
    answer = stack.invoke("ManageFunction", {
        "version": "2.0", "routeKey": "ANY /v1/{proxy+}", "rawPath": path, "rawQueryString": "", "headers": {"host": "x"}, "isBase64Encoded": False,
        "requestContext": {
            "accountId": "1", "apiId": "x", "domainName": "x", "domainPrefix": "x", "requestId": "x", "routeKey": "ANY /v1/{proxy+}", "stage": "$default",
            "time": "", "timeEpoch": 0, "authorizer": {"lambda": context}, "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "", "userAgent": ""},
        },
    } | ({"body": json.dumps(body)} if body is not None else {}))  # fmt: skip
    return answer["statusCode"]


@pytest.mark.parametrize("whose", ["a tenant's", "the operator's"])
def test_what_the_gateway_remembers_of_an_ended_session_opens_nothing(tenant: Tenant, whose: str) -> None:
    made = create(tenant) if whose == "a tenant's" else tenant.operator.post("/v1/sessions", {}).ok(201)
    opened(tenant, made)
    millis = lambda name: str(int(datetime.fromisoformat(made[name]).timestamp() * 1000))  # noqa: E731
    context = {"role": "operator", "session": made["id"], "expiresAt": millis("expiresAt")}
    if whose == "a tenant's":
        context |= {"role": "tenant", "tenant": tenant.id, "scopes": " ".join(SCOPES), "createdAt": millis("createdAt")}
    webhook = {"url": "https://receiver.example.com/", "events": ["*"]}
    calls = [("GET", "/v1/me", None), ("GET", tenant.path("/webhooks"), None), ("POST", tenant.path("/webhooks"), webhook)]
    assert [remembered(context, *call) for call in calls] == [200, 200, 201]
    assert remembered(context | {"expiresAt": str(int(time.time() * 1000) - 1)}, *calls[0]) == 401
    end = tenant.path(f"/sessions/{made['id']}") if whose == "a tenant's" else f"/v1/sessions/{made['id']}"
    tenant.operator.delete(end).ok(204)
    assert [remembered(context, *call) for call in calls] == [401, 401, 401]
    assert len(tenant.api.get(tenant.path("/webhooks")).ok()["items"]) == 1


def test_an_ended_session_of_the_operator_writes_nothing_below_a_tenant(tenant: Tenant) -> None:
    made = tenant.operator.post("/v1/sessions", {}).ok(201)
    api = opened(tenant, made)
    tenant.operator.delete(f"/v1/sessions/{made['id']}").ok(204)
    answers = [api.post(tenant.path("/webhooks"), {"url": "https://receiver.example.com/", "events": ["*"]}), api.post(tenant.path("/sessions"), {})]
    assert [answer.status for answer in answers] == [401, 401]
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == []


@pytest.mark.alone
def test_all_sessions_of_the_operator_can_be_ended(tenant: Tenant) -> None:
    made = [tenant.operator.post("/v1/sessions", {}).ok(201) for _ in range(2)]
    api, others = opened(tenant, made[0]), opened(tenant, create(tenant))
    api.delete("/v1/sessions").ok(204)
    stack.eventually(is_out(api), 5, "the session to end")
    used(exchange(tenant, made[1]["code"]))
    assert tenant.operator.get("/v1/sessions").ok()["items"] == []
    fill(tenant.operator.post("/v1/sessions", {}).ok(201))
    assert "1000" in refused(tenant.operator.post("/v1/sessions", {}), 409, "session_limit")
    tenant.operator.delete("/v1/sessions").ok(204)
    refused(tenant.operator.post("/v1/sessions", b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}"), 422, "too_deep", "a")
    assert others.get("/v1/me").status == 200, "those of tenants go on"


# ---- Who is it ----


def test_everybody_can_ask_who_they_are(tenant: Tenant) -> None:
    version = tenant.api.get("/health").ok()["version"]
    assert tenant.operator.get("/v1/me").ok() == {"kind": "operator", "scopes": SCOPES, "version": version}
    tenant.operator.patch(tenant.path(), {"name": "Acme", "limits": {"webhooks": 3, "requestsPerMinute": 77}}).ok()
    tenant.new_webhook("https://receiver.example.com/")
    known = {
        "tenantId": tenant.id, "tenantName": "Acme", "contract": tenant.contract, "version": version,
        "limits": {"webhooks": {"used": 1, "allowed": 3}, "requestsPerMinute": 77},
    }  # fmt: skip
    key = tenant.new_key(READING)
    assert tenant.api.with_key(key["key"]).get("/v1/me").ok() == known | {"kind": "key", "id": key["id"], "scopes": READING}
    made = create(tenant, scopes=READING)
    assert opened(tenant, made).get("/v1/me").ok() == known | {"kind": "session", "id": made["id"], "scopes": READING, "expiresAt": made["expiresAt"]}
    assert tenant.api.with_key(None).get("/v1/me").status == 401


def test_without_limits_of_its_own_a_tenant_has_those_of_its_contract() -> None:
    for contract in ("kuviq", "standard"):
        tenant = new_tenant(contract)
        allowed = tenant.operator.get(f"/v1/contracts/{contract}").ok().get("webhooksPerTenant", 25)
        assert tenant.api.get("/v1/me").ok()["limits"] == {"webhooks": {"used": 0, "allowed": allowed}, "requestsPerMinute": 1000}


# ---- A change of a tenant ----


def test_a_patch_changes_what_it_names(tenant: Tenant) -> None:
    path = tenant.path()
    whole = {"name": "Acme", "contract": "kuviq", "contactEmail": "a@example.com", "publishers": ["AROAX"], "limits": {"webhooks": 3, "requestsPerMinute": 900}}
    tenant.operator.put(path, whole | {"context": {"a": 1, "b": "x"}}).ok()
    patch = lambda **changes: tenant.operator.patch(path, changes).ok()  # noqa: E731
    assert patch(name="B", limits={"webhooks": None})["limits"] == {"requestsPerMinute": 900}
    shown = patch(context={"a": None, "c": 2.50})
    assert (shown["name"], shown["context"], shown["contract"], shown["publishers"]) == ("B", {"b": "x", "c": 2.5}, "kuviq", ["AROAX"])
    assert patch(**{name: shown[name] for name in ("id", "createdAt", "updatedAt")})["updatedAt"] == shown["updatedAt"], "nothing changed"
    assert patch(**dict.fromkeys(("name", "contract", "contactEmail", "publishers", "limits", "context"))) | {"updatedAt": ""} == {
        "id": tenant.id, "contract": "standard", "publishers": [], "limits": {}, "createdAt": shown["createdAt"], "updatedAt": "",
    }  # fmt: skip


@pytest.mark.parametrize("change, status, code, field", [
    ({"colour": 1}, 400, "unknown_field", "colour"), ({"contract": "nobody"}, 422, "invalid_contract", "contract"), ({"contract": 1}, 400, "invalid_request", "contract"),
    ({"contactEmail": "x"}, 422, "invalid_value", "contactEmail"), ({"limits": {"webhooks": 10_001}}, 422, "invalid_value", "limits.webhooks"),
    ({"limits": 1}, 400, "invalid_request", "limits"), ({"publishers": [""]}, 422, "invalid_value", "publishers"), ({"context": {"a": []}}, 422, "invalid_value", "context"),
])  # fmt: skip
def test_a_patch_that_breaks_a_rule_changes_nothing(tenant: Tenant, change: dict, status: int, code: str, field: str) -> None:
    before = tenant.operator.get(tenant.path()).ok()
    refused(tenant.operator.patch(tenant.path(), {"name": "changed"} | change), status, code, field)
    assert tenant.operator.get(tenant.path()).ok() == before


def test_a_patch_is_the_operators_and_makes_no_tenant(tenant: Tenant) -> None:
    refused(tenant.api.patch(tenant.path(), {"name": "mine"}), 403, "forbidden")
    refused(opened(tenant, create(tenant)).patch(tenant.path(), {"name": "mine"}), 403, "forbidden")
    refused(tenant.operator.patch(f"/v1/tenants/{stack.unique()}", {"name": "new"}), 404, "not_found", "tenantId")


def test_of_two_patches_at_once_both_are_there(tenant: Tenant) -> None:
    changes = [{"context": {f"n{number}": number}} for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda change: tenant.operator.patch(tenant.path(), change), changes))
    done = {name for change, answer in zip(changes, answers) if answer.status == 200 for name in change["context"]}
    assert {answer.status for answer in answers} <= {200, 409} and done
    assert tenant.operator.get(tenant.path()).ok()["context"].keys() == done


def test_a_patch_of_a_version_that_is_gone_changes_nothing(tenant: Tenant) -> None:
    first = tenant.operator.get(tenant.path()).headers["etag"]
    send = lambda name, tag: tenant.operator.call("PATCH", tenant.path(), {"name": name}, {"if-match": tag})  # noqa: E731
    second = send("second", first)
    assert second.status == 200 and second.headers["etag"] != first
    refused(send("third", first), 412, "precondition_failed")
    assert tenant.operator.get(tenant.path()).ok()["name"] == "second"


def test_a_body_for_the_operators_session_that_is_nested_too_deep_is_refused(operator):
    answer = operator.call("POST", "/v1/sessions", b'{"a":' * 200 + b"1" + b"}" * 200)
    assert (answer.status, answer.code) == (422, "too_deep")
