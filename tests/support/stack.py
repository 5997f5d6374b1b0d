"""The deployed stack for tests: its outputs, its resources by logical id, its functions, and how
to wait for it."""

import base64
import functools
import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any, Callable, TypeVar

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"

T = TypeVar("T")


def outputs_path() -> Path:
    """The outputs file of `make up`. POSTEL_OUTPUTS names another stack's."""
    return Path(os.environ.get("POSTEL_OUTPUTS") or ROOT / ".local" / "outputs.json")


@functools.cache
def outputs() -> dict[str, Any]:
    """The outputs of `make up`."""
    path = outputs_path()
    assert path.is_file(), f"{path} is missing: bring a stack up with `make up`, or run `make e2e`"
    return json.loads(path.read_text())


@functools.cache
def aws(service: str):
    """A client as the account's root user. It may be used from several threads."""
    known = outputs()
    return boto3.client(
        service,
        endpoint_url=known["awsEndpointUrl"],
        region_name=known["region"],
        aws_access_key_id=known["accessKeyId"],
        aws_secret_access_key=known["secretAccessKey"],
        # A test that counts calls must not have them retried by the client.
        config=Config(retries={"max_attempts": 1, "mode": "standard"}, max_pool_connections=64),
    )


@functools.cache
def _resources() -> dict[str, str]:
    pages = aws("cloudformation").get_paginator("list_stack_resources").paginate(StackName=outputs()["stackName"])
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"]}


def resource(logical_id: str) -> str:
    """The physical id that CloudFormation gave to a resource of infra/template.yaml: a queue's
    URL, a table's or function's name."""
    known = _resources()
    assert logical_id in known, f"the stack has no {logical_id}; it has {', '.join(sorted(known))}"
    return known[logical_id]


@functools.cache
def parameter(name: str) -> str:
    """A template parameter's value in this deployment."""
    made = aws("cloudformation").describe_stacks(StackName=outputs()["stackName"])["Stacks"][0]
    return {p["ParameterKey"]: p["ParameterValue"] for p in made["Parameters"]}[name]


@functools.cache
def queue_arn(logical_id: str) -> str:
    """The ARN of a queue by its logical id."""
    answer = aws("sqs").get_queue_attributes(QueueUrl=resource(logical_id), AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def queue_depth(logical_id: str) -> dict[str, int]:
    """How many messages wait, are delayed, are in flight."""
    names = {
        "waiting": "ApproximateNumberOfMessages",
        "delayed": "ApproximateNumberOfMessagesDelayed",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
    }
    answer = aws("sqs").get_queue_attributes(QueueUrl=resource(logical_id), AttributeNames=list(names.values()))
    return {ours: int(answer["Attributes"][theirs]) for ours, theirs in names.items()}


def schedules(delivery_id: str) -> list[dict[str, Any]]:
    """The existing one-time schedules of a delivery's retries. By prefix: of all schedules,
    MiniStack lists only the first hundred."""
    group = outputs()["stack"]["RetryScheduleGroupName"]
    return aws("scheduler").list_schedules(GroupName=group, NamePrefix=delivery_id)["Schedules"]


def schedule(name: str) -> dict[str, Any]:
    """One of them with its target and settings."""
    return aws("scheduler").get_schedule(GroupName=outputs()["stack"]["RetryScheduleGroupName"], Name=name)


def drop_schedules(deliveries: set[str]) -> None:
    """Deletes the schedules of some deliveries: a retry in an hour would disturb later tests of
    the stack."""
    for name in [s["Name"] for delivery in deliveries for s in schedules(delivery)]:
        aws("scheduler").delete_schedule(GroupName=outputs()["stack"]["RetryScheduleGroupName"], Name=name)


def scan(logical_id: str, of_partition: str = "") -> list[dict[str, Any]]:
    """All items of a table in DynamoDB's own notation, or those whose pk contains a text. For
    checks in tests only."""
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=resource(logical_id), ConsistentRead=True)
    return [item for page in pages for item in page["Items"] if of_partition in item["pk"]["S"]]


def unique(prefix: str = "t") -> str:
    """A name that no other test has, so that tests can share a stack."""
    return f"{prefix}-{secrets.token_hex(6)}"


def account() -> str:
    """The account whose id is the SenderId of every message on the local cloud, and which the
    local deployment trusts."""
    return queue_arn("EventsQueue").split(":")[4]


# ---- SQS events, as Lambda's event source mapping hands them to a function -----------------------


def sqs_record(
    body: str,
    queue: str = "EventsQueue",
    sender: str | None = None,
    received: int = 1,
    group: str | None = None,
    sent_ms: int | None = None,
    message_id: str | None = None,
) -> dict[str, Any]:
    """One record with all fields of SQS. `sender` is the SenderId: the account by default, which
    the local stack trusts."""
    sent = int(time.time() * 1000) if sent_ms is None else sent_ms
    attributes = {
        "ApproximateReceiveCount": str(received),
        "SentTimestamp": str(sent),
        "SenderId": account() if sender is None else sender,
        "ApproximateFirstReceiveTimestamp": str(sent + 5),
    }
    if group:
        attributes["MessageGroupId"] = group
    raw = secrets.token_hex(16)
    return {
        "messageId": message_id or f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}",
        "receiptHandle": secrets.token_urlsafe(48),
        "body": body,
        "attributes": attributes,
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode()).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": outputs()["region"],
    }


def invoke_with(records: list[dict[str, Any]], function: str = "DispatcherFunction") -> dict[str, Any]:
    """Invokes a function with a made-up SQS event and returns its response; fails if the
    function failed."""
    return invoke(function, {"Records": records})


def invoke(function: str, event: dict[str, Any]) -> Any:
    """Invokes a function by its logical id."""
    answer = aws("lambda").invoke(FunctionName=resource(function), Payload=json.dumps(event).encode())
    text = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, f"{function} failed: {text}"
    return json.loads(text) if text else None


def invoke_and_listen(records: list[dict[str, Any]], function: str = "DispatcherFunction") -> tuple[dict[str, Any], list[str]]:
    """As invoke_with; also returns what the function logged meanwhile, of which Lambda gives the
    last 4 KB."""
    payload = json.dumps({"Records": records}).encode()
    answer = aws("lambda").invoke(FunctionName=resource(function), Payload=payload, LogType="Tail")
    text = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, f"{function} failed: {text}"
    return json.loads(text), base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").splitlines()


# ---- Waiting -----------------------------------------------------------------------------------

# How long a dispatcher may use a cached snapshot of a tenant and its webhooks
# (functions/adapters/src/config/cache.rs), if it was read after the message was sent. There are
# several dispatchers with separate caches: if one has seen a change, the others may not have.
REMEMBERED_SECONDS = 10


def forgotten_by_all(changed: float) -> None:
    """Waits until no dispatcher caches the state before a change at this time. A test that
    publishes after a change need not: the snapshot is then newer than the message. It is needed
    for messages that were sent before the change."""
    eventually(lambda: time.time() > changed + REMEMBERED_SECONDS, REMEMBERED_SECONDS + 5, "the dispatchers' caches to expire")


def eventually(ask: Callable[[], T], within: float = 60, what: str = "", every: float = 0.1) -> T:
    """Repeats `ask` until its answer is truthy, or an assertion in it holds, and returns it;
    fails after `within` seconds with the last reason."""
    deadline = time.monotonic() + within
    while True:
        try:
            if answer := ask():
                return answer
            reason = f"it was {answer!r}"
        except AssertionError as failed:
            reason = str(failed)
        assert time.monotonic() < deadline, f"waited {within} s for {what or getattr(ask, '__name__', 'it')}; last: {reason}"
        time.sleep(every)


def for_a_while(holds: Callable[[], object], seconds: float, what: str = "", every: float = 0.2) -> None:
    """Checks that something does NOT happen: the condition must hold at every check for this
    long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert holds(), f"{what or getattr(holds, '__name__', 'it')} no longer holds"
        time.sleep(every)
