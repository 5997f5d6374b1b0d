"""KLIQ's own documentation to the letter, and its end: disabled and mailed after the fifth
failed retry."""

import json
import time

import pytest
from support import mail, stack, vendors
from support.client import Tenant, new_tenant
from support.programs import Program
from support.receiver import Receiver

SECRET = vendors.DOCUMENTED["kliq"].secret
# KLIQ documents 1 min, 5 min, 30 min, 2 h, 24 h: five retries.
SHORT = {"retryDelaysSeconds": [1, 1, 1, 1, 1]}


@pytest.fixture
def contact() -> str:
    """A separate contact for one test, so that its mails can be recognised."""
    mail.sender()
    return f"{stack.unique('contact')}@example.org"


@pytest.fixture
def kliq(contact: str) -> Tenant:
    return new_tenant("kliq", contactEmail=contact)


def switched_off(tenant: Tenant, webhook_id: str, within: float = 60) -> dict:
    return stack.eventually(lambda: (w := tenant.webhook(webhook_id)) and not w["active"] and w, within, "the webhook to be disabled")


# ---- Exactly the documented requests -----------------------------------------------------------


def test_kliqs_documented_requests_work_as_they_stand():
    tenant = new_tenant("kliq")
    path = f"/v1/tenants/{tenant.id}/webhooks"
    with Program("python", "kliq", secret=SECRET) as theirs:
        documented = {"url": theirs.url(), "events": ["observation.created", "visit.submitted"], "secret": SECRET}

        made = tenant.api.call("POST", path, documented).ok(201)

        assert made["id"].startswith("wh_") and made["url"] == documented["url"] and made["events"] == documented["events"]
        assert made["contract"] == "kliq" and made["active"] is True
        listed = tenant.api.call("GET", path).ok()["items"]
        assert [w["id"] for w in listed] == [made["id"]] and listed[0]["events"] == documented["events"]
        assert "secret" not in listed[0]
        for event_type in vendors.DOCUMENTED["kliq"].types:
            tenant.api.post(tenant.path("/events"), vendors.event("kliq", event_type)).ok(202)
        # Three segments are a valid type; the type that was not selected does not come.
        assert [r.status for r in theirs.wait(2)] == [200, 200]

        deleted = tenant.api.call("DELETE", f"{path}/{made['id']}")

        assert deleted.status == 204 and deleted.raw == b""
        assert tenant.api.call("GET", path).ok()["items"] == []
        assert tenant.api.call("DELETE", f"{path}/{made['id']}").status == 404
        tenant.publish("observation.created")
        stack.for_a_while(lambda: len(theirs.received()) == 2, 1.5, "two deliveries to the deleted webhook")


@pytest.mark.parametrize("missing", ["url", "events"])
def test_a_kliq_request_without_what_the_document_asks_for_is_refused(missing: str):
    tenant = new_tenant("kliq")
    documented = {"url": "https://example.com/hook", "events": ["observation.created"], "secret": SECRET}

    answer = tenant.api.post(tenant.path("/webhooks"), {name: value for name, value in documented.items() if name != missing})

    assert answer.status == 400 and answer.json["field"] == missing, answer
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == []


# ---- The end -----------------------------------------------------------------------------------


def test_after_five_failed_retries_the_webhook_is_disabled_and_one_mail_says_so(kliq: Tenant, contact: str, receiver: Receiver):
    webhook = vendors.subscribe(kliq, receiver.url(), ["observation.*"], overrides=SHORT)
    beside = vendors.subscribe(kliq, receiver.url("/beside"), ["observation.*"])
    receiver.answer(500)

    event_id = kliq.publish("observation.created", {"n": 1})

    requests = receiver.wait(6, within=60)
    off = switched_off(kliq, webhook["id"])
    assert off["disabledReason"] == "exhausted"
    failed = kliq.wait_for_status(event_id, "failed", webhook["id"])
    assert failed["attempts"] == 6, "the first attempt and five retries"
    assert [a["responseCode"] for a in failed["attemptLog"]] == [500] * 6
    (letter,) = kliq.wait_for_dead_letters(1)
    assert letter["reason"] == "exhausted"
    for request in requests:
        assert request.headers["x-kliq-signature"] == vendors.signature("kliq", SECRET, request.body)
    assert kliq.webhook(beside["id"])["active"], "the other webhook is not affected"

    warning, end = mail.wait_for_mails(contact, 2)
    for sent in (warning, end):
        assert sent.sender == mail.sender() and sent.to == [contact]
        for word in (webhook["id"], receiver.url(), kliq.id, "500"):
            assert word in sent.text, f"the mail says nothing of {word}: {sent.text}"
        for secret in (SECRET, '"n"', "observation.created"):
            assert secret not in sent.text + sent.subject, "a mail tells nothing secret and nothing of the event"
    assert webhook["id"] in end.subject and "disabled" in end.subject
    assert "6" in end.text and "no events until it is enabled again" in end.text
    assert "disabled" not in warning.subject and "failed 4 times" in warning.text and "will then be disabled" in warning.text

    # A new event is not sent ...
    while_off = kliq.publish("observation.created", {"n": 2})
    kliq.wait_for_status(while_off, "completed", beside["id"])
    receiver.stays_at(6, seconds=2)
    assert [d["webhookId"] for d in kliq.event(while_off)["deliveries"]] == [beside["id"]]
    # ... and once it is enabled again, events are sent, with the whole schedule.
    on = kliq.patch_webhook(webhook["id"], active=True)
    assert on["active"] is True and "disabledReason" not in on
    receiver.answer(500, 200)
    kliq.wait_for_status(kliq.publish("observation.created", {"n": 3}), "completed", webhook["id"])
    assert len(receiver.requests()) == 8 and kliq.webhook(webhook["id"])["active"], "one more failure is not the end"
    assert len(mail.mails_to(contact)) == 2, "one warning, one end, no more"


def test_several_deliveries_that_end_at_once_disable_the_webhook_once_and_mail_once(kliq: Tenant, contact: str, receiver: Receiver):
    webhook = vendors.subscribe(kliq, receiver.url(), overrides=SHORT)
    receiver.answer(503)

    events = [kliq.publish("visit.submitted", {"n": n}) for n in range(4)]

    switched_off(kliq, webhook["id"])
    letters = kliq.wait_for_dead_letters(4, within=60)
    # Events that come too late find the webhook switched off.
    assert {letter["reason"] for letter in letters} <= {"exhausted", "webhook_inactive"} and {letter["eventId"] for letter in letters} == set(events)
    assert any(letter["reason"] == "exhausted" for letter in letters)
    mail.wait_for_mails(contact, 2)
    stack.for_a_while(lambda: len(mail.mails_to(contact)) == 2, 3, "one warning and one end")
    assert sorted("disabled" in sent.subject for sent in mail.mails_to(contact)) == [False, True]
    assert len(receiver.requests()) <= 24


def test_a_webhook_is_warned_of_after_the_fourth_failed_attempt_and_once_a_day(kliq: Tenant, contact: str, receiver: Receiver):
    # The fifth delay is long, so no delivery ends here.
    overrides = {"retryDelaysSeconds": [1, 1, 1, 3000, 3000]}
    first, second = (vendors.subscribe(kliq, receiver.url(path), overrides=overrides) for path in ("/first", "/second"))
    receiver.answer(500, path="/first")
    receiver.answer(500, 500, 500, 200, path="/second")

    events = [kliq.publish("observation.created"), kliq.publish("observation.updated")]

    receiver.wait(8, within=60, path="/first")
    (warning,) = mail.wait_for_mails(contact, 1)
    assert first["id"] in warning.text and "4" in warning.text
    kliq.wait_for_status(events[0], "completed", second["id"])
    # A third delivery also fails four times on the same day.
    third = kliq.publish("observation.created")
    receiver.wait(12, within=60, path="/first")
    stack.for_a_while(lambda: len(mail.mails_to(contact)) == 1, 2, "one warning")
    assert kliq.webhook(first["id"])["active"] and kliq.delivery_of(third, first["id"])["attempts"] == 4


def test_a_warning_does_not_come_before_the_fourth_failed_attempt(kliq: Tenant, contact: str, receiver: Receiver):
    vendors.subscribe(kliq, receiver.url(), overrides={"retryDelaysSeconds": [1, 1, 3000, 3000, 3000]})
    receiver.answer(500)

    event_id = kliq.publish("observation.created")

    receiver.wait(3, within=60)
    stack.eventually(lambda: kliq.delivery_of(event_id)["attempts"] == 3, what="the third attempt in the log")
    stack.for_a_while(lambda: mail.mails_to(contact) == [], 2, "no mail")


def test_a_tenant_without_a_contact_gets_no_mail_and_its_webhook_is_still_disabled(receiver: Receiver):
    tenant = new_tenant("kliq")
    webhook = vendors.subscribe(tenant, receiver.url(), overrides={"retryDelaysSeconds": [1]})
    receiver.answer(500)

    event_id = tenant.publish("observation.created")

    assert switched_off(tenant, webhook["id"])["disabledReason"] == "exhausted"
    assert tenant.wait_for_status(event_id, "failed")["attempts"] == 2


# ---- A retry that waits while its webhook is switched off ----------------------------------------


def test_a_pending_retry_of_a_deactivated_webhook_dies_and_can_be_redriven(kliq: Tenant, contact: str, receiver: Receiver):
    # Waits as a schedule: long enough for the actions before it fires.
    webhook = vendors.subscribe(kliq, receiver.url(), overrides={"retryDelaysSeconds": [8]})
    receiver.answer(500, 200)
    event_id = kliq.publish("visit.submitted", {"n": 1})
    kliq.wait_for_status(event_id, "retrying")

    kliq.patch_webhook(webhook["id"], active=False)

    (letter,) = kliq.wait_for_dead_letters(1)
    assert letter["reason"] == "webhook_inactive" and letter["webhookId"] == webhook["id"] and letter["eventId"] == event_id
    failed = kliq.wait_for_status(event_id, "failed")
    assert failed["attempts"] == 1 and failed["errorCode"] == "webhook_inactive"
    receiver.stays_at(1, seconds=1)
    assert "disabledReason" not in kliq.webhook(webhook["id"]), "its user did it, not Postel"
    assert mail.mails_to(contact) == []

    kliq.patch_webhook(webhook["id"], active=True)
    assert kliq.redrive(letter["id"]).status == 202

    done = kliq.wait_for_status(event_id, "completed")
    assert done["attempts"] == 2
    first, second = receiver.wait(2)
    assert first.body == second.body and first.headers["webhook-id"] == second.headers["webhook-id"]
    assert kliq.redrive(letter["id"]).code == "already_redriven"


def test_an_event_from_before_its_webhook_was_disabled_dies_even_without_an_attempt(kliq: Tenant, contact: str, receiver: Receiver):
    webhook = vendors.subscribe(kliq, receiver.url())

    def accepted(delay: int) -> str:
        """SQS has accepted it, and does not show it yet."""
        event_id = f"own-{stack.unique()}"
        body = json.dumps({"tenantId": kliq.id, "id": event_id, "type": "visit.submitted", "data": {}})
        queue = stack.outputs()["eventsQueueUrl"]
        stack.aws("sqs").send_message(QueueUrl=queue, MessageBody=body, DelaySeconds=delay)
        return event_id

    before = accepted(12)
    time.sleep(1.5)  # clocks may disagree
    kliq.patch_webhook(webhook["id"], active=False)
    kliq.patch_webhook(webhook["id"], name="off all the same")
    time.sleep(1.5)
    after = accepted(10)

    (letter,) = kliq.wait_for_dead_letters(1)
    assert (letter["reason"], letter["eventId"], letter["attempts"]) == ("webhook_inactive", before, 0)
    stack.eventually(lambda: kliq.api.get(kliq.path(f"/events/{after}")).status == 200, 60, "the other event")
    assert [delivery["eventId"] for delivery in kliq.deliveries()] == [before]

    kliq.patch_webhook(webhook["id"], active=True)
    assert kliq.redrive(letter["id"]).status == 202
    kliq.wait_for_status(before, "completed")
    assert [request.headers["webhook-id"] for request in receiver.wait(1)] == [before]
