"""The pages' samples, run as printed: only port, tenant and contract are replaced, so that tests
can share a stack."""

import http.client
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
from support import client, stack
from support.client import KUVIQ_SECRET, STANDARD_SECRET

README = "README.md"
API = "docs/api.md"
CONTRACTS = "docs/contracts.md"
VERIFYING = "docs/verifying.md"


def sample(page: str, language: str, telling: str) -> str:
    """The only code block of a page in this language that contains this text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", (stack.ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    (found,) = [block for block in blocks if telling in block]
    return found


@contextmanager
def running(command: list[str], directory: Path, **environment: str) -> Iterator[Path]:
    """Runs a command in its own session, so that its child processes end with it. Returns the
    file with its output."""
    printed = directory / "printed.txt"
    with printed.open("w") as out:
        process = subprocess.Popen(
            command, cwd=directory, env=os.environ | environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield printed
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port() -> int:
    """Below the ephemeral ports of operating systems: until the program listens there, no other
    process gets it."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise AssertionError("a hundred ports were taken")


def post(port: int, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/hook", body, headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize("contract", ["standard", "kuviq"])
@pytest.mark.parametrize("program", ["python3", "node"])
def test_the_receivers_accept_genuine_deliveries_only(program: str, contract: str, tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    name, page, language = ("receiver.py", README, "python") if program == "python3" else ("receiver.mjs", VERIFYING, "js")
    (tmp_path / name).write_text(sample(page, language, "standard("))
    secret = KUVIQ_SECRET if contract == "kuviq" else STANDARD_SECRET
    port = free_port()
    with running([program, name, contract], tmp_path, SECRET=secret, PORT=str(port)) as printed:
        stack.eventually(lambda: post(port, b"{}", {}) == 401, what="the receiver to reject a request without a signature")
        tenant = client.new_tenant(contract)
        tenant.new_webhook(f"http://127.0.0.1:{port}/hook", secret=secret)
        event = tenant.publish(data={"name": "Zo\u00eb"})
        delivery = tenant.wait_for_status(event, "completed")
        assert delivery["lastResponseCode"] == 204
        stack.eventually(lambda: f"genuine {event} " in printed.read_text(), what="the receiver to print it")
        request = delivery["request"]
        assert post(port, request["body"].encode(), request["headers"]) == 204
        # A repeated delivery is answered, and its work is not done twice.
        stack.eventually(lambda: f"again {event} " in printed.read_text(), what="the receiver to print the repeated delivery")
        assert printed.read_text().count(f"genuine {event} ") == 1
        assert post(port, request["body"].encode() + b" ", request["headers"]) == 401
        # http.client would add a length of its own.
        for headers in (b"", b"content-length: many\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
                raw.sendall(b"POST /hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + headers + b"\r\n")
                assert raw.recv(64).split()[1] in (b"400", b"401"), headers


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_first_webhook_is_delivered_over_http_and_over_sqs(tmp_path: Path) -> None:
    tenant, port = stack.unique(), free_port()
    # With this stack, and from another directory than the checkout's.
    place = {"POSTEL_STATE_DIR": str(stack.outputs_path().parent.resolve())}
    make_env = f"make --no-print-directory -s -C {shlex.quote(str(stack.ROOT))} env"
    (tmp_path / "receiver.py").write_text(sample(README, "python", "standard("))
    # The last two lines read the log after a while and end the receiver; here the log is read until
    # it is as expected.
    lines = sample(README, "sh", "api POST /v1/tenants/acme/events").split("sleep 3")[0]
    lines = lines.replace("/acme", f"/{tenant}").replace(":8000", f":{port}").replace("make env", make_env) + "wait"
    operator = client.operator()

    def statuses() -> list[str]:
        return [delivery["status"] for delivery in operator.get(f"/v1/tenants/{tenant}/deliveries").ok()["items"]]

    with running(["bash", "-e", "-c", lines], tmp_path, PORT=str(port), **place) as printed:
        stack.eventually(lambda: statuses() == ["completed"], what="the event over HTTP to be delivered")
        script = sample(API, "python", "import boto3").replace('"acme"', f'"{tenant}"')
        by_sqs = f'eval "$({make_env})"; exec {shlex.quote(sys.executable)} -'
        subprocess.run(["bash", "-e", "-c", by_sqs], input=script, text=True, cwd=tmp_path, check=True, env=os.environ | place)
        stack.eventually(lambda: statuses() == ["completed"] * 2, what="the event over SQS to be delivered")
        stack.eventually(lambda: printed.read_text().count("genuine evt_") == 2, what="the receiver to print both")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_operators_contract_of_the_page_is_accepted(tmp_path: Path) -> None:
    name = stack.unique()
    place = {"POSTEL_STATE_DIR": str(stack.outputs_path().parent.resolve())}
    make_env = f"make --no-print-directory -s -C {shlex.quote(str(stack.ROOT))} env"
    function = next(line for line in sample(README, "sh", "api() {").splitlines() if line.startswith("api() {"))
    call = sample(CONTRACTS, "sh", "api PUT /v1/contracts/mine").replace("/contracts/mine", f"/contracts/{name}")
    script = f'eval "$({make_env})"\n{function}\n{call}'
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, check=True, env=os.environ | place, timeout=60)
    contract = client.operator().get(f"/v1/contracts/{name}").ok()
    assert contract["retryDelaysSeconds"] == [10, 600] and contract["signature"]["header"] == "X-Mine"
    client.operator().delete(f"/v1/contracts/{name}").ok(204)
