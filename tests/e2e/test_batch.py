"""One batch with good and bad messages: each has its own result.

The dispatcher is invoked with a made-up SQS event, since the local SQS gives every message the
same SenderId. On AWS the batch's response decides: a message that is not in `batchItemFailures`
is deleted, so an empty list means that every message, the bad ones too, is done.
"""

import json

import pytest
from support import dead_letters, stack
from support.client import STANDARD_SECRET, Api, Tenant
from support.contracts import check_standard
from support.receiver import Receiver, Request

PUBLISHER = "AROAEXAMPLEPUBLISHER1"


def failures(answer: dict | None) -> list[str]:
    return [f["itemIdentifier"] for f in (answer or {}).get("batchItemFailures", [])]


def event(tenant: str, number: int, **fields) -> str:
    return json.dumps({"tenantId": tenant, "type": "item.created", "data": {"number": number}} | fields)


def nobodys_letters(operator: Api, records: list[dict]) -> list[dict]:
    """The complete dead letters of some records, which belong to no tenant. They are read by id:
    other tests create hundreds meanwhile."""

    def there() -> list[dict]:
        answers = [operator.get(f"/v1/dead-letters/{dead_letters.id_of(record)}") for record in records]
        assert [answer.status for answer in answers] == [200] * len(records), [answer.raw for answer in answers]
        return [answer.json for answer in answers]

    found = stack.eventually(there, 60, f"{len(records)} letters")
    assert not any("tenantId" in letter for letter in found), found
    return found


def test_of_ten_messages_six_are_delivered_and_four_dead_with_fitting_reasons(operator: Api, tenant: Tenant, receiver: Receiver):
    operator.put(f"/v1/tenants/{tenant.id}", {"contract": "standard", "publishers": [PUBLISHER]}).ok(200)
    tenant.new_webhook(receiver.url())
    marker = stack.unique("marker")

    def record(body: str, sender: str = f"{PUBLISHER}:its-session", **fields) -> dict:
        return stack.sqs_record(body, sender=sender, group=tenant.id, **fields)

    good = [record(event(tenant.id, n)) for n in range(6)]
    bad = {
        "malformed_json": record(f'{{"tenantId": "{tenant.id}", "type": "item.created", "data": {{"marker": "{marker}"'),
        "invalid_event": record(event(tenant.id, 7, marker=marker)),
        "unknown_tenant": record(event(f"nobody-{marker}", 8)),
        "sender_not_allowed": record(event(tenant.id, 9, data={"marker": marker}), sender=f"AROAEVIL:{PUBLISHER}"),
    }
    mixed = list(good)
    for place, record_of_bad in zip((1, 3, 5, 8), bad.values()):
        mixed.insert(place, record_of_bad)
    assert len(mixed) == 10

    assert failures(stack.invoke_with(mixed)) == []

    requests = receiver.wait(6)
    receiver.stays_at(6, seconds=2)
    assert sorted(check_standard(r, STANDARD_SECRET)["data"]["number"] for r in requests) == list(range(6))
    assert len({r.headers["webhook-id"] for r in requests}) == 6
    delivered = stack.eventually(lambda: (d := tenant.deliveries()) and len(d) == 6 and d, 60, "six deliveries in the log")
    assert {d["status"] for d in delivered} == {"completed"} and {d["attempts"] for d in delivered} == {1}

    # The tenant sees only dead letters whose sender proved to be its publisher.
    own = {letter["reason"]: tenant.dead_letter(letter["id"]) for letter in tenant.wait_for_dead_letters(1)}
    assert set(own) == {"invalid_event"}
    ours = {letter["reason"]: letter for letter in nobodys_letters(operator, [record for reason, record in bad.items() if reason not in own])}
    assert set(ours) == {"malformed_json", "unknown_tenant", "sender_not_allowed"}
    for reason, letter in (own | ours).items():
        assert letter["message"] == bad[reason]["body"] and letter["senderId"] == bad[reason]["attributes"]["SenderId"]
        assert letter["detail"].endswith("."), "a reason in words, too"

    # The same batch again, as SQS delivers it when the response was lost: nothing is duplicated.
    for one in mixed:
        one["attributes"]["ApproximateReceiveCount"] = "2"
    assert failures(stack.invoke_with(mixed)) == []
    receiver.stays_at(6, seconds=2)
    assert len(tenant.deliveries()) == 6 and len(tenant.dead_letters()) == 1


MALFORMED = {
    "no json": ("hello {marker}", "malformed_json"),
    "half json": ('{{"tenantId":"{tenant}","type":"a.b","data":"{marker}', "malformed_json"),
    "trailing garbage": ('{{"tenantId":"{tenant}","type":"a.b","data":"{marker}"}} x', "malformed_json"),
    "nested too deep": ('{{"tenantId":"{tenant}","type":"a.b","data":{deep},"context":{{"m":"{marker}"}}}}', "malformed_json"),
    "an array": ('["{marker}"]', "invalid_event"),
    "a string": ('"{marker}"', "invalid_event"),
    "no tenant": ('{{"type":"a.b","data":"{marker}"}}', "invalid_event"),
    "a tenant that cannot be": ('{{"tenantId":"../{marker}","type":"a.b","data":1}}', "invalid_event"),
    "no type": ('{{"tenantId":"{tenant}","data":"{marker}"}}', "invalid_event"),
    "no data": ('{{"tenantId":"{tenant}","type":"a.{marker}"}}', "invalid_event"),
    "a wrong type": ('{{"tenantId":"{tenant}","type":"a b","data":"{marker}"}}', "invalid_event"),
    "a type that is a number": ('{{"tenantId":"{tenant}","type":7,"data":"{marker}"}}', "invalid_event"),
    "an unknown field": ('{{"tenantId":"{tenant}","type":"a.b","data":1,"more":"{marker}"}}', "invalid_event"),
    "an id with a full stop": ('{{"tenantId":"{tenant}","type":"a.b","data":"{marker}","id":"a.1"}}', "invalid_event"),
    "a time that is none": ('{{"tenantId":"{tenant}","type":"a.b","data":"{marker}","timestamp":"soon"}}', "invalid_event"),
    "a byte too many": ('{{"tenantId":"{tenant}","type":"a.b","data":"{marker}{long}"}}', "payload_too_large"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_bad_message_is_dead_with_its_reason_and_its_neighbour_delivered(operator: Api, tenant: Tenant, receiver: Receiver, case: str):
    tenant.new_webhook(receiver.url())
    marker, (frame, reason) = stack.unique("marker"), MALFORMED[case]
    text = frame.format(tenant=tenant.id, marker=marker, deep="[" * 200 + "]" * 200, long="{long}")
    text = text.replace("{long}", "x" * (256 * 1024 + 1 - len(text) + len("{long}")))

    bad = stack.sqs_record(text)
    answer = stack.invoke_with([bad, stack.sqs_record(event(tenant.id, 1))])

    assert failures(answer) == []
    assert check_standard(receiver.wait(1)[0], STANDARD_SECRET)["data"] == {"number": 1}
    receiver.stays_at(1, seconds=1)
    (letter,) = [tenant.dead_letter(l["id"]) for l in tenant.dead_letters()] or nobodys_letters(operator, [bad])
    assert letter["reason"] == reason and letter["detail"]
    assert letter["message"][:200_000] == text[:200_000] and marker in letter["message"]
    assert len(tenant.deliveries()) == 1


@pytest.mark.parametrize(
    ("sender", "allowed"),
    [
        (PUBLISHER, True),
        (f"{PUBLISHER}:any-session", True),
        (f"{PUBLISHER}X:session", False),
        (f"AROAEVIL:{PUBLISHER}", False),
        (f":{PUBLISHER}", False),
        (PUBLISHER.lower(), False),
        ("", False),
    ],
)
def test_only_a_registered_principal_publishes_whatever_its_session_name(
    operator: Api, tenant: Tenant, receiver: Receiver, sender: str, allowed: bool
):
    operator.put(f"/v1/tenants/{tenant.id}", {"contract": "standard", "publishers": [PUBLISHER]}).ok(200)
    tenant.new_webhook(receiver.url())
    marker = stack.unique("marker")
    record = stack.sqs_record(event(tenant.id, 1, data={"marker": marker}), sender=sender)
    assert failures(stack.invoke_with([record])) == []
    if allowed:
        assert check_standard(receiver.wait(1)[0], STANDARD_SECRET)["data"] == {"marker": marker}
    else:
        assert nobodys_letters(operator, [record])[0]["reason"] == "sender_not_allowed"
        receiver.stays_at(0, seconds=1)
        assert tenant.dead_letters() == [] and tenant.deliveries() == [], "the tenant sees nothing of another sender's message"


def test_a_forged_word_of_our_own_publisher_delivers_nothing_new(tenant: Tenant, receiver: Receiver):
    """`stored` messages come from the HTTP API. A tenant's principal may send one; it names an
    event that has been handled."""
    tenant.new_webhook(receiver.url())
    event_id = tenant.publish("item.created", {"n": 1})
    tenant.wait_for_status(event_id, "completed")
    forged = json.dumps({"tenantId": tenant.id, "stored": event_id.removeprefix("evt_")})
    missing = json.dumps({"tenantId": tenant.id, "stored": "01ARZ3NDEKTSV4RRFFQ69G5FAV"})
    assert failures(stack.invoke_with([stack.sqs_record(forged), stack.sqs_record(forged, received=3), stack.sqs_record(missing)])) == []
    receiver.stays_at(1, seconds=1.5)


def test_a_batch_of_slow_and_failing_receivers_is_delivered_concurrently(tenant: Tenant, receiver: Receiver):
    tenant.new_webhook(receiver.url("/slow"), ["slow.*"])
    tenant.new_webhook(receiver.url("/broken"), ["broken.*"], overrides={"retryDelaysSeconds": []})
    tenant.new_webhook(receiver.url("/fine"), ["fine.*"])

    def when_all_have_come(_: Request) -> int:
        receiver.wait(10, 8, path=None)
        return 200

    # If one POST waited for another's answer, these would get none.
    receiver.answer(when_all_have_come, path="/slow")
    receiver.answer(500, path="/broken")
    kinds = ["slow.one", "broken.one", "fine.one"] * 3 + ["slow.two"]
    answer = stack.invoke_with([stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": kind, "data": n})) for n, kind in enumerate(kinds)])
    assert failures(answer) == [], "a receiver's failure is an outcome, not a failure of Postel"
    assert len(receiver.requests(None)) == 10
    by_status = {s: len(tenant.deliveries(status=s)) for s in ("completed", "failed")}
    assert by_status == {"completed": 7, "failed": 3}
    assert {l["reason"] for l in tenant.wait_for_dead_letters(3)} == {"exhausted"}
