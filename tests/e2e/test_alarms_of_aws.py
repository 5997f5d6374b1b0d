"""Alarms on metrics of AWS in real faults: each test causes one on the running stack, counts it as
AWS documents the metric, and computes the alarm (tests/support/measured.py). The local cloud itself
reports only what Lambda counts; for the rest the page that the count follows is named.
"""

import contextlib
import json
import os
import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator

import pytest

from support import client, disturb, function_process, processes, stack
from support.client import Answer, Tenant
from support.measured import Measured, all_off_but, is_on, of_lambda
from support.receiver import Receiver, Reply

pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]


# ---- Lambda --------------------------------------------------------------------------------------

# As the alarm reads them.
THROTTLED = ("DispatcherFunction", "PublishFunction", "ManageFunction", "AuthorizerFunction")


@contextlib.contextmanager
def no_concurrency(function: str) -> Iterator[None]:
    """Lambda throttles every invocation: "To throttle a function, set the reserved concurrency to
    zero" (AWS Lambda Developer Guide, configuration-concurrency.html)."""
    lambdas, name = stack.aws("lambda"), stack.resource(function)
    lambdas.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        lambdas.delete_function_concurrency(FunctionName=name)


def throttled(since: float) -> Measured:
    return {metric: values for function in THROTTLED for metric, values in of_lambda(function, since).items() if metric[1] == "Throttles"}


def test_a_function_without_concurrency_sets_off_the_alarm_of_throttles(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    began = time.time()
    tenant.wait_for_status(tenant.publish(), "completed")
    assert not is_on("ThrottlesAlarm", throttled(began)), "the quiet run"

    began, lambdas = time.time(), stack.aws("lambda")
    with no_concurrency("DispatcherFunction"):
        event = tenant.publish()
        # As a mapping does; MiniStack does not count a mapping's own.
        with pytest.raises(lambdas.exceptions.TooManyRequestsException):
            lambdas.invoke(FunctionName=stack.resource("DispatcherFunction"), Payload=json.dumps({"Records": []}))
        assert is_on("ThrottlesAlarm", throttled(began))
        stack.for_a_while(lambda: not receiver.requests()[1:], 2, "nobody takes the event")
    tenant.wait_for_status(event, "completed", within=120)

    began = time.time()
    with no_concurrency("PublishFunction"):
        answer = tenant.api.post(tenant.path("/events"), {"type": "item.created", "data": 1})
    # Lambda's own answer: AWS's gateway makes a 500 or 503 of it, the local one hands it on.
    assert answer.status == 429 and "TooManyRequests" in answer.raw.decode(), answer
    assert is_on("ThrottlesAlarm", throttled(began))


# Of the smallest MaxWebhookTimeoutSeconds, so that the test is short: see the mapping Timing.
LIMITS = {"MaxWebhookTimeoutSeconds": "5"}
LIMIT_SECONDS, FROZEN_SECONDS = 25, 23.0


def test_an_invocation_that_nearly_takes_its_time_sets_off_its_alarm(tenant: Tenant, receiver: Receiver):
    """Its process is stopped meanwhile, as if it got no processor. `Duration` is "the amount of
    time that your function code spends processing an event" (monitoring-metrics-types.html)."""
    record = lambda: stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "item.created", "data": 1}))  # noqa: E731
    tenant.new_webhook(receiver.url())
    name, lambdas = stack.resource("DispatcherFunction"), stack.aws("lambda")
    before = lambdas.get_function_configuration(FunctionName=name)["Timeout"]

    def durations(since: float) -> Measured:
        return {metric: values for metric, values in of_lambda("DispatcherFunction", since).items() if metric[1] == "Duration"}

    def freeze() -> None:
        receiver.wait(2)
        pids = processes.bootstraps()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    with disturb.no_sweeps():
        lambdas.update_function_configuration(FunctionName=name, Timeout=LIMIT_SECONDS)
        try:
            began = time.time()
            stack.invoke_with([record()])
            assert not is_on("DispatcherNearTimeoutAlarm", durations(began), **LIMITS), "the quiet run"
            receiver.answer(Reply(200, delay=1.0))
            began = time.time()
            freezer = threading.Thread(target=freeze)
            freezer.start()
            stack.invoke_with([record()])
            freezer.join()
            found = durations(began)
        finally:
            lambdas.update_function_configuration(FunctionName=name, Timeout=before)
    assert is_on("DispatcherNearTimeoutAlarm", found, **LIMITS), found


# ---- The API -------------------------------------------------------------------------------------


class Gateway:
    """Counts requests as the gateway does (API Gateway Developer Guide, http-api-metrics.html):
    `Count` all, `4xx` and `5xx` the answers of each class, `Latency` from the request to the
    response, in milliseconds."""

    def __init__(self) -> None:
        self._answers: list[tuple[int, float]] = []

    def ask(self, call: Callable[[], Answer], times: int, at_once: int = 4) -> None:
        def one(_: int) -> None:
            began = time.monotonic()
            status = call().status
            self._answers.append((status, (time.monotonic() - began) * 1000))

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, range(times)))

    def measured(self) -> Measured:
        of = lambda name, values: {("AWS/ApiGateway", name, (("ApiId", "HttpApi"),)): values}  # noqa: E731
        statuses = [status for status, _ in self._answers]
        counts = {name: [float(status // 100 == first) for status in statuses] for name, first in (("4xx", 4), ("5xx", 5))}
        return of("Count", [1.0] * len(statuses)) | of("4xx", counts["4xx"]) | of("5xx", counts["5xx"]) | of("Latency", [ms for _, ms in self._answers])


def publishing(tenant: Tenant) -> Callable[[], Answer]:
    return lambda: tenant.api.post(tenant.path("/events"), {"type": "item.created", "data": 1})


@pytest.fixture
def tenant() -> Tenant:
    return client.new_tenant(limits={"requestsPerMinute": 100_000})


def test_the_apis_alarms_are_off_while_it_answers(tenant: Tenant):
    gateway = Gateway()
    gateway.ask(publishing(tenant), 30)
    # Some of a caller's mistakes are no alarm.
    gateway.ask(lambda: tenant.api.get(tenant.path("/webhooks/none")), 5)
    all_off_but(measured=gateway.measured())


def test_a_function_of_the_api_that_crashes_sets_off_the_alarm_of_errors(tenant: Tenant):
    gateway = Gateway()
    gateway.ask(lambda: client.operator().get("/health"), 10)
    with disturb.set_up_as("PublishFunction", POSTEL_LOG_TABLE=None):
        gateway.ask(publishing(tenant), 6)
    found = gateway.measured()
    assert sum(found["AWS/ApiGateway", "5xx", (("ApiId", "HttpApi"),)]) == 6, found
    assert is_on("ApiErrorsAlarm", found) and not is_on("ApiRefusesAlarm", found)


def test_a_slow_dynamodb_sets_off_the_alarm_of_latency(tenant: Tenant):
    """Each of its calls takes longer, and succeeds: publishing makes two and more."""
    gateway, path = Gateway(), f"/v1/tenants/{tenant.id}/events"

    def slow(action: str, _: dict[str, Any]) -> None:
        if action in ("GetItem", "Query", "PutItem", "UpdateItem", "TransactWriteItems"):
            time.sleep(1.1)

    with function_process.running("publish", slow) as publish:
        gateway.ask(lambda: publish.call("POST", path, {"type": "item.created", "data": 1}), 4, at_once=1)
    found = gateway.measured()
    all_off_but("ApiLatencyAlarm", measured=found)
    assert sum(found["AWS/ApiGateway", "4xx", (("ApiId", "HttpApi"),)]) == 0, "they succeed"


def test_a_flood_of_wrong_keys_sets_off_the_alarm_of_refusals(tenant: Tenant):
    gateway, stranger = Gateway(), tenant.api.with_key("postel_abcdefghijkl_wrong")
    gateway.ask(lambda: stranger.get(tenant.path("/webhooks")), 101)
    found = gateway.measured()
    assert sum(found["AWS/ApiGateway", "4xx", (("ApiId", "HttpApi"),)]) == 101
    assert is_on("ApiRefusesAlarm", found) and not is_on("ApiErrorsAlarm", found)


# ---- DynamoDB ------------------------------------------------------------------------------------


class Throttling:
    """A table that takes no writes, and how often it refused one: `WriteThrottleEvents` counts
    "requests to DynamoDB that exceed the provisioned write capacity units for a table"
    (DynamoDB Developer Guide, metrics-dimensions.html). The refusal is that of a table on demand
    (Error handling, Programming.Errors.html)."""

    def __init__(self, table: str) -> None:
        self._id, self._name, self.refused, self.is_on = table, stack.resource(table), 0, True

    def refuse(self, action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if not self.is_on or action not in ("PutItem", "UpdateItem", "TransactWriteItems") or f'"{self._name}"' not in json.dumps(asked):
            return None
        self.refused += 1
        return 400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "Throughput exceeds the current capacity of your table or index."}

    def measured(self) -> Measured:
        # No request refused is no data point, as on AWS.
        return {("AWS/DynamoDB", "WriteThrottleEvents", (("TableName", self._id),)): [float(self.refused)] if self.refused else []}


def test_a_throttled_table_sets_off_its_alarm_and_loses_nothing(tenant: Tenant):
    event = {"type": "item.created", "data": 1}
    table = Throttling("LogTable")
    with function_process.running("publish", table.refuse) as publish:
        path = f"/v1/tenants/{tenant.id}/events"
        answer = publish.call("POST", path, event)
        assert (answer.status, answer.code) == (503, "unavailable") and int(answer.headers["retry-after"]) > 0, answer
        assert is_on("TablesThrottledAlarm", table.measured())
        table.is_on, table.refused = False, 0
        assert publish.call("POST", path, event).status == 202
        assert not is_on("TablesThrottledAlarm", table.measured()), "the quiet run"

    table = Throttling("LogTable")
    record = stack.sqs_record(json.dumps(event | {"tenantId": tenant.id}))
    with function_process.running("dispatcher", table.refuse) as dispatcher:
        # It comes back, and is done when the table takes writes again.
        assert len(dispatcher.invoke({"Records": [record]})["batchItemFailures"]) == 1
        assert is_on("TablesThrottledAlarm", table.measured())
        table.is_on = False
        assert dispatcher.invoke({"Records": [record]})["batchItemFailures"] == []


# ---- The Scheduler -------------------------------------------------------------------------------


def not_sent() -> int:
    """How often the local cloud could not send a retry: `TargetErrorCount` is "emitted when the
    target returns an exception after EventBridge Scheduler calls the target API" (EventBridge
    Scheduler User Guide, monitoring-cloudwatch.html)."""
    log = (stack.outputs_path().parent / "ministack.log").read_text(errors="replace")
    return len(re.findall(rf"target arn:aws:sqs:[\w-]+:\d+:{stack.queue_arn('DeliveriesQueue').rsplit(':', 1)[1]} not delivered", log))


def of_schedules(failed: int) -> Measured:
    return {("AWS/Scheduler", "TargetErrorCount", (("ScheduleGroup", "RetryScheduleGroup"),)): [float(failed)] if failed else []}


def test_a_schedule_that_cannot_send_sets_off_its_alarm_and_the_retry_comes(tenant: Tenant, receiver: Receiver):
    receiver.answer(500, 200)
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [12]})
    before = not_sent()
    with disturb.no_sweeps():
        event = tenant.publish()
        delivery = tenant.wait_for_status(event, "retrying")
        (name,) = [one["Name"] for one in stack.eventually(lambda: stack.schedules(delivery["id"]), 10, "the schedule")]
        schedule = stack.schedule(name)
        # A queue of another region, which the Scheduler cannot reach.
        target = schedule["Target"] | {"Arn": re.sub(r"^arn:aws:sqs:[\w-]+", "arn:aws:sqs:eu-north-1", schedule["Target"]["Arn"])}
        kept = {field: schedule[field] for field in ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "ActionAfterCompletion")}
        stack.aws("scheduler").update_schedule(**kept, Target=target)
        assert not is_on("SchedulerErrorsAlarm", of_schedules(not_sent() - before)), "it is not due"
        stack.eventually(lambda: not_sent() > before, 60, "the schedule to fail")
        assert is_on("SchedulerErrorsAlarm", of_schedules(not_sent() - before))
        assert tenant.delivery(delivery["id"])["status"] == "retrying", "it stays due"
    tenant.wait_for_status(event, "completed", within=150)


def test_the_alarm_of_schedules_is_off_while_they_send(tenant: Tenant, receiver: Receiver):
    receiver.answer(500, 200)
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [8]})
    before = not_sent()
    tenant.wait_for_status(tenant.publish(), "completed", within=120)
    assert not is_on("SchedulerErrorsAlarm", of_schedules(not_sent() - before))
