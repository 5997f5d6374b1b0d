"""Which messages of a batch come back: exactly those that Postel failed to process, in every
pattern of ten; and no invocation times out, however many receivers hang to their limit.

The dispatcher is invoked with made-up SQS events. On AWS its response decides: messages that it
does not name are deleted. POSTEL_TEST_BATCH_PATTERNS sets how many of the 1,024 patterns,
POSTEL_TEST_HANGING_INVOCATIONS how many invocations (200 for the scorecard), POSTEL_TEST_SEED
which patterns.
"""

import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from support import logs, scorecard, stack
from support.client import STANDARD_SECRET, Tenant, new_tenant
from support.contracts import check_standard, seconds_of
from support.receiver import HANG, Receiver

TEN = 10
EVERY = 1 << TEN
PATTERNS = scorecard.count("BATCH_PATTERNS", 64)
HANGING = scorecard.count("HANGING_INVOCATIONS", 16)
SEED = scorecard.count("SEED", 1)
AT_ONCE = 4
HANGING_AT_ONCE = 16

# A message that Postel fails on until a row is repaired: the row of its tenant's webhook cannot be
# read, or names a contract that does not exist.
OURS = ("unreadable", "orphaned")
SPOILT = {"unreadable": {"url": {"N": "1"}}, "orphaned": {"contract": {"S": "no-such-contract"}}}
# A message that Postel does not fail on, whatever its receiver or its publisher did.
NOT_OURS = ("fine", "failing", "malformed")


def chosen() -> list[int]:
    """None failed, all, each alone, all but each, and random patterns. A set bit is a message
    that Postel fails on."""
    alone = [1 << place for place in range(TEN)]
    extremes = [0, EVERY - 1, *alone, *(EVERY - 1 - one for one in alone)]
    others = [pattern for pattern in range(EVERY) if pattern not in extremes]
    return extremes + random.Random(SEED).sample(others, max(0, min(PATTERNS, EVERY) - len(extremes)))


def row_of(tenant: Tenant, webhook: dict[str, Any]) -> dict[str, Any]:
    (row,) = [item for item in stack.scan("ConfigTable", tenant.id) if item["sk"]["S"].endswith(webhook["id"])]
    return row


def put(row: dict[str, Any]) -> None:
    stack.aws("dynamodb").put_item(TableName=stack.resource("ConfigTable"), Item=row)


def test_of_every_batch_exactly_those_come_back_that_we_failed_to_process(tenant: Tenant, receiver: Receiver):
    began = time.time()
    tenants = {kind: new_tenant() for kind in OURS} | {kind: tenant for kind in NOT_OURS}
    webhooks = {
        kind: tenants[kind].new_webhook(receiver.url(f"/{kind}"), [f"{kind}.*"], overrides={"retryDelaysSeconds": []})
        for kind in (*OURS, "fine", "failing")
    }
    receiver.answer(500, path="/failing")
    right = {kind: row_of(tenants[kind], webhooks[kind]) for kind in OURS}
    for kind, row in right.items():
        put(row | SPOILT[kind])

    def message(pattern: int, place: int) -> tuple[str, dict[str, Any]]:
        kinds = OURS if pattern >> place & 1 else NOT_OURS
        kind = kinds[(pattern + place) % len(kinds)]
        whose = tenants[kind].id
        body = json.dumps({"tenantId": whose, "type": f"{kind}.one", "data": [pattern, place]})
        return kind, stack.sqs_record(body[:-1] if kind == "malformed" else body, group=whose)

    batches = {pattern: [message(pattern, place) for place in range(TEN)] for pattern in chosen()}

    def try_batch(pattern: int) -> list[str]:
        answer = stack.invoke_with([record for _, record in batches[pattern]])
        assert set(answer) == {"batchItemFailures"} and all(set(failure) == {"itemIdentifier"} for failure in answer["batchItemFailures"])
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        given_back = dict(zip(batches, pool.map(try_batch, batches)))

    exact = 0
    for pattern, batch in batches.items():
        failed = [record["messageId"] for kind, record in batch if kind in OURS]
        assert sorted(given_back[pattern]) == sorted(failed), f"pattern {pattern:010b}: {given_back[pattern]} came back instead of {failed}"
        exact += 1
    kinds = Counter(kind for batch in batches.values() for kind, _ in batch)
    # Messages that Postel failed on were not sent; those that a receiver failed on were sent once.
    posts = {kind: [json.loads(r.body)["data"] for r in receiver.requests(f"/{kind}")] for kind in webhooks}
    assert {kind: len(sent) for kind, sent in posts.items()} == {"unreadable": 0, "orphaned": 0, "fine": kinds["fine"], "failing": kinds["failing"]}
    for kind in ("fine", "failing"):
        assert len({tuple(data) for data in posts[kind]}) == kinds[kind], f"some of {kind} were sent twice"
    # Postel's own log names each message that came back, and no other.
    ours = {record["messageId"] for batch in batches.values() for kind, record in batch if kind in OURS}

    def all_told() -> bool:
        faults = [f for f in logs.faults("DispatcherFunction", began) if f["message"] == "message.retried"]
        told = Counter(f["message_id"] for f in faults)
        assert {message_id: told[message_id] for message_id in ours if told[message_id] != 1} == {}
        # A retry does not help, and the log line says so.
        assert {(f["level"], f["fault_kind"]) for f in faults if f["message_id"] in ours} == {("ERROR", "corrupt")}
        return True

    stack.eventually(all_told, 60, "the faults in the log", every=1)

    # After the repair, those of the batch that failed as a whole are delivered when they come back,
    # and nothing is lost.
    for kind in OURS:
        put(right[kind])
    mended = time.time()
    again = [record for _, record in batches[EVERY - 1]]
    for record in again:
        record["attributes"]["ApproximateReceiveCount"] = "2"
    # One dispatcher sees the repair at once, since these messages are newer than its cache; they
    # have no other effect.
    news = [stack.sqs_record(json.dumps({"tenantId": tenants[kind].id, "type": "no type!", "data": 0})) for kind in OURS]
    assert stack.invoke_with(news) == {"batchItemFailures": []}
    # A dispatcher may cache a webhook for ten seconds.
    stack.eventually(lambda: stack.invoke_with(again) == {"batchItemFailures": []}, 60, "the repaired webhooks to be known", every=1)
    repaired = [request for kind in OURS for request in receiver.requests(f"/{kind}")]
    assert sorted(check_standard(r, STANDARD_SECRET)["data"][1] for r in repaired) == list(range(TEN))
    # Others may still cache the invalid rows. After that time none does, and none sends again.
    stack.forgotten_by_all(mended)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert list(pool.map(stack.invoke_with, [again] * AT_ONCE)) == [{"batchItemFailures": []}] * AT_ONCE
    for kind in OURS:
        receiver.stays_at(TEN // 2, 0.5, f"/{kind}")
    scorecard.row(7, part="patterns", patterns=len(batches), exact=exact, messages=TEN * len(batches), kinds=dict(kinds), seconds=round(time.time() - began))


def own_seconds(written: list[str]) -> float:
    """From the beginning of the first attempt to the end of the last, on the function's own
    clock: cold starts, of which sixteen at once take long, are part of the caller's wait and not
    of the function's time."""
    attempts = [line for line in (json.loads(text) for text in written if text.startswith("{")) if line.get("message") == "delivery.attempted"]
    ends = [seconds_of(line["timestamp"]) for line in attempts]
    return max(ends) - min(end - line["duration_ms"] / 1000 for end, line in zip(ends, attempts))


def test_receivers_that_hang_to_their_limit_cost_no_invocation_its_answer(receiver: Receiver):
    began = time.time()
    longest, limit = (int(stack.parameter(name)) for name in ("MaxWebhookTimeoutSeconds", "DispatcherTimeoutSeconds"))
    neighbour = new_tenant("standard")
    # One each: a webhook that hangs several times is detected as slow and no longer waited for.
    hanging = [new_tenant("standard") for _ in range(HANGING)]
    for tenant in hanging:
        # An hour, so that no second attempt comes in between. The contract's timeout is 30 s; the
        # operator's limit is lower.
        tenant.new_webhook(receiver.url("/hangs"), overrides={"retryDelaysSeconds": [3600]})
    neighbour.new_webhook(receiver.url("/healthy"))
    receiver.answer(HANG, path="/hangs")

    def one(number: int) -> tuple[float, list[str]]:
        records = [
            stack.sqs_record(json.dumps({"tenantId": of.id, "type": "item.created", "data": {"number": number}}), group=of.id)
            for of in (hanging[number], neighbour)
        ]
        answer, written = stack.invoke_and_listen(records)
        assert answer == {"batchItemFailures": []}
        return own_seconds(written), [line for line in written if "timed out" in line.lower()]

    with ThreadPoolExecutor(HANGING_AT_ONCE) as pool:
        took, reports = zip(*pool.map(one, range(HANGING)))

    reports = [line for lines in reports for line in lines]
    assert reports == []
    assert min(took) >= longest and max(took) < limit, f"the invocations took {min(took):.1f} to {max(took):.1f} s of {limit}"
    assert len(receiver.requests("/hangs")) == HANGING, "an attempt is one request"
    assert len(receiver.wait(HANGING, path="/healthy")) == HANGING
    waiting = [delivery for tenant in hanging for delivery in tenant.all_deliveries()]
    assert Counter(d["status"] for d in waiting) == {"retrying": HANGING}
    assert {t.delivery(d["id"])["attemptLog"][0]["error"]["code"] for t, d in list(zip(hanging, waiting))[:10]} == {"timeout"}
    stack.drop_schedules({delivery["id"] for delivery in waiting})
    scorecard.row(7, part="hanging receivers", invocations=HANGING, timeouts=len(reports), max_seconds=round(max(took), 1), limit_seconds=limit)
