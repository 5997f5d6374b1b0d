"""The statuses that the API answered during a run, by operation: all processes write to one file
next to the stack's outputs, for the comparison with the OpenAPI document at the end
(tests/afterwards)."""

import fcntl
import json
import re
from collections import defaultdict
from functools import cache
from typing import Any

from support import stack

METHODS = {"get", "put", "post", "patch", "delete", "head", "options"}

# What no test can cause here, with the reason.
UNSEEN = {("events.publishBatch", 413): "the gateway's own answer to more than 6 MB, Lambda's limit, which the local cloud does not have"}
# These two call nothing, so only the gateway throttles them or finds no function.
UNSEEN |= {(name, status): "the gateway's own answer to anybody, which the local cloud does not give" for name in ("health.get", "openapi.get") for status in (429, 500, 503)}
UNSEEN |= {("sessions.exchange", 429): "the gateway's own answer: there is no tenant yet whose minute could be used up"}
# The operator's key is no row of the table, and test_without_aws.py calls as the operator.
UNSEEN |= {("me.get", status): "only a tenant's key makes it read the table" for status in (500, 503)}

UNSEEN |= {
    ("operatorSessions.create", 409): "a thousand at once are a tenant's limit too, and tested there",
    ("operatorSessions.deleteAll", 204): "it signs out the other tests: its own test runs alone, on another stack",
}

# What an operation answers with the document's prose alone.
IN_PROSE = {("redrives.create", 200): "the older form of redrives.estimate: as a second success, it would give every generated client a job that may be an estimate"}

_written: set[str] = set()


@cache
def document() -> dict[str, Any]:
    return json.loads((stack.ROOT / "functions" / "api" / "openapi.json").read_text())


@cache
def _places() -> list[tuple[str, re.Pattern, str]]:
    """The method, the pattern of the path, and the operation; fixed names before variable ones."""
    found = []
    for path, item in sorted(document()["paths"].items(), key=lambda one: one[0].count("{")):
        pattern = re.compile("/".join("[^/]*" if part.startswith("{") else re.escape(part) for part in path.split("/")))
        found += [(method.upper(), pattern, operation["operationId"]) for method, operation in item.items() if method in METHODS]
    return found


def operation_of(method: str, path: str) -> str | None:
    """The id of the operation that a request is for."""
    plain = path.partition("?")[0]
    return next((name for known, pattern, name in _places() if known == method and pattern.fullmatch(plain)), None)


def documented() -> dict[str, set[int]]:
    """The statuses of each operation."""
    operations = [operation for item in document()["paths"].values() for method, operation in item.items() if method in METHODS]
    return {one["operationId"]: {int(status) for status in one["responses"]} for one in operations}


def _file():
    return stack.outputs_path().with_name("answers.jsonl")


def note(method: str, path: str, status: int) -> None:
    """Records an answer, once in each process."""
    if not (operation := operation_of(method, path)):
        return
    line = json.dumps({"operation": operation, "status": status, "stack": stack.outputs()["apiUrl"]})
    if line in _written:
        return
    _written.add(line)
    with _file().open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line + "\n")


def seen() -> dict[str, set[int]]:
    """The statuses that this stack answered in all processes, by operation."""
    found: dict[str, set[int]] = defaultdict(set)
    if _file().is_file():
        for line in _file().read_text().splitlines():
            one = json.loads(line)
            if one["stack"] == stack.outputs()["apiUrl"]:
                found[one["operation"]].add(one["status"])
    return found
