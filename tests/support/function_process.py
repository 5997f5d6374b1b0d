"""One function as a process, called without a gateway: this module is both the Lambda runtime API
and the AWS endpoint, which refuses some calls and passes the others on to the local cloud.

Runtime API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html.
"""

import contextlib
import http.client
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator

from support import stack
from support.client import Answer

SECONDS = 30
ARN = "arn:aws:lambda:us-east-1:000000000000:function:postel"
CREDENTIALS = {"AWS_MAX_ATTEMPTS": "1", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# Of Lambda itself: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
LAMBDA = {f"AWS_LAMBDA_{name}": "1" for name in ("FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION", "LOG_GROUP_NAME", "LOG_STREAM_NAME")}


def settings(name: str) -> dict[str, str]:
    """What the stack's own function reads from the template."""
    known = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource(f"{name.title()}Function"))
    return {key: value for key, value in known["Environment"]["Variables"].items() if key.startswith("POSTEL_")}


class Function:
    """A running function."""

    def __init__(self, runtime: "_Runtime", process: subprocess.Popen, log: Any) -> None:
        self._runtime, self._process, self._log = runtime, process, log

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """Answers a request of the operator, as the gateway would pass it."""
        plain, _, query = path.partition("?")
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": plain,
            "rawQueryString": query,
            "headers": {"content-type": "application/json", "host": "localhost"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "api",
                "authorizer": {"lambda": {"role": "operator"}},
                "domainName": "localhost",
                "domainPrefix": "localhost",
                "http": {"method": method, "path": plain, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
                "requestId": "request",
                "routeKey": "$default",
                "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": 1767225600000,
            },
            "isBase64Encoded": False,
        }
        if query:
            event["queryStringParameters"] = dict(urllib.parse.parse_qsl(query))
        if body is not None:
            event["body"] = json.dumps(body)
        answer = self.invoke(event)
        headers = {name.lower(): value for name, value in answer.get("headers", {}).items()}
        return Answer(answer["statusCode"], headers, (answer.get("body") or "").encode())

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Handles any event. The status code -1 says that the function failed."""
        self._runtime.events.put(event)
        return self._await()

    def _await(self) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(queue.Empty):
                return self._runtime.answers.get(timeout=0.2)
        self._log.seek(0)
        raise AssertionError(f"the function did not answer; it wrote: {self._log.read().decode()[-1000:]}")


class _Runtime:
    def __init__(self) -> None:
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()

    def serve(self, request: "_Handler") -> None:
        if request.command == "GET":
            with contextlib.suppress(queue.Empty):
                event = self.events.get(timeout=SECONDS * 4)
                deadline = str(int((time.time() + SECONDS) * 1000))
                request.answer(200, json.dumps(event), {"lambda-runtime-aws-request-id": "0", "lambda-runtime-deadline-ms": deadline, "lambda-runtime-invoked-function-arn": ARN})
            return
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        request.answer(202, "{}")
        self.answers.put(json.loads(body) if request.path.endswith("/response") else {"statusCode": -1, "body": body.decode()})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.serve(self)

    do_POST = do_GET

    def answer(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/x-amz-json-1.0", "content-length": str(len(body.encode())), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def _server(serve: Any) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.serve = serve
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


Refusal = Callable[[str, dict[str, Any]], tuple[int, dict[str, Any]] | None]


def refusing(status: int, error: str) -> Refusal:
    """Refuses every call but that for the secret that a function reads when it starts."""
    return lambda action, _: None if action == "GetSecretValue" else (status, {"__type": error, "message": "refused by the test"})


def losing(action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
    """Lets no write happen, as if another caller had always written first:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    service = "com.amazonaws.dynamodb.v20120810"
    if action in ("PutItem", "UpdateItem", "DeleteItem"):
        return 400, {"__type": f"{service}#ConditionalCheckFailedException", "message": "The conditional request failed"}
    if action == "TransactWriteItems":
        reasons = [{"Code": "None" if "ConditionCheck" in item else "ConditionalCheckFailed"} for item in asked["TransactItems"]]
        return 400, {"__type": f"{service}#TransactionCanceledException", "Message": "Transaction cancelled", "CancellationReasons": reasons}
    return None


@contextlib.contextmanager
def running(name: str, refusal: Refusal) -> Iterator[Function]:
    """The function, with an AWS that refuses some calls."""
    binaries = Path(os.environ.get("POSTEL_BOOTSTRAPS") or stack.ROOT / "target" / "debug")
    runtime = _Runtime()
    cloud = urllib.parse.urlsplit(stack.outputs()["awsEndpointUrl"])

    def serve(request: _Handler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        asked = json.loads(body) if body.startswith(b"{") else {}
        if refused := refusal(request.headers.get("x-amz-target", "").rpartition(".")[2], asked):
            status, error = refused
            request.answer(status, json.dumps(error), {"x-amzn-errortype": error["__type"]})
            return
        connection = http.client.HTTPConnection(cloud.hostname, cloud.port, timeout=SECONDS)
        connection.request(request.command, request.path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        request.answer(answer.status, answer.read().decode())
        connection.close()

    with _server(runtime.serve) as api, _server(serve) as aws, tempfile.TemporaryFile() as log:
        environment = settings(name) | CREDENTIALS | LAMBDA | {"AWS_LAMBDA_RUNTIME_API": api, "AWS_ENDPOINT_URL": f"http://{aws}"}
        process = subprocess.Popen([binaries / name], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield Function(runtime, process, log)
        finally:
            process.kill()
            process.wait()
