"""What the operator sets up in the console: tenants, contracts, event types."""

import json
import re
from typing import Any, Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

import tour
from support import client, stack

WAIT = 30_000


def find(page: Page, tenant_id: str) -> Locator:
    """The tenant's row, found by the search, however many there are."""
    row = tour.row_of(page, tenant_id)
    expect(page.locator("tbody tr").first).to_be_visible(timeout=WAIT)
    page.get_by_role("searchbox").fill(tenant_id)
    more = page.get_by_role("button", name="Load more")
    while row.count() == 0 and more.count():
        more.click()
        page.wait_for_load_state("networkidle")
    expect(row).to_be_visible()
    return row


def ask(row: Locator, item: str) -> None:
    row.get_by_role("button", name=re.compile("^Actions for")).click()
    row.page.get_by_role("menuitem", name=item).click()


# ---- tenants ----


def test_a_tenant_is_created_edited_and_deleted(open_console: Callable[..., Page], operator: client.Api):
    tenant_id = stack.unique()
    path = f"/v1/tenants/{tenant_id}"
    page = open_console("tenants")
    page.get_by_role("button", name="Add tenant").click()
    form = page.get_by_role("dialog", name="Add tenant")
    form.get_by_role("button", name="Save tenant").click()
    expect(form.get_by_label("Id", exact=False).first).to_be_focused()
    form.locator("input[name=id]").fill(tenant_id)
    form.locator("input[name=name]").fill("Acme & Sons")
    form.get_by_label("Contract").select_option("kuviq")
    form.locator("input[name=contactEmail]").fill("not an address")
    form.get_by_role("button", name="Save tenant").click()
    expect(form.locator("input[name=contactEmail]")).to_have_attribute("aria-invalid", "true")
    form.locator("input[name=contactEmail]").fill("ops@acme.example")
    form.locator("input[name=webhooks]").fill("many")
    form.get_by_role("button", name="Save tenant").click()
    expect(form.get_by_text("Enter a whole number.")).to_be_visible()
    form.locator("input[name=webhooks]").fill("3")
    form.get_by_role("button", name="Save tenant").click()
    expect(page.get_by_text("The tenant is saved.")).to_be_visible()
    made = operator.get(path).ok()
    assert (made["name"], made["contract"], made["contactEmail"], made["limits"]) == ("Acme & Sons", "kuviq", "ops@acme.example", {"webhooks": 3})

    ask(find(page, tenant_id), "Edit")
    form = page.get_by_role("dialog", name="Edit Acme & Sons")
    expect(form.locator("input[name=id]")).to_have_attribute("readonly", "", timeout=WAIT)
    form.get_by_label("Contract").select_option("standard")
    form.locator("input[name=contactEmail]").fill("")
    form.locator("textarea[name=publishers]").fill("AROA1EXAMPLEEXAMPLE1A\nAROA2EXAMPLEEXAMPLE2B")
    form.locator("input[name=requestsPerMinute]").fill("500")
    form.get_by_role("button", name="Save tenant").click()
    expect(form).to_have_count(0)
    made = operator.get(path).ok()
    assert (made["contract"], made["publishers"], made["limits"]) == ("standard", ["AROA1EXAMPLEEXAMPLE1A", "AROA2EXAMPLEEXAMPLE2B"], {"webhooks": 3, "requestsPerMinute": 500})
    assert "contactEmail" not in made

    ask(tour.row_of(page, tenant_id), "Delete tenant")
    asked = page.get_by_role("alertdialog", name="Delete Acme & Sons?")
    remove = asked.get_by_role("button", name="Delete tenant")
    asked.get_by_role("textbox").fill(tenant_id[:-1])
    remove.click()
    expect(asked.get_by_text("This is not the id of the tenant.")).to_be_visible()
    operator.get(path).ok()
    asked.get_by_role("textbox").fill(tenant_id)
    remove.click()
    expect(page.get_by_text("The tenant is deleted.")).to_be_visible()
    expect(tour.row_of(page, tenant_id)).to_have_count(0)
    assert operator.get(path).status == 404


def test_a_tenant_that_exists_is_not_replaced_by_a_new_one(open_console: Callable[..., Page], tenant: client.Tenant):
    page = open_console("tenants")
    page.get_by_role("button", name="Add tenant").click()
    form = page.get_by_role("dialog", name="Add tenant")
    form.locator("input[name=id]").fill(tenant.id)
    form.get_by_role("button", name="Save tenant").click()
    expect(form.locator("input[name=id]")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_text("exists already")).to_be_visible()
    assert tenant.operator.get(tenant.path()).ok()["name"] == f"Tenant {tenant.id}"


def test_what_somebody_else_set_on_a_tenant_is_not_lost(open_console: Callable[..., Page], tenant: client.Tenant):
    page = open_console("tenants")
    ask(find(page, tenant.id), "Edit")
    form = page.get_by_role("dialog")
    form.locator("input[name=name]").fill("Mine")
    tenant.operator.patch(tenant.path(), {"contactEmail": "theirs@acme.example"}).ok()
    form.get_by_role("button", name="Save tenant").click()
    told = form.get_by_role("alert").first
    expect(told).to_contain_text("Somebody else has changed this")
    expect(told).to_contain_text("theirs@acme.example")
    expect(form.locator("input[name=name]")).to_have_value("Mine")
    form.get_by_role("button", name="Save tenant").click()
    expect(form).to_have_count(0)
    now = tenant.operator.get(tenant.path()).ok()
    assert (now["name"], now["contactEmail"]) == ("Mine", "theirs@acme.example")


def test_acting_for_a_tenant_is_said_on_each_page_and_leads_to_a_portal_link(open_console: Callable[..., Page], tenant: client.Tenant, new_context: Callable[..., BrowserContext]):
    webhook = tenant.new_webhook("postel:inbox", name="ERP")["id"]
    page = open_console(f"t/{tenant.id}/webhooks/{webhook}")
    for entry in ("Webhooks", "Event log", "Dead letters", "API keys"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=entry).click()
        expect(page.get_by_role("heading", name=entry, level=1)).to_be_visible(timeout=WAIT)
        expect(page.get_by_text(f"You act as operator for Tenant {tenant.id}.")).to_be_visible()
    page.get_by_role("link", name="Open portal link").click()
    dialog = page.get_by_role("dialog")
    for scope in ("webhooks:write", "deliveries:retry"):
        dialog.get_by_role("checkbox", name=re.compile(scope)).uncheck()
    dialog.get_by_label("The session ends after").select_option("8 hours")
    dialog.get_by_role("button", name="Make the link").click()
    url = dialog.get_by_label("Link", exact=False).first
    expect(url).to_have_value(re.compile("/portal/#s="))
    (session,) = tenant.operator.get(tenant.path("/sessions")).ok()["items"]
    assert sorted(session["scopes"]) == ["deliveries:read", "webhooks:read"]

    theirs = new_context().new_page()
    theirs.goto(url.input_value())
    expect(theirs.get_by_role("heading", name="Webhooks", level=1)).to_be_visible(timeout=WAIT)
    expect(theirs.get_by_role("link", name="ERP")).to_be_visible(timeout=WAIT)
    expect(theirs.get_by_text("You act as operator")).to_have_count(0)
    expect(theirs.get_by_role("link", name="Add webhook")).to_have_count(0)
    # Without a right there is no link.
    for scope in ("webhooks:read", "deliveries:read"):
        dialog.get_by_role("checkbox", name=re.compile(scope)).uncheck()
    dialog.get_by_role("button", name="Make another link").click()
    expect(dialog.get_by_text("Choose at least one right.")).to_be_visible()


# ---- contracts ----

OWN: dict[str, Any] = {
    "description": "For this test",
    "envelope": {"event": "{type}", "payload": "{data}"},
    "signature": {"header": "X-Own", "encoding": "hex", "signedText": "{body}", "secret": "literal"},
    "timeoutSeconds": 5,
    "success": ["2xx"],
    "retryDelaysSeconds": [60],
}


@pytest.fixture
def own_contract(operator: client.Api):
    """The name of a contract that is the test's own."""
    name = stack.unique("c")
    yield name
    operator.delete(f"/v1/contracts/{name}")


def test_a_contract_is_made_checked_previewed_and_deleted(open_console: Callable[..., Page], operator: client.Api, own_contract: str):
    page = open_console("contracts")
    page.get_by_role("button", name="Add contract").click()
    form = page.get_by_role("dialog", name="Add contract")
    form.get_by_label("Name", exact=False).first.fill(own_contract)
    text = form.get_by_label("Definition (JSON)")
    text.fill('{"envelope": }')
    expect(form.get_by_text("This is not JSON")).to_be_visible()
    form.get_by_role("button", name="Save contract").click()
    expect(text).to_be_focused()
    # The API's mistakes name their members.
    text.fill(json.dumps(OWN | {"timeoutSeconds": 5000, "envelope": {"event": "{nothing}"}}))
    form.get_by_role("button", name="Save contract").click()
    expect(form.get_by_role("alert").first).to_contain_text(re.compile("timeoutSeconds|envelope"))
    assert operator.get(f"/v1/contracts/{own_contract}").status == 404
    # The preview follows what is typed.
    text.fill(json.dumps(OWN))
    form.get_by_label("Event type").fill("order.paid")
    form.get_by_label("data (JSON)").fill('{"total": 7}')
    expect(form.get_by_label("Body", exact=True)).to_have_text(json.dumps({"event": "order.paid", "payload": {"total": 7}}, separators=(",", ":")))
    text.fill(json.dumps(OWN | {"envelope": {"kind": "{type}"}}))
    expect(form.get_by_label("Body", exact=True)).to_have_text('{"kind":"order.paid"}')
    expect(form.get_by_label("Text that is signed")).to_have_text('{"kind":"order.paid"}')
    form.get_by_role("button", name="Save contract").click()
    expect(page.get_by_text("The contract is saved.")).to_be_visible()
    assert operator.get(f"/v1/contracts/{own_contract}").ok()["envelope"] == {"kind": "{type}"}

    tour.row_of(page, own_contract).get_by_role("link", name=own_contract).click()
    expect(page.get_by_role("heading", name=own_contract, level=1)).to_be_visible()
    facts = page.locator("dl.facts").first
    expect(facts).to_contain_text("X-Own: <hex>", timeout=WAIT)
    page.get_by_role("button", name="Edit as JSON").click()
    text = page.get_by_label("Definition (JSON)")
    text.fill(json.dumps(OWN | {"retryDelaysSeconds": [60, 120]}))
    page.get_by_role("button", name="Save contract").click()
    expect(facts).to_contain_text("1 min, 2 min")

    # Where it is used, and what deleting it would do.
    users = client.new_tenant(own_contract)
    page.reload()
    expect(page.get_by_role("link", name=users.id)).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Delete contract").click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_contain_text(f"These tenants have it for their new webhooks: {users.id}.")
    asked.get_by_role("button", name="Delete contract").click()
    expect(page.get_by_role("heading", name="Contracts", level=1)).to_be_visible()
    assert operator.get(f"/v1/contracts/{own_contract}").status == 404


def test_a_built_in_contract_is_shown_and_can_be_a_template(open_console: Callable[..., Page]):
    page = open_console("contracts/kuviq")
    expect(page.locator("dl.facts").first).to_contain_text("X-Webhook-Signature", timeout=WAIT)
    expect(page.get_by_role("button", name="Edit as JSON")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete contract")).to_have_count(0)
    page.get_by_role("button", name="As JSON", exact=True).click()
    shown = json.loads(page.get_by_label("Definition (JSON)", exact=True).inner_text())
    page.get_by_role("button", name="Use as a template").click()
    template = json.loads(page.get_by_role("dialog").get_by_label("Definition (JSON)").input_value())
    assert template == shown and "builtin" not in template


# ---- event types ----


def test_an_event_type_is_made_edited_and_deleted(open_console: Callable[..., Page], operator: client.Api):
    kind = f"{stack.unique('k')}.made"
    path = f"/v1/event-types/{kind}"
    page = open_console("event-types")
    page.get_by_role("button", name="Add event type").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=type]").fill(kind)
    form.locator("input[name=name]").fill("Made")
    form.locator("textarea[name=example]").fill('{"id": 1,}')
    form.locator("button[type=submit], [form=event-type]").first.click()
    expect(form.locator("textarea[name=example]")).to_have_attribute("aria-invalid", "true")
    expect(form.locator("textarea[name=example]")).to_be_focused()
    assert operator.get(path).status == 404
    form.locator("textarea[name=example]").fill('{"id": 1}')
    form.locator("button[type=submit], [form=event-type]").first.click()
    expect(form).to_have_count(0)
    assert operator.get(path).ok()["example"] == {"id": 1}

    page.get_by_role("searchbox").fill(kind)
    entry = page.locator(f"li[data-id='{kind}']")
    ask(entry, "Edit")
    form = page.get_by_role("dialog")
    expect(form.locator("input[name=type]")).to_have_attribute("readonly", "")
    form.locator("textarea[name=description]").fill("When it is made.")
    form.locator("[form=event-type]").click()
    expect(entry).to_contain_text("When it is made.")
    now = operator.get(path).ok()
    assert (now["name"], now["description"], now["example"]) == ("Made", "When it is made.", {"id": 1})

    ask(entry, "Delete")
    asked = page.get_by_role("alertdialog")
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()
    asked.get_by_role("button", name=re.compile("^Delete")).click()
    expect(entry).to_have_count(0)
    assert operator.get(path).status == 404


def test_what_somebody_else_wrote_of_an_event_type_is_not_lost(open_console: Callable[..., Page], operator: client.Api):
    kind = f"{stack.unique('k')}.made"
    path = f"/v1/event-types/{kind}"
    operator.put(path, {"name": "Made"}).ok(201)
    try:
        page = open_console("event-types")
        page.get_by_role("searchbox").fill(kind, timeout=WAIT)
        # What they write before the form has read the entry would simply stand in the form.
        with page.expect_response(lambda answer: answer.url.endswith(path)):
            ask(page.locator(f"li[data-id='{kind}']"), "Edit")
        form = page.get_by_role("dialog")
        form.locator("input[name=name]").fill("Mine")
        operator.put(path, {"name": "Made", "description": "Theirs."}).ok()
        form.locator("[form=event-type]").click()
        expect(form.get_by_role("alert").first).to_contain_text("Somebody else has changed this")
        assert operator.get(path).ok()["description"] == "Theirs."
    finally:
        operator.delete(path)
