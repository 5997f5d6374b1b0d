"""Redrives of many: jobs that put back what a filter finds, at a rate, whatever happens to the function that runs them.

POSTEL_REDRIVE_COUNT makes it the long run: 5000 dead letters instead of some hundred.
"""

import collections
import os
import time

import pytest
from support import client, processes, stack
from support.receiver import Receiver, Reply

COUNT = int(os.environ.get("POSTEL_REDRIVE_COUNT", "120"))
# What the local cloud keeps up with on two cores.
RATE = 15 if COUNT >= 1000 else 20
# Asking costs the local cloud more than putting one back.
EVERY = 2 if COUNT >= 1000 else 0.1
# Longer than a killed redriver's message stays hidden, twice, on top of the job itself.
PATIENCE = 120 + 1.5 * COUNT / RATE


def dead_letters(tenant: client.Tenant, receiver: Receiver, count: int, **fields) -> dict:
    """A webhook whose receiver refuses, and so many events to it by SQS; comes back when all of them are dead."""
    receiver.answer(Reply(400))
    webhook = tenant.new_webhook(receiver.url(), contract="kuviq", **fields)
    sqs, queue = stack.aws("sqs"), stack.outputs()["eventsQueueUrl"]
    for start in range(0, count, 10):
        entries = [
            {
                "Id": str(n),
                "MessageGroupId": tenant.id,
                "MessageBody": client.event_bytes("item.created", {"n": n}, tenantId=tenant.id, id=f"e-{n}").decode(),
            }
            for n in range(start, min(start + 10, count))
        ]
        assert not sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")
    stack.eventually(lambda: dry_run(tenant) == count, 60 + count / 10, f"{count} dead letters", 5 * EVERY)
    return webhook


def dry_run(tenant: client.Tenant, **body) -> int:
    return tenant.api.post(tenant.path("/redrives"), {"dryRun": True} | body).ok()["count"]


def start(tenant: client.Tenant, **body) -> dict:
    return tenant.api.post(tenant.path("/redrives"), body).ok(202)


def progress(tenant: client.Tenant, job: dict) -> dict:
    return tenant.api.get(tenant.path(f"/redrives/{job['id']}")).ok()


def finished(tenant: client.Tenant, job: dict, within: float) -> dict:
    stack.eventually(lambda: progress(tenant, job)["status"] != "running", within, "the job to end", EVERY)
    return progress(tenant, job)


@pytest.fixture
def kuviq() -> client.Tenant:
    # Its requests are counted, and these tests look often.
    return client.new_tenant("kuviq", limits={"requestsPerMinute": 100_000})


@pytest.mark.alone
def test_a_job_whose_function_is_killed_twice_puts_each_dead_letter_back_once(kuviq, receiver):
    dead_letters(kuviq, receiver, COUNT)
    before = len(receiver.requests())
    receiver.answer(Reply(200))
    began = time.monotonic()
    job = start(kuviq, ratePerSecond=RATE)
    assert (job["total"], job["status"]) == (COUNT, "running")
    killed = 0
    for share in (0.15, 0.4):
        stack.eventually(lambda: progress(kuviq, job)["done"] >= share * COUNT, PATIENCE, f"{share:.0%} of the job", EVERY)
        assert processes.kill("RedriverFunction"), "there was nobody to kill"
        killed += 1
    ended = finished(kuviq, job, PATIENCE)
    took = time.monotonic() - began
    print(f"{COUNT} put back at {RATE} a second in {took:.1f} s, killed {killed} times: {ended}")
    assert (ended["status"], ended["done"], ended["failed"], ended["total"]) == ("completed", COUNT, 0, COUNT)
    receiver.wait(before + COUNT, within=60)
    seen = collections.Counter(r.headers["webhook-id"] for r in receiver.requests()[before:])
    assert (len(seen), set(seen.values())) == (COUNT, {1}), "each event once"
    if COUNT >= 1000:
        # At the rate within a fifth, and up to a visibility timeout of 20 s for each kill.
        assert 0.8 * COUNT / RATE <= took <= 1.2 * COUNT / RATE + 20 * killed
    assert dry_run(kuviq) == 0 and kuviq.dead_letters() == []


def test_a_job_is_not_faster_than_its_rate(kuviq, receiver):
    """Nor slower, in the long run; the gate's machine may be busy, so there only the promise to the receiver counts. It takes longer than one
    invocation of the redriver, which hands on to the next by a message."""
    count, rate = (600, 20) if COUNT >= 1000 else (48, 3)
    dead_letters(kuviq, receiver, count)
    receiver.answer(Reply(200))
    before = len(receiver.requests())
    job = start(kuviq, ratePerSecond=rate)
    assert finished(kuviq, job, 60 + 2 * count / rate)["done"] == count
    times = [r.arrived for r in receiver.wait(before + count)[before:]]
    took = max(times) - min(times)
    # The last step's pause comes after its last: two seconds' worth.
    assert took >= 0.8 * (count / rate - 2), f"{count} at {rate} a second took {took:.1f} s"
    if COUNT >= 1000:
        assert took <= 1.2 * count / rate, f"{count} at {rate} a second took {took:.1f} s"


def test_a_cancelled_job_stops_within_five_seconds_and_what_it_did_stays_done(kuviq, receiver):
    dead_letters(kuviq, receiver, 100)
    receiver.answer(Reply(200))
    job = start(kuviq, ratePerSecond=5)
    stack.eventually(lambda: progress(kuviq, job)["done"] > 0, 30, "the job to begin")
    assert kuviq.api.delete(kuviq.path(f"/redrives/{job['id']}")).status == 204
    # A step of two seconds may be under way: then it stands still.
    until = time.monotonic() + 5
    stack.eventually(lambda: time.monotonic() > until, 10, "five seconds")
    left = dry_run(kuviq)
    assert progress(kuviq, job)["status"] == "cancelled"
    assert 0 < left < 100
    until = time.monotonic() + 4
    stack.eventually(lambda: time.monotonic() > until, 10, "four more")
    assert dry_run(kuviq) == left, "it went on after it was cancelled"


def test_a_filter_chooses_and_the_rest_stays_dead(kuviq, receiver):
    webhook = dead_letters(kuviq, receiver, 6, events=["item.*"])
    other = kuviq.new_webhook(receiver.url("/other"), contract="kuviq", events=["other.*"])
    receiver.answer(Reply(404), path="/other")
    kuviq.publish("other.thing")
    kuviq.wait_for_dead_letters(1, webhookId=other["id"])
    assert dry_run(kuviq) == 7
    assert dry_run(kuviq, webhookId=webhook["id"]) == 6
    assert dry_run(kuviq, type="other.thing") == 1
    assert dry_run(kuviq, reason="exhausted") == 0
    assert dry_run(kuviq, until="2020-01-01T00:00:00Z") == 0
    receiver.answer(Reply(200))
    job = start(kuviq, webhookId=webhook["id"])
    assert finished(kuviq, job, 30)["done"] == 6
    assert [d["webhookId"] for d in kuviq.dead_letters()] == [other["id"]]


def test_retry_failed_is_a_job_over_one_webhooks_failures(kuviq, receiver):
    webhook = dead_letters(kuviq, receiver, 5)
    receiver.answer(Reply(200))
    path = kuviq.path(f"/webhooks/{webhook['id']}/retry-failed")
    assert kuviq.api.post(path, {}).code == "invalid_request", "since is needed"
    job = kuviq.api.post(path, {"since": "2020-01-01T00:00:00Z"}).ok(202)
    assert finished(kuviq, job, 30)["done"] == 5
    assert kuviq.dead_letters() == []


def test_what_dies_again_while_the_job_runs_is_not_put_back_again(kuviq, receiver):
    dead_letters(kuviq, receiver, 8)
    # The receiver goes on refusing: each dies again at once, as a new dead letter.
    before = len(receiver.requests())
    job = start(kuviq)
    assert finished(kuviq, job, 30)["done"] == 8
    receiver.wait(before + 8)
    kuviq.wait_for_dead_letters(8)
    assert len(receiver.stays_at(before + 8)) == before + 8


def test_a_wrong_request_for_a_job_is_refused(kuviq):
    path = kuviq.path("/redrives")
    for body, code in [
        ({"ratePerSecond": 0}, "invalid_limit"),
        ({"ratePerSecond": 501}, "invalid_limit"),
        ({"since": "yesterday"}, "invalid_timestamp"),
        ({"reason": "boredom"}, "invalid_request"),
        ({"everything": True}, "invalid_request"),
    ]:
        assert kuviq.api.post(path, body).code == code, body
    assert kuviq.api.get(kuviq.path("/redrives/01ARZ3NDEKTSV4RRFFQ69G5FAV")).code == "not_found"
    assert kuviq.api.delete(kuviq.path("/redrives/nonsense")).code == "not_found"
