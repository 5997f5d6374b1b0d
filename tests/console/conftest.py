"""Fixtures of the browser tests: Chromium, pages of the deployed stack, and a watch over each
page that fails its test for an error, a violation of the security policy, a request to another
origin or a cookie."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tour  # noqa: E402
from support import chromium, client, stack  # noqa: E402
from support.receiver import Receiver  # noqa: E402

# Reports each violation to the test; a page cannot catch or silence it.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  postelViolation(`${event.effectiveDirective} blocked ${event.blockedURI || "inline"} at ${event.sourceFile || document.URL}:${event.lineNumber}`);
});
"""

# The stack is on loopback, where Chromium asks a person before a page of another origin may reach
# it; on AWS nobody is asked. Root has no sandbox in a container; nothing but the stack is opened.
ARGUMENTS = ["--disable-features=LocalNetworkAccessChecks", *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@dataclass
class Watch:
    """What went wrong in a context's pages. A test that provokes something names it with
    `allow`."""

    origin: str
    wrong: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, part: str) -> None:
        """Problems that contain this text do not fail the test."""
        self.allowed.append(part)

    def over(self, context: BrowserContext) -> None:
        context.expose_binding("postelViolation", lambda _, text: self.violations.append(text))
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.wrong.append(f"uncaught: {error.error}"))
        context.on("request", self._sent)

    def problems(self) -> list[str]:
        """Everything that was not allowed."""
        found = self.wrong + [f"violation: {text}" for text in self.violations]
        return [one for one in found if not any(part in one for part in self.allowed)]

    def _said(self, message: ConsoleMessage) -> None:
        # A refused call of the API is an answer; the browser reports it as an error in any case.
        refused = message.text.startswith("Failed to load resource") and "/v1/" in message.location.get("url", "")
        if message.type == "error" and not refused:
            self.wrong.append(f"console: {message.text} ({message.location.get('url')})")

    def _sent(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:", "about:")):
            self.wrong.append(f"request to another origin: {request.method} {request.url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    path = chromium.find()
    assert path, chromium.MISSING
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def address() -> str:
    """The stack's address, without a slash at the end."""
    return stack.outputs()["apiUrl"].rstrip("/")


@pytest.fixture
def watch(address: str) -> Watch:
    """Of all contexts of the test."""
    scheme, _, host, *_ = address.split("/")
    return Watch(f"{scheme}//{host}/")


@pytest.fixture
def new_context(browser: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Makes further contexts with Playwright's options (`viewport`, `color_scheme`, …): another
    person's browser, with storage of its own. `bypass_csp` turns the policy off, for tools that
    inject scripts."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        # English and a fixed zone: what a page shows does not depend on the machine.
        context = browser.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **options})
        context.set_default_timeout(15_000)
        watch.over(context)
        made.append(context)
        return context

    yield make
    cookies = [cookie["name"] for context in made for cookie in context.cookies()]
    for context in made:
        context.close()
    assert cookies == [], "the page set cookies"
    assert watch.problems() == []


@pytest.fixture
def context(new_context: Callable[..., BrowserContext]) -> BrowserContext:
    return new_context()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page in a watched context: `page.goto(portal_link(tenant))`."""
    return context.new_page()


@pytest.fixture
def operator() -> client.Api:
    return client.operator()


@pytest.fixture
def tenant() -> client.Tenant:
    """A tenant of the contract `standard`."""
    return client.new_tenant("standard")


@pytest.fixture
def portal_link(address: str) -> Callable[..., str]:
    """Makes a session of a tenant and returns the portal's link, which works once, for a minute.
    Not the answer's own `url`: the local cloud's API has a path, which the function cannot
    see."""

    def link(tenant: client.Tenant, **fields: Any) -> str:
        return f"{address}/portal/#s={tenant.operator.post(tenant.path('/sessions'), fields).ok(201)['code']}"

    return link


@pytest.fixture
def console_link(operator: client.Api, address: str) -> Callable[[], str]:
    """Makes a session of the operator and returns the console's link, which works once."""
    return lambda: f"{address}/console/#s={operator.post('/v1/sessions', {}).ok(201)['code']}"


@pytest.fixture
def open_page(page: Page, portal_link: Callable[..., str]) -> Callable[..., Page]:
    """Opens a page of the portal with a new session, which may be given `scopes` and more."""

    def open_it(tenant: client.Tenant, path: str = "", **session: Any) -> Page:
        return tour.arrive(page, portal_link(tenant, **session).replace("/portal/#", f"/portal/{path}#"))

    return open_it


@pytest.fixture
def open_console(page: Page, console_link: Callable[[], str]) -> Callable[..., Page]:
    """Opens a page of the console with a new session."""
    return lambda path="": tour.arrive(page, console_link().replace("/console/#", f"/console/{path}#"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A customer's server, of this test alone."""
    with Receiver() as started:
        yield started


@pytest.fixture
def kuviq() -> client.Tenant:
    """Kuviq does not repeat what was refused: the first attempt makes a dead letter."""
    return client.new_tenant("kuviq")
