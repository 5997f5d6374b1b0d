"""Fills the local stack of `make run`, so that the console shows life at the first look: a tenant
for each contract, with webhooks that answer well, at the second attempt, or never."""

from receiver import Receiver
from show import Api

# What each vendor's product would publish; one more type for `standard`.
EVENTS = {
    "inspectorio": "report.created",
    "kazinex": "workflow.completed",
    "kliq": "member.created",
    "kuviq": "inspection.completed",
    "standard": "invoice.paid",
}
DELIVERIES = 8
# Short delays, so that the first look finds the ends of all deliveries.
OVERRIDES = {"retryDelaysSeconds": [1, 2]}
WEBHOOKS = {"ERP integration": "/good", "Data warehouse": "/shaky", "Old chat channel": "/down"}


def plant(api: Api, receiver: Receiver) -> int:
    """Returns how many tenants there are now. `receiver` has to outlive the deliveries."""
    receiver.broken.add("/down")
    receiver.answers["/shaky"] = [503] * (len(EVENTS) * 3)
    for contract, event_type in EVENTS.items():
        _tenant(api, receiver, contract, event_type)
    return len(EVENTS)


def _tenant(api: Api, receiver: Receiver, contract: str, event_type: str) -> None:
    path = f"/v1/tenants/demo-{contract}"
    api.call("PUT", path, {"name": f"Demo of {contract}", "contract": contract})
    for name, where in WEBHOOKS.items():
        api.call("POST", f"{path}/webhooks", {"name": name, "url": receiver.url(where), "events": [event_type], "overrides": OVERRIDES})
    for number in range(DELIVERIES):
        api.call("POST", f"{path}/events", {"type": event_type, "data": {"id": f"{contract}_{number}", "number": number}})


def sign_in(api_url: str, key: str) -> str:
    """The console's address with a one-time code. Not the answer's own `url`: the function sees
    only the host, and the local cloud's API has a path."""
    return f"{api_url}/console/#s={Api(api_url, key).call('POST', '/v1/sessions', {})['code']}"
