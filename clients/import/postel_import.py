#!/usr/bin/env python3
"""Imports webhooks from another system: from a file with one webhook a line, as NDJSON or CSV.

    export API_URL=https://… OPERATOR_KEY=…
    postel_import.py tenants  webhooks.ndjson            # creates the tenants that are missing
    postel_import.py webhooks webhooks.ndjson            # a dry run: checks every line
    postel_import.py webhooks webhooks.ndjson --run      # creates the webhooks

A run may be repeated: a line that was imported before is found, not imported again. The report has
a line of JSON for each line of the file. docs/migrating.md describes the file, and how to move from
other systems.
"""

import argparse
import collections
import concurrent.futures
import csv
import hashlib
import http.client
import json
import os
import sys
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

ATTEMPTS = 6
TIMEOUT_SECONDS = 35
MAX_ERRORS_SHOWN = 20
# The columns of a CSV file whose values are not text.
LISTS = {"events"}
FLAGS = {"active": {"true": True, "false": False}}
HEADER = "header:"


class WrongLine(Exception):
    """A line that cannot be read."""


@dataclass(frozen=True)
class Line:
    """One line of the file."""

    number: int
    tenant: str
    webhook: dict[str, Any]

    @property
    def idempotency_key(self) -> str | None:
        """For a webhook without an id: derived from the line, so that a repeated run finds it."""
        if "id" in self.webhook:
            return None
        text = json.dumps([self.tenant, self.webhook], sort_keys=True)
        return "import-" + hashlib.sha256(text.encode()).hexdigest()


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

    def call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        pause = 0.5
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                answer = self._once(method, path, body, key)
            except (OSError, http.client.HTTPException) as error:
                if last:
                    raise SystemExit(f"{self.url.geturl()} does not respond: {error}") from error
            else:
                if answer.status not in (429, 500, 503) or last:
                    return answer
                after = answer.headers.get("retry-after", "")
                pause = max(pause, float(after)) if after.isdigit() else pause
            time.sleep(pause)
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
    told: dict[str, Any] = {"line": line.number, "tenantId": line.tenant, "id": line.webhook.get("id")}
    path = f"/v1/tenants/{urllib.parse.quote(line.tenant, safe='')}/webhooks"
    answer = api.call("POST", path if run else f"{path}?dryRun=true", line.webhook, line.idempotency_key)
    if answer.status >= 300:
        body = {name: answer.body.get(name) for name in ("code", "field", "reason", "detail")}
        return told | {"result": "error", "status": answer.status} | {n: v for n, v in body.items() if v}
    existed = "idempotent-replayed" in answer.headers
    told |= {"result": "exists" if existed else "created" if run else "checked"}
    if run or "id" in line.webhook:
        told["id"] = answer.body["id"]
    if "secret" not in line.webhook and answer.body.get("secret"):
        told["secret"] = answer.body["secret"]
    return told


def import_webhooks(api: Api, lines: list[Line], run: bool, at_once: int) -> Iterator[dict[str, Any]]:
    first: dict[tuple[str, str], int] = {}
    todo = []
    for line in lines:
        own = (line.tenant, line.webhook.get("id") or line.idempotency_key)
        if own in first:
            yield {"line": line.number, "tenantId": line.tenant, "id": line.webhook.get("id"), "result": "error", "detail": f"Line {first[own]} has the same webhook."}
        else:
            first[own] = line.number
            todo.append(line)
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(lambda line: import_webhook(api, line, run), todo)


def words_of(answer: Answer) -> str:
    return f"{answer.status} {answer.body.get('code', '')}: {answer.body.get('detail') or answer.body.get('message', '')}"


# ---- The command -------------------------------------------------------------------------------


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tenants", "webhooks"])
    parser.add_argument("file", type=Path, help="NDJSON, or CSV if its name ends in .csv")
    parser.add_argument("--run", action="store_true", help="create the webhooks; without it every line is only checked")
    parser.add_argument("--contract", help="of the tenants that are created; standard by default")
    parser.add_argument("--report", type=Path, help="where the report goes; readable by you alone, since it has generated secrets")
    parser.add_argument("--at-once", type=int, default=8, help="requests at the same time (8)")
    return parser.parse_args(given)


def report_to(path: Path | None) -> Any:
    if path is None:
        return sys.stdout
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


def main(given: list[str] | None = None) -> int:
    asked = arguments(given)
    url, key = os.environ.get("API_URL"), os.environ.get("OPERATOR_KEY")
    if not url or not key:
        raise SystemExit("API_URL and OPERATOR_KEY are missing from the environment.")
    api = Api(url, key)
    lines, results = [], []
    for read_line in read(asked.file):
        if isinstance(read_line, Line):
            lines.append(read_line)
        else:
            number, why = read_line
            results.append({"line": number, "result": "error", "detail": f"The line cannot be read: {why}."})
    if asked.what == "tenants":
        counts = collections.Counter(create_tenants(api, lines, asked.contract))
        counts["error"] += len(results)
    else:
        results += import_webhooks(api, lines, asked.run, asked.at_once)
        results.sort(key=lambda result: result["line"])
        counts = collections.Counter(result["result"] for result in results)
    report = report_to(asked.report)
    for result in results:
        print(json.dumps(result), file=report)
    report.flush()
    for result in [result for result in results if result["result"] == "error"][:MAX_ERRORS_SHOWN]:
        where = f" ({result['field']})" if "field" in result else ""
        print(f"line {result['line']}: {result.get('code', 'error')}{where}: {result.get('detail', '')}", file=sys.stderr)
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "nothing to do", file=sys.stderr)
    return 1 if counts["error"] else 0


if __name__ == "__main__":
    sys.exit(main())
