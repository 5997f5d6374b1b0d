"""The watch over pages sees what it is there for. These tests open no page of the stack."""

from typing import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route

from conftest import Watch
from support import stack

POLICY = "default-src 'none'; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"


def serve(page: Page, origin: str, script: str) -> None:
    """Opens a page of the stack's origin that loads this script."""

    def answer(route: Route) -> None:
        if route.request.url.endswith(".js"):
            route.fulfill(content_type="text/javascript", body=script)
        else:
            route.fulfill(content_type="text/html", headers={"content-security-policy": POLICY}, body="<!doctype html><title>t</title><body><script src=a.js></script>")

    page.route("**/*", answer)
    page.goto(f"{origin}watched/")


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("console.error('it broke')", "it broke"),
        ("setTimeout(() => { throw new Error('nobody catches this') })", "nobody catches this"),
        ("document.body.innerHTML = '<b>x</b>'", "require-trusted-types-for"),
        ("const s = document.createElement('img'); s.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw='; document.body.append(s)", "img-src"),
        ("fetch('http://elsewhere.example/').catch(() => {})", "connect-src"),
    ],
)
def test_a_page_that_does_something_forbidden_is_reported(page: Page, watch: Watch, script: str, seen: str):
    serve(page, watch.origin, script)
    # Events arrive while Playwright runs.
    stack.eventually(lambda: page.wait_for_timeout(10) or any(seen in problem for problem in watch.problems()), 10, seen)
    watch.allow("")


def test_a_request_to_another_origin_is_reported(page: Page, watch: Watch):
    page.route("**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html><img src=http://elsewhere.example/x.png>"))
    page.goto(f"{watch.origin}watched/")
    assert watch.problems() == ["request to another origin: GET http://elsewhere.example/x.png"]
    watch.allow("elsewhere.example")


def test_contexts_are_different_people(new_context: Callable[..., BrowserContext], watch: Watch):
    pages = [new_context().new_page() for _ in range(2)]
    for page in pages:
        serve(page, watch.origin, "")
    pages[0].evaluate("sessionStorage.setItem('token', 'x')")
    assert [page.evaluate("sessionStorage.getItem('token')") for page in pages] == ["x", None]
