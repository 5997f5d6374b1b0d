"""The fault injector between the functions and the local cloud: microburst, a proxy for AWS's
protocols."""

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

START_SECONDS = 30
BETWEEN = Path(__file__).resolve().parent / "microburst_patches.py"

# Every write of Postel's functions, by the service's name in the signature.
WRITES = {
    "dynamodb": ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"),
    "sqs": ("SendMessage", "SendMessageBatch"),
    "scheduler": ("CreateSchedule",),
}

# AWS's answers to too many requests: code and status, both as the SDK reads them.
THROTTLES = {
    "dynamodb": ("ThrottlingException", 400),
    "sqs": ("RequestThrottled", 403),
    "scheduler": ("ThrottlingException", 429),
    "kms": ("ThrottlingException", 400),
}


def lost_answers(probability: float) -> list[dict[str, Any]]:
    """The write is done, and the connection ends before a byte of the response's body."""
    return [
        {"service": service, "operation": operation, "probability": probability, "response": {"abort_bytes": 0}}
        for service, operations in WRITES.items()
        for operation in operations
    ]


def throttling(probability: float) -> list[dict[str, Any]]:
    """Refused before anything happened."""
    return [
        {"service": service, "probability": probability, "error": {"code": code, "status": status}}
        for service, (code, status) in THROTTLES.items()
    ]


# The tries of a call that may meet another write: all but the last (adapters/src/clients.rs,
# MAX_ATTEMPTS). At random, one write of 15,625 would meet another on each try, so in a row of some
# thousand writes a failure could be due to chance and not to the product.
TRIES_THAT_MEET = 5
# Only the deletion of a tenant has longer transactions.
MAX_PARTS = 12
MEETS = "Transaction is ongoing for the item"


def conflicts(probability: float) -> list[dict[str, Any]]:
    """A write meets a running transaction at one of its items, and is not done. MiniStack runs
    transactions one after another, so this never happens there by itself.

    It answers like DynamoDB: a transaction is cancelled with a reason for each of its parts, a
    single write is refused (Developer Guide, transaction-apis.html, "Transaction conflict
    handling in DynamoDB"; API Reference, API_TransactWriteItems.html,
    TransactionCanceledException). The SDK sends the number of the try in the header
    `amz-sdk-request`.
    """
    rules = []
    for number in range(1, TRIES_THAT_MEET + 1):
        meets = {"service": "dynamodb", "probability": probability, "headers": {"amz-sdk-request": f"attempt={number};"}}
        for operation in ("PutItem", "UpdateItem", "DeleteItem"):
            refused = {"code": "TransactionConflictException", "status": 400, "message": MEETS}
            rules.append(meets | {"operation": operation, "error": refused})
        for parts in range(1, MAX_PARTS + 1):
            codes = ["TransactionConflict"] + ["None"] * (parts - 1)
            cancelled = {
                "code": "TransactionCanceledException",
                "status": 400,
                "message": f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]",
                "fields": {"CancellationReasons": [{"Code": codes[0], "Message": MEETS}, *({"Code": code} for code in codes[1:])]},
            }
            rules.append(meets | {"operation": "TransactWriteItems", "body": f"length(TransactItems) == `{parts}`", "error": cancelled})
    return rules


def outage() -> list[dict[str, Any]]:
    """DynamoDB is unavailable: one in ten of its calls gets no answer, the others are refused."""
    away = {"service": "dynamodb"}
    return [away | {"probability": 0.1, "timeout_ms": 20_000}, away | {"error": {"code": "InternalServerError", "status": 500}}]


@dataclass(frozen=True)
class Proxy:
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def making(self, rules: list[dict[str, Any]]) -> Iterator[None]:
        """Injects these faults, and none afterwards."""
        self._call("POST", "rules", rules)
        try:
            yield
        finally:
            self._call("POST", "rules", [])

    def fired(self) -> Counter:
        """The number of injected faults since it started, by service and operation."""
        text = self._call("GET", "metrics")
        found: Counter = Counter()
        for service, operation, count in re.findall(r'faults_total\{service="([^"]*)",operation="([^"]*)",[^}]*\} (\d+)', text):
            found[service, operation] += int(count)
        return found

    def requests(self) -> int:
        """The number of requests that passed through."""
        return json.loads(self._call("GET", "health"))["requests_seen"]

    def _call(self, method: str, path: str, body: Any = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.endpoint}/_microburst/{path}", method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()


@contextlib.contextmanager
def proxy(upstream: str, log: Path, seed: int) -> Iterator[Proxy]:
    """Without rules it only forwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [sys.executable, str(BETWEEN), str(seed), "--host", "127.0.0.1", "--port", str(port), "--upstream", upstream, "--no-resign"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _await(Proxy(port), process, log)
        yield Proxy(port)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(made: Proxy, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            made.requests()
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, f"microburst ended at once; see {log}"
            assert time.monotonic() < deadline, f"microburst did not answer within {START_SECONDS} s; see {log}"
            time.sleep(0.05)
