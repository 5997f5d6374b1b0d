"""Dead letters, jobs that redrive many, and a webhook that was switched off, in the portal."""

import re
from typing import Callable

from playwright.sync_api import Locator, Page, expect

import tour
from support import client, stack
from support.receiver import Receiver

WAIT = 30_000


def refused(tenant: client.Tenant, receiver: Receiver, count: int) -> list[dict]:
    """So many dead letters of one webhook, whose receiver is well again."""
    receiver.answer(403)
    tenant.new_webhook(receiver.url(), name="Shop")
    for _ in range(count):
        tenant.publish()
    found = tenant.wait_for_dead_letters(count)
    receiver.answer(200)
    return found


def test_one_dead_letter_is_redriven_and_one_deleted(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    again, gone = refused(kuviq, receiver, 2)
    page = open_page(kuviq, "dead-letters")
    expect(tour.row_of(page, again["id"])).to_contain_text("Refused", timeout=WAIT)

    tour.row_of(page, again["id"]).get_by_role("button", name="Redrive item.created").click()
    expect(tour.row_of(page, again["id"])).to_contain_text("Redriven")
    expect(tour.row_of(page, again["id"]).get_by_role("button", name="Redrive item.created")).to_have_count(0)
    receiver.wait(3)

    tour.row_of(page, gone["id"]).get_by_role("button", name="Actions for item.created").click()
    page.get_by_role("menuitem", name="Delete").click()
    asked = page.get_by_role("alertdialog", name="Delete this dead letter?")
    expect(asked).to_contain_text("Shop")
    asked.get_by_role("button", name="Cancel").click()
    expect(tour.row_of(page, gone["id"])).to_be_visible()
    tour.row_of(page, gone["id"]).get_by_role("button", name="Actions for item.created").click()
    page.get_by_role("menuitem", name="Delete").click()
    asked.get_by_role("button", name="Delete dead letter").click()
    expect(tour.row_of(page, gone["id"])).to_have_count(0)
    assert gone["id"] not in [letter["id"] for letter in kuviq.dead_letters()]
    assert len(receiver.requests()) == 3


def test_many_are_counted_redriven_and_stopped_on_the_way(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    refused(kuviq, receiver, 12)
    page = open_page(kuviq, "dead-letters")
    page.get_by_role("button", name="Redrive many").click()
    dialog = page.get_by_role("dialog", name="Redrive dead letters")
    start = dialog.get_by_role("button", name="Start redrive")
    expect(start).to_have_attribute("aria-disabled", "true")

    dialog.get_by_label("Rate").fill("501")
    expect(dialog.get_by_text("A whole number from 1 to 500.")).to_be_visible()
    dialog.get_by_label("Rate").fill("1")
    dialog.get_by_label("Event type").fill("item.other")
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text("Nothing matches: there is nothing to redrive.")).to_be_visible(timeout=WAIT)
    dialog.get_by_label("Event type").fill("item.created")
    expect(dialog.get_by_text("The choice has changed: count again.")).to_be_visible()
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text("12 dead letters are sent again.")).to_be_visible(timeout=WAIT)
    expect(start).to_have_attribute("aria-disabled", "false")
    start.click()

    page.wait_for_url("**/portal/redrives/*")
    expect(page.get_by_text("It is running:")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("progressbar", name="Progress")).to_be_visible()
    page.reload()
    expect(page.get_by_text("It is running:")).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="Stop redrive").click()
    asked = page.get_by_role("alertdialog", name="Stop this redrive?")
    asked.get_by_role("button", name="Stop redrive").click()
    expect(page.get_by_text("It was stopped:")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("button", name="Stop redrive")).to_have_count(0)

    (job,) = kuviq.api.get(kuviq.path("/redrives")).ok()["items"]
    assert job["status"] == "cancelled" and job["ratePerSecond"] == 1
    page.get_by_role("link", name="Redrives").first.click()
    expect(tour.row_of(page, job["id"])).to_contain_text("Stopped", timeout=WAIT)


def test_a_redrive_is_followed_to_its_end(open_page: Callable[..., Page], kuviq: client.Tenant, receiver: Receiver):
    refused(kuviq, receiver, 2)
    job = kuviq.api.post(kuviq.path("/redrives"), {}).ok(202)
    page = open_page(kuviq, f"redrives/{job['id']}")
    expect(page.get_by_text("It is done: 2 were sent again.")).to_be_visible(timeout=WAIT)
    expect(page.get_by_text("100 %")).to_be_visible()
    receiver.wait(4)


def test_a_webhook_that_was_switched_off_says_why_and_is_enabled_again(open_page: Callable[..., Page], receiver: Receiver):
    kliq = client.new_tenant("kliq")
    receiver.answer(500)
    webhook = kliq.new_webhook(receiver.url(), name="Shop", overrides={"retryDelaysSeconds": []})
    kliq.publish()
    stack.eventually(lambda: not kliq.webhook(webhook["id"])["active"], what="the webhook to be switched off")

    page = open_page(kliq, f"webhooks/{webhook['id']}")
    banner = page.get_by_role("main").locator(".notice").filter(has_text="Switched off")
    expect(banner).to_contain_text("The last retry of a delivery failed, too.", timeout=WAIT)
    expect(page.get_by_text(re.compile(r"^Changed .*, by Postel: on or off$"))).to_be_visible()
    banner.get_by_role("button", name="Enable").click()
    expect(banner).to_have_count(0)
    now = kliq.webhook(webhook["id"])
    assert now["active"] is True and "disabledReason" not in now
