"""A webhook receiver as a customer would write it: stores its requests and checks signatures
with its own HMAC code."""

import hashlib
import hmac
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    answered: int

    def signed_with(self, secret: str) -> bool:
        """kuviq: `X-Webhook-Signature: sha256=<hex HMAC-SHA256 of the body>`; the key is the
        secret's UTF-8 bytes."""
        expected = "sha256=" + hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, self.headers.get("x-webhook-signature", ""))


@dataclass
class Receiver:
    """Listens on a free port of loopback. A path answers 200 unless `answers` has other statuses
    for it, which are used up one by one; `broken` paths answer 500 until they are removed."""

    answers: dict[str, list[int]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def await_requests(self, path: str, count: int, seconds: float) -> list[Request]:
        """The requests to `path`, as soon as there are `count` of them or the time is over."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(got := [r for r in self.requests if r.path == path]) < count:
                if not self._changed.wait(deadline - time.monotonic()):
                    break
            return got

    def _answer(self, path: str) -> int:
        if path in self.broken:
            return 500
        left = self.answers.get(path)
        return left.pop(0) if left else 200

    def _handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver._changed:
                    status = receiver._answer(self.path)
                    receiver.requests.append(Request(self.path, headers, body, status))
                    receiver._changed.notify_all()
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        return Handler
