"""The dispatcher's role is minimal: without any one of its permissions something does not work,
and once it is restored nothing was lost.

The local cloud enforces the roles (AUTH=true). Permissions are removed from the role of the
running stack and restored.
"""

import json
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterator

import pytest

from support import disturb, logs, slow, stack
from support.client import Tenant
from support.receiver import Receiver

# With the others that disturb the stack on one worker, so that none disturbs another between two of
# its tests.
pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]

ROLE = "DispatcherRole"

# Permissions for actions that the local cloud takes in the dispatcher's name (its event source
# mappings and its logs), or does not check (PassRole). tests/template checks that the template
# grants them; AWS refuses to create the mapping, or the schedule, without them.
NOT_ENFORCED = {
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "iam:PassRole",
    # Added for the local cloud only (infra/local/emulation.py).
    "sqs:SendMessageBatch",
    "sqs:ChangeMessageVisibilityBatch",
    # Without it nothing fails, but messages come back late: test_comes_back.py.
    "sqs:ChangeMessageVisibility",
    # Without a sender address, which the tests' stack does not have, there are no mails.
    "ses:SendEmail",
}


@dataclass(frozen=True)
class Flow:
    """The events and receivers of a flow, and the expected result."""

    answers: list[int]
    ends: Callable[[Tenant, dict[str, Any], str], Any]
    overrides: dict[str, Any] | None = None
    by_sqs: bool = False
    # Its failure is final, and then a manual retry follows.
    by_hand: bool = False
    # With an operator's own contract.
    by_own_contract: bool = False
    # Its webhook is marked as slow.
    is_slow: bool = False
    # Seconds until a failed message comes back; longer than the lease (the timeout of 1 s and ten)
    # if the attempt was made before.
    hidden: int = 2

    def start(self, tenant: Tenant, receiver: Receiver) -> Callable[[], Any]:
        receiver.answer(*self.answers)
        contract = {"contract": _own_contract(tenant)} if self.by_own_contract else {}
        webhook = tenant.new_webhook(receiver.url(), overrides={"timeoutSeconds": 1} | (self.overrides or {}), **contract)
        if self.is_slow:
            slow.mark(tenant.id, webhook["id"])
        event = stack.unique("evt")
        (tenant.publish_sqs if self.by_sqs else tenant.publish)("item.created", {"n": 1}, id=event)
        if self.by_hand:
            delivery = tenant.wait_for_status(event, "failed")
            tenant.api.post(tenant.path(f"/deliveries/{delivery['id']}/retry")).ok(202)
        return lambda: self.ends(tenant, webhook, event)


def _own_contract(tenant: Tenant) -> str:
    """Kuviq's contract under another name; a 410 switches the webhook off."""
    contract = tenant.operator.get("/v1/contracts/kuviq").ok()
    name = stack.unique("c")
    settings = {field: value for field, value in contract.items() if field not in ("name", "builtin")} | {"httpsOnly": False, "gone": ["410"]}
    assert tenant.operator.put(f"/v1/contracts/{name}", settings).status in (200, 201)
    return name


def completed(tenant: Tenant, webhook: dict[str, Any], event: str) -> bool:
    found = tenant.api.get(tenant.path(f"/events/{event}"))
    return found.status == 200 and [d["status"] for d in found.json["deliveries"]] == ["completed"]


def dead(tenant: Tenant, webhook: dict[str, Any], event: str) -> bool:
    return [letter["eventId"] for letter in tenant.dead_letters()] == [event]


def disabled(tenant: Tenant, webhook: dict[str, Any], event: str) -> bool:
    now = tenant.webhook(webhook["id"])
    return not now["active"] and now.get("disabledReason") == "gone"


DELIVER = Flow([200], completed)
DELIVER_BY_SQS = Flow([200], completed, by_sqs=True)
DELIVER_BY_OWN_CONTRACT = Flow([200], completed, by_own_contract=True)
RETRY = Flow([500, 200], completed, {"retryDelaysSeconds": [1]})
# Longer than an SQS delay may be here (QueueDelayLimitSeconds), so it needs a schedule.
RETRY_LATE = Flow([500, 200], completed, {"retryDelaysSeconds": [12]})
REFUSE = Flow([400], dead)
GONE = Flow([410], disabled, by_own_contract=True)
SLOW = Flow([200], completed, is_slow=True)
BY_HAND = Flow([400, 200], completed, by_hand=True, hidden=12)

# By action and the logical id of the resource.
NEEDED = {
    ("kms:Decrypt", "Key"): DELIVER,
    ("dynamodb:Query", "ConfigTable"): DELIVER,
    ("dynamodb:GetItem", "ConfigTable"): DELIVER_BY_OWN_CONTRACT,
    ("dynamodb:UpdateItem", "ConfigTable"): GONE,
    ("dynamodb:Query", "LogTable"): DELIVER,
    ("dynamodb:PutItem", "LogTable"): DELIVER_BY_SQS,
    ("dynamodb:UpdateItem", "LogTable"): RETRY,
    ("dynamodb:PutItem", "DeadLettersTable"): REFUSE,
    ("dynamodb:UpdateItem", "DeadLettersTable"): BY_HAND,
    ("sqs:SendMessage", "DeliveriesQueue"): RETRY,
    ("sqs:SendMessage", "SlowQueue"): SLOW,
}
SCHEDULE = ("scheduler:CreateSchedule", "RetryScheduleGroup")
every_permission = pytest.mark.parametrize("permission", NEEDED, ids=lambda pair: f"{pair[0]} on {pair[1]}")


@pytest.fixture
def quick_returns(permission: tuple[str, str]) -> Iterator[None]:
    """Messages that fail for a missing permission come back soon, and not through the sweeper."""
    with disturb.no_sweeps(), disturb.hidden_for("EventsQueue", 2), disturb.hidden_for("DeliveriesQueue", NEEDED[permission].hidden):
        yield


def resource_of(logical_id: str) -> str:
    """The end of the ARN that a permission is granted on."""
    if logical_id == "RetryScheduleGroup":
        # The local cloud looks for schedules of every group in `default`; infra/local/emulation.py
        # writes that into the role.
        return ":schedule/default/*"
    if logical_id.endswith("Queue"):
        return stack.queue_arn(logical_id)
    return stack.resource(logical_id).rsplit("/", 1)[-1]


@every_permission
@pytest.mark.usefixtures("quick_returns")
def test_without_the_permission_it_does_not_work_and_with_it_back_nothing_is_lost(
    kuviq: Tenant, receiver: Receiver, permission: tuple[str, str]
) -> None:
    action, logical_id = permission
    with disturb.without(ROLE, action, resource_of(logical_id)):
        began = time.time()
        ended = NEEDED[permission].start(kuviq, receiver)
        denied = stack.eventually(lambda: denials(action, began), 60, f"a call that needs {action} to be denied")
        assert not ended(), f"it works without {action}"
    assert all(fault["message"] == "message.retried" for fault in denied)
    stack.eventually(ended, 60, f"it to work again with {action} given back")


def test_without_the_permission_for_schedules_a_retry_waits_in_sqs(kuviq: Tenant, receiver: Receiver) -> None:
    action, logical_id = SCHEDULE
    with disturb.no_sweeps(), disturb.without(ROLE, action, resource_of(logical_id)):
        began = time.time()
        ended = RETRY_LATE.start(kuviq, receiver)
        denied = stack.eventually(lambda: denials(action, began), 60, f"a call that needs {action} to be denied")
        stack.eventually(ended, 60, "the retry")
    assert {fault["message"] for fault in denied} == {"schedule.refused"}
    first, second = receiver.requests()
    assert 12 <= second.arrived - first.arrived < 30, "not early, and not much later"


def denials(action: str, since: float) -> list[dict[str, Any]]:
    return [fault for fault in logs.faults("DispatcherFunction", since) if action in json.dumps(fault)]


def test_every_permission_of_the_role_is_proven_needed_above_or_not_enforced_here() -> None:
    def is_proven(action: str, resource: str) -> bool:
        return any(action == needed and resource.endswith(resource_of(logical_id)) for needed, logical_id in [*NEEDED, SCHEDULE])

    unproven = [pair for pair in disturb.granted(ROLE) if pair[0] not in NOT_ENFORCED and not is_proven(*pair)]
    assert not unproven, f"no test shows that the dispatcher needs {unproven}"


def test_the_role_names_actions_and_resources() -> None:
    for action, resource in disturb.granted(ROLE):
        assert "*" not in action, f"{action} on {resource}"
        if action == "ses:SendEmail":
            continue  # A condition names the sender; infra/local/emulation.py makes it wider than on AWS.
        # A schedule and a log stream have their own names, below a group that is named.
        named = resource.removesuffix("/*") if action.startswith("scheduler:") else resource.removesuffix(":*")
        assert "*" not in named, f"{action} on {resource}"
