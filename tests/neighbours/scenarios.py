"""What A does to the dispatchers that it shares with B. Each scenario begins with A's webhooks
and runs until it is stopped."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

from support import client, stack

# The longest timeout that the stack of `make neighbours` allows.
TIMEOUT = 12
# The maximum of a tenant's webhooks, and of a webhook's own headers.
MAX_WEBHOOKS = 25
MAX_HEADERS = {f"X-Own-{n:02}": f"{n:02}" + "v" * 110 for n in range(32)}


def publish(tenant: client.Tenant, count: int, number: int = 0) -> None:
    """Publishes this many events at once over SQS, in batches of ten; each contains its number
    and its time."""
    bodies = [json.dumps({"tenantId": tenant.id, "type": "item.created", "data": {"n": number + i, "at": time.time()}}) for i in range(count)]
    for first in range(0, count, 10):
        entries = [{"Id": str(i), "MessageBody": body, "MessageGroupId": tenant.id} for i, body in enumerate(bodies[first : first + 10])]
        answer = stack.aws("sqs").send_message_batch(QueueUrl=stack.outputs()["eventsQueueUrl"], Entries=entries)
        assert not answer.get("Failed"), answer


class Steady:
    """Repeats an action at an interval until it is stopped. The clock sets the pace, so a slow
    call is made up for."""

    def __init__(self, each: float, what: Callable[[int], Any]) -> None:
        self.done, self._stop, self._failed = 0, threading.Event(), None
        self._thread = threading.Thread(target=self._run, args=(each, what))
        self._thread.start()

    def _run(self, each: float, what: Callable[[int], Any]) -> None:
        began = time.monotonic()
        try:
            while not self._stop.is_set():
                what(self.done)
                self.done += 1
                self._stop.wait(max(0.0, began + self.done * each - time.monotonic()))
        except Exception as failed:
            self._failed = failed

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        if self._failed:
            raise self._failed


@contextlib.contextmanager
def receiver(after: str) -> Iterator[str]:
    """A's receiver; returns its URL."""
    own = subprocess.Popen([sys.executable, Path(__file__).with_name("receiver.py"), after], stdout=subprocess.PIPE, text=True)
    try:
        assert own.stdout
        yield f"http://127.0.0.1:{int(own.stdout.readline())}/"
    finally:
        own.terminate()
        own.wait()


@dataclass(frozen=True)
class Scenario:
    """`answers` is the behaviour of A's receiver; `begin` starts A's work and returns what runs
    until it is stopped."""

    what: str
    answers: str
    begin: Callable[[client.Tenant, str], list[Steady]]


def _hang(a: client.Tenant, url: str) -> list[Steady]:
    a.new_webhook(url, overrides={"timeoutSeconds": TIMEOUT})
    return [Steady(0.5, lambda n: publish(a, 10, n))]


def _headers(a: client.Tenant, url: str) -> list[Steady]:
    for n in range(MAX_WEBHOOKS):
        a.new_webhook(f"{url}{n}", headers=MAX_HEADERS)
    publish(a, 60)
    return [Steady(1, lambda n: publish(a, 1, n))]


def _just_in_time(a: client.Tenant, url: str) -> list[Steady]:
    a.new_webhook(url, overrides={"timeoutSeconds": TIMEOUT})
    for _ in range(4):
        a.api.post(a.path("/events/batch"), {"events": [{"type": "item.created", "data": {}}] * 100}).ok(202)
    return [Steady(0.5, lambda n: publish(a, 10, n))]


def _tests(a: client.Tenant, url: str) -> list[Steady]:
    made = [a.new_webhook(f"{url}{n}", overrides={"timeoutSeconds": TIMEOUT})["id"] for n in range(MAX_WEBHOOKS)]
    impatient = a.api.within(2)

    def test(webhook: str) -> None:
        # The caller hangs up and does not wait for the answer; a call during another test event is
        # rejected.
        with contextlib.suppress(TimeoutError):
            assert impatient.post(a.path(f"/webhooks/{webhook}/test")).status in (200, 409, 429)

    return [Steady(0.5, lambda n, first=first: test(made[(4 * n + first) % len(made)])) for first in range(4)]


def _busy(a: client.Tenant, url: str) -> list[Steady]:
    a.new_webhook(url)
    return [Steady(0.5, lambda n: publish(a, 10, n))]


SCENARIOS = {
    "busy": Scenario("20 events a second to a receiver that answers at once", "0", _busy),
    "hang": Scenario("20 events a second to a receiver that never answers", "never", _hang),
    "just-in-time": Scenario(f"400 events in four calls and then 20 a second, to a receiver that answers 200 a second before its timeout of {TIMEOUT} s", str(TIMEOUT - 1), _just_in_time),
    "headers": Scenario("60 events at once and then one a second, to 25 webhooks with 32 own headers each", "0", _headers),
    "tests": Scenario("8 test events a second for 25 webhooks whose receiver never answers; the caller hangs up after 2 s", "never", _tests),
}
