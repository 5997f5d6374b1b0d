"""Operational events: the tenant that gets them, what its receiver and the event bus got, and the
records of the tables' streams that they are made of."""

import contextlib
import json
import time
from collections import Counter
from typing import Any, Iterator

from support import client, stack
from support.receiver import Receiver, Request


class Operators:
    """The operator's tenant with a receiver of all its events."""

    def __init__(self, tenant: client.Tenant, receiver: Receiver) -> None:
        self.tenant, self.receiver = tenant, receiver

    def bodies(self, of_tenant: str | None, *kinds: str) -> list[dict[str, Any]]:
        """What it received about a tenant, in the order of arrival; without kinds, of all kinds."""
        found = [json.loads(request.body) for request in self.receiver.requests()]
        return [event["data"] for event in found if event["data"]["tenantId"] == of_tenant and (not kinds or event["type"] in kinds)]

    def wait(self, of_tenant: str | None, kind: str, within: float = 60, **members: Any) -> dict[str, Any]:
        """The only event of a kind about a tenant with these members."""

        def one() -> dict[str, Any]:
            found = [body for body in self.bodies(of_tenant, kind) if members.items() <= body.items()]
            ids = {body["id"] for body in found}
            assert len(ids) == 1, f"{len(ids)} events {kind} of {of_tenant}: {found or self.bodies(of_tenant)}"
            return found[0]

        return stack.eventually(one, within, f"{kind} of {of_tenant}")

    def wait_for_a_later_change(self) -> None:
        """Until the event about a change of now has come. Records are read in their order, and what
        was sent before, also a second time, has gone the same way before it."""
        marker = client.new_tenant()
        webhook = marker.new_webhook("https://hooks.example.com/marker", active=False)
        self.wait(marker.id, "webhook.created", webhookId=webhook["id"])

    def request(self, event_id: str) -> Request:
        (request,) = [one for one in self.receiver.requests() if one.headers["webhook-id"] == event_id]
        return request

    def repeated(self, of_tenant: str | None) -> dict[str, int]:
        """The events about a tenant that came more than once, by id."""
        return {one: count for one, count in Counter(body["id"] for body in self.bodies(of_tenant)).items() if count > 1}


@contextlib.contextmanager
def operators_tenant(**fields: Any) -> Iterator[client.Tenant]:
    """The tenant that the stack's parameter names. Without it the notifier sends nothing, so that
    other tests are not disturbed by events about all their tenants."""
    admin, tenant_id = client.operator(), stack.parameter("OperatorTenant")
    admin.put(f"/v1/tenants/{tenant_id}", {"contract": "standard"} | fields)
    made = admin.post(f"/v1/tenants/{tenant_id}/keys", {"scopes": client.SCOPES}).ok(201)
    try:
        yield client.Tenant(tenant_id, "standard", admin.with_key(made["key"]), admin)
    finally:
        admin.delete(f"/v1/tenants/{tenant_id}")


class Bus:
    """A queue that gets what is put on the event bus."""

    def __init__(self, url: str) -> None:
        self._url, self.events = url, []

    def of(self, tenant: str | None) -> list[dict[str, Any]]:
        """The events about a tenant so far."""
        while messages := stack.aws("sqs").receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self.events.append(json.loads(message["Body"]))
                stack.aws("sqs").delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in self.events if event["detail"]["tenantId"] == tenant]


@contextlib.contextmanager
def bus() -> Iterator[Bus]:
    """A rule of the event bus that sends all of Postel's events to a queue."""
    sqs, events, name = stack.aws("sqs"), stack.aws("events"), stack.unique("bus")
    where = {"EventBusName": stack.parameter("EventBusName")}
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["postel"]}), **where)
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}], **where)
    try:
        yield Bus(url)
    finally:
        events.remove_targets(Rule=name, Ids=["queue"], **where)
        events.delete_rule(Name=name, **where)
        sqs.delete_queue(QueueUrl=url)


def record(table: str, before: dict[str, Any] | None, after: dict[str, Any] | None, number: int = 1) -> dict[str, Any]:
    """A record as Lambda hands it to a function: AWS Lambda Developer Guide, "Using AWS Lambda
    with Amazon DynamoDB", example event. `number` tells the records of a test apart."""
    row = after or before or {}
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventID": stack.unique("record") + str(number),
        "eventName": "MODIFY" if before and after else "INSERT" if after else "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stack.outputs()["region"],
        "dynamodb": {
            "ApproximateCreationDateTime": int(time.time()),
            "Keys": {"pk": row["pk"], "sk": row["sk"]},
            "SequenceNumber": f"{number:021}",
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        | {name: image for name, image in images.items() if image},
        "eventSourceARN": stack.aws("dynamodb").describe_table(TableName=stack.resource(table))["Table"]["LatestStreamArn"],
    }


def webhook_row(tenant: str, webhook: str) -> dict[str, Any]:
    """A webhook's row as the config table has it."""
    key = {"pk": {"S": f"tenant#{tenant}"}, "sk": {"S": f"webhook#{webhook}"}}
    return stack.aws("dynamodb").get_item(TableName=stack.resource("ConfigTable"), Key=key, ConsistentRead=True)["Item"]
