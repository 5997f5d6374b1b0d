"""A receiver's checks, written from the vendors' documentation with Python's own hmac; none of
Postel's code is used."""

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import datetime, timezone

from support.receiver import Request

ISO_Z = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
TOLERANCE_SECONDS = 300


def kuviq_signature(secret: str, body: bytes) -> str:
    """X-Webhook-Signature: sha256=<hex HMAC-SHA256 of the body>; the secret is the literal UTF-8
    string that the user set."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def check_kuviq(request: Request, secret: str) -> dict:
    """Checks everything that Kuviq documents about a delivery; returns the parsed envelope."""
    check_common(request)
    assert request.headers.get("x-webhook-signature") == kuviq_signature(secret, request.body), "the kuviq signature is wrong"
    assert ISO_Z.match(request.headers.get("x-webhook-timestamp", "")), request.headers.get("x-webhook-timestamp")
    assert request.headers["content-type"] == "application/json"
    envelope = json.loads(request.body)
    assert list(envelope) == ["event", "timestamp", "data"], f"kuviq's envelope has these fields and no id: {list(envelope)}"
    assert ISO_Z.match(envelope["timestamp"]), envelope["timestamp"]
    assert "webhook-signature" not in request.headers, "kuviq documents one signature only"
    return envelope


def standard_signature(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """v1,<base64 HMAC-SHA256 of "{id}.{timestamp}.{body}">; the secret is whsec_ + base64, decoded
    before use."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verifies_as_standard(headers: dict[str, str], body: bytes, secret: str, now: float) -> bool:
    """Standard Webhooks' verification: any of the v1 signatures matches, and the timestamp is
    within the tolerance."""
    webhook_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    if not webhook_id or not timestamp or not re.fullmatch(r"\d{1,12}", timestamp):
        return False
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = standard_signature(secret, webhook_id, timestamp, body)
    return any(hmac.compare_digest(expected, given) for given in headers.get("webhook-signature", "").split(" "))


def check_standard(request: Request, secret: str) -> dict:
    """Checks everything that Standard Webhooks requires of a delivery; returns the parsed
    envelope."""
    check_common(request)
    assert verifies_as_standard(request.headers, request.body, secret, time.time()), "the standard signature does not verify"
    envelope = json.loads(request.body)
    assert list(envelope) == ["type", "timestamp", "data"], list(envelope)
    assert ISO_Z.match(envelope["timestamp"]), envelope["timestamp"]
    return envelope


def check_common(request: Request) -> None:
    """Checks the headers that every delivery has, whatever the contract."""
    assert request.method == "POST"
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", request.headers.get("webhook-id", "")), request.headers.get("webhook-id")
    sent = request.headers.get("webhook-timestamp", "")
    assert re.fullmatch(r"\d{10}", sent), f"webhook-timestamp is unix seconds: {sent!r}"
    assert abs(request.arrived - int(sent)) <= 5, f"webhook-timestamp {sent} is not the attempt's, which came at {request.arrived}"
    assert request.headers.get("content-type", "").startswith("application/json")
    assert re.match(r"^Postel/\d+\.\d+\.\d+", request.headers.get("user-agent", "")), request.headers.get("user-agent")
    for name in ("authorization", "x-amz-security-token", "x-amzn-trace-id", "cookie"):
        assert name not in request.headers, f"{name} leaks to the receiver"
    names = [name.lower() for name, _ in request.header_list]
    assert len(names) == len(set(names)), f"a header was sent twice: {names}"


def members(body: bytes) -> dict[str, bytes]:
    """The top-level members of a JSON object with their values byte for byte, so that a
    rewritten number or key order is visible."""
    text, decoder, found = body.decode(), json.JSONDecoder(), {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        at = _skip(text, text.index(":", at) + 1)
        _, end = decoder.raw_decode(text, at)
        found[name] = text[at:end].encode()
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    assert not text[at + 1 :].strip(), "something follows the object"
    return found


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def seconds_of(iso: str) -> float:
    """An RFC 3339 UTC time as unix seconds."""
    assert ISO_Z.match(iso), iso
    return datetime.fromisoformat(iso.removesuffix("Z")).replace(tzinfo=timezone.utc).timestamp()
