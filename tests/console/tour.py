"""All pages of the portal and the console, and a tenant that has something on each of them."""

from dataclasses import dataclass
from typing import Any, Callable, Iterator

from playwright.sync_api import Locator, Page, expect

from support import client, stack
from support.receiver import Receiver, Reply

NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
TABS = ("overview", "log", "settings", "verify")
# Long enough for one function that starts on a busy machine.
PATIENCE = 30_000


@dataclass(frozen=True)
class Scene:
    """The ids that the addresses of a tenant's pages name."""

    tenant: client.Tenant
    webhooks: tuple[str, ...] = ()
    delivery: str = f"dl_{NOWHERE}"
    event: str = ""
    redrive: str = ""


def empty_scene() -> Scene:
    return Scene(client.new_tenant("kuviq", limits={"requestsPerMinute": 100_000}))


def make_scene(receiver: Receiver, reply: Reply, name: str = "Orders to the ERP", tenant_name: str = "Acme", data: Any = None) -> Scene:
    """A tenant with a webhook whose receiver refuses, one that receives, a dead letter, a
    finished redrive and a key."""
    tenant = client.new_tenant("kuviq", limits={"requestsPerMinute": 100_000}, name=tenant_name)
    receiver.answer(reply)
    refused = tenant.new_webhook(receiver.url(), name=name)["id"]
    received = tenant.new_webhook("postel:inbox", name=name)["id"]
    tenant.api.post(tenant.path("/keys"), {"scopes": ["events:write"], "name": name}).ok(201)
    event = tenant.publish("item.created", {"total": 1.50} if data is None else data)
    tenant.wait_for_status(event, "completed", received)
    delivery = tenant.wait_for_status(event, "failed", refused)["id"]
    tenant.wait_for_dead_letters(1)
    redrive = tenant.api.post(tenant.path("/redrives"), {}).ok(202)["id"]

    def ended() -> bool:
        return tenant.api.get(tenant.path(f"/redrives/{redrive}")).ok()["status"] == "completed"

    stack.eventually(ended, 60, "the redrive to end")
    tenant.wait_for_dead_letters(1)
    return Scene(tenant, (refused, received), delivery, event, redrive)


def tenant_pages(scene: Scene) -> list[str]:
    """The addresses below /portal/ and /console/t/{tenantId}/."""
    lists = ["webhooks", "log", "events", "dead-letters", "redrives", "event-types", "verify", "keys", "help", "webhooks/new", f"deliveries/{scene.delivery}"]
    if not scene.webhooks:
        return lists
    refused, received = scene.webhooks
    of_webhooks = [*(f"webhooks/{refused}?tab={tab}" for tab in TABS), f"webhooks/{received}?tab=inbox", f"webhooks/{refused}/edit"]
    return [*lists, *of_webhooks, f"events/{scene.event}", f"redrives/{scene.redrive}"]


OPERATOR_PAGES = ["", "tenants", "dead-letters", "contracts", "contracts/standard", "event-types", "no-such-page"]


def arrive(page: Page, link: str) -> Page:
    """Opens a link with a session, and waits for the page that it leads to."""
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    return page


def row_of(page: Page, row_id: str) -> Locator:
    return page.locator(f"tr[data-id='{row_id}']")


def settled(page: Page) -> None:
    """Waits until the page shows what it is about, whole."""
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("main [aria-busy=true]")).to_have_count(0, timeout=PATIENCE)


def walk(page: Page, address: str, link: str, paths: list[str], below: str, lang: str = "") -> Iterator[str]:
    """Signs in by a link and opens one page after the other; yields the address of each that is
    open. Inside the page, as its own links do, except from tab to tab. `lang`: a language that
    the address asks for."""
    page.goto(link.replace("#", f"?lang={lang}#") if lang else link)
    settled(page)
    for path in paths:
        url = f"{address}/{below}/{path}"
        if "?" in path:
            page.goto(f"{url}&lang={lang}" if lang else url)
        elif page.url.partition("?")[0] != url:
            page.evaluate(
                """(url) => {
                    for (const page of document.querySelectorAll("main .page")) page.dataset.before = "";
                    history.pushState(null, "", url);
                    dispatchEvent(new PopStateEvent("popstate"));
                }""",
                url,
            )
            expect(page.locator("main .page:not([data-before])")).to_be_visible(timeout=PATIENCE)
        settled(page)
        yield path


def each_page(page: Page, address: str, scene: Scene, portal_link: Callable[..., str], console_link: Callable[[], str], kind: str, lang: str = "") -> Iterator[str]:
    """Every page of the portal, or of the console, where a tenant's pages are the portal's with a
    line above: one stands for all."""
    if kind == "portal":
        return walk(page, address, portal_link(scene.tenant), tenant_pages(scene), "portal", lang)
    return walk(page, address, console_link(), [*OPERATOR_PAGES, f"t/{scene.tenant.id}/webhooks"], "console", lang)
