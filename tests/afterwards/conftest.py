"""What is asked of a stack after all end-to-end tests have run on it (tests/gate.sh, `make e2e`):
of a fresh one, or after a part of them, it fails."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra" / "local"))
