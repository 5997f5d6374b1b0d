"""The dead letters of messages, found by SQS's message id. Read from the table itself: the API
lists them by page and by tenant."""

import hashlib
from typing import Any

from support import stack

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def tail(message_id: str) -> str:
    """The end of the key that a message's event and dead letter get: derived from the message's
    id, so that a redelivery finds its own entries."""
    number = int.from_bytes(hashlib.sha256(message_id.encode()).digest()[:10], "big")
    return "".join(ALPHABET[number >> (5 * place) & 31] for place in reversed(range(16)))


def id_of(record: dict[str, Any]) -> str:
    """The id of the dead letter for a record that a test created."""
    sent = int(record["attributes"]["SentTimestamp"])
    return "dl_" + "".join(ALPHABET[sent >> (5 * place) & 31] for place in reversed(range(10))) + tail(record["messageId"])


def id_of_message(message_id: str, within: float = 60) -> str:
    """The id of a message's dead letter, as soon as it exists. Other tests create hundreds of
    dead letters, so it need not be on the first page of a list."""
    (letter,) = letters({tail(message_id): message_id}, within)[tail(message_id)]
    return f"dl_{letter['sk']['S']}"


def letters(wanted: dict[str, str], within: float) -> dict[str, list[dict[str, Any]]]:
    """All dead letters by their tails, as soon as the wanted ones exist. `wanted` describes
    each, for the failure message."""

    def tails() -> set[str]:
        pages = (
            stack.aws("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=stack.resource("DeadLettersTable"), ConsistentRead=True, ProjectionExpression="sk")
        )
        return {item["sk"]["S"][10:] for page in pages for item in page["Items"]}

    def all_there() -> bool:
        missing = wanted.keys() - tails()
        assert not missing, f"{len(missing)} of {len(wanted)} dead letters are missing: {[wanted[tail] for tail in missing][:10]}"
        return True

    stack.eventually(all_there, within, "the dead letters", every=1)
    found: dict[str, list[dict[str, Any]]] = {}
    for item in stack.scan("DeadLettersTable"):
        found.setdefault(item["sk"]["S"][10:], []).append(item)
    return found
