"""Every dialog, menu and state is accessible and fits: opened as a person does, in German, looked
at by axe-core in both themes, and measured in a narrow window."""

import re
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

import layout
import tour
from support import stack
from support.receiver import Receiver, Reply
from test_accessibility import AXE, violations

# How to open each, from a page: b a button, m an item of a menu, l a link, f a field and its text,
# x a box to tick, w a text to wait for, k a key. Names are the beginnings of names.
ROW = "b:Aktionen für "
PORTAL = {
    "account": ("webhooks", ["b:Acme: Sitzung"]),
    "row": ("webhooks", [ROW]),
    "status": ("webhooks", ["b:Status von "]),
    "test": ("webhooks", [ROW, "m:Test"]),
    "tested": ("webhooks", [ROW, "m:Test", "b:Senden", "w:ms"]),
    "rotate": ("webhooks", [ROW, "m:Geheimnis wechseln"]),
    "rotated": ("webhooks", [ROW, "m:Geheimnis wechseln", "b:Geheimnis wechseln", "w:aufbewahrt"]),
    "remove": ("webhooks", [ROW, "m:Entfernen"]),
    "created": ("webhooks/new", ["f:Name=Neu", "b:Testempfänger benutzen", "x:Alle Ereignisse", "b:Webhook anlegen", "w:aufbewahrt"]),
    "refused form": ("webhooks/new", ["b:Webhook anlegen", "w:gespeichert"]),
}
PORTAL_MORE = {
    "key": ("keys", ["b:Schlüssel anlegen"]),
    "key shown once": ("keys", ["b:Schlüssel anlegen", "f:Name=Neu", "x:Ereignisse veröffentlichen", "b:Schlüssel anlegen", "w:Ich habe ihn aufbewahrt"]),
    "key not stored": ("keys", ["b:Schlüssel anlegen", "f:Name=Neu", "x:Ereignisse veröffentlichen", "b:Schlüssel anlegen", "w:Ich habe ihn aufbewahrt", "k:Escape"]),
    "delete key": ("keys", [ROW, "m:Schlüssel löschen"]),
    "dead letter": ("dead-letters", ["l:item.created"]),
    "delete dead letter": ("dead-letters", [ROW, "m:Löschen"]),
    "redrive": ("dead-letters", ["b:Viele nachsenden"]),
    "counted": ("dead-letters", ["b:Viele nachsenden", "b:Zählen", "w:.*nachgesendet"]),
    "resend": ("log", ["b:Erneut senden"]),
    "test of a type": ("event-types", ["b:Testereignis senden"]),
    "unsaved": ("webhooks/new", ["f:Name=Neu", "l:Hilfe"]),
}
CONSOLE = {
    "tenant": ("tenants", ["b:Mandant hinzufügen"]),
    "edit tenant": ("tenants", [ROW, "m:Bearbeiten"]),
    "portal link": ("tenants", [ROW, "m:Portal-Link"]),
    "portal link made": ("tenants", [ROW, "m:Portal-Link", "b:Link erzeugen", "w:lässt sich noch"]),
    "delete tenant": ("tenants", [ROW, "m:Mandant löschen"]),
    "contract": ("contracts", ["b:Vertrag hinzufügen"]),
    "copy of a contract": ("contracts/kuviq", ["b:Als Vorlage"]),
    "event type": ("event-types", ["b:Ereignistyp hinzufügen"]),
    "dead letter of anybody": ("dead-letters", ["b:item.created"]),
    "menu of a dead letter": ("dead-letters", [ROW]),
    "delete dead letters": ("dead-letters", ["x:.* auswählen", "b:Löschen"]),
}


@pytest.fixture(scope="module")
def scene() -> Iterator[tour.Scene]:
    with Receiver() as receiver:
        made = tour.make_scene(receiver, Reply(400, {"content-type": "application/json"}, b'{"error":"no such order"}'))
        name = stack.unique("dialogs.")
        made.tenant.operator.put(f"/v1/event-types/{name}", {"name": "An order", "example": {"total": 1}}).ok(201)
        yield made
        made.tenant.operator.delete(f"/v1/event-types/{name}").ok(204)


@pytest.fixture
def german(new_context: Callable[..., BrowserContext]) -> Page:
    context = new_context(locale="de-DE", bypass_csp=True, reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    context.add_init_script(path=Path(AXE))
    return context.new_page()


def follow(page: Page, step: str) -> None:
    how, _, rest = step.partition(":")
    what, _, text = rest.partition("=")
    name = re.compile(f"^(?:{what})")
    dialog = page.locator("dialog[open]")
    within: Page | Locator = dialog.last if how != "m" and dialog.count() > 0 else page
    if how == "w":
        expect(within.get_by_text(re.compile(what)).first).to_be_visible(timeout=tour.PATIENCE)
    elif how == "k":
        page.keyboard.press(what)
    elif how == "f":
        within.get_by_role("textbox", name=name).first.fill(text)
    elif how == "x":
        within.get_by_role("checkbox", name=name).or_(within.get_by_role("switch", name=name)).first.check()
    else:
        role = {"b": "button", "m": "menuitem", "l": "link"}[how]
        within.get_by_role(role, name=name).first.click()


def wrong_with(page: Page, name: str) -> list[Any]:
    """What is wrong with what is open, in both themes and in a narrow window."""
    wrong = []
    for theme, rules in (("light", None), ("dark", ["color-contrast"])):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        wrong += [(name, theme, one) for one in violations(page, rules)]
    if page.get_by_role("menu").count() > 0:
        # A menu finds its place when it opens.
        return wrong + [(name, "wide", one) for one in layout.wrong(page)]
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        wrong += [(name, width, one) for one in layout.wrong(page)]
    return wrong + [(name, "focus", one) for one in layout.lost_focus(page)]


def fits_below_its_button(page: Page, name: str, step: str) -> list[Any]:
    """Opens the menu once more, in a narrow window."""
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 320, "height": 640})
    follow(page, step)
    wrong = [(name, "narrow", one) for one in layout.wrong(page)]
    page.set_viewport_size({"width": 1280, "height": 800})
    return wrong


@pytest.mark.parametrize(("kind", "dialogs"), [("portal", PORTAL), ("portal", PORTAL_MORE), ("console", CONSOLE)], ids=["portal", "portal-more", "console"])
def test_every_dialog_and_menu_is_accessible_and_fits(german: Page, address: str, scene: tour.Scene, portal_link, console_link, kind: str, dialogs: dict[str, tuple[str, list[str]]]):
    german.goto(portal_link(scene.tenant) if kind == "portal" else console_link())
    tour.settled(german)
    wrong: list[Any] = []
    for name, (path, steps) in dialogs.items():
        german.goto(f"{address}/{kind}/{path}")
        tour.settled(german)
        for step in steps:
            follow(german, step)
        if name != "refused form":
            expect(german.locator("dialog[open], [role=menu]").last).to_be_visible()
        wrong += wrong_with(german, name)
        if german.get_by_role("menu").count() > 0:
            wrong += fits_below_its_button(german, name, steps[-1])
    assert not wrong, "\n".join(map(str, wrong))


def test_the_entry_is_accessible_and_fits_in_each_of_its_states(german: Page, address: str):
    wrong = []
    for path in ("console/", "portal/", "portal/#s=unknown", "console/#s=unknown"):
        german.goto("about:blank")
        german.goto(f"{address}/{path}")
        expect(german.get_by_role("heading", level=1)).to_be_visible()
        expect(german.locator("[aria-busy=true]")).to_have_count(0)
        if path == "console/":
            german.get_by_role("button", name="Anmelden").click()
            expect(german.locator("[aria-invalid=true]")).to_be_focused()
        wrong += wrong_with(german, path)
    assert not wrong, "\n".join(map(str, wrong))


def test_a_session_that_ends_is_accessible_and_fits(german: Page, address: str, scene: tour.Scene, portal_link, console_link):
    wrong = []
    german.goto(portal_link(scene.tenant, expiresInSeconds=100))
    expect(german.get_by_role("dialog", name="Ihre Sitzung endet bald")).to_be_visible()
    wrong += wrong_with(german, "expiring")
    for kind, link in (("portal", portal_link(scene.tenant)), ("console", console_link())):
        german.goto("about:blank")
        german.goto(link)
        tour.settled(german)
        german.route("**/v1/**", lambda route: route.fulfill(status=401, content_type="application/problem+json", body='{"status":401,"code":"unauthorized","title":"t"}'))
        german.get_by_role("button", name=re.compile("^Aktualisiert")).click()
        expect(german.get_by_role("dialog", name="Ihre Sitzung ist zu Ende")).to_be_visible()
        wrong += wrong_with(german, f"expired {kind}")
        german.unroute("**/v1/**")
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("kind", ["portal", "console"])
def test_a_page_that_cannot_load_is_accessible_and_fits(german: Page, address: str, scene: tour.Scene, portal_link, console_link, kind: str):
    german.goto(portal_link(scene.tenant) if kind == "portal" else console_link())
    tour.settled(german)
    failed = '{"status":500,"code":"internal","title":"Internal error","detail":"It broke.","requestId":"r-1"}'
    german.route(re.compile(r"/v1/(?!me)"), lambda route: route.fulfill(status=500, content_type="application/problem+json", body=failed))
    wrong = []
    for path in {"portal": ["webhooks", "log", f"deliveries/{scene.delivery}"], "console": ["", "tenants", "dead-letters"]}[kind]:
        german.goto(f"{address}/{kind}/{path}")
        expect(german.get_by_role("main").get_by_role("button", name="Noch einmal").first).to_be_visible(timeout=tour.PATIENCE)
        wrong += wrong_with(german, path)
    assert not wrong, "\n".join(map(str, wrong))
