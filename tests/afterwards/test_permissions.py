"""Each role may do only what its function did during the end-to-end tests.

The local cloud (AUTH=true) ensures that no function does more than it may: it denies a call that
no statement allows, and some test fails. This test shows the reverse: no function may do more
than it did. `pytest -s` prints the table.
"""

import fnmatch
from pathlib import Path
from typing import Iterator

import pytest
import template as reader

from support import stack, cloudtrail

TEMPLATE = reader.load(Path(stack.ROOT) / "infra" / "template.yaml")["Resources"]

# By role and action: granted permissions that no call shows, because the local cloud acts in the
# role's name without a call (infra/template.yaml gives the reason for each; tests/template checks
# that each is this small).
POLLED = "the event source mapping does it; AWS makes none whose role may not"
READ = "the event source mapping reads the stream, and sends what it gives up to the dead-letter queue, with no call that is recorded"
LOGGED = "Lambda writes the logs"
FAILED = "only for what Postel itself failed on: test_comes_back.py shows it, on the stack of those that disturb one"
FIRED = "the scheduler does it, with a call that is not recorded"
NOT_CALLED = {
    **{(role, action): POLLED for role in ("Dispatcher", "Dlq", "Redriver") for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")},
    **{("Notifier", f"dynamodb:{action}"): READ for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")},
    **{(role, action): LOGGED for role in cloudtrail.FUNCTIONS for action in ("logs:CreateLogStream", "logs:PutLogEvents")},
    ("Dispatcher", "iam:PassRole"): "asked of whoever makes a schedule with a role, as a part of scheduler:CreateSchedule; the local cloud does not ask",
    **{(role, "sqs:ChangeMessageVisibility"): FAILED for role in ("Dispatcher", "Redriver", "Dlq")},
    ("Scheduler", "sqs:SendMessage"): FIRED,
    ("SweepSchedule", "lambda:InvokeFunction"): FIRED,
    ("SweepSchedule", "sqs:SendMessage"): f"{FIRED}: to the dead-letter queue, when the sweeper cannot be started",
}


# Options of the operator that the tests' stack leaves empty, and those that it has.
NOT_ASKED_FOR = {"IsInVpc", "HasFormerKeys"}
ASKED_FOR = {"HasOperationalEvents", "HasOperatorTenant", "HasEventBus"}
# Only Lambda uses it, for a batch that it gives up after 22 hours.
GIVEN_UP = ("Notifier", "sqs:SendMessage", "DeliveriesDeadLetterQueue")


def statements(policy: dict) -> Iterator[dict]:
    """The statements that exist in the stack under test."""
    for statement in policy["PolicyDocument"]["Statement"]:
        if "Fn::If" not in statement:
            yield statement
        elif statement["Fn::If"][0] in ASKED_FOR:
            yield statement["Fn::If"][1]
        elif statement["Fn::If"][0] not in NOT_ASKED_FOR:
            raise AssertionError(f"does the stack under test have {statement['Fn::If'][0]}? Say so here")


def granted() -> Iterator[tuple[str, str, str]]:
    """Role, action and resource, each by its name in the template; without conditions."""
    for name, resource in TEMPLATE.items():
        # CodeDeploy's role is no function's, and the local cloud has no CodeDeploy.
        if resource["Type"] == "AWS::IAM::Role" and name != "DeploymentRole":
            for policy in resource["Properties"]["Policies"]:
                for statement in statements(policy):
                    for action in listed(statement["Action"]):
                        for granted_on in listed(statement["Resource"]):
                            yield name.removesuffix("Role"), action, resource_name(granted_on)


def listed(of) -> list:
    return of if isinstance(of, list) else [of]


def resource_name(of) -> str:
    """The logical id behind a Ref, a GetAtt or a Sub of the template; with the name of the
    index, if it is one."""
    (how, what), = of.items()
    if how != "Fn::Sub":
        return what if how == "Ref" else what[0]
    names = [part.split("}")[0].split(".")[0] for part in what.split("${")[1:]]
    (name,) = [name for name in names if not name.startswith("AWS::")] or [what.rsplit(":", 1)[1]]
    return name + (f"/index/{what.split('/index/')[1]}" if "/index/" in what else "")


def test_what_each_role_may_do_is_what_it_did() -> None:
    rows = [(role, action, resource, how(role, action, resource)) for role, action, resource in sorted(set(granted()))]
    for role, action, resource, seen in rows:
        print(f"{role:14}{action:30}{resource:34}{seen or 'NEVER USED'}")
    unused = [(role, action, resource) for role, action, resource, seen in rows if seen is None]
    print(f"{len(rows)} granted, {sum(seen == 'used' for *_, seen in rows)} used, {len(unused)} unused, the rest as said")
    assert unused == []
    assert any("*" in action for _, action, *_ in rows) is False


def how(role: str, action: str, resource: str) -> str | None:
    if reason := READ if (role, action, resource) == GIVEN_UP else NOT_CALLED.get((role, action)):
        return reason
    return "used" if cloudtrail.used(role, action, resource) else None


CONDITIONED = {
    (role.removesuffix("Role"), resource_name(statement["Resource"])): (
        [action.removeprefix("dynamodb:") for action in listed(statement["Action"])],
        statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"],
    )
    for role, resource in TEMPLATE.items()
    if resource["Type"] == "AWS::IAM::Role"
    for policy in resource["Properties"]["Policies"]
    for statement in policy["PolicyDocument"]["Statement"]
    if "ForAllValues:StringLike" in statement.get("Condition", {})
}


@pytest.mark.parametrize(("role", "table"), CONDITIONED)
def test_a_role_that_is_held_to_some_partitions_asked_for_no_other(role: str, table: str) -> None:
    """AWS would deny what the local cloud admits, since the local cloud does not know
    dynamodb:LeadingKeys."""
    actions, patterns = CONDITIONED[role, table]
    asked = cloudtrail.partitions(role, table, actions)
    assert [key for key in asked if not any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)] == []
    unmet = [pattern for pattern in patterns if not any(fnmatch.fnmatchcase(key, pattern) for key in asked)]
    print(f"{role}: {len(asked)} partitions, all of {patterns}; never used: {unmet}")
    assert unmet == []


def test_what_is_said_not_to_be_called_is_granted() -> None:
    known = {(role, action) for role, action, _ in granted()}
    assert NOT_CALLED.keys() <= known, f"nobody may {NOT_CALLED.keys() - known} any more"


def test_a_call_that_nobody_made_is_not_taken_for_one() -> None:
    """The trail shows calls that were made, and none that were not."""
    assert cloudtrail.used("Publish", "dynamodb:Query", "ConfigTable")
    assert not cloudtrail.used("Publish", "dynamodb:GetItem", "DeadLettersTable")
    assert not cloudtrail.used("Publish", "dynamodb:DeleteItem", "ConfigTable")
    assert not cloudtrail.used("Sweeper", "dynamodb:PutItem", "LogTable")
    assert not cloudtrail.used("Sweeper", "sqs:SendMessage", "EventsQueue")
