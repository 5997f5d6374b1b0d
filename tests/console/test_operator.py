"""What the operator sees over all tenants: overview and dead letters, in the console."""

import json
import re
from datetime import datetime, timedelta, timezone
from typing import Callable

from playwright.sync_api import Locator, Page, expect

import tour
from support import client, slow, stack
from support.receiver import Receiver, Reply

WAIT = 30_000
URL = "https://receiver.example.com/hook"


def table_of(page: Page, name: str) -> Locator:
    """A list of the overview, whole."""
    table = page.get_by_role("table", name=name)
    expect(table).to_be_visible(timeout=WAIT)
    whole = page.locator("section", has=table).get_by_role("button", name="Show all")
    if whole.count():
        whole.click()
    return table


def in_trouble(tenant: client.Tenant, webhook: str, state: str) -> None:
    stack.eventually(lambda: tenant.webhook(webhook)["state"] == state, 60, f"the webhook to be {state}")
    listed = lambda: [one["id"] for one in tenant.operator.all("/v1/webhooks", state=state) if one["tenantId"] == tenant.id]  # noqa: E731
    stack.eventually(lambda: webhook in listed(), 30, "it to be listed")


# ---- overview ----


def test_the_overview_lists_webhooks_in_trouble_of_every_tenant(open_console: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    receiver.answer(404)
    failing = kuviq.new_webhook(receiver.url(), name="Refuses")["id"]
    other = client.new_tenant("standard")
    receiver.answer(410, path="/gone")
    gone = other.new_webhook(receiver.url("/gone"), name="Is gone")["id"]
    late = other.new_webhook(URL, ["item.late"], name="Is late")["id"]
    slow.mark(other.id, late)
    kuviq.publish()
    other.publish()
    for tenant, webhook, state in ((kuviq, failing, "failing"), (other, gone, "disabled"), (other, late, "slow")):
        in_trouble(tenant, webhook, state)

    page = open_console()
    expect(page.get_by_role("main").get_by_role("status").first).to_contain_text(re.compile(r"\d+ failing, \d+ switched off, \d+ slow"))
    for table, tenant, webhook, name in (
        ("Failing webhooks", kuviq, failing, "Refuses"),
        ("Webhooks that Postel switched off", other, gone, "Is gone"),
        ("Slow webhooks", other, late, "Is late"),
    ):
        row = table_of(page, table).locator(f"tr[data-id='{webhook}']")
        expect(row.get_by_role("link", name=tenant.id)).to_be_visible()
        expect(row.get_by_role("link", name=name)).to_be_visible()
    expect(tour.row_of(page, gone)).to_contain_text("the receiver said that it is gone (410)")
    assert not page.locator("tr[data-id]").filter(has_text=re.compile(r"\bexhausted\b")).count(), "a code where a sentence should be"

    tour.row_of(page, gone).get_by_role("link", name="Is gone").click()
    expect(page.get_by_role("heading", name="Is gone", level=1)).to_be_visible()
    expect(page.get_by_text(f"You act as operator for Tenant {other.id}.")).to_be_visible()


def test_the_overview_shows_at_the_next_refresh_that_a_webhook_was_switched_off(open_console: Callable[..., Page], page: Page, tenant: client.Tenant, receiver: Receiver):
    receiver.answer(410)
    webhook = tenant.new_webhook(receiver.url(), name="Is gone")["id"]
    open_console()
    expect(page.get_by_role("list").filter(has_text="Switched off")).to_be_visible(timeout=WAIT)
    tenant.publish()
    in_trouble(tenant, webhook, "disabled")
    page.get_by_role("button", name=re.compile("^Refreshed ")).click()
    expect(table_of(page, "Webhooks that Postel switched off").locator(f"tr[data-id='{webhook}']")).to_be_visible(timeout=WAIT)


def test_the_overview_reads_on_where_a_page_of_the_list_is_empty(open_console: Callable[..., Page], page: Page, tenant: client.Tenant, receiver: Receiver):
    receiver.answer(410)
    webhook = tenant.new_webhook(receiver.url(), name="Is gone")["id"]
    tenant.publish()
    in_trouble(tenant, webhook, "disabled")
    first = {"items": [], "nextCursor": "more"}
    # Rows that are not wanted leave a page short or empty; the list goes on.
    page.route(re.compile(r"/v1/webhooks\?(?!.*cursor)"), lambda route: route.fulfill(json=first))
    page.route(re.compile(r"/v1/webhooks\?.*cursor=more"), lambda route: route.continue_(url=route.request.url.replace("cursor=more", "").rstrip("&?")))
    open_console()
    expect(table_of(page, "Webhooks that Postel switched off").locator(f"tr[data-id='{webhook}']")).to_be_visible()


def test_the_overview_counts_dead_letters_by_reason_and_leads_to_them(open_console: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    receiver.answer(404)
    kuviq.new_webhook(receiver.url(), name="Refuses")
    kuviq.publish()
    (letter,) = kuviq.wait_for_dead_letters(1)
    page = open_console()
    row = table_of(page, "Dead letters of the last 24 hours, by reason").locator("tr[data-id='refused']")
    expect(row).to_contain_text("not tried again")
    row.get_by_role("link", name="refused").click()
    expect(page.get_by_role("heading", name="Dead letters", level=1)).to_be_visible()
    expect(page.get_by_label("Reason", exact=True)).to_have_value("refused")
    expect(page.get_by_label("Since", exact=True)).to_have_value("1")
    expect(tour.row_of(page, letter["id"])).to_be_visible(timeout=WAIT)


def test_the_overview_lists_the_running_redrives_and_stops_one(open_console: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    receiver.answer(400)
    kuviq.new_webhook(receiver.url(), name="Refuses")
    kuviq.api.post(kuviq.path("/events/batch"), {"events": [{"type": "item.created", "data": {}}] * 60}).ok(202)
    stack.eventually(lambda: kuviq.api.post(kuviq.path("/redrives/estimate"), {}).ok()["count"] == 60, 90, "60 dead letters")
    job = kuviq.api.post(kuviq.path("/redrives"), {"ratePerSecond": 1}).ok(202)["id"]
    page = open_console()
    row = table_of(page, "Running redrives").locator(f"tr[data-id='{job}']")
    expect(row).to_contain_text(re.compile(r"\d+ of 60"))
    expect(row.get_by_role("link", name=kuviq.id)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"^[1-9]\d* Running redrives$"))).to_have_attribute("href", "#running")
    row.get_by_role("button", name="Stop redrive").click()
    page.get_by_role("alertdialog", name="Stop this redrive?").get_by_role("button", name="Stop redrive").click()
    expect(row).to_have_count(0, timeout=WAIT)
    assert kuviq.api.get(kuviq.path(f"/redrives/{job}")).ok()["status"] == "cancelled"


def test_the_overview_says_what_waits_and_leads_to_it(open_console: Callable[..., Page], page: Page, operator: client.Api):
    backlog = operator.get("/v1/backlog").ok()
    due = (datetime.now(timezone.utc) - timedelta(minutes=17)).isoformat()
    backlog["oldestDue"] = {"tenantId": "acme", "deliveryId": "dlv_1", "dueAt": due}
    for queue in backlog["queues"]:
        queue["waiting"] = {"events": 1234, "events_dead_letter": 2, "deliveries_dead_letter": 3}.get(queue["name"], 0)
    page.route("**/v1/backlog", lambda route: route.fulfill(json=backlog))
    open_console()
    expect(page.get_by_role("main").get_by_role("status").first).to_contain_text("a delivery has been due for 17 min")
    rows = table_of(page, "Queues").locator("tbody tr")
    assert rows.evaluate_all("(rows) => rows.map((row) => row.dataset.id)") == [queue["name"] for queue in backlog["queues"]]
    expect(rows.first).to_contain_text("1,234")
    for name, to in (
        ("17 min Oldest due delivery", "/console/t/acme/deliveries/dlv_1"),
        ("1,234 Events waiting", "#queues"),
        ("5 In dead-letter queues", "/console/dead-letters"),
    ):
        href = page.get_by_role("link", name=name, exact=True).get_attribute("href") or ""
        assert href.endswith(to), (name, href)
    page.get_by_role("link", name="In dead-letter queues").click()
    expect(page.get_by_role("heading", name="Dead letters", level=1)).to_be_visible()


# ---- dead letters ----


def nobodys_letter(operator: client.Api, reason: str, body: str) -> str:
    """The dead letter that this message becomes."""
    message = stack.aws("sqs").send_message(QueueUrl=stack.outputs()["eventsQueueUrl"], MessageBody=body, MessageGroupId=stack.unique())["MessageId"]

    def found() -> list[str]:
        return [one["id"] for one in operator.all("/v1/dead-letters", reason=reason) if one.get("messageId") == message]

    return stack.eventually(found, 60, "the message to be a dead letter")[0]


def test_a_message_of_nobody_is_shown_as_text(open_console: Callable[..., Page], operator: client.Api):
    hostile = '{"type": "<img src=x onerror=alert(1)>", \u202e "a": "\u200b<script>document.title=1</script>"'
    letter = nobodys_letter(operator, "malformed_json", hostile)
    page = open_console()
    page.get_by_role("link", name="Messages without a tenant, 24 h").click()
    expect(page.get_by_label("Reason", exact=True).locator("option:checked")).to_have_text("Messages without a tenant")
    row = tour.row_of(page, letter)
    expect(row).to_contain_text("The message is not JSON.", timeout=WAIT)
    expect(row).to_contain_text("no tenant")
    row.get_by_role("button", name="Message", exact=True).click()
    shown = page.get_by_role("dialog").locator("pre")
    expect(shown).to_contain_text("<img src=x onerror=alert(1)>")
    expect(shown).to_contain_text("<script>document.title=1</script>")
    assert "\u202e" not in shown.inner_text() and "\u200b" not in shown.inner_text(), "a character that reorders or hides text is shown as such"
    expect(shown).to_contain_text("\\u202e")
    assert shown.locator("*").count() == 0 and page.locator("img").count() == 0


def test_a_message_of_an_unknown_tenant_is_redriven_when_the_tenant_exists(open_console: Callable[..., Page], operator: client.Api):
    tenant_id = stack.unique()
    letter = nobodys_letter(operator, "unknown_tenant", json.dumps({"tenantId": tenant_id, "type": "item.created", "data": {}}))
    page = open_console("dead-letters?reason=unknown_tenant")
    expect(tour.row_of(page, letter)).to_contain_text(re.compile("Create it, then redrive"), timeout=WAIT)
    operator.put(f"/v1/tenants/{tenant_id}", {"name": "Late", "contract": "standard", "publishers": [stack.account()]}).ok(201)
    tour.row_of(page, letter).get_by_role("button", name=re.compile("^Actions for")).click()
    page.get_by_role("menuitem", name="Redrive").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Redrive 1 dead letter").click()
    expect(tour.row_of(page, letter)).to_contain_text("Redriven")
    stack.eventually(lambda: operator.get(f"/v1/tenants/{tenant_id}/events").ok()["items"], 60, "the event to be there")


def test_many_dead_letters_are_selected_redriven_and_deleted(open_console: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    receiver.answer(Reply(404))
    kuviq.new_webhook(receiver.url(), name="Refuses")
    for _ in range(3):
        kuviq.publish()
    letters = [one["id"] for one in kuviq.wait_for_dead_letters(3)]
    receiver.answer(200)
    page = open_console(f"dead-letters?tenantId={kuviq.id}")
    expect(page.get_by_label("Tenant", exact=False).first).to_have_value(kuviq.id)
    expect(page.locator("tbody tr")).to_have_count(3, timeout=WAIT)
    for letter in letters[:2]:
        tour.row_of(page, letter).get_by_role("checkbox").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Redrive", exact=True).click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_contain_text("item.created")
    asked.get_by_role("button", name="Redrive 2 dead letters").click()
    expect(page.get_by_text("2 dead letters are redriven.")).to_be_visible()
    for letter in letters[:2]:
        expect(tour.row_of(page, letter)).to_contain_text("Redriven")
    # What was delivered is no dead letter any more; the page does not know that yet.
    kuviq.wait_for_dead_letters(1)

    page.get_by_role("checkbox", name="Select all that are shown").check()
    page.get_by_role("main").get_by_role("button", name="Delete", exact=True).click()
    asked = page.get_by_role("alertdialog", name="Delete 3 dead letters?")
    expect(asked.get_by_role("button", name="Cancel")).to_be_focused()
    asked.get_by_role("button", name="Delete 3 dead letters").click()
    expect(page.get_by_text("1 dead letter is deleted. 2 were not there any more.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(0)
    assert kuviq.dead_letters() == []
