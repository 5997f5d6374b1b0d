"""MiniStack as a background process: started with a clean environment, stopped with all that it
started."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import environment
import settings
from processes import Group
from settings import CliError

START_SECONDS = 60
STOP_SECONDS = 5


def running() -> Group | None:
    """The process group of the MiniStack that this state directory started, if any of it is
    still alive."""
    try:
        group = Group.from_json((settings.state() / "ministack.pid").read_text(), settings.state())
    except (OSError, ValueError, KeyError):
        return None
    return group if group.members() else None


def start() -> Group:
    state, port = settings.state(), settings.port()
    refuse_taken(port)
    scratch = state / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    log = state / "ministack.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(environment.python()), str(Path(__file__).with_name("start_ministack.py"))],
            cwd=scratch,
            env=_environment(port, scratch),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            # In its own session: Ctrl-C reaches only this command, and its bootstraps can be found
            # and ended with it.
            start_new_session=True,
        )
    group = Group.of(process.pid, state)
    (state / "ministack.pid").write_text(group.to_json())
    try:
        _await_ready(process, log)
    except BaseException:
        stop(group)
        raise
    return group


def stop(group: Group) -> None:
    """Ends MiniStack and the bootstraps that it runs, and leaves nothing that the next start
    could mistake for its own."""
    # An impatient second Ctrl-C must not leave half of it running.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _end_bootstraps()
        group.end(STOP_SECONDS)
        delete_state()
    finally:
        signal.signal(signal.SIGINT, before)
    if left := group.members():
        raise CliError(f"these processes did not end: {', '.join(str(m.pid) for m in left)}; end them yourself")


def _environment(port: int, scratch: Path) -> dict[str, str]:
    """Every bootstrap inherits this environment, so it contains nothing of the developer's own."""
    passed = {name: os.environ[name] for name in ("PATH", "LANG", "RUST_BACKTRACE", "RUST_LOG") if name in os.environ}
    return passed | {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": "true",
        "MINISTACK_ACCOUNT_ID": settings.ACCOUNT,
        "MINISTACK_REGION": settings.REGION,
        "AWS_ACCESS_KEY_ID": settings.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": settings.SECRET_ACCESS_KEY,
        # MiniStack passes it to bootstraps only if it has it itself.
        "AWS_ENDPOINT_URL": settings.functions_endpoint(),
        "AWS_EC2_METADATA_DISABLED": "true",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        # Records the calls, for CloudTrail's LookupEvents. The bench counts requests with it.
        "CLOUDTRAIL_RECORDING": "1",
        "CLOUDTRAIL_MAX_EVENTS": "100000",
        # Listeners on fixed ports, which two concurrent stacks would both try to use.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",
        "PYTHONUNBUFFERED": "1",
    }


def delete_state() -> None:
    """Removes the description of a running stack, also of one that was killed from outside."""
    state = settings.state()
    for name in ("ministack.pid", "outputs.json"):
        (state / name).unlink(missing_ok=True)
    for name in ("tmp", "packages"):
        shutil.rmtree(state / name, ignore_errors=True)


def _end_bootstraps() -> None:
    """Lets MiniStack end and reap its children: orphans of it stay as zombies in a container
    whose first process does not reap."""
    try:
        urllib.request.urlopen(urllib.request.Request(f"{settings.endpoint()}/_ministack/reset", method="POST"), timeout=STOP_SECONDS).close()
    except (urllib.error.URLError, OSError):
        pass


def refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise CliError(f"port {port} is in use; stop the process that listens there, or choose another with POSTEL_PORT=...") from None


def _await_ready(process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CliError(f"MiniStack ended at once (exit {process.returncode}); see {log} for the reason")
        try:
            with urllib.request.urlopen(f"{settings.endpoint()}/_ministack/health", timeout=2) as answer:
                json.load(answer)
                return
        except (urllib.error.URLError, OSError, ValueError):
            time.sleep(0.05)
    raise CliError(f"MiniStack did not answer within {START_SECONDS} s; see {log} for the reason")
