"""The same request, made by many callers at the same moment, takes effect once.

POSTEL_TEST_PUBLISHES_AT_ONCE and POSTEL_TEST_RETRIES_AT_ONCE set the number of callers (1000 and
100 for the scorecard).
"""

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest
from support import scorecard, stack
from support.client import STANDARD_SECRET, Answer, Tenant, event_bytes, new_tenant
from support.contracts import check_standard, seconds_of
from support.receiver import Receiver, Reply, Request

PUBLISHES = scorecard.count("PUBLISHES_AT_ONCE", 60)
# A thousand concurrent callers would need two thousand processes of the local gateway.
CALLERS = min(PUBLISHES, 100)
RETRIES = scorecard.count("RETRIES_AT_ONCE", 20)
WEBHOOKS = 3
# A lease outlasts its attempt's timeout by this much.
LEASE_MARGIN_SECONDS = 10


def at_once(callers: int, call: Callable[[], Answer], each: int = 1) -> list[Answer]:
    """The same call from several threads, released together; each repeats it `each` times."""
    gate = threading.Barrier(callers)

    def one(_) -> list[Answer]:
        gate.wait(30)
        return [call() for _ in range(each)]

    with ThreadPoolExecutor(callers) as pool:
        return [answer for answers in pool.map(one, range(callers)) for answer in answers]


def test_concurrent_publications_of_one_id_are_one_event_with_its_deliveries(receiver: Receiver):
    tenant = new_tenant("standard", limits={"requestsPerMinute": 1_000_000})
    for number in range(WEBHOOKS):
        tenant.new_webhook(receiver.url(f"/{number}"))
    own = stack.unique("own")
    body = event_bytes("item.created", b'{"n":1.50}', id=own)
    assert PUBLISHES % CALLERS == 0
    # A hundred concurrent calls start as many environments, a quarter at a time: cold starts are
    # not tested here.
    idle = new_tenant("standard", limits={"requestsPerMinute": 1_000_000})
    for callers in range(CALLERS // 4, CALLERS + 1, CALLERS // 4) if PUBLISHES > CALLERS else ():
        at_once(callers, lambda: idle.api.within(300).post(idle.path("/events"), body))
    began = time.monotonic()

    # The local gateway starts two processes for each concurrent call.
    api = tenant.api.within(300)
    answers = at_once(CALLERS, lambda: api.post(tenant.path("/events"), body), each=PUBLISHES // CALLERS)

    took = time.monotonic() - began
    assert Counter(a.status for a in answers) == {202: PUBLISHES}, Counter(a.raw[:200] for a in answers if a.status != 202)
    assert {a.json["id"] for a in answers} == {own}
    assert Counter(a.json["duplicate"] for a in answers) == {False: 1, True: PUBLISHES - 1}
    receiver.wait(WEBHOOKS, path=None)
    for number in range(WEBHOOKS):
        (request,) = receiver.stays_at(1, 1, f"/{number}")
        assert request.headers["webhook-id"] == own and check_standard(request, STANDARD_SECRET)["data"] == {"n": 1.5}
    stack.eventually(lambda: {d["status"] for d in tenant.event(own)["deliveries"]} == {"completed"}, 60, "the deliveries to be recorded")
    deliveries = tenant.all_deliveries()
    assert len(deliveries) == WEBHOOKS and {d["eventId"] for d in deliveries} == {own} and {d["attempts"] for d in deliveries} == {1}
    assert tenant.dead_letters() == []
    posts = len(receiver.stays_at(WEBHOOKS, 1, None))
    scorecard.row(10, part="publishes", publishes=PUBLISHES, at_once=CALLERS, events=1, webhooks=WEBHOOKS, posts=posts, same_answer=len(answers), seconds=round(took, 1))


@pytest.mark.parametrize("manual_status", [500] if RETRIES < 100 else [500, 200])
def test_many_manual_retries_at_once_beside_a_scheduled_one_are_one_post(receiver: Receiver, manual_status: int):
    """Manual retries are requested during the scheduled retry: the manual one waits until that
    one's lease is over, so all requests meet one that is pending. It is an attempt of its own;
    its result ends the delivery, or leaves the schedule unchanged."""
    tenant = new_tenant("standard", limits={"requestsPerMinute": 1_000_000})
    # The requests must meet the scheduled attempt in progress, so its answer is held back until
    # then.
    timeout, answered = 8 if RETRIES < 100 else 10, threading.Event()
    # The function's environments exist by then: its cold starts are not tested here.
    at_once(RETRIES, lambda: tenant.api.get(tenant.path("/webhooks")))
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3, 3600], "timeoutSeconds": timeout})

    def scheduled(_: Request) -> Reply:
        answered.wait(timeout - 1)
        return Reply(500)

    receiver.answer(500, scheduled, manual_status)
    event_id = tenant.publish("item.created", {"n": 1})
    receiver.wait(2)
    waiting = tenant.delivery_of(event_id)

    answers = at_once(RETRIES, lambda: tenant.api.post(tenant.path(f"/deliveries/{waiting['id']}/retry")))

    last_answer = time.time()
    answered.set()
    assert Counter(a.status for a in answers) == {202: RETRIES}, Counter(a.raw[:200] for a in answers if a.status != 202)
    assert {a.json["deliveryId"] for a in answers} == {waiting["id"]}
    manual = receiver.wait(3, within=60)[2]
    assert manual.arrived > last_answer, "the requests took longer than the lease: this proves nothing"
    ended = stack.eventually(lambda: (d := tenant.delivery(waiting["id"]))["attempts"] == 3 and d, 60, "the manual attempt in the log")
    assert [(a["number"], a["trigger"]) for a in ended["attemptLog"]] == [(1, "automatic"), (2, "automatic"), (3, "manual")]
    if manual_status == 200:
        assert ended["status"] == "completed" and "nextAttemptAt" not in ended
    else:
        assert ended["status"] == "retrying" and seconds_of(ended["nextAttemptAt"]) > time.time() + 3000, "the schedule is unchanged"
    # Requested again after it has ended, it is one more attempt.
    tenant.api.post(tenant.path(f"/deliveries/{waiting['id']}/retry")).ok(202)
    receiver.wait(4)
    # As long as a message that met one of these leases may be delayed.
    posts = receiver.stays_at(4, timeout + LEASE_MARGIN_SECONDS + 3)
    assert {r.headers["webhook-id"] for r in posts} == {event_id} and len({r.body for r in posts}) == 1
    stack.drop_schedules({waiting["id"]})
    scorecard.row(10, part=f"manual retries, answered {manual_status}", at_once=RETRIES, manual_posts=1, automatic_posts=2)
