"""A customer's way with webhooks in the portal: create, test, rotate, deactivate and remove."""

from typing import Callable

from playwright.sync_api import Page, expect

from support import client


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
