"""Changes the template where MiniStack 1.5.33 differs from AWS, so that the template itself
stays right for AWS.

Each change names AWS's behaviour. Try to drop them when the pinned version changes.
"""

import settings

# The local cloud's own parameters. On AWS a mapping gives these times, which Lambda checks; here
# the tests shorten them.
LOCAL_PARAMETERS = {
    "DispatcherTimeoutSeconds": "DispatcherTimeout",
    "QueueVisibilitySeconds": "QueueVisibility",
    "NearTimeoutMilliseconds": "NearTimeoutMilliseconds",
}


def known_parameters(template: dict) -> list[str]:
    return [*template["Parameters"], *LOCAL_PARAMETERS]


def bend(template: dict, parameters: dict[str, str]) -> dict:
    _free_times(template)
    _without_deployments(template, aliases=settings.has_aliases())
    _alarms_on_one_metric(template["Resources"])
    defaults = {name: str(p.get("Default", "")) for name, p in template["Parameters"].items()}
    values = defaults | parameters
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            _bend_source(resource["Properties"], values)
        if resource["Type"] == "AWS::KMS::Key":
            for statement in resource["Properties"]["KeyPolicy"]["Statement"]:
                _any_role(statement)
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                for statement in _allowing(policy["PolicyDocument"]["Statement"]):
                    _batch_action(statement)
                    _group_of_schedules(statement)
                    _any_sender(statement)
    return template


def _free_times(template: dict) -> None:
    """AWS rejects a visibility timeout below the function's time limit. MiniStack accepts it,
    and tests need a killed dispatcher's messages back soon."""
    longest = template["Parameters"]["MaxWebhookTimeoutSeconds"]
    del longest["AllowedValues"]
    # And a message must become a dead letter after three receives, not after hours.
    del template["Parameters"]["MaxReceiveCount"]["MinValue"]
    for name, times in LOCAL_PARAMETERS.items():
        default = template["Mappings"]["Timing"][longest["Default"]][times]
        template["Parameters"][name] = {"Type": "Number", "Default": default}
    template["Resources"] = _with_refs(template["Resources"])
    del template["Mappings"]["Timing"]


def _without_deployments(template: dict, aliases: bool) -> None:
    """On AWS CodeDeploy moves the alias of publish and dispatcher. MiniStack has no CodeDeploy, so
    its stack is always as after a deployment. Without `aliases` the queues and the API call the
    functions themselves, because the tests change the settings of running functions, and a version
    is fixed. tests/upgrade keeps the aliases, and moves them."""
    resources = template["Resources"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"].pop("DeploymentPreference", None)
            if not aliases:
                resource["Properties"].pop("AutoPublishAlias", None)
    for name in [n for n, r in resources.items() if r.get("Condition") == "DeploysGradually"] + ["DeploymentRole"]:
        del resources[name]
    if not aliases:
        template["Resources"] = _without_aliases(resources)


def _without_aliases(node):
    """The same with each function in place of its alias."""
    if isinstance(node, list):
        return [_without_aliases(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Ref"} and node["Ref"].endswith(".Alias"):
        return {"Fn::GetAtt": [node["Ref"].removesuffix(".Alias"), "Arn"]}
    return {key: _without_aliases(one) for key, one in node.items()}
def _alarms_on_one_metric(resources: dict[str, dict]) -> None:
    """AWS creates alarms on metric math and composite alarms. MiniStack rejects both, and
    evaluates no alarm on the functions' metrics anyway: tests/e2e/test_alarms.py computes them."""
    for name, resource in list(resources.items()):
        is_alarm = resource["Type"] == "AWS::CloudWatch::Alarm"
        if resource["Type"] == "AWS::CloudWatch::CompositeAlarm" or (is_alarm and "Metrics" in resource["Properties"]):
            del resources[name]


def _with_refs(node):
    """The same with a reference to the local parameter in place of each look-up of a time."""
    if isinstance(node, list):
        return [_with_refs(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node.keys() == {"Fn::FindInMap"} and node["Fn::FindInMap"][0] == "Timing":
        (name,) = [name for name, times in LOCAL_PARAMETERS.items() if times == node["Fn::FindInMap"][2]]
        return {"Ref": name}
    return {key: _with_refs(one) for key, one in node.items()}


def _allowing(statements: list[dict]):
    """Each statement, including conditional ones."""
    for statement in statements:
        for one in statement["Fn::If"][1:] if "Fn::If" in statement else [statement]:
            if "Effect" in one:
                yield one


def _bend_source(source: dict, values: dict[str, str]) -> None:
    """AWS continues a stream with the record that the response names (Lambda Developer Guide,
    "Configuring partial batch response with DynamoDB and Lambda"). MiniStack takes every response
    for a success. With one record a batch, the function fails instead."""
    if "StartingPosition" in source:
        source["BatchSize"] = 1
    else:
        _number_for_concurrency(source["ScalingConfig"], values)


def _number_for_concurrency(scaling: dict, values: dict[str, str]) -> None:
    """AWS turns a Number parameter into a number. MiniStack's poller compares the string with a
    number, fails and polls nothing."""
    limit = scaling["MaximumConcurrency"]
    scaling["MaximumConcurrency"] = int(values[limit["Ref"]] if isinstance(limit, dict) else limit)


def _batch_action(statement: dict) -> None:
    """AWS authorises SendMessageBatch as sqs:SendMessage, and likewise for visibility. MiniStack
    requires actions with the batch names."""
    named = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    batches = [f"{action}Batch" for action in named if action in ("sqs:SendMessage", "sqs:ChangeMessageVisibility")]
    if batches:
        statement["Action"] = named + batches


def _group_of_schedules(statement: dict) -> None:
    """AWS authorises CreateSchedule on schedule/<group>/<name>. MiniStack always reads the group
    as `default`."""
    if statement["Action"] == "scheduler:CreateSchedule":
        granted = statement["Resource"]["Fn::Sub"]
        statement["Resource"] = {"Fn::Sub": granted.replace("${RetryScheduleGroup}", "default")}


def _any_sender(statement: dict) -> None:
    """AWS authorises SendEmail on the sender's identity and has ses:FromAddress. MiniStack
    requires * and does not have that key."""
    if statement["Action"] == "ses:SendEmail":
        statement["Resource"] = "*"
        statement.pop("Condition", None)


def _any_role(statement: dict) -> None:
    """AWS sets aws:PrincipalArn to the caller's role (IAM User Guide, "AWS global condition
    context keys"). MiniStack sets it to the session, and so denies every use of the key. The
    roles' own policies still apply there; tests/template checks the condition."""
    if statement.get("Condition", {}).get("ArnLike", {}).keys() == {"aws:PrincipalArn"}:
        del statement["Condition"]
