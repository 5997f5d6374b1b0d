"""How much one tenant affects another: B publishes steadily and sends itself test events, alone
and together with A, who does its worst.

    make neighbours                                              # every scenario, on a local stack of its own, a quarter of an hour
    make neighbours NEIGHBOURS="--scenario hang --seconds 30"    # scenarios.py has them all

`busy` is the baseline for the others: A publishes as much, and nothing hangs.

The figures are B's times from publish to arrival, and of a test event from call to answer: for B
alone; from A's first event on, before A's behaviour is detected; and after that, which is the
result that counts. The local cloud runs the batches of a mapping concurrently up to its
MaximumConcurrency, as AWS does, but takes messages in their order of arrival. SQS fair queues,
which on AWS let B's messages pass A's when A has many in flight, are not in these figures.
"""

import argparse
import contextlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from scenarios import SCENARIOS, TIMEOUT, Scenario, Steady, publish, receiver  # noqa: E402
from support import client, stack  # noqa: E402
from support.receiver import Receiver  # noqa: E402

AIM = 1.5
# How often B sends itself a test event, in seconds.
BETWEEN_TESTS = 1.0
# After the first timeout, the messages queued behind it need some seconds.
DRAINED = 10


WAITING = [lambda queue=queue: sum(stack.queue_depth(queue).values()) for queue in ("EventsQueue", "DeliveriesQueue", "SlowQueue")]


def share(sorted_times: list[float], of: float) -> float:
    return sorted_times[min(len(sorted_times) - 1, math.ceil(of * len(sorted_times)) - 1)]


def arrivals(of: Receiver) -> dict[int, tuple[float, float]]:
    """When each of B's events was published and when it first arrived, by its number."""
    first: dict[int, tuple[float, float]] = {}
    for request in of.requests():
        data = json.loads(request.body)["data"]
        first.setdefault(data["n"], (data["at"], request.arrived))
    return first


def measure(scenario: Scenario, seconds: float, pace: float) -> list[dict[str, Any]]:
    """One line for each phase and each of B's two uses."""
    tests: list[tuple[float, float]] = []
    phases: list[tuple[str, float, float]] = []
    b, a = client.new_tenant(), client.new_tenant()

    def phase(name: str, length: float) -> None:
        begin = time.time()
        time.sleep(length)
        phases.append((name, begin, time.time()))

    def test_itself(_: int) -> None:
        begin = time.time()
        b.api.post(b.path(f"/webhooks/{tested}/test")).ok(200)
        tests.append((begin, time.time()))

    with Receiver() as own, receiver(scenario.answers) as url, contextlib.ExitStack() as stops:
        b.new_webhook(own.url())
        tested = b.new_webhook(own.url("/test"), events=["none.such"])["id"]
        uses = [Steady(1 / pace, lambda n: publish(b, 1, n)), Steady(BETWEEN_TESTS, test_itself)]
        for one in uses:
            stops.callback(one.stop)
        # Until processes have started and connections are open.
        time.sleep(10)
        phase("B alone", seconds)
        worst = scenario.begin(a, url)
        for one in worst:
            stops.callback(one.stop)
        phase("A's first timeout", TIMEOUT + DRAINED)
        phase("beside A", seconds)
        for one in worst + uses:
            one.stop()
        published = uses[0].done
        stack.eventually(lambda: len(arrivals(own)) == published, 300, "all of B's events", every=1)
        came = list(arrivals(own).values())
    # A's remaining deliveries must not affect the next scenario: without their tenant they end.
    a.operator.delete(a.path()).ok(204)
    stack.eventually(lambda: not any(waiting() for waiting in WAITING), 300, "A's remaining deliveries to end", every=2)
    lines = []
    for use, times in (("event", came), ("test event", tests)):
        for name, begin, end in phases:
            taken = sorted(1000 * (done - at) for at, done in times if begin <= at < end)
            assert taken, f"B had no {use} in the phase {name}"
            lines.append({"use": use, "phase": name, "count": len(taken)} | {f"p{p}_ms": round(share(taken, p / 100)) for p in (50, 99, 100)})
    for line in lines:
        alone = next(one for one in lines if one["use"] == line["use"])
        line |= {f"p{p}_to_alone": round(line[f"p{p}_ms"] / max(alone[f"p{p}_ms"], 1), 2) for p in (50, 99)}
    return lines


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    asked.add_argument("--scenario", choices=SCENARIOS, nargs="*", default=list(SCENARIOS), help="what A does")
    asked.add_argument("--seconds", type=float, default=60, help="length of the phases that are compared")
    asked.add_argument("--pace", type=float, default=10, help="B's events a second")
    given = asked.parse_args(arguments)
    worst = 0.0
    for name in given.scenario:
        print(f"\n{name}: A sends {SCENARIOS[name].what}\n{'':12}{'':20} {'count':>6} {'p50 ms':>8} {'p99 ms':>8} {'most ms':>8} {'p50 / alone':>12} {'p99 / alone':>12}")
        lines = measure(SCENARIOS[name], given.seconds, given.pace)
        for l in lines:
            print(f"{l['use']:12}{l['phase']:20} {l['count']:>6} {l['p50_ms']:>8} {l['p99_ms']:>8} {l['p100_ms']:>8} {l['p50_to_alone']:>12} {l['p99_to_alone']:>12}", flush=True)
        # With one test event a second, the 99th percentile of a hundred is the longest of all: only
        # the median is compared with the aim.
        held = {"event": ("p50_to_alone", "p99_to_alone"), "test event": ("p50_to_alone",)}
        worst = max([worst] + [line[ratio] for line in lines if line["phase"] == "beside A" for ratio in held[line["use"]]])
        print(f"neighbours: {json.dumps({'scenario': name, 'seconds': given.seconds, 'pace': given.pace, 'lines': lines})}")
    print(f"\nB's p50 and p99, and the p50 of its test events, are at most {worst} of B's alone; the aim is {AIM}")
    return 0 if worst <= AIM else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
