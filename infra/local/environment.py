"""The pinned virtual environments below .local. Standard library only: it runs before they
exist."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

from progress import step
from settings import LOCAL, ROOT, CliError

VENV = LOCAL / "venv"
HERE = Path(__file__).resolve().parent
RUN = HERE / "requirements.txt"
TEST = HERE / "requirements-test.txt"
UV = LOCAL / "uv"
INSTALLER = HERE / "requirements-uv.txt"


def python() -> Path:
    return VENV / "bin" / "python"


def active() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def ensure(for_tests: bool = False) -> None:
    """Creates what is missing. A changed requirements.txt recreates everything, a changed
    requirements-test.txt installs on top."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "venv.lock").open("w") as lock:
        # Two stacks started at once would create it twice in the same place.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _ensure(for_tests)


def _ensure(for_tests: bool) -> None:
    test_mark = VENV / "test.sha256"
    made(VENV, RUN, "making the Python environment")
    if for_tests and not _marked(test_mark, TEST):
        with step("adding the test tools to the Python environment"):
            _install(VENV, TEST)
            test_mark.write_text(_digest(TEST))


def made(place: Path, requirements: Path, what: str) -> None:
    """Creates an environment, unless it exists with the same requirements."""
    mark = place / "run.sha256"
    if (place / "bin" / "python").exists() and _marked(mark, requirements):
        return
    with step(what):
        _create(place)
        _install(place, requirements)
        mark.write_text(_digest(requirements))


def _create(place: Path) -> None:
    try:
        import ensurepip  # noqa: F401  Debian ships venv without it, in a package of its own
        import venv
    except ImportError:
        raise CliError("Python's venv module is missing; install it (on Debian and Ubuntu: apt install python3-venv)") from None
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, symlinks=True)


def _install(place: Path, requirements: Path) -> None:
    """With uv, which takes a tenth of pip's time. It does not read pip's configuration, and has no
    wheel for some machines: then with pip."""
    log = LOCAL / "pip.log"
    with log.open("w") as out:
        if _uv(out) and _run(out, str(UV / "bin" / "uv"), "pip", "install", "--python", str(place / "bin" / "python"), "-r", str(requirements)):
            return
        if not _pip(out, place, requirements):
            said = [line for line in log.read_text().splitlines() if line.startswith("ERROR")] or ["pip failed"]
            raise CliError(f"{said[-1]}; see {log.relative_to(ROOT)}, check the connection to PyPI and repeat")


def _uv(out: IO[str]) -> bool:
    """Whether uv is there, installed if need be."""
    mark = UV / "run.sha256"
    if not _marked(mark, INSTALLER):
        _create(UV)
        if not _pip(out, UV, INSTALLER):
            return False
        mark.write_text(_digest(INSTALLER))
    return True


def _pip(out: IO[str], place: Path, requirements: Path) -> bool:
    python = str(place / "bin" / "python")
    return _run(out, python, "-m", "ensurepip") and _run(out, python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", str(requirements))


def _run(out: IO[str], *command: str) -> bool:
    done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env={**os.environ, "PYTHONNOUSERSITE": "1"})
    return done.returncode == 0


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()


def _marked(mark: Path, requirements: Path) -> bool:
    return mark.exists() and mark.read_text() == _digest(requirements)
