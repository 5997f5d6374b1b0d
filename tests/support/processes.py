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


def sender(port: int, function: str = "DispatcherFunction") -> int:
    """The process that has a connection from this port of loopback, 0 if it is gone. Asked for each request, so it looks no further than it must."""
    pid, socket = _senders.get(port, (0, ""))
    if not (pid and _has(pid, socket)):
        socket = _socket(port)
        known = {pid for pid, _ in _senders.values()}
        pid = next((pid for pid in known if _has(pid, socket)), 0) or next((pid for pid in bootstraps(function) if _has(pid, socket)), 0)
        _senders[port] = (pid, socket)
    return pid


_senders: dict[int, tuple[int, str]] = {}


def _socket(port: int) -> str:
    """A connection's name among a process's open files, by its own end's port."""
    if not Path("/proc/net/tcp").exists():
        return str(port)
    ends = re.compile(rf"^ *\d+: \w+:{port:04X} (?:\S+ +){{7}}(\d+)", re.MULTILINE)
    # A connection that is over has no inode any more.
    return next((f"socket:[{found[1]}]" for found in ends.finditer(Path("/proc/net/tcp").read_text()) if found[1] != "0"), "")


def _has(pid: int, socket: str) -> bool:
    if socket.isdecimal():
        return int(socket) in _ports(pid)
    try:
        return bool(socket) and any(_link(f"/proc/{pid}/fd/{descriptor}") == socket for descriptor in os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return False


def peak_memory(pid: int) -> int:
    """The most memory that a process has had at once, in bytes (`VmHWM` of proc(5)); 0 where there is no /proc, or no such process any more."""
    try:
        return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0


def age(pid: int) -> float:
    """How many seconds ago a process started; for ever where there is no /proc, 0 if there is no such process any more."""
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
