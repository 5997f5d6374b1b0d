"""Writes infra/deployer: the permissions that a caller of `sam deploy` needs, derived from the
types of the template's resources.

CloudFormation creates each resource with the deployer's own permissions. The actions of a type
are in its schema (`handlers`), which cfn-lint contains, pinned. Actions that a type needs only
for properties that the template does not set are left out, each with its reason. IAM limits a
policy to 6,144 characters, so there are four. Run it in .local/venv: `.local/venv/bin/python
infra/package/deployer.py`; tests/template checks that the files are up to date. Never run on
AWS.
"""

import json
import sys
from collections import defaultdict
from importlib import resources
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "local")]

import template
from settings import TEMPLATE

PLACE = HERE.parent / "deployer"
STACK = "postel"
# Replace it with the account's number.
ACCOUNT = "ACCOUNT"

# The types that the SAM transform makes of its own types (aws-sam-translator; a function with a
# role and without events, some with an alias).
TRANSFORMED = {
    "AWS::Serverless::Function": [
        "AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentGroup",
    ]
}

# Actions in a type's schema for features that the template does not use. A service or an action,
# with the reason.
LEFT_OUT = {
    "elasticfilesystem": "no function has a file system",
    "s3files": "no function has a file system",
    "firehose": "no log group feeds a stream",
    "kinesis": "no table feeds a stream",
    "vpc-lattice": "the one endpoint is DynamoDB's gateway",
    "vpce": "the one endpoint is DynamoDB's gateway",
    "dynamodb": {
        "no replica, import or stream, and no items": [
            "AssociateTableReplica", "BatchWriteItem", "CreateTableReplica", "DeleteItem", "DescribeImport", "DisableKinesisStreamingDestination",
            "EnableKinesisStreamingDestination", "GetItem", "ImportTable", "PutItem", "Query", "Scan", "UpdateItem", "UpdateKinesisStreamingDestination",
        ],
        "no resource policy, no contributor insights": ["DeleteResourcePolicy", "PutResourcePolicy", "UpdateContributorInsights"],
    },
    "kms": {
        "nothing is encrypted by a key of the deployer's choice, and nobody but two roles uses the stack's": [
            "CreateGrant", "Decrypt", "Encrypt", "GenerateDataKey", "RevokeGrant",
        ]
    },
    "codedeploy": {"no server of one's own": ["RegisterOnPremisesInstance"]},
    "lambda": {
        "no layer, no code signing, no capacity": [
            "DeleteFunctionCodeSigningConfig", "DeleteProvisionedConcurrencyConfig", "GetLayerVersion", "PassCapacityProvider", "PutFunctionCodeSigningConfig",
            "PutFunctionScalingConfig", "PutProvisionedConcurrencyConfig", "PutRuntimeManagementConfig",
        ]
    },
    "logs": {
        "no lines, no key, no index, no protection of a group": [
            "AssociateKmsKey", "CreateLogStream", "DeleteDataProtectionPolicy", "DeleteIndexPolicy", "DescribeLogStreams", "DisassociateKmsKey", "PutBearerTokenAuthentication",
            "PutDataProtectionPolicy", "PutIndexPolicy", "PutLogEvents", "PutLogGroupDeletionProtection",
        ]
    },
    "secretsmanager": {"no replica": ["RemoveRegionsFromReplication", "ReplicateSecretToRegions"]},
    "s3": {"no import, no definition in a bucket": ["GetObjectMetadata", "ListBucket", "REST.PUT.OBJECT", "getObject"]},
    "iam": {
        "no user, no group, no managed policy": [
            "AttachRolePolicy", "CreateServiceLinkedRole", "DeleteGroupPolicy", "DeleteUserPolicy", "DetachRolePolicy", "GetGroupPolicy", "GetUserPolicy", "PutGroupPolicy",
            "PutUserPolicy",
        ]
    },
    "ec2": {
        "no transfer, no IPv6, no encryption control, no VPN, no second address": [
            "AcceptAddressTransfer", "AssignPrivateNatGatewayAddress", "AssociateNatGatewayAddress", "AssociateSubnetCidrBlock", "AttachVpnGateway",
            "CreateVpcEncryptionControl", "DescribeVpcEncryptionControls", "DescribeVpnGateways", "DetachVpnGateway", "DisassociateNatGatewayAddress",
            "DisassociateSubnetCidrBlock", "ModifyVpcTenancy", "UnassignPrivateNatGatewayAddress",
        ],
        "nothing comes in": ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsIngress"],
    },
}

# Actions in no schema, with what needs them.
BESIDES = {
    "lambda:GetFunctionConfiguration": "CloudFormation waits for a function by it",
    "logs:GetLogDelivery": "API Gateway makes the delivery of its access log in the deployer's name (apigateway: http-api-logging.html), this and the next three",
    "logs:UpdateLogDelivery": "",
    "logs:DeleteLogDelivery": "",
    "logs:ListLogDeliveries": "",
}

# By service, the resources of a stack with this name. Services that are missing here have no
# resource names.
NAMED = {
    "apigateway": [f"arn:aws:apigateway:*::/{part}" for part in ("apis", "apis/*", "domainnames", "domainnames/*", "tags/*")],
    "codedeploy": [
        f"arn:aws:codedeploy:*:{ACCOUNT}:{part}" for part in (f"application:{STACK}-*", f"deploymentgroup:{STACK}-*/*", "deploymentconfig:*")
    ],
    "cloudwatch": [f"arn:aws:cloudwatch:*:{ACCOUNT}:alarm:{STACK}-*", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{STACK}"],
    "dynamodb": [f"arn:aws:dynamodb:*:{ACCOUNT}:table/{STACK}-*"],
    "iam": [f"arn:aws:iam::{ACCOUNT}:role/{STACK}-*"],
    "kms": [f"arn:aws:kms:*:{ACCOUNT}:key/*", f"arn:aws:kms:*:{ACCOUNT}:alias/{STACK}"],
    "lambda": [f"arn:aws:lambda:*:{ACCOUNT}:function:{STACK}-*", f"arn:aws:lambda:*:{ACCOUNT}:event-source-mapping:*"],
    "logs": [f"arn:aws:logs:*:{ACCOUNT}:log-group:/aws/lambda/{STACK}-*", f"arn:aws:logs:*:{ACCOUNT}:log-group:/aws/vendedlogs/apigateway/{STACK}*"],
    "s3": ["arn:aws:s3:::aws-sam-cli-managed-default-*"],
    "scheduler": [f"arn:aws:scheduler:*:{ACCOUNT}:schedule-group/{STACK}-*", f"arn:aws:scheduler:*:{ACCOUNT}:schedule/{STACK}-*/*"],
    "secretsmanager": [f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:OperatorSecret-*", f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:CursorSecret-*"],
    "sqs": [f"arn:aws:sqs:*:{ACCOUNT}:{STACK}-*"],
}
# Actions without a resource although the service's others have one (Service Authorization
# Reference).
UNNAMED = {
    "cloudwatch:ListDashboards", "codedeploy:ListApplications",
    "iam:ListRoles", "kms:CreateKey", "kms:ListAliases", "kms:ListKeys", "lambda:CreateEventSourceMapping", "lambda:ListEventSourceMappings", "lambda:ListFunctions",
    "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DeleteResourcePolicy", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery", "scheduler:ListScheduleGroups", "scheduler:ListSchedules",
    "secretsmanager:GetRandomPassword", "secretsmanager:ListSecrets", "sqs:ListQueues", "dynamodb:ListTables",
}
# A role is passed to these services only.
PASSED_TO = ["codedeploy.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com"]

FILES = {
    "functions": ["apigateway", "codedeploy", "iam", "lambda", "scheduler"],
    "data": ["cloudwatch", "dynamodb", "kms", "logs", "s3", "secretsmanager", "sqs"],
    # If StaticEgress is true, or the dispatcher runs in subnets of your own.
    "network": ["ec2"],
}

# The actions of `sam deploy` itself: change sets, and once a bucket for the binaries, created by a
# stack of its own.
SAM = {
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                f"cloudformation:{name}" for name in (
                    "CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeEvents", "DescribeStackEvents", "DescribeStackResource",
                    "DescribeStackResources", "DescribeStacks", "ExecuteChangeSet", "GetTemplate", "ListStackResources", "RollbackStack", "UpdateTerminationProtection",
                )
            ],
            "Resource": [f"arn:aws:cloudformation:*:{ACCOUNT}:stack/{name}/*" for name in (STACK, "aws-sam-cli-managed-default")],
        },
        {
            "Effect": "Allow",
            "Action": "cloudformation:CreateChangeSet",
            "Resource": [f"arn:aws:cloudformation:*:aws:transform/{name}" for name in ("LanguageExtensions", "Serverless-2016-10-31")],
        },
        {"Effect": "Allow", "Action": ["cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": [
                f"s3:{name}" for name in (
                    "CreateBucket", "GetBucketLocation", "GetBucketPolicy", "GetBucketVersioning", "GetEncryptionConfiguration", "GetObject", "ListBucket",
                    "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "PutObject",
                )
            ],
            "Resource": ["arn:aws:s3:::aws-sam-cli-managed-default-*"],
        },
    ],
}


def main() -> None:
    for name, policy in policies().items():
        (PLACE / f"{name}.json").write_text(json.dumps(policy, indent=2) + "\n")


def policies() -> dict[str, dict]:
    """The policies by the names of their files."""
    made = {"sam": {"Version": "2012-10-17"} | SAM}
    actions = needed()
    unsorted = {action.split(":")[0] for action in actions} - {service for services in FILES.values() for service in services}
    assert not unsorted, f"say in FILES where the actions of {unsorted} belong, and in NAMED which resources they name"
    for name, services in FILES.items():
        statements = [s for service in services for s in _statements(service, sorted(a for a in actions if a.split(":")[0] == service))]
        made[name] = {"Version": "2012-10-17", "Statement": statements}
    return made


def needed() -> set[str]:
    """Every action of the template's types, and the additional ones."""
    kinds = {kind for r in template.load(TEMPLATE)["Resources"].values() for kind in TRANSFORMED.get(r["Type"], [r["Type"]])}
    schemas = _schemas(kinds)
    actions = {action for kind in kinds for handler in schemas[kind]["handlers"].values() for action in handler["permissions"]}
    return {action for action in actions if not left_out(action)} | BESIDES.keys()


def left_out(action: str) -> bool:
    service, name = action.split(":", 1)
    listed = LEFT_OUT.get(service, {})
    return isinstance(listed, str) or any(name in names for names in listed.values())


def _schemas(kinds: set[str]) -> dict[str, dict]:
    found = {}
    for file in (resources.files("cfnlint.data.schemas") / "resources").iterdir():
        if file.name.endswith(".json") and (schema := json.loads(file.read_text())).get("typeName") in kinds:
            found[schema["typeName"]] = schema
    assert found.keys() == kinds, f"cfn-lint knows no {kinds - found.keys()}"
    return found


def _statements(service: str, actions: list[str]) -> list[dict]:
    by_resource: dict[str, list[str]] = defaultdict(list)
    for action in actions:
        kind = "passed" if action == "iam:PassRole" else "any" if service not in NAMED or action in UNNAMED else "named"
        by_resource[kind].append(action)
    made = []
    for kind, some in sorted(by_resource.items()):
        statement = {"Effect": "Allow", "Action": some, "Resource": "*" if kind == "any" else NAMED[service]}
        if kind == "passed":
            statement["Condition"] = {"StringEquals": {"iam:PassedToService": PASSED_TO}}
        made.append(statement)
    return made


if __name__ == "__main__":
    main()
