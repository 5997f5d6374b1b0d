"""Row 3: responses of AWS writes are lost after the write is done. Row 4: AWS throttles."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import faults
import wait_until_settled
import stack_under_test
from load import Attempt, Crowd, Matched, attempts, fate, match, paced
from scorecard import Result, Row, Scale
from support.receiver import Receiver, Request

# One short enough for a message with a delay, one that needs a schedule on this stack.
DELAYS = [1, 7]
PUBLISHERS = 4


def crowd_of(receiver: Receiver, webhooks: int, delays: list[int] = DELAYS) -> Crowd:
    """Ten tenants. Of a hundred deliveries, 25 fail once, 10 twice and 5 always."""
    crowd = Crowd(receiver)
    for _ in range(10):
        crowd.add(webhooks, overrides={"timeoutSeconds": 8, "retryDelaysSeconds": delays})
    tries: Counter[tuple[str, str]] = Counter()

    def answer(request: Request) -> int:
        pair = (request.headers["webhook-id"], request.path)
        tries[pair] += 1
        return 500 if tries[pair] <= failures("/".join(pair)) else 200

    for path in crowd.paths:
        crowd.answer(path, answer)
    return crowd


def failures(pair: str) -> int:
    """How many attempts of a delivery fail."""
    if fate(pair, 0.05):
        return len(DELAYS) + 1
    if fate(pair + "twice", 0.10):
        return 2
    return 1 if fate(pair + "once", 0.25) else 0


def _paced(crowd: Crowd, events: int, seconds: float) -> None:
    """Ten events at a time, on each path in turn, so that none waits long behind the others. The
    HTTP API may be slow."""
    with ThreadPoolExecutor(PUBLISHERS) as pool:
        published = []
        for turn in paced(-(-events // 10), seconds):
            published.append(pool.submit(crowd.publish, crowd.tenants[turn % len(crowd.tenants)], min(10, events - 10 * turn), door=turn))
        for one in published:
            one.result()


def gaps(crowd: Crowd, recorded: list[Attempt], matched: Matched) -> list[str]:
    """Deliveries whose attempts are not exactly those that the receiver's responses require;
    deliveries with an unrecorded POST are left out."""
    wrong, paths = [], {webhook: path for path, webhook in crowd.paths.items()}
    by, blurred = {}, {(post.event, post.webhook) for post in matched.unrecorded}
    for attempt in recorded:
        if (attempt.event, attempt.webhook) not in blurred:
            by.setdefault((attempt.event, attempt.webhook), []).append(attempt.number)
    for (event, webhook), numbers in by.items():
        wanted = min(failures(f"{event}/{paths[webhook]}"), len(DELAYS)) + 1
        if sorted(numbers) != list(range(1, wanted + 1)):
            wrong.append(f"{event} to {webhook}: attempts {sorted(numbers)} on record instead of 1 to {wanted}")
    return wrong


def lost_answers(scale: Scale) -> Result:
    deliveries, seconds = scale.of("lost.deliveries", 2_000, 100), scale.of("lost.seconds", 90, 6)
    print(f"row 3: {deliveries} deliveries, each write's answer lost with probability 0.2", flush=True)
    before = stack_under_test.proxy.fired()
    with Receiver() as receiver:
        crowd = crowd_of(receiver, webhooks=2)
        with stack_under_test.proxy.making(faults.lost_answers(0.2)):
            _paced(crowd, deliveries // 2, seconds)
            settled = wait_until_settled.wait(crowd, within=300)
        recorded = list(attempts(crowd.tenants))
        report, reasons = wait_until_settled.account(crowd), wait_until_settled.reasons(crowd)
    matched, fired = match(crowd.posts, recorded), stack_under_test.proxy.fired() - before
    wrong = report.wrong + gaps(crowd, recorded, matched)
    wrong += [f"{p.event} to {p.webhook}: POSTed at {p.arrived:.3f} without a record of its own" for p in matched.unrecorded]
    wrong += [f"{a.event} to {a.webhook}: attempt {a.number} is on record, the receiver did not see it" for a in matched.unseen]
    if settled is None or reasons["undeliverable"]:
        wrong.append(f"not at rest, or dead of our own failure: {dict(reasons)}")
    if not fired:
        wrong.append("no answer was lost")
    numbers = (
        f"{report.counts['delivered']} delivered, {report.counts['dead']} dead, {report.counts['due']} due; {sum(fired.values())} answers lost "
        f"({_spelled(fired)}); {len(crowd.posts)} POSTs for {len(recorded)} attempts, {len(matched.unrecorded)} twice"
    )
    return Result(not wrong, numbers, wrong)


def throttling(scale: Scale) -> Result:
    events, seconds = scale.of("throttled.events", 5_000, 100), scale.of("throttled.seconds", 120, 8)
    print(f"row 4: {events} events, 30 % of all calls throttled for {seconds} s", flush=True)
    before = stack_under_test.proxy.fired()
    with Receiver() as receiver:
        crowd = crowd_of(receiver, webhooks=1)
        over = time.monotonic() + seconds
        with stack_under_test.proxy.making(faults.throttling(0.3)):
            _paced(crowd, events, seconds * 0.9)
            threading.Event().wait(max(0.0, over - time.monotonic()))
        lasted, ended = seconds + time.monotonic() - over, time.time()
        settled = wait_until_settled.wait(crowd, within=300)
        recorded = list(attempts(crowd.tenants))
        report, reasons = wait_until_settled.account(crowd), wait_until_settled.reasons(crowd)
    matched, fired = match(crowd.posts, recorded), stack_under_test.proxy.fired() - before
    wrong = report.wrong + gaps(crowd, recorded, matched)
    if settled is None:
        wrong.append("the backlog is not gone five minutes later")
    if reasons["undeliverable"]:
        wrong.append(f"{reasons['undeliverable']} dead letters because of the throttling")
    if not fired:
        wrong.append("nothing was throttled")
    numbers = (
        f"{report.counts['delivered']} delivered, {report.counts['dead']} dead of their receiver, {report.counts['due']} due; "
        f"{sum(fired.values())} calls throttled in {lasted:.0f} s ({_spelled(fired)}); backlog gone {(settled or ended + 999) - ended:.0f} s later; "
        f"{len(matched.unrecorded)} POSTs repeated because their record was refused"
    )
    return Result(not wrong, numbers, wrong)


def _spelled(fired: Counter) -> str:
    by: Counter = Counter()
    for (service, _), count in fired.items():
        by[service] += count
    return ", ".join(f"{count} {service}" for service, count in sorted(by.items(), key=lambda item: -item[1]))


ROWS = [
    Row("3", "answers of AWS writes lost with probability 0.2: nothing lost, skipped or POSTed twice", lost_answers),
    Row("4", "30 % of DynamoDB, SQS, Scheduler and KMS throttled: nothing lost or dead of it", throttling),
]
