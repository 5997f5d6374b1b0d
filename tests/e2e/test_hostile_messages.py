"""The events queue with thousands of invalid bodies, and valid ones between them.

support/hostile_bodies.py computes the expected result of each body. POSTEL_TEST_HOSTILE_MESSAGES
sets how many (10000 for the scorecard), POSTEL_TEST_SEED which.
"""

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import dead_letters, hostile_bodies, logs, scorecard, stack
from support.client import STANDARD_SECRET, Tenant, new_tenant
from support.contracts import check_standard, members
from support.hostile_bodies import Expected
from support.receiver import Receiver, Request

# By default Python reads no number of more than 4,300 digits; JSON allows them.
sys.set_int_max_str_digits(0)

MESSAGES = scorecard.count("HOSTILE_MESSAGES", 300)
SEED = scorecard.count("SEED", 1)
# In a batch of ten.
HOSTILE_IN_TEN = 8


@dataclass(frozen=True)
class Sent:
    """A message that SQS accepted, and its expected result."""

    message_id: str
    family: str
    body: str
    fate: Expected

    @property
    def tail(self) -> str:
        return dead_letters.tail(self.message_id)


def test_every_hostile_body_ends_where_it_belongs_and_its_neighbours_are_delivered(tenant: Tenant, receiver: Receiver):
    began = time.time()
    neighbour = new_tenant("standard")
    tenant.new_webhook(receiver.url("/hostile"))
    neighbour.new_webhook(receiver.url("/healthy"))
    judged = [
        (family, body, hostile_bodies.fate(body, {tenant.id}))
        for family, body in hostile_bodies.BodyGenerator(SEED, tenant.id).bodies(MESSAGES)
    ]

    refused = [body for _, body, fate in judged if fate.kind == "refused"]
    for body in refused:
        with pytest.raises(ClientError) as error:
            tenant.send_sqs(body)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    sent = list(send([one for one in judged if one[2].kind != "refused"], neighbour))

    hostile = [one for one in sent if one.family != "healthy"]
    healthy = [one for one in sent if one.family == "healthy"]
    dying = {one.tail: one for one in hostile if one.fate.kind == "dead"}
    within = 30 + MESSAGES / 25
    letters = dead_letters.letters({tail: f"{one.family} {one.body[:200]!r}" for tail, one in dying.items()}, within)
    delivered = [one for one in hostile if one.fate.kind == "delivered"]
    arrived = wait_for_all(delivered, receiver, "/hostile", within)
    neighbours = wait_for_all(healthy, receiver, "/healthy", within)

    for tail, one in dying.items():
        (letter,) = letters[tail]
        assert letter["reason"]["S"] in one.fate.reasons, f"{one.family}: {letter['reason']} instead of {one.fate.reasons}: {one.body[:300]!r}"
        assert letter["detail"]["S"].endswith((".", "\u2026")) and len(letter["detail"]["S"]) < 600, letter["detail"]
        assert letter["message"]["S"] == one.body[: len(letter["message"]["S"])] and len(letter["message"]["S"]) >= min(len(one.body), 100_000)
    for path, count in (("/hostile", len(delivered)), ("/healthy", len(healthy))):
        receiver.stays_at(count, 1, path)
    assert not set(letters) & {one.tail for one in delivered + healthy}, "both delivered and dead"
    assert neighbour.dead_letters() == []

    panics, faults = of_our_own_making({one.message_id for one in sent}, began)
    assert panics == [] and faults == []
    scorecard.row(
        6,
        seed=SEED,
        bodies=MESSAGES,
        refused_by_sqs=len(refused),
        dead=len(dying),
        reasons=dict(Counter(letters[tail][0]["reason"]["S"] for tail in dying)),
        valid_and_delivered=len(delivered),
        healthy_delivered=f"{len(neighbours)} of {len(healthy)}",
        panics=len(panics),
        seconds=round(time.time() - began),
    )


def test_what_sqs_refuses_would_be_dead_or_delivered_if_it_came_all_the_same(tenant: Tenant, receiver: Receiver):
    """AWS's filter must not be the only thing between these characters and a panic."""
    tenant.new_webhook(receiver.url())
    event = json.dumps({"tenantId": tenant.id, "type": "item.created", "data": "#"})
    dying, valid = {}, []
    for text in ("\0", "\x01", "\x0b", "\ufffe", "\uffff"):
        for body in (text + event, event.replace("data", f"da{text}ta"), event.replace("#", text), text):
            record = stack.sqs_record(body)
            if text in ("\ufffe", "\uffff") and body == event.replace("#", text):
                valid.append(record)
            else:
                dying[dead_letters.tail(record["messageId"])] = record
    records = [*dying.values(), *valid]

    for start in range(0, len(records), 10):
        assert stack.invoke_with(records[start : start + 10]) == {"batchItemFailures": []}

    receiver.wait(len(valid))
    assert {json.loads(r.body)["data"] for r in receiver.stays_at(len(valid), 0.5)} == {"\ufffe", "\uffff"}
    letters = dead_letters.letters({tail: repr(record["body"]) for tail, record in dying.items()}, 10)
    for tail, record in dying.items():
        (letter,) = letters[tail]
        assert letter["reason"]["S"] in ("malformed_json", "invalid_event") and letter["message"]["S"] == record["body"]


def send(judged: list[tuple[str, str, Expected]], neighbour: Tenant):
    """In batches of ten, two valid ones in each; a body that makes a batch too large for SQS
    gets its own batch."""
    waiting = list(reversed(judged))
    number = 0
    while waiting:
        batch: list[tuple[str, str, Expected]] = []
        for place in range(10):
            if place % 5 == 2:
                number += 1
                body = json.dumps({"tenantId": neighbour.id, "type": "item.created", "data": {"number": number, "text": "\u00fc"}})
                batch.append(("healthy", body, Expected("delivered")))
            elif waiting and sum(len(b.encode()) for _, b, _ in batch) + len(waiting[-1][1].encode()) <= hostile_bodies.MAX_SQS_BYTES - 1_000:
                batch.append(waiting.pop())
            elif waiting and len(waiting[-1][1].encode()) > hostile_bodies.MAX_SQS_BYTES - 1_000:
                yield from _send([waiting.pop()])
        yield from _send(batch)


def _send(batch: list[tuple[str, str, Expected]]):
    entries = [{"Id": str(n), "MessageBody": body, "MessageGroupId": "hostile"} for n, (_, body, _) in enumerate(batch)]
    answer = stack.aws("sqs").send_message_batch(QueueUrl=stack.outputs()["eventsQueueUrl"], Entries=entries)
    assert not answer.get("Failed"), answer["Failed"]
    ids = {int(entry["Id"]): entry["MessageId"] for entry in answer["Successful"]}
    for n, (family, body, fate) in enumerate(batch):
        yield Sent(ids[n], family, body, fate)


def wait_for_all(sent: list[Sent], receiver: Receiver, path: str, within: float) -> list[Request]:
    """Waits until all are at the receiver, each once, with its id and its data byte for byte."""
    arrived: list[Request] = []

    def find() -> dict[str, Request]:
        arrived[:] = receiver.requests(path)
        by_id = {request.headers["webhook-id"]: request for request in arrived}
        by_tail = {name.removeprefix("evt_")[10:]: request for name, request in by_id.items()}
        found = {one.tail: by_id.get(one.fate.event_id or "") or by_tail.get(one.tail) for one in sent}
        missing = [f"{one.family} {one.body[:300]!r}" for one in sent if found[one.tail] is None]
        assert not missing, f"{len(missing)} of {len(sent)} were not delivered: {missing[:10]}"
        return {tail: request for tail, request in found.items() if request}

    found = stack.eventually(find, within, f"{len(sent)} on {path}", every=0.5) if sent else {}
    for one in sent:
        check_standard(found[one.tail], STANDARD_SECRET)
        assert members(found[one.tail].body)["data"] == members(one.body.encode())["data"], one.family
    assert len(arrived) == len(sent), f"{len(arrived)} requests for {len(sent)} messages"
    return arrived


def of_our_own_making(message_ids: set[str], since: float) -> tuple[list[str], list[dict[str, Any]]]:
    """All panics, and faults caused by these messages, from the functions' own logs."""
    panics = [
        line
        for function in ("DispatcherFunction", "DlqFunction")
        for line in logs.lines(logs.group_of(function), since)
        if "panicked" in line or '"fault_kind":"bug"' in line
    ]
    faults = [
        fault
        for function in ("DispatcherFunction", "DlqFunction")
        for fault in logs.faults(function, since)
        if fault.get("message_id") in message_ids
    ]
    return panics, faults
