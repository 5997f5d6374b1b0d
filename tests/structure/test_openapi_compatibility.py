"""The OpenAPI document breaks no client of the released one, and each kind of break is named by its
path and member."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "openapi"))

import compatibility  # noqa: E402

CURRENT = ROOT / "functions" / "api" / "openapi.json"
RELEASED = ROOT / "functions" / "api" / "released"

HOOKS = "/v1/tenants/{tenantId}/webhooks"
HOOK = HOOKS + "/{webhookId}"
CREATE, LIST, GET, REMOVE = f"POST {HOOKS}", f"GET {HOOKS}", f"GET {HOOK}", f"DELETE {HOOK}"


def of(schema: str) -> dict:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def path_parameter(name: str) -> dict:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}


MADE_UP = {
    "openapi": "3.1.0",
    "info": {"title": "made up", "version": "1.2.0"},
    "security": [{"bearer": []}],
    "paths": {
        HOOKS: {
            "parameters": [path_parameter("tenantId")],
            "get": {
                "operationId": "webhooks.list",
                "security": [{"bearer": ["webhooks:read"]}],
                "parameters": [{"name": "state", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"description": "A page.", "content": of("WebhookList"), "headers": {"ETag": {"schema": {"type": "string"}}}}},
            },
            "post": {
                "operationId": "webhooks.create",
                "security": [{"bearer": ["webhooks:write"]}],
                "requestBody": {"content": of("WebhookCreate") | {"text/csv": {}}},
                "responses": {"201": {"description": "It.", "content": of("Webhook")}, "409": {"$ref": "#/components/responses/Conflict"}},
            },
        },
        HOOK: {
            "parameters": [path_parameter("tenantId"), path_parameter("webhookId")],
            "get": {"operationId": "webhooks.get", "responses": {"200": {"description": "It.", "content": of("Webhook")}}},
            "delete": {"operationId": "webhooks.delete", "security": [], "responses": {"204": {"description": "Gone."}}},
        },
    },
    "webhooks": {
        "standard": {
            "post": {
                "parameters": [{"name": "webhook-id", "in": "header", "required": True, "schema": {"type": "string"}}],
                "requestBody": {"content": of("Sent")},
                "responses": {"2XX": {"description": "Taken."}, "410": {"description": "Switches the webhook off."}},
            }
        }
    },
    "components": {
        "responses": {"Conflict": {"description": "A limit.", "x-postel-codes": ["webhook_limit"], "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}},
        "schemas": {
            "Problem": {"type": "object", "properties": {"code": {"type": "string", "x-extensible-enum": ["webhook_limit", "id_conflict"]}}},
            "Sent": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "data": {}}},
            "Overrides": {"type": "object", "properties": {"timeoutSeconds": {"type": "integer", "maximum": 30, "minimum": 1, "default": 30}}},
            "WebhookCreate": {
                "type": "object",
                "required": ["url"],
                "properties": {
                    "url": {"type": "string", "maxLength": 2048},
                    "name": {"type": ["string", "null"]},
                    "kind": {"type": "string", "enum": ["http", "inbox"]},
                    "factor": {"type": "number"},
                    "overrides": {"oneOf": [{"$ref": "#/components/schemas/Overrides"}, {"type": "null"}]},
                    "target": {"oneOf": [{"$ref": "#/components/schemas/Sent"}, {"$ref": "#/components/schemas/Problem"}]},
                },
            },
            "Webhook": {
                "allOf": [{"$ref": "#/components/schemas/Overrides"}],
                "required": ["id", "state", "createdAt"],
                "properties": {
                    "id": {"type": "string"},
                    "name": {"type": "string"},
                    "state": {"type": "string"},
                    "bound": {"type": "string", "enum": ["first", "last"]},
                    "createdAt": {"type": "string", "format": "date-time"},
                    "count": {"type": "number"},
                    "parent": {"$ref": "#/components/schemas/Webhook"},
                },
            },
            "WebhookList": {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Webhook"}}, "nextCursor": {"type": "string"}},
            },
        },
    },
}


def at(document: dict, *path: str) -> dict:
    for name in path:
        document = document[name]
    return document


def properties(document: dict, schema: str) -> dict:
    return at(document, "components", "schemas", schema, "properties")


def changed(change: Callable[[dict], object]) -> dict:
    document = copy.deepcopy(MADE_UP)
    change(document)
    return document


def sent(member: str, **change: object) -> Callable[[dict], object]:
    return lambda document: properties(document, "WebhookCreate")[member].update(change)


def received(member: str, **change: object) -> Callable[[dict], object]:
    return lambda document: properties(document, "Webhook")[member].update(change)


def renamed_parameter(document: dict) -> None:
    document["paths"][HOOKS.replace("tenantId", "tenant")] = document["paths"].pop(HOOKS)
    at(document, "paths", HOOKS.replace("tenantId", "tenant"), "parameters")[0]["name"] = "tenant"


# What is changed, and the lines that are to name it, some of them.
BREAKS = {
    "a path": (lambda d: d["paths"].pop(HOOK), {f"{GET}: is gone", f"{REMOVE}: is gone"}),
    "an operation": (lambda d: d["paths"][HOOK].pop("delete"), {f"{REMOVE}: is gone"}),
    "an operation's name": (lambda d: d["paths"][HOOK]["get"].update(operationId="hooks.get"), {f"{GET}: operation `webhooks.get` is called `hooks.get`"}),
    "a path parameter's name": (renamed_parameter, {f"{LIST}: path parameter `tenantId` is called `tenant`"}),
    "a path parameter's length": (lambda d: d["paths"][HOOK]["parameters"][1]["schema"].update(maxLength=32), {f"{GET}: path parameter 2: maxLength is 32, was 64"}),
    "a filter": (lambda d: d["paths"][HOOKS]["get"]["parameters"].pop(), {f"{LIST}: query parameter `state` is gone"}),
    "a filter is required": (lambda d: d["paths"][HOOKS]["get"]["parameters"][0].update(required=True), {f"{LIST}: query parameter `state` is required now"}),
    "a new required header": (
        lambda d: d["paths"][HOOK]["delete"].update(parameters=[{"name": "If-Match", "in": "header", "required": True}]),
        {f"{REMOVE}: header parameter `If-Match` is new and required"},
    ),
    "another scope": (
        lambda d: d["paths"][HOOKS]["get"].update(security=[{"bearer": ["webhooks:read", "deliveries:read"]}]),
        {f"{LIST}: needs `deliveries:read` and `webhooks:read`, needed `webhooks:read`"},
    ),
    "a credential": (lambda d: d["paths"][HOOK]["delete"].pop("security"), {f"{REMOVE}: needs `bearer`, needed no credential"}),
    "the body is required": (lambda d: d["paths"][HOOKS]["post"]["requestBody"].update(required=True), {f"{CREATE}: the body is required now"}),
    "a media type": (lambda d: d["paths"][HOOKS]["post"]["requestBody"]["content"].pop("text/csv"), {f"{CREATE}: body: text/csv is gone"}),
    "a member of a request": (lambda d: properties(d, "WebhookCreate").pop("name"), {f"{CREATE}: body.name: is gone"}),
    "a new required member": (
        lambda d: (properties(d, "WebhookCreate").update(events={}), d["components"]["schemas"]["WebhookCreate"]["required"].append("events")),
        {f"{CREATE}: body.events: is new and required"},
    ),
    "a member that becomes required": (lambda d: d["components"]["schemas"]["WebhookCreate"]["required"].append("name"), {f"{CREATE}: body.name: is required now"}),
    "null is refused": (sent("name", type="string"), {f"{CREATE}: body.name: is string, was null or string"}),
    "null is refused beside a reference": (
        lambda d: properties(d, "WebhookCreate").update(overrides={"$ref": "#/components/schemas/Overrides"}),
        {f"{CREATE}: body.overrides: is object, was null or object"},
    ),
    "a whole number is wanted": (sent("factor", type="integer"), {f"{CREATE}: body.factor: is integer, was number"}),
    "a shorter text": (sent("url", maxLength=1024), {f"{CREATE}: body.url: maxLength is 1024, was 2048"}),
    "a new minimum": (sent("url", minLength=1), {f"{CREATE}: body.url: minLength is 1, was none"}),
    "a pattern": (sent("url", pattern="^https:"), {f"{CREATE}: body.url: pattern is ^https:, was none"}),
    "a maximum below a reference": (
        lambda d: properties(d, "Overrides")["timeoutSeconds"].update(maximum=10),
        {f"{CREATE}: body.overrides.timeoutSeconds: maximum is 10, was 30"},
    ),
    "a default": (
        lambda d: properties(d, "Overrides")["timeoutSeconds"].update(default=10),
        {f"{CREATE}: body.overrides.timeoutSeconds: has the default 10, had 30"},
    ),
    "a value of a request": (sent("kind", enum=["http"]), {f"{CREATE}: body.kind: takes only http, no longer inbox"}),
    "a closed list in a request": (sent("name", enum=["a"]), {f"{CREATE}: body.name: takes only a"}),
    "unknown members are refused": (
        lambda d: d["components"]["schemas"]["WebhookCreate"].update(additionalProperties=False),
        {f"{CREATE}: body: takes no further members now"},
    ),
    "a variant of a request is gone": (
        lambda d: properties(d, "WebhookCreate")["target"].update(oneOf=[{"$ref": "#/components/schemas/Sent"}, {"$ref": "#/components/schemas/Overrides"}]),
        {f"{CREATE}: body.target: the variant Problem is gone"},
    ),
    "a success": (lambda d: d["paths"][HOOKS]["post"]["responses"].update({"200": d["paths"][HOOKS]["post"]["responses"].pop("201")}), {f"{CREATE}: status 201 is gone", f"{CREATE}: status 200 is new"}),
    "an error status": (lambda d: d["paths"][HOOKS]["post"]["responses"].pop("409"), {f"{CREATE}: status 409 is gone"}),
    "an error code": (
        lambda d: properties(d, "Problem")["code"]["x-extensible-enum"].remove("webhook_limit"),
        {f"{CREATE}: 409.code: webhook_limit is gone"},
    ),
    "an error code of an operation": (
        lambda d: d["components"]["responses"]["Conflict"].update({"x-postel-codes": ["id_conflict"]}),
        {f"{CREATE}: 409: code `webhook_limit` is gone"},
    ),
    "a header of an answer": (lambda d: d["paths"][HOOKS]["get"]["responses"]["200"].pop("headers"), {f"{LIST}: 200: header `ETag` is gone"}),
    "a member of an answer": (lambda d: properties(d, "Webhook").pop("name"), {f"{CREATE}: 201.name: is gone", f"{LIST}: 200.items[].name: is gone", f"{GET}: 200.name: is gone"}),
    "a member of an answer's part": (lambda d: properties(d, "Overrides").pop("timeoutSeconds"), {f"{GET}: 200.timeoutSeconds: is gone"}),
    "a member that may be absent": (lambda d: d["components"]["schemas"]["Webhook"]["required"].remove("state"), {f"{GET}: 200.state: may be absent now"}),
    "an answer may be null": (received("name", type=["string", "null"]), {f"{GET}: 200.name: is null or string, was string"}),
    "an answer's type": (received("createdAt", type="integer"), {f"{GET}: 200.createdAt: is integer, was string"}),
    "an answer's format": (received("createdAt", format="date"), {f"{GET}: 200.createdAt: has the format date, had date-time"}),
    "a closed list in an answer": (received("state", enum=["active", "disabled"]), {f"{GET}: 200.state: is a closed list now"}),
    "a constant in an answer": (received("state", const="active"), {f"{GET}: 200.state: is a closed list now"}),
    "a value of a closed list": (received("bound", enum=["first", "last", "middle"]), {f"{GET}: 200.bound: was a closed list and may now be middle"}),
    "a closed answer": (lambda d: d["components"]["schemas"]["Webhook"].update(additionalProperties=False), {f"{GET}: 200: is closed for members that it does not list"}),
    "a webhook": (lambda d: d["webhooks"].pop("standard"), {"webhook standard: is gone"}),
    "a header that a receiver gets": (lambda d: d["webhooks"]["standard"]["post"]["parameters"].pop(), {"webhook standard: header `webhook-id` is gone"}),
    "a header that a receiver may not get": (lambda d: d["webhooks"]["standard"]["post"]["parameters"][0].pop("required"), {"webhook standard: header `webhook-id` may be absent now"}),
    "a member that a receiver gets": (lambda d: properties(d, "Sent").pop("data"), {"webhook standard: body.data: is gone"}),
    "an answer that a receiver gives": (lambda d: d["webhooks"]["standard"]["post"]["responses"].pop("410"), {"webhook standard: the answer 410 is gone"}),
    "a schema's name": (
        lambda d: d["components"]["schemas"].update(Overridden=d["components"]["schemas"]["Overrides"]) or rename_overrides(d),
        {"schema Overrides: is gone; generated clients have a type of this name"},
    ),
}


def rename_overrides(document: dict) -> None:
    renamed = json.loads(json.dumps(document).replace("schemas/Overrides", "schemas/Overridden"))
    del renamed["components"]["schemas"]["Overrides"]
    document.clear()
    document.update(renamed)


@pytest.mark.parametrize("what", BREAKS)
def test_each_breaking_change_is_named_by_path_and_member(what: str):
    change, lines = BREAKS[what]
    found = compatibility.breaking(MADE_UP, changed(change))
    assert lines <= set(found), found


# What the policy lets grow at any time.
GROWTH = {
    "nothing": lambda d: None,
    "texts": lambda d: d["info"].update(description="Other words."),
    "an operation": lambda d: d["paths"].update({"/v1/me": {"get": {"operationId": "me.get", "responses": {}}}}),
    "a filter": lambda d: d["paths"][HOOKS]["get"]["parameters"].append({"name": "q", "in": "query", "schema": {"type": "string"}}),
    "an optional member of a request": lambda d: properties(d, "WebhookCreate").update(filter={"type": "string"}),
    "a member that need not be sent any more": lambda d: d["components"]["schemas"]["WebhookCreate"].update(required=[]),
    "a longer text in a request": sent("url", maxLength=4096),
    "a value of a request": sent("kind", enum=["http", "inbox", "queue"]),
    "a variant of a request": lambda d: properties(d, "WebhookCreate")["target"]["oneOf"].append({"$ref": "#/components/schemas/Overrides"}),
    "any value in a request": lambda d: properties(d, "WebhookCreate").update(kind={"type": "string"}),
    "a member of an answer": lambda d: properties(d, "Webhook").update(lastSuccessAt={"type": "string"}),
    "a member that is always there": lambda d: d["components"]["schemas"]["Webhook"]["required"].append("name"),
    "a code of an operation": lambda d: d["components"]["responses"]["Conflict"]["x-postel-codes"].append("key_limit"),
    "a code": lambda d: properties(d, "Problem")["code"]["x-extensible-enum"].append("key_limit"),
    "longer ids in an answer": received("id", maxLength=128),
    "a whole number where any number was": received("count", type="integer"),
    "a scope that is not asked for": lambda d: d["paths"][HOOKS]["get"].update(security=[{"bearer": []}]),
    "another way in": lambda d: d["paths"][HOOKS]["get"]["security"].append({"session": []}),
    "a header of an answer": lambda d: d["paths"][HOOK]["get"]["responses"]["200"].update(headers={"ETag": {}}),
    "a webhook": lambda d: d["webhooks"].update(kuviq={"post": {}}),
    "a member that a receiver gets": lambda d: properties(d, "Sent").update(type={"type": "string"}),
}


@pytest.mark.parametrize("what", GROWTH)
def test_what_the_policy_lets_grow_breaks_nobody(what: str):
    assert compatibility.breaking(MADE_UP, changed(GROWTH[what])) == []


def test_the_current_document_breaks_no_client_of_itself():
    current = json.loads(CURRENT.read_text())
    assert compatibility.breaking(current, copy.deepcopy(current)) == []


def test_the_document_breaks_no_client_of_the_newest_release():
    released = compatibility.newest(RELEASED)
    if released is None:
        pytest.skip("nothing is released yet")
    found = compatibility.objections(json.loads(released.read_text()), json.loads(CURRENT.read_text()), (ROOT / "CHANGELOG.md").read_text())
    assert found == [], "\n".join(found)


def test_a_released_document_is_called_by_its_version():
    for path in RELEASED.glob("*.json"):
        assert json.loads(path.read_text())["info"]["version"] == path.stem


def test_the_newest_release_is_found_by_its_numbers(tmp_path: Path):
    assert compatibility.newest(tmp_path) is None and compatibility.newest(tmp_path / "absent") is None
    for version in ("0.9.1", "0.10.0", "0.2.11"):
        (tmp_path / f"{version}.json").write_text("{}")
    assert compatibility.newest(tmp_path).stem == "0.10.0"


@pytest.mark.parametrize(
    "released, current, may",
    [("1.2.0", "1.2.1", False), ("1.2.0", "1.3.0", False), ("1.2.0", "2.0.0", True), ("0.2.0", "0.2.1", False), ("0.2.0", "0.3.0", True), ("0.9.0", "1.0.0", True)],
)
def test_only_a_major_version_may_break_and_before_1_0_a_minor_one(released: str, current: str, may: bool):
    assert compatibility.may_break(released, current) == may


def test_a_version_that_may_break_needs_a_section_of_the_changelog():
    def goes(document: dict) -> None:
        del document["paths"][HOOK]
        document["info"]["version"] = "2.0.0"

    new, same = changed(goes), changed(lambda d: d["paths"].pop(HOOK))
    silent, says = "## [Unreleased]\n\n### Added\n\n- More.\n", "## [Unreleased]\n\n### Breaking\n\n- One webhook cannot be read.\n"

    assert compatibility.objections(MADE_UP, new, says) == []
    assert compatibility.objections(MADE_UP, new, says.replace("Unreleased", "2.0.0")) == []
    assert "### Breaking" in compatibility.objections(MADE_UP, new, silent)[0]
    assert "### Breaking" in compatibility.objections(MADE_UP, new, says.replace("Unreleased", "1.0.0"))[0], "of an older version"
    assert f"{GET}: is gone" in compatibility.objections(MADE_UP, same, says), "1.2.0 again"


def test_by_hand_it_prints_a_line_for_each_break(tmp_path: Path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(MADE_UP))
    command = [sys.executable, str(ROOT / "tests" / "openapi" / "compatibility.py"), str(old), str(new)]
    for document, code, said in ((MADE_UP, 0, "no client breaks\n"), (changed(BREAKS["an operation"][0]), 1, f"{REMOVE}: is gone\n")):
        new.write_text(json.dumps(document))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (code, said)
