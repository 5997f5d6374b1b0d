"""The examples of the OpenAPI document, sent to the running stack one after the other.

`functions/api/examples.json` has the request and the successes of each operation, with ids, names
and times that anybody may read. Here they become those of this run and back again. Written anew, if
an answer has changed: `POSTEL_OUTPUTS=… python tests/support/openapi_examples.py` (then `make
openapi`).
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import client, stack  # noqa: E402
from support.client import Answer  # noqa: E402
from support.receiver import Receiver, Reply  # noqa: E402

EXAMPLES = ROOT / "functions" / "api" / "examples.json"
URL = "https://receiver.example.com/hook"
TIME = "2026-01-31T12:00:00.000Z"
# What stands for an id in the examples, by the path parameter that holds it.
SHOWN = {
    "tenantId": "acme",
    "contractName": "acme-signed",
    "eventType": "item.created",
    "keyId": "0a1b2c3d4e5f",
    "webhookId": "wh_0a1b2c3d4e5f6g7h8j9k",
    "eventId": "order-17",
    "deliveryId": "dlv_01J9ZQ5X3N8V7K2M4R6T8W0Y1B0a1b2c3d4e5f6g7h8j9k",
    "deadLetterId": "dl_01J9ZQ5X3N8V7K2M4R6T8W0Y1B",
    "redriveId": "rd_01J9ZQ5X3N8V7K2M4R6T8W0Y1B",
    "sessionId": "ses_01J9ZQ5X3N8V7K2M4R6T8W0Y1B",
}
# What is made up for each answer, by member.
MADE = {
    "key": "postel_0a1b2c3d4e5f_…",
    "secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "token": "postel_ses_01J9ZQ5X3N8V7K2M4R6T8W0Y1B_acme_…",
    "nextCursor": "AAEC…",
    "requestId": "El0IgttzHZnzjmw=",
    "webhook-signature": "v1,…",
    "webhook-timestamp": "1769860800",
    "date": "Sat, 31 Jan 2026 12:00:00 GMT",
    "durationMs": 87,
    "lastDurationMs": 87,
    "p50": 87,
    "p95": 87,
    "responseTimeMs": 87,
    "user-agent": "Postel/0.1.0",
    "server": "nginx",
}
ULID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
IDS = {
    rf"dlv_{ULID}[\w-]{{20,}}": SHOWN["deliveryId"],
    rf"dl_{ULID}": SHOWN["deadLetterId"],
    rf"evt_{ULID}": "evt_01J9ZQ5X3N8V7K2M4R6T8W0Y1B",
    r"wh_[\w-]{20}": SHOWN["webhookId"],
    rf"rd_{ULID}": SHOWN["redriveId"],
    r"1[7-9]\d{8}": "1769860800",
    rf"ses_{ULID}": SHOWN["sessionId"],
    rf"req_{ULID}": "req_01J9ZQ5X3N8V7K2M4R6T8W0Y1B",
    r"20[2-8]\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z": TIME,
}


class Run:
    """One walk through all operations, in an order in which each finds what it needs."""

    def __init__(self, document: dict[str, Any], receiver: Receiver) -> None:
        self.examples: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text())
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }
        self.receiver = receiver
        self.operator = client.operator()
        # A name in place of each that the examples show.
        self.known = {"tenantId": stack.unique("example"), "contractName": stack.unique("example"), "eventType": f"{stack.unique('example')}.created"}
        self.seen: dict[str, dict[str, Any]] = {}

    def send(self, operation: str, status: int = 200, request: str = "request", query: str = "", **ids: str) -> Any:
        """Sends the operation's example and keeps the answer as it would be shown."""
        self.known |= ids
        method, path, _ = self.operations[operation]
        place = re.sub(r"{(\w+)}", lambda found: self.known[found[1]], path) + query
        body = self.examples.get(operation, {}).get(request)
        if operation == "sessions.exchange":
            body = {"code": self.code}
        answer: Answer = self.operator.call(method, place, None if body is None else self.real(body))
        while operation.endswith(".list") and not any(map(self.is_ours, answer.json["items"])) and "nextCursor" in answer.json:
            # Other tests have things, too, and of operators' lists theirs may come first.
            answer = self.operator.get(path, limit=250, cursor=answer.json["nextCursor"])
        assert answer.status == status, f"{operation}: {answer}"
        if operation == "keys.create":
            self.known["keyId"] = answer.json["id"]
        if operation.endswith("essions.create"):
            self.known["sessionId"], self.code = answer.json["id"], answer.json["code"]
        if answer.raw:
            self.seen.setdefault(operation, {})[str(status)] = self.shown(answer.json)
        return answer.json

    def real(self, value: Any) -> Any:
        """An example as this run can send it."""
        text = json.dumps(value).replace(URL, self.receiver.url("/hook"))
        for name, shown in SHOWN.items():
            if name in self.known:
                text = re.sub(rf'"{re.escape(shown)}"', json.dumps(self.known[name]), text)
        return json.loads(text)

    def shown(self, value: Any, member: str = "") -> Any:
        """What an example shows of an answer: of a list what is this run's, and one entry."""
        if isinstance(value, dict):
            return {self.text(name): self.shown(one, name) for name, one in value.items()}
        if isinstance(value, list):
            ours = [one for one in value if self.is_ours(one)] or value
            return [self.shown(one, member) for one in (ours[:1] if member == "items" else ours)]
        if member in MADE and value != "***" and (member != "secret" or str(value).startswith("whsec_")):
            return MADE[member]
        return self.text(value) if isinstance(value, str) else value

    def is_ours(self, entry: Any) -> bool:
        return isinstance(entry, dict) and bool({self.known["tenantId"], self.known["contractName"], self.known["eventType"]} & {str(one) for one in entry.values()})

    def text(self, value: str) -> str:
        if found := re.search(r"([a-z]+/#s=)?code_ses_", value):
            return f"https://postel.example.com/{found[1]}code_…" if found[1] else "code_…"
        value = value.replace(self.receiver.url("/hook"), URL)
        for name, real in self.known.items():
            value = value.replace(real, SHOWN[name]) if real.startswith("example-") else SHOWN[name] if value == real else value
        for form, shown in IDS.items():
            value = re.sub(rf"(?<![\w-]){form}(?![\w-])", shown, value)
        return value


def walk(run: Run) -> None:
    """Every operation once at least."""
    run.receiver.answer(Reply(200, {"content-type": "text/plain"}, b"ok"))
    run.send("health.get")
    for status in (201, 200):
        run.send("contracts.upsert", status)
        run.send("eventTypes.upsert", status)
        run.send("tenants.upsert", status)
    run.send("tenants.update")
    run.send("tenants.upsert")
    for operation in ("contracts.get", "eventTypes.get", "tenants.get", "me.get"):
        run.send(operation)
    for operation in ("contracts.list", "eventTypes.list", "tenants.list"):
        run.send(operation, query="?limit=250")
    run.send("keys.create", 201)
    run.send("keys.list")
    run.send("keys.get")
    run.send("keys.delete", 204)
    for resource in ("sessions", "operatorSessions"):
        run.send(f"{resource}.create", 201)
        run.send(f"{resource}.list")
        if resource == "sessions":
            run.send("sessions.exchange", 201)
        run.send(f"{resource}.delete", 204)
    run.send("sessions.deleteAll", 204)
    run.send("webhooks.create", 200, query="?dryRun=true")
    webhook = run.send("webhooks.create", 201)["id"]
    run.send("webhooks.rotateSecret", webhookId=webhook)
    for operation in ("webhooks.update", "webhooks.get", "webhooks.list", "webhooks.endPreviousSecrets", "webhooks.test"):
        run.send(operation)
    run.send("events.explainDraft")
    _deliver(run)
    _fail(run)
    _receive(run)
    run.send("events.eraseData", 204)
    for operation in ("webhooks.delete", "tenants.delete", "eventTypes.delete", "contracts.delete"):
        run.send(operation, 204)


def _receive(run: Run) -> None:
    """A webhook's inbox gets a delivery, in place of its receiver."""
    webhook = f"/v1/tenants/{run.known['tenantId']}/webhooks/{run.known['webhookId']}"
    change = {"url": "postel:inbox", "active": True}
    run.operator.patch(webhook, change).ok()
    event = run.operator.post(f"/v1/tenants/{run.known['tenantId']}/events", {"type": run.known["eventType"], "data": 1}).ok(202)["id"]
    delivery = _settled(run, event, "completed")
    run.send("inboxRequests.list", eventId=event, deliveryId=delivery)
    run.send("inboxResponses.set")
    run.send("inboxResponses.get")


def _deliver(run: Run) -> None:
    event = run.send("events.publish", 202)["id"]
    run.known["eventId"] = event
    delivery = _settled(run, event, "completed")
    run.send("events.publishBatch", 202)
    run.send("events.get")
    run.send("events.list", query="?type=" + run.known["eventType"])
    run.send("events.explain")
    run.send("webhooks.testFilter")
    run.send("deliveries.list", query="?limit=1&status=completed", deliveryId=delivery)
    run.send("deliveries.get")
    run.send("stats.get", query="?bucket=P1D")
    run.send("deliveries.retry", 202)


def _fail(run: Run) -> None:
    """Two deliveries die; one is redriven by the operator, the other by its tenant, and again."""
    tenant = f"/v1/tenants/{run.known['tenantId']}"
    run.receiver.answer(500)

    def die() -> str:
        event = run.operator.post(f"{tenant}/events", {"type": run.known["eventType"], "data": 1}).ok(202)["id"]
        _settled(run, event, "failed")
        return stack.eventually(lambda: [one["id"] for one in run.operator.get(f"{tenant}/dead-letters").ok()["items"] if one["eventId"] == event])[0]

    for resource in ("deadLetters", "operatorDeadLetters"):
        run.send(f"{resource}.get", deadLetterId=die())
        run.send(f"{resource}.list")
        run.send(f"{resource}.redrive", 202)
        run.send(f"{resource}.delete", 204, deadLetterId=die())
    die()
    run.send("redrives.estimate")
    job = run.send("redrives.create", 202)["id"]
    stack.eventually(lambda: run.operator.get(f"{tenant}/redrives/{job}").ok()["status"] == "completed", 60, f"{job} to end")
    run.send("redrives.list", redriveId=job)
    run.send("redrives.get")
    run.send("redrives.cancel")
    # Only running ones are listed: this one takes two seconds at least.
    for _ in range(3):
        die()
    run.operator.post(f"{tenant}/redrives", run.examples["redrives.create"]["request"] | {"ratePerSecond": 1}).ok(202)
    run.send("operatorRedrives.list")
    run.send("backlog.get")
    run.send("webhooks.retryFailed", 202)
    run.send("operatorWebhooks.list", query="?state=failing")


def _settled(run: Run, event: str, status: str) -> str:
    """The id of the event's delivery, as soon as it has ended."""
    place = f"/v1/tenants/{run.known['tenantId']}/events/{event}"

    def ended() -> str | None:
        found = run.operator.get(place)
        of = [one for one in (found.json.get("deliveries", []) if found.status == 200 else []) if one["status"] == status]
        return of[0]["id"] if of else None

    return stack.eventually(ended, 60, f"{event} to be {status}")


def write() -> None:
    """The answers anew; the requests stay."""
    document = client.operator().get("/openapi.json").ok()
    with Receiver() as receiver:
        run = Run(document, receiver)
        walk(run)
    requests = {name: {place: one for place, one in known.items() if not place.isdigit()} for name, known in run.examples.items()}
    names = sorted(requests.keys() | run.seen.keys())
    EXAMPLES.write_text(json.dumps({name: requests.get(name, {}) | run.seen.get(name, {}) for name in names}, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write()
