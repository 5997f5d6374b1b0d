"""The document against the running API: documented answers occur, undocumented ones do not.
`make schemathesis` runs longer."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import client, stack

FUZZ = Path(__file__).resolve().parents[1] / "openapi" / "fuzz.py"
METHODS = {"get", "post", "put", "patch", "delete"}
# The gateway has one route for each of these, and answers other methods itself.
ONE_METHOD = {"/health", "/openapi.json"}
# An event may have the id `batch` or `explain`, and is then read at the path of that operation.
SHARED = {("get", f"/v1/tenants/{{tenantId}}/events/{name}") for name in ("batch", "explain")}
# It cancels, as an older form that the document does not have.
OLDER = {("delete", "/v1/tenants/{tenantId}/redrives/{redriveId}")}
# No body at all is as good as {} here: the plain form, for callers without a client.
TAKES_NO_BODY = {"webhooks.rotateSecret", "webhooks.test"}
# Shorter if the machine is busy.
SECONDS = 20
MIN_OPERATIONS = 20


@pytest.fixture(scope="module")
def document() -> dict:
    """Without a key."""
    return client.operator().with_key(None).get("/openapi.json").ok()


def test_the_document_is_open_and_of_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")
    assert len(document["paths"]) > 20


def test_a_method_that_is_not_told_is_not_taken(document, operator):
    for path, told in document["paths"].items():
        somewhere = re.sub(r"{\w+}", "x", path)
        for method in sorted(METHODS - told.keys()):
            if path not in ONE_METHOD and (method, path) not in SHARED | OLDER:
                answer = operator.call(method.upper(), somewhere, {})
                assert (answer.status, answer.code) == (405, "method_not_allowed"), f"{method} {path}"
                taken = answer.headers["allow"].split(",")
                if not path.endswith("/batch"):
                    assert {name.upper() for name in told} <= set(taken), f"{method} {path}"
                assert all(name in answer.json["detail"] for name in taken), answer


def test_an_operation_that_wants_a_key_answers_401_without_one(document):
    nobody = client.operator().with_key(None)
    for path, told in document["paths"].items():
        for method in sorted(METHODS & told.keys()):
            if told[method].get("security") != [{}]:
                answer = nobody.call(method.upper(), re.sub(r"{\w+}", "x", path), {})
                assert answer.ok(401) == {"message": "Unauthorized"}, f"{method} {path}"


def test_an_empty_body_is_refused_but_where_it_is_the_plain_form(document):
    """An empty variable in a script must not do what `{}` does, which is often the most that an
    operation can do."""
    tenant = client.new_tenant()
    webhook = tenant.new_webhook("https://receiver.example.com/hook", active=False)
    known = {"tenantId": tenant.id, "webhookId": webhook["id"], "contractName": stack.unique("empty"), "eventType": stack.unique("empty")}
    refused = set()
    for path, told in document["paths"].items():
        for method, operation in told.items():
            if "requestBody" not in operation:
                continue
            assert operation["requestBody"]["required"] is True, f"{method} {path}"
            place = re.sub(r"{(\w+)}", lambda found: known[found[1]], path)
            for empty in (None, b"", b" \n"):
                answer = tenant.operator.call(method.upper(), place, empty)
                if operation["operationId"] not in TAKES_NO_BODY:
                    assert (answer.status, answer.code) == (400, "empty_body"), f"{method} {path}"
                    assert "empty" in answer.json["detail"] and "{}" in answer.json["detail"], answer
                    refused.add(path)
                elif empty != b" \n":
                    assert answer.status == 200, f"{method} {path}: {answer}"
    assert len(refused) >= 10
    assert tenant.operator.get(tenant.path()).ok()["name"] == f"Tenant {tenant.id}", "nothing was replaced"


def test_the_document_that_is_served_is_the_committed_one(document):
    assert document == json.loads((Path(__file__).resolve().parents[2] / "functions" / "api" / "openapi.json").read_text())


def test_the_document_is_sent_compressed_and_only_once_to_the_same_caller(document):
    nobody = client.operator().with_key(None)

    plain = nobody.call("GET", "/openapi.json")
    packed = nobody.call("GET", "/openapi.json", None, {"accept-encoding": "br, gzip"})

    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert gzip.decompress(packed.raw) == plain.raw and len(packed.raw) < len(plain.raw) / 5
    for answer in (plain, packed):
        assert answer.headers["cache-control"].startswith("public") and "accept-encoding" in answer.headers["vary"].lower()
    known = nobody.call("GET", "/openapi.json", None, {"if-none-match": plain.headers["etag"]})
    assert (known.status, known.raw, known.headers["etag"]) == (304, b"", packed.headers["etag"])


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/v1/tenants"])
def test_head_is_answered_like_get_without_a_body(operator, path):
    asked, answer = operator.call("GET", path), operator.call("HEAD", path)

    assert (asked.status, answer.status, answer.raw) == (200, 200, b"")
    assert answer.headers["content-type"] == asked.headers["content-type"]


def test_every_answer_forbids_to_guess_its_type_and_every_error_has_its_requests_id(operator):
    tenant = client.new_tenant()
    event = {"type": "item.created", "data": 1}
    for answer in (
        operator.get("/health"),
        operator.get("/openapi.json"),
        operator.get("/v1/tenants"),
        operator.get("/v1/no/such/path"),
        operator.call("TRACE", "/v1/tenants"),
        operator.get(f"{tenant.path()}/webhooks/x"),
        operator.with_key("wrong").get("/v1/tenants"),
        tenant.api.post(tenant.path("/events"), event),
        tenant.api.post(tenant.path("/events"), "{"),
        tenant.api.post(tenant.path("/events/batch"), "{"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff", answer
        if answer.status >= 400:
            # On AWS it is the one of the header `apigw-requestid`; the emulator generates another
            # one there.
            assert len(answer.json["requestId"]) > 10, answer
    results = tenant.api.post(tenant.path("/events/batch"), {"events": [event, 5]})
    assert len(results.ok(202)["results"][1]["error"]["requestId"]) > 10


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(["--phases", "examples,fuzzing", "--examples", "1"], id="one by one"),
        pytest.param(["--phases", "stateful", "--examples", "3"], id="in chains"),
    ],
)
def test_schemathesis_finds_nothing(asked):
    command = [sys.executable, str(FUZZ), "--seed", "1", "--seconds", str(SECONDS), *asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10 * SECONDS, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    # Even if many tests run at the same time.
    assert int(re.search(r"(\d+) generated", said)[1]) >= MIN_OPERATIONS, said
