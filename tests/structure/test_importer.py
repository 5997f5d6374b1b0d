"""The importer against a small API on this machine: no generated secret is lost, and none is sent
where it does not belong."""

import errno
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORTER = ROOT / "clients" / "import" / "postel_import.py"
LINE = {"tenantId": "acme", "url": "https://receiver.example.com/", "events": ["*"]}


class Api(ThreadingHTTPServer):
    """Creates webhooks, and recognizes them by their id or their key."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[dict[str, Any], str | None]] = []
        self.made: set[str] = set()
        # The names of webhooks whose answers are lost, once or always; whose requests are; and
        # those that are answered late.
        self.lost_once: set[str] = set()
        self.unreachable: set[str] = set()
        self.late: set[str] = set()
        self.go_on = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        api = self.server
        webhook = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key, name = self.headers["idempotency-key"], webhook.get("name", "")
        api.asked.append((webhook, key))
        if name in api.unreachable:
            return
        own = webhook.get("id") or f"wh_{key}"
        existed = own in api.made
        api.made.add(own)
        if name in api.lost_once:
            api.lost_once.remove(name)
            return
        if name in api.late:
            api.go_on.wait(5)
        body = {"id": own} if existed else {"id": own, "secret": webhook.get("secret", f"generated for {name}")}
        self.send_response(200 if existed else 201)
        if existed:
            self.send_header("idempotent-replayed", "true")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with Api() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("API_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OPERATOR_KEY", "key")
        yield server
        server.go_on.set()
        server.shutdown()


@pytest.fixture
def importer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("postel_import", IMPORTER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "postel_import", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0.01, raising=False)
    return module


def written(tmp_path: Path, *lines: dict[str, Any]) -> Path:
    file = tmp_path / "webhooks.ndjson"
    file.write_text("".join(json.dumps(LINE | line) + "\n" for line in lines))
    return file


def run(importer: ModuleType, file: Path, *options: str) -> tuple[Any, list[dict[str, Any]]]:
    """The exit status or message of a real run, and its report in the order of the file."""
    report = file.with_name("report.ndjson")
    report.unlink(missing_ok=True)
    try:
        status = importer.main(["webhooks", str(file), "--run", "--report", str(report), *options])
    except SystemExit as end:
        status = end.code
    return status, read(report)


def read(report: Path) -> list[dict[str, Any]]:
    lines = report.read_text().splitlines() if report.exists() else []
    return sorted((json.loads(line) for line in lines), key=lambda result: result["line"])


def test_no_request_is_sent_before_the_report_is_open(importer: ModuleType, api: Api, tmp_path: Path) -> None:
    with pytest.raises((SystemExit, OSError)):
        importer.main(["webhooks", str(written(tmp_path, {})), "--run", "--report", str(tmp_path / "missing" / "report")])
    assert api.asked == []


def test_a_report_that_exists_keeps_its_content(importer: ModuleType, api: Api, tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("secrets of an earlier run")
    with pytest.raises(SystemExit, match="exists"):
        importer.main(["webhooks", str(written(tmp_path, {})), "--run", "--report", str(report)])
    assert (report.read_text(), api.asked) == ("secrets of an earlier run", [])


def test_only_its_owner_reads_the_report(importer: ModuleType, api: Api, tmp_path: Path) -> None:
    status, report = run(importer, written(tmp_path, {"name": "a"}, {"name": "b"}))
    assert status == 0 and [r["secret"] for r in report] == ["generated for a", "generated for b"]
    assert (tmp_path / "report.ndjson").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_has_the_secret_of_each_answer(api: Api, tmp_path: Path, sent: signal.Signals) -> None:
    file, report = written(tmp_path, {"name": "first"}, {"name": "late"}, {"name": "third"}), tmp_path / "report.ndjson"
    api.late = {"late"}
    command = [sys.executable, IMPORTER, "webhooks", file, "--run", "--at-once", "1", "--report", report]
    # A shell starts background jobs with SIGINT ignored, and children inherit that.
    as_usual = lambda: signal.signal(sent, signal.SIG_DFL)  # noqa: E731
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=as_usual) as running:
        try:
            wait_until(lambda: len(api.asked) == 2)
            assert [r["secret"] for r in read(report)] == ["generated for first"], "written before the next line"
            running.send_signal(sent)
            assert running.stderr and "Interrupted" in running.stderr.readline()
            api.go_on.set()
            assert running.wait(5) == 1
        finally:
            running.kill()
    found = [(r["result"], r.get("secret"), r.get("code")) for r in read(report)]
    assert found == [("created", "generated for first", None), ("created", "generated for late", None), ("error", None, "not_tried")]
    assert len(api.asked) == 2


def wait_until(reached: Any) -> None:
    end = time.monotonic() + 5
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_secret_whose_answer_was_lost_must_be_rotated(importer: ModuleType, api: Api, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    api.lost_once = {"a", "b"}
    status, report = run(importer, written(tmp_path, {"name": "a"}, {"name": "b", "secret": "given"}))
    assert status == 0 and [(r["result"], r.get("secretShown")) for r in report] == [("exists", False), ("exists", None)]
    assert "secret never shown: rotate it" in report[0]["detail"]
    assert "line 1" in (told := capsys.readouterr().err) and "secret never shown 1" in told
    assert len(api.made) == 2 and len({key for _, key in api.asked}) == 2, "repeated with the same key"


def test_a_line_without_an_answer_takes_no_other_with_it(importer: ModuleType, api: Api, tmp_path: Path) -> None:
    api.unreachable = {"b"}
    status, report = run(importer, written(tmp_path, {"name": "a"}, {"name": "b"}, {"name": "c"}))
    assert status == 1 and [(r["result"], r.get("code")) for r in report] == [("created", None), ("error", "no_answer"), ("created", None)]
    assert len({key for webhook, key in api.asked if webhook["name"] == "b"}) == 1 and len(api.asked) == 4


def test_a_lost_network_ends_the_run_and_keeps_the_secrets(importer: ModuleType, api: Api, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    api.unreachable = set("bcdefgh")
    status, report = run(importer, written(tmp_path, *({"name": name} for name in "abcdefgh")), "--at-once", "1")
    assert status == 1 and report[0]["secret"] == "generated for a"
    assert [r.get("code") for r in report] == [None, *["no_answer"] * 3, *["not_tried"] * 4]
    assert "The run ended early: the API does not respond." in capsys.readouterr().err


def test_a_full_disk_ends_the_run_and_names_the_webhook(
    importer: ModuleType, api: Api, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    status, _ = run(importer, written(tmp_path, {"name": "a"}, {"name": "b"}), "--at-once", "1")
    told = capsys.readouterr().err
    assert status == 1 and len(api.asked) == 1 and "No space left" in told
    assert f"rotate the secret of webhook {next(iter(api.made))}" in told and "generated for" not in told


def test_generated_secrets_do_not_go_to_the_terminal(importer: ModuleType, api: Api, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match="--report"):
        importer.main(["webhooks", str(written(tmp_path, {"secret": "given"}, {"name": "a"})), "--run"])
    assert api.asked == [] and capsys.readouterr().out == ""
    assert importer.main(["webhooks", str(written(tmp_path, {"secret": "given"})), "--run"]) == 0
    assert "given" not in capsys.readouterr().out


def test_the_key_of_a_line_does_not_depend_on_its_secrets(importer: ModuleType, api: Api, tmp_path: Path) -> None:
    hidden = [
        {"secret": "one"},
        {"secret": "two"},
        {"basicAuth": {"username": "u", "password": "p"}},
        {"headers": {"X-Token": "t"}},
        {"previousSecrets": [{"secret": "old", "endsAt": "2100-01-01T00:00:00Z"}]},
    ]
    for line in hidden:
        run(importer, written(tmp_path, line))
    assert len({key for _, key in api.asked}) == 1
    for line in ({"url": "https://other.example.com/"}, {"events": ["a"]}, {"name": "n"}, {"tenantId": "other"}):
        run(importer, written(tmp_path, line))
    assert len({key for _, key in api.asked}) == 5


def test_lines_that_differ_only_in_secrets_are_several_webhooks(importer: ModuleType, api: Api, tmp_path: Path) -> None:
    file = written(tmp_path, {"secret": "one"}, {"secret": "two"}, {"secret": "one"}, {"secret": "three"})
    for result in ("created", "exists"):
        status, report = run(importer, file)
        assert status == 1 and [r["result"] for r in report] == [result, result, "error", result]
        assert report[2]["detail"] == "Line 1 has the same webhook."
    assert len(api.made) == 3


@pytest.mark.parametrize("wrong", ["", 5, ["a"]])
def test_an_id_that_is_empty_or_not_text_is_the_error_of_its_line(importer: ModuleType, api: Api, tmp_path: Path, wrong: Any) -> None:
    status, report = run(importer, written(tmp_path, {"id": wrong}, {"id": wrong, "name": "b"}, {"id": "right"}))
    assert status == 1 and [r["result"] for r in report] == ["error", "error", "created"]
    assert all("its id" in r["detail"] for r in report[:2]) and [webhook["id"] for webhook, _ in api.asked] == ["right"]


@pytest.mark.parametrize(
    ("url", "options", "is_sent"),
    [
        ("http://api.example.com", [], False),
        ("http://127.0.0.1.example.com", [], False),
        ("http://10.0.0.1", [], False),
        ("ftp://127.0.0.1", [], False),
        ("http://api.example.com", ["--insecure-http"], True),
        ("https://api.example.com", [], True),
        ("http://127.0.0.1:8080/stage", [], True),
        ("http://[::1]:8080", [], True),
        ("http://localhost", [], True),
    ],
)
def test_the_key_leaves_this_machine_only_encrypted(
    importer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, options: list[str], is_sent: bool
) -> None:
    sent = []

    def once(api: Any, *_: Any) -> Any:
        sent.append(api.url.geturl())
        return importer.Answer(201, {}, {"id": "a", "secret": "generated"})

    monkeypatch.setattr(importer.Api, "_once", once)
    monkeypatch.setenv("API_URL", url)
    monkeypatch.setenv("OPERATOR_KEY", "key")
    run(importer, written(tmp_path, {"name": "a"}), *options)
    assert sent == ([url] if is_sent else [])
