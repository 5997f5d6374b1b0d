"""The rules of postel.guard: the template satisfies them all, and each fails where it should.

The engine is CloudFormation Guard's own (3.0.1), as a wheel for Python on Linux; elsewhere this
is skipped and test_template.py checks the same promises.
"""

import copy
import json
import re
from pathlib import Path

import pytest
from test_template import TEMPLATE

engine = pytest.importorskip("cfn_guard_rs.cfn_guard_rs", reason="cfn-guard-rs has no wheel for this Python")

HEAD, *BODIES = re.split(r"^rule ", (Path(__file__).parent / "postel.guard").read_text(), flags=re.MULTILINE)
RULES = {body.split()[0]: f"{HEAD}\nrule {body}" for body in BODIES}


def keeps(rule: str, template: dict) -> bool:
    # The report of a failure is not always complete JSON.
    return json.loads(report)["status"] == "PASS" if (report := engine.run_checks_rs(json.dumps(template), RULES[rule], False)).startswith("{") else False


@pytest.mark.parametrize("rule", RULES)
def test_the_template_keeps_the_rule(rule):
    assert keeps(rule, TEMPLATE)


# Each breaks the template in one place. Without a row, a rule would never have been seen to fail.
BREAKS = {
    "queue_has_a_dead_letter_queue": ["EventsQueue.Properties.RedrivePolicy"],
    "queue_is_encrypted_and_keeps_as_long_as_it_can": ["JobsQueue.Properties.SqsManagedSseEnabled", ("EventsQueue.Properties.MessageRetentionPeriod", 60)],
    "schedule_has_a_dead_letter_queue": ["SweepSchedule.Properties.Target.DeadLetterConfig"],
    "event_source_reports_single_failures_within_its_own_concurrency": [
        "JobsSource.Properties.FunctionResponseTypes",
        "EventsSource.Properties.ScalingConfig",
    ],
    "stream_source_loses_no_record_silently": [
        ("ConfigStreamSource.Properties.StartingPosition", "LATEST"),
        "ConfigStreamSource.Properties.BisectBatchOnFunctionError",
        "DeadLettersStreamSource.Properties.DestinationConfig",
        "DeadLettersStreamSource.Properties.FilterCriteria",
    ],
    "table_is_encrypted_and_can_be_restored": [
        "LogTable.Properties.SSESpecification",
        ("ConfigTable.Properties.PointInTimeRecoverySpecification", {"PointInTimeRecoveryEnabled": False}),
        "ConfigTable.Properties.DeletionProtectionEnabled",
        "DeadLettersTable.Properties.TimeToLiveSpecification",
    ],
    "function_has_a_role_a_time_limit_and_a_log_that_forgets": [
        "SweeperFunction.Properties.Role",
        "DlqFunction.Properties.Timeout",
        "PublishFunction.Properties.LoggingConfig",
        "ManageLogGroup.Properties.RetentionInDays",
    ],
    "role_allows_named_actions_on_named_resources": [
        ("SweeperRole.Properties.ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ("DlqRole.Properties.Policies.0.PolicyDocument.Statement.0.Action", "dynamodb:*"),
        ("DlqRole.Properties.Policies.0.PolicyDocument.Statement.0.Action", ["dynamodb:GetItem", "dynamodb:*"]),
        ("DlqRole.Properties.Policies.0.PolicyDocument.Statement.0.Resource", "*"),
        ("DispatcherRole.Properties.Policies.0.PolicyDocument.Statement.3.Resource", ["*"]),
        ("DlqRole.Properties.Policies.0.PolicyDocument.Statement.0.NotAction", "iam:*"),
    ],
    "key_is_rotated_and_its_policy_names_actions": [
        "Key.Properties.EnableKeyRotation",
        ("Key.DeletionPolicy", "Delete"),
        ("Key.Properties.KeyPolicy.Statement.0.Action", ["kms:*"]),
        ("Key.Properties.KeyPolicy.Statement.1.Principal", {"AWS": "*"}),
    ],
    "everybody_is_only_ever_denied": [
        ("JobsQueuePolicy.Properties.PolicyDocument.Statement.0.Effect", "Allow"),
        ("EventsQueuePolicy.Properties.PolicyDocument.Statement.1.Effect", "Allow"),
        ("EventsQueuePolicy.Properties.PolicyDocument.Statement.2.Fn::If.1.Effect", "Allow"),
    ],
    "route_asks_for_a_key": [("ManageRoute.Properties.AuthorizationType", "NONE"), "PublishRoute.Properties.AuthorizerId"],
}


def broken(where: str | tuple) -> dict:
    """The template with a member removed or changed."""
    path, value = where if isinstance(where, tuple) else (where, None)
    changed = copy.deepcopy(TEMPLATE)
    at = changed["Resources"]
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        at = at[step]
    if isinstance(where, tuple):
        at[last] = value
    else:
        del at[last]
    return changed


@pytest.mark.parametrize(("rule", "where"), [pytest.param(r, w, id=f"{r}-{w[0] if isinstance(w, tuple) else w}-{n}") for r, ws in BREAKS.items() for n, w in enumerate(ws)])
def test_a_broken_template_breaks_the_rule(rule, where):
    assert not keeps(rule, broken(where))


def test_every_rule_has_been_seen_to_fail():
    assert set(BREAKS) == set(RULES)
