"""POSTs that could be repeated without any crash, and are not. Row 3 of `make chaos` found both;
there the responses of writes are lost."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import client, disturb, stack
from support.receiver import Receiver, Reply


def test_an_event_announced_twice_is_posted_once_however_many_messages_name_it(
    kuviq: client.Tenant, receiver: Receiver
) -> None:
    """The publisher could not know whether its first message arrived: it died, or SQS's response
    was lost. First attempts need no lease, so four messages at once would be four POSTs; the
    publisher's mark in the log makes them need one."""
    event = {"id": stack.unique("e"), "type": "item.created", "data": {}}
    assert kuviq.api.post(kuviq.path("/events"), event).ok(202)["duplicate"] is False
    # No webhook selected it until now, so it has no delivery.
    receiver.answer(Reply(200, delay=0.5))
    kuviq.new_webhook(receiver.url())
    key = forget_that_it_was_announced(kuviq, event["id"])
    assert kuviq.api.post(kuviq.path("/events"), event).ok(202)["duplicate"] is False
    record = [stack.sqs_record(json.dumps({"tenantId": kuviq.id, "stored": key}))]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(stack.invoke_with, [record] * 4))
    assert answers == [{"batchItemFailures": []}] * 4
    receiver.wait(1)
    receiver.stays_at(1, 3)
    assert kuviq.wait_for_status(event["id"], "completed")["attempts"] == 1


def forget_that_it_was_announced(tenant: client.Tenant, event_id: str) -> str:
    """As if the publisher had died half a minute ago between sending and setting the mark.
    Returns the event's key."""
    where = {"pk": {"S": f"{tenant.id}#id#{event_id}"}, "sk": {"S": "id"}}
    changed = stack.aws("dynamodb").update_item(
        TableName=stack.resource("LogTable"),
        Key=where,
        UpdateExpression="SET sent = :no, lease = :over",
        ExpressionAttributeValues={":no": {"BOOL": False}, ":over": {"N": "0"}},
        ReturnValues="ALL_NEW",
    )
    return changed["Attributes"]["key"]["S"]


@pytest.mark.alone
def test_nothing_but_the_outcome_is_left_to_write_after_a_post(kuviq: client.Tenant, receiver: Receiver) -> None:
    """The previous attempt is moved aside before the next POST. It used to be moved after it,
    and when that failed, the POST was not recorded and was repeated."""
    receiver.answer(500, 200)
    kuviq.new_webhook(receiver.url(), contract="standard", overrides={"timeoutSeconds": 1, "retryDelaysSeconds": [3, 1]})
    event = kuviq.publish()
    kuviq.wait_for_status(event, "retrying")
    with disturb.hidden_for("DeliveriesQueue", 2):
        with disturb.without("DispatcherRole", "dynamodb:PutItem", stack.resource("LogTable")):
            receiver.stays_at(1, 7)
        # A lease lasts ten seconds longer than its attempt's timeout.
        assert kuviq.wait_for_status(event, "completed", within=60)["attempts"] == 2
    receiver.stays_at(2, 1)
