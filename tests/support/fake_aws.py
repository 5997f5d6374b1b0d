"""An `aws` that answers chosen calls as AWS documents them, and hands all others on to the real
AWS CLI: for faults that the local cloud cannot have.

The answers are in the file that FAKE_AWS names: a list of objects. `call` is a part of the command
line that the answer is for. `error` is what AWS would refuse with, as [code, operation, text];
`says` what the CLI would print of its own. `change` changes the real answer: a value by the path
of its members.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

REAL = Path(__file__).resolve().parents[2] / ".local" / "awscli" / "bin" / "aws"


def main(arguments: list[str]) -> int:
    line = " ".join(arguments)
    for answer in json.loads(Path(os.environ["FAKE_AWS"]).read_text()):
        if answer["call"] not in line:
            continue
        if "error" in answer:
            code, operation, text = answer["error"]
            print(f"\nAn error occurred ({code}) when calling the {operation} operation: {text}", file=sys.stderr)
            return 254
        if "says" in answer:
            print(answer["says"], file=sys.stderr)
            return 253
        done = subprocess.run([REAL, *arguments], stdout=subprocess.PIPE)
        print(json.dumps(changed(json.loads(done.stdout), answer["change"])))
        return done.returncode
    os.execv(REAL, [str(REAL), *arguments])


def changed(value, change: dict):
    for path, new in change.items():
        *way, last = path.split(".")
        place = value
        for name in way:
            place = place[int(name)] if isinstance(place, list) else place[name]
        place[last] = new
    return value


def install(folder: Path, answers: list[dict]) -> dict[str, str]:
    """Puts it into a folder; returns the variables that make it the `aws` of a program."""
    folder.mkdir(exist_ok=True)
    aws = folder / "aws"
    # The interpreter's own path: a shebang of `env` would ask the PATH.
    aws.write_text(f"#!{sys.executable}\n" + Path(__file__).read_text().replace("Path(__file__).resolve().parents[2]", f"Path({str(REAL.parents[3])!r})"))
    aws.chmod(0o755)
    (folder / "answers.json").write_text(json.dumps(answers))
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "FAKE_AWS": str(folder / "answers.json")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
