"""README.md and docs/ are checked against the code: their tables list what the code has, no more
and no less."""

import json
import math
import re
import sys
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra" / "local"))

import settings  # noqa: E402
import template  # noqa: E402

FUNCTIONS = ROOT / "functions"
README = ROOT / "README.md"
PAGES = {path.name: path for path in [README, *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]}

MAX_README_LINES = 200
MAX_README_BYTES = 14 * 1024
MAX_PROSE_COLUMNS = 100
MAX_TABLE_COLUMNS = 160
MAX_CELLS = 6


def text(page: str) -> str:
    return PAGES[page].read_text()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def section(page: str, heading: str) -> str:
    """A section with its subsections."""
    level = re.search(rf"^(#+) {re.escape(heading)}$", text(page), re.MULTILINE)[1]
    end = rf"(?=^#{{1,{len(level)}}} |\Z)"
    return re.search(rf"^{level} {re.escape(heading)}\n(.*?){end}", text(page), re.MULTILINE | re.DOTALL)[1]


def tables(markdown: str) -> list[list[list[str]]]:
    """The rows of each table, with its heading."""
    return [[cells(line) for line in table.splitlines()] for table in re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)]


def rows(page: str, heading: str) -> list[list[str]]:
    """The rows of all tables of a section, without their headings."""
    return [row for table in tables(section(page, heading)) for row in table[2:]]


def coded(cell: str) -> list[str]:
    """The texts in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def first_codes(page: str, heading: str) -> list[str]:
    return [code for row in rows(page, heading) for code in coded(row[0])]


def spelled(path: str) -> set[str]:
    """The wire names in a Rust enum's `as_str`."""
    body = re.search(r"const fn as_str\(self\).*?\n    }", (FUNCTIONS / path).read_text(), re.DOTALL)[0]
    return set(re.findall(r'=> "(\w+)"', body))


def test_the_readme_fits_a_newcomers_patience():
    assert len(README.read_text().splitlines()) <= MAX_README_LINES
    assert README.stat().st_size <= MAX_README_BYTES


def test_the_first_screen_says_that_nobody_has_deployed_postel_to_aws():
    first_screen = README.read_text().splitlines()[:24]
    assert any(line.startswith("**Not yet deployed to AWS.**") for line in first_screen)


@pytest.mark.parametrize("page", ["README.md", "local-cloud.md"])
def test_the_top_of_the_page_says_what_comes_from_documentation_and_was_not_run(page):
    top = " ".join(text(page).splitlines()[:24])
    assert re.search(r"KMS, IAM and SQS.{0,80}\bdocumentation\b.{0,40}\bnot run\b", top)


def test_the_costs_page_says_when_each_price_was_read():
    prices = json.loads((ROOT / "tests/bench/prices.json").read_text())["prices"].values()
    listed = rows("costs.md", "Prices")
    for (_, usd, read), price in zip(listed, prices, strict=True):
        dates = [*re.findall(r"(?:read|confirmed|class,) (\d{4}-\d\d(?:-\d\d)?)", price["source"])]
        assert (float(usd), read) == (price["usd"], *(dates or ["not looked up"])), price
        assert dates or "not looked up" in price["source"], price


def test_every_price_of_a_month_has_a_date_and_the_page_adds_the_alarms_up():
    prices = json.loads((ROOT / "tests/bench/prices.json").read_text())
    monthly = prices["idle"] + prices["alarms"]
    assert [price for price in monthly if not re.search(r"\b20\d\d-\d\d", price["source"])] == []
    alarms = sum(price["usd"] * price["number"] for price in prices["alarms"])
    assert f"{alarms:.2f} USD a month more" in text("costs.md") and f"[{alarms:.2f} USD a month](costs.md#alarms)" in text("operating.md")


@pytest.mark.parametrize("page", ["README.md", "costs.md"])
def test_a_page_gives_the_idle_costs_that_the_prices_add_up_to(page):
    prices = json.loads((ROOT / "tests/bench/prices.json").read_text())
    idle = sum(part["usd"] * part["number"] for part in prices["idle"] if part["what"] != "metrics counted")
    assert f"{idle:.2f} USD a month" in text(page)


def without_code(page: str) -> str:
    return re.sub(r"^```.*?^```$", "", text(page), flags=re.MULTILINE | re.DOTALL)


def prose_and_tables(page: str) -> tuple[list[str], list[str]]:
    outside = without_code(page).splitlines()
    return [line for line in outside if not line.startswith("|")], [line for line in outside if line.startswith("|")]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_read_without_scrolling_sideways(page):
    prose, rows = prose_and_tables(page)
    # A long address cannot be broken.
    assert [line for line in prose if len(line) > MAX_PROSE_COLUMNS and " " in line.strip()[:MAX_PROSE_COLUMNS]] == []
    assert [row for row in rows if len(row) > MAX_TABLE_COLUMNS or len(cells(row)) > MAX_CELLS] == []


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_between_pages_leads_somewhere(page):
    broken = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)]+)\)", without_code(page)):
        path, _, anchor = target.partition("#")
        linked = (PAGES[page].parent / path).resolve() if path else PAGES[page]
        if not linked.exists() or (anchor and anchor not in anchors(linked.name)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if PAGES[page].parent.name == "docs"])
def test_the_readme_links_every_page(page):
    assert f"](docs/{page})" in README.read_text()


def test_every_parameter_is_in_the_settings_with_its_default_and_limits():
    parameters = template.load(settings.TEMPLATE)["Parameters"]
    listed = rows("settings.md", "Template parameters")
    told = {coded(name)[0]: (default.strip("`"), limits) for name, default, limits, _ in listed}
    assert len(told) == len(listed) and set(told) == set(parameters)
    for name, parameter in parameters.items():
        default, limits = told[name]
        assert default == (str(parameter["Default"]) or "none"), name
        for bound in ("MinValue", "MaxValue"):
            if bound in parameter:
                assert re.search(rf"\b{parameter[bound]}\b", limits), f"{name}: {limits} does not tell {bound} {parameter[bound]}"


def test_every_variable_of_the_local_stack_is_in_the_settings():
    variables = re.findall(r"^(POSTEL_\w+) ", settings.__doc__, re.MULTILINE)
    assert first_codes("settings.md", "Environment of the local stack") == variables


def test_every_scope_is_listed():
    source = (FUNCTIONS / "domain/src/api_key.rs").read_text()
    scopes = set(re.findall(r'=> "([\w:]+)"', re.search(r"const fn as_str\(self\).*?\n    }", source, re.DOTALL)[0]))
    told = re.search(r"The\s+scopes\s+are\s+(.*?)\.", text("api.md"), re.DOTALL)[1]
    assert sorted(coded(told)) == sorted(scopes)
    used = {code for row in rows("api.md", "Routes") for code in coded(row[2])}
    assert used == scopes


def test_every_error_code_is_listed():
    told = [code for row in rows("api.md", "Errors") for code in coded(row[1])]
    table = (FUNCTIONS / "domain/src/rejection/code.rs").read_text()
    codes = set(re.findall(r'^    \w+ = "(\w+)", "', table, re.MULTILINE))
    assert len(codes) > 30 and sorted(told) == sorted(codes | {"internal", "unavailable"})


def test_every_reason_of_a_dead_letter_is_listed():
    assert sorted(first_codes("api.md", "Dead letters")) == sorted(spelled("domain/src/dead_letter.rs"))


def paragraph(page: str, start: str) -> str:
    """The paragraph that begins with this text."""
    return re.search(rf"^{re.escape(start)}.*?(?=\n\n)", text(page), re.MULTILINE | re.DOTALL)[0]


def test_every_status_of_a_delivery_and_every_error_of_an_attempt_is_listed():
    statuses = paragraph("api.md", "A delivery is `pending`")
    errors = paragraph("api.md", "An attempt without a response has an error:")
    assert sorted(coded(statuses)) == sorted(listed("domain/src/delivery.rs", "Status", "as_str"))
    assert sorted(coded(errors)) == sorted(listed("domain/src/outcome.rs", "FailureKind", "code"))


def listed(path: str, enum: str, function: str) -> set[str]:
    """The wire names in a function of one enum."""
    source = (FUNCTIONS / path).read_text()
    body = re.search(rf"^impl {enum} {{.*?fn {function}\(self\)(.*?)\n    }}", source, re.MULTILINE | re.DOTALL)[1]
    return set(re.findall(r'=> "(\w+)"', body))


def test_the_maximum_length_of_a_webhook_name_is_given_as_it_is_counted():
    source = (FUNCTIONS / "domain/src/names.rs").read_text()
    longest = re.search(r"const MAX_NAME_CHARS: usize = (\d+);", source)[1]
    assert "text.chars().count() > most" in source
    limits = {what: limit for what, limit, _ in rows("api.md", "Limits")}
    assert limits["name of a webhook"] == f"{longest} characters"


def test_the_numbers_of_attempts_are_those_of_the_code():
    def number(path: str, name: str) -> int:
        factors = re.search(rf"const {name}: \w+ = ([\d* _]+);", (FUNCTIONS / path).read_text())[1]
        return math.prod(map(int, factors.split("*")))

    limits = {what: limit for what, limit, _ in rows("api.md", "Limits")}
    memory, each = (number("domain/src/flow/deliver/first_attempts.rs", name) for name in ("MAX_ATTEMPTS_BYTES", "ATTEMPT_BYTES"))
    small, medium, large = (memory // (each + 2 * size * 1024) for size in (0, 80, 256))
    assert limits["first attempts of an event at the same time"] == f"{small}; fewer of a large event: {medium} of 80 KB, {large} of 256 KB"
    manual, shown = number("domain/src/ports/record.rs", "MAX_MANUAL_ATTEMPTS"), number("manage/src/deliveries/wire.rs", "MAX_SHOWN_ATTEMPTS")
    mebibytes = number("manage/src/deliveries/wire.rs", "MAX_SHOWN_BYTES") // 1024**2
    assert limits["manual retries of a delivery"] == f"{manual}; the newest {shown} attempts are shown, at most {mebibytes} MiB of them"
    assert f"This delivery had {manual} manual retries" in text("errors.md") and f"the newest {shown} attempts, at most {mebibytes} MiB of them |" in text("api.md")
    # The OpenAPI text.
    assert f"may be retried {manual} times" in re.sub(r"\s*\n\s*/// ", " ", (FUNCTIONS / "manage/src/deliveries/mod.rs").read_text())


CONTRACTS = {contract["name"]: contract for contract in (json.loads(path.read_text()) for path in (FUNCTIONS / "domain/contracts").glob("*.json"))}
# Which row of a contract's table shows which of its fields. A new field must be added to one of
# them.
ROWS = {
    "envelope": {"envelope"},
    "test event": {"testEnvelope"},
    "`data` of a test event": {"testEnvelope"},
    "signature": {"signature"},
    "headers": {"headers"},
    "timeout": {"timeoutSeconds"},
    "delivered": {"success"},
    "never retried": {"refused", "gone"},
    "`Retry-After` honoured on": {"retryAfter"},
    "retried after": {"retryDelaysSeconds", "jitter"},
    "at the end": {"atEnd", "mails"},
    "also": {"httpsOnly", "webhooksPerTenant", "typeNames"},
}


def shape(envelope: dict) -> str:
    """An envelope as the pages write it: a member whose value is one placeholder shows that
    name, once if both names are equal."""

    def member(name: str, value: object) -> str:
        if isinstance(value, dict):
            return f"{name}: {shape(value)}"
        placeholder = re.fullmatch(r"{([\w.|]+)}", value) if isinstance(value, str) else None
        if placeholder is None:
            return f"{name}: {json.dumps(value)}"
        # A fallback follows a vertical bar, which would end the table's cell.
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
    """The statuses in a rule of a contract."""
    found = set()
    for rule in rules:
        low, _, high = rule.replace("xx", "00-" + rule[0] + "99").partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def shown(contract: dict) -> dict[str, str]:
    """The content of a contract's table; a row without a value is left out."""
    refused, gone = contract.get("refused", []), contract.get("gone", [])
    delays = ", ".join(map(span, contract["retryDelaysSeconds"]))
    if contract.get("jitter"):
        delays += f"; each up to {contract['jitter']:.0%} more".replace("%", " %")
    end = {"fail": ["dead letter"], "disable": ["dead letter", "the webhook is switched off"]}[contract["atEnd"]]
    mails = contract.get("mails", {})
    end += ["a mail"] * mails.get("whenDisabled", False)
    warning = [f"a warning by mail after failure {mails['warnAfter']}"] if "warnAfter" in mails else []
    also = ["https only"] * contract.get("httpsOnly", False)
    also += [f"{contract['webhooksPerTenant']} webhooks"] if "webhooksPerTenant" in contract else []
    also += [f'`{name}` is "{said}"' for name, said in contract.get("typeNames", {}).items()]
    # A status that is never retried has no `Retry-After`.
    awaited = sorted(numbers(contract.get("retryAfter", [])) - numbers(refused + gone))
    test = contract.get("testEnvelope", {})
    nested = test.get("data") if isinstance(test.get("data"), dict) else None
    if nested:
        test = test | {"data": "{data}"}
    told = {
        "envelope": f"`{shape(contract['envelope'])}`",
        "test event": f"`{shape(test)}`" if test else "",
        "`data` of a test event": f"`{shape(nested)}`" if nested else "",
        "signature": signed(contract.get("signature")),
        "headers": ", ".join(f"`{name}: {value}`" for name, value in contract.get("headers", {}).items()),
        "timeout": f"{contract['timeoutSeconds']} s",
        "delivered": ", ".join(contract["success"]),
        "never retried": "; ".join([*refused, *(f"{status} switches the webhook off" for status in gone)]) or "nothing",
        "`Retry-After` honoured on": ", ".join(map(str, awaited)),
        "retried after": delays,
        "at the end": "; ".join([", ".join(end), *warning]),
        "also": "; ".join(also),
    }
    return {name: value for name, value in told.items() if value}


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_the_table_of_a_contract_says_what_its_data_say(name):
    told = [tuple(row) for row in rows("contracts.md", name)]
    should = list(shown(CONTRACTS[name]).items())
    assert CONTRACTS[name]["description"] in " ".join(section("contracts.md", name).split())
    assert told == should, "should be:\n" + "\n".join(f"| {label} | {value} |" for label, value in should)


def test_the_tables_of_contracts_leave_nothing_out():
    headings = re.findall(r"^### (\w+)$", section("contracts.md", "Built-in contracts"), re.MULTILINE)
    assert sorted(headings) == sorted(CONTRACTS)
    told = set().union(*ROWS.values()) | {"name", "description"}
    for contract in CONTRACTS.values():
        assert contract.keys() <= told, contract["name"]
        assert shown(contract).keys() <= ROWS.keys(), contract["name"]


def test_the_sample_delivery_is_signed_as_the_page_says():
    page = section("verifying.md", "Your language")
    ((head, body),) = re.findall(r"^```http\n(.*?)\n\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    # As in the README's receiver.
    (receiver,) = re.findall(r"^```python\n(.*?)^```$", section("README.md", "Verify a delivery"), re.MULTILINE | re.DOTALL)
    functions: dict = {}
    exec(receiver.split("class Receiver")[0].replace("time.time()", headers["webhook-timestamp"]), functions)
    secret = re.search(r"`(whsec_\S+)`", page)[1]
    assert functions["standard"](secret, headers, body.encode()) and not functions["standard"](secret, headers, body.encode() + b" ")
    assert headers["content-length"] == str(len(body)) and f"has {len(body)} bytes" in page
    secret, signature = re.search(r"`kuviq` and the secret `(.+?)`.*?`(sha256=\w+)`", page, re.DOTALL).groups()
    assert functions["kuviq"](secret, {"x-webhook-signature": signature}, body.encode())
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    assert headers["user-agent"] == f"Postel/{version}"
    # A delivery has these headers and its contract's; HTTP adds the rest.
    assert set(first_codes("verifying.md", "Headers")) | {"webhook-signature", "host", "content-length"} == set(headers)


def routes() -> dict[str, set[str]]:
    """Methods by path, as the operations' annotations name them: the routers and the OpenAPI
    document are made from these."""
    sources = [p.read_text() for folder in ("manage/src", "api/src") for p in (FUNCTIONS / folder).rglob("*.rs")]
    constants = dict(re.findall(r'const (\w+): &str = "(/[^"]+)";', "".join(sources)))
    found: dict[str, set[str]] = {}
    for method, literal, constant in re.findall(r'utoipa::path\(\s*(\w+),\s*path = (?:"([^"]+)"|(\w+))', "".join(sources)):
        found.setdefault(literal or constants[constant], set()).add(method.upper())
    return found


def test_every_route_is_listed_once():
    routed = routes()
    assert len(routed) > 15, "the routes are written differently"
    listed = rows("api.md", "Routes")
    told = {coded(path)[0].replace("…", "/v1/tenants/{tenantId}"): set(methods.split(", ")) for path, methods, *_ in listed}
    assert told == routed and len(listed) == len(routed)


OPENAPI = json.loads((FUNCTIONS / "api/openapi.json").read_text())


def fits(sample: str, schema: dict) -> None:
    schemas = {"components": OPENAPI["components"]}
    jsonschema.Draft202012Validator(schemas | schema).validate(json.loads(sample))


def test_the_examples_of_the_api_are_what_its_document_describes():
    examples = re.findall(r"^```http\n(\w+) (\S+)\n(.*?)\n\n(\d+) [\w ]+\n(.*?)\n```$", section("api.md", "Examples"), re.MULTILINE | re.DOTALL)
    assert len(examples) == section("api.md", "Examples").count("```http") >= 5
    for method, path, request, status, response in examples:
        (described,) = [item for template, item in OPENAPI["paths"].items() if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)]
        operation = described[method.lower()]
        ((_, answer),) = operation["responses"][status]["content"].items()
        fits(response, answer["schema"])
        fits(request, operation["requestBody"]["content"]["application/json"]["schema"])


@pytest.mark.parametrize("page, heading", [("architecture.md", "Where things are"), ("testing.md", "Suites")])
def test_every_folder_that_a_page_lists_exists(page, heading):
    listed = first_codes(page, heading)
    assert len(listed) > 5
    assert [path for path in listed if not (ROOT / path).exists()] == []


def test_every_crate_and_every_folder_of_tests_is_listed():
    crates = {f"functions/{path.parent.name}" for path in FUNCTIONS.glob("*/Cargo.toml")}
    assert crates <= set(first_codes("architecture.md", "Where things are"))
    folders = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert folders <= set(first_codes("testing.md", "Suites"))


@pytest.mark.parametrize("page", PAGES)
def test_every_source_file_that_a_page_names_exists(page):
    named = {code for code in coded(without_code(page)) if re.fullmatch(r"(functions|infra|tests|docs)/[\w./-]+", code)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_tables_of_costs_and_speed_have_the_rows_that_the_bench_writes():
    source = (ROOT / "tests" / "bench" / "tables.py").read_text()
    names = re.findall(r'^    "[\w-]+": "(.+)",$', source, re.MULTILINE)
    assert len(names) > 20
    for page, heading, number in [
        ("costs.md", "A million deliveries", 0),
        ("costs.md", "By service", 0),
        ("costs.md", "By service", 1),
        ("performance.md", "Throughput", 0),
    ]:
        table = tables(section(page, heading))[number]
        shown_in_order = [row[0] for row in table[2:]]
        assert shown_in_order == [name for name in names if name in shown_in_order] and len(table[0]) > 2, f"{page}, {heading}"


def test_each_element_of_the_pages_has_a_test_that_exists():
    written = {name for path in (ROOT / "tests" / "console").glob("test_*.py") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    listed = rows("console.md", "Every element and its test")
    ids = [row[0] for row in listed if row[0]]
    assert len(ids) > 25 and len(set(ids)) == len(ids)
    assert [name for row in listed for name in coded(row[2]) if name not in written] == []
    assert [row for row in listed if not coded(row[2])] == []


def test_the_pages_show_pictures_that_are_small():
    shown = {name: re.findall(r"!\[[^]]+\]\(([^)]+\.png)\)", text(name)) for name in ("README.md", "console.md")}
    assert (len(shown["README.md"]), len(shown["console.md"])) == (1, 3)
    for name, pictures in shown.items():
        assert all((PAGES[name].parent / picture).stat().st_size <= 120_000 for picture in pictures)


TELEMETRY = (FUNCTIONS / "adapters/src/telemetry.rs").read_text()


def test_the_sample_of_an_attempts_log_line_has_its_fields():
    fields = set(re.findall(r"^    (\w+): ", re.search(r"struct AttemptLine.*?\n}", TELEMETRY, re.DOTALL)[0], re.MULTILINE))
    # The start of each line; the dispatcher's lines have only Lambda's id.
    begins = re.findall(r"^    (\w+): ", re.search(r"struct Line<.*?\n}", TELEMETRY, re.DOTALL)[0], re.MULTILINE)
    assert begins == ["timestamp", "level", "message", "invocation", "fields"]
    fields |= {*begins[:3], "request_id"}
    (sample,) = re.findall(r"```json\n(.*?)```", section("operating.md", "Logs"), re.DOTALL)
    assert "`status_code`" in section("operating.md", "Logs")
    assert json.loads(sample).keys() == fields - {"status_code"}
    assert f'write("INFO", "{json.loads(sample)["message"]}", ' in TELEMETRY


def test_the_page_says_how_long_twenty_tries_last():
    source = (FUNCTIONS / "domain/src/flow/deliver/retry_message.rs").read_text()
    first, longest = (int(re.search(rf"{name}: Duration = Duration::from_secs\((\d+)\)", source)[1]) for name in ("FIRST_DELAY", "MAX_DELAY"))
    spread = float(re.search(r"SPREAD: f64 = ([\d.]+)", source)[1])
    tries = int(template.load(settings.TEMPLATE)["Parameters"]["MaxReceiveCount"]["Default"])

    def hours(tries: int) -> float:
        return sum(min(first * 2**n, longest) for n in range(tries - 1)) / 3600

    page = " ".join(text("operating.md").split())
    assert f"a message {tries} times (`MaxReceiveCount`)" in page
    low, middle, high = (hours(tries) * factor for factor in (1 - spread, 1, 1 + spread))
    assert f"{middle:.1f} hours on average ({low:.1f} to {high:.1f})" in page
    assert f"`MaxReceiveCount` 100, the last try after failed calls is {hours(100):.0f} hours after the first" in page


def test_every_metric_is_listed():
    source = (FUNCTIONS / "adapters/src/metrics.rs").read_text().split("#[cfg(test)]")[0]
    names = re.findall(r'Counter::new\("(\w+)"\)', source) + re.findall(r'\("(\w+)", "(?:Count|Seconds|Milliseconds)", ', source)
    assert len(names) > 10 and first_codes("operating.md", "Metrics") == names
