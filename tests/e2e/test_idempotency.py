"""A request that creates something is repeated after a lost response: with its
`Idempotency-Key`, or with an id of the caller's own. Nothing is created twice, and a different
request is rejected."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import stack
from support.client import Answer, Tenant, new_tenant
from support.receiver import Receiver, Reply

URL = "https://receiver.example.com/hook"
REPLAYED = "idempotent-replayed"


def post(tenant: Tenant, path: str, body: dict, key: str | None = None, api=None) -> Answer:
    return (api or tenant.api).call("POST", tenant.path(path), body, {"idempotency-key": key})


def without_secret(webhook: dict) -> dict:
    return {name: value for name, value in webhook.items() if name != "secret"}


def refused(answer: Answer, status: int, code: str, field: str) -> None:
    assert (answer.status, answer.code, answer.json["field"]) == (status, code, field), answer


# ---- Webhooks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["by key", "by id"])
def test_a_repeated_request_makes_no_second_webhook_and_shows_no_secret(tenant: Tenant, named: str):
    body, key = ({"url": URL, "events": ["*"]}, "key-1") if named == "by key" else ({"url": URL, "events": ["*"], "id": "ep_1"}, None)
    first = post(tenant, "/webhooks", body, key)
    made = first.ok(201)
    assert made["secret"] and REPLAYED not in first.headers
    assert made["id"] == body.get("id", made["id"])

    # The order of the members does not matter.
    again = post(tenant, "/webhooks", dict(reversed(body.items())) | {"name": None}, key)

    assert again.ok(201) == without_secret(made) and again.headers[REPLAYED] == "true"
    assert [w["id"] for w in tenant.api.all(tenant.path("/webhooks"))] == [made["id"]]
    other = post(tenant, "/webhooks", body | {"url": URL + "/2"}, key)
    if named == "by key":
        refused(other, 422, "idempotency_key_reused", "Idempotency-Key")
    else:
        refused(other, 409, "id_conflict", "id")
    # As long as the webhook exists, whatever its state.
    changed = tenant.patch_webhook(made["id"], url=URL + "/3")
    assert post(tenant, "/webhooks", body, key).ok(201) == changed
    tenant.api.delete(tenant.path(f"/webhooks/{made['id']}")).ok(204)
    anew = post(tenant, "/webhooks", body, key)
    assert REPLAYED not in anew.headers and anew.ok(201)["id"] == made["id"] and anew.json["secret"]


def test_a_waiting_retry_of_a_deleted_webhook_does_not_go_to_the_next_with_its_id(tenant: Tenant):
    with Receiver() as former, Receiver() as latter:
        former.answer(500)
        webhook = {"id": "orders", "events": ["*"]}
        post(tenant, "/webhooks", webhook | {"url": former.url(), "overrides": {"retryDelaysSeconds": [20]}}).ok(201)
        event = tenant.publish()
        tenant.wait_for_status(event, "retrying")
        failed = time.monotonic()
        tenant.api.delete(tenant.path("/webhooks/orders")).ok(204)
        # Clocks may differ by a second: a webhook made within it could be the former one.
        stack.eventually(lambda: time.monotonic() > failed + 2, 10, "the next webhook to be surely later")
        post(tenant, "/webhooks", webhook | {"url": latter.url()}).ok(201)

        (letter,) = tenant.wait_for_dead_letters()

        assert (letter["reason"], letter["webhookId"], letter["attempts"]) == ("webhook_inactive", "orders", 1)
        assert latter.requests() == []
        # A redrive means the webhook that has the id now.
        tenant.redrive(letter["id"]).ok(202)
        latter.wait()


def test_ten_equal_requests_at_once_make_one_webhook(tenant: Tenant):
    body = {"url": URL, "events": ["*"]}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(tenant, "/webhooks", body, "once"), range(10)))
    assert {a.status for a in answers} == {201} and len({a.json["id"] for a in answers}) == 1
    assert sum("secret" in a.json for a in answers) == 1
    assert sum(REPLAYED in a.headers for a in answers) == 9
    # It was counted once.
    for _ in range(24):
        tenant.new_webhook(URL)
    assert tenant.api.post(tenant.path("/webhooks"), body).code == "webhook_limit"
    assert REPLAYED in post(tenant, "/webhooks", body, "once").headers, "a repetition is no 26th"


def test_a_key_belongs_to_its_tenant_and_is_one_word(tenant: Tenant):
    other, body = new_tenant(), {"url": URL, "events": ["*"]}
    mine, theirs = (post(t, "/webhooks", body, "same").ok(201) for t in (tenant, other))
    assert mine["id"] != theirs["id"]
    for wrong in ("", "two words", "x" * 256):
        refused(post(tenant, "/webhooks", body, wrong), 400, "invalid_request", "Idempotency-Key")
    # One that Postel created for another request.
    plain = tenant.api.post(tenant.path("/webhooks"), body).ok(201)
    refused(tenant.api.post(tenant.path("/webhooks"), body | {"id": plain["id"]}), 409, "id_conflict", "id")


# ---- Keys --------------------------------------------------------------------------------------


def test_a_repeated_request_makes_no_second_key_and_does_not_show_it(tenant: Tenant):
    body = {"name": "backend", "scopes": ["events:write"]}
    made = post(tenant, "/keys", body, "key-1").ok(201)
    again = post(tenant, "/keys", body, "key-1")
    assert again.ok(201) == made | {"key": ""} and again.headers[REPLAYED] == "true"
    refused(post(tenant, "/keys", body | {"scopes": ["keys"]}, "key-1"), 422, "idempotency_key_reused", "Idempotency-Key")
    assert [k["id"] for k in tenant.api.all(tenant.path("/keys")) if k.get("name") == "backend"] == [made["id"]]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: post(tenant, "/keys", body, "key-2").ok(201), range(5)))
    assert len({a["id"] for a in answers}) == 1 and sum(a["key"] != "" for a in answers) == 1

    # A new key with the id of a deleted one is another key.
    tenant.api.delete(tenant.path(f"/keys/{made['id']}")).ok(204)
    anew = post(tenant, "/keys", body | {"scopes": ["webhooks:read"]}, "key-1").ok(201)
    assert anew["id"] == made["id"] and anew["key"] != made["key"]
    assert tenant.api.with_key(made["key"]).get(tenant.path("/webhooks")).status == 401
    tenant.api.with_key(anew["key"]).get(tenant.path("/webhooks")).ok()


# ---- Redrives ----------------------------------------------------------------------------------


def test_a_repeated_request_starts_no_second_redrive(kuviq: Tenant, receiver: Receiver):
    receiver.answer(Reply(400))
    webhook = kuviq.new_webhook(receiver.url())
    for _ in range(3):
        kuviq.publish()
    kuviq.wait_for_dead_letters(3)
    receiver.answer(Reply(200))
    body = {"ratePerSecond": 100}
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: post(kuviq, "/redrives", body, "r-1"), range(5)))
    ids = {a.ok(202)["id"] for a in answers}
    assert len(ids) == 1 and sum(REPLAYED not in a.headers for a in answers) >= 1
    path = kuviq.path(f"/redrives/{ids.pop()}")
    job = stack.eventually(lambda: (j := kuviq.api.get(path).ok())["status"] == "completed" and j, 60, "the job")
    assert (job["total"], job["done"]) == (3, 3)
    # Also when it has ended.
    again = post(kuviq, "/redrives", body, "r-1")
    assert again.ok(202) == job and again.headers[REPLAYED] == "true"
    assert len(kuviq.api.all(kuviq.path("/redrives"))) == 1
    refused(post(kuviq, "/redrives", {}, "r-1"), 422, "idempotency_key_reused", "Idempotency-Key")
    retry = f"/webhooks/{webhook['id']}/retry-failed"
    since = {"since": "2026-01-01T00:00:00Z"}
    refused(post(kuviq, retry, since, "r-1"), 422, "idempotency_key_reused", "Idempotency-Key")
    # A dry run starts nothing, so it uses no key.
    assert post(kuviq, "/redrives", {"dryRun": True}, "r-2").ok()["count"] == 0
    assert REPLAYED not in post(kuviq, "/redrives", {}, "r-2").headers


# ---- Ids of one's own --------------------------------------------------------------------------

IDS = ["a", "wh_abc123", "ep_2fL-9", "0123456789abcdefghjk", "x" * 64]


@pytest.mark.parametrize("own", IDS)
def test_a_webhook_with_an_id_of_its_own_works_everywhere(kuviq: Tenant, receiver: Receiver, own: str):
    receiver.answer(Reply(500), Reply(500), Reply(400))
    made = kuviq.new_webhook(receiver.url(), id=own, overrides={"retryDelaysSeconds": [1, 1]})
    assert made["id"] == own and kuviq.webhook(own)["id"] == own
    # Their ids begin or end like this one's.
    for beside in (own[:-1] + "_", "z" + own[1:]):
        kuviq.new_webhook(URL, ["no.such"], id=beside)
    event = kuviq.publish()
    (letter,) = kuviq.wait_for_dead_letters(1)
    assert letter["webhookId"] == own and letter["attempts"] == 3

    delivery = kuviq.delivery(letter["deliveryId"])
    assert delivery["webhookId"] == own and len(delivery["attemptLog"]) == 3 and delivery["eventId"] == event
    assert [d["id"] for d in kuviq.deliveries(webhookId=own)] == [delivery["id"]]
    assert [d["id"] for d in kuviq.event(event)["deliveries"]] == [delivery["id"]]
    assert [x["id"] for x in kuviq.dead_letters(webhookId=own)] == [letter["id"]]
    assert kuviq.api.get(kuviq.path("/stats")).ok()["webhooks"][own]["failed"] == 1
    count = lambda webhook: post(kuviq, "/redrives", {"dryRun": True, "webhookId": webhook}).ok()["count"]  # noqa: E731
    assert (count(own), count(own[:-1] + "_"), count("z" + own[1:])) == (1, 0, 0)

    receiver.answer(Reply(200))
    kuviq.api.post(kuviq.path(f"/deliveries/{delivery['id']}/retry")).ok(202)
    kuviq.wait_for_status(event, "completed")
    assert kuviq.api.post(kuviq.path(f"/webhooks/{own}/test"), {}).ok()["success"] is True
    kuviq.api.post(kuviq.path(f"/webhooks/{own}/secret/rotate"), {}).ok()
    kuviq.api.delete(kuviq.path(f"/webhooks/{own}")).ok(204)


def test_two_tenants_may_have_webhooks_of_one_id(kuviq: Tenant, receiver: Receiver):
    other = new_tenant("kuviq")
    kuviq.new_webhook(receiver.url("/mine"), id="shared")
    other.new_webhook(receiver.url("/theirs"), id="shared")
    events = {"/mine": kuviq.publish(), "/theirs": other.publish()}
    for path, event in events.items():
        assert [r.headers["webhook-id"] for r in receiver.wait(1, path=path)] == [event]
    other.api.delete(other.path("/webhooks/shared")).ok(204)
    assert kuviq.webhook("shared")["id"] == "shared"
