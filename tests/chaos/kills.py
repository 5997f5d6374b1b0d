"""Row 1: SIGKILL at random moments during deliveries. Row 13: the dispatchers' peak memory
meanwhile."""

import os
import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import wait_until_settled
from load import Crowd, Post, attempts, fate, match, paced
from scorecard import Line, Result, Row, Scale
from support import processes
from support.receiver import Receiver, Request

FUNCTIONS = ("DispatcherFunction", "PublishFunction", "ManageFunction", "AuthorizerFunction", "SweeperFunction", "DlqFunction")
# Eight of ten kills go to dispatchers.
DISPATCHERS_SHARE = 0.8
# Six of ten of those go to a dispatcher with a POST in flight, if there is one; the others to any.
BUSY_SHARE = 0.6
# MiniStack ends all environments of a function if one dies before its first invocation; younger
# processes are spared.
YOUNGEST_SECONDS = 0.5
# How long before its end a process may have sent a POST that it had no time to record, and how late
# the receiver may note it.
UNDER_WAY_SECONDS, NOTED_SECONDS = 20.0, 5.0
# A connection may be closed as soon as its response has arrived (if ten others are idle), possibly
# long before the outcome is recorded. To find its process, the connections are listed at this
# interval; each lasts several times as long.
LOOK_SECONDS, ANSWER_SECONDS = 0.1, (0.5, 1.0)
WEBHOOKS = 20
MEMORY_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Kill:
    """A killed process, when it was killed, and the ports of its connections."""

    at: float
    function: str
    pid: int
    ports: set[int]


@dataclass
class Killer:
    """Kills a process at each of some random moments, spread over a time, and observes which
    processes are connected to the receiver."""

    chance: random.Random
    count: int
    seconds: float
    receiver: int
    kills: list[Kill] = field(default_factory=list)
    peaks: dict[int, int] = field(default_factory=dict)
    # When each process was seen with a connection from each port.
    seen: dict[int, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            for port, pid in processes.senders(self.receiver).items():
                self.seen[port][pid] = time.time()

    def run(self) -> None:
        began = time.monotonic()
        for moment in sorted(self.chance.uniform(0, self.seconds) for _ in range(self.count)):
            if self.over.wait(max(0.0, began + moment - time.monotonic())):
                return
            # At some moments no process is there: then it waits for the next one.
            while not self.strike():
                if self.over.wait(0.1):
                    return
            self.sample()

    def strike(self) -> bool:
        """Kills a process, if there is one."""
        is_dispatcher = self.chance.random() < DISPATCHERS_SHARE
        function = FUNCTIONS[0] if is_dispatcher else self.chance.choice(FUNCTIONS[1:])
        found = processes.bootstraps(function)
        if is_dispatcher and self.chance.random() < BUSY_SHARE:
            found = sorted(set(processes.senders(self.receiver).values())) or found
        victims = [pid for pid in sorted(found) if processes.age(pid) > YOUNGEST_SECONDS]
        return bool(victims) and self.kill(self.chance.choice(victims), function)

    def kill(self, pid: int, function: str) -> bool:
        if function == FUNCTIONS[0]:
            self.note_peak(pid)
        ports = processes.stopped_and_killed(pid)
        if ports is None:
            return False
        self.kills.append(Kill(time.time(), function, pid, ports))
        return True

    def sample(self) -> None:
        """Records the dispatchers' peaks so far; a killed one's is read before its end."""
        for pid in processes.bootstraps(FUNCTIONS[0]):
            self.note_peak(pid)

    def note_peak(self, pid: int) -> None:
        self.peaks[pid] = max(self.peaks.get(pid, 0), processes.peak_memory(pid))


def crowd_of(receiver: Receiver, chance: random.Random) -> Crowd:
    """Twenty webhooks of ten tenants. One receiver of twenty fails: half of its events twice,
    the others always. All receivers are slow."""
    crowd = Crowd(receiver)
    overrides = {"timeoutSeconds": 8, "retryDelaysSeconds": [1, 2]}
    for _ in range(WEBHOOKS // 2):
        crowd.add(2, overrides=overrides)
    failing = sorted(crowd.paths)[0]
    tries: Counter[str] = Counter()

    def answer(request: Request, fails: bool) -> int:
        time.sleep(chance.uniform(*ANSWER_SECONDS))
        event = request.headers["webhook-id"]
        tries[event] += 1
        return 500 if fails and (fate(event, 0.5) or tries[event] <= 2) else 200

    for path in crowd.paths:
        crowd.answer(path, lambda request, fails=path == failing: answer(request, fails))
    return crowd


def run(scale: Scale) -> list[Line]:
    deliveries, kills = scale.of("kills.deliveries", 10_000, 160), scale.of("kills.kills", 200, 8)
    seconds = scale.of("kills.seconds", 360, 12)
    chance, began = random.Random(scale.seed), time.monotonic()
    print(f"row 1: {deliveries} deliveries, {kills} kills over {seconds} s, seed {scale.seed}", flush=True)
    with Receiver() as receiver:
        crowd = crowd_of(receiver, random.Random(scale.seed + 1))
        killer = Killer(chance, kills, seconds, receiver.port)
        threads = [threading.Thread(target=work) for work in (killer.run, killer.watch)]
        for thread in threads:
            thread.start()
        try:
            _publish(crowd, deliveries // 2, seconds)
            # The last moment is the last of the publishing; long after it no process is left to
            # kill.
            threads[0].join(30)
        finally:
            killer.over.set()
        last = killer.kills[-1].at if killer.kills else time.time()
        settled = wait_until_settled.wait(crowd, within=300)
        killer.sample()
        recorded = list(attempts(crowd.tenants))
        report = wait_until_settled.account(crowd)
    wrong, duplicates = judge(crowd, killer, recorded, report)
    if len(killer.kills) < kills:
        wrong.append(f"only {len(killer.kills)} of {kills} kills found somebody")
    drained = settled - last if settled else None
    if drained is None or drained > 300:
        wrong.append("not drained five minutes after the last kill")
    by = Counter(kill.function.removesuffix("Function").lower() for kill in killer.kills)
    numbers = (
        f"{report.counts['delivered']} delivered, {report.counts['dead']} dead, {report.counts['due']} due, {_lost(report)} lost; "
        f"{len(killer.kills)} kills ({', '.join(f'{n} {f}' for f, n in sorted(by.items(), key=lambda item: -item[1]))}); "
        f"{len(duplicates)} POSTs cut off before their record, each by a kill; drained {drained or 999:.0f} s after the last; seed {scale.seed}"
    )
    took = time.monotonic() - began
    peak = max(killer.peaks.values(), default=0)
    told = f"peak {peak / 2**20:.1f} MiB of {len(killer.peaks)} dispatchers ({os.environ.get('POSTEL_BOOTSTRAPS') or 'dev profile'})"
    return [
        Line("1", ROW.what, Result(not wrong, numbers, wrong), took),
        Line("13", "the dispatcher's peak memory over row 1 is below 64 MiB", Result(0 < peak < MEMORY_LIMIT, told), took),
    ]


def _publish(crowd: Crowd, events: int, seconds: float) -> None:
    """In bursts over the time of the kills, so that each meets work in progress."""
    bursts = max(10, int(seconds))
    for burst in paced(bursts, seconds):
        count = events * (burst + 1) // bursts - events * burst // bursts
        if count:
            crowd.publish(crowd.tenants[burst % len(crowd.tenants)], count, door=burst // len(crowd.tenants) + burst)


def judge(crowd: Crowd, killer: Killer, recorded: list, report) -> tuple[list[str], list[Post]]:
    """Mismatches, and the POSTs that were cut off before their record."""
    matched = match(crowd.posts, recorded)
    wrong = list(report.wrong)
    for post in matched.unrecorded:
        if not _is_explained(post, killer):
            near = [f"{kill.pid} at {kill.at:.3f}" for kill in killer.kills if -0.2 < kill.at - post.arrived < 2]
            known = f"its port was seen with {sorted(killer.seen[post.peer]) or 'nobody'}, killed were {', '.join(near) or 'none'}"
            wrong.append(f"{post.event} to {post.webhook}: a POST at {post.arrived:.3f} has no record; {known}")
    wrong += [f"{a.event} to {a.webhook}: attempt {a.number} is on record, the receiver did not see it" for a in matched.unseen]
    wrong += [f"{a.event} to {a.webhook}: attempt {a.number} after a success" for a in matched.after_success]
    undelivered = report.counts["dead letters of messages"]
    if undelivered:
        wrong.append(f"{undelivered} messages became dead letters of their own")
    return wrong, matched.unrecorded


def _is_explained(post: Post, killer: Killer) -> bool:
    """Whether it came from a process that was killed before it could record it."""
    for kill in killer.kills:
        had = post.peer in kill.ports or abs(killer.seen[post.peer].get(kill.pid, 0) - post.arrived) < NOTED_SECONDS
        if had and -UNDER_WAY_SECONDS <= post.arrived - kill.at <= NOTED_SECONDS:
            return True
    return False


def _lost(report) -> int:
    return sum("is left" in line or "neither on record" in line for line in report.wrong)


ROW = Row("1", "SIGKILL at random moments: nothing lost, one state each, duplicates explained", run)
