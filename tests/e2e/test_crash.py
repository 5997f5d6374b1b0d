"""The dispatcher is killed with SIGKILL while deliveries are in flight. AWS documents, and
MiniStack implements, that an invocation without an answer leaves its messages in the queue,
hidden until the visibility timeout is over (20 s in the tests' stack).

Of each kind of delivery twenty are in flight at the kill, and others were answered and recorded
just before.
"""

import functools
import json
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, Iterator

import pytest

from support import client, processes, stack
from support.receiver import Receiver, Request

# On one worker with the other tests that disturb the stack, so that none disturbs another between
# two of its tests.
pytestmark = pytest.mark.xdist_group("alone")

HELD = [f"held-{number}" for number in range(20)]
SETTLED = [f"settled-{number}" for number in range(5)]

# A lease (the timeout and ten seconds) must be over when its message comes back, as it always is on
# AWS.
TIMEOUT_SECONDS = 8
SCENES = 3

# By the kind of wave: how many attempts fail before the one that is interrupted.
KINDS = {"retry": 1, "http": 0, "sqs": 0, "sqs with ids": 0}
every_kind = pytest.mark.parametrize("kind", KINDS)


def name_of(request: Request) -> str:
    """Events are distinguished by their data, since not every event has an id chosen by the
    test."""
    return json.loads(request.body)["data"]["name"]


@dataclass(frozen=True, eq=False)
class Wave:
    """Twenty-five events of one kind, their tenant and their receiver."""

    kind: str
    tenant: client.Tenant
    receiver: Receiver
    hold: Event
    scene: int

    @property
    def path(self) -> str:
        return f"/{self.kind.replace(' ', '-')}/{self.scene}"

    def start(self) -> None:
        attempts: Counter[str] = Counter()

        def answer(request: Request) -> int:
            name = name_of(request)
            attempts[name] += 1
            if attempts[name] <= KINDS[self.kind]:
                return 500
            if name in HELD:
                self.hold.wait(60)
            return 200

        self.receiver.answer(answer, path=self.path)
        overrides = {"timeoutSeconds": TIMEOUT_SECONDS, "retryDelaysSeconds": [1, 1, 1]}
        self.tenant.new_webhook(self.receiver.url(self.path), overrides=overrides)

    def publish(self) -> None:
        events = [{"type": "item.created", "data": {"name": name}} for name in HELD + SETTLED]
        if "with ids" in self.kind:
            events = [{"id": event["data"]["name"], **event} for event in events]
        if "sqs" not in self.kind:
            self.tenant.api.post(self.tenant.path("/events/batch"), {"events": events}).ok(202)
            return
        for start in range(0, len(events), 10):
            entries = [
                {"Id": str(number), "MessageBody": json.dumps({**event, "tenantId": self.tenant.id}), "MessageGroupId": self.tenant.id}
                for number, event in enumerate(events[start : start + 10])
            ]
            sent = stack.aws("sqs").send_message_batch(QueueUrl=stack.outputs()["eventsQueueUrl"], Entries=entries)
            assert not sent.get("Failed"), sent

    def posts(self) -> Counter[str]:
        return Counter(name_of(request) for request in self.receiver.requests(self.path))

    def held_connections(self) -> set[int]:
        return {request.peer for request in self.receiver.requests(self.path) if name_of(request) in HELD}

    def ids(self) -> dict[str, str]:
        """The events' ids at the receiver: the same in all attempts."""
        ids = defaultdict(set)
        for request in self.receiver.requests(self.path):
            ids[name_of(request)].add(request.headers["webhook-id"])
        assert all(len(found) == 1 for found in ids.values()), f"webhook-id changed between attempts: {ids}"
        return {name: found.pop() for name, found in ids.items()}

    def all_in_flight(self) -> bool:
        posts, each = self.posts(), KINDS[self.kind] + 1
        assert posts == Counter({name: each for name in HELD + SETTLED}), f"posts so far: {dict(posts)}"
        return True

    def statuses(self) -> Counter[str]:
        return Counter(delivery["status"] for delivery in self.tenant.deliveries(limit=100))

    def settled_recorded(self) -> bool:
        completed = self.statuses()["completed"]
        assert completed == len(SETTLED), f"{completed} are recorded"
        return True

    @functools.cache
    def ended(self) -> dict[str, dict[str, Any]]:
        """Every event's delivery in detail, when all are completed."""

        def all_completed() -> bool:
            statuses = self.statuses()
            assert statuses == {"completed": len(HELD + SETTLED)}, f"{dict(statuses)}"
            return True

        # The visibility timeout, and time for a message that waits for another's lease.
        stack.eventually(all_completed, 60, f"all of {self.kind} to be completed", every=0.5)
        with ThreadPoolExecutor(8) as pool:
            return dict(zip(self.ids(), pool.map(self.tenant.delivery_of, self.ids().values())))


@dataclass(frozen=True)
class Crash:
    """The observations of the crash."""

    waves: dict[str, Wave]
    victims: dict[str, list[int]]
    # How many POSTs of each event had arrived when the processes were killed.
    before: dict[str, Counter[str]]


@pytest.fixture(scope="module")
def crash() -> Iterator[Crash]:
    """One kill after another, each only of those processes that send the wave's requests; their
    messages are hidden and come back meanwhile."""
    waves, victims, before = {}, {}, {}
    with Receiver() as receiver:
        for kind in KINDS:
            for scene in range(SCENES):
                waves[kind] = wave = Wave(kind, client.new_tenant("kuviq"), receiver, Event(), scene)
                wave.start()
                try:
                    wave.publish()
                    # All of this takes less than the first attempt's timeout; otherwise a request
                    # in flight ended before the kill.
                    stack.eventually(wave.all_in_flight, 60, f"{kind} to be in flight")
                    stack.eventually(wave.settled_recorded, 60, f"the answered attempts to be recorded, of {kind}")
                    before[kind], victims[kind] = wave.posts(), processes.kill_senders(wave.held_connections())
                    if wave.all_in_flight():
                        break
                except AssertionError:
                    # On a busy machine a request may have ended before: then the scene is repeated.
                    if scene == SCENES - 1:
                        raise
                finally:
                    # From here on the receiver answers; the senders of the held requests are dead.
                    wave.hold.set()
        yield Crash(waves, victims, before)


@pytest.mark.alone  # This one makes the crash; the others check the result.
@every_kind
def test_twenty_deliveries_were_in_flight_when_the_dispatcher_was_killed(crash: Crash, kind: str) -> None:
    assert crash.victims[kind], "no dispatcher process was found to kill"
    assert crash.before[kind] == Counter({name: KINDS[kind] + 1 for name in HELD + SETTLED}), "an attempt ended before the kill"


@every_kind
def test_everything_in_flight_is_delivered_in_the_end(crash: Crash, kind: str) -> None:
    ended = crash.waves[kind].ended()
    assert set(ended) == set(HELD + SETTLED)
    assert crash.waves[kind].tenant.dead_letters() == []


@every_kind
def test_what_the_kill_cut_off_is_posted_once_more_and_what_was_recorded_never(crash: Crash, kind: str) -> None:
    wave = crash.waves[kind]
    wave.ended()
    assert wave.posts() - crash.before[kind] == Counter(HELD)
    # And nothing changes afterwards: no stray message follows.
    wave.receiver.stays_at(sum(wave.posts().values()), 0.5, wave.path)


@every_kind
def test_the_log_agrees_with_the_receiver_but_for_the_attempt_that_was_cut_off(crash: Crash, kind: str) -> None:
    posts, failures = crash.waves[kind].posts(), [500] * KINDS[kind]
    for name, delivery in crash.waves[kind].ended().items():
        log = delivery["attemptLog"]
        assert delivery["attempts"] == len(log) == posts[name] - (name in HELD), f"{name}: {delivery}"
        assert sorted(a["number"] for a in log) == list(range(1, len(log) + 1))
        assert [a.get("responseCode") for a in sorted(log, key=lambda a: a["number"])] == [*failures, 200]
        assert delivery["lastResponseCode"] == 200 and "nextAttemptAt" not in delivery
