"""Row 14: a fifth of all writes meets another transaction, while events are delivered and the
API is used at the same time. No caller notices, and no POST is repeated because of it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import accounting
import cloud
import faults
import wait_until_settled
import stack_under_test
from accounting import Accepted
from load import Attempt, Crowd, Matched, attempts, fate, match, paced
from scorecard import Result, Row, Scale
from support import client, stack
from support.receiver import Receiver

# Both wait as messages with a delay: everything is over within seconds.
DELAYS = [1, 2]
SHARE = 0.2
PUBLISHERS, ASKERS = 4, 4
# Of a hundred completed deliveries, as many get a manual attempt.
RETRIED_SHARE = 0.15


@dataclass
class _Doors:
    """Calls the API, and records each response that the caller does not expect."""

    crowd: Crowd
    asked: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    # Redrives and manual attempts, each as often as requested.
    more: Counter[tuple[str, str]] = field(default_factory=Counter)

    def ask(self, what: str, wanted: int, tenant: client.Tenant, path: str, body: Any = None) -> client.Answer | None:
        self.asked[what] += 1
        try:
            answer = tenant.api.post(tenant.path(path), body)
        except OSError as error:
            self.told.append(f"{what}: {type(error).__name__}: {error}")
            return None
        if answer.status == wanted:
            return answer
        self.told.append(f"{what}: {answer.status} instead of {wanted}: {answer.raw[:200]!r}")
        return None

    def publish(self, tenant: client.Tenant, count: int, door: int) -> None:
        if door % 3:
            self.crowd.publish_sqs(tenant, count, with_ids=door % 3 == 1)
            return
        ids = [stack.unique("e") for _ in range(count)]
        if not self.asked["publish"]:
            ids[0] = self._id_that_dies(tenant)
        events = [{"id": one, "type": "item.created", "data": {}} for one in ids]
        answer = self.ask("publish", 202, tenant, "/events/batch", {"events": events})
        for event, result in zip(events, answer.json["results"] if answer else []):
            if "error" in result:
                self.told.append(f"publish: {result['error']}")
            else:
                self.crowd.accepted.append(Accepted(tenant.id, event["id"]))

    def _id_that_dies(self, tenant: client.Tenant) -> str:
        """An id of an event with a dead letter, so that there is one to redrive: of 60 deliveries
        one run in twenty has none by chance."""
        path = next(path for path in self.crowd.paths if tenant.id in path)
        while cloud.failures(f"{(one := stack.unique('e'))}/{path}") <= len(DELAYS):
            pass
        return one

    def create(self, tenant: client.Tenant) -> None:
        """Creates a webhook for a type that is never published."""
        url = self.crowd.receiver.url(f"/{tenant.id}/never")
        self.ask("create", 201, tenant, "/webhooks", {"url": url, "events": ["item.never"]})

    def redrive(self, tenant: client.Tenant, letter: dict[str, Any]) -> None:
        if self.ask("redrive", 202, tenant, f"/dead-letters/{letter['id']}/redrive"):
            self.more[letter["eventId"], letter["webhookId"]] += 1

    def retry(self, tenant: client.Tenant, event: str, key: str, webhook: str) -> None:
        if self.ask("retry", 202, tenant, f"/deliveries/{accounting.delivery_id(key, webhook)}/retry"):
            self.more[event, webhook] += 1


def run(scale: Scale) -> Result:
    deliveries, seconds = scale.of("conflicts.deliveries", 2_000, 120), scale.of("conflicts.seconds", 90, 4)
    webhooks = scale.of("conflicts.webhooks", 200, 40)
    print(f"row 14: {deliveries} deliveries and {webhooks} new webhooks, each write meets a transaction with probability {SHARE}", flush=True)
    before = stack_under_test.proxy.fired()
    with Receiver() as receiver:
        crowd = cloud.crowd_of(receiver, webhooks=2, delays=DELAYS)
        doors = _Doors(crowd)
        with stack_under_test.proxy.making(faults.conflicts(SHARE)):
            _wave(doors, deliveries // 4, webhooks // 2, seconds / 2)
            wait_until_settled.wait(crowd, within=120)
            # The results of the first half are redriven and retried manually during the second
            # half.
            _wave(doors, deliveries // 4, webhooks // 2, seconds / 2, _dead(crowd), _done(crowd))
            settled = wait_until_settled.wait(crowd, within=180)
        recorded = list(attempts(crowd.tenants))
        report, reasons, books = wait_until_settled.account(crowd), wait_until_settled.reasons(crowd), wait_until_settled.books(crowd)
    matched, met = match(crowd.posts, recorded), stack_under_test.proxy.fired() - before
    wrong = [*doors.told, *report.wrong, *_gaps(crowd, recorded, matched, doors.more)]
    wrong += [f"{p.event} to {p.webhook}: POSTed at {p.arrived:.3f} without a record of its own" for p in matched.unrecorded]
    wrong += [f"{a.event} to {a.webhook}: attempt {a.number} is on record, the receiver did not see it" for a in matched.unseen]
    if settled is None or reasons["undeliverable"]:
        wrong.append(f"not at rest, or dead of our own failure: {dict(reasons)}")
    there = sum(webhook["events"] == ["item.never"] for webhooks in books.webhooks.values() for webhook in webhooks)
    if there != doors.asked["create"]:
        wrong.append(f"{there} webhooks are there of {doors.asked['create']} that were created")
    idle = [what for what in ("publish", "create", "redrive", "retry") if not doors.asked[what]]
    if idle or not met["dynamodb", "TransactWriteItems"] or not met["dynamodb", "UpdateItem"]:
        wrong.append(f"no {', no '.join(idle) or 'conflict of each kind'}")
    numbers = (
        f"{report.counts['delivered']} delivered, {report.counts['dead']} dead of their receiver, {report.counts['due']} due; "
        f"{sum(met.values())} writes met another ({', '.join(f'{count} {operation}' for (_, operation), count in sorted(met.items(), key=lambda item: -item[1]))}); "
        f"{sum(doors.asked.values())} calls of the API ({', '.join(f'{count} {what}' for what, count in doors.asked.items())}), {len(doors.told)} not as they "
        f"should; {len(crowd.posts)} POSTs for {len(recorded)} attempts, {len(matched.unrecorded)} twice"
    )
    return Result(not wrong, numbers, wrong)


def _wave(doors: _Doors, events: int, webhooks: int, seconds: float, dead: list | None = None, done: list | None = None) -> None:
    """Publishes for a number of seconds, and does everything else meanwhile."""
    tenants = doors.crowd.tenants
    with ThreadPoolExecutor(PUBLISHERS) as publishers, ThreadPoolExecutor(ASKERS) as askers:
        # A tenant's calls come one after another, so that they run at the same time.
        work = [(doors.create, tenants[n * len(tenants) // webhooks]) for n in range(webhooks)]
        work += [(doors.redrive, *one) for one in dead or []] + [(doors.retry, *one) for one in done or []]
        waiting = [askers.submit(*one) for one in work]
        for turn in paced(-(-events // 10), seconds):
            waiting.append(publishers.submit(doors.publish, tenants[turn % len(tenants)], min(10, events - 10 * turn), turn))
        for one in waiting:
            one.result()


def _dead(crowd: Crowd) -> list[tuple[client.Tenant, dict[str, Any]]]:
    return [(tenant, letter) for tenant in crowd.tenants for letter in tenant.all_dead_letters()]


def _done(crowd: Crowd) -> list[tuple[client.Tenant, str, str, str]]:
    """A share of the delivered events: tenant, event, the event's key, and webhook of each."""
    books, tenants, found = wait_until_settled.books(crowd), {tenant.id: tenant for tenant in crowd.tenants}, []
    for (tenant, key), event in books.events.items():
        own = books.deliveries.get((tenant, key), {})
        ended = accounting.inside_event(event) | {webhook for webhook, row in own.items() if row["status"] == "completed"}
        name = accounting.event_id(event)
        found += [(tenants[tenant], name, key, webhook) for webhook in sorted(ended) if fate(name + webhook, RETRIED_SHARE)]
    return found


def _gaps(crowd: Crowd, recorded: list[Attempt], matched: Matched, more: Counter[tuple[str, str]]) -> list[str]:
    """Deliveries whose attempts are not exactly those that the receiver's responses and the
    callers require."""
    wrong, paths = [], {webhook: path for path, webhook in crowd.paths.items()}
    by: dict[tuple[str, str], list[int]] = {}
    for attempt in recorded:
        by.setdefault((attempt.event, attempt.webhook), []).append(attempt.number)
    blurred = {(post.event, post.webhook) for post in matched.unrecorded}
    for (event, webhook), numbers in by.items():
        if (event, webhook) in blurred:
            continue
        wanted = min(cloud.failures(f"{event}/{paths[webhook]}"), len(DELAYS)) + 1 + more[event, webhook]
        if sorted(numbers) != list(range(1, wanted + 1)):
            wrong.append(f"{event} to {webhook}: attempts {sorted(numbers)} on record instead of 1 to {wanted}")
    return wrong


ROW = Row("14", "20 % of writes meet a transaction: nothing lost or POSTed twice, and no caller hears of it", run)
