"""Alarms in real faults: each test causes one on the running stack, takes the metrics that the
functions wrote and that SQS and Lambda report, and computes the alarm (tests/support/measured.py).
The local cloud does not evaluate alarms, and SQS reports no ages there.
"""

import json
import time
from typing import Any, Iterator

import pytest

from support import client, disturb, slow, stack
from support.measured import OF_STACK, Measured, all_off_but, is_on, measured, of_lambda, of_queue, oldest, value, written
from support.receiver import HANG, Receiver, closed_port

pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]


def sweep() -> None:
    stack.invoke("SweeperFunction", {"postel": "sweep"})


@pytest.fixture(scope="module", autouse=True)
def early() -> Iterator[tuple[float, client.Tenant]]:
    """A tenant with a webhook, and when they were made: before all tests."""
    with Receiver() as receiver:
        tenant = client.new_tenant("standard")
        tenant.new_webhook(receiver.url())
        yield time.time(), tenant


def all_counted(found: Measured, deliveries: int) -> Measured | None:
    return found if sum(value(found, "DeliveriesSucceeded")) == deliveries else None


# ---- The quiet run ----


def test_no_alarm_is_on_while_everything_works(tenant: client.Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    with disturb.no_sweeps():
        # Whatever other tests left due.
        sweep()
        began = time.time()
        for _ in range(5):
            tenant.wait_for_status(tenant.publish(), "completed")
        sweep()
        # A delivery is recorded before its invocation ends, and with it the line.
        found = stack.eventually(lambda: all_counted(written(began), 5), 30, "the lines of five deliveries")
    found |= of_lambda("DispatcherFunction", began)
    for queue in ("EventsQueue", "DeliveriesQueue", "SlowQueue", "JobsQueue", "EventsDeadLetterQueue", "DeliveriesDeadLetterQueue"):
        found |= of_queue(queue)
    assert len(value(found, "DeliveryLatency")) == 5
    assert value(found, "OldestDueAge") == [0] and value(found, "LostDeliveriesFound") == [0]
    all_off_but(measured=found)


# ---- Queues ----


@pytest.mark.parametrize(("alarm", "source", "queue"), [
    ("EventsWaitAlarm", "EventsSource", "EventsQueue"), ("RetriesWaitAlarm", "DeliveriesSource", "DeliveriesQueue"), ("SlowLaneWaitsAlarm", "SlowSource", "SlowQueue"),
])
def test_a_blocked_queue_sets_off_its_alarm(alarm, source, queue, tenant: client.Tenant, receiver: Receiver):
    receiver.answer(200 if queue != "DeliveriesQueue" else 500, 200)
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})["id"]
    if queue == "SlowQueue":
        slow.mark(tenant.id, webhook)
    with disturb.no_sweeps(), disturb.paused(source):
        event = tenant.publish()
        sent = oldest(queue)
        stack.for_a_while(lambda: stack.queue_depth(queue)["waiting"] > 0, 2, "nothing takes the message")
        age = {("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", queue),)): [time.time() - sent]}
        assert age[next(iter(age))][0] >= 2
        assert is_on(alarm, {}, growing=age)
        assert not is_on(alarm, age), "it has just begun"
    tenant.wait_for_status(event, "completed")


def test_a_redrive_that_nobody_continues_sets_off_its_alarm(tenant: client.Tenant, receiver: Receiver):
    receiver.answer(400, 200)
    tenant.new_webhook(receiver.url(), contract="kuviq")
    tenant.publish()
    tenant.wait_for_dead_letters()
    with disturb.paused("JobsSource"):
        job = tenant.api.post(tenant.path("/redrives"), {}).ok(202)
        age = {("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", "JobsQueue"),)): [time.time() - oldest("JobsQueue")]}
        assert is_on("JobsWaitAlarm", {}, growing=age) and not is_on("JobsWaitAlarm", age)
    stack.eventually(lambda: tenant.api.get(tenant.path(f"/redrives/{job['id']}")).ok()["status"] == "completed", 60, "the redrive to end")


@pytest.mark.parametrize(("alarm", "other", "source", "queue"), [
    ("EventsDlqAlarm", "DeliveriesDlqAlarm", "EventsDeadLetterSource", "EventsDeadLetterQueue"),
    ("DeliveriesDlqAlarm", "EventsDlqAlarm", "DeliveriesDeadLetterSource", "DeliveriesDeadLetterQueue"),
])
def test_a_dead_letter_queue_that_nobody_empties_sets_off_its_alarm(alarm, other, source, queue, tenant: client.Tenant):
    webhook = tenant.new_webhook(f"http://127.0.0.1:{closed_port()}/", overrides={"retryDelaysSeconds": [3000]})
    delivery = tenant.wait_for_status(tenant.publish(), "retrying", webhook["id"])
    stack.drop_schedules({delivery["id"]})
    event, task = {"tenantId": tenant.id, "type": "item.created", "data": 1}, {"tenantId": tenant.id, "deliveryId": delivery["id"], "sequence": 1}
    both = lambda: of_queue("EventsDeadLetterQueue") | of_queue("DeliveriesDeadLetterQueue")  # noqa: E731
    with disturb.paused(source):
        stack.aws("sqs").send_message(QueueUrl=stack.resource(queue), MessageBody=json.dumps(event if alarm == "EventsDlqAlarm" else task))
        found = both()
        assert is_on(alarm, found) and not is_on(other, found)
    stack.eventually(lambda: not sum(stack.queue_depth(queue).values()), 60, "the queue to be empty")
    assert not is_on(alarm, both())
    # The delivery of a task stays due.
    stack.eventually(lambda: len(tenant.dead_letters()) == (alarm == "EventsDlqAlarm"), 60, "the dead letter of the event")


def test_an_undeliverable_message_is_an_own_failure(tenant: client.Tenant):
    with measured() as found:
        body = json.dumps({"tenantId": tenant.id, "type": "item.created", "data": 1})
        stack.invoke_with([stack.sqs_record(body, "EventsDeadLetterQueue")], "DlqFunction")
    assert value(found, "DeadLettersUndeliverable") == [1]
    assert is_on("OwnFailuresAlarm", found)
    with measured() as found:
        stack.invoke_with([stack.sqs_record("not a task", "DeliveriesQueue")])
    assert value(found, "MessagesUnreadable") == [1]
    assert is_on("OwnFailuresAlarm", found)


# ---- Functions ----


@pytest.mark.parametrize(("function", "alarm", "variable"), [
    ("DispatcherFunction", "DispatcherErrorsAlarm", "POSTEL_LOG_TABLE"), ("DlqFunction", "FunctionErrorsAlarm", "POSTEL_LOG_TABLE"),
    ("RedriverFunction", "FunctionErrorsAlarm", "POSTEL_LOG_TABLE"), ("SweeperFunction", "FunctionErrorsAlarm", "POSTEL_LOG_TABLE"),
    ("NotifierFunction", "FunctionErrorsAlarm", "POSTEL_EVENTS_QUEUE_URL"),
])
def test_a_function_that_ends_at_its_start_sets_off_its_alarm(function, alarm, variable):
    name, lambdas = stack.resource(function), stack.aws("lambda")
    variables = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    began = time.time()
    try:
        missing = {key: value for key, value in variables.items() if key != variable}
        assert missing != variables
        lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": missing})
        for _ in range(3):
            answer = lambdas.invoke(FunctionName=name, Payload=json.dumps({"Records": []}))
            assert "FunctionError" in answer
    finally:
        lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    found = of_lambda(function, began)
    assert is_on(alarm, found), found
    assert "FunctionError" not in lambdas.invoke(FunctionName=name, Payload=json.dumps({"Records": []}))


# ---- The sweeper ----


def test_a_sweeper_that_is_off_or_cannot_send_sets_off_its_alarms(tenant: client.Tenant):
    webhook = tenant.new_webhook(f"http://127.0.0.1:{closed_port()}/", overrides={"retryDelaysSeconds": [3000]})
    with disturb.no_sweeps():
        with measured() as nothing:
            tenant.wait_for_status(tenant.publish(), "retrying")
        assert is_on("SweeperSilentAlarm", nothing) and not value(nothing, "OldestDueAge")

        sweep()
        (delivery,) = tenant.deliveries(webhookId=webhook["id"])
        stack.drop_schedules({delivery["id"]})
        make_due(tenant, 1_000)
        with disturb.without("SweeperRole", "sqs:SendMessageBatch", stack.queue_arn("DeliveriesQueue")), measured() as stuck:
            answer = stack.aws("lambda").invoke(FunctionName=stack.resource("SweeperFunction"), Payload=b"{}")
            assert "FunctionError" in answer
        (age,) = value(stuck, "OldestDueAge")
        assert 1_000 <= age < 1_060 and value(stuck, "LostDeliveriesFound") == [0]
        assert is_on("OldestDueAlarm", stuck)
        assert not is_on("SweeperSilentAlarm", stuck), "a sweep that failed has run"
        assert not is_on("SweeperFindsAlarm", stuck)
        sweep()


def make_due(tenant: client.Tenant, seconds: int) -> int:
    """All of a tenant's deliveries that wait are due since then, as if their messages were lost."""
    due = int((time.time() - seconds) * 1000)
    rows = [row for row in stack.scan("LogTable", tenant.id) if "due_at" in row]
    for row in rows:
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("LogTable"), Key={"pk": row["pk"], "sk": row["sk"]}, UpdateExpression="SET due_at = :due",
            ExpressionAttributeValues={":due": {"N": str(due)}},
        )  # fmt: skip
    return len(rows)


# ---- Receivers and publishers ----


def test_attempts_that_all_fail_set_off_the_alarm_and_lost_retries_the_sweepers(tenant: client.Tenant):
    port = closed_port()
    for number in range(10):
        tenant.new_webhook(f"http://127.0.0.1:{port}/{number}", overrides={"retryDelaysSeconds": [3000]})
    with disturb.no_sweeps():
        with measured() as found:
            # One after the other: on a busy machine, a hundred schedules at once take longer than
            # the function waits for a call.
            for number in range(10):
                record = stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": number}))
                assert stack.invoke_with([record])["batchItemFailures"] == []
        assert sum(value(found, "DeliveriesRetried")) == 100 and not value(found, "DeliveriesSucceeded")
        assert len(value(found, "DeliveryLatency")) == 100
        all_off_but("SuccessCollapsesAlarm", "SweeperSilentAlarm", measured=found | {("Postel", "OldestDueAge", OF_STACK): []})

        # All their retries are lost, and no other.
        sweep()
        deliveries = {d["id"] for d in tenant.all_deliveries()}
        stack.drop_schedules(deliveries)
        assert make_due(tenant, 200) == 100
        with disturb.paused("DeliveriesSource"), measured() as found:
            sweep()
        assert value(found, "LostDeliveriesFound") == [100]
        assert is_on("SweeperFindsAlarm", found) and not is_on("OldestDueAlarm", found)


def test_many_dead_letters_set_off_their_alarm(tenant: client.Tenant):
    port = closed_port()
    for number in range(10):
        tenant.new_webhook(f"http://127.0.0.1:{port}/{number}", overrides={"retryDelaysSeconds": []})
    records = [stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": n})) for n in range(6)]
    with measured() as found:
        assert stack.invoke_with(records)["batchItemFailures"] == []
    assert sum(value(found, "DeliveriesDeadLettered")) == 60
    all_off_but("DeadLettersRiseAlarm", measured=found)


def test_a_refused_sender_sets_off_the_alarm(tenant: client.Tenant):
    body = json.dumps({"tenantId": tenant.id, "type": "item.created", "data": 1})
    with measured() as found:
        assert stack.invoke_with([stack.sqs_record(body, sender="AROAUNKNOWN:session") for _ in range(10)])["batchItemFailures"] == []
    assert sum(value(found, "MessagesRejected")) == 10
    all_off_but("MessagesRejectedAlarm", measured=found)


def test_webhooks_that_enter_the_slow_lane_together_set_off_the_alarm(tenant: client.Tenant, receiver: Receiver):
    timeout = int(stack.parameter("MaxWebhookTimeoutSeconds"))
    for number in range(10):
        receiver.answer(HANG, path=f"/{number}")
        tenant.new_webhook(receiver.url(f"/{number}"), overrides={"timeoutSeconds": timeout, "retryDelaysSeconds": []})
    with measured() as found:
        stack.invoke_with([stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": 1}))])
    assert sum(value(found, "WebhooksEnteredSlowLane")) == 10
    assert is_on("SlowWebhooksAlarm", found)


def test_a_key_that_may_not_be_used_sets_off_the_alarm(tenant: client.Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    records: list[dict[str, Any]] = [stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": n})) for n in range(3)]
    with disturb.without("DispatcherRole", "kms:Decrypt", stack.outputs()["stack"]["KeyArn"]), measured() as found:
        assert len(stack.invoke_with(records)["batchItemFailures"]) == 3
    assert sum(value(found, "KmsFaults")) == 3
    assert is_on("KmsFaultsAlarm", found)


# Longer than the alarm's threshold.
WAITED_SECONDS = 35


def test_an_event_that_waited_sets_off_the_latency_alarm(early: tuple[float, client.Tenant]):
    """Last, since a tenant gets no event that is older than itself."""
    made, tenant = early
    stack.eventually(lambda: time.time() > made + WAITED_SECONDS + 1, WAITED_SECONDS + 5, "the tenant to be old enough")
    sent = int((time.time() - WAITED_SECONDS) * 1000)
    with measured() as found:
        stack.invoke_with([stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": 1}), sent_ms=sent)])
    (latency,) = value(found, "DeliveryLatency")
    assert WAITED_SECONDS * 1000 <= latency < (WAITED_SECONDS + 20) * 1000
    all_off_but("DeliveryLatencyAlarm", measured=found)
