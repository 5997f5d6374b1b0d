"""Which crate may use which: the design's one-way edges, read from cargo's own resolution.
deny.toml has the same rules and more for cargo-deny.

`cargo metadata` runs without --offline: on a clean machine it fetches the crates, which the
build needs next anyway. The locked graph is a little larger than what is compiled (it has
optional crates that no feature enables), so a rule that holds here holds for every build.
"""

import functools
import json
import re
import subprocess
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest installs this one
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
CRATES = sorted(path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml"))
FUNCTIONS = [name for name in CRATES if name not in ("domain", "adapters", "api")]
# The command line, which no function knows.
CLI = "cli"
# The functions that HTTP requests reach.
HTTP_FUNCTIONS = {"manage", "publish"}
# The function that serves files over HTTP and calls nobody.
FILES_FUNCTION = "console"

# The AWS SDK, the conversion of rows into its values, and the HTTP clients. (`aws_lambda_events`,
# with underscores, is Lambda's own.)
OUTSIDE = re.compile(r"aws-.*|serde_dynamo|reqwest|hyper(-.*)?")
# Nothing from outside: no runtime, no network, no AWS, no randomness.
WORLD = re.compile(r"aws[-_].*|lambda_.*|reqwest|hyper(-.*)?|axum(-.*)?|tokio(-.*)?|mio|socket2|serde_dynamo|getrandom|rand|rand_core")

# The crates that answer HTTP requests and describe them.
INBOUND = re.compile(r"api|axum(-.*)?|utoipa(-.*)?|lambda_http")

# Crates that would print the logs of the SDK, hyper and reqwest about requests and responses,
# headers included, if RUST_LOG is set.
LOGGERS = re.compile(r"tracing-(subscriber|log|appender|forest|tree)|.*[-_]logger|fern|log4rs|slog(-.*)?|stderrlog|console-subscriber|opentelemetry.*")


@functools.cache
def metadata() -> dict:
    host = re.search(r"^host: (.+)$", run("rustc", "-vV"), re.MULTILINE)[1]
    return json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", host))


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def package(name: str) -> dict:
    """One of the workspace's packages, by the name of its directory."""
    manifest = str(ROOT / ("clients" if name == CLI else "functions") / name / "Cargo.toml")
    (found,) = [p for p in metadata()["packages"] if p["manifest_path"] == manifest]
    return found


def direct(name: str, *, tests: bool = True) -> set[str]:
    """The direct dependencies in its Cargo.toml."""
    return {d["name"] for d in package(name)["dependencies"] if tests or d["kind"] != "dev"}


def reached(name: str) -> set[str]:
    """All its dependencies, without those of tests."""
    nodes = {node["id"]: node for node in metadata()["resolve"]["nodes"]}
    names = {p["id"]: p["name"] for p in metadata()["packages"]}
    found, todo = set(), [package(name)["id"]]
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            wanted = any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])
            if wanted and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    return {names[identity] for identity in found}


def offending(names: set[str], rule: re.Pattern) -> list[str]:
    return sorted(name for name in names if rule.fullmatch(name))


@pytest.mark.parametrize("name", CRATES)
def test_directory_package_and_binary_have_one_name(name):
    assert package(name)["name"] == name
    binaries = [target["name"] for target in package(name)["targets"] if "bin" in target["kind"]]
    assert binaries == ([name] if name in FUNCTIONS else [])


@pytest.mark.parametrize("name", [name for name in CRATES if name != "adapters"])
def test_only_adapters_speaks_to_aws_and_to_receivers(name):
    assert offending(direct(name), OUTSIDE) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_never_import_each_other(name):
    assert sorted(direct(name) & set(FUNCTIONS)) == []


def test_adapters_knows_the_domain_and_no_function():
    assert direct("adapters") & set(CRATES) == {"domain"}


def test_api_knows_the_domain_and_adapters_and_no_function():
    assert direct("api") & set(CRATES) == {"domain", "adapters"}


@pytest.mark.parametrize("name", [name for name in CRATES if name not in HTTP_FUNCTIONS | {"api", FILES_FUNCTION}])
def test_what_no_http_request_reaches_does_not_compile_a_web_framework(name):
    assert offending(reached(name), INBOUND) == []


@pytest.mark.parametrize("name", sorted(HTTP_FUNCTIONS))
def test_functions_behind_http_share_the_crate_api(name):
    assert {"api", "axum"} <= reached(name)


def test_the_function_that_serves_files_can_reach_neither_aws_nor_the_tables():
    assert direct(FILES_FUNCTION) == {"lambda_http", "tokio"}
    assert offending(reached(FILES_FUNCTION), re.compile(r"aws-.*|serde_dynamo|reqwest|rustls|axum(-.*)?|domain|adapters|api")) == []


def test_the_command_line_knows_the_domain_only_and_compiles_no_aws_crate():
    assert direct(CLI) & {*CRATES} == {"domain"}
    assert offending(reached(CLI), re.compile(r"aws-(?!lc).*|serde_dynamo|lambda_.*|axum(-.*)?|adapters|api")) == []
    assert not any(CLI in direct(name) for name in CRATES)


def features(edges: str) -> set[str]:
    """Each crate of the workspace with its features, as cargo resolves them for these edges."""
    command = ["cargo", "tree", "--locked", "--workspace", "--prefix=none", f"--edges={edges}", "--format={p} {f}"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {re.sub(r" \((\*|proc-macro)\)", "", line).strip() for line in listed.splitlines()}


def test_tests_and_binaries_use_one_build_of_each_crate():
    """With other features for tests, cargo compiles a crate and all that is above it twice, the
    AWS SDK among them. tests/it/Cargo.toml names what tests add."""
    binaries, tests = features("normal,build"), features("all")
    assert len(binaries) > 200 and binaries - tests == set()


def test_the_domain_knows_nothing_of_the_world():
    assert sorted(direct("domain") & set(CRATES)) == []
    assert offending(reached("domain"), WORLD) == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_writes_its_own_log_lines_only(name):
    assert "tracing" in reached(name), "the SDK logs through tracing to every subscriber"
    assert offending(reached(name), LOGGERS) == []


def test_the_domain_cannot_read_the_clock_by_jiff():
    # Features are unified: one crate that enabled `std` would give `Timestamp::now` to all. The
    # metadata lists features that nothing enables.
    tree = run("cargo", "tree", "--locked", "--workspace", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}")
    features = {line.split()[-1] for line in tree.splitlines() if line.startswith("jiff v")}
    assert features == {"alloc"}


def test_a_plain_build_leaves_out_the_tests_crates():
    """They enable features (tokio's `process`, hyper's `server`), and cargo unifies the features
    of everything that it builds at once."""
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert manifest["default-members"] == ["functions/*"]
    built = ("--edges", "normal", "--prefix", "none", "--format", "{p} {f}")
    features = {line.split()[2] for line in run("cargo", "tree", "--locked", *built).splitlines() if line.startswith("tokio v")}
    assert features and not any("process" in named.split(",") for named in features)


def test_the_security_page_gives_the_number_of_foreign_crates():
    # Each is code that runs with access to the tenants' secrets: a change in their number must be
    # visible in a review, not only in the lock file.
    chosen = [argument for name in FUNCTIONS for argument in ("-p", name)]
    target = ("--target", "aarch64-unknown-linux-gnu")
    tree = run("cargo", "tree", "--locked", *chosen, *target, "--edges", "normal", "--prefix", "none", "--format", "{p}")
    crates = {line.removesuffix(" (*)") for line in tree.splitlines() if line and str(ROOT) not in line}
    told = re.search(r"functions use (\d+)\s+third-party\s+crates", (ROOT / "docs" / "security.md").read_text())
    assert int(told[1]) == len(crates)


def test_every_licence_is_in_the_list_of_deny_toml():
    allowed = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
    refused = {f"{p['name']} {p['version']}": p["license"] for p in metadata()["packages"] if not is_allowed(p["license"], allowed)}
    assert refused == {}


def is_allowed(licence: str | None, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be satisfied with these licences. `/` is cargo's older form
    of OR; AND binds stronger."""
    tokens = re.findall(r"[()]|[^\s()/]+|/", licence or "unknown")

    def alternatives() -> bool:
        met = all_of()
        while tokens and tokens[0] in ("OR", "/"):
            tokens.pop(0)
            met = all_of() or met
        return met

    def all_of() -> bool:
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one() -> bool:
        token = tokens.pop(0)
        if token != "(":
            # An exception adds a permission; none is in the list, so none is needed.
            if tokens and tokens[0] == "WITH":
                del tokens[:2]
            return token in allowed
        met = alternatives()
        tokens.pop(0)
        return met

    return alternatives()


@pytest.mark.parametrize(
    ("licence", "met"),
    [
        ("MIT", True),
        ("MIT/Apache-2.0", True),
        ("GPL-3.0 OR MIT", True),
        ("GPL-3.0 AND MIT", False),
        ("MIT AND (GPL-3.0 OR ISC)", True),
        ("MIT OR ISC AND GPL-3.0", True),
        ("(MIT OR ISC) AND GPL-3.0", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        (None, False),
    ],
)
def test_a_licence_expression_is_read_as_spdx_says(licence, met):
    assert is_allowed(licence, {"MIT", "ISC", "Apache-2.0"}) is met


def test_the_release_profile_leaves_the_build_tool_nothing_to_add():
    """cargo-lambda passes `--config profile.release.NAME=…` for each of these that the manifest
    does not set, `panic="abort"` among them."""
    profile = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]["release"]
    named = {name: profile.get(name) for name in ("opt-level", "lto", "codegen-units", "panic", "strip")}
    assert named == {"opt-level": 3, "lto": True, "codegen-units": 1, "panic": "unwind", "strip": True}
