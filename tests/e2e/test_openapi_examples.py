"""The examples of the OpenAPI document against the running stack: each request is sent, each answer
has the shape of its example. That examples fit their schemas, tests/structure/test_openapi.py
shows."""

from typing import Any

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
    """The names of all members, and what kind of value each has. Whether a list goes on, and
    whether a delivery is due, depends on what other tests have made."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items() if name not in ("nextCursor", "oldestDue")}
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
