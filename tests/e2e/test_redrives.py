"""Redrive jobs: they redrive the dead letters that a filter finds, at a rate, whatever happens
to the function that runs them.

POSTEL_REDRIVE_COUNT makes it the long run: 5000 dead letters instead of some hundred.
"""

import collections
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import client, disturb, processes, stack
from support.receiver import Receiver, Reply

COUNT = int(os.environ.get("POSTEL_REDRIVE_COUNT", "120"))
# The rate that the local cloud sustains on two cores.
RATE = 15 if COUNT >= 1000 else 20
# A query costs the local cloud more than a redrive.
EVERY = 2 if COUNT >= 1000 else 0.1
# Longer than a killed redriver's message stays hidden, twice, plus the job itself.
PATIENCE = 120 + 1.5 * COUNT / RATE


def dead_letters(tenant: client.Tenant, receiver: Receiver, count: int, **fields) -> dict:
    """A webhook whose receiver refuses, and this many events to it over SQS; returns when all of
    them are dead."""
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
    # Its requests are counted, and these tests poll often.
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
        # None is there before the message of the one that was killed comes back.
        stack.eventually(lambda: processes.kill("RedriverFunction"), PATIENCE, "a process to kill", EVERY)
        killed += 1
    ended = finished(kuviq, job, PATIENCE)
    took = time.monotonic() - began
    print(f"{COUNT} redriven at {RATE} a second in {took:.1f} s, killed {killed} times: {ended}")
    assert (ended["status"], ended["done"], ended["failed"], ended["total"]) == ("completed", COUNT, 0, COUNT)
    receiver.wait(before + COUNT, within=60)
    seen = collections.Counter(r.headers["webhook-id"] for r in receiver.requests()[before:])
    assert (len(seen), set(seen.values())) == (COUNT, {1}), "each event once"
    if COUNT >= 1000:
        # At the rate within a fifth, and up to a visibility timeout of 20 s for each kill.
        assert 0.8 * COUNT / RATE <= took <= 1.2 * COUNT / RATE + 20 * killed
    assert dry_run(kuviq) == 0 and kuviq.dead_letters() == []


def test_a_job_is_not_faster_than_its_rate(kuviq, receiver):
    """Nor slower, in the long run; the gate's machine may be busy, so there only the promise to
    the receiver counts. It takes longer than one invocation of the redriver, which hands over to
    the next with a message."""
    count, rate = (600, 20) if COUNT >= 1000 else (48, 3)
    dead_letters(kuviq, receiver, count)
    receiver.answer(Reply(200))
    before = len(receiver.requests())
    job = start(kuviq, ratePerSecond=rate)
    assert finished(kuviq, job, 60 + 2 * count / rate)["done"] == count
    receiver.wait(before + count)
    # When each was redriven; their arrival also depends on the queue and the machine.
    rows = [row for row in stack.scan("DeadLettersTable", kuviq.id) if row["pk"]["S"] == kuviq.id]
    times = [int(row["redriven_at"]["N"]) / 1000 for row in rows]
    took = max(times) - min(times)
    assert len(times) == count
    # The last step's pause, two seconds' worth, comes after its last redrive.
    assert took >= 0.8 * (count / rate - 2), f"{count} at {rate} a second took {took:.1f} s"
    if COUNT >= 1000:
        assert took <= 1.2 * count / rate, f"{count} at {rate} a second took {took:.1f} s"


def test_a_cancelled_job_stops_within_five_seconds_and_what_it_did_stays_done(kuviq, receiver):
    dead_letters(kuviq, receiver, 100)
    receiver.answer(Reply(200))
    job = start(kuviq, ratePerSecond=5)
    stack.eventually(lambda: progress(kuviq, job)["done"] > 0, 60, "the job to begin")
    assert kuviq.api.delete(kuviq.path(f"/redrives/{job['id']}")).status == 204
    # A step of two seconds may be running: after it, nothing changes.
    until = time.monotonic() + 5
    stack.eventually(lambda: time.monotonic() > until, 60, "five seconds")
    left = dry_run(kuviq)
    assert progress(kuviq, job)["status"] == "cancelled"
    assert 0 < left < 100
    until = time.monotonic() + 4
    stack.eventually(lambda: time.monotonic() > until, 60, "four more")
    assert dry_run(kuviq) == left, "it continued after it was cancelled"


def test_a_job_tells_where_it_is_and_when_it_ended_and_may_be_cancelled_again(kuviq, receiver):
    dead_letters(kuviq, receiver, 20)
    receiver.answer(Reply(200))
    path = kuviq.path("/redrives")
    estimate = kuviq.api.post(f"{path}/estimate", {"type": "item.*"}).ok()
    assert estimate == {"count": 20, "complete": True}
    wrong = kuviq.api.post(f"{path}/estimate", {"since": "yesterday"})
    assert (wrong.status, wrong.code, wrong.json["field"]) == (422, "invalid_timestamp", "since")
    assert kuviq.api.post(path, {"type": "item.*", "dryRun": True}).ok() == estimate | {"dryRun": True}

    started = kuviq.api.post(path, {"ratePerSecond": 1})

    job = started.ok(202)
    assert job["id"].startswith("rd_") and job["kind"] == "redrive" and "endedAt" not in job
    assert (started.headers["location"], started.headers["retry-after"]) == (f"{path}/{job['id']}", "2")
    assert kuviq.api.get(started.headers["location"]).ok()["id"] == job["id"]
    assert kuviq.api.get(f"{path}/{job['id'].removeprefix('rd_')}").ok()["id"] == job["id"], "as it was once written"
    cancelled = kuviq.api.post(f"{path}/{job['id']}/cancel").ok()
    assert cancelled["status"] == "cancelled" and cancelled["endedAt"] >= job["createdAt"]
    again = kuviq.api.post(f"{path}/{job['id']}/cancel").ok()
    assert (again["status"], again["endedAt"]) == ("cancelled", cancelled["endedAt"])
    assert kuviq.api.delete(f"{path}/{job['id']}").status == 204
    assert kuviq.api.post(f"{path}/rd_{'0' * 26}/cancel").code == "not_found"
    whole = finished(kuviq, start(kuviq, ratePerSecond=500), 60)
    assert whole["endedAt"] >= whole["createdAt"] and whole["done"] + whole["failed"] + whole["skipped"] == whole["total"]


def test_what_the_step_under_way_puts_back_counts_when_the_job_is_cancelled(kuviq, receiver):
    dead_letters(kuviq, receiver, 120)
    receiver.answer(Reply(200))
    job = start(kuviq, ratePerSecond=500)
    # The first step of ten is saved, and those that follow are larger.
    stack.eventually(lambda: progress(kuviq, job)["done"] >= 10, 60, "the job to begin", 0.02)
    kuviq.api.delete(kuviq.path(f"/redrives/{job['id']}")).ok(204)
    stack.eventually(lambda: progress(kuviq, job)["done"] + dry_run(kuviq) == 120, 60, "each redriven letter to count")


@pytest.mark.alone
def test_what_a_failed_step_redrove_counts_though_its_job_is_cancelled(kuviq, receiver):
    dead_letters(kuviq, receiver, 5)
    receiver.answer(Reply(200))
    with disturb.without("RedriverRole", "sqs:SendMessage", stack.queue_arn("DeliveriesQueue")):
        job = start(kuviq)
        stack.eventually(lambda: dry_run(kuviq) < 5, what="the step to redrive some, and to fail")
        kuviq.api.delete(kuviq.path(f"/redrives/{job['id']}")).ok(204)
    stack.eventually(lambda: progress(kuviq, job)["done"] + dry_run(kuviq) == 5, what="each to count")
    assert progress(kuviq, job)["status"] == "cancelled" and progress(kuviq, job)["done"] > 0


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
    assert finished(kuviq, job, 60)["done"] == 6
    assert [d["webhookId"] for d in kuviq.dead_letters()] == [other["id"]]


def test_retry_failed_is_a_job_over_one_webhooks_failures(kuviq, receiver):
    webhook = dead_letters(kuviq, receiver, 5)
    receiver.answer(Reply(200))
    path = kuviq.path(f"/webhooks/{webhook['id']}/retry-failed")
    assert kuviq.api.post(path, {}).code == "missing_field", "since is needed"
    job = kuviq.api.post(path, {"since": "2020-01-01T00:00:00Z"}).ok(202)
    assert finished(kuviq, job, 60)["done"] == 5
    assert kuviq.dead_letters() == []


def test_what_dies_again_while_the_job_runs_is_not_put_back_again(kuviq, receiver):
    dead_letters(kuviq, receiver, 8)
    # The receiver keeps refusing: each dies again at once, as a new dead letter.
    before = len(receiver.requests())
    job = start(kuviq)
    assert finished(kuviq, job, 60)["done"] == 8
    receiver.wait(before + 8)
    kuviq.wait_for_dead_letters(8)
    assert len(receiver.stays_at(before + 8)) == before + 8


def test_two_jobs_of_a_tenant_run_at_a_time_and_a_third_says_what_to_do(kuviq, receiver):
    dead_letters(kuviq, receiver, 30)
    path = kuviq.path("/redrives")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: kuviq.api.post(path, {"ratePerSecond": 1}), range(6)))
    assert sorted(a.status for a in answers) == [202, 202, 409, 409, 409, 409], [a.raw for a in answers]
    refused = next(a for a in answers if a.status == 409)
    assert refused.code == "redrive_limit" and "cancel" in refused.json["detail"]
    webhook = kuviq.api.get(kuviq.path("/webhooks")).ok()["items"][0]["id"]
    again = kuviq.api.post(kuviq.path(f"/webhooks/{webhook}/retry-failed"), {"since": "2020-01-01T00:00:00Z"})
    assert (again.status, again.code) == (409, "redrive_limit")
    assert dry_run(kuviq) > 0, "a dry run is not a job"
    # A job that is stopped or completed frees its slot.
    jobs = [a.json["id"] for a in answers if a.status == 202]
    for job in jobs:
        assert kuviq.api.delete(f"{path}/{job}").status == 204
    third = start(kuviq)
    assert finished(kuviq, third, 60)["status"] == "completed"
    listed = kuviq.api.get(path, limit=2).ok()
    assert [j["id"] for j in listed["items"]] == sorted([*jobs, third["id"]], reverse=True)[:2], "newest first"
    rest = kuviq.api.get(path, limit=2, cursor=listed["nextCursor"]).ok()
    assert [j["status"] for j in rest["items"]] == ["cancelled"] and "nextCursor" not in rest
    assert kuviq.api.get(path, status="running").code == "unknown_parameter"


def test_slow_jobs_of_other_tenants_do_not_keep_a_neighbour_waiting(kuviq, receiver):
    """Three times as many slow jobs as there are functions for them: none of them waits inside a
    function."""
    others = [client.new_tenant("kuviq") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        # Two jobs over this many last at least forty seconds.
        list(pool.map(lambda other: dead_letters(other, receiver, 80), others))
        dead_letters(kuviq, receiver, 1)
        jobs = list(pool.map(lambda other: (other, start(other, ratePerSecond=1)), others * 2))
        # Five of them are running: if they waited inside their functions, no other job would begin
        # before one of them ended.
        stack.eventually(lambda: sum(progress(*one)["done"] > 0 for one in jobs) >= 5, 60, "five jobs to begin")
        assert finished(kuviq, start(kuviq), 90)["done"] == 1
        ended = list(pool.map(lambda one: progress(*one), jobs))
    assert {job["status"] for job in ended} == {"running"}, f"the neighbour's job waited until another had ended: {ended}"
    for other, job in jobs:
        other.api.delete(other.path(f"/redrives/{job['id']}"))


def test_a_job_whose_message_was_lost_goes_on(kuviq, receiver):
    dead_letters(kuviq, receiver, 3)
    receiver.answer(200)
    job = start(kuviq)
    finished(kuviq, job, 60)
    # A job whose message never reached the queue: no function works on it.
    receiver.answer(400)
    kuviq.publish()
    (letter,) = kuviq.wait_for_dead_letters(1)
    receiver.answer(200)
    later = {"N": str(int((time.time() + 1) * 1000))}
    dynamo, table, key = stack.aws("dynamodb"), stack.resource("DeadLettersTable"), {"pk": {"S": f"jobs#{kuviq.id}"}, "sk": {"S": job["id"].removeprefix("rd_")}}
    row = dynamo.get_item(TableName=table, Key=key)["Item"]
    row |= {"status": {"S": "running"}, "filter": {"M": {"until": later}}, "next_at": {"N": str(int(time.time() * 1000))}, "done": {"N": "0"}, "total": {"N": "1"}}
    dynamo.put_item(TableName=table, Item=row)
    slot = {"pk": {"S": "#running"}, "sk": {"S": f"{kuviq.id}#0"}, "tenant": {"S": kuviq.id}, "job": {"S": job["id"].removeprefix("rd_")}, "expires_at": row["expires_at"]}
    dynamo.put_item(TableName=table, Item=slot)
    ended = finished(kuviq, job, 150)
    # It starts from the beginning, so the three that it has already redriven count again.
    assert (ended["status"], ended["done"]) == ("completed", 4)
    assert kuviq.wait_for_status(letter["eventId"], "completed")


def test_the_place_of_a_job_that_is_over_is_given_free_by_the_sweeper_at_the_latest(kuviq, receiver):
    """The state after a function died between the job's end and freeing its slot."""
    dead_letters(kuviq, receiver, 1)
    receiver.answer(200)
    job = start(kuviq)
    finished(kuviq, job, 60)
    dynamo, table, key = stack.aws("dynamodb"), stack.resource("DeadLettersTable"), {"pk": {"S": "#running"}, "sk": {"S": f"{kuviq.id}#1"}}
    later = {"N": str(int(time.time()) + 3600)}
    dynamo.put_item(TableName=table, Item=key | {"tenant": {"S": kuviq.id}, "job": {"S": job["id"].removeprefix("rd_")}, "expires_at": later})
    stack.eventually(lambda: "Item" not in dynamo.get_item(TableName=table, Key=key, ConsistentRead=True), 150, "the slot to be free", 1)


def test_what_others_put_back_or_delete_is_skipped_and_the_numbers_add_up(kuviq, receiver):
    dead_letters(kuviq, receiver, 12)
    receiver.answer(200)
    job = start(kuviq, ratePerSecond=1)
    # The oldest come last.
    *_, deleted, redriven = kuviq.dead_letters()
    assert kuviq.api.delete(kuviq.path(f"/dead-letters/{deleted['id']}")).status == 204
    kuviq.redrive(redriven["id"]).ok(202)
    ended = finished(kuviq, job, 60)
    assert (ended["total"], ended["done"], ended["failed"], ended["skipped"]) == (12, 10, 0, 2)


def test_what_the_log_keeps_no_longer_is_failed_and_stays_dead(kuviq, receiver):
    dead_letters(kuviq, receiver, 2)
    gone, kept = kuviq.dead_letters()
    key = gone["deliveryId"].removeprefix("dlv_")[:26]
    for item in stack.scan("LogTable", kuviq.id):
        if item["sk"]["S"].startswith(key):
            stack.aws("dynamodb").delete_item(TableName=stack.resource("LogTable"), Key={"pk": item["pk"], "sk": item["sk"]})
    receiver.answer(200)
    ended = finished(kuviq, start(kuviq), 60)
    assert (ended["total"], ended["done"], ended["failed"], ended["skipped"]) == (2, 1, 1, 0)
    assert [letter["id"] for letter in kuviq.dead_letters()] == [gone["id"]]


def test_messages_that_we_failed_on_are_put_back_too(receiver):
    tenant = client.new_tenant("standard", limits={"requestsPerMinute": 100_000})
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": []})
    # As SQS does after MaxReceiveCount.
    bodies = [client.event_bytes("item.created", {"n": n}, tenantId=tenant.id, id=f"e-{n}").decode() for n in range(5)]
    for body in bodies:
        stack.aws("sqs").send_message(QueueUrl=stack.resource("EventsDeadLetterQueue"), MessageBody=body)
    # Retrying does not help an invalid event.
    tenant.send_sqs(json.dumps({"tenantId": tenant.id, "type": "item created", "data": {}}))
    # And one of a delivery.
    receiver.answer(500, path="/hook")
    tenant.publish("item.created", {"n": 5})
    tenant.wait_for_dead_letters(7)
    assert dry_run(tenant) == 6
    assert (dry_run(tenant, reason="undeliverable"), dry_run(tenant, type="item.created")) == (5, 1)
    receiver.answer(200)
    ended = finished(tenant, start(tenant), 60)
    assert (ended["total"], ended["done"], ended["failed"], ended["skipped"]) == (6, 6, 0, 0)
    stack.eventually(lambda: sorted(json.loads(r.body)["data"]["n"] for r in receiver.requests()) == [0, 1, 2, 3, 4, 5, 5], 60, "all of them")
    assert len(tenant.dead_letters()) == 1 and dry_run(tenant) == 0
    # Another job changes nothing: the ids are known.
    assert finished(tenant, start(tenant), 60)["total"] == 0


def test_a_message_that_may_not_be_published_now_is_failed_and_stays_dead(receiver):
    tenant = client.new_tenant("standard", limits={"requestsPerMinute": 100_000})
    tenant.new_webhook(receiver.url())
    stack.aws("sqs").send_message(QueueUrl=stack.resource("EventsDeadLetterQueue"), MessageBody=json.dumps({"tenantId": tenant.id, "type": "no type!", "data": 1}))
    (letter,) = tenant.wait_for_dead_letters(1)
    assert letter["reason"] == "undeliverable"
    ended = finished(tenant, start(tenant), 60)
    assert (ended["total"], ended["done"], ended["failed"], ended["skipped"]) == (1, 0, 1, 0)
    assert len(tenant.dead_letters()) == 1


def test_two_jobs_over_the_same_messages_count_each_once(receiver):
    tenant = client.new_tenant("standard", limits={"requestsPerMinute": 100_000})
    tenant.new_webhook(receiver.url())
    for n in range(30):
        body = client.event_bytes("item.created", {"n": n}, tenantId=tenant.id).decode()
        stack.aws("sqs").send_message(QueueUrl=stack.resource("EventsDeadLetterQueue"), MessageBody=body)
    tenant.wait_for_dead_letters(30, limit=100)
    with ThreadPoolExecutor(2) as pool:
        jobs = list(pool.map(lambda _: start(tenant, ratePerSecond=500), range(2)))
    ended = [finished(tenant, job, 60) for job in jobs]
    assert sum(job["done"] for job in ended) == 30, ended
    assert all(job["done"] + job["failed"] + job["skipped"] == job["total"] for job in ended)
    assert len(receiver.wait(30)) == 30
    receiver.stays_at(30, 2)


def test_a_message_whose_id_cannot_be_read_stops_no_job(receiver):
    tenant = client.new_tenant("standard", limits={"requestsPerMinute": 100_000})
    tenant.new_webhook(receiver.url())
    stack.aws("dynamodb").put_item(TableName=stack.resource("LogTable"), Item={"pk": {"S": f"{tenant.id}#id#e-2"}, "sk": {"S": "id"}, "garbage": {"S": "x"}})
    for n in range(5):
        body = client.event_bytes("item.created", {"n": n}, tenantId=tenant.id, id=f"e-{n}").decode()
        stack.aws("sqs").send_message(QueueUrl=stack.resource("EventsDeadLetterQueue"), MessageBody=body)
    tenant.wait_for_dead_letters(5)
    ended = finished(tenant, start(tenant), 60)
    assert (ended["total"], ended["done"], ended["failed"], ended["skipped"]) == (5, 4, 1, 0)
    assert len(receiver.wait(4)) == 4


def test_a_wrong_request_for_a_job_is_refused(kuviq):
    path = kuviq.path("/redrives")
    for body, code in [
        ({"ratePerSecond": 0}, "invalid_rate"),
        ({"ratePerSecond": 501}, "invalid_rate"),
        ({"since": "yesterday"}, "invalid_timestamp"),
        ({"reason": "boredom"}, "invalid_value"),
        ({"everything": True}, "unknown_field"),
    ]:
        assert kuviq.api.post(path, body).code == code, body
    assert kuviq.api.get(kuviq.path("/redrives/01ARZ3NDEKTSV4RRFFQ69G5FAV")).code == "not_found"
    assert kuviq.api.delete(kuviq.path("/redrives/nonsense")).code == "not_found"
