"""Rows and messages in a newer format, as after a rollback: this version does not guess at them,
says which version to deploy, and loses nothing."""

import json
import time
from contextlib import contextmanager
from typing import Any, Iterator

from support import logs, stack
from support.client import Api, Tenant
from support.receiver import Receiver

DEPLOY = "deploy the newer version again"


def row_of(table: str, sk: str, tenant: Tenant) -> dict[str, Any]:
    (item,) = [item for item in stack.scan(table, tenant.id) if item["sk"]["S"] == sk]
    return {"pk": item["pk"], "sk": item["sk"]}


@contextmanager
def newer(table: str, key: dict[str, Any]) -> Iterator[None]:
    """A row that this version could read, but for its number."""

    def change(expression: str, **values: Any) -> None:
        stack.aws("dynamodb").update_item(TableName=stack.resource(table), Key=key, UpdateExpression=expression, **values)

    change("SET v = :two", ExpressionAttributeValues={":two": {"N": "2"}})
    try:
        yield
    finally:
        change("REMOVE v")


def faults(function: str, since: float) -> list[dict[str, Any]]:
    return [line for line in logs.faults(function, since) if line.get("fault_kind") == "newer"]


def test_a_tenant_in_a_newer_format_is_an_error_that_says_so(tenant: Tenant, operator: Api):
    began = time.time()
    path = f"/v1/tenants/{tenant.id}"
    with newer("ConfigTable", row_of("ConfigTable", "tenant", tenant)):
        answer = operator.get(path)
        assert answer.status == 500 and "newer version of Postel" in answer.json["detail"], answer
        refused = tenant.api.post(tenant.path("/events"), {"type": "a.b", "data": 1})
        assert refused.status == 500, refused
    assert operator.get(path).ok()["id"] == tenant.id
    told = stack.eventually(lambda: faults("ManageFunction", began), 30, "the line")
    assert told[0]["level"] == "ERROR" and DEPLOY in told[0]["causes"][0]


def test_an_event_waits_for_a_webhook_in_a_newer_format_and_the_others_get_it(tenant: Tenant, receiver: Receiver):
    began = time.time()
    ours, other = (tenant.new_webhook(receiver.url(path)) for path in ("/ours", "/other"))
    with newer("ConfigTable", row_of("ConfigTable", f"webhook#{ours['id']}", tenant)):
        listed = [webhook["id"] for webhook in tenant.api.all(tenant.path("/webhooks"))]
        assert listed == [other["id"]]
        event = tenant.publish()
        receiver.wait(1, path="/other")
        receiver.stays_at(0, path="/ours")

        def lines() -> list[dict[str, Any]]:
            records = logs.records(logs.group_of("DispatcherFunction"), began)
            return [r for r in records if r.get("message") == "row.unreadable" and ours["id"] in r["sk"]]

        assert stack.eventually(lines, 60, "the row's line")[0]["fault_kind"] == "newer"
    receiver.wait(1, path="/ours", within=90)
    tenant.wait_for_status(event, "completed", ours["id"])
    assert len(receiver.requests("/other")) == 1


def test_a_retry_waits_for_its_delivery_in_a_newer_format(tenant: Tenant, receiver: Receiver):
    began = time.time()
    receiver.answer(500, 200)
    webhook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [4]})
    event = tenant.publish()
    delivery = tenant.wait_for_status(event, "retrying")
    key = delivery["id"].removeprefix("dlv_")[:26]
    with newer("LogTable", row_of("LogTable", f"{key}#{webhook['id']}", tenant)):
        stack.eventually(lambda: faults("DispatcherFunction", began), 60, "the fault")
        receiver.stays_at(1)
    receiver.wait(2, within=90)
    tenant.wait_for_status(event, "completed")


def test_a_message_in_a_newer_format_becomes_a_dead_letter_that_says_why(tenant: Tenant, operator: Api, receiver: Receiver):
    """With the tests' three receives; with the default it comes back for hours."""
    tenant.new_webhook(receiver.url())
    event = tenant.publish()
    receiver.wait(1)
    stored = {"tenantId": tenant.id, "stored": event.removeprefix("evt_"), "v": 2}
    task = {"tenantId": tenant.id, "deliveryId": tenant.delivery_of(event)["id"], "sequence": 1, "v": 2}
    for queue, body in (("EventsQueue", stored), ("DeliveriesQueue", task)):
        stack.aws("sqs").send_message(QueueUrl=stack.resource(queue), MessageBody=json.dumps(body))

    def letters() -> list[dict[str, Any]]:
        found = [letter for letter in stack.scan("DeadLettersTable") if tenant.id in letter.get("message", {"S": ""})["S"]]
        assert len(found) == 2, found
        return found

    found = stack.eventually(letters, 180, "both dead letters", every=3)
    for letter in found:
        assert letter["reason"]["S"] == "undeliverable" and DEPLOY in letter["detail"]["S"], letter
    receiver.stays_at(1)
    (of_event,) = [letter for letter in found if "stored" in letter["message"]["S"]]
    refused = operator.post(f"/v1/dead-letters/dl_{of_event['sk']['S']}/redrive")
    assert refused.status == 409 and "newer version" in refused.json["detail"], refused
