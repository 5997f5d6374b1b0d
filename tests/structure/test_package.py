"""`make package`: its checks detect binaries that must not be deployed, its tools are pinned,
and build and deploy read one architecture."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra" / "package"), str(ROOT / "infra" / "local")]

import checks  # noqa: E402
import elf  # noqa: E402
import package  # noqa: E402
import template  # noqa: E402
from settings import CliError  # noqa: E402

PROGRAM = """
fn main() {
    let given: Vec<String> = std::env::args().collect();
    println!("{}", std::panic::catch_unwind(|| given[1].len()).is_ok());
}
"""
TARGET = "x86_64-unknown-linux-gnu"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory):
    """A program, built once to unwind and once to abort."""
    place = tmp_path_factory.mktemp("built")
    (place / "program.rs").write_text(PROGRAM)

    def build(panic: str) -> Path:
        binary = place / panic
        command = ["rustc", "-O", "-C", "strip=symbols", "-C", f"panic={panic}", "-o", str(binary), str(place / "program.rs")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return binary

    if f"host: {TARGET}" not in subprocess.run(["rustc", "-vV"], capture_output=True, text=True).stdout:
        pytest.skip(f"the programs are looked at as {TARGET}")
    return {panic: build(panic) for panic in ("unwind", "abort")}


def found(path: Path, architecture: str = "x86_64") -> list[str]:
    # rustc links another library for unwinding and this machine's glibc: cargo-lambda's Zig does
    # neither.
    return [fault for fault in checks.faults(path, architecture) if "libgcc_s" not in fault]


def changed(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    data = path.read_bytes()
    for old, new in changes:
        assert data.count(old) > 0 and len(old) == len(new)
        data = data.replace(old, new)
    target = path.with_name("changed")
    target.write_bytes(data)
    return target


def test_a_binary_that_unwinds_passes_and_one_that_aborts_does_not(built):
    assert found(built["unwind"]) == []
    assert found(built["abort"]) == ['a panic would end the process: build with panic = "unwind"']


def test_a_binary_for_another_processor_does_not_pass(built):
    assert found(built["unwind"], "arm64") == ["it is built for x86_64, not for arm64"]
    data = bytearray(built["unwind"].read_bytes())
    data[18:20] = (183).to_bytes(2, "little")
    arm = built["unwind"].with_name("arm")
    arm.write_bytes(data)
    assert "it is built for arm64, not for x86_64" in found(arm)


def test_a_binary_that_needs_a_newer_glibc_does_not_pass(built):
    newest = elf.read(built["unwind"]).glibc
    assert (2, 17) <= newest <= checks.NEWEST_GLIBC
    name = f"GLIBC_{newest[0]}.{newest[1]}".encode()
    assert found(changed(built["unwind"], (name, b"GLIBC_2.99"))) == ["it needs glibc 2.99; Lambda has 2.34"]


def test_a_binary_that_needs_a_library_that_lambda_may_not_have_does_not_pass(built):
    assert checks.faults(built["unwind"], "x86_64") == ["it needs libgcc_s.so.1, which Lambda's runtime may not have"]


def test_a_binary_that_is_too_large_does_not_pass(built, monkeypatch):
    monkeypatch.setattr(checks, "MAX_BYTES", 1000)
    assert [fault for fault in found(built["unwind"]) if fault.endswith("more than 1,000")] != []


def test_what_is_no_program_is_told_as_such(tmp_path):
    script = tmp_path / "bootstrap"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(elf.NotElf):
        elf.read(script)
    assert checks.report({"publish": script}, "x86_64") == [f"publish: {script} is no 64-bit little-endian ELF file"]


def test_the_tools_are_pinned():
    pinned = dict(re.findall(r"^([\w-]+)==([\w.]+)$", package.REQUIREMENTS.read_text(), re.MULTILINE))
    assert set(pinned) == {"aws-sam-cli", "cargo-lambda", "ziglang"}
    # The gate validates the template with the sam that builds.
    assert f"aws-sam-cli=={pinned['aws-sam-cli']}\n" in (ROOT / "infra" / "local" / "requirements-test.txt").read_text()


def test_build_and_deploy_read_one_architecture():
    """From samconfig.toml's section for all commands: neither command has its own, and the pages
    pass none to either."""
    text = (ROOT / "samconfig.toml").read_text()
    shared, *own = re.split(r"^\[default\.", text, flags=re.MULTILINE)[1:]
    assert shared.startswith("global.parameters]") and "parameter_overrides = [" in shared
    assert [part.split("]")[0] for part in own if re.search(r"^parameter_overrides", part, re.MULTILINE)] == []
    # sam itself reads it so, both the list and the section for all commands.
    from samcli.cli.types import CfnParameterOverridesType
    from samcli.lib.config.samconfig import SamConfig

    read = {command: SamConfig(str(ROOT)).get_all([command], "parameters")["parameter_overrides"] for command in ("build", "deploy")}
    chosen = [CfnParameterOverridesType().convert(tuple(values), None, None)["Architecture"] for values in read.values()]
    assert chosen == [package._configured()] * 2
    assert package._configured() == template.load(ROOT / "infra" / "template.yaml")["Parameters"]["Architecture"]["Default"]
    for page in ("README.md", "docs/deploying.md", "docs/operating.md", "docs/settings.md"):
        assert "--parameter-overrides" not in (ROOT / page).read_text(), page


def test_the_settings_name_one_architecture_that_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "ROOT", tmp_path)
    for text in ("", '  "Architecture=mips",\n', '  "Architecture=arm64",\n  "Architecture=x86_64",\n'):
        (tmp_path / "samconfig.toml").write_text(text)
        with pytest.raises(CliError, match="has to name the processor once"):
            package._configured()


def test_an_architecture_without_its_standard_library_is_refused_with_a_remedy():
    # A target that rustc knows and that is never installed.
    with pytest.raises(CliError, match="`rustup target add sparc64-unknown-linux-gnu`"):
        package._refuse_without_rust("sparc64-unknown-linux-gnu")


@pytest.mark.parametrize("page, heading", [("README.md", "Deploy"), ("docs/deploying.md", "Build and deploy")])
def test_the_pages_deploy_what_make_package_builds(page, heading):
    deploying = (ROOT / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    assert "make package" in deploying and ".local/package/bin/sam deploy" in deploying
    assert "pip install" not in deploying and "sam build &&" not in deploying
