"""A receiver written from Inspectorio's documentation (Sight and QRM): no signature, Basic
authentication if the user configured it, a thin envelope."""

import base64
import hmac
import os
import re
from collections.abc import Mapping

from serving import Refused, envelope, exactly, is_anything, is_integer, is_text, serve

MESSAGE_ID = re.compile(r"wh-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def check(headers: Mapping[str, str], body: bytes) -> None:
    if "RECEIVER_USERNAME" in os.environ:
        pair = f"{os.environ['RECEIVER_USERNAME']}:{os.environ['RECEIVER_PASSWORD']}"
        expected = "Basic " + base64.b64encode(pair.encode()).decode()
        if not hmac.compare_digest(expected.encode(), headers.get("Authorization", "").encode()):
            raise Refused(401, "the credentials are wrong")
    received = envelope(body)
    exactly(received, "the envelope", messageId=is_message_id, eventCode=is_text, eventName=is_text, payload=is_anything)
    exactly(received["payload"], "the payload", resourceId=is_integer, path=is_text)


def is_message_id(value: object) -> bool:
    return isinstance(value, str) and MESSAGE_ID.fullmatch(value) is not None


if __name__ == "__main__":
    serve(check)
