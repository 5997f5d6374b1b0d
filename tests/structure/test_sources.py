"""Sizes that keep the code readable: a file that exceeds them does two things."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "local"))

import settings  # noqa: E402

MAX_FILE = 400
MAX_MAIN = 39

SOURCES = sorted([*(ROOT / "functions").glob("*/src/**/*.rs"), *(ROOT / "clients").glob("*/src/**/*.rs"), *(ROOT / "infra").glob("**/*.py")])
MAINS = sorted((ROOT / "functions").glob("*/src/main.rs"))


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_source_file_is_longer_than_400_lines():
    assert len(SOURCES) > 50, "the sources are somewhere else"
    assert {str(path.relative_to(ROOT)): lines(path) for path in SOURCES if lines(path) > MAX_FILE} == {}


@pytest.mark.parametrize("path", MAINS, ids=lambda path: path.parent.parent.name)
def test_main_only_wires(path):
    assert lines(path) <= MAX_MAIN


def test_each_function_has_a_main():
    assert sorted(path.parent.parent.name for path in MAINS) == sorted(settings.FUNCTIONS)
