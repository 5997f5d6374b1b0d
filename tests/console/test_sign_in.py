"""From a session's link to a page, in both pages."""

from typing import Callable

from playwright.sync_api import Page, expect

from support import client


def test_a_link_signs_in_once_and_a_reload_keeps_the_session(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    link = portal_link(tenant)
    page.goto(link)
    expect(page.get_by_role("heading", name="Webhooks", level=1)).to_be_visible()
    assert "#" not in page.url and "code" not in page.url
    page.reload()
    expect(page.get_by_role("heading", name="Webhooks", level=1)).to_be_visible()
    again = page.context.new_page()
    again.goto(link)
    expect(again.get_by_role("heading", name="This link cannot be used")).to_be_visible()


def test_the_operator_signs_in_with_a_link(page: Page, console_link: Callable[[], str]):
    page.goto(console_link())
    expect(page.get_by_role("link", name="Tenants")).to_be_visible()
