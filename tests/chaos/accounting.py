"""Reconciliation: compares what was accepted, the log, the dead letters, the queues, the
schedules and what a receiver saw, and names every event that does not match.

The promise: for each webhook that selects it, each event is in exactly one state: delivered;
dead, with a dead letter; or due, with a time. An event that is accepted and not recorded yet is
in a queue.

    .local/venv/bin/python tests/chaos/accounting.py                                # the local stack of POSTEL_PORT
    .local/venv/bin/python tests/chaos/accounting.py --stack postel --tenant acme   # on AWS, with your own credentials; it only reads
    ... --accepted accepted.jsonl   # a line for each event: {"tenant": "acme", "id": "evt_…"}, or what SQS answered: {"tenant": "acme", "messageId": "…"}
    ... --posts posts.jsonl         # a line for each POST that a receiver saw: {"event": "evt_…", "webhook": "wh_…"}

It exits 1 if something does not match. A running system changes while it is read, so a mismatch
is read again after `--again` seconds, and reported only if it is still there. Without --tenant
the tables are scanned, which on AWS costs a read unit for each 8 KB.
"""

import argparse
import base64
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import boto3
from boto3.dynamodb.types import TypeDeserializer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra" / "local"))

import settings  # noqa: E402

LOG_SHARDS = 4
CROCKFORD, RFC4648 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# The statuses of a delivery that has not ended.
UNDER_WAY = ("pending", "processing", "retrying")

Row = dict[str, Any]
# A tenant and an event's key.
Key = tuple[str, str]


@dataclass(frozen=True)
class Accepted:
    """An event that its publisher was told is accepted: by its id, or by the id that SQS gave
    its message."""

    tenant: str
    id: str | None = None
    message: str | None = None

    def __str__(self) -> str:
        return f"{self.tenant} {self.id or f'message {self.message}'}"


@dataclass
class Books:
    """Everything that is recorded, as it was read."""

    events: dict[Key, Row] = field(default_factory=dict)
    # By event, then by webhook.
    deliveries: dict[Key, dict[str, Row]] = field(default_factory=lambda: defaultdict(dict))
    letters: list[Row] = field(default_factory=list)
    # By tenant.
    webhooks: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    # Messages by queue, including those in flight and delayed.
    queues: dict[str, int] = field(default_factory=dict)
    schedules: set[str] = field(default_factory=set)

    @property
    def unread_events(self) -> int:
        """Messages that may be events which are not recorded yet."""
        return self.queues.get("events", 0) + self.queues.get("events-dead", 0)


@dataclass
class Report:
    """Counts by kind, and mismatches."""

    counts: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"{name:<28}{count:>8}" for name, count in self.counts.items()]
        return "\n".join([*lines, f"{'does not add up':<28}{len(self.wrong):>8}", *(f"  {line}" for line in self.wrong)])


# ---- Comparing ---------------------------------------------------------------------------------


def account(books: Books, accepted: Iterable[Accepted] = (), posts: Iterable[tuple[str, str]] | None = None) -> Report:
    """Compares everything with everything. `posts` are event ids and webhooks as a receiver saw
    them."""
    report = Report()
    letters = {letter["delivery"]: letter for letter in books.letters if "delivery" in letter and "redriven_at" not in letter}
    _accepted(books, list(accepted), report)
    unseen: list[str] = []
    for (tenant, key), event in books.events.items():
        inside, own = inside_event(event), books.deliveries.get((tenant, key), {})
        wanted = {webhook["id"] for webhook in books.webhooks.get(tenant, []) if _wants(webhook, event, key)}
        for webhook in sorted(wanted | inside | set(own)):
            where = f"{tenant} {event_id(event)} to {webhook}"
            letter = letters.pop(delivery_id(key, webhook), None)
            if webhook not in inside and webhook not in own:
                unseen.append(where)
            else:
                _delivery(report, where, own.get(webhook), letter)
    # An event that the HTTP API stored waits as a message until its first attempts.
    _lost_unless_waiting(report, books, unseen, "no delivery is on record and no message is left")
    for (tenant, key), own in books.deliveries.items():
        if (tenant, key) not in books.events:
            report.wrong += [f"{tenant} {delivery_id(key, webhook)}: a delivery whose event is gone" for webhook in own]
    report.wrong += [f"{letter['pk']} {delivery}: a dead letter whose delivery is gone" for delivery, letter in letters.items()]
    report.counts["dead letters of messages"] = sum("message" in letter and "redriven_at" not in letter for letter in books.letters)
    _schedules(books, report)
    if posts is not None:
        _posts(books, report, list(posts))
    for queue, count in books.queues.items():
        report.counts[f"messages in {queue}"] = count
    return report


def _accepted(books: Books, accepted: list[Accepted], report: Report) -> None:
    by_id = {(tenant, event_id(event)) for (tenant, _), event in books.events.items()}
    by_message = {(tenant, key[10:]) for tenant, key in books.events}
    # The dead letter of a message has the key that the event would have had; the body contains the
    # caller's own id.
    letters = [letter for letter in books.letters if "message" in letter]
    recorded = {letter["sk"][10:] for letter in letters}
    bodies = {(letter["pk"], _id_in(letter["message"])) for letter in letters}
    missing = []
    for one in accepted:
        if one.id and ((one.tenant, one.id) in by_id or (one.tenant, one.id) in bodies):
            continue
        if one.message and ((one.tenant, derived(one.message)) in by_message or derived(one.message) in recorded):
            continue
        missing.append(str(one))
    report.counts["accepted"] = len(accepted)
    report.counts["events on record"] = len(books.events)
    _lost_unless_waiting(report, books, missing, "accepted, and neither on record, dead nor waiting")


def _lost_unless_waiting(report: Report, books: Books, missing: list[str], what: str) -> None:
    """Messages cannot be read without receiving them, so only their number is known."""
    report.counts["waiting in a queue"] += min(len(missing), books.unread_events)
    if len(missing) > books.unread_events:
        hint = f" (or among the {books.unread_events} messages)" if books.unread_events else ""
        report.wrong += [f"{where}: {what}{hint}" for where in missing]


def _delivery(report: Report, where: str, own: Row | None, letter: Row | None) -> None:
    # A delivery with its own item is newer: another attempt of an inline delivery was requested.
    status = own["status"] if own else "completed"
    states = [
        name
        for name, holds in {
            "delivered": status == "completed",
            "dead": status == "failed" or letter is not None,
            "due": status in UNDER_WAY,
        }.items()
        if holds
    ]
    if own and own.get("test"):
        report.counts["test deliveries"] += 1
    elif len(states) != 1:
        report.wrong.append(f"{where}: {' and '.join(states) or status}, which is not one state")
    elif states == ["dead"] and letter is None:
        report.wrong.append(f"{where}: failed, without a dead letter; unless somebody deleted it")
    elif states == ["dead"] and own and own.get("dead") != letter["sk"]:
        report.wrong.append(f"{where}: its dead letter is {own.get('dead')}, but there is {letter['sk']}")
    elif states == ["due"] and ("due_at" not in own or "due_shard" not in own):
        report.wrong.append(f"{where}: {status}, without a time at which the sweeper would find it")
    else:
        report.counts[states[0]] += 1


def _schedules(books: Books, report: Report) -> None:
    due = {
        f"{delivery_id(key, webhook)}-{row['seq']}"
        for (_, key), own in books.deliveries.items()
        for webhook, row in own.items()
        if row["status"] in UNDER_WAY
    }
    report.counts["schedules"] = len(books.schedules)
    # Harmless: its message finds that the delivery has moved on. But it should have been deleted
    # for a reason. A schedule's name is delivery, sequence, and a digest that distinguishes its
    # second from others.
    ended = [name for name in books.schedules if name.rpartition("-")[0] not in due]
    report.counts["schedules of what has ended"] = len(ended)


def _posts(books: Books, report: Report, posts: list[tuple[str, str]]) -> None:
    seen, recorded = Counter(posts), {}
    for (tenant, key), event in books.events.items():
        for webhook in inside_event(event):
            recorded[event_id(event), webhook] = 1
        for webhook, row in books.deliveries.get((tenant, key), {}).items():
            recorded[event_id(event), webhook] = row["attempts"]
            if row["status"] == "completed" and not seen[event_id(event), webhook]:
                report.wrong.append(f"{tenant} {event_id(event)} to {webhook}: delivered on record, but the receiver saw no POST")
        for webhook in inside_event(event):
            if not seen[event_id(event), webhook]:
                report.wrong.append(f"{tenant} {event_id(event)} to {webhook}: delivered on record, but the receiver saw no POST")
    for event, webhook in seen:
        if (event, webhook) not in recorded:
            # Between POST and record there is a message; without one, the POST would never be
            # recorded.
            if not books.unread_events:
                report.wrong.append(f"{event} to {webhook}: the receiver saw it, the log has no delivery")
    report.counts["POSTs"] = len(posts)
    report.counts["POSTs without a record"] = sum(max(0, count - recorded.get(pair, 0)) for pair, count in seen.items())


def _wants(webhook: Row, event: Row, key: str) -> bool:
    if not webhook["active"] or webhook["created_at"] > millis(key):
        return False
    return any(f in ("*", event["ty"]) or (f.endswith(".*") and event["ty"].startswith(f[:-1])) for f in webhook["events"])


def inside_event(event: Row) -> set[str]:
    """The webhooks of the first-attempt successes that are stored inline in their event."""
    return {json.loads(text)[0] for text in event.get("done", [])}


def _id_in(message: str) -> str | None:
    """The caller's own id in a message's body, or the id that the HTTP API generates."""
    try:
        body = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    named = body.get("id") or (f"evt_{body['stored']}" if "stored" in body else None)
    return named if isinstance(named, str) else None


def event_id(event: Row) -> str:
    """The id is left out of the row if it follows from the key."""
    return event.get("id") or f"evt_{event['sk']}"


def delivery_id(key: str, webhook: str) -> str:
    return f"dlv_{key}{webhook.removeprefix('wh_')}"


def millis(key: str) -> int:
    """The time in a ULID: its first ten characters."""
    return sum(CROCKFORD.index(character) << (5 * place) for place, character in enumerate(reversed(key[:10])))


def derived(message: str) -> str:
    """The part of an event's key that is derived from SQS's message id: 80 bits of its SHA-256."""
    return base64.b32encode(hashlib.sha256(message.encode()).digest()[:10]).decode().translate(str.maketrans(RFC4648, CROCKFORD))


# ---- Reading -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its outputs, and clients of its cloud."""

    outputs: dict[str, str]
    client: Callable[[str], Any]
    # The most schedules that one list request returns. MiniStack has no further pages, and accepts
    # any number.
    page: int = 100

    @classmethod
    def local(cls, path: Path) -> "Stack":
        known = json.loads(path.read_text())
        place = {
            "endpoint_url": known["awsEndpointUrl"],
            "region_name": known["region"],
            "aws_access_key_id": known["accessKeyId"],
            "aws_secret_access_key": known["secretAccessKey"],
        }
        return cls(known["stack"], lambda service: boto3.client(service, **place), page=1_000_000)

    @classmethod
    def on_aws(cls, name: str) -> "Stack":
        made = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return cls({o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}, boto3.client)


def read(stack: Stack, tenants: list[str] | None = None, since: int = 0) -> Books:
    """Reads the queues first, then the log, then the dead letters: events move in this order, so
    none is missed."""
    books = Books()
    sqs, dynamo = stack.client("sqs"), stack.client("dynamodb")
    for queue in ("Events", "Deliveries"):
        for suffix, name in (("QueueUrl", queue.lower()), ("DeadLetterQueueUrl", f"{queue.lower()}-dead")):
            books.queues[name] = _messages(sqs, stack.outputs[queue + suffix])
    books.queues["slow"] = _messages(sqs, stack.outputs["SlowQueueUrl"])
    listing = {"GroupName": stack.outputs["RetryScheduleGroupName"], "PaginationConfig": {"PageSize": stack.page}}
    pages = stack.client("scheduler").get_paginator("list_schedules").paginate(**listing)
    books.schedules = {schedule["Name"] for page in pages for schedule in page["Schedules"]}
    log = stack.outputs["LogTableName"]
    partitions = None if tenants is None else [f"{tenant}#{shard}" for tenant in tenants for shard in range(LOG_SHARDS)]
    for row in _rows(dynamo, log, partitions, "pk, sk, id, ty, done, #s, seq, attempts, due_at, due_shard, dead, test", {"#s": "status"}):
        _enter(books, row, since)
    for row in _rows(dynamo, stack.outputs["DeadLettersTableName"], None if tenants is None else [*tenants, "#nobody"]):
        if millis(row.get("delivery", f"dlv_{row['sk']}")[4:]) >= since:
            books.letters.append(row)
    config = stack.outputs["ConfigTableName"]
    for row in _rows(dynamo, config, None if tenants is None else [f"tenant#{tenant}" for tenant in tenants]):
        if row["sk"].startswith("webhook#"):
            books.webhooks[row["tenant"]].append(row)
    return books


def _enter(books: Books, row: Row, since: int) -> None:
    tenant, _, shard = row["pk"].partition("#")
    parts = row["sk"].split("#")
    if not shard.isdecimal() or millis(parts[0]) < since:
        return
    if len(parts) == 1:
        books.events[tenant, parts[0]] = row
    elif len(parts) == 2:
        books.deliveries[tenant, parts[0]][parts[1]] = row


def _messages(sqs: Any, url: str) -> int:
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    return sum(int(count) for count in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())


def _rows(dynamo: Any, table: str, partitions: list[str] | None, wanted: str | None = None, names: dict[str, str] | None = None) -> Iterator[Row]:
    asked = {"TableName": table, "ConsistentRead": True} | ({"ProjectionExpression": wanted, "ExpressionAttributeNames": names} if wanted else {})
    plain = TypeDeserializer().deserialize
    for partition in [None] if partitions is None else partitions:
        if partition is None:
            pages = dynamo.get_paginator("scan").paginate(**asked)
        else:
            one = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": partition}}}
            pages = dynamo.get_paginator("query").paginate(**asked, **one)
        for page in pages:
            for item in page["Items"]:
                yield {name: plain(value) for name, value in item.items()}


# ---- The command -------------------------------------------------------------------------------


def _lines(path: str | None) -> list[Row]:
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()] if path else []


def main(arguments: list[str]) -> int:
    asked = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    asked.add_argument("--outputs", type=Path, default=settings.state() / "outputs.json", help="the local stack's outputs.json")
    asked.add_argument("--stack", help="the name of a stack on AWS, instead")
    asked.add_argument("--tenant", action="append", help="only this one; may be repeated")
    asked.add_argument("--since", help="only events made since then, RFC 3339")
    asked.add_argument("--accepted", help="a file with a line of JSON for each accepted event")
    asked.add_argument("--posts", help="a file with a line of JSON for each POST that a receiver saw")
    asked.add_argument("--again", type=float, default=5, help="seconds until what looks wrong is looked at once more")
    given = asked.parse_args(arguments)
    stack = Stack.on_aws(given.stack) if given.stack else Stack.local(given.outputs)
    since = int(datetime.fromisoformat(given.since.replace("Z", "+00:00")).timestamp() * 1000) if given.since else 0
    accepted = [Accepted(line["tenant"], line.get("id"), line.get("messageId")) for line in _lines(given.accepted)]
    posts = [(line["event"], line["webhook"]) for line in _lines(given.posts)] if given.posts else None

    def look() -> Report:
        return account(read(stack, given.tenant, since), accepted, posts)

    report = look()
    if report.wrong:
        time.sleep(given.again)
        before, report = set(report.wrong), look()
        report.wrong = [line for line in report.wrong if line in before]
    print(report.text())
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
