"""Messages in the dead-letter queues: received too often without being finished. Here the test
puts them there, as SQS would after MaxReceiveCount."""

import json

from support import stack
from support.client import Api, Tenant
from support.receiver import Receiver


def send(queue: str, body: dict) -> None:
    stack.aws("sqs").send_message(QueueUrl=stack.resource(queue), MessageBody=json.dumps(body))


def test_a_retry_whose_message_died_is_given_up_and_can_be_put_back(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})
    receiver.answer(500, 200)
    event_id = tenant.publish()
    delivery = tenant.wait_for_status(event_id, "retrying")

    send("DeliveriesDeadLetterQueue", {"tenantId": tenant.id, "deliveryId": delivery["id"], "sequence": 1})

    (letter,) = tenant.wait_for_dead_letters()
    assert (letter["reason"], letter["deliveryId"]) == ("undeliverable", delivery["id"])
    assert tenant.delivery(delivery["id"])["status"] == "failed"
    stack.drop_schedules({delivery["id"]})
    tenant.redrive(letter["id"]).ok(202)
    tenant.wait_for_status(event_id, "completed")


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
