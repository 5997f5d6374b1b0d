"""Fixtures of the end-to-end tests: each test has a tenant and a receiver of its own, so tests share a stack without meeting."""

import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import client, stack  # noqa: E402
from support.receiver import Receiver  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def standing_stack() -> None:
    """Says at once, and once, if there is no stack to test."""
    answer = client.operator().get("/health")
    assert answer.status == 200, f"the stack at {stack.outputs()['apiUrl']} is not well: {answer}"


@pytest.fixture
def operator() -> client.Api:
    return client.operator()


@pytest.fixture
def tenant() -> client.Tenant:
    """Of the contract `standard`."""
    return client.new_tenant("standard")


@pytest.fixture
def kuviq() -> client.Tenant:
    """A tenant of the contract `kuviq`."""
    return client.new_tenant("kuviq")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening
