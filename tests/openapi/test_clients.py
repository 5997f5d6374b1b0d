"""Clients that generators make of the OpenAPI document compile strictly and do a user's first day
against the stack; so does the client of clients/typescript, with KLIQ's documented calls.

`make clients` installs what it needs from npm and PyPI, and runs this on a stack of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import client, stack  # noqa: E402
from support.receiver import Receiver  # noqa: E402

DOCUMENT = ROOT / "functions" / "api" / "openapi.json"
GENERATED = ROOT / "tests" / "openapi" / "generated"
TYPESCRIPT = ROOT / "clients" / "typescript"
PYTHON = ROOT / ".local" / "clients" / "bin"
BUILT = GENERATED / "build"

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SCENARIOS = {
    "openapi-fetch": ["node", BUILT / "js" / "fetch.js"],
    "hey-api": ["node", BUILT / "js" / "hey.js"],
    "openapi-python-client": [PYTHON / "python", GENERATED / "scenario.py"],
}


def run(command: list, folder: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def typescript_clients() -> None:
    """tsc in strict mode; a type of a library is checked, too."""
    shutil.rmtree(BUILT, ignore_errors=True)
    run(["npm", "run", "build"], GENERATED)


@pytest.fixture(scope="session")
def python_client() -> None:
    shutil.rmtree(BUILT / "python", ignore_errors=True)
    made = ["generate", "--path", DOCUMENT, "--config", "python.yaml", "--meta", "none", "--output-path", BUILT / "python" / "postel_client", "--overwrite"]
    (BUILT / "python").mkdir(parents=True)
    run([PYTHON / "openapi-python-client", *made, "--fail-on-warning"], GENERATED)
    run([PYTHON / "mypy", "--strict", "--cache-dir", BUILT / "mypy", "scenario.py", BUILT / "python" / "postel_client"], GENERATED, MYPYPATH=str(BUILT / "python"))


@pytest.fixture(scope="session")
def own_client() -> Path:
    """Where it is built. The sample of its page compiles, too."""
    (sample,) = re.findall(r"^```ts\n(.*?)^```$", (TYPESCRIPT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (TYPESCRIPT / "test" / "readme.ts").write_text(sample.replace('"@postel/client"', '"../src/postel.js"'))
    run(["npm", "run", "build"], TYPESCRIPT)
    return TYPESCRIPT / "build" / "test"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.mark.parametrize("generator", SCENARIOS)
def test_a_generated_client_does_a_users_first_day(generator: str, receiver: Receiver, request: pytest.FixtureRequest):
    request.getfixturevalue("typescript_clients")
    request.getfixturevalue("python_client")
    receiver.answer(500, 200, path="/failing")
    known = stack.outputs()
    run(
        SCENARIOS[generator],
        GENERATED,
        POSTEL_URL=known["apiUrl"],
        POSTEL_KEY=known["operatorKey"],
        TENANT=stack.unique("client"),
        SECRET=SECRET,
        RECEIVER=receiver.url("/good"),
        FAILING_RECEIVER=receiver.url("/failing"),
        PYTHONPATH=str(BUILT / "python"),
    )
    # `order-2` twice at the receiver that failed: the first attempt, and the redrive.
    arrived = sorted((r.path, r.headers["webhook-id"]) for r in receiver.requests(None))
    assert arrived == [("/failing", "order-2"), ("/failing", "order-2"), ("/good", "order-1"), ("/good", "order-2")]


# What would hide that a type of the document is wrong.
CASTS = {
    ".ts": r"\bas (?!const\b)\w|\w!(?=[.;,)\s]|$)|\)!|\]!|\bany\b|@ts-",
    ".py": r"\bcast\(|# type:|\bAny\b|# noqa",
}


@pytest.mark.parametrize("name", ["fetch.ts", "hey.ts", "scenario.ts", "scenario.py"])
def test_the_scenarios_have_no_cast(name: str):
    code = re.sub(r"//.*|\"[^\"]*\"", "", (GENERATED / name).read_text()) if name.endswith(".ts") else (GENERATED / name).read_text()
    assert re.findall(CASTS[Path(name).suffix], code) == []


@pytest.mark.parametrize("code", ["made.id!", "made!.id", "got(x)!", "list[0]!", "x as Webhook", "x as unknown as T", "let x: any", "// @ts-expect-error"])
def test_a_cast_is_found(code: str):
    assert re.search(CASTS[".ts"], code)


def test_the_typescript_client_sends_what_it_should_and_refuses_misuse(own_client: Path):
    said = run(["node", "--test", own_client / "client.js"], TYPESCRIPT)
    assert re.search(r"^# pass [1-9]", said, re.MULTILINE) and re.search(r"^# fail 0$", said, re.MULTILINE), said


def test_kliqs_sample_creates_a_webhook_and_its_rest_calls_list_and_delete_it(own_client: Path):
    tenant = client.new_tenant("kliq")
    known = stack.outputs()

    said = run(["node", own_client / "kliq.js"], TYPESCRIPT, POSTEL_URL=known["apiUrl"], POSTEL_KEY=tenant.api.key or "", TENANT=tenant.id)

    path = f"/v1/tenants/{tenant.id}/webhooks"
    (webhook,) = tenant.api.get(path).ok()["items"]
    assert said == f"{webhook['id']}\n" and webhook["id"].startswith("wh_")
    assert webhook["url"] == "https://your-server.com/api/kliq-webhook"
    assert webhook["events"] == ["observation.created", "cv.job.completed", "cv.job.failed"]
    body = {"url": webhook["url"], "events": webhook["events"], "secret": "whsec_your_signing_secret"}
    assert tenant.api.post(path, body).ok(201)["id"].startswith("wh_"), "the same by REST"
    for one in tenant.api.get(path).ok()["items"]:
        assert tenant.api.delete(f"{path}/{one['id']}").status == 204
    assert tenant.api.get(path).ok()["items"] == []


def test_kliqs_sample_receives_what_is_published_and_refuses_a_wrong_signature(own_client: Path):
    tenant = client.new_tenant("kliq")
    secret = "whsec_your_signing_secret"
    sample = subprocess.Popen(
        ["node", own_client / "kliq-receiver.js"], env=os.environ | {"WEBHOOK_SECRET": secret}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        url = f"http://127.0.0.1:{json.loads(sample.stdout.readline())['port']}/api/kliq-webhook"
        hook = {"url": url, "events": ["cv.job.completed", "cv.job.failed"], "secret": secret}
        right = tenant.api.post(tenant.path("/webhooks"), hook).ok(201)["id"]
        wrong = tenant.api.post(tenant.path("/webhooks"), hook | {"secret": "whsec_another_secret"}).ok(201)["id"]
        events = {kind: tenant.publish(f"cv.job.{kind}", {"jobId": f"job_{kind}"}) for kind in ("completed", "failed")}
        for event in events.values():
            tenant.wait_for_status(event, "completed", right)
            assert tenant.wait_for_status(event, "retrying", wrong)["lastResponseCode"] == 401
    finally:
        sample.terminate()
        said, errors = sample.communicate(timeout=30)
    assert (said, errors) == ("CV job completed: job_completed\n", "CV job failed: job_failed\n")
