"""Events for the rows: tenants with webhooks, a receiver that remembers who sent what, and
publishing until every event is accepted."""

import json
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Iterator

from accounting import Accepted, millis
from support import client, stack
from support.receiver import Receiver, Reply, Request

# How long an event is offered to the HTTP API again: its function may be killed or throttled each
# time.
OFFERED_SECONDS = 120


def paced(steps: int, seconds: float) -> Iterator[int]:
    """The number of each step, so that all of them together take so long. The pace is kept by the
    clock: a slow step is made up for."""
    began = time.monotonic()
    for step in range(steps):
        yield step
        time.sleep(max(0.0, began + (step + 1) * seconds / steps - time.monotonic()))


@dataclass(frozen=True)
class Post:
    """A POST as it came: which event to which webhook, when, and from which port."""

    event: str
    webhook: str
    arrived: float
    peer: int


@dataclass
class Crowd:
    """Tenants whose webhooks all go to one receiver, each to a path of its own. Many tenants: the
    local cloud sorts a whole partition at each look."""

    receiver: Receiver
    tenants: list[client.Tenant] = field(default_factory=list)
    # Webhook ids by the receiver's paths.
    paths: dict[str, str] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)

    def add(self, webhooks: int, **fields: Any) -> client.Tenant:
        """A tenant and so many webhooks for everything, whose paths start with the tenant's id."""
        tenant = client.new_tenant("standard", limits={"requestsPerMinute": 1_000_000})
        for number in range(webhooks):
            path = f"/{tenant.id}/{number}"
            made = tenant.new_webhook(self.receiver.url(path), **fields)
            self.paths[path] = made["id"]
        self.tenants.append(tenant)
        return tenant

    def answer(self, path: str, how: Any) -> None:
        """A script for a path: a function of the request, like Receiver.answer's. Every POST is
        noted first."""

        def noted(request: Request) -> int | Reply:
            self.posts.append(Post(request.headers["webhook-id"], self.paths[path], request.arrived, request.peer))
            return how(request)

        self.receiver.answer(noted, path=path)

    def publish_http(self, tenant: client.Tenant, count: int) -> None:
        """In batches of up to 100 with ids of our own, as docs/api.md asks of those who want to
        repeat safely: offered until accepted."""
        left = [{"id": stack.unique("e"), "type": "item.created", "data": {"n": n}} for n in range(count)]
        until = time.monotonic() + OFFERED_SECONDS
        while time.monotonic() < until:
            answer = self._offered(tenant, left)
            results = answer.json["results"] if answer is not None and answer.status == 202 else [{"error": "no answer"}] * len(left)
            self.accepted += [Accepted(tenant.id, event["id"]) for event, result in zip(left, results) if "error" not in result]
            left = [event for event, result in zip(left, results) if "error" in result]
            if not left:
                return
            time.sleep(0.25)
        raise AssertionError(f"{len(left)} events were not accepted within {OFFERED_SECONDS} s; last: {answer}")

    def _offered(self, tenant: client.Tenant, events: list[dict]) -> client.Answer | None:
        try:
            return tenant.api.post(tenant.path("/events/batch"), {"events": events})
        except OSError:
            return None

    def publish_sqs(self, tenant: client.Tenant, count: int, with_ids: bool) -> None:
        """In batches of ten, like a tenant's own program."""
        sqs, url = stack.aws("sqs"), stack.outputs()["eventsQueueUrl"]
        for start in range(0, count, 10):
            entries = []
            for number in range(start, min(start + 10, count)):
                event = {"tenantId": tenant.id, "type": "item.created", "data": {"n": number}}
                if with_ids:
                    event["id"] = stack.unique("e")
                entries.append({"Id": str(number), "MessageBody": json.dumps(event), "MessageGroupId": tenant.id})
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
            assert not answer.get("Failed"), answer
            ids = {entry["Id"]: json.loads(entry["MessageBody"]).get("id") for entry in entries}
            self.accepted += [
                Accepted(tenant.id, ids[sent["Id"]], None if ids[sent["Id"]] else sent["MessageId"]) for sent in answer["Successful"]
            ]

    def publish(self, tenant: client.Tenant, count: int, door: int) -> None:
        """By one of the three ways in turn."""
        if door % 3 == 0:
            self.publish_http(tenant, count)
        else:
            self.publish_sqs(tenant, count, with_ids=door % 3 == 1)


@dataclass(frozen=True)
class Attempt:
    """An attempt on record."""

    event: str
    webhook: str
    number: int
    at: float
    until: float
    status: int | None


def attempts(tenants: list[client.Tenant]) -> Iterator[Attempt]:
    """Every attempt of these tenants that the log knows, wherever it lives: inside its event, in
    its delivery, beside it."""
    wanted, names, found = {t.id for t in tenants}, {}, []
    for item in stack.scan("LogTable"):
        tenant, _, place = item["pk"]["S"].partition("#")
        parts = item["sk"]["S"].split("#")
        if place.startswith("attempts#"):
            parts = [place.removeprefix("attempts#"), *parts]
        if tenant not in wanted or len(parts[0]) != 26:
            continue
        if len(parts) == 1:
            names[tenant, parts[0]] = item["id"]["S"] if "id" in item else f"evt_{parts[0]}"
            found += [(tenant, parts[0], *json.loads(text["S"])) for text in item.get("done", {"L": []})["L"]]
        else:
            text = item.get("latest" if len(parts) == 2 else "attempt")
            if text:
                found.append((tenant, parts[0], parts[1], json.loads(text["S"])))
    told = set()
    for tenant, key, webhook, row in found:
        # A delivery's last attempt stands beside it too, from the next one's claim on.
        if (key, webhook, row[0]) not in told:
            told.add((key, webhook, row[0]))
            at = (millis(key) + row[2]) / 1000
            status = row[7][0] if isinstance(row[7][0], int) else None
            yield Attempt(names.get((tenant, key), key), webhook, row[0], at, at + row[3] / 1000, status)


@dataclass(frozen=True)
class Matched:
    """POSTs and attempts on record, each with its other half where it has one."""

    unrecorded: list[Post]
    unseen: list[Attempt]
    after_success: list[Attempt]


# A busy machine stamps late: a request is noted when it was read to its end, perhaps after its
# sender has lost patience.
EARLY, LATE, TOO_LATE = 0.2, 0.5, 5.0


def match(posts: list[Post], recorded: list[Attempt]) -> Matched:
    """Which POSTs have no record, and which records no POST. An attempt's POST arrived between its
    start and its answer."""
    came, known = defaultdict(list), defaultdict(list)
    for post in sorted(posts, key=lambda p: p.arrived):
        came[post.event, post.webhook].append(post)
    for attempt in sorted(recorded, key=lambda a: a.at):
        known[attempt.event, attempt.webhook].append(attempt)
    unrecorded, unseen, after = [], [], []
    for pair in came.keys() | known.keys():
        waiting = list(came[pair])
        for attempt in known[pair]:
            until = attempt.until + (TOO_LATE if attempt.status is None else LATE)
            fits = [post for post in waiting if attempt.at - EARLY <= post.arrived <= until]
            if fits:
                waiting.remove(fits[0])
            elif attempt.status is not None:
                unseen.append(attempt)
        unrecorded += waiting
        ended = [a.at for a in known[pair] if a.status == 200]
        after += [a for a in known[pair] if ended and a.at > min(ended)]
    return Matched(unrecorded, unseen, after)


def fate(event: str, share: float) -> bool:
    """A choice that is the same each time it is asked of an event."""
    return random.Random(event).random() < share
