"""Every route with every kind of id that is not the caller's and every kind of key or session that
does not permit it.

The routes come from the running stack's own document: a new one without a sample here fails. Two
tenants have an object of every kind. Requests with the first one's keys, good or bad, for the
second one's objects must be answered byte for byte as for missing ones, and leave no trace.
"""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Iterator

import pytest
from support import client, scorecard, stack
from support.client import SCOPES, Answer, Tenant, new_tenant
from support.receiver import Receiver

# All tests share one world, and the last of them uses it up.
pytestmark = pytest.mark.xdist_group("matrix")

THREADS = 8
MIN_CASES = 500
METHODS = {"get": 0, "put": 1, "post": 1, "patch": 1, "delete": 2}

EVENT = {"type": "item.created", "data": {}}
# By operation: a valid body, so that only the caller is wrong.
BODIES: dict[str, Any] = {
    "contracts.upsert": None,  # set by World, from a contract that exists
    "eventTypes.upsert": {"name": "A type"},
    "sessions.create": {"scopes": ["webhooks:read"]},
    "tenants.update": {"name": "taken over"},
    "tenants.upsert": {"contract": "kuviq"},
    "events.explainDraft": EVENT,
    "events.publish": EVENT,
    "events.publishBatch": {"events": [EVENT]},
    "keys.create": {"scopes": ["webhooks:read"]},
    "operatorSessions.create": {},
    "inboxResponses.set": {"responses": [{"status": 200}]},
    "redrives.create": {"dryRun": True},
    "redrives.estimate": {},
    "webhooks.create": {"url": "https://receiver.example.com/", "events": ["*"], "active": False},
    "webhooks.update": {"name": "taken over"},
    "webhooks.retryFailed": {"since": "2020-01-01T00:00:00Z"},
    "webhooks.rotateSecret": {},
    "webhooks.test": {},
    "webhooks.testFilter": {"event": EVENT, "filter": {"type": ["item.created"]}},
}
# Well-formed ids that do not exist.
MISSING = {
    "tenantId": "nobody-has-this-id",
    "webhookId": "wh_0123456789abcdefghjk",
    "inboxId": "wh_0123456789abcdefghjk",
    "eventId": "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "deliveryId": "dlv_01ARZ3NDEKTSV4RRFFQ69G5FAV0123456789abcdefghjk",
    "deadLetterId": "dl_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "redriveId": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "keyId": "0123456789ab",
    "sessionId": "ses_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "contractName": "nobody-has-this-name",
    "eventType": "nobody.has.this.type",
}
MALFORMED = "n%C3%B6%20id"


@dataclass(frozen=True)
class Route:
    """One operation of the document."""

    name: str
    method: str
    path: str
    queries: frozenset[str]
    has_body: bool
    # Who may use it: a scope, "operator", "any key" or "anyone".
    wants: str

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    def sample(self, parameter: str) -> str:
        """Which sample of an id stands for a parameter: of the webhooks, one has an inbox."""
        return "inboxId" if self.name.startswith("inbox") and parameter == "webhookId" else parameter

    @property
    def is_tenants(self) -> bool:
        return self.wants in SCOPES


def routes_of(document: dict[str, Any]) -> list[Route]:
    found = [
        Route(
            operation["operationId"],
            method.upper(),
            path,
            frozenset(p["name"] for p in operation.get("parameters", []) if p["in"] == "query"),
            "requestBody" in operation,
            whom(operation),
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return sorted(found, key=lambda route: (METHODS[route.method.lower()], route.path))


def whom(operation: dict[str, Any]) -> str:
    """From its description, which must say it."""
    text = " ".join(operation.get("description", "").split())
    if operation.get("security") == [{}]:
        return "anyone"
    scopes = [name for name in re.findall(r"Scope `([a-z:]+)`", text) if name in SCOPES]
    said = scopes + ["operator"] * ("For the operator" in text) + ["any key"] * ("With any key" in text)
    assert len(said) == 1, f"{operation['operationId']} says who may use it: {said}: {text}"
    return said[0]


class World:
    """Two tenants with an object of every kind, and the keys. All work is done before the first
    request: what changes afterwards is a trace."""

    def __init__(self, receiver: Receiver) -> None:
        self.operator = client.operator()
        self.receiver = receiver
        self.routes = routes_of(self.operator.with_key(None).get("/openapi.json").ok())
        self.marker = stack.unique("private")
        self.mine, mine_ids = self._furnish(stack.unique("mine"))
        self.theirs, their_ids = self._furnish(self.marker)
        contract = self.operator.get("/v1/contracts/kuviq").ok()
        BODIES["contracts.upsert"] = {field: value for field, value in contract.items() if field not in ("name", "builtin")}
        shared = {"contractName": stack.unique("c"), "eventType": stack.unique("type")}
        self.operator.put(f"/v1/contracts/{shared['contractName']}", BODIES["contracts.upsert"]).ok(201)
        self.operator.put(f"/v1/event-types/{shared['eventType']}", BODIES["eventTypes.upsert"]).ok(201)
        self.ids = {"own": mine_ids | shared, "foreign": their_ids | shared, "missing": MISSING, "malformed": dict.fromkeys(MISSING, MALFORMED)}
        self.keys = self._keys()
        # A job is completed a moment before its slot is free.
        stack.eventually(lambda: not [row for row in stack.scan("DeadLettersTable", "#running") if self.theirs.id in row["sk"]["S"]], 60, "the jobs' slots")
        self.before = self.trace()

    @property
    def spare_letter(self) -> str:
        """Another dead letter of the second tenant: a redriven one no longer belongs to the
        operator's list."""
        return next(l["id"] for l in self.theirs.dead_letters() if l["id"] != self.ids["foreign"]["deadLetterId"])

    def _furnish(self, marker: str) -> tuple[Tenant, dict[str, str]]:
        tenant = new_tenant("kuviq", limits={"requestsPerMinute": 100_000})
        path = f"/{marker}"
        self.receiver.answer(400, path=path)
        webhook = tenant.new_webhook(self.receiver.url(path), name=marker)
        tenant.new_webhook(self.receiver.url(path), ["none.*"], name=marker, active=False)
        inbox = tenant.new_webhook("postel:inbox", name=marker)
        events = [tenant.publish("item.created", {"text": marker}) for _ in range(2)]
        letters = tenant.wait_for_dead_letters(len(events))
        for event in events:
            tenant.wait_for_status(event, "completed", inbox["id"])
        # Two, so that there is a next page.
        earlier, job = [tenant.api.post(tenant.path("/redrives"), {"reason": "gone"}).ok(202) for _ in range(2)]
        ids = {
            "tenantId": tenant.id,
            "webhookId": webhook["id"],
            "inboxId": inbox["id"],
            "eventId": events[0],
            "deliveryId": tenant.delivery_of(events[0], webhook["id"])["id"],
            "deadLetterId": letters[0]["id"],
            "redriveId": job["id"],
            "keyId": tenant.new_key(["webhooks:read"], name=marker)["id"],
            "sessionId": self._session(tenant, ["webhooks:read"])[0],
        }
        for one in (earlier, job):
            stack.eventually(lambda: tenant.api.get(tenant.path(f"/redrives/{one['id']}")).ok()["status"] == "completed", 60, "the jobs' end")
        return tenant, ids

    def _session(self, tenant: Tenant | None, scopes: list[str]) -> tuple[str, str]:
        """The id and the token of a new session; without a tenant, of the operator."""
        path, wanted = (tenant.path("/sessions"), {"scopes": scopes}) if tenant else ("/v1/sessions", {})
        made = self.operator.post(path, wanted).ok(201)
        opened = self.operator.with_key(None).post("/v1/sessions/exchange", {"code": made["code"]}).ok(201)
        assert self.operator.with_key(None).post("/v1/sessions/exchange", {"code": made["code"]}).code == "code_used"
        self.used_code = made["code"]
        return made["id"], opened["token"]

    def _sessions(self) -> dict[str, str]:
        """Sessions that are not good enough, and one that is."""
        ended, expired = self._session(self.mine, SCOPES), self._session(self.mine, SCOPES)
        self.mine.api.delete(self.mine.path(f"/sessions/{ended[0]}")).ok(204)
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("ConfigTable"),
            Key={"pk": {"S": f"sessions#{self.mine.id}"}, "sk": {"S": expired[0]}},
            UpdateExpression="SET ends_at = :past",
            ExpressionAttributeValues={":past": {"N": str(int(time.time() * 1000) - 1)}},
        )
        operators = self._session(None, [])
        self.operator.delete(f"/v1/sessions/{operators[0]}").ok(204)
        good = self._session(self.mine, SCOPES)[1]
        return {
            "ended session": ended[1],
            "expired session": expired[1],
            "ended session of the operator": operators[1],
            "session with a wrong letter": good[:-1] + ("0" if good[-1] != "0" else "1"),
            "another tenant's session": self._session(self.theirs, SCOPES)[1],
            "good session": good,
        } | {f"session without {scope}": self._session(self.mine, [s for s in SCOPES if s != scope])[1] for scope in SCOPES}

    def _keys(self) -> dict[str, str | None]:
        """Keys that are not good enough, and one that is."""
        good = self.mine.api.key
        # Long enough to be created, and expired when the other keys are.
        end = datetime.fromtimestamp(time.time() + 8, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        expired = self.mine.new_key(SCOPES, expiresAt=end)["key"]
        revoked = self.mine.new_key(SCOPES)
        self.mine.api.delete(self.mine.path(f"/keys/{revoked['id']}")).ok(204)
        keys = {
            "no key": None,
            "wrong key": good[:30] + ("0" if good[30] != "0" else "1") + good[31:],
            "revoked": revoked["key"],
            "expired": expired,
            "another tenant's": self.theirs.api.key,
            "good": good,
        }
        keys |= {f"without {scope}": self.mine.new_key([s for s in SCOPES if s != scope])["key"] for scope in SCOPES}
        keys |= self._sessions()
        keys["used code"] = self.used_code
        keys["code"] = self.operator.post(self.mine.path("/sessions"), {}).ok(201)["code"]
        for dead in DEAD:
            api = self.operator.with_key(keys[dead])
            stack.eventually(lambda: api.get(self.mine.path("/webhooks")).status == 401, 20 + ttl(), f"the {dead} key to be rejected")
        return keys

    def trace(self) -> dict[str, list[str]]:
        """All rows of the second tenant, except the time and number of its own keys' uses."""
        found = {}
        for table in ("ConfigTable", "LogTable", "DeadLettersTable"):
            items = [item for item in stack.scan(table) if self.theirs.id in repr(item) and not item["pk"]["S"].startswith("requests#")]
            found[table] = sorted(repr(sorted((n, v) for n, v in item.items() if n != "last_used_at")) for item in items)
            assert found[table], f"{table} contains nothing of the second tenant"
        return found

    def call(self, key: str, route: Route, ids: dict[str, str], **query: str) -> Answer:
        assert not route.has_body or route.name in BODIES, f"{route.name} has no sample of a body here"
        path = route.path
        for parameter in route.parameters:
            sample = route.sample(parameter)
            assert sample in ids, f"{route.name} has no sample of the id {sample} here"
            path = path.replace(f"{{{parameter}}}", ids[sample])
        api = self.operator.with_key(self.keys.get(key, key))
        if query:
            path += "?" + "&".join(f"{name}={value}" for name, value in query.items())
        return api.call(route.method, path, BODIES[route.name] if route.has_body else None)


# What opens nothing, each for a reason of its own. Those after the keys are tried with each route's
# first kind of ids only: the authorizer does not explain a flood of wrong keys.
DEAD_KEYS = ["wrong key", "revoked", "expired"]
DEAD = [
    *DEAD_KEYS, "code", "used code",
    "ended session", "expired session", "ended session of the operator", "session with a wrong letter",
]  # fmt: skip


def ttl() -> int:
    return int(stack.parameter("AuthorizerTtlSeconds"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Receiver() as receiver:
        yield World(receiver)


def kinds_of(route: Route, world: World) -> Iterator[tuple[str, dict[str, str]]]:
    """The ids that a caller could try on a route. `own` is the caller's own object, for keys
    that permit nothing."""
    last = route.parameters[-1:] if route.parameters != ["tenantId"] else []
    tenants = ["own", "foreign", "missing", "malformed"] if "tenantId" in route.parameters else ["own"]
    for tenant in tenants:
        # Under another tenant's path, that tenant's own object is requested: the answer must not
        # depend on whether it exists.
        objects = ["own", "foreign", "missing", "malformed"] if tenant == "own" and last else ["foreign" if tenant == "foreign" else "own"]
        for kind in objects:
            ids = {route.sample(name): world.ids[kind][route.sample(name)] for name in last} | {"tenantId": world.ids[tenant]["tenantId"]}
            yield (f"{kind} {last[0]}" if last and tenant == "own" else f"{tenant} tenant"), ids


def expected(route: Route, key: str, kind: str) -> tuple[int, str | None] | None:
    """Status and code; None if the caller may do it, which the last test does."""
    if key == "no key":
        return 401, None  # AWS's gateway refuses it itself, in words of its own.
    if key in DEAD:
        return 401, "invalid_key"
    if route.wants == "operator":
        # An invalid id does not exist, whoever asks.
        return None if kind == "malformed tenant" else (403, "forbidden")
    if route.wants == "any key":
        return None if kind.startswith(("own", "foreign")) else (404, "not_found")
    # The second tenant's key is valid on a path of its own.
    if key.startswith("another tenant's"):
        return None if kind == "foreign tenant" else (404, "not_found")
    if kind.endswith(" tenant") and not kind.startswith("own"):
        return 404, "not_found"
    if key.endswith(f"without {route.wants}"):
        return 403, "forbidden"
    return None if kind.startswith("own") else (404, "not_found")


def keys_for(route: Route) -> list[str]:
    lacking = [f"without {route.wants}", f"session without {route.wants}"] if route.is_tenants else []
    return ["no key", *DEAD, "another tenant's", "another tenant's session", "good", "good session", *lacking]


def test_no_key_reads_or_writes_what_is_not_its_tenants(world: World) -> None:
    began = time.time()
    cases = [
        (route, key, kind, ids, wanted)
        for route in world.routes
        if route.wants != "anyone"
        for number, (kind, ids) in enumerate(kinds_of(route, world))
        for key in keys_for(route)
        if (number == 0 or key not in DEAD or key in DEAD_KEYS) and (wanted := expected(route, key, kind)) is not None
    ]
    asked = {(route.name, key) for route, key, *_ in cases}
    assert {name for name, _ in asked} >= {r.name for r in world.routes if r.wants not in ("anyone", "any key")}

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(lambda case: world.call(case[1], case[0], case[3]), cases))

    wrong = [
        f"{route.method} {route.path} with {key}, {kind}: {answer.status} {answer.raw[:200]!r} instead of {wanted}"
        for (route, key, kind, _, wanted), answer in zip(cases, answers)
        if answer.status != wanted[0] or (wanted[1] is not None and answer.code != wanted[1])
    ]
    assert wrong == [], f"{len(wrong)} of {len(cases)}: {wrong[:5]}"
    # For each part of a path, one answer for everything that does not exist, whatever its tenant;
    # one for all invalid keys, and one for all sessions that have ended.
    for status in (401, 404):
        alike: dict[str | bool | None, set] = {}
        for case, answer in zip(cases, answers):
            if answer.status == status and case[1] != "no key":
                about = answer.json.get("field") if status == 404 else "session" in case[1]
                alike.setdefault(about, set()).add(answer.bare)
        assert alike.keys() == {True, False} if status == 401 else "tenantId" in alike
        assert {len(forms) for forms in alike.values()} == {1}, f"different answers of status {status}: {alike}"
    # A missing scope is reported without reading the object.
    for route in world.routes:
        for is_session in (True, False):
            told = zip(cases, answers)
            alike = {answer.bare for case, answer in told if case[0] is route and answer.status == 403 and ("session" in case[1]) is is_session}
            assert len(alike) <= 1 + (route.wants == "operator"), f"{route.name}: {alike}"
    told = [case[0].name for case, answer in zip(cases, answers) if world.marker.encode() in answer.raw]
    assert told == [], f"data of the second tenant is in answers of {told}"
    after = world.trace()
    assert after == world.before, f"data of the second tenant has changed: {different(world.before, after)}"
    world.receiver.stays_at(2, 1, path=f"/{world.marker}")
    statuses = Counter(answer.status for answer in answers)
    assert len(cases) >= MIN_CASES
    scorecard.row(
        "S4", routes=len(world.routes), requests=len(cases), statuses=dict(sorted(statuses.items())), reads=0, writes=0, seconds=round(time.time() - began)
    )


def different(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    return [line for table in before for line in set(before[table]) ^ set(after[table])][:4]


def test_a_list_is_not_led_elsewhere_by_a_filter_or_a_cursor(world: World) -> None:
    cursors = [route for route in world.routes if "cursor" in route.queries and route.is_tenants]
    filters = [route for route in world.routes if "webhookId" in route.queries and route.is_tenants]
    assert len(cursors) >= 3 and len(filters) >= 2
    for route in cursors:
        page = world.call(world.theirs.api.key, route, world.ids["foreign"], limit="1").ok()
        answer = world.call("good", route, world.ids["own"], cursor=page["nextCursor"])
        assert (answer.status, answer.code) == (400, "invalid_cursor"), route.name
        assert world.call(world.theirs.api.key, route, world.ids["foreign"], cursor=page["nextCursor"]).ok()["items"], "its owner may use it"
    for route in filters:
        foreign, missing = (world.call("good", route, world.ids["own"], webhookId=world.ids[kind]["webhookId"]) for kind in ("foreign", "missing"))
        # An explanation is no list of pages: it names its entries.
        named = "webhooks" if route.name.startswith("events.explain") else "items"
        assert foreign.ok()[named] == [] and foreign.bare == missing.bare, route.name
    for route in [route for route in world.routes if "eventId" in route.queries]:
        foreign, missing = (world.call("good", route, world.ids["own"], eventId=world.ids[kind]["eventId"]) for kind in ("foreign", "missing"))
        assert foreign.ok()["items"] == [] and foreign.bare == missing.bare, route.name
    # The same in a body: a job over another tenant's dead letters counts none.
    path = world.mine.path("/redrives")
    foreign, missing = (world.mine.api.post(path, {"webhookId": world.ids[kind]["webhookId"], "dryRun": True}) for kind in ("foreign", "missing"))
    assert foreign.bare == missing.bare, foreign
    # An event's id belongs to its tenant: another tenant's is neither a duplicate nor a conflict.
    taken = world.ids["foreign"]["eventId"]
    assert world.mine.api.post(world.mine.path("/events"), EVENT | {"id": taken}).ok(202)["duplicate"] is False
    assert world.trace() == world.before


def test_a_revoked_key_stops_within_the_stated_time(world: World) -> None:
    made = world.mine.new_key(["webhooks:read"])
    api = world.operator.with_key(made["key"])
    api.get(world.mine.path("/webhooks")).ok()
    world.mine.api.delete(world.mine.path(f"/keys/{made['id']}")).ok(204)
    stated = ttl()
    began = time.monotonic()
    stack.eventually(lambda: api.get(world.mine.path("/webhooks")).status == 401, stated + 5, "the key to be rejected")
    assert time.monotonic() - began <= stated + 5


def test_every_sample_is_real_its_owner_may_do_it_all(world: World) -> None:
    """Last, since it uses the objects up: a matrix of ids that do not exist would prove nothing."""
    refused = []
    for key, ids, wanted in ((world.mine.api.key, world.ids["own"], set(SCOPES) | {"any key"}), (world.operator.key, world.ids["foreign"], {"operator"})):
        # A deleted object cannot be used any more: deletions come last, and among these nested
        # objects first.
        routes = sorted(world.routes, key=lambda route: route.path.count("/") if route.method == "DELETE" else 100, reverse=True)
        for route in [route for route in routes if route.wants in wanted]:
            if route.name == "operatorDeadLetters.delete":
                ids = ids | {"deadLetterId": world.spare_letter}
            if route.name == "operatorSessions.delete":
                ids = ids | {"sessionId": world._session(None, [])[0]}
            if route.name == "operatorSessions.deleteAll":
                continue  # It would sign out the other tests: test_sessions.py has it, alone.
            answer = world.call(key, route, ids)
            # An action that another route of this test has already done is a conflict.
            if not (answer.status < 300 or answer.status == 409):
                refused.append(f"{route.method} {route.path}: {answer.status} {answer.raw[:200]!r}")
    assert refused == []
