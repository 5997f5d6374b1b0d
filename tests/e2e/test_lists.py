"""Every list pages through all entries, without missing or repeating one, while new entries
arrive.

POSTEL_LIST_COUNT makes it the long run: 2000 entries instead of some dozen.
"""

import concurrent.futures
import os
import threading
import time
from datetime import datetime, timezone

import pytest
from support import client, disturb, stack
from support.receiver import Receiver, Reply

COUNT = int(os.environ.get("POSTEL_LIST_COUNT", "60"))


@pytest.fixture
def tenant() -> client.Tenant:
    return client.new_tenant("kuviq", limits={"requestsPerMinute": 1_000_000, "webhooks": 5000})


def everything(api: client.Api, path: str, limit: int, **query) -> list[dict]:
    """All pages of a list, as a caller reads them."""
    items, cursor, empty = [], None, 0
    while True:
        page = api.get(path, limit=limit, cursor=cursor, **query).ok()
        assert len(page["items"]) <= limit
        empty = 0 if page["items"] else empty + 1
        assert empty < 20, "the list goes on for ever"
        items += page["items"]
        cursor = page.get("nextCursor")
        if cursor is None:
            return items


def publish(tenant: client.Tenant, numbers: range) -> list[str]:
    ids = []
    for start in range(numbers.start, numbers.stop, 100):
        events = [{"type": "item.created", "data": {"n": n}} for n in range(start, min(start + 100, numbers.stop))]
        results = tenant.api.post(tenant.path("/events/batch"), {"events": events}).ok(202)["results"]
        ids += [result["id"] for result in results]
    return ids


def walk_while_more_arrive(tenant: client.Tenant, path: str, key: str, expected: set[str], **query) -> None:
    """Reads every one of `expected` exactly once, newest first, while a publisher continues."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(0.3):
            publish(tenant, range(100_000, 100_003))

    publisher = threading.Thread(target=go_on)
    publisher.start()
    try:
        for limit in (7, 250):
            items = everything(tenant.api, path, limit, **query)
            seen = [item["id"] for item in items]
            assert len(seen) == len(set(seen)), "an entry was repeated"
            missing = expected - {item[key] for item in items}
            assert not missing, f"{len(missing)} of {len(expected)} are missing with limit {limit}"
            times = [item["createdAt"] for item in items]
            assert times == sorted(times, reverse=True), "not newest first"
    finally:
        stop.set()
        publisher.join()


def test_the_event_log_pages_through_all_deliveries_while_new_ones_arrive(tenant, receiver):
    tenant.new_webhook(receiver.url(), contract="kuviq")
    ids = set(publish(tenant, range(COUNT)))
    stack.eventually(lambda: len(receiver.requests()) >= COUNT, 60 + COUNT / 10, "all deliveries")
    # The last ones are recorded a moment after they arrive.
    stack.eventually(lambda: len(everything(tenant.api, tenant.path("/deliveries"), 250)) >= COUNT, 60, "all records")
    walk_while_more_arrive(tenant, tenant.path("/deliveries"), "eventId", ids)
    walk_while_more_arrive(tenant, tenant.path("/deliveries"), "eventId", ids, status="completed", type="item.created")


def test_dead_letters_page_through_all_while_new_ones_arrive(tenant, receiver):
    receiver.answer(Reply(422))
    tenant.new_webhook(receiver.url(), contract="kuviq")
    began = datetime.fromtimestamp(time.time() - 1, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ids = set(publish(tenant, range(COUNT)))
    known = lambda: {d["eventId"] for d in everything(tenant.api, tenant.path("/dead-letters"), 250)}  # noqa: E731
    stack.eventually(lambda: ids <= known(), 60 + COUNT / 10, "all dead letters", every=0.5)
    walk_while_more_arrive(tenant, tenant.path("/dead-letters"), "eventId", ids)
    # The operator's list contains them among all others of that time.
    everybodys = everything(tenant.operator, "/v1/dead-letters", 100, since=began)
    seen = [d["id"] for d in everybodys]
    assert len(seen) == len(set(seen))
    assert ids <= {d.get("eventId") for d in everybodys}


def test_an_event_with_more_beside_it_than_one_read_takes_does_not_stop_the_list(tenant, receiver):
    receiver.answer(Reply(422))
    # A read takes a hundred items of a partition.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        hooks = {hook["id"] for hook in pool.map(lambda _: tenant.new_webhook(receiver.url(), contract="kuviq"), range(105))}
    before, great, after = (tenant.publish() for _ in range(3))
    expected = {(event, hook) for event in (before, great, after) for hook in hooks}

    def listed() -> bool:
        items = everything(tenant.api, tenant.path("/deliveries"), 50)
        seen = [(item["eventId"], item["webhookId"]) for item in items]
        assert len(seen) == len(set(seen)) and set(seen) == expected, f"{len(seen)} of {len(expected)}"
        return True

    stack.eventually(listed, 60, "all deliveries in the list")


def test_keys_event_types_and_contracts_page_through_all(tenant):
    operator, name = tenant.operator, stack.unique("paged")
    keys = [tenant.new_key(["webhooks:read"])["id"] for _ in range(7)]
    types = [f"{name}.{n}" for n in range(7)]
    contracts = [f"{name}-{n}" for n in range(7)]
    standard = operator.get("/v1/contracts/standard").ok()
    try:
        for event_type in types:
            operator.put(f"/v1/event-types/{event_type}", {"name": "A type"}).ok(201)
        for contract in contracts:
            operator.put(f"/v1/contracts/{contract}", standard | {"name": contract}).ok(201)
            # A version is not an entry of the list, nor is a deleted contract.
            operator.put(f"/v1/contracts/{contract}", standard | {"name": contract, "timeoutSeconds": 9}).ok(200)
        operator.delete(f"/v1/contracts/{contracts.pop(3)}").ok(204)
        for limit in (2, 3, 250):
            listed = [key["id"] for key in everything(tenant.api, tenant.path("/keys"), limit)]
            assert [key for key in listed if key in keys] == keys[::-1] and len(listed) == len(set(listed))
            listed = [entry["type"] for entry in everything(tenant.api, "/v1/event-types", limit)]
            assert [entry for entry in listed if entry in types] == types and listed == sorted(set(listed))
            listed = [(not entry["builtin"], entry["name"]) for entry in everything(operator, "/v1/contracts", limit)]
            assert [entry for is_own, entry in listed if entry in contracts] == contracts and listed == sorted(set(listed))
            assert (False, "standard") in listed
    finally:
        for event_type in types:
            operator.delete(f"/v1/event-types/{event_type}")
        for contract in contracts:
            operator.delete(f"/v1/contracts/{contract}")


@pytest.mark.parametrize("path", ["/v1/event-types", "/v1/contracts", "/v1/tenants", "/v1/tenants/{tenantId}/keys", "/v1/tenants/{tenantId}/webhooks"])
def test_every_list_refuses_what_it_does_not_know_and_the_cursor_of_another(tenant, path):
    path = path.format(tenantId=tenant.id)
    for query, status, code in (({"x": 1}, 400, "unknown_parameter"), ({"limit": 0}, 400, "invalid_limit"), ({"cursor": "AAAA"}, 400, "invalid_cursor")):
        refused = tenant.operator.get(path, **query)
        assert (refused.status, refused.code) == (status, code), query
    for _ in range(2):
        tenant.new_webhook("http://127.0.0.1:8999/x")
    foreign = tenant.api.get(tenant.path("/webhooks"), limit=1).ok()["nextCursor"]
    if not path.endswith("/webhooks"):
        assert tenant.operator.get(path, cursor=foreign).code == "invalid_cursor"


def test_a_filter_takes_several_words_and_the_types_of_a_component(kuviq, receiver):
    receiver.answer(Reply(400), path="/refuses")
    kuviq.new_webhook(receiver.url("/refuses"), ["item.*"])
    kuviq.new_webhook(receiver.url("/takes"), ["*"])
    for event_type in ("item.created", "item.part.created", "items.created"):
        kuviq.publish(event_type)
    kuviq.wait_for_dead_letters(2)
    stack.eventually(lambda: len(kuviq.deliveries(status="completed")) == 3, 60, "all deliveries")
    of = lambda **query: sorted((d["eventType"], d["status"]) for d in kuviq.deliveries(**query))  # noqa: E731
    failed = [("item.created", "failed"), ("item.part.created", "failed")]
    completed = [(t, "completed") for t in ("item.created", "item.part.created", "items.created")]
    assert of(status="failed") == failed
    assert of(status="failed,completed") == of(type="*") == of() == sorted(failed + completed)
    assert of(type="item.*", status="completed,retrying") == completed[:2]
    assert of(type="item.part.*") == sorted([failed[1], completed[1]])
    dead = lambda **query: sorted(x["eventType"] for x in kuviq.dead_letters(**query))  # noqa: E731
    count = lambda **body: kuviq.api.post(kuviq.path("/redrives"), {"dryRun": True} | body).ok()["count"]  # noqa: E731
    reason = kuviq.dead_letters()[0]["reason"]
    for query, found in (({"type": "item.*"}, 2), ({"type": "item.part.*"}, 1), ({"type": "*"}, 2), ({"type": "it.*"}, 0), ({"type": "item.created"}, 1)):
        assert len(dead(**query)) == count(**query) == found, query
    assert len(dead(reason=f"gone,{reason}")) == 2 and dead(reason="gone,undeliverable") == []
    # The operator may ask for one tenant's.
    everywhere = kuviq.operator.get("/v1/dead-letters", tenantId=kuviq.id).ok()["items"]
    assert {x["id"] for x in everywhere} == {x["id"] for x in kuviq.dead_letters()}
    assert kuviq.operator.get("/v1/dead-letters", tenantId="no-such").ok()["items"] == []
    assert kuviq.operator.get("/v1/dead-letters", tenantId="a.b").code == "invalid_filter"


# 1 MiB of items, and the JSON around them. Lambda rejects a response of more than 6 MB, in which a
# JSON body takes up to twice its bytes.
MAX_PAGE_BYTES = 1_100_000


# Its 18 MB, most of which every list of the catalogue reads, keep the local cloud from answering
# other tests.
@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_a_page_of_large_entries_fits_into_an_answer(tenant):
    operator, name, count = tenant.operator, stack.unique("large"), 90
    types = [f"{name}.{n:03}" for n in range(count)]
    body = b'{"example": [' + b",".join([b'""'] * 20_000) + b"]}"
    contracts = [f"{name}-{n:03}" for n in range(count)]
    contract = operator.get("/v1/contracts/standard").ok() | {"envelope": {"texts": [""] * 12_000}}
    hooks = {"url": "https://hooks.example.com/in", "events": [f"{n:03}.{'x' * 250}" for n in range(100)]}
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda entry: operator.put(f"/v1/event-types/{entry}", body).status, types))
            made += pool.map(lambda entry: operator.put(f"/v1/contracts/{entry}", contract | {"name": entry}).status, contracts)
            made += pool.map(lambda _: tenant.api.post(tenant.path("/webhooks"), hooks).status, range(130))
        assert set(made) == {201}
        for path, wanted in (("/v1/event-types", types), ("/v1/contracts", contracts), (tenant.path("/webhooks"), 130)):
            seen, cursor, sizes = [], None, []
            while True:
                page = operator.get(path, limit=250, cursor=cursor)
                sizes.append(len(page.raw))
                seen += [entry.get("type") or entry.get("name") or entry["id"] for entry in page.ok()["items"]]
                if not (cursor := page.json.get("nextCursor")):
                    break
            assert max(sizes) <= MAX_PAGE_BYTES and sum(sizes) > 3_000_000, (path, sizes)
            assert len(seen) == len(set(seen)), path
            assert set(wanted) <= set(seen) if isinstance(wanted, list) else len(seen) == wanted, path
    finally:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda entry: operator.delete(f"/v1/event-types/{entry}"), types))
            list(pool.map(lambda entry: operator.delete(f"/v1/contracts/{entry}"), contracts))


def test_webhooks_and_tenants_page_through_all(tenant):
    made = min(COUNT, 300)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        body = {"url": "http://127.0.0.1:8999/x", "events": ["*"]}
        ids = {a.ok(201)["id"] for a in pool.map(lambda _: tenant.api.post(tenant.path("/webhooks"), body), range(made))}
    for limit in (9, 250):
        seen = [w["id"] for w in everything(tenant.api, tenant.path("/webhooks"), limit)]
        assert len(seen) == len(set(seen)) and set(seen) == ids
    tenants = {client.new_tenant().id for _ in range(12)}
    # The newest in small pages, and hundreds from other tests in large ones.
    page = tenant.operator.get("/v1/tenants", limit=5).ok()
    seen = [t["id"] for t in page["items"]]
    while cursor := page.get("nextCursor"):
        page = tenant.operator.get("/v1/tenants", limit=250 if tenants <= set(seen) else 5, cursor=cursor).ok()
        seen += [t["id"] for t in page["items"]]
    assert len(seen) == len(set(seen)) and tenants <= set(seen)


def test_stats_count_what_the_log_shows(tenant, receiver):
    good = tenant.new_webhook(receiver.url("/good"), contract="kuviq", events=["item.*"])
    bad = tenant.new_webhook(receiver.url("/bad"), contract="kuviq", events=["item.*"])
    slow = tenant.new_webhook(receiver.url("/slow"), contract="kuviq", events=["item.*"], overrides={"retryDelaysSeconds": [3000]})
    for path, status in (("/good", 200), ("/bad", 400), ("/slow", 500)):
        receiver.answer(Reply(status), path=path)
    publish(tenant, range(20))
    tenant.publish("user.created")

    def counted() -> dict:
        stats = tenant.api.get(tenant.path("/stats")).ok()
        assert (stats["completed"], stats["failed"], stats["inProgress"]) == (20, 20, 20), stats
        return stats

    stats = stack.eventually(counted, 60, "sixty deliveries to be counted")
    assert stats["complete"] is True and stats["pending"] == 0
    # In the log at once, since it came by HTTP.
    assert stats["unmatchedEvents"] == 1
    of = stats["webhooks"]
    assert of[good["id"]]["successRate"] == 1 and of[bad["id"]]["successRate"] == 0
    assert of[slow["id"]]["inProgress"] == 20 and "successRate" not in of[slow["id"]]
    assert all("lastTriggeredAt" in of[webhook["id"]] for webhook in (good, bad, slow))
    # The same in parts of the time.
    assert "buckets" not in stats
    parts = tenant.api.get(tenant.path("/stats"), bucket="PT1H").ok()
    assert {name: parts[name] for name in stats if name != "since"} == {name: stats[name] for name in stats if name != "since"}
    buckets = parts["buckets"]
    assert len(buckets) in (24, 25), "a day, of which the first and the last hour may be parts"
    assert [bucket["start"] for bucket in buckets] == sorted(bucket["start"] for bucket in buckets)
    assert all(bucket["start"].endswith(":00:00.000Z") for bucket in buckets)
    assert [sum(bucket[name] for bucket in buckets) for name in ("completed", "failed", "inProgress", "pending")] == [20, 20, 20, 0]
    busy = [bucket for bucket in buckets if bucket["codes"]]
    assert sum(sum(bucket["codes"].values()) for bucket in busy) == 60 and busy[-1]["codes"].keys() <= {"200", "400", "500"}
    assert all(0 < bucket["latencyMs"]["p50"] <= bucket["latencyMs"]["p95"] for bucket in busy)
    assert all("latencyMs" not in bucket for bucket in buckets if not bucket["codes"])
    assert of[good["id"]]["lastSuccessAt"] >= of[good["id"]]["lastTriggeredAt"] and "lastSuccessAt" not in of[bad["id"]]
    past = tenant.api.get(tenant.path("/stats"), until=buckets[0]["start"], bucket="P1D").ok()
    assert past["completed"] == 0 and len(past["buckets"]) in (1, 2)
    for query in ({"bucket": "PT1M"}, {"bucket": "PT5M", "since": "2020-01-01T00:00:00Z"}, {"until": "soon"}):
        assert tenant.api.get(tenant.path("/stats"), **query).code == "invalid_filter", query
    later = tenant.api.get(tenant.path("/stats"), since="2100-01-01T00:00:00Z").ok()
    assert (later["completed"], later["failed"], later["inProgress"], later["unmatchedEvents"]) == (0, 0, 0, 0)


@pytest.mark.alone
def test_stats_count_as_pending_what_was_accepted_and_not_tried_yet(tenant, receiver):
    hook = tenant.new_webhook(receiver.url("/one"), contract="kuviq")
    other = tenant.new_webhook(receiver.url("/other"), contract="kuviq", events=["other.*"])
    off = tenant.new_webhook(receiver.url("/off"), contract="kuviq", active=False)

    def counts() -> list[int]:
        stats = tenant.api.get(tenant.path("/stats")).ok()
        numbers = [[of[name] for name in ("pending", "inProgress", "failed", "completed")] for of in (stats, stats["webhooks"][hook["id"]])]
        assert numbers[0] == numbers[1], "all is the one webhook's"
        assert all(not stats["webhooks"][never["id"]]["pending"] for never in (other, off))
        return numbers[0]

    def listed() -> list[int]:
        """The same, as the list has them."""
        groups = ("pending", "processing,retrying", "failed", "completed")
        return [len(everything(tenant.api, tenant.path("/deliveries"), 2, status=group)) for group in groups]

    queue, dead_letter_queue = stack.outputs()["eventsQueueUrl"], stack.resource("EventsDeadLetterQueue")
    with disturb.paused("EventsSource"):
        for _ in range(4):
            tenant.publish("item.created")
        assert counts() == [4, 0, 0, 0] == listed()
        pending = tenant.deliveries(status="pending", webhookId=hook["id"])
        assert pending == tenant.deliveries() and all("error" not in one and one["attempts"] == 0 for one in pending)
        # Page by page, and one by one, each under the id that it keeps.
        assert everything(tenant.api, tenant.path("/deliveries"), 1) == pending
        assert tenant.delivery(pending[0]["id"]) == pending[0] | {"attemptLog": []}
        assert tenant.deliveries(eventId=pending[0]["eventId"]) == pending[:1]
        assert tenant.deliveries(status="completed,retrying") == tenant.deliveries(responseCode="2xx") == []
        assert {(event["state"], event["webhooks"]) for event in events(tenant)} == {("pending", 1)}
        # Not owed: created after the events, and switched on after them.
        late = tenant.new_webhook(receiver.url("/late"), contract="kuviq", active=False)
        for webhook in (late, off):
            tenant.patch_webhook(webhook["id"], active=True)
        assert counts() == [4, 0, 0, 0] == listed()
        for webhook in (late, off):
            tenant.patch_webhook(webhook["id"], active=False)
        # One dies in the queue.
        (message,) = stack.aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
        stack.aws("sqs").send_message(QueueUrl=dead_letter_queue, MessageBody=message["Body"])
        stack.aws("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        (letter,) = stack.eventually(tenant.dead_letters, 60, "its dead letter")
        assert counts() == [3, 0, 1, 0] == listed()
        (failed,) = tenant.deliveries(status="failed")
        assert (failed["errorCode"], failed["attempts"]) == ("undeliverable", 0) and tenant.delivery(failed["id"])["status"] == "failed"
        assert sorted(event["state"] for event in events(tenant)) == ["pending"] * 3 + ["processed"]
    stack.eventually(lambda: counts() == [0, 0, 1, 3], 60, "three delivered")
    assert listed() == [0, 0, 1, 3] and {one["id"] for one in tenant.deliveries()} == {one["id"] for one in pending}
    tenant.api.post(tenant.path(f"/dead-letters/{letter['id']}/redrive")).ok(202)
    stack.eventually(lambda: counts() == [0, 0, 0, 4], 60, "all delivered")
    assert listed() == [0, 0, 0, 4]


def events(tenant: client.Tenant, **query) -> list[dict]:
    return tenant.api.get(tenant.path("/events"), **query).ok()["items"]


def test_events_are_listed_with_those_that_nobody_wanted(tenant, receiver):
    for path in ("/one", "/other"):
        tenant.new_webhook(receiver.url(path), ["item.*"], contract="kuviq")
    happened = "2026-01-31T12:00:00.000Z"
    wanted = [tenant.publish("item.created", timestamp=happened), tenant.publish("item.part.created")]
    unwanted = [tenant.publish("user.created"), tenant.publish("item")]
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == 4, 60, "all deliveries")
    began = events(tenant)[1]["createdAt"]
    ids = lambda **query: [event["id"] for event in events(tenant, **query)]  # noqa: E731
    assert ids() == ids(type="*") == [*unwanted[::-1], *wanted[::-1]], "newest first"
    assert ids(matched="true") == ids(type="item.*", matched="true") == wanted[::-1]
    assert ids(matched="false") == unwanted[::-1]
    assert ids(type="item.part.*") == ids(type="item.part.created") == wanted[1:]
    assert ids(since=began) == unwanted[::-1] and ids(until=began) == wanted[::-1]
    listed = {event["id"]: event for event in events(tenant)}
    assert {event["state"] for event in listed.values()} == {"processed"}
    assert [listed[event]["webhooks"] for event in wanted + unwanted] == [2, 2, 0, 0]
    first = listed[wanted[0]]
    assert first == {
        "id": wanted[0],
        "tenantId": tenant.id,
        "type": "item.created",
        "timestamp": happened,
        "createdAt": tenant.event(wanted[0])["acceptedAt"],
        "state": "processed",
        "webhooks": 2,
    }
    # Erased, and still there.
    tenant.api.delete(tenant.path(f"/events/{wanted[0]}/data")).ok(204)
    assert "erasedAt" in events(tenant)[-1]
    for limit in (1, 3):
        walked = [event["id"] for event in everything(tenant.api, tenant.path("/events"), limit, matched="true")]
        assert walked == wanted[::-1]
    refused = tenant.api.get(tenant.path("/events"), matched="maybe")
    assert (refused.status, refused.code) == (400, "invalid_filter")


def test_a_list_that_has_not_changed_is_304(tenant, receiver):
    tenant.new_webhook(receiver.url(), contract="kuviq")
    for number in range(3):
        tenant.publish("item.created")
    stack.eventually(lambda: len(tenant.deliveries(status="completed")) == 3, 60, "all deliveries")
    for name in ("webhooks", "events", "deliveries"):
        for query in ("", "?limit=1"):
            path = tenant.path(f"/{name}{query}")
            tag = tenant.api.get(path).headers["etag"]
            known = tenant.api.call("GET", path, None, {"if-none-match": f'"x", {tag}'})
            assert (known.status, known.raw, known.headers["etag"]) == (304, b"", tag), path
            other = tenant.api.call("GET", path, None, {"if-none-match": '"x"'})
            assert (other.status, other.headers["etag"]) == (200, tag), path
    before = tenant.api.get(tenant.path("/deliveries")).headers["etag"]
    tenant.wait_for_status(tenant.publish("item.created"), "completed")
    new = tenant.api.call("GET", tenant.path("/deliveries"), None, {"if-none-match": before})
    assert len(new.ok()["items"]) == 4 and new.headers["etag"] != before


def test_the_list_of_events_pages_through_all_while_new_ones_arrive(tenant, receiver):
    tenant.new_webhook(receiver.url(), contract="kuviq")
    ids = set(publish(tenant, range(COUNT)))
    walk_while_more_arrive(tenant, tenant.path("/events"), "id", ids)


def test_deliveries_are_found_by_event_response_and_trigger(tenant, receiver):
    hooks = {path: tenant.new_webhook(receiver.url(path), contract="kuviq") for path in ("/takes", "/refuses", "/fails")}
    for path, status in (("/takes", 200), ("/refuses", 404), ("/fails", 503)):
        receiver.answer(Reply(status), path=path)
    own = stack.unique("order")
    tenant.publish("item.created", id=own, timestamp="2026-01-31T12:00:00.000Z")
    other = tenant.publish("item.created")

    def found(**query) -> list[tuple]:
        paths = {hook["id"]: path for path, hook in hooks.items()}
        return sorted((d["eventId"], paths[d["webhookId"]]) for d in tenant.deliveries(**query))

    of_both = lambda *paths: sorted((event, path) for event in (own, other) for path in paths)  # noqa: E731
    stack.eventually(lambda: found(status="completed,failed,retrying") == of_both(*hooks), 60, "all deliveries")
    assert found(responseCode="503") == found(responseCode="5xx") == of_both("/fails")
    assert found(responseCode="404,2xx") == of_both("/takes", "/refuses")
    assert found(responseCode="500") == []
    for event in (own, other):
        assert found(eventId=event) == sorted((event, path) for path in hooks)
        assert found(eventId=event, responseCode="4xx") == [(event, "/refuses")]
        assert [d["id"] for d in everything(tenant.api, tenant.path("/deliveries"), 1, eventId=event)] == [d["id"] for d in tenant.deliveries(eventId=event)]
    assert found(eventId="no-such") == found(eventId=own, until="2020-01-01T00:00:00Z") == []
    for name, value in (("eventId", "a.b"), ("responseCode", "5x"), ("responseCode", ""), ("trigger", "chance")):
        refused = tenant.api.get(tenant.path("/deliveries"), **{name: value})
        assert (refused.status, refused.code) == (400, "invalid_filter"), name
    (taken,) = tenant.deliveries(eventId=own, responseCode="200")
    assert taken["eventTimestamp"] == "2026-01-31T12:00:00.000Z" and taken["lastTrigger"] == "automatic"
    assert taken["lastDurationMs"] == tenant.delivery(taken["id"])["attemptLog"][-1]["durationMs"]
    # An attempt by hand, and a test event.
    tenant.api.post(tenant.path(f"/deliveries/{taken['id']}/retry")).ok(202)
    stack.eventually(lambda: found(trigger="manual") == [(own, "/takes")], 60, "the attempt by hand")
    tested = tenant.api.post(tenant.path(f"/webhooks/{hooks['/takes']['id']}/test")).ok()["deliveryId"]
    assert [d["id"] for d in tenant.deliveries(trigger="test,manual")] == [tested, taken["id"]]
    assert tenant.deliveries(status="pending") == []
