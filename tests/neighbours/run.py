"""What a tenant feels of its neighbour's hanging receiver: B publishes steadily, with and without A, who floods a webhook that never answers.

    make neighbours                                     # on a local stack of its own, four minutes
    make neighbours NEIGHBOURS="--seconds 30 --flood 40"

Told are B's times from publish to arrival, for B alone; from A's first event on, when nobody knows yet that its receiver hangs; and later, when A is on
the slow lane. The local cloud runs the batches of a mapping side by side up to its MaximumConcurrency, as AWS does, but takes messages in the order in
which they came: SQS fair queues, which on AWS let B's messages pass A's where A has many in flight, are not in these figures.
"""

import argparse
import json
import math
import socket
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import client, stack  # noqa: E402
from support.receiver import Receiver  # noqa: E402

AIM = 1.5


class Hole:
    """Takes connections and never answers; without a thread for each."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._held: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            self._held.append(self._listener.accept()[0])

    @property
    def taken(self) -> int:
        return len(self._held)

    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/"


def publish(tenant: client.Tenant, count: int, number: int) -> None:
    """So many events at once by SQS, as a batch where it is more than one; each tells its number and when it was published."""
    bodies = [json.dumps({"tenantId": tenant.id, "type": "item.created", "data": {"n": number + i, "at": time.time()}}) for i in range(count)]
    entries = [{"Id": str(i), "MessageBody": body, "MessageGroupId": tenant.id} for i, body in enumerate(bodies)]
    answer = stack.aws("sqs").send_message_batch(QueueUrl=stack.outputs()["eventsQueueUrl"], Entries=entries)
    assert not answer.get("Failed"), answer


class Steady:
    """Publishes at a pace until it is told to stop. The pace is kept by the clock, so that a slow call is made up for."""

    def __init__(self, tenant: client.Tenant, per_second: float, at_once: int = 1) -> None:
        self.published, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(tenant, per_second, at_once))
        self._thread.start()

    def _run(self, tenant: client.Tenant, per_second: float, at_once: int) -> None:
        began = time.monotonic()
        while not self._stop.is_set():
            publish(tenant, at_once, self.published)
            self.published += at_once
            self._stop.wait(max(0.0, began + self.published / per_second - time.monotonic()))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


def share(sorted_times: list[float], of: float) -> float:
    return sorted_times[min(len(sorted_times) - 1, math.ceil(of * len(sorted_times)) - 1)]


class Arrivals:
    """When B's events were published and arrived."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def between(self, begin: float, end: float) -> list[float]:
        """Milliseconds from publish to arrival of what was published in that time, sorted; the first arrival of each event."""
        first: dict[int, tuple[float, float]] = {}
        for request in self._receiver.requests():
            data = json.loads(request.body)["data"]
            first.setdefault(data["n"], (data["at"], request.arrived))
        return sorted(1000 * (arrived - at) for at, arrived in first.values() if begin <= at < end)

    def wait_for_all(self, published: int, within: float) -> None:
        def came() -> bool:
            return len({json.loads(request.body)["data"]["n"] for request in self._receiver.requests()}) == published

        stack.eventually(came, within, "all of B's events", every=1)


def measure(seconds: float, flood: float, pace: float, timeout: int) -> list[dict]:
    hole, phases = Hole(), []
    b, a = client.new_tenant(), client.new_tenant()
    with Receiver() as receiver:
        b.new_webhook(receiver.url())
        a.new_webhook(hole.url(), overrides={"timeoutSeconds": timeout})
        arrivals = Arrivals(receiver)
        steady = Steady(b, pace)
        # Processes start and connections come about.
        time.sleep(10)

        def phase(name: str, length: float) -> None:
            begin = time.time()
            time.sleep(length)
            phases.append({"phase": name, "begin": begin, "end": time.time()})

        phase("B alone", seconds)
        flooding = Steady(a, flood, at_once=10)
        phase("A's first timeouts", 3 * timeout)
        phase("beside A", seconds)
        flooding.stop()
        steady.stop()
        arrivals.wait_for_all(steady.published, 300)
        for one in phases:
            times = arrivals.between(one.pop("begin"), one.pop("end"))
            one |= {"events": len(times), "p50_ms": round(share(times, 0.5)), "p99_ms": round(share(times, 0.99)), "most_ms": round(times[-1])}
        alone = phases[0]["p99_ms"]
        for one in phases:
            one["p99_to_alone"] = round(one["p99_ms"] / alone, 2)
        print(f"A published {flooding.published}, its receiver took {hole.taken} connections", flush=True)
        return phases


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seconds", type=float, default=60, help="length of the phases that are compared")
    asked.add_argument("--flood", type=float, default=20, help="A's events a second")
    asked.add_argument("--pace", type=float, default=10, help="B's events a second")
    asked.add_argument("--timeout", type=int, default=8, help="of A's webhook, in seconds")
    given = asked.parse_args(arguments)
    phases = measure(given.seconds, given.flood, given.pace, given.timeout)
    print(f"\n{'':20} {'events':>7} {'p50 ms':>8} {'p99 ms':>8} {'most ms':>8} {'p99 / alone':>12}")
    for one in phases:
        print(f"{one['phase']:20} {one['events']:>7} {one['p50_ms']:>8} {one['p99_ms']:>8} {one['most_ms']:>8} {one['p99_to_alone']:>12}")
    ratio = phases[-1]["p99_to_alone"]
    print(f"\nneighbours: {json.dumps({'seconds': given.seconds, 'flood': given.flood, 'pace': given.pace, 'timeout': given.timeout, 'phases': phases})}")
    print(f"B's p99 beside A is {ratio} of B's alone; the aim is {AIM}")
    return 0 if ratio <= AIM else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
