"""A small stack with the production's outgoing policy in its own network, which no packet can
leave, and where each packet is seen.

This module is both sides: a test creates a `SealedStack`; `python -m support.isolated_stack` is
the process inside. They communicate over a socket file, over which the test's calls reach the
local cloud, and over the inner process's standard output, on which it reports packets.
"""

import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from support import network_namespace

ROOT = Path(__file__).resolve().parents[2]
UP_SECONDS = 180

# Higher ports belong to the functions' runtime API, on loopback; every port in a fixture's row is
# lower.
EPHEMERAL = 32768


class NoNamespace(Exception):
    """This machine does not allow network namespaces."""


class SealedStack:
    """The outer side. `outputs` are those of any stack; its addresses work from here."""

    def __init__(self, directory: Path, parameters: str) -> None:
        self._told = threading.Condition()
        self._packets: list[dict[str, Any]] = []
        self._ready: dict[str, Any] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        # A socket file's path has at most 107 bytes, so it is not below the test's own directory.
        self._scratch = tempfile.TemporaryDirectory(prefix="postel-")
        self._door = str(Path(self._scratch.name) / "door")
        self._log = directory / "inside.log"
        with self._log.open("wb") as log:
            self._inside = subprocess.Popen(
                [sys.executable, "-m", "support.isolated_stack", str(port), str(directory), self._door, parameters],
                cwd=ROOT / "tests",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            threading.Thread(target=self._listen, daemon=True).start()
            self.outputs = self._await_ready()
            threading.Thread(target=_relay, args=(self._listener, self._connect), daemon=True).start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The inner process takes its stack down when its input ends."""
        self._listener.close()
        self._inside.stdin.close()
        try:
            self._inside.wait(30)
        except subprocess.TimeoutExpired:
            self._inside.kill()
            self._inside.wait()
        self._scratch.cleanup()

    def packets(self) -> list[dict[str, Any]]:
        """All connections and datagrams so far, except those of the local cloud itself. Includes
        everything that happened before the call."""
        with self._told:
            sent = sum(_is_mark(packet) for packet in self._packets)
            self._inside.stdin.write(b"mark\n")
            self._inside.stdin.flush()
            # The mark is a connection to the outside like any other: that it is seen proves that
            # the watch works.
            assert self._told.wait_for(lambda: sum(_is_mark(p) for p in self._packets) > sent, 60), "the watch does not see its mark"
            return [packet for packet in self._packets if not _is_mark(packet)]

    def _connect(self) -> socket.socket:
        inside = socket.socket(socket.AF_UNIX)
        inside.connect(self._door)
        return inside

    def _listen(self) -> None:
        for line in self._inside.stdout:
            told = json.loads(line)
            with self._told:
                if "proto" in told:
                    self._packets.append(told)
                else:
                    self._ready = told
                self._told.notify_all()
        with self._told:
            self._ready = self._ready or {"failed": "it ended"}
            self._told.notify_all()

    def _await_ready(self) -> dict[str, Any]:
        with self._told:
            assert self._told.wait_for(lambda: self._ready is not None, UP_SECONDS), f"no stack after {UP_SECONDS} s; see {self._log}"
        if reason := self._ready.get("no namespace"):
            raise NoNamespace(reason)
        assert "outputs" in self._ready, f"{self._ready}: {self._log.read_text()[-2000:]}"
        return self._ready["outputs"]


MARK = ("203.0.113.251", 9)  # RFC 5737, and the port of "discard"


def _is_mark(packet: dict[str, Any]) -> bool:
    return (packet["to"], packet["port"]) == MARK


def _relay(listener: socket.socket, connect) -> None:
    """Forwards every connection in both directions, until the listener is closed."""
    while True:
        try:
            here, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_pass_on, args=(here, connect), daemon=True).start()


def _pass_on(here: socket.socket, connect) -> None:
    try:
        there = connect()
    except OSError:
        here.close()
        return
    with here, there, selectors.DefaultSelector() as ready:
        ready.register(here, selectors.EVENT_READ, there)
        ready.register(there, selectors.EVENT_READ, here)
        while ready.get_map():
            for key, _ in ready.select():
                try:
                    data = key.fileobj.recv(65536)
                    if data:
                        key.data.sendall(data)
                        continue
                    key.data.shutdown(socket.SHUT_WR)
                except OSError:
                    return
                ready.unregister(key.fileobj)


# ---- The inside end ----------------------------------------------------------------------------


def inside(port: int, directory: Path, door: str, parameters: str) -> None:
    speaking = threading.Lock()

    def tell(what: dict[str, Any]) -> None:
        with speaking:
            sys.stdout.write(json.dumps(what) + "\n")
            sys.stdout.flush()

    try:
        network_namespace.enter()
    except OSError as refused:
        return tell({"no namespace": str(refused)})

    def is_the_clouds_own(packet: dict[str, Any]) -> bool:
        return packet["to"] == "127.0.0.1" and (packet["port"] == port or packet["port"] >= EPHEMERAL)

    network_namespace.watch(lambda packet: None if is_the_clouds_own(packet) else tell(packet))
    settings = {"POSTEL_PORT": str(port), "POSTEL_STATE_DIR": str(directory), "POSTEL_STRICT": "1", "POSTEL_PARAMETERS": parameters}
    settings.setdefault("POSTEL_BOOTSTRAPS", os.environ.get("POSTEL_BOOTSTRAPS") or str(_binaries()))
    local = [sys.executable, str(ROOT / "infra" / "local" / "local.py")]
    try:
        subprocess.run([*local, "up"], env={**os.environ, **settings}, stdout=sys.stderr, check=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(door)
            listener.listen(128)
            threading.Thread(target=_relay, args=(listener, lambda: socket.create_connection(("127.0.0.1", port))), daemon=True).start()
            tell({"outputs": json.loads((directory / "outputs.json").read_text())})
            for _ in sys.stdin:
                with socket.socket() as mark:
                    mark.connect_ex(MARK)
    finally:
        subprocess.run([*local, "down"], env={**os.environ, **settings}, stdout=sys.stderr)


def _binaries() -> Path:
    """The directory of the gate's build: nothing must be compiled in here."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug"


if __name__ == "__main__":
    inside(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
