"""The vendors' documents step by step, in the portal: each test does what its document tells a
person to do, in the words of that document."""

import json
from typing import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from support import client, stack, vendors
from support.receiver import Receiver

WAIT = 30_000
# Less than the 30 s after which the whole list is read again: the row turns by itself.
BY_ITSELF = 20_000

# Event, group, name, description: as the documents list them.
CATALOGUE = [
    ("inspection.created", "Inspection Events", None, "New inspection started"),
    ("inspection.completed", "Inspection Events", None, "Inspection finished"),
    ("item.status_changed", "Item Events", None, "Status changed"),
    ("report.created", "INSPECTION", "An Inspection report is uploaded", None),
    ("report.file_ready", "INSPECTION", "An Inspection report file is ready to view", None),
    ("workflow.completed", "Workflow", None, "A workflow instance completes (approved or rejected)"),
    ("document.status_changed", "Document", None, "A document's status changes (e.g. draft → approved)"),
]


@pytest.fixture(scope="module", autouse=True)
def catalogue() -> Iterator[None]:
    """The documents' event types, as long as these tests run. All tenants see them."""
    admin = client.operator()
    for event_type, group, name, description in CATALOGUE:
        entry = {"group": group, "name": name, "description": description}
        admin.put(f"/v1/event-types/{event_type}", {member: value for member, value in entry.items() if value is not None})
    yield
    for event_type, *_ in CATALOGUE:
        admin.delete(f"/v1/event-types/{event_type}")


def title(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, level=1, exact=True)).to_be_visible(timeout=WAIT)


def click(inside: Page | Locator, role: str, name: str) -> None:
    inside.get_by_role(role, name=name, exact=True).click(timeout=WAIT)


def field(page: Page, label: str) -> Locator:
    """A field by the words of its label, without the marks behind them."""
    return page.locator(".field").filter(has=page.locator("label", has_text=label)).locator("input").first


def parts_of_form(page: Page) -> list[str]:
    """The labels of fields, switches and sections, from top to bottom."""
    expect(page.locator("form.form")).to_be_visible(timeout=WAIT)
    texts = page.locator("form.form").locator(".field > label, fieldset:not(.component) > legend, [data-field=active] label").all_inner_texts()
    return [text.removesuffix(" *").removesuffix(" (optional)").strip() for text in texts]


def in_this_order(wanted: list[str], found: list[str]) -> None:
    assert [one for one in found if one in wanted] == wanted, found


def own_secret(page: Page, secret: str) -> None:
    page.get_by_label("Use my own").check()
    page.locator("input[name='secret-value']").fill(secret)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def log_row(page: Page, delivery: dict) -> Locator:
    return page.locator(f"tr[data-id='{delivery['id']}']")


def columns(page: Page) -> list[str]:
    expect(page.get_by_role("columnheader").first).to_be_visible(timeout=WAIT)
    return page.get_by_role("columnheader").all_inner_texts()


def only_webhook(tenant: client.Tenant) -> dict:
    (found,) = tenant.api.get(tenant.path("/webhooks")).ok()["items"]
    return found


# ---- Kuviq ----


def test_kuviq_a_webhook_is_added_tested_and_gets_what_it_chose(open_page: Callable[..., Page], receiver: Receiver):
    tenant, secret = client.new_tenant("kuviq"), vendors.DOCUMENTED["kuviq"].secret
    page = open_page(tenant)
    title(page, "Webhooks")
    click(page, "link", "Add Webhook")
    in_this_order(["Name", "URL", "Events", "Secret", "Active"], parts_of_form(page))
    field(page, "Name").fill("Fire safety")
    field(page, "URL").fill(receiver.url())
    page.get_by_label("inspection.completed").check()
    page.get_by_label("item.status_changed").check()
    own_secret(page, secret)
    expect(page.get_by_role("switch", name="Active", exact=True)).to_be_checked()
    click(page, "button", "Save and activate")
    title(page, "Fire safety")
    made = only_webhook(tenant)
    assert (made["name"], made["active"], set(made["events"])) == ("Fire safety", True, {"inspection.completed", "item.status_changed"})
    details = page.locator("dl.facts").first.locator("dt").all_inner_texts()
    in_this_order(["Name", "URL", "Events", "Status", "Last triggered", "Success rate"], details)

    click(page.get_by_role("navigation", name="Pages"), "link", "Webhooks")
    assert columns(page) == ["Name", "URL", "Events", "Status", "Last triggered", "Success rate", "Action"]
    click(row(page, "Fire safety"), "button", "Test Fire safety")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Success", exact=True)).to_be_visible(timeout=WAIT)
    result = dialog.get_by_role("status").filter(has_text="Response time")
    expect(result).to_contain_text("Response code 200")
    (sent,) = receiver.wait(1)
    assert (json.loads(sent.body)["event"], json.loads(sent.body)["isTest"]) == ("test.webhook", True)
    assert sent.headers["x-webhook-signature"] == vendors.signature("kuviq", secret, sent.body)

    receiver.answer(500)
    click(dialog, "button", "Send again")
    expect(dialog.get_by_text("Failed", exact=True)).to_be_visible(timeout=WAIT)
    expect(result).to_contain_text("Response code 500")


def test_kuviq_the_event_log_counts_filters_and_retries(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("kuviq")
    tenant.new_webhook(receiver.url(), ["inspection.*"], name="Good")
    tenant.new_webhook(receiver.url("/bad"), ["item.*"], name="Bad")
    receiver.answer(400, 200, path="/bad")
    good = tenant.wait_for_status(tenant.publish("inspection.completed"), "completed")
    bad = tenant.wait_for_status(tenant.publish("item.created"), "failed")

    page = open_page(tenant)
    click(page.get_by_role("navigation", name="Pages"), "link", "Event Log")
    title(page, "Event Log")
    expect(log_row(page, bad)).to_be_visible(timeout=WAIT)
    assert columns(page)[:6] == ["Event type", "Status", "Attempts", "Created", "Processed", "Error message"]
    counts = page.get_by_role("region", name="Deliveries by status").get_by_role("link")
    assert [text.split("\n")[0] for text in counts.all_inner_texts()] == ["Pending", "Completed", "Failed", "In Progress"]
    meanings = ["Events waiting to be delivered", "Successfully delivered events", "Events that failed after all retries", "Events currently being processed or retrying"]
    assert [one.get_attribute("data-hint") for one in counts.all()] == meanings
    status = page.get_by_label("Status", exact=True)
    assert status.locator("option").all_inner_texts() == ["All", "Pending", "Processing", "Completed", "Failed", "Retrying"]

    status.select_option("Completed")
    expect(log_row(page, bad)).to_have_count(0, timeout=WAIT)
    expect(log_row(page, good)).to_contain_text("inspection.completed")
    counts.nth(2).click()
    expect(log_row(page, good)).to_have_count(0, timeout=WAIT)
    failed = log_row(page, bad)
    for text in ("item.created", "Failed", "1", "400"):
        expect(failed).to_contain_text(text)
    status.select_option("All")
    click(failed, "button", "Retry item.created to Bad")
    expect(page.get_by_text("Requeued for immediate delivery.")).to_be_visible(timeout=WAIT)
    expect(failed).to_contain_text("Completed", timeout=BY_ITSELF)
    assert len(receiver.requests("/bad")) == 2


def test_kuviq_a_webhook_is_edited_deactivated_and_deleted(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("kuviq", limits={"webhooks": 1})
    made = tenant.new_webhook(receiver.url(), name="Old name")
    page = open_page(tenant)
    click(page, "link", "Old name")
    click(page, "link", "Edit")
    field(page, "Name").fill("New name")
    page.get_by_role("switch", name="Active", exact=True).uncheck()
    click(page, "button", "Save")
    expect(row(page, "New name")).to_contain_text("Inactive", timeout=WAIT)
    assert not tenant.webhook(made["id"])["active"]

    click(row(page, "New name"), "button", "Actions for New name")
    click(page, "menuitem", "Activate")
    expect(row(page, "New name").get_by_role("button", name="Status of New name: Active", exact=True)).to_be_visible(timeout=WAIT)
    click(row(page, "New name"), "button", "Actions for New name")
    click(page, "menuitem", "Deactivate")
    expect(row(page, "New name")).to_contain_text("Inactive", timeout=WAIT)

    expect(page.get_by_text("1 of 1", exact=True)).to_be_visible()
    page.get_by_role("link", name="Add Webhook", exact=True).click(force=True)
    expect(page.get_by_role("alert").filter(has_text="The limit of 1 webhooks is reached.")).to_be_visible()

    click(row(page, "New name"), "button", "Actions for New name")
    click(page, "menuitem", "Delete")
    click(page.get_by_role("alertdialog", name="Delete New name?"), "button", "Delete webhook")
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible(timeout=WAIT)
    assert tenant.api.get(tenant.path("/webhooks")).ok()["items"] == []


# ---- Inspectorio ----


def test_inspectorio_sight_the_first_webhook_with_basic_authentication(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("inspectorio")
    page = open_page(tenant)
    title(page, "Webhooks")
    click(page, "link", "Create your Webhooks")
    title(page, "Create Webhook")
    in_this_order(["Webhook Name", "Webhook URL", "Events", "Basic Authentication"], parts_of_form(page))
    click(page, "button", "Add webhook")
    expect(page.get_by_role("alert").first).to_contain_text("Not saved: 3 fields")
    field(page, "Webhook Name").fill("Slack Webhook")
    field(page, "Webhook URL").fill(receiver.url())

    whole = page.get_by_role("checkbox", name="All of INSPECTION", exact=True)
    whole.check()
    # With the code, as other tests may have named types of their own alike.
    types = [page.get_by_role("checkbox", name=text, exact=True) for text in ("An Inspection report is uploaded report.created", "An Inspection report file is ready to view report.file_ready")]
    for one in types:
        expect(one).to_be_checked()
    types[1].uncheck()
    assert whole.evaluate("box => box.indeterminate")
    types[1].check()
    expect(whole).to_be_checked()

    basic = page.get_by_role("switch", name="Basic Authentication")
    expect(basic).not_to_be_checked()
    basic.check()
    field(page, "User name").fill("sight")
    field(page, "Password").fill("pass: word")
    click(page, "button", "Add webhook")
    title(page, "Slack Webhook")
    made = only_webhook(tenant)
    assert made["active"] and made["basicAuth"]["username"] == "sight"
    tenant.api.post(tenant.path("/events"), vendors.event("inspectorio", "report.created")).ok(202)
    (got,) = receiver.wait(1)
    assert got.headers["authorization"] == "Basic c2lnaHQ6cGFzczogd29yZA=="
    body = json.loads(got.body)
    assert (list(body), body["eventCode"], body["eventName"]) == (["messageId", "eventCode", "eventName", "payload"], "report.created", "An Inspection report is uploaded")


def test_inspectorio_sight_a_webhook_is_edited_switched_and_removed(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("inspectorio")
    made = tenant.new_webhook(receiver.url(), ["report.*"], name="Slack Webhook", secret=None)
    delivery = tenant.wait_for_status(tenant.publish("report.created", {"resourceId": 12301, "path": "/reports/12301"}), "completed")
    page = open_page(tenant)
    head = columns(page)
    assert (head[0], head[-1]) == ("Name", "Action") and "Status" in head
    click(page, "button", "Actions for Slack Webhook")
    assert {"Edit", "Remove"} <= set(page.get_by_role("menuitem").all_inner_texts())
    click(page, "menuitem", "Edit")
    title(page, "Edit Webhook")
    page.go_back()
    click(page, "link", "Slack Webhook")
    title(page, "Edit Webhook")
    field(page, "Webhook Name").fill("Dashboard")
    click(page, "button", "Save changes")
    title(page, "Webhooks")

    for before, item, after in (("Active", "Deactivate this webhook", "Inactive"), ("Inactive", "Activate this webhook", "Active")):
        status = row(page, "Dashboard").get_by_role("button", name=f"Status of Dashboard: {before}", exact=True)
        expect(status.locator("svg").first).to_be_visible(timeout=WAIT)
        page.mouse.move(0, 0)
        status.hover()
        click(page, "menuitem", item)
        expect(row(page, "Dashboard").get_by_role("button", name=f"Status of Dashboard: {after}", exact=True)).to_be_visible(timeout=WAIT)
        assert tenant.webhook(made["id"])["active"] == (after == "Active")

    click(page, "button", "Actions for Dashboard")
    click(page, "menuitem", "Remove")
    popup = page.get_by_role("alertdialog", name="Remove Dashboard?")
    for text in ("This is permanent", "gets no more events", "Old data stays"):
        expect(popup).to_contain_text(text)
    click(popup, "button", "Remove webhook")
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible(timeout=WAIT)
    assert tenant.delivery(delivery["id"])["status"] == "completed"


def test_inspectorio_qrm_a_webhook_is_added_from_the_empty_page(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("inspectorio")
    page = open_page(tenant)
    title(page, "Webhooks")
    click(page, "link", "Add webhook")
    title(page, "Create Webhook")
    field(page, "Webhook Name").fill("Slack Webhook")
    field(page, "Webhook URL").fill(receiver.url())
    page.get_by_role("checkbox", name="All of INSPECTION", exact=True).check()
    click(page, "button", "Add webhook")
    title(page, "Slack Webhook")
    made = only_webhook(tenant)
    assert made["active"] and "basicAuth" not in made
    assert all(any(wanted in (kind, "report.*") for wanted in made["events"]) for kind in ("report.created", "report.file_ready"))


# ---- Kazinex ----


def test_kazinex_a_webhook_is_made_subscribed_and_tested(open_page: Callable[..., Page], receiver: Receiver):
    tenant, secret = client.new_tenant("kazinex"), vendors.DOCUMENTED["kazinex"].secret
    page = open_page(tenant)
    title(page, "Webhooks")
    click(page, "link", "New Webhook")
    in_this_order(["Name", "Endpoint URL", "Secret", "Active", "Event Subscriptions"], parts_of_form(page))
    field(page, "Name").fill("ERP Integration — Workflow Events")
    field(page, "Endpoint URL").fill(receiver.url())
    own_secret(page, secret)
    expect(page.get_by_role("switch", name="Active", exact=True)).to_be_checked()
    panel = page.get_by_role("group", name="Event Subscriptions")
    for event_type, fires_when in (("workflow.completed", "A workflow instance completes (approved or rejected)"), ("document.status_changed", "A document's status changes (e.g. draft → approved)")):
        box = panel.get_by_label(event_type)
        expect(box).to_have_accessible_description(f"Fires when: {fires_when}")
        box.check()
    click(page, "button", "Save")
    title(page, "ERP Integration — Workflow Events")
    made = only_webhook(tenant)
    assert made["active"] and set(made["events"]) == {"workflow.completed", "document.status_changed"}

    click(page, "button", "Send Test Event")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Event type").select_option("workflow.completed")
    click(dialog, "button", "Send")
    expect(dialog.get_by_text("Success", exact=True)).to_be_visible(timeout=WAIT)
    (got,) = receiver.wait(1)
    body = json.loads(got.body)
    assert list(body) == ["event", "timestamp", "organisation_id", "project_id", "data"] and body["event"] == "workflow.completed"
    assert got.headers["x-kazinex-signature"] == vendors.signature("kazinex", secret, got.body)


def test_kazinex_the_delivery_log_shows_and_retries(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("kazinex")
    made = tenant.new_webhook(receiver.url(), name="ERP", overrides={"retryDelaysSeconds": []})
    receiver.answer(200, 500, 200)
    good = tenant.wait_for_status(tenant.publish("workflow.completed", {"workflow_id": "wf_001"}, timestamp="2024-03-15T10:30:00Z"), "completed")
    bad = tenant.wait_for_status(tenant.publish("workflow.completed", {"workflow_id": "wf_002"}), "failed")

    page = open_page(tenant)
    click(page, "link", "ERP")
    click(page, "link", "Delivery Log")
    expect(log_row(page, bad)).to_be_visible(timeout=WAIT)
    assert columns(page)[:5] == ["Event", "Timestamp", "Status", "Response Code", "Duration"]
    when = page.get_by_role("columnheader", name="Timestamp").locator("[data-hint]")
    expect(when).to_have_attribute("data-hint", "When the event occurred")
    for delivery, status, code in ((good, "Success", "200"), (bad, "Failed", "500")):
        cells = log_row(page, delivery).get_by_role("cell")
        assert [cells.nth(1).inner_text(), cells.nth(2).inner_text()] == [status, code]
        assert cells.nth(3).inner_text().endswith("ms") or cells.nth(3).inner_text().endswith("s")
    expect(log_row(page, good).get_by_role("cell").first.locator("time")).to_have_attribute("datetime", "2024-03-15T10:30:00Z")

    log_row(page, bad).get_by_role("link", name="workflow.completed").click()
    request = page.get_by_role("region", name="Request", exact=True)
    expect(request).to_contain_text("wf_002", timeout=WAIT)
    expect(page.get_by_role("region", name="Response to attempt 1")).to_contain_text("The receiver answered 500.")
    page.go_back()
    click(log_row(page, bad), "button", "Retry workflow.completed to ERP")
    expect(log_row(page, bad)).to_contain_text("Success", timeout=BY_ITSELF)
    sent = receiver.wait(3)
    assert json.loads(sent[1].body)["data"] == json.loads(sent[2].body)["data"] == {"workflow_id": "wf_002"}
    assert [d["webhookId"] for d in tenant.deliveries()] == [made["id"]] * 2


# ---- KLIQ ----


def test_kliq_a_webhook_made_by_rest_is_disabled_after_five_retries_and_enabled(open_page: Callable[..., Page], receiver: Receiver):
    tenant = client.new_tenant("kliq")
    documented = {"url": receiver.url(), "events": ["observation.created", "cv.job.completed", "cv.job.failed"], "secret": vendors.DOCUMENTED["kliq"].secret}
    made = tenant.api.post(tenant.path("/webhooks"), documented).ok(201)
    # The documented delays take 26 hours.
    tenant.patch_webhook(made["id"], overrides={"retryDelaysSeconds": [1, 1, 1, 1, 1]})
    receiver.answer(500)
    tenant.publish("cv.job.completed", {"jobId": "job_xyz789"})
    receiver.wait(6)
    stack.eventually(lambda: not tenant.webhook(made["id"])["active"], what="the webhook to be disabled")

    page = open_page(tenant)
    expect(page.get_by_text("1 was switched off.")).to_be_visible(timeout=WAIT)
    page.get_by_role("row").filter(has_text="Switched off").get_by_role("link").first.click()
    banner = page.get_by_role("main").locator(".notice").filter(has_text="Switched off")
    for text in ("Switched off", "The last retry of a delivery failed, too.", "Repair the receiver"):
        expect(banner).to_contain_text(text, timeout=WAIT)
    expect(banner.get_by_text("ago")).to_be_visible()
    receiver.answer(200)
    click(banner, "button", "Enable")
    expect(banner).to_have_count(0, timeout=WAIT)
    tenant.wait_for_status(tenant.publish("cv.job.failed"), "completed")
    assert tenant.api.delete(tenant.path(f"/webhooks/{made['id']}")).status == 204


# ---- Help inside the page ----


def test_the_help_of_the_documents_is_in_the_page(open_page: Callable[..., Page]):
    page = open_page(client.new_tenant("kuviq", limits={"webhooks": 25}), "help")
    for section, texts in (
        ("Nothing arrives", []),
        ("The receiver rejects the signature", ["The secret is another one", "parsed before it was checked"]),
        ("Deliveries fail often", ["answer first, then work", "certificate"]),
        ("Your webhook works when", ["within 1 to 3 seconds", "every delivery was a success", "the payload what it should", "the signature passes"]),
        ("A receiver that seldom fails", ["answers at once", "same event twice", "verifies the signature", "logs what it gets"]),
        ("Limits", ["Webhooks: 0 of 25.", "as many as you like"]),
    ):
        card = page.locator("section.card").filter(has=page.get_by_role("heading", name=section, exact=True))
        expect(card).to_be_visible(timeout=WAIT)
        for text in texts:
            expect(card).to_contain_text(text, timeout=WAIT)
