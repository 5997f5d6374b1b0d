"""What an error may quote of a request: no invisible characters, and no value of a body. Over
all operations of the running stack's own document."""

import json
import re
import secrets
import time
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from support import logs, stack
from support.client import Answer, Api, Tenant

# At least one of each kind: C0, delete, C1, direction marks, zero width, a separator, a tag.
HOSTILE = "x\x01\x1b[2J\r\n\x7f\x85\x9b\u202e\u2066\u200b\u2028\ufeff\U000e0041y"
PATHS = {
    "webhookId": "wh_0123456789abcdefghjk",
    "eventId": "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "deliveryId": "dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV0123456789abcdefghjk",
    "deadLetterId": "dl_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "redriveId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "keyId": "0123456789ab",
    "sessionId": "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV",
}
# Their body is `{}`.
EMPTY = {"operatorSessions.create"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(Api(stack.outputs()["apiUrl"], None).get("/openapi.json").raw)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


@pytest.fixture
def known(operator: Api, tenant: Tenant) -> Iterator[dict[str, str]]:
    """Values for a path's parameters. Objects that a PUT creates are deleted with the test."""
    name = stack.unique("quoted")
    yield PATHS | {"tenantId": tenant.id, "contractName": name, "eventType": name}
    for path in ("/v1/contracts/", "/v1/event-types/"):
        assert operator.delete(path + name).status in (204, 404)


def filled(path: str, known: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: known[match[1]], path)


def texts(value: Any) -> Iterator[str]:
    """All texts of a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from texts(one)


def check_that_all_can_be_seen(answer: Answer, what: str) -> None:
    """The fillers and the separators are letters of no script; an answer of the gateway has its
    own form."""
    assert 400 <= answer.status < 500, (what, answer)
    for text in [*texts(json.loads(answer.raw)), *answer.headers.values()]:
        strange = {hex(ord(c)) for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
        assert not strange, (what, strange, text)


def test_an_error_shows_no_character_that_cannot_be_seen(document, operator: Api, tenant: Tenant, known: dict[str, str]):
    quoted = 0
    for path, method, operation in operations(document):
        if operation.get("security") == [{}]:
            continue
        what, place = operation["operationId"], filled(path, known)
        has_body = "requestBody" in operation
        body = {} if has_body else None
        answers = []
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                answers.append(operator.call(method, f"{place}?{quote(parameter['name'])}={quote(HOSTILE)}", body))
            elif parameter["in"] == "path" and not (has_body and parameter["name"] != "tenantId"):
                # For an operation with a body, the body is checked first.
                answers.append(operator.call(method, filled(path, known | {parameter["name"]: quote(HOSTILE)}), body))
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
            answers += [operator.call(method, f"{place}?{query}") for query in (f"{quote(HOSTILE)}=1", f"{quote(HOSTILE)}=1&{quote(HOSTILE)}=2")]
        if has_body:
            # An unknown member, a repeated one, a name deep inside, and invalid JSON.
            name = json.dumps(HOSTILE)
            for raw in (f"{{{name}: 1}}", f"{{{name}: 1, {name}: 2}}", f'{{"a": [{{{name}: 1, {name}: 2}}]}}', f"{{{HOSTILE}", HOSTILE):
                answers.append(operator.call(method, place, raw.encode()))
            for member in members(document, schema_of(operation), ()):
                for value in (HOSTILE, {HOSTILE: HOSTILE}, [HOSTILE]):
                    answer = operator.call(method, place, json.dumps(with_value(BASES.get(what, {}), member, value)).encode())
                    # Some texts may have several lines, and data belongs to the tenant.
                    answers += [answer] if answer.status >= 400 else []
        for answer in answers:
            if method == "GET" and answer.status == 200:
                continue
            check_that_all_can_be_seen(answer, what)
            quoted += b"u{202e}" in answer.raw
    assert quoted > 60, "the errors quote nothing: this proves nothing"


def test_one_event_of_a_batch_is_told_without_what_cannot_be_seen(tenant: Tenant):
    raw = json.dumps({"events": [{"type": "a.b", "data": 1, HOSTILE: 1}, {"type": HOSTILE, "data": 1}]}).encode()
    for result in tenant.api.call("POST", tenant.path("/events/batch"), raw).ok(202)["results"]:
        assert not [c for text in texts(result) for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")], result


def test_a_dead_letter_quotes_no_character_that_cannot_be_seen(tenant: Tenant):
    tenant.send_sqs(json.dumps({"tenantId": tenant.id, "type": "a.b", "data": 1, HOSTILE: 1}))
    (letter,) = tenant.wait_for_dead_letters()
    assert "u{202e}" in letter["detail"] and all(unicodedata.category(c) not in ("Cc", "Cf") for c in letter["detail"]), letter["detail"]


# ---- Values ------------------------------------------------------------------------------------

# By operation: members that are needed so that the others are checked.
BASES: dict[str, dict[str, Any]] = {
    "webhooks.create": {"url": "https://receiver.example.com/", "events": ["*"]},
    "events.publish": {"type": "item.created", "data": {}},
    "webhooks.retryFailed": {"since": "2020-01-01T00:00:00Z"},
    "contracts.upsert": {"envelope": {"a": "{data}"}, "timeoutSeconds": 5, "success": ["2xx"], "retryDelaysSeconds": [1]},
    "redrives.create": {"dryRun": True},
    "redrives.estimate": {},
}


def schema_of(operation: dict[str, Any]) -> dict[str, Any]:
    return next(iter(operation["requestBody"]["content"].values()))["schema"]


def members(document: dict[str, Any], schema: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The members of a body, and those of nested objects and lists."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for part in schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", []):
        yield from members(document, part, path)
    for name, below in schema.get("properties", {}).items():
        yield (*path, name)
        yield from members(document, below, (*path, name))
    if isinstance(below := schema.get("additionalProperties"), dict):
        yield (*path, "x-some-name")
        yield from members(document, below, (*path, "x-some-name"))
    if isinstance(below := schema.get("items"), dict):
        yield (*path, "0")
        yield from members(document, below, (*path, "0"))


def with_value(base: Any, path: tuple[str, ...], value: Any) -> Any:
    """The body with a value at a path: "0" is the first element of a list."""
    if not path:
        return value
    name, *rest = path
    if name == "0":
        return [with_value(None, tuple(rest), value)]
    base = base if isinstance(base, dict) else {}
    return base | {name: with_value(base.get(name), tuple(rest), value)}


def kinds_of(canary: str) -> Iterator[Any]:
    """A secret in place of any expected value, inside texts that could confuse the parsing of a
    parser's message, and where a template has a placeholder."""
    yield from (canary, [canary], {"a": canary}, [[canary]], {"a": {"b": [canary]}}, [{"a": canary}])
    yield from (f"{canary}\", expected `", f"{{{canary}}}", f"{canary}{{", f"{canary}\n", f"{{context.{canary}|{canary}}}", f"{{{canary}|id}}")


def results_of(answer: Answer) -> list[dict[str, Any]]:
    """The results of a batch."""
    return answer.json.get("results", []) if answer.raw.startswith(b"{") else []


def test_no_error_and_no_line_of_the_log_shows_a_value_of_a_body(document, operator: Api, tenant: Tenant, known: dict[str, str]):
    began = time.time()
    canary = f"whsec-canary-{secrets.token_hex(12)}"
    known["webhookId"] = tenant.new_webhook("https://receiver.example.com/")["id"]
    asked: list[tuple[str, str, str, bytes]] = []
    for path, method, operation in operations(document):
        if "requestBody" not in operation:
            continue
        what, place = operation["operationId"], filled(path, known)
        # An event's id is a name, and the error for a taken one contains it.
        tried = [member for member in dict.fromkeys(members(document, schema_of(operation), ())) if member[-1] != "id"]
        assert tried or what in EMPTY, f"{what} has a body without members"
        bodies = [json.dumps(with_value(BASES.get(what, {}), member, value)) for member in tried for value in kinds_of(canary)]
        bodies += [f'{{"a": {canary}}}', f'"{canary}"', f'["{canary}"]', canary, f'{{"a": "{canary}', f'{{"a": "{canary}"}} {canary}']
        asked += [(what, method, place, body.encode()) for body in bodies]

    def errors_of(one: tuple[str, str, str, bytes]) -> list[Any]:
        what, method, place, body = one
        answer = operator.call(method, place, body)
        assert answer.status < 500, (what, body, answer)
        return [answer.json] if answer.status >= 400 else [result["error"] for result in results_of(answer) if "error" in result]

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(errors_of, asked))
    assert [(one[0], one[3], errors) for one, errors in zip(asked, told) if canary in json.dumps(errors)] == []
    assert sum(map(bool, told)) > 500, "hardly any body was rejected: this proves nothing"
    for function in ("ManageFunction", "PublishFunction"):
        assert [line for line in logs.lines(logs.group_of(function), began) if canary in line] == [], function


def test_the_log_tells_what_is_wrong_with_a_row_without_its_values(tenant: Tenant, operator: Api):
    began, canary = time.time(), f"canary-{secrets.token_hex(12)}"
    webhook, key = tenant.new_webhook("https://receiver.example.com/")["id"], tenant.new_key(["webhooks:read"])["id"]
    name = stack.unique("contract")
    operator.put(f"/v1/contracts/{name}", operator.get("/v1/contracts/standard").ok() | {"name": name}).ok(201)
    rows = {
        (f"tenant#{tenant.id}", f"webhook#{webhook}"): ({"created_at": {"S": canary}}, tenant.path(f"/webhooks/{webhook}")),
        (f"key#{key}", "key"): ({"scopes": {"L": [{"S": canary}]}}, None),
        ("contracts", name): ({"json": {"S": json.dumps({"envelope": canary, "timeoutSeconds": canary})}}, f"/v1/contracts/{name}"),
    }
    dynamo, table = stack.aws("dynamodb"), stack.resource("ConfigTable")
    for (pk, sk), (spoilt, path) in rows.items():
        place = {"pk": {"S": pk}, "sk": {"S": sk}}
        before = dynamo.get_item(TableName=table, Key=place)["Item"]
        dynamo.put_item(TableName=table, Item=before | spoilt)
        if path is None:
            operator.delete(tenant.path(f"/keys/{key}")).ok(204)
        else:
            answer = operator.get(path)
            assert answer.status == 500 and canary not in answer.raw.decode()
            dynamo.put_item(TableName=table, Item=before)
    operator.delete(f"/v1/contracts/{name}").ok(204)

    def told() -> list[str]:
        lines = [line for line in logs.lines(logs.group_of("ManageFunction"), began) if "he row" in line and '"fault_kind":"corrupt"' in line]
        assert len(lines) >= 2
        return lines

    stack.eventually(told, 60, "the lines of the rows")
    assert [line for line in logs.lines(logs.group_of("ManageFunction"), began) if canary in line] == []
