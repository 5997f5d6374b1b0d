"""A receiver written from Standard Webhooks 1.0: any v1 signature of "{id}.{timestamp}.{body}"
matches, and the attempt's timestamp is within the tolerance."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping

from serving import Refused, envelope, exactly, is_anything, is_iso, is_text, serve, setting

TOLERANCE_SECONDS = 300


def check(headers: Mapping[str, str], body: bytes) -> None:
    webhook_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not webhook_id or not re.fullmatch(r"\d{1,12}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise Refused(401, "the id or the timestamp is missing, or it is too old")
    key = base64.b64decode(setting("RECEIVER_SECRET").removeprefix("whsec_"), validate=True)
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise Refused(401, "no signature fits")
    exactly(envelope(body), "the envelope", type=is_text, timestamp=is_iso, data=is_anything)


if __name__ == "__main__":
    serve(check)
