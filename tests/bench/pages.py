#!/usr/bin/env python3
"""Measures the built pages in Chromium on a slow machine and network, three times, and prints the
medians as the table of docs/performance.md, "The pages". A stand-in answers the API at once, so
that the pages alone are measured, with as many rows as they show.

    python3 infra/local/console.py && .local/venv/bin/python tests/bench/pages.py
"""

import json
import os
import re
import statistics
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import chromium  # noqa: E402

DIST = ROOT / "functions" / "console" / "web" / "dist"
RUNS = 3
CPU_SLOW_DOWN = 4
# 1.6 Mbit/s down, 0.75 up, and 150 ms until an answer begins: a phone far from the next mast.
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
ROWS = 250
# Of the log: what it loads at once.
PAGE = 50
TIME = "2026-01-31T12:00:00.000Z"
ALL = ["webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry"]
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

# Before the page's own scripts: the largest paint so far, and each interaction's time until the
# next paint (Event Timing, which counts in steps of 8 ms and begins at 16 ms).
OBSERVE = """
globalThis.measured = { paint: 0, events: [] };
new PerformanceObserver((list) => { for (const one of list.getEntries()) measured.paint = one.startTime; }).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => { for (const one of list.getEntries()) if (one.interactionId) measured.events.push(one.duration); }).observe({ type: "event", durationThreshold: 16 });
"""


def webhook(number: int) -> dict:
    name = f"Webhook {number}"
    return {"id": f"wh_{number:020}", "tenantId": "acme", "name": name, "url": f"https://erp-{number}.example.com/hooks/postel/of/acme", "events": ["item.*"],
            "active": True, "state": "active", "contract": "kuviq", "overrides": {}, "createdAt": TIME, "updatedAt": TIME, "previousSecrets": []}  # fmt: skip


def counts(completed: int) -> dict:
    return {"pending": 0, "completed": completed, "failed": 1, "inProgress": 0, "lastTriggeredAt": TIME, "lastSuccessAt": TIME, "successRate": 0.99}


def delivery(number: int) -> dict:
    return {"id": f"dlv_{number:026}", "tenantId": "acme", "eventId": f"evt_{number:026}", "eventType": "item.created", "eventTimestamp": TIME,
            "webhookId": webhook(number % ROWS)["id"], "status": ("completed", "failed")[number % 5 == 0], "attempts": 1, "createdAt": TIME, "processedAt": TIME,
            "lastResponseCode": (200, 503)[number % 5 == 0], "lastDurationMs": 64, "lastTrigger": "automatic"}  # fmt: skip


WEBHOOKS = [webhook(number) for number in range(ROWS)]
DELIVERIES = [delivery(number) for number in range(ROWS)]
ANSWERS: dict[str, Any] = {
    "sessions/exchange": {"id": "ses_1", "token": "t", "tenantId": "acme", "scopes": ALL},
    "me": {"kind": "session", "tenantId": "acme", "tenantName": "Acme", "contract": "kuviq", "scopes": ALL, "version": "0", "limits": {"webhooks": {"used": ROWS, "allowed": ROWS}}},
    "tenants/acme/webhooks": {"items": WEBHOOKS},
    "tenants/acme/stats": counts(ROWS) | {"since": TIME, "complete": True, "webhooks": {one["id"]: counts(5) for one in WEBHOOKS}},
    "event-types": {"items": [{"name": "item.created", "description": "An item exists"}]},
}


class Answers(BaseHTTPRequestHandler):
    """The pages as the function `console` serves them, and the API."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.split("?")[0].removeprefix("/")
        if path.startswith("v1/"):
            found = ANSWERS.get(path.removeprefix("v1/"))
            if path.endswith("/deliveries"):
                start = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
                found = {"items": DELIVERIES[start : start + PAGE]} | ({"nextCursor": str(start + PAGE)} if start + PAGE < ROWS else {})
            return self._answer(200 if found else 404, "application/json", json.dumps(found or {"code": "not_found"}).encode())
        file = DIST / path.removeprefix("portal/") if "/assets/" in path else DIST / "portal.html"
        packed = file.with_name(f"{file.name}.gz")
        if packed.is_file():
            return self._answer(200, KINDS[file.suffix], packed.read_bytes(), ("content-encoding", "gzip"))
        body = file.read_bytes()
        return self._answer(200, KINDS[file.suffix], body.replace(b'"./assets/', b'"/portal/assets/') if file.suffix == ".html" else body)

    do_POST = do_GET

    def _answer(self, status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in [("content-type", kind), ("content-length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def opened(context: BrowserContext, url: str, slow: bool) -> Page:
    page = context.new_page()
    page.add_init_script(OBSERVE)
    if slow:
        tools = context.new_cdp_session(page)
        tools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOW_DOWN})
        tools.send("Network.enable")
        tools.send("Network.emulateNetworkConditions", NETWORK)
    page.goto(url)
    expect(page.get_by_role("row").nth(20)).to_be_visible(timeout=60_000)
    return page


def painted(browser: Browser, root: str) -> float:
    """From the session's link to the largest paint, in ms."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = opened(context, f"{root}#s=code", slow=True)
        page.wait_for_timeout(1000)
        return page.evaluate("measured.paint")
    finally:
        context.close()


def longest(page: Page, act: Callable[[Page], None]) -> float:
    """The slowest interaction of an act, in ms; 16 if all were faster than can be observed."""
    page.evaluate("measured.events.length = 0")
    act(page)
    page.wait_for_timeout(500)
    return max([16, *page.evaluate("measured.events")])


def open_menu(page: Page) -> None:
    page.get_by_role("button", name="Actions for Webhook 7", exact=True).click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")


def choose_theme(page: Page) -> None:
    page.get_by_role("button", name="Theme: as the system").click()


def open_log(page: Page) -> None:
    page.get_by_role("link", name="Event log").first.click()
    expect(page.get_by_role("row")).to_have_count(PAGE + 1, timeout=60_000)


def load_more(page: Page) -> None:
    for shown in range(PAGE, ROWS, PAGE):
        page.get_by_role("button", name=re.compile("more")).click()
        expect(page.get_by_role("row")).to_have_count(shown + PAGE + 1, timeout=60_000)


def choose_failed(page: Page) -> None:
    page.locator(".log-count", has_text="Failed").click()


ACTS = {
    f"a row's menu opens and closes, of {ROWS} webhooks": open_menu,
    f"the theme changes, with {ROWS} webhooks": choose_theme,
    f"the log opens, from {ROWS} webhooks": open_log,
    f"more of the log is loaded, up to {ROWS} rows": load_more,
    f"a filter of the log is chosen, of {ROWS} rows": choose_failed,
}


def interacted(browser: Browser, root: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    try:
        page = opened(context, f"{root}#s=code", slow=False)
        return {name: longest(page, act) for name, act in ACTS.items()}
    finally:
        context.close()


def main() -> None:
    if not (DIST / "portal.html").is_file():
        sys.exit("the pages are not built; run: python3 infra/local/console.py")
    path = chromium.find()
    if path is None:
        sys.exit(chromium.MISSING)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/portal/"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        paints = [painted(browser, root) for _ in range(RUNS)]
        acts = [interacted(browser, root) for _ in range(RUNS)]
        print(f"Chromium {browser.version}, medians of {RUNS}\n")
        browser.close()
    server.shutdown()
    print("| measure | budget | measured |\n|---|---|---|")
    print(f"| largest paint of the first view, {ROWS} webhooks, CPU slowed down {CPU_SLOW_DOWN} times, 1.6 Mbit/s | 1.5 s | {statistics.median(paints) / 1000:.1f} s |")
    for name in ACTS:
        print(f"| {name} | 200 ms | {statistics.median(one[name] for one in acts):.0f} ms |")


if __name__ == "__main__":
    main()
