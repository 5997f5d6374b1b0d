"""The webhook's form and its dialogs, part by part: components, what the server refuses, what a
change of the host costs, what a removal says, the test event and the rotation."""

import json
import re
from typing import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from support import client, stack
from support.receiver import Receiver, Reply

WAIT = 30_000


# A component that no other test has, with so many types that a search is offered.
COMPONENT = "Orders of the form"
TYPES = {f"form.{word}": f"An order was {word}" for word in ("made", "changed", "paid", "packed", "sent", "returned", "cancelled", "archived")}


@pytest.fixture(scope="module", autouse=True)
def catalogue() -> Iterator[None]:
    admin = client.operator()
    for event_type, name in TYPES.items():
        admin.put(f"/v1/event-types/{event_type}", {"group": COMPONENT, "name": name}).ok(201)
    yield
    for event_type in TYPES:
        admin.delete(f"/v1/event-types/{event_type}")


def field(page: Page, name: str) -> Locator:
    return page.locator(f"input[name='{name}']")


def events_of(page: Page, webhook: Callable[[], dict]) -> list[str]:
    page.get_by_role("button", name=re.compile("^Save")).click()
    expect(page.get_by_role("heading", level=1, name="Webhooks")).to_be_visible(timeout=WAIT)
    return webhook()["events"]


def test_events_are_chosen_by_component_by_type_by_search_and_as_a_whole(open_page: Callable[..., Page]):
    tenant = client.new_tenant("inspectorio")
    one, other, *_ = TYPES
    made = tenant.new_webhook("postel:inbox", [one], name="Sight")["id"]
    page = open_page(tenant, f"webhooks/{made}/edit")
    component = page.get_by_role("checkbox", name=f"All of {COMPONENT}", exact=True)
    types = page.locator("fieldset.component").filter(has=component).locator(".component-types input")
    expect(component).to_be_checked(indeterminate=True, timeout=WAIT)
    component.click()
    assert types.count() == len(TYPES) and all(types.nth(at).is_checked() for at in range(len(TYPES)))
    component.click()
    expect(page.get_by_role("status").filter(has_text="0 event types are chosen")).to_be_visible()

    search = page.get_by_role("searchbox", name="Search events")
    search.fill("no such type")
    expect(page.get_by_text('No event type contains "no such type".')).to_be_visible()
    search.fill(TYPES[other])
    expect(types).to_have_count(1)
    types.check()
    assert events_of(page, lambda: tenant.webhook(made)) == [other]

    page.get_by_role("link", name="Sight", exact=True).click()
    page.get_by_role("switch", name="All events").check(timeout=WAIT)
    expect(page.locator("fieldset.component")).to_have_count(0)
    assert events_of(page, lambda: tenant.webhook(made)) == ["*"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://10.0.0.1/hook", "This address is in a private network."),
        ("https://169.254.169.254/latest", "This address is only valid within one network."),
        ("https://erp.internal/hook", "This is a name of an inner network."),
        ("ftp://erp.example.com/hook", "Only https is possible."),
        ("https://user:word@erp.example.com/", "User name and password do not belong into the URL."),
        ("https://erp.example.com:25/", "This port is for something else."),
    ],
)
def test_what_the_server_refuses_stands_at_its_field_and_nothing_typed_is_lost(open_page: Callable[..., Page], tenant: client.Tenant, url: str, said: str):
    page = open_page(tenant, "webhooks/new")
    field(page, "name").fill("ERP")
    field(page, "url").fill(url)
    page.get_by_role("switch", name="All events").check()
    page.get_by_role("switch", name="Basic Authentication").check()
    field(page, "basicAuth.username").fill("postel")
    field(page, "basicAuth.password").fill("pass word")
    page.get_by_role("button", name="Add webhook").click()
    expect(field(page, "url")).to_have_attribute("aria-invalid", "true", timeout=WAIT)
    expect(page.locator("[data-field=url] .field-error")).to_contain_text(said)
    described = field(page, "url").get_attribute("aria-describedby") or ""
    assert any(said in page.locator(f"[id='{one}']").inner_text() for one in described.split()), "the field names its mistake"
    expect(page.get_by_role("alert").first).to_contain_text("Not saved: 1 field needs another value")
    typed = {name: field(page, name).input_value() for name in ("name", "url", "basicAuth.username", "basicAuth.password")}
    assert typed == {"name": "ERP", "url": url, "basicAuth.username": "postel", "basicAuth.password": "pass word"}

    field(page, "url").fill("postel:inbox")
    page.get_by_role("button", name="Add webhook").click()
    expect(page.get_by_role("dialog", name="Store this secret now")).to_be_visible(timeout=WAIT)
    assert [one["name"] for one in tenant.api.get(tenant.path("/webhooks")).ok()["items"]] == ["ERP"]


def test_a_contract_that_takes_only_https_says_so_at_the_url(open_page: Callable[..., Page], kuviq: client.Tenant):
    page = open_page(kuviq, "webhooks/new")
    field(page, "name").fill("ERP")
    field(page, "url").fill("http://receiver.example.com/hook")
    page.get_by_role("switch", name="All events").check()
    save = page.get_by_role("button", name="Save and activate")
    save.click()
    expect(page.locator("[data-field=url] .field-error")).to_have_text("Only https is possible.", timeout=WAIT)
    expect(field(page, "url")).to_have_value("http://receiver.example.com/hook")
    assert kuviq.api.get(kuviq.path("/webhooks")).ok()["items"] == []
    field(page, "url").fill("https://receiver.example.com/hook")
    save.click()
    expect(page.get_by_role("dialog", name="Store this secret now")).to_be_visible(timeout=WAIT)


def test_an_edit_saves_after_a_change_only_and_warns_of_what_another_host_drops(open_page: Callable[..., Page], tenant: client.Tenant):
    auth = {"username": "postel", "password": "pass word"}
    made = tenant.new_webhook("https://erp.example.com/hook", name="ERP", basicAuth=auth, headers={"X-Team": "blue"})["id"]
    page = open_page(tenant, f"webhooks/{made}/edit")
    save = page.get_by_role("button", name="Save changes")
    expect(save).to_have_attribute("aria-disabled", "true", timeout=WAIT)
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
    expect(page.get_by_text("A secret is set and stays unchanged. It cannot be read.")).to_be_visible()
    warning = page.get_by_text("Another host or port: the user name, the password and the headers are dropped")
    for url, warns in (("https://erp.example.com/other", False), ("https://erp.example.com:8443/hook", True), ("https://other.example.com/hook", True), ("https://erp.example.com/hook", False)):
        field(page, "url").fill(url)
        expect(warning).to_have_count(int(warns))
    # What is as it was again is no change.
    expect(save).to_have_attribute("aria-disabled", "true")

    field(page, "name").fill("ERP of Acme")
    expect(save).not_to_have_attribute("aria-disabled", "true")
    page.get_by_role("link", name="Cancel", exact=True).click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_be_visible()
    asked.get_by_role("button").first.click()
    expect(field(page, "name")).to_have_value("ERP of Acme")
    field(page, "url").fill("https://other.example.com/hook")
    field(page, "basicAuth.password").fill("another word")
    save.click()
    expect(page.get_by_role("heading", level=1, name="Webhooks")).to_be_visible(timeout=WAIT)
    now = tenant.webhook(made)
    assert (now["name"], now["url"], now["basicAuth"]["username"], now.get("headers") or {}) == ("ERP of Acme", "https://other.example.com/hook", "postel", {})


def test_removing_says_what_is_lost_and_what_stays(open_page: Callable[..., Page], tenant: client.Tenant, receiver: Receiver):
    receiver.answer(503)
    made = tenant.new_webhook(receiver.url(), name="ERP")["id"]
    event = tenant.publish()
    receiver.wait(1)
    page = open_page(tenant)
    page.get_by_role("button", name="Actions for ERP").click()
    page.get_by_role("menuitem", name="Remove").click()
    asked = page.get_by_role("alertdialog", name="Remove ERP?")
    for text in ("This is permanent: the webhook leaves the list and gets no more events.", "Old data stays: its deliveries remain in the event log.", "Deliveries that wait for another attempt end as dead letters."):
        expect(asked).to_contain_text(text)
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    assert tenant.webhook(made)["name"] == "ERP"
    page.get_by_role("button", name="Actions for ERP").click()
    page.get_by_role("menuitem", name="Remove").click()
    asked.get_by_role("button", name="Remove webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible(timeout=WAIT)
    assert tenant.api.get(tenant.path(f"/webhooks/{made}")).status == 404
    assert tenant.deliveries(eventId=event), "the deliveries stay in the log"


def test_a_test_event_has_a_type_a_preview_a_wait_that_can_be_left_and_a_result(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("inspectorio")
    one, other, *_ = TYPES
    tenant.new_webhook(receiver.url(), [one], name="Sight", overrides={"timeoutSeconds": 10})
    page = open_page(tenant)
    page.get_by_role("button", name="Actions for Sight").click()
    page.get_by_role("menuitem", name="Send test event").click()
    dialog = page.get_by_role("dialog")
    types = dialog.get_by_label("Event type", exact=False).last
    groups = types.locator("optgroup")
    expect(groups.first).to_have_attribute("label", "Events of this webhook")
    assert groups.first.locator("option").evaluate_all("all => all.map((one) => one.value)") == [one]
    expect(types).to_have_value(one)
    dialog.get_by_text("What is sent", exact=True).click()
    before = json.loads(dialog.locator("pre").first.inner_text())
    assert before["eventCode"] == one
    types.select_option(other)
    expect(dialog.locator("pre").first).to_contain_text(f'"{other}"')

    receiver.answer(Reply(delay=8))
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog.get_by_role("status").first).to_contain_text(re.compile(r"Waiting for the receiver, [0-9]+ s of at most 25 s"))
    # What is cancelled before it has left does not run.
    receiver.wait(1)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_contain_text("The test event may still arrive: look at the delivery log.")
    receiver.answer(200)
    # The one that nobody waits for goes on, and only one may run.
    again, outcome = dialog.get_by_role("button", name=re.compile("^Send")), dialog.get_by_role("status").first
    again.click()
    expect(dialog.get_by_role("alert").first).to_contain_text("only one may run at a time")

    def succeeded() -> bool:
        again.click()
        expect(again).not_to_have_attribute("aria-disabled", "true", timeout=WAIT)
        return "Success" in outcome.inner_text()

    stack.eventually(succeeded, 30, "the test that was left to end")
    expect(outcome).to_contain_text("Response code 200")
    expect(outcome).to_contain_text(re.compile("Response time [0-9.]+ (ms|s)"))
    receiver.answer(202)
    dialog.get_by_role("button", name="Send again").click()
    expect(outcome).to_contain_text("The contract counts only 200 as success.", timeout=WAIT)
    receiver.answer(500)
    dialog.get_by_role("button", name="Send again").click()
    expect(outcome).to_contain_text("Response code 500", timeout=WAIT)
    expect(outcome).to_contain_text("Failed")
    outcome.get_by_role("link", name="See the delivery").click()
    expect(page).to_have_url(re.compile("/portal/deliveries/"))
    assert json.loads(receiver.wait(3)[-1].body)["eventCode"] == other


def rotate(page: Page, overlap: str, own: str = "") -> None:
    page.get_by_role("button", name="Actions for ERP").click()
    page.get_by_role("menuitem", name="Rotate secret").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Overlap", exact=False).select_option(label=overlap)
    if own:
        dialog.get_by_role("radio", name="Use my own").check()
        dialog.locator("input[name=secret-value]").fill(own)
    dialog.get_by_role("button", name="Rotate secret").click()


def test_during_an_overlap_both_secrets_sign_until_the_old_one_is_ended(open_page: Callable[..., Page], tenant: client.Tenant, receiver: Receiver):
    made = tenant.new_webhook(receiver.url(), name="ERP")["id"]
    page = open_page(tenant)
    rotate(page, "3 days")
    shown = page.get_by_role("dialog", name="Store this secret now")
    expect(shown.locator("input, code").first).to_be_visible(timeout=WAIT)
    shown.get_by_role("button", name="I have stored it").click()
    page.get_by_role("link", name="ERP", exact=True).click()
    page.get_by_role("tab", name="Settings").or_(page.get_by_role("link", name="Settings", exact=True)).first.click()
    expect(page.get_by_text(re.compile("The old secret still signs; it ends in 3 d"))).to_be_visible(timeout=WAIT)
    tenant.publish()
    assert len(receiver.wait(1)[0].headers["webhook-signature"].split(" ")) == 2
    page.get_by_role("button", name="End it now").click()
    page.get_by_role("alertdialog").get_by_role("button", name=re.compile("End")).last.click()
    expect(page.get_by_text("The old secret has ended.")).to_be_visible(timeout=WAIT)
    tenant.publish()
    assert len(receiver.wait(2)[1].headers["webhook-signature"].split(" ")) == 1
    assert tenant.webhook(made)["name"] == "ERP"


def test_a_contract_with_one_signature_warns_and_takes_an_own_secret(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), name="ERP")
    page = open_page(kuviq)
    page.get_by_role("button", name="Actions for ERP").click()
    page.get_by_role("menuitem", name="Rotate secret").click()
    dialog = page.get_by_role("dialog")
    warning = dialog.locator(".notice")
    expect(warning).to_contain_text("The new secret takes over at once.")
    dialog.get_by_label("Overlap", exact=False).select_option(label="1 day")
    expect(warning).to_contain_text("The old secret signs until the overlap ends, then the new one takes over at once")
    dialog.get_by_role("button", name="Cancel").click()
    rotate(page, "none: at once", "a secret of one's own, long enough")
    expect(page.get_by_text("The new secret is set.")).to_be_visible(timeout=WAIT)
    # An own secret is known already, so it is not shown.
    expect(page.get_by_role("dialog")).to_have_count(0)
