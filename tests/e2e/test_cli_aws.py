"""The command line with AWS credentials: events straight to the queue. And `postel seed`."""

import json
import re
from pathlib import Path

import pytest
from support import client, stack
from support.cli import Cli, Terminal, written
from support.cli import has_aws_cli, is_built  # noqa: F401  fixtures of all tests here

pytestmark = pytest.mark.tool

@pytest.fixture
def cli(tenant: client.Tenant, tmp_path: Path) -> Cli:
    return Cli(tenant, tmp_path)


def test_one_event_goes_to_the_queue_without_a_key(cli: Cli):
    webhook = cli.tenant.new_webhook("postel:inbox")
    nobody = {"POSTEL_KEY": "", "POSTEL_TENANT": cli.tenant.id}
    data = '{"n": 1.50}'
    told = cli.run("publish", "--sqs", "--type", "item.created", "--id", "one", "--data", data, **nobody).out
    assert "one is sent to the queue" in told
    cli.tenant.wait_for_status("one", "completed", webhook["id"])
    event = cli.tenant.event("one")
    assert event["messageId"], "it went over HTTP"
    (request,) = cli.tenant.api.get(cli.tenant.path(f"/webhooks/{webhook['id']}/requests")).ok()["items"]
    assert '"data":{"n": 1.50}' in request["body"], "the data was rewritten"


def test_a_file_goes_to_the_queue_in_batches_of_ten_once_each(cli: Cli):
    lines = 35
    file = written(cli.tmp / "events.ndjson", lines)
    with file.open("a") as more:
        more.write('{"type": "item.created", "data": 1, "id": "own", "tenantId": "%s"}\n' % cli.tenant.id)
        more.write('{"type": "item.created", "data": 1, "id": "other", "tenantId": "somebody"}\n')
    told = cli.run("publish", file, "--sqs", "--json", exit=1)
    done = told.json
    assert (done["accepted"], done["refused"]) == (lines + 1, 1) and "line 37" in told.err and "somebody" in told.err
    there = lambda: cli.tenant.api.all(cli.tenant.path("/events"))  # noqa: E731
    stack.eventually(lambda: len(there()) == lines + 1, 60, f"{lines + 1} events")
    cli.run("publish", file, "--sqs", "--resume", f"{done['run']}:30", exit=1)
    cli.run("publish", "--sqs", "--type", "item.created", "--id", "last")
    stack.eventually(lambda: any(event["id"] == "last" for event in there()), 60, "the last event")
    assert len(there()) == lines + 2, "an event was published twice"


def with_the_stacks_credentials(cli: Cli) -> dict[str, str]:
    """The environment of a user of the AWS CLI, who has none of the local stack's files."""
    known = stack.outputs()
    return {
        "AWS_ENDPOINT_URL": known["awsEndpointUrl"],
        "AWS_DEFAULT_REGION": known["region"],
        "AWS_ACCESS_KEY_ID": known["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": known["secretAccessKey"],
        "POSTEL_OUTPUTS": str(cli.tmp / "none.json"),
        "POSTEL_KEY": "",
    }


def test_a_login_with_a_stacks_name_is_saved_and_shows_no_key(cli: Cli):
    known, operator = stack.outputs(), {"POSTEL_PROFILE": "live"}
    cli.environment |= with_the_stacks_credentials(cli)
    terminal = Terminal(cli, "login", "live", "--stack", known["stackName"])
    assert known["operatorKey"] not in terminal.ends(0), "it was asked for nothing, and shows no key"
    shown = cli.run("health", "--json", **operator).json
    assert (shown["url"], shown["key"], shown["from"]) == (known["apiUrl"], "operator", "profile live")
    assert cli.run("tenants", "get", cli.tenant.id, "--json", **operator).json["id"] == cli.tenant.id


def test_a_login_with_a_stacks_name_sends_no_key_over_http_to_another_machine(cli: Cli):
    """A stack whose output is http, as CloudFormation answers for a cloud that is not local."""
    outputs = {"ApiUrl": "http://postel.example.com", "OperatorSecretArn": "arn:x"}
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    fake = cli.tmp / "bin" / "aws"
    fake.parent.mkdir()
    answers = {"describe-stacks": {"Stacks": [{"Outputs": listed}]}, "get-secret-value": {"SecretString": "the-key"}}
    cases = "".join(f"*{command}*) echo '{json.dumps(answer)}';;\n" for command, answer in answers.items())
    fake.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\n')
    fake.chmod(0o755)
    cli.environment |= {"POSTEL_KEY": "", "PATH": f"{fake.parent}:{cli.environment['PATH']}"}
    terminal = Terminal(cli, "login", "live", "--stack", "postel")
    told = " ".join(terminal.ends(2).split())
    assert "http://postel.example.com is http" in told and "use https" in told and "the-key" not in told, told
    assert not Path(cli.environment["POSTEL_CONFIG"]).exists()


def test_the_queue_of_a_stack_is_found_by_its_name(cli: Cli):
    known = stack.outputs()
    user = with_the_stacks_credentials(cli) | {"POSTEL_TENANT": cli.tenant.id}
    cli.run("publish", "--sqs", "--stack", known["stackName"], "--type", "item.created", "--id", "one", **user)
    stack.eventually(lambda: cli.tenant.api.get(cli.tenant.path("/events/one")).status == 200, 60, "the event")
    told = cli.run("publish", "--sqs", "--stack", "nowhere", "--type", "item.created", exit=3, **user).err
    assert "nowhere" in told and "region" in told, told
    told = cli.run("publish", "--sqs", "--type", "item.created", exit=2, **user).err
    assert "--stack" in told and "--queue-url" in told, told


def test_without_aws_and_without_permission_it_says_what_to_do(cli: Cli, tmp_path: Path):
    bare = {"PATH": "/nowhere"}
    told = cli.run("publish", "--sqs", "--type", "item.created", exit=2, **bare).err
    assert "The AWS CLI (`aws`) cannot be run" in told and "Install" in told, told
    # As AWS answers a caller whose role lacks it: "AccessDeniedException" and the action (SQS API
    # Reference, Common Errors; IAM User Guide, "Troubleshoot access denied error messages").
    (tmp_path / "bin").mkdir()
    aws = tmp_path / "bin" / "aws"
    aws.write_text(
        "#!/bin/sh\necho 'An error occurred (AccessDeniedException) when calling the SendMessageBatch operation: User: arn:aws:iam::123456789012:user/a"
        " is not authorized to perform: sqs:sendmessage on resource: x because no identity-based policy allows the sqs:sendmessage action' >&2\nexit 254\n"
    )
    aws.chmod(0o755)
    file = written(tmp_path / "events.ndjson", 3)
    denied = {"PATH": f"{aws.parent}:{cli.environment['PATH']}"}
    told = cli.run("publish", file, "--sqs", exit=5, **denied).err
    assert "sqs:SendMessage" in told and "docs/deploying.md" in told and re.search(r"--sqs -t \S+ --resume \w+:1", told), told


def test_a_seed_has_something_to_show_and_is_removed_again(cli: Cli):
    name, operator = stack.unique("demo"), {"POSTEL_KEY": stack.outputs()["operatorKey"]}
    seed = ["seed", "--tenant", name]
    made = cli.run(*seed, "--json", **operator).json
    assert "/portal/#s=code_" in made["portal"] and made["portal"].startswith(stack.outputs()["apiUrl"])
    assert (len(made["webhooks"]), made["events"]) == (2, 20)
    admin = client.operator()
    events = admin.all(f"/v1/tenants/{name}/events")
    assert len(events) == 20
    stack.eventually(lambda: len(admin.get(f"/v1/tenants/{name}/dead-letters").ok()["items"]) >= 5, 60, "dead letters")
    states = {webhook["id"]: webhook["state"] for webhook in admin.get(f"/v1/tenants/{name}/webhooks").ok()["items"]}
    assert states[made["webhooks"][0]] == "active", states
    code = made["portal"].split("#s=")[1]
    assert client.Api(stack.outputs()["apiUrl"], None).post("/v1/sessions/exchange", {"code": code}).status in (200, 201)
    assert "--remove" in cli.run(*seed, exit=1, **operator).err
    cli.run(*seed, "--remove", **operator)
    cli.run("tenants", "get", name, exit=3, **operator)
    assert "nothing to remove" in cli.run(*seed, "--remove", **operator).out
    told = cli.run("seed", "--tenant", cli.tenant.id, "--remove", exit=1, **operator).err
    assert "left alone" in told and cli.tenant.operator.get(cli.tenant.path()).status == 200
    assert "operator's key" in cli.run(*seed, exit=5).err


def test_a_seed_at_a_terminal_fits_and_prints_its_link(cli: Cli):
    name = stack.unique("demo")
    cli.environment["POSTEL_KEY"] = stack.outputs()["operatorKey"]
    shown = Terminal(cli, "seed", "--tenant", name).ends(0)
    assert "/portal/#s=code_" in shown and f"postel seed --remove --tenant {name}" in shown
    cli.run("seed", "--tenant", name, "--remove")
    assert json.loads(cli.run("tenants", "list", "--all", "--json").out)["items"] is not None
