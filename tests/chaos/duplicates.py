"""Row 5: messages passed to the dispatcher more than once, late and concurrently."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import wait_until_settled
from load import Crowd, attempts, match
from scorecard import Result, Row, Scale
from support import disturb, stack
from support.receiver import Receiver, Request

# Long enough to pass copies before the second attempt is due, and short enough for a message.
DELAYS = [4, 2]


def run(scale: Scale) -> Result:
    count, chance = scale.of("duplicates.messages", 1_000, 30), random.Random(scale.seed)
    print(f"row 5: {count} messages 2 to 5 times each, seed {scale.seed}", flush=True)
    wrong, later = _retries(count, chance)
    first_wrong, first = _firsts(count, chance)
    return Result(not wrong + first_wrong, f"{later}; {first}", wrong + first_wrong)


def _crowd(receiver: Receiver, fails: int) -> Crowd:
    """The first attempts of each delivery fail this many times."""
    crowd, tries = Crowd(receiver), {}
    for _ in range(10):
        crowd.add(1, overrides={"timeoutSeconds": 8, "retryDelaysSeconds": DELAYS})

    def answer(request: Request) -> int:
        event = request.headers["webhook-id"]
        tries[event] = tries.get(event, 0) + 1
        # As long as a good receiver takes: a copy may arrive meanwhile.
        time.sleep(0.1)
        return 500 if tries[event] <= fails else 200

    for path in crowd.paths:
        crowd.answer(path, answer)
    return crowd


def _hand(bodies: list[str], queue: str, pool: ThreadPoolExecutor, chance: random.Random) -> None:
    """Half of them through the queue, up to 8 s late, the other half in concurrent invocations
    of one to ten records."""
    bodies = list(bodies)
    chance.shuffle(bodies)
    queued, invoked = bodies[::2], bodies[1::2]
    url = stack.resource(queue)
    for start in range(0, len(queued), 10):
        entries = [
            {"Id": str(n), "MessageBody": body, "DelaySeconds": chance.randrange(9)} for n, body in enumerate(queued[start : start + 10])
        ]
        assert not stack.aws("sqs").send_message_batch(QueueUrl=url, Entries=entries).get("Failed")
    batches = []
    while invoked:
        size = chance.randint(1, 10)
        batches.append([stack.sqs_record(body, queue=queue) for body in invoked[:size]])
        del invoked[:size]
    list(pool.map(stack.invoke_with, batches))


def _retries(count: int, chance: random.Random) -> tuple[list[str], str]:
    """Attempts after the first: each needs a lease, so of many messages for it only one is sent."""
    with Receiver() as receiver, ThreadPoolExecutor(4) as pool:
        crowd = _crowd(receiver, fails=2)
        tasks: list[str] = []
        copies = 0
        with disturb.paused("DeliveriesSource"):
            for start in range(0, count, 50):
                tenant = crowd.tenants[start // 50 % len(crowd.tenants)]
                crowd.publish_sqs(tenant, min(50, count - start), with_ids=True)
            stack.eventually(lambda: len(_waiting(crowd)) == count, 60 + count / 10, "all first attempts to fail", every=0.5)
            tasks = [task for task in _waiting(crowd) for _ in range(chance.randint(1, 4))]
            copies = len(tasks)
            _hand(tasks, "DeliveriesQueue", pool, chance)
        settled = wait_until_settled.wait(crowd, within=300)
        # Long after: all of them once more.
        late = chance.sample(tasks, min(len(tasks), max(10, count // 10)))
        _hand(late, "DeliveriesQueue", pool, chance)
        wait_until_settled.wait(crowd, within=60)
        recorded = list(attempts(crowd.tenants))
        report = wait_until_settled.account(crowd)
    matched = match(crowd.posts, recorded)
    wrong = list(report.wrong)
    wrong += [f"{p.event}: POSTed at {p.arrived:.3f} without a record of its own" for p in matched.unrecorded]
    once = {(a.event, a.number) for a in recorded if a.number > 1} - {(p.event, n) for p in matched.unrecorded for n in (2, 3)}
    if len(once) != 2 * count or len(recorded) != 3 * count or settled is None:
        wrong.append(f"{len(recorded)} attempts on record instead of {3 * count}")
    told = f"after the first: one POST for each of {len(once)} attempts of {count} deliveries, {copies + len(late)} copies beside their own messages"
    return wrong, told


def _waiting(crowd: Crowd) -> list[str]:
    """The tasks of all deliveries that wait for their second attempt."""
    return [
        json.dumps({"tenantId": tenant, "deliveryId": f"dlv_{key}{webhook.removeprefix('wh_')}", "sequence": int(row["seq"])})
        for (tenant, key), own in wait_until_settled.books(crowd).deliveries.items()
        for webhook, row in own.items()
        if row["status"] == "retrying" and row["seq"] == 1
    ]


def _firsts(count: int, chance: random.Random) -> tuple[list[str], str]:
    """First attempts need no lease: that would cost a write for each event. So concurrent copies
    are POSTed more than once; copies that come after the record, or that SQS marks as received
    before, are not."""
    with Receiver() as receiver, ThreadPoolExecutor(4) as pool:
        crowd = _crowd(receiver, fails=0)
        bodies = [(tenant, json.dumps({"tenantId": tenant.id, "type": "item.created", "data": {"n": n}})) for n, tenant in _each(crowd, count)]

        def records(received: int) -> list[list[dict[str, Any]]]:
            return [[stack.sqs_record(body, received=received)] for _, body in bodies]

        fresh = records(1)
        handed = [record for record in fresh for _ in range(chance.randint(2, 5))]
        # The copies of one message concurrently: the worst case.
        list(pool.map(stack.invoke_with, handed))
        at_once = _doubles(crowd)
        again = [[record[0] | {"attributes": record[0]["attributes"] | {"ApproximateReceiveCount": "2"}}] for record in fresh]
        list(pool.map(stack.invoke_with, again))
        late = _doubles(crowd) - at_once
        posted = len(crowd.posts)
        wrong = [] if len({post.event for post in crowd.posts}) == count else [f"{len({p.event for p in crowd.posts})} of {count} events arrived"]
        if late:
            wrong.append(f"{late} copies of what is on record were POSTed again though SQS says that they were received before")
    told = f"first attempts: {at_once} POSTs too many for {count} events handed {len(handed)} times at once (not claimed before they are sent: that would"
    return wrong, f"{told} cost a write for each event), {late} for {len(again)} copies later; {posted} POSTs in all"


def _each(crowd: Crowd, count: int) -> list[tuple[int, Any]]:
    return [(n, crowd.tenants[n % len(crowd.tenants)]) for n in range(count)]


def _doubles(crowd: Crowd) -> int:
    return len(crowd.posts) - len({post.event for post in crowd.posts})


ROW = Row("5", "messages 2 to 5 times, late and at once: one POST for each attempt after the first", run)
