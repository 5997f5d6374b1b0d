"""Says what is being done and how long it took, one line a step."""

import sys
import time
from contextlib import contextmanager


@contextmanager
def step(what: str):
    """Names the step before it starts, so that a long one is seen at work. On a terminal the time
    joins the same line."""
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
