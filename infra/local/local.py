"""The local stack's commands: up, run, down, env, environment. See `make help`."""

import json
import os
import shlex
import signal
import sys
from pathlib import Path

if sys.version_info < (3, 10):  # before the imports, which an older version cannot even parse
    sys.exit("postel: this Python is %d.%d; put a python3 of 3.10 or later first on the PATH" % sys.version_info[:2])

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cloud
import environment
import settings
from progress import step
from settings import CliError


def up() -> dict:
    """Builds, starts, deploys. If a step fails, everything that was started is taken down.

    A running stack is replaced only if POSTEL_REPLACE is set, and only after the build: its data
    is deleted with it.
    """
    import bootstraps
    import console
    import deploy

    # Checks that are quick come before a build of minutes.
    deploy.check_parameters()
    old = cloud.running()
    if old is None:
        cloud.refuse_taken(settings.port())
    elif not settings.replace():
        raise CliError(
            f"a stack is up on port {settings.port()}. `make down` stops it and deletes its data; POSTEL_REPLACE=1 builds first and then"
            " replaces it; POSTEL_PORT=... brings up another one beside it"
        )
    if not settings.has_bootstraps():
        console.build()
    with step("building the functions"):
        binaries = bootstraps.build()
    if old is not None:
        with step("stopping the stack that was up"):
            cloud.stop(old)
    with step(f"starting the local cloud on port {settings.port()}"):
        group = cloud.start()
    try:
        with step("deploying the stack"):
            return deploy.deploy(binaries)
    except BaseException:
        cloud.stop(group)
        raise


def down() -> None:
    group = cloud.running()
    if group is None:
        cloud.delete_state()
        print(f"  no local stack runs on port {settings.port()}")
        return
    with step("stopping the stack"):
        cloud.stop(group)


# The output of `make env`: the variables' names, which docs/deploying.md uses for AWS too, and
# where outputs.json has their values.
EXPORTS = {
    "API_URL": "apiUrl",
    "OPERATOR_KEY": "operatorKey",
    "EVENTS_QUEUE_URL": "eventsQueueUrl",
    "AWS_ENDPOINT_URL": "awsEndpointUrl",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ACCESS_KEY_ID": "accessKeyId",
    "AWS_SECRET_ACCESS_KEY": "secretAccessKey",
}


def exports() -> str:
    """The running stack's addresses and keys as a shell's export lines."""
    path = settings.state() / "outputs.json"
    try:
        outputs = json.loads(path.read_text())
    except OSError:
        raise CliError(f"no stack is up on port {settings.port()}: {path} is missing; `make up` brings one up") from None
    return "".join(f"export {name}={shlex.quote(outputs[key])}\n" for name, key in EXPORTS.items())


def run() -> int:
    """The demonstration. On a terminal the stack stays until Ctrl-C, elsewhere it ends with the
    demonstration."""
    import show

    outputs = up()
    try:
        shown = show.play(outputs, settings.strict())
        if sys.stdout.isatty():
            _keep_running(outputs, shown)
        return 0 if shown else 1
    finally:
        down()


def _keep_running(outputs: dict, shown: bool) -> None:
    import seed
    from show import Api

    try:
        if shown:
            with step("filling the stack with tenants and deliveries"):
                seed.plant(Api(outputs["apiUrl"], outputs["operatorKey"]))
        print(f"\n  The stack stays up at {outputs['apiUrl']}")
        _tell_the_console(outputs)
        print(f"  Its keys and addresses are in {settings.state() / 'outputs.json'}. Ctrl-C stops it.", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        print()


def _tell_the_console(outputs: dict) -> None:
    import seed
    from show import Broken

    try:
        print(f"  The console, with a link that works once within a minute: {seed.sign_in(outputs['apiUrl'], outputs['operatorKey'])}")
    except Broken as refused:
        print(f"  The console made no session: {refused}")
    print(f"  Later: {outputs['apiUrl']}/console/, with the operator's key.")


def main(arguments: list[str]) -> int:
    if len(arguments) == 3 and arguments[0] == "environment":
        # Another environment, for a tool whose packages do not go with the local cloud's.
        environment.made(Path(arguments[1]).resolve(), Path(arguments[2]).resolve(), f"making the Python environment {Path(arguments[1]).name}")
        return 0
    command = arguments[0] if len(arguments) == 1 else ""
    if command not in ("up", "run", "down", "env", "environment"):
        raise CliError("name a command: up, run, down, env or environment")
    if command == "env":
        print(exports(), end="")
        return 0
    if command == "environment":
        environment.ensure(for_tests=True)
        return 0
    if command == "down":
        down()
        return 0
    environment.ensure()
    if not environment.active():
        # From here on boto3 is needed. The process stays the same, so signals and exit status do
        # too.
        sys.stdout.flush()
        os.execv(environment.python(), [str(environment.python()), __file__, *arguments])
    _stay_on_loopback()
    if command == "run":
        return run()
    outputs = up()
    print(f"  up at {outputs['apiUrl']}, details in {settings.state() / 'outputs.json'}")
    _tell_the_console(outputs)
    return 0


def _stay_on_loopback() -> None:
    """A developer's AWS profile or proxy must not affect calls to 127.0.0.1."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # `kill` and a closed terminal must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup is respected
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        sys.exit(main(sys.argv[1:]))
    except CliError as failure:
        print(f"postel: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
