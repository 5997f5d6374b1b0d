"""Receivers that misbehave in every known way, against the real dispatcher: each attempt ends in
time, little is stored, and the process does not grow.

All of them together in one invocation; with POSTEL_TEST_HOSTILE_RECEIVERS_ALONE=1 each alone as
well (the scorecard), with its memory.
"""

import contextlib
import json
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterable, Iterator

import pytest
from support import logs, processes, scorecard, stack
from support.client import Tenant, new_tenant
from support.hostile_receivers import KINDS, HostileReceiver

# Long enough that a quick receiver on a busy machine does not count as hanging.
TIMEOUT_SECONDS = 9
MAX_SECONDS = TIMEOUT_SECONDS + 1
MAX_RECORDED_BYTES = 16 * 1024
MAX_GROWTH = 16 * 1024 * 1024
MAX_MEMORY_OF_LARGE_EVENTS = 96 * 1024 * 1024
MAX_RECEIVES = 6
# Of the text in an event.
SIZE = 50_000
EACH_ALONE = scorecard.count("HOSTILE_RECEIVERS_ALONE", 0)


@pytest.fixture
def receivers() -> Iterator[dict[str, HostileReceiver]]:
    made = {name: HostileReceiver(of) for name, of in KINDS.items()}
    yield made
    for receiver in made.values():
        receiver.close()


class Memory:
    """How much the dispatcher's processes grow: Linux only, where the high-water mark can be
    reset."""

    def __init__(self) -> None:
        self._before = {pid: self._kilobytes(pid, "VmRSS") for pid in self._pids()}
        assert self._before or not sys.platform.startswith("linux"), "no dispatcher process was found"
        for pid in self._before:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    @contextlib.contextmanager
    def watching(self, receivers: "Iterable[HostileReceiver | LateReader]") -> Iterator[None]:
        """Finds out which of them talk to the receivers meanwhile: the others work for other
        tests."""
        ports, over, self._seen = [receiver.port for receiver in receivers], threading.Event(), set[int]()

        def look() -> None:
            while not over.wait(0.3):
                self._seen |= set(processes.senders(*ports).values())

        watch = threading.Thread(target=look)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()

    def growth(self) -> int:
        """In bytes, of the one that grew most. A process that started meanwhile is not counted:
        it had no memory before."""
        alive = self._pids()
        # A sender that closes at once may not be seen; then it may have been any of them.
        counted = [pid for pid in self._before if pid in alive and pid in (self._seen or alive)]
        grown = [self._kilobytes(pid, "VmHWM") - self._before[pid] for pid in counted]
        return max(grown, default=0) * 1024

    def peak(self) -> int:
        """In bytes, the highest peak since the watch began, including the memory before it."""
        had = [self._kilobytes(pid, "VmHWM") for pid in self._seen & set(self._pids())]
        return max(had) * 1024

    @staticmethod
    def _pids() -> list[int]:
        return [pid for pid in processes.bootstraps() if Path(f"/proc/{pid}/clear_refs").exists()]

    @staticmethod
    def _kilobytes(pid: int, field: str) -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(field))


def body_of(tenant: Tenant, event_type: str, number: int, size: int) -> str:
    return json.dumps({"tenantId": tenant.id, "type": event_type, "data": {"number": number, "text": "x" * size}})


def records_of(tenant: Tenant, *bodies: str) -> list[dict[str, Any]]:
    return [stack.sqs_record(body, group=tenant.id) for body in bodies]


def invoke(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hands messages to the dispatcher in one invocation; returns those that come back, as SQS
    would hand them the next time."""
    failed = {failure["itemIdentifier"] for failure in stack.invoke_with(records)["batchItemFailures"]}
    left = [record for record in records if record["messageId"] in failed]
    for record in left:
        record["attributes"]["ApproximateReceiveCount"] = str(int(record["attributes"]["ApproximateReceiveCount"]) + 1)
    return left


def deliver(records: list[dict[str, Any]]) -> int:
    """Hands them over until none comes back, and returns how often. On a busy machine a call of
    the local cloud may time out, but never for long."""
    for times in range(1, MAX_RECEIVES):
        if not (records := invoke(records)):
            return times
    raise AssertionError("a receiver's failure is not a failure of Postel")


def check(tenant: Tenant, delivery: dict[str, Any], name: str) -> tuple[float, int]:
    """The seconds that the attempt took, and the bytes that were stored."""
    (attempt,) = tenant.delivery(delivery["id"])["attemptLog"]
    ended = attempt["error"]["code"] if "error" in attempt else str(attempt["responseCode"])
    assert ended in KINDS[name].ends, f"{name} ended as {ended}: {attempt.get('error')}"
    took = attempt["durationMs"] / 1000
    assert took <= MAX_SECONDS, f"{name} took {took} s of {TIMEOUT_SECONDS}"
    kept = len(attempt.get("responseBody", "").encode())
    assert kept <= MAX_RECORDED_BYTES, f"{kept} bytes of {name} are kept"
    headers = attempt.get("responseHeaders", {})
    assert sum(len(header) + len(value.encode()) for header, value in headers.items()) <= 20 * 300, f"{name}: {headers}"
    return took, kept


# Forty receivers are threads of this process: beside five other workers they get too little of the
# processor. Others' events would count as its growth.
@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_every_hostile_receiver_ends_in_time_and_leaves_little_behind(receivers: dict[str, HostileReceiver]):
    assert len(KINDS) >= 30
    began = time.time()
    tenant = new_tenant("standard", limits={"webhooks": len(KINDS) + 1, "requestsPerMinute": 100_000})
    overrides = {"retryDelaysSeconds": [], "timeoutSeconds": TIMEOUT_SECONDS}
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(
            lambda one: tenant.new_webhook(one[1].url, [f"kind.{one[0]}", "kind.all"], overrides=overrides)["id"], enumerate(receivers.values())
        )
        names = dict(zip(made, receivers))
    # A process whose memory is measured has run before.
    deliver(records_of(tenant, body_of(tenant, "kind.of.nobody", 0, SIZE)))
    memory = Memory()

    with memory.watching(receivers.values()):
        receives = deliver(records_of(tenant, body_of(tenant, "kind.all", 0, SIZE)))

    deliveries = tenant.all_deliveries()
    assert sorted(names[d["webhookId"]] for d in deliveries) == sorted(KINDS)
    with ThreadPoolExecutor(4) as pool:
        checked = pool.map(lambda d: (names[d["webhookId"]], check(tenant, d, names[d["webhookId"]])), deliveries)
        measured = dict(checked)
    assert {name: r.connections for name, r in receivers.items() if not 1 <= r.connections <= receives} == {}, "an attempt is one connection"
    growth = memory.growth()
    assert growth < MAX_GROWTH, f"a dispatcher grew by {growth / 1e6:.1f} MB"
    longest, alone = max(took for took, _ in measured.values()), {}

    for number, (name, receiver) in enumerate(receivers.items()) if EACH_ALONE else ():
        memory = Memory()
        with memory.watching([receiver]):
            before = receiver.connections
            receives = deliver(records_of(tenant, body_of(tenant, f"kind.{number}", 1, SIZE)))
        (delivery,) = [d for d in tenant.deliveries(limit=5) if d["eventType"] == f"kind.{number}"]
        took, _ = check(tenant, delivery, name)
        alone[name] = memory.growth()
        assert alone[name] < MAX_GROWTH, f"{name}: a dispatcher grew by {alone[name] / 1e6:.1f} MB"
        assert 1 <= receiver.connections - before <= receives
        longest = max(longest, took)

    panics = [line for line in logs.lines(logs.group_of("DispatcherFunction"), began) if "panicked" in line]
    assert panics == []
    scorecard.row(
        9,
        kinds=len(KINDS),
        max_seconds=longest,
        timeout_seconds=TIMEOUT_SECONDS,
        max_kept_bytes=max(kept for _, kept in measured.values()),
        grew_megabytes_all_at_once=round(growth / 1e6, 1),
        grew_megabytes_each_alone=round(max(alone.values()) / 1e6, 1) if alone else None,
        panics=0,
    )


class LateReader(socketserver.ThreadingTCPServer):
    """Accepts every connection, reads nothing for a second, then reads all and answers 200."""

    request_queue_size, daemon_threads = 400, True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            time.sleep(1)
            lines = list(iter(self.rfile.readline, b"\r\n"))
            (length,) = [int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:")]
            assert len(self.rfile.read(length)) == length
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler, bind_and_activate=False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.server_bind()
        self.server_activate()
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


# It measures the memory of one process, in which others' events would count.
@pytest.mark.alone
@pytest.mark.xdist_group("alone")
def test_large_events_to_receivers_that_read_late_leave_a_function_enough_memory():
    """Ten events of 255 KB to 40 webhooks: 102 MB of bodies, in a function of 256 MB that has
    other tenants' events in its batch."""
    webhooks, events = 40, 10
    tenant = new_tenant("standard", limits={"webhooks": webhooks, "requestsPerMinute": 100_000})
    with LateReader() as reader, ThreadPoolExecutor(4) as pool:
        url = f"http://127.0.0.1:{reader.port}/hook"
        list(pool.map(lambda _: tenant.new_webhook(url, ["large"], overrides={"retryDelaysSeconds": []}), range(webhooks)))
        deliver(records_of(tenant, body_of(tenant, "kind.of.nobody", 0, SIZE)))
        memory = Memory()
        records = records_of(tenant, *(body_of(tenant, "large", n, 255_000) for n in range(events)))
        with memory.watching([reader]):
            left = invoke(records)
        peak = memory.peak()
        if left:
            deliver(left)
        # Attempts that waited too long for the others were made from the slow lane.
        completed = {"completed": webhooks * events}
        stack.eventually(lambda: Counter(delivery["status"] for delivery in tenant.all_deliveries()) == completed, 60, "the end of all deliveries", every=1)
        reader.shutdown()

    print(f"a dispatcher had {peak / 1e6:.1f} MB")
    assert peak < MAX_MEMORY_OF_LARGE_EVENTS, f"a dispatcher had {peak / 1e6:.1f} MB"
