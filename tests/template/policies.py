"""Evaluates requests against the policies of infra/template.yaml, as AWS documents it. The local
cloud evaluates neither the queues' policies nor the key's.

IAM User Guide: reference_policies_evaluation-logic.html (a Deny wins; in one account an Allow of
either policy is enough, across accounts both must allow),
reference_policies_elements_condition_operators.html (keys that a request does not have,
IfExists, Null, ArnLike), reference_policies_elements_principal.html (an account as principal
means all identities that its IAM allows). KMS Developer Guide, key-policies.html: without its
own policy a key cannot be used.
"""

import re
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "111122223333"
REGION = "eu-west-1"
STACK = "postel"
NOTHING = object()

PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": NOTHING,
}


# ---- The template, with its parameters filled in ----


class Deployed:
    """The template as a deployed stack: every reference is a name, an id or an ARN."""

    def __init__(self, template: dict, parameters: dict[str, Any] | None = None) -> None:
        self._template = template
        self._parameters = {name: p.get("Default") for name, p in template["Parameters"].items()} | (parameters or {})

    def of(self, logical_id: str) -> Any:
        """The properties of a resource."""
        return self.value(self._template["Resources"][logical_id]["Properties"])

    def arn(self, logical_id: str) -> str:
        kind = self._template["Resources"][logical_id]["Type"]
        made = {
            "AWS::SQS::Queue": f"sqs:{REGION}:{ACCOUNT}:{logical_id}",
            "AWS::KMS::Key": f"kms:{REGION}:{ACCOUNT}:key/{logical_id}",
            "AWS::DynamoDB::Table": f"dynamodb:{REGION}:{ACCOUNT}:table/{logical_id}",
            "AWS::Scheduler::ScheduleGroup": f"scheduler:{REGION}:{ACCOUNT}:schedule-group/{logical_id}",
            "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{STACK}-{logical_id}-1A2B3C4D5E6F",
            "AWS::Serverless::Function": f"lambda:{REGION}:{ACCOUNT}:function:{logical_id}",
        }
        return "arn:aws:" + made.get(kind, f"other:{REGION}:{ACCOUNT}:{logical_id}")

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [one for one in map(self.value, node) if one is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((how, what),) = node.items()
            if how == "Ref" or how.startswith("Fn::"):
                return self._intrinsic(how, what)
        return {key: found for key, one in node.items() if (found := self.value(one)) is not NOTHING}

    def _intrinsic(self, how: str, what: Any) -> Any:
        match how:
            case "Ref":
                return self._ref(what)
            case "Fn::GetAtt":
                return self.arn(what[0]) if what[1] in ("Arn", "Id") else f"{what[0]}.{what[1]}"
            case "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: self._named(found[1]), what)
            case "Fn::If":
                return self.value(what[1] if self._holds(self._template["Conditions"][what[0]]) else what[2])
            case "Fn::Split":
                return self.value(what[1]).split(what[0])
            case "Fn::Join":
                return what[0].join(self.value(what[1]))
            case "Fn::FindInMap":
                name, key, second = map(self.value, what)
                return self._template["Mappings"][name][key][second]
        raise NotImplementedError(f"the template has {how} in a policy; teach it to tests/template/policies.py")

    def _ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name not in self._parameters:
            return name
        chosen = self._parameters[name]
        is_list = self._template["Parameters"][name]["Type"] == "CommaDelimitedList"
        return [one.strip() for one in chosen.split(",")] if is_list and isinstance(chosen, str) else chosen

    def _named(self, name: str) -> str:
        logical_id, _, attribute = name.partition(".")
        return self.arn(logical_id) if attribute == "Arn" else str(self._ref(name))

    def _holds(self, condition: dict) -> bool:
        ((how, what),) = condition.items()
        match how:
            case "Condition":
                return self._holds(self._template["Conditions"][what])
            case "Fn::Equals":
                return self.value(what[0]) == self.value(what[1])
            case "Fn::Not":
                return not self._holds(what[0])
            case "Fn::And":
                return all(map(self._holds, what))
            case "Fn::Or":
                return any(map(self._holds, what))
        raise NotImplementedError(how)


# ---- Requests ----


@dataclass(frozen=True)
class Caller:
    """The caller, and what its own account's IAM allows it."""

    # A role's or root's ARN, or a service's name.
    name: str
    policies: list[dict] = field(default_factory=list)

    @property
    def account(self) -> str | None:
        return self.name.split(":")[4] if self.name.startswith("arn:") else None

    @property
    def is_root(self) -> bool:
        return self.name.endswith(":root")


@dataclass(frozen=True)
class Request:
    caller: Caller
    action: str
    resource: str
    # In addition to what IAM sets for a signed request.
    context: dict[str, Any] = field(default_factory=dict)
    # Keys that the service does not set.
    without: tuple[str, ...] = ()
    tls: bool = True

    def key(self, name: str) -> Any:
        """A key's value, None if the request does not have it. Names of keys are not
        case-sensitive."""
        filled = {"aws:SecureTransport": "true" if self.tls else "false"}
        if self.caller.account:
            # The role, not its session (reference_policies_condition-keys.html, aws:PrincipalArn).
            filled |= {"aws:PrincipalArn": self.caller.name, "aws:PrincipalAccount": self.caller.account}
        filled |= self.context
        found = {key.lower(): value for key, value in filled.items() if key not in self.without}
        return found.get(name.lower())


def decide(request: Request, resource_policy: dict | None, owner: str = ACCOUNT, is_key: bool = False) -> str:
    """Allow, Deny (one statement denies) or Implicit (none allows)."""
    named = [s for s in _statements(resource_policy) if _names(s["Principal"], request.caller)]
    own = [s for policy in request.caller.policies for s in _statements(policy)]
    if any(s["Effect"] == "Deny" and _applies(s, request) for s in [*named, *own]):
        return "Deny"
    by_own = request.caller.is_root or any(s["Effect"] == "Allow" and _applies(s, request) for s in own)
    allowing = [s for s in named if s["Effect"] == "Allow" and _applies(s, request)]
    by_name = any(_names_itself(s["Principal"], request.caller) for s in allowing)
    if request.caller.account is None:
        return "Allow" if allowing else "Implicit"
    if is_key or request.caller.account != owner:
        return "Allow" if allowing and (by_own or (by_name and request.caller.account == owner)) else "Implicit"
    return "Allow" if by_own or by_name else "Implicit"


def _statements(policy: dict | None) -> list[dict]:
    return policy["Statement"] if policy else []


def _names(principal: Any, caller: Caller) -> bool:
    return _names_itself(principal, caller) or (
        isinstance(principal, dict) and bool({caller.account, f"arn:aws:iam::{caller.account}:root"} & set(listed(principal.get("AWS", []))))
    )


def _names_itself(principal: Any, caller: Caller) -> bool:
    """The caller itself and not only its account, which means all identities that the account's
    IAM allows."""
    if principal == "*":
        return True
    return caller.name in listed(principal.get("Service" if caller.account is None else "AWS", [])) or "*" in listed(principal.get("AWS", []))


def _applies(statement: dict, request: Request) -> bool:
    assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys()
    return (
        any(like(request.action.lower(), action.lower()) for action in listed(statement["Action"]))
        and any(like(request.resource, resource) for resource in listed(statement["Resource"]))
        and all(
            holds(operator, request.key(key), [str(value) for value in listed(values)])
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


# ---- Conditions ----


def holds(operator: str, actual: Any, wanted: list[str]) -> bool:
    """One operator of a condition, for one key."""
    if operator == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    assert not (if_exists and quantifier), "the meaning of IfExists for a set is not documented clearly; do not use it in the template"
    name = name.removesuffix("IfExists")
    if actual is None:
        # A missing key is not equal to any value. All members of the empty set satisfy everything,
        # and none exists.
        return if_exists or quantifier == "ForAllValues" or (quantifier != "ForAnyValue" and "Not" in name)
    quantified = {"ForAllValues": all, "ForAnyValue": any, "": any}[quantifier]
    return quantified(_compares(name, str(one), wanted) for one in listed(actual))


def _compares(operator: str, actual: str, wanted: list[str]) -> bool:
    """Positive operators hold for any of the values, negated ones only if no value matches."""
    matches = {
        "StringEquals": lambda one: actual == one,
        "StringLike": lambda one: like(actual, one),
        "Bool": lambda one: actual.lower() == one.lower(),
        "ArnLike": lambda one: _arn_like(actual, one),
        "ArnEquals": lambda one: _arn_like(actual, one),
    }
    affirmative = operator.replace("Not", "", 1)
    if affirmative not in matches:
        raise NotImplementedError(f"a policy has {operator}; teach it to tests/template/policies.py")
    return any(map(matches[affirmative], wanted)) != ("Not" in operator)


def like(text: str, pattern: str) -> bool:
    return re.fullmatch("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern), text, re.DOTALL) is not None


def _arn_like(arn: str, pattern: str) -> bool:
    """Each of the six parts separately: a * does not match a colon."""
    parts, patterns = arn.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(map(like, parts, patterns))


def listed(of: Any) -> list:
    return of if isinstance(of, list) else [of]
