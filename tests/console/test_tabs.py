"""Several tabs, Back and Forward, and a link to a page that is opened without a session."""

import re
from typing import Callable

import pytest
from playwright.sync_api import Page, expect

import tour
from support import client, stack


@pytest.fixture
def busy() -> client.Tenant:
    """A tenant with a log that is longer than a window."""
    tenant = client.new_tenant("kuviq")
    tenant.new_webhook("postel:inbox", name="Shop")
    for _ in range(14):
        tenant.publish()
    stack.eventually(lambda: len(tenant.deliveries(status="completed", limit=50)) == 14, 60, "the deliveries to be completed")
    return tenant


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible(timeout=tour.PATIENCE)


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("session and language")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


@pytest.mark.parametrize("kind", ["portal", "console"])
def test_signing_out_in_one_tab_ends_the_other_one(page: Page, tenant: client.Tenant, portal_link, console_link, kind: str):
    page.goto(portal_link(tenant) if kind == "portal" else console_link())
    tour.settled(page)
    with page.context.expect_page() as opened:
        page.evaluate("() => { window.open(location.href); }")
    other = opened.value
    tour.settled(other)
    other.clock.install()
    sign_out(page)
    expect(other.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    calls: list[str] = []
    other.on("request", lambda request: calls.append(request.url))
    # The clock of the tab, not this one's: it asks for nothing and goes nowhere.
    other.clock.run_for(120_000)
    assert calls == []
    expect(other.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    other.reload()
    heading(other, "Open the page from your organisation" if kind == "portal" else "Sign in to the console")
    assert [url for url in calls if "/v1/" in url and "/v1/me" not in url] == []


def test_another_persons_tab_stays_signed_in(page: Page, new_context: Callable, tenant: client.Tenant, portal_link):
    other = page.context.new_page()
    for one in (page, other):
        one.goto(portal_link(tenant))
        tour.settled(one)
    sign_out(page)
    other.get_by_role("link", name="Event log").click()
    heading(other, "Event log")
    expect(other.get_by_role("dialog")).to_have_count(0)


def test_back_and_forward_keep_filters_and_place(page: Page, busy: client.Tenant, portal_link):
    page.set_viewport_size({"width": 1280, "height": 480})
    page.goto(portal_link(busy).replace("/portal/#", "/portal/log#"))
    expect(page.locator("tbody tr")).to_have_count(14, timeout=tour.PATIENCE)
    page.get_by_label("Status", exact=True).select_option("completed")
    page.wait_for_url("**/log?*status=completed*")
    expect(page.locator("tbody tr")).to_have_count(14)
    row = page.locator("tbody tr").nth(10).get_by_role("rowheader").get_by_role("link")
    row.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    assert before > 100
    row.click()
    expect(page.get_by_role("region", name="Request", exact=True)).to_be_visible(timeout=tour.PATIENCE)
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.get_by_label("Status", exact=True)).to_have_value("completed")
    stack.eventually(lambda: page.wait_for_timeout(20) or page.evaluate("scrollY") == before, 15, f"the page to be scrolled to {before}")
    page.go_back()
    expect(page.get_by_label("Status", exact=True)).to_have_value("")
    page.go_forward()
    expect(page.get_by_label("Status", exact=True)).to_have_value("completed")
    page.go_forward()
    expect(page.get_by_role("region", name="Request", exact=True)).to_be_visible(timeout=tour.PATIENCE)


def test_a_link_to_a_page_waits_for_the_portals_session(page: Page, tenant: client.Tenant, portal_link, address: str):
    wanted = f"{address}/portal/log?status=failed"
    page.goto(wanted)
    heading(page, "Open the page from your organisation")
    page.get_by_label("New link").fill(portal_link(tenant))
    page.get_by_role("button", name="Go on").click()
    heading(page, "Event log")
    assert page.url == wanted
    sign_out(page)

    page.goto("about:blank")
    page.goto(wanted)
    heading(page, "Open the page from your organisation")
    page.goto(portal_link(tenant))
    heading(page, "Event log")
    assert page.url == wanted
    # Once: the next link leads where it says.
    sign_out(page)
    page.goto(f"{address}/portal/")
    page.goto(portal_link(tenant))
    heading(page, "Webhooks")


def test_a_link_to_a_page_waits_for_the_consoles_session(page: Page, console_link, address: str):
    wanted = f"{address}/console/dead-letters?reason=refused"
    page.goto(wanted)
    heading(page, "Sign in to the console")
    page.get_by_label("Operator's key").fill(stack.outputs()["operatorKey"])
    page.get_by_role("button", name="Sign in").click()
    heading(page, "Dead letters")
    assert page.url == wanted
    sign_out(page)
    page.goto("about:blank")
    page.goto(wanted)
    heading(page, "Sign in to the console")
    page.goto(console_link())
    heading(page, "Dead letters")
    assert page.url == wanted


@pytest.mark.parametrize("kind", ["portal", "console"])
def test_a_key_in_the_address_opens_nothing(page: Page, tenant: client.Tenant, address: str, kind: str):
    key = stack.outputs()["operatorKey"]
    calls: list[str] = []
    page.on("request", lambda request: calls.append(request.url))
    page.goto(f"{address}/{kind}/#key={key}&tenant={tenant.id}")
    heading(page, "Open the page from your organisation" if kind == "portal" else "Sign in to the console")
    assert key not in page.url and key not in page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert [url for url in calls if "/v1/" in url] == []
