"""Fixtures of the end-to-end tests: each test has its own tenant and receiver, so tests can
share a stack."""

import fcntl
import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import client, stack  # noqa: E402
from support.receiver import Receiver  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only", choices=["alone", "together", "tool"], help="the tests that want the stack for themselves, the others, or those of the command line (tests/gate.sh)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need the stack for themselves come last: then few tests have to wait for them.
    A group stays together, with its modules whole."""

    def comes_last(item: pytest.Item) -> bool:
        group = item.get_closest_marker("xdist_group")
        return item.get_closest_marker("alone") is not None or (group is not None and group.args == ("alone",))

    def part(item: pytest.Item) -> str:
        if item.get_closest_marker("tool"):
            return "tool"
        return "alone" if comes_last(item) else "together"

    items.sort(key=comes_last)
    if only := config.getoption("--only"):
        asked = [item for item in items if part(item) == only]
        config.hook.pytest_deselected(items=[item for item in items if item not in asked])
        items[:] = asked


@pytest.fixture(scope="session", autouse=True)
def standing_stack() -> None:
    """Fails at once, and once, if there is no stack to test."""
    answer = client.operator().get("/health")
    assert answer.status == 200, f"the stack at {stack.outputs()['apiUrl']} is not well: {answer}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item):
    """Tests of all workers run concurrently, but a test marked `alone` has the stack for itself,
    including its fixtures of every scope.

    Tests pass the entry lock one by one; a test that waits to be alone keeps the lock, so that
    others do not overtake it forever.
    """
    how = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    state = stack.outputs_path().parent
    # Without a stack the first fixture reports it.
    state.mkdir(parents=True, exist_ok=True)
    with (state / "e2e.door").open("w") as door, (state / "e2e.room").open("w") as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, how)
        fcntl.flock(door, fcntl.LOCK_UN)
        return (yield)


@pytest.fixture
def operator() -> client.Api:
    return client.operator()


@pytest.fixture
def tenant() -> client.Tenant:
    """A tenant of the contract `standard`."""
    return client.new_tenant("standard")


@pytest.fixture
def kuviq() -> client.Tenant:
    """A tenant of the contract `kuviq`."""
    return client.new_tenant("kuviq")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening
