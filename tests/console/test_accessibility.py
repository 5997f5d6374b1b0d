"""Everybody can use the pages: axe-core finds nothing on any page, a narrow window and a large
text need no scrolling sideways, and the keyboard is enough."""

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

import layout
import tour
from support import client, stack
from support.receiver import Receiver, Reply

AXE = stack.ROOT / "functions" / "console" / "web" / "node_modules" / "axe-core" / "axe.min.js"

RUN = """async (only) => {
    const found = await axe.run(document, only === null ? { resultTypes: ["violations"] } : { resultTypes: ["violations"], runOnly: only });
    return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")} ${node.any.concat(node.all, node.none)[0]?.message ?? ""}`));
}"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def full(receiver: Receiver) -> tour.Scene:
    return tour.make_scene(receiver, Reply(400, {"content-type": "application/json"}, b'{"error":"no such order"}'))


@pytest.fixture
def injectable(new_context: Callable[..., BrowserContext]) -> Page:
    """A page that axe-core can be injected into. Without movement: axe-core takes a colour in
    between for the colour."""
    context = new_context(bypass_csp=True, reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    assert AXE.is_file(), f"{AXE} is missing: run `npm ci` in functions/console/web"
    context.add_init_script(path=Path(AXE))
    return context.new_page()


def violations(page: Page, only: list[str] | None = None) -> list[str]:
    return page.evaluate(RUN, only)


@pytest.mark.parametrize(("kind", "what"), [("portal", "full"), ("portal", "empty"), ("console", "full")])
def test_every_page_is_accessible_in_both_themes_and_fits_every_window(injectable: Page, address: str, full: tour.Scene, portal_link, console_link, kind: str, what: str):
    scene = full if what == "full" else tour.empty_scene()
    wrong: list[Any] = []
    for path in tour.each_page(injectable, address, scene, portal_link, console_link, kind):
        injectable.emulate_media(color_scheme="light")
        expect(injectable.locator("html")).to_have_attribute("data-theme", "light")
        wrong += [(path, "light", one) for one in violations(injectable)]
        injectable.emulate_media(color_scheme="dark")
        expect(injectable.locator("html")).to_have_attribute("data-theme", "dark")
        # The other rules do not depend on colours.
        wrong += [(path, "dark", one) for one in violations(injectable, ["color-contrast"])]
        # A window of 1280 px at 200 % has 640.
        for width in (320, 640, 1280):
            injectable.set_viewport_size({"width": width, "height": 800})
            wrong += [(path, width, one) for one in layout.sideways(injectable)]
    assert wrong == []


def test_the_checks_see_what_they_are_there_for(injectable: Page):
    injectable.set_content("<!doctype html><html lang=en><title>t</title><body><main><h1>t</h1><input><p style='color:#999'>pale</p><div style='width:2000px'>wide</div></main>")
    found = " ".join(violations(injectable))
    assert "label: input" in found and "color-contrast: p" in found
    assert "DIV" in " ".join(layout.sideways(injectable))


class Keyboard:
    """Somebody without a mouse, who must see where the focus is."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def to(self, target: Locator) -> None:
        """Presses Tab until the focus is there; each stop on the way is visible."""
        expect(target).to_be_visible()
        for _ in range(80):
            if target.evaluate("(element) => element === document.activeElement"):
                return
            self._page.keyboard.press("Tab")
            assert self._page.evaluate(FOCUS_SEEN), f"no visible focus on {self._page.evaluate('document.activeElement.outerHTML')[:200]}"
        raise AssertionError(f"Tab does not lead to {target}")

    def press(self, target: Locator, key: str = "Enter") -> None:
        self.to(target)
        self._page.keyboard.press(key)

    def choose(self, menu: Locator, name: str) -> None:
        """An item of a menu, by the arrows."""
        self.press(menu)
        wanted = self._page.get_by_role("menuitem", name=name, exact=True)
        expect(wanted).to_be_visible()
        for _ in range(10):
            if wanted.evaluate("(element) => element === document.activeElement"):
                break
            self._page.keyboard.press("ArrowDown")
        expect(wanted).to_be_focused()
        self._page.keyboard.press("Enter")


# The end of the document is the browser's own; a hidden control's label shows the focus.
FOCUS_SEEN = """() => {
    const one = document.activeElement;
    if (one === document.body || one === null) return true;
    const marked = (element) => {
        const style = getComputedStyle(element);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    };
    return marked(one) || [...(one.labels ?? [])].some((label) => [label, ...label.querySelectorAll("*")].some(marked));
}"""


def test_a_webhook_is_created_tested_and_removed_by_keyboard(page: Page, tenant: client.Tenant, portal_link):
    keyboard, by = Keyboard(page), page.get_by_role
    page.goto(portal_link(tenant))
    keyboard.press(by("link", name="Create your webhooks"))
    expect(by("heading", name="Create webhook", level=1)).to_be_visible()
    keyboard.to(by("textbox", name="Name"))
    page.keyboard.type("By keyboard")
    keyboard.press(by("button", name="Use the test receiver"))
    keyboard.press(by("switch", name="All events"), "Space")
    keyboard.press(by("button", name="Add webhook"))
    keyboard.press(by("button", name="I have stored it"))
    expect(by("dialog")).to_have_count(0)
    page.goto(page.url.split("/portal/")[0] + "/portal/webhooks")
    keyboard.choose(by("button", name="Actions for By keyboard"), "Send test event")
    keyboard.press(by("dialog").get_by_role("button", name="Send", exact=True))
    expect(by("dialog").get_by_text("Success")).to_be_visible(timeout=tour.PATIENCE)
    page.keyboard.press("Escape")
    expect(by("dialog")).to_have_count(0)
    keyboard.choose(by("button", name="Actions for By keyboard"), "Remove")
    expect(by("alertdialog").get_by_role("button", name="Cancel")).to_be_focused()
    keyboard.press(by("alertdialog").get_by_role("button", name="Remove webhook"))
    expect(by("heading", name="No webhooks yet")).to_be_visible()


def test_tab_stops_at_a_rows_link_and_at_its_buttons(page: Page, address: str, full: tour.Scene, portal_link, console_link):
    stops = """() => [...document.querySelectorAll("tbody tr")].map((row) =>
        [...row.querySelectorAll("a[href], button, input, [tabindex]")].filter((one) => one.tabIndex >= 0 && one.checkVisibility()).map((one) => one.localName))"""
    for path in tour.each_page(page, address, full, portal_link, console_link, "portal"):
        rows = page.evaluate(stops)
        assert all(len(row) <= 4 and "span" not in row and "time" not in row for row in rows), (path, rows)
        if path == "log":
            assert sorted(rows) == [["a", "button"], ["a", "button"]]


def test_a_rows_link_shows_what_its_cells_hint_at(page: Page, address: str, full: tour.Scene, portal_link):
    page.goto(portal_link(full.tenant).replace("/portal/#", "/portal/log#"))
    row = page.locator(f"tr[data-id='{full.delivery}']")
    Keyboard(page).to(row.get_by_role("rowheader").get_by_role("link"))
    hint = page.get_by_role("tooltip")
    for shown in ("item.created", "Webhook: Orders to the ERP", "Created: ", " UTC", "Error message: The receiver answered 400."):
        expect(hint).to_contain_text(shown)
    page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    # Hidden, it is still read out when the link gets the focus.
    row.get_by_role("rowheader").get_by_role("link").hover()
    expect(hint).to_have_text("item.created")


def test_what_failed_is_retried_and_redriven_by_keyboard(page: Page, receiver: Receiver, portal_link, address: str):
    scene = tour.make_scene(receiver, Reply(400))
    later = scene.tenant.wait_for_status(scene.tenant.publish("item.deleted"), "failed", scene.webhooks[0])["id"]
    scene.tenant.wait_for_dead_letters(2)
    receiver.answer(200)
    keyboard = Keyboard(page)
    page.goto(portal_link(scene.tenant).replace("/portal/#", "/portal/log#"))
    row = page.locator(f"tr[data-id='{later}']")
    keyboard.press(row.get_by_role("button", name="Retry"))
    expect(page.get_by_text("Requeued for immediate delivery.")).to_be_visible(timeout=tour.PATIENCE)
    expect(row.get_by_role("cell").filter(has_text="Completed")).to_be_visible(timeout=tour.PATIENCE)
    page.goto(f"{address}/portal/dead-letters")
    keyboard.press(page.get_by_role("button", name="Redrive item.created"))
    expect(page.get_by_role("row", name="item.created")).to_contain_text("Redriven", timeout=tour.PATIENCE)


IN_FRONT = """() => {
    const box = document.activeElement.getBoundingClientRect();
    return document.activeElement.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2));
}"""


@pytest.mark.parametrize(("width", "height"), [(1280, 360), (320, 480)])
def test_a_message_never_lies_over_what_has_the_focus(page: Page, full: tour.Scene, portal_link, width: int, height: int):
    """The button at the window's lower edge fails three times, and each failure stays."""
    page.set_viewport_size({"width": width, "height": height})
    page.route("**/retry", lambda route: route.fulfill(status=409, content_type="application/problem+json", body='{"status":409,"code":"conflict","title":"t","detail":"It is being sent."}'))
    page.goto(portal_link(full.tenant).replace("/portal/#", "/portal/log#"))
    retry = page.locator(f"tr[data-id='{full.delivery}']").get_by_role("button", name="Retry")
    expect(retry).to_be_visible(timeout=tour.PATIENCE)
    retry.focus()
    page.evaluate("() => scrollBy(0, document.activeElement.getBoundingClientRect().bottom - innerHeight + 2)")
    for count in (1, 2, 3):
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert").get_by_role("button", name="Close")).to_have_count(count)
        assert page.evaluate(IN_FRONT)
