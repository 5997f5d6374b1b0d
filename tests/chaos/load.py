"""Events for the rows: tenants with webhooks, a receiver that records each request's sender, and
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
    """Yields the number of each step at a steady pace, so that all of them take this long. The
    clock sets the pace: a slow step is made up for."""
    began = time.monotonic()
    for step in range(steps):
        yield step
        time.sleep(max(0.0, began + (step + 1) * seconds / steps - time.monotonic()))


@dataclass(frozen=True)
class Post:
    """A received POST: event, webhook, time, and the sender's port."""

    event: str
    webhook: str
    arrived: float
    peer: int


@dataclass
class Crowd:
    """Tenants whose webhooks all go to one receiver, each to a path of its own. There are many
    tenants because the local cloud sorts a whole partition for each query."""

    receiver: Receiver
    tenants: list[client.Tenant] = field(default_factory=list)
    # Webhook ids by the receiver's paths.
    paths: dict[str, str] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)

    def add(self, webhooks: int, **fields: Any) -> client.Tenant:
        """Adds a tenant with this many webhooks for all events; their paths start with the
        tenant's id."""
        tenant = client.new_tenant("standard", limits={"requestsPerMinute": 1_000_000})
        for number in range(webhooks):
            path = f"/{tenant.id}/{number}"
            made = tenant.new_webhook(self.receiver.url(path), **fields)
            self.paths[path] = made["id"]
        self.tenants.append(tenant)
        return tenant

    def answer(self, path: str, how: Any) -> None:
        """Sets the responses of a path: a function of the request, like Receiver.answer's. Every
        POST is recorded first."""

        def noted(request: Request) -> int | Reply:
            self.posts.append(Post(request.headers["webhook-id"], self.paths[path], request.arrived, request.peer))
            return how(request)

        self.receiver.answer(noted, path=path)

    def publish_http(self, tenant: client.Tenant, count: int) -> None:
        """In batches of up to 100 with our own ids, as docs/api.md says for safe retries:
        offered until accepted."""
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
        """On one of the three paths in turn."""
        if door % 3 == 0:
            self.publish_http(tenant, count)
        else:
            self.publish_sqs(tenant, count, with_ids=door % 3 == 1)


@dataclass(frozen=True)
class Attempt:
    event: str
    webhook: str
    number: int
    at: float
    until: float
    status: int | None


def attempts(tenants: list[client.Tenant]) -> Iterator[Attempt]:
    """Every recorded attempt of these tenants, wherever it is stored: inline in its event, in
    its delivery, or as an earlier attempt."""
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
        # Once the next attempt has its lease, a delivery's last attempt is also stored as an
        # earlier one.
        if (key, webhook, row[0]) not in told:
            told.add((key, webhook, row[0]))
            at = (millis(key) + row[2]) / 1000
            status = row[7][0] if isinstance(row[7][0], int) else None
            yield Attempt(names.get((tenant, key), key), webhook, row[0], at, at + row[3] / 1000, status)


@dataclass(frozen=True)
class Matched:
    """POSTs and recorded attempts, each with its counterpart if it has one."""

    unrecorded: list[Post]
    unseen: list[Attempt]
    after_success: list[Attempt]


# A busy machine records late: a request is recorded when it was read to its end, perhaps after its
# sender's timeout.
EARLY, LATE, TOO_LATE = 0.2, 0.5, 5.0


def match(posts: list[Post], recorded: list[Attempt]) -> Matched:
    """Matches POSTs and records, and finds those without a counterpart. An attempt's POST
    arrived between its start and its response."""
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
    """A pseudo-random decision that is always the same for an event."""
    return random.Random(event).random() < share
