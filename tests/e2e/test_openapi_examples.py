"""The examples of the OpenAPI document against the running stack: each request is sent, each answer
has the shape that its example and its schema have."""

from typing import Any

import jsonschema
import pytest
from support import client, openapi_examples
from support.receiver import Receiver


@pytest.fixture(scope="module")
def run() -> openapi_examples.Run:
    document = client.operator().with_key(None).get("/openapi.json").ok()
    with Receiver() as receiver:
        done = openapi_examples.Run(document, receiver)
        openapi_examples.walk(done)
    return done


def shape(value: Any) -> Any:
    """The names of all members, and what kind of value each has."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_every_operation_was_sent(run):
    assert run.seen.keys() | {"openapi.get"} >= {name for name, (method, _, _) in run.operations.items() if method != "DELETE"}
    assert run.examples.keys() <= run.operations.keys()


def test_every_answer_has_the_shape_of_its_example(run):
    for name, answers in run.seen.items():
        for status, answer in answers.items():
            assert shape(answer) == shape(run.examples[name][status]), f"{name} {status}: python tests/support/openapi_examples.py writes it anew"


def test_every_example_is_of_its_schema(run):
    document = client.operator().with_key(None).get("/openapi.json").ok()
    checked = 0
    for name, (_, _, operation) in run.operations.items():
        contents = [("request", operation.get("requestBody", {}).get("content", {}))]
        contents += [(status, answer.get("content", {})) for status, answer in operation["responses"].items()]
        for place, content in contents:
            for told in content.values():
                for example in told.get("examples", {}).values():
                    schema = {"components": document["components"]} | told["schema"]
                    for error in jsonschema.Draft202012Validator(schema).iter_errors(example["value"]):
                        raise AssertionError(f"{name} {place}: {error.message}")
                    checked += 1
    assert checked > 50
