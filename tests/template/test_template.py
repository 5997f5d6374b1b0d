"""Requirements for infra/template.yaml: the design's inequalities and promises, read from the
deployed file.

Parameters have their defaults, which an operator gets without changing anything.
"""

import json
import math
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "local"))

import template as reader  # noqa: E402

TEMPLATE = reader.load(ROOT / "infra" / "template.yaml")
PARAMETERS = TEMPLATE["Parameters"]
RESOURCES = TEMPLATE["Resources"]
FUNCTIONS = {"publish", "manage", "authorizer", "dispatcher", "dlq", "redriver", "sweeper", "notifier", "console"}

RESERVE_SECONDS = 10
MAX_RETENTION_SECONDS = 14 * 24 * 3600
GATEWAY_SECONDS = 30
AUTHORIZER_SECONDS = 10
MAX_SQS_DELAY_SECONDS = 900


def of_type(kind: str) -> dict[str, dict]:
    """Properties by logical id."""
    found = {name: r.get("Properties", {}) for name, r in RESOURCES.items() if r["Type"] == kind}
    assert found, f"the template has no {kind}"
    return found


def value(of, chosen: dict | None = None):
    """A number or text, looked up in the parameters' defaults if it is a reference, and in the
    mappings."""
    if isinstance(of, dict) and set(of) == {"Ref"}:
        return (chosen or {}).get(of["Ref"], PARAMETERS[of["Ref"]]["Default"])
    if isinstance(of, dict) and set(of) == {"Fn::FindInMap"}:
        mapping, key, name = of["Fn::FindInMap"]
        return TEMPLATE["Mappings"][mapping][value(key, chosen)][name]
    return of


def target(of) -> str:
    """The logical id that a Ref, a GetAtt or the first name in a Sub points to; of an alias, its
    function."""
    if isinstance(of, str):
        return of
    (how, what), = of.items()
    if how == "Fn::Split":
        return target(what[1])
    if how == "Fn::Sub":
        return what.split("${", 1)[1].split("}", 1)[0].split(".")[0]
    return what.removesuffix(".Alias") if how == "Ref" else what[0]


def listed(of) -> list:
    return of if isinstance(of, list) else [of]


def queues() -> dict[str, dict]:
    return of_type("AWS::SQS::Queue")


def functions() -> dict[str, dict]:
    return of_type("AWS::Serverless::Function")


def sources() -> dict[str, dict]:
    """The mappings of queues."""
    return {name: s for name, s in of_type("AWS::Lambda::EventSourceMapping").items() if target(s["EventSourceArn"]) in queues()}


def streams() -> dict[str, dict]:
    """The mappings of tables' streams."""
    return {name: s for name, s in of_type("AWS::Lambda::EventSourceMapping").items() if name not in sources()}


def dead_letter_queues() -> set[str]:
    return {target(q["RedrivePolicy"]["deadLetterTargetArn"]) for q in queues().values() if "RedrivePolicy" in q}


def role_of(function: str) -> dict:
    """The properties of the role of the function with this binary."""
    (properties,) = [RESOURCES[n]["Properties"] for n, r in RESOURCES.items() if binary(r) == function]
    return RESOURCES[target(properties["Role"])]["Properties"]


def binary(resource: dict) -> str | None:
    return resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary")


def statements(role: dict) -> list[dict]:
    """The statements of its policies; if a condition decides, all that may apply."""
    found = [s for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
    return [one for s in found for one in (s["Fn::If"][1:] if "Fn::If" in s else [s]) if "Effect" in one]


def every_statement():
    """(logical id, statement) of roles, queue policies and key policies; both sides of an
    Fn::If."""
    for name, resource in RESOURCES.items():
        properties = resource.get("Properties", {})
        documents = [p["PolicyDocument"] for p in properties.get("Policies", [])]
        documents += [properties[k] for k in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument") if k in properties]
        for document in documents:
            for statement in document["Statement"]:
                for one in statement["Fn::If"][1:] if "Fn::If" in statement else [statement]:
                    if "Effect" in one:
                        yield name, one


def granted(role: dict) -> dict[str, set[str]]:
    """Action to logical ids."""
    by_action: dict[str, set[str]] = {}
    for statement in statements(role):
        for action in listed(statement["Action"]):
            by_action.setdefault(action, set()).update(target(r) for r in listed(statement["Resource"]))
    return by_action


# ---- Time ----


# Every value that an operator may choose.
WEBHOOK_TIMEOUTS = PARAMETERS["MaxWebhookTimeoutSeconds"]["AllowedValues"]


@pytest.mark.parametrize("longest", WEBHOOK_TIMEOUTS)
def test_the_dispatcher_outlives_the_webhook_timeout_by_the_reserve(longest):
    (dispatcher,) = [f for n, f in functions().items() if binary(RESOURCES[n]) == "dispatcher"]
    assert value(dispatcher["Timeout"], {"MaxWebhookTimeoutSeconds": longest}) >= int(longest) + RESERVE_SECONDS


@pytest.mark.parametrize("longest", WEBHOOK_TIMEOUTS)
@pytest.mark.parametrize("name", sources())
def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_run(name, longest):
    chosen = {"MaxWebhookTimeoutSeconds": longest}
    source = sources()[name]
    queue = queues()[target(source["EventSourceArn"])]
    function = functions()[target(source["FunctionName"])]
    assert value(queue["VisibilityTimeout"], chosen) >= 6 * value(function["Timeout"], chosen)


def test_every_time_that_aws_compares_with_another_follows_the_one_parameter():
    """A second parameter would admit a pair that Lambda rejects: the rules of a template cannot
    compare numbers."""
    assert set(TEMPLATE["Mappings"]["Timing"]) == set(WEBHOOK_TIMEOUTS)
    times = [q["VisibilityTimeout"] for q in queues().values()] + [f["Timeout"] for f in functions().values()]
    named = {json.dumps(t) for t in times if not isinstance(t, int)}
    assert named == {
        json.dumps({"Fn::FindInMap": ["Timing", {"Ref": "MaxWebhookTimeoutSeconds"}, time]}) for time in ("DispatcherTimeout", "QueueVisibility")
    }


def test_functions_behind_the_gateway_answer_before_it_hangs_up():
    for name in ("publish", "manage"):
        (function,) = [f for n, f in functions().items() if binary(RESOURCES[n]) == name]
        assert value(function["Timeout"]) < GATEWAY_SECONDS, name
    (authorizer,) = [f for n, f in functions().items() if binary(RESOURCES[n]) == "authorizer"]
    assert value(authorizer["Timeout"]) < AUTHORIZER_SECONDS


def test_no_delay_that_sqs_would_refuse_is_given_to_sqs():
    limit = PARAMETERS["QueueDelayLimitSeconds"]
    assert limit["Default"] <= limit["MaxValue"] <= MAX_SQS_DELAY_SECONDS


def test_every_writer_of_the_log_has_the_setting_for_the_partitions():
    """A version before this one sweeps the first eight only: one writer that ignores the setting
    leaves retries in the others after a rollback."""
    parameter = PARAMETERS["DueShards"]
    read = int(re.search(r"SWEEP_SHARDS: u8 = (\d+);", (ROOT / "functions/domain/src/flow/sweep.rs").read_text())[1])
    assert parameter["AllowedValues"] == [8, read] and parameter["Default"] == read
    environments = {binary(RESOURCES[name]): one.get("Environment", {}).get("Variables", {}) for name, one in functions().items()}
    with_log = {name for name, variables in environments.items() if "POSTEL_LOG_TABLE" in variables}
    assert with_log == {"publish", "manage", "dispatcher", "dlq", "redriver", "sweeper"}
    assert {name for name, variables in environments.items() if variables.get("POSTEL_DUE_SHARDS") == {"Ref": "DueShards"}} == with_log


def test_a_batch_of_large_events_leaves_a_dispatcher_enough_memory_and_files():
    """Lambda allows 1,024 open files (AWS Lambda Developer Guide, "Lambda quotas"). A function that
    runs out of memory takes its whole batch with it."""
    text = (ROOT / "functions/domain/src/flow/deliver/first_attempts.rs").read_text()
    found = [re.search(rf"const {name}: usize = ([\d* ]+);", text)[1] for name in ("MAX_ATTEMPTS_BYTES", "ATTEMPT_BYTES")]
    message, attempt = (math.prod(map(int, factors.split("*"))) for factors in found)
    batch = max(source["BatchSize"] for source in of_type("AWS::Lambda::EventSourceMapping").values() if "Dispatcher" in json.dumps(source["FunctionName"]))
    memory = PARAMETERS["MemorySizeMb"]
    assert batch * message <= memory["MinValue"] * 2**20 / 2 and batch * message <= memory["Default"] * 2**20 / 4
    assert batch * (message // attempt) <= 1024 - 200, "the AWS clients' connections need files too"


# ---- Nothing is lost ----


COMES_BACK = ROOT / "functions/domain/src/flow/deliver/retry_message.rs"


def comes_back() -> tuple[int, int, float]:
    """The maximum delay in seconds before a failed message first comes back, the maximum of
    later ones, and the random variation."""
    text = COMES_BACK.read_text()
    first, longest = (int(re.search(rf"const {name}: Duration = Duration::from_secs\((\d+)\)", text)[1]) for name in ("FIRST_DELAY", "MAX_DELAY"))
    return first, longest, float(re.search(r"const SPREAD: f64 = ([\d.]+)", text)[1])


def outlasted(receives: int) -> float:
    """Seconds from the first receive to the last, if every one fails and comes back as soon as
    it can."""
    first, longest, sooner = comes_back()
    return sum(min(first * 2**n, longest) for n in range(receives - 1)) * (1 - sooner)


def test_an_outage_of_hours_makes_no_dead_letters():
    receives = PARAMETERS["MaxReceiveCount"]
    assert receives["MinValue"] <= receives["Default"]
    # On average; if every delay is a fifth shorter, two and a half hours.
    _, _, sooner = comes_back()
    assert outlasted(receives["MinValue"]) / (1 - sooner) >= 3 * 3600
    assert outlasted(receives["MinValue"]) >= 2.5 * 3600
    # If only writes fail, each receive makes a POST that is not recorded. After the first four, the
    # message waits longer than any visibility timeout, so the POST is not repeated sooner, and the
    # receives last as long even with a short timeout.
    visibilities = [times["QueueVisibility"] for times in TEMPLATE["Mappings"]["Timing"].values()]
    hiccups = int(re.search(r"const MAX_SHORT_RETRIES: u32 = (\d+)", COMES_BACK.read_text())[1])
    unrecorded = comes_back()[1] * (1 - sooner)
    assert unrecorded > max(visibilities)
    assert hiccups * min(visibilities) + (receives["MinValue"] - 1 - hiccups) * unrecorded >= 3 * 3600
    # A message that kills the functions each time waits for the visibility timeout instead, and the
    # queue must keep it that long.
    kept = min(q["MessageRetentionPeriod"] for q in queues().values())
    assert max(comes_back()[1], *visibilities) * receives["MaxValue"] <= kept, "SQS deletes it before its last receive"


@pytest.mark.parametrize("longest", WEBHOOK_TIMEOUTS)
@pytest.mark.parametrize("receives", [PARAMETERS["MaxReceiveCount"]["MinValue"], PARAMETERS["MaxReceiveCount"]["Default"], PARAMETERS["MaxReceiveCount"]["MaxValue"]])
def test_an_hour_of_throttled_invocations_makes_no_dead_letters(longest, receives):
    """Lambda retries a throttled batch until its visibility timeout is over, then releases it,
    and the next round counts a receive
    (docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, "Backoff strategy for
    failed invocations"). The simulator's lambda.rs shows it."""
    for name, queue in queues().items():
        if "RedrivePolicy" not in queue:
            continue
        visibility = value(queue["VisibilityTimeout"], {"MaxWebhookTimeoutSeconds": longest})
        in_the_hour = 3600 // visibility + 1
        assert in_the_hour + 2 <= receives, f"{name}: one receive is needed for the delivery, and one for a brief fault before"
    # A dead-letter queue does not pass its messages on.
    assert all(q["MessageRetentionPeriod"] > 24 * 3600 for q in queues().values() if "RedrivePolicy" not in q)


def test_the_page_on_upgrading_tells_how_long_a_bad_version_makes_no_dead_letters():
    """For a function that dies with every message, and for one that fails and reports it."""
    receives = PARAMETERS["MaxReceiveCount"]["MinValue"]
    dies = receives * min(times["QueueVisibility"] for times in TEMPLATE["Mappings"]["Timing"].values())
    page = (ROOT / "docs" / "upgrading.md").read_text()
    assert f"nothing for {dies // 60} min at least" in page
    hours = int(outlasted(receives) / 3600 * 2) / 2
    assert f"nothing for {hours} hours at least" in page and f"tried {receives} times" in page


@pytest.mark.parametrize("name", queues())
def test_a_queue_has_a_dead_letter_queue_or_is_one(name):
    redrive = queues()[name].get("RedrivePolicy")
    if redrive is None:
        assert name in dead_letter_queues()
    else:
        assert target(redrive["deadLetterTargetArn"]) in queues()
        assert value(redrive["maxReceiveCount"]) >= 2, "a single crash must not make a message a dead letter"


def test_the_dlq_function_empties_every_dead_letter_queue():
    emptied = {target(s["EventSourceArn"]) for s in sources().values() if binary(RESOURCES[target(s["FunctionName"])]) == "dlq"}
    assert emptied == dead_letter_queues()


@pytest.mark.parametrize("name", queues())
def test_a_queue_keeps_messages_as_long_as_sqs_can(name):
    assert queues()[name]["MessageRetentionPeriod"] == MAX_RETENTION_SECONDS


@pytest.mark.parametrize("name", of_type("AWS::Scheduler::Schedule"))
def test_a_schedule_has_a_dead_letter_queue_that_its_role_may_send_to(name):
    schedule = of_type("AWS::Scheduler::Schedule")[name]["Target"]
    queue = target(schedule["DeadLetterConfig"]["Arn"])
    assert queue in dead_letter_queues()
    assert queue in granted(RESOURCES[target(schedule["RoleArn"])]["Properties"])["sqs:SendMessage"]


def test_the_dispatchers_schedules_may_reach_their_queue_and_its_dead_letter_queue():
    passed = granted(role_of("dispatcher"))["iam:PassRole"]
    assert len(passed) == 1
    deliveries = "DeliveriesQueue"
    dead = target(queues()[deliveries]["RedrivePolicy"]["deadLetterTargetArn"])
    assert granted(RESOURCES[passed.pop()]["Properties"]) == {"sqs:SendMessage": {deliveries, dead}}


@pytest.mark.parametrize("name", of_type("AWS::Lambda::EventSourceMapping"))
def test_an_event_source_reports_single_failures(name):
    assert of_type("AWS::Lambda::EventSourceMapping")[name]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", sources())
def test_an_event_source_has_a_concurrency_of_its_own(name):
    assert 2 <= value(sources()[name]["ScalingConfig"]["MaximumConcurrency"]) <= 1000


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_can_be_restored_to_any_second(name):
    assert of_type("AWS::DynamoDB::Table")[name]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


# The resources with accepted events, due retries, dead letters, configuration and secrets. The
# other schedule group has only the sweeper's schedule.
KEEPING = {name for name, r in RESOURCES.items() if r["Type"] in ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::KMS::Key")} | {"RetryScheduleGroup"}


def test_a_deletion_keeps_accepted_data_and_a_failed_first_deployment_leaves_nothing():
    """RetainExceptOnCreate keeps a resource, except when its own creation is rolled back
    (docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html)."""
    assert len(KEEPING) == 3 + 6 + 1 + 1
    assert {name for name, r in RESOURCES.items() if r.get("DeletionPolicy") == "RetainExceptOnCreate"} == KEEPING
    assert {name for name in KEEPING if RESOURCES[name].get("UpdateReplacePolicy") != "Retain"} == set()
    # Plain Retain would leave a key behind, at a dollar a month, whenever a first deployment fails.
    assert {name for name, r in RESOURCES.items() if r.get("DeletionPolicy") == "Retain"} == set()


def test_what_outlives_the_stack_is_not_in_the_way_of_the_next_one():
    named = {name: key for name in KEEPING for key in ("Name", "QueueName", "TableName") if key in RESOURCES[name].get("Properties", {})}
    assert named == {}


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_tables_protection_does_not_hinder_the_rollback_of_a_first_deployment(name):
    """DeleteTable fails for a protected table, so the rollback would end in ROLLBACK_FAILED."""
    assert of_type("AWS::DynamoDB::Table")[name]["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert PARAMETERS["DeletionProtection"]["Default"] == "false"


# ---- Nothing is kept for ever ----


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_forgets_what_has_expired(name):
    assert of_type("AWS::DynamoDB::Table")[name]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.parametrize("name", functions())
def test_a_function_logs_to_a_group_of_its_own_that_forgets(name):
    group = target(functions()[name]["LoggingConfig"]["LogGroup"])
    assert value(of_type("AWS::Logs::LogGroup")[group]["RetentionInDays"]) > 0
    assert of_type("AWS::Logs::LogGroup")[group]["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/{functions()[name]['FunctionName']['Fn::Sub']}"


# ---- Nobody else reads it ----


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_and_paid_by_use(name):
    assert of_type("AWS::DynamoDB::Table")[name]["SSESpecification"] == {"SSEEnabled": True}
    assert of_type("AWS::DynamoDB::Table")[name]["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", queues())
def test_a_queue_is_encrypted(name):
    assert queues()[name]["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("name", queues())
def test_a_queue_refuses_callers_without_tls_unless_it_is_local(name):
    assert PARAMETERS["RequireTls"]["Default"] == "true"
    denied = [
        set(s["Action"])
        for owner, s in every_statement()
        if RESOURCES[owner]["Type"] == "AWS::SQS::QueuePolicy"
        and [target(q) for q in RESOURCES[owner]["Properties"]["Queues"]] == [name]
        and (s["Effect"], s.get("Condition")) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    ]
    assert denied == [{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}]


@pytest.mark.parametrize("name", queues())
def test_a_queue_is_closed_to_other_accounts_but_for_sending_events(name):
    denied = [
        set(s["Action"])
        for owner, s in every_statement()
        if RESOURCES[owner]["Type"] == "AWS::SQS::QueuePolicy"
        and [target(q) for q in RESOURCES[owner]["Properties"]["Queues"]] == [name]
        and (s["Effect"], s.get("Condition")) == ("Deny", {"StringNotEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}, "Null": {"aws:PrincipalAccount": "false"}})
    ]
    reading = {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    assert denied == [reading if name == "EventsQueue" else reading | {"sqs:SendMessage"}]
    (policy,) = [r for r in RESOURCES.values() if r["Type"] == "AWS::SQS::QueuePolicy" and [target(q) for q in r["Properties"]["Queues"]] == [name]]
    assert "Condition" not in policy, "it applies whatever the parameters are"


def test_the_key_is_the_own_accounts_and_wants_tls():
    statements = [s for owner, s in every_statement() if RESOURCES[owner]["Type"] == "AWS::KMS::Key"]
    assert {str(s["Principal"]) for s in statements if s["Effect"] == "Allow"} == {
        str({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}})
    }
    denied = [set(s["Action"]) for s in statements if s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}]
    assert denied == [{"kms:Encrypt", "kms:Decrypt"}]


@pytest.mark.parametrize("name", sorted(FUNCTIONS - {"manage"}))
def test_only_the_authorizer_sees_keys_and_sessions_and_nothing_else(name):
    on_config = [s for s in statements(role_of(name)) if "ConfigTable" in str(s["Resource"])]
    # A stream has no such condition: the notifier's filters decide which of its records are read.
    on_config = [s for s in on_config if "StreamArn" not in str(s["Resource"])]
    for statement in on_config:
        (keys,) = [keys for how, keys in statement["Condition"].items() if how == "ForAllValues:StringLike"]
        patterns = [pattern["Fn::Sub"] if isinstance(pattern, dict) else pattern for pattern in keys["dynamodb:LeadingKeys"]]
        sees_keys = [pattern for pattern in patterns if pattern.startswith(("key", "session", "*"))]
        assert keys["dynamodb:LeadingKeys"] == ["key#*", "sessions#*"] if name == "authorizer" else sees_keys == []


def test_only_the_events_queue_lets_others_send_and_only_those_named():
    allowed = [(n, s) for n, s in every_statement() if RESOURCES[n]["Type"] == "AWS::SQS::QueuePolicy" and s["Effect"] == "Allow"]
    (name, statement), = allowed
    assert [target(q) for q in RESOURCES[name]["Properties"]["Queues"]] == ["EventsQueue"]
    assert statement["Principal"] == {"AWS": {"Ref": "PublisherPrincipals"}}
    assert PARAMETERS["PublisherPrincipals"]["Default"] == ""


def test_only_the_two_roles_use_the_key_whatever_iam_lets_an_administrator_do():
    """The condition matches the prefix of the names that CloudFormation generates:
    <stack>-<logical id>-<12 or 13 characters>."""
    uses = {}
    for owner, s in every_statement():
        if RESOURCES[owner]["Type"] == "AWS::KMS::Key" and s["Effect"] == "Allow":
            for action in {"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:CreateGrant"} & set(listed(s["Action"])):
                uses.setdefault(action, []).append(s["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::Sub"].rsplit(":role/", 1)[1])
    assert uses == {"kms:Encrypt": ["${AWS::StackName}-ManageRole-*"], "kms:Decrypt": ["${AWS::StackName}-DispatcherRole-*"]}
    for logical_id in ("ManageRole", "DispatcherRole"):
        assert RESOURCES[logical_id]["Type"] == "AWS::IAM::Role" and "RoleName" not in RESOURCES[logical_id]["Properties"]


def test_no_deny_locks_out_a_caller_whose_key_is_not_filled():
    """A negated operator matches a key that the request does not have, with IfExists too: a Deny
    checks with Null whether the key exists
    (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html)."""
    negated = [(name, s["Condition"], op) for name, s in every_statement() if s["Effect"] == "Deny" for op in s["Condition"] if "Not" in op]
    assert len(negated) == len(queues())
    for name, condition, operator in negated:
        assert condition["Null"] == {key: "false" for key in condition[operator]}, name
    assert [n for n, s in every_statement() if s["Effect"] == "Deny" for op in s["Condition"] if op.endswith("IfExists")] == []


def test_the_key_is_rotated():
    (key,) = of_type("AWS::KMS::Key").values()
    assert key["EnableKeyRotation"] is True


def test_nothing_is_sent_to_private_networks_or_without_tls_by_default():
    assert PARAMETERS["AllowedCidrs"]["Default"] == ""
    assert PARAMETERS["AllowHttp"]["Default"] == "false"
    assert PARAMETERS["TrustedSenderIds"]["Default"] == ""


# ---- Loops ----


def loops() -> set[str]:
    """The functions whose messages can come back to them, over the queues that their roles may
    send to and the queues' event sources."""
    reads: dict[str, set[str]] = {}
    for source in sources().values():
        reads.setdefault(target(source["EventSourceArn"]), set()).add(binary(RESOURCES[target(source["FunctionName"])]))
    sends = {f: granted(role_of(f)).get("sqs:SendMessage", set()) for f in FUNCTIONS}

    def reached(function: str, seen: set[str]) -> set[str]:
        following = {other for queue in sends[function] for other in reads.get(queue, set())} - seen
        return seen.union(following, *(reached(other, seen | following) for other in following))

    return {f for f in FUNCTIONS if f in reached(f, set())}


def test_lambda_does_not_end_the_loops_that_are_meant():
    """docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html: Lambda drops the
    invocation after about 16 rounds through SQS, unless the function allows it."""
    allowed = {binary(RESOURCES[n]) for n, f in functions().items() if f.get("RecursiveLoop") == "Allow"}
    assert allowed == loops() == {"dispatcher", "redriver"}


# ---- Operational events ----


def test_without_somebody_who_gets_operational_events_there_is_no_stream():
    assert (PARAMETERS["OperatorTenant"]["Default"], PARAMETERS["EventBusName"]["Default"]) == ("", "")
    assert {RESOURCES[name].get("Condition") for name in streams()} == {"HasOperationalEvents"}
    tables = of_type("AWS::DynamoDB::Table")
    assert {n: t["StreamSpecification"]["Fn::If"] for n, t in tables.items() if "StreamSpecification" in t} == {
        target(s["EventSourceArn"]): ["HasOperationalEvents", {"StreamViewType": "NEW_AND_OLD_IMAGES"}, {"Ref": "AWS::NoValue"}] for s in streams().values()
    }
    assert {target(s["EventSourceArn"]) for s in streams().values()} == {"ConfigTable", "DeadLettersTable"}, "the log's stream would cost an invocation an event"


@pytest.mark.parametrize("name", streams())
def test_a_record_that_is_never_published_reaches_a_dead_letter_queue_in_time(name):
    """DynamoDB keeps a record for 24 hours, and the message has only its place."""
    source = streams()[name]
    queue = target(source["DestinationConfig"]["OnFailure"]["Destination"])
    assert queue in dead_letter_queues() and queue in granted(role_of("notifier"))["sqs:SendMessage"]
    assert 12 * 3600 <= source["MaximumRecordAgeInSeconds"] <= 23 * 3600 and "MaximumRetryAttempts" not in source
    assert (source["StartingPosition"], source["BisectBatchOnFunctionError"]) == ("TRIM_HORIZON", True)


def test_the_notifier_may_read_streams_and_publish_and_nothing_else():
    reading = {f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")}
    assert granted(role_of("notifier")) == {
        **{action: {"ConfigTable", "DeadLettersTable"} for action in reading},
        "dynamodb:GetItem": {"ConfigTable"},
        "sqs:SendMessage": {"EventsQueue", "DeliveriesDeadLetterQueue"},
        "events:PutEvents": {"AWS::Partition"},
        **{action: {"NotifierLogGroup"} for action in ("logs:CreateLogStream", "logs:PutLogEvents")},
    }
    on_table = [s for s in statements(role_of("notifier")) if listed(s["Action"]) == ["dynamodb:GetItem"]]
    assert [s["Condition"] for s in on_table] == [{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [{"Fn::Sub": "tenant#${OperatorTenant}"}]}}]
    on_bus = [s["Resource"]["Fn::Sub"] for s in statements(role_of("notifier")) if "events:PutEvents" in listed(s["Action"])]
    assert [arn.rsplit(":", 1)[1] for arn in on_bus] == ["event-bus/${EventBusName}"]


def test_who_reads_the_events_queue_trusts_the_notifier_where_there_is_a_tenant():
    trusted = [f["Environment"]["Variables"]["POSTEL_TRUSTED_SENDERS"] for f in functions().values() if "POSTEL_TRUSTED_SENDERS" in f["Environment"]["Variables"]]
    assert len(trusted) == 4 and all(one == trusted[0] for one in trusted)
    _, parts = trusted[0]["Fn::Join"]
    assert {"Fn::If": ["HasOperatorTenant", {"Fn::GetAtt": ["NotifierRole", "RoleId"]}, {"Ref": "AWS::NoValue"}]} in parts


@pytest.mark.parametrize("name, fits", [("", True), ("operator_1-a", True), ("a" * 64, True), ("a" * 65, False), ("a.b", False), ("a*", False), ("a b", False)])
def test_the_operators_tenant_is_one_that_a_tenant_can_be(name, fits):
    assert (re.fullmatch(PARAMETERS["OperatorTenant"]["AllowedPattern"], name) is not None) is fits


# ---- Fair queues ----


def pages() -> str:
    return "\n".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))


def test_the_pages_tell_that_what_a_schedule_sends_is_in_no_tenants_group():
    """The Scheduler documents MessageGroupId for FIFO queues only (API_SqsParameters.html). If
    schedules ever get a group, remove this from the page."""
    sent = (ROOT / "functions/adapters/src/task_queue.rs").read_text()
    has_group = "sqs_parameters" in sent or "aws-sdk:sqs" in sent
    assert ".message_group_id(tenant.as_str())" in sent
    assert ("except those of schedules" in " ".join(pages().split())) is not has_group


# ---- Concurrency ----


def test_functions_of_the_api_can_reserve_concurrency_and_consumers_have_a_limit():
    """A reservation would throttle a queue's function, which raises receive counts. The
    gateway's functions have no waiting queue."""
    reserved = {"Fn::If": ["ReservesConcurrency", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
    has = {binary(RESOURCES[n]) for n, f in functions().items() if f.get("ReservedConcurrentExecutions") == reserved}
    fed = {binary(RESOURCES[target(s["FunctionName"])]) for s in sources().values()}
    assert has == {"publish", "manage", "authorizer"} and fed.isdisjoint(has)


def page(name: str) -> str:
    """A page of docs/ with its lines joined."""
    return " ".join((ROOT / "docs" / name).read_text().split())


def test_the_deploying_page_gives_the_executions_that_the_queues_may_ask_for():
    most = sum(value(s["ScalingConfig"]["MaximumConcurrency"]) for s in sources().values())
    assert f"the queues may ask for {most} " in page("deploying.md")


# ---- Deletion ----


def test_deleting_everything_deletes_what_the_stack_keeps():
    (script,) = re.findall(r"To delete everything:\n\n```sh\n(.*?)```", (ROOT / "docs" / "deploying.md").read_text(), re.DOTALL)
    named = re.findall(r"output (\w+)", script)
    assert {target(TEMPLATE["Outputs"][name]["Value"]) for name in named} == KEEPING


# ---- Names ----


def test_the_deploying_page_gives_the_maximum_length_of_a_stack_name():
    """Functions are named after it, with at most 64 characters; the key's policy relies on role
    names that are not cut (64)."""
    suffixes = [f["FunctionName"]["Fn::Sub"].removeprefix("${AWS::StackName}") for f in functions().values()]
    suffixes += ["-DispatcherRole-" + 13 * "x", "-ManageRole-" + 13 * "x"]
    longest = 64 - max(map(len, suffixes))
    assert f"at most {longest} characters" in page("deploying.md")


@pytest.mark.parametrize("rate, fits", [
    ("rate(5 minutes)", True), ("rate(1 minute)", True), ("rate(1 hour)", True), ("rate(24 hours)", True), ("rate(10 minutes)", True),
    ("rate(0 minutes)", False), ("rate(1 minutes)", False), ("rate(2 minute)", False), ("rate(05 minutes)", False), ("rate(1 day)", False),
])
def test_the_sweep_rate_is_one_that_the_scheduler_takes(rate, fits):
    assert (re.fullmatch(PARAMETERS["SweepRate"]["AllowedPattern"], rate) is not None) is fits


@pytest.mark.parametrize("address, fits", [
    ("", True), ("postel@example.com", True), ("a.b+c@mail.example.com", True),
    ("Postel <postel@example.com>", False), ("<postel@example.com>", False), ("postel", False), ("a@example.com,b@example.com", False), ("a b@example.com", False),
])
def test_the_senders_address_is_one_that_the_roles_condition_can_match(address, fits):
    """ses:FromAddress is the bare address, without a display name."""
    assert (re.fullmatch(PARAMETERS["SenderAddress"]["AllowedPattern"], address) is not None) is fits


# ---- Least privilege ----


def test_a_mail_may_go_through_the_configuration_set_of_its_identity():
    """SES checks the permission on both if the identity has a default configuration set."""
    (mailing,) = [s for s in statements(role_of("dispatcher")) if "ses:SendEmail" in listed(s["Action"])]
    kinds = {resource["Fn::Sub"].rsplit(":", 1)[1] for resource in listed(mailing["Resource"])}
    assert kinds == {"identity/*", "configuration-set/*"}
    assert mailing["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "SenderAddress"}}}


def test_no_statement_names_an_action_by_wildcard():
    wild = [(name, a) for name, s in every_statement() for a in listed(s["Action"]) if "*" in a]
    assert wild == []


def test_no_statement_allows_everything_but():
    assert [n for n, s in every_statement() if "NotAction" in s or "NotResource" in s or "NotPrincipal" in s] == []


@pytest.mark.parametrize("name", of_type("AWS::IAM::Role"))
def test_a_role_names_its_resources(name):
    role = of_type("AWS::IAM::Role")[name]
    wide = [s for s in statements(role) if "*" in listed(s["Resource"])]
    # Lambda's own, for the network interfaces of a function in a VPC: see the next test.
    assert [s for s in wide if not all(a.startswith("ec2:") for a in s["Action"])] == []
    assert wide == [] or name == "DispatcherRole"
    assert "ManagedPolicyArns" not in role


def test_every_function_has_a_role_that_no_other_has():
    assert {binary(RESOURCES[n]) for n in functions()} == FUNCTIONS
    roles = [target(f["Role"]) for f in functions().values()]
    assert len(set(roles)) == len(FUNCTIONS)
    assert set(roles) <= set(of_type("AWS::IAM::Role"))


def test_only_the_dispatcher_decrypts_and_only_manage_encrypts():
    can = {f: {a for a in granted(role_of(f)) if a.startswith("kms:")} for f in FUNCTIONS}
    assert can == {f: set() for f in FUNCTIONS} | {"dispatcher": {"kms:Decrypt"}, "manage": {"kms:Encrypt"}}


def test_the_console_may_write_its_log_and_nothing_else():
    assert granted(role_of("console")) == {action: {"ConsoleLogGroup"} for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
    routed = {r["RouteKey"].split(" ")[1] for r in of_type("AWS::ApiGatewayV2::Route").values() if target(r["Target"]) == "ConsoleIntegration"}
    assert routed == set(PAGES)


def test_only_the_authorizer_reads_the_operators_key():
    readers = {f for f in FUNCTIONS if "OperatorSecret" in granted(role_of(f)).get("secretsmanager:GetSecretValue", set())}
    assert readers == {"authorizer"}


@pytest.mark.parametrize("name", of_type("AWS::IAM::Role"))
def test_a_role_is_assumed_by_one_service_and_by_scheduler_for_one_group(name):
    (trust,) = of_type("AWS::IAM::Role")[name]["AssumeRolePolicyDocument"]["Statement"]
    service = trust["Principal"]["Service"]
    if service == "scheduler.amazonaws.com":
        names = trust["Condition"]["StringEquals"]
        assert names["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert target(names["aws:SourceArn"]) in of_type("AWS::Scheduler::ScheduleGroup")
    else:
        assert service == ("codedeploy.amazonaws.com" if name == "DeploymentRole" else "lambda.amazonaws.com")


def test_the_dispatcher_passes_its_role_to_scheduler_only():
    (passing,) = [s for s in statements(role_of("dispatcher")) if "iam:PassRole" in listed(s["Action"])]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


@pytest.mark.parametrize("name", of_type("AWS::Lambda::Permission"))
def test_a_permission_to_invoke_names_the_api(name):
    assert "${HttpApi}/" in of_type("AWS::Lambda::Permission")[name]["SourceArn"]["Fn::Sub"]


@pytest.mark.parametrize("name", of_type("AWS::IAM::Role"))
def test_a_role_has_the_permissions_boundary_that_the_account_asks_for(name):
    wanted = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
    assert of_type("AWS::IAM::Role")[name]["PermissionsBoundary"] == wanted
    assert PARAMETERS["PermissionsBoundaryArn"]["Default"] == ""


@pytest.mark.parametrize("arn, fits", [
    ("", True), ("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", True), ("arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-12ab,arn:aws:kms:eu-west-1:123456789012:key/1", True),
    ("*", False), ("arn:aws:kms:eu-west-1:123456789012:key/*", False), ("arn:aws:kms:eu-west-1:123456789012:alias/postel", False),
])
def test_a_former_key_is_one_key_and_the_dispatcher_alone_may_decrypt_with_it(arn, fits):
    assert (re.fullmatch(PARAMETERS["FormerKeyArns"]["AllowedPattern"], arn) is not None) is fits
    former = [(name, s) for name, s in every_statement() if s.get("Resource") == {"Fn::Split": [",", {"Ref": "FormerKeyArns"}]}]
    assert [(name, listed(s["Action"])) for name, s in former] == [("DispatcherRole", ["kms:Decrypt"])]


@pytest.mark.parametrize("origins, fits", [
    ("", True), ("https://app.example.com", True), ("https://*.example.com,http://localhost:3000", True),
    ("*", False), ("app.example.com", False), ("https://a.example/path", False), ("https://a.example; script-src *", False), ("https://a.example,", False), ("'self'", False),
])
def test_a_frame_ancestor_is_an_origin(origins, fits):
    parameter = PARAMETERS["PortalFrameAncestors"]
    assert (re.fullmatch(parameter["AllowedPattern"], origins) is not None) is fits
    assert parameter["Default"] == "", "nobody may frame the portal until the operator names who"


# ---- The API ----


PREFLIGHT = "OPTIONS /v1/{proxy+}"
# The files of the console's pages, the same for everybody.
PAGES = ("/portal", "/portal/{proxy+}", "/console", "/console/{proxy+}")


def test_every_route_but_the_open_ones_asks_for_a_key():
    open_routes = {r["RouteKey"] for r in of_type("AWS::ApiGatewayV2::Route").values() if r["AuthorizationType"] == "NONE"}
    files = {f"{method} {path}" for method in ("GET", "HEAD") for path in ("/health", "/openapi.json", *PAGES)}
    assert open_routes == files | {"POST /v1/sessions/exchange", PREFLIGHT}
    for route in of_type("AWS::ApiGatewayV2::Route").values():
        if route["RouteKey"] not in open_routes:
            assert (route["AuthorizationType"], target(route["AuthorizerId"])) == ("CUSTOM", "Authorizer"), route["RouteKey"]


def test_what_anybody_may_ask_for_has_a_throttle_of_its_own_far_below_the_others():
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    routes = {r["RouteKey"]: name for name, r in of_type("AWS::ApiGatewayV2::Route").items() if r["AuthorizationType"] == "NONE"}
    # A preflight is answered by the gateway itself, at the rate of the other routes.
    preflight = routes.pop(PREFLIGHT)
    assert RESOURCES[preflight]["Condition"] == "HasPortalOrigins"
    assert stage["RouteSettings"].keys() == routes.keys()
    for key, settings in stage["RouteSettings"].items():
        # A first view requests a dozen files at once.
        most = 5 if key.endswith(" /openapi.json") else 100 if key.startswith("GET ") and key.endswith("/{proxy+}") else 20
        assert settings["ThrottlingRateLimit"] <= most and settings["ThrottlingBurstLimit"] <= 2 * most, key
    # CloudFormation rejects settings for a route that does not exist yet.
    assert set(listed(RESOURCES["Stage"]["DependsOn"])) == set(routes.values())


def test_no_page_of_another_origin_may_call_unless_the_operator_names_it():
    assert PARAMETERS["PortalOrigins"]["Default"] == ""
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    condition, cors, otherwise = api["CorsConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("HasPortalOrigins", {"Ref": "AWS::NoValue"})
    assert TEMPLATE["Conditions"]["HasPortalOrigins"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "PortalOrigins"}, ""]}]}
    assert cors["AllowOrigins"] == {"Fn::Split": [",", {"Ref": "PortalOrigins"}]}
    assert cors["AllowCredentials"] is False, "there is no cookie"
    document = json.loads((ROOT / "functions/api/openapi.json").read_text())
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert {method.upper() for item in document["paths"].values() for method in item} == set(cors["AllowMethods"])
    taken = {p["name"].lower() for operation in operations for p in operation.get("parameters", []) if p["in"] == "header"}
    assert taken | {"authorization", "content-type"} == set(cors["AllowHeaders"])
    shown = {header.lower() for operation in operations for answer in operation["responses"].values() for header in answer.get("headers", {})}
    assert shown <= set(cors["ExposeHeaders"])


@pytest.mark.parametrize("origins, fits", [
    ("", True), ("https://app.example.com", True), ("https://app.example.com,http://localhost:5173", True),
    ("*", False), ("https://*.example.com", False), ("https://app.example.com/", False), ("app.example.com", False), ("https://a.com, https://b.com", False), ("null", False),
])
def test_an_origin_is_one_scheme_and_host(origins, fits):
    assert (re.fullmatch(PARAMETERS["PortalOrigins"]["AllowedPattern"], origins) is not None) is fits


def test_head_is_routed_wherever_get_is():
    keys = {r["RouteKey"] for r in of_type("AWS::ApiGatewayV2::Route").values()}
    assert {f"HEAD {key.removeprefix('GET ')}" for key in keys if key.startswith("GET ")} <= keys


def test_the_authorizers_verdict_is_remembered_by_the_key_alone():
    (authorizer,) = of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert (authorizer["AuthorizerPayloadFormatVersion"], authorizer["EnableSimpleResponses"]) == ("2.0", True)
    assert value(authorizer["AuthorizerResultTtlInSeconds"]) <= 60, "a deleted key keeps working that long"


def test_the_api_is_throttled():
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    settings = stage["DefaultRouteSettings"]
    assert value(settings["ThrottlingRateLimit"]) > 0
    assert value(settings["ThrottlingBurstLimit"]) > 0


def access_log() -> dict:
    (stage,) = of_type("AWS::ApiGatewayV2::Stage").values()
    how, settings, otherwise = stage["AccessLogSettings"]["Fn::If"]
    assert (how, otherwise) == ("HasAccessLog", {"Ref": "AWS::NoValue"}) and PARAMETERS["AccessLog"]["Default"] == "false"
    return settings


# The variables of
# docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html that a line
# has. The gateway does not escape values, so none of them is a caller's free text, such as a path,
# a host or a user agent.
LOGGED = {
    "requestId", "requestTime", "identity.sourceIp", "routeKey", "status", "responseLength", "responseLatency", "integrationLatency", "integration.status",
    "integration.requestId", "integrationErrorMessage", "error.responseType", "authorizer.error",
    # Postel's own authorizer's description of the caller: `operator`, `tenant` or `nobody`, and the
    # id of a tenant's key or of a session.
    "authorizer.role", "authorizer.key", "authorizer.session",
}


def test_an_access_log_line_is_json_with_the_gateways_result_and_the_request_id():
    line = access_log()["Format"]
    assert set(re.findall(r"\$context\.([\w.]+)", line)) == LOGGED
    assert set(json.loads(re.sub(r"\$context\.[\w.]+", "-", line)).values()) == {"-"}
    assert "\n" not in line


def test_the_access_log_is_the_operators_choice_and_forgets():
    group = RESOURCES[target(access_log()["DestinationArn"])]
    assert (group["Type"], group["Condition"]) == ("AWS::Logs::LogGroup", "HasAccessLog")
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    # Without it each API with a log adds to one resource policy of the account, whose size is
    # limited.
    assert group["Properties"]["LogGroupName"]["Fn::Sub"].startswith("/aws/vendedlogs/")


def test_the_access_logs_price_is_that_of_a_line():
    """As the gateway fills it, plus 26 bytes that CloudWatch Logs counts."""
    prices = json.loads((ROOT / "tests" / "bench" / "prices.json").read_text())
    filled = {
        "requestId": "JKJaXmPLvHcESHA=", "requestTime": "10/Mar/2026:04:37:22 +0000", "identity.sourceIp": "203.0.113.255", "routeKey": "POST /v1/tenants/{tenantId}/events",
        "integration.requestId": "25cc44e4-4e2e-4a3c-a4d6-2f5a3a9d1f0e",
    }
    line = re.sub(r"\$context\.([\w.]+)", lambda found: filled.get(found[1], "123"), access_log()["Format"])
    million = (len(line) + prices["assumptions"]["log_line_overhead_bytes"]["value"]) / 1000 * prices["prices"]["logs_gb"]["usd"]
    assert f"About {million:.2f} USD a million requests" in PARAMETERS["AccessLog"]["Description"]


def test_a_trace_is_the_operators_choice_and_each_function_may_send_it():
    assert (PARAMETERS["Tracing"]["Default"], TEMPLATE["Globals"]["Function"]["Tracing"]) == ("PassThrough", {"Ref": "Tracing"})
    (policy,) = of_type("AWS::IAM::Policy").values()
    assert RESOURCES["TracingPolicy"]["Condition"] == "SendsTraces"
    assert {target(r) for r in policy["Roles"]} == {target(f["Role"]) for f in functions().values()}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]


# ---- The network ----

EGRESS = {name: r for name, r in RESOURCES.items() if r["Type"].startswith("AWS::EC2::")}


def test_the_dispatcher_alone_runs_in_a_vpc_and_only_where_the_operator_says_so():
    assert [binary(RESOURCES[n]) for n, f in functions().items() if "VpcConfig" in f] == ["dispatcher"]
    (config,) = [f["VpcConfig"] for f in functions().values() if "VpcConfig" in f]
    made, own = config["Fn::If"][1], config["Fn::If"][2]["Fn::If"]
    assert (config["Fn::If"][0], own[0], own[2]) == ("HasStaticEgress", "HasSubnets", {"Ref": "AWS::NoValue"})
    assert own[1] == {name: {"Fn::Split": [",", {"Ref": name}]} for name in ("SubnetIds", "SecurityGroupIds")}
    assert {target(s) for s in made["SubnetIds"]} == {"EgressPrivateSubnetA", "EgressPrivateSubnetB"}
    assert (PARAMETERS["StaticEgress"]["Default"], PARAMETERS["SubnetIds"]["Default"]) == ("false", "")
    # Both together, or one of the pair alone, is rejected before anything is created.
    assert len(TEMPLATE["Rules"]["OneNetwork"]["Assertions"]) == 2


def test_lambda_may_make_the_dispatchers_interfaces_and_the_dispatchers_code_may_not():
    inside = [s["Fn::If"] for p in role_of("dispatcher")["Policies"] for s in p["PolicyDocument"]["Statement"] if "Fn::If" in s and s["Fn::If"][0] == "IsInVpc"]
    allowed, denied = (one for _, one, _ in inside)
    assert [one[2] for one in inside] == [{"Ref": "AWS::NoValue"}] * 2
    assert (allowed["Effect"], denied["Effect"], allowed["Action"]) == ("Allow", "Deny", denied["Action"])
    ((key, arns),) = denied["Condition"]["ArnLike"].items()
    # A version calls under its own ARN or under its function's: AWS does not say which.
    assert key == "lambda:SourceFunctionArn"
    assert [arn["Fn::Sub"].rsplit(":function:", 1)[1] for arn in arns] == ["${AWS::StackName}-dispatcher", "${AWS::StackName}-dispatcher:*"]
    elsewhere = [n for n, s in every_statement() if any(a.startswith("ec2:") for a in listed(s["Action"])) and n != "DispatcherRole"]
    assert elsewhere == []


def test_static_egress_leads_out_by_nat_alone_and_lets_nothing_in():
    assert EGRESS and {r.get("Condition") for r in EGRESS.values()} == {"HasStaticEgress"}
    routes = {n: r["Properties"] for n, r in EGRESS.items() if r["Type"] == "AWS::EC2::Route"}
    private = {target(r["NatGatewayId"]) for n, r in routes.items() if "Private" in target(r["RouteTableId"])}
    assert private == {"EgressNatA", "EgressNatB"} and len(routes) == 3
    (group,) = [r["Properties"] for r in EGRESS.values() if r["Type"] == "AWS::EC2::SecurityGroup"]
    assert "SecurityGroupIngress" not in group and {rule["IpProtocol"] for rule in group["SecurityGroupEgress"]} == {"tcp"}
    endpoints = [r["Properties"]["VpcEndpointType"] for r in EGRESS.values() if r["Type"] == "AWS::EC2::VPCEndpoint"]
    assert endpoints == ["Gateway"], "an interface endpoint would be an inside address"
    addresses = {n for n, r in EGRESS.items() if r["Type"] == "AWS::EC2::EIP"}
    assert set(re.findall(r"\$\{(\w+)\.PublicIp\}", TEMPLATE["Outputs"]["StaticEgressAddresses"]["Value"]["Fn::Sub"])) == addresses


def test_the_settings_page_gives_the_price_of_static_egress():
    """Two NAT gateways and two public addresses, 730 hours."""
    month = 2 * (0.045 + 0.005) * 730
    assert f"about {month:.0f} USD a month" in page("settings.md") and f"about {month:.0f} USD a month" in PARAMETERS["StaticEgress"]["Description"]


# ---- Cost ----


def test_the_prices_count_what_the_template_has():
    """The cost of a month without an event, and the routes that a flood of wrong keys can use."""
    prices = json.loads((ROOT / "tests" / "bench" / "prices.json").read_text())
    numbers = {row["what"]: row["number"] for row in prices["idle"]}
    assert (numbers["the KMS key"], numbers["secrets"]) == (len(of_type("AWS::KMS::Key")), len(of_type("AWS::SecretsManager::Secret")))
    assert numbers["queues polled"] == len(sources())
    assert prices["flood"]["routes"] == len([r for r in of_type("AWS::ApiGatewayV2::Route").values() if r["AuthorizationType"] == "CUSTOM"])
    assert prices["flood"]["requests_per_second"] == PARAMETERS["ThrottlingRatePerSecond"]["Default"]
    assert prices["assumptions"]["memory_mb"]["value"] == PARAMETERS["MemorySizeMb"]["Default"]


# ---- The functions ----


def test_every_function_knows_the_stacks_name_for_its_metrics():
    assert TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POSTEL_STACK"] == {"Ref": "AWS::StackName"}


def test_functions_run_as_arm64_binaries_of_their_own_crate():
    shared = TEMPLATE["Globals"]["Function"]
    assert (shared["Runtime"], shared["Handler"], value(shared["MemorySize"])) == ("provided.al2023", "bootstrap", 256)
    assert [value(a) for a in shared["Architectures"]] == ["arm64"]
    for name, function in functions().items():
        assert RESOURCES[name]["Metadata"]["BuildMethod"] == "rust-cargolambda"
        assert function["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{binary(RESOURCES[name])}"}
        assert (ROOT / "infra" / function["CodeUri"]).resolve() == ROOT
