"""A message that Postel itself failed on comes back within seconds, not after its queue's
visibility timeout; and every failure is in the log."""

import json
import time
from typing import Any

import pytest

from support import disturb, logs, stack
from support.client import Tenant
from support.contracts import seconds_of
from support.receiver import Receiver

# On one worker with the other tests that disturb the stack.
pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]

ROLE = "DispatcherRole"
# As on AWS: six times the dispatcher's time limit.
HIDDEN = 300


def of_transient(fault: dict[str, Any], stage: str) -> bool:
    """The log line of a fault that a retry may fix."""
    return (fault["message"], fault.get("stage"), fault.get("fault_kind"), fault["level"]) == ("message.retried", stage, "transient", "WARN")


def failed(tenant: Tenant, since: float) -> list[dict[str, Any]]:
    """The dispatcher's faults, since it could not read the tenant's webhooks."""
    return [fault for fault in logs.faults("DispatcherFunction", since) if of_transient(fault, "ReadConfig")]


def fail_once(tenant: Tenant) -> tuple[str, float]:
    """Publishes while the dispatcher cannot read the configuration, and lets it fail. Returns
    the event and the time of the failure."""
    with disturb.without(ROLE, "dynamodb:Query", stack.resource("ConfigTable")):
        began = time.time()
        event = tenant.publish()
        (fault, *_) = stack.eventually(lambda: failed(tenant, began), 60, "the dispatcher to fail")
        return event, seconds_of(fault["timestamp"])


def test_what_we_failed_on_comes_back_within_seconds(tenant: Tenant, receiver: Receiver) -> None:
    tenant.new_webhook(receiver.url())
    with disturb.no_sweeps(), disturb.hidden_for("EventsQueue", HIDDEN):
        _, at = fail_once(tenant)
        # Ten seconds plus a fifth; twice that if it failed once more before the permission was
        # restored.
        (arrived,) = receiver.wait(1, within=45)
    assert arrived.arrived - at < 45
    receiver.stays_at(1, 1)


def test_a_dead_message_that_could_not_be_kept_is_kept_within_seconds(tenant: Tenant) -> None:
    queue, body = stack.resource("EventsDeadLetterQueue"), {"tenantId": tenant.id, "type": "item.created", "data": {}}
    # Its visibility timeout is three minutes.
    with disturb.without("DlqRole", "dynamodb:PutItem", stack.resource("DeadLettersTable")):
        began = time.time()
        stack.aws("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))

        def refused() -> list[dict[str, Any]]:
            return [fault for fault in logs.faults("DlqFunction", began) if of_transient(fault, "DeadLetter")]

        (fault, *_) = stack.eventually(refused, what="the dlq to fail")
    tenant.wait_for_dead_letters(1)
    assert time.time() - seconds_of(fault["timestamp"]) < 45


def test_where_sqs_refuses_that_it_waits_for_the_visibility_timeout(tenant: Tenant, receiver: Receiver) -> None:
    tenant.new_webhook(receiver.url())
    began = time.time()
    with disturb.no_sweeps(), disturb.hidden_for("EventsQueue", 25), disturb.without(ROLE, "sqs:ChangeMessageVisibility", stack.queue_arn("EventsQueue")):
        with disturb.without(ROLE, "sqs:ChangeMessageVisibilityBatch", stack.queue_arn("EventsQueue")):
            _, at = fail_once(tenant)
            receiver.stays_at(0, seconds=at + 15 - time.time())
            receiver.wait(1, within=60)
    assert any(fault["message"] == "message.retry_delay_failed" for fault in logs.faults("DispatcherFunction", began))


@pytest.mark.parametrize("function", ["DispatcherFunction", "DlqFunction", "RedriverFunction"])
def test_an_invocation_that_fails_as_a_whole_says_why(function: str) -> None:
    record = stack.sqs_record(json.dumps({"tenantId": "t", "type": "a.b", "data": {}}))
    del record["attributes"]["SentTimestamp"]
    began = time.time()
    answer = stack.aws("lambda").invoke(FunctionName=stack.resource(function), Payload=json.dumps({"Records": [record]}).encode())
    assert "FunctionError" in answer

    def told() -> bool:
        return ["an SQS record has no SentTimestamp"] in [fault.get("causes") for fault in logs.faults(function, began) if fault["message"] == "invocation.failed"]

    stack.eventually(told, 60, "the failure in the log", every=0.5)


def test_an_authorizer_that_fails_logs_the_gateways_id_of_the_request(tenant: Tenant) -> None:
    with disturb.without("AuthorizerRole", "dynamodb:GetItem", stack.resource("ConfigTable")):
        began = time.time()
        answer = tenant.api.get(tenant.path("/webhooks"))
    assert answer.status == 500

    def line() -> dict[str, Any]:
        (found,) = [fault for fault in logs.faults("AuthorizerFunction", began) if fault["message"] == "key.check_failed"]
        return found

    found = stack.eventually(line, 60, "the line of the fault", every=0.5)
    assert (found["level"], found["fault_kind"], found["stage"]) == ("WARN", "transient", "ReadConfig")
    # The local gateway tells the authorizer another id than the caller.
    assert len(found["request_id"]) == 36 and found["gateway_request_id"] not in ("", found["request_id"])
