"""`make package`: builds the functions for AWS with pinned tools, checks each binary, and prints
a table. Needs no AWS account.

`--architecture` builds for another processor than samconfig.toml names, to try it. A build can
only be deployed for the processor that it was built for: the built template allows no other
value of `Architecture`.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "local")]

import checks
import console
import environment
from progress import step
from settings import LOCAL, ROOT, TEMPLATE, CliError

VENV = LOCAL / "package"
REQUIREMENTS = HERE / "requirements.txt"
BUILT = ROOT / ".aws-sam" / "build"
# The same binaries under the functions' names, for POSTEL_BOOTSTRAPS.
BOOTSTRAPS = ROOT / ".aws-sam" / "bootstraps"
TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="make package", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", choices=sorted(TARGETS), help="instead of the one in samconfig.toml")
    given = parser.parse_args(arguments)
    configured = _configured()
    architecture = given.architecture or configured
    _refuse_without_rust(TARGETS[architecture])
    if Path(sys.prefix).resolve() != VENV.resolve():
        environment.made(VENV, REQUIREMENTS, "making the environment of the build tools")
        done = subprocess.run([str(VENV / "bin" / "python"), str(Path(__file__).resolve()), *arguments])
        raise SystemExit(done.returncode)
    refuse_without_pages()
    console.build()
    with step(f"building the functions for {architecture}"):
        _build(architecture)
    _allow_only(architecture)
    wrong = checks.report(_bootstraps(), architecture)
    if wrong:
        raise CliError("these binaries must not be deployed:\n  " + "\n  ".join(wrong))
    if architecture == configured:
        print(f"  deploy it with: {(VENV / 'bin' / 'sam').relative_to(ROOT)} deploy")
    else:
        print(f"  samconfig.toml names {configured}: AWS refuses this build until it names {architecture}")


def _configured() -> str:
    """The processor that `sam build` and `sam deploy` read from samconfig.toml."""
    found = re.findall(r'^\s*"Architecture=(\w+)",?$', (ROOT / "samconfig.toml").read_text(), re.MULTILINE)
    if len(found) != 1 or found[0] not in TARGETS:
        raise CliError(f'samconfig.toml has to name the processor once, as "Architecture=arm64" or "Architecture=x86_64"; it has {found or "none"}')
    return found[0]


def _refuse_without_rust(target: str) -> None:
    """Fails before a build of minutes, in which cargo-lambda would ask rustup for the download."""
    if shutil.which("rustc") is None or shutil.which("cargo") is None:
        raise CliError("cargo is missing; install Rust from https://rustup.rs and open a new shell")
    asked = subprocess.run(["rustc", "--print", "target-libdir", "--target", target], capture_output=True, text=True, cwd=ROOT)
    if asked.returncode != 0 or not list(Path(asked.stdout.strip()).glob("libstd-*")):
        raise CliError(f"Rust's standard library for {target} is missing; install it (`rustup target add {target}`) and repeat")


def refuse_without_pages() -> None:
    if os.environ.get("POSTEL_CONSOLE") == "skip":
        raise CliError("POSTEL_CONSOLE=skip leaves out the pages of the console; unset it to build what is deployed")


def _build(architecture: str) -> None:
    tools = VENV / "bin"
    state = LOCAL / "sam"
    state.mkdir(parents=True, exist_ok=True)
    # sam would ask PyPI for a newer version of itself once a week, and send telemetry.
    (state / "metadata.json").write_text(json.dumps({"telemetryEnabled": False, "lastVersionCheck": time.time()}))
    ours = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(state), "AWS_EC2_METADATA_DISABLED": "true"}
    shutil.rmtree(BUILT.parent, ignore_errors=True)
    command = [str(tools / "sam"), "build", "--parameter-overrides", f"Architecture={architecture}"]
    log = LOCAL / "package.log"
    with log.open("w") as out:
        done = subprocess.run(command, cwd=ROOT, env=os.environ | ours, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        print(log.read_text(), file=sys.stderr)
        raise CliError("the build failed; fix the errors above and repeat")


def _allow_only(architecture: str) -> None:
    """Makes the built template reject another processor before AWS changes anything, whatever a
    deployment's parameters or their former values are."""
    from samcli.yamlhelper import yaml_dump, yaml_parse

    path = BUILT / "template.yaml"
    built = yaml_parse(path.read_text())
    built["Parameters"]["Architecture"] |= {"Default": architecture, "AllowedValues": [architecture]}
    path.write_text(yaml_dump(built))


def _bootstraps() -> dict[str, Path]:
    """The binaries by their functions' names."""
    from samcli.yamlhelper import yaml_parse

    functions = {n: r for n, r in yaml_parse(TEMPLATE.read_text())["Resources"].items() if r["Type"] == "AWS::Serverless::Function"}
    found = {r["Metadata"]["BuildProperties"]["Binary"]: BUILT / name / "bootstrap" for name, r in functions.items()}
    BOOTSTRAPS.mkdir()
    for name, path in found.items():
        os.link(path, BOOTSTRAPS / name)
    return found


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CliError as failure:
        sys.exit(f"postel: {failure}")
