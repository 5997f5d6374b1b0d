"""The cost of an event on the normal path: write units per event, as DynamoDB itself counts
them.

The functions do not ask DynamoDB for the consumed units. So their requests are taken from
CloudTrail, which lists every call with its parameters, and repeated in order on a table of the
same shape with ReturnConsumedCapacity: DynamoDB then counts the very same writes. AWS's
CloudTrail shows data events only if a trail is configured for them; the local cloud records all.
"""

import base64
import json
import math
import time
from decimal import Decimal
from typing import Any, Iterator

import pytest
from support import stack
from support.client import Tenant, event_bytes, new_tenant
from support.receiver import Receiver, Reply

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")
EVENTS = 5
BODY = 699


class Recorded:
    """The functions' calls for a tenant, collected while they are still among the newest that
    CloudTrail lists."""

    def __init__(self, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._since = time.time()
        self._seen: dict[str, tuple[float, str, dict[str, Any]]] = {}

    def look(self) -> list[tuple[str, dict[str, Any]]]:
        """All write calls so far, oldest first."""
        for name in WRITES:
            found = stack.aws("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=50)
            for event in found["Events"]:
                told = json.loads(event["CloudTrailEvent"])
                if self._tenant_id in json.dumps(told["requestParameters"]) and event["EventTime"].timestamp() >= self._since:
                    self._seen[event["EventId"]] = (event["EventTime"].timestamp(), name, told["requestParameters"])
        return [(name, parameters) for _, name, parameters in sorted(self._seen.values(), key=lambda call: call[0])]


@pytest.fixture
def twin() -> Iterator[str]:
    """An empty table with the log table's keys and indexes."""
    dynamo, name = stack.aws("dynamodb"), stack.unique("twin")
    log = dynamo.describe_table(TableName=stack.resource("LogTable"))["Table"]
    dynamo.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=log["AttributeDefinitions"],
        KeySchema=log["KeySchema"],
        GlobalSecondaryIndexes=[{n: i[n] for n in ("IndexName", "KeySchema", "Projection")} for i in log["GlobalSecondaryIndexes"]],
    )
    yield name
    dynamo.delete_table(TableName=name)


def as_boto(value: Any) -> Any:
    """A request's JSON in boto3's form: bytes decoded."""
    if isinstance(value, dict):
        return {n: base64.b64decode(v) if n == "B" and isinstance(v, str) else as_boto(v) for n, v in value.items()}
    return [as_boto(v) for v in value] if isinstance(value, list) else value


def counted(calls: list[tuple[str, dict[str, Any]]], twin: str) -> float:
    """Repeats the calls on the copy and returns the write units that DynamoDB counted."""
    dynamo, units, tables = stack.aws("dynamodb"), 0.0, set()
    for name, parameters in calls:
        wanted = as_boto(parameters) | {"ReturnConsumedCapacity": "TOTAL"}
        if name == "TransactWriteItems":
            wanted.pop("ClientRequestToken", None)
            for item in wanted["TransactItems"]:
                for write in item.values():
                    tables.add(write["TableName"])
                    write["TableName"] = twin
            answer = dynamo.transact_write_items(**wanted)
        else:
            assert name in ("PutItem", "UpdateItem", "DeleteItem"), f"{name} is not repeated here yet"
            tables.add(wanted["TableName"])
            wanted["TableName"] = twin
            answer = {"PutItem": dynamo.put_item, "UpdateItem": dynamo.update_item, "DeleteItem": dynamo.delete_item}[name](**wanted)
        consumed = answer["ConsumedCapacity"]
        units += sum(c["CapacityUnits"] for c in (consumed if isinstance(consumed, list) else [consumed]))
    assert tables <= {stack.resource("LogTable")}, f"the normal path writes to {tables}"
    return units


def size(value: dict[str, Any]) -> int:
    """The size of an attribute by DynamoDB's published rules (Developer Guide, "Item sizes and
    formats"), numbers at their upper bound."""
    ((kind, inner),) = value.items()
    if kind == "S":
        return len(inner.encode())
    if kind == "N":
        return math.ceil(len(Decimal(inner).normalize().as_tuple().digits) / 2) + 2
    if kind == "B":
        return len(inner)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + len(n.encode()) + size(v) for n, v in inner.items())
    assert kind == "L", kind
    return 3 + sum(1 + size(v) for v in inner)


def item_size(item: dict[str, Any]) -> int:
    return sum(len(name.encode()) + size(value) for name, value in item.items())


def data_for(fields: dict[str, Any], length: int) -> bytes:
    """Data that makes the event's JSON this many bytes long."""
    frame = len(event_bytes("inspection.completed", b'""', **fields))
    return b'"' + b"x" * (length - frame) + b'"'


@pytest.mark.alone
@pytest.mark.parametrize(("door", "units_each"), [("sqs", 1), ("http", 2)])
def test_an_event_with_one_webhook_costs_so_many_write_units(receiver: Receiver, twin: str, door: str, units_each: int):
    for contract in ("standard", "kuviq"):
        path = f"/services/hooks/postel/{contract}"
        # A typical response: a short JSON and the headers of a server.
        receiver.answer(Reply(200, {"content-type": "application/json"}, b'{"ok":true}'), path=path)
        tenant = new_tenant(contract)
        tenant.new_webhook(receiver.url(path), ["inspection.*"])

        calls = calls_of_events(tenant, receiver, door, path)

        items = [i for i in stack.scan("LogTable", of_partition=tenant.id) if "inspection.completed" in repr(i)]
        sizes = sorted(item_size(item) for item in items)
        units = counted(calls, twin)
        print(f"\n{door}, {contract}: {units / EVENTS} write units an event; items of {sizes} bytes for a body of {BODY}")
        assert len(calls) == units_each * EVENTS, f"{len(calls)} write calls for {EVENTS} events: {[name for name, _ in calls]}"
        assert units == units_each * EVENTS, f"items of {sizes} bytes"
        assert len(items) == units_each * EVENTS
        assert not any("due_shard" in item for item in items), "the normal path pays for no index"


def calls_of_events(tenant: Tenant, receiver: Receiver, door: str, path: str) -> list[tuple[str, dict[str, Any]]]:
    """Publishes and returns the resulting write calls."""
    recorded = Recorded(tenant.id)
    fields = {"tenantId": tenant.id} if door == "sqs" else {}
    data = data_for(fields, BODY)
    for n in range(EVENTS):
        if door == "sqs":
            tenant.publish_sqs("inspection.completed", data)
        else:
            tenant.publish("inspection.completed", data)
        receiver.wait(n + 1, path=path)
        recorded.look()
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == EVENTS, what="all to be completed")
    # Nothing may follow, either.
    receiver.stays_at(EVENTS, seconds=1.5, path=path)
    return recorded.look()


@pytest.mark.alone
def test_the_happy_path_of_the_sqs_door_reads_the_log_not_at_all(tenant: Tenant, receiver: Receiver):
    """A new message needs no read of the log before its POST."""
    tenant.new_webhook(receiver.url())
    tenant.publish_sqs("inspection.completed", data_for({"tenantId": tenant.id}, BODY))
    receiver.wait(1)
    stack.eventually(lambda: "completed" in repr(stack.scan("LogTable", of_partition=tenant.id)), 60, "the record")
    reads = []
    for name in ("GetItem", "Query", "BatchGetItem", "TransactGetItems"):
        found = stack.aws("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=50)
        for event in found["Events"]:
            asked = json.loads(event["CloudTrailEvent"])["requestParameters"]
            if tenant.id in json.dumps(asked) and stack.resource("LogTable") in json.dumps(asked):
                reads.append((name, asked))
    assert reads == []
