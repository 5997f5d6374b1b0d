"""A recording webhook receiver on loopback: stores every request unchanged and answers from a
script."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Callable, Union


@dataclass(frozen=True)
class Request:
    """One unchanged request. `headers` by lower-case name; `arrived` is time.time() when it was
    read to its end."""

    method: str
    path: str
    headers: dict[str, str]
    header_list: list[tuple[str, str]]
    body: bytes
    arrived: float
    number: int  # 1 for the first on its path
    peer: int = 0  # the sender's port, which tells its process


@dataclass(frozen=True)
class Reply:
    """How to answer. `delay` seconds pass before the status line; `hang` never answers until the
    receiver closes."""

    status: int = 200
    headers: dict[str, str | list[str]] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0
    hang: bool = False
    reset: bool = False  # hang up without a word


_nobodys: list[socket] = []


def closed_port() -> int:
    """A port without a listener, for as long as the tests run: bound, so that no process gets
    it, and every connection is refused."""
    held = socket()
    held.bind(("127.0.0.1", 0))
    _nobodys.append(held)
    return held.getsockname()[1]


HANG = Reply(hang=True)
RESET = Reply(reset=True)

Scripted = Union[int, Reply, Callable[[Request], Union[int, Reply]]]


class Held:
    """An answer that is held back until the test releases it: what the test does meanwhile
    happens during the attempt, however slow the machine is. For nine seconds, since the tests'
    stack limits an attempt to ten."""

    def __init__(self, reply: Union[int, Reply]) -> None:
        self._reply, self._free = reply, threading.Event()

    def __call__(self, _: Request) -> Union[int, Reply]:
        assert self._free.wait(9), "the test did not release the answer"
        return self._reply

    def let_go(self) -> None:
        self._free.set()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, *_) -> None:
        """Some tests kill a sender in the middle of a request; that needs no traceback."""


class Receiver:
    """Listens on a free port. A path answers from its script, entry by entry, repeating the last
    one; without a script 200."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._scripts: dict[str, list[Scripted]] = {}
        self._requests: list[Request] = []
        self._counts: dict[str, int] = defaultdict(int)
        self._connections: set = set()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        with self._changed:
            # A kept connection would keep answering for a closed receiver.
            for connection in self._connections:
                try:
                    connection.shutdown(SHUT_RDWR)
                except OSError:
                    pass

    def answer(self, *script: Scripted, path: str = "/hook") -> None:
        """Sets the next answers of a path: statuses, replies, or functions of the request."""
        with self._changed:
            self._scripts[path] = list(script)

    def requests(self, path: str | None = "/hook") -> list[Request]:
        """The requests so far on a path; on all paths if it is None."""
        with self._changed:
            return [r for r in self._requests if path in (None, r.path)]

    def wait(self, count: int = 1, within: float = 60, path: str | None = "/hook") -> list[Request]:
        """All requests on a path as soon as there are `count`; fails after `within` seconds."""
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                got = [r for r in self._requests if path in (None, r.path)]
                if len(got) >= count:
                    return got
                left = deadline - time.monotonic()
                assert left > 0, f"{len(got)} of {count} requests on {path} within {within} s"
                self._changed.wait(left)

    def stays_at(self, count: int, seconds: float = 2, path: str | None = "/hook") -> list[Request]:
        """Checks that no more than `count` requests come for this long."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                got = [r for r in self._requests if path in (None, r.path)]
                assert len(got) == count, f"{len(got)} requests on {path} instead of {count}"
                left = deadline - time.monotonic()
                if left <= 0:
                    return got
                self._changed.wait(left)

    def _take(self, request: Request) -> Reply:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()
            script = self._scripts.get(request.path)
            scripted = 200 if not script else script.pop(0) if len(script) > 1 else script[0]
        if callable(scripted):
            scripted = scripted(request)
        return scripted if isinstance(scripted, Reply) else Reply(status=scripted)

    def _count(self, path: str) -> int:
        with self._changed:
            self._counts[path] += 1
            return self._counts[path]

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                with receiver._changed:
                    receiver._connections.add(self.connection)

            def finish(self) -> None:
                with receiver._changed:
                    receiver._connections.discard(self.connection)
                super().finish()

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                reply = receiver._take(
                    Request(
                        self.command,
                        self.path,
                        {name.lower(): value for name, value in self.headers.items()},
                        list(self.headers.items()),
                        body,
                        time.time(),
                        receiver._count(self.path),
                        self.client_address[1],
                    )
                )
                if reply.hang:
                    receiver._closing.wait()
                elif reply.delay:
                    receiver._closing.wait(reply.delay)
                if reply.hang or reply.reset:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, values in reply.headers.items():
                    for value in [values] if isinstance(values, str) else values:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any

            def log_message(self, *_) -> None:
                pass

        return Handler
