"""A receiver written from Kazinex's documentation: X-Kazinex-Signature is sha256= and the hex
HMAC-SHA256 of the raw body, with the literal secret."""

import hashlib
import hmac
from collections.abc import Mapping

from serving import Refused, envelope, exactly, is_anything, is_iso, is_text, serve, setting


def check(headers: Mapping[str, str], body: bytes) -> None:
    expected = "sha256=" + hmac.new(setting("RECEIVER_SECRET").encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), headers.get("X-Kazinex-Signature", "").encode()):
        raise Refused(401, "the signature is wrong")
    exactly(
        envelope(body),
        "the envelope",
        event=is_text,
        timestamp=is_iso,
        organisation_id=is_text,
        project_id=is_text,
        data=is_anything,
    )


if __name__ == "__main__":
    serve(check)
