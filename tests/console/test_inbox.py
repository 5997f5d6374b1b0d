"""The test receiver in the portal: a webhook that has one, what it answers, what it has got."""

import re
from typing import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from support import client, stack

INBOX = "postel:inbox"
WAIT = 30_000


@pytest.fixture
def open_inbox(page: Page, portal_link: Callable[..., str]) -> Callable[..., Page]:
    """Opens the tab of a webhook's test receiver with a new session."""

    def open_it(tenant: client.Tenant, webhook: str, **session: object) -> Page:
        page.goto(portal_link(tenant, **session).replace("/portal/#", f"/portal/webhooks/{webhook}?tab=inbox#"))
        expect(page.get_by_role("heading", name="What it received")).to_be_visible(timeout=WAIT)
        return page

    return open_it


def answer(page: Page, number: int) -> Locator:
    return page.get_by_role("group", name=f"Answer {number}", exact=True)


def script_of(tenant: client.Tenant, webhook: str) -> list[dict]:
    return tenant.api.get(tenant.path(f"/webhooks/{webhook}/responses")).ok()["responses"]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save answers").click()
    expect(page.get_by_text("The answers are saved")).to_be_visible()


def received(page: Page) -> Locator:
    """The requests that the page shows, newest first, each with its summary."""
    return page.get_by_role("main").locator("details[data-id]")


def test_a_webhook_gets_a_test_receiver_by_a_button(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    page.goto(portal_link(tenant).replace("/portal/#", "/portal/webhooks/new#"))
    page.locator("input[name=name]").fill("Trial")
    page.get_by_role("button", name="Use the test receiver").click()
    expect(page.locator("input[name=url]")).to_have_value(INBOX)
    page.get_by_role("switch", name="All events").check()
    page.get_by_role("button", name="Add webhook").click()
    page.get_by_role("dialog").get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="Trial", level=1)).to_be_visible()
    page.get_by_role("link", name="What it received").click()
    expect(page.get_by_text("Nothing has been received yet.")).to_be_visible(timeout=WAIT)

    page.get_by_role("button", name="Send test event").click()
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("Success", exact=True)).to_be_visible(timeout=WAIT)
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    page.get_by_role("button", name=re.compile("^Refreshed ")).click()
    expect(received(page)).to_have_count(1)
    expect(received(page).first).to_contain_text("answered 200")
    received(page).first.locator("summary").click()
    checks = received(page).first.get_by_role("listitem")
    expect(checks).to_have_count(3)
    for number, name in enumerate(("Header", "Time", "Signature")):
        expect(checks.nth(number)).to_contain_text(name)
        expect(checks.nth(number)).to_contain_text(".")
    expect(received(page).first.get_by_label("Headers")).to_contain_text("webhook-signature")
    expect(received(page).first.get_by_label("Body")).to_contain_text("test.webhook")


def test_a_script_of_500_then_200_shows_the_retry_arrive(open_inbox: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(INBOX, name="Trial", overrides={"retryDelaysSeconds": [1, 1]})["id"]
    page = open_inbox(tenant, webhook)
    page.get_by_role("button", name="500 once, then 200").click()
    expect(answer(page, 1).get_by_label("Status")).to_have_value("500")
    answer(page, 1).get_by_label("Body").fill('{"error": "maintenance"}')
    answer(page, 1).get_by_label("Retry-After").fill("1")
    expect(answer(page, 2)).to_contain_text("to every further request")
    save(page)
    assert script_of(tenant, webhook) == [
        {"status": 500, "delaySeconds": 0, "headers": {"Retry-After": "1"}, "body": '{"error": "maintenance"}', "times": 1},
        {"status": 200, "delaySeconds": 0, "headers": {}, "body": "", "times": 1},
    ]
    tenant.wait_for_status(tenant.publish(), "completed")

    page.get_by_role("button", name=re.compile("^Refreshed ")).click()
    expect(received(page)).to_have_count(2)
    expect(received(page).first).to_contain_text("attempt 2 · answered 200")
    expect(received(page).last).to_contain_text("attempt 1 · answered 500")
    expect(received(page).last).to_contain_text("Signature is genuine")
    received(page).last.locator("summary").click()
    received(page).last.get_by_role("link", name="See the delivery").click()
    expect(page.get_by_text("It arrived at attempt 2: the receiver answered 200.")).to_be_visible(timeout=WAIT)


def test_an_answer_of_410_switches_the_webhook_off(open_inbox: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(INBOX, name="Trial")["id"]
    page = open_inbox(tenant, webhook)
    page.get_by_role("button", name="410 Gone").click()
    save(page)
    tenant.publish()
    stack.eventually(lambda: tenant.webhook(webhook)["state"] == "disabled", 60, "it to be switched off")
    page.get_by_role("button", name=re.compile("^Refreshed ")).click()
    expect(page.get_by_text("The receiver said that it does not exist any more")).to_be_visible(timeout=WAIT)
    expect(received(page).first).to_contain_text("answered 410")
    page.get_by_role("button", name="Enable").click()
    expect(page.get_by_role("button", name="Status of Trial: Active")).to_be_visible(timeout=WAIT)


def test_a_mistake_stands_at_its_field_and_what_was_typed_stays(open_inbox: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(INBOX, name="Trial")["id"]
    page = open_inbox(tenant, webhook)
    page.get_by_role("button", name="Add answer").click()
    first = answer(page, 1)
    first.get_by_label("Status").fill("99")
    first.get_by_label("Delay in seconds").fill("61")
    first.get_by_label("How many times").fill("0")
    page.get_by_role("button", name="Save answers").click()
    for field in ("Status", "Delay in seconds", "How many times"):
        expect(first.get_by_label(field)).to_have_attribute("aria-invalid", "true")
    expect(first.get_by_label("Status")).to_be_focused()
    expect(first.get_by_text("A whole number from 200 to 599.")).to_be_visible()
    assert [one["status"] for one in script_of(tenant, webhook)] == [200], "nothing is saved"

    # What only the API knows stands at its field as well.
    first.get_by_label("Status").fill("503")
    first.get_by_label("Delay in seconds").fill("0")
    first.get_by_label("How many times").fill("2")
    first.get_by_label("Retry-After").fill("s\u00f6on")
    page.get_by_role("button", name="Save answers").click()
    expect(first.get_by_label("Retry-After")).to_have_attribute("aria-invalid", "true")
    expect(first.get_by_label("Retry-After")).to_have_value("s\u00f6on")
    expect(first.get_by_text("printable ASCII")).to_be_visible()
    first.get_by_label("Retry-After").fill("3")
    save(page)
    assert [(one["status"], one["times"]) for one in script_of(tenant, webhook)] == [(503, 2), (200, 1)]


def test_answers_of_somebody_else_are_not_replaced_unseen(open_inbox: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(INBOX, name="Trial")["id"]
    page = open_inbox(tenant, webhook)
    page.get_by_role("button", name="Always 200").click()
    answer(page, 1).get_by_label("Body").fill("mine")
    tenant.api.put(tenant.path(f"/webhooks/{webhook}/responses"), {"responses": [{"status": 204}]}).ok()
    page.get_by_role("button", name="Save answers").click()
    expect(page.get_by_role("alert").filter(has_text="Somebody else has set other answers")).to_be_visible()
    assert [one["status"] for one in script_of(tenant, webhook)] == [204]
    expect(answer(page, 1).get_by_label("Body")).to_have_value("mine")
    save(page)
    assert [one["body"] for one in script_of(tenant, webhook)] == ["mine"]


def test_a_session_that_only_reads_sees_requests_and_no_form(open_inbox: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(INBOX, name="Trial")["id"]
    tenant.wait_for_status(tenant.publish(), "completed")
    page = open_inbox(tenant, webhook, scopes=["webhooks:read", "deliveries:read"])
    expect(received(page)).to_have_count(1, timeout=WAIT)
    expect(page.get_by_role("button", name="Save answers")).to_have_count(0)
