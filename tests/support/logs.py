"""What the functions wrote to their log groups."""

import json
from typing import Any

from support import stack

MINISTACK_LINES = 10_000


def groups() -> list[str]:
    """Every log group of the account, whoever made it."""
    pages = stack.aws("logs").get_paginator("describe_log_groups").paginate()
    return [group["logGroupName"] for page in pages for group in page["logGroups"]]


def group_of(function: str) -> str:
    """A function's log group, by the function's logical id."""
    configuration = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource(function))
    return configuration["LoggingConfig"]["LogGroup"]


def lines(group: str, since: float) -> list[str]:
    """What a group holds from a time (time.time()) on, the platform's own lines included. A line is there when its invocation has ended.

    AWS gives it page by page. MiniStack gives the first ten thousand and no further page: the rest is asked for from the last one's time on."""
    found, start = [], int(since * 1000)
    while True:
        pages = stack.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
        events = [event for page in pages for event in page["events"]]
        if len(events) < MINISTACK_LINES:
            return [event["message"] for event in found + events]
        last = events[-1]["timestamp"]
        assert last > start, f"{len(events)} lines of one millisecond"
        found += [event for event in events if event["timestamp"] < last]
        start = last


def records(group: str, since: float) -> list[dict[str, Any]]:
    """The JSON lines among them."""
    return [json.loads(line) for line in lines(group, since) if line.startswith("{")]


def faults(function: str, since: float) -> list[dict[str, Any]]:
    """A function's own failures."""
    return [record for record in records(group_of(function), since) if record.get("level") == "ERROR"]
