"""README.md is the only page there is: its tables must name what the code has, no more and no less."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "local"))

import settings  # noqa: E402
import template  # noqa: E402

README = (ROOT / "README.md").read_text()
FUNCTIONS = ROOT / "functions"


def rows(heading: str, number: int = 0) -> list[list[str]]:
    """The cells of a section's table, its head left out."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#+ |\Z)", README, re.MULTILINE | re.DOTALL)[1]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables[number].splitlines()[2:]]


def coded(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def first_codes(heading: str, number: int = 0) -> list[str]:
    return [code for row in rows(heading, number) for code in coded(row[0])]


def spelled(path: str) -> set[str]:
    """The wire names that a Rust enum's `as_str` gives."""
    body = re.search(r"const fn as_str\(self\).*?\n    }", (FUNCTIONS / path).read_text(), re.DOTALL)[0]
    return set(re.findall(r'=> "(\w+)"', body))


def test_every_parameter_stands_in_the_settings_with_its_default_and_limits():
    parameters = template.load(settings.TEMPLATE)["Parameters"]
    told = {coded(name)[0]: (default.strip("`"), limits) for name, default, limits, _ in rows("Settings")}
    assert list(told) and set(told) == set(parameters)
    for name, parameter in parameters.items():
        default, limits = told[name]
        assert default == (str(parameter["Default"]) or "none"), name
        for bound in ("MinValue", "MaxValue"):
            if bound in parameter:
                assert re.search(rf"\b{parameter[bound]}\b", limits), f"{name}: {limits} does not tell {bound} {parameter[bound]}"


def test_every_variable_of_the_local_stack_stands_in_the_settings():
    assert first_codes("Settings", 1) == re.findall(r"^(POSTEL_\w+) ", settings.__doc__, re.MULTILINE)


def test_every_error_code_is_told():
    told = [code for row in rows("Errors") for code in coded(row[1]) if code != "reason"]
    assert sorted(told) == sorted(spelled("domain/src/rejection.rs") | {"internal", "unavailable"})


def test_every_reason_of_a_dead_letter_is_told():
    assert sorted(first_codes("Dead letters")) == sorted(spelled("domain/src/dead_letter.rs"))


def test_every_contract_has_a_row():
    names = [json.loads(path.read_text())["name"] for path in (FUNCTIONS / "domain/contracts").glob("*.json")]
    assert sorted(first_codes("Contracts")) == sorted(names)


def routes() -> dict[str, set[str]]:
    """Methods by path, as the operations' annotations name them: the routers and the OpenAPI document are made of these."""
    sources = [p.read_text() for folder in ("manage/src", "adapters/src/http") for p in (FUNCTIONS / folder).rglob("*.rs")]
    constants = dict(re.findall(r'const (\w+): &str = "(/[^"]+)";', "".join(sources)))
    found: dict[str, set[str]] = {}
    for method, literal, constant in re.findall(r'utoipa::path\(\s*(\w+),\s*path = (?:"([^"]+)"|(\w+))', "".join(sources)):
        found.setdefault(literal or constants[constant], set()).add(method.upper())
    return found


def test_every_route_is_told():
    routed = routes()
    assert len(routed) > 15, "the routes are written in another way"
    told = {coded(path)[0].replace("…", "/v1/tenants/{tenant}"): set(methods.split(", ")) for path, methods, *_ in rows("API")}
    assert told == routed


@pytest.mark.parametrize("path", first_codes("Layout"))
def test_every_folder_of_the_layout_exists(path):
    assert (ROOT / path).exists() or (FUNCTIONS / path).exists()
