"""The common part of the five receivers. Standard library only, so that a receiver is two files
that anyone can run.

The first line of the output is the port; every line after it is one request as JSON: the answer
and its reason, and the unchanged request. What a vendor gives to a user comes from the
environment: RECEIVER_SECRET, or RECEIVER_USERNAME and RECEIVER_PASSWORD. A receiver ends with
its standard input, so none outlives its parent process.
"""

import base64
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ISO_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Refused(Exception):
    """The rejection of an undocumented request: 401 if the credentials are wrong, 400 if the
    envelope differs."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def setting(name: str) -> str:
    """The user's setting, literally."""
    return os.environ[name]


def envelope(body: bytes) -> dict:
    """The body as a JSON object."""
    try:
        parsed = json.loads(body)
    except ValueError as wrong:
        raise Refused(400, f"the body is no JSON: {wrong}") from None
    if not isinstance(parsed, dict):
        raise Refused(400, "the body is no JSON object")
    return parsed


def exactly(members: object, where: str, **checks: Callable[[object], bool]) -> None:
    """Exactly the documented members, each as documented."""
    if not isinstance(members, dict) or set(members) != set(checks):
        raise Refused(400, f"{where} has not exactly {', '.join(checks)}")
    for name, holds in checks.items():
        if not holds(members[name]):
            raise Refused(400, f"{name} of {where} is not as documented: {members[name]!r}")


def is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def is_iso(value: object) -> bool:
    return isinstance(value, str) and ISO_Z.fullmatch(value) is not None


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_anything(_: object) -> bool:
    return True


def serve(check: Callable[[Mapping[str, str], bytes], None]) -> None:
    """Answers POSTs until the standard input ends. `check` gets the headers, in any case, and
    the raw body, and raises `Refused`."""
    printing = threading.Lock()

    def say(line: object) -> None:
        with printing:
            print(line, flush=True)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, reason = 200, ""
            try:
                check(self.headers, body)
            except Refused as refused:
                status, reason = refused.status, str(refused)
            came = {"path": self.path, "headers": list(self.headers.items()), "body": base64.b64encode(body).decode()}
            say(json.dumps({"status": status, "reason": reason} | came))
            self.send_response(status)
            self.send_header("content-length", str(len(reason.encode())))
            self.end_headers()
            self.wfile.write(reason.encode())

        def log_message(self, *_) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    say(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.buffer.read()
