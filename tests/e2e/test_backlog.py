"""What the operator sees over all tenants: messages that wait, the oldest due delivery, and the
running redrives."""

from support import client, stack
from support.receiver import Receiver, Reply

# By the name that the API gives it.
QUEUES = {
    "events": "EventsQueue",
    "deliveries": "DeliveriesQueue",
    "slow": "SlowQueue",
    "jobs": "JobsQueue",
    "events_dead_letter": "EventsDeadLetterQueue",
    "deliveries_dead_letter": "DeliveriesDeadLetterQueue",
}
# No other test makes anything due so early.
LONG_AGO = 1_000_000_000_000


def backlog(operator: client.Api) -> dict:
    return operator.get("/v1/backlog").ok()


def running(operator: client.Api, limit: int = 250) -> list[dict]:
    return operator.all("/v1/redrives", limit=limit)


def refused_letters(tenant: client.Tenant, receiver: Receiver, count: int) -> None:
    receiver.answer(Reply(400))
    tenant.new_webhook(receiver.url(), contract="kuviq")
    tenant.api.post(tenant.path("/events/batch"), {"events": [{"type": "item.created", "data": {}}] * count}).ok(202)
    tenant.wait_for_dead_letters(count)


def test_the_backlog_has_every_queue_with_the_numbers_that_sqs_has(operator: client.Api):
    def same() -> bool:
        """Two looks at a stack that other tests use may differ."""
        sqs = {name: stack.queue_depth(logical) for name, logical in QUEUES.items()}
        answer = {queue["name"]: queue for queue in backlog(operator)["queues"]}
        assert list(answer) == list(QUEUES)
        shown = {name: {"waiting": one["waiting"], "delayed": one["delayed"], "in_flight": one["inFlight"]} for name, one in answer.items()}
        return shown == sqs

    stack.eventually(same, 60, "the backlog to be what SQS counts")


def test_a_retry_that_waits_in_its_queue_is_counted_there(operator: client.Api, receiver: Receiver):
    tenant = client.new_tenant("standard")
    receiver.answer(Reply(503))
    # Shorter than what a schedule is made for, jitter included.
    delay = int(stack.parameter("QueueDelayLimitSeconds")) - 2
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [delay] * 5})
    tenant.publish()
    stack.eventually(lambda: backlog(operator)["queues"][1]["delayed"] > 0, 30, "the retry to be counted")


def test_the_oldest_due_delivery_is_named(operator: client.Api, receiver: Receiver):
    tenant = client.new_tenant("standard")
    receiver.answer(Reply(503))
    hook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})["id"]
    delivery = tenant.wait_for_status(tenant.publish(), "retrying", hook)
    (row,) = [item for item in stack.scan("LogTable", tenant.id) if "due_at" in item and item["sk"]["S"].endswith(hook)]
    assert all(backlog(operator).get("oldestDue", {}).get("deliveryId") != delivery["id"] for _ in range(2)), "it is due in 50 minutes"

    def named() -> dict | None:
        # The sweeper postpones what it finds.
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("LogTable"),
            Key={"pk": row["pk"], "sk": row["sk"]},
            UpdateExpression="SET due_at = :then",
            ExpressionAttributeValues={":then": {"N": str(LONG_AGO)}},
        )
        found = backlog(operator).get("oldestDue")
        return found if found and found["deliveryId"] == delivery["id"] else None

    assert stack.eventually(named, 30, "it to be the oldest") == {"tenantId": tenant.id, "deliveryId": delivery["id"], "dueAt": "2001-09-09T01:46:40.000Z"}
    stack.drop_schedules({delivery["id"]})


def test_the_running_redrives_of_all_tenants_are_listed_until_they_end(operator: client.Api, receiver: Receiver):
    jobs = []
    for _ in range(2):
        tenant = client.new_tenant("kuviq")
        # At one a second, long enough to be looked at.
        refused_letters(tenant, receiver, 20)
        jobs.append((tenant, tenant.api.post(tenant.path("/redrives"), {"ratePerSecond": 1}).ok(202)["id"]))
    ids = {job for _, job in jobs}
    for limit in (250, 1):
        found = {one["id"]: (one["tenantId"], one["status"]) for one in running(operator, limit) if one["id"] in ids}
        assert found == {job: (tenant.id, "running") for tenant, job in jobs}, f"pages of {limit}"
    for tenant, job in jobs:
        stopped = tenant.operator.post(tenant.path(f"/redrives/{job}/cancel")).ok()
        assert stopped["tenantId"] == tenant.id
    assert not ids & {one["id"] for one in running(operator)}


def test_only_the_operator_sees_them(operator: client.Api):
    tenant = client.new_tenant("standard")
    for path in ("/v1/backlog", "/v1/redrives"):
        assert (tenant.api.get(path).status, tenant.api.get(path).code) == (403, "forbidden")
        assert operator.get(path, tenantId=tenant.id).code == "unknown_parameter", path
