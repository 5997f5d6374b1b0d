"""The pinned virtual environments below .local. Standard library only: it runs before they
exist."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from progress import step
from settings import LOCAL, ROOT, CliError

VENV = LOCAL / "venv"
HERE = Path(__file__).resolve().parent
RUN = HERE / "requirements.txt"
TEST = HERE / "requirements-test.txt"


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
    venv.create(place, with_pip=True, symlinks=True)


def _install(place: Path, requirements: Path) -> None:
    log = LOCAL / "pip.log"
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", str(requirements)]
    with log.open("w") as out:
        done = subprocess.run(pip, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env={**os.environ, "PYTHONNOUSERSITE": "1"})
    if done.returncode != 0:
        said = [line for line in log.read_text().splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise CliError(f"{said[-1]}; see {log.relative_to(ROOT)}, check the connection to PyPI and repeat")


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()


def _marked(mark: Path, requirements: Path) -> bool:
    return mark.exists() and mark.read_text() == _digest(requirements)
