#!/usr/bin/env python3
"""Imports webhooks from another system: from a file with one webhook a line, as NDJSON or CSV.

    export API_URL=https://… OPERATOR_KEY=…
    postel_import.py tenants  webhooks.ndjson            # creates the tenants that are missing
    postel_import.py webhooks webhooks.ndjson            # a dry run: checks every line
    postel_import.py webhooks webhooks.ndjson --run --report report.ndjson    # creates the webhooks

A run may be repeated: a line that was imported before is found, not imported again. The report has
a line of JSON for each line of the file, written as soon as its result is known. docs/migrating.md
describes the file, and how to move from other systems.
"""

import argparse
import collections
import concurrent.futures
import csv
import hashlib
import http.client
import ipaddress
import json
import os
import signal
import sys
import threading
import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Iterator

ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 35
# So many lines in a row without a connection end the run.
MAX_UNREACHABLE = 3
MAX_ERRORS_SHOWN = 20
NEVER_SHOWN = "secret never shown: rotate it, unless an earlier report has it"
# The columns of a CSV file whose values are not text.
LISTS = {"events"}
FLAGS = {"active": {"true": True, "false": False}}
HEADER = "header:"


class WrongLine(Exception):
    """A line that cannot be read."""


class Unreachable(Exception):
    """The API did not answer, however often it was asked."""


@dataclass(frozen=True)
class Line:
    """One line of the file."""

    number: int
    tenant: str
    webhook: dict[str, Any]
    # Among the lines of the file with the same `public` part, from 1.
    occurrence: int = 1

    @property
    def public(self) -> str:
        """What the API shows of the line to its readers: nothing secret."""
        return json.dumps([self.tenant, *(self.webhook.get(name) for name in ("url", "events", "name"))], sort_keys=True)

    @property
    def idempotency_key(self) -> str | None:
        """For a webhook without an id: derived from the line, so that a repeated run finds it. The
        webhook's id is derived from the key and is no secret, so no secret may be in the key: whoever
        knows the rest of the line could try secrets until the id fits."""
        if "id" in self.webhook:
            return None
        return "import-" + hashlib.sha256(f"{self.public} {self.occurrence}".encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


class Api:
    """The API with the operator's key. Every request is safe to repeat, so failed requests are."""

    def __init__(self, url: str, key: str) -> None:
        self.url = urllib.parse.urlsplit(url.rstrip("/"))
        self.key = key
        # Once it is set, a failed request is not repeated.
        self.stopped = threading.Event()

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS or self.stopped.is_set()
            try:
                answer = self._once(method, path, body, key)
            except (OSError, http.client.HTTPException) as error:
                if last:
                    raise Unreachable(f"{self.url.geturl()} does not respond: {error}") from error
            else:
                if answer.status not in (429, 500, 502, 503, 504) or last:
                    return answer
                after = answer.headers.get("retry-after", "")
                pause = max(pause, float(after)) if after.isdigit() else pause
            self.stopped.wait(pause)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, body: Any, key: str | None) -> Answer:
        kind = http.client.HTTPSConnection if self.url.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.url.hostname, self.url.port, timeout=TIMEOUT_SECONDS)
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        if key is not None:
            headers["idempotency-key"] = key
        try:
            connection.request(method, self.url.path + path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        try:
            found = json.loads(raw) if raw else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            found = {"detail": raw.decode(errors="replace")[:200]}
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, found)


# ---- Reading the file --------------------------------------------------------------------------


def read(path: Path) -> Iterator[Line | tuple[int, str]]:
    """Every line, or its number and the reason why it cannot be read."""
    rows = csv_rows(path) if path.suffix.lower() == ".csv" else json_rows(path)
    for number, row in rows:
        try:
            yield line_of(number, row() if callable(row) else row)
        except WrongLine as error:
            yield number, str(error)


def json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                yield number, lambda text=text: parsed(text)


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise WrongLine(f"it is not JSON: {error}") from error


def csv_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            yield reader.line_num, lambda row=row: from_columns(row)


def from_columns(row: dict[str | None, Any]) -> dict[str, Any]:
    """An empty column counts as absent. Spaces separate the `events`; `header:NAME` is a custom
    header of the webhook; `basicAuth.username` is a member of a nested object."""
    if None in row:
        raise WrongLine("it has more columns than the first line")
    found: dict[str, Any] = {}
    for name, text in row.items():
        if text is None or text == "":
            continue
        value: Any = text
        if name in LISTS:
            value = text.split()
        elif name in FLAGS:
            if text.lower() not in FLAGS[name]:
                raise WrongLine(f"{name} is true or false, not {text}")
            value = FLAGS[name][text.lower()]
        elif name.startswith("previousSecrets") or name.startswith("overrides") or name == "context":
            value = parsed(text)
        if name.startswith(HEADER):
            found.setdefault("headers", {})[name.removeprefix(HEADER)] = value
        elif "." in name:
            outer, _, inner = name.partition(".")
            found.setdefault(outer, {})[inner] = value
        else:
            found[name] = value
    return found


def line_of(number: int, row: Any) -> Line:
    if not isinstance(row, dict):
        raise WrongLine("it is not an object")
    webhook = {name: value for name, value in row.items() if value is not None}
    tenant = webhook.pop("tenantId", None)
    if not isinstance(tenant, str) or not tenant:
        raise WrongLine("it has no tenantId")
    own_id = webhook.get("id", "-")
    if not isinstance(own_id, str) or not own_id:
        raise WrongLine("its id is empty, or not text")
    return Line(number, tenant, webhook)


# ---- Importing ---------------------------------------------------------------------------------


def create_tenants(api: Api, lines: list[Line], contract: str | None) -> dict[str, int]:
    """Creates the missing tenants. Existing tenants stay as they are."""
    counts: collections.Counter[str] = collections.Counter()
    numbers = collections.Counter(line.tenant for line in lines)
    for tenant in dict.fromkeys(line.tenant for line in lines):
        path = f"/v1/tenants/{urllib.parse.quote(tenant, safe='')}"
        answer = api.call("GET", path)
        if answer.status == 404:
            wanted: dict[str, Any] = {"contract": contract} if contract else {}
            if numbers[tenant] > 25:
                wanted["limits"] = {"webhooks": numbers[tenant]}
            answer = api.call("PUT", path, wanted)
            counts["created"] += answer.status == 201
        else:
            counts["exists"] += answer.status == 200
        if answer.status not in (200, 201):
            counts["error"] += 1
            print(f"tenant {tenant}: {words_of(answer)}", file=sys.stderr)
    return counts


def import_webhook(api: Api, line: Line, run: bool) -> dict[str, Any]:
    """Returns the result of a line: `checked`, `created`, `exists` or `error`."""
    told = about(line)
    path = f"/v1/tenants/{urllib.parse.quote(line.tenant, safe='')}/webhooks"
    answer = api.call("POST", path if run else f"{path}?dryRun=true", line.webhook, line.idempotency_key)
    if answer.status >= 300:
        body = {name: answer.body.get(name) for name in ("code", "field", "reason", "detail")}
        return told | {"result": "error", "status": answer.status} | {n: v for n, v in body.items() if v}
    existed = "idempotent-replayed" in answer.headers
    if (run or existed) and "id" not in answer.body:
        return told | {"result": "error", "status": answer.status, "detail": "The answer is not one of Postel's API."}
    told |= {"result": "exists" if existed else "created" if run else "checked"}
    if run or existed:
        told["id"] = answer.body["id"]
        if "secret" not in line.webhook:
            told |= {"secret": answer.body["secret"]} if answer.body.get("secret") else {"secretShown": False, "detail": NEVER_SHOWN}
    return told


def about(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"line": line.number, "tenantId": line.tenant}
    return told | ({"id": line.webhook["id"]} if "id" in line.webhook else {})


def distinct(lines: list[Line]) -> Iterator[Line | dict[str, Any]]:
    """Each line, or its result if an earlier line has the same webhook."""
    first: dict[tuple[str, str], int] = {}
    occurrences: collections.Counter[str] = collections.Counter()
    for line in lines:
        same = (line.tenant, line.webhook.get("id") or json.dumps(line.webhook, sort_keys=True))
        if same in first:
            yield about(line) | {"result": "error", "detail": f"Line {first[same]} has the same webhook."}
            continue
        first[same] = line.number
        occurrences[line.public] += "id" not in line.webhook
        yield replace(line, occurrence=occurrences[line.public])


class Import:
    """One run over the lines. Each result is in the report before the next line is begun."""

    def __init__(self, api: Api, report: "Report", run: bool) -> None:
        self.api = api
        self.report = report
        self.run = run
        self.why_stopped = ""
        self.unreachable = 0

    def of(self, lines: list[Line], at_once: int) -> None:
        todo = []
        for found in distinct(lines):
            if isinstance(found, Line):
                todo.append(found)
            else:
                self.report.write(found)
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            try:
                concurrent.futures.wait([pool.submit(self.one, line) for line in todo])
            except KeyboardInterrupt:
                # The requests under way are awaited, for their secrets; no further one begins.
                self.stop("the run was interrupted")
                print("Interrupted: waiting for the requests under way.", file=sys.stderr)

    def one(self, line: Line) -> None:
        if self.api.stopped.is_set():
            result = about(line) | {"result": "error", "code": "not_tried", "detail": f"Not tried: {self.why_stopped}."}
        else:
            try:
                result = import_webhook(self.api, line, self.run)
                self.unreachable = 0
            except Unreachable as error:
                detail = f"{error}. Perhaps it was created: repeat the run." if self.run else str(error)
                result = about(line) | {"result": "error", "code": "no_answer", "detail": detail}
                self.unreachable += 1
                if self.unreachable >= MAX_UNREACHABLE:
                    self.stop("the API does not respond")
            except Exception as error:  # noqa: BLE001 (one line takes no other with it)
                result = about(line) | {"result": "error", "detail": f"The importer failed: {type(error).__name__}."}
        if not self.report.write(result):
            self.stop("the report cannot be written")

    def stop(self, why: str) -> None:
        self.why_stopped = self.why_stopped or why
        self.api.stopped.set()


def words_of(answer: Answer) -> str:
    return f"{answer.status} {answer.body.get('code', '')}: {answer.body.get('detail') or answer.body.get('message', '')}"


# ---- The command -------------------------------------------------------------------------------


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tenants", "webhooks"])
    parser.add_argument("file", type=Path, help="NDJSON, or CSV if its name ends in .csv")
    parser.add_argument("--run", action="store_true", help="create the webhooks; without it every line is only checked")
    parser.add_argument("--contract", help="of the tenants that are created; standard by default")
    parser.add_argument("--report", type=Path, help="a new file for the report; readable by you alone, since it has generated secrets")
    parser.add_argument("--insecure-http", action="store_true", help="send the operator's key and the secrets over http, unencrypted")
    parser.add_argument("--at-once", type=int, default=8, help="requests at the same time (8)")
    return parser.parse_args(given)


class Report:
    """A line of JSON for each line of the file, in the order in which the results become known.
    Each is written at once, so that a run which ends early loses no generated secret."""

    def __init__(self, path: Path | None) -> None:
        self.results: list[dict[str, Any]] = []
        self.failed: OSError | None = None
        self.lock = threading.Lock()
        try:
            # Never a file that exists: it may have secrets of an earlier run, or other readers.
            self.file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise SystemExit(f"{path} exists: name a new file for the report.") from None
        except OSError as error:
            raise SystemExit(f"The report cannot be written: {error}") from None

    def write(self, result: dict[str, Any]) -> bool:
        """Whether the result is in the report."""
        text = json.dumps(result) + "\n"
        with self.lock:
            self.results.append(result)
            try:
                if not self.failed:
                    self._write(text)
            except OSError as error:
                self.failed = error
                print(f"The report cannot be written: {error}", file=sys.stderr)
            if self.failed and "secret" in result:
                print(f"line {result['line']}: created, but not in the report: rotate the secret of webhook {result['id']}", file=sys.stderr)
        return not self.failed

    def _write(self, text: str) -> None:
        if self.file is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            rest = text.encode()
            while rest:
                rest = rest[os.write(self.file, rest) :]


def refuse_insecure(url: str, insecure_http: bool) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise SystemExit("API_URL is not an address: it begins with https://.")
    if parts.scheme == "http" and not insecure_http and not is_loopback(parts.hostname):
        raise SystemExit("API_URL is http: the operator's key and the secrets would be sent unencrypted. Use https, or --insecure-http.")


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def main(given: list[str] | None = None) -> int:
    asked = arguments(given)
    url, key = os.environ.get("API_URL"), os.environ.get("OPERATOR_KEY")
    if not url or not key:
        raise SystemExit("API_URL and OPERATOR_KEY are missing from the environment.")
    refuse_insecure(url, asked.insecure_http)
    api = Api(url, key)
    lines, unread = [], []
    for read_line in read(asked.file):
        if isinstance(read_line, Line):
            lines.append(read_line)
        else:
            number, why = read_line
            unread.append({"line": number, "result": "error", "detail": f"The line cannot be read: {why}."})
    if asked.what == "webhooks" and asked.run and asked.report is None and any("secret" not in line.webhook for line in lines):
        raise SystemExit("Postel generates a secret for each line without one, and shows it once: name a new file with --report.")
    report = Report(asked.report)
    for result in unread:
        report.write(result)
    importing = Import(api, report, asked.run)
    if asked.what == "tenants":
        try:
            counts = collections.Counter(create_tenants(api, lines, asked.contract))
        except Unreachable as error:
            raise SystemExit(f"{error}. Repeat the run.") from error
        counts["error"] += len(unread)
    else:
        importing.of(lines, asked.at_once)
        counts = collections.Counter(result["result"] for result in report.results)
    results = sorted(report.results, key=lambda result: result["line"])
    for result in [result for result in results if result["result"] == "error"][:MAX_ERRORS_SHOWN]:
        where = f" ({result['field']})" if "field" in result else ""
        print(f"line {result['line']}: {result.get('code', 'error')}{where}: {result.get('detail', '')}", file=sys.stderr)
    unseen = [result for result in results if result.get("secretShown") is False]
    for result in unseen[:MAX_ERRORS_SHOWN]:
        print(f"line {result['line']}: webhook {result['id']}: {NEVER_SHOWN}", file=sys.stderr)
    counts["secret never shown"] = len(unseen)
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "nothing to do", file=sys.stderr)
    if importing.why_stopped:
        print(f"The run ended early: {importing.why_stopped}. Repeat it with a new report.", file=sys.stderr)
    return 1 if counts["error"] or report.failed or importing.why_stopped else 0


if __name__ == "__main__":
    # An ended session or a cancelled job ends the run as Ctrl-C does.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    sys.exit(main())
