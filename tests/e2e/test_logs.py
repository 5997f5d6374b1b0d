"""The functions' logs: one JSON line for each attempt, counters without a tenant, and nowhere a
payload or a secret."""

import base64
import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest

from support import client, logs, stack
from support.contracts import seconds_of
from support.receiver import Receiver, Reply, closed_port

# One scenario serves all tests.
pytestmark = pytest.mark.xdist_group("logs")

ALWAYS = {"timestamp", "level", "message", "request_id", "tenant_id", "webhook_id", "event_id", "delivery_id", "attempt_number", "trigger", "duration_ms", "verdict"}
# Whichever of them a line has.
ANSWERED, FAILED, WAITING = {"status_code"}, {"error", "error_detail"}, {"next_attempt_at"}
COUNTERS = {
    "EventsAccepted", "DeliveriesSucceeded", "DeliveriesRetried", "DeliveriesDeadLettered", "MessagesRejected", "MessagesUnreadable", "DeadLettersUndeliverable",
    "WebhooksEnteredSlowLane", "RowsUnreadable", "KmsFaults",
}  # fmt: skip
# Written by each sweep, also if they are zero.
SWEPT = {"OldestDueAge", "LostDeliveriesFound"}
UNITS = dict.fromkeys(COUNTERS | {"LostDeliveriesFound"}, "Count") | {"OldestDueAge": "Seconds", "DeliveryLatency": "Milliseconds"}


@dataclass(frozen=True)
class Scenario:
    """One tenant's deliveries of every outcome, and other requests that contain something that
    no log may contain."""

    began: float
    tenant: client.Tenant
    # By outcome, the delivery in detail as the API shows it.
    deliveries: dict[str, dict[str, Any]]
    dead_letters: list[dict[str, Any]]
    # By where it was put, a text that occurs nowhere else.
    canaries: dict[str, str]
    # Everything that the dispatcher had logged when it was over, for all tenants.
    records: list[dict[str, Any]]

    def attempts(self) -> list[dict[str, Any]]:
        """The tenant's lines, when there is one for each attempt that the API shows."""
        wanted = sum(len(delivery["attemptLog"]) for delivery in self.deliveries.values())

        def written() -> list[dict[str, Any]]:
            found = logs.records(logs.group_of("DispatcherFunction"), self.began)
            lines = [line for line in found if line.get("message") == "delivery.attempted" and line["tenant_id"] == self.tenant.id]
            assert len(lines) >= wanted, f"{len(lines)} lines for {wanted} attempts"
            return lines

        return stack.eventually(written, 60, "the attempts' lines")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    began, canaries = time.time(), {}

    def canary(where: str) -> str:
        return canaries.setdefault(where, f"canary-{secrets.token_hex(8)}")

    with Receiver() as receiver:
        tenant = client.new_tenant("kuviq")
        canaries["tenant's key"], canaries["operator's key"] = tenant.api.key, stack.outputs()["operatorKey"]
        receiver.answer(Reply(200, {"x-canary": canary("answer's header")}, canary("answer's body").encode()), path="/completed")
        receiver.answer(500, 200, path="/retried")
        receiver.answer(500, path="/retrying")
        receiver.answer(400, path="/refused")
        receiver.answer(500, path="/exhausted")
        urls = {name: receiver.url(f"/{name}") for name in ("completed", "retried", "retrying", "refused", "exhausted")}
        # Its log line must not contain the URL, which may contain a token.
        urls["unreachable"] = f"http://127.0.0.1:{closed_port()}/{canary('path')}?token={canary('query')}"
        delays = {"retrying": [3000, 3000], "unreachable": [3000]}
        webhooks = {
            name: tenant.new_webhook(
                url,
                events=[f"item.{name}"],
                secret=canary(f"secret of {name}"),
                overrides={"timeoutSeconds": 2, "retryDelaysSeconds": delays.get(name, [1])},
            )
            for name, url in urls.items()
        }
        tenant.api.post(tenant.path(f"/webhooks/{webhooks['completed']['id']}/secret/rotate"), {"secret": canary("rotated secret")}).ok(200)
        data, context = {"text": canary("data")}, {"project": canary("context")}
        events = {name: tenant.publish(f"item.{name}", data, context=context) for name in urls}
        tenant.publish_sqs("item.unheard", {"text": canary("data by SQS")})
        _send_what_is_refused(tenant, canary)

        ends = {"completed": "completed", "retried": "completed", "refused": "failed", "exhausted": "failed"}
        found = {name: tenant.wait_for_status(event, ends.get(name, "retrying")) for name, event in events.items()}
        # A manual attempt, to a receiver that still fails, while the automatic attempt waits.
        tenant.api.post(tenant.path(f"/deliveries/{found['retrying']['id']}/retry")).ok(202)

        def tried_by_hand() -> dict[str, Any] | None:
            detail = tenant.delivery(found["retrying"]["id"])
            return detail if detail["attempts"] == 2 else None

        found["retrying"] = stack.eventually(tried_by_hand, 60, "the manual attempt")
        letters = tenant.wait_for_dead_letters(2 + 1)
    made = Scenario(began, tenant, found, letters, canaries, [])
    made.attempts()
    # Now, and not in a test: meanwhile others may kill dispatchers, whose counters are then lost.
    return replace(made, records=logs.records(logs.group_of("DispatcherFunction"), began))


def _send_what_is_refused(tenant: client.Tenant, canary) -> None:
    """Sends invalid requests on both paths, and to the API: no part of them is logged."""
    # The tenant is recognised, so the dead letter belongs to it.
    tenant.send_sqs(json.dumps({"tenantId": tenant.id, "type": "no type!", "data": canary("data of an invalid event")}))
    tenant.send_sqs(f'{{"tenantId": "{tenant.id}", "data": {{"text": "{canary("malformed message")}"')
    tenant.api.post(tenant.path("/events"), f'{{"type": "a", "data": "{canary("malformed body")}"').ok(400)
    tenant.api.post(tenant.path("/events"), {"type": "a b", "data": canary("data of an invalid type")}).ok(422)
    tenant.api.post(tenant.path("/events"), {"type": "a", "data": 1, canary("unknown field"): canary("unknown field's value")}).ok(400)
    forged = tenant.api.with_key(f"{tenant.api.key}{canary('forged key')}")
    forged.get(tenant.path("/webhooks")).ok(401)
    path = tenant.path("/webhooks")
    tenant.api.post(path, {"url": f"https://user:{canary('password in a URL')}@example.com/", "events": ["*"]}).ok(422)
    extras = {"headers": {"authorization": f"Bearer {canary('header')}"}, "basicAuth": {"username": "u", "password": canary("password")}}
    for name, value in extras.items():
        body = {"url": "https://example.com/", "events": ["item.none"], "active": False, name: value}
        tenant.api.post(path, body).ok(201)


def line_of(scenario: Scenario, delivery: dict[str, Any], attempt: dict[str, Any]) -> dict[str, Any]:
    found = [l for l in scenario.attempts() if l["delivery_id"] == delivery["id"] and l["attempt_number"] == attempt["number"]]
    assert len(found) == 1, f"attempt {attempt['number']} of {delivery['id']} has {len(found)} lines"
    return found[0]


def test_each_attempt_is_one_line_that_agrees_with_the_api(scenario: Scenario) -> None:
    lines = scenario.attempts()
    assert len(lines) == sum(len(d["attemptLog"]) for d in scenario.deliveries.values()), "there are lines without an attempt"
    for delivery in scenario.deliveries.values():
        for attempt in delivery["attemptLog"]:
            line = line_of(scenario, delivery, attempt)
            outcome = FAILED if "error" in attempt else ANSWERED
            assert set(line) - WAITING == ALWAYS | outcome
            assert (line["level"], line["message"], line["tenant_id"]) == ("INFO", "delivery.attempted", scenario.tenant.id)
            assert (line["webhook_id"], line["event_id"]) == (delivery["webhookId"], delivery["eventId"])
            assert line["trigger"] == attempt["trigger"]
            assert line.get("status_code") == attempt.get("responseCode")
            assert line.get("error") == attempt.get("error", {}).get("code")
            assert line.get("error_detail") == attempt.get("error", {}).get("message")
            assert line["duration_ms"] == attempt["durationMs"]


def test_a_line_says_what_the_attempt_led_to_and_when_the_next_is_due(scenario: Scenario) -> None:
    verdicts = {
        name: [line_of(scenario, delivery, attempt)["verdict"] for attempt in sorted(delivery["attemptLog"], key=lambda a: a["number"])]
        for name, delivery in scenario.deliveries.items()
    }
    # The failed manual attempt leaves the schedule unchanged and makes no dead letter: its verdict
    # is a separate word.
    assert verdicts["retrying"][1] not in {"delivered", "retry", *(letter["reason"] for letter in scenario.dead_letters)}
    del verdicts["retrying"]
    assert verdicts == {
        "completed": ["delivered"],
        "retried": ["retry", "delivered"],
        "refused": ["refused"],
        "exhausted": ["retry", "exhausted"],
        "unreachable": ["retry"],
    }
    for delivery in scenario.deliveries.values():
        for attempt in delivery["attemptLog"]:
            line = line_of(scenario, delivery, attempt)
            assert ("next_attempt_at" in line) == (line["verdict"] == "retry")
    waiting = scenario.deliveries["unreachable"]
    assert line_of(scenario, waiting, waiting["attemptLog"][0])["next_attempt_at"] == waiting["nextAttemptAt"]


def test_refused_messages_are_a_line_with_the_reason_and_the_dead_letter(scenario: Scenario) -> None:
    (letter,) = [letter for letter in scenario.dead_letters if "deliveryId" not in letter]

    def line() -> dict[str, Any]:
        found = [r for r in logs.records(logs.group_of("DispatcherFunction"), scenario.began) if r.get("dead_letter_id") == letter["id"]]
        assert len(found) == 1, f"{len(found)} lines"
        return found[0]

    found = stack.eventually(line, 60, "the refusal's line")
    assert set(found) == {"timestamp", "level", "message", "request_id", "tenant_id", "delivery_id", "dead_letter_id", "reason"}
    assert (found["message"], found["tenant_id"], found["reason"]) == ("message.rejected", scenario.tenant.id, letter["reason"])
    assert found["delivery_id"] is None, "it never was one"


def metric_lines(since: float) -> dict[str, list[dict[str, Any]]]:
    """By group, the lines in CloudWatch's embedded metric format."""
    return {group: [r for r in logs.records(group, since) if "_aws" in r] for group in logs.groups()}


def test_counters_have_the_stack_as_their_only_dimension_and_no_other_field(scenario: Scenario) -> None:
    scenario.attempts()
    found = [line for lines in metric_lines(scenario.began).values() for line in lines]
    assert found, "no counter was written"
    for line in found:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Postel"
        assert directive["Dimensions"] == [["Stack"]], "each set of dimensions is a metric that is billed"
        assert line["Stack"] == stack.outputs()["stackName"], "two stacks of a region must not add up in one metric"
        units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
        assert units.items() <= UNITS.items() and set(line) == {"_aws", "Stack", *units}
        assert all(isinstance(line[name], int) and line[name] > 0 for name in units.keys() & COUNTERS)
        assert all(isinstance(line[name], int) for name in units.keys() & SWEPT)
        # A list: an average would hide the slowest.
        latencies = line.get("DeliveryLatency", [0])
        assert 0 < len(latencies) <= 100 and all(isinstance(one, int) for one in latencies)
        assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 3600


def test_the_counters_of_the_dispatcher_add_up_to_its_lines(scenario: Scenario) -> None:
    """Over everything in the log group, for all tenants: an invocation's lines and counters are
    written together."""
    records = scenario.records
    counted: Counter[str] = Counter()
    for record in records:
        counted.update({name: record[name] for name in COUNTERS if "_aws" in record and name in record})
    verdicts = Counter(record["verdict"] for record in records if record.get("message") == "delivery.attempted")
    refused = sum(record.get("message") == "message.rejected" for record in records)
    assert counted["DeliveriesSucceeded"] == verdicts["delivered"]
    assert counted["DeliveriesRetried"] == verdicts["retry"]
    assert counted["MessagesRejected"] == refused
    reasons = {"refused", "exhausted", "gone", "address_blocked", "invalid_url", "webhook_inactive", "undeliverable"}
    assert counted["DeliveriesDeadLettered"] == sum(count for verdict, count in verdicts.items() if verdict in reasons)


def test_accepted_events_are_counted_at_both_doors(scenario: Scenario) -> None:
    def accepted() -> bool:
        by_group = {group: sum(line.get("EventsAccepted", 0) for line in lines) for group, lines in metric_lines(scenario.began).items()}
        assert by_group[logs.group_of("PublishFunction")] >= len(scenario.deliveries), by_group
        assert by_group[logs.group_of("DispatcherFunction")] >= 1, f"the event that came by SQS was not counted: {by_group}"
        return True

    stack.eventually(accepted, 60, "the accepted events to be counted")


def test_no_payload_and_no_secret_is_in_any_log(scenario: Scenario) -> None:
    scenario.attempts()
    known = logs.groups()
    assert {logs.group_of(f"{name}Function") for name in ("Publish", "Manage", "Authorizer", "Dispatcher", "Dlq", "Sweeper")} <= set(known)
    written = {group: "\n".join(logs.lines(group, scenario.began)) for group in known}
    # A text that must be found is found: the search works.
    assert scenario.tenant.id in written[logs.group_of("DispatcherFunction")]
    for group, text in written.items():
        for where, canary in scenario.canaries.items():
            assert canary not in text, f"the {where} is in {group}: {next(l for l in text.splitlines() if canary in l)[:300]}"


def test_whatever_the_functions_write_is_json(scenario: Scenario) -> None:
    scenario.attempts()
    for group in logs.groups():
        for line in logs.lines(group, scenario.began):
            if not line.startswith(("START ", "END ", "REPORT ")):
                assert isinstance(json.loads(line), dict), f"{group}: {line[:300]}"


def test_each_line_has_the_id_of_its_invocation_and_metrics_have_none(scenario: Scenario) -> None:
    lines = [record for group in logs.groups() for record in logs.records(group, scenario.began)]
    ours = [line for line in lines if "message" in line]
    assert ours and [line for line in ours if not line.get("request_id")] == []
    assert [line for line in lines if "_aws" in line and "request_id" in line] == []
    # The attempts of one delivery are seconds apart, each in its own invocation.
    retried = scenario.deliveries["retried"]
    ids = [line_of(scenario, retried, attempt)["request_id"] for attempt in retried["attemptLog"]]
    assert len(ids) == 2 and len(set(ids)) == 2 and {len(one) for one in ids} == {36}, ids


def test_a_line_of_the_api_has_the_request_id_of_the_response_too(tenant: client.Tenant) -> None:
    began, webhook = time.time(), tenant.new_webhook("https://receiver.example.com/")["id"]
    dynamo, table = stack.aws("dynamodb"), stack.resource("ConfigTable")
    key = {"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": f"webhook#{webhook}"}}
    row = dynamo.get_item(TableName=table, Key=key)["Item"]
    dynamo.put_item(TableName=table, Item=row | {"created_at": {"S": "never"}})
    try:
        answer = tenant.api.get(tenant.path(f"/webhooks/{webhook}"))
    finally:
        dynamo.put_item(TableName=table, Item=row)
    problem = answer.ok(500)
    assert problem["code"] == "internal" and "retry-after" not in answer.headers

    def line() -> dict[str, Any]:
        found = [fault for fault in logs.faults("ManageFunction", began) if fault.get("gateway_request_id") == problem["requestId"]]
        assert len(found) == 1, f"{len(found)} lines"
        return found[0]

    told = stack.eventually(line, 60, "the line of the fault")
    assert (told["level"], told["message"], told["fault_kind"], told["stage"]) == ("ERROR", "request.failed", "corrupt", "ReadConfig")
    assert told["request_id"] != told["gateway_request_id"]


def given_up(tenant: client.Tenant, receiver: Receiver) -> tuple[dict, dict, list[dict]]:
    """A delivery whose webhook is inactive when its retry is due, its dead letter, and the log
    of the invocation that this test made for it."""
    delay = int(stack.parameter("QueueDelayLimitSeconds"))
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [delay]})
    delivery = tenant.wait_for_status(tenant.publish(), "retrying")
    tenant.patch_webhook(webhook["id"], active=False)
    # Its own message gets the same result a second later.
    due = seconds_of(delivery["nextAttemptAt"])
    stack.eventually(lambda: time.time() > due - 0.8, 60, "the retry to be nearly due")
    task = json.dumps({"tenantId": tenant.id, "deliveryId": delivery["id"], "sequence": 1})
    event = {"Records": [stack.sqs_record(task, "DeliveriesQueue")]}
    answer = stack.aws("lambda").invoke(FunctionName=stack.resource("DispatcherFunction"), Payload=json.dumps(event), LogType="Tail")
    written = [json.loads(line) for line in base64.b64decode(answer.get("LogResult", "")).decode().splitlines() if line.startswith("{")]
    (letter,) = tenant.wait_for_dead_letters(webhookId=webhook["id"])
    return delivery, letter, written


def test_a_message_that_nobody_can_read_is_one_line_of_the_level_error() -> None:
    record = stack.sqs_record("not a task", "DeliveriesQueue")
    answer = stack.aws("lambda").invoke(
        FunctionName=stack.resource("DispatcherFunction"), Payload=json.dumps({"Records": [record]}), LogType="Tail"
    )
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}, "it is a dead letter at once"
    written = [json.loads(line) for line in base64.b64decode(answer.get("LogResult", "")).decode().splitlines() if line.startswith("{")]
    (line,) = [line for line in written if "_aws" not in line]
    assert (line["level"], line["message"], line["message_id"]) == ("ERROR", "message.unreadable", record["messageId"])
    assert (line["fault_kind"], line["stage"], line["causes"]) == ("corrupt", "ReadMessage", ["the message is not a delivery task"])


def test_a_delivery_given_up_without_an_attempt_is_a_line_and_a_death(kuviq: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(500)
    # On a busy machine the delivery's own message may be first: then the invocation logs nothing
    # about it, and the scene is repeated.
    scenes = (given_up(kuviq, receiver) for _ in range(5))
    delivery, letter, written = next(scene for scene in scenes if any(line.get("delivery_id") == scene[0]["id"] for line in scene[2]))
    assert letter["reason"] == "webhook_inactive"
    (line,) = [line for line in written if "_aws" not in line]
    counted = written[written.index(line) + 1 :]
    assert [line.get("DeliveriesDeadLettered") for line in counted] == [1]
    assert (line["level"], line["tenant_id"], line["delivery_id"]) == ("INFO", kuviq.id, delivery["id"])
    assert (line["reason"], line["dead_letter_id"]) == ("webhook_inactive", letter["id"])
