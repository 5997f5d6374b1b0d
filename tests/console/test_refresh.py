"""What an open page asks of the API while nobody does anything, over some minutes."""

import re
from typing import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, Response, expect

from support import client, stack
from tour import settled

HALF_A_MINUTE = 30_000
MINUTES = 2


@pytest.fixture
def calls(page: Page) -> list[Request]:
    """The calls of the API that the page makes."""
    made: list[Request] = []
    page.on("request", lambda request: "/v1/" in request.url and made.append(request))
    return made


def pass_minutes(page: Page, minutes: int) -> None:
    """One half minute after the other, with a moment for the answers between them."""
    for _ in range(2 * minutes):
        page.clock.run_for(HALF_A_MINUTE + 1000)
        page.wait_for_timeout(300)


def hide(page: Page) -> None:
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )


def names_of(calls: list[Request]) -> list[str]:
    """The last part of each path: what the call is about."""
    return [urlsplit(call.url).path.split("/")[-1] for call in calls]


@pytest.mark.parametrize("path", ["log", "webhooks", "webhooks/{webhook}?tab=log", "dead-letters"])
def test_an_open_page_asks_little_and_nothing_while_it_is_hidden(page: Page, calls: list[Request], tenant: client.Tenant, portal_link: Callable[..., str], path: str):
    webhook = tenant.new_webhook("postel:inbox", name="ERP")["id"]
    tenant.wait_for_status(tenant.publish(), "completed")
    page.clock.install()
    page.goto(portal_link(tenant).replace("/portal/#", f"/portal/{path.format(webhook=webhook)}#"))
    settled(page)
    page.wait_for_load_state("networkidle")
    calls.clear()
    pass_minutes(page, MINUTES)
    assert len(calls) <= 4 * 2 * MINUTES, names_of(calls)
    assert len(calls) <= 2 * 2 * MINUTES or "{webhook}" in path, names_of(calls)
    counted = [call.url for call in calls if "/stats" in call.url]
    for url in set(counted):
        assert counted.count(url) <= MINUTES + 1, f"{counted.count(url)} times in {MINUTES} minutes: {url}"

    hide(page)
    calls.clear()
    page.clock.run_for(2 * 60_000)
    assert names_of(calls) == []


@pytest.mark.parametrize("path", ["", "dead-letters"])
def test_an_open_page_of_the_console_asks_little(page: Page, calls: list[Request], console_link: Callable[[], str], path: str):
    page.clock.install()
    page.goto(console_link().replace("/console/#", f"/console/{path}#"))
    settled(page)
    page.wait_for_load_state("networkidle")
    before = len(calls)
    calls.clear()
    pass_minutes(page, MINUTES)
    # The overview reads its lists once a minute, the others one list each half minute.
    assert len(calls) <= (before + 1) * (MINUTES + 1), names_of(calls)
    hide(page)
    calls.clear()
    page.clock.run_for(2 * 60_000)
    assert names_of(calls) == []


def test_a_list_that_has_not_changed_is_not_sent_again(page: Page, tenant: client.Tenant, portal_link: Callable[..., str]):
    tenant.new_webhook("postel:inbox", name="ERP")
    tenant.wait_for_status(tenant.publish(), "completed")
    answers: list[Response] = []
    page.on("response", lambda response: re.search(r"/deliveries\?", response.url) and answers.append(response))
    page.clock.install()
    page.goto(portal_link(tenant).replace("/portal/#", "/portal/log#"))
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1, timeout=30_000)
    pass_minutes(page, 1)
    stack.eventually(lambda: page.wait_for_timeout(10) or len(answers) > 1, 15, "the list to be asked for again")
    assert {answer.status for answer in answers[1:]} == {304}, [answer.status for answer in answers]
    expect(rows).to_have_count(1)
    # A change comes at the next refresh.
    tenant.wait_for_status(tenant.publish(), "completed")
    pass_minutes(page, 1)
    stack.eventually(lambda: page.wait_for_timeout(10) or 200 in {answer.status for answer in answers[1:]}, 15, "the changed list to be sent")
    expect(page.get_by_role("status").get_by_role("button", name="1 new delivery: Show")).to_be_visible()
