"""What happens to a batch that partly failed, as AWS documents it: the tests' own mapping
(support/mapping.py) between a real queue and the real dispatcher. The local cloud's mapping may
differ there."""

import time
from typing import Any, Iterator

import pytest

from support import disturb, stack
from support.client import Tenant, new_tenant
from support.mapping import Mapping
from support.receiver import Receiver

# With the others that disturb the stack on one worker.
pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]

# Seconds of the queue's visibility timeout: longer than the first return of a failed message, ten
# and a fifth.
LONG = 15
SHORT = 6


@pytest.fixture
def mapping(hidden: int) -> Iterator[Mapping]:
    with disturb.no_sweeps(), disturb.paused("EventsSource"), disturb.hidden_for("EventsQueue", hidden):
        yield Mapping("EventsQueue", "DispatcherFunction")


def receives(batch: list[dict[str, Any]]) -> dict[str, str]:
    return {message["MessageId"]: message["Attributes"]["ApproximateReceiveCount"] for message in batch}


def taken(mapping: Mapping, count: int, until: float) -> list[dict[str, Any]]:
    """This many messages, taken by this time at the latest."""
    batch: list[dict[str, Any]] = []

    def all_there() -> bool:
        batch.extend(mapping.take())
        return len(batch) >= count

    stack.eventually(all_there, max(0.1, until - time.time()), f"{count} messages", every=0.5)
    assert len(batch) == count
    return batch


def spoilt(tenant: Tenant, webhook: dict[str, Any]) -> dict[str, Any]:
    """Removes the contract's name from a webhook's row, so that it is unknown how to send to it.
    Returns the original row."""
    (row,) = [item for item in stack.scan("ConfigTable", tenant.id) if item["sk"]["S"].endswith(webhook["id"])]
    put(row | {"contract": {"S": "no-such-contract"}})
    return row


def put(row: dict[str, Any]) -> None:
    stack.aws("dynamodb").put_item(TableName=stack.resource("ConfigTable"), Item=row)


@pytest.mark.parametrize("hidden", [LONG])
def test_what_the_answer_names_comes_back_and_the_rest_is_gone(mapping: Mapping, hidden: int, tenant: Tenant, receiver: Receiver) -> None:
    tenant.new_webhook(receiver.url("/fine"))
    other = new_tenant()
    row = spoilt(other, other.new_webhook(receiver.url("/mended")))
    for number in range(10):
        (other if number % 3 == 0 else tenant).publish_sqs(data={"number": number})
    batch = taken(mapping, 10, time.time() + 5)
    began = time.time()
    failed = mapping.hand_over(batch)
    assert failed is not None and len(failed) == 4
    receiver.wait(6, within=5, path="/fine")
    put(row)
    # They are hidden meanwhile: for the queue's timeout, or as long as the dispatcher set.
    stack.for_a_while(lambda: mapping.take() == [], 5)
    again = taken(mapping, 4, began + hidden + 5)
    assert receives(again) == dict.fromkeys(failed, "2")
    # A dispatcher may cache a webhook for ten seconds.
    stack.eventually(lambda: mapping.hand_over(again) == [], 60, "the dispatchers to see the repaired webhook", every=1)
    receiver.wait(4, within=5, path="/mended")
    stack.for_a_while(lambda: mapping.take() == [], 2)
    receiver.stays_at(6, 0.5, "/fine")


@pytest.mark.parametrize("hidden", [SHORT])
def test_a_batch_that_fails_as_a_whole_comes_back_as_a_whole(mapping: Mapping, hidden: int, tenant: Tenant, receiver: Receiver) -> None:
    tenant.new_webhook(receiver.url())
    for number in range(3):
        tenant.publish_sqs(data={"number": number})
    batch = taken(mapping, 3, time.time() + 5)
    began = time.time()

    def without_its_time(record: dict[str, Any]) -> None:
        if record["messageId"] == batch[0]["MessageId"]:
            record["attributes"] = {name: value for name, value in record["attributes"].items() if name != "SentTimestamp"}

    assert mapping.hand_over(batch, without_its_time) is None
    receiver.stays_at(0, 0.5)
    again = taken(mapping, 3, began + hidden + 5)
    assert time.time() - began > hidden - 2
    assert set(receives(again).values()) == {"2"}
    assert mapping.hand_over(again) == []
    receiver.wait(3, within=5)
