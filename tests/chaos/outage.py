"""Row 15: DynamoDB is unavailable for minutes while events are published. They wait in their
queues, and are delivered soon after it is back."""

import contextlib
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import cloud
import faults
import wait_until_settled
import stack_under_test
from accounting import Accepted
from load import Crowd, Post, attempts, match, paced
from scorecard import Result, Row, Scale
from support import client, stack
from support.receiver import Receiver

QUEUES = ("EventsQueue", "DeliveriesQueue", "SlowQueue")
# A failed message comes back after 10, 20, 40 s and so on, a fifth more or less
# (flow/deliver/retry_message.rs). So a message that has failed for some time waits at most half as
# long again, plus 12 s; and then this long on a busy machine until it is processed.
TURN_SECONDS = 30
# The interval at which every HTTP caller retries an event that was not accepted.
REPEATS_SECONDS = 2.0
CALLERS = 6
# The statuses that a caller gets meanwhile: 503 from a function, 500 from the gateway if the
# authorizer cannot read the key, which is AWS's own answer.
TOLD = (500, 503)


def max_wait(failing: float) -> float:
    """How long a message that has failed for this many seconds may still wait afterwards."""
    return 1.5 * failing + 12


@contextlib.contextmanager
def _queues(visibility: int, receives: int) -> Iterator[None]:
    """The queues as on AWS, without the scorecard's short visibility timeout: only messages
    whose timeout is changed come back sooner."""
    sqs, before = stack.aws("sqs"), {}
    names = ["VisibilityTimeout", "RedrivePolicy"]
    for queue in QUEUES:
        url = stack.resource(queue)
        before[url] = {name: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"][name] for name in names}
        policy = json.loads(before[url]["RedrivePolicy"]) | {"maxReceiveCount": receives}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(policy)})
    try:
        yield
    finally:
        for url, attributes in before.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


class _Callers:
    """Publishes on both paths, and records when each event was accepted and which errors callers
    got."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.accepted_at: dict[str, float] = {}
        self.told: Counter[int | str] = Counter()
        self.given_up: list[str] = []

    def by_sqs(self, tenant: client.Tenant) -> None:
        event = {"tenantId": tenant.id, "id": stack.unique("e"), "type": "item.created", "data": {}}
        stack.aws("sqs").send_message(QueueUrl=stack.outputs()["eventsQueueUrl"], MessageBody=json.dumps(event), MessageGroupId=tenant.id)
        self._accepted(tenant, event["id"])

    def by_http(self, tenant: client.Tenant, until: float) -> None:
        """Retries with the same id until the event is accepted."""
        event = {"id": stack.unique("e"), "type": "item.created", "data": {}}
        while True:
            try:
                answer: int | str = tenant.api.post(tenant.path("/events"), event).status
            except OSError as error:
                answer = type(error).__name__
            if answer == 202:
                return self._accepted(tenant, event["id"])
            self.told[answer] += 1
            if time.monotonic() > until:
                self.given_up.append(event["id"])
                return None
            time.sleep(REPEATS_SECONDS)

    def _accepted(self, tenant: client.Tenant, event: str) -> None:
        self.accepted_at[event] = time.time()
        self.crowd.accepted.append(Accepted(tenant.id, event))


def run(scale: Scale) -> Result:
    # In the short form, long enough that some fail twice, and too short for a third failure and its
    # wait of 40 s. It does not wait for schedules either.
    seconds, events = scale.of("outage.seconds", 600, 15), scale.of("outage.events", 300, 30)
    delays = [3, 4] if scale.short else cloud.DELAYS
    visibility = scale.of("outage.visibility", 480, 75)
    deployed = int(stack.parameter("MaxReceiveCount"))
    receives = scale.of("outage.receives", deployed, deployed)
    print(f"row 15: DynamoDB unavailable for {seconds} s, {events} events over SQS and HTTP meanwhile; MaxReceiveCount {receives}, visibility {visibility} s", flush=True)
    before = stack_under_test.proxy.fired()
    with Receiver() as receiver, _queues(visibility, receives):
        crowd = cloud.crowd_of(receiver, webhooks=1, delays=delays)
        callers = _Callers(crowd)
        # Retries of these become due in the outage. A message that the outage interrupts between
        # POST and record waits for the queue's whole visibility timeout.
        for tenant in crowd.tenants:
            crowd.publish(tenant, 3, door=1)
        stack.eventually(lambda: len(list(attempts(crowd.tenants))) >= 3 * len(crowd.tenants), 60, "the first attempts before the outage")
        began = time.time()
        with ThreadPoolExecutor(CALLERS) as pool:
            with stack_under_test.proxy.making(faults.outage()):
                _publish(callers, pool, events, seconds)
                threading.Event().wait(max(0.0, began + seconds - time.time()))
            ended = time.time()
        within = max(max_wait(seconds), visibility) + 60
        settled = wait_until_settled.wait(crowd, within)
        recorded = list(attempts(crowd.tenants))
        report, reasons = wait_until_settled.account(crowd), wait_until_settled.reasons(crowd)
    matched, fired = match(crowd.posts, recorded), stack_under_test.proxy.fired() - before
    wrong = report.wrong + cloud.gaps(crowd, recorded, matched) + _late(crowd.posts, callers.accepted_at, ended)
    wrong += [f"{a.event} to {a.webhook}: attempt {a.number} is on record, the receiver did not see it" for a in matched.unseen]
    wrong += [f"{event}: its caller was not told 202 after the outage" for event in callers.given_up]
    wrong += [f"a caller was told {status}" for status in callers.told if status not in TOLD]
    undeliverable = reasons["undeliverable"]
    if undeliverable:
        wrong.append(f"{undeliverable} became dead letters because of the outage: {dict(reasons)}")
    if settled is None:
        wrong.append(f"the backlog is not gone {within:.0f} s after the outage")
    if not fired or not callers.told:
        wrong.append("the outage was not felt: no call was refused, or no caller told so")
    told = ", ".join(f"{status} {count} times" for status, count in sorted(callers.told.items(), key=lambda item: -item[1]))
    numbers = (
        f"{report.counts['accepted']} accepted, {report.counts['delivered']} delivered, {report.counts['dead']} dead of their receiver, {undeliverable} undeliverable, "
        f"{report.counts['due']} due; {sum(fired.values())} calls refused or unanswered in {ended - began:.0f} s; callers were told {told or 'nothing'}, then 202; "
        f"backlog gone {(settled or ended + 9999) - ended:.0f} s later; {len(matched.unrecorded)} POSTs repeated because their record was refused"
    )
    return Result(not wrong, numbers, wrong)


def _publish(callers: _Callers, pool: ThreadPoolExecutor, events: int, seconds: float) -> None:
    """Evenly over the outage: of six events five over SQS, one over HTTP."""
    began, tenants = time.monotonic(), callers.crowd.tenants
    for number in paced(events, seconds):
        tenant = tenants[number % len(tenants)]
        if number % 6 == 1:
            pool.submit(callers.by_http, tenant, began + seconds + 120)
        else:
            callers.by_sqs(tenant)


def _late(posts: list[Post], accepted_at: dict[str, float], ended: float) -> list[str]:
    """Events whose first POST came later than the retry delays allow."""
    first: dict[str, float] = {}
    for post in posts:
        first[post.event] = min(post.arrived, first.get(post.event, post.arrived))
    wrong = []
    for event, at in accepted_at.items():
        failing = max(0.0, ended - at)
        waited = first.get(event, float("inf")) - max(ended, at)
        if waited > max_wait(failing) + TURN_SECONDS:
            wrong.append(f"{event}: accepted {failing:.0f} s before the end of the outage, first POSTed {waited:.0f} s after")
    return wrong


ROW = Row("15", "DynamoDB away for ten minutes: nothing lost or dead-lettered, the backlog gone minutes later", run)
