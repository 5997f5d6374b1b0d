"""The portal in a frame of a customer's page, by the custom element. The customer's page and its
backend are answered here; the tests' stack names its origin in PortalFrameAncestors
(tests/gate.sh)."""

import gzip
import json
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import FrameLocator, Page, Route, expect

from conftest import Watch
from support import client, stack

HOST = "http://app.localhost"
STRANGER = "http://stranger.localhost"


@dataclass
class Customer:
    """A customer's page with the portal in it, and the backend behind `token-url`."""

    page: Page
    address: str
    tenant: client.Tenant
    session: dict[str, Any] = field(default_factory=dict)
    attributes: str = ""
    codes: list[str] = field(default_factory=list)
    extra: str = ""

    def open(self, origin: str = HOST) -> FrameLocator:
        self.page.route(f"{origin}/**", self._answer)
        self.page.goto(f"{origin}/settings")
        return self.page.frame_locator("postel-portal iframe")

    def _answer(self, route: Route) -> None:
        if route.request.url.endswith("/postel-session"):
            assert route.request.method == "POST"
            made = self.tenant.operator.post(self.tenant.path("/sessions"), self.session).ok(201)
            self.codes.append(made["code"])
            route.fulfill(content_type="application/json", body=json.dumps(made))
        else:
            element = f'<postel-portal src="{self.address}/portal/" token-url="/postel-session" {self.attributes}></postel-portal>'
            script = f'<script async src="{self.address}/portal/postel-portal.js"></script>'
            listen = "<script>said = []; for (const name of ['postel-navigated', 'postel-error']) addEventListener(name, (e) => said.push([name, e.detail]));</script>"
            route.fulfill(content_type="text/html", body=f"<!doctype html><title>Acme</title>{listen}{script}{element}{self.extra}")


@pytest.fixture
def customer(page: Page, address: str, tenant: client.Tenant, watch: Watch) -> Iterator[Customer]:
    assert stack.parameter("PortalFrameAncestors") == HOST, "the stack has to be made with the TEST_PARAMETERS of tests/gate.sh"
    for origin in (HOST, STRANGER):
        watch.allow(f"request to another origin: GET {origin}/")
        watch.allow(f"request to another origin: POST {origin}/")
    yield Customer(page, address, tenant)


def heading(frame: FrameLocator, name: str) -> None:
    expect(frame.get_by_role("heading", name=name, level=1)).to_be_visible()


def until(page: Page, holds: Callable[[], object], what: str) -> None:
    stack.eventually(lambda: page.wait_for_timeout(50) or holds(), 20, what)


def test_the_custom_element_is_small_and_loads_from_any_origin(operator: client.Api):
    answer = operator.with_key(None).get("/portal/postel-portal.js")
    assert (answer.status, answer.headers["access-control-allow-origin"], answer.headers["cross-origin-resource-policy"]) == (200, "*", "cross-origin")
    assert len(gzip.compress(answer.raw)) <= 3 * 1024


def test_the_portal_opens_in_the_page_with_its_own_height_and_theme(customer: Customer):
    customer.attributes = 'theme="dark"'
    frame = customer.open()
    heading(frame, "Webhooks")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    until(customer.page, lambda: customer.page.locator("iframe").evaluate("frame => frame.style.height") != "240px", "the frame to take the page's height")
    assert len(customer.codes) == 1
    # Neither the customer's page nor its storage has learnt the token.
    assert customer.page.evaluate("JSON.stringify([sessionStorage, localStorage, document.cookie, said])").count(customer.codes[0]) == 0


def test_the_page_hears_where_the_portal_is_and_can_open_another_page(customer: Customer):
    customer.attributes = 'path="event-types"'
    frame = customer.open()
    heading(frame, "Event types")
    customer.page.evaluate("document.querySelector('postel-portal').navigate('webhooks')")
    heading(frame, "Webhooks")
    until(customer.page, lambda: ["postel-navigated", "webhooks"] in [[name, detail.get("path")] for name, detail in customer.page.evaluate("said")], "the event")


def test_a_session_that_ends_is_renewed_by_a_new_code(customer: Customer):
    # So short that its end is near from the start.
    customer.session = {"expiresInSeconds": 60}
    frame = customer.open()
    heading(frame, "Webhooks")
    token = frame.locator("html").evaluate("() => Object.values(sessionStorage).join()")
    until(customer.page, lambda: len(customer.codes) >= 2, "a second code")
    until(customer.page, lambda: frame.locator("html").evaluate("() => Object.values(sessionStorage).join()") != token, "the new token")
    heading(frame, "Webhooks")


def test_a_message_of_another_frame_changes_nothing(customer: Customer):
    forged = [{"postel": {"type": "size", "height": 7777}}, {"postel": {"type": "expiring"}}, {"postel": {"type": "navigated", "path": "forged", "title": ""}}]
    to_portal = [{"postel": {"type": "token", "code": "forged"}}, {"postel": {"type": "navigate", "path": "event-types"}}]
    script = f"<script>for (const m of {json.dumps(forged)}) parent.postMessage(m, '*'); setInterval(() => {{ for (const m of {json.dumps(to_portal)}) parent.frames[0].postMessage(m, '*'); }}, 50);</script>"
    customer.page.route(f"{STRANGER}/**", lambda route: route.fulfill(content_type="text/html", body=f"<!doctype html>{script}"))
    frame = customer.open()
    heading(frame, "Webhooks")
    customer.page.evaluate(f"() => {{ const other = document.createElement('iframe'); other.src = '{STRANGER}/'; other.id = 'other'; document.body.append(other); }}")
    stack.for_a_while(lambda: customer.page.wait_for_timeout(50) or frame.get_by_role("heading", name="Webhooks", level=1).count() == 1, 2, "the portal's page")
    assert len(customer.codes) == 1
    assert customer.page.locator("postel-portal iframe").evaluate("frame => frame.style.height") != "7777px"
    assert "forged" not in json.dumps(customer.page.evaluate("said"))


def test_a_page_that_is_not_named_cannot_frame_the_portal(customer: Customer, watch: Watch):
    watch.allow("frame-ancestors")
    watch.allow("Framing")
    frame = customer.open(STRANGER)
    until(customer.page, lambda: any("frame-ancestors" in one or "Framing" in one for one in watch.wrong), "the frame to be refused")
    assert frame.locator("#app").count() == 0
    assert customer.tenant.operator.get(customer.tenant.path("/sessions")).ok()["items"] != []


def test_a_backend_without_a_session_is_reported_to_the_page(customer: Customer, watch: Watch):
    watch.allow("status of 403")
    page = customer.page
    page.route(f"{HOST}/settings", customer._answer)
    page.route(f"{HOST}/postel-session", lambda route: route.fulfill(status=403, body="{}"))
    page.goto(f"{HOST}/settings")
    until(page, lambda: page.evaluate("said.length") > 0, "the error")
    assert page.evaluate("said") == [["postel-error", {"message": "token-url answered 403"}]]
