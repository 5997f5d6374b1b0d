"""A test's own event source mapping, which handles a batch as AWS documents it and the local
cloud sometimes does not: for tests that run alone.

AWS Lambda Developer Guide, services-sqs-errorhandling.html: with ReportBatchItemFailures,
messages that the response does not name are deleted, and those that it names come back when
their visibility timeout is over; a function that throws, an invalid response, an empty id and an
id that was not in the batch fail the whole batch.
"""

import json
from typing import Any, Callable

from support import stack


class Mapping:
    """Takes batches from a queue whose own mapping is paused, for a function; both by logical
    id."""

    def __init__(self, queue: str, function: str) -> None:
        self._url, self._arn, self._function = stack.resource(queue), stack.queue_arn(queue), stack.resource(function)

    def take(self) -> list[dict[str, Any]]:
        """Up to ten visible messages."""
        asked = {"QueueUrl": self._url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}
        taken: list[dict[str, Any]] = []
        while len(taken) < 10 and (found := stack.aws("sqs").receive_message(**asked | {"MaxNumberOfMessages": 10 - len(taken)}).get("Messages")):
            taken += found
        return taken

    def hand_over(self, batch: list[dict[str, Any]], bent: Callable[[dict[str, Any]], None] = lambda record: None) -> list[str] | None:
        """Invokes the function with a batch, and deletes the messages that it did not fail on.
        Returns the ids that it names; None if it failed as a whole."""
        records = [self._record(message) for message in batch]
        for record in records:
            bent(record)
        answer = stack.aws("lambda").invoke(FunctionName=self._function, Payload=json.dumps({"Records": records}).encode())
        failed = self._failed(answer, {message["MessageId"] for message in batch})
        for message in batch:
            if failed is not None and message["MessageId"] not in failed:
                stack.aws("sqs").delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return failed

    def _failed(self, answer: dict[str, Any], known: set[str]) -> list[str] | None:
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer or not isinstance(payload, dict):
            return None
        named = [failure.get("itemIdentifier") for failure in payload.get("batchItemFailures") or []]
        return named if set(named) <= known else None

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": stack.outputs()["region"],
        }
