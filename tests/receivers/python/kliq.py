"""A receiver written from KLIQ's documentation: X-Kliq-Signature is the bare hex HMAC-SHA256 of
the raw body, with the literal secret, whsec_ included."""

import hashlib
import hmac
from collections.abc import Mapping

from serving import Refused, envelope, exactly, is_anything, is_iso, is_text, serve, setting


def check(headers: Mapping[str, str], body: bytes) -> None:
    expected = hmac.new(setting("RECEIVER_SECRET").encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get("X-Kliq-Signature", "").encode()):
        raise Refused(401, "the signature is wrong")
    exactly(envelope(body), "the envelope", id=is_event_id, type=is_text, tenantId=is_text, timestamp=is_iso, data=is_anything)


def is_event_id(value: object) -> bool:
    return isinstance(value, str) and value.startswith("evt_") and len(value) > len("evt_")


if __name__ == "__main__":
    serve(check)
