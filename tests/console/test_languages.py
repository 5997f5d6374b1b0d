"""Every text comes from the texts of the page, has room for a longer language, and stands in
right-to-left order where it is asked for."""

import re
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

import layout
import tour
from support.receiver import Receiver, Reply

# Texts of people and machines; what the page itself says has brackets in the pseudo-locale.
SAID = """(data) => {
    const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(`code, pre, .mono, .json-tree, .header-table, textarea${data}`);
    const front = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
    const texts = [];
    const walker = document.createTreeWalker(front, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) if (node.data.trim() && shown(node.parentElement)) texts.push(node.data.trim());
    for (const element of front.querySelectorAll("[aria-label], [placeholder], [title], [data-hint], [alt], [data-label]"))
        for (const name of ["aria-label", "placeholder", "title", "data-hint", "alt", "data-label"]) if (shown(element) && element.getAttribute(name)?.trim()) texts.push(element.getAttribute(name).trim());
    return [...new Set([...texts, document.title])];
}"""

# Names, ids, addresses, times, codes, and what the API says in English.
DATA = [
    *("Acme", "Orders to the ERP", "item.created", "Postel", "kuviq", "standard", "/hook", "http://", "https://", "HMAC-SHA256", "POST", "2xx", "4xx"),
    r"https?://\S+",
    r"\b(wh|evt|dlv|rd|key|t)[_-]\w+",
    r"\d+ \w{3} \d{4}, [\d:]+ UTC",
    r"\d+ (ms|s|min|h)\b",
    r"^Standard Webhooks 1\.0: .*",
    r"^The (event|receiver) .*: The receiver answered \d+\.$",
]


def left_out(page: Page, data: str = "") -> list[str]:
    """What the page says that no text of it is. `data`: elements with what other tests made."""
    found = []
    for said in page.evaluate(SAID, data):
        rest = re.sub(r"\[.*~\]", "", said, flags=re.S)
        for known in DATA:
            rest = re.sub(known, "", rest)
        found += [said] if re.search(r"[A-Za-z]{2}", rest) or re.search(r"undefined|NaN|\[object", said) else []
    return found


@pytest.fixture(scope="module")
def scene() -> Iterator[tour.Scene]:
    with Receiver() as receiver:
        yield tour.make_scene(receiver, Reply(400, {"content-type": "application/json"}, b'{"error":"no such order"}'))


@pytest.fixture
def wide(new_context: Callable[..., BrowserContext]) -> Page:
    return new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce").new_page()


@pytest.mark.parametrize("kind", ["portal", "console"])
def test_no_text_is_cut_or_left_out_in_a_longer_language(wide: Page, address: str, scene: tour.Scene, portal_link, console_link, kind: str):
    wrong: list[Any] = []
    # The catalogue is everybody's: other tests write into it.
    catalogue = {"items": [{"type": "item.created", "name": "Acme", "group": "Acme", "description": "Acme", "example": {}, "createdAt": "2026-01-01T00:00:00Z"}]}
    wide.route("**/v1/event-types*", lambda route: route.fulfill(json=catalogue))
    for path in tour.each_page(wide, address, scene, portal_link, console_link, kind, lang="pseudo"):
        expect(wide.locator("html")).to_have_attribute("lang", "en")
        wrong += [(path, "not from the texts", said) for said in left_out(wide, ", tbody, a[href*='/t/']" if kind == "console" else "")]
        for direction in ("ltr", "rtl"):
            wide.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
            for width in (320, 1280):
                wide.set_viewport_size({"width": width, "height": 720})
                wrong += [(path, f"{direction} {width}", one) for one in layout.wrong(wide)]
        wide.evaluate("() => document.documentElement.removeAttribute('dir')")
    assert not wrong, "\n".join(map(str, wrong))
