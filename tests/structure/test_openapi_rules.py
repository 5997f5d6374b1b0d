"""functions/api/openapi.json keeps the style that generated clients need (tests/openapi/rules.py),
and each rule is seen to fail."""

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "openapi"))

import rules  # noqa: E402

CURRENT = rules.Rules(json.loads((ROOT / "functions" / "api" / "openapi.json").read_text()))

# What breaks a rule for a reason: by rule, the place and why.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "a_schema_has_a_name_that_generators_can_use": {"SentRequest": "what was sent; no operation is called sent"},
    "a_member_of_an_answer_without_a_value_is_absent": {
        "KazinexDelivery.organisation_id": "the vendor's contract has null",
        "KazinexDelivery.project_id": "the vendor's contract has null",
        "Tenant.context.*": "null is a value that an envelope can have",
        "Webhook.context.*": "null is a value that an envelope can have",
    },
    "only_a_merge_patch_takes_null": dict.fromkeys(
        ["EventCreate.context.*", "TenantUpsert.context.*", "WebhookCreate.context.*", "WebhookTest.context.*"], "null is a value that an envelope can have"
    ),
    "every_body_and_every_success_has_an_example": {"openapi.get 200": "it is this document"},
}


@pytest.mark.parametrize("rule", rules.ALL)
def test_the_document_keeps_the_rule(rule: str):
    assert sorted(set(rules.ALL[rule](CURRENT))) == sorted(EXCEPTIONS.get(rule, {}))


def test_every_exception_belongs_to_a_rule_and_has_a_reason():
    assert EXCEPTIONS.keys() <= rules.ALL.keys()
    assert all(reason for places in EXCEPTIONS.values() for reason in places.values())


# ---- A small document that keeps every rule, and changes that break each of them ----

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
ERRORS = {status: {"description": "An error.", "content": PROBLEM} for status in ("400", "401", "403", "404", "413", "422", "429", "500", "503")}
SHOP = {"id": "s1", "state": "open"}


def of(schema: str, example: object) -> dict:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, "examples": {"one": {"value": example}}}}


def operation(name: str, answer: dict | None, **more: object) -> dict:
    success = {"200": {"description": "It.", "content": answer}} if answer else {"204": {"description": "Done."}}
    return {"operationId": name, "tags": ["shops"], "security": [{"bearer": ["shops:all"]}], "responses": success | ERRORS} | more


def query(name: str) -> dict:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


SMALL = {
    "openapi": "3.1.0",
    "info": {"title": "Shops", "version": "1.0.0"},
    "servers": [{"url": "https://shops.example.com"}],
    "tags": [{"name": "shops", "description": "Shops."}],
    "paths": {
        "/v1/shops": {
            "get": operation("shops.list", of("ShopList", {"items": [SHOP]}), parameters=[query("limit"), query("cursor")]),
            "post": operation("shops.create", of("Shop", SHOP), requestBody={"required": True, "content": of("ShopCreate", {"floors": 1})}),
        },
        "/v1/shops/{shopId}": {
            "get": operation("shops.get", of("Shop", SHOP)),
            "put": operation("shops.upsert", of("Shop", SHOP), requestBody={"required": True, "content": of("ShopCreate", {})}),
            "patch": operation("shops.update", of("Shop", SHOP), requestBody={"required": True, "content": of("ShopUpdate", {"floors": None})}),
            "delete": operation("shops.delete", None),
        },
        "/v1/shops/estimate": {"post": operation("shops.estimate", of("Shop", SHOP))},
    },
    "components": {
        "schemas": {
            "Problem": {"type": "object", "properties": {"code": {"type": "string"}}},
            "Shop": {
                "type": "object",
                "required": ["id", "state"],
                "properties": {
                    "id": {"type": "string"},
                    "state": {"type": "string", "description": "Extensible enum.", "x-extensible-enum": ["open", "shut"], "examples": ["open", "shut"]},
                },
            },
            "ShopList": {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Shop"}}, "nextCursor": {"type": "string"}},
            },
            "ShopCreate": {"type": "object", "properties": {"floors": {"type": "integer", "format": "int32", "maximum": 200}}, "additionalProperties": False},
            "ShopUpdate": {"type": "object", "properties": {"floors": {"type": ["integer", "null"]}}, "additionalProperties": False},
        }
    },
}
SHOPS, ONE = "/v1/shops", "/v1/shops/{shopId}"


def schema(document: dict, name: str) -> dict:
    return document["components"]["schemas"][name]


def add(place: Callable[[dict], dict], **members: object) -> Callable[[dict], object]:
    return lambda document: place(document).update(members)


def renamed(old: str, new: str) -> Callable[[dict], object]:
    def change(document: dict) -> None:
        said = json.loads(json.dumps(document).replace(old, new))
        document.clear()
        document.update(said)

    return change


# For each rule: what is changed, and the place that is to be named.
BROKEN: dict[str, list[tuple[Callable[[dict], object], str]]] = {
    "an_operation_is_called_resource_dot_verb": [
        (renamed("shops.get", "get_shop"), "get_shop"),
        (renamed("shops.get", "admin.shops.get"), "admin.shops.get"),
        (renamed("shops.get", "shops.list2"), "shops.list2"),
        (renamed("shops.list", "shops.all"), "shops.all"),
        (renamed("shops.upsert", "shops.replace"), "shops.replace"),
        (renamed("shops.delete", "shops.remove"), "shops.remove"),
        (renamed("shops.estimate", "shops.create"), "shops.create"),
    ],
    "an_operation_has_one_tag_which_is_an_identifier": [
        (add(lambda d: d["paths"][ONE]["get"], tags=["shops", "more"]), "shops.get"),
        (renamed('["shops"]', '["all shops"]'), "shops.get"),
        (lambda d: d["tags"].append({"name": "unused", "description": "x"}), "tag unused"),
    ],
    "a_path_parameter_is_called_like_the_member_that_holds_it": [(renamed("{shopId}", "{shop}"), "shops.get shop")],
    "a_schema_has_a_name_that_generators_can_use": [
        (renamed("ShopCreate", "Shop_Create"), "Shop_Create"),
        (renamed("ShopCreate", "TestShop"), "TestShop"),
        (renamed("ShopCreate", "ShopRequest"), "ShopRequest"),
    ],
    "every_object_is_a_schema_of_its_own": [
        (add(lambda d: schema(d, "Shop")["properties"], owner={"type": "object", "properties": {"name": {}}}), "Shop.owner"),
        (lambda d: schema(d, "ShopList")["properties"]["items"].update(items=schema(d, "Shop")), "ShopList.items[]"),
        (lambda d: schema(d, "ShopCreate").update(oneOf=[{"properties": {"a": {}}}]), "ShopCreate(oneOf 1)"),
    ],
    "a_fixed_word_stands_beside_ids_only_under_another_method": [(lambda d: d["paths"]["/v1/shops/estimate"].update(get=operation("shops.getEstimate", None)), "/v1/shops/estimate")],
    "texts_name_nothing_internal": [(add(lambda d: schema(d, "Shop"), description="Read by `domain::shop`."), "/components/schemas/Shop")],
    "a_list_has_pages": [
        (lambda d: d["paths"][SHOPS]["get"]["parameters"].pop(), "shops.list"),
        (lambda d: schema(d, "ShopList")["properties"].pop("nextCursor"), "shops.list"),
        (renamed("ShopList", "Shops"), "shops.list"),
        (lambda d: d["paths"][ONE]["get"]["responses"]["200"]["content"]["application/json"].update(schema={"type": "array"}), "shops.get 200"),
    ],
    "no_list_of_values_in_an_answer_is_closed": [
        (add(lambda d: schema(d, "Shop")["properties"]["state"], enum=["open"]), "Shop.state"),
        (add(lambda d: schema(d, "Shop")["properties"]["state"], const="open"), "Shop.state"),
    ],
    "an_open_list_of_values_says_so": [
        (add(lambda d: schema(d, "Shop")["properties"]["state"], description="The state."), "Shop.state"),
        (add(lambda d: schema(d, "Shop")["properties"]["state"], examples=["open"]), "Shop.state"),
    ],
    "no_answer_is_closed_for_further_members": [(add(lambda d: schema(d, "Shop"), additionalProperties=False), "Shop")],
    "an_answer_has_one_shape": [(add(lambda d: schema(d, "Shop")["properties"], owner={"oneOf": [{"type": "string"}, {"type": "number"}]}), "Shop.owner")],
    "a_member_of_an_answer_without_a_value_is_absent": [(add(lambda d: schema(d, "Shop")["properties"]["id"], type=["string", "null"]), "Shop.id")],
    "only_a_merge_patch_takes_null": [
        (add(lambda d: schema(d, "ShopCreate")["properties"]["floors"], type=["integer", "null"]), "ShopCreate.floors"),
        (add(lambda d: schema(d, "ShopCreate")["properties"], owner={"oneOf": [{"$ref": "#/components/schemas/Shop"}, {"type": "null"}]}), "ShopCreate.owner"),
    ],
    "a_number_fits_its_format": [(add(lambda d: schema(d, "ShopCreate")["properties"]["floors"], maximum=2**32 - 1), "ShopCreate.floors")],
    "a_body_is_required": [(lambda d: d["paths"][SHOPS]["post"]["requestBody"].pop("required"), "shops.create")],
    "a_body_has_one_media_type": [(lambda d: d["paths"][ONE]["patch"]["requestBody"]["content"].update({"application/merge-patch+json": {}}), "shops.update")],
    "an_operation_says_which_role_it_needs": [
        (lambda d: d["paths"][ONE]["get"].pop("security"), "shops.get"),
        (add(lambda d: d["paths"][ONE]["get"], security=[{"bearer": []}]), "shops.get"),
    ],
    "an_error_is_a_problem": [
        (lambda d: d["paths"][ONE]["get"]["responses"].update({"401": {"description": "The gateway's.", "content": PROBLEM | {"application/json": {"schema": {}}}}}), "shops.get 401")
    ],
    "an_operation_lists_the_errors_that_it_can_have": [
        (lambda d: d["paths"][ONE]["delete"].update(responses={"204": {"description": "Done."}} | {s: e for s, e in ERRORS.items() if s != "404"}), "shops.delete 404")
    ],
    "every_body_and_every_success_has_an_example": [
        (lambda d: d["paths"][SHOPS]["post"]["requestBody"]["content"]["application/json"].pop("examples"), "shops.create body"),
        (lambda d: d["paths"][ONE]["get"]["responses"]["200"]["content"]["application/json"].pop("examples"), "shops.get 200"),
    ],
    "an_example_fits_its_schema": [(lambda d: d["paths"][ONE]["put"]["requestBody"].update(content=of("ShopCreate", {"floor": 1})), "shops.upsert body")],
    "the_document_names_a_server": [(lambda d: d.pop("servers"), "servers")],
}


def test_a_document_in_this_style_breaks_no_rule():
    small = rules.Rules(copy.deepcopy(SMALL))
    assert {rule: found for rule, check in rules.ALL.items() if (found := list(check(small)))} == {}


@pytest.mark.parametrize("rule, change, place", [(rule, *case) for rule, cases in BROKEN.items() for case in cases])
def test_each_rule_names_the_place_that_breaks_it(rule: str, change: Callable[[dict], object], place: str):
    document = copy.deepcopy(SMALL)
    change(document)
    assert place in list(rules.ALL[rule](rules.Rules(document)))


def test_every_rule_was_seen_to_fail():
    assert BROKEN.keys() == rules.ALL.keys()
