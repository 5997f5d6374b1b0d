"""The stack of `make run` shows life at the first look."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra" / "local"))

import seed  # noqa: E402
from show import Api  # noqa: E402

from support import stack  # noqa: E402

BUILT_IN = {path.stem for path in (stack.ROOT / "functions" / "domain" / "contracts").glob("*.json")}


def test_each_contract_has_a_tenant_whose_deliveries_succeed_and_fail():
    known = stack.outputs()
    api = Api(known["apiUrl"], known["operatorKey"])
    assert seed.EVENTS.keys() == BUILT_IN
    try:
        seed.plant(api)
        for contract in seed.EVENTS:

            def is_over(tenant: str = f"/v1/tenants/demo-{contract}") -> bool:
                counts = api.call("GET", f"{tenant}/stats")
                assert (counts["pending"], counts["inProgress"]) == (0, 0)
                return counts["completed"] >= 2 * seed.DELIVERIES and counts["failed"] >= seed.DELIVERIES

            stack.eventually(is_over, 60, f"the deliveries of {contract}")
    finally:
        for contract in seed.EVENTS:
            api.call("DELETE", f"/v1/tenants/demo-{contract}")

