"""The event log, a delivery, an event, and the refresh of a list, in the portal."""

import re
from typing import Callable

import pytest
from playwright.sync_api import Locator, Page, Request, expect

import tour
from support import client, stack, vendors
from support.receiver import Receiver, Reply

WAIT = 30_000
HALF_A_MINUTE = 31_000


def search(page: Page, wanted: str) -> None:
    field = page.get_by_role("searchbox", name="Find by id")
    field.fill(wanted)
    field.press("Enter")


def one_of_each(tenant: client.Tenant, receiver: Receiver) -> tuple[dict, dict, str]:
    """A delivery that arrived, one that failed, and an event that nobody wanted."""
    receiver.answer(403, path="/bad")
    tenant.new_webhook(receiver.url(), ["item.created"], name="Good")
    tenant.new_webhook(receiver.url("/bad"), ["item.deleted"], name="Bad")
    good, bad, unwanted = tenant.publish("item.created"), tenant.publish("item.deleted"), tenant.publish("item.ignored")
    return tenant.wait_for_status(good, "completed"), tenant.wait_for_status(bad, "failed"), unwanted


def test_the_log_counts_filters_and_explains(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    good, bad, _ = one_of_each(kuviq, receiver)
    page = open_page(kuviq, "log")
    expect(tour.row_of(page, good["id"])).to_be_visible(timeout=WAIT)

    columns = ["Event type", "Status", "Attempts", "Created", "Processed", "Error message", "Webhook", "Code", "Duration", "Occurred", "Next attempt", "Action"]
    assert page.get_by_role("columnheader").all_inner_texts() == columns
    cells = tour.row_of(page, bad["id"]).get_by_role("cell")
    for text in ("Bad", "Failed", "1", "403"):
        expect(cells.filter(has_text=text).first).to_be_visible()

    counts = page.get_by_role("region", name="Deliveries by status")
    for name, number in (("Pending", 0), ("Completed", 1), ("Failed", 1), ("In Progress", 0)):
        expect(counts.get_by_role("link", name=f"{name} {number}")).to_be_visible()
    expect(counts.get_by_role("status")).to_contain_text("1 delivery has failed; 50 %")

    counts.get_by_role("link", name="Failed 1").click()
    expect(tour.row_of(page, good["id"])).to_have_count(0)
    expect(tour.row_of(page, bad["id"])).to_be_visible()
    expect(page.get_by_label("Status", exact=True)).to_have_value("failed")
    page.go_back()
    expect(tour.row_of(page, good["id"])).to_be_visible()

    page.get_by_label("Webhook", exact=True).select_option("Good")
    expect(tour.row_of(page, bad["id"])).to_have_count(0)
    expect(tour.row_of(page, good["id"])).to_be_visible()
    page.reload()
    expect(tour.row_of(page, good["id"])).to_be_visible()
    expect(tour.row_of(page, bad["id"])).to_have_count(0)
    page.get_by_role("link", name="Clear filters").click()
    expect(tour.row_of(page, bad["id"])).to_be_visible()

    kind = page.get_by_label("Event type", exact=True)
    kind.fill("not a type")
    kind.press("Enter")
    expect(page.get_by_text("a group ends with .*")).to_be_visible()
    kind.fill("item.deleted")
    kind.press("Enter")
    expect(tour.row_of(page, bad["id"])).to_be_visible()
    expect(tour.row_of(page, good["id"])).to_have_count(0)


def test_a_failed_delivery_is_retried_until_its_row_turns(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    _, bad, _ = one_of_each(kuviq, receiver)
    receiver.answer(200, path="/bad")
    page = open_page(kuviq, "log")
    row = tour.row_of(page, bad["id"])
    row.get_by_role("button", name="Retry item.deleted to Bad").click()
    expect(page.get_by_text("Requeued for immediate delivery.")).to_be_visible()
    expect(row.get_by_role("cell").filter(has_text="Completed")).to_be_visible(timeout=20_000)  # before the whole list is read again
    expect(row.get_by_role("cell").filter(has_text="200")).to_be_visible()
    assert len(receiver.requests("/bad")) == 2


# What the sender adds to what is signed and kept: each hop may.
ADDED = ("host", "content-length", "accept", "accept-encoding", "connection")


def headers_shown(region: Locator, name: str) -> dict[str, str]:
    """The table of headers, by lower-case name."""
    table = region.get_by_role("table", name=name)
    names, values = table.get_by_role("rowheader").all_text_contents(), table.get_by_role("cell").all_text_contents()
    assert len(names) == len(values) > 0
    return {name.lower(): value for name, value in zip(names, values)}


@pytest.mark.parametrize("contract", vendors.CONTRACTS)
def test_a_delivery_shows_what_the_receiver_got_byte_for_byte(open_page: Callable[..., Page], receiver: Receiver, contract: str):
    tenant = client.new_tenant(contract)
    data = '{"price": 1.50, "big": 12345678901234567890, "name": "M\u00fcller \u2013 \\u00e9", "markup": "<img src=x onerror=alert(1)>"}'.encode()
    receiver.answer(Reply(200, {}, b"thank you"), path="/hook?a=1&b=%20c")
    vendors.subscribe(tenant, receiver.url("/hook?a=1&b=%20c"), name="Good", headers={"X-Team": "blue"})
    delivery = tenant.wait_for_status(tenant.publish(vendors.DOCUMENTED[contract].types[0], data), "completed")
    (got,) = receiver.wait(1, path="/hook?a=1&b=%20c")

    page = open_page(tenant, f"deliveries/{delivery['id']}")
    request = page.get_by_role("region", name="Request", exact=True)
    expect(request.get_by_text(f"{got.method} {receiver.url(got.path)}")).to_be_visible(timeout=WAIT)
    request.get_by_role("button", name="Raw").click()
    body = request.get_by_role("region", name="Request: Body")
    expect(body).to_be_visible()
    assert body.text_content() == got.body.decode() and data in got.body

    sent = {name: value for name, value in got.headers.items() if name not in ADDED}
    shown = headers_shown(request, "Request: Headers")
    # A header of one's own may hold a password.
    assert shown.pop("x-team").startswith("***") and sent.pop("x-team") == "blue"
    assert shown == sent
    assert vendors.DOCUMENTED[contract].headers <= shown.keys()

    answer = page.get_by_role("region", name="Response to attempt 1")
    expect(answer.get_by_text("thank you")).to_be_visible()
    expect(page.get_by_text("It arrived: the receiver answered 200.")).to_be_visible()

    with page.expect_download() as saved:
        request.get_by_role("button", name="Download").click()
    assert saved.value.path().read_bytes() == got.body


def test_an_event_that_nobody_wanted_says_why_for_each_webhook(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    good, _, unwanted = one_of_each(kuviq, receiver)
    stack.eventually(lambda: kuviq.api.get(kuviq.path("/events"), matched="false").ok()["items"], what="the event to be in the list of those nobody wanted")
    page = open_page(kuviq, "events")
    expect(tour.row_of(page, good["eventId"])).to_contain_text("1 webhook", timeout=WAIT)
    page.get_by_label("Wanted by").select_option("Nobody")
    expect(tour.row_of(page, good["eventId"])).to_have_count(0)
    expect(tour.row_of(page, unwanted)).to_contain_text("No webhook wanted it")
    tour.row_of(page, unwanted).get_by_role("link").first.click()

    expect(page.get_by_text("No webhook wanted this event.")).to_be_visible(timeout=WAIT)
    explained = page.get_by_role("list", name="Each webhook and what becomes of this event there").get_by_role("listitem")
    explanation = kuviq.api.get(kuviq.path(f"/events/{unwanted}/explain")).ok()["webhooks"]
    assert {one["result"] for one in explanation} == {"not_wanted"}
    expect(explained).to_have_count(2, timeout=WAIT)
    for one in explanation:
        card = explained.filter(has=page.get_by_role("link", name=one["webhookName"], exact=True))
        expect(card).to_contain_text("Does not get it")
        expect(card).to_contain_text(one["detail"])


def test_a_missing_event_is_explained_by_who_changed_the_webhook(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    hostile = "ERP <b>&"
    webhook = kuviq.new_webhook(receiver.url(), ["item.created"], name="Good")
    key = kuviq.api.with_key(kuviq.new_key(["webhooks:write"], name=hostile)["key"])
    path = kuviq.path(f"/webhooks/{webhook['id']}")
    page = open_page(kuviq, f"webhooks/{webhook['id']}")
    main = page.get_by_role("main")
    expect(main.get_by_role("navigation", name="Parts of this webhook")).to_be_visible(timeout=WAIT)
    expect(main.get_by_text(re.compile("^Changed "))).to_have_count(0)
    key.patch(path, {"events": ["item.deleted"], "url": receiver.url("/new")}).ok()
    missing = kuviq.publish("item.created")
    said = re.compile(rf"^Changed .*\d\d:\d\d.*, by key {re.escape(hostile)}: URL, events$")
    page.reload()
    expect(main.get_by_text(said)).to_be_visible(timeout=WAIT)
    # At the event, for who asks why it is missing.
    page.goto(page.url.split("/portal/")[0] + f"/portal/events/{missing}")
    card = page.get_by_role("list", name="Each webhook and what becomes of this event there").get_by_role("listitem")
    expect(card.get_by_text(said)).to_be_visible(timeout=WAIT)
    # The others who may have changed it.
    for api, by in ((kuviq.operator, "by the operator"), (kuviq.api.with_key(session(kuviq)), "in the portal")):
        api.patch(path, {"context": {"by": by}}).ok()
        page.reload()
        expect(card.get_by_text(re.compile(rf", {by}: context$"))).to_be_visible(timeout=WAIT)


def session(tenant: client.Tenant) -> str:
    made = tenant.api.post(tenant.path("/sessions"), {}).ok(201)
    return tenant.api.with_key(None).post("/v1/sessions/exchange", {"code": made["code"]}).ok(201)["token"]


def test_an_event_shows_its_payload_as_published_and_who_got_it(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), name="Good")
    event = kuviq.publish(data=b'{"price":1.50,"big":12345678901234567890}')
    delivery = kuviq.wait_for_status(event, "completed")
    page = open_page(kuviq, f"events/{event}")
    payload = page.get_by_role("region", name="Payload as it was published").first
    payload.get_by_role("button", name="Raw").click()
    expect(payload.locator("pre")).to_have_text('{"price":1.50,"big":12345678901234567890}')
    expect(tour.row_of(page, delivery["id"])).to_contain_text("Completed")
    card = page.get_by_role("list", name="Each webhook and what becomes of this event there").get_by_role("listitem").first
    expect(card).to_contain_text("Delivered", timeout=WAIT)


def test_the_search_finds_an_event_a_delivery_and_a_webhook(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    webhook = kuviq.new_webhook(receiver.url(), name="Good")
    delivery = kuviq.wait_for_status(kuviq.publish(id="order-1_created"), "completed")
    page = open_page(kuviq, "log")
    for wanted, path in ((delivery["eventId"], "events"), (delivery["id"], "deliveries"), (webhook["id"], "webhooks")):
        search(page, wanted)
        page.wait_for_url(lambda url, path=path: f"/portal/{path}/" in url)
    search(page, "nothing-has-this-id")
    expect(page.get_by_role("alert").filter(has_text='No event, delivery or webhook has the id "nothing-has-this-id"')).to_be_visible()


def test_a_session_that_only_reads_sees_no_control_that_writes(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver, address: str):
    good, bad, _ = one_of_each(kuviq, receiver)
    kuviq.wait_for_dead_letters(1)
    page = open_page(kuviq, "log", scopes=["webhooks:read", "deliveries:read"])
    main = page.get_by_role("main")
    writes = main.get_by_role("button").or_(main.get_by_role("link")).filter(has_text=re.compile("Retry|Resend|Redrive|Delete|Add|Edit|Create|Send"))
    for path in ("log", "dead-letters", "webhooks", f"deliveries/{bad['id']}", f"deliveries/{good['id']}", f"webhooks/{bad['webhookId']}"):
        page.goto(f"{address}/portal/{path}") if path != "log" else None
        # The list, or the first fact, is there: so would be the buttons.
        expect(main.get_by_role("row").first).to_be_visible(timeout=WAIT) if "/" not in path else expect(main.get_by_role("heading", level=2).first).to_be_visible(timeout=WAIT)
        assert writes.all_inner_texts() == [], path


def asked_by(page: Page) -> list[str]:
    """Fills with the calls of the API that the page makes from now on."""
    calls: list[str] = []

    def note(request: Request) -> None:
        if "/v1/" in request.url:
            calls.append(request.url)

    page.on("request", note)
    return calls


def hide(page: Page, hidden: bool) -> None:
    """As a browser does when the person goes to another tab, and back."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_refresh_announces_new_rows_and_leaves_the_focus_and_the_place(open_page: Callable[..., Page], page: Page, kuviq: client.Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), name="Good")
    old = [kuviq.publish() for _ in range(12)]
    rows = [kuviq.wait_for_status(event, "completed")["id"] for event in old]
    page.set_viewport_size({"width": 1280, "height": 400})
    page.clock.install()
    open_page(kuviq, "log")
    expect(page.locator("tbody tr")).to_have_count(12, timeout=WAIT)
    focused = tour.row_of(page, rows[0]).get_by_role("link").first
    focused.focus()
    before = page.evaluate("[scrollY, document.querySelector('main')?.scrollTop ?? 0]")
    assert max(before) > 0, "the page is not scrolled, so this test would see no jump"

    new = kuviq.wait_for_status(kuviq.publish(), "completed")["id"]
    page.clock.run_for(HALF_A_MINUTE)
    announced = page.get_by_role("status").get_by_role("button", name="1 new delivery: Show")
    expect(announced).to_be_visible(timeout=WAIT)
    expect(tour.row_of(page, new)).to_have_count(0)
    expect(focused).to_be_focused()
    assert page.evaluate("[scrollY, document.querySelector('main')?.scrollTop ?? 0]") == before

    announced.click()
    expect(page.locator("tbody tr").first).to_have_attribute("data-id", new)
    expect(announced).to_have_count(0)


def test_nothing_is_asked_while_the_page_is_hidden(open_page: Callable[..., Page], page: Page, kuviq: client.Tenant, receiver: Receiver):
    kuviq.new_webhook(receiver.url(), name="Good")
    delivery = kuviq.wait_for_status(kuviq.publish(), "completed")
    page.clock.install()
    open_page(kuviq, "log")
    expect(tour.row_of(page, delivery["id"])).to_be_visible(timeout=WAIT)
    page.wait_for_load_state("networkidle")
    hide(page, True)
    calls = asked_by(page)
    page.clock.run_for(4 * HALF_A_MINUTE)
    assert calls == []
    hide(page, False)
    page.clock.run_for(2_000)
    stack.eventually(lambda: page.wait_for_timeout(10) or any("/deliveries" in call for call in calls), 15, "the page to ask when it is seen again")
