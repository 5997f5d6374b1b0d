"""The directories and environment variables of the local stack. Standard library only.

POSTEL_PORT        the port of the local cloud, 4566 by default; the tests' stack uses the next one
POSTEL_STATE_DIR   the stack's directory: .local for port 4566, .local/<port> for another; outputs.json and ministack.log are in it
POSTEL_STRICT      1 deploys production's outgoing policy: https only, no allowed networks
POSTEL_PARAMETERS  "Name=Value Name=Value", any parameters of infra/template.yaml
POSTEL_REPLACE     1 lets `make up` and `make run` replace a running stack on the port and delete its data; without it they refuse
POSTEL_BOOTSTRAPS  a directory of built binaries to deploy instead of building them
POSTEL_ALIASES     1 keeps the aliases of publish and dispatcher, as on AWS; without it the queues and the API call the functions themselves
POSTEL_NODE        the Node that builds the pages, if not the one on the PATH
POSTEL_FUNCTIONS_ENDPOINT  the cloud's address for the functions, if not its own port: a proxy that injects faults
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
# MiniStack takes this pair for the account's root user, whom AUTH=true allows everything. It
# listens on loopback only.
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"
STACK = "postel"

FUNCTIONS = ("publish", "manage", "authorizer", "dispatcher", "dlq", "redriver", "sweeper", "notifier", "console")


class CliError(Exception):
    """Ends the command with one line that says what to do."""


def port() -> int:
    text = os.environ.get("POSTEL_PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise CliError(f"POSTEL_PORT is {text!r}; set it to a number from 1024 to 65535")
    return int(text)


def state() -> Path:
    """This stack's own directory: two stacks of one checkout share only the virtual environment
    and cargo's target."""
    if named := os.environ.get("POSTEL_STATE_DIR"):
        return Path(named).resolve()
    return LOCAL if port() == DEFAULT_PORT else LOCAL / str(port())


def endpoint() -> str:
    return f"http://127.0.0.1:{port()}"


def functions_endpoint() -> str:
    return os.environ.get("POSTEL_FUNCTIONS_ENDPOINT") or endpoint()


def api_url(api_id: str) -> str:
    """MiniStack's address with a path. Its other one, <id>.execute-api.localhost, resolves in
    curl and browsers, but neither in Python nor in any other program that uses getaddrinfo on a
    Linux without systemd-resolved, or on macOS."""
    return f"{endpoint()}/_aws/execute-api/{api_id}"


def parameters() -> dict[str, str]:
    """The template's parameters for a local deployment. POSTEL_PARAMETERS overrides them."""
    arm = platform.machine().lower() in ("arm64", "aarch64")
    chosen = {
        "Architecture": "arm64" if arm else "x86_64",
        # The local cloud has no TLS, only its account as a principal, and no data to lose.
        "RequireTls": "false",
        "TrustedSenderIds": ACCOUNT,
        "DeletionProtection": "false",
        # Parameters of the local cloud only (emulation.py). Not the 6 x that AWS recommends: a
        # killed dispatcher's messages should come back soon here.
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


def has_bootstraps() -> bool:
    """Whether the functions are built already."""
    return _is_set("POSTEL_BOOTSTRAPS")


def has_aliases() -> bool:
    return _is_set("POSTEL_ALIASES")


def replace() -> bool:
    return _is_set("POSTEL_REPLACE")


def _is_set(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")
