"""The portal in a frame. The tests' stack names no frame ancestors: nobody may frame its pages."""

from playwright.sync_api import Page

from conftest import Watch
from support import stack


def test_a_page_that_is_not_named_cannot_frame_the_portal(page: Page, address: str, watch: Watch):
    for problem in ("frame-ancestors", "Refused to frame", "Framing"):
        watch.allow(problem)
    page.route(f"{watch.origin}host", lambda route: route.fulfill(content_type="text/html", body=f"<!doctype html><iframe src='{address}/portal/'></iframe>"))
    page.goto(f"{watch.origin}host")
    stack.eventually(lambda: page.wait_for_timeout(10) or any("frame-ancestors" in one or "Framing" in one for one in watch.wrong), 10, "the frame to be refused")
    assert page.frames[1].locator("#app").count() == 0
