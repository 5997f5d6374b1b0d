"""Every operation that reads or writes answers 500 where AWS says that the request is wrong, and
503 where AWS throttles: the functions' own processes, with an AWS that refuses every call."""

import json
import re
from typing import Any, Iterator

import pytest
from support import answers, client, stack
from support.function_process import Function, losing, refusing, running
from support.openapi_examples import SHOWN

# Answers and errors as DynamoDB documents them:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
REFUSALS = {500: (400, "com.amazonaws.dynamodb.v20120810#ValidationException"), 503: (400, "com.amazonaws.dynamodb.v20120810#ThrottlingException")}
EXAMPLES = json.loads((stack.ROOT / "functions" / "api" / "examples.json").read_text())
PUBLISHED = {"events.publish", "events.publishBatch"}
OPERATIONS = {operation["operationId"]: (method.upper(), path) for path, item in answers.document()["paths"].items() for method, operation in item.items() if method in answers.METHODS}
ASKED = sorted(name for name, statuses in answers.documented().items() if {500, 503} <= statuses - {status for known, status in answers.UNSEEN if known == name})


@pytest.fixture(scope="module", params=sorted(REFUSALS), ids=str)
def refused(request: pytest.FixtureRequest) -> Iterator[tuple[int, dict[str, Function]]]:
    status, error = REFUSALS[request.param]
    with running("manage", refusing(status, error)) as manage, running("publish", refusing(status, error)) as publish:
        yield request.param, {"manage": manage, "publish": publish}


def body_of(operation: str) -> Any:
    if operation == "sessions.exchange":
        # The example's code is shortened, and what is no code is not looked up.
        return {"code": client.operator().post("/v1/sessions", {}).ok(201)["code"]}
    return EXAMPLES.get(operation, {}).get("request")


@pytest.mark.parametrize("operation", ASKED)
def test_an_operation_says_whether_trying_again_can_help(refused, operation):
    status, functions = refused
    method, path = OPERATIONS[operation]
    place = re.sub(r"{(\w+)}", lambda found: SHOWN[found[1]], path)
    answer = functions["publish" if operation in PUBLISHED else "manage"].call(method, place, body_of(operation))
    assert answer.status == status, answer
    assert answer.code == {500: "internal", 503: "unavailable"}[status]
    answers.note(method, place, answer.status)


CHANGED = {
    "contracts.upsert": body_of("contracts.upsert"),
    "tenants.update": {"name": "another"},
    "tenants.upsert": {"contract": "standard"},
    "webhooks.update": {"name": "another"},
    "webhooks.rotateSecret": None,
    "webhooks.endPreviousSecrets": None,
}


@pytest.mark.parametrize("operation", CHANGED)
def test_a_writer_that_always_comes_second_is_told_so(operation, tenant, receiver):
    webhook = tenant.new_webhook(receiver.url("/hook"))["id"]
    tenant.api.post(tenant.path(f"/webhooks/{webhook}/secret/rotate")).ok()
    method, path = OPERATIONS[operation]
    place = path.format(tenantId=tenant.id, webhookId=webhook, contractName=stack.unique("contract"))
    with running("manage", losing) as manage:
        answer = manage.call(method, place, CHANGED[operation])
    assert (answer.status, answer.code) == (409, "concurrent_change"), answer
    answers.note(method, place, answer.status)
