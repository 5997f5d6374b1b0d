"""The pages fit every display: a telephone, twice the size, a person's own distances and colours,
no movement. In German, whose words are long."""

from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import layout
import tour
from conftest import ARGUMENTS
from support import chromium
from support.receiver import Receiver, Reply

# What is chosen differs from its neighbours by more than a colour, of which there may be two.
ALIKE = """() => {
    const look = (element) => {
        const style = getComputedStyle(element);
        return [style.fontWeight, style.borderTopWidth, style.borderBlockEndStyle, style.outlineStyle, style.textDecorationLine, style.borderBlockEndColor, style.backgroundColor].join();
    };
    const chosen = [...document.querySelectorAll("[aria-current]:not([aria-current=false]), [aria-pressed=true], [aria-checked=true]")].filter((one) => one.checkVisibility());
    return chosen.flatMap((one) => {
        const siblings = [...(one.closest("li")?.parentElement ?? one.parentElement).querySelectorAll(one.localName)].filter((other) => !other.matches("[aria-current]:not([aria-current=false]), [aria-pressed=true], [aria-checked=true]"));
        return siblings.length > 0 && siblings.every((other) => look(other) === look(one)) ? [`${one.outerHTML.slice(0, 120)} looks as the others do`] : [];
    });
}"""

# Colours are the person's: what has only a background of its own is not seen.
PALE = """() => [...document.querySelectorAll("button, .button, input, select, textarea, [role=progressbar]")]
    .filter((one) => one.checkVisibility() && !one.closest(".visually-hidden") && one.textContent.trim() === "" && one.querySelector("svg") === null)
    .filter((one) => getComputedStyle(one).borderTopStyle === "none" && getComputedStyle(one).appearance === "none")
    .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def scene() -> Iterator[tour.Scene]:
    with Receiver() as receiver:
        yield tour.make_scene(receiver, Reply(400, {"content-type": "application/json"}, b'{"error":"no such order"}'))


@pytest.fixture
def german(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(locale="de-DE", reduced_motion="reduce", viewport={"width": 1280, "height": 720}).new_page()


def found_on(page: Page) -> list[Any]:
    """What is wrong with the open page on some display."""
    wrong: list[Any] = []

    def look(display: str, width: int, height: int, css: str = "") -> None:
        page.set_viewport_size({"width": width, "height": height})
        layout.wear(page, css)
        wrong.extend((display, one) for one in layout.wrong(page))

    look("wide", 1280, 720)
    wrong.extend(("wide", one) for one in layout.lost_focus(page))
    look("spaced", 1280, 720, layout.SPACING)
    look("a tablet", 800, 720)
    look("200 %", 640, 360)
    look("narrow and spaced", 320, 640, layout.SPACING)
    look("narrow", 320, 640)
    wrong.extend(("narrow", one) for one in layout.lost_focus(page))
    page.set_viewport_size({"width": 1280, "height": 720})
    page.emulate_media(forced_colors="active")
    wrong.extend(("forced colours", one) for one in [*page.evaluate(ALIKE), *page.evaluate(PALE), *layout.lost_focus(page)])
    page.emulate_media(forced_colors="none")
    wrong.extend(("movement", one) for one in page.evaluate("() => document.getAnimations().map((one) => one.animationName ?? one.transitionProperty)"))
    return wrong


@pytest.mark.parametrize("kind", ["portal", "console"])
def test_every_page_fits_every_display(german: Page, address: str, scene: tour.Scene, portal_link, console_link, kind: str):
    wrong: list[Any] = []
    for path in tour.each_page(german, address, scene, portal_link, console_link, kind):
        expect(german.locator("html")).to_have_attribute("lang", "de")
        wrong += [(path, *one) for one in found_on(german)]
    assert not wrong, "\n".join(map(str, wrong))


def test_a_large_font_of_the_browser_fits(browser: Browser, address: str, scene: tour.Scene, portal_link):
    """Twice the size that the person has chosen for all pages, which is no zoom."""
    large = browser.browser_type.launch(executable_path=chromium.find(), args=[*ARGUMENTS, "--blink-settings=defaultFontSize=32"])
    try:
        page = large.new_context(locale="de-DE", viewport={"width": 1280, "height": 720}).new_page()
        paths = ["webhooks", "log", "dead-letters", f"deliveries/{scene.delivery}", f"events/{scene.event}"]
        wrong = [(path, one) for path in tour.walk(page, address, portal_link(scene.tenant), paths, "portal") for one in layout.wrong(page)]
        assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    finally:
        large.close()
    assert not wrong, "\n".join(map(str, wrong))


def test_the_probes_see_what_they_are_there_for(page: Page):
    page.set_content("""<!doctype html><html lang=en><title>t</title><style>
        @media (forced-colors: active) { b { forced-color-adjust: none } }
        @keyframes k { 50% { opacity: 0 } } i { animation: k 9s infinite }</style>
        <p style="width:4em;overflow:hidden;white-space:nowrap">this text is cut by its box</p>
        <button style="width:1px;padding:0;overflow-wrap:anywhere">pieces</button>
        <div style="width:3em">and-this-one-lies-outside-of-its-own</div>
        <button style="position:relative;left:3em;outline:none">one button</button><button>other button</button>
        <div style="position:fixed;inset:auto 0 0 0;height:4em;background:red"></div><div style="height:3000px"></div><a href="#" style="position:fixed;bottom:1em;z-index:-1">below</a>
        <ul><li><a href="#" aria-current=page style="outline:none">here</a><li><a href="#" style="outline:none">there</a></ul><div role=progressbar aria-label=p>\u200b</div><i>moving</i>""")
    found = " ".join([*layout.wrong(page), *layout.lost_focus(page), *page.evaluate(ALIKE)])
    for seen in ("is cut by", "is in pieces", "lies outside of", "overlap", "does not show the focus", "has the focus below", "looks as the others do"):
        assert seen in found
    assert page.evaluate("document.getAnimations().length") == 1
