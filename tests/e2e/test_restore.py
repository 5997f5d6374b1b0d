"""A restore with the documented script: tables copied into a new stack with another key, whose
dispatcher may use the former one. Everything due is delivered."""

import base64
import json
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterator

import boto3
import pytest
from support import disturb, stack
from support.client import Api, Tenant, new_tenant
from support.contracts import check_standard
from support.receiver import Receiver

pytestmark = [pytest.mark.alone, pytest.mark.xdist_group("alone")]

# 40 tenants are a thousand webhooks with a thousand due retries.
TENANTS = int(os.environ.get("POSTEL_TEST_RESTORED_TENANTS", "2"))
WEBHOOKS = 25
# Long enough that the old stack is stopped before the first retry.
DELAY_SECONDS = 30 + 3 * TENANTS
NAME = "postel-restored"
KINDS = {"config": "ConfigTableName", "log": "LogTableName", "dead-letters": "DeadLettersTableName"}

# Deploys a second stack next to the first: infra/local supports only one.
DEPLOY = f"""
import sys
sys.path.insert(0, "infra/local")
import settings
settings.STACK = "{NAME}"
import bootstraps, deploy
deploy.deploy(bootstraps.build())
"""


def environment() -> dict[str, str]:
    known = stack.outputs()
    return os.environ | {
        "AWS_ENDPOINT_URL": known["awsEndpointUrl"],
        "AWS_ACCESS_KEY_ID": known["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": known["secretAccessKey"],
        "AWS_DEFAULT_REGION": known["region"],
    }


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(stack.ROOT / "infra" / "restore.py"), *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=600)


@pytest.fixture
def backups() -> Iterator[dict[str, str]]:
    """A point-in-time restore creates tables with other names and the same rows; the local cloud
    cannot restore, so they are copied."""
    dynamo, names = stack.aws("dynamodb"), {kind: stack.unique(f"backup-{kind}") for kind in KINDS}
    yield names
    for name in names.values():
        dynamo.delete_table(TableName=name)


def back_up(names: dict[str, str]) -> None:
    dynamo = stack.aws("dynamodb")
    for kind, output in KINDS.items():
        source = stack.outputs()["stack"][output]
        told = dynamo.describe_table(TableName=source)["Table"]
        indexes = [{n: i[n] for n in ("IndexName", "KeySchema", "Projection")} for i in told.get("GlobalSecondaryIndexes", [])]
        shape = {"AttributeDefinitions": told["AttributeDefinitions"], "KeySchema": told["KeySchema"]} | ({"GlobalSecondaryIndexes": indexes} if indexes else {})
        dynamo.create_table(TableName=names[kind], BillingMode="PAY_PER_REQUEST", **shape)
        for page in dynamo.get_paginator("scan").paginate(TableName=source, ConsistentRead=True):
            for start in range(0, len(page["Items"]), 25):
                batch = [{"PutRequest": {"Item": item}} for item in page["Items"][start : start + 25]]
                assert not dynamo.batch_write_item(RequestItems={names[kind]: batch}).get("UnprocessedItems")


def deployed(state: str, former_key: str) -> dict[str, Any]:
    parameters = os.environ.get("POSTEL_PARAMETERS", "") + f" SweepRate='rate(1 minute)' SweepGraceSeconds=2 AuthorizerTtlSeconds=0 FormerKeyArns={former_key}"
    port = stack.outputs()["awsEndpointUrl"].rsplit(":", 1)[1]
    binaries = os.environ.get("POSTEL_BOOTSTRAPS") or str(stack.ROOT / "target" / "debug")
    ours = {"POSTEL_PORT": port, "POSTEL_STATE_DIR": state, "POSTEL_PARAMETERS": parameters, "POSTEL_BOOTSTRAPS": binaries}
    done = subprocess.run([sys.executable, "-c", DEPLOY], cwd=stack.ROOT, env=environment() | ours, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with open(f"{state}/outputs.json") as file:
        return json.load(file)


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def test_restored_tables_deliver_all_that_is_due_with_another_key(receiver: Receiver, backups, tmp_path):
    tenants = [new_tenant("standard") for _ in range(TENANTS)]
    places = {f"/{tenant.id}/{number}": (tenant, new_secret()) for tenant in tenants for number in range(WEBHOOKS)}

    def create(place: str) -> None:
        tenant, secret = places[place]
        receiver.answer(503, 200, path=place)
        tenant.new_webhook(receiver.url(place), secret=secret, overrides={"retryDelaysSeconds": [DELAY_SECONDS]})

    def delivered(number: int) -> set[str]:
        """The webhooks that got the event with this number, each with the right signature."""
        found = set()
        for place, (_, secret) in places.items():
            for request in receiver.requests(place)[1:]:
                if check_standard(request, secret)["data"] == {"number": number}:
                    found.add(place)
        return found

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, places))
    for tenant in tenants:
        tenant.publish("item.created", {"number": 1})
    stack.eventually(lambda: sum(len(receiver.requests(place)) for place in places) == len(places), 120, "each first attempt")
    # The first stack is stopped: its work in progress, its messages and schedules are lost.
    with disturb.paused("EventsSource"), disturb.paused("DeliveriesSource"), disturb.paused("SlowSource"), disturb.no_sweeps():
        due = [row for row in stack.scan("LogTable", "") if "due_at" in row and any(t.id in row["pk"]["S"] for t in tenants)]
        assert len(due) == len(places), "each delivery waits for its retry"
        back_up(backups)
        former = stack.outputs()["stack"]["KeyArn"]
        made = deployed(str(tmp_path), former)
        try:
            assert made["stack"]["KeyArn"] != former
            told = script("--stack", NAME, *(f"--{kind}={name}" for kind, name in backups.items()))
            assert told.returncode == 0 and told.stdout.count(" rows of ") == 3, told
            again = script("--stack", NAME, f"--config={backups['config']}")
            assert again.returncode == 1 and "has rows" in again.stderr, again
            wrong = script("--stack", NAME, "--over", f"--log={backups['dead-letters']}")
            assert wrong.returncode == 1 and "it is not a log table" in wrong.stderr, wrong
            stack.eventually(lambda: delivered(1) == set(places), DELAY_SECONDS + 240, "each due retry", every=2)
            # And the restored webhooks get new events, with their restored keys.
            for tenant in tenants:
                there = Api(made["apiUrl"], tenant.api.key)
                there.post(tenant.path("/events"), {"type": "item.created", "data": {"number": 2}}).ok(202)
            stack.eventually(lambda: delivered(2) == set(places), 120, "each new event", every=2)
        finally:
            boto3.client("cloudformation", endpoint_url=made["awsEndpointUrl"], region_name=made["region"], aws_access_key_id="test", aws_secret_access_key="test").delete_stack(
                StackName=NAME
            )
