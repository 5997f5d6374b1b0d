"""Retried: growing delays over SQS and with a real schedule, what counts as a failure, and what
the log shows of it."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from support import logs, stack
from support.client import KUVIQ_SECRET, STANDARD_SECRET, Tenant
from support.contracts import check_kuviq, check_standard, seconds_of
from support.receiver import HANG, RESET, Held, Receiver, Reply, closed_port

# "Fires within a minute"; the local cloud's scheduler ticks every ten seconds.
SCHEDULE_LATE = 60.0


def gaps(requests: list) -> list[float]:
    return [later.arrived - earlier.arrived for earlier, later in zip(requests, requests[1:])]


def schedules_of(delivery_id: str) -> list[str]:
    return [s["Name"] for s in stack.schedules(delivery_id)]


def test_three_failures_then_success_are_four_attempts_with_growing_delays(kuviq: Tenant, receiver: Receiver):
    delays = [1, 3, 5]
    assert max(delays) <= int(stack.parameter("QueueDelayLimitSeconds")), "the queue must carry these"
    began = time.time()
    webhook = kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": delays})
    receiver.answer(
        Reply(500, {"x-request-id": "first"}, b'{"error":"kaputt \xc3\xbc"}'),
        Reply(503, {"x-request-id": "second"}, b"later"),
        Reply(502, {"x-request-id": "third", "content-type": "text/plain"}, b""),
        Reply(201, {"x-request-id": "done"}, b"ok"),
    )

    event_id = kuviq.publish("item.created", b'{"n":1.0}', timestamp="2026-01-15T10:30:00Z")

    requests = receiver.wait(4, within=60)
    for gap, delay in zip(gaps(requests), delays, strict=True):
        assert delay <= gap, f"waited {gaps(requests)} for {delays}"
    assert {r.headers["webhook-id"] for r in requests} == {event_id}
    stamps = [int(r.headers["webhook-timestamp"]) for r in requests]
    assert stamps == sorted(set(stamps)), f"each attempt has its own timestamp: {stamps}"
    assert len({r.headers["x-webhook-timestamp"] for r in requests}) == 4
    assert len({r.body for r in requests}) == 1, "the body changed between attempts"
    for request in requests:
        check_kuviq(request, KUVIQ_SECRET)

    done = kuviq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 4 and done["lastResponseCode"] == 201 and "nextAttemptAt" not in done and "error" not in done
    log, put_off = done["attemptLog"], logs.put_off(done, began)
    for seconds, delay in zip(put_off, delays, strict=True):
        assert delay <= seconds <= delay + logs.OWN_SECONDS, f"put off by {put_off} for {delays}"
    assert put_off == sorted(put_off), f"the delays do not grow: {put_off}"
    assert [a["number"] for a in log] == [1, 2, 3, 4]
    assert {a["trigger"] for a in log} == {"automatic"}
    assert [a["responseCode"] for a in log] == [500, 503, 502, 201]
    assert [a["responseHeaders"]["x-request-id"] for a in log] == ["first", "second", "third", "done"]
    assert [a.get("responseBody", "") for a in log] == ['{"error":"kaputt ü"}', "later", "", "ok"]
    assert not any(a.get("truncated") for a in log) and not any("error" in a for a in log)
    assert all(0 <= a["durationMs"] < 10_000 for a in log)
    for attempt, request in zip(log, requests):
        at = seconds_of(attempt["at"])
        assert at - 0.01 <= request.arrived <= at + attempt["durationMs"] / 1000 + 0.01, "it arrived within its attempt"
        assert int(seconds_of(attempt["at"])) == int(request.headers["webhook-timestamp"])
    assert done["request"]["method"] == "POST" and done["request"]["url"] == receiver.url()
    assert done["request"]["body"].encode() == requests[-1].body
    shown = {name.lower(): value for name, value in done["request"]["headers"].items()}
    for name in ("webhook-id", "webhook-timestamp", "x-webhook-signature", "x-webhook-timestamp", "content-type", "user-agent"):
        assert shown[name] == requests[-1].headers[name], f"the log shows another {name} than was sent"
    assert kuviq.dead_letters() == []
    assert webhook["id"] == done["webhookId"]
    receiver.stays_at(4, seconds=1.5)


def test_while_a_retry_waits_the_log_says_so_and_when(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [5]})
    receiver.answer(500, 200)
    event_id = kuviq.publish()
    waiting = kuviq.wait_for_status(event_id, "retrying")
    assert waiting["attempts"] == 1 and waiting["lastResponseCode"] == 500 and waiting["error"]
    assert 5 <= round(seconds_of(waiting["nextAttemptAt"]) - seconds_of(waiting["processedAt"]), 3) <= 5 + logs.OWN_SECONDS
    second = receiver.wait(2, within=60)[1]
    assert second.arrived >= seconds_of(waiting["nextAttemptAt"]) - 0.05, "earlier than promised"
    kuviq.wait_for_status(event_id, "completed")


def test_a_delay_above_the_boundary_is_carried_by_a_schedule_that_is_gone_afterwards(kuviq: Tenant, receiver: Receiver):
    long_delay = int(stack.parameter("QueueDelayLimitSeconds")) + 8
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, long_delay]})
    receiver.answer(500, 500, 200)
    event_id = kuviq.publish("item.created", {"n": 1})

    second = receiver.wait(2)[1]
    waiting = stack.eventually(lambda: (d := kuviq.delivery_of(event_id))["attempts"] == 2 and d, 60, "the second failure in the log")
    delivery_id = waiting["id"]
    (name,) = stack.eventually(lambda: schedules_of(delivery_id), 60, "the schedule")
    made = stack.schedule(name)
    assert made["ActionAfterCompletion"] == "DELETE" and made["FlexibleTimeWindow"]["Mode"] == "OFF"
    assert made["Target"]["Arn"] == stack.queue_arn("DeliveriesQueue")
    assert made["Target"]["DeadLetterConfig"]["Arn"] == stack.queue_arn("DeliveriesDeadLetterQueue")
    assert set(json.loads(made["Target"]["Input"])) == {"tenantId", "deliveryId", "sequence"}, "ids only, no payload"
    at = re.fullmatch(r"at\((.+)\)", made["ScheduleExpression"])
    assert at and made.get("ScheduleExpressionTimezone", "UTC") == "UTC"
    due = seconds_of(at.group(1) + "Z")
    # The scheduler uses whole seconds.
    assert long_delay <= round(due - seconds_of(waiting["processedAt"]), 3) <= long_delay + 1 + logs.OWN_SECONDS
    assert waiting["status"] == "retrying"

    third = receiver.wait(3, within=long_delay + SCHEDULE_LATE)[2]

    assert long_delay <= third.arrived - second.arrived
    requests = receiver.requests()
    assert {r.headers["webhook-id"] for r in requests} == {event_id}
    assert len({r.headers["webhook-timestamp"] for r in requests}) == 3
    done = kuviq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 3 and {a["trigger"] for a in done["attemptLog"]} == {"automatic"}
    stack.eventually(lambda: not schedules_of(delivery_id), 60, "the schedule to be gone")
    receiver.stays_at(3, seconds=1.5)


def test_the_same_retry_message_many_times_at_once_is_one_post(kuviq: Tenant, receiver: Receiver):
    """SQS may deliver twice, and the scheduler may fire twice; the lease lets one through."""
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [int(stack.parameter("QueueDelayLimitSeconds")) + 8]})
    receiver.answer(500, Reply(200, delay=1.5))
    event_id = kuviq.publish()
    waiting = kuviq.wait_for_status(event_id, "retrying")
    (name,) = stack.eventually(lambda: schedules_of(waiting["id"]), 60, "the schedule")
    message = stack.schedule(name)["Target"]["Input"]
    stack.aws("scheduler").delete_schedule(GroupName=stack.outputs()["stack"]["RetryScheduleGroupName"], Name=name)
    stack.eventually(lambda: time.time() > seconds_of(waiting["nextAttemptAt"]), 60, "the retry to be due")

    def arrives(_) -> dict:
        return stack.invoke_with([stack.sqs_record(message, queue="DeliveriesQueue")] * 2)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(arrives, range(4)))

    assert not any(answer["batchItemFailures"] for answer in answers)
    done = kuviq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 2
    for _ in range(2):
        assert arrives(0)["batchItemFailures"] == [], "a handled message is dropped"
    # Messages that met the lease come back once it has run out, and find the attempt done.
    receiver.stays_at(2, seconds=4)
    assert kuviq.delivery(waiting["id"])["attempts"] == 2


def test_a_retry_that_meets_a_lease_waits_until_that_lease_ends(kuviq: Tenant, receiver: Receiver):
    """A schedule for the first end may still exist, fired or not: it is not taken for that of
    the second."""
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [60]})
    receiver.answer(500)
    waiting = kuviq.wait_for_status(kuviq.publish(), "retrying")
    (name,) = stack.eventually(lambda: schedules_of(waiting["id"]), 5, "the schedule")
    message = stack.schedule(name)["Target"]["Input"]
    key, webhook = waiting["id"].removeprefix("dlv_")[:26], waiting["webhookId"]
    (row,) = [r for r in stack.scan("LogTable", kuviq.id) if r["sk"]["S"] == f"{key}#{webhook}"]

    def busy_until(end: float) -> None:
        lease = {":end": {"N": str(int(end * 1000))}, ":owner": {"S": "another"}}
        change = {"UpdateExpression": "SET lease_until = :end, lease_owner = :owner", "ExpressionAttributeValues": lease}
        stack.aws("dynamodb").update_item(TableName=stack.resource("LogTable"), Key={"pk": row["pk"], "sk": row["sk"]}, **change)
        assert stack.invoke_with([stack.sqs_record(message, queue="DeliveriesQueue")]) == {"batchItemFailures": []}

    first = int(time.time()) + 100.3
    # The third time, the response of the second was lost.
    for end in (first, first + 60, first + 60):
        busy_until(end)

    times = {stack.schedule(made)["ScheduleExpression"] for made in schedules_of(waiting["id"]) if made != name}
    # A second after the end, and rounded up.
    wanted = {datetime.fromtimestamp(int(end) + 2, timezone.utc).strftime("at(%Y-%m-%dT%H:%M:%S)") for end in (first, first + 60)}
    assert times == wanted and len(schedules_of(waiting["id"])) == 3
    stack.drop_schedules({waiting["id"]})


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_on_503_puts_the_next_attempt_off(tenant: Tenant, receiver: Receiver, form: str):
    asked, began = 5, time.time()

    def busy(_) -> Reply:
        # A date has whole seconds: one more, so that it is at least the asserted delay.
        date = datetime.fromtimestamp(time.time() + asked + 1, timezone.utc)
        return Reply(503, {"retry-after": str(asked) if form == "seconds" else format_datetime(date, usegmt=True)})

    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(busy, 200)
    event_id = tenant.publish()
    requests = receiver.wait(2, within=asked + SCHEDULE_LATE)
    assert asked <= gaps(requests)[0]
    done = tenant.wait_for_status(event_id, "completed")
    (put_off,) = logs.put_off(done, began)
    assert asked <= put_off <= asked + 2 + logs.OWN_SECONDS
    assert {n.lower() for n in done["attemptLog"][0]["responseHeaders"]} >= {"retry-after"}


@pytest.mark.parametrize("value", ["0", "1", "-5", "soon", "99999999999999999999x", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_retry_after_never_brings_an_attempt_forward(tenant: Tenant, receiver: Receiver, value: str):
    began = time.time()
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3]})
    receiver.answer(Reply(503, {"retry-after": value}), 200)
    event_id = tenant.publish()
    assert 3 <= gaps(receiver.wait(2))[0]
    (put_off,) = logs.put_off(tenant.wait_for_status(event_id, "completed"), began)
    # Under `standard` up to a tenth of the delay may be added at random.
    assert 3 <= put_off <= 3.3 + logs.OWN_SECONDS


def test_an_endless_retry_after_is_held_to_a_day(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(Reply(503, {"retry-after": "99999999999999999999999"}), 200)
    waiting = tenant.wait_for_status(tenant.publish(), "retrying")
    ahead = seconds_of(waiting["nextAttemptAt"]) - time.time()
    assert 86_000 < ahead < 86_410
    (name,) = stack.eventually(lambda: schedules_of(waiting["id"]), 60, "the schedule")
    stack.aws("scheduler").delete_schedule(GroupName=stack.outputs()["stack"]["RetryScheduleGroupName"], Name=name)


def test_410_switches_the_webhook_off_and_dead_letters_as_gone(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, 1]})
    receiver.answer(Reply(410, {}, b"moved away"))
    event_id = tenant.publish()

    failed = tenant.wait_for_status(event_id, "failed")
    assert failed["attempts"] == 1 and failed["lastResponseCode"] == 410
    (letter,) = tenant.wait_for_dead_letters(1)
    assert letter["reason"] == "gone" and letter["lastResponseCode"] == 410 and letter["deliveryId"] == failed["id"]
    off = stack.eventually(lambda: (w := tenant.webhook(webhook["id"])) and not w["active"] and w, 60, "the webhook to be off")
    assert off["disabledReason"] == "gone"

    later = tenant.publish()
    stack.for_a_while(lambda: tenant.event(later)["deliveries"] == [], 2, "no delivery to a webhook that is off")
    receiver.stays_at(1, seconds=1)

    assert "disabledReason" not in tenant.patch_webhook(webhook["id"], active=True)
    receiver.answer(200)
    tenant.wait_for_status(tenant.publish(), "completed")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(kuviq: Tenant, receiver: Receiver, status: int):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(Reply(status, {"location": receiver.url("/elsewhere")}), 200)
    event_id = kuviq.publish()
    done = kuviq.wait_for_status(event_id, "completed")
    assert [a["responseCode"] for a in done["attemptLog"]] == [status, 200], "a 3xx is retried"
    assert receiver.requests("/elsewhere") == []


@pytest.mark.parametrize(
    ("case", "code"), [("hangs", "timeout"), ("hangs up", "reset"), ("is not there", "connect"), ("has no TLS", "tls")]
)
def test_a_receiver_without_an_answer_is_tried_again_and_its_failure_named(kuviq: Tenant, receiver: Receiver, case: str, code: str):
    url = {
        "is not there": f"http://127.0.0.1:{closed_port()}/hook",
        "has no TLS": receiver.url().replace("http://", "https://"),
    }.get(case, receiver.url())
    receiver.answer(HANG if case == "hangs" else RESET)
    # On a busy machine a failure of another kind may also take its second.
    kuviq.new_webhook(url, overrides={"retryDelaysSeconds": [1], "timeoutSeconds": 1 if case == "hangs" else 8})
    event_id = kuviq.publish()
    failed = kuviq.wait_for_status(event_id, "failed", within=60)
    assert failed["attempts"] == 2 and "lastResponseCode" not in failed
    for attempt in failed["attemptLog"]:
        assert attempt["error"]["code"] == code and attempt["error"]["message"] and "responseCode" not in attempt
    (letter,) = kuviq.wait_for_dead_letters(1)
    assert letter["reason"] == "exhausted" and letter["lastError"] == code
    if case in ("hangs", "hangs up"):
        assert len(receiver.requests()) == 2, "an attempt is one request: the client must not retry it"


def test_a_slow_answer_in_time_is_a_success_and_out_of_time_a_failure(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1], "timeoutSeconds": 3})
    receiver.answer(Reply(200, delay=6), Reply(200, delay=0.5))
    done = kuviq.wait_for_status(kuviq.publish(), "completed")
    first, second = done["attemptLog"]
    assert first["error"]["code"] == "timeout" and 2900 <= first["durationMs"] <= 4500
    assert second["responseCode"] == 200 and second["durationMs"] >= 500


def test_a_long_answer_is_cut_at_16_kib(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(Reply(500, {}, b"x" * 100_000), Reply(200, {}, b"y" * 100_000))
    done = kuviq.wait_for_status(kuviq.publish(), "completed")
    for attempt, letter in zip(done["attemptLog"], "xy"):
        assert attempt["truncated"] is True
        assert set(attempt["responseBody"]) == {letter} and 16_000 <= len(attempt["responseBody"]) <= 16 * 1024


def test_the_event_stays_as_published_while_the_webhook_changes_between_attempts(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url("/old"), overrides={"retryDelaysSeconds": [1]})
    first = Held(500)
    receiver.answer(first, path="/old")
    event_id = tenant.publish("item.created", b'{"n":1.50}')
    receiver.wait(1, path="/old")
    tenant.patch_webhook(webhook["id"], url=receiver.url("/new"))
    first.let_go()
    moved = receiver.wait(1, path="/new")[0]
    check_standard(moved, STANDARD_SECRET)
    assert moved.headers["webhook-id"] == event_id and moved.body == receiver.requests("/old")[0].body
    done = tenant.wait_for_status(event_id, "completed")
    assert [a["url"] for a in done["attemptLog"]] == [receiver.url("/old"), receiver.url("/new")]
    assert len(receiver.requests("/old")) == 1


def test_a_failing_webhook_does_not_delay_its_neighbour(tenant: Tenant, receiver: Receiver):
    bad = tenant.new_webhook(receiver.url("/bad"), overrides={"retryDelaysSeconds": [1, 1]})
    good = tenant.new_webhook(receiver.url("/good"))
    receiver.answer(500, path="/bad")
    event_id = tenant.publish()
    tenant.wait_for_status(event_id, "failed", webhook_id=bad["id"])
    assert tenant.wait_for_status(event_id, "completed", webhook_id=good["id"])["attempts"] == 1
    assert len(receiver.requests("/good")) == 1 and len(receiver.requests("/bad")) == 3
