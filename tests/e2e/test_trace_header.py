"""An invocation's calls carry its trace header, with which Lambda counts how often a function
was invoked in one chain of requests.

AWS Lambda Developer Guide, invocation-recursion.html: after about 16 times it drops the next
invocation, unless the function's RecursiveLoop is Allow. The page's list of SDKs that send the
header does not name Rust's; this test checks it. The simulator tests the consequences
(tests/simulator/tests/lambda.rs).
"""

import http.client
import json
import os
import queue
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

import pytest

from support import stack
from support.client import Tenant
from support.receiver import Receiver

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:fa7b3f53:7"
BINARIES = Path(os.environ.get("POSTEL_BOOTSTRAPS") or stack.ROOT / "target" / "debug")
RUNTIME = "/2018-06-01/runtime/invocation/"


class Around(ThreadingHTTPServer):
    """Both services that a function's process talks to: Lambda's Runtime API, which gives it
    made-up invocations, and the local cloud, whose calls it records."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(stack.outputs()["awsEndpointUrl"]).netloc
        self.invocations: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[Any] = queue.Queue()
        # The calls, each with its trace header.
        self.calls: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def invoke(self, event: dict[str, Any]) -> Any:
        self.invocations.put(json.dumps(event).encode())
        return self.answers.get(timeout=30)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Around

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == f"{RUNTIME}next":
            event = self.server.invocations.get()
            self._answer(200, event, {"lambda-runtime-aws-request-id": "1", "lambda-runtime-trace-id": HEADER, "lambda-runtime-deadline-ms": "4102444800000"})
        elif self.path.startswith(RUNTIME):
            self.server.answers.put(json.loads(body))
            self._answer(202, b"", {})
        else:
            self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        self.server.calls.append((self.headers.get("x-amz-target") or self.path, self.headers.get("x-amzn-trace-id")))
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        answer = upstream.getresponse()
        content = answer.read()
        left = {name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "x-amz-crc32", "x-amzn-requestid", "x-amzn-errortype")}
        self._answer(answer.status, content, left)
        upstream.close()

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"content-length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _take

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def dispatcher() -> Iterator[Around]:
    """A dispatcher process of the test's own, with the deployed one's settings."""
    around = Around()
    threading.Thread(target=around.serve_forever, daemon=True).start()
    known = stack.outputs()
    settings = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource("DispatcherFunction"))["Environment"]["Variables"]
    lambdas_own = {
        "AWS_LAMBDA_RUNTIME_API": around.address,
        "AWS_ENDPOINT_URL": f"http://{around.address}",
        "AWS_LAMBDA_FUNCTION_NAME": "dispatcher",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "none",
        "AWS_LAMBDA_LOG_STREAM_NAME": "none",
        "AWS_REGION": known["region"],
        "AWS_ACCESS_KEY_ID": known["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": known["secretAccessKey"],
    }
    process = subprocess.Popen([BINARIES / "dispatcher"], env=settings | lambdas_own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield around
    finally:
        process.kill()
        process.wait()
        around.shutdown()


def test_a_retrys_message_carries_the_trace_header_of_the_invocation_that_sent_it(dispatcher: Around, tenant: Tenant, receiver: Receiver) -> None:
    receiver.answer(500, 200)
    tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1]})
    body = json.dumps({"tenantId": tenant.id, "type": "item.created", "data": {}})
    assert dispatcher.invoke({"Records": [stack.sqs_record(body, group=tenant.id)]}) == {"batchItemFailures": []}
    sent = [header for call, header in dispatcher.calls if call == "AmazonSQS.SendMessage"]
    assert sent == [HEADER], dispatcher.calls
    # The retry itself, in the deployed dispatcher.
    receiver.wait(2)
