"""Payloads of every size and kind, on both paths: delivered byte for byte, or rejected with a
reason; none accepted and lost.

AWS's reference of SendMessage says what SQS accepts: up to 1 MiB, and only characters of XML
1.0. POSTEL_TEST_PAYLOAD_KINDS sets how many kinds come in every size (12 for the scorecard); the
others come in the largest.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest
from botocore.exceptions import ClientError
from support import dead_letters, scorecard, stack
from support.client import STANDARD_SECRET, Tenant, event_bytes, new_tenant
from support.contracts import check_standard, members
from support.receiver import Receiver

KIB = 1024
MAX_BYTES = 256 * KIB
ASTRAL, CHINESE, NO_CHARACTER, HALF = "\U0001f4a3", "\u4e2d", "\ufffe", "\\ud83d"
DOORS = ("http", "batch", "sqs")

SIZES = (20 * KIB, 64 * KIB, 255 * KIB, MAX_BYTES, MAX_BYTES + 1, 257 * KIB)

# Repeated in `data` until the whole event has its size.
FILLERS = {
    "astral": ASTRAL,
    "half of an astral one, escaped": HALF,
    "ascii": "x",
    "three bytes each": CHINESE,
    "astral, escaped": "\\ud83d\\udca3",
    "the other half before": "\\udca3\\ud83d",
    "U+FFFE": NO_CHARACTER,
    "U+FFFE, escaped": "\\uFFFE",
    "control characters, escaped": "\\u0000\\u001f",
    "quotes and slashes, escaped": '\\"\\\\\\/',
    "what HTML would escape": "<&>\u2028",
    "another spelling of letters": "\\u0061",
}
IN_EVERY_SIZE = scorecard.count("PAYLOAD_KINDS", 2)


def filled(door: str, tenant: Tenant, filler: str, size: int) -> bytes:
    """An event of exactly this many bytes."""
    rest = {"tenantId": tenant.id} if door == "sqs" else {}
    room = size - len(event_bytes("item.created", b'""', **rest))
    times, left = divmod(room, len(filler.encode()))
    return event_bytes("item.created", f'"{filler * times}{"y" * left}"'.encode(), **rest)


def nested(levels: int) -> bytes:
    return b"[" * (levels - 1) + b"]" * (levels - 1)


def cases(door: str, tenant: Tenant) -> Iterator[tuple[str, bytes, str]]:
    """A name, the event's bytes, and the expected result: delivered, rejected (or dead), or
    refused by SQS."""
    named = {"tenantId": tenant.id} if door == "sqs" else {}
    for number, (name, filler) in enumerate(FILLERS.items()):
        for size in SIZES if number < IN_EVERY_SIZE else (MAX_BYTES,):
            outside_of_xml = door == "sqs" and filler == NO_CHARACTER
            fate = "kept out" if outside_of_xml else "delivered" if size <= MAX_BYTES else "refused"
            yield f"{name}, {size} bytes", filled(door, tenant, filler, size), fate
    if door != "batch":
        yield "nothing", b"", "kept out" if door == "sqs" else "refused"
        yield "one byte", b"1", "refused"
        yield "a byte that is no text", b"\xff", "refused"
    for data in (b'""', b"0", b"{}", b"[]", b"null", b" {  } ", b'{"":{"":[]}}', b'{"a":1,"a":1.0,"b":-0,"c":1E+400,"d":1.10}', b'"\\ud800"', b'{"\\udfff":"\\udfff"}'):
        yield f"data {data.decode()}", event_bytes("item.created", data, **named), "delivered"
    for levels in (2, 100, 128, 129, 1_000):
        yield f"{levels} levels", event_bytes("item.created", nested(levels), **named), "delivered" if levels <= 128 else "refused"
    yield "1,000 levels that do not end", event_bytes("item.created", b"[" * 1_000, **named), "refused"


def publish(door: str, tenant: Tenant, body: bytes) -> tuple[str, str]:
    """The answer of the path: `accepted`, `refused` with 4xx, or `kept out` by SQS itself; and
    the message's id if SQS accepted it."""
    if door == "sqs":
        try:
            return "accepted", tenant.send_sqs(body.decode())
        except UnicodeDecodeError:
            return "refused", ""  # It could not even be sent: a message is text.
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
            return "kept out", ""
    path = tenant.path("/events" if door == "http" else "/events/batch")
    answer = tenant.api.call("POST", path, body if door == "http" else b'{"events":[' + body + b"]}")
    if door == "batch" and answer.status == 202:
        (result,) = answer.json["results"]
        return ("accepted" if "error" not in result else "refused" if 400 <= result["error"]["status"] < 500 else str(result)), ""
    return ("accepted" if answer.status == 202 else "refused" if answer.code and 400 <= answer.status < 500 else str(answer)), ""


@pytest.mark.parametrize("door", DOORS)
def test_any_payload_arrives_byte_for_byte_or_is_refused_with_a_reason(receiver: Receiver, door: str):
    tenant = new_tenant("standard", limits={"requestsPerMinute": 100_000})
    tenant.new_webhook(receiver.url())
    sent: list[tuple[str, bytes]] = []
    outcomes: Counter[str] = Counter()
    dead: dict[str, str] = {}
    with ThreadPoolExecutor(4) as pool:
        answered = list(pool.map(lambda case: (*case, publish(door, tenant, case[1])), cases(door, tenant)))
    for name, body, fate, (said, message_id) in answered:
        if fate == "refused" and message_id:
            dead[dead_letters.tail(message_id)] = name
        else:
            assert said == {"delivered": "accepted"}.get(fate, fate), f"{name} by {door}: {said}"
        if fate == "delivered":
            sent.append((name, members(body)["data"]))
        outcomes[fate] += 1

    arrived = receiver.wait(len(sent), within=180)

    wanted = Counter(data for _, data in sent)
    got = Counter(members(request.body)["data"] for request in arrived)
    strange = [name for name, data in sent if got[data] != wanted[data]]
    assert got == wanted, f"not byte for byte: {strange[:10]}"
    for request in arrived:
        check_standard(request, STANDARD_SECRET)
    letters = dead_letters.letters(dead, 120)
    for tail, name in dead.items():
        (letter,) = letters[tail]
        assert letter["reason"]["S"] in ("malformed_json", "invalid_event", "payload_too_large"), name
    # Accepted events are delivered, and no others: none lost, none twice.
    receiver.stays_at(len(sent), 1)
    stack.eventually(lambda: len(tenant.api.all(tenant.path("/deliveries"), status="completed")) >= len(sent), 60, "all in the log")
    done = tenant.all_deliveries()
    assert len(done) == len(sent)
    assert {d["status"] for d in done} == {"completed"} and {d["attempts"] for d in done} == {1}
    # And the log shows the sent request, byte for byte.
    by_id = {request.headers["webhook-id"]: request.body for request in arrived}
    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda delivery: tenant.delivery(delivery["id"])["request"]["body"], done))
    for delivery, body in zip(done, shown):
        assert body.encode("utf-8", "surrogatepass") == by_id[delivery["eventId"]], "the log does not show the body that was sent"
    scorecard.row(11, door=door, payloads=sum(outcomes.values()), byte_identical=len(sent), refused=outcomes["refused"], kept_out_by_sqs=outcomes["kept out"], lost=0)
