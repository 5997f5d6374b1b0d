"""A receiver written from Kuviq's documentation: X-Webhook-Signature is sha256= and the hex
HMAC-SHA256 of the raw body, with the literal secret."""

import hashlib
import hmac
from collections.abc import Mapping

from serving import Refused, envelope, exactly, is_anything, is_iso, is_text, serve, setting

TEST = "test.webhook"


def check(headers: Mapping[str, str], body: bytes) -> None:
    expected = "sha256=" + hmac.new(setting("RECEIVER_SECRET").encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get("X-Webhook-Signature", "").encode()):
        raise Refused(401, "the signature is wrong")
    if headers.get("Content-Type") != "application/json" or not is_iso(headers.get("X-Webhook-Timestamp")):
        raise Refused(400, "Content-Type or X-Webhook-Timestamp is not as documented")
    received = envelope(body)
    if received.get("event") != TEST:
        exactly(received, "the envelope", event=is_text, timestamp=is_iso, data=is_anything)
        return
    exactly(received, "the test envelope", event=is_text, timestamp=is_iso, isTest=lambda flag: flag is True, data=is_anything)
    exactly(received["data"], "its data", message=is_text, endpointId=is_text, organizationId=is_text)


if __name__ == "__main__":
    serve(check)
