"""Deploys infra/template.yaml to the local cloud and writes what scripts need to talk to it. Runs
in the virtual environment."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import bootstraps
import emulation
import settings
import template
from settings import CliError

BUCKET = "postel-packages"
TEMPLATE_KEY = "template.json"
DEPLOY_SECONDS = 120


def deploy(binaries: Path) -> dict:
    try:
        bent = emulation.bend(template.load(settings.TEMPLATE), settings.parameters())
        return _write_outputs(_create(_with_packages(bent, binaries)))
    except (ClientError, BotoCoreError) as error:
        raise CliError(f"the deployment failed: {error}; see {settings.state() / 'ministack.log'}") from error


def check_parameters() -> None:
    """MiniStack ignores a parameter that the template does not have; AWS rejects it."""
    known = emulation.known_parameters(template.load(settings.TEMPLATE))
    if strange := [name for name in settings.parameters() if name not in known]:
        raise CliError(f"POSTEL_PARAMETERS names {', '.join(strange)}; infra/template.yaml has {', '.join(known)}")


def client(service: str):
    return boto3.client(
        service,
        endpoint_url=settings.endpoint(),
        region_name=settings.REGION,
        aws_access_key_id=settings.ACCESS_KEY_ID,
        aws_secret_access_key=settings.SECRET_ACCESS_KEY,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def _with_packages(stack: dict, binaries: Path) -> dict:
    """Puts uploaded zips where the template names the workspace, as `sam package` does after a
    build."""
    store = client("s3")
    store.create_bucket(Bucket=BUCKET)
    packages = settings.state() / "packages"
    packages.mkdir(exist_ok=True)
    functions = [r for r in stack["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]

    def place(function: dict) -> None:
        name = function.pop("Metadata")["BuildProperties"]["Binary"]
        package = bootstraps.pack(binaries / name, packages / f"{name}.zip")
        store.upload_file(str(package), BUCKET, package.name)
        function["Properties"]["CodeUri"] = f"s3://{BUCKET}/{package.name}"

    with ThreadPoolExecutor(len(functions)) as pool:
        list(pool.map(place, functions))
    shutil.rmtree(packages)
    return stack


def _create(stack: dict) -> dict[str, str]:
    formation = client("cloudformation")
    # Through the bucket, as sam does it: CloudFormation accepts 51,200 bytes in the request itself,
    # and a megabyte from there.
    client("s3").put_object(Bucket=BUCKET, Key=TEMPLATE_KEY, Body=json.dumps(stack).encode())
    formation.create_stack(
        StackName=settings.STACK,
        TemplateURL=f"{settings.endpoint()}/{BUCKET}/{TEMPLATE_KEY}",
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in settings.parameters().items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    deadline = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < deadline:
        made = formation.describe_stacks(StackName=settings.STACK)["Stacks"][0]
        if made["StackStatus"] == "CREATE_COMPLETE":
            return {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}
        if made["StackStatus"] != "CREATE_IN_PROGRESS":
            raise CliError(f"the deployment failed: {_reason(formation, made)}")
        time.sleep(0.05)
    raise CliError(f"the deployment took longer than {DEPLOY_SECONDS} s; see {settings.state() / 'ministack.log'}")


def _reason(formation, made: dict) -> str:
    """The first resource that failed; the others failed because of it."""
    events = formation.describe_stack_events(StackName=settings.STACK)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("_FAILED") and e["LogicalResourceId"] != settings.STACK]
    if failed:
        return f"{failed[-1]['LogicalResourceId']}: {failed[-1].get('ResourceStatusReason', 'no reason given')}"
    return made.get("StackStatusReason") or made["StackStatus"]


def _write_outputs(made: dict[str, str]) -> dict:
    secret = client("secretsmanager").get_secret_value(SecretId=made["OperatorSecretArn"])
    outputs = {
        "apiUrl": settings.api_url(made["HttpApiId"]),
        "operatorKey": secret["SecretString"],
        "eventsQueueUrl": made["EventsQueueUrl"],
        "awsEndpointUrl": settings.endpoint(),
        "region": settings.REGION,
        "accessKeyId": settings.ACCESS_KEY_ID,
        "secretAccessKey": settings.SECRET_ACCESS_KEY,
        "stackName": settings.STACK,
        "stack": made,
    }
    target = settings.state() / "outputs.json"
    # It contains the operator's key. Complete or absent, never half written.
    draft = target.with_suffix(".tmp")
    draft.write_text(json.dumps(outputs, indent=2) + "\n")
    os.chmod(draft, 0o600)
    draft.rename(target)
    return outputs
