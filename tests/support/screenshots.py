#!/usr/bin/env python3
"""Takes the screenshots of docs/console.md from a local stack that is up: fills it as `make run`
does, opens the pages in Chromium, and writes docs/images.

    make up && .local/venv/bin/python tests/support/screenshots.py
"""

import os
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "infra" / "local")]

import seed  # noqa: E402
from show import Api  # noqa: E402

from support import chromium, stack  # noqa: E402

IMAGES = ROOT / "docs" / "images"
TENANT = "demo-kuviq"
# Wide enough for every column, and small enough to be read in a page.
SIZE = {"width": 1200, "height": 640}
# Of each file: README's page loads one.
MAX_BYTES = 120_000
PATIENCE = 60_000


def settled(page: Page) -> None:
    # Not the heading of the page that signs in.
    expect(page.locator("main .page").get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE)
    page.wait_for_load_state("networkidle", timeout=PATIENCE)
    expect(page.locator("main [aria-busy=true], main .skeleton")).to_have_count(0, timeout=PATIENCE)
    # A count that is still read.
    expect(page.get_by_text("…", exact=True)).to_have_count(0, timeout=PATIENCE)


def taken(page: Page, name: str) -> None:
    settled(page)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}: {size} bytes")
    if size > MAX_BYTES:
        sys.exit(f"{path.name} is larger than {MAX_BYTES} bytes; show less of the page")


def retried(api: Api) -> str:
    """A delivery that failed some times and then succeeded."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for one in api.call("GET", f"/v1/tenants/{TENANT}/deliveries?limit=250&status=completed")["items"]:
            if one["attempts"] > 1:
                return one["id"]
        time.sleep(1)
    sys.exit("no delivery of the seed has succeeded at a later attempt within 2 minutes; is the stack well?")


def main() -> None:
    path = chromium.find()
    if path is None:
        sys.exit(chromium.MISSING)
    outputs = stack.outputs()
    address = outputs["apiUrl"].rstrip("/")
    api = Api(address, outputs["operatorKey"])
    if all(tenant["id"] != TENANT for tenant in api.call("GET", "/v1/tenants")["items"]):
        seed.plant(api)
    delivery = retried(api)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        options = {"viewport": SIZE, "color_scheme": "light", "locale": "en-GB", "timezone_id": "UTC"}
        portal = browser.new_context(**options).new_page()
        portal.goto(f"{address}/portal/#s={api.call('POST', f'/v1/tenants/{TENANT}/sessions', {})['code']}")
        taken(portal, "portal-webhooks")
        portal.goto(f"{address}/portal/deliveries/{delivery}")
        taken(portal, "portal-delivery")
        console = browser.new_context(**options).new_page()
        console.goto(seed.sign_in(address, outputs["operatorKey"]))
        taken(console, "console-overview")
        browser.close()


if __name__ == "__main__":
    main()
