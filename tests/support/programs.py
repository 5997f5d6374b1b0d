"""The vendors' receivers of tests/receivers as real processes: written from the documentation,
and independent of Postel."""

import base64
import http.client
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, Iterator

import pytest

from support import stack

RECEIVERS = stack.ROOT / "tests" / "receivers"
LANGUAGES = ("python", "node")
START_SECONDS = 60


@dataclass(frozen=True)
class Received:
    """One request that a program received, and its result."""

    status: int
    reason: str
    path: str
    header_list: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.header_list}


class Program:
    """One receiver, running."""

    def __init__(self, language: str, contract: str, **given: str | None) -> None:
        """`given` is what the vendor gave to the user: secret, or username and password."""
        settings = {f"RECEIVER_{name.upper()}": value for name, value in given.items() if value is not None}
        self._process = subprocess.Popen(
            command(language, contract),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", "")} | settings,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._received: list[Received] = []
        threading.Thread(target=self._read, daemon=True).start()
        self._port = int(self._lines.get(timeout=START_SECONDS))

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self._port}{path}"

    def received(self) -> list[Received]:
        """All requests so far."""
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return list(self._received)
            self._received.append(parse(line))

    def wait(self, count: int, within: float = 60) -> list[Received]:
        """All requests, as soon as there are `count`."""
        deadline = time.monotonic() + within
        while len(found := self.received()) < count:
            left = deadline - time.monotonic()
            assert left > 0, f"{len(found)} of {count} requests within {within} s"
            try:
                self._received.append(parse(self._lines.get(timeout=left)))
            except queue.Empty:
                pass
        return found

    def replay(self, request: Received, body: bytes | None = None, **changed: str | None) -> int:
        """Sends a recorded request again, with another body or other headers (None leaves one
        out); returns the status."""
        sent = request.body if body is None else body
        given = {name.replace("_", "-"): value for name, value in changed.items()}
        headers = {n: v for n, v in request.headers.items() if n not in ("host", "content-length")} | given
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", request.path, sent, {n: v for n, v in headers.items() if v is not None})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)


def command(language: str, contract: str) -> list[str]:
    """Skips the test if the language is not installed."""
    if language == "python":
        return [sys.executable, str(RECEIVERS / "python" / f"{contract}.py")]
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the receivers in tests/receivers/node are not tested")
    return [node, str(RECEIVERS / "node" / f"{contract}.mjs")]


def parse(line: str) -> Received:
    came: dict[str, Any] = json.loads(line)
    headers = [(name, value) for name, value in came["headers"]]
    return Received(came["status"], came["reason"], came["path"], headers, base64.b64decode(came["body"]))


def with_a_byte_changed(body: bytes) -> Iterator[bytes]:
    """The body with one byte changed: at its beginning, in its middle, at its end."""
    for at in sorted({0, 1, len(body) // 3, len(body) // 2, len(body) - 2, len(body) - 1}):
        yield body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
