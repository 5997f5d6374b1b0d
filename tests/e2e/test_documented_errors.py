"""The errors that the OpenAPI document gives to many operations, at each of them; what only one
operation answers, its own tests show. tests/afterwards compares all answers with the document."""

import json
import re
from typing import Any

import pytest
from support import answers, client, stack
from support.client import Answer, Api, Tenant
from support.openapi_examples import SHOWN

EXAMPLES = json.loads((stack.ROOT / "functions" / "api" / "examples.json").read_text())
OPERATIONS = {operation["operationId"]: (method.upper(), path, operation) for path, item in answers.document()["paths"].items() for method, operation in item.items() if method in answers.METHODS}
# Larger than any body that may be sent.
HUGE = b'{"a":"' + b"a" * 1_100_000 + b'"}'
REQUESTS = {
    400: ("unknown_parameter", {"query": "?nonsense=1"}),
    401: ("invalid_key", {"key": "nobody"}),
    413: ("payload_too_large", {"body": HUGE}),
    415: ("unsupported_encoding", {"headers": {"content-encoding": "br"}}),
}


def having(status: int) -> list[str]:
    found = [name for name, statuses in answers.documented().items() if status in statuses and (name, status) not in answers.UNSEEN]
    assert len(found) > 10, f"the document has {status} at {found} only"
    return found


def send(api: Api, tenant: Tenant, name: str, query: str = "", body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """The operation's example, changed."""
    method, path, _ = OPERATIONS[name]
    place = re.sub(r"{(\w+)}", lambda found: tenant.id if found[1] == "tenantId" else SHOWN[found[1]], path)
    return api.call(method, place + query, body or EXAMPLES.get(name, {}).get("request"), headers)


@pytest.mark.parametrize("status", REQUESTS)
def test_each_operation_refuses_it_with_the_documented_status(tenant, status):
    code, change = REQUESTS[status]
    api = tenant.operator.with_key(change["key"]) if "key" in change else tenant.operator
    change = {name: value for name, value in change.items() if name != "key"}
    seen = {name: send(api, tenant, name, **change) for name in having(status)}
    assert {name: answer.status for name, answer in seen.items()} == dict.fromkeys(seen, status)
    assert {name: answer.code for name, answer in seen.items()} == dict.fromkeys(seen, code)


def test_each_operation_tells_a_tenant_when_its_minute_is_used_up(tenant):
    tenant.operator.put(tenant.path(), {"contract": "standard", "limits": {"requestsPerMinute": 1}}).ok()
    seen: dict[str, Answer] = {}

    def is_refused(name: str) -> bool:
        seen[name] = send(tenant.api, tenant, name)
        return seen[name].status == 429

    for name in having(429):
        # Each process has a request of its own in each minute that it does not count.
        stack.eventually(lambda: is_refused(name), 30, f"{name} to be refused")
    assert {name: answer.status for name, answer in seen.items()} == dict.fromkeys(seen, 429)
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in seen.values())


def test_the_document_is_not_sent_again_to_a_caller_that_has_it():
    api = client.operator().with_key(None)
    tag = api.get("/openapi.json").headers["etag"]
    assert api.call("GET", "/openapi.json", headers={"if-none-match": tag}).status == 304
