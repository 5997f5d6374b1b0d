"""A key grants no more than it has."""

import time
from datetime import datetime, timedelta, timezone

import pytest
from support.client import SCOPES, Api, Tenant, new_tenant


def in_seconds(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def with_key(tenant: Tenant, scopes: list[str], **fields: str) -> Api:
    return tenant.api.with_key(tenant.new_key(scopes, **fields)["key"])


def test_a_key_that_ends_makes_none_that_ends_later(tenant: Tenant) -> None:
    end = in_seconds(60)
    api = with_key(tenant, SCOPES, expiresAt=end)
    path = tenant.path("/keys")
    assert api.post(path, {"scopes": ["keys"]}).ok(201)["expiresAt"] == end, "by default, it expires with its creator"
    assert api.post(path, {"scopes": ["keys"], "expiresAt": end}).ok(201)["expiresAt"] == end
    api.post(path, {"scopes": ["keys"], "expiresAt": in_seconds(30)}).ok(201)
    later = api.post(path, {"scopes": ["keys"], "expiresAt": in_seconds(90)})
    assert (later.status, later.code, later.json["field"]) == (403, "forbidden", "expiresAt")
    assert end in later.json["detail"]
    assert "expiresAt" not in tenant.operator.post(path, {"scopes": ["keys"]}).ok(201)


def test_a_key_makes_keys_of_its_own_scopes(tenant: Tenant) -> None:
    own = ["keys", "webhooks:read"]
    api, path = with_key(tenant, own), tenant.path("/keys")
    for scopes in (own, ["keys"]):
        assert api.post(path, {"scopes": scopes}).ok(201)["scopes"] == scopes
    assert api.post(path, {"scopes": ["keys", "events:write"]}).code == "forbidden"
    assert api.post(path, {"scopes": SCOPES}).code == "forbidden"
    assert api.post(path, {"scopes": ["keys", "keys"]}).ok(201)["scopes"] == ["keys"], "each once"


def test_a_keys_scopes_are_chosen(tenant: Tenant) -> None:
    path = tenant.path("/keys")
    for body in ({}, {"name": "ci"}, {"scopes": None}):
        for api in (tenant.api, tenant.operator):
            refused = api.post(path, body)
            assert (refused.status, refused.json["field"]) == (400, "scopes"), refused
    assert len(tenant.operator.get(path).ok()["items"]) == 1, "no key was made"


def test_a_key_deletes_none_that_may_more_than_itself(tenant: Tenant) -> None:
    api = with_key(tenant, ["keys", "webhooks:read"])
    ids = {name: tenant.new_key(scopes)["id"] for name, scopes in (("less", ["webhooks:read"]), ("more", ["webhooks:read", "events:write"]), ("all", SCOPES))}
    delete = lambda name: api.delete(tenant.path(f"/keys/{ids[name]}"))  # noqa: E731
    assert delete("less").status == 204
    for name in ("more", "all"):
        assert (delete(name).status, delete(name).code) == (403, "forbidden")
    assert {key["id"] for key in tenant.api.get(tenant.path("/keys")).ok()["items"]} >= {ids["more"], ids["all"]}


def test_a_key_may_delete_itself(tenant: Tenant) -> None:
    made = tenant.new_key(SCOPES)
    api = tenant.api.with_key(made["key"])
    assert api.delete(tenant.path(f"/keys/{made['id']}")).status == 204
    assert api.get(tenant.path("/keys")).status == 401
    assert made["id"] not in {key["id"] for key in tenant.api.get(tenant.path("/keys")).ok()["items"]}


def test_a_keys_name_has_up_to_256_characters(tenant: Tenant) -> None:
    path = tenant.path("/keys")
    assert tenant.api.post(path, {"scopes": ["keys"], "name": "ü" * 256}).ok(201)["name"] == "ü" * 256
    refused = tenant.api.post(path, {"scopes": ["keys"], "name": "ü" * 257})
    assert (refused.status, refused.code, refused.json["field"]) == (422, "invalid_name", "name")


@pytest.mark.parametrize("text", ["2031-12-01", "tomorrow", "", "2031-12-01T00:00:00"])
def test_an_end_that_is_no_time_is_told_with_an_example(tenant: Tenant, text: str) -> None:
    refused = tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"], "expiresAt": text})
    assert (refused.status, refused.code, refused.json["field"]) == (422, "invalid_timestamp", "expiresAt")
    assert "such as 20" in refused.json["detail"]


def test_an_end_that_has_passed_is_told_as_such(tenant: Tenant) -> None:
    refused = tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"], "expiresAt": in_seconds(-1)})
    assert (refused.status, refused.code, refused.json["field"]) == (422, "invalid_timestamp", "expiresAt")
    assert "has passed" in refused.json["detail"] and "such as" not in refused.json["detail"]
    assert time.strftime("%Y-%m-%d", time.gmtime()) in refused.json["detail"]


def test_the_end_of_time_is_a_time_to_come(tenant: Tenant) -> None:
    never = "9999-12-31T23:59:59Z"
    made = tenant.operator.post(tenant.path("/keys"), {"scopes": ["keys"], "expiresAt": never}).ok(201)
    assert made["expiresAt"].startswith("9999-12-31T23:59:59")
    assert tenant.api.with_key(made["key"]).get(tenant.path("/keys")).status == 200


def test_a_key_can_be_read_by_its_id_and_only_by_its_own_tenant(tenant: Tenant, operator) -> None:
    made = tenant.new_key(SCOPES)
    shown = tenant.api.get(tenant.path(f"/keys/{made['id']}")).ok()
    assert shown == {name: value for name, value in made.items() if name != "key"}
    assert operator.get(tenant.path(f"/keys/{made['id']}")).ok()["id"] == made["id"]
    stranger = new_tenant("standard")
    for absent in (stranger.path(f"/keys/{made['id']}"), stranger.path("/keys/0123456789ab"), stranger.path("/keys/x")):
        assert stranger.api.get(absent).status == 404


def test_the_51st_key_is_refused_until_one_is_deleted(tenant):
    held = len(tenant.api.all(tenant.path("/keys")))
    made = [tenant.operator.post(tenant.path("/keys"), {"scopes": ["webhooks:read"]}).ok(201)["id"] for _ in range(held, 50)]
    refused = tenant.operator.post(tenant.path("/keys"), {"scopes": ["webhooks:read"]})
    assert (refused.status, refused.code) == (409, "key_limit") and "50" in refused.json["detail"]
    tenant.operator.delete(tenant.path(f"/keys/{made[0]}")).ok(204)
    tenant.operator.post(tenant.path("/keys"), {"scopes": ["webhooks:read"]}).ok(201)
