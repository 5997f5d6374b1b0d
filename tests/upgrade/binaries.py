"""The functions' binaries of two versions: this checkout's, and those of a former commit, which is
built in a worktree of its own."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import bootstraps
from settings import FUNCTIONS, LOCAL, ROOT

PLACE = LOCAL / "upgrade"


def of_this() -> Path:
    """Copied, since a build of the other version writes the same files."""
    built = bootstraps.build()
    return _copied({name: built for name in FUNCTIONS}, PLACE / "this")


def of(commit: str, this: Path) -> Path:
    """Built once, in the dev profile. Shares the target directory, and with it the dependencies;
    CARGO names another cargo. A function that the commit does not have is of `this`."""
    commit = _git("rev-parse", "--verify", f"{commit}^{{commit}}")
    made = PLACE / f"binaries-{commit[:12]}"
    if made.is_dir():
        return made
    source = PLACE / f"source-{commit[:12]}"
    if not source.is_dir():
        _git("worktree", "add", "--detach", str(source), commit)
    cargo = shlex.split(os.environ.get("CARGO") or "cargo")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    environment = os.environ | {"CARGO_TARGET_DIR": str(target), "POSTEL_CONSOLE": "skip"}
    had = {name for name in FUNCTIONS if (source / "functions" / name).is_dir()}
    # The whole workspace: a selection would compile the AWS crates with other features once more.
    subprocess.run([*cargo, "build", "--manifest-path", str(source / "Cargo.toml"), "--workspace", "--bins"], cwd=ROOT, env=environment, check=True)
    return _copied({name: target / "debug" if name in had else this for name in FUNCTIONS}, made)


def _copied(built: dict[str, Path], place: Path) -> Path:
    """Complete or absent."""
    draft = place.with_suffix(".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, directory in built.items():
        shutil.copy2(directory / name, draft / name)
    shutil.rmtree(place, ignore_errors=True)
    return draft.rename(place)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr.strip()}; a shallow clone has no former commit (git fetch --unshallow)"
    return done.stdout.strip()
