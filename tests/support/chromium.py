"""Finds Chromium for the tests of the console. `python3 tests/support/chromium.py` prints its
path, or exits with 1. Standard library only: the gate runs it before the environment exists."""

import os
import shutil
import sys

# Debian, Ubuntu and others call it differently; the shell is the same engine without windows, and
# the tests take a fifth less with it. Playwright's own downloads are not used.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "Chromium is missing: install it (on Debian: apt install chromium) or name a Chromium or Chrome of version 120 or later in POSTEL_CHROMIUM"


def find() -> str | None:
    """Its path. POSTEL_CHROMIUM names one, else it is on the PATH."""
    if named := os.environ.get("POSTEL_CHROMIUM"):
        return shutil.which(named)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


if __name__ == "__main__":
    found = find()
    print(found or MISSING)
    sys.exit(found is None)
