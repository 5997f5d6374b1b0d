"""The command line, as a person at a terminal and a program use it: the real binary against the
stack.

POSTEL_CLI_LINES makes the published file longer: 10000 lines instead of some hundred.
"""

import csv
import http.server
import io
import json
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest
from support import client, stack
from support.cli import PATIENCE, Cli, Terminal, is_following, written
from support.cli import is_built  # noqa: F401  a fixture of all tests here
from support.client import Tenant
from support.receiver import Receiver, Reply, closed_port

LINES = int(os.environ.get("POSTEL_CLI_LINES", "300"))


@pytest.fixture
def cli(tenant: Tenant, tmp_path: Path) -> Cli:
    return Cli(tenant, tmp_path)


@pytest.fixture
def quick(tmp_path: Path) -> Cli:
    """Of a tenant whose calls are not limited, with the contract that refuses at once."""
    return Cli(client.new_tenant("kuviq", limits={"requestsPerMinute": 1_000_000}), tmp_path)


# ---- Where it connects ---------------------------------------------------------------------------


def test_without_a_login_it_talks_to_the_local_stack(cli: Cli):
    operator = {"POSTEL_KEY": ""}
    shown = cli.run("health", "--json", **operator).json
    assert (shown["url"], shown["status"], shown["key"]) == (stack.outputs()["apiUrl"], "ok", "operator")
    assert shown["from"].startswith("local stack")
    assert cli.run("health", "--json").json["tenant"] == cli.tenant.id
    told = cli.run("webhooks", "list", exit=2, **operator).err
    assert "--tenant" in told, told
    told = cli.run("health", exit=2, POSTEL_OUTPUTS=str(cli.tmp / "none.json"), **operator).err
    assert "postel login" in told and "make up" in told


def test_a_login_is_saved_for_its_owner_only_and_never_shown(cli: Cli):
    key, url = cli.tenant.api.key, stack.outputs()["apiUrl"]
    elsewhere = {"POSTEL_KEY": "", "POSTEL_OUTPUTS": str(cli.tmp / "none.json")}
    saved = cli.run("login", "mine", "--url", url, given=key + "\n", **elsewhere)
    assert key not in saved.out + saved.err and cli.tenant.id in saved.out
    file = Path(cli.environment["POSTEL_CONFIG"])
    assert file.stat().st_mode & 0o777 == 0o600 and key in file.read_text()
    assert cli.run("health", "--json", **elsewhere).json["from"] == "profile mine"
    told = cli.run("health", "--url", "https://elsewhere.example.com", exit=2, **elsewhere).err
    assert "POSTEL_KEY" in told, "a saved key went to another address"
    cli.run("login", "other", "--url", url, given="postel_abcdefghijkl_wrong\n", exit=5, **elsewhere)
    assert "other" not in file.read_text(), "a wrong key was saved"
    cli.run("logout", "mine", **elsewhere)
    assert key not in file.read_text()
    cli.run("logout", "mine", exit=3, **elsewhere)


def test_a_prompt_for_the_key_does_not_show_it(cli: Cli):
    terminal = Terminal(cli, "login", "--url", stack.outputs()["apiUrl"])
    terminal.sees("Key: ")
    terminal.types(cli.tenant.api.key + "\n")
    assert cli.tenant.api.key not in terminal.ends(0)


def test_each_failure_has_its_exit_code_and_says_what_to_do(cli: Cli):
    hidden = {"POSTEL_OUTPUTS": str(cli.tmp / "none.json")}
    nobody = f"http://127.0.0.1:{closed_port()}"
    for arguments, exit, code, advice, more in [
        (["webhooks", "list"], 5, "invalid_key", "postel login", {"POSTEL_KEY": "postel_abcdefghijkl_wrong"}),
        (["tenants", "list"], 5, "forbidden", "operator's key", {}),
        (["health"], 4, "no_connection", "make up", hidden | {"POSTEL_URL": nobody}),
        (["webhooks", "get", "wh_none"], 3, "not_found", "tenant", {}),
        (["webhooks", "create", "--to", "ftp://x", "--event", "*"], 1, "invalid_url", "", {}),
        (["webhooks", "delete", "wh_none"], 2, "usage", "--yes", {}),
        (["publish", "none.ndjson"], 2, "usage", "", {}),
    ]:
        told = json.loads(cli.run(*arguments, "--json", exit=exit, **more).err.splitlines()[-1])["error"]
        assert (told["code"], told["exit"]) == (code, exit), told
        assert advice in (told["hint"] or ""), told
    assert "Usage:" in cli.run("webhooks", "lst", exit=2).err


# ---- Resources ---------------------------------------------------------------------------------


def test_a_tenant_is_created_changed_and_deleted(cli: Cli):
    operator, name = {"POSTEL_KEY": stack.outputs()["operatorKey"]}, stack.unique()
    made = cli.run("tenants", "create", name, "--name", "A", "--contract", "kuviq", "--json", **operator).json
    assert (made["id"], made["contract"]) == (name, "kuviq")
    cli.run("tenants", "create", name, exit=1, **operator)
    changed = cli.run("tenants", "update", name, "--file", "-", "--json", given='{"limits": {"webhooks": 3}}', **operator).json
    assert (changed["name"], changed["limits"]["webhooks"]) == ("A", 3)
    assert name in [t["id"] for t in cli.run("tenants", "list", "--all", "--json", **operator).json["items"]]
    key = cli.run("keys", "create", "--scope", "keys", "--expires-in", "1h", "-t", name, "--json", **operator)
    assert key.json["key"].startswith("postel_") and "only here" in key.err
    cli.run("keys", "delete", key.json["id"], "--yes", "-t", name, **operator)
    assert "None." in cli.run("keys", "list", "-t", name, **operator).err
    cli.run("tenants", "delete", name, "--yes", **operator)
    cli.run("tenants", "get", name, exit=3, **operator)


def test_a_filter_is_set_tried_and_taken_away(cli: Cli, receiver: Receiver):
    filter = {"data": {"state": ["paid"], "total": [{"numeric": [">", 100]}]}}
    (cli.tmp / "filter.json").write_text(json.dumps(filter))
    made = cli.run("webhooks", "create", "--to", receiver.url(), "--event", "*", "--filter", "filter.json", "--json").json
    assert made["filter"] == filter
    event = json.dumps({"type": "a.b", "data": {"state": "open", "total": 150}})
    told = cli.run("webhooks", "filter-test", made["id"], "--event", event, exit=1).out
    assert "no match  data.state" in told and "matches   data.total" in told, told
    cli.run("webhooks", "filter-test", made["id"], "--event", event, "--filter", '{"type": ["a.b"]}')
    assert "filter" not in cli.run("webhooks", "update", made["id"], "--filter", "null", "--json").json


def test_a_webhook_lives_its_whole_life(cli: Cli, receiver: Receiver):
    made = cli.run("webhooks", "create", "--to", receiver.url(), "--event", "item.*,order.created", "--name", "mine", "--json")
    webhook = made.json["id"]
    assert made.json["secret"].startswith("whsec_") and "only here" in made.err
    table = cli.run("webhooks", "list").out
    assert "\x1b" not in table and table.splitlines()[0].split()[:3] == ["ID", "STATE", "EVENTS"] and webhook in table
    assert cli.run("webhooks", "test", webhook, "--json").json["success"] is True
    receiver.answer(Reply(500))
    assert "postel deliveries get" in cli.run("webhooks", "test", webhook, exit=1).err
    (cli.tmp / "secret").write_text(client.STANDARD_SECRET + "\n")
    rotated = cli.run("webhooks", "rotate", webhook, "--secret-file", "secret", "--overlap", "0s", "--json").json
    assert rotated["secret"] == client.STANDARD_SECRET
    assert cli.run("webhooks", "update", webhook, "--name", "other", "--json").json["events"] == ["item.*", "order.created"]
    assert cli.run("webhooks", "disable", webhook, "--json").json["state"] == "inactive"
    assert cli.run("webhooks", "enable", webhook, "--json").json["state"] == "active"
    terminal = Terminal(cli, "webhooks", "delete", webhook)
    terminal.sees(re.escape("[y/N] "))
    terminal.types("n\n")
    terminal.ends(2)
    terminal = Terminal(cli, "webhooks", "delete", webhook)
    terminal.sees(re.escape("[y/N] "))
    terminal.types("y\n")
    assert "is deleted" in terminal.ends(0)
    cli.run("webhooks", "get", webhook, exit=3)


def test_strangers_texts_move_no_cursor_and_colours_stay_on_terminals(cli: Cli, receiver: Receiver):
    evil = "\x1b[2Jred\x9b31m"
    receiver.answer(Reply(500, body=evil.encode()))
    webhook = cli.tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3600]})
    event = cli.tenant.publish("item.created")
    delivery = cli.tenant.wait_for_status(event, "retrying", webhook["id"])
    for arguments in (["deliveries", "get", delivery["id"]], ["deliveries", "get", delivery["id"], "--json"], ["export", "deliveries"]):
        shown = cli.run(*arguments).out
        assert "\x1b" not in shown and "\x9b" not in shown
    shown = Terminal(cli, "deliveries", "get", delivery["id"]).ends(0)
    assert "\x1b[2J" not in shown and "\\u{1b}[2Jred" in shown
    assert "\x1b[33mretrying" in Terminal(cli, "deliveries", "list").ends(0)
    cli.environment["NO_COLOR"] = "1"
    assert "\x1b" not in Terminal(cli, "deliveries", "list").ends(0)
    stack.drop_schedules({delivery["id"]})


def test_events_are_published_listed_and_explained(cli: Cli, receiver: Receiver):
    webhook = cli.tenant.new_webhook(receiver.url(), events=["item.*"])
    data = '{"n": 1.50, "b": [1e3]}'
    sent = cli.run("publish", "--type", "item.created", "--data", data, "--id", "one", "--context", "k=v", "--json").json
    assert sent == {"id": "one", "duplicate": False, "webhookCount": 1}
    assert "accepted before" in cli.run("publish", "--type", "item.created", "--data", "-", "--id", "one", "--context", "k=v", given=data).out
    cli.tenant.wait_for_status("one", "completed")
    assert b'"data":{"n": 1.50, "b": [1e3]}' in receiver.requests()[0].body, "the data was rewritten"
    assert "completed" in cli.run("events", "get", "one").out
    assert "No webhook wants it" in cli.run("publish", "--type", "order.created", "--id", "two").out
    assert [e["id"] for e in cli.run("events", "list", "--unmatched", "--json").json["items"]] == ["two"]
    told = cli.run("events", "explain", "two").out
    assert webhook["id"] in told and "not_wanted" in told
    draft = cli.run("events", "explain", "--type", "item.deleted", "--data", '{"x": 2}', "--json").json
    assert draft["webhooks"][0]["result"] == "pending"
    delivery = cli.tenant.delivery_of("one")["id"]
    assert cli.run("deliveries", "retry", delivery, "--json").json["id"] == delivery
    assert "/portal/#s=" in cli.run("portal", "--scope", "webhooks:read", "--for", "10m").out


# ---- Publishing files ----------------------------------------------------------------------------


def test_a_file_of_many_lines_is_published_once_each(quick: Cli):
    began = time.monotonic()
    file = written(quick.tmp / "events.ndjson", LINES)
    done = quick.run("publish", file, "--json").json
    # Duplicates are batches whose response was late or lost: they are sent again.
    assert (done["accepted"], done["refused"]) == (LINES, 0)
    print(f"{LINES} lines in {time.monotonic() - began:.1f} s")
    again = quick.run("publish", "-", "--resume", f"{done['run']}:1", "--json", given=file.read_text()).json
    assert (again["accepted"], again["duplicates"]) == (LINES, LINES)
    listed = quick.run("export", "events").lines
    assert len({event["id"] for event in listed}) == len(listed) == LINES


def test_half_a_file_says_what_was_accepted_and_how_to_go_on(quick: Cli):
    file = written(quick.tmp / "events.ndjson", 250)
    whole = file.read_text()
    file.write_text(whole[: whole.rindex('"n"')])
    told = quick.run("publish", file, "--batch", "50", exit=2).err
    assert "Line 250" in told and "cut off" in told and "249 events accepted" in told
    resume = re.search(r"--resume (\S+)", told)[1]
    assert resume.endswith(":250")
    file.write_text(whole)
    done = quick.run("publish", file, "--resume", resume, "--json").json
    assert (done["accepted"], done["nextLine"]) == (1, 251)
    assert len(quick.run("export", "events").lines) == 250


def test_a_refused_line_is_named_and_the_others_go_on(quick: Cli):
    lines = ['{"type": "item.created", "data": 1}', '{"type": "not a type", "data": 2}', "", '{"type": "item.created", "data": 3, "id": "own"}']
    ended = quick.run("publish", "-", exit=1, given="\n".join(lines))
    assert "line 2:" in ended.err and "invalid_event_type" in ended.err and "2 events accepted, 1 refused" in ended.out
    assert "own" in [event["id"] for event in quick.run("export", "events").lines]


def test_ctrl_c_during_a_publish_says_how_to_go_on(quick: Cli):
    running = quick.start("publish", "-", "--batch", "1", stdin=subprocess.PIPE)
    running.stdin.write(b'{"type": "item.created", "data": 1}\n' * 3)
    running.stdin.flush()
    stack.eventually(lambda: len(quick.tenant.api.get(quick.tenant.path("/events")).ok()["items"]) >= 2, PATIENCE, "two events")
    running.send_signal(signal.SIGINT)
    told = running.stderr.read().decode()
    assert running.wait(PATIENCE) == 130 and "--resume" in told, told


class Faulty(http.server.BaseHTTPRequestHandler):
    """Answers 429 twice to each request, then as an API that lists nothing."""

    seen: dict[str, list[float]] = {}
    bodies: list[bytes] = []

    def do_GET(self) -> None:
        times = self.seen.setdefault(self.path, [])
        times.append(time.monotonic())
        is_limited = self.path.startswith("/v1/tenants/") and len(times) <= 2
        answer = b'{"items": [], "results": [{"status": 202, "id": "a"}]}'
        body = b'{"code": "too_many_requests", "detail": "Slow down."}' if is_limited else answer
        self.send_response(429 if is_limited else 200)
        if is_limited:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.do_GET()

    do_DELETE = do_POST

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def faulty() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    Faulty.seen, Faulty.bodies = {}, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_read_waits_for_retry_after_and_a_change_is_sent_once(cli: Cli, faulty: str):
    there = {"POSTEL_URL": faulty, "POSTEL_TENANT": "t"}
    told = cli.run("webhooks", "list", **there).err
    assert "429: trying again in 1 s" in told
    (times,) = [times for path, times in Faulty.seen.items() if path.startswith("/v1/tenants/t/webhooks")]
    assert len(times) == 3 and all(after - before >= 1 for before, after in zip(times, times[1:]))
    cli.run("webhooks", "delete", "wh_1", "--yes", exit=4, **there)
    assert len(Faulty.seen["/v1/tenants/t/webhooks/wh_1"]) == 1


def test_a_batch_is_repeated_with_the_ids_that_it_had(cli: Cli, faulty: str):
    there = {"POSTEL_URL": faulty, "POSTEL_TENANT": "t"}
    done = cli.run("publish", "-", "--json", given='{"type": "a", "data": 1}\n', **there).json
    assert (done["accepted"], done["refused"]) == (1, 0)
    (body,) = set(Faulty.bodies)
    assert len(Faulty.bodies) == 3 and json.loads(body)["events"][0]["id"] == f"{done['run']}-1"


# ---- Watching ------------------------------------------------------------------------------------


def test_tail_beside_a_flood_shows_each_delivery_once(quick: Cli, receiver: Receiver):
    count = 120
    quick.tenant.new_webhook(receiver.url())
    quick.tenant.publish(id="before")
    quick.tenant.wait_for_status("before", "completed")
    accepted = time.time()
    # `tail` begins at the API's `Date`, which has whole seconds.
    stack.eventually(lambda: time.time() > accepted + 1, 5, "the next second")
    with quick.start("tail", "--every", "1s", "--count", str(count), "--json") as tail:
        # It notes what is there before it follows: the flood begins when it has asked for that.
        stack.eventually(lambda: is_following(quick), PATIENCE, "tail to follow")
        file = written(quick.tmp / "flood.ndjson", count // 2)
        quick.run("publish", file)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: quick.tenant.publish_sqs(id=f"sqs-{n}"), range(count - count // 2)))
        out, _ = tail.communicate(timeout=PATIENCE * 3)
    shown = [json.loads(line) for line in out.decode().splitlines()]
    assert {delivery["status"] for delivery in shown} == {"completed"}
    ids = {delivery["eventId"] for delivery in shown}
    assert len(ids) == len(shown) == count and "before" not in ids


class Passage(http.server.BaseHTTPRequestHandler):
    """Hands requests on to the stack, unless it is closed."""

    is_closed = False
    refused = 0

    def do_GET(self) -> None:
        if Passage.is_closed:
            Passage.refused += 1
            self.close_connection = True
            return
        known = client.Api(stack.outputs()["apiUrl"], self.headers["Authorization"].removeprefix("Bearer "))
        answer = known.get(self.path)
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.raw)))
        self.end_headers()
        self.wfile.write(answer.raw)

    def log_message(self, *_) -> None:
        pass


def test_tail_waits_out_a_lost_network_and_misses_nothing(quick: Cli, receiver: Receiver):
    quick.tenant.new_webhook(receiver.url())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Passage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    quick.environment["POSTEL_URL"] = f"http://127.0.0.1:{server.server_port}"
    Passage.is_closed, Passage.refused = False, 0
    tail = quick.start("tail", "--every", "1s", "--count", "2", "--json")
    try:
        stack.eventually(lambda: is_following(quick), PATIENCE, "tail to follow")
        quick.tenant.publish(id="first")
        assert json.loads(tail.stdout.readline())["eventId"] == "first"
        Passage.is_closed = True
        quick.tenant.publish(id="second")
        quick.tenant.wait_for_status("second", "completed")
        stack.eventually(lambda: Passage.refused >= 2, PATIENCE, "tail to try again")
        Passage.is_closed = False
        assert json.loads(tail.stdout.readline())["eventId"] == "second"
        assert tail.wait(PATIENCE) == 0
    finally:
        tail.kill()
        tail.communicate()
        server.shutdown()


def test_tail_shows_a_retry_that_comes_after_the_window(quick: Cli, receiver: Receiver):
    receiver.answer(Reply(503), Reply(200))
    quick.tenant.new_webhook(receiver.url(), contract="standard", secret=None, overrides={"retryDelaysSeconds": [15]})
    quick.tenant.publish(id="late")
    done = quick.run("tail", "--since", "1m", "--lookback", "1s", "--every", "1s", "--count", "2", "--for", "60s", "--json").lines
    assert [(delivery["eventId"], delivery["status"]) for delivery in done] == [("late", "retrying"), ("late", "completed")]


# ---- Redrives ------------------------------------------------------------------------------------


def dead_letters(cli: Cli, receiver: Receiver, count: int) -> None:
    receiver.answer(Reply(400))
    cli.tenant.new_webhook(receiver.url())
    cli.run("publish", written(cli.tmp / "dead.ndjson", count))
    estimate = lambda: cli.run("redrive", "--dry-run", "--json").json["count"] == count  # noqa: E731
    stack.eventually(estimate, PATIENCE * 2, f"{count} dead letters", 1)
    receiver.answer(Reply(200))


def test_a_redrive_shows_its_bar_and_is_left_reattached_and_stopped(quick: Cli, receiver: Receiver):
    count = 60
    dead_letters(quick, receiver, count)
    terminal = Terminal(quick, "redrive", "--rate", "3")
    terminal.sees(rf"Redrive {count} dead letters .*\[y/N\] ")
    terminal.types("y\n")
    job = re.search(r"Job (\S+)", terminal.sees(r"Job \S+ has started"))[1]
    terminal.sees(r"\[=*> *\] \d+/60 +\d+/s, \d+ s left")
    terminal.types("\x03")
    terminal.sees("leave it running")
    terminal.types("\n")
    terminal.sees(r"/s, \d+ s left")
    terminal.types("\x03")
    terminal.sees("leave it running")
    terminal.types("l\n")
    assert f"--attach {job}" in terminal.ends(130)
    assert quick.run("redrive", "--list", "--json").json["items"][0]["status"] == "running"

    terminal = Terminal(quick, "redrive", "--attach", job)
    terminal.sees(r"/s, \d+ s left")
    terminal.types("\x03")
    terminal.sees("leave it running")
    terminal.types("s\n")
    assert "is cancelled" in terminal.ends(130)
    assert quick.run("redrive", "--attach", job, "--json", exit=130).json["status"] == "cancelled"


def test_the_operator_redrives_and_deletes_messages_of_no_tenant(cli: Cli):
    operator, later, sent = {"POSTEL_KEY": ""}, f"later-{cli.tenant.id}", []
    for number in range(2):
        body = json.dumps({"tenantId": later, "type": "item.created", "data": number})
        sent.append(stack.aws("sqs").send_message(QueueUrl=stack.outputs()["eventsQueueUrl"], MessageGroupId=later, MessageBody=body)["MessageId"])

    def listed() -> list[str]:
        found = cli.run("dead-letters", "list", "--all-tenants", "--reason", "unknown_tenant", "--since", "1h", "--limit", "1000", "--json", **operator).json["items"]
        return [one["id"] for one in found if one["messageId"] in sent]

    first, second = stack.eventually(lambda: len(listed()) == 2 and listed(), PATIENCE, "two dead letters")
    assert "name the tenant" in cli.run("dead-letters", "get", first, exit=2, **operator).err
    assert later in cli.run("dead-letters", "get", first, "--all-tenants", "--json", **operator).out
    cli.run("tenants", "create", later, **operator)
    cli.run("dead-letters", "redrive", first, "--all-tenants", **operator)
    cli.run("dead-letters", "delete", second, "--all-tenants", "--yes", **operator)
    assert second not in listed()


def test_a_redrive_runs_to_its_end_without_a_terminal(quick: Cli, receiver: Receiver):
    dead_letters(quick, receiver, 5)
    told = quick.run("redrive", exit=2).err
    assert "5 dead letters" in told and "--yes" in told
    letter = quick.run("dead-letters", "list", "--limit", "1", "--json").json["items"][0]
    assert quick.run("dead-letters", "get", letter["id"], "--json").json["reason"] == "refused"
    quick.run("dead-letters", "redrive", letter["id"])
    assert "already" in quick.run("dead-letters", "redrive", letter["id"]).out
    ended = quick.run("redrive", "--yes", "--rate", "100", "--json").json
    assert (ended["status"], ended["done"], ended["total"]) == ("completed", 4, 4)
    assert quick.run("redrive", "--dry-run", "--json").json["count"] == 0


# ---- Export and verify ---------------------------------------------------------------------------


def test_an_export_for_spreadsheets_has_no_formula(cli: Cli, receiver: Receiver):
    cli.tenant.new_webhook(receiver.url())
    for event in ("-1", "plain"):
        cli.tenant.publish(id=event)
        cli.tenant.wait_for_status(event, "completed")
    cli.run("export", "events", "--format", "csv", "-o", "events.csv")
    rows = list(csv.DictReader(io.StringIO((cli.tmp / "events.csv").read_text())))
    assert sorted(row["id"] for row in rows) == ["'-1", "plain"]
    cli.run("export", "events", "-o", "events.csv", exit=2)
    page = cli.run("events", "list", "--limit", "1", "--json").json
    rest = cli.run("export", "events", "--cursor", page["nextCursor"]).lines
    assert {page["items"][0]["id"], rest[0]["id"]} == {"-1", "plain"} and len(rest) == 1


@pytest.mark.parametrize("contract", ["standard", "kuviq", "kazinex", "kliq", "inspectorio"])
def test_what_a_receiver_got_is_verified(contract: str, receiver: Receiver, tmp_path: Path):
    cli = Cli(client.new_tenant(contract), tmp_path)
    made = cli.tenant.new_webhook(receiver.url(), context={"organisation_id": "o", "project_id": "p"})
    cli.tenant.publish(id="one", data={"n": 1})
    cli.tenant.wait_for_status("one", "completed")
    (request,) = receiver.requests()
    text = "".join(f"{name}: {value}\r\n" for name, value in request.header_list).encode() + b"\r\n" + request.body
    (tmp_path / "request").write_bytes(text)
    (tmp_path / "secret").write_text(made.get("secret") or client.STANDARD_SECRET)
    verify = ["verify", "request", "--secret-file", "secret", "--contract", contract]
    if contract == "inspectorio":
        assert "unsigned" in cli.run(*verify, exit=1).err
        return
    assert f"contract {contract}" in cli.run(*verify).out
    assert cli.run(*verify[:-2], "--json").json["valid"] is True
    (tmp_path / "request").write_bytes(text + b" ")
    assert "line break" in cli.run(*verify, exit=1).out
    (tmp_path / "request").write_bytes(text.replace(b'"n"', b'"m"'))
    assert "Not genuine" in cli.run(*verify, exit=1).out
    assert "POSTEL_SECRET" in cli.run("verify", exit=2, given=text).err


def test_the_completion_of_each_shell_names_the_commands(cli: Cli):
    for shell in ("bash", "zsh", "fish"):
        assert "dead-letters" in cli.run("completion", shell).out
