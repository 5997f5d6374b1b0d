"""The bench's figures are right: its fake AWS counts, call for call, what the local cloud logs
in the same scenario.

The cloud's log is CloudTrail's. Its writes are repeated on a copy of the table, where DynamoDB
itself counts the units (test_cost.py); its reads are repeated on the original.
"""

import json
import os
import subprocess
import time
from collections import Counter
from typing import Any

import pytest
from support import stack
from support.client import Tenant, event_bytes
from support.receiver import Receiver, Reply

from test_cost import WRITES, as_boto, counted, twin  # noqa: F401

READS = ("GetItem", "BatchGetItem", "Query")
# Below the number from which publish caches a tenant: here it reads the tenant for each.
EVENTS = 3
# As in the bench's scenarios: 512 bytes.
BODY = 512


def bench(scenario: str, events: int) -> dict[str, Any]:
    """A run of the bench: the same functions with the fake AWS."""
    built = stack.ROOT / "target" / "debug"
    functions = os.environ.get("POSTEL_BOOTSTRAPS") or built
    argv = [str(built / "bench"), "calls", "--only", scenario, "--events", str(events), "--batch", "1", "--binaries", str(functions)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def logged(tenant: Tenant, since: float) -> list[tuple[str, dict[str, Any]]]:
    """The tenant's DynamoDB calls in the cloud's log, oldest first, without those for keys: the
    authorizer makes them, depending on the gateway's cache."""
    found = {}
    for name in WRITES + READS:
        events = stack.aws("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=50)
        for event in events["Events"]:
            asked = json.loads(event["CloudTrailEvent"])["requestParameters"]
            if event["EventTime"].timestamp() >= since and tenant.id in json.dumps(asked) and '"key#' not in json.dumps(asked):
                found[event["EventId"]] = (event["EventTime"].timestamp(), name, asked)
    return [(name, asked) for _, name, asked in sorted(found.values(), key=lambda call: call[0])]


def kinds(calls: list[tuple[str, dict[str, Any]]]) -> Counter:
    tables = {stack.resource("ConfigTable"): "config", stack.resource("LogTable"): "log"}
    return Counter(f"dynamodb {name} {tables[asked['TableName']]}" for name, asked in calls)


def read_units(calls: list[tuple[str, dict[str, Any]]]) -> float:
    dynamo = stack.aws("dynamodb")
    made = {"GetItem": dynamo.get_item, "Query": dynamo.query}
    return sum(made[name](**as_boto(asked) | {"ReturnConsumedCapacity": "TOTAL"})["ConsumedCapacity"]["CapacityUnits"] for name, asked in calls if name in made)


@pytest.mark.alone
@pytest.mark.parametrize(("door", "scenario"), [("sqs", "sqs-batch-1"), ("http", "http-single")])
def test_the_benchs_stand_in_counts_what_the_local_cloud_logs(tenant: Tenant, receiver: Receiver, twin: str, door: str, scenario: str):  # noqa: F811
    path = "/services/hooks/postel/0"
    receiver.answer(Reply(200, {"content-type": "application/json"}, b'{"ok":true}'), path=path)
    tenant.new_webhook(receiver.url(path), ["*"])
    fields = {"tenantId": tenant.id} if door == "sqs" else {}
    data = b'"' + b"x" * (BODY - len(event_bytes("item.created", b'""', **fields))) + b'"'
    publish = tenant.publish_sqs if door == "sqs" else tenant.publish
    # The first warms up the functions, as in the bench.
    publish("item.created", data)
    receiver.wait(1, path=path)
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == 1, what="the first to be completed")
    calls, since = {}, time.time()
    seen: list[tuple[str, dict[str, Any]]] = []
    for n in range(EVENTS):
        publish("item.created", data)
        receiver.wait(n + 2, path=path)
        # Calls made before the answer are in the log; the test's own calls are not looked at until
        # everything is done.
        stack.eventually(lambda: sum(1 for name, _ in logged(tenant, since) if name in WRITES) == (n + 1) * (1 if door == "sqs" else 2), what="its record")
        seen = logged(tenant, since)
    calls = kinds(seen)

    told = bench(scenario, EVENTS + (1 if door == "http" else 0))
    counts = Counter({kind: counted["requests"] for kind, counted in told["tally"]["calls"].items() if kind.startswith("dynamodb ")})
    print(f"\n{door}: the cloud logged {dict(calls)}; the bench counted {dict(counts)}")
    assert calls == counts

    units = told["tally"]["units"]
    writes = [(name, asked) for name, asked in seen if name in WRITES]
    assert counted(writes, twin) == sum(table["write"] + table["index"] for table in units.values())
    assert read_units(seen) == sum(table["read"] for table in units.values())
    # SQS's own part is the mapping's: a receive, a delete and an invocation for each batch, which
    # here is one event.
    assert told["functions"]["dispatcher"]["invocations"] == told["events"] == told["deliveries"] == EVENTS
