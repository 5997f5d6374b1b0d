"""The processes that run this stack's functions, so that a test can kill one in the middle of
its work.

Only those of the stack under test are found: in its own MiniStack's process group, running from
its own directory.
"""

import base64
import functools
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

from support import stack


def bootstraps(function: str = "DispatcherFunction") -> list[int]:
    """The process ids of a function's environments, by its logical id."""
    mark = f"{_package(function)}{os.sep}bootstrap"
    return [member.pid for member in _group().members() if mark in member.command]


def kill(function: str = "DispatcherFunction") -> list[int]:
    """SIGKILL to all of them: no handler runs, nothing is flushed, no response is sent. Returns
    the killed processes."""
    return _kill(bootstraps(function), function)


def kill_senders(ports: set[int], function: str = "DispatcherFunction") -> list[int]:
    """SIGKILL to those of them that have a connection from one of these ports of loopback."""
    return _kill([pid for pid in bootstraps(function) if ports & _ports(pid)], function)


def stopped_and_killed(pid: int) -> set[int] | None:
    """SIGKILL to one process, stopped first while the local ports of its connections are read:
    its work in progress. None if it was gone."""
    try:
        os.kill(pid, signal.SIGSTOP)
        # The kernel's list may miss an entry while others change.
        ports = _ports(pid) | _ports(pid)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return ports


def senders(*to: int, function: str = "DispatcherFunction") -> dict[int, int]:
    """The processes with a connection to a port of loopback: process ids by their local ports.
    Reads /proc once, so that it may be repeated often; empty where there is none."""
    if not Path("/proc/net/tcp").exists():
        return {}
    pattern = rf"^ *\d+: \w+:(\w+) \w+:(?:{'|'.join(f'{port:04X}' for port in to)}) (?:\S+ +){{6}}(\d+)"
    ends = {f"socket:[{inode}]": int(port, 16) for port, inode in re.findall(pattern, Path("/proc/net/tcp").read_text(), re.MULTILINE)}
    found = {}
    for pid in _lately(function):
        try:
            links = [_link(f"/proc/{pid}/fd/{descriptor}") for descriptor in os.listdir(f"/proc/{pid}/fd")]
        except FileNotFoundError:
            continue
        found |= {ends[link]: pid for link in links if link in ends}
    return found


def _lately(function: str) -> list[int]:
    """The process ids of a function's environments, cached for a moment."""
    at, pids = _looked_up.get(function, (0.0, []))
    if time.monotonic() > at + 0.3:
        at, pids = time.monotonic(), bootstraps(function)
        _looked_up[function] = (at, pids)
    return pids


_looked_up: dict[str, tuple[float, list[int]]] = {}


def peak_memory(pid: int) -> int:
    """The peak memory of a process, in bytes (`VmHWM` of proc(5)); 0 where there is no /proc, or
    if the process is gone."""
    try:
        return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def age(pid: int) -> float:
    """How many seconds ago a process started; infinite where there is no /proc, 0 if the process
    is gone."""
    if not Path("/proc/uptime").exists():
        return float("inf")
    try:
        started = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return 0
    return float(Path("/proc/uptime").read_text().split()[0]) - started / os.sysconf("SC_CLK_TCK")


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
    """MiniStack unpacks a function's zip into a directory named by the zip's SHA-256."""
    found = stack.aws("lambda").get_function(FunctionName=stack.resource(function))
    return base64.b64decode(found["Configuration"]["CodeSha256"]).hex()


def _group():
    state = stack.outputs_path().resolve().parent
    return _local_processes().Group.from_json((state / "ministack.pid").read_text(), state)


@functools.cache
def _local_processes() -> ModuleType:
    """infra/local/processes.py, which finds our processes on Linux and macOS. Loaded by path:
    its neighbours have common names."""
    spec = importlib.util.spec_from_file_location("postel_local_processes", stack.ROOT / "infra" / "local" / "processes.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
