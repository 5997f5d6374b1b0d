"""Fills the local stack of `make run`, so that the console shows life at the first look: a tenant
for each contract, with webhooks that answer well, at a later attempt, or never. All of them are
inboxes in the stack: nothing else has to run."""

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
# What each inbox answers; the last response repeats.
WEBHOOKS = {
    "ERP integration": [{"status": 200}],
    "Data warehouse": [{"status": 503, "times": 5}, {"status": 200}],
    "Old chat channel": [{"status": 500, "body": "This channel was archived."}],
}


def plant(api: Api) -> None:
    for contract, event_type in EVENTS.items():
        path = f"/v1/tenants/demo-{contract}"
        api.call("PUT", path, {"name": f"Demo of {contract}", "contract": contract})
        for name, responses in WEBHOOKS.items():
            wanted = {"name": name, "url": "postel:inbox", "events": [event_type], "overrides": OVERRIDES}
            webhook = api.call("POST", f"{path}/webhooks", wanted)["id"]
            api.call("PUT", f"{path}/webhooks/{webhook}/responses", {"responses": responses})
        for number in range(DELIVERIES):
            api.call("POST", f"{path}/events", {"type": event_type, "data": {"id": f"{contract}_{number}", "number": number}})


def sign_in(api_url: str, key: str) -> str:
    """The console's address with a one-time code. Not the answer's own `url`: the function sees
    only the host, and the local cloud's API has a path."""
    return f"{api_url}/console/#s={Api(api_url, key).call('POST', '/v1/sessions', {})['code']}"
