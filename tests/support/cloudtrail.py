"""The functions' calls to the local cloud, and their roles: from its CloudTrail, which records
every call that the roles allowed.

AWS's CloudTrail shows calls of this kind only if a trail is configured for them; the local cloud
records all, up to the newest hundred thousand.
"""

import hashlib
import json
import re
from typing import Any, Callable, Iterable, Iterator

from support import stack
from support.mail import mails

FUNCTIONS = ["Publish", "Manage", "Authorizer", "Dispatcher", "Dlq", "Redriver", "Sweeper", "Notifier", "Console"]


def access_key(function: str) -> str:
    """The access key of a function's processes: the local cloud derives it from the ARNs of
    function and role (its core/lambda_runtime.py)."""
    known = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource(f"{function}Function"))
    arns = f"{known['FunctionArn']}:{known['Role']}"
    return f"ASIA{hashlib.sha256(arns.encode()).hexdigest()[:16].upper()}"


def calls(function: str, name: str, about: str | None = None) -> Iterator[dict[str, Any]]:
    """The parameters of a function's calls with one name, newest first; of calls on one table,
    if `about` names it."""
    wanted = {"Username": access_key(function), "EventName": name} | ({"ResourceName": about} if about else {})
    attributes = [{"AttributeKey": key, "AttributeValue": value} for key, value in wanted.items()]
    end: float | None = None
    seen: set[str] = set()
    while True:
        with _until(end) as trail:
            page = trail.lookup_events(LookupAttributes=attributes, MaxResults=50)["Events"]
        fresh = [event for event in page if event["EventId"] not in seen]
        if not fresh:
            return
        seen = {event["EventId"] for event in page}
        end = min(event["EventTime"].timestamp() for event in page)
        for event in fresh:
            told = json.loads(event["CloudTrailEvent"])
            yield told["requestParameters"]


class _until:
    """CloudTrail's client, which filters by an end time to the microsecond: boto3 cuts times to
    whole seconds, and a second may have hundreds of calls."""

    def __init__(self, end: float | None) -> None:
        self._end, self._trail = end, stack.aws("cloudtrail")

    def __enter__(self):
        self._trail.meta.events.register("before-call.cloudtrail.LookupEvents", self._set)
        return self._trail

    def __exit__(self, *_) -> None:
        self._trail.meta.events.unregister("before-call.cloudtrail.LookupEvents", self._set)

    def _set(self, params: dict[str, Any], **_) -> None:
        if self._end is not None:
            params["body"] = json.dumps(json.loads(params["body"]) | {"EndTime": self._end}).encode()


# ---- Permissions -------------------------------------------------------------------------------

# By IAM action, the recorded names of the calls that need it.
RECORDED_AS = {
    "dynamodb:ConditionCheckItem": ["TransactWriteItems"],
    "sqs:SendMessage": ["SendMessage", "SendMessageBatch"],
    "scheduler:CreateSchedule": ["POST.scheduler"],
}
IN_TRANSACTIONS = {
    "dynamodb:PutItem": "Put",
    "dynamodb:UpdateItem": "Update",
    "dynamodb:DeleteItem": "Delete",
    "dynamodb:ConditionCheckItem": "ConditionCheck",
}


def used(function: str, action: str, resource: str) -> bool:
    """Whether a function ever used the permission. `resource` is a logical id of the template;
    for an index, `/index/<name>` follows."""
    if action == "ses:SendEmail":
        # The local cloud's SES records no calls, but shows the mails; only the dispatcher sends any
        # from that address.
        return any(mail.sender == stack.parameter("SenderAddress") for mail in mails())
    if action == "events:PutEvents":
        # The resource is the operator's own bus, which the stack does not make.
        return next(calls(function, "PutEvents"), None) is not None
    logical, _, index = resource.partition("/index/")
    is_meant = _about(logical, index)
    if action.startswith("dynamodb:"):
        table = stack.resource(logical)
        if any(is_meant(asked) for name in RECORDED_AS.get(action, [action.split(":")[1]]) for asked in calls(function, name, _recorded(name, table))):
            return True
        member = IN_TRANSACTIONS.get(action)
        return member is not None and any(
            item[member]["TableName"] == table for asked in calls(function, "TransactWriteItems") for item in asked["TransactItems"] if member in item
        )
    return any(is_meant(asked) for name in RECORDED_AS.get(action, [action.split(":")[1]]) for asked in calls(function, name))


def _recorded(name: str, table: str) -> str | None:
    # A batch names its tables further inside.
    return None if name.startswith(("Batch", "Transact")) else table


def _about(logical: str, index: str) -> Callable[[dict[str, Any]], bool]:
    physical = stack.resource(logical) if re.fullmatch(r"\w+", logical) else ""

    def is_meant(asked: dict[str, Any]) -> bool:
        if "TableName" in asked:
            return asked.get("IndexName", "") == index
        if "RequestItems" in asked:
            return physical in asked["RequestItems"]
        named = [asked.get(name) for name in ("QueueUrl", "KeyId", "SecretId", "GroupName") if name in asked]
        # The calls for mails and keys need not name a resource in their parameters; there is only
        # one of each.
        return not named or any(physical.rsplit("/", 1)[-1].rsplit(":", 1)[-1] in str(name) for name in named)

    return is_meant


def partitions(function: str, table: str, actions: Iterable[str]) -> set[str]:
    """The partition keys that a function used in a table, by logical id, with these actions:
    dynamodb:LeadingKeys on AWS."""
    found = set()
    for name in {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"} & set(actions):
        for asked in calls(function, name, stack.resource(table)):
            if name == "Query":
                placeholder = asked["KeyConditionExpression"].split("=", 1)[1].split()[0]
                found.add(asked["ExpressionAttributeValues"][placeholder]["S"])
            else:
                found.add(asked.get("Key", asked.get("Item"))["pk"]["S"])
    return found
