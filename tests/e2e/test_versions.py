"""Which configuration an outcome applies to, what a change checks, and what it leaves unchanged."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from support import mail, stack
from support.client import Api, Tenant, new_tenant
from support.receiver import Held, Receiver

NO_RETRY = {"retryDelaysSeconds": []}


def moved_while_under_way(tenant: Tenant, receiver: Receiver, status: int, **fields) -> tuple[dict, str]:
    """Publishes to /old, which answers `status`, and changes the webhook's URL to /new during
    that attempt."""
    webhook, answer = tenant.new_webhook(receiver.url("/old"), ["*"], **fields), Held(status)
    receiver.answer(answer, path="/old")
    event_id = tenant.publish()
    receiver.wait(1, path="/old")

    tenant.patch_webhook(webhook["id"], url=receiver.url("/new"))

    answer.let_go()
    tenant.wait_for_status(event_id, "failed")
    return webhook, event_id


def test_a_410_of_the_old_url_does_not_switch_off_the_webhook_that_has_moved(tenant: Tenant, receiver: Receiver):
    webhook, event_id = moved_while_under_way(tenant, receiver, 410)

    assert tenant.wait_for_dead_letters()[0]["reason"] == "gone"
    now = tenant.webhook(webhook["id"])
    assert now["active"] is True and "disabledReason" not in now, now
    tenant.publish()
    receiver.wait(1, path="/new")


def test_the_last_failure_of_the_old_url_does_not_disable_the_moved_webhook(receiver: Receiver):
    mail.sender()
    contact = f"{stack.unique('contact')}@example.org"
    tenant = new_tenant("kliq", contactEmail=contact)

    webhook, _ = moved_while_under_way(tenant, receiver, 500, overrides=NO_RETRY)

    stack.for_a_while(lambda: tenant.webhook(webhook["id"])["active"] and mail.mails_to(contact) == [], 2, "the webhook to stay active, and no mail")
    assert tenant.wait_for_dead_letters()[0]["reason"] == "exhausted"


@pytest.mark.parametrize("change", [{"active": None}, {"overrides": {"timeoutSeconds": 9}}], ids=["off and on", "another timeout"])
def test_a_410_of_an_earlier_configuration_decides_nothing_about_a_later_one(tenant: Tenant, receiver: Receiver, change: dict):
    webhook, answer = tenant.new_webhook(receiver.url(), ["*"]), Held(410)
    receiver.answer(answer)
    event_id = tenant.publish()
    receiver.wait(1)

    if "active" in change:
        tenant.patch_webhook(webhook["id"], active=False)
        tenant.patch_webhook(webhook["id"], active=True)
    else:
        tenant.patch_webhook(webhook["id"], **change)

    answer.let_go()
    tenant.wait_for_status(event_id, "failed")
    stack.for_a_while(lambda: tenant.webhook(webhook["id"])["active"], 1, "the webhook to stay active")


def test_a_new_name_does_not_hinder_the_410(tenant: Tenant, receiver: Receiver):
    webhook, answer = tenant.new_webhook(receiver.url(), ["*"]), Held(410)
    receiver.answer(answer)
    tenant.publish()
    receiver.wait(1)

    tenant.patch_webhook(webhook["id"], name="renamed", events=["*", "item.*"])

    answer.let_go()
    now = stack.eventually(lambda: (w := tenant.webhook(webhook["id"])) and not w["active"] and w, 60, "the webhook to be switched off")
    assert now["disabledReason"] == "gone" and now["name"] == "renamed", now


# ---- A change checks what it changes -----------------------------------------------------------


@pytest.fixture
def stricter(operator: Api) -> tuple[Tenant, dict, Api]:
    """A webhook with an http URL whose contract has become https only since. (Loopback's own
    exception does not cover it.)"""
    name = stack.unique("own").lower()
    contract = {**operator.get("/v1/contracts/kuviq").ok(), "httpsOnly": False}
    for member in ("name", "builtin", "version", "testEnvelope"):
        contract.pop(member, None)
    operator.put(f"/v1/contracts/{name}", contract).ok(201)
    tenant = new_tenant(name)
    webhook = tenant.new_webhook("http://example.com/hook", ["*"])
    operator.put(f"/v1/contracts/{name}", {**contract, "httpsOnly": True}).ok()
    return tenant, webhook, operator


@pytest.mark.parametrize("change", [{"active": False}, {"name": "x"}, {"events": ["item.*"]}, {"url": "http://example.com/hook"}], ids=lambda c: next(iter(c)))
def test_a_rule_that_has_become_stricter_hinders_no_change_of_something_else(stricter, change: dict):
    tenant, webhook, _ = stricter

    answer = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), change)

    assert answer.status == 200, answer
    assert {name: answer.json[name] for name in change} == change


def test_what_a_change_does_change_is_judged(stricter):
    tenant, webhook, operator = stricter
    path = tenant.path(f"/webhooks/{webhook['id']}")

    moved = tenant.api.patch(path, {"url": "http://example.com/other"})
    assert (moved.status, moved.code, moved.json["reason"]) == (422, "invalid_url", "scheme"), moved
    # Another contract with the same signature: the URL and the headers depend on it.
    tenant.api.patch(path, {"headers": {"X-Sent": "mine"}}).ok()
    contract = operator.get(f"/v1/contracts/{webhook['contract']}").ok()
    for member in ("name", "builtin", "version"):
        contract.pop(member, None)
    second, third = f"{webhook['contract']}-second", f"{webhook['contract']}-third"
    operator.put(f"/v1/contracts/{second}", contract).ok(201)
    operator.put(f"/v1/contracts/{third}", {**contract, "httpsOnly": False, "headers": {"X-Sent": "{timestamp}"}}).ok(201)
    answer = tenant.api.patch(path, {"contract": second})
    assert (answer.status, answer.code) == (422, "invalid_url"), answer
    answer = tenant.api.patch(path, {"contract": third})
    assert (answer.status, answer.code) == (422, "invalid_header"), answer


# ---- A change keeps what others write ------------------------------------------------------------


def test_a_changed_webhook_is_warned_of_once_a_day_all_the_same(receiver: Receiver):
    mail.sender()
    contact = f"{stack.unique('contact')}@example.org"
    tenant = new_tenant("kliq", contactEmail=contact)
    # The fourth failure warns; the last one, which would switch it off, is far away.
    webhook = tenant.new_webhook(receiver.url(), ["*"], overrides={"retryDelaysSeconds": [1, 1, 1, 600]})
    receiver.answer(500)
    tenant.publish()
    mail.wait_for_mails(contact, 1, within=60)

    tenant.patch_webhook(webhook["id"], name="renamed")
    tenant.publish()

    receiver.wait(8, within=60)
    stack.for_a_while(lambda: len(mail.mails_to(contact)) == 1, 3, "one warning a day")


def test_changes_at_the_same_time_all_come_about_or_are_refused_as_such(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), ["*"])
    path = tenant.path(f"/webhooks/{webhook['id']}")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: tenant.api.patch(path, {"headers": {f"x-{n}": "v"}}), range(16)))

    told = {answer.status for answer in answers}
    assert told <= {200, 409} and 200 in told, answers
    assert {answer.code for answer in answers if answer.status == 409} <= {"concurrent_change"}
    kept = tenant.webhook(webhook["id"])["headers"]
    assert len(kept) == sum(answer.status == 200 for answer in answers), (kept, answers)


def test_tenants_and_contracts_put_at_the_same_time_are_no_fault_of_ours(operator: Api):
    tenant = new_tenant("standard")
    name = stack.unique("own").lower()
    contract = operator.get("/v1/contracts/standard").ok()
    for member in ("name", "builtin", "version"):
        contract.pop(member, None)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: operator.put(f"/v1/tenants/{tenant.id}", {"name": f"n{n}"}), range(12)))
        answers += pool.map(lambda n: operator.put(f"/v1/contracts/{name}", contract), range(12))

    assert {(a.status, a.json.get("code")) for a in answers} <= {(200, None), (201, None), (409, "concurrent_change")}, answers
    assert operator.get(f"/v1/contracts/{name}").ok()["version"] == sum(a.status < 300 for a in answers[12:])
