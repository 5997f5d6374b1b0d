"""The gate's parts, `make`'s commands, the workflow and the pages refer to each other correctly."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
# They prepare the steps, or need a tool that is not always installed.
LEFT_TO_OTHERS = {"environment", "stack", "deny"}
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
