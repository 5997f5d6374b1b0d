"""New versions of publish and dispatcher: SAM's own transform of the template, with the parameters
as LanguageExtensions leaves them.

SAM names a version by a hash of what it was made of. CloudFormation makes a new version when the
name changes. Without a new name a changed setting has no effect, since queues and API call the
alias; with a new name for an unchanged function Lambda refuses to make a version.
"""

import copy
import functools
import json
import logging
import re

import pytest
from samtranslator.translator.transform import transform
from test_template import FUNCTIONS, PARAMETERS, RESOURCES, TEMPLATE, binary, functions, granted, of_type, target, value

import emulation  # noqa: E402  beside what test_template has put on the path

ALIASED = {"PublishFunction", "DispatcherFunction"}
# Another value of each parameter that has no list of values.
OTHER = {
    "AllowedCidrs": "10.0.0.0/8", "AllowedPorts": "8443", "SenderAddress": "a@example.com", "PortalFrameAncestors": "https://a.example", "SubnetIds": "subnet-1",
    "SecurityGroupIds": "sg-1", "PublisherPrincipals": "123456789012", "TrustedSenderIds": "AIDA", "PortalOrigins": "https://a.example",
    "FormerKeyArns": "arn:aws:kms:eu-west-1:123456789012:key/1", "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/p", "SweepRate": "rate(1 minute)",
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:t", "OperatorTenant": "operator", "EventBusName": "default", "DomainName": "a.example", "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1",
}
# What Lambda keeps beside a version: a reservation is the function's.
OF_NO_VERSION = {"ReservedConcurrentExecutions", "RecursiveLoop", "FunctionName", "Tags", "Code"}


class NoPolicies:
    def load(self):
        return {}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def other(name: str) -> str:
    parameter = PARAMETERS[name]
    if "AllowedValues" in parameter:
        return next(str(v) for v in parameter["AllowedValues"] if str(v) != str(parameter["Default"]))
    return OTHER[name] if name in OTHER else str(int(parameter["Default"]) + 1)


def literal(node, values: dict[str, str]):
    """The values of parameters instead of references to them, as AWS::LanguageExtensions resolves
    "parameters to literal values during processing"."""
    if isinstance(node, list):
        return [literal(one, values) for one in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Ref"} and node["Ref"] in values:
        return values[node["Ref"]]
    if node.keys() == {"Fn::Sub"} and isinstance(node["Fn::Sub"], str):
        return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda m: values.get(m[1], m[0]), node["Fn::Sub"])}
    made = {key: literal(one, values) for key, one in node.items()}
    if made.keys() == {"Fn::FindInMap"}:
        mapping, key, name = made["Fn::FindInMap"]
        return TEMPLATE["Mappings"][mapping][key][name]
    return made


def holds(condition, values: dict[str, str]) -> bool:
    if isinstance(condition, str):
        return holds(TEMPLATE["Conditions"][condition], values)
    ((how, what),) = condition.items()
    if how == "Condition":
        return holds(what, values)
    if how == "Fn::Not":
        return not holds(what[0], values)
    if how in ("Fn::Or", "Fn::And"):
        return (any if how == "Fn::Or" else all)(holds(one, values) for one in what)
    one, two = literal(what, values)
    return (one["Fn::Join"][1] if isinstance(one, dict) else str(one)) == str(two)


def decided(node, values: dict[str, str]):
    """With the chosen side of each Fn::If."""
    if isinstance(node, list):
        return [decided(one, values) for one in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Fn::If"}:
        condition, yes, no = node["Fn::If"]
        return decided(yes if holds(condition, values) else no, values)
    return {key: decided(one, values) for key, one in node.items()}


def deployed(changed: dict[str, str] | None = None) -> dict[str, dict]:
    """The resources after both transforms."""
    values = {name: str(p["Default"]) for name, p in PARAMETERS.items()} | (changed or {})
    template = copy.deepcopy(TEMPLATE)
    template["Resources"] = literal(template["Resources"], values)
    template["Globals"] = literal(template["Globals"], values)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    made = transform(template, values, NoPolicies())["Resources"]
    return {name: decided(r, values) for name, r in made.items() if "Condition" not in r or holds(r["Condition"], values)}


@functools.cache
def by_default() -> dict[str, dict]:
    return deployed()


def versions(resources: dict[str, dict]) -> dict[str, str]:
    """The logical id of each function's version."""
    return {r["Properties"]["FunctionName"]["Ref"]: name for name, r in resources.items() if r["Type"] == "AWS::Lambda::Version"}


def settings_of(function: dict) -> str:
    properties = {name: of for name, of in function["Properties"].items() if name not in OF_NO_VERSION}
    return json.dumps(properties | {"Environment": {k: v for k, v in properties["Environment"]["Variables"].items() if k != "VERSION_SETTINGS"}}, sort_keys=True)


def changes(one: dict[str, dict], two: dict[str, dict], name: str) -> tuple[bool, bool]:
    return versions(one)[name] != versions(two)[name], settings_of(one[name]) != settings_of(two[name])


@pytest.mark.parametrize("parameter", sorted(PARAMETERS))
def test_a_setting_makes_a_new_version_of_a_function_that_it_changes_and_of_no_other(parameter):
    changed = {parameter: other(parameter)}
    # These are valid only together.
    for pair in ({"SubnetIds", "SecurityGroupIds"}, {"DomainName", "CertificateArn"}):
        changed |= {name: other(name) for name in pair if parameter in pair}
    before, after = by_default(), deployed(changed)
    for name in ALIASED:
        new, differs = changes(before, after, name)
        assert new == differs, f"{parameter} changes {name}: {differs}; a new version: {new}"


def test_without_the_values_of_the_parameters_no_setting_would_reach_the_alias():
    """Why the template names LanguageExtensions first (aws/serverless-application-model#3820)."""
    assert TEMPLATE["Transform"] == ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"]
    template = copy.deepcopy(TEMPLATE)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/code"
    made = [versions(transform(copy.deepcopy(template), {"AllowedCidrs": cidrs}, NoPolicies())["Resources"]) for cidrs in ("", "10.0.0.0/8")]
    assert made[0] == made[1]


def test_other_code_makes_a_new_version():
    before = versions(by_default())
    assert before.keys() == ALIASED
    code = {"Bucket": "bucket", "Key": "other"}
    template = copy.deepcopy(TEMPLATE)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
    after = versions(transform(template, {}, NoPolicies())["Resources"])
    assert all(after[name] != before[name] for name in ALIASED)


def test_whatever_calls_publish_or_the_dispatcher_calls_the_alias():
    made = deployed()
    aliases = {r["Properties"]["FunctionName"]["Ref"]: name for name, r in made.items() if r["Type"] == "AWS::Lambda::Alias"}
    assert aliases.keys() == ALIASED
    for name, resource in made.items():
        if resource["Type"] in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission", "AWS::ApiGatewayV2::Integration"):
            called = resource["Properties"].get("FunctionName") or resource["Properties"]["IntegrationUri"]
            assert target(called) not in ALIASED, f"{name} calls the function itself"
    called = [r["Properties"]["FunctionName"]["Ref"] for r in made.values() if r["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert called.count(aliases["DispatcherFunction"]) == 3
    assert made["PublishIntegration"]["Properties"]["IntegrationUri"] == {"Ref": aliases["PublishFunction"]}
    assert made["PublishPermission"]["Properties"]["FunctionName"] == {"Ref": aliases["PublishFunction"]}
    # The other functions' permissions are for the function itself.
    assert {binary(RESOURCES[n]) for n in functions()} == FUNCTIONS


@pytest.mark.parametrize("kind", PARAMETERS["DeploymentType"]["AllowedValues"])
def test_a_gradual_deployment_goes_back_by_an_alarm_on_the_new_version(kind):
    made = deployed({"DeploymentType": kind})
    groups = {name: r["Properties"] for name, r in made.items() if r["Type"] == "AWS::CodeDeploy::DeploymentGroup"}
    policies = {r["Properties"]["FunctionName"]["Ref"]: r.get("UpdatePolicy") for r in made.values() if r["Type"] == "AWS::Lambda::Alias"}
    if kind == "AllAtOnce":
        # Nothing of CodeDeploy, no alarm, no cost.
        assert groups == {} and set(policies.values()) == {None}
        assert [n for n, r in made.items() if r["Type"] in ("AWS::CodeDeploy::Application", "AWS::CloudWatch::Alarm") and "Rollback" in n] == []
        return
    assert {policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"] for policy in policies.values()} == set(groups)
    for function in ALIASED:
        group = groups[f"{function}DeploymentGroup"]
        assert group["DeploymentConfigName"] == {"Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": kind}]}
        assert group["ServiceRoleArn"] == {"Fn::GetAtt": ["DeploymentRole", "Arn"]}
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        ((alarm,)) = group["AlarmConfiguration"]["Alarms"]
        alarm = made[alarm["Name"]["Ref"]]["Properties"]
        # Not an error of the former version, and none before there is an error.
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"], alarm["TreatMissingData"]) == ("AWS/Lambda", "Errors", 0, "notBreaching")
        name = f"${{AWS::StackName}}-{binary(RESOURCES[function])}"
        dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        assert dimensions.pop("ExecutedVersion") == {"Fn::GetAtt": [versions(made)[function], "Version"]}
        assert dimensions == {"FunctionName": {"Fn::Sub": name}, "Resource": {"Fn::Sub": f"{name}:live"}}
    # SAM's own role would have no permissions boundary, and its policy would be wide.
    assert "CodeDeployServiceRole" not in made


def test_codedeploy_may_move_two_aliases_and_nothing_else():
    allowed = granted(RESOURCES["DeploymentRole"]["Properties"])
    assert allowed.keys() == {"lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig", "cloudwatch:DescribeAlarms"}
    (moving, _) = RESOURCES["DeploymentRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    names = {resource["Fn::Sub"].rsplit("${AWS::StackName}-", 1)[1] for resource in moving["Resource"]}
    assert names == {f"{name}{version}" for name in ("publish", "dispatcher") for version in ("", ":*")}


def test_gradual_is_the_default_and_the_page_says_what_it_costs():
    assert value({"Ref": "DeploymentType"}).startswith("Canary")
    alarms = [n for n, r in RESOURCES.items() if r.get("Condition") == "DeploysGradually"]
    assert len(alarms) == 2 and {RESOURCES[n]["Type"] for n in alarms} == {"AWS::CloudWatch::Alarm"}
    assert set(TEMPLATE["Mappings"]["Deployment"]) == set(PARAMETERS["DeploymentType"]["AllowedValues"])
    assert all(of_type("AWS::CloudWatch::Alarm")[n]["Period"] == 60 for n in alarms)


# ---- The domain ----


@pytest.mark.parametrize("name, fits", [
    ("", True), ("postel.example.com", True), ("a-1.example", True), ("Postel.example.com", False), ("example", False), ("https://a.example", False), ("a.example/", False),
])
def test_a_domain_is_a_bare_name_in_lower_case(name, fits):
    assert (re.fullmatch(PARAMETERS["DomainName"]["AllowedPattern"], name) is not None) is fits


def test_the_domain_is_the_apis_and_the_loop_guard_knows_it():
    given = {"DomainName": "postel.example.com", "CertificateArn": OTHER["CertificateArn"]}
    without, made = by_default(), deployed(given)
    assert not {"Domain", "DomainMapping"} & without.keys()
    assert made["Domain"]["Properties"]["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    assert made["DomainMapping"]["Properties"] == {"ApiId": {"Ref": "HttpApi"}, "DomainName": {"Ref": "Domain"}, "Stage": {"Ref": "Stage"}}
    hosts = {n: r["Properties"]["Environment"]["Variables"].get("POSTEL_API_HOSTS") for n, r in made.items() if r["Type"] == "AWS::Lambda::Function"}
    told = {n: h["Fn::Sub"].split(",") for n, h in hosts.items() if h}
    assert told.keys() == {"ManageFunction", "DispatcherFunction"}
    for name, named in told.items():
        assert named[1:] == ["postel.example.com"], name
        assert without[name]["Properties"]["Environment"]["Variables"]["POSTEL_API_HOSTS"] == {"Fn::Sub": named[0]}
    assert len(TEMPLATE["Rules"]["OneDomain"]["Assertions"]) == 1
    for output in ("ApiUrl", "PortalUrl", "ConsoleUrl"):
        condition, own, gateways = TEMPLATE["Outputs"][output]["Value"]["Fn::If"]
        assert condition == "HasDomain" and own["Fn::Sub"].startswith("https://${DomainName}") and "HttpApi" in json.dumps(gateways)


# ---- The local cloud ----


@pytest.mark.parametrize("aliases", ["", "1"])
def test_the_local_cloud_has_no_codedeploy_and_the_aliases_only_where_asked(aliases, monkeypatch):
    monkeypatch.setenv("POSTEL_ALIASES", aliases)
    bent = emulation.bend(copy.deepcopy(TEMPLATE), {})
    functions = [r["Properties"] for r in bent["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    assert not any("DeploymentPreference" in f for f in functions)
    assert [f["AutoPublishAlias"] for f in functions if "AutoPublishAlias" in f] == (["live", "live"] if aliases else [])
    assert json.dumps(bent).count('.Alias"') == (5 if aliases else 0)
    assert not {"DeploymentRole", "PublishRollbackAlarm", "DispatcherRollbackAlarm"} & bent["Resources"].keys()
