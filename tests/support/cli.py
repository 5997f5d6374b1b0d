"""The command line as a program and at a terminal: for its end-to-end tests."""

import json
import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

import pytest
from support import stack
from support.client import Tenant

ROOT = Path(__file__).resolve().parents[2]
POSTEL = Path(os.environ.get("POSTEL_CLI") or ROOT / "target" / "debug" / "postel")
# `tests/gate.sh awscli` makes its environment.
AWS = ROOT / ".local" / "awscli" / "bin" / "aws"
# A busy machine with many tests at once.
PATIENCE = 60


def environment(tmp: Path, key: str | None = None, **more: str) -> dict[str, str]:
    """Of a user who has neither a profile nor anything else set, and the tests' own AWS CLI."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("POSTEL_", "XDG_", "AWS_", "EVENTS_"))}
    kept |= {"POSTEL_CONFIG": str(tmp / "config" / "profiles.json"), "POSTEL_OUTPUTS": str(stack.outputs_path()), "TERM": "xterm"}
    kept["PATH"] = f"{AWS.parent}{os.pathsep}{kept['PATH']}"
    return kept | ({"POSTEL_KEY": key} if key else {}) | more


class Cli:
    """The program with one tenant's key."""

    def __init__(self, tenant: Tenant, tmp: Path) -> None:
        self.tenant, self.tmp = tenant, tmp
        self.environment = environment(tmp, tenant.api.key)

    def start(self, *arguments: str | Path, **options) -> subprocess.Popen:
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen([POSTEL, *map(str, arguments)], env=self.environment, cwd=self.tmp, **options)

    def run(self, *arguments: str | Path, exit: int = 0, given: str | bytes = b"", within: float = PATIENCE * 4, **more: str) -> "Ended":
        given = given.encode() if isinstance(given, str) else given
        command = [POSTEL, *map(str, arguments)]
        done = subprocess.run(command, env=self.environment | more, cwd=self.tmp, input=given, capture_output=True, timeout=within)
        ended = Ended(done.stdout.decode(), done.stderr.decode())
        assert done.returncode == exit, f"{arguments}: exit {done.returncode}\n{ended.out}\n{ended.err}"
        return ended


def is_following(cli: Cli) -> bool:
    """Whether a program of this tenant's key has called lately: the key's last use is written."""
    keys = cli.tenant.operator.get(cli.tenant.path("/keys")).ok()["items"]
    return any("lastUsedAt" in key for key in keys)


class Ended:
    def __init__(self, out: str, err: str) -> None:
        self.out, self.err = out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal:
    """The program at a terminal of its own, which can be read and typed at."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cli.tmp)
            os.execve(POSTEL, [str(POSTEL), *arguments], cli.environment)

    def sees(self, pattern: str, within: float = PATIENCE) -> str:
        """Waits until the terminal has shown this; what it has shown so far is then forgotten."""
        deadline = time.monotonic() + within
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.text!r}"
            self._read()
        self.text = self.text[found.end() :]
        return found[0]

    def _read(self) -> bool:
        if not select.select([self.fd], [], [], 0.2)[0]:
            return True
        try:
            self.text += os.read(self.fd, 65536).decode(errors="replace")
            return True
        except OSError:  # the program has ended
            time.sleep(0.05)
            return False

    def types(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def ends(self, exit: int, within: float = PATIENCE) -> str:
        deadline = time.monotonic() + within
        while self._read():
            assert time.monotonic() < deadline, f"still running: {self.text!r}"
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        assert status == exit, f"exit {status}: {self.text!r}"
        return self.text


@pytest.fixture(scope="module", autouse=True)
def is_built() -> None:
    assert POSTEL.exists(), f"{POSTEL} is not built: cargo build --workspace --bins"


@pytest.fixture(scope="module", autouse=True)
def has_aws_cli(is_built: None) -> None:
    """For the tests marked `tool`."""
    assert AWS.exists(), f"{AWS} is missing: make tool"


def written(file: Path, count: int) -> Path:
    """A file of events, one a line."""
    file.write_text("".join(f'{{"type": "item.created", "data": {{"n": {n}}}}}\n' for n in range(1, count + 1)))
    return file
