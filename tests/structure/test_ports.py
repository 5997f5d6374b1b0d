"""A method added to a port touches the trait, its adapter and the simulator: each port is
implemented once on either side, and nothing forwards to it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTS = ROOT / "functions" / "domain" / "src" / "ports"


def ports() -> list[str]:
    traits = re.compile(r"^pub trait (\w+)", re.MULTILINE)
    return sorted(name for file in PORTS.glob("*.rs") for name in traits.findall(file.read_text()))


def implementing(port: str, folder: Path) -> set[str]:
    block = re.compile(rf"^impl(<[^{{]*>)? {port} for ", re.MULTILINE)
    return {str(file.relative_to(ROOT)) for file in folder.rglob("*.rs") if block.search(file.read_text())}


def test_there_are_ports() -> None:
    assert len(ports()) >= 10


@pytest.mark.parametrize("port", ports())
def test_a_port_has_one_adapter_file(port: str) -> None:
    files = {file for crate in (ROOT / "functions").iterdir() if crate.name != "domain" for file in implementing(port, crate)}
    assert len(files) == 1


@pytest.mark.parametrize("port", ports())
def test_the_simulator_implements_a_port_in_one_file(port: str) -> None:
    files = implementing(port, ROOT / "tests" / "simulator")
    # The simulator has no HTTP API, so no keys.
    assert files == (set() if port == "Keys" else {"tests/simulator/src/ports.rs"})


def test_the_page_has_each_port() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text().split("## Ports\n")[1].split("\n## ")[0]
    named = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `")))
    assert sorted(named) == ports()
