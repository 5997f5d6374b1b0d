"""Forged messages on the events queue: another tenant's name, a session named like a principal,
an internal message of Postel's, a replayed message.

On the local cloud every message's SenderId is the account's, so the dispatcher is invoked with
made-up SQS events; on AWS SQS sets the SenderId. Each batch of ten has a genuine message of the
victim's own publisher among the forged: if the victim were unreachable, the test would prove
nothing.
"""

import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Iterator

from support import dead_letters, scorecard, stack
from support.client import STANDARD_SECRET, Api, Tenant, new_tenant
from support.contracts import check_standard
from support.receiver import Receiver

MESSAGES = scorecard.count("FORGED_MESSAGES", 1000)
SEED = scorecard.count("SEED", 1)
FORGED_IN_TEN = 9
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class Forged:
    """A forged message, and its expected result."""

    kind: str
    sender: str
    body: str
    reason: str
    # The dead letter's tenant: the tenant whose publisher proves to have sent it, else none.
    tenant: str | None = None


class Forger:
    """Has its own tenant and principal, and knows everything about the victim that could be
    found out."""

    def __init__(self, own: Tenant, own_principal: str, victim: Tenant, principal: str, known: dict[str, Any]) -> None:
        self.random = random.Random(SEED)
        self.own, self.own_principal, self.victim, self.principal, self.known = own.id, own_principal, victim.id, principal, known
        self.kinds: list[Callable[[], Forged]] = [self.tenant_swapped, self.session_like_a_principal, self.word_of_our_own, self.replayed]

    def messages(self, count: int) -> Iterator[Forged]:
        for number in range(count):
            yield self.kinds[number % len(self.kinds)]()

    def chance(self, length: int = 12) -> str:
        return "".join(self.random.choices(ALPHABET, k=length))

    def session(self) -> str:
        return self.random.choice([f":{self.chance()}", f":{self.principal}", f":{self.victim}", ":", ""])

    def event(self, tenant: str, **fields: Any) -> str:
        return json.dumps({"tenantId": tenant, "type": "item.created", "data": {"forged": self.chance()}} | fields)

    def tenant_swapped(self) -> Forged:
        """Its own principal, registered for its own tenant, names the victim."""
        fields = self.random.choice([{}, {"id": f"evt_{self.chance()}"}, {"id": self.known["event"]}, {"context": {"tenantId": self.own}}])
        return Forged("tenant swapped", self.own_principal + self.session(), self.event(self.victim, **fields), "sender_not_allowed")

    def session_like_a_principal(self) -> Forged:
        """Senders that are not exactly the victim's principal before the first colon."""
        stranger, theirs = f"AROA{self.chance()}", self.principal
        at = self.random.randrange(len(theirs))
        sender = self.random.choice(
            [
                f"{stranger}:{theirs}",
                f"{stranger}:{theirs}:{theirs}",
                f"{self.own_principal}:{theirs}",
                f":{theirs}",
                f" {theirs}:x",
                f"{theirs} :x",
                f"{theirs}{self.chance(1)}:x",
                f"{theirs[:at]}{theirs[at + 1 :]}:x",
                f"{theirs[:at]}{theirs[at].lower() if theirs[at].isalpha() else 'a'}{theirs[at + 1 :]}:x",
                f"{theirs},{stranger}",
                f"{stranger},{theirs}",
                f"{theirs}\u0000:x",
                f"{theirs}\uff1ax",
                f"arn:aws:sts::{stack.account()}:assumed-role/{theirs}/{theirs}",
                f"{stack.account()}:{theirs}"[1:],
                "*",
                "",
            ]
        )
        return Forged("session like a principal", sender, self.event(self.victim), "sender_not_allowed")

    def word_of_our_own(self) -> Forged:
        """Internal messages of Postel's functions on the queue that tenants may send to."""
        sender = self.own_principal + self.session()
        key, delivery = self.known["event"].removeprefix("evt_"), self.known["delivery"]
        task = self.random.choice([{"sequence": self.random.randrange(5)}, {"manual": self.chance()}])
        wrong = "invalid_event"
        body, reason, tenant = self.random.choice(
            [
                # Not an event, and the tenant that it names is not its sender's: it belongs to no
                # tenant.
                ({"tenantId": self.victim, "deliveryId": delivery} | task, wrong, None),
                ({"tenantId": self.victim, "stored": key}, "sender_not_allowed", None),
                ({"tenantId": self.victim, "jobId": self.known["job"], "step": 0}, wrong, None),
                ({"postel": "sweep"}, wrong, None),
                # Under its own tenant: its own letters, and the victim's delivery is not touched.
                ({"tenantId": self.own, "deliveryId": delivery} | task, wrong, self.own),
                ({"tenantId": self.own, "stored": key}, "undeliverable", self.own),
                ({"tenantId": self.own, "jobId": self.known["job"], "step": 0}, wrong, self.own),
            ]
        )
        return Forged("word of our own", sender, json.dumps(body), reason, tenant)

    def replayed(self) -> Forged:
        """A message that the victim's own publisher sent once, repeated unchanged by another
        sender."""
        sender = self.random.choice([self.own_principal + self.session(), f"AROA{self.chance()}:{self.principal}"])
        return Forged("old one replayed", sender, self.random.choice(self.known["bodies"]), "sender_not_allowed")


def test_a_forged_message_delivers_nothing_and_is_a_dead_letter_with_its_reason(operator: Api, receiver: Receiver):
    began = time.time()
    victim, forging = new_tenant("standard"), new_tenant("standard")
    principal, own_principal = (f"AROA{stack.unique('').strip('-').upper()}" for _ in range(2))
    for tenant, publisher in ((victim, principal), (forging, own_principal)):
        operator.put(f"/v1/tenants/{tenant.id}", {"contract": "standard", "publishers": [publisher]}).ok(200)
    victim.new_webhook(receiver.url("/victim"))
    forging.new_webhook(receiver.url("/forger"))
    known = what_can_be_known(victim, principal, receiver)
    forged = list(Forger(forging, own_principal, victim, principal, known).messages(MESSAGES))
    records = {dead_letters.tail(record["messageId"]): (one, record) for one in forged for record in [stack.sqs_record(one.body, sender=one.sender)]}
    waiting = [record for _, record in records.values()]
    batches = [waiting[start : start + FORGED_IN_TEN] for start in range(0, len(waiting), FORGED_IN_TEN)]
    before = {letter["id"] for letter in victim.dead_letters()} | {d["id"] for d in victim.all_deliveries()}

    def send(numbered: tuple[int, list[dict[str, Any]]]) -> dict[str, Any]:
        number, batch = numbered
        honest = json.dumps({"tenantId": victim.id, "type": "item.created", "data": {"honest": number}})
        batch = [*batch, stack.sqs_record(honest, sender=f"{principal}:{own_principal}")]
        random.Random(number).shuffle(batch)
        return stack.invoke_with(batch)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, enumerate(batches)))

    assert all(not answer.get("batchItemFailures") for answer in answers), "a message came back instead of becoming a dead letter"
    arrived = receiver.wait(len(known["bodies"]) + len(batches), path="/victim")[len(known["bodies"]) :]
    letters = dead_letters.letters({tail: f"{one.kind} {one.sender!r} {one.body}" for tail, (one, _) in records.items()}, 30)
    for tail, (one, record) in records.items():
        (letter,) = letters[tail]
        about = f"{one.kind} by {one.sender!r}: {one.body}"
        assert letter["reason"]["S"] == one.reason, f"{letter['reason']} instead of {one.reason}: {about}"
        assert letter["pk"]["S"] == (one.tenant or "#nobody"), about
        assert letter["message"]["S"] == one.body and letter["sender"]["S"] == one.sender, about
    # Exactly the genuine ones, each once; nothing else was ever attempted or recorded.
    assert sorted(check_standard(r, STANDARD_SECRET)["data"]["honest"] for r in arrived) == list(range(len(batches)))
    receiver.stays_at(len(known["bodies"]) + len(batches), 1, path="/victim")
    receiver.stays_at(0, 0.1, path="/forger")
    honest = {r.headers["webhook-id"] for r in arrived}
    new = [d for d in victim.all_deliveries() if d["id"] not in before]
    assert {d["eventId"] for d in new} == honest and victim.dead_letters() == []
    assert forging.all_deliveries() == []
    scorecard.row(
        "S5",
        messages=len(forged),
        kinds=dict(Counter(one.kind for one in forged)),
        reasons=dict(Counter(one.reason for one in forged)),
        delivered_for_another=0,
        honest_delivered=f"{len(arrived)} of {len(batches)}",
        seconds=round(time.time() - began),
    )


def what_can_be_known(victim: Tenant, principal: str, receiver: Receiver) -> dict[str, Any]:
    """Ids of the victim's real objects, and messages that its publisher sent. All of them are
    done."""
    bodies = [json.dumps({"tenantId": victim.id, "type": "item.created", "data": {"old": n}} | ({"id": f"own-{n}"} if n % 2 else {})) for n in range(6)]
    assert not stack.invoke_with([stack.sqs_record(body, sender=f"{principal}:x") for body in bodies]).get("batchItemFailures")
    receiver.wait(len(bodies), path="/victim")
    delivered = stack.eventually(lambda: len(d := victim.deliveries(status="completed")) == len(bodies) and d, 60, "the victim's own events")
    named = next(d for d in delivered if d["eventId"].startswith("evt_"))
    job = victim.api.post(victim.path("/redrives"), {"reason": "gone"}).ok(202)["id"]
    return {"bodies": bodies, "event": named["eventId"], "delivery": named["id"], "job": job.removeprefix("rd_")}


def test_a_task_on_the_public_queue_itself_is_no_task_whoever_sent_it(tenant: Tenant, receiver: Receiver):
    """Sent over SQS, and so by a sender that the local stack trusts as Postel itself: the queue
    decides."""
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})
    receiver.answer(500)
    delivery = tenant.wait_for_status(tenant.publish(), "retrying")
    bodies = [
        {"tenantId": tenant.id, "deliveryId": delivery["id"], "sequence": 1},
        {"tenantId": tenant.id, "deliveryId": delivery["id"], "manual": "token"},
        {"tenantId": tenant.id, "deliveryId": delivery["id"], "sequence": 2},
    ]
    sent = [tenant.send_sqs(json.dumps(body)) for body in bodies]
    letters = dead_letters.letters({dead_letters.tail(message): "a task" for message in sent}, 20)
    assert {letters[dead_letters.tail(message)][0]["reason"]["S"] for message in sent} == {"invalid_event"}
    receiver.stays_at(1, 1)
    assert tenant.delivery(delivery["id"])["attempts"] == 1
    stack.drop_schedules({delivery["id"]})
