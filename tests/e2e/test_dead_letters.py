"""Dead letters, redrives and manual retries."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import dead_letters, stack
from support.client import KUVIQ_SECRET, Answer, Api, Tenant
from support.contracts import check_kuviq, seconds_of
from support.receiver import Held, Receiver, Reply

# Waits as a schedule: long enough for the test's actions during a pending retry, on any machine.
# Schedules fire some ten seconds late here.
WAITS = 8
FIRES_LATE = 12
NOWHERE = "dl_01ARZ3NDEKTSV4RRFFQ69G5FAV"


def at_once(times: int, call) -> list[Answer]:
    """The same call from several threads, released together."""
    gate = threading.Barrier(times)

    def one(_):
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def exhausted(tenant: Tenant, receiver: Receiver, status: int = 500, **fields) -> tuple[str, dict]:
    """An event whose only retry also failed, and its dead letter."""
    tenant.new_webhook(receiver.url(), **{"overrides": {"retryDelaysSeconds": [1]}} | fields)
    receiver.answer(status)
    event_id = tenant.publish("item.created", b'{"n":1.50}')
    tenant.wait_for_status(event_id, "failed")
    (letter,) = tenant.wait_for_dead_letters(1)
    return event_id, letter


def retry(tenant: Tenant, delivery_id: str) -> Answer:
    return tenant.api.post(tenant.path(f"/deliveries/{delivery_id}/retry"))


# ---- Giving up ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 499])
def test_4xx_under_kuviq_is_one_attempt_and_a_dead_letter(kuviq: Tenant, receiver: Receiver, status: int):
    webhook = kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, 1]})
    receiver.answer(Reply(status, {}, b"no"))
    event_id = kuviq.publish("item.created")
    failed = kuviq.wait_for_status(event_id, "failed")
    (letter,) = kuviq.wait_for_dead_letters(1)
    assert letter["reason"] == "refused"
    assert letter["attempts"] == 1 and letter["lastResponseCode"] == status
    assert letter["deliveryId"] == failed["id"] and letter["eventId"] == event_id and letter["webhookId"] == webhook["id"]
    assert letter["eventType"] == "item.created" and letter["tenantId"] == kuviq.id and seconds_of(letter["createdAt"])
    assert failed["attempts"] == 1 and failed["error"] and "nextAttemptAt" not in failed
    receiver.stays_at(1, seconds=2.5)
    assert len(kuviq.dead_letters()) == 1


def test_under_standard_4xx_is_tried_again(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(404, 200)
    assert tenant.wait_for_status(tenant.publish(), "completed")["attempts"] == 2


def test_exhaustion_makes_exactly_one_dead_letter_with_reason_and_last_answer(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, 1]})
    receiver.answer(500, 502, Reply(503, {}, b"still down"))
    event_id = kuviq.publish()
    failed = kuviq.wait_for_status(event_id, "failed", within=60)
    assert failed["attempts"] == 3 and [a["responseCode"] for a in failed["attemptLog"]] == [500, 502, 503]
    (letter,) = kuviq.wait_for_dead_letters(1)
    assert letter["reason"] == "exhausted" and letter["attempts"] == 3 and letter["lastResponseCode"] == 503
    assert kuviq.dead_letter(letter["id"]) == letter, "the list and the single letter are equal"
    receiver.stays_at(3, seconds=2)
    assert len(kuviq.dead_letters()) == 1


def test_a_webhook_without_retries_gives_up_at_once(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})
    receiver.answer(500)
    assert kuviq.wait_for_status(kuviq.publish(), "failed")["attempts"] == 1
    assert kuviq.wait_for_dead_letters(1)[0]["reason"] == "exhausted"


# ---- Redrive -----------------------------------------------------------------------------------


def test_a_redrive_delivers_the_same_event_and_is_taken_once(kuviq: Tenant, receiver: Receiver):
    event_id, letter = exhausted(kuviq, receiver)
    receiver.answer(200)

    assert kuviq.redrive(letter["id"]).ok(202) == {"deadLetterId": letter["id"], "deliveryId": letter["deliveryId"]}

    requests = receiver.wait(3)
    check_kuviq(requests[-1], KUVIQ_SECRET)
    assert requests[-1].headers["webhook-id"] == event_id and requests[-1].body == requests[0].body
    done = kuviq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 3 and [a["number"] for a in done["attemptLog"]] == [1, 2, 3]
    again = kuviq.redrive(letter["id"])
    assert (again.status, again.code) == (409, "already_redriven")
    assert seconds_of(kuviq.dead_letter(letter["id"])["redrivenAt"])
    receiver.stays_at(3, seconds=2)
    kuviq.wait_for_dead_letters(0)


def test_ten_redrives_at_once_deliver_once(kuviq: Tenant, receiver: Receiver):
    event_id, letter = exhausted(kuviq, receiver)
    receiver.answer(200)

    answers = at_once(10, lambda: kuviq.redrive(letter["id"]))

    assert sorted(a.status for a in answers) == [202] + [409] * 9, [a.raw for a in answers]
    assert {a.code for a in answers if a.status == 409} == {"already_redriven"}
    receiver.wait(3)
    receiver.stays_at(3, seconds=3)
    assert kuviq.wait_for_status(event_id, "completed")["attempts"] == 3


def test_a_redrive_starts_the_whole_schedule_anew_and_dies_into_a_letter_of_its_own(kuviq: Tenant, receiver: Receiver):
    event_id, first = exhausted(kuviq, receiver)
    kuviq.redrive(first["id"]).ok(202)
    receiver.wait(4)
    (second,) = stack.eventually(lambda: [l for l in kuviq.dead_letters() if l["id"] != first["id"]], 60, "the second letter")
    assert second["deliveryId"] == first["deliveryId"] and second["attempts"] == 4 and second["reason"] == "exhausted"
    receiver.stays_at(4, seconds=2)
    receiver.answer(200)
    kuviq.redrive(second["id"]).ok(202)
    assert kuviq.wait_for_status(event_id, "completed")["attempts"] == 5


def test_a_letter_whose_event_is_kept_no_longer_says_so(kuviq: Tenant, receiver: Receiver):
    """An event's items expire before its dead letter; here they are deleted as DynamoDB would."""
    _, letter = exhausted(kuviq, receiver)
    key = letter["deliveryId"].removeprefix("dlv_")[:26]
    dynamo, table = stack.aws("dynamodb"), stack.outputs()["stack"]["LogTableName"]
    found = [
        {"pk": item["pk"], "sk": item["sk"]}
        for shard in range(4)
        for item in dynamo.query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :key)",
            ExpressionAttributeValues={":pk": {"S": f"{kuviq.id}#{shard}"}, ":key": {"S": key}},
        )["Items"]
    ]
    assert found
    for item in found:
        dynamo.delete_item(TableName=table, Key=item)
    answer = kuviq.redrive(letter["id"])
    assert (answer.status, answer.code) == (409, "not_redrivable"), answer
    assert [d["id"] for d in kuviq.dead_letters()] == [letter["id"]]


def test_a_redriven_sqs_message_becomes_an_event_once_its_sender_may_publish(operator: Api, receiver: Receiver, tenant: Tenant):
    tenant.new_webhook(receiver.url())
    stranger, marker = f"AROA{stack.unique('S').replace('-', '').upper()}", stack.unique("marker")
    body = json.dumps({"tenantId": tenant.id, "type": "item.created", "data": {"marker": marker}})
    record = stack.sqs_record(body, sender=f"{stranger}:session")
    assert not stack.invoke_with([record]).get("batchItemFailures")
    letter = operator.get(f"/v1/dead-letters/{dead_letters.id_of(record)}").ok()
    assert letter["reason"] == "sender_not_allowed" and "tenantId" not in letter

    early = operator.post(f"/v1/dead-letters/{letter['id']}/redrive")
    assert early.status == 409, "its sender may still not publish"
    receiver.stays_at(0, seconds=1)

    operator.put(f"/v1/tenants/{tenant.id}", {"contract": "standard", "publishers": [stranger]}).ok(200)
    answers = at_once(10, lambda: operator.post(f"/v1/dead-letters/{letter['id']}/redrive"))
    assert {a.status for a in answers} <= {202, 409} and 202 in {a.status for a in answers}, [a.raw for a in answers]
    assert json.loads(receiver.wait(1)[0].body)["data"] == {"marker": marker}
    receiver.stays_at(1, seconds=2.5)


def test_a_letter_that_is_not_there_cannot_be_read_redriven_or_deleted(kuviq: Tenant):
    for answer in (
        kuviq.api.get(kuviq.path(f"/dead-letters/{NOWHERE}")),
        kuviq.redrive(NOWHERE),
        kuviq.api.delete(kuviq.path(f"/dead-letters/{NOWHERE}")),
        kuviq.redrive("no-id-at-all"),
    ):
        assert (answer.status, answer.code) == (404, "not_found")


def test_a_deleted_letter_is_gone_and_the_log_stays(kuviq: Tenant, receiver: Receiver):
    event_id, letter = exhausted(kuviq, receiver)
    path = kuviq.path(f"/dead-letters/{letter['id']}")
    assert kuviq.api.delete(path).status == 204
    assert kuviq.dead_letters() == []
    for answer in (kuviq.api.get(path), kuviq.redrive(letter["id"]), kuviq.api.delete(path)):
        assert (answer.status, answer.code) == (404, "not_found")
    assert kuviq.delivery_of(event_id)["status"] == "failed"
    receiver.answer(200)
    retry(kuviq, letter["deliveryId"]).ok(202)
    assert kuviq.wait_for_status(event_id, "completed")["attempts"] == 3, "the manual retry is still open"
    # The success must not create part of the deleted letter again.
    assert [item for item in stack.scan("DeadLettersTable", kuviq.id) if "reason" not in item] == []
    assert kuviq.api.get(path).status == 404 and kuviq.api.get(kuviq.path("/dead-letters")).ok() == {"items": []}


def test_dead_letters_are_filtered_and_paged(kuviq: Tenant, receiver: Receiver):
    one = kuviq.new_webhook(receiver.url("/one"), ["item.*"], overrides={"retryDelaysSeconds": []})
    two = kuviq.new_webhook(receiver.url("/two"), ["user.*"], overrides={"retryDelaysSeconds": []})
    receiver.answer(400, path="/one")
    receiver.answer(500, path="/two")
    for event_type in ("item.created", "item.updated", "item.deleted", "user.created"):
        kuviq.publish(event_type)
    everything = kuviq.wait_for_dead_letters(4)

    def ids(**query) -> set[str]:
        return {letter["id"] for letter in kuviq.dead_letters(**query)}

    assert [l["createdAt"] for l in everything] == sorted((l["createdAt"] for l in everything), reverse=True)
    assert ids(webhookId=one["id"]) == {l["id"] for l in everything if l["webhookId"] == one["id"]} and len(ids(webhookId=one["id"])) == 3
    assert ids(webhookId=two["id"]) == ids(reason="exhausted") == ids(type="user.created")
    assert len(ids(reason="refused")) == 3 and ids(reason="gone") == set()
    assert ids(since="2100-01-01T00:00:00Z") == set() == ids(until="2020-01-01T00:00:00Z")
    assert ids(since="2020-01-01T00:00:00Z", until="2100-01-01T00:00:00Z") == {l["id"] for l in everything}
    seen, cursor = [], None
    for _ in range(3):
        page = kuviq.api.get(kuviq.path("/dead-letters"), limit=2, cursor=cursor).ok()
        seen += page["items"]
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert seen == everything and cursor is None
    wrong = kuviq.api.get(kuviq.path("/dead-letters"), reason="no-such-reason")
    assert (wrong.status, wrong.code) == (400, "invalid_filter")


# ---- Manual retry ------------------------------------------------------------------------------


def test_many_presses_while_a_manual_retry_waits_are_one_post(kuviq: Tenant, receiver: Receiver):
    event_id, letter = exhausted(kuviq, receiver)
    answer = Held(200)
    receiver.answer(answer)

    answers = at_once(10, lambda: retry(kuviq, letter["deliveryId"]))

    answer.let_go()
    assert {a.status for a in answers} == {202}, [a.raw for a in answers]
    assert {a.json["deliveryId"] for a in answers} == {letter["deliveryId"]}
    receiver.wait(3)
    receiver.stays_at(3, seconds=5)
    done = kuviq.wait_for_status(event_id, "completed")
    assert [a["trigger"] for a in done["attemptLog"]] == ["automatic", "automatic", "manual"]
    assert done["attempts"] == 3
    # A delivery that a manual retry completed needs no redrive.
    assert kuviq.redrive(letter["id"]).status == 409
    receiver.stays_at(3, seconds=1.5)


def test_a_failed_manual_retry_leaves_the_delivery_failed_and_may_be_pressed_again(kuviq: Tenant, receiver: Receiver):
    event_id, letter = exhausted(kuviq, receiver)
    retry(kuviq, letter["deliveryId"]).ok(202)
    receiver.wait(3)
    failed = stack.eventually(lambda: (d := kuviq.delivery_of(event_id))["attempts"] == 3 and d, 60, "the manual attempt in the log")
    assert failed["status"] == "failed" and failed["attemptLog"][-1]["trigger"] == "manual"
    receiver.stays_at(3, seconds=2.5)
    assert len(kuviq.dead_letters()) == 1, "the letter stays, and no second one comes"
    receiver.answer(200)
    retry(kuviq, letter["deliveryId"]).ok(202)
    kuviq.wait_for_status(event_id, "completed")


@pytest.mark.parametrize("door", ["http", "sqs"])
def test_a_manual_retry_after_success_sends_again_and_stays_completed(kuviq: Tenant, receiver: Receiver, door: str):
    kuviq.new_webhook(receiver.url())
    if door == "http":
        kuviq.publish("item.created", b'{"n":1.50}')
    else:
        kuviq.publish_sqs("item.created", b'{"n":1.50}')
    first = receiver.wait(1)[0]
    (listed,) = stack.eventually(kuviq.deliveries, what="the delivery")
    kuviq.wait_for_status(listed["eventId"], "completed")

    retry(kuviq, listed["id"]).ok(202)
    second = receiver.wait(2)[1]
    check_kuviq(second, KUVIQ_SECRET)
    assert second.body == first.body and second.headers["webhook-id"] == first.headers["webhook-id"]
    twice = stack.eventually(lambda: (d := kuviq.delivery(listed["id"]))["attempts"] == 2 and d, 60, "the second attempt in the log")
    assert twice["status"] == "completed" and [a["trigger"] for a in twice["attemptLog"]] == ["automatic", "manual"]

    receiver.answer(500)
    retry(kuviq, listed["id"]).ok(202)
    receiver.wait(3)
    thrice = stack.eventually(lambda: (d := kuviq.delivery(listed["id"]))["attempts"] == 3 and d, 60, "the third attempt in the log")
    assert thrice["status"] == "completed", "a completed delivery stays completed"
    receiver.stays_at(3, seconds=2)
    assert kuviq.dead_letters() == [] and len(kuviq.deliveries()) == 1


def test_a_failed_manual_retry_leaves_the_automatic_schedule_alone(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [WAITS]})
    receiver.answer(500)
    event_id = kuviq.publish()
    waiting = kuviq.wait_for_status(event_id, "retrying")
    retry(kuviq, waiting["id"]).ok(202)
    receiver.wait(2)
    pressed = stack.eventually(lambda: (d := kuviq.delivery_of(event_id))["attempts"] == 2 and d, WAITS, "the manual attempt in the log")
    assert pressed["status"] == "retrying" and pressed["nextAttemptAt"] == waiting["nextAttemptAt"]
    third = receiver.wait(3, within=60)[2]
    assert third.arrived >= seconds_of(waiting["nextAttemptAt"]) - 0.05
    failed = kuviq.wait_for_status(event_id, "failed")
    assert [a["trigger"] for a in failed["attemptLog"]] == ["automatic", "manual", "automatic"]
    receiver.stays_at(3, seconds=1.5)


def test_a_manual_success_spares_the_automatic_retry(kuviq: Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [WAITS]})
    receiver.answer(500, 200)
    event_id = kuviq.publish()
    waiting = kuviq.wait_for_status(event_id, "retrying")
    retry(kuviq, waiting["id"]).ok(202)
    done = kuviq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 2 and "nextAttemptAt" not in done
    assert [a["trigger"] for a in done["attemptLog"]] == ["automatic", "manual"]
    receiver.stays_at(2, seconds=seconds_of(waiting["nextAttemptAt"]) + FIRES_LATE - time.time())
    assert kuviq.delivery_of(event_id)["attempts"] == 2


# ---- A webhook that is off or gone -------------------------------------------------------------


def test_a_retry_waiting_when_its_webhook_is_disabled_dies_and_can_be_redriven_later(kuviq: Tenant, receiver: Receiver):
    webhook = kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [WAITS]})
    receiver.answer(500, 200)
    event_id = kuviq.publish()
    kuviq.wait_for_status(event_id, "retrying")
    assert kuviq.patch_webhook(webhook["id"], active=False)["active"] is False

    failed = kuviq.wait_for_status(event_id, "failed")
    (letter,) = kuviq.wait_for_dead_letters(1)
    assert letter["reason"] == "webhook_inactive" and letter["attempts"] == 1 and letter["lastResponseCode"] == 500
    assert failed["attempts"] == 1
    receiver.stays_at(1, seconds=2)
    press = retry(kuviq, letter["deliveryId"])
    assert (press.status, press.code) == (409, "webhook_inactive")

    kuviq.patch_webhook(webhook["id"], active=True)
    kuviq.redrive(letter["id"]).ok(202)
    done = kuviq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 2
    receiver.stays_at(2, seconds=1.5)


def test_deleted_while_a_retry_waits_it_is_dead_and_the_old_data_stays(kuviq: Tenant, receiver: Receiver):
    webhook = kuviq.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [WAITS]})
    receiver.answer(500, 200)
    event_id = kuviq.publish()
    kuviq.wait_for_status(event_id, "retrying")
    assert kuviq.api.delete(kuviq.path(f"/webhooks/{webhook['id']}")).status == 204

    failed = kuviq.wait_for_status(event_id, "failed")
    assert failed["attempts"] == 1 and failed["attemptLog"][0]["responseCode"] == 500
    assert kuviq.wait_for_dead_letters(1)[0]["reason"] == "webhook_inactive"
    assert kuviq.api.get(kuviq.path("/webhooks")).ok()["items"] == []
    receiver.stays_at(1, seconds=2)


# ---- The operator ------------------------------------------------------------------------------


def listed(operator: Api, letter: dict) -> dict | None:
    """A letter as the operator's list shows it. Hundreds of other tests' letters may come before
    it, and it may be on any page."""
    cursor = None
    while True:
        page = operator.get("/v1/dead-letters", limit=250, cursor=cursor).ok()
        if found := [one for one in page["items"] if one["id"] == letter["id"]]:
            return found[0]
        cursor = page.get("nextCursor")
        if cursor is None or page["items"] and page["items"][-1]["createdAt"] < letter["createdAt"]:
            return None


def test_the_operator_sees_the_messages_of_no_tenant(operator: Api, tenant: Tenant):
    marker = stack.unique("marker")
    text = f'{{"tenantId": "nobody-{marker}", "type": "item.created", "data": {{}}}}'
    sent = [tenant.send_sqs(text), tenant.send_sqs(f"not json {marker}")]
    whole = [operator.get(f"/v1/dead-letters/{dead_letters.id_of_message(message)}").ok() for message in sent]
    found = {letter["reason"]: letter for letter in whole}
    assert set(found) == {"unknown_tenant", "malformed_json"}
    assert found["unknown_tenant"]["message"] == text and found["malformed_json"]["message"] == f"not json {marker}"
    assert all(letter["senderId"] == stack.account() and letter["detail"] for letter in found.values())
    for letter in found.values():
        in_the_list = listed(operator, letter)
        assert in_the_list and "tenantId" not in in_the_list
        assert "message" not in in_the_list, "the list leaves the message out"
        hidden = tenant.api.get(tenant.path(f"/dead-letters/{letter['id']}"))
        assert (hidden.status, hidden.code) == (404, "not_found")
        assert operator.delete(f"/v1/dead-letters/{letter['id']}").status == 204
        assert operator.get(f"/v1/dead-letters/{letter['id']}").status == 404
    assert tenant.dead_letters() == []


def test_the_operator_sees_every_tenants_dead_letters_and_tenants_do_not(operator: Api, kuviq: Tenant, receiver: Receiver):
    _, letter = exhausted(kuviq, receiver)
    assert stack.eventually(lambda: listed(operator, letter), 60) == letter
    assert operator.get(f"/v1/dead-letters/{letter['id']}").ok() == letter
    for answer in (kuviq.api.get("/v1/dead-letters"), kuviq.api.get(f"/v1/dead-letters/{letter['id']}")):
        assert (answer.status, answer.code) == (403, "forbidden")
    receiver.answer(200)
    operator.post(f"/v1/dead-letters/{letter['id']}/redrive").ok(202)
    kuviq.wait_for_status(letter["eventId"], "completed")
