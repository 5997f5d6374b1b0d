"""The pinned virtual environment at .local/venv. Standard library only: it runs before there is one."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from progress import step
from settings import LOCAL, ROOT, Failure

VENV = LOCAL / "venv"
HERE = Path(__file__).resolve().parent
RUN = HERE / "requirements.txt"
TEST = HERE / "requirements-test.txt"


def python() -> Path:
    return VENV / "bin" / "python"


def active() -> bool:
    return Path(sys.prefix).resolve() == VENV.resolve()


def ensure(for_tests: bool = False) -> None:
    """Makes what is missing. A changed requirements.txt makes all anew, a changed requirements-test.txt installs on top."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "venv.lock").open("w") as lock:
        # Two stacks brought up at once would make it twice in the same place.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _ensure(for_tests)


def _ensure(for_tests: bool) -> None:
    run_mark, test_mark = VENV / "run.sha256", VENV / "test.sha256"
    if not (python().exists() and _marked(run_mark, RUN)):
        with step("making the Python environment"):
            _create()
            _install(RUN)
            run_mark.write_text(_digest(RUN))
    if for_tests and not _marked(test_mark, TEST):
        with step("adding the test tools to the Python environment"):
            _install(TEST)
            test_mark.write_text(_digest(TEST))


def _create() -> None:
    try:
        import ensurepip  # noqa: F401  Debian ships venv without it, in a package of its own
        import venv
    except ImportError:
        raise Failure("Python's venv module is missing; install it (on Debian and Ubuntu: apt install python3-venv)") from None
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=True, symlinks=True)


def _install(requirements: Path) -> None:
    log = LOCAL / "pip.log"
    pip = [str(python()), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", str(requirements)]
    with log.open("w") as out:
        done = subprocess.run(pip, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT, env={**os.environ, "PYTHONNOUSERSITE": "1"})
    if done.returncode != 0:
        said = [line for line in log.read_text().splitlines() if line.startswith("ERROR")] or ["pip failed"]
        raise Failure(f"{said[-1]}; see {log.relative_to(ROOT)}, check the connection to PyPI and repeat")


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()


def _marked(mark: Path, requirements: Path) -> bool:
    return mark.exists() and mark.read_text() == _digest(requirements)
