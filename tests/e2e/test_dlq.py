"""Messages in the dead-letter queues: received too often without being finished. Here the test
puts them there, as SQS would after MaxReceiveCount."""

import json

from support import stack
from support.client import Api, Tenant
from support.receiver import Receiver


def send(queue: str, body: dict) -> None:
    stack.aws("sqs").send_message(QueueUrl=stack.resource(queue), MessageBody=json.dumps(body))


def row_of(delivery: dict) -> dict:
    sk = f"{delivery['id'].removeprefix('dlv_')[:26]}#{delivery['webhookId']}"
    (row,) = [row for row in stack.scan("LogTable", delivery["tenantId"]) if row["sk"]["S"] == sk]
    return row


def lose_message(delivery: dict) -> None:
    send("DeliveriesDeadLetterQueue", {"tenantId": delivery["tenantId"], "deliveryId": delivery["id"], "sequence": 1})


def change(row: dict, expression: str, **values: int) -> None:
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("LogTable"),
        Key={"pk": row["pk"], "sk": row["sk"]},
        UpdateExpression=expression,
        ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in values.items()},
    )


def test_a_retry_whose_messages_died_goes_on_until_too_many_did(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})
    receiver.answer(500, 200)
    event_id = tenant.publish()
    delivery = tenant.wait_for_status(event_id, "retrying") | {"tenantId": tenant.id}
    stack.drop_schedules({delivery["id"]})

    lose_message(delivery)

    lost = lambda: row_of(delivery).get("lost") == {"N": "1"}  # noqa: E731
    stack.eventually(lost, 60, "the message to be counted")
    assert tenant.delivery(delivery["id"])["nextAttemptAt"] == delivery["nextAttemptAt"]

    # A quarter of an hour after the last of twenty.
    row = row_of(delivery)
    change(row, "SET lost = :lost, lost_at = :at", lost=20, at=int(row["lost_at"]["N"]) - 900_000)
    lose_message(delivery)
    (letter,) = tenant.wait_for_dead_letters()
    assert (letter["reason"], letter["deliveryId"]) == ("undeliverable", delivery["id"])
    assert tenant.delivery(delivery["id"])["status"] == "failed"
    tenant.redrive(letter["id"]).ok(202)
    tenant.wait_for_status(event_id, "completed")
    assert not {"lost", "lost_at"} & row_of(delivery).keys()


def test_an_event_whose_message_died_before_it_was_tried_is_its_tenants_dead_letter(operator: Api, tenant: Tenant, receiver: Receiver):
    """The webhook has an operator's own contract, which must be read to know which webhooks
    select the event."""
    contract = operator.get("/v1/contracts/kuviq").ok()
    name = stack.unique("c")
    operator.put(f"/v1/contracts/{name}", {f: v for f, v in contract.items() if f not in ("name", "builtin")} | {"httpsOnly": False}).ok(201)
    tenant.new_webhook(receiver.url(), contract=name)

    send("EventsDeadLetterQueue", {"tenantId": tenant.id, "type": "item.created", "data": {"n": 1}})

    (letter,) = tenant.wait_for_dead_letters()
    assert letter["reason"] == "undeliverable"
    receiver.stays_at(0, 0.5)
    tenant.redrive(letter["id"]).ok(202)
    assert json.loads(receiver.wait(1)[0].body)["data"] == {"n": 1}
