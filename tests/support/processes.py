"""The processes that run this stack's functions, so that a test can end one in the middle of its work.

Only those of the stack under test are found: of its own MiniStack's process group, running out of its own directory.
"""

import base64
import functools
import importlib.util
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from support import stack


def bootstraps(function: str = "DispatcherFunction") -> list[int]:
    """The process ids of a function's environments, by its logical id."""
    mark = f"{_package(function)}{os.sep}bootstrap"
    return [member.pid for member in _group().members() if mark in member.command]


def kill(function: str = "DispatcherFunction") -> list[int]:
    """SIGKILL to all of them: no handler runs, nothing is flushed, no answer is given. Answers whom it ended."""
    return _kill(bootstraps(function), function)


def kill_senders(ports: set[int], function: str = "DispatcherFunction") -> list[int]:
    """The same to those of them that have a connection from one of these ports of loopback."""
    return _kill([pid for pid in bootstraps(function) if ports & _ports(pid)], function)


def _kill(victims: list[int], function: str) -> list[int]:
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    stack.eventually(lambda: not set(victims) & set(bootstraps(function)), 5, "the killed processes to be gone", every=0.01)
    return victims


def _ports(pid: int) -> set[int]:
    """The local ports of a process's TCP connections: proc(5), or lsof where there is none."""
    if not Path("/proc/net/tcp").exists():
        listing = subprocess.run(["lsof", "-a", "-nP", "-iTCP", "-p", str(pid), "-Fn"], capture_output=True, text=True).stdout
        return {int(port) for port in re.findall(r":(\d+)->", listing)}
    try:
        links = [_link(f"/proc/{pid}/fd/{descriptor}") for descriptor in os.listdir(f"/proc/{pid}/fd")]
        connections = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    except FileNotFoundError:
        return set()  # It ended just now.
    return {int(fields[1].rsplit(":", 1)[1], 16) for fields in connections if f"socket:[{fields[9]}]" in links}


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


@functools.cache
def _package(function: str) -> str:
    """MiniStack unpacks a function's zip into a directory that is named by the zip's SHA-256."""
    found = stack.aws("lambda").get_function(FunctionName=stack.resource(function))
    return base64.b64decode(found["Configuration"]["CodeSha256"]).hex()


def _group():
    state = stack.outputs_path().resolve().parent
    return _local_processes().Group.from_json((state / "ministack.pid").read_text(), state)


@functools.cache
def _local_processes() -> ModuleType:
    """infra/local/processes.py, which knows our processes on Linux and macOS. By path: its neighbours' names are common ones."""
    spec = importlib.util.spec_from_file_location("postel_local_processes", stack.ROOT / "infra" / "local" / "processes.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
