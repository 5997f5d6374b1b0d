"""Delivered: what a receiver of a documented contract gets, on both paths, byte for byte."""

import hashlib
import json
import time

import pytest
from support import stack
from support.client import KUVIQ_SECRET, STANDARD_SECRET, Tenant, event_bytes
from support.contracts import check_kuviq, check_standard, members, seconds_of, standard_signature, verifies_as_standard
from support.receiver import Receiver, Request

SAMPLES = ("inspection.completed", "item.status_changed", "action.created")
VECTORS = json.loads((stack.FIXTURES / "standardwebhooks_vectors.json").read_text())
MAX_BYTES = 256 * 1024


def sample(event_type: str) -> bytes:
    """A documented sample, in a spelling that no serializer produces: the file's bytes must
    arrive."""
    return (stack.FIXTURES / "kuviq" / f"{event_type}.json").read_bytes().strip()


def published(tenant: Tenant, door: str, event_type: str, data: bytes, **fields) -> str | None:
    """Publishes on a path; returns the event's id if it is known before the event is delivered."""
    if door == "http":
        return tenant.publish(event_type, data, **fields)
    tenant.publish_sqs(event_type, data, **fields)
    return fields.get("id")


@pytest.mark.parametrize("door", ["http", "sqs"])
@pytest.mark.parametrize("event_type", SAMPLES)
def test_a_documented_kuviq_sample_arrives_byte_identical_and_signed(kuviq: Tenant, receiver: Receiver, event_type: str, door: str):
    webhook = kuviq.new_webhook(receiver.url(), [event_type])
    data = sample(event_type)

    published_id = published(kuviq, door, event_type, data, timestamp="2026-01-15T10:30:00Z")

    request = receiver.wait(1)[0]
    envelope = check_kuviq(request, KUVIQ_SECRET)
    assert members(request.body)["data"] == data
    assert envelope["event"] == event_type
    assert envelope["timestamp"] == "2026-01-15T10:30:00Z"
    assert int(seconds_of(request.headers["x-webhook-timestamp"])) == int(request.headers["webhook-timestamp"])

    (listed,) = stack.eventually(kuviq.deliveries, what="the delivery in the log")
    assert listed["webhookId"] == webhook["id"] and listed["eventType"] == event_type
    assert request.headers["webhook-id"] == listed["eventId"]
    assert published_id in (None, listed["eventId"])
    done = kuviq.wait_for_status(listed["eventId"], "completed")
    assert done["attempts"] == 1 and done["lastResponseCode"] == 200
    assert done["request"]["body"].encode() == request.body, "the log does not show the body that was sent"
    kept = kuviq.api.get(kuviq.path(f"/events/{listed['eventId']}"))
    assert members(kept.raw)["data"] == data, "the log does not keep the published spelling"
    receiver.stays_at(1, seconds=1)


@pytest.mark.parametrize("door", ["http", "sqs"])
@pytest.mark.parametrize("event_type", SAMPLES)
def test_under_standard_the_signature_verifies_by_the_vectors_rules(tenant: Tenant, receiver: Receiver, event_type: str, door: str):
    tenant.new_webhook(receiver.url(), [event_type])
    data, own_id, began = sample(event_type), stack.unique("own"), time.time()

    published(tenant, door, event_type, data, id=own_id)

    request = receiver.wait(1)[0]
    envelope = check_standard(request, STANDARD_SECRET)
    assert members(request.body)["data"] == data
    assert envelope["type"] == event_type
    accepted = seconds_of(envelope["timestamp"])
    assert began - 0.01 <= accepted <= request.arrived, "without a timestamp, the event gets its time of acceptance"
    assert request.headers["webhook-id"] == own_id
    assert "x-webhook-signature" not in request.headers
    assert tenant.wait_for_status(own_id, "completed")["attempts"] == 1
    receiver.stays_at(1, seconds=1)


@pytest.mark.parametrize("case", VECTORS["verify"], ids=lambda case: case["name"])
def test_the_receiver_of_these_tests_verifies_as_the_vectors_say(case: dict):
    """Otherwise a right signature could be called wrong here, or worse, a wrong one right."""
    headers = {name.lower(): value for name, value in case["headers"].items()}
    verified = verifies_as_standard(headers, case["payload"].encode(), case["secret"], case["now"])
    assert verified == (case["expect"] == "accept"), case


@pytest.mark.parametrize("case", VECTORS["sign"], ids=lambda case: case["name"])
def test_the_receiver_of_these_tests_signs_as_the_vectors_say(case: dict):
    if "payload_repeat" in case:
        payload = case["payload_repeat"]["string"].encode() * case["payload_repeat"]["count"]
    else:
        payload = bytes.fromhex(case["payload_hex"]) if "payload_hex" in case else case["payload"].encode()
    assert hashlib.sha256(payload).hexdigest() == case["payload_sha256"]
    secret = case["secret"] + "=" * (-len(case["secret"].removeprefix("whsec_")) % 4)
    assert standard_signature(secret, case["msg_id"], str(case["timestamp"]), payload) == case["expected_signature"]


def test_a_tampered_body_does_not_verify(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    tenant.publish(data={"amount": 1})
    request = receiver.wait(1)[0]
    assert verifies_as_standard(request.headers, request.body, STANDARD_SECRET, time.time())
    assert not verifies_as_standard(request.headers, request.body + b" ", STANDARD_SECRET, time.time())
    moved = request.headers | {"webhook-timestamp": str(int(request.headers["webhook-timestamp"]) + 1)}
    assert not verifies_as_standard(moved, request.body, STANDARD_SECRET, time.time())


def test_each_webhook_gets_the_types_it_asked_for_and_no_others(tenant: Tenant, receiver: Receiver):
    filters = {"/all": ["*"], "/component": ["item.*"], "/exact": ["item.created", "user.deactivated"], "/other": ["inspection.*"]}
    for path, events in filters.items():
        tenant.new_webhook(receiver.url(path), events)
    tenant.new_webhook(receiver.url("/off"), ["*"], active=False)

    sent = ["item.created", "item.deleted", "items.created", "item", "user.deactivated", "Item.created"]
    for event_type in sent:
        tenant.publish(event_type)

    expected = {
        "/all": sent,
        "/component": ["item.created", "item.deleted"],
        "/exact": ["item.created", "user.deactivated"],
        "/other": [],
        "/off": [],
    }
    total = sum(len(types) for types in expected.values())
    receiver.wait(total, path=None)
    receiver.stays_at(total, seconds=1.5, path=None)
    got = {path: sorted(json.loads(r.body)["type"] for r in receiver.requests(path)) for path in expected}
    assert got == {path: sorted(types) for path, types in expected.items()}


def test_an_event_that_nobody_wants_is_kept_and_sent_nowhere(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url(), ["inspection.*"])
    event_id = tenant.publish("item.created", {"n": 1})
    stack.for_a_while(lambda: tenant.event(event_id)["deliveries"] == [], 1.5, "no delivery")
    assert receiver.requests() == []
    assert tenant.dead_letters() == []


@pytest.mark.parametrize("door", ["http", "sqs"])
def test_an_event_of_the_maximum_size_arrives_whole(tenant: Tenant, receiver: Receiver, door: str):
    tenant.new_webhook(receiver.url())
    fields = {"tenantId": tenant.id} if door == "sqs" else {}
    frame = len(event_bytes("item.created", b'""', **fields))
    data = b'"' + b"x" * (MAX_BYTES - frame) + b'"'
    assert len(event_bytes("item.created", data, **fields)) == MAX_BYTES

    published(tenant, door, "item.created", data)

    request = receiver.wait(1)[0]
    check_standard(request, STANDARD_SECRET)
    assert members(request.body)["data"] == data
    (listed,) = stack.eventually(tenant.deliveries, what="the delivery in the log")
    tenant.wait_for_status(listed["eventId"], "completed")


@pytest.mark.parametrize("raw", [b"0", b'"text"', b"null", b"false", b"[1.0,[],{}]", b"1E400", b'{"a":1,"a":2}'])
def test_data_may_be_any_json_and_stays_as_it_was_written(tenant: Tenant, receiver: Receiver, raw: bytes):
    tenant.new_webhook(receiver.url())
    tenant.publish("item.created", raw)
    assert members(receiver.wait(1)[0].body)["data"] == raw


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_a_success(kuviq: Tenant, receiver: Receiver, status: int):
    kuviq.new_webhook(receiver.url())
    receiver.answer(status)
    done = kuviq.wait_for_status(kuviq.publish(), "completed")
    assert done["attempts"] == 1 and done["lastResponseCode"] == status


def test_two_webhooks_of_one_event_do_not_wait_for_each_other(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url("/slow"))
    tenant.new_webhook(receiver.url("/fast"))

    def once_the_other_came(_: Request) -> int:
        receiver.wait(1, 8, path="/fast")
        return 200

    def once_the_slow_one_came(_: Request) -> int:
        receiver.wait(1, 8, path="/slow")
        return 200

    # If one POST waited for the other's answer, neither would get one.
    receiver.answer(once_the_other_came, path="/slow")
    receiver.answer(once_the_slow_one_came, path="/fast")
    event_id = tenant.publish()
    slow, fast = receiver.wait(1, path="/slow")[0], receiver.wait(1, path="/fast")[0]
    stack.eventually(lambda: {d["status"] for d in tenant.event(event_id)["deliveries"]} == {"completed"}, 60, "both to be completed")
    assert {r.headers["webhook-id"] for r in (slow, fast)} == {event_id}
    receiver.stays_at(2, seconds=1, path=None)


def test_one_tenants_events_never_reach_anothers_webhook(tenant: Tenant, kuviq: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url("/standard"))
    kuviq.new_webhook(receiver.url("/kuviq"))
    tenant.publish(data={"of": "standard"})
    kuviq.publish_sqs(data={"of": "kuviq"})
    receiver.wait(2, path=None)
    receiver.stays_at(2, seconds=1, path=None)
    assert json.loads(receiver.requests("/standard")[0].body)["data"] == {"of": "standard"}
    assert json.loads(receiver.requests("/kuviq")[0].body)["data"] == {"of": "kuviq"}


def test_a_repeated_sqs_message_with_an_id_is_delivered_once(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    own_id = stack.unique("own")
    body = event_bytes("item.created", b'{"n":1.0}', tenantId=tenant.id, id=own_id).decode()
    for _ in range(5):
        tenant.send_sqs(body)
    tenant.wait_for_status(own_id, "completed")
    receiver.stays_at(1, seconds=3)
    assert tenant.dead_letters() == []
