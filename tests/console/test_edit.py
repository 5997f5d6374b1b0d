"""A webhook is edited in every field, by two people at once, and tested while it fails."""

import json
import re
from typing import Callable

import pytest
from playwright.sync_api import Page, expect

from support import client, stack
from support.receiver import Receiver, Reply, closed_port

WAIT = 30_000
URL = "https://receiver.example.com/hook"


def field(page: Page, name: str):
    return page.locator(f"input[name='{name}']")


def test_every_field_of_a_webhook_is_edited(page: Page, console_link: Callable[[], str]):
    tenant, own = client.new_tenant("kuviq"), stack.unique("c")
    kuviq = tenant.operator.get("/v1/contracts/kuviq").ok()
    tenant.operator.put(f"/v1/contracts/{own}", {name: value for name, value in kuviq.items() if name not in ("name", "builtin", "version")}).ok(201)
    webhook = tenant.new_webhook(URL, ["item.created"], name="ERP")["id"]
    page.goto(console_link().replace("/console/#", f"/console/t/{tenant.id}/webhooks/{webhook}/edit#"))
    expect(field(page, "name")).to_have_value("ERP", timeout=WAIT)
    save = page.get_by_role("button", name=re.compile("^Save( changes)?$"))
    expect(save).to_have_attribute("aria-disabled", "true")
    field(page, "name").fill("ERP of Acme")
    field(page, "url").fill("https://other.example.com/hooks?a=1")
    page.get_by_role("switch", name="All events").check()
    page.get_by_role("switch", name="Basic Authentication").check()
    field(page, "basicAuth.username").fill("postel")
    field(page, "basicAuth.password").fill("pass word")
    page.get_by_text("Advanced", exact=True).click()
    contract = page.get_by_label("Contract")
    contract.select_option("standard")
    field(page, "overrides.timeoutSeconds").fill("7")
    field(page, "overrides.retryDelaysSeconds").fill("5 s, 2 min, 1 h")
    page.get_by_role("button", name="Add header").click()
    page.get_by_label("Header name").fill("X-Team")
    page.get_by_label("Value X-Team").fill("blue")
    page.get_by_role("switch", name="Active", exact=True).uncheck()
    # The words are those of the chosen contract, and what the API refuses stands at its field.
    save.click()
    expect(contract).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-field=contract] .field-error")).to_contain_text("signs in another way")
    contract.select_option(own)
    expect(field(page, "basicAuth.password")).to_have_value("pass word")
    save.click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    now = tenant.webhook(webhook)
    assert (now["name"], now["url"], now["events"], now["active"], now["contract"]) == ("ERP of Acme", "https://other.example.com/hooks?a=1", ["*"], False, own)
    assert now["overrides"] == {"timeoutSeconds": 7, "retryDelaysSeconds": [5, 120, 3600]}
    assert now["basicAuth"]["username"] == "postel" and now["headers"] == {"X-Team": "***"}

    # And back: what was set is taken away again.
    page.goto(page.url.split("/webhooks")[0] + f"/webhooks/{webhook}/edit")
    expect(field(page, "name")).to_have_value("ERP of Acme", timeout=WAIT)
    page.get_by_role("switch", name="Basic Authentication").uncheck()
    page.get_by_text("Advanced", exact=True).click()
    field(page, "overrides.timeoutSeconds").fill("")
    field(page, "overrides.retryDelaysSeconds").fill("")
    page.get_by_role("button", name="Remove header X-Team").click()
    save.click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    now = tenant.webhook(webhook)
    assert now["overrides"] == {} and not {"basicAuth", "headers"} & {name for name, value in now.items() if value}


def test_two_people_edit_and_nothing_of_either_is_lost(open_page: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(URL, name="ERP")["id"]
    page = open_page(tenant, f"webhooks/{webhook}/edit")
    expect(field(page, "name")).to_have_value("ERP", timeout=WAIT)
    field(page, "name").fill("Mine")
    tenant.patch_webhook(webhook, events=["item.created"], name="Theirs")
    page.get_by_role("button", name="Save changes").click()

    told = page.get_by_role("alert").filter(has_text="Somebody else has changed this webhook")
    expect(told).to_contain_text('Events: it was "*", now it is "item.created".')
    expect(told).to_contain_text('Name: it was "ERP", now it is "Theirs". You typed "Mine".')
    expect(field(page, "name")).to_have_value("Mine")
    assert tenant.webhook(webhook)["name"] == "Theirs", "nothing is saved unseen"

    # A third change meanwhile is told as well.
    tenant.patch_webhook(webhook, overrides={"timeoutSeconds": 9})
    told.get_by_role("button", name="Save my changes too").click()
    expect(told).to_contain_text("Timeout in seconds")
    told.get_by_role("button", name="Save my changes too").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    now = tenant.webhook(webhook)
    assert (now["name"], now["events"], now["overrides"]) == ("Mine", ["item.created"], {"timeoutSeconds": 9})


def test_what_somebody_else_saved_can_be_taken_over(open_page: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook(URL, name="ERP")["id"]
    page = open_page(tenant, f"webhooks/{webhook}/edit")
    field(page, "name").fill("Mine")
    tenant.patch_webhook(webhook, name="Theirs")
    page.get_by_role("button", name="Save changes").click()
    page.get_by_role("button", name="Load their version").click()
    expect(field(page, "name")).to_have_value("Theirs")
    expect(page.get_by_role("button", name="Save changes")).to_have_attribute("aria-disabled", "true")
    field(page, "name").fill("Both")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert tenant.webhook(webhook)["name"] == "Both"


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("refused", ["Failed", "Response code 503"]),
        ("closed", ["Failed", "The receiver could not be reached."]),
        ("reset", ["Failed", "The receiver cut the connection."]),
        ("garbage", ["Failed", "The connection is not secure"]),
        ("late", ["Failed", "Nobody answered in time."]),
    ],
)
def test_a_test_event_that_fails_says_why(open_page: Callable[..., Page], tenant: client.Tenant, receiver: Receiver, case: str, said: list[str]):
    receiver.answer({"refused": 503, "reset": Reply(reset=True), "late": Reply(delay=8)}.get(case, 200))
    url = {"closed": f"http://127.0.0.1:{closed_port()}/hook", "garbage": receiver.url().replace("http:", "https:")}.get(case, receiver.url())
    webhook = tenant.new_webhook(url, name="ERP", overrides={"timeoutSeconds": 1})["id"]
    page = open_page(tenant, f"webhooks/{webhook}")
    page.get_by_role("button", name="Send test event").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Send", exact=True).click()
    outcome = dialog.get_by_role("status").first
    for text in said:
        expect(outcome).to_contain_text(text, timeout=WAIT)
    outcome.get_by_role("link", name="See the delivery").click()
    expect(page).to_have_url(re.compile("/portal/deliveries/"))


def test_a_test_event_has_words_for_every_code_of_a_failure(open_page: Callable[..., Page], tenant: client.Tenant):
    webhook = tenant.new_webhook("postel:inbox", name="ERP")["id"]
    codes = json.loads((stack.ROOT / "functions" / "api" / "openapi.json").read_text())["components"]["schemas"]["AttemptErrorCode"]["x-extensible-enum"]
    page = open_page(tenant, f"webhooks/{webhook}")
    answered: list[str] = []
    page.route("**/test", lambda route: route.fulfill(json={"success": False, "deliveryId": "dl_1", "errorCode": answered[-1], "error": "The API's own words."}))
    page.get_by_role("button", name="Send test event").click()
    outcome = page.get_by_role("dialog").get_by_role("status").first
    seen = set()
    for code in codes:
        answered.append(code)
        page.get_by_role("dialog").get_by_role("button", name=re.compile("^Send( again)?$")).click()
        own = outcome.locator("p").first
        expect(own).not_to_have_text("The API's own words.")
        stack.eventually(lambda: (text := own.inner_text()) not in seen and seen.add(text) is None, 10, f"words for {code}")
    assert len(seen) == len(codes)


def test_the_navigation_has_the_number_of_dead_letters_of_the_tenant(page: Page, console_link: Callable[[], str], address: str, receiver: Receiver):
    refused, well = client.new_tenant("kuviq"), client.new_tenant("standard")
    receiver.answer(403)
    refused.new_webhook(receiver.url(), name="Shop")
    for _ in range(2):
        refused.publish()
    refused.wait_for_dead_letters(2)
    entry = page.get_by_role("navigation", name="Pages").get_by_role("link", name=re.compile("^Dead letters"))
    page.goto(console_link().replace("/console/#", f"/console/t/{refused.id}/webhooks#"))
    expect(entry).to_have_text("Dead letters2", timeout=WAIT)
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name=re.compile("^Webhooks"))).to_have_text("Webhooks1 failing")
    # Another tenant has its own number, and none of this one's.
    page.get_by_role("link", name="All tenants").click()
    page.get_by_role("searchbox").fill(well.id)
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text(f"You act as operator for Tenant {well.id}.")).to_be_visible(timeout=WAIT)
    expect(entry).to_have_text("Dead letters")
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name=re.compile("^Webhooks"))).to_have_text("Webhooks")
