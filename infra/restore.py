#!/usr/bin/env python3
"""Copies restored tables into a stack's own: a restore of DynamoDB creates a new table, and a
stack cannot adopt it. See "Restore" in docs/operating.md.

Needs boto3 and AWS's usual variables (AWS_ENDPOINT_URL names the local cloud). Reads the
restored tables and writes the stack's; deletes nothing. If it was interrupted, run it again with
--over: each row is written as a whole.
"""

import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

OUTPUTS = {"config": "ConfigTableName", "log": "LogTableName", "dead-letters": "DeadLettersTableName"}
# DynamoDB accepts 25 writes per request.
BATCH = 25
SEGMENTS = 8
MAX_TRIES = 12


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", required=True, help="the stack whose tables are filled")
    for kind in OUTPUTS:
        parser.add_argument(f"--{kind}", metavar="TABLE", help=f"the restored {kind} table")
    parser.add_argument("--over", action="store_true", help="write into tables that have rows already; of a row that both have, the restored one stays")
    given = vars(parser.parse_args(arguments))
    sources = {kind: table for kind in OUTPUTS if (table := given[kind.replace("-", "_")])}
    if not sources:
        parser.error("name at least one restored table")
    dynamo = boto3.client("dynamodb", config=Config(retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=2 * SEGMENTS))
    pairs = [(kind, table, _output(given["stack"], OUTPUTS[kind])) for kind, table in sources.items()]
    for kind, source, target in pairs:
        _refuse(dynamo, kind, source, target, given["over"])
    for kind, source, target in pairs:
        with ThreadPoolExecutor(SEGMENTS) as pool:
            copied = sum(pool.map(lambda segment: _copy(dynamo, source, target, segment), range(SEGMENTS)))
        print(f"{kind}: {copied:,} rows of {source} are in {target}", flush=True)


def _output(stack: str, name: str) -> str:
    made = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {o["OutputKey"]: o["OutputValue"] for o in made["Outputs"]}[name]


def _refuse(dynamo, kind: str, source: str, target: str, is_over: bool) -> None:
    """Checks before anything is written."""
    if source == target:
        sys.exit(f"restore: {source} is the stack's own table; name the restored one")
    if _keys(dynamo, source) != _keys(dynamo, target):
        sys.exit(f"restore: {source} has other keys than {target}: it is not a {kind} table")
    if not is_over and dynamo.scan(TableName=target, Limit=1, ConsistentRead=True)["Items"]:
        sys.exit(f"restore: {target} has rows; choose an empty stack, or --over to write over them")


def _keys(dynamo, table: str):
    """The primary key's attributes and those of the indexes, which distinguish the kinds of
    tables."""
    told = dynamo.describe_table(TableName=table)["Table"]
    indexes = sorted((index["IndexName"], str(index["KeySchema"])) for index in told.get("GlobalSecondaryIndexes", []))
    return told["KeySchema"], indexes


def _copy(dynamo, source: str, target: str, segment: int) -> int:
    copied = 0
    pages = dynamo.get_paginator("scan").paginate(TableName=source, ConsistentRead=True, Segment=segment, TotalSegments=SEGMENTS)
    for page in pages:
        items = page["Items"]
        for start in range(0, len(items), BATCH):
            _write(dynamo, target, items[start : start + BATCH])
        copied += len(items)
    return copied


def _write(dynamo, table: str, items: list[dict]) -> None:
    left = {table: [{"PutRequest": {"Item": item}} for item in items]}
    for attempt in range(MAX_TRIES):
        left = dynamo.batch_write_item(RequestItems=left).get("UnprocessedItems")
        if not left:
            return
        time.sleep(random.uniform(0, min(0.05 * 2**attempt, 5)))
    sys.exit(f"restore: {table} did not accept {len(left[table])} rows; run it again with --over")


if __name__ == "__main__":
    main(sys.argv[1:])
