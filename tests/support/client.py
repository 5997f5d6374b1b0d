"""A thin typed client of the API, on http.client, so that a test can send what no ordinary
client would."""

import http.client
import json
import re
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from support import answers, canaries, stack

ANSWER_SECONDS = 35

# Kuviq's secrets are literal strings; this one contains what a careless implementation would
# encode, trim or decode.
KUVIQ_SECRET = "whsec_ k\u00fcviq's own = secret+/"
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class Answer:
    """An unprocessed response."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def code(self) -> str:
        """The problem's stable code; fails if the response is not a problem."""
        assert self.headers.get("content-type", "").startswith("application/problem+json"), f"not a problem: {self}"
        return self.json["code"]

    @property
    def bare(self) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
        """The response without what the request's id or the gateway changes, to compare two
        responses. An error's body contains that id too."""
        changing = ("date", "apigw-requestid", "x-amzn-requestid", "x-amz-request-id", "x-amz-id-2", "x-amzn-trace-id")
        raw = re.sub(rb'"requestId":"[^"]*"', b"", self.raw)
        return self.status, raw, tuple(sorted((n, v) for n, v in self.headers.items() if n not in changing))

    def ok(self, status: int = 200) -> Any:
        """The response's JSON, if its status is the expected one."""
        assert self.status == status, f"expected {status}, got {self.status}: {self.raw[:600]!r}"
        return self.json


@dataclass(frozen=True)
class Api:
    """The API with one key. Without `key`, no Authorization header is sent."""

    base: str
    key: str | None
    patience: float = ANSWER_SECONDS

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """`body` is sent unchanged if it is bytes or text, otherwise as JSON. A header with
        value None is left out."""
        payload = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        sent: dict[str, Any] = {"content-type": "application/json"}
        if self.key is not None:
            sent["authorization"] = f"Bearer {self.key}"
        sent |= headers or {}
        target = urllib.parse.urlsplit(self.base)
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=self.patience)
        try:
            connection.request(
                method,
                target.path.rstrip("/") + path,
                body=None if body is None else payload,
                headers={name: value for name, value in sent.items() if value is not None},
            )
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        canaries.of_exchange(method, path, body, answer.status, raw)
        answers.note(method, path, answer.status)
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, raw)

    def get(self, path: str, **query: Any) -> Answer:
        asked = {name: value for name, value in query.items() if value is not None}
        return self.call("GET", f"{path}?{urllib.parse.urlencode(asked)}" if asked else path)

    def all(self, path: str, limit: int | None = 250, **query: Any) -> list[dict[str, Any]]:
        """A whole list, page by page."""
        found, cursor = [], None
        while True:
            page = self.get(path, limit=limit, cursor=cursor, **query).ok()
            found += page["items"]
            if not (cursor := page.get("nextCursor")):
                return found

    def post(self, path: str, body: Any = None) -> Answer:
        return self.call("POST", path, body)

    def put(self, path: str, body: Any = None) -> Answer:
        return self.call("PUT", path, body)

    def patch(self, path: str, body: Any) -> Answer:
        return self.call("PATCH", path, body, {"content-type": "application/merge-patch+json"})

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def with_key(self, key: str | None) -> "Api":
        return Api(self.base, key)

    def within(self, seconds: float) -> "Api":
        """The same for a caller who hangs up after this many seconds: TimeoutError."""
        return Api(self.base, self.key, seconds)


def operator() -> Api:
    """The API with the operator's key."""
    known = stack.outputs()
    return Api(known["apiUrl"], known["operatorKey"])


@dataclass(frozen=True)
class Tenant:
    """A separate tenant for one test, with a key that has all of the tenant's scopes."""

    id: str
    contract: str
    api: Api
    operator: Api = field(repr=False)

    def path(self, rest: str = "") -> str:
        return f"/v1/tenants/{self.id}{rest}"

    # ---- webhooks ----

    def new_webhook(self, url: str, events: list[str] | None = None, **fields: Any) -> dict[str, Any]:
        """Creates a webhook for all events, with a known secret unless `secret` is given (None
        leaves it to Postel)."""
        secret = KUVIQ_SECRET if fields.get("contract", self.contract) == "kuviq" else STANDARD_SECRET
        wanted = {"url": url, "events": events or ["*"], "secret": secret} | fields
        return self.api.post(self.path("/webhooks"), {k: v for k, v in wanted.items() if v is not None}).ok(201)

    def webhook(self, webhook_id: str) -> dict[str, Any]:
        return self.api.get(self.path(f"/webhooks/{webhook_id}")).ok()

    def patch_webhook(self, webhook_id: str, **changes: Any) -> dict[str, Any]:
        return self.api.patch(self.path(f"/webhooks/{webhook_id}"), changes).ok()

    # ---- publishing ----

    def publish(self, type: str = "item.created", data: Any = None, **fields: Any) -> str:
        """Over HTTP; returns the event's id. `data` is sent byte for byte if it is bytes."""
        answer = self.api.post(self.path("/events"), event_bytes(type, {} if data is None else data, **fields)).ok(202)
        return answer["id"]

    def publish_sqs(self, type: str = "item.created", data: Any = None, **fields: Any) -> str:
        """Over SQS; returns SQS's message id. The event's own id is only known here if `id` was
        given."""
        body = event_bytes(type, {} if data is None else data, tenantId=self.id, **fields)
        return self.send_sqs(body.decode())

    def send_sqs(self, body: str) -> str:
        """Sends any text to the events queue."""
        sent = stack.aws("sqs").send_message(QueueUrl=stack.outputs()["eventsQueueUrl"], MessageBody=body, MessageGroupId=self.id)
        return sent["MessageId"]

    # ---- what became of it ----

    def event(self, event_id: str) -> dict[str, Any]:
        return self.api.get(self.path(f"/events/{event_id}")).ok()

    def deliveries(self, **query: Any) -> list[dict[str, Any]]:
        return self.api.get(self.path("/deliveries"), **query).ok()["items"]

    def all_deliveries(self) -> list[dict[str, Any]]:
        """All deliveries, page by page."""
        return self.api.all(self.path("/deliveries"))

    def all_dead_letters(self) -> list[dict[str, Any]]:
        return self.api.all(self.path("/dead-letters"))

    def delivery(self, delivery_id: str) -> dict[str, Any]:
        """A delivery with the request and every attempt."""
        return self.api.get(self.path(f"/deliveries/{delivery_id}")).ok()

    def delivery_of(self, event_id: str, webhook_id: str | None = None) -> dict[str, Any]:
        """The only delivery of an event (to a webhook), in detail."""
        found = [d for d in self.event(event_id)["deliveries"] if webhook_id in (None, d["webhookId"])]
        assert len(found) == 1, f"{event_id} has {len(found)} deliveries: {found}"
        return self.delivery(found[0]["id"])

    def wait_for_status(self, event_id: str, status: str, webhook_id: str | None = None, within: float = 60) -> dict[str, Any]:
        """The event's delivery in detail, as soon as it has that status."""

        def reached() -> dict[str, Any]:
            found = self.delivery_of(event_id, webhook_id)
            assert found["status"] == status, f"{found['id']} is {found['status']}, attempts {found['attempts']}"
            return found

        return stack.eventually(reached, within, f"{event_id} to be {status}")

    def dead_letters(self, **query: Any) -> list[dict[str, Any]]:
        return self.api.get(self.path("/dead-letters"), **query).ok()["items"]

    def mark_as_being_deleted(self) -> None:
        """Leaves the tenant as a deletion does that died after its first step."""
        stack.aws("dynamodb").update_item(
            TableName=stack.resource("ConfigTable"),
            Key={"pk": {"S": f"tenant#{self.id}"}, "sk": {"S": "tenant"}},
            UpdateExpression="SET deleting_since = :now",
            ExpressionAttributeValues={":now": {"N": str(int(time.time() * 1000))}},
        )

    def wait_for_dead_letters(self, count: int = 1, within: float = 60, **query: Any) -> list[dict[str, Any]]:
        """The dead letters, as soon as there are exactly `count`."""

        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.dead_letters(**query)
            assert len(found) == count, f"{len(found)} dead letters: {found}"
            return True

        stack.eventually(there, within, f"{count} dead letters")
        return found

    def dead_letter(self, dead_letter_id: str) -> dict[str, Any]:
        return self.api.get(self.path(f"/dead-letters/{dead_letter_id}")).ok()

    def redrive(self, dead_letter_id: str) -> Answer:
        return self.api.post(self.path(f"/dead-letters/{dead_letter_id}/redrive"))

    # ---- keys ----

    def new_key(self, scopes: list[str], **fields: Any) -> dict[str, Any]:
        return self.operator.post(self.path("/keys"), {"scopes": scopes} | fields).ok(201)


SCOPES = ["events:write", "events:erase", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry", "keys"]


def new_tenant(contract: str = "standard", **fields: Any) -> Tenant:
    """A new tenant and a key with all scopes."""
    admin, tenant_id = operator(), stack.unique()
    admin.put(f"/v1/tenants/{tenant_id}", {"name": f"Tenant {tenant_id}", "contract": contract} | fields).ok(201)
    made = admin.post(f"/v1/tenants/{tenant_id}/keys", {"scopes": SCOPES}).ok(201)
    return Tenant(tenant_id, contract, admin.with_key(made["key"]), admin)


def event_bytes(type: str, data: Any, **fields: Any) -> bytes:
    """An event's JSON with `data` inserted byte for byte if it is bytes: json.dumps would change
    its spelling."""
    raw = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    rest = json.dumps({"type": type} | fields, ensure_ascii=False).encode()
    return rest[:-1] + b',"data":' + raw + b"}"
