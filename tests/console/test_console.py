"""The operator signs in with the key and signs out."""

import re
from typing import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from support import client, stack


def heading(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("heading", name=name, level=1)


@pytest.fixture
def opened(page: Page, console_link: Callable[[], str], address: str) -> Callable[[str], Page]:
    """Signs in, then opens a page of the console by its path."""

    def open_page(path: str = "") -> Page:
        page.goto(console_link())
        expect(heading(page, "Overview")).to_be_visible()
        if path:
            page.goto(f"{address}/console/{path}")
        return page

    return open_page


def stored(page: Page) -> str:
    """Everything that the page keeps in the browser."""
    return page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, location.href, history.state])")


def token_of(page: Page) -> str:
    found = re.search(r"postel_ses_[A-Za-z0-9_-]{20,}", stored(page))
    assert found, "the tab keeps no session"
    return found.group()


# ---- sign in ----


def test_the_operator_pastes_the_key_and_it_is_not_kept(page: Page, address: str):
    key = stack.outputs()["operatorKey"]
    page.goto(f"{address}/console/")
    expect(heading(page, "Sign in to the console")).to_be_visible()
    field = page.get_by_label("Operator's key")
    expect(field).to_have_attribute("type", "password")
    expect(field).to_have_attribute("autocomplete", "current-password")
    field.focus()
    page.keyboard.insert_text(f" {key}\n")
    page.get_by_role("button", name="Sign in").click()
    expect(heading(page, "Overview")).to_be_visible()
    assert key not in stored(page) and key not in page.content()
    page.reload()
    expect(heading(page, "Overview")).to_be_visible()


def test_a_wrong_key_says_so(page: Page, address: str):
    page.goto(f"{address}/console/")
    page.get_by_label("Operator's key").fill("not-the-key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This is not the operator's key.")).to_be_visible()
    expect(page.get_by_label("Operator's key")).to_be_focused()


def test_signing_out_ends_the_session_on_the_server(opened: Callable[..., Page], operator: client.Api):
    page = opened()
    session = operator.with_key(token_of(page))
    assert session.get("/v1/me").ok()["kind"] == "session"
    page.get_by_role("button", name=re.compile("session and language")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(heading(page, "Sign in to the console")).to_be_visible()
    assert session.get("/v1/me").status == 401
