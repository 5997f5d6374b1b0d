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


def test_the_first_screen_says_what_was_never_seen_on_aws():
    first_screen = README.splitlines()[:24]
    assert any(line.startswith("**Never seen on AWS.**") for line in first_screen)


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


def paragraph(start: str) -> str:
    """The paragraph that begins so."""
    return re.search(rf"^{re.escape(start)}.*?(?=\n\n)", README, re.MULTILINE | re.DOTALL)[0]


def test_every_status_of_a_delivery_and_every_error_of_an_attempt_is_told():
    statuses, errors = paragraph("A delivery is ").split(" An attempt without an answer has an error:")
    assert sorted(coded(statuses)) == sorted(listed("domain/src/delivery.rs", "Status", "as_str"))
    assert sorted(coded(errors)) == sorted(listed("domain/src/outcome.rs", "FailureKind", "code"))


def listed(path: str, enum: str, function: str) -> set[str]:
    """The wire names that one enum's function gives."""
    source = (FUNCTIONS / path).read_text()
    body = re.search(rf"^impl {enum} {{.*?fn {function}\(self\)(.*?)\n    }}", source, re.MULTILINE | re.DOTALL)[1]
    return set(re.findall(r'=> "(\w+)"', body))


def test_the_longest_name_of_a_webhook_is_told_as_it_is_counted():
    source = (FUNCTIONS / "domain/src/names.rs").read_text()
    longest = re.search(r"const MAX_NAME_CHARS: usize = (\d+);", source)[1]
    assert "text.chars().count() > most" in source
    limits = dict((cells[0], cells[1]) for cells in rows("Limits"))
    assert f"name {longest} characters" in limits["a webhook"]


CONTRACTS = {contract["name"]: contract for contract in (json.loads(path.read_text()) for path in (FUNCTIONS / "domain/contracts").glob("*.json"))}
# What of a contract's data each column tells. A new field belongs into one of them.
COLUMNS = {
    "contract": {"name"},
    "envelope": {"envelope"},
    "test event": {"testEnvelope"},
    "signature": {"signature"},
    "headers": {"headers"},
    "timeout": {"timeoutSeconds"},
    "delivered": {"success"},
    "never retried": {"refused", "gone"},
    "`Retry-After` on": {"retryAfter"},
    "retried after": {"retryDelaysSeconds", "jitter"},
    "at the end": {"atEnd", "mails"},
    "besides": {"httpsOnly", "webhooksPerTenant", "typeNames"},
}


def shape(envelope: dict) -> str:
    """An envelope as people write it: a member whose value is one placeholder by that name, alone where both are called alike."""

    def member(name: str, value: object) -> str:
        if isinstance(value, dict):
            return f"{name}: {shape(value)}"
        placeholder = re.fullmatch(r"{([\w.|]+)}", value) if isinstance(value, str) else None
        if placeholder is None:
            return f"{name}: {json.dumps(value)}"
        # A fallback stands after a stroke, which would end the table's cell.
        return name if placeholder[1] == name else f"{name}: {placeholder[1].replace('|', ' or ')}"

    return "{" + ", ".join(member(name, value) for name, value in envelope.items()) + "}"


def signed(signature: dict | None) -> str:
    if signature is None:
        return "none"
    text = {"{body}": "the body"}.get(signature["signedText"], f'"{signature["signedText"]}"')
    told = f"`{signature['header']}: {signature.get('prefix', '')}<{signature['encoding']} HMAC-SHA256 of {text}>`"
    told += {"literal": "", "whsec": "; the secret is decoded"}[signature["secret"]]
    return told + ("; one for each secret of a rotation" if signature.get("several") else "")


def span(seconds: int) -> str:
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    raise AssertionError(seconds)


def numbers(rules: list[str]) -> set[int]:
    """The statuses that a rule of a contract holds for."""
    found = set()
    for rule in rules:
        low, _, high = rule.replace("xx", "00-" + rule[0] + "99").partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def row(contract: dict) -> list[str]:
    """What the table has to say of a contract."""
    refused, gone = contract.get("refused", []), contract.get("gone", [])
    waits = ", ".join(map(span, contract["retryDelaysSeconds"]))
    if contract.get("jitter"):
        waits += f"; each up to {contract['jitter']:.0%} more".replace("%", " %")
    end = {"fail": ["dead letter"], "disable": ["dead letter", "the webhook is switched off"]}[contract["atEnd"]]
    mails = contract.get("mails", {})
    end += ["a mail"] * mails.get("whenDisabled", False)
    warning = [f"a warning by mail after failure {mails['warnAfter']}"] if "warnAfter" in mails else []
    besides = ["https only"] * contract.get("httpsOnly", False)
    besides += [f"{contract['webhooksPerTenant']} webhooks"] if "webhooksPerTenant" in contract else []
    besides += [f'`{name}` is "{said}"' for name, said in contract.get("typeNames", {}).items()]
    # A status that is never tried again is not waited for.
    awaited = sorted(numbers(contract.get("retryAfter", [])) - numbers(refused + gone))
    return [
        f"`{contract['name']}`",
        f"`{shape(contract['envelope'])}`",
        f"`{shape(contract['testEnvelope'])}`" if "testEnvelope" in contract else "",
        signed(contract.get("signature")),
        ", ".join(f"`{name}: {value}`" for name, value in contract.get("headers", {}).items()),
        f"{contract['timeoutSeconds']} s",
        ", ".join(contract["success"]),
        "; ".join([*refused, *(f"{status} switches the webhook off" for status in gone)]) or "nothing",
        ", ".join(map(str, awaited)),
        waits,
        "; ".join([", ".join(end), *warning]),
        "; ".join(besides),
    ]


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_table_of_contracts_says_what_their_data_say(name):
    told = {coded(cells[0])[0]: cells for cells in rows("Contracts")}
    assert told.keys() == CONTRACTS.keys()
    should = row(CONTRACTS[name])
    assert told[name] == should, "should be: | " + " | ".join(should) + " |"


def test_the_table_of_contracts_leaves_nothing_out():
    section = README.split("\n## Contracts\n")[1]
    head = next(line for line in section.splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in head.split("|")[1:-1]] == list(COLUMNS)
    told = set().union(*COLUMNS.values()) | {"description"}
    for contract in CONTRACTS.values():
        assert contract.keys() <= told, contract["name"]


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
