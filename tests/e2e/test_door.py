"""The API stays closed when a system behind it fails, and the gateway's cache of a key admits
only what the key does."""

import contextlib
import json
import time
from collections import Counter
from typing import Iterator

import pytest
from support import disturb, stack
from support.client import Api, Tenant
from support.receiver import Receiver

# On one worker with the other tests that disturb the stack.
pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]

EVENT = {"type": "item.created", "data": {}}


def opened(operator: Api, tenant: Tenant) -> list[str]:
    """The routes that answered as if the caller was admitted; for a key of each kind at each
    function, and without one."""
    keys = {"tenant's key": tenant.api.key, "operator's key": operator.key, "empty key": "", "no key": None, "long nonsense": "x" * 64}
    found = []
    for kind, key in keys.items():
        api = operator.with_key(key)
        for answer, what in (
            (api.get(tenant.path("/webhooks")), "GET webhooks"),
            (api.post(tenant.path("/events"), EVENT), "POST events"),
            (api.get("/v1/tenants"), "GET tenants"),
        ):
            # Neither a success, nor an answer that shows what exists.
            if answer.status not in (401, 500, 503):
                found.append(f"{what} with the {kind}: {answer.status}")
    return found


@contextlib.contextmanager
def operators_key(value: str) -> Iterator[None]:
    secrets, name = stack.aws("secretsmanager"), stack.resource("OperatorSecret")
    before = secrets.get_secret_value(SecretId=name)["SecretString"]
    secrets.put_secret_value(SecretId=name, SecretString=value)
    try:
        yield
    finally:
        secrets.put_secret_value(SecretId=name, SecretString=before)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("POSTEL_CONFIG_TABLE", None), ("POSTEL_CONFIG_TABLE", "no-such-table"), ("POSTEL_OPERATOR_SECRET_ARN", "")],
)
def test_an_authorizer_with_a_broken_setting_lets_nobody_in(operator: Api, tenant: Tenant, setting: str, value: str | None):
    with disturb.set_up_as("AuthorizerFunction", **{setting: value}):
        let_in = opened(operator, tenant)
        # The operator's key is not a row of the table.
        expected = [] if value != "no-such-table" else [line for line in let_in if "operator's key" in line]
        assert let_in == expected
    stack.eventually(lambda: tenant.api.get(tenant.path("/webhooks")).status == 200, 20, "the API to work again")


def test_an_operators_key_that_is_too_short_is_nobodys(operator: Api):
    secret = "x" * 31
    settings = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource("AuthorizerFunction"))["Environment"]["Variables"]
    # A new process, which has not read any key yet.
    with operators_key(secret), disturb.set_up_as("AuthorizerFunction", POSTEL_CONFIG_TABLE=settings["POSTEL_CONFIG_TABLE"]):
        for key in (secret, "", operator.key):
            assert operator.with_key(key).get("/v1/tenants").status in (401, 500, 503), key


def test_a_flood_of_wrong_keys_is_refused_by_the_gateway_and_right_keys_pass(operator: Api, tenant: Tenant):
    """Each process of the authorizer explains 300 wrong keys and one more a second; the gateway
    denies the others, for which AWS does not charge."""
    settings = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource("AuthorizerFunction"))["Environment"]["Variables"]
    wrong = operator.with_key(None)

    def status(number: int) -> int:
        return wrong.call("GET", "/v1/tenants", None, {"authorization": f"Bearer wrong-{number}"}).status

    # New processes before and after: no other test must meet one that has used up its explanations.
    with disturb.set_up_as("AuthorizerFunction", POSTEL_CONFIG_TABLE=settings["POSTEL_CONFIG_TABLE"]):
        began, seen = time.monotonic(), Counter[int]()
        # One after another, which uses one process.
        while seen[403] < 20:
            seen[status(sum(seen.values()))] += 1
            assert time.monotonic() < began + 120, f"the flood continues: {seen}"
        assert set(seen) == {401, 403} and seen[401] >= 300, seen
        assert tenant.api.get(tenant.path("/webhooks")).status == 200
        assert operator.get("/v1/tenants").status == 200


def test_a_table_that_does_not_answer_lets_nobody_in(operator: Api, tenant: Tenant):
    table = stack.resource("ConfigTable").rsplit("/", 1)[-1]
    with disturb.without("AuthorizerRole", "dynamodb:GetItem", table):
        assert [line for line in opened(operator, tenant) if "operator's" not in line] == []
    assert tenant.api.get(tenant.path("/webhooks")).status == 200


def test_a_use_that_cannot_be_noted_shuts_no_door(tenant: Tenant):
    table = stack.resource("ConfigTable").rsplit("/", 1)[-1]
    made = tenant.new_key(["keys"])
    with disturb.without("AuthorizerRole", "dynamodb:UpdateItem", table):
        assert tenant.api.with_key(made["key"]).get(tenant.path("/keys")).status == 200
    (shown,) = [key for key in tenant.api.get(tenant.path("/keys")).ok()["items"] if key["id"] == made["id"]]
    assert "lastUsedAt" not in shown


def test_a_dispatcher_that_does_not_know_the_public_queue_trusts_no_message_from_it(tenant: Tenant, receiver: Receiver):
    """Read as an internal message, a task would be attempted at once, whoever sent it."""
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})
    receiver.answer(500)
    delivery = tenant.wait_for_status(tenant.publish(), "retrying")
    forged = {"tenantId": tenant.id, "deliveryId": delivery["id"], "sequence": 1}
    record = stack.sqs_record(json.dumps(forged), sender="AROASOMEBODY:x")
    with disturb.paused("EventsSource"), disturb.set_up_as("DispatcherFunction", POSTEL_EVENTS_QUEUE_ARN="arn:aws:sqs:us-east-1:000000000000:another"):
        answer = stack.aws("lambda").invoke(FunctionName=stack.resource("DispatcherFunction"), Payload=json.dumps({"Records": [record]}))
    assert "FunctionError" in answer, "the whole batch comes back"
    receiver.stays_at(1, 1)
    stack.drop_schedules({delivery["id"]})


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


def test_a_cached_key_grants_no_more_than_its_scopes_and_no_longer_than_documented(tenant: Tenant):
    made = tenant.new_key(["webhooks:read"])
    api = tenant.api.with_key(made["key"])
    stated = 4
    with remembered_for(stated):
        for _ in range(2):
            assert api.get(tenant.path("/webhooks")).status == 200
            assert api.post(tenant.path("/webhooks"), {"url": "https://receiver.example.com/", "events": ["*"]}).code == "forbidden"
            assert api.post(tenant.path("/events"), EVENT).code == "forbidden"
            assert api.get("/v1/tenants").code == "forbidden"
        tenant.api.delete(tenant.path(f"/keys/{made['id']}")).ok(204)
        began = time.monotonic()
        was_remembered = api.get(tenant.path("/webhooks")).status == 200
        stack.eventually(lambda: api.get(tenant.path("/webhooks")).status == 401, stated + 5, "the deleted key to be rejected")
        print(f"\na deleted key was rejected after {time.monotonic() - began:.1f} s; cached: {was_remembered}, for {stated} s")
