"""Two versions of Postel on one stack: what was released last, and this checkout. Prints one table,
and exits 1 if an event is lost or anything cannot be read.

    make upgrade-test                                 # builds both versions; a quarter of an hour at first
    make upgrade-test UPGRADE="--from v0.1.0 --events 2000"

Each part publishes over HTTP and SQS to receivers of which one fails half of its first attempts,
for good for some events. Afterwards the dead letters are redriven. Then every accepted event must
be delivered to each webhook, by the receiver's own count and by tests/chaos/accounting.py.
"""

import argparse
import itertools
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "chaos"), str(ROOT / "tests"), str(ROOT / "infra" / "local")]

import binaries  # noqa: E402
import stack_under_test  # noqa: E402
import wait_until_settled  # noqa: E402
from load import Crowd, fate, paced  # noqa: E402
from support import stack  # noqa: E402
from support.receiver import Receiver, Request  # noqa: E402
from versions import FORMER, THIS, Versions, invocations, unreadable  # noqa: E402

# The last commit whose rows and messages this version must share a stack with: the last release,
# and until there is one, the last commit that was handed over.
LAST_RELEASED = "dfa07a00f65b2c9c85af7b47961f343a9d69b870"
PORT = 4569
TENANTS = 4
# Longer than POSTEL's QueueDelayLimitSeconds there, so that some retries wait as a schedule, which
# the other version may find.
DELAYS = [1, 7]
# How many partitions of the index a version before the parameter DueShards sweeps.
DUE_SHARDS = 8
SETTLED_SECONDS = 240


@dataclass
class Part:
    """One row of the table."""

    name: str
    numbers: dict[str, object]
    wrong: list[str] = field(default_factory=list)


class Load:
    """Events to webhooks of which one in four fails at first."""

    def __init__(self, receiver: Receiver) -> None:
        self.crowd = Crowd(receiver)
        self.is_healed = False
        self._tries, self._successes = Counter(), Counter()
        for _ in range(TENANTS):
            self.crowd.add(2, overrides={"timeoutSeconds": 8, "retryDelaysSeconds": DELAYS})
        failing = sorted(self.crowd.paths)[::4]
        for path in self.crowd.paths:
            self.crowd.answer(path, lambda request, path=path: self._answer(request, path, path in failing))

    def _answer(self, request: Request, path: str, fails: bool) -> int:
        event = request.headers["webhook-id"]
        self._tries[event, path] += 1
        if fails and not self.is_healed and (fate(event, 0.1) or (fate(event[::-1], 0.5) and self._tries[event, path] <= 2)):
            return 500
        self._successes[event, path] += 1
        return 200

    def publish(self, events: int, seconds: float) -> None:
        steps = max(10, int(seconds * 2))
        for step in paced(steps, seconds):
            count = events * (step + 1) // steps - events * step // steps
            if count:
                self.crowd.publish(self.crowd.tenants[step % TENANTS], count, door=step // TENANTS + step)

    def redrive(self) -> int:
        """All dead letters, now that the receivers are well."""
        self.is_healed, count = True, 0
        for tenant in self.crowd.tenants:
            if dead := len(tenant.all_dead_letters()):
                count += dead
                tenant.api.post(tenant.path("/redrives"), {"ratePerSecond": 50}).ok(202)
        return count

    def duplicates(self) -> int:
        return sum(times - 1 for times in self._successes.values())


def part(name: str, receiver: Receiver, events: int, seconds: float, meanwhile: Callable[[threading.Event], None] = lambda over: None) -> Part:
    """Publishes while something else happens, waits until all is done, redrives, and judges."""
    began, load, over = time.time(), Load(receiver), threading.Event()
    failed: list[str] = []

    def other() -> None:
        try:
            meanwhile(over)
        except Exception as error:  # In a thread: the part reports it.
            failed.append(f"the change of version failed: {error!r}")

    beside = threading.Thread(target=other)
    beside.start()
    try:
        load.publish(events, seconds)
    finally:
        over.set()
        beside.join()
    due = [int(row["due_shard"]["S"]) for row in stack.scan("LogTable") if "due_shard" in row]
    settled = wait_until_settled.wait(load.crowd, SETTLED_SECONDS)
    redriven = load.redrive()
    settled = settled and wait_until_settled.wait(load.crowd, SETTLED_SECONDS)
    report = wait_until_settled.account(load.crowd)
    unread = unreadable(began)
    wrong = failed + report.wrong + unread
    wanted = 2 * len(load.crowd.accepted)
    if report.counts["delivered"] != wanted:
        wrong.append(f"{report.counts['delivered']} of {wanted} deliveries are delivered")
    if not settled:
        wrong.append("not all work was finished")
    if not due or max(due) >= DUE_SHARDS:
        wrong.append(f"{sum(shard >= DUE_SHARDS for shard in due)} of {len(due)} due deliveries are where the former version may not look")
    ran = {name: invocations(name, began) for name in ("publish", "dispatcher", "notifier")}
    if not ran["notifier"]:
        wrong.append("the notifier has read no row")
    numbers = {
        "events": len(load.crowd.accepted),
        "POSTs": len(load.crowd.posts),
        "delivered": report.counts["delivered"],
        "redriven": redriven,
        "duplicates": load.duplicates(),
        "lost": wanted - report.counts["delivered"],
        "due at the end": len(due),
        "unreadable": len(unread),
        "publish former/this": f"{ran['publish'][FORMER]}/{ran['publish'][THIS]}",
        "dispatcher former/this": f"{ran['dispatcher'][FORMER]}/{ran['dispatcher'][THIS]}",
        "notifier": ran["notifier"].total(),
        "s": round(time.time() - began),
    }
    print(f"{time.strftime('%H:%M:%S')} {name}: {numbers}", flush=True)
    for what in wrong[:20]:
        print(f"    {what}", flush=True)
    return Part(name, numbers, wrong)


def parts(versions: Versions, receiver: Receiver, events: int, seconds: float, chance: random.Random) -> Iterator[Part]:
    def mixed(over: threading.Event) -> None:
        """As in a gradual deployment: any invocation may be of either version."""
        for publish, dispatcher in itertools.cycle(itertools.product((FORMER, THIS), repeat=2)):
            if over.wait(chance.uniform(0.2, 0.6)):
                return
            versions.live(publish=publish, dispatcher=dispatcher)

    def change(version: str, others_first: bool) -> Callable[[threading.Event], None]:
        def run(over: threading.Event) -> None:
            over.wait(seconds / 3)
            if others_first:
                versions.others(version)
            versions.live(publish=version, dispatcher=version)
            if not others_first:
                versions.others(version)

        return run

    versions.live(publish=THIS, dispatcher=FORMER)
    yield part("former dispatcher, this publish", receiver, events, seconds)
    versions.live(publish=FORMER, dispatcher=THIS)
    yield part("this dispatcher, former publish", receiver, events, seconds)
    yield part("both of both, mixed", receiver, events, seconds, mixed)
    versions.live(publish=FORMER, dispatcher=FORMER)
    yield part("upgrade under load", receiver, events, seconds, change(THIS, others_first=True))
    yield part("rollback under load", receiver, events, seconds, change(FORMER, others_first=False))
    versions.others(THIS)
    versions.live(publish=THIS, dispatcher=THIS)


def restore() -> Part:
    """The documented script, by the test that holds it, on the upgraded stack with its rows of both
    versions."""
    began = time.time()
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "tests/e2e/test_restore.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    name = "restore into a second stack"
    print(f"{time.strftime('%H:%M:%S')} {name}: {done.stdout.strip().splitlines()[-1:]}", flush=True)
    wrong = [] if done.returncode == 0 else done.stdout.splitlines()[-30:]
    return Part(name, {"s": round(time.time() - began)}, wrong)


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    asked.add_argument("--from", dest="former", default=LAST_RELEASED, help="the former version's commit")
    asked.add_argument("--events", type=int, default=600, help="in each part")
    asked.add_argument("--seconds", type=float, default=20, help="over which they are published")
    asked.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked.add_argument("--port", type=int, default=int(os.environ.get("POSTEL_PORT") or PORT), help="the stack's own port")
    asked.add_argument("--without-restore", action="store_true")
    given = asked.parse_args(arguments)
    this = binaries.of_this()
    former = binaries.of(given.former, this)
    directory = ROOT / ".local" / str(given.port)
    os.environ |= {"POSTEL_PORT": str(given.port), "POSTEL_STATE_DIR": str(directory), "POSTEL_OUTPUTS": str(directory / "outputs.json")}
    os.environ |= {"POSTEL_ALIASES": "1", "POSTEL_REPLACE": "1", "POSTEL_BOOTSTRAPS": str(former)}
    # With a bus, so that the notifier reads the rows of both versions; the partitions as in an
    # upgrade, since the former version may sweep only so many.
    parameters = stack_under_test.PARAMETERS | {"EventBusName": "default", "DueShards": str(DUE_SHARDS)}
    os.environ["POSTEL_PARAMETERS"] = " ".join(f"{name}={value}" for name, value in parameters.items())
    os.environ.pop("POSTEL_STRICT", None)
    made: list[Part] = []
    try:
        subprocess.run([*stack_under_test.LOCAL, "up"], check=True)
        versions = Versions(former, this)
        versions.prepare()
        with Receiver() as receiver:
            made += parts(versions, receiver, given.events, given.seconds, random.Random(given.seed))
        if not given.without_restore:
            os.environ["POSTEL_BOOTSTRAPS"] = str(this)
            made.append(restore())
    finally:
        subprocess.run([*stack_under_test.LOCAL, "down"], check=False)
    print()
    for one in made:
        print(f"{'FAIL' if one.wrong else 'ok  '}  {one.name}: {', '.join(f'{name} {number}' for name, number in one.numbers.items())}")
    print(f"from {given.former[:12]}, seed {given.seed}")
    return 1 if any(one.wrong for one in made) or len(made) < 5 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
