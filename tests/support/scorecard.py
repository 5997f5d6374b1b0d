"""The result of a check, in one line for the runner of `make chaos`: `pytest -n0 -s` shows it."""

import json
import os


def count(name: str, short: int) -> int:
    """The size of a check: small in `make test`, POSTEL_TEST_<NAME> if the environment sets it."""
    return int(os.environ.get(f"POSTEL_TEST_{name}", short))


def row(number: int | str, **reached: object) -> None:
    print(f"\nscorecard: {json.dumps({'row': number, **reached})}", flush=True)
