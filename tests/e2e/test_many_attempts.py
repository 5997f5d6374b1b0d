"""A delivery that was retried manually very often: the limit, and that it can still be read,
whatever the receiver answered."""

import json
from typing import Any

import pytest
from support import stack
from support.client import Tenant
from support.receiver import Receiver, Reply

MAX_BY_HAND = 100
# Each byte of it takes six in JSON, and a seventh in the JSON of a function's answer to the
# gateway.
WORST = Reply(500, {"content-type": "text/plain"}, b"\x01" * 16 * 1024)


def retry(tenant: Tenant, delivery: str) -> Any:
    return tenant.api.post(tenant.path(f"/deliveries/{delivery}/retry"))


def row_of(tenant: Tenant, delivery: dict[str, Any]) -> dict[str, Any]:
    sk = f"{delivery['id'].removeprefix('dlv_')[:26]}#{delivery['webhookId']}"
    (row,) = [row for row in stack.scan("LogTable", tenant.id) if row["sk"]["S"] == sk]
    return row


def failed_by_hand(tenant: Tenant, receiver: Receiver) -> dict[str, Any]:
    """A delivery that failed twice, the second time in a manual attempt."""
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})
    receiver.answer(WORST, WORST, 200)
    failed = tenant.wait_for_status(tenant.publish(), "failed")
    retry(tenant, failed["id"]).ok(202)
    return stack.eventually(lambda: (now := tenant.delivery(failed["id"]))["attempts"] == 2 and now, 60, "the manual attempt")


def test_a_delivery_is_retried_by_hand_up_to_a_hundred_times(kuviq: Tenant, receiver: Receiver):
    delivery = failed_by_hand(kuviq, receiver)
    row = row_of(kuviq, delivery)
    assert row["asked"] == {"N": "1"}, "a pending attempt and the attempt made are one"
    change = {"UpdateExpression": "SET asked = :most", "ExpressionAttributeValues": {":most": {"N": str(MAX_BY_HAND - 1)}}}
    stack.aws("dynamodb").update_item(TableName=stack.resource("LogTable"), Key={"pk": row["pk"], "sk": row["sk"]}, **change)

    retry(kuviq, delivery["id"]).ok(202)
    stack.eventually(lambda: kuviq.delivery(delivery["id"])["attempts"] == 3, 60, "the last manual attempt")
    refused = retry(kuviq, delivery["id"])

    assert (refused.status, refused.code) == (409, "retry_limit") and str(MAX_BY_HAND) in refused.json["detail"]
    assert kuviq.delivery(delivery["id"])["attempts"] == 3
    receiver.stays_at(3, seconds=1)


# Its items of 100 KB each, and all of them in one answer, keep the local cloud from answering other
# tests.
@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_a_delivery_of_many_attempts_is_shown_with_the_newest(kuviq: Tenant, receiver: Receiver):
    delivery = failed_by_hand(kuviq, receiver)
    row, many = row_of(kuviq, delivery), 40
    dynamo, table = stack.aws("dynamodb"), stack.resource("LogTable")
    partition, webhook = f"{kuviq.id}#attempts#{row['sk']['S'][:26]}", delivery["webhookId"]
    stored = {row["sk"]["S"]: row["attempt"]["S"] for row in stack.scan("LogTable", partition)}
    keys = [f"response#{webhook}#00001#", f"response#{webhook}#00002#", f"{webhook}#00001"]
    assert all(key.startswith(expected) for key, expected in zip(sorted(stored), keys, strict=True)), sorted(stored)
    # Each attempt is stored twice: whole, and without its response where it is written again.
    last = sorted(stored)[1]
    whole, bare, began = json.loads(stored[last]), json.loads(row["latest"]["S"]), last.split("#")[-1]

    def put(key: str, attempt: list[Any]) -> None:
        item = {"pk": {"S": partition}, "sk": {"S": key}, "attempt": {"S": json.dumps(attempt)}, "expires_at": row["expires_at"]}
        dynamo.put_item(TableName=table, Item=item)

    for number in range(1, many + 1):
        put(f"response#{webhook}#{number:05}#{began}", [number, *whole[1:]])
        if number < many:
            put(f"{webhook}#{number:05}", [number, *bare[1:]])
    change = {":latest": {"S": json.dumps([many, *bare[1:]])}, ":many": {"N": str(many)}}
    update = {"UpdateExpression": "SET latest = :latest, attempts = :many", "ExpressionAttributeValues": change}
    dynamo.update_item(TableName=table, Key={"pk": row["pk"], "sk": row["sk"]}, **update)

    shown = kuviq.delivery(delivery["id"])

    assert shown["attempts"] == many
    fit = len(shown["attemptLog"])
    assert fit == 3 * 1024**2 // len(json.dumps(json.dumps(shown["attemptLog"][0], separators=(",", ":"))))
    assert [attempt["number"] for attempt in shown["attemptLog"]] == list(range(many - fit + 1, many + 1))
    assert all(attempt["responseBody"] == WORST.body.decode() for attempt in shown["attemptLog"])
    assert shown["request"]["body"] and kuviq.event(delivery["eventId"])["deliveries"][0]["attempts"] == many
    # An erasure covers all of them.
    assert kuviq.api.delete(kuviq.path(f"/events/{delivery['eventId']}/data")).status == 204
    assert [r["sk"]["S"] for r in stack.scan("LogTable", partition) if "\\u0001" in r["attempt"]["S"]] == []
