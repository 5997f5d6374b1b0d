"""Finds and ends the process group of a daemon that we started, and never another process that
later got its number."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    pid: int
    group: int
    born: str
    command: str


@dataclass(frozen=True)
class Group:
    """A leader started in its own session, with its children. `born` and `mark` distinguish it
    from a later group with the same number."""

    leader: int
    born: str
    mark: str

    @classmethod
    def of(cls, leader: int, directory: Path) -> "Group":
        born = next((p.born for p in _alive() if p.pid == leader), "")
        return cls(leader, born, str(directory))

    @classmethod
    def from_json(cls, text: str, directory: Path) -> "Group":
        kept = json.loads(text)
        return cls(int(kept["pid"]), str(kept["born"]), str(directory))

    def to_json(self) -> str:
        return json.dumps({"pid": self.leader, "born": self.born})

    def members(self) -> list[Process]:
        """The leader, if it is the one we know, and every process of its group that runs from
        our directory (bootstraps outlive a killed leader)."""
        return [
            p
            for p in _alive()
            if p.group == self.leader and ((p.pid == self.leader and p.born == self.born) or self.mark in p.command)
        ]

    def end(self, seconds: float) -> None:
        """Sends SIGTERM, waits, then kills."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for member in self.members():
                try:
                    os.kill(member.pid, sign)
                except ProcessLookupError:
                    pass
            deadline = time.monotonic() + seconds
            while self.members():
                if time.monotonic() > deadline:
                    break
                _reap(self.leader)
                time.sleep(0.05)
            else:
                _reap(self.leader)
                return


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except (ChildProcessError, OSError):
        pass


def _alive() -> list[Process]:
    return _from_proc() if Path("/proc/self/stat").exists() else _from_ps()


def _from_proc() -> list[Process]:
    """Linux, where a slim image has no ps. Fields after the name: state is the 1st, group the
    3rd, start time the 20th (proc(5))."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            command = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):
            continue
        if fields[0] not in "ZX":
            found.append(Process(int(entry), int(fields[2]), fields[19], command))
    return found


def _from_ps() -> list[Process]:
    """macOS and the BSDs. lstart is five words long."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,lstart=,command="], capture_output=True, text=True, check=True)
    found = []
    for line in listing.stdout.splitlines():
        words = line.split(None, 8)
        if len(words) == 9 and not words[2].startswith("Z"):
            found.append(Process(int(words[0]), int(words[1]), " ".join(words[3:8]), words[8]))
    return found
