"""Postel's own code as programs: target/debug/verdicts and target/debug/messages, built by `make
oracles`."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
BUILT = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug"


def verdicts(lines: Iterable[str]) -> list[str]:
    """The guard's reason code for each address or URL, `ok` if it is allowed."""
    done = subprocess.run([BUILT / "verdicts"], input="\n".join(lines), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def messages(count: int, seed: int, at: int) -> list[dict]:
    """Deliveries as they are sent: `{secrets, headers, body}`."""
    done = subprocess.run([BUILT / "messages", str(count), str(seed), str(at)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    # Not splitlines: a body may contain a line separator that JSON leaves unescaped.
    return [json.loads(line) for line in done.stdout.split("\n") if line]
