"""The functions' log groups."""

import json
from typing import Any, Iterator

from botocore.exceptions import ClientError

from support import stack
from support.contracts import seconds_of

MINISTACK_LINES = 10_000


def groups() -> list[str]:
    """Every log group of the account. MiniStack fails if a stream is created while it counts
    them, so the request is retried."""

    def ask() -> list[str]:
        try:
            pages = stack.aws("logs").get_paginator("describe_log_groups").paginate()
            return [group["logGroupName"] for page in pages for group in page["logGroups"]]
        except ClientError as error:
            if "changed size during iteration" not in str(error):
                raise
            raise AssertionError(str(error)) from error

    return stack.eventually(ask, 60, "the log groups")


def group_of(function: str) -> str:
    """A function's log group, by the function's logical id."""
    configuration = stack.aws("lambda").get_function_configuration(FunctionName=stack.resource(function))
    return configuration["LoggingConfig"]["LogGroup"]


def lines(group: str, since: float) -> list[str]:
    """The lines of a group from a time (time.time()) on, including the platform's own. A line is
    there when its invocation has ended.

    AWS returns them page by page. MiniStack returns the first ten thousand and no further page:
    the rest is requested from the last line's time on.
    """
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


def all_lines(group: str) -> Iterator[str]:
    """All lines of a group: MiniStack returns only the first ten thousand, so each round starts
    where the last one ended."""
    start, seen = 0, set[tuple[int, str]]()
    while True:
        page = [(event["timestamp"], event["message"]) for event in stack.aws("logs").filter_log_events(logGroupName=group, startTime=start)["events"]]
        fresh = [line for line in page if line not in seen]
        if not fresh:
            return
        seen, start = set(page), max(at for at, _ in page)
        yield from (message for _, message in fresh)


def records(group: str, since: float) -> list[dict[str, Any]]:
    """The JSON lines among them."""
    return [json.loads(line) for line in lines(group, since) if line.startswith("{")]


def holding(function: str, text: str, since: float) -> list[str]:
    """A function's lines that contain a text."""
    return [line for line in lines(group_of(function), since) if text in line]


# What the function's own work may add to a delay, between the end of an attempt and its evaluation.
OWN_SECONDS = 1.0


def put_off(delivery: dict[str, Any], since: float) -> list[float]:
    """By how many seconds each failed attempt of a delivery delayed the next one, from the
    sender's own clock and log, which contains the next due time. How much later it comes depends
    on queue, scheduler and machine. `delivery` is in detail, as the API shows it."""
    ends = {a["number"]: seconds_of(a["at"]) + a["durationMs"] / 1000 for a in delivery["attemptLog"]}

    def all_written() -> dict[int, dict[str, Any]]:
        written = records(group_of("DispatcherFunction"), since)
        lines = {line["attempt_number"]: line for line in written if line.get("message") == "delivery.attempted" and line["delivery_id"] == delivery["id"]}
        assert lines.keys() == ends.keys(), f"there are lines of the attempts {sorted(lines)} of {sorted(ends)}"
        return lines

    lines = stack.eventually(all_written, 60, "the attempts' lines")
    return [round(seconds_of(lines[number]["next_attempt_at"]) - end, 3) for number, end in sorted(ends.items()) if "next_attempt_at" in lines[number]]


def faults(function: str, since: float) -> list[dict[str, Any]]:
    """A function's own failures, including those that a retry may fix."""
    return [record for record in records(group_of(function), since) if record.get("level") in ("ERROR", "WARN")]
