"""A deleted tenant takes everything below it along, including what is created meanwhile; and its
keys do not work for a later tenant with the same id.

The gateway's cache of a key must not outlive what the key stood for, so these tests run with
half a minute of cache.
"""

import contextlib
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterator

import pytest
from support import stack
from support.client import SCOPES, Api, Tenant, new_tenant

ROUNDS = 6
WEBHOOK = {"url": "https://receiver.example.com/", "events": ["*"]}
EVENT = {"type": "item.created", "data": {}}


@contextlib.contextmanager
def remembered_for(seconds: int) -> Iterator[None]:
    """The gateway caches the authorizer's answers this long."""
    gateway = stack.aws("apigatewayv2")
    where = {"ApiId": stack.resource("HttpApi"), "AuthorizerId": stack.resource("Authorizer")}
    before = gateway.get_authorizer(**where)["AuthorizerResultTtlInSeconds"]
    gateway.update_authorizer(**where, AuthorizerResultTtlInSeconds=seconds)
    try:
        yield
    finally:
        gateway.update_authorizer(**where, AuthorizerResultTtlInSeconds=before)


def delete(tenant: Tenant) -> None:
    assert tenant.operator.delete(tenant.path()).status == 204


def create_again(tenant: Tenant) -> None:
    assert tenant.operator.put(tenant.path(), {"contract": tenant.contract}).status == 201


def below(tenant: Tenant) -> dict[str, list[Any]]:
    return {what: tenant.operator.get(tenant.path(what)).ok()["items"] for what in ("/webhooks", "/keys")}


NOTHING: dict[str, list[Any]] = {"/webhooks": [], "/keys": []}


def rows_of(tenant: Tenant) -> list[str]:
    """The config table's rows of the tenant, without its request counters, which expire."""
    found = [item for item in stack.scan("ConfigTable") if tenant.id in repr(item)]
    return [f"{item['pk']['S']} {item['sk']['S']}" for item in found if not item["pk"]["S"].startswith("requests#")]


@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_a_remembered_key_of_a_deleted_tenant_does_nothing_any_more(tenant: Tenant) -> None:
    webhook = tenant.new_webhook("https://receiver.example.com/")["id"]
    with remembered_for(30):
        tenant.publish()
        tenant.api.get(tenant.path("/keys")).ok()
        delete(tenant)
        tried = {
            "a key": tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"]}),
            "a webhook": tenant.api.post(tenant.path("/webhooks"), WEBHOOK),
            "an event": tenant.api.post(tenant.path("/events"), EVENT),
            "events": tenant.api.post(tenant.path("/events/batch"), {"events": [EVENT]}),
            "the keys": tenant.api.get(tenant.path("/keys")),
            "the catalogue": tenant.api.get("/v1/event-types"),
        }
        assert {what: answer.status for what, answer in tried.items()} == dict.fromkeys(tried, 401)

        create_again(tenant)
        assert below(tenant) == NOTHING
        # The old key does not work for another tenant with the same id.
        tried = {
            "a key": tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"]}),
            "an event": tenant.api.post(tenant.path("/events"), EVENT),
            "the webhooks": tenant.api.get(tenant.path("/webhooks")),
            "the old webhook": tenant.api.patch(tenant.path(f"/webhooks/{webhook}"), {"active": True}),
        }
        assert {what: answer.status for what, answer in tried.items()} == dict.fromkeys(tried, 401)
        assert below(tenant) == NOTHING


@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_a_remembered_key_that_was_deleted_manages_nothing_any_more(tenant: Tenant) -> None:
    made = tenant.new_key(SCOPES)
    api = tenant.api.with_key(made["key"])
    with remembered_for(30):
        webhook = api.post(tenant.path("/webhooks"), WEBHOOK).ok(201)["id"]
        tenant.api.delete(tenant.path(f"/keys/{made['id']}")).ok(204)
        tried = [
            api.post(tenant.path("/keys"), {"scopes": SCOPES}),
            api.post(tenant.path("/webhooks"), WEBHOOK),
            api.patch(tenant.path(f"/webhooks/{webhook}"), {"url": "https://elsewhere.example.com/"}),
            api.post(tenant.path(f"/webhooks/{webhook}/secret/rotate"), {}),
            api.delete(tenant.path(f"/webhooks/{webhook}")),
            api.get(tenant.path("/webhooks")),
        ]
    assert [answer.status for answer in tried] == [401] * len(tried)
    assert [w["url"] for w in tenant.api.get(tenant.path("/webhooks")).ok()["items"]] == [WEBHOOK["url"]]


@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_a_remembered_key_ends_at_its_second(tenant: Tenant) -> None:
    lasts = 6.0
    with remembered_for(30):
        end = time.time() + lasts
        written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(end)) + f".{int(end % 1 * 1000):03}Z"
        api = tenant.api.with_key(tenant.new_key(SCOPES, expiresAt=written)["key"])
        assert api.get(tenant.path("/webhooks")).status == 200
        assert api.post(tenant.path("/events"), EVENT).status == 202
        stack.eventually(lambda: time.time() > end, lasts + 1, "the key's end")
        assert api.get(tenant.path("/webhooks")).status == 401
        assert api.post(tenant.path("/events"), EVENT).status == 401


@pytest.mark.parametrize("round", range(ROUNDS))
def test_what_is_made_while_a_tenant_is_deleted_goes_with_it(round: int) -> None:
    tenant = new_tenant("standard")
    tenant.new_webhook("https://receiver.example.com/")

    def make(number: int) -> tuple[str, int]:
        path, body = (("/webhooks", WEBHOOK), ("/keys", {"scopes": ["keys"]}))[number % 4 == 3]
        # The operator's key does not end with the tenant.
        api: Api = tenant.operator if number % 2 else tenant.api
        return path, api.post(tenant.path(path), body).status

    with ThreadPoolExecutor(9) as pool:
        made = [pool.submit(make, number) for number in range(16)]
        # So late that some are created before: the sixteen take half a second.
        stack.eventually(lambda: sum(one.done() for one in made) >= 2 + round, 60, "some to be created", every=0.005)
        delete(tenant)
        answers = Counter(one.result() for one in made)

    create_again(tenant)
    assert below(tenant) == NOTHING, answers
    assert {status for (_, status), _ in answers.items()} <= {201, 401, 404}, answers
    # The count restarts with the tenant.
    operator = tenant.operator
    operator.put(tenant.path(), {"contract": "standard", "limits": {"webhooks": 1}}).ok(200)
    assert [operator.post(tenant.path("/webhooks"), WEBHOOK).status for _ in range(2)] == [201, 409]
    delete(tenant)
    assert rows_of(tenant) == []


def test_a_deletion_that_was_cut_short_is_finished_by_the_next(tenant: Tenant) -> None:
    tenant.new_webhook("https://receiver.example.com/")
    tenant.mark_as_being_deleted()

    # For everyone except the operator who deletes it, it is gone.
    assert tenant.operator.get(tenant.path()).status == 404
    assert tenant.operator.get(tenant.path("/webhooks")).status == 404
    assert tenant.api.get(tenant.path("/webhooks")).status == 401
    for api, status in ((tenant.operator, 404), (tenant.api, 401)):
        assert api.post(tenant.path("/webhooks"), WEBHOOK).status == status
        assert api.post(tenant.path("/keys"), {"scopes": SCOPES}).status == status
        assert api.post(tenant.path("/events"), EVENT).status == status
    tenant.publish_sqs()
    delete(tenant)
    assert rows_of(tenant) == []
    assert tenant.operator.delete(tenant.path()).status == 404


def test_a_tenant_made_where_a_deletion_was_cut_short_has_nothing_of_the_old_one(tenant: Tenant) -> None:
    for _ in range(3):
        tenant.new_webhook("https://receiver.example.com/")
    tenant.mark_as_being_deleted()
    create_again(tenant)
    assert below(tenant) == NOTHING
    assert tenant.api.get(tenant.path("/webhooks")).status == 401
    assert sorted(rows_of(tenant))[0] == f"tenant#{tenant.id} tenant" and len(rows_of(tenant)) == 2
    key = tenant.operator.post(tenant.path("/keys"), {"scopes": SCOPES}).ok(201)["key"]
    api = tenant.api.with_key(key)
    api.post(tenant.path("/webhooks"), WEBHOOK).ok(201)
    assert api.post(tenant.path("/events"), EVENT).ok(202)["webhookCount"] == 1


def test_a_tenant_with_many_webhooks_is_deleted_whole() -> None:
    tenant = new_tenant("standard", limits={"webhooks": 60})
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: tenant.new_webhook("https://receiver.example.com/"), range(60)))
    delete(tenant)
    assert rows_of(tenant) == []
