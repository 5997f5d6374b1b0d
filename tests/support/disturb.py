"""Disturbances of the stack under test, always undone: for tests that run alone."""

import contextlib
import json
from typing import Any, Iterator

from support import stack


@contextlib.contextmanager
def paused(mapping: str) -> Iterator[None]:
    """Pauses the consumption of a queue: its event source mapping, by logical id, is disabled."""
    uuid = stack.resource(mapping)

    def switch(on: bool) -> None:
        stack.aws("lambda").update_event_source_mapping(UUID=uuid, Enabled=on)
        wanted = "Enabled" if on else "Disabled"
        stack.eventually(lambda: stack.aws("lambda").get_event_source_mapping(UUID=uuid)["State"] == wanted, 60, f"{mapping} {wanted}")

    switch(False)
    try:
        yield
    finally:
        switch(True)


@contextlib.contextmanager
def hidden_for(queue: str, seconds: int) -> Iterator[None]:
    """A received message that is not finished comes back after this many seconds."""
    sqs, url = stack.aws("sqs"), stack.resource(queue)
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


class Taken:
    """The messages of a paused queue, received and kept: only a tenant's own are counted,
    whatever other tests left."""

    def __init__(self, queue: str) -> None:
        self._url, self._messages = stack.resource(queue), []

    def of(self, tenant: str) -> int:
        """Receives the messages that have arrived since, and counts the tenant's."""
        answer = stack.aws("sqs").receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=120)
        self._messages += answer.get("Messages", [])
        return sum(json.loads(message["Body"]).get("tenantId") == tenant for message in self._messages)

    def delete(self) -> None:
        for message in self._messages:
            stack.aws("sqs").delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self._messages = []

    def put_back(self) -> None:
        for message in self._messages:
            stack.aws("sqs").change_message_visibility(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)


@contextlib.contextmanager
def taken(queue: str) -> Iterator[Taken]:
    """Collects the messages of a queue whose mapping is paused; at the end they are sent back."""
    messages = Taken(queue)
    try:
        yield messages
    finally:
        messages.put_back()


@contextlib.contextmanager
def no_sweeps() -> Iterator[None]:
    """The sweeper runs only when the test invokes it: its own schedule is disabled."""
    scheduler = stack.aws("scheduler")
    # CloudFormation's id of a schedule is its name; its group is the only one that is not for
    # retries.
    groups = scheduler.list_schedule_groups()["ScheduleGroups"]
    name = stack.resource("SweepSchedule").rsplit("/", 1)[-1]
    known = [s for g in groups for s in scheduler.list_schedules(GroupName=g["Name"])["Schedules"] if s["Name"] == name]
    assert len(known) == 1, f"the sweep's schedule is {known}"
    schedule = scheduler.get_schedule(GroupName=known[0]["GroupName"], Name=name)
    names = ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    rest = {field: schedule[field] for field in names}

    scheduler.update_schedule(**rest, State="DISABLED")
    try:
        yield
    finally:
        scheduler.update_schedule(**rest, State="ENABLED")


@contextlib.contextmanager
def without(role: str, action: str, resource: str) -> Iterator[None]:
    """A role, by logical id, lacks one action on one resource (its ARN, or the end of it); its
    other permissions remain."""
    iam, name = stack.aws("iam"), stack.resource(role)
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    assert len(policies) == 1, f"{role} has the inline policies {policies}"
    before = iam.get_role_policy(RoleName=name, PolicyName=policies[0])["PolicyDocument"]
    after, taken = _minus(before, action, resource)
    assert taken, f"{role} may not {action} on {resource} anyway: {json.dumps(before)}"

    def put(document: Any) -> None:
        iam.put_role_policy(RoleName=name, PolicyName=policies[0], PolicyDocument=json.dumps(document))

    put(after)
    try:
        yield
    finally:
        put(before)
        kept = iam.get_role_policy(RoleName=name, PolicyName=policies[0])["PolicyDocument"]
        assert kept == before, f"{role} did not get its policy restored: {kept}"


def granted(role: str) -> set[tuple[str, str]]:
    """Every action and resource that a role's inline policies allow, as pairs."""
    iam, name = stack.aws("iam"), stack.resource(role)
    documents = [
        iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    return {pair for document in documents for statement in document["Statement"] for pair in _pairs(statement)}


def _minus(document: dict[str, Any], action: str, resource: str) -> tuple[dict[str, Any], bool]:
    """The document with each statement's other pairs written out one by one."""
    statements, taken = [], False
    for statement in document["Statement"]:
        kept = [pair for pair in _pairs(statement) if not (pair[0] == action and pair[1].endswith(resource))]
        taken = taken or len(kept) < len(_pairs(statement))
        statements += [{**statement, "Action": a, "Resource": r} for a, r in kept]
    return {**document, "Statement": statements}, taken


def _pairs(statement: dict[str, Any]) -> list[tuple[str, str]]:
    return [(action, resource) for action in _list(statement["Action"]) for resource in _list(statement["Resource"])]


def _list(of: str | list[str]) -> list[str]:
    return [of] if isinstance(of, str) else of


@contextlib.contextmanager
def set_up_as(function: str, **changes: str | None) -> Iterator[None]:
    """Runs a function, by logical id, with other settings in its environment; None leaves one
    out."""
    before = _variables(function)
    assert changes.keys() <= before.keys(), f"{function} has no settings {changes.keys() - before.keys()}"
    with run_with(function, **changes):
        yield


@contextlib.contextmanager
def run_with(function: str, **variables: str | None) -> Iterator[None]:
    """Runs a function, by logical id, with any variables in addition to its own environment."""
    before = _variables(function)

    def put(after: dict[str, str]) -> None:
        stack.aws("lambda").update_function_configuration(FunctionName=stack.resource(function), Environment={"Variables": after})
        assert _variables(function) == after, f"{function} has other settings than it was given"

    put({setting: value for setting, value in (before | variables).items() if value is not None})
    try:
        yield
    finally:
        put(before)


def _variables(function: str) -> dict[str, str]:
    return stack.aws("lambda").get_function_configuration(FunctionName=stack.resource(function))["Environment"]["Variables"]
