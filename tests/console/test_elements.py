"""Elements of the pages that no walk-through of a vendor's document passes."""

import hashlib
import hmac
import json
from typing import Callable

from playwright.sync_api import Page, expect

import tour
from support import client, stack


def test_a_full_list_of_webhooks_says_how_many_may_be_and_what_to_do(page: Page, portal_link: Callable[..., str]):
    tenant = client.new_tenant("kuviq", limits={"webhooks": 1})
    tenant.new_webhook("postel:inbox", name="ERP")
    page.goto(portal_link(tenant))
    expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()
    # The button stays one that can be pressed: it says why it does nothing.
    page.get_by_role("link", name="Add Webhook", exact=True).click(force=True)
    expect(page.get_by_role("alert").filter(has_text="The limit of 1 webhooks is reached. Remove one that you do not need")).to_be_visible()


def test_deactivating_asks_only_where_deliveries_wait(page: Page, portal_link: Callable[..., str]):
    tenant = client.new_tenant("kuviq")
    tenant.new_webhook("postel:inbox", name="Idle")
    waiting = tenant.new_webhook("postel:inbox", name="Busy", overrides={"retryDelaysSeconds": [3600]})["id"]
    tenant.api.put(tenant.path(f"/webhooks/{waiting}/responses"), {"responses": [{"status": 503}]}).ok()
    event = tenant.publish("item.created", {})
    tenant.wait_for_status(event, "retrying", waiting)
    page.goto(portal_link(tenant))
    for name in ("Idle", "Busy"):
        page.get_by_role("button", name=f"Actions for {name}").click()
        page.get_by_role("menuitem", name="Deactivate").click()
        if name == "Busy":
            asked = page.get_by_role("alertdialog")
            expect(asked).to_contain_text("1 delivery waits for another attempt.")
            asked.get_by_role("button", name="Deactivate").click()
        expect(page.get_by_role("button", name=f"Status of {name}: Inactive")).to_be_visible(timeout=tour.PATIENCE)


def test_a_delivery_is_verified_in_the_browser_and_a_mistake_is_named(page: Page, address: str, portal_link: Callable[..., str]):
    tenant = client.new_tenant("kuviq")
    page.goto(portal_link(tenant))
    tour.settled(page)
    page.goto(f"{address}/portal/verify")
    tour.settled(page)
    secret, body = "a secret the user typed", '{"event":"item.created","id":1}'
    page.locator("input[name=secret]").fill(secret)
    page.locator("textarea[name=headers]").fill(f"X-Webhook-Signature: sha256={hmac.digest(secret.encode(), body.encode(), hashlib.sha256).hex()}")
    page.locator("textarea[name=body]").fill(body)
    check = page.get_by_role("button", name="Check the signature")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    check.click()
    expect(page.get_by_text("Genuine. Secret, headers and body belong together.")).to_be_visible()
    page.locator("textarea[name=body]").fill('{"event": "item.created", "id": 1}')
    check.click()
    expect(page.get_by_text("The body was formatted: it has spaces or line breaks that were not sent.")).to_be_visible()
    page.locator("textarea[name=body]").fill(body)
    page.locator("input[name=secret]").fill(f"{secret} ")
    check.click()
    expect(page.get_by_text("The secret has a space or a line break at its start or end.")).to_be_visible()
    assert [url for url in sent if "verify" in url or "sessions" in url] == [], "the check leaves the browser"


def test_the_list_says_what_each_webhook_is_and_how_it_fares(page: Page, portal_link: Callable[..., str]):
    tenant = client.new_tenant("kuviq")
    webhook = tenant.new_webhook("postel:inbox", name="ERP", events=["item.*"])["id"]
    tenant.wait_for_status(tenant.publish("item.created", {}), "completed", webhook)
    page.goto(portal_link(tenant))
    tour.settled(page)
    heads = page.get_by_role("columnheader").all_inner_texts()
    assert [head.strip() for head in heads][:6] == ["Name", "URL", "Events", "Status", "Last triggered", "Success rate"]
    row = page.get_by_role("row").filter(has_text="ERP")
    for text in ("item: all", "Active", "100% of 1"):
        expect(row).to_contain_text(text, timeout=tour.PATIENCE)
    expect(row.get_by_role("link", name="ERP")).to_be_visible()


def test_the_catalogue_says_who_gets_each_type_and_sends_a_test(page: Page, address: str, portal_link: Callable[..., str]):
    tenant = client.new_tenant("standard")
    kind = f"{stack.unique('catalogue')}.shipped"
    tenant.operator.put(f"/v1/event-types/{kind}", {"name": "Shipped", "group": "PARCELS", "description": "A parcel left.", "example": {"parcel": 7}}).ok(201)
    try:
        taker = tenant.new_webhook("postel:inbox", name="Tracking", events=[kind])["id"]
        tenant.new_webhook("postel:inbox", name="Elsewhere", events=["other.*"])
        page.goto(portal_link(tenant))
        tour.settled(page)
        page.goto(f"{address}/portal/event-types")
        page.get_by_role("searchbox", name="Search", exact=True).fill(kind)
        expect(page.get_by_role("heading", name="PARCELS")).to_be_visible()
        entry = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=kind))
        for text in ("Shipped", "A parcel left.", "Goes to", "Tracking", '"parcel": 7'):
            expect(entry).to_contain_text(text)
        expect(entry).not_to_contain_text("Elsewhere")
        entry.get_by_role("button", name="Send test event").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("Webhook")).to_have_value(taker)
        dialog.get_by_role("button", name="Send test event").click()
        expect(dialog.get_by_text("Success", exact=False).first).to_be_visible(timeout=tour.PATIENCE)
    finally:
        tenant.operator.delete(f"/v1/event-types/{kind}")
    [request] = tenant.api.get(tenant.path(f"/webhooks/{taker}/requests")).ok()["items"]
    assert json.loads(request["body"])["type"] == kind
