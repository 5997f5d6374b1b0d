"""What strangers write is text on every page: nothing of it runs, nothing of it is asked for, it
breaks no layout, and what cannot be seen is shown as an escape."""

import csv
import itertools
import json
import re
from collections import Counter
from typing import Any, Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, Route, expect

import corpus
import layout
import tour
from conftest import Watch
from support import stack
from support.receiver import Receiver, Reply

WHOLE = "\n".join(corpus.ALL)
EVERYTHING = {text: [text, {text: text}] for text in corpus.ALL}
# Members that a page acts on, and that Postel itself writes.
OWN = {"kind", "scopes", "status", "state", "result", "contract", "nextCursor", "version", "tenantId", "token", "secret", "encoding", "expiresAt"}
# Objects whose member names come from strangers, too.
MAPS = {"headers", "responseHeaders", "context", "typeNames", "envelope", "testEnvelope", "example", "data"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


# At the end of each text, so that no place escapes the search for what is not shown as an escape.
MARK = "\u202e"


class Strangers:
    """Every answer of the API, with texts of the corpus wherever a text can come from somebody
    else: each in its turn, and sometimes all of them at once."""

    def __init__(self) -> None:
        self.places: Counter[str] = Counter()
        self._turn = itertools.cycle((*corpus.ALL, WHOLE))
        self._real: dict[str, str] = {}
        self._strange: dict[str, str] = {}

    def answer(self, route: Route) -> None:
        address = route.request.url
        for strange, real in self._real.items():
            address = address.replace(quote(strange, safe=""), real)
        response = route.fetch(url=address)
        body = response.text()
        if response.ok and body and "/exchange" not in address:
            body = json.dumps(self.strange("", json.loads(body)))
        route.fulfill(response=response, body=body)

    def strange(self, member: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self.strange(member, one) for one in value]
        if isinstance(value, dict):
            if member in MAPS:
                self.places[member] += 1
                return {text[:400] + MARK: text + MARK for text in corpus.ALL}
            return {self._id(name) if name.startswith("wh_") else name: self.strange(name, one) for name, one in value.items()}
        if not isinstance(value, str) or member in OWN or TIME.fullmatch(value) or value == "postel:inbox":
            return value
        self.places[member] += 1
        if member == "id" or member.endswith("Id"):
            return self._id(value)
        if member in ("body", "message"):
            return json.dumps(EVERYTHING, ensure_ascii=False)
        return next(self._turn) + MARK

    def _id(self, real: str) -> str:
        """One for each, so that what belongs together stays together."""
        if real not in self._strange:
            self._strange[real] = strange = f"{corpus.SHORT[len(self._strange) % len(corpus.SHORT)]}{MARK}{len(self._strange)}"
            self._real[strange] = real
        return self._strange[real]


# What a page shows, and what it is made of.
LOOK = """() => {
    const texts = [document.title];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) texts.push(node.data);
    const wrong = [];
    for (const one of document.querySelectorAll("*")) {
        for (const { name, value } of one.attributes) {
            if (["aria-label", "title", "placeholder", "alt", "data-hint", "data-label", "label", "aria-description"].includes(name)) texts.push(value);
            if (name.startsWith("on") || name === "srcdoc") wrong.push(`attribute ${name} of ${one.tagName}`);
        }
        if (one.href && document.body.contains(one) && one.namespaceURI.endsWith("xhtml") && !one.href.startsWith(location.origin + "/")) wrong.push(`link to ${one.href}`);
    }
    for (const one of document.querySelectorAll("body :is(img, iframe, object, embed, base, link, meta, style, math, video, audio, body), form[action]")) wrong.push(one.outerHTML.slice(0, 100));
    if (window.ran !== undefined) wrong.push("a script has run");
    return { texts, wrong };
}"""

# Keeps what is saved, and its type.
SAVED = """
window.saved = [];
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => { saved.push(blob.type); return make.call(URL, blob); };
"""


class Reader:
    """Looks at one page after the other, and remembers what was wrong and what was seen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[tuple[Any, ...]] = []
        self.seen: set[str] = set()
        page.on("dialog", lambda dialog: (self.wrong.append((page.url, "dialog", dialog.message)), dialog.dismiss()))

    def look(self, path: str) -> None:
        page = self.page
        page.evaluate("document.querySelectorAll('main details').forEach((details) => (details.open = true))")
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            self.wrong += [(path, width, wide) for wide in layout.sideways(page)]
        self._note(path)
        raw = page.get_by_role("button", name="Raw", exact=True)
        if raw.count():
            for one in raw.all():
                one.click()
            self._note(path)

    def found_nothing(self) -> None:
        assert "\n".join(map(str, self.wrong)) == ""

    def has_seen(self, texts: tuple[str, ...]) -> None:
        everything = "\n".join(self.seen)
        assert [text for text in texts if corpus.as_shown(text).strip() not in everything] == []

    def _note(self, path: str) -> None:
        found = self.page.evaluate(LOOK)
        self.wrong += [(path, one) for one in found["wrong"]]
        self.wrong += [(path, "not escaped", ascii(text[:60])) for text in found["texts"] if corpus.HIDDEN.search(text)]
        self.seen.update(found["texts"])


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


def readable(most: int) -> str:
    """Much of the corpus in a text of this length, of what the API takes for a name."""
    texts = [text for text in corpus.ALL if corpus.HIDDEN.sub("", text) == text]
    kept: list[str] = []
    for text in texts:
        if len(" ".join([*kept, text])) <= most:
            kept.append(text)
    return " ".join(kept)


@pytest.fixture(scope="module")
def scene(receiver: Receiver) -> Iterator[tour.Scene]:
    """A tenant whose partners write nothing but the corpus, as far as the API takes it."""
    shown_header = {"content-type": "text/html", "x-strange": [text for text in corpus.ALL if text.isascii() and text.isprintable()][:20]}
    made = tour.make_scene(receiver, Reply(400, shown_header, json.dumps(EVERYTHING, ensure_ascii=False).encode()), readable(256), readable(250), EVERYTHING)
    tenant = made.tenant
    path = "/h?" + quote("<script>ran=1</script>\u202e", safe="<>")
    tenant.new_webhook(receiver.url(path), ["nothing.wants.it"], name="=1+1", headers={"x-'`onclick`|$ran": stack.unique()})
    tenant.new_webhook("postel:inbox", ["other"], id="constructor", name=corpus.CELLS[0], context={"<script>ran=1</script>": corpus.UNREADABLE[0]})
    tenant.publish("other", EVERYTHING, context={"\u202e<b>": corpus.UNREADABLE[6]})
    tenant.send_sqs(json.dumps({"tenantId": tenant.id, "type": "<img src=x onerror=ran=1>", "data": "\u202e\u0085" + WHOLE[:2000].replace("\x1b", "").replace("\x00", "")}))
    kind = f"strange.{stack.unique()}"
    catalogue = f"/v1/event-types/{kind}"
    tenant.operator.put(catalogue, {"name": readable(256), "group": readable(64), "description": readable(1000), "example": EVERYTHING}).ok(201)
    tenant.wait_for_dead_letters(3)
    yield made
    tenant.operator.delete(catalogue)


def test_what_is_stored_is_text_on_the_pages_that_show_it(page: Page, scene: tour.Scene, address: str, portal_link, console_link):
    reader = Reader(page)
    paths = ["webhooks", "webhooks/constructor", f"deliveries/{scene.delivery}", f"events/{scene.event}", "dead-letters", "event-types", "keys", f"webhooks/{scene.webhooks[1]}"]
    for path in tour.walk(page, address, portal_link(scene.tenant), paths, "portal"):
        reader.look(path)
    for path in tour.walk(page, address, console_link(), ["tenants", "dead-letters"], "console"):
        reader.look(path)
    reader.found_nothing()


@pytest.mark.parametrize("kind", ["portal", "console"])
def test_any_answer_is_text_on_every_page(page: Page, scene: tour.Scene, address: str, portal_link, console_link, kind: str):
    reader, strangers = Reader(page), Strangers()
    page.route("**/v1/**", strangers.answer)
    for path in tour.each_page(page, address, scene, portal_link, console_link, kind):
        reader.look(path)
    reader.found_nothing()
    assert len(strangers.places) >= 12, strangers.places
    reader.has_seen(corpus.ALL)


# What opens a dialog on a page: a menu's item or a button.
PORTAL_DIALOGS = [
    ("webhooks", ["Rotate secret", "Delete"], []),
    ("dead-letters", ["Delete"], ["Redrive many"]),
    ("event-types", [], ["Send test event"]),
    ("keys", ["Delete key"], []),
]
CONSOLE_DIALOGS = [
    ("tenants", ["Edit", "Open portal link", "Delete tenant"], []),
    ("dead-letters", ["Details", "Delete"], []),
    ("event-types", ["Edit", "Delete event type"], []),
    ("contracts/standard", [], ["Use as a template"]),
]


@pytest.mark.parametrize(("kind", "dialogs"), [("portal", PORTAL_DIALOGS), ("console", CONSOLE_DIALOGS)])
def test_any_answer_is_text_in_every_dialog(page: Page, scene: tour.Scene, address: str, portal_link, console_link, kind: str, dialogs):
    reader = Reader(page)
    page.route("**/v1/**", Strangers().answer)
    link = portal_link(scene.tenant) if kind == "portal" else console_link()
    opened = {path: (items, buttons) for path, items, buttons in dialogs}
    for path in tour.walk(page, address, link, list(opened), kind):
        items, buttons = opened[path]
        main = page.get_by_role("main")
        for name in (*items, *buttons):
            if name in items:
                main.get_by_role("button", name="Actions for").first.click()
                opener = page.get_by_role("menuitem", name=name, exact=True)
            else:
                opener = main.get_by_role("button", name=name).first
            opener.click()
            dialog = page.locator("dialog[open]")
            expect(dialog).to_be_visible()
            expect(dialog.locator("[aria-busy=true]")).to_have_count(0)
            reader.look(f"{path}: {name}")
            page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
    reader.found_nothing()


# What a link may ask of a page, and the pages' names for it.
ASKED = ["log?status={0}&webhook={0}&type={0}&event={0}&code={0}&trigger={0}&time={0}&wanted={0}&from={0}&to={0}", "dead-letters?reason={0}&webhook={0}&type={0}&show={0}", "help?webhook={0}", "verify?webhook={0}&contract={0}"]
ASKED += ["deliveries/{0}", "events/{0}", "webhooks/{0}?tab={0}", "webhooks/{0}/edit", "redrives/{0}", "{0}"]
ASKED_OF_CONSOLE = ["tenants?link={0}", "dead-letters?tenantId={0}&reason={0}&since={0}", "contracts/{0}", "t/{0}/webhooks"]
LINKED = ("constructor", "<script>ran = 1</script>", f"javascript:ran=1//{corpus.UNREADABLE[0]}")


@pytest.mark.parametrize(("kind", "asked"), [("portal", ASKED), ("console", ASKED_OF_CONSOLE)])
def test_what_a_link_asks_is_text(page: Page, scene: tour.Scene, address: str, portal_link, console_link, kind: str, asked: list[str]):
    reader = Reader(page)
    page.goto(portal_link(scene.tenant) if kind == "portal" else console_link())
    tour.settled(page)
    for path, text in itertools.product(asked, LINKED):
        page.evaluate("(url) => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')); }", f"{address}/{kind}/{path.format(quote(text, safe=''))}")
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        reader.look(f"{path} {text[:12]}")
        if page.locator("dialog[open]").count():
            page.keyboard.press("Escape")
    reader.found_nothing()


def test_what_is_saved_is_a_plain_text_and_no_formula(page: Page, scene: tour.Scene, portal_link):
    page.add_init_script(SAVED)
    page.route("**/v1/**", Strangers().answer)
    page.goto(portal_link(scene.tenant).replace("/portal/#", "/portal/log#"))
    tour.settled(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    table = list(csv.reader(saved.value.path().read_text().splitlines()))
    cells = [cell for row in table for cell in row]
    assert len(table) >= 3 and {len(row) for row in table} == {14}, table
    assert [cell for cell in cells if re.match(r"[\s\u202e]*[=+\-@\uff1d]", cell) and not re.fullmatch(r"-?\d+(\.\d+)?", cell)] == []
    assert page.evaluate("saved") == ["text/plain;charset=utf-8"]
