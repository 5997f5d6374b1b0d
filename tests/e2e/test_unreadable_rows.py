"""An unreadable row, however it came into a table, affects only itself: its neighbours are
listed, counted, swept and redriven, and the log and a metric report it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support import dead_letters, logs, stack
from support.client import Api, Tenant
from support.receiver import Receiver

ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(at_ms: int | None = None) -> str:
    """A key of this moment that no other test has."""
    number = ((int(time.time() * 1000) if at_ms is None else at_ms) << 80) | int.from_bytes(stack.secrets.token_bytes(10))
    return "".join(ULID[(number >> shift) & 31] for shift in range(125, -1, -5))


@contextmanager
def row(table: str, pk: str, sk: str, **fields: dict[str, Any]) -> Iterator[None]:
    """A row with little more than its keys."""
    dynamo, key = stack.aws("dynamodb"), {"pk": {"S": pk}, "sk": {"S": sk}}
    later = {"N": str(int(time.time()) + 3600)}
    dynamo.put_item(TableName=stack.resource(table), Item=key | {"expires_at": later} | fields)
    try:
        yield
    finally:
        dynamo.delete_item(TableName=stack.resource(table), Key=key)


def told(sk: str, function: str, since: float) -> dict[str, Any]:
    """The log line that names a row, as soon as it exists: when its invocation has ended, which
    may be after all its effects."""

    def line() -> dict[str, Any]:
        records = logs.records(logs.group_of(function), since)
        assert any(r.get("RowsUnreadable") == 1 and "_aws" in r for r in records), "no metric counts it"
        found = [r for r in records if r.get("message") == "row.unreadable" and r["sk"] == sk]
        assert found, "no log line names it"
        return found[0]

    return stack.eventually(line, 60, f"the line of {sk}")


def dead(tenant: Tenant, receiver: Receiver, count: int = 1) -> list[dict]:
    receiver.answer(400)
    tenant.new_webhook(receiver.url(), contract="kuviq")
    for _ in range(count):
        tenant.publish()
    return tenant.wait_for_dead_letters(count)


def test_dead_letters_beside_it_are_listed_and_put_back(kuviq: Tenant, operator: Api, receiver: Receiver):
    began, letters = time.time(), dead(kuviq, receiver, 2)
    sk, now = ulid(), {"N": str(int(time.time() * 1000))}
    # In the operator's index as well.
    shard = {"S": str(ULID.index(sk[-1]) % 8)}
    with row("DeadLettersTable", kuviq.id, sk, redriven_at=now, age_shard=shard):
        assert kuviq.dead_letters() == letters
        # Hundreds of other tests' letters may come before them.
        missing, cursor = {letter["id"] for letter in letters}, None
        while missing:
            page = operator.get("/v1/dead-letters", limit=250, cursor=cursor).ok()
            missing -= {letter["id"] for letter in page["items"]}
            cursor = page.get("nextCursor")
            assert cursor or not missing, f"the list is without {missing}"
        line = told(sk, "ManageFunction", began)
        assert line["pk"] == kuviq.id and set(line) == {"timestamp", "level", "message", "request_id", "gateway_request_id", "pk", "sk", "fault_kind"}
        receiver.answer(200)
        job = kuviq.api.post(kuviq.path("/redrives"), {}).ok(202)
        path = kuviq.path(f"/redrives/{job['id']}")
        stack.eventually(lambda: kuviq.api.get(path).ok()["status"] == "completed", 60, "the job to end")
        assert kuviq.api.get(path).ok()["done"] == 2
        assert kuviq.dead_letters() == []


def test_deliveries_beside_it_are_listed_and_counted(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url())
    event_id = kuviq.publish()
    kuviq.wait_for_status(event_id, "completed")
    key = ulid()
    with row("LogTable", f"{kuviq.id}#0", key), row("LogTable", f"{kuviq.id}#1", f"{ulid()}#wh_nonsense", status={"S": "bored"}):
        assert [d["eventId"] for d in kuviq.deliveries()] == [event_id]
        counted = kuviq.api.get(kuviq.path("/stats")).ok()
        assert (counted["completed"], counted["complete"]) == (1, True)


def test_an_unreadable_earlier_attempt_leaves_its_delivery_readable_and_retryable(kuviq: Tenant, receiver: Receiver):
    (letter,) = dead(kuviq, receiver)
    delivery, webhook = letter["deliveryId"], letter["webhookId"]
    key = delivery.removeprefix("dlv_")[:26]
    with row("LogTable", f"{kuviq.id}#attempts#{key}", f"{webhook}#00000", attempt={"S": "[]"}):
        assert [a["number"] for a in kuviq.delivery(delivery)["attemptLog"]] == [1]
        receiver.answer(200)
        kuviq.api.post(kuviq.path(f"/deliveries/{delivery}/retry")).ok(202)
        kuviq.wait_for_status(letter["eventId"], "completed")
        assert [a["number"] for a in kuviq.delivery(delivery)["attemptLog"]] == [1, 2]


def test_an_event_beside_a_delivery_that_cannot_be_read_is_erased(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url())
    event_id = kuviq.publish(data={"n": "gone"})
    kuviq.wait_for_status(event_id, "completed")
    key = event_id.removeprefix("evt_")
    shard = ULID.index(key[-1]) % 4
    with row("LogTable", f"{kuviq.id}#{shard}", f"{key}#wh_nonsense", status={"S": "bored"}):
        assert kuviq.api.delete(kuviq.path(f"/events/{event_id}/data")).status == 204
    assert "data" not in kuviq.event(event_id)


@contextmanager
def listed(tenant: Tenant, *places: str) -> Iterator[None]:
    """Entries in the list of the tenant's keys: it is one item."""

    def change(how: str) -> None:
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("ConfigTable"),
            Key={"pk": {"S": f"keys#{tenant.id}"}, "sk": {"S": "keys"}},
            UpdateExpression=f"{how} places :places",
            ExpressionAttributeValues={":places": {"SS": list(places)}},
        )

    change("ADD")
    try:
        yield
    finally:
        change("DELETE")


@pytest.mark.alone
def test_configuration_beside_it_is_listed(tenant: Tenant, operator: Api, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    key = tenant.new_key(["events:write"])
    name = stack.unique("type").replace("-", ".")
    operator.put(f"/v1/event-types/{name}", {"name": "A type"}).ok(201)
    contract = stack.unique("contract")
    operator.put(f"/v1/contracts/{contract}", operator.get("/v1/contracts/standard").ok() | {"name": contract}).ok(201)
    later = f"{int(time.time() * 1000) + 1000:013}"
    with (
        row("ConfigTable", f"tenant#{tenant.id}", "webhook#wh_nonsense"),
        listed(tenant, f"{later}#ABCDEFGHJKMNPQRS#", "nonsense"),
        row("ConfigTable", "key#ABCDEFGHJKMNPQRS", "key"),
        row("ConfigTable", "tenants", f"{later}#nonsense-tenant"),
        row("ConfigTable", "tenant#nonsense-tenant", "tenant"),
        row("ConfigTable", "event-types", "nonsense", event_type={"S": "not a type"}),
        row("ConfigTable", "contracts", "nonsense", json={"S": "{}"}, version={"N": "1"}),
    ):
        assert [w["id"] for w in tenant.api.get(tenant.path("/webhooks")).ok()["items"]] == [webhook["id"]]
        assert key["id"] in [k["id"] for k in tenant.api.get(tenant.path("/keys")).ok()["items"]]
        assert tenant.id in [t["id"] for t in operator.get("/v1/tenants", limit=250).ok()["items"]]
        assert name in [t["type"] for t in operator.all("/v1/event-types")]
        assert contract in [c["name"] for c in operator.all("/v1/contracts")]
    operator.delete(f"/v1/event-types/{name}")
    operator.delete(f"/v1/contracts/{contract}")


def test_overdue_deliveries_beside_it_are_swept(kuviq: Tenant, receiver: Receiver):
    """Due long ago, so that the index shows it first."""
    began = time.time()
    (letter,) = dead(kuviq, receiver)
    delivery = letter["deliveryId"].removeprefix("dlv_")
    key, sk = {"pk": {"S": ""}, "sk": {"S": f"{delivery[:26]}#{letter['webhookId']}"}}, f"{ulid()}#wh_nonsense"
    key["pk"]["S"] = f"{kuviq.id}#{ULID.index(delivery[25]) % 4}"
    shard = {"S": str(ULID.index(delivery[25]) % 8)}
    receiver.answer(200)
    with row("LogTable", f"{kuviq.id}#0", sk, due_shard=shard, due_at={"N": "1"}):
        # The state after a manual retry was requested and its message was lost.
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("LogTable"),
            Key=key,
            UpdateExpression="SET manual = :token, due_shard = :shard, due_at = :at",
            ExpressionAttributeValues={":token": {"S": "lost"}, ":shard": shard, ":at": {"N": "2"}},
        )
        kuviq.wait_for_status(letter["eventId"], "completed", within=90)
        assert told(sk, "SweeperFunction", began)["pk"] == f"{kuviq.id}#0"


@pytest.mark.parametrize("job", [{"N": "7"}, {"S": "no key"}, None])
def test_a_slot_of_a_redrive_is_free_again(job: dict | None, kuviq: Tenant):
    began, fields = time.time(), {} if job is None else {"job": job}
    with row("DeadLettersTable", "#running", f"{kuviq.id}#0", **fields), row("DeadLettersTable", "#running", f"{kuviq.id}#1", **fields):
        for _ in range(2):
            kuviq.api.post(kuviq.path("/redrives"), {"type": "nothing.of.the.kind"}).ok(202)
    told(f"{kuviq.id}#1", "ManageFunction", began)


def test_a_stray_row_beside_a_tenant_keeps_no_event_from_its_webhooks(tenant: Tenant, receiver: Receiver):
    began = time.time()
    tenant.new_webhook(receiver.url())
    with row("ConfigTable", f"tenant#{tenant.id}", "note", text={"S": "by hand"}), row("ConfigTable", f"tenant#{tenant.id}", "webhook#x"):
        tenant.wait_for_status(tenant.publish(), "completed")
        tenant.publish_sqs(id="by-sqs")
        receiver.wait(2)
    for sk in ("note", "webhook#x"):
        told(sk, "DispatcherFunction", began)


def test_beside_an_unreadable_webhook_an_event_reaches_the_others_and_then_dies(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    with row("ConfigTable", f"tenant#{tenant.id}", "webhook#wh_0a1b2c3d4e5f6g7h8j9k"):
        event = tenant.publish()
        tenant.wait_for_status(event, "completed")
        [letter] = tenant.wait_for_dead_letters(within=240)
    assert letter["reason"] == "undeliverable"
    receiver.stays_at(1)


def test_an_event_of_a_tenant_that_cannot_be_read_becomes_a_dead_letter(tenant: Tenant):
    dynamo, key = stack.aws("dynamodb"), {"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": "tenant"}}
    config = stack.resource("ConfigTable")
    before = dynamo.get_item(TableName=config, Key=key)["Item"]
    dynamo.put_item(TableName=config, Item=before | {"limits": {"S": "none"}})
    message = tenant.send_sqs('{"tenantId": "%s", "type": "item.created", "data": {}}' % tenant.id)

    try:
        letter = tenant.operator.get(f"/v1/dead-letters/{dead_letters.id_of_message(message, within=150)}").ok()
        assert (letter["reason"], letter["messageId"]) == ("undeliverable", message)
    finally:
        dynamo.put_item(TableName=config, Item=before)


def test_a_credential_that_does_not_open_is_a_failed_attempt(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())["id"]
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("ConfigTable"),
        Key={"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": f"webhook#{webhook}"}},
        UpdateExpression="SET secrets.newest = :broken",
        ExpressionAttributeValues={":broken": {"S": "AAAA"}},
    )
    delivery = tenant.wait_for_status(tenant.publish(), "retrying")
    assert delivery["attemptLog"][0]["error"]["code"] == "credentials", delivery
    assert receiver.requests() == []


def test_a_delivery_beside_one_of_its_event_is_tried_again_shown_and_retried(tenant: Tenant, receiver: Receiver):
    receiver.answer(500, 200, path="/b")
    receiver.answer(500, path="/a")
    spoilt, fine = (tenant.new_webhook(receiver.url(path), overrides={"retryDelaysSeconds": [4, 4]})["id"] for path in ("/a", "/b"))
    event = tenant.publish()
    receiver.wait(1, path="/b")
    tenant.wait_for_status(event, "retrying", fine)
    delivery = tenant.wait_for_status(event, "retrying", spoilt)["id"]
    key = delivery.removeprefix("dlv_")
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("LogTable"),
        Key={"pk": {"S": f"{tenant.id}#{ULID.index(key[25]) % 4}"}, "sk": {"S": f"{key[:26]}#{spoilt}"}},
        UpdateExpression="SET #status = :garbage",
        ConditionExpression="attribute_exists(#status)",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":garbage": {"S": "garbage"}},
    )
    assert tenant.wait_for_status(event, "completed", fine)
    assert [d["webhookId"] for d in tenant.event(event)["deliveries"]] == [fine]
    own = tenant.delivery_of(event, fine)["id"]
    tenant.api.post(tenant.path(f"/deliveries/{own}/retry")).ok(202)
    receiver.wait(3, path="/b")
    # For the row itself, no answer claims that it does not exist.
    assert tenant.api.get(tenant.path(f"/deliveries/{delivery}")).status == 500


def test_a_dead_letter_that_cannot_be_read_can_be_taken_away_by_its_tenant_alone(tenant: Tenant, kuviq: Tenant):
    sk, said = ulid(), {"S": stack.unique("canary")}
    with row("DeadLettersTable", tenant.id, sk, attempts={"S": "many"}, message=said):
        letter = f"/dead-letters/dl_{sk}"
        assert kuviq.api.delete(kuviq.path(letter)).status == 404
        assert tenant.api.get(tenant.path(letter)).status == 500
        tenant.api.delete(tenant.path(letter)).ok(204)
        assert [item for item in stack.scan("DeadLettersTable", tenant.id) if item["sk"]["S"] == sk] == []
        assert tenant.api.delete(tenant.path(letter)).status == 404


@pytest.mark.parametrize("spoilt", [{"under_way": {"S": "x"}, "changes": {"N": "7"}}, {"under_way": {"L": [{"S": "x"}]}, "changes": {"S": "many"}}, {}], ids=str)
def test_what_counts_test_events_and_cannot_be_read_is_written_anew(tenant: Tenant, receiver: Receiver, spoilt: dict):
    webhook = tenant.new_webhook(receiver.url())["id"]
    with row("ConfigTable", f"tests#{tenant.id}", "under-way", **spoilt):
        for _ in range(2):
            assert tenant.api.post(tenant.path(f"/webhooks/{webhook}/test")).ok()["success"]


@contextmanager
def spoilt(table: str, pk: str, sk: str, missing: tuple[str, ...] = (), **fields: dict[str, Any]) -> Iterator[None]:
    """A manually edited row. Unless it is deleted meanwhile, it is restored afterwards."""
    dynamo, key, name = stack.aws("dynamodb"), {"pk": {"S": pk}, "sk": {"S": sk}}, stack.resource(table)
    before = dynamo.get_item(TableName=name, Key=key)["Item"]
    dynamo.put_item(TableName=name, Item={field: value for field, value in (before | fields).items() if field not in missing})
    try:
        yield
    finally:
        if "Item" in dynamo.get_item(TableName=name, Key=key):
            dynamo.put_item(TableName=name, Item=before)


def is_there(pk: str, sk: str) -> bool:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    return "Item" in stack.aws("dynamodb").get_item(TableName=stack.resource("ConfigTable"), Key=key)


# What may be wrong with a row: a value of another type, a missing one, and hardly anything left.
@pytest.mark.parametrize("wrong", [{"scopes": {"S": "all"}}, {"created_at": {"S": "now"}}, {"missing": ("tenant",)}, {"missing": ("hash", "scopes", "created_at")}], ids=str)
def test_a_key_that_cannot_be_read_is_deleted_by_its_tenants_operator_alone(tenant: Tenant, kuviq: Tenant, wrong: dict):
    key = tenant.new_key(["webhooks:read"])
    weak = tenant.api.with_key(tenant.new_key(["keys"])["key"])
    path = f"/keys/{key['id']}"
    with spoilt("ConfigTable", f"key#{key['id']}", "key", **wrong):
        assert tenant.api.with_key(key["key"]).get(tenant.path("/webhooks")).status in (401, 500)
        assert kuviq.operator.delete(kuviq.path(path)).status == 404
        assert kuviq.api.delete(kuviq.path(path)).status == 404
        # It may have had any scope.
        assert weak.delete(tenant.path(path)).code == "forbidden"
        tenant.operator.delete(tenant.path(path)).ok(204)
        assert not is_there(f"key#{key['id']}", "key")
    assert tenant.operator.delete(tenant.path(path)).status == 404
    # It no longer takes an entry.
    listed = stack.aws("dynamodb").get_item(TableName=stack.resource("ConfigTable"), Key={"pk": {"S": f"keys#{tenant.id}"}, "sk": {"S": "keys"}})
    assert [place for place in listed["Item"]["places"]["SS"] if key["id"] in place] == []


@pytest.mark.parametrize("wrong", [{"json": {"S": "{}"}}, {"json": {"N": "1"}}, {"missing": ("json", "version")}, {"deleted": {"S": "?"}}], ids=str)
def test_a_contract_that_cannot_be_read_is_deleted_and_made_again(operator: Api, wrong: dict):
    name = stack.unique("contract")
    path, body = f"/v1/contracts/{name}", operator.get("/v1/contracts/standard").ok() | {"name": name}
    for version in range(1, 12):
        assert operator.put(path, body).json["version"] == version
    with spoilt("ConfigTable", "contracts", name, **wrong):
        assert operator.get(path).status == 500
        assert name not in [contract["name"] for contract in operator.all("/v1/contracts")]
        operator.delete(path).ok(204)
        assert operator.delete(path).status == 404
    # Attempts in the log refer to versions: none may mean another contract from now on.
    assert operator.put(path, body).ok(201)["version"] == 12
    operator.delete(path).ok(204)


@pytest.mark.parametrize(
    "wrong",
    [{"limits": {"S": "none"}}, {"created_at": {"S": "now"}}, {"missing": ("created_at",)}, {"deleting_since": {"S": "?"}}, {"missing": ("created_at", "updated_at", "contract", "sealing_keys")}],
    ids=str,
)
def test_an_unreadable_tenant_is_deleted_with_everything_it_has_and_created_again(tenant: Tenant, operator: Api, receiver: Receiver, wrong: dict):
    webhook, key = tenant.new_webhook(receiver.url())["id"], tenant.new_key(["keys"])["id"]
    with spoilt("ConfigTable", f"tenant#{tenant.id}", "tenant", **wrong):
        assert operator.get(tenant.path()).status == 500
        operator.delete(tenant.path()).ok(204)
    for pk, sk in ((f"tenant#{tenant.id}", "tenant"), (f"tenant#{tenant.id}", f"webhook#{webhook}"), (f"key#{key}", "key"), (f"keys#{tenant.id}", "keys"), (f"count#{tenant.id}", "webhooks")):
        assert not is_there(pk, sk), (pk, sk)
    listed = stack.aws("dynamodb").get_paginator("query").paginate(
        TableName=stack.resource("ConfigTable"), KeyConditionExpression="pk = :list", ExpressionAttributeValues={":list": {"S": "tenants"}}
    )
    assert [row["sk"]["S"] for page in listed for row in page["Items"] if row["sk"]["S"].endswith(f"#{tenant.id}")] == []
    assert operator.delete(tenant.path()).status == 404
    operator.put(tenant.path(), {}).ok(201)
    assert operator.get(tenant.path("/webhooks")).ok()["items"] == []


def test_a_webhook_and_an_event_type_that_cannot_be_read_are_deleted(tenant: Tenant, operator: Api, receiver: Receiver):
    webhook, name = tenant.new_webhook(receiver.url())["id"], stack.unique("type")
    operator.put(f"/v1/event-types/{name}", {"name": "A type"}).ok(201)
    for pk, sk, path in ((f"tenant#{tenant.id}", f"webhook#{webhook}", tenant.path(f"/webhooks/{webhook}")), ("event-types", name, f"/v1/event-types/{name}")):
        with spoilt("ConfigTable", pk, sk, created_at={"S": "now"}, event_type={"N": "1"}):
            assert operator.get(path).status == 500, path
            operator.delete(path).ok(204)
        assert not is_there(pk, sk) and operator.delete(path).status == 404


def test_a_dead_letter_that_cannot_be_read_is_deleted_by_the_operator_whoevers_it_is(tenant: Tenant, operator: Api):
    for owner in (tenant.id, "#nobody"):
        sk = ulid()
        with row("DeadLettersTable", owner, sk, attempts={"S": "many"}, age_shard={"S": str(ULID.index(sk[-1]) % 8)}):
            assert operator.get(f"/v1/dead-letters/dl_{sk}").status == 500
            operator.delete(f"/v1/dead-letters/dl_{sk}").ok(204)
            assert operator.delete(f"/v1/dead-letters/dl_{sk}").status == 404


def test_a_redrive_that_cannot_be_read_is_stopped(tenant: Tenant):
    sk = ulid()
    path = tenant.path(f"/redrives/{sk}")
    with row("DeadLettersTable", f"jobs#{tenant.id}", sk, status={"S": "running"}, total={"S": "many"}):
        assert tenant.api.get(path).status == 500
        tenant.api.delete(path).ok(204)
    assert tenant.api.delete(path).status == 404
