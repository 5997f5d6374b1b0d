"""Versions of a resource: ETag, If-Match, If-None-Match, and what was read may come back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support import stack
from support.client import Answer, Api, Tenant

CONTRACT = {"envelope": {"d": "{data}"}, "timeoutSeconds": 5, "success": ["2xx"], "retryDelaysSeconds": []}
KINDS = ("a tenant", "a webhook", "a contract", "an event type")


def resource(kind: str, tenant: Tenant) -> tuple[Api, str, str, dict]:
    """Who may change it, its path, the method that changes it, and a change."""
    match kind:
        case "a tenant":
            path = f"/v1/tenants/{stack.unique('etag')}"
            tenant.operator.put(path, {"name": "first"}).ok(201)
            return tenant.operator, path, "PUT", {"name": "second"}
        case "a webhook":
            made = tenant.new_webhook("https://receiver.example.com/hook")
            return tenant.api, tenant.path(f"/webhooks/{made['id']}"), "PATCH", {"name": "second"}
        case "a contract":
            path = f"/v1/contracts/{stack.unique('etag')}"
            tenant.operator.put(path, CONTRACT).ok(201)
            return tenant.operator, path, "PUT", CONTRACT | {"description": "second"}
        case "an event type":
            path = f"/v1/event-types/{stack.unique('etag')}"
            tenant.operator.put(path, {"name": "first"}).ok(201)
            return tenant.operator, path, "PUT", {"name": "second"}
    raise ValueError(kind)


def tag(answer: Answer) -> str:
    value = answer.headers["etag"]
    assert value.startswith('"') and value.endswith('"'), "a strong one"
    return value


def failed(answer: Answer) -> None:
    assert (answer.status, answer.code) == (412, "precondition_failed"), answer


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_version_that_a_caller_has_seen_is_changed(tenant: Tenant, kind: str):
    api, path, method, change = resource(kind, tenant)
    first = tag(api.get(path))

    failed(api.call(method, path, change, {"if-match": '"another"'}))
    failed(api.call(method, path, change, {"if-match": f"W/{first}"}))
    assert tag(api.get(path)) == first, "nothing was changed"
    second = tag(api.call(method, path, change, {"if-match": f'"x", {first}'}))
    assert second != first and tag(api.get(path)) == second
    failed(api.call(method, path, change, {"if-match": first}))

    failed(api.call("DELETE", path, None, {"if-match": first}))
    assert api.call("DELETE", path, None, {"if-match": second}).status == 204
    assert api.call("DELETE", path, None, {"if-match": "*"}).status == 404, "what does not exist is not found"


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_has_the_version_gets_no_body(tenant: Tenant, kind: str):
    api, path, method, change = resource(kind, tenant)
    seen = tag(api.get(path))

    known = api.call("GET", path, None, {"if-none-match": f'"x", W/{seen}'})
    assert (known.status, known.raw, tag(known)) == (304, b"", seen)
    api.call(method, path, change).ok()
    assert api.call("GET", path, None, {"if-none-match": seen}).status == 200


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a webhook"])
def test_a_put_can_create_and_never_replace(tenant: Tenant, kind: str):
    api, path, _, change = resource(kind, tenant)
    failed(api.call("PUT", path, change, {"if-none-match": "*"}))
    failed(api.call("PUT", path + "-new", change, {"if-match": "*"}))

    assert api.call("PUT", path + "-new", change, {"if-none-match": "*"}).status == 201


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_can_be_sent_back(tenant: Tenant, kind: str):
    api, path, method, _ = resource(kind, tenant)
    read = api.get(path)

    written = api.call(method, path, read.json, {"if-match": tag(read)})

    changing = {"updatedAt", "version"}
    same = {name: value for name, value in written.ok().items() if name not in changing}
    assert same == {name: value for name, value in read.json.items() if name not in changing}


def test_a_patch_that_changes_nothing_makes_no_new_version(tenant: Tenant):
    api, path, _, _ = resource("a webhook", tenant)
    read = api.get(path)

    for same in ({}, read.json, {"overrides": {}}):
        answer = api.patch(path, same)
        assert answer.ok() == read.json and tag(answer) == tag(read), same


def test_a_secret_is_rotated_only_for_the_version_that_was_seen(tenant: Tenant):
    api, path, _, change = resource("a webhook", tenant)
    seen = tag(api.get(path))
    now = tag(api.patch(path, change))

    failed(api.call("POST", f"{path}/secret/rotate", {}, {"if-match": seen}))
    failed(api.call("DELETE", f"{path}/secret/previous", None, {"if-match": seen}))
    rotated = tag(api.call("POST", f"{path}/secret/rotate", {}, {"if-match": now}))
    assert rotated != now
    assert tag(api.call("DELETE", f"{path}/secret/previous", None, {"if-match": rotated})) != rotated


@pytest.mark.parametrize("kind", KINDS)
def test_of_many_that_change_the_same_version_one_wins(tenant: Tenant, kind: str):
    api, path, method, change = resource(kind, tenant)
    seen = {"if-match": tag(api.get(path))}
    member = "description" if kind == "a contract" else "name"
    changes = [change | {member: f"writer {number}"} for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda one: api.call(method, path, one, seen).status, changes))
    assert sorted(statuses) == [200] + [412] * 5
