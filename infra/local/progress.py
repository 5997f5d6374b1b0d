"""Prints each step and how long it took, one line per step."""

import sys
import time
from contextlib import contextmanager


@contextmanager
def step(what: str):
    """Prints the step before it starts, so that a long one is visible. On a terminal the time is
    added to the same line."""
    began = time.monotonic()
    terminal = sys.stdout.isatty()
    if terminal:
        print(f"  {what} ...", end="", flush=True)
    try:
        yield
    except BaseException:
        if terminal:
            print()
        raise
    took = f"{time.monotonic() - began:6.1f} s"
    print(f"\r  {what:<52}{took}" if terminal else f"  {what:<52}{took}", flush=True)
