"""Operational events: what happens to webhooks, keys, deliveries, messages and redrives of all
tenants is an event of the operator's tenant, delivered like any other, and is on the event bus.

On AWS, DynamoDB writes the record of a stream with the row, and Lambda repeats a batch until the
function succeeds, for as long as the mapping says (AWS Lambda Developer Guide, "Using Lambda with
DynamoDB", error handling). The local cloud does the same; where it does not read the function's
partial response, the tests call the function themselves.
"""

import json
import threading
import time
from typing import Any, Iterator

import pytest

from support import client, disturb, function_process, logs, operational_events, processes, slow, stack
from support.operational_events import Bus, Operators
from support.receiver import HANG, Receiver

# On one worker: while the operator's tenant exists, it gets the events about all tenants.
pytestmark = pytest.mark.xdist_group("operational events")

NOTIFIER = "NotifierFunction"


def invoke(*records: dict[str, Any]) -> Any:
    return stack.invoke(NOTIFIER, {"Records": list(records)})


# ---- Without the operator's tenant ---------------------------------------------------------------


def test_a_tenant_that_does_not_exist_gets_nothing_and_nothing_is_rejected(tenant: client.Tenant) -> None:
    webhook = tenant.new_webhook("https://hooks.example.com/in")
    began, operator = time.time(), stack.parameter("OperatorTenant")
    client.operator().delete(f"/v1/tenants/{operator}")
    record = operational_events.record("ConfigTable", None, operational_events.webhook_row(tenant.id, webhook["id"]))

    assert invoke(record) == {"batchItemFailures": []}

    stack.eventually(lambda: logs.holding(NOTIFIER, "operational_events.dropped", began - 5), 30, "the line that says so")
    rows = [row for row in stack.scan("DeadLettersTable", "#nobody") if operator in row.get("message", {}).get("S", "")]
    assert [row for row in rows if int(row["at"]["N"]) >= began * 1000] == []


# ---- With it -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def operators() -> Iterator[Operators]:
    with Receiver() as receiver, operational_events.operators_tenant() as tenant:
        tenant.new_webhook(receiver.url(), ["webhook.*", "delivery.*", "message.*", "key.*", "secret.*", "session.*", "redrive.*"])
        yield Operators(tenant, receiver)


@pytest.fixture(scope="module")
def bus() -> Iterator[Bus]:
    with operational_events.bus() as bus:
        yield bus


@pytest.fixture(autouse=True)
def sees_the_documented_members(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test received has the members that the catalogue shows, and came once."""
    yield
    if "operators" not in request.fixturenames:
        return
    operators: Operators = request.getfixturevalue("operators")
    examples = {entry["type"]: entry["example"] for entry in operators.tenant.api.all("/v1/event-types") if entry.get("group") == "Postel"}
    for got in operators.receiver.requests():
        event = json.loads(got.body)
        data, example = event["data"], examples[event["type"]]
        assert list(data) == list(example), event["type"]
        assert (data["type"], data["time"], data["id"]) == (event["type"], event["timestamp"], got.headers["webhook-id"])
        assert data["stack"] == stack.outputs()["stackName"] and data["tenantId"] != operators.tenant.id
        assert len(got.body) < 4096


def test_an_owners_changes_are_events_and_are_on_the_bus(operators: Operators, bus: Bus) -> None:
    tenant = client.new_tenant()
    secret = "secret-in-a-path"
    webhook = tenant.new_webhook(f"https://hooks.example.com/{secret}", name=secret, headers={"x-token": secret})
    by = {"kind": "key", "id": tenant.api.key.split("_")[1]}
    about = {"webhookId": webhook["id"], "host": "hooks.example.com", "contract": "standard"}
    operators.wait(tenant.id, "webhook.created", active=True, by=by, **about)
    tenant.patch_webhook(webhook["id"], name="x", url="https://other.example.com/")
    about["host"] = "other.example.com"
    # Credentials are dropped with their host.
    assert operators.wait(tenant.id, "webhook.updated", by=by, **about)["changed"] == ["name", "url", "headers"]
    operator = {"kind": "operator", "id": None}
    tenant.operator.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"active": False}).ok()
    operators.wait(tenant.id, "webhook.disabled", active=False, reason="owner", failingSince=None, by=operator, **about)
    tenant.patch_webhook(webhook["id"], active=True)
    operators.wait(tenant.id, "webhook.enabled", active=True, by=by, **about)
    rotated = tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/secret/rotate")).ok()
    operators.wait(tenant.id, "secret.rotated", by=by, **about)
    operators.wait(tenant.id, "webhook.updated", by=by, changed=["secret"])
    tenant.api.delete(tenant.path(f"/webhooks/{webhook['id']}")).ok(204)
    operators.wait(tenant.id, "webhook.deleted", by=by, **about)
    key = tenant.new_key(["webhooks:read"])
    operators.wait(tenant.id, "key.created", keyId=key["id"], scopes=["webhooks:read"], expiresAt=None, by=operator)
    tenant.operator.delete(tenant.path(f"/keys/{key['id']}")).ok(204)
    operators.wait(tenant.id, "key.deleted", keyId=key["id"], reason="deleted", by=operator)

    received = operators.bodies(tenant.id)
    # The tenant's own key is the first.
    assert len(received) == 10 and operators.repeated(tenant.id) == {}
    assert not any(text in json.dumps(body) for body in received for text in (secret, key["key"], rotated["secret"]))
    stack.eventually(lambda: len(bus.of(tenant.id)) == 10, 30, "the bus to have all of them")
    assert sorted(json.dumps(event["detail"]) for event in bus.of(tenant.id)) == sorted(map(json.dumps, received))
    assert all((event["source"], event["detail-type"]) == ("postel", event["detail"]["type"]) for event in bus.of(tenant.id))


def test_a_new_session_says_which_key_made_it(operators: Operators, tenant: client.Tenant) -> None:
    made = tenant.api.post(tenant.path("/sessions"), {"scopes": ["webhooks:read"]}).ok(201)
    key = {"kind": "key", "id": tenant.api.key.split("_")[1]}
    got = operators.wait(tenant.id, "session.created", sessionId=made["id"], scopes=["webhooks:read"], expiresAt=made["expiresAt"], by=key)
    opened = tenant.api.with_key(None).post("/v1/sessions/exchange", {"code": made["code"]}).ok(201)
    own = tenant.operator.post("/v1/sessions", {}).ok(201)
    # Of the operator's session later than of the other's opening, which is no event.
    operators.wait(None, "session.created", sessionId=own["id"], by={"kind": "operator", "id": None})
    assert operators.bodies(tenant.id, "session.created") == [got] and operators.repeated(tenant.id) == {}
    secrets = (made["code"], opened["token"], own["code"])
    assert not any(text in json.dumps(body) for body in operators.bodies(tenant.id) + operators.bodies(None) for text in secrets)
    tenant.operator.delete(f"/v1/sessions/{own['id']}").ok(204)


def test_a_receiver_that_fails_and_recovers(operators: Operators, tenant: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(500, 500, 200)
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, 1]})
    event = tenant.publish()
    since = operators.wait(tenant.id, "webhook.failing", webhookId=webhook["id"])["failingSince"]
    assert since == tenant.delivery_of(event)["attemptLog"][0]["at"]
    # A dispatcher changes the mark of a webhook at most once in ten seconds.
    stack.eventually(lambda: tenant.publish() and operators.bodies(tenant.id, "webhook.recovered"), 60, "the recovery", 2)
    operators.wait(tenant.id, "webhook.recovered", webhookId=webhook["id"], failingSince=since)
    assert operators.repeated(tenant.id) == {}


def test_a_delivery_that_becomes_a_dead_letter_and_a_webhook_that_is_gone(operators: Operators, tenant: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(410)
    webhook = tenant.new_webhook(receiver.url())
    event = tenant.publish("order.paid")
    (letter,) = tenant.wait_for_dead_letters()
    about = {"webhookId": webhook["id"], "eventId": event, "eventType": "order.paid", "deadLetterId": letter["id"]}
    got = operators.wait(tenant.id, "delivery.exhausted", reason="gone", attempts=1, lastStatus=410, lastError=None, **about)
    assert got["deliveryId"] == letter["deliveryId"]
    operators.wait(tenant.id, "webhook.disabled", webhookId=webhook["id"], reason="gone", by={"kind": "postel", "id": None})


def test_a_slow_receiver(operators: Operators, tenant: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(HANG)
    webhook = tenant.new_webhook(receiver.url(), overrides={"timeoutSeconds": 10, "retryDelaysSeconds": []})
    tenant.publish()
    since = operators.wait(tenant.id, "webhook.slow", webhookId=webhook["id"], within=90)["slowSince"]
    # A dispatcher removes the mark after half a minute of quick attempts (test_slow_lane.py).
    key = {"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": f"webhook#{webhook['id']}"}}
    assert slow.since(tenant.id, webhook["id"])
    stack.aws("dynamodb").update_item(TableName=stack.resource("ConfigTable"), Key=key, UpdateExpression="REMOVE slow_since")
    operators.wait(tenant.id, "webhook.quick", webhookId=webhook["id"], slowSince=since)


def test_a_message_that_is_rejected(operators: Operators, tenant: client.Tenant) -> None:
    """Of a message without a tenant nobody else learns."""
    nonsense = tenant.send_sqs("{")
    account = stack.account()
    operators.wait(None, "message.rejected", messageId=nonsense, reason="malformed_json", sender=account)
    used = stack.unique("evt")
    tenant.publish_sqs(data={"n": 1}, id=used)
    other = stack.eventually(lambda: tenant.event(used), what="the event") and tenant.publish_sqs(data={"n": 2}, id=used)
    operators.wait(tenant.id, "message.rejected", messageId=other, reason="id_conflict")


def test_redrives_that_end(operators: Operators, tenant: client.Tenant, receiver: Receiver) -> None:
    receiver.answer(500)
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})
    for n in range(3):
        tenant.publish(data={"n": n})
    tenant.wait_for_dead_letters(3)
    stopped = tenant.api.post(tenant.path("/redrives"), {"ratePerSecond": 1}).ok(202)
    tenant.api.delete(tenant.path(f"/redrives/{stopped['id']}")).ok(204)
    by = {"kind": "key", "id": tenant.api.key.split("_")[1]}
    operators.wait(tenant.id, "redrive.stopped", redriveId=stopped["id"], total=3, by=by)
    receiver.answer(200)
    job = tenant.api.post(tenant.path("/redrives"), {}).ok(202)
    got = operators.wait(tenant.id, "redrive.completed", redriveId=job["id"])
    assert got["failed"] == 0 and got["total"] == got["done"] + got["skipped"]


def test_nothing_is_about_the_operators_own_tenant(operators: Operators, receiver: Receiver) -> None:
    own, other = operators.tenant, client.new_tenant()
    receiver.answer(500)
    webhook = own.new_webhook(receiver.url(), events=["test.only"], overrides={"retryDelaysSeconds": []})
    own.patch_webhook(webhook["id"], name="changed")
    own.new_key(["webhooks:read"])
    own.api.post(own.path("/sessions"), {}).ok(201)
    own.api.post(own.path(f"/webhooks/{webhook['id']}/secret/rotate")).ok()
    own.publish("test.only")
    own.wait_for_dead_letters(1, webhookId=webhook["id"])
    rejected = own.send_sqs(json.dumps({"tenantId": own.id, "type": "not a type", "data": {}}))
    stack.eventually(lambda: any(row.get("message_id", {}).get("S") == rejected for row in stack.scan("DeadLettersTable")), 60, "the rejection")
    job = own.api.post(own.path("/redrives"), {}).ok(202)
    own.api.delete(own.path(f"/redrives/{job['id']}"))
    own.api.delete(own.path(f"/webhooks/{webhook['id']}")).ok(204)
    # Records are read in order, so an event about a later change of each table comes after them.
    marker = other.new_webhook("https://hooks.example.com/in")
    operators.wait(other.id, "webhook.created", webhookId=marker["id"])
    later = other.send_sqs("{")
    operators.wait(None, "message.rejected", messageId=later)
    assert operators.bodies(own.id) == []
    assert not any(body["messageId"] == rejected for body in operators.bodies(None, "message.rejected"))


def test_a_test_event_has_the_example_which_other_tenants_do_not_see(operators: Operators, tenant: client.Tenant, receiver: Receiver) -> None:
    own = operators.tenant
    webhook = own.new_webhook(receiver.url(), events=["none"])
    own.api.post(own.path(f"/webhooks/{webhook['id']}/test"), {"type": "webhook.failing"}).ok()
    entry = own.api.get("/v1/event-types/webhook.failing").ok()
    assert json.loads(receiver.wait(1)[0].body)["data"] == entry["example"]
    assert tenant.operator.get("/v1/event-types/webhook.failing").ok() == entry
    assert tenant.api.get("/v1/event-types/webhook.failing").status == 404
    assert "webhook.failing" not in [one["type"] for one in tenant.api.all("/v1/event-types")]
    own.api.delete(own.path(f"/webhooks/{webhook['id']}")).ok(204)


# ---- A crash at each step ------------------------------------------------------------------------


def test_what_was_written_while_the_notifier_could_not_send_is_sent_later(operators: Operators, tenant: client.Tenant) -> None:
    """A crash between the state and the event: the record stays in the stream."""
    began = time.time()
    # The local cloud has an action of its own for a batch (infra/local/emulation.py).
    with disturb.without("NotifierRole", "sqs:SendMessageBatch", stack.queue_arn("EventsQueue")):
        webhook = tenant.new_webhook("https://hooks.example.com/in")
        stack.eventually(lambda: logs.faults(NOTIFIER, began), 60, "a failure of the notifier")
        assert operators.bodies(tenant.id, "webhook.created") == []
    operators.wait(tenant.id, "webhook.created", webhookId=webhook["id"])
    assert operators.repeated(tenant.id) == {}


def test_a_notifier_that_is_killed_again_and_again_loses_and_repeats_nothing(operators: Operators, tenant: client.Tenant) -> None:
    done, killed = threading.Event(), []

    def kill() -> None:
        while not done.wait(0.15):
            killed.extend(processes.kill(NOTIFIER))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        webhooks = [tenant.new_webhook(f"https://hooks.example.com/{n}")["id"] for n in range(20)]
        stack.eventually(lambda: len(killed) >= 3, 60, "it to be killed three times")
    finally:
        done.set()
        killer.join()

    for webhook in webhooks:
        operators.wait(tenant.id, "webhook.created", within=120, webhookId=webhook)
    assert operators.repeated(tenant.id) == {}
    print(f"killed {len(killed)} times")


def test_a_record_that_is_received_again_is_no_second_event(operators: Operators, tenant: client.Tenant) -> None:
    webhook = tenant.new_webhook("https://hooks.example.com/in", active=False)
    record = operational_events.record("ConfigTable", None, operational_events.webhook_row(tenant.id, webhook["id"]))
    for _ in range(3):
        assert invoke(record, record) == {"batchItemFailures": []}

    # The stream's own record, and that of the test.
    got = stack.eventually(lambda: two(operators.bodies(tenant.id, "webhook.created")), 60, "both records' events")
    assert got[0]["id"] != got[1]["id"]
    operators.wait_for_a_later_change()
    assert len(operators.bodies(tenant.id, "webhook.created")) == 2
    assert operators.tenant.dead_letters(reason="id_conflict") == []


def two(found: list[Any]) -> list[Any]:
    assert len(found) == 2, found
    return found


def test_an_accepted_message_whose_answer_is_lost_is_no_second_event(operators: Operators, tenant: client.Tenant) -> None:
    webhook = tenant.new_webhook("https://hooks.example.com/in")
    record = operational_events.record("ConfigTable", None, operational_events.webhook_row(tenant.id, webhook["id"]))
    sent = []

    def lose(action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        if action != "SendMessageBatch":
            return None
        sent.append(stack.aws("sqs").send_message_batch(**asked))
        return 500, {"__type": "InternalFailure", "message": "lost by the test"}

    with function_process.running("notifier", lose) as notifier:
        assert notifier.invoke({"Records": [record]})["statusCode"] == -1, "the batch must come back"
    assert sent
    assert invoke(record) == {"batchItemFailures": []}

    two(stack.eventually(lambda: two(operators.bodies(tenant.id, "webhook.created")), 60, "both records' events"))
    operators.wait_for_a_later_change()
    assert operators.repeated(tenant.id) == {} and len(operators.bodies(tenant.id, "webhook.created")) == 2


def test_the_batch_continues_at_the_first_record_that_was_not_sent(operators: Operators, tenant: client.Tenant) -> None:
    """With ReportBatchItemFailures Lambda repeats a batch from the record that the response names
    (AWS Lambda Developer Guide, "Configuring partial batch response with DynamoDB and Lambda")."""
    webhook = tenant.new_webhook("https://hooks.example.com/in", active=False)
    row = operational_events.webhook_row(tenant.id, webhook["id"])
    records = [operational_events.record("ConfigTable", None, row, number) for number in range(1, 13)]
    calls: list[str] = []

    def refuse(action: str, _: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        calls.append(action)
        is_second = action == "SendMessageBatch" and calls.count("SendMessageBatch") >= 2
        return (403, {"__type": "AccessDenied", "message": "refused by the test"}) if is_second else None

    with function_process.running("notifier", refuse) as notifier:
        answer = notifier.invoke({"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[10]["dynamodb"]["SequenceNumber"]}]}
    assert invoke(*records[10:]) == {"batchItemFailures": []}
    stack.eventually(lambda: len(operators.bodies(tenant.id, "webhook.created")) == 13, 60, "all of them")
    assert operators.repeated(tenant.id) == {}


def test_an_entry_that_the_bus_rejects_makes_the_batch_come_back(operators: Operators, tenant: client.Tenant, bus: Bus) -> None:
    """PutEvents succeeds with a count of failed entries (Amazon EventBridge API Reference,
    PutEvents, Response Elements)."""
    webhook = tenant.new_webhook("https://hooks.example.com/in")
    record = operational_events.record("ConfigTable", None, operational_events.webhook_row(tenant.id, webhook["id"]))
    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "refused by the test"}], "__type": "none"}

    with function_process.running("notifier", lambda action, _: (200, failed) if action == "PutEvents" else None) as notifier:
        assert notifier.invoke({"Records": [record]})["statusCode"] == -1
    assert invoke(record) == {"batchItemFailures": []}

    stack.eventually(lambda: two([e for e in bus.of(tenant.id) if e["detail-type"] == "webhook.created"]), 60, "the bus to have both records' events")
    stack.eventually(lambda: two(operators.bodies(tenant.id, "webhook.created")), 60, "the tenant to have them once")
    assert operators.repeated(tenant.id) == {}


def test_a_row_that_cannot_be_read_holds_up_no_other(operators: Operators, tenant: client.Tenant) -> None:
    webhook = tenant.new_webhook("https://hooks.example.com/in", active=False)
    row = operational_events.webhook_row(tenant.id, webhook["id"])
    broken = row | {"active": {"S": "perhaps"}}
    assert invoke(operational_events.record("ConfigTable", None, broken, 1), operational_events.record("ConfigTable", None, row, 2)) == {"batchItemFailures": []}
    stack.eventually(lambda: two(operators.bodies(tenant.id, "webhook.created")), 60, "the other record's event")


def test_a_batch_that_lambda_gives_up_is_a_dead_letter_of_the_operator(operators: Operators) -> None:
    """The message is the one of the AWS Lambda Developer Guide, "Retaining discarded batch records
    for a DynamoDB event source in Lambda": it names the records, which the stream still has."""
    batch = {
        "requestContext": {"requestId": "316aa6d0", "functionArn": function_process.ARN, "condition": "RecordAgeExceeded", "approximateInvokeCount": 300},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-03-01T00:13:49.717Z",
        "DDBStreamBatchInfo": {"shardId": stack.unique("shardId"), "startSequenceNumber": "800000000003126276362", "endSequenceNumber": "800000000003126276362", "batchSize": 1},
    }
    sent = stack.aws("sqs").send_message(QueueUrl=stack.outputs()["stack"]["DeliveriesDeadLetterQueueUrl"], MessageBody=json.dumps(batch))
    got = operators.wait(None, "message.rejected", messageId=sent["MessageId"])
    letter = client.operator().get(f"/v1/dead-letters/{got['deadLetterId']}").ok()
    assert json.loads(letter["message"]) == batch
    client.operator().delete(f"/v1/dead-letters/{got['deadLetterId']}").ok(204)
