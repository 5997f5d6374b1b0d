"""The command line at a pseudo-terminal, with many events, and where the other side fails.

POSTEL_CLI_DEAD is how many dead letters are redriven, POSTEL_CLI_LINES how many lines are
published, POSTEL_CLI_FLOOD how many events come beside `tail`. In full size: 500, 10000 and 5000.
"""

import http.server
import json
import os
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Iterator

import pytest
from support import client, stack
from support.cli import PATIENCE, Cli, Terminal, is_following, written
from support.cli import has_aws_cli, is_built  # noqa: F401  fixtures of all tests here
from support.receiver import closed_port

pytestmark = pytest.mark.tool

DEAD = int(os.environ.get("POSTEL_CLI_DEAD", "100"))
LINES = int(os.environ.get("POSTEL_CLI_LINES", "600"))
FLOOD = int(os.environ.get("POSTEL_CLI_FLOOD", "2000"))
# In full size.
LONG = 900


@pytest.fixture
def quick(tmp_path: Path) -> Cli:
    """Of a tenant whose calls are not limited, with the contract that refuses at once."""
    return Cli(client.new_tenant("kuviq", limits={"requestsPerMinute": 1_000_000}), tmp_path)


def inbox(cli: Cli, status: int = 200) -> str:
    """A webhook whose receiver is in the stack: nothing of this process is measured."""
    made = cli.tenant.new_webhook("postel:inbox")["id"]
    answer(cli, made, status)
    return made


def answer(cli: Cli, webhook: str, status: int) -> None:
    path = cli.tenant.path(f"/webhooks/{webhook}/responses")
    cli.tenant.operator.put(path, {"responses": [{"status": status}]}).ok()


# ---- Redrive -----------------------------------------------------------------------------------


def test_many_dead_letters_are_redriven_stopped_and_watched_again(quick: Cli):
    webhook = inbox(quick, 400)
    quick.run("publish", written(quick.tmp / "dead.ndjson", DEAD))
    counted = lambda: quick.run("redrive", "--dry-run", "--json").json["count"] == DEAD  # noqa: E731
    stack.eventually(counted, LONG, f"{DEAD} dead letters", 1)
    answer(quick, webhook, 200)

    # Stopped in the middle by a person.
    terminal = Terminal(quick, "redrive", "--rate", str(max(DEAD // 25, 1)))
    terminal.sees(rf"Redrive {DEAD} dead letters of \S+ at \d+ a second \(about .*\? \[y/N\] ")
    terminal.types("y\n")
    first = re.search(r"Job (\S+)", terminal.sees(r"Job \S+ has started"))[1]
    terminal.sees(rf"\[=+> *\] [1-9]\d*/{DEAD} +\d+/s, .* left")
    terminal.types("\x03")
    terminal.sees(r"Stop the job \(s\), leave it running \(l\), or go on watching \(Enter\)\? ")
    terminal.types("s\n")
    ended = terminal.ends(130)
    assert f"Job {first} is cancelled" in ended
    left = quick.run("redrive", "--dry-run", "--json").json["count"]
    assert 0 < left < DEAD, f"{left} of {DEAD} are left"

    # Left running, watched again to its end.
    terminal = Terminal(quick, "redrive", "--rate", str(max(left // 10, 1)))
    terminal.sees(rf"Redrive {left} dead letters")
    terminal.types("y\n")
    second = re.search(r"Job (\S+)", terminal.sees(r"Job \S+ has started"))[1]
    terminal.sees(rf"\[=+> *\] [1-9]\d*/{left} ")
    terminal.types("\x03")
    terminal.sees("leave it running")
    terminal.types("l\n")
    assert f"postel redrive --attach {second}" in terminal.ends(130)
    terminal = Terminal(quick, "redrive", "--attach", second)
    terminal.sees(rf"\[=+> *\] \d+/{left} +\d+/s, .* left")
    assert f"Job {second} is completed: {left} of {left} redriven, 0 failed" in terminal.ends(0, LONG)

    done = lambda: Counter(d["status"] for d in quick.tenant.all_deliveries()) == {"completed": DEAD}  # noqa: E731
    stack.eventually(done, LONG, "all deliveries to be completed", 1)


# ---- Tail --------------------------------------------------------------------------------------


def test_tail_at_a_terminal_beside_a_flood_shows_each_delivery_once(quick: Cli):
    inbox(quick)
    terminal = Terminal(quick, "tail", "--every", "1s", "--count", str(FLOOD))
    stack.eventually(lambda: is_following(quick), PATIENCE, "tail to follow")
    with ThreadPoolExecutor(1) as pool:
        flood = pool.submit(quick.run, "publish", written(quick.tmp / "flood.ndjson", FLOOD), "--json", within=LONG)
        shown, ended = terminal.ends(0, LONG), datetime.now(UTC)
        run = flood.result().json["run"]
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines() if f"{run}-" in line]
    seen = Counter(re.search(rf"{run}-\d+", line)[0] for line in lines)
    assert len(seen) == FLOOD and set(seen.values()) == {1}, f"{len(seen)} of {FLOOD}; twice: {[e for e, n in seen.items() if n > 1][:5]}"
    assert all("completed" in line for line in lines)
    last = max(datetime.fromisoformat(re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line)[0]) for line in lines)
    print(f"{FLOOD} deliveries; tail printed the last {(ended - last).total_seconds():.1f} s after its attempt")


def test_a_look_of_tail_reads_every_page_that_has_news(quick: Cli):
    """Looks half a minute apart, so that one finds many pages of the flood: with looks every second
    a page holds all that is new, and a tail that reads no further would show everything too."""
    inbox(quick)
    shown: list[tuple[float, str]] = []

    def read() -> None:
        for line in tail.stdout:
            shown.append((time.monotonic(), json.loads(line)["eventId"]))

    with quick.start("tail", "--every", "30s", "--json") as tail:
        reader = threading.Thread(target=read)
        reader.start()
        try:
            stack.eventually(lambda: is_following(quick), PATIENCE, "tail to follow")
            quick.run("publish", written(quick.tmp / "flood.ndjson", FLOOD), within=LONG)
            # Three looks more.
            deadline = time.monotonic() + 100
            while len(shown) < FLOOD and time.monotonic() < deadline:
                time.sleep(1)
        finally:
            tail.kill()
            reader.join()
    seen = Counter(event for _, event in shown)
    assert len(seen) == FLOOD and set(seen.values()) == {1}, f"{len(seen)} of {FLOOD}; twice: {[e for e, n in seen.items() if n > 1][:5]}"
    looks = [1]
    for (before, _), (at, _) in zip(shown, shown[1:]):
        looks[-1:] = [looks[-1] + 1] if at - before < 15 else [looks[-1], 1]
    # tail asks for pages of 250.
    assert max(looks) > 250, f"the flood was too slow for this test: looks of {looks}"
    print(f"{FLOOD} deliveries in looks of {looks}")


# ---- Publish -----------------------------------------------------------------------------------


def test_a_long_file_is_published_in_one_run_at_a_terminal(quick: Cli):
    began = time.monotonic()
    terminal = Terminal(quick, "publish", str(written(quick.tmp / "events.ndjson", LINES)))
    terminal.sees(r"\d+ events accepted, ")
    told = terminal.ends(0, LONG)
    assert re.search(rf"{LINES} events accepted(?: \(\d+ of them had been accepted before\))?, 0 refused in ", told), told
    print(f"{LINES} lines in {time.monotonic() - began:.1f} s")
    assert len({event["id"] for event in quick.run("export", "events").lines}) == LINES


class Limited(http.server.BaseHTTPRequestHandler):
    """Answers as a Postel with too few requests a minute, until `left` is used up."""

    left = 0
    seconds = ""
    times: list[float] = []
    bodies: list[bytes] = []

    def do_POST(self) -> None:
        cls = type(self)
        cls.times.append(time.monotonic())
        cls.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        events = json.loads(cls.bodies[-1])["events"]
        body, status = {"results": [{"status": 202, "id": event["id"]} for event in events]}, 202
        if cls.left > 0:
            cls.left -= 1
            status, body = 429, {"code": "too_many_requests", "detail": "The tenant's requests per minute are used up."}
        raw = json.dumps(body).encode()
        self.send_response(status)
        if status == 429 and cls.seconds:
            self.send_header("Retry-After", cls.seconds)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def limited(tmp_path: Path, tenant: client.Tenant) -> Iterator[Cli]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Limited)
    Limited.left, Limited.seconds, Limited.times, Limited.bodies = 0, "", [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cli = Cli(tenant, tmp_path)
    cli.environment |= {"POSTEL_URL": f"http://127.0.0.1:{server.server_port}", "POSTEL_TENANT": tenant.id}
    yield cli
    server.shutdown()


def test_a_limit_is_waited_out_as_it_asks_and_no_line_is_lost(limited: Cli):
    Limited.left, Limited.seconds = 2, "2"
    terminal = Terminal(limited, "publish", str(written(limited.tmp / "events.ndjson", 120)))
    terminal.sees(r"429: trying again in [23] s")
    assert "120 events accepted, 0 refused" in terminal.ends(0)
    pauses = [after - before for before, after in zip(Limited.times, Limited.times[1:])]
    assert len(pauses) == 3 and all(pause >= 2 for pause in pauses[:2]), pauses
    assert Limited.bodies[0] == Limited.bodies[1] == Limited.bodies[2], "another attempt had other ids"


def test_without_retry_after_the_pauses_grow(limited: Cli):
    Limited.left = 4
    limited.run("publish", written(limited.tmp / "events.ndjson", 1))
    pauses = [after - before for before, after in zip(Limited.times, Limited.times[1:])]
    assert len(pauses) == 4 and pauses[0] < 1 and pauses[3] >= 2 and sum(pauses) < 10, pauses


def test_a_run_that_waited_too_long_says_how_to_go_on(limited: Cli):
    Limited.left = 1_000
    file = written(limited.tmp / "events.ndjson", 250)
    began = time.monotonic()
    told = limited.run("publish", file, "--patience", "4s", exit=4).err
    assert time.monotonic() - began < 20 and "for 4 s" in told and "Go on with: postel publish" in told, told
    Limited.left = 0
    resume = re.search(r"--resume (\S+)", told)[1]
    assert resume.endswith(":1"), resume
    assert limited.run("publish", file, "--resume", resume, "--json").json["accepted"] == 250


def test_a_wrong_key_and_no_network_end_a_run_at_its_line(quick: Cli):
    file = written(quick.tmp / "events.ndjson", 10)
    told = quick.run("publish", file, exit=5, POSTEL_KEY="postel_abcdefghijkl_wrong", POSTEL_TENANT=quick.tenant.id).err
    assert "invalid_key" in told and "postel login" in told and "--resume" in told, told
    nobody = f"http://127.0.0.1:{closed_port()}"
    told = quick.run("publish", file, "--patience", "2s", exit=4, POSTEL_URL=nobody, POSTEL_TENANT=quick.tenant.id).err
    assert "no_connection" in told and ":1" in re.search(r"--resume (\S+)", told)[1], told


def test_half_a_file_at_a_terminal_names_its_line(quick: Cli):
    file = written(quick.tmp / "events.ndjson", 30)
    file.write_text(file.read_text()[:-12])
    told = Terminal(quick, "publish", str(file)).ends(2)
    assert "Line 30" in told and "cut off" in told and "29 events accepted" in told, told
