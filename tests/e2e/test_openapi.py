"""The document against the running API: what it says is answered, what it does not say is not. `make schemathesis` asks longer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import client

FUZZ = Path(__file__).resolve().parents[1] / "openapi" / "fuzz.py"
METHODS = {"get", "post", "put", "patch", "delete"}
# The gateway has one route each for these, and answers other methods itself.
ONE_METHOD = {"/health", "/openapi.json"}
# An event may be called batch, and is read at the path where batches are published.
SHARED = {("get", "/v1/tenants/{tenant}/events/batch")}
# A part of it where the machine is busy.
SECONDS = 20
FEWEST = 20


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
            if path not in ONE_METHOD and (method, path) not in SHARED:
                answer = operator.call(method.upper(), somewhere, {})
                assert (answer.status, answer.code) == (405, "method_not_allowed"), f"{method} {path}"
                assert answer.headers["allow"], f"{method} {path}"


def test_an_operation_that_wants_a_key_answers_401_without_one(document):
    nobody = client.operator().with_key(None)
    for path, told in document["paths"].items():
        for method in sorted(METHODS & told.keys()):
            if told[method].get("security") != [{}]:
                answer = nobody.call(method.upper(), re.sub(r"{\w+}", "x", path), {})
                assert answer.ok(401) == {"message": "Unauthorized"}, f"{method} {path}"


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(["--phases", "examples,fuzzing", "--examples", "1"], id="one by one"),
        pytest.param(["--phases", "stateful", "--examples", "3"], id="in chains"),
    ],
)
def test_schemathesis_finds_nothing(asked):
    command = [sys.executable, str(FUZZ), "--seed", "1", "--seconds", str(SECONDS), *asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * SECONDS, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    # Even where many tests run beside it.
    assert int(re.search(r"(\d+) generated", said)[1]) >= FEWEST, said
