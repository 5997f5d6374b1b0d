"""`python -m ministack`, but closed to web pages, with whole logs, and what follows from the text of an expression alone is worked out once.

MiniStack 1.5.33 lets every origin call it, without a signature where it asks for none, and anybody who knows its root's key may run code by it: any page
that the developer opens could. Here nothing is answered that a page of another place sent, or that was sent to another name than this machine's own, as
a name does that is made to lead to loopback. No SDK and no command sends an Origin.

It also reads and checks a condition's text again for every item that it looks at: a query of a partition of 2,500 items takes a second, of which the items
themselves are a tenth. The two functions are pure, and nobody changes what they return; no answer differs.

And it waits for an invocation's log lines for a twentieth of a second. On a busy machine its own thread has not read them by then: they come with the
process's next invocation, or never. What a function writes before it answers lies in the pipe when the answer comes; so here the invocation reads the pipe
empty itself, and waits for nothing. Run by cloud.start().
"""

import contextlib
import functools
import os
import queue
import select
import sys
import threading
from urllib.parse import urlsplit

# Not our own folder: MiniStack's imports are its own.
del sys.path[0]

import ministack.app  # noqa: E402
from ministack.core import lambda_runtime  # noqa: E402
from ministack.services import dynamodb  # noqa: E402

for name in ("_tokenize", "_condition_syntax_error"):
    setattr(dynamodb, name, functools.lru_cache(maxsize=4096)(getattr(dynamodb, name)))

OWN_NAMES = ("127.0.0.1", "localhost", "::1")


def is_own(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    return name in OWN_NAMES or name.endswith(".localhost")


def is_from_elsewhere(headers: dict[str, str]) -> bool:
    host, origin = headers.get("host", ""), headers.get("origin")
    return not is_own(host) or (origin is not None and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def closed_to_pages(app):
    async def closed(scope, receive, send):
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        # What Postel delivers may come to Postel's own API, which refuses it, and to nothing else here.
        is_delivery = "postel-hop" in headers and not scope["path"].startswith("/_aws/execute-api/")
        if not is_delivery and not is_from_elsewhere(headers):
            return await app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"The local cloud answers no web page of another place, and no name but this machine's own.\n"})

    return closed


class Output:
    """What one process of a function writes, line by line. Two read it: a thread, so that the pipe never fills, and each invocation at its end."""

    def __init__(self, stream, lines: queue.Queue) -> None:
        self.lines, self._stream, self._rest, self._turn, self._ended = lines, stream, b"", threading.Lock(), False
        os.set_blocking(stream.fileno(), False)

    def follow(self) -> None:
        """To its end. Not by select(), which knows the first thousand files only."""
        ready = select.poll()
        ready.register(self._stream.fileno(), select.POLLIN)
        while not self._ended:
            ready.poll()
            self.take()
        self._stream.close()

    def take(self) -> None:
        """Whatever is there by now."""
        with self._turn:
            while not self._ended:
                try:
                    piece = os.read(self._stream.fileno(), 65536)
                except BlockingIOError:
                    return
                self._ended = not piece
                *whole, self._rest = (self._rest + piece).split(b"\n")
                for line in [*whole, self._rest] if self._ended and self._rest else whole:
                    self._put(line.decode(errors="replace").rstrip("\r"))

    def _put(self, line: str) -> None:
        while True:
            try:
                return self.lines.put_nowait(line)
            except queue.Full:
                # The oldest makes room, unless its reader was faster.
                with contextlib.suppress(queue.Empty):
                    self.lines.get_nowait()


def follow_output(worker, stream, lines: queue.Queue) -> None:
    worker.output = Output(stream, lines)
    worker.output.follow()


def all_that_was_written(worker, **_) -> str:
    output = getattr(worker, "output", None)
    # A process that is just being started may have none yet.
    if output is not None and output.lines is worker._stderr_queue:
        output.take()
    return worker._drain_stderr()


lambda_runtime.ProvidedWorker._pump_output = follow_output
lambda_runtime.ProvidedWorker._drain_stderr_bounded = all_that_was_written

ministack.app.app = closed_to_pages(ministack.app.app)

if __name__ == "__main__":
    ministack.app.main()
