"""`postel doctor` on the local stack: all well, and each fault with the sentence that says what
to do.

A fault that the local cloud can have is made there. For the others a small `aws` answers the one
call as AWS documents it (tests/support/fake_aws.py), and each names the page.
"""

import json
import re
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import pytest
from support import client, disturb, fake_aws, stack
from support.cli import PATIENCE, Cli, Terminal
from support.cli import has_aws_cli, is_built  # noqa: F401  fixtures of all tests here

pytestmark = pytest.mark.tool

# AWS's own example account.
ACCOUNT = "123456789012"
# A person waits for it. On the tests' stack a retry by a schedule takes seconds.
DEEP_SECONDS = 120


@pytest.fixture
def doctor(tenant: client.Tenant, tmp_path: Path) -> Cli:
    """The program without a key: doctor reads the operator's."""
    cli = Cli(tenant, tmp_path)
    del cli.environment["POSTEL_KEY"]
    return cli


@pytest.fixture(scope="module", autouse=True)
def sender() -> None:
    """The tests' stack has a SenderAddress: the local SES verifies it at once."""
    stack.aws("sesv2").create_email_identity(EmailIdentity=stack.parameter("SenderAddress"))


def report(doctor: Cli, *arguments: str, exit: int = 0, **more: str) -> dict[str, dict[str, Any]]:
    """The checks by name."""
    shown = doctor.run("doctor", "--json", *arguments, exit=exit, **more).json
    return {check["name"]: check for check in shown["checks"]}


def told(check: dict[str, Any]) -> str:
    return " ".join([check["detail"], *check["advice"]])


# ---- All well ------------------------------------------------------------------------------------


def test_a_healthy_stack_has_no_failed_check(doctor: Cli):
    swept = lambda: report(doctor, "--only", "sweeper")["sweeper"]["result"] == "ok"  # noqa: E731
    stack.eventually(swept, 150, "the first sweep of a stack that is young")
    began = time.monotonic()
    found = report(doctor)
    print(f"{len(found)} checks in {time.monotonic() - began:.1f} s")
    assert [name for name, check in found.items() if check["result"] == "fail"] == []
    # The local cloud has no metrics of SQS; all else can be seen there.
    assert [name for name, check in found.items() if check["result"] != "ok"] == ["backlog"], found
    # The tests' stack has an OperatorTenant: two streams feed the notifier.
    assert found["mappings"]["detail"] == "8 event source mappings are enabled."
    assert found["functions"]["detail"].startswith("9 functions")


def test_deep_sees_every_way_and_leaves_nothing(doctor: Cli):
    shown = doctor.run("doctor", "--deep", "--json").json
    for check in shown["checks"]:
        print(f"{check['result']:9}{check['name']:18}{check['seconds']:6} s  {check['detail']}")
    print(f"doctor --deep: {shown['seconds']} s")
    found = {check["name"]: check for check in shown["checks"]}
    # Steps run side by side, and are reported in this order.
    assert [(name, found[name]["result"]) for name in found if name.startswith("deep.")] == [
        (f"deep.{name}", "ok") for name in ("tenant", "http", "sqs", "delay", "dead-letter", "redrive", "urls", "schedule", "removal")
    ]
    assert shown["seconds"] < DEEP_SECONDS
    for name in ("deep.http", "deep.sqs"):
        assert "its signature is right" in found[name]["detail"]
    assert "a schedule retried after" in found["deep.schedule"]["detail"]
    assert "refused 6 hostile URLs" in found["deep.urls"]["detail"]
    gone(found["deep.removal"]["detail"])


def gone(text: str) -> None:
    """The temporary tenant that a text names does not exist any more."""
    tenant = re.search(r"postel-doctor-[0-9a-f]+", text)[0]
    assert client.operator().get(f"/v1/tenants/{tenant}").status == 404


def test_a_terminal_shows_columns_of_80_in_colour_and_without(doctor: Cli):
    shown = Terminal(doctor, "doctor", "--only", "api,mappings,tables").ends(0)
    assert "\x1b[32mOK\x1b[0m" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert all(len(line) <= 80 for line in re.split(r"[\r\n]+", plain)), plain
    assert re.search(r"OK {8}mappings {10}8 event source mappings are enabled\.", plain), plain
    doctor.environment["NO_COLOR"] = "1"
    shown = Terminal(doctor, "doctor", "--only", "api").ends(0)
    assert "\x1b[32m" not in shown
    assert "\x1b" not in doctor.run("doctor", "--only", "api").out


@pytest.mark.parametrize("after, only", [("deep.http", ["--only", "api"]), ("functions", [])], ids=["in_the_steps", "in_the_checks_beside_them"])
def test_a_ctrl_c_takes_everything_away_again(doctor: Cli, after: str, only: list[str]):
    running = doctor.start("doctor", "--deep", *only)
    seen = ""
    while after not in seen:
        line = running.stdout.readline().decode()
        assert line, f"it ended: {seen}"
        seen += line
    running.send_signal(signal.SIGINT)
    rest = running.stdout.read().decode()
    assert running.wait(PATIENCE) == 130, rest
    assert "Interrupted" in rest and "deep.removal" in rest and "deep.schedule" not in rest
    gone(seen + rest)


def test_a_schedule_that_is_not_waited_for_is_not_seen_and_taken_away(doctor: Cli):
    found = report(doctor, "--deep", "--wait", "10s", "--only", "api")
    assert found["deep.schedule"]["result"] == "not_seen" and "--wait" in told(found["deep.schedule"])
    assert found["deep.removal"]["result"] == "ok"
    gone(found["deep.removal"]["detail"])


# ---- Faults of the local cloud -------------------------------------------------------------------


@pytest.mark.alone  # Retries of slow webhooks wait meanwhile.
def test_a_stopped_mapping_is_named_with_the_command_that_starts_it(doctor: Cli):
    with disturb.paused("SlowSource"):
        check = report(doctor, "--only", "mappings", exit=1)["mappings"]
    assert check["result"] == "fail" and "SlowSource is Disabled: nothing reads its queue." in check["detail"]
    assert f"--enabled --uuid {stack.resource('SlowSource')}" in told(check)


@pytest.mark.alone  # Nothing is delivered meanwhile.
def test_a_deep_check_without_a_dispatcher_fails_and_tidies_up(doctor: Cli):
    with disturb.paused("EventsSource"):
        found = report(doctor, "--deep", "--only", "api", exit=1)
    assert found["deep.http"]["result"] == "fail" and "did not arrive" in told(found["deep.http"])
    assert "`mappings`" in told(found["deep.http"]) and found["deep.rest"]["result"] == "not_seen"
    assert found["deep.removal"]["result"] == "ok"
    gone(found["deep.removal"]["detail"])


@pytest.mark.alone  # No retry is found meanwhile.
def test_a_disabled_sweep_is_told_with_its_consequence(doctor: Cli):
    with disturb.no_sweeps():
        check = report(doctor, "--only", "sweep-schedule", exit=1)["sweep-schedule"]
    assert check["result"] == "fail" and "is DISABLED: a retry whose message is lost is never found" in check["detail"]


@contextmanager
def disabled_key() -> Iterator[None]:
    kms, key = stack.aws("kms"), stack.outputs()["stack"]["KeyArn"]
    kms.disable_key(KeyId=key)
    try:
        yield
    finally:
        kms.enable_key(KeyId=key)


@pytest.mark.alone  # Nothing can be signed meanwhile.
def test_a_disabled_key_is_told_with_the_command_that_enables_it(doctor: Cli):
    with disabled_key():
        check = report(doctor, "--only", "key", exit=1)["key"]
    assert check["result"] == "fail" and "Disabled: no delivery can be signed" in check["detail"]
    assert "aws kms enable-key --key-id" in told(check)


@contextmanager
def without_retry_group() -> Iterator[None]:
    scheduler, name = stack.aws("scheduler"), stack.outputs()["stack"]["RetryScheduleGroupName"]
    scheduler.delete_schedule_group(Name=name)
    try:
        yield
    finally:
        scheduler.create_schedule_group(Name=name)


@pytest.mark.alone  # Late retries of others would be lost with the group.
def test_a_deleted_schedule_group_is_missed(doctor: Cli):
    with without_retry_group():
        check = report(doctor, "--only", "schedule-group", exit=1)["schedule-group"]
    assert check["result"] == "fail" and "which late retries need, does not exist." in check["detail"]


@pytest.mark.alone  # The message would become a dead letter, which others count.
def test_a_message_in_a_dlq_is_counted(doctor: Cli):
    with disturb.paused("EventsDeadLetterSource"):
        sqs, queue = stack.aws("sqs"), stack.resource("EventsDeadLetterQueue")
        sqs.send_message(QueueUrl=queue, MessageBody="{}")
        try:
            check = report(doctor, "--only", "dlqs", exit=1)["dlqs"]
        finally:
            sqs.purge_queue(QueueUrl=queue)
    assert check["result"] == "fail" and "1 message waits in EventsDeadLetterQueue" in check["detail"]
    assert "-dlq" in told(check)


def test_a_wrong_key_is_told_with_where_it_came_from(doctor: Cli):
    found = report(doctor, "--only", "api,api-key", exit=1, POSTEL_KEY="postel_abcdefghijkl_wrong")
    assert found["api"]["result"] == "ok" and found["api-key"]["result"] == "fail"
    assert "Unset POSTEL_KEY" in told(found["api-key"])


def test_without_the_aws_cli_the_api_is_still_looked_at(doctor: Cli):
    found = report(doctor, exit=1, PATH="/nowhere")
    assert found["aws"]["result"] == "fail" and "Install the AWS CLI" in told(found["aws"])
    assert (found["api"]["result"], found["api-key"]["result"]) == ("ok", "ok")
    assert "functions" not in found


def test_a_stack_of_another_region_is_not_there(doctor: Cli):
    known = stack.outputs()
    user = {
        "AWS_ENDPOINT_URL": known["awsEndpointUrl"],
        "AWS_ACCESS_KEY_ID": known["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": known["secretAccessKey"],
        "AWS_DEFAULT_REGION": known["region"],
    }
    found = report(doctor, "--stack", known["stackName"], "--region", "eu-central-1", exit=1, **user)
    assert "There is no stack postel in this region" in found["stack"]["detail"]
    assert "--region" in told(found["stack"])
    # The same in the right one.
    found = report(doctor, "--stack", known["stackName"], "--only", "api,region", **user)
    assert found["region"]["detail"] == f"The stack is in {known['region']}." and found["api"]["result"] == "ok"


# ---- Faults that only AWS has --------------------------------------------------------------------


def denied(call: str, operation: str, action: str) -> dict[str, Any]:
    """As IAM answers a caller whose role lacks an action (IAM User Guide, "Troubleshoot access
    denied error messages")."""
    text = f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform: {action} on resource: x because no identity-based policy allows the {action} action"
    return {"call": call, "error": ["AccessDeniedException", operation, text]}


def faults(doctor: Cli, expected: dict[str, tuple[str, list[str]]], answers: list[dict], exit: int = 1) -> None:
    """Each check ends as expected and says each of its words. Faults of different checks share a
    run: each call of AWS is a process."""
    only = [name for name in expected if name not in ("stack", "caller", "secret")] or ["api"]
    found = report(doctor, "--only", ",".join(only), exit=exit, **fake_aws.install(doctor.tmp / "bin", answers))
    for name, (result, words) in expected.items():
        assert found[name]["result"] == result, found[name]
        for word in words:
            assert word in told(found[name]), f"{word!r} is not in {told(found[name])!r}"


def test_faults_that_only_aws_has_are_told_with_what_to_do(doctor: Cli):
    answers = [
        # Lambda Developer Guide, "Lambda quotas": new accounts may begin with 10.
        {"call": "get-account-settings", "change": {"AccountLimit.ConcurrentExecutions": 10, "AccountLimit.UnreservedConcurrentExecutions": 10}},
        # SES API v2 Reference, GetEmailIdentity.
        {"call": "get-email-identity", "error": ["NotFoundException", "GetEmailIdentity", "Email identity does not exist."]},
        # Lambda API Reference, GetFunctionConfiguration: State and LastUpdateStatus.
        {"call": "--function-name postel-dispatcher", "change": {"State": "Failed", "StateReason": "The function's execution role does not exist."}},
        {"call": "--function-name postel-dlq", "change": {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "The image is gone."}},
        # SQS API Reference, GetQueueAttributes: QueueDoesNotExist.
        {"call": "SlowQueue", "error": ["AWS.SimpleQueueService.NonExistentQueue", "GetQueueAttributes", "The specified queue does not exist."]},
        # Scheduler API Reference, GetSchedule.
        {"call": "scheduler get-schedule ", "error": ["ResourceNotFoundException", "GetSchedule", "Schedule postel-sweep does not exist."]},
        # CloudWatch Logs API Reference, FilterLogEvents: no event matches.
        {"call": "filter-log-events", "change": {"events": []}},
        # CloudWatch Logs API Reference, LogGroup: without retentionInDays, lines are kept forever.
        {"call": "describe-log-groups", "change": {"logGroups.0.retentionInDays": None}},
        # An old stack, so that the sweeper had its time.
        {"call": "describe-stacks", "change": {"Stacks.0.CreationTime": "2026-01-31T12:00:00+00:00"}},
    ]
    expected = {
        "concurrency": ("fail", ["allows 10 concurrent executions; the queues may ask for 109", "request-service-quota-increase", "EventsConcurrency"]),
        "mail": ("fail", ["SES has verified neither postel@example.com nor its domain", "create-email-identity"]),
        "functions": ("fail", ["postel-dispatcher is Failed: The function's execution role", "The last update of postel-dlq is Failed", "its former code"]),
        "queues": ("fail", ["The queue SlowQueue does not exist."]),
        "sweep-schedule": ("fail", ["The sweeper's schedule postel-sweep does not exist."]),
        "sweeper": ("fail", ["The sweeper has not ended a turn for", "`sweep-schedule`"]),
        "logs": ("warn", ["is kept forever", "put-retention-policy"]),
    }
    faults(doctor, expected, answers)


def test_what_the_role_may_not_see_is_not_seen_by_name(doctor: Cli):
    answers = [
        denied("get-function-configuration", "GetFunctionConfiguration", "lambda:GetFunctionConfiguration"),
        denied("get-secret-value", "GetSecretValue", "secretsmanager:GetSecretValue"),
        # SES API v2 Reference, GetEmailIdentity: nobody has opened the link yet; GetAccount.
        {"call": "sesv2 get-account", "change": {"ProductionAccessEnabled": False}},
    ]
    expected = {
        "functions": ("not_seen", ["AWS does not allow you lambda:GetFunctionConfiguration", "docs/deploying.md"]),
        "secret": ("not_seen", ["AWS does not allow you secretsmanager:GetSecretValue"]),
        "mail": ("warn", ["sandbox", "production access"]),
    }
    faults(doctor, expected, answers, exit=0)


def test_a_stack_whose_rollback_failed_is_told_with_where_to_look(doctor: Cli):
    # CloudFormation User Guide, "Understand CloudFormation stack creation events": status codes.
    answers = [
        {"call": "describe-stacks", "change": {"Stacks.0.StackStatus": "UPDATE_ROLLBACK_FAILED"}},
        {"call": "get-email-identity", "change": {"VerifiedForSendingStatus": False}},
    ]
    faults(doctor, {"stack": ("fail", ["describe-stack-events"]), "mail": ("fail", ["SES has verified neither"])}, answers)


def test_without_credentials_it_says_how_to_get_them(doctor: Cli):
    # What the AWS CLI prints without any credentials (AWS CLI User Guide, "Troubleshoot errors").
    nobody = {"says": 'Unable to locate credentials. You can configure credentials by running "aws configure".'}
    calls = ["get-caller-identity", "describe-stacks"]
    expected = {name: ("fail", ["Unable to locate credentials", "AWS_PROFILE"]) for name in ("caller", "stack")}
    faults(doctor, expected, [nobody | {"call": call} for call in calls])


def test_a_role_that_may_see_nothing_crashes_nothing(doctor: Cli):
    needed = ["get-caller-identity", "describe-stacks", "list-stack-resources"]
    answers = [{"call": call, "change": {}} for call in needed]
    answers += [denied(call, "Any", "any:Action") for call in ("get-", "describe-", "list-", "filter-")]
    found = report(doctor, **fake_aws.install(doctor.tmp / "bin", answers))
    seen = {name for name, check in found.items() if check["result"] != "not_seen"}
    assert seen == {"aws", "caller", "stack", "resources", "api", "version", "clock", "api-key", "region", "parameters", "alarms"}, found
    assert json.dumps(found).count("AWS does not allow you") >= 10
