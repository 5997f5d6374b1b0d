"""What the first view asks for, and that nobody loads another language. Sizes: `budget.mjs`, which
`console.py check` runs; speeds: `tests/bench/pages.py`."""

from typing import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Request

import tour
from support import client


class Requests:
    """What a page has asked for since the last look."""

    def __init__(self, page: Page, address: str) -> None:
        self._address = address
        self._seen: list[str] = []
        page.on("request", self._sent)

    def _sent(self, request: Request) -> None:
        path = request.url.removeprefix(self._address).split("?")[0].split("#")[0]
        self._seen.append(f"{request.method} {path}")

    def taken(self) -> tuple[list[str], list[str]]:
        """Files, and calls of the API."""
        seen, self._seen = self._seen, []
        return [one for one in seen if "/v1/" not in one], [one for one in seen if "/v1/" in one]


@pytest.mark.parametrize(("locale", "other"), [("en-GB", "de"), ("de-DE", "en")])
def test_the_first_view_is_the_page_with_three_files_and_two_reads(new_context: Callable[..., BrowserContext], tenant: client.Tenant, address: str, portal_link: Callable[..., str], locale: str, other: str):
    tenant.new_webhook("postel:inbox", name="ERP")
    page = new_context(locale=locale).new_page()
    requests = Requests(page, address)
    page.goto(portal_link(tenant))
    tour.settled(page)
    page.get_by_role("link", name="ERP").first.wait_for()
    files, calls = requests.taken()
    assert files[0] == "GET /portal/" and len(files[1:]) == 3, files
    assert not any(f"/{other}-" in file for file in files), "texts of the other language"
    # The link's code becomes a session once in a browser's tab.
    sign_in, reads = calls[:2], calls[2:]
    assert sign_in == ["POST /v1/sessions/exchange", "GET /v1/me"]
    assert sorted(reads) == [f"GET /v1/tenants/{tenant.id}/stats", f"GET /v1/tenants/{tenant.id}/webhooks"]


def test_every_page_of_the_portal_is_read_in_one_language(new_context: Callable[..., BrowserContext], address: str, portal_link: Callable[..., str]):
    scene = tour.empty_scene()
    page = new_context(locale="de-DE").new_page()
    requests = Requests(page, address)
    for _ in tour.walk(page, address, portal_link(scene.tenant), ["log", "verify", "help", "webhooks/new", "keys"], "portal"):
        pass
    files, _ = requests.taken()
    assert any("-texts-de" in file for file in files)
    assert [file for file in files if "/en-" in file or "-texts-en" in file] == []
    assert [file for file in files if "operator" in file] == [], "the portal loads pages of the operator"
