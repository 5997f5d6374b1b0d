"""A generated event id and one chosen by the caller are never confused, whatever they look like."""

import pytest
from support import dead_letters, stack
from support.client import Api, Tenant, event_bytes
from support.receiver import Receiver


@pytest.mark.parametrize("chosen", ["evt_01ARZ3NDEKTSV4RRFFQ69G5FAV", "evt_00000000000000000000000000", "dl_01ARZ3NDEKTSV4RRFFQ69G5FAV"])
@pytest.mark.parametrize("door", ["http", "sqs"])
def test_an_event_is_found_under_an_id_of_its_callers_that_looks_like_ours(tenant: Tenant, receiver: Receiver, chosen: str, door: str):
    webhook = tenant.new_webhook(receiver.url())
    if door == "http":
        assert tenant.publish("item.created", {"n": 1}, id=chosen) == chosen
    else:
        tenant.publish_sqs("item.created", {"n": 1}, id=chosen)

    assert receiver.wait(1)[0].headers["webhook-id"] == chosen
    found = stack.eventually(lambda: tenant.event(chosen))
    assert (found["id"], found["data"]) == (chosen, {"n": 1})
    delivery = tenant.wait_for_status(chosen, "completed")
    assert (delivery["eventId"], delivery["webhookId"]) == (chosen, webhook["id"])


def test_an_id_that_we_gave_to_an_event_is_nobody_elses(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    ours = tenant.publish("item.created", {"n": 1})
    tenant.wait_for_status(ours, "completed")

    by_http = tenant.api.post(tenant.path("/events"), event_bytes("item.created", {"n": 2}, id=ours))
    tenant.publish_sqs("item.created", {"n": 3}, id=ours)

    assert (by_http.status, by_http.code) == (409, "id_conflict")
    (letter,) = tenant.wait_for_dead_letters(1)
    assert letter["reason"] == "id_conflict"
    assert tenant.event(ours)["data"] == {"n": 1}
    receiver.stays_at(1, seconds=1)


def test_a_caller_cannot_take_the_name_under_which_a_dead_letter_is_put_back(operator: Api, receiver: Receiver):
    tenant = Tenant(stack.unique(), "standard", operator, operator)
    letter = unknown(operator, tenant.publish_sqs("item.created", {"n": 2}))
    operator.put(f"/v1/tenants/{tenant.id}", {}).ok(201)
    tenant.new_webhook(receiver.url())
    tenant.publish("item.created", {"n": 1}, id=letter)
    receiver.wait(1)

    redriven = operator.post(f"/v1/dead-letters/{letter}/redrive").ok(202)

    assert receiver.wait(2)[1].headers["webhook-id"] == redriven["eventId"] != letter
    assert tenant.event(letter)["data"] == {"n": 1} and tenant.event(redriven["eventId"])["data"] == {"n": 2}


def unknown(operator: Api, message: str) -> str:
    """The dead letter of a message for a tenant that does not exist yet."""
    letter = dead_letters.id_of_message(message)
    assert operator.get(f"/v1/dead-letters/{letter}").ok()["reason"] == "unknown_tenant"
    return letter


def test_what_came_by_sqs_shows_the_message_id_that_its_publisher_knows(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url())
    message = tenant.publish_sqs("item.created", {"n": 1})
    bad = tenant.send_sqs(f'{{"tenantId": "{tenant.id}", "type": "not a type", "data": 1}}')

    event = tenant.event(receiver.wait(1)[0].headers["webhook-id"])
    (letter,) = tenant.wait_for_dead_letters(1)

    assert (event["messageId"], letter["messageId"]) == (message, bad)
    assert tenant.dead_letter(letter["id"])["messageId"] == bad
    by_http = tenant.publish("item.created")
    assert "messageId" not in tenant.event(by_http)


def test_a_message_that_is_put_back_becomes_an_event_with_the_messages_id(operator: Api, receiver: Receiver):
    tenant = Tenant(stack.unique(), "standard", operator, operator)
    message = tenant.publish_sqs("item.created", {"n": 2})
    letter = unknown(operator, message)
    operator.put(f"/v1/tenants/{tenant.id}", {}).ok(201)
    tenant.new_webhook(receiver.url())

    redriven = operator.post(f"/v1/dead-letters/{letter}/redrive").ok(202)

    receiver.wait(1)
    assert tenant.event(redriven["eventId"])["messageId"] == message
