"""Each page in each state that an answer can bring it into. The answers are made here."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

import tour
from conftest import Watch
from support import stack
from support.receiver import Receiver, Reply

WAIT = 20_000


@dataclass(frozen=True)
class View:
    """A page: its path, the call that it lives of, and its words where there is nothing yet."""

    path: str
    call: str
    empty: str | None = None
    filtered: str | None = None
    refreshes: bool = True


TENANT = r"/v1/tenants/[^/]+"
PORTAL = [
    View("webhooks", rf"{TENANT}/webhooks\?limit=250$", "No webhooks yet"),
    View("log", rf"{TENANT}/deliveries\?limit=50", "No deliveries yet", "status=failed"),
    View("events", rf"{TENANT}/events\?", "No events yet", "wanted=false"),
    View("dead-letters", rf"{TENANT}/dead-letters\?", "No dead letters", "reason=gone"),
    View("redrives", rf"{TENANT}/redrives$", "No redrives yet"),
    View("event-types", r"/v1/event-types\?", "The catalogue is empty", refreshes=False),
    View("verify", rf"{TENANT}/webhooks\?", refreshes=False),
    View("keys", rf"{TENANT}/keys", "No keys yet"),
    View("help", rf"{TENANT}/webhooks\?", refreshes=False),
    View("webhooks/{webhook}", rf"{TENANT}/webhooks/[^/?]+$"),
    View("webhooks/{webhook}/edit", rf"{TENANT}/webhooks/[^/?]+$", refreshes=False),
    View("deliveries/{delivery}", rf"{TENANT}/deliveries/[^/?]+$"),
    View("events/{event}", rf"{TENANT}/events/[^/?]+$"),
    View("redrives/{redrive}", rf"{TENANT}/redrives/[^/?]+$"),
]
CONSOLE = [
    View("", r"/v1/dead-letters", refreshes=False),
    View("tenants", r"/v1/tenants\?", "No tenants yet"),
    View("dead-letters", r"/v1/dead-letters", "No dead letters", "reason=gone"),
    View("contracts", r"/v1/contracts\?"),
    View("contracts/standard", r"/v1/contracts/standard$", refreshes=False),
    View("event-types", r"/v1/event-types\?", "The catalogue is empty", refreshes=False),
]
VIEWS = {"portal": PORTAL, "console": CONSOLE}


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> Callable[[Route], None]:
    """An answer of the API that is no success."""
    body = {"type": "about:blank", "title": detail, "status": status, "code": code, "detail": detail, "requestId": "req-to-quote"} | more
    return lambda route: route.fulfill(status=status, content_type="application/problem+json", headers=headers or {}, body=json.dumps(body))


@dataclass
class Api:
    """The API behind a page. What `on` names is answered here, everything else by the stack."""

    page: Page
    answers: dict[str, Callable[[Route], None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.route("**/v1/**", self._answer)

    def on(self, call: str, answer: Callable[[Route], None]) -> None:
        self.answers = {call: answer}

    def off(self) -> None:
        self.answers = {}

    def _answer(self, route: Route) -> None:
        asked = f"{route.request.method} {route.request.url}"
        self.calls.append(asked)
        for call, answer in self.answers.items():
            if re.search(call, asked):
                return answer(route)
        route.continue_()


@pytest.fixture(scope="module")
def scene() -> Iterator[tour.Scene]:
    with Receiver() as receiver:
        yield tour.make_scene(receiver, Reply(400, {"content-type": "application/json"}, b'{"error":"no such order"}'))


@pytest.fixture
def api(page: Page) -> Api:
    return Api(page)


@pytest.fixture(params=["portal", "console"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def enter(page: Page, scene: tour.Scene, portal_link, console_link, address: str) -> Callable[..., None]:
    """Signs in, on a page that is none of those that are looked at."""

    def go(kind: str = "portal", at: str = "nowhere", **session: Any) -> None:
        link = portal_link(scene.tenant, **session) if kind == "portal" else console_link()
        page.goto(link.replace(f"/{kind}/#", f"/{kind}/{at}#"))
        tour.settled(page)

    return go


OPEN = """(url) => {
    for (const page of document.querySelectorAll("main .page")) page.dataset.before = "";
    history.pushState(null, "", url);
    dispatchEvent(new PopStateEvent("popstate"));
}"""


@pytest.fixture
def show(page: Page, scene: tour.Scene, address: str) -> Callable[..., Locator]:
    """Opens a page as its own links do; answers its content."""

    def go(kind: str, view: View, query: str = "") -> Locator:
        path = path_of(view, scene)
        page.evaluate(OPEN, f"{address}/{kind}/{path}{query}")
        if not query:
            expect(page.locator("main .page:not([data-before])")).to_be_visible(timeout=WAIT)
        return page.get_by_role("main")

    return go


def path_of(view: View, scene: tour.Scene) -> str:
    return view.path.format(webhook=(*scene.webhooks, "")[0], delivery=scene.delivery, event=scene.event, redrive=scene.redrive)


def asked(api: Api, call: str) -> list[str]:
    """The calls so far that this one is."""
    return [one for one in api.calls if re.search(call, one)]


def fine(main: Locator) -> None:
    """The page shows what it is about."""
    expect(main.get_by_role("heading", level=1)).to_be_visible(timeout=WAIT)
    expect(main.locator("[aria-busy=true]")).to_have_count(0, timeout=WAIT)
    expect(main.locator(".state[role=alert]")).to_have_count(0)


# ---- nothing comes, or nothing good ----


def test_a_failure_can_be_quoted_and_repeated_and_is_not_taken_for_emptiness(api: Api, enter, show, kind: str):
    enter(kind)
    for view in VIEWS[kind]:
        api.on(view.call, problem(500, "internal_error", "Something went wrong."))
        main = show(kind, view)
        alert = main.locator(".state[role=alert]").first
        expect(alert, view.path).to_contain_text("This could not be loaded", timeout=WAIT)
        expect(alert).to_contain_text("Code internal_error")
        expect(alert).to_contain_text("req-to-quote")
        expect(main.get_by_role("alert").filter(has_text="Postel does not answer as it should")).to_have_count(1)
        if view.empty:
            expect(main.get_by_role("heading", name=view.empty)).to_have_count(0)
        api.off()
        alert.get_by_role("button", name="Try again").click()
        fine(main)


def test_a_missing_right_is_named(api: Api, enter, show, kind: str):
    enter(kind)
    for view in VIEWS[kind]:
        api.on(view.call, problem(403, "forbidden", "This key lacks the scope deliveries:read."))
        alert = show(kind, view).locator(".state[role=alert]").first
        expect(alert, view.path).to_contain_text("does not have the right deliveries:read", timeout=WAIT)
        expect(alert.get_by_role("button", name="Try again")).to_have_count(0)


def test_what_is_gone_says_so_in_the_same_words_and_leads_to_the_list(api: Api, enter, show):
    enter()
    for view in [one for one in PORTAL if "{" in one.path]:
        api.on(view.call, problem(404, "not_found", "There is none."))
        main = show("portal", view)
        alert = main.locator(".state[role=alert]").first
        expect(alert, view.path).to_contain_text("This does not exist any more, or it belongs to somebody else.", timeout=WAIT)
        expect(alert.get_by_role("link")).to_have_count(1)
        expect(alert.get_by_role("button", name="Try again")).to_have_count(0)


def test_emptiness_says_what_it_is_and_filters_can_be_cleared(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    nothing = lambda route: route.fulfill(json={"items": []})  # noqa: E731
    for view in [one for one in VIEWS[kind] if one.empty]:
        api.on(view.call, nothing)
        main = show(kind, view)
        expect(main.get_by_role("heading", name=view.empty, level=2), view.path).to_be_visible(timeout=WAIT)
        expect(main.get_by_text("Nothing matches")).to_have_count(0)
        if view.filtered:
            main = show(kind, view, f"?{view.filtered}")
            expect(main.get_by_role("heading", name="Nothing matches"), view.path).to_be_visible(timeout=WAIT)
            main.get_by_role("button", name="Clear filters").last.click()
            expect(main.get_by_role("heading", name=view.empty, level=2)).to_be_visible()
            assert view.filtered not in page.url


def test_what_is_shown_stays_with_its_age_when_a_refresh_fails(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    for view in [one for one in VIEWS[kind] if one.refreshes]:
        api.off()
        main = show(kind, view)
        fine(main)
        known = main.locator("tbody th, dd").first
        before = known.inner_text()
        api.on(view.call, problem(503, "unavailable", "Not now."))
        page.get_by_role("button", name=re.compile("^Refreshed")).click()
        stale = main.get_by_role("status").filter(has_text="This could not be refreshed. What you see is from")
        expect(stale.first, view.path).to_be_visible(timeout=WAIT)
        assert known.inner_text() == before
        api.off()
        stale.first.get_by_role("button", name="Try again").click()
        expect(stale).to_have_count(0)


def test_without_an_answer_the_page_says_so_and_goes_on_by_itself(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    page.clock.install()
    for view in VIEWS[kind]:
        api.on("/v1/", lambda route: route.abort("connectionrefused"))
        main = show(kind, view)
        expect(main.locator(".notice").filter(has_text="You are offline"), view.path).to_be_visible(timeout=WAIT)
        api.off()
        # After two seconds, then later and later.
        page.clock.run_for(2_500)
        fine(main)
        expect(main.locator(".notice").filter(has_text="You are offline")).to_have_count(0)


def test_a_failure_is_repeated_later_and_later(page: Page, api: Api, enter, show):
    enter()
    page.clock.install()
    api.on(PORTAL[0].call, problem(500, "internal_error", "Something went wrong."))
    main = show("portal", PORTAL[0])

    for number, seconds in enumerate((2, 4, 8), 1):
        stack.eventually(lambda: page.wait_for_timeout(10) or len(asked(api, PORTAL[0].call)) == number, 10, f"{number} questions")
        expect(main.locator(".state[role=alert]")).to_be_visible()
        page.clock.run_for((seconds - 1) * 1000)
        assert len(asked(api, PORTAL[0].call)) == number, f"repeated before {seconds} s"
        page.clock.run_for(1_500)


# ---- it takes long, or has to wait ----


def test_a_page_that_waits_is_busy_then_a_skeleton_then_says_that_it_still_works(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(seconds=5))
    for view in VIEWS[kind]:
        held: list[Route] = []
        api.on(view.call, held.append)
        main = show(kind, view)
        busy = main.locator("[aria-busy=true]").first
        # The page's name is there before its data.
        expect(main.get_by_role("heading", level=1), view.path).to_be_visible(timeout=WAIT)
        expect(busy).to_have_role("status")
        page.clock.run_for(100)
        expect(busy.locator(".skeleton")).to_be_hidden()
        page.clock.run_for(200)
        expect(busy.locator(".skeleton")).to_be_visible()
        expect(busy.get_by_text("Still working")).to_have_count(0)
        page.clock.run_for(5_000)
        expect(busy.get_by_text("Still working. This takes longer than usual.")).to_be_visible()
        stack.eventually(lambda: page.wait_for_timeout(10) or held, 10, "the call")
        api.off()
        for route in held:
            route.continue_()
        stack.eventually(lambda: page.clock.run_for(50) or main.locator("[aria-busy=true]").count() == 0, 20, f"the data of {view.path}")
        fine(main)


def test_a_read_beyond_the_limit_waits_visibly_and_is_repeated_once(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    page.clock.install()
    for view in VIEWS[kind]:
        api.calls.clear()
        api.on(view.call, problem(429, "rate_limit_exceeded", "Too many.", {"retry-after": "7"}))
        main = show(kind, view)
        waiting = main.get_by_role("status").filter(has_text="The limit of requests is reached. The page goes on in")
        expect(waiting, view.path).to_be_visible(timeout=WAIT)
        before = len(asked(api, view.call))
        page.clock.run_for(4_000)
        assert len(asked(api, view.call)) == before, view.path
        expect(waiting).to_contain_text(re.compile("in [1-4] s"))
        api.off()
        page.clock.run_for(4_500)
        fine(main)
        expect(waiting).to_have_count(0)


def test_nothing_moves_when_the_data_come(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    page.evaluate("new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.moved += one.value))).observe({ type: 'layout-shift' })")
    for view in VIEWS[kind]:
        held: list[Route] = []
        api.on(view.call, held.append)
        main = show(kind, view)
        expect(main.locator(".skeleton").first).to_be_visible(timeout=WAIT)
        page.evaluate("window.moved = 0")
        api.off()
        stack.eventually(lambda: page.wait_for_timeout(10) or held, 10, "the call")
        for route in held:
            route.continue_()
        fine(main)
        # What Core Web Vitals call good.
        assert page.evaluate("window.moved") <= 0.1, view.path


# ---- another deployment ----


def test_a_newer_deployment_offers_the_page_anew(page: Page, api: Api, enter, show, kind: str):
    enter(kind)
    main = page.get_by_role("main")
    view = VIEWS[kind][1]
    expect(main.get_by_text("There is a newer version of this page.")).to_have_count(0)

    def newer(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"postel-version": "99.0.0"})

    api.on(view.call, newer)
    show(kind, view)
    notice = main.locator(".notice").filter(has_text="There is a newer version of this page.")
    expect(notice).to_be_visible(timeout=WAIT)
    api.off()
    with page.expect_navigation():
        notice.get_by_role("button", name="Reload").click()
    fine(main)
    expect(notice).to_have_count(0)


def test_a_page_whose_file_is_gone_offers_to_reload_and_the_others_work(page: Page, enter, show, watch: Watch, scene: tour.Scene, address: str):
    watch.allow("/portal/assets/")
    enter()
    page.route("**/assets/**", lambda route: route.fulfill(status=404, body="There is no such file."))
    page.get_by_role("link", name="API keys").click()
    alert = page.get_by_role("main").get_by_role("alert")
    expect(alert.get_by_role("heading", name="This page has failed", level=1)).to_be_visible(timeout=WAIT)
    page.get_by_role("link", name="Webhooks").first.click()
    fine(page.get_by_role("main"))
    page.unroute("**/assets/**")
    page.get_by_role("link", name="API keys").click()
    with page.expect_navigation():
        alert.get_by_role("button", name="Reload").click()
    fine(page.get_by_role("main"))


# ---- a change is refused ----


@dataclass(frozen=True)
class Refused:
    """What a person does, what the API says to it, and where the page has to say it."""

    path: str
    call: str
    status: int
    code: str
    detail: str
    says: str
    field: str | None = None


REFUSED = [
    Refused("webhooks/new", "POST .*/webhooks$", 422, "invalid_url", "Not this URL.", "Not this URL.", "url"),
    Refused("webhooks/new", "POST .*/webhooks$", 422, "invalid_name", "Not this name.", "Not this name.", "name"),
    Refused("webhooks/new", "POST .*/webhooks$", 409, "webhook_limit", "There are 25 webhooks.", "There are 25 webhooks."),
    Refused("webhooks/new", "POST .*/webhooks$", 429, "rate_limit_exceeded", "No.", "so nothing was changed"),
    Refused("webhooks/new", "POST .*/webhooks$", 403, "forbidden", "This key lacks the scope webhooks:write.", "the right webhooks:write"),
    Refused("webhooks/new", "POST .*/webhooks$", 500, "internal_error", "No.", "Code internal_error"),
    Refused("webhooks/{webhook}/edit", "PATCH .*/webhooks/", 412, "precondition_failed", "No.", "else has changed this webhook"),
]


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: f"{one.status}-{one.code}")
def test_a_refused_change_is_said_where_it_was_made_and_not_repeated(page: Page, api: Api, enter, scene: tour.Scene, one: Refused):
    enter(at=path_of(View(one.path, ""), scene))
    api.on(one.call, problem(one.status, one.code, one.detail, {"retry-after": "1"}, **({"field": one.field} if one.field else {})))
    form = page.locator("main form")
    form.locator("input[name=name]").fill("Typed by hand")
    if one.path.endswith("new"):
        form.locator("input[name=url]").fill("postel:inbox")
        form.get_by_role("switch", name="All events").check()
    form.locator("button[type=submit]").click()
    expect(form.get_by_role("alert").filter(has_text=one.says).first).to_be_visible(timeout=WAIT)
    if one.field:
        wrong = form.locator(f"input[name={one.field}]")
        expect(wrong).to_have_attribute("aria-invalid", "true")
        expect(form.locator(f"[data-field={one.field}] .field-error")).to_have_text(one.says)
    expect(form.locator("input[name=name]")).to_have_value("Typed by hand")
    stack.for_a_while(lambda: page.wait_for_timeout(50) or len(asked(api, one.call)) == 1, 1.2, "one question")


def test_a_session_that_ends_in_a_form_loses_nothing(page: Page, api: Api, enter, portal_link, scene: tour.Scene):
    enter(at="webhooks/new")
    page.locator("input[name=name]").fill("Typed by hand")
    page.locator("input[name=url]").fill("postel:inbox")
    page.get_by_role("switch", name="All events").check()
    api.on("POST .*/webhooks$", problem(401, "unauthorized", "The session has ended."))
    page.locator("main form button[type=submit]").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible(timeout=WAIT)
    api.off()
    dialog.get_by_label("New link").fill(portal_link(scene.tenant))
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("input[name=name]")).to_have_value("Typed by hand")
    assert page.url.endswith("/webhooks/new")


# ---- part of it, or much of it ----


def changed(change: Callable[[Any], None]) -> Callable[[Route], None]:
    """The stack's own answer with a change."""

    def answer(route: Route) -> None:
        given = route.fetch()
        body = given.json()
        change(body)
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    return answer


def test_counts_that_are_not_complete_say_at_least(api: Api, enter, show):
    enter()
    api.on("/stats", changed(lambda body: body.update(complete=False, failed=20_000)))
    main = show("portal", PORTAL[1])
    expect(main.get_by_role("link", name="Failed at least 20,000")).to_be_visible(timeout=WAIT)
    main = show("portal", PORTAL[0])
    expect(main.get_by_role("cell").filter(has_text="at least").first).to_be_visible(timeout=WAIT)


def test_a_long_list_is_shown_whole_and_the_page_answers(page: Page, api: Api, enter, show, kind: str):
    def many(body: Any) -> None:
        first = body["items"][0]
        body["items"] = [first | {name: f"{first[name]}{number}" for name in ("id", "type", "name") if name in first and (name != "type" or "id" not in first)} for number in range(250)]
        body.pop("nextCursor", None)

    enter(kind)
    page.evaluate("new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.longest = Math.max(window.longest, one.duration)))).observe({ type: 'longtask' })")
    for view in [one for one in VIEWS[kind] if one.empty and one.path != "event-types"]:
        page.evaluate("window.longest = 0")
        api.on(view.call, changed(many))
        main = show(kind, view)
        expect(main.locator("tbody tr"), view.path).to_have_count(250, timeout=WAIT)
        # Much is allowed: other tests share the machine. A freeze is longer.
        assert page.evaluate("window.longest") < 10_000, view.path
        menu = main.get_by_role("button", name=re.compile("^Actions for")).last
        if menu.count():
            menu.click()
            expect(page.get_by_role("menu")).to_be_visible()
            page.keyboard.press("Escape")


def test_a_large_body_is_a_closed_tree_and_its_text_comes_in_parts(page: Page, api: Api, enter, show):
    deep = "[" * 128 + "1" + "]" * 128
    large = json.dumps({f"member {number}": {"text": "x" * 80, "list": [1, 2, 3]} for number in range(2_000)})
    body = f'{{"deep":{deep},"large":{large}}}'
    assert len(body) > 250_000

    def fill(delivery: Any) -> None:
        delivery["request"]["body"] = body

    enter()
    api.on(PORTAL[11].call, changed(fill))
    region = show("portal", PORTAL[11]).get_by_role("region", name="Request", exact=True)
    expect(region.get_by_role("button", name="large", exact=False).first).to_have_attribute("aria-expanded", "false", timeout=WAIT)
    assert region.locator("[aria-expanded=true]").count() == 0
    assert region.locator("*").count() < 400
    # Level by level to the bottom.
    for _ in range(128):
        region.locator(".json-toggle[aria-expanded=false]").first.click()
    expect(region.locator(".json-number")).to_have_text(["1"])
    region.get_by_role("button", name="Raw").click()
    assert len(region.locator("pre").inner_text()) < 40_000
    region.get_by_role("button", name=re.compile("^Show all")).click()
    expect(region.locator("pre")).to_have_text(re.compile(r"\]\}\}\}$"), timeout=WAIT)
