"""The step that builds the pages, without Node: which Node it takes, and when it works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "local"))

import console  # noqa: E402
from settings import CliError  # noqa: E402


def node(folder: Path, version: str) -> Path:
    """A stand-in that only tells its version."""
    program = folder / "node"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("version", "taken"),
    [("v20.19.0", True), ("v22.12.0", True), ("v24.1.0", True), ("v20.18.3", False), ("v21.7.0", False), ("v22.11.0", False), ("v18.20.0", False), ("none", False)],
)
def test_a_node_is_taken_if_vite_runs_on_it(tmp_path: Path, version: str, taken: bool):
    assert console._is_recent(str(node(tmp_path, version))) is taken


def test_a_named_node_that_is_too_old_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("POSTEL_NODE", str(node(tmp_path, "v18.0.0")))
    with pytest.raises(CliError, match="POSTEL_NODE"):
        console._node()


def test_a_built_tree_is_left_alone_and_a_changed_one_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "dist").mkdir()
    (tmp_path / "page.ts").write_text("1")
    monkeypatch.setattr(console, "WEB", tmp_path)
    monkeypatch.setattr(console, "MADE", tmp_path / "dist" / "inputs.sha256")
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(console, "_tools", lambda: dict(os.environ))
    monkeypatch.setattr(console, "_run", lambda _, *command: ran.append(command))
    for _ in range(2):
        console.build()
    assert ran == [("node", "build.mjs")]
    (tmp_path / "page.ts").write_text("2")
    console.build()
    assert len(ran) == 2


def test_packages_for_aws_always_have_the_pages():
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, 'infra/package'); import package; package.refuse_without_pages()"],
        cwd=ROOT, env=os.environ | {"POSTEL_CONSOLE": "skip"}, capture_output=True, text=True,
    )
    assert done.returncode != 0 and "POSTEL_CONSOLE=skip" in done.stderr
