"""The five documented contracts as their documentation defines them: samples, the exact body,
the users' secrets, the headers.

Written from the vendors' documentation alone; none of Postel's contract data is read.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from support import stack
from support.client import Tenant

CONTRACTS = ("inspectorio", "kazinex", "kliq", "kuviq", "standard")
SIGNED = ("kazinex", "kliq", "kuviq", "standard")
# Where the documentation does not define retries, the system's default applies, which is the
# standard's.
STANDARD_DELAYS = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


@dataclass(frozen=True)
class Documented:
    """What a vendor's documentation says."""

    types: tuple[str, ...]
    secret: str | None
    headers: frozenset[str]  # beside those of every delivery
    timeout: int
    delays: list[int]
    at_end: str = "fail"


DOCUMENTED = {
    "inspectorio": Documented(("report.created",), None, frozenset(), 60, [60, 60, 60]),
    "kazinex": Documented(
        ("workflow.completed",), "wh_prod_a8f3x_example_secret", frozenset({"x-kazinex-signature"}), 10, STANDARD_DELAYS
    ),
    "kliq": Documented(
        ("observation.created", "cv.job.completed", "visit.submitted"),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        frozenset({"x-kliq-signature"}),
        30,
        [60, 300, 1800, 7200, 86400],
        "disable",
    ),
    "kuviq": Documented(
        ("inspection.completed", "item.status_changed", "action.created"),
        "my k\u00fcviq secret = +/ ",
        frozenset({"x-webhook-signature", "x-webhook-timestamp"}),
        30,
        [60, 300, 900, 3600, 14400],
    ),
    "standard": Documented(
        ("contact.created",), "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", frozenset({"webhook-signature"}), 30, STANDARD_DELAYS
    ),
}

# Kazinex's envelope needs values that are not in the data. In a spelling that no serializer
# produces.
CONTEXT = {"kazinex": b'{"organisation_id":"org_\\u0061bc123","project_id":"proj_xyz789 \xc3\xbc"}'}
REPORT_CREATED = "An Inspection report is uploaded"


def sample(contract: str, event_type: str) -> bytes:
    """A documented sample of `data`, in a spelling that no serializer produces: these bytes must
    arrive."""
    return (stack.FIXTURES / contract / f"{event_type}.json").read_bytes().strip()


def event(contract: str, event_type: str, **fields: Any) -> bytes:
    """The event with that sample as a tenant publishes it, `data` and `context` byte for byte."""
    whole = json.dumps({"type": event_type} | fields).encode()[:-1] + b',"data":' + sample(contract, event_type)
    return whole + (b',"context":' + CONTEXT[contract] if contract in CONTEXT else b"") + b"}"


def body(contract: str, event_type: str, timestamp: str, event_id: str, tenant_id: str, message_id: str = "") -> bytes:
    """The documented envelope, member by member in the documented order, without spaces."""
    values = {
        "inspectorio": {"messageId": text(message_id), "eventCode": text(event_type), "eventName": text(REPORT_CREATED)},
        "kazinex": {
            "event": text(event_type),
            "timestamp": text(timestamp),
            "organisation_id": b'"org_\\u0061bc123"',
            "project_id": b'"proj_xyz789 \xc3\xbc"',
        },
        "kliq": {"id": text(event_id), "type": text(event_type), "tenantId": text(tenant_id), "timestamp": text(timestamp)},
        "kuviq": {"event": text(event_type), "timestamp": text(timestamp)},
        "standard": {"type": text(event_type), "timestamp": text(timestamp)},
    }[contract]
    values["payload" if contract == "inspectorio" else "data"] = sample(contract, event_type)
    return b"{" + b",".join(text(name) + b":" + value for name, value in values.items()) + b"}"


def text(value: str) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def signature(contract: str, secret: str, sent: bytes, webhook_id: str = "", timestamp: str = "") -> str:
    """The value of the signature header."""
    if contract == "standard":
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + sent, hashlib.sha256).digest()
        return "v1," + base64.b64encode(digest).decode()
    digest = hmac.new(secret.encode(), sent, hashlib.sha256).hexdigest()
    return digest if contract == "kliq" else f"sha256={digest}"


SIGNATURE_HEADER = {
    "kazinex": "x-kazinex-signature",
    "kliq": "x-kliq-signature",
    "kuviq": "x-webhook-signature",
    "standard": "webhook-signature",
}


def subscribe(tenant: Tenant, url: str, events: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    """A webhook with the secret that its contract's user would set."""
    return tenant.new_webhook(url, events, **({"secret": DOCUMENTED[tenant.contract].secret} | fields))
