"""The slow mark of a webhook in the config table, with its time."""

import time

from support import stack


def _key(tenant: str, webhook: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"tenant#{tenant}"}, "sk": {"S": f"webhook#{webhook}"}}


def since(tenant: str, webhook: str) -> int | None:
    """Since when it is slow, in milliseconds; None if it is not."""
    answer = stack.aws("dynamodb").get_item(TableName=stack.resource("ConfigTable"), Key=_key(tenant, webhook), ConsistentRead=True)
    mark = answer["Item"].get("slow_since")
    return mark and int(mark["N"])


def mark(tenant: str, webhook: str) -> None:
    """Marks it as slow since an hour ago: for tests of the mark's effect, not of its cause."""
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("ConfigTable"),
        Key=_key(tenant, webhook),
        UpdateExpression="SET slow_since = :since, troubled = :webhooks",
        ExpressionAttributeValues={":since": {"N": str(int((time.time() - 3600) * 1000))}, ":webhooks": {"S": "webhooks"}},
    )
