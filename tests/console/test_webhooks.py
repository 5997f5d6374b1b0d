"""A customer's way with webhooks in the portal: create, test, rotate, deactivate and remove."""

from typing import Callable

from playwright.sync_api import Page, expect

from support import client, stack


def test_a_webhook_is_created_and_its_secret_is_shown_once(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    page.goto(portal_link(tenant))
    page.get_by_role("link", name="Create your webhooks").first.click()
    page.get_by_role("button", name="Add webhook").click()
    expect(page.get_by_role("alert").first).to_contain_text("Not saved")
    expect(page.get_by_label("Name", exact=False).first).to_have_attribute("aria-invalid", "true")
    page.locator("input[name=name]").fill("ERP")
    page.locator("input[name=url]").fill("postel:inbox")
    page.get_by_role("switch", name="All events").check()
    page.get_by_role("button", name="Add webhook").click()
    shown = page.get_by_role("dialog", name="Store this secret now")
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="ERP", level=1)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="ERP", level=1)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def ask(page: Page, item: str) -> None:
    page.get_by_role("button", name="Actions for ERP").click()
    page.get_by_role("menuitem", name=item).click()


def test_the_list_tests_rotates_deactivates_and_removes(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    tenant.operator.post(tenant.path("/webhooks"), {"name": "ERP", "url": "postel:inbox", "events": ["*"]}).ok(201)
    page.goto(portal_link(tenant))
    ask(page, "Send test event")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("Success", exact=True)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    ask(page, "Rotate secret")
    page.get_by_role("dialog").get_by_role("button", name="Rotate secret").click()
    page.get_by_role("button", name="I have stored it").click()
    ask(page, "Deactivate")
    expect(page.get_by_role("button", name="Status of ERP: Inactive")).to_be_visible()
    ask(page, "Remove")
    asked = page.get_by_role("alertdialog", name="Remove ERP?")
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()
    asked.get_by_role("button", name="Remove webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()


def test_the_list_marks_a_test_receiver(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    test = tenant.new_webhook("postel:inbox", name="Trial")["id"]
    real = tenant.new_webhook("https://receiver.example.com/hook", name="ERP")["id"]
    page.goto(portal_link(tenant))
    expect(page.locator(f"tr[data-id='{test}'] .status", has_text="Test receiver")).to_be_visible()
    expect(page.locator(f"tr[data-id='{real}']")).not_to_contain_text("Test receiver")


def test_help_names_the_events_that_no_webhook_gets(open_page: Callable[..., Page], tenant: client.Tenant):
    tenant.new_webhook("postel:inbox", name="ERP", events=["order.paid"])
    tenant.wait_for_status(tenant.publish("order.paid"), "completed")
    lost = tenant.publish("order.lost")
    stack.eventually(lambda: tenant.api.get(tenant.path("/stats")).ok()["unmatchedEvents"] == 1, 60, "the event to be counted")
    page = open_page(tenant, "help")
    page.get_by_role("button", name="Look for the cause").click()
    expect(page.get_by_text("One cause is found.")).to_be_visible()
    cause = page.get_by_role("listitem").filter(has_text="In the last 24 hours 1 event was published that no webhook gets.")
    expect(cause).to_contain_text("Problem")
    cause.get_by_role("link", name="See which").click()
    expect(page.get_by_role("heading", name="Published events", level=1)).to_be_visible()
    expect(page.locator(f"tr[data-id='{lost}']")).to_be_visible(timeout=30_000)


def test_the_list_says_how_many_events_no_webhook_gets(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    tenant.new_webhook("postel:inbox", name="ERP", events=["order.paid"])
    tenant.wait_for_status(tenant.publish("order.paid"), "completed")
    page.goto(portal_link(tenant))
    expect(page.get_by_text("No webhook is in trouble.")).to_be_visible()
    # The counts are read, and none of them is one of these.
    expect(page.get_by_text("100% of 1")).to_be_visible()
    notice = page.get_by_role("status").filter(has_text="that no webhook gets")
    expect(notice).to_have_count(0)
    missed = [tenant.publish("order.created") for _ in range(2)]
    # A page that stays open asks for the counts once a minute.
    page.goto("about:blank")
    page.goto(portal_link(tenant))
    expect(notice).to_contain_text("In the last 24 hours 2 events were published that no webhook gets.")
    notice.get_by_role("link", name="See which").click()
    expect(page.get_by_label("Wanted by")).to_have_value("false")
    for event in missed:
        expect(page.get_by_role("row").filter(has_text=event)).to_contain_text("No webhook wanted it")
    expect(page.get_by_role("row")).to_have_count(3)
