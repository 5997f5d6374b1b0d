"""The gate's parts, `make`'s commands, the workflow and the pages refer to each other correctly."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
# They prepare the steps, end one of them, or need a tool that is not always installed.
LEFT_TO_OTHERS = {"environment", "stack", "e2e-alone", "deny"}
# In the whole gate e2e runs its short form; the workflow runs it in a job of its own.
INSIDE_OTHERS = {"chaos"}


def test_the_workflow_runs_every_part_of_the_gate():
    gate = (ROOT / "tests" / "gate.sh").read_text()
    steps = set(re.search(r'^  ""\) steps="(.*)" ;;$', gate, re.MULTILINE)[1].split())
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    parts = set(re.search(r"^ +part: \[(.*)\]$", workflow, re.MULTILINE)[1].split(", "))
    assert parts == (steps | INSIDE_OTHERS) - LEFT_TO_OTHERS


def test_the_help_lists_every_command():
    shown = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  ([a-z0-9-]+) ", shown, re.MULTILINE)) == COMMANDS
    assert COMMANDS == set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page):
    text = page.read_text()
    named = {command for run in re.findall(r"(?:^|`)make ((?:[a-z0-9-]+ ?)+)(?=`|$|  )", text, re.MULTILINE) for command in run.split()}
    assert named <= COMMANDS


# A stand-in for Python and for the stack: they log what happens to them.
STAND_IN = """#!/usr/bin/env bash
trap 'echo ended >>"$BOOK"; exit 143' TERM
echo "began $*" >>"$BOOK"
sleep 60 & wait $!
"""
BESIDE = """
source <(sed '/^MEANWHILE=$/,$d; s#^cd .*#cd "{root}"#' "{root}/tests/gate.sh")
trap - EXIT INT TERM HUP
stack() {{ echo "up $POSTEL_PORT" >>"$BOOK"; }}
take_down() {{ echo "down $POSTEL_PORT" >>"$BOOK"; }}
VENV={venv} LIVE=
meanwhile &
echo $! >"$BOOK.pid"
wait $!
"""


def test_an_interrupted_gate_ends_what_runs_meanwhile(tmp_path: Path):
    python, book = tmp_path / "python", tmp_path / "book"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    script = BESIDE.format(root=ROOT, venv=tmp_path)
    settings = {"PATH": os.environ["PATH"], "BOOK": str(book), "POSTEL_PORT": "20000"}
    with subprocess.Popen(["bash", "-c", script], env=settings) as gate:
        pid = tmp_path / "book.pid"
        until(lambda: pid.exists() and pid.read_text() and book.exists() and "began" in book.read_text())
        os.kill(int(pid.read_text()), signal.SIGTERM)
        assert gate.wait(10) == 128 + signal.SIGTERM
    until(lambda: "ended" in book.read_text())
    # Both of its parents may end it.
    assert {line.split(" -m")[0] for line in book.read_text().splitlines()} == {"up 20003", "began", "ended", "down 20003"}


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
