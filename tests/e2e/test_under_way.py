"""Requests for a delivery during one of its attempts survive that attempt's record. The
simulator found each of these broken."""

import threading

from support.client import new_tenant
from support.receiver import Receiver, Reply, Request

TIMEOUT = 10


def held(answered: threading.Event, status: int):
    def answer(_: Request) -> Reply:
        answered.wait(TIMEOUT - 1)
        return Reply(status)

    return answer


def test_a_dead_letter_redriven_under_a_manual_attempt_is_delivered(receiver: Receiver):
    tenant, answered = new_tenant("standard"), threading.Event()
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [], "timeoutSeconds": TIMEOUT})
    receiver.answer(500, held(answered, 500), 200)
    event_id = tenant.publish("item.created", {"n": 1})
    (dead,) = tenant.wait_for_dead_letters(1)
    delivery = tenant.delivery_of(event_id)["id"]

    tenant.api.post(tenant.path(f"/deliveries/{delivery}/retry")).ok(202)
    receiver.wait(2)
    tenant.redrive(dead["id"]).ok(202)
    answered.set()

    tenant.wait_for_status(event_id, "completed", within=60)
    attempts = tenant.delivery(delivery)["attemptLog"]
    assert [a["trigger"] for a in attempts] == ["automatic", "manual", "automatic"]
    assert [a["responseCode"] for a in attempts] == [500, 500, 200]
    assert tenant.dead_letters() == []
    receiver.stays_at(3, 1)


def test_a_dead_letter_redriven_during_a_manual_success_is_not_sent_again(receiver: Receiver):
    tenant, answered = new_tenant("standard"), threading.Event()
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [], "timeoutSeconds": TIMEOUT})
    receiver.answer(500, held(answered, 200), 500)
    event_id = tenant.publish("item.created", {"n": 1})
    (dead,) = tenant.wait_for_dead_letters(1)
    delivery = tenant.delivery_of(event_id)["id"]

    tenant.api.post(tenant.path(f"/deliveries/{delivery}/retry")).ok(202)
    receiver.wait(2)
    tenant.redrive(dead["id"]).ok(202)
    answered.set()

    tenant.wait_for_status(event_id, "completed", within=60)
    # The redrive's message waits until the lease would have ended.
    receiver.stays_at(2, TIMEOUT + 12)
    assert tenant.delivery(delivery)["status"] == "completed"
