"""Where the local stack keeps its things and what the environment says about it. Standard library
only.

POSTEL_PORT        the port of the local cloud, 4566 by default; the tests' stack takes the next one
POSTEL_STATE_DIR       the stack's directory: .local for port 4566, .local/<port> for another; outputs.json and ministack.log are in it
POSTEL_STRICT      1 deploys production's outgoing policy: https only, no allowed networks
POSTEL_PARAMETERS  "Name=Value Name=Value", any parameters of infra/template.yaml
POSTEL_REPLACE     1 lets `make up` and `make run` replace a stack that is up on the port, data and all; without it they refuse
POSTEL_BOOTSTRAPS  a directory of built binaries to deploy instead of building them
POSTEL_FUNCTIONS_ENDPOINT  where the functions find the cloud, if not at its own port: something between that makes faults
"""

import os
import platform
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
TEMPLATE = ROOT / "infra" / "template.yaml"

DEFAULT_PORT = 4566
REGION = "us-east-1"
ACCOUNT = "000000000000"
# MiniStack takes this pair for the account's root, which its AUTH=true lets do everything. It
# listens on loopback only.
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"
STACK = "postel"

FUNCTIONS = ("publish", "manage", "authorizer", "dispatcher", "dlq", "redriver", "sweeper")


class CliError(Exception):
    """Ends the command with one line that says what to do."""


def port() -> int:
    text = os.environ.get("POSTEL_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise CliError(f"POSTEL_PORT is {text!r}; set it to a number from 1024 to 65535")
    return int(text)


def state() -> Path:
    """This stack's own directory: two stacks of one checkout share nothing but the virtual
    environment and cargo's target."""
    if named := os.environ.get("POSTEL_STATE_DIR"):
        return Path(named).resolve()
    return LOCAL if port() == DEFAULT_PORT else LOCAL / str(port())


def endpoint() -> str:
    return f"http://127.0.0.1:{port()}"


def functions_endpoint() -> str:
    return os.environ.get("POSTEL_FUNCTIONS_ENDPOINT") or endpoint()


def api_url(api_id: str) -> str:
    """MiniStack's address by path. Its other one, <id>.execute-api.localhost, resolves in curl and
    browsers, but neither in Python nor in anything else that asks getaddrinfo on a Linux without
    systemd-resolved, or on macOS."""
    return f"{endpoint()}/_aws/execute-api/{api_id}"


def parameters() -> dict[str, str]:
    """The template's parameters for a deployment here. POSTEL_PARAMETERS has the last word."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    chosen = {
        "Architecture": "arm64" if arm else "x86_64",
        # The local cloud has no TLS, no principals but its account, and nothing to lose.
        "RequireTls": "false",
        "TrustedSenderIds": ACCOUNT,
        "DeletionProtection": "false",
        # Parameters of the local cloud alone (emulation.py). Not the 6 x that AWS recommends:
        # whoever kills a dispatcher here wants to see its work taken up.
        "DispatcherTimeoutSeconds": "70",
        "QueueVisibilitySeconds": "80",
    }
    if not strict():
        chosen |= {"AllowHttp": "true", "AllowedCidrs": "127.0.0.0/8,::1/128"}
    for pair in shlex.split(os.environ.get("POSTEL_PARAMETERS", "")):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise CliError(f"POSTEL_PARAMETERS has {pair!r}; write it as \"Name=Value Name=Value\"")
        chosen[name] = value
    return chosen


def strict() -> bool:
    return _is_set("POSTEL_STRICT")


def replace() -> bool:
    return _is_set("POSTEL_REPLACE")


def _is_set(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")
