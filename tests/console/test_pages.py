"""The pages' files as the deployed function answers them, and both pages in the browser."""

import gzip
import re

import pytest
from playwright.sync_api import Page, expect

from conftest import Watch
from support import client, stack


@pytest.fixture
def anybody(operator: client.Api) -> client.Api:
    return operator.with_key(None)


def assets(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="\./(assets/[^"]+)"', html)


@pytest.mark.parametrize("name", ["portal", "console"])
def test_an_entry_page_and_its_files_are_served_without_a_key(anybody: client.Api, name: str):
    entry = anybody.get(f"/{name}/")
    assert (entry.status, entry.headers["content-type"], entry.headers["cache-control"]) == (200, "text/html; charset=utf-8", "no-cache")
    named = assets(entry.raw.decode())
    assert any(file.endswith(".js") for file in named) and any(file.endswith(".css") for file in named)
    for file in named:
        plain = anybody.get(f"/{name}/{file}")
        assert (plain.status, plain.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        packed = anybody.call("GET", f"/{name}/{file}", headers={"accept-encoding": "gzip"})
        if packed.headers.get("content-encoding") == "gzip":
            assert gzip.decompress(packed.raw) == plain.raw
        known = anybody.call("GET", f"/{name}/{file}", headers={"if-none-match": plain.headers["etag"]})
        assert (known.status, known.raw) == (304, b"")


def test_head_answers_as_get_without_the_body(anybody: client.Api):
    for path in ("/portal", "/portal/", "/console", "/console/t/acme", "/portal/assets/unknown.js"):
        of_get, of_head = anybody.get(path), anybody.call("HEAD", path)
        assert (of_head.status, of_head.raw) == (of_get.status, b"")
        assert of_head.headers["content-security-policy"] == of_get.headers["content-security-policy"]


def test_a_page_without_the_slash_leads_to_the_page(anybody: client.Api):
    for name in ("portal", "console"):
        answer = anybody.get(f"/{name}")
        assert (answer.status, answer.headers["location"]) == (308, f"{name}/")


@pytest.mark.parametrize("path", ["assets/../../v1/tenants", "assets/%2e%2e/portal.html", "..%2f..%2fetc%2fpasswd", "a%00b", "a%5c..%5cb", ".env"])
def test_what_is_no_file_of_ours_is_not_found_and_has_the_same_headers(anybody: client.Api, path: str):
    # Of the console, which nobody may frame: what is no address of the portal has that policy.
    answer, page = anybody.get(f"/portal/{path}"), anybody.get("/console/")
    assert answer.status == 404
    for name in ("content-security-policy", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "permissions-policy"):
        assert answer.headers[name] == page.headers[name]
    assert "set-cookie" not in answer.headers


def test_the_console_may_not_be_framed_and_the_portal_by_those_who_are_named(anybody: client.Api):
    ancestors = stack.parameter("PortalFrameAncestors").replace(",", " ") or "'none'"
    assert f"frame-ancestors {ancestors};" in anybody.get("/portal/").headers["content-security-policy"]
    assert "frame-ancestors 'none';" in anybody.get("/console/").headers["content-security-policy"]


@pytest.mark.parametrize("path", ["portal/assets/unknown.js", "portal/files.txt", "console/assets/", "console/favicon.ico"])
def test_an_unknown_file_is_not_found_and_has_the_headers_of_its_page(anybody: client.Api, path: str):
    answer, page = anybody.get(f"/{path}"), anybody.get(f"/{path.split('/')[0]}/")
    assert answer.status == 404
    assert answer.headers["content-security-policy"] == page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["portal/", "portal/webhooks/wh_1/edit", "portal/deliveries/x.y", "console/", "console/t/acme/webhooks/new", "portal"])
def test_a_page_opens_at_every_depth(page: Page, address: str, path: str):
    """Without a session it says so: all files were found, and the policy let them run."""
    page.goto(f"{address}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_link_that_was_used_says_so_and_its_code_is_gone(page: Page, address: str):
    page.goto(f"{address}/portal#s=unknown")
    expect(page.get_by_role("heading", name="This link cannot be used")).to_be_visible()
    assert "unknown" not in page.url and page.url.endswith("/portal/")


def test_an_injected_script_does_not_run(page: Page, address: str, watch: Watch):
    page.goto(f"{address}/portal/")
    watch.allow("script-src")
    watch.allow("require-trusted-types-for")
    watch.allow("Content Security Policy")
    watch.allow("TrustedScript")
    watch.allow("TrustedHTML")
    ran = page.evaluate("""() => {
        const script = document.createElement("script");
        script.append("window.injected = true");
        document.body.append(script);
        let markup = false;
        try { document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.injected = true'>"); markup = true; } catch {}
        return [Boolean(window.injected), markup];
    }""")
    assert ran == [False, False]
    stack.eventually(lambda: page.wait_for_timeout(10) or watch.violations, 10, "the violations to be reported")
