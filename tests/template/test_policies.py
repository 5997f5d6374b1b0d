"""Which callers the template's own policies admit, evaluated as IAM documents it (policies.py).
The local cloud evaluates neither the queues' policies nor the key's, and no condition of a Deny."""

import copy
import itertools

import pytest
from ministack.core import iam_evaluator
from policies import ACCOUNT, REGION, STACK, Caller, Deployed, Request, decide, holds, like
from test_template import RESOURCES, TEMPLATE, binary, every_statement, functions, granted, listed, queues, role_of, sources, target

OTHER = "444455556666"
PUBLISHER = f"arn:aws:iam::{OTHER}:role/shop"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
STACKED = Deployed(TEMPLATE, {"OperatorTenant": "operator", "EventBusName": "default"})
# The IAM policy of an administrator.
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ADMINISTRATOR = Caller(f"arn:aws:iam::{ACCOUNT}:role/admin", [EVERYTHING])
SOMEBODY = Caller(f"arn:aws:iam::{ACCOUNT}:role/web")
ELSEWHERE = Caller(PUBLISHER, [EVERYTHING])
ON_QUEUES = ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")


def role(logical_id: str, deployed: Deployed = STACKED) -> Caller:
    return Caller(deployed.arn(logical_id), [policy["PolicyDocument"] for policy in deployed.of(logical_id)["Policies"]])


def queue_policy(queue: str, deployed: Deployed = STACKED) -> dict:
    (name,) = [n for n, r in RESOURCES.items() if r["Type"] == "AWS::SQS::QueuePolicy" and [target(q) for q in r["Properties"]["Queues"]] == [queue]]
    return deployed.of(name)["PolicyDocument"]


def on_queue(caller: Caller, action: str, queue: str, deployed: Deployed = STACKED, **more) -> str:
    return decide(Request(caller, action, deployed.arn(queue), **more), queue_policy(queue, deployed))


def on_key(caller: Caller, action: str, **more) -> str:
    return decide(Request(caller, action, STACKED.arn("Key"), **more), STACKED.of("Key")["KeyPolicy"], is_key=True)


# ---- The queues ----

# By queue, the role with which Lambda's mapping polls it.
READERS = {target(s["EventSourceArn"]): target(functions()[target(s["FunctionName"])]["Role"]) for s in sources().values()}
# By role, the queues that it sends to.
SENDERS = [(name, queue) for name, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role" for queue in granted(r["Properties"]).get("sqs:SendMessage", ())]


@pytest.mark.parametrize("without", [(), ("aws:PrincipalAccount",)], ids=["signed", "account-not-filled"])
@pytest.mark.parametrize("queue", queues())
def test_lambda_polls_every_queue_in_its_functions_role_even_without_an_account(queue, without):
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        assert on_queue(role(READERS[queue]), action, queue, without=without) == "Allow", action


@pytest.mark.parametrize("without", [(), ("aws:PrincipalAccount",)], ids=["signed", "account-not-filled"])
@pytest.mark.parametrize(("sender", "queue"), SENDERS)
def test_a_role_sends_where_it_is_meant_to(sender, queue, without):
    assert on_queue(role(sender), "sqs:SendMessage", queue, without=without) == "Allow"


@pytest.mark.parametrize("queue", queues())
def test_no_role_of_the_stack_does_more_with_a_queue(queue):
    for name in (n for n, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role"):
        for action in ON_QUEUES:
            is_meant = queue in granted(RESOURCES[name]["Properties"]).get(action, ())
            assert on_queue(role(name), action, queue) == ("Allow" if is_meant else "Implicit"), (name, action)


@pytest.mark.parametrize("queue", queues())
@pytest.mark.parametrize("caller", [ADMINISTRATOR, Caller(ROOT)], ids=["administrator", "root"])
def test_the_accounts_own_iam_decides_about_everybody_else(queue, caller):
    assert {on_queue(caller, action, queue) for action in ON_QUEUES} == {"Allow"}
    assert {on_queue(SOMEBODY, action, queue) for action in ON_QUEUES} == {"Implicit"}


@pytest.mark.parametrize("queue", queues())
def test_nobody_uses_a_queue_by_plain_http(queue):
    """Every action of every role of the stack: an action that is later granted on a queue is
    denied without TLS too."""
    used = {a for r in RESOURCES.values() if r["Type"] == "AWS::IAM::Role" for a in granted(r["Properties"]) if a.startswith("sqs:")}
    assert used == set(ON_QUEUES)
    for caller in (ADMINISTRATOR, Caller(ROOT), role(READERS[queue]), role("SchedulerRole")):
        assert {on_queue(caller, action, queue, tls=False) for action in ON_QUEUES} == {"Deny"}, caller.name


def test_a_publisher_of_another_account_sends_events_and_does_nothing_else():
    for named in (PUBLISHER, OTHER, f"{ACCOUNT},{OTHER}", f"arn:aws:iam::{OTHER}:root"):
        deployed = Deployed(TEMPLATE, {"PublisherPrincipals": named})
        assert on_queue(ELSEWHERE, "sqs:SendMessage", "EventsQueue", deployed) == "Allow", named
        assert on_queue(ELSEWHERE, "sqs:SendMessage", "EventsQueue", deployed, tls=False) == "Deny"
        # Its own account must allow it, too.
        assert on_queue(Caller(PUBLISHER), "sqs:SendMessage", "EventsQueue", deployed) == "Implicit"
        for queue, action in itertools.product(queues(), ON_QUEUES):
            if (queue, action) != ("EventsQueue", "sqs:SendMessage"):
                assert on_queue(ELSEWHERE, action, queue, deployed) in ("Deny", "Implicit"), (queue, action)
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
            assert on_queue(ELSEWHERE, action, "EventsQueue", deployed) == "Deny"


def test_a_publisher_that_nobody_named_sends_nothing():
    for parameters in ({}, {"PublisherPrincipals": f"arn:aws:iam::{OTHER}:role/another"}):
        assert on_queue(ELSEWHERE, "sqs:SendMessage", "EventsQueue", Deployed(TEMPLATE, parameters)) == "Implicit"


def test_an_allow_that_somebody_adds_for_another_account_still_lets_nobody_read():
    policy = queue_policy("DeliveriesQueue")
    policy["Statement"].append({"Effect": "Allow", "Principal": "*", "Action": list(ON_QUEUES), "Resource": "*"})
    for action in ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"):
        assert decide(Request(ELSEWHERE, action, STACKED.arn("DeliveriesQueue")), policy) == "Deny"


@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotEqualsIfExists"])
@pytest.mark.parametrize("queue", queues())
def test_without_null_a_deny_by_account_would_stop_lambdas_pollers(queue, operator):
    """Both were in the template once. IfExists holds if the key is missing, which in a Deny
    denies."""
    policy = queue_policy(queue)
    (by_account,) = [s for s in policy["Statement"] if "StringNotEquals" in s.get("Condition", {})]
    by_account["Condition"] = {operator: by_account["Condition"]["StringNotEquals"]}
    request = Request(role(READERS[queue]), "sqs:ReceiveMessage", STACKED.arn(queue), without=("aws:PrincipalAccount",))
    assert decide(request, policy) == "Deny"


def test_without_its_condition_the_deny_would_stop_everybody():
    policy = queue_policy("EventsQueue")
    for statement in policy["Statement"]:
        statement.pop("Condition", None)
    assert decide(Request(role("DispatcherRole"), "sqs:ReceiveMessage", STACKED.arn("EventsQueue")), policy) == "Deny"


def test_a_policy_names_its_own_queue_alone():
    for queue in queues():
        assert {resource for s in queue_policy(queue)["Statement"] for resource in listed(s["Resource"])} == {STACKED.arn(queue)}


# ---- The key ----

USES = ("kms:Encrypt", "kms:Decrypt")


def test_two_roles_use_the_key_each_in_its_own_way():
    allowed = {(name, use) for name, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role" for use in USES if on_key(role(name), use) == "Allow"}
    assert allowed == {("ManageRole", "kms:Encrypt"), ("DispatcherRole", "kms:Decrypt")}


@pytest.mark.parametrize("caller", [
    ADMINISTRATOR, Caller(ROOT), SOMEBODY, ELSEWHERE,
    # Its name has the same prefix, its account is another.
    Caller(f"arn:aws:iam::{OTHER}:role/{STACK}-DispatcherRole-1A2B3C4D5E6F", [EVERYTHING]),
    # Its name differs in case, and is a user's.
    Caller(f"arn:aws:iam::{ACCOUNT}:role/{STACK}-dispatcherrole-1", [EVERYTHING]),
    Caller(f"arn:aws:iam::{ACCOUNT}:user/{STACK}-DispatcherRole-1", [EVERYTHING]),
    Caller("lambda.amazonaws.com"), Caller("dynamodb.amazonaws.com"),
], ids=lambda caller: caller.name)
def test_nobody_else_uses_the_key_whatever_iam_lets_them(caller):
    for action in (*USES, "kms:ReEncryptFrom", "kms:GenerateDataKey", "kms:CreateGrant"):
        assert on_key(caller, action) == "Implicit", action


def test_a_role_of_that_name_needs_its_own_permission_too():
    """The same stack in another region has such a role, tried on that region's key."""
    there = copy.deepcopy(role("DispatcherRole").policies)
    for statement in there[0]["Statement"]:
        statement["Resource"] = [str(resource).replace(REGION, "us-east-1") for resource in listed(statement["Resource"])]
    assert on_key(Caller(STACKED.arn("DispatcherRole"), there), "kms:Decrypt") == "Implicit"


def test_a_request_that_does_not_say_who_asks_opens_nothing():
    assert on_key(role("DispatcherRole"), "kms:Decrypt", without=("aws:PrincipalArn",)) == "Implicit"


def test_the_key_can_be_administered_by_its_account_and_by_nobody_else():
    for action in ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:EnableKeyRotation"):
        assert [on_key(caller, action) for caller in (Caller(ROOT), ADMINISTRATOR, SOMEBODY, ELSEWHERE)] == ["Allow", "Allow", "Implicit", "Implicit"]
        assert on_key(role("DispatcherRole"), action) == "Implicit"


def test_the_key_opens_nothing_by_plain_http():
    assert on_key(role("DispatcherRole"), "kms:Decrypt", tls=False) == on_key(role("ManageRole"), "kms:Encrypt", tls=False) == "Deny"


# ---- Services ----


def trusts(logical_id: str, service: str, **context: str) -> bool:
    trust = copy.deepcopy(STACKED.of(logical_id)["AssumeRolePolicyDocument"])
    for statement in trust["Statement"]:
        statement["Resource"] = "*"
    filled = {f"aws:{key}": value for key, value in context.items()}
    return decide(Request(Caller(service), "sts:AssumeRole", STACKED.arn(logical_id), filled), trust) == "Allow"


@pytest.mark.parametrize(("taker", "group"), [("SchedulerRole", "RetryScheduleGroup"), ("SweepScheduleRole", "SweepScheduleGroup")])
def test_the_scheduler_takes_a_role_for_its_own_group_of_this_account_alone(taker, group):
    arn = STACKED.arn(group)
    assert trusts(taker, "scheduler.amazonaws.com", SourceAccount=ACCOUNT, SourceArn=arn)
    assert not trusts(taker, "scheduler.amazonaws.com", SourceAccount=OTHER, SourceArn=arn.replace(ACCOUNT, OTHER))
    assert not trusts(taker, "scheduler.amazonaws.com", SourceAccount=ACCOUNT, SourceArn=arn + "2")
    assert not trusts(taker, "scheduler.amazonaws.com"), "a request without its source"
    assert not trusts(taker, "lambda.amazonaws.com", SourceAccount=ACCOUNT, SourceArn=arn)


def test_lambda_makes_the_dispatchers_network_interfaces_and_its_code_does_not():
    inside = Deployed(TEMPLATE, {"StaticEgress": "true"})
    dispatcher = role("DispatcherRole", inside)
    # When Lambda itself calls, the key is not set
    # (docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html).
    assert decide(Request(dispatcher, "ec2:CreateNetworkInterface", "*"), None) == "Allow"
    by_code = {"lambda:SourceFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-dispatcher"}
    assert decide(Request(dispatcher, "ec2:CreateNetworkInterface", "*", by_code), None) == "Deny"
    assert decide(Request(role("DispatcherRole"), "ec2:CreateNetworkInterface", "*"), None) == "Implicit", "outside a VPC"


# ---- Conditions of Allow statements ----


def test_a_function_reads_the_partitions_that_it_is_held_to_and_no_key():
    def may(function: str, action: str, keys: list[str] | None) -> bool:
        context = {} if keys is None else {"dynamodb:LeadingKeys": keys}
        name = target(functions()[next(n for n in functions() if binary(RESOURCES[n]) == function)]["Role"])
        return decide(Request(role(name), f"dynamodb:{action}", STACKED.arn("ConfigTable"), context), None) == "Allow"

    assert may("publish", "Query", ["tenant#acme"]) and may("authorizer", "GetItem", ["key#1"]) and may("dispatcher", "GetItem", ["contracts"])
    for function, action in (("publish", "Query"), ("dispatcher", "GetItem"), ("dlq", "GetItem"), ("redriver", "GetItem")):
        assert not may(function, action, ["key#1"])
        assert not may(function, action, ["tenant#acme", "key#1"])
    assert not may("authorizer", "GetItem", ["tenant#acme"])


def test_no_role_that_is_held_to_partitions_may_do_what_names_none():
    """ForAllValues holds if the request has no key at all: a scan, or PartiQL, would see every
    partition."""
    naming = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    held = [s for _, s in every_statement() if any(operator.startswith("ForAllValues:") for operator in s.get("Condition", {}))]
    assert held and {action for s in held for action in listed(s["Action"])} <= naming
    assert holds("ForAllValues:StringLike", None, ["tenant#*"])


def test_mails_come_from_the_senders_address_alone():
    deployed = Deployed(TEMPLATE, {"SenderAddress": "postel@example.com"})
    identity = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com"

    def may(stack: Deployed, sender: str | None) -> str:
        return decide(Request(role("DispatcherRole", stack), "ses:SendEmail", identity, {"ses:FromAddress": sender} if sender else {}), None)

    assert may(deployed, "postel@example.com") == "Allow"
    assert [may(deployed, "ceo@example.com"), may(deployed, None), may(STACKED, "postel@example.com"), may(STACKED, None)] == ["Implicit"] * 4


# ---- The evaluator itself ----


@pytest.mark.parametrize(("operator", "absent"), [
    ("StringEquals", False), ("StringNotEquals", True), ("StringEqualsIfExists", True), ("StringNotEqualsIfExists", True), ("StringNotLike", True),
    ("ArnLike", False), ("ArnNotLike", True), ("ArnLikeIfExists", True), ("Bool", False), ("BoolIfExists", True), ("ForAllValues:StringLike", True),
    ("ForAnyValue:StringLike", False), ("Null", False),
])
def test_a_key_that_is_not_there_counts_as_iam_documents_it(operator, absent):
    """reference_policies_elements_condition_operators.html: a missing key does not match, which
    satisfies a negated operator; IfExists holds anyway."""
    assert holds(operator, None, ["false"]) is absent


def test_null_asks_whether_a_key_is_there():
    assert [holds("Null", actual, [wanted]) for actual in (None, "a") for wanted in ("true", "false")] == [True, False, False, True]


def test_a_negated_operator_holds_for_none_of_its_values():
    assert holds("StringNotEquals", "c", ["a", "b"]) and not holds("StringNotEquals", "a", ["a", "b"])
    assert holds("StringEquals", "a", ["a", "b"]) and not holds("StringEquals", "c", ["a", "b"])


def test_a_star_in_an_arn_stays_within_its_part():
    pattern = f"arn:aws:iam::{ACCOUNT}:role/postel-*"
    assert holds("ArnLike", f"arn:aws:iam::{ACCOUNT}:role/postel-x", [pattern])
    assert not holds("ArnLike", f"arn:aws:iam::{ACCOUNT}:role/other:role/postel-x", [pattern])
    assert not holds("ArnLike", "arn:aws:iam::1", ["arn:*:iam::1"]), "five parts are no ARN"
    assert like("a[b]", "a[b]") and not like("ab", "a[b]"), "brackets are letters"


VALUES = [None, "true", "false", "a", "ab", f"arn:aws:iam::{ACCOUNT}:role/postel-x", ["a", "b"]]
WANTED = [["a"], ["a*"], ["true"], ["false"], ["a", "b"], [f"arn:aws:iam::{ACCOUNT}:role/*"]]
OPERATORS = ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringNotEqualsIfExists", "StringLike", "StringNotLike", "Bool", "BoolIfExists",
             "Null", "ForAllValues:StringLike", "ForAnyValue:StringLike", "ArnLike", "ArnNotLike"]


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_local_clouds_evaluator_is_of_the_same_opinion(operator):
    """Where it evaluates a condition at all. Left out: Null with values that are not booleans, a
    list for an operator with a single value, invalid ARNs."""
    compared = 0
    for actual, wanted in itertools.product(VALUES, WANTED):
        is_arn = "Arn" not in operator or all(str(one).startswith("arn:") for one in [*listed(actual if actual is not None else "arn:"), *wanted])
        if (operator == "Null" and wanted[0] not in ("true", "false")) or (isinstance(actual, list) and ":" not in operator) or not is_arn:
            continue
        assert holds(operator, actual, wanted) == iam_evaluator._evaluate_single_condition(operator, actual, wanted), (actual, wanted)
        compared += 1
    assert compared


def test_every_operator_of_the_template_is_compared():
    used = {operator for _, s in every_statement() for operator in s.get("Condition", {})}
    assert used <= {*OPERATORS, "ArnEquals"}
