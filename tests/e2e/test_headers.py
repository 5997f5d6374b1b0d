"""What responses say beside their body."""

import gzip
import json
import re

import pytest
from support import stack
from support.client import Api, Tenant

CONTRACT = {"envelope": {"d": "{data}"}, "timeoutSeconds": 5, "success": ["2xx"], "retryDelaysSeconds": []}


def test_every_response_says_its_version_and_those_with_secrets_are_not_stored(operator: Api, tenant: Tenant):
    health = operator.with_key(None).get("/health")
    assert re.fullmatch(r"\d+\.\d+\.\d+", health.ok()["version"])
    for answer in (
        health,
        operator.with_key(None).get("/openapi.json"),
        operator.get("/v1/tenants"),
        operator.get("/v1/nothing"),
        tenant.api.post(tenant.path("/events"), {"type": "a", "data": 1}),
        tenant.api.post(tenant.path("/events"), {}),
    ):
        assert answer.headers["postel-version"] == health.json["version"]
    for answer in (operator.get("/v1/tenants"), tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"]}), tenant.api.post(tenant.path("/events"), {})):
        assert answer.headers["cache-control"] == "no-store"
    assert "no-store" not in health.headers.get("cache-control", "")


def test_what_is_made_or_started_says_where_it_can_be_read(operator: Api, tenant: Tenant):
    contract, event_type, other = stack.unique("where"), stack.unique("where"), stack.unique("where")
    hook = {"url": "https://receiver.example.com/hook", "events": ["*"]}
    for api, answer in (
        (operator, operator.put(f"/v1/tenants/{other}", {})),
        (operator, operator.put(f"/v1/contracts/{contract}", CONTRACT)),
        (operator, operator.put(f"/v1/event-types/{event_type}", {})),
        (tenant.api, tenant.api.post(tenant.path("/keys"), {"scopes": ["keys"]})),
        (tenant.api, tenant.api.post(tenant.path("/webhooks"), hook)),
        (tenant.api, tenant.api.post(tenant.path("/redrives"), {})),
        (tenant.api, tenant.api.post(tenant.path("/events"), {"type": "a", "data": 1})),
    ):
        assert answer.status in (201, 202), answer
        shown = api.get(answer.headers["location"]).ok()
        assert all(shown.get(name, answer.json[name]) == answer.json[name] for name in ("id", "name", "type") if name in answer.json)
    replaced = operator.put(f"/v1/tenants/{other}", {})
    assert replaced.status == 200 and "location" not in replaced.headers


def test_a_tenants_key_is_told_its_limit_and_a_429_when_to_go_on(operator: Api, tenant: Tenant):
    assert tenant.api.get(tenant.path("/webhooks")).headers["ratelimit-policy"] == '"tenant";q=1000;w=60'
    assert tenant.api.post(tenant.path("/events"), {}).headers["ratelimit-policy"] == '"tenant";q=1000;w=60'
    assert "ratelimit-policy" not in operator.get("/v1/tenants").headers

    operator.put(f"/v1/tenants/{tenant.id}", {"limits": {"requestsPerMinute": 1}}).ok()
    refused = stack.eventually(lambda: (a := tenant.api.get(tenant.path("/webhooks"))).status == 429 and a, 30)
    wait = refused.headers["retry-after"]
    assert refused.headers["ratelimit-policy"] == '"tenant";q=1;w=60'
    assert refused.headers["ratelimit"] == f'"tenant";r=0;t={wait}' and 1 <= int(wait) <= 60


@pytest.mark.parametrize("path", ["/webhooks", "/events", "/events/batch"])
def test_a_compressed_body_is_refused_as_such(tenant: Tenant, path: str):
    body = gzip.compress(json.dumps({"type": "a", "data": 1}).encode())
    refused = tenant.api.call("POST", tenant.path(path), body, {"content-encoding": "gzip"})
    assert (refused.status, refused.code) == (415, "unsupported_encoding")
