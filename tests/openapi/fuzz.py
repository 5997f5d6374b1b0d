"""Runs schemathesis on the OpenAPI document of a running stack: `fuzz.py --phases stateful
--seconds 300`, or `fuzz.py --examples 2` for a short run.

It works in its own tenant and sends nothing to other machines (hooks.py), and checks that
afterwards.
"""

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import client, stack  # noqa: E402

# More than the default limit, so that the limit is not all that is tested.
WEBHOOKS = 200
# The number of dead letters at the start.
EVENTS = 20
CONTRACT = {"envelope": {"data": "{data}"}, "signature": None, "timeoutSeconds": 5, "success": ["2xx"], "retryDelaysSeconds": [], "atEnd": "fail"}


def main() -> int:
    arguments = argparse.ArgumentParser(description=" ".join(__doc__.split("\n\n")[0].split()))
    arguments.add_argument("--seconds", type=int, help="go on for so long")
    arguments.add_argument("--examples", type=int, help="so many requests for an operation")
    arguments.add_argument("--phases", default="examples,coverage,fuzzing,stateful", help="which of schemathesis's phases")
    arguments.add_argument("--report", help="a file for all requests and answers, as JSON lines")
    arguments.add_argument("--seed", type=int, help="the same requests again")
    wanted = arguments.parse_args()
    outputs = stack.outputs()
    assert urlsplit(outputs["apiUrl"]).hostname == "127.0.0.1", "only a stack on this machine may be tested"
    tenant = f"fuzz-{secrets.token_hex(4)}"
    operator = client.operator()
    with socket.socket() as closed:
        # Bound and not listening: no other process can take the port, and connections are refused.
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        known = prepare(operator, tenant, url)
        done = subprocess.run(command(wanted, outputs["apiUrl"]), env=environment(outputs, tenant, url, known), check=False)
    strangers = urls_beyond(operator, tenant, url)
    if strangers:
        print(f"fuzz: webhooks lead elsewhere: {strangers}", file=sys.stderr)
    return done.returncode or bool(strangers)


def prepare(operator: client.Api, tenant: str, url: str) -> dict[str, list[str]]:
    """A tenant with an object of every kind, and the ids: its events die at once, since nothing
    listens and nothing is retried."""
    own = f"/v1/tenants/{tenant}"
    operator.put(own, {"limits": {"webhooks": WEBHOOKS}}).ok(201)
    operator.post(f"{own}/keys", {"name": "one", "scopes": ["webhooks:read"]}).ok(201)
    operator.post(f"{own}/webhooks", {"url": url, "events": ["*"], "overrides": {"retryDelaysSeconds": []}}).ok(201)
    operator.put(f"/v1/contracts/{tenant}-begun", CONTRACT).ok(201)
    operator.put(f"/v1/event-types/{tenant}.begun", {"name": "Begun", "example": 1}).ok(201)
    events = [{"type": f"{tenant}.begun", "data": number} for number in range(EVENTS)]
    operator.post(f"{own}/events/batch", {"events": events}).ok(202)
    stack.eventually(lambda: len(operator.get(f"{own}/dead-letters").ok()["items"]) == EVENTS, within=90)
    job = operator.post(f"{own}/redrives", {"reason": "gone"}).ok(202)
    lists = {"keyId": "keys", "webhookId": "webhooks", "deliveryId": "deliveries", "deadLetterId": "dead-letters"}
    known = {name: [item["id"] for item in operator.get(f"{own}/{path}").ok()["items"]] for name, path in lists.items()}
    return known | {"eventId": [item["eventId"] for item in operator.get(f"{own}/deliveries").ok()["items"]], "redriveId": [job["id"]]}


def command(wanted: argparse.Namespace, api: str) -> list[str]:
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"{api}/openapi.json", "--url", api, "--no-color", "--phases", wanted.phases]
    if wanted.phases == "stateful":
        # A request that breaks a rule, above all one without a key, ends a chain: the other phases
        # test those.
        command += ["--mode", "positive"]
    if wanted.seconds:
        command += ["--max-time", str(wanted.seconds)]
    if wanted.examples:
        command += ["--max-examples", str(wanted.examples)]
    if wanted.report:
        command += ["--report-ndjson-path", wanted.report]
    if wanted.seed is not None:
        command += ["--seed", str(wanted.seed), "--generation-deterministic"]
    return command


def environment(outputs: dict, tenant: str, url: str, known: dict) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": f"{HERE}:{HERE.parent}",
        "SCHEMATHESIS_HOOKS": "hooks",
        "POSTEL_FUZZ_KEY": outputs["operatorKey"],
        "POSTEL_FUZZ_TENANT": tenant,
        "POSTEL_FUZZ_URL": url,
        "POSTEL_FUZZ_KNOWN": json.dumps(known),
    }


def urls_beyond(operator: client.Api, ours: str, url: str) -> list[str]:
    """The destinations of webhooks of the run's tenants, except its closed port."""
    found, cursor = [], ""
    while True:
        page = operator.get(f"/v1/tenants?limit=250{cursor}").json
        for tenant in page["items"]:
            if tenant["id"].startswith(ours):
                hooks = operator.get(f"/v1/tenants/{tenant['id']}/webhooks?limit=250").json["items"]
                found += [hook["url"] for hook in hooks if hook["url"] != url]
        if "nextCursor" not in page:
            return found
        cursor = f"&cursor={page['nextCursor']}"


if __name__ == "__main__":
    sys.exit(main())
