"""The commands of infra/local while a stack is up: they leave it alone unless told otherwise."""

import http.client
import os
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import client, stack

LOCAL = stack.ROOT / "infra" / "local" / "local.py"


def local(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command for the stack under test, as from another shell."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("POSTEL_")}
    place = {"POSTEL_STATE_DIR": str(stack.outputs_path().parent), "POSTEL_PORT": str(urlsplit(stack.outputs()["awsEndpointUrl"]).port)}
    return subprocess.run([sys.executable, str(LOCAL), command], env=own | place | environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["up", "run"])
def test_a_stack_that_is_up_is_not_replaced_unasked(command: str) -> None:
    tenant = client.new_tenant()
    refused = local(command)
    assert refused.returncode == 1
    assert "a stack is up on port" in refused.stderr and "make down" in refused.stderr and "POSTEL_REPLACE=1" in refused.stderr
    assert client.operator().get(f"/v1/tenants/{tenant.id}").status == 200


def test_a_replacement_that_cannot_be_built_leaves_the_stack_up(tmp_path: Path) -> None:
    tenant = client.new_tenant()
    failed = local("up", POSTEL_REPLACE="1", POSTEL_BOOTSTRAPS=str(tmp_path))
    assert failed.returncode == 1 and "no binary for" in failed.stderr
    assert client.operator().get(f"/v1/tenants/{tenant.id}").status == 200


def test_env_prints_what_outputs_json_has_as_exports() -> None:
    printed = local("env")
    assert printed.returncode == 0, printed.stderr
    told = dict(shlex.split(line)[1].split("=", 1) for line in printed.stdout.splitlines())
    known = stack.outputs()
    assert (told["API_URL"], told["OPERATOR_KEY"], told["EVENTS_QUEUE_URL"]) == (known["apiUrl"], known["operatorKey"], known["eventsQueueUrl"])
    assert told["AWS_ENDPOINT_URL"] == known["awsEndpointUrl"]


def test_env_says_how_to_bring_a_stack_up_where_none_is(tmp_path: Path) -> None:
    refused = local("env", POSTEL_STATE_DIR=str(tmp_path))
    assert (refused.returncode, refused.stdout) == (1, "") and "make up" in refused.stderr


def asked_as(method: str, headers: dict[str, str], path: str = "/_ministack/health") -> int:
    place = urlsplit(stack.outputs()["awsEndpointUrl"])
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_local_cloud_answers_no_web_page_of_another_place() -> None:
    """Everyone knows its root key: a page that the developer opens could use it to run code."""
    port = urlsplit(stack.outputs()["awsEndpointUrl"]).port
    for headers in (
        {"Origin": "https://page.example"},
        {"Origin": "null"},
        {"Origin": f"http://localhost:{port + 1}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        # A name that was made to resolve to loopback.
        {"Host": "page.example"},
        {"Host": f"page.example:{port}"},
        {"Host": f"localhost.page.example:{port}"},
        # A tenant's webhook that leads to the local cloud itself.
        {"postel-hop": "1"},
    ):
        for method in ("GET", "POST", "OPTIONS"):
            assert asked_as(method, headers) == 403, (method, headers)
    for headers in ({}, {"Origin": f"http://127.0.0.1:{port}"}, {"Host": f"localhost:{port}"}, {"Host": f"bucket.s3.localhost:{port}"}, {"Sec-Fetch-Site": "same-origin"}):
        assert asked_as("GET", headers) == 200, headers
