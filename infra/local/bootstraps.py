"""The functions' binaries, built for this machine and packed as Lambda requires: a zip with one
executable `bootstrap`."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from settings import FUNCTIONS, ROOT, CliError


def build() -> Path:
    """Builds in the dev profile, which the tests share, and returns the directory of the
    binaries. POSTEL_BOOTSTRAPS names a directory of binaries to use instead."""
    if given := os.environ.get("POSTEL_BOOTSTRAPS"):
        directory = Path(given).resolve()
    else:
        _cargo()
        directory = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug"
    missing = [name for name in FUNCTIONS if not (directory / name).is_file()]
    if missing:
        raise CliError(f"no binary for {', '.join(missing)} in {directory}; each function is a crate whose binary has its name")
    return directory


def _cargo() -> None:
    if shutil.which("cargo") is None:
        raise CliError("cargo is missing; install Rust from https://rustup.rs and open a new shell")
    # On a terminal cargo shows its own progress; a log contains its output only if it failed.
    live = sys.stdout.isatty()
    if live:
        print()
    done = subprocess.run(
        # The whole workspace, as the tests build it: a selection of packages would unify features
        # differently and compile twice.
        ["cargo", "build", "--workspace", "--bins"],
        cwd=ROOT,
        stdout=None if live else subprocess.PIPE,
        stderr=None if live else subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        if not live:
            print(done.stdout, file=sys.stderr)
        raise CliError("the build failed; fix the errors above and repeat")


def pack(binary: Path, target: Path) -> Path:
    """Stored, not compressed: a debug binary is large, and only loopback carries it."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive, binary.open("rb") as source:
        with archive.open(entry, "w", force_zip64=True) as packed:
            shutil.copyfileobj(source, packed, 1 << 20)
    return target
