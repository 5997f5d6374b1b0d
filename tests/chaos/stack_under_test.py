"""The stack under test: a separate one with short times, whose functions' calls go through the
fault proxy."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import boto3

import faults
from support import client, stack

ROOT = Path(__file__).resolve().parents[2]
LOCAL = [sys.executable, str(ROOT / "infra" / "local" / "local.py")]

# A killed dispatcher's messages come back after 20 s, and the sweeper finds lost deliveries within
# a minute. The dispatcher's timeout is the longest webhook timeout plus ten seconds, as the
# template requires; a lease is as long, so it is over when its message comes back.
PARAMETERS = {
    "MaxWebhookTimeoutSeconds": "8",
    "DispatcherTimeoutSeconds": "18",
    "QueueVisibilitySeconds": "20",
    "QueueDelayLimitSeconds": "5",
    "SweepRate": "'rate(1 minute)'",
    "SweepGraceSeconds": "2",
    # Two cores support no more concurrent processes.
    "EventsConcurrency": "6",
    "DeliveriesConcurrency": "4",
    "SlowConcurrency": "2",
}


@contextlib.contextmanager
def standing(port: int, seed: int) -> Iterator[faults.Proxy]:
    """Starts it and, whatever happens, takes it down again. tests/support finds it through
    POSTEL_OUTPUTS."""
    state = ROOT / ".local" / str(port)
    os.environ["POSTEL_OUTPUTS"] = str(state / "outputs.json")
    with faults.proxy(f"http://127.0.0.1:{port}", state / "microburst.log", seed) as proxy:
        environment = os.environ | {
            "POSTEL_PORT": str(port),
            "POSTEL_STATE_DIR": str(state),
            "POSTEL_FUNCTIONS_ENDPOINT": proxy.endpoint,
            "POSTEL_PARAMETERS": " ".join(f"{name}={value}" for name, value in PARAMETERS.items()),
        }
        environment.pop("POSTEL_STRICT", None)
        try:
            subprocess.run([*LOCAL, "up"], env=environment, check=True)
            _warm(proxy)
            yield proxy
        finally:
            subprocess.run([*LOCAL, "down"], env=environment, check=False)


def _warm(proxy: faults.Proxy) -> None:
    """The proxy reads AWS's model of a service at its first request, which takes seconds on a
    busy machine; and a function's first start may exceed its timeout there."""
    known = stack.outputs()
    place = {"region_name": known["region"], "aws_access_key_id": known["accessKeyId"], "aws_secret_access_key": known["secretAccessKey"]}
    asked = {"dynamodb": "list_tables", "sqs": "list_queues", "scheduler": "list_schedules", "kms": "list_keys", "secretsmanager": "list_secrets"}
    for service, operation in asked.items():
        getattr(boto3.client(service, endpoint_url=proxy.endpoint, **place), operation)()
    stack.eventually(lambda: client.operator().get("/v1/tenants").status == 200, 60, "the functions to start")
