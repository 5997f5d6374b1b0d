"""Every status from 100 to 599 and every form of Retry-After, evaluated by the contract's
documentation.

The rules are written here from the vendors' documentation and RFC 9110; none of Postel's
contract data is read. POSTEL_TEST_STATUSES sets how many statuses (500 for the scorecard),
POSTEL_TEST_STATUS_CONTRACTS how many contracts (5), POSTEL_TEST_SEED which.
"""

import json
import math
import random
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Iterator

import pytest
from support import logs, scorecard, stack
from support.client import Tenant, new_tenant
from support.contracts import seconds_of
from support.receiver import Receiver, Reply, Request

CONTRACTS = ("standard", "kuviq", "kliq", "inspectorio", "kazinex")[: scorecard.count("STATUS_CONTRACTS", 2)]
EVERY = range(100, 600)
EDGES = {first + n for first in range(100, 600, 100) for n in (0, 1, 2, 3, 4, 8, 99)} | {408, 410, 422, 425, 429, 431, 511}
OTHERS = [status for status in EVERY if status not in EDGES]
STATUSES = sorted(EDGES | set(random.Random(scorecard.count("SEED", 1)).sample(OTHERS, min(len(OTHERS), scorecard.count("STATUSES", 100) - len(EDGES)))))
DAY = 24 * 3600
# The attempt's end and its evaluation; a date has whole seconds.
SLACK = 3


@dataclass(frozen=True)
class Documented:
    """A contract's rules for a response."""

    success: range
    first_delay: int
    final: range = range(0)
    gone: int | None = None
    slow_down: tuple[int, ...] = (429, 503)
    jitter: float = 0


# A first delay of 5 s is lengthened to half an hour, so that no second attempt comes in between.
LATER = 1800
RULES = {
    "standard": Documented(range(200, 300), LATER, gone=410, slow_down=(429, 502, 503, 504), jitter=0.1),
    "kazinex": Documented(range(200, 300), LATER, jitter=0.1),
    "kuviq": Documented(range(200, 300), 60, final=range(400, 500)),
    "kliq": Documented(range(200, 300), 60),
    "inspectorio": Documented(range(200, 201), 60),
}


def expected(rule: Documented, status: int) -> tuple[str, str | None]:
    """The delivery's status afterwards, and the dead letter's reason."""
    if status in rule.success:
        return "completed", None
    if status == rule.gone:
        return "failed", "gone"
    if status in rule.final:
        return "failed", "refused"
    return "retrying", None


def asked_for(value: str, now: float) -> float | None:
    """The seconds that Retry-After asks for, by RFC 9110, 10.2.3; a fraction is tolerated; None
    if it has no valid value."""
    value = value.strip(" \t")
    if found := re.fullmatch(r"([0-9]+)(\.[0-9]+)?", value):
        return float(min(int(found[1]), DAY))
    for form in ("%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"):
        try:
            return datetime.strptime(value, form).replace(tzinfo=timezone.utc).timestamp() - now
        except ValueError:
            pass
    if not re.match(r"[A-Z][a-z]{2}, \d", value):
        return None
    try:
        return parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None


def forms() -> Iterator[str]:
    """Values of Retry-After: the data file's rows, and others that a parser may fail on."""
    vectors = json.loads((stack.FIXTURES / "standardwebhooks_vectors.json").read_text())
    yield from (row["value"] for row in vectors["retry_after"])
    yield from ("0", "1", "1800", "1980", "1981", "7200", "7200.999", "86399", "86400", "86401", "4294967296", "18446744073709551615")
    yield from ("18446744073709551616", "9" * 300, "0" * 200 + "7200", "007200", "+7200", "-7200", "- 7200", "7200s", "7200 s", "7,200", "7200,7200")
    yield from ("7200;x=1", "1e4", "0x1c20", "7200.", ".5", "1.5.5", "\u0667\u0662\u0660\u0660", "infinity", "NaN", "null", "soon", "", '"7200"', "PT2H")
    for ahead in (timedelta(hours=2), timedelta(days=2), timedelta(days=365 * 60), timedelta(hours=-2), timedelta(seconds=1)):
        at = datetime.now(timezone.utc) + ahead
        yield format_datetime(at, usegmt=True)
        yield at.strftime("%A, %d-%b-%y %H:%M:%S GMT")
        yield at.strftime("%a %b %e %H:%M:%S %Y")
    at = datetime.now(timezone.utc) + timedelta(hours=2)
    yield format_datetime(at.astimezone(timezone(timedelta(hours=5, minutes=30))))
    yield at.strftime("%Y-%m-%dT%H:%M:%SZ")
    yield from ("Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 31 Feb 2026 00:00:00 GMT", "Wed, 21 Oct 2015 25:61:61 GMT")


def answer(request: Request) -> Reply:
    """The response that the event itself asks for."""
    body = json.loads(request.body)
    wanted = body.get("data") or body.get("payload")
    # After an interim status the connection is closed; otherwise the client would wait for the
    # final one until the timeout.
    headers = {"connection": "close"} if wanted["status"] < 200 else {}
    if wanted.get("retryAfter") is not None:
        headers["retry-after"] = wanted["retryAfter"]
    return Reply(wanted["status"], headers)


def deliver(tenant: Tenant, events: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Passes events to the dispatcher, ten at a time; returns the delivery of each from the log,
    by the events' ids."""
    records = [
        stack.sqs_record(json.dumps({"tenantId": tenant.id, "id": name, "type": kind, "data": data, "context": {"organisation_id": "o"}}), group=tenant.id)
        for name, (kind, data) in events.items()
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(stack.invoke_with, [records[start : start + 10] for start in range(0, len(records), 10)]))
    assert all(answer == {"batchItemFailures": []} for answer in answers), "a receiver's response is not a failure of Postel"
    return {delivery["eventId"]: delivery for delivery in tenant.all_deliveries()}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_status_means_what_the_contract_says(receiver: Receiver, contract: str):
    began, rule = time.time(), RULES[contract]
    tenant = new_tenant(contract, limits={"requestsPerMinute": 100_000})
    overrides = {"overrides": {"retryDelaysSeconds": [LATER]}} if rule.first_delay == LATER else {}
    secret = {} if contract in ("standard", "kuviq") else {"secret": None if contract == "inspectorio" else "of the user's own"}
    statuses, gone = (tenant.new_webhook(receiver.url(), [events], **secret, **overrides) for events in ("status.*", "gone.*"))
    receiver.answer(answer)

    # A status that may switch its webhook off gets a webhook of its own.
    deliveries = deliver(tenant, {f"status-{s}": ("gone.one" if s == 410 else "status.one", {"status": s}) for s in STATUSES})

    assert len(deliveries) == len(STATUSES)
    assert {request.headers["webhook-id"] for request in receiver.wait(len(STATUSES))} == set(deliveries)
    as_said = 0
    for status in STATUSES:
        delivery = deliveries[f"status-{status}"]
        stands, _ = expected(rule, status)
        assert (delivery["status"], delivery["attempts"]) == (stands, 1), f"{contract}, {status}: {delivery}"
        if status >= 200:
            assert delivery["lastResponseCode"] == status
        if stands == "retrying":
            ahead = seconds_of(delivery["nextAttemptAt"]) - seconds_of(delivery["processedAt"])
            assert -0.01 <= ahead - rule.first_delay <= rule.first_delay * rule.jitter + SLACK, f"{contract}, {status}: next in {ahead} s"
        else:
            assert "nextAttemptAt" not in delivery
        as_said += 1
    letters = {letter["eventId"]: letter["reason"] for letter in tenant.all_dead_letters()}
    assert letters == {f"status-{s}": reason for s in STATUSES if (reason := expected(rule, s)[1])}
    assert tenant.webhook(statuses["id"])["active"]
    off = tenant.webhook(gone["id"])
    assert (off["active"], off.get("disabledReason")) == ((False, "gone") if rule.gone else (True, None))
    stack.drop_schedules({delivery["id"] for delivery in deliveries.values()})
    panics = [line for line in logs.lines(logs.group_of("DispatcherFunction"), began) if "panicked" in line]
    assert panics == []
    tally = Counter(delivery["status"] for delivery in deliveries.values())
    scorecard.row(8, part="statuses", contract=contract, statuses=len(STATUSES), as_documented=as_said, outcomes=dict(tally), panics=0, seconds=round(time.time() - began))


def test_every_form_of_retry_after_delays_as_documented_and_never_more_than_a_day(receiver: Receiver):
    began, rule = time.time(), RULES["standard"]
    tenant = new_tenant("standard", limits={"requestsPerMinute": 100_000})
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [LATER]})
    receiver.answer(answer)
    # A header contains bytes; Python's server reads those outside of ASCII as Latin-1.
    values = [value for value in dict.fromkeys(forms()) if value.isascii()]
    cases = [(503, value) for value in values]
    cases += [(status, value) for status in (429, 502, 504, 500, 408, 404, 302) for value in ("7200", "1", "99999999999999999999")]
    events = {f"form-{n}": ("item.created", {"status": status, "retryAfter": value}) for n, (status, value) in enumerate(cases)}

    deliveries = deliver(tenant, events)

    assert {request.headers["webhook-id"] for request in receiver.wait(len(cases))} == set(deliveries)
    longest, as_said, honoured = 0.0, 0, 0
    for n, (status, value) in enumerate(cases):
        delivery = deliveries[f"form-{n}"]
        assert delivery["status"] == "retrying", f"{status} with Retry-After {value[:60]!r}: {delivery}"
        came = seconds_of(delivery["processedAt"])
        asked = asked_for(value, came) if status in rule.slow_down else None
        least = max(LATER, min(asked or 0, DAY))
        most = max(LATER * (1 + rule.jitter), min(asked or 0, DAY))
        ahead = seconds_of(delivery["nextAttemptAt"]) - came
        # A date has whole seconds.
        assert math.floor(least) - 1 <= ahead <= most + SLACK, f"{status} with Retry-After {value[:60]!r}: next in {ahead:.1f} s, not {least:.0f} to {most:.0f}"
        longest, as_said, honoured = max(longest, ahead), as_said + 1, honoured + (least > LATER)
    assert longest <= DAY + SLACK and honoured >= 10
    stack.drop_schedules({delivery["id"] for delivery in deliveries.values()})
    panics = [line for line in logs.lines(logs.group_of("DispatcherFunction"), began) if "panicked" in line]
    assert panics == []
    scorecard.row(8, part="retry-after", forms=len(values), cases=as_said, honoured=honoured, max_delay_seconds=round(longest), cap_seconds=DAY, panics=0)
