"""Checks of a stack after all end-to-end tests have run on it (tests/gate.sh, `make e2e`): they
fail on a new stack, or after a part of the tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra" / "local"))
