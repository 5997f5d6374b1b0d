"""infra/deployer, the policies of the deployer: derived from the template's types, and no wider
than necessary (infra/package/deployer.py)."""

import json
import sys

import pytest
from policies import ACCOUNT, Caller, Request, decide, listed
from test_template import ROOT

sys.path.insert(0, str(ROOT / "infra" / "package"))

import deployer  # noqa: E402

FILES = {path.stem: path.read_text() for path in deployer.PLACE.glob("*.json")}
DEPLOYER = Caller(f"arn:aws:iam::{ACCOUNT}:role/deployer", [json.loads(text.replace(deployer.ACCOUNT, ACCOUNT)) for text in FILES.values()])


def may(action: str, resource: str = "*", **context: str) -> bool:
    return decide(Request(DEPLOYER, action, resource, {key.replace("_", ":"): value for key, value in context.items()}), None) == "Allow"


def test_the_files_are_what_the_template_needs_now():
    assert {name: json.loads(text) for name, text in FILES.items()} == deployer.policies(), "run .local/venv/bin/python infra/package/deployer.py"


@pytest.mark.parametrize("name", FILES)
def test_iam_takes_a_policy_of_that_length(name):
    """6,144 characters without white space
    (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
    assert len("".join(FILES[name].split())) <= 6_144


def test_no_action_is_a_wildcard_and_what_names_no_resource_cannot():
    statements = [s for text in FILES.values() for s in json.loads(text)["Statement"]]
    assert [a for s in statements for a in listed(s["Action"]) if "*" in a] == []
    wide = {a for s in statements if "*" in listed(s["Resource"]) for a in listed(s["Action"]) if not a.startswith(("ec2:", "cloudformation:"))}
    assert wide <= deployer.UNNAMED


def test_what_is_left_out_would_stand_there_otherwise():
    """A reason that applies to nothing is outdated."""
    kinds = {kind for r in deployer.template.load(deployer.TEMPLATE)["Resources"].values() for kind in deployer.TRANSFORMED.get(r["Type"], [r["Type"]])}
    named = {action for schema in deployer._schemas(kinds).values() for handler in schema["handlers"].values() for action in handler["permissions"]}
    for service, why in deployer.LEFT_OUT.items():
        names = [name for some in why.values() for name in some] if isinstance(why, dict) else [None]
        for name in names:
            assert any(a.split(":", 1) == [service, name] or (name is None and a.startswith(f"{service}:")) for a in named), f"{service}:{name}"


@pytest.mark.parametrize(("action", "resource"), [
    ("lambda:CreateFunction", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:postel-dispatcher"),
    ("lambda:PutFunctionRecursionConfig", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:postel-redriver"),
    ("lambda:CreateEventSourceMapping", "*"),
    ("dynamodb:CreateTable", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/postel-LogTable-1A2B3C4D5E6F"),
    ("dynamodb:UpdateContinuousBackups", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/postel-LogTable-1A2B3C4D5E6F"),
    ("sqs:SetQueueAttributes", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:postel-EventsQueue-1A2B3C4D5E6F"),
    ("scheduler:CreateScheduleGroup", f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/postel-sweep"),
    ("kms:CreateKey", "*"), ("kms:CreateAlias", f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/postel"),
    ("secretsmanager:CreateSecret", f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:OperatorSecret-AbCdEf"),
    ("apigateway:POST", "arn:aws:apigateway:eu-west-1::/apis"),
    ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/postel-DispatcherRole-1A2B3C4D5E6F"),
    ("logs:CreateLogGroup", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/postel-dispatcher"),
    ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/postel/1"),
    ("s3:PutObject", "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1/postel/1"),
    ("ec2:CreateNatGateway", "*"),
])
def test_it_makes_the_stacks_own_resources(action, resource):
    assert may(action, resource)


@pytest.mark.parametrize(("action", "resource"), [
    ("lambda:UpdateFunctionCode", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:billing"),
    ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/admin"), ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/me"),
    ("dynamodb:DeleteTable", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/orders"),
    ("dynamodb:GetItem", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/postel-ConfigTable-1"),
    ("dynamodb:Scan", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/postel-LogTable-1"),
    ("sqs:ReceiveMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:postel-EventsQueue-1"),
    ("kms:Decrypt", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1"),
    ("cloudformation:DeleteStack", f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/other/1"),
    ("s3:GetObject", "arn:aws:s3:::backups/1"),
])
def test_it_touches_nobody_elses_and_reads_no_data(action, resource):
    assert not may(action, resource)


def test_it_passes_the_stacks_roles_to_two_services_only():
    role = f"arn:aws:iam::{ACCOUNT}:role/postel-DispatcherRole-1"
    assert may("iam:PassRole", role, iam_PassedToService="lambda.amazonaws.com")
    assert not may("iam:PassRole", role, iam_PassedToService="ec2.amazonaws.com")
    assert not may("iam:PassRole", role)


def test_the_tags_of_the_stack_reach_everything_that_aws_charges_for():
    """CloudFormation sets a stack's tags on each resource whose type takes tags."""
    kinds = {kind for r in deployer.template.load(deployer.TEMPLATE)["Resources"].values() for kind in deployer.TRANSFORMED.get(r["Type"], [r["Type"]])}
    without = {kind for kind, schema in deployer._schemas(kinds).items() if not (schema.get("tagging") or {}).get("tagOnCreate")}
    parts = {"AWS::ApiGatewayV2::ApiMapping", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::EC2::Route", "AWS::EC2::SubnetRouteTableAssociation",
             "AWS::EC2::VPCGatewayAttachment", "AWS::IAM::Policy", "AWS::KMS::Alias", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::SQS::QueuePolicy",
             "AWS::Lambda::Version", "AWS::Scheduler::Schedule"}  # fmt: skip
    assert without == parts
    assert '\ntags = ["postel=postel"]\n' in (ROOT / "samconfig.toml").read_text()
