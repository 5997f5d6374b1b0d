"""Postel's DynamoDB expressions on a second implementation: moto, from other authors than the
local cloud's.

Every expression that a function sent during the end-to-end tests is evaluated on both, over
generated items (seeded): whether a condition holds, what an update leaves, what a query finds
and in which order. If two implementations without common code agree, the local cloud's reading
is probably right. Both run in the test's own process; only the expressions come from the stack.
"""

import asyncio
import base64
import json
import random
import re
from typing import Any, Callable, Iterator

import boto3
import pytest
import template as reader
from botocore.exceptions import ClientError
from ministack.services import dynamodb
from moto import mock_aws

from support import expressions, stack
from support.expressions import Shape

SEED = 20261127
ITEMS = 12
QUERIED = 40
MAX_KEY_BYTES = 1024
TEMPLATE = reader.load(stack.ROOT / "infra" / "template.yaml")["Resources"]

class Local:
    """The local cloud's DynamoDB, in the form of boto3's client."""

    def __getattr__(self, method: str) -> Callable[..., dict[str, Any]]:
        operation = "".join(word.capitalize() for word in method.split("_"))

        def call(**asked: Any) -> dict[str, Any]:
            body = json.dumps(asked, default=lambda raw: base64.b64encode(raw).decode()).encode()
            status, _, text = asyncio.run(dynamodb.handle_request("POST", "/", {"x-amz-target": f"DynamoDB_20120810.{operation}"}, body, {}))
            answer = json.loads(text)
            if status == 200:
                return answer
            error = {"Code": answer["__type"].rsplit("#", 1)[-1], "Message": answer.get("message", "")}
            raise ClientError({"Error": error} | {name: answer[name] for name in ("Item", "CancellationReasons") if name in answer}, operation)

        return call


class Engine:
    """One implementation, with tables that have the template's keys and indexes."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.tables = {name: stack.unique("expressions") for name in expressions.TABLES}
        for logical, name in self.tables.items():
            properties = TEMPLATE[logical]["Properties"]
            indexes = {"GlobalSecondaryIndexes": properties["GlobalSecondaryIndexes"]} if "GlobalSecondaryIndexes" in properties else {}
            client.create_table(
                TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=properties["KeySchema"], AttributeDefinitions=properties["AttributeDefinitions"], **indexes
            )

    def have(self, table: str, key: dict[str, Any], item: dict[str, Any] | None) -> None:
        if item is None:
            self.client.delete_item(TableName=self.tables[table], Key=key)
        else:
            self.client.put_item(TableName=self.tables[table], Item=item | key)

    def answer(self, shape: Shape, sample: dict[str, Any]) -> Any:
        """The result of the call and the items it leaves, or its refusal."""
        asked = {name: sample[name] for name in ARGUMENTS[shape.operation] if sample.get(name) not in (None, {}, "")}
        asked |= {"TableName": self.tables[shape.table]}
        try:
            if shape.operation == "ConditionCheck":
                self.client.transact_write_items(TransactItems=[{"ConditionCheck": asked}])
                return "holds"
            if shape.operation == "UpdateItem":
                asked["ReturnValues"] = "ALL_NEW"
            if shape.operation in ("PutItem", "DeleteItem"):
                asked["ReturnValues"] = "ALL_OLD"
            made = getattr(self.client, METHODS[shape.operation])(**asked)
        except ClientError as error:
            return refusal(error)
        except (TypeError, ValueError) as error:
            return {"fails": str(error)}
        return {name: plain(made[name]) for name in ("Attributes", "Item", "Items", "Count", "ScannedCount", "LastEvaluatedKey") if name in made}


METHODS = {"GetItem": "get_item", "Query": "query", "PutItem": "put_item", "UpdateItem": "update_item", "DeleteItem": "delete_item"}
NAMED = ("ExpressionAttributeNames", "ExpressionAttributeValues", "ConditionExpression", "ReturnValuesOnConditionCheckFailure")
ARGUMENTS = {
    "GetItem": ("Key", "ProjectionExpression", "ExpressionAttributeNames"),
    "Query": (*NAMED[:2], "IndexName", "KeyConditionExpression", "FilterExpression", "ProjectionExpression", "ScanIndexForward", "Select"),
    "PutItem": ("Item", *NAMED),
    "UpdateItem": ("Key", "UpdateExpression", *NAMED),
    "DeleteItem": ("Key", *NAMED),
    "ConditionCheck": ("Key", *NAMED),
}


def refusal(error: ClientError) -> Any:
    """Its code, and the item that did not meet the condition if the call asked for it."""
    code = error.response["Error"]["Code"]
    reasons = [reason["Code"] for reason in error.response.get("CancellationReasons", [])]
    return {"refused": code, "reasons": reasons, "Item": plain(error.response.get("Item"))}


def plain(value: Any) -> Any:
    """A comparable value: numbers as numbers, sets without an order."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"N"}:
        return {"N": float(value["N"])}
    if len(value) == 1 and set(value) <= {"SS", "NS", "BS"}:
        ((kind, members),) = value.items()
        return {kind: sorted(map(str, members))}
    return {name: plain(one) for name, one in sorted(value.items())}


@pytest.fixture(scope="module")
def engines() -> Iterator[list[Engine]]:
    with mock_aws():
        yield [Engine(Local()), Engine(boto3.client("dynamodb", region_name="us-east-1"))]


@pytest.fixture(scope="module")
def shapes() -> list[Shape]:
    return expressions.sent()


def fit(table: str, item: dict[str, Any]) -> dict[str, Any]:
    """The item without values that no table accepts: an index's key of another type, empty, or
    too long (2,048 bytes, as a sort key 1,024: Developer Guide, Constraints.html)."""
    kinds = {a["AttributeName"]: a["AttributeType"] for a in TEMPLATE[table]["Properties"]["AttributeDefinitions"]}

    def accepted(name: str, value: dict[str, Any]) -> bool:
        ((kind, what),) = value.items()
        return name not in kinds or (kind == kinds[name] and what != "" and len(str(what).encode()) <= MAX_KEY_BYTES)

    return {name: value for name, value in item.items() if accepted(name, value)}


def tried(engines: list[Engine], shape: Shape, rng: random.Random) -> Iterator[tuple[dict[str, Any], Any, list[Any]]]:
    """Calls, items, and the results of both implementations."""
    for sample in shape.samples:
        if shape.operation == "Query":
            yield from queried(engines, shape, sample, rng)
            continue
        key = sample.get("Key") or {name: sample["Item"][name] for name in ("pk", "sk")}
        for item in expressions.items(shape, sample, rng, ITEMS // len(shape.samples) + 1):
            item = item and fit(shape.table, item)
            for engine in engines:
                engine.have(shape.table, key, item)
            yield sample, item, [engine.answer(shape, sample) for engine in engines]


def queried(engines: list[Engine], shape: Shape, sample: dict[str, Any], rng: random.Random) -> Iterator[tuple[dict[str, Any], Any, list[Any]]]:
    """A partition with keys at, around and between the query's own."""
    properties = TEMPLATE[shape.table]["Properties"]
    schema = properties["KeySchema"]
    if shape.index:
        (schema,) = [index["KeySchema"] for index in properties["GlobalSecondaryIndexes"] if index["IndexName"] == shape.index]
    kinds = {a["AttributeName"]: a["AttributeType"] for a in properties["AttributeDefinitions"]}
    text, values = shape.texts["KeyConditionExpression"], sample["ExpressionAttributeValues"]
    partition, _, rest = text.partition(" AND ")
    first = values[partition.split("=")[1].strip()]
    others = [value for name, value in values.items() if name in rest and set(value) == {kinds[schema[1]["AttributeName"]]}]
    found = []
    for number, item in enumerate(expressions.items(shape, sample, rng, QUERIED // len(shape.samples) + 1)):
        if item is None:
            continue
        ranged = rng.choice(others) if others else {"S": f"s{number}"} if kinds[schema[1]["AttributeName"]] == "S" else {"N": str(number)}
        keys = {schema[0]["AttributeName"]: first, schema[1]["AttributeName"]: expressions.near(ranged, rng) if rng.random() < 0.7 else ranged}
        own = keys if not shape.index else {"pk": {"S": f"p{number}"}, "sk": {"S": "s"}} | keys
        if any(value == {"S": ""} for value in keys.values()):
            continue
        found.append(fit(shape.table, item | own))
        for engine in engines:
            engine.client.put_item(TableName=engine.tables[shape.table], Item=found[-1])
    answers = [engine.answer(shape, sample) for engine in engines]
    if shape.index:
        # Items with the same key are unordered.
        for answer in answers:
            answer.get("Items", []).sort(key=lambda one: json.dumps(one, sort_keys=True))
    for item in found:
        for engine in engines:
            engine.client.delete_item(TableName=engine.tables[shape.table], Key={"pk": item["pk"], "sk": item["sk"]})
    yield sample, found, answers


def beyond_moto(shape: Shape, sample: dict[str, Any], item: Any) -> bool:
    """The only difference: moto compares Python's values, where true equals 1, and fails if
    Python has no order for them. In DynamoDB values of two types are never equal and have no
    order, and a number or a boolean has no size; such a comparison does not hold (Developer
    Guide, Expressions.OperatorsAndFunctions.html). The local cloud does the same."""
    values, text = sample.get("ExpressionAttributeValues") or {}, shape.texts.get("ConditionExpression", "") + " " + shape.texts.get("FilterExpression", "")
    sized = {shape.names.get(name, name) for name in re.findall(r"size\(([#\w]+)\)", text)}
    compared = [(shape.names.get(name, name), value) for name, value in re.findall(r"([#\w]+) (?:<=|>=|<>|<|>|=) (:\w+)", text)]
    return any(
        any(name in one and one[name].keys() != values[value].keys() for name, value in compared) or any({"N", "BOOL", "NULL"} & one[name].keys() for name in sized & one.keys())
        for one in (item if isinstance(item, list) else [item or {}])
    )


def test_two_implementations_of_dynamodb_make_the_same_of_every_expression(engines: list[Engine], shapes: list[Shape]) -> None:
    tries, beyond, differing, outcomes = 0, 0, {}, {}
    for shape in shapes:
        rng = random.Random(f"{SEED} {shape.key}")
        for sample, item, (ours, others) in tried(engines, shape, rng):
            tries += 1
            outcomes.setdefault(shape.operation, set()).add("refused" if "refused" in str(ours) else "done")
            if ours == others:
                continue
            if beyond_moto(shape, sample, item):
                beyond += 1
            else:
                differing.setdefault(str(shape), (item, ours, others))
    print(f"{len(shapes)} expressions, {tries} tries, {beyond} answered otherwise by moto across types, {len(differing)} expressions differ")
    for shape, (item, ours, others) in differing.items():
        print(f"{shape}\n  over {item}\n  local cloud {ours}\n  moto        {others}")
    assert not differing
    assert beyond < tries / 20, "moto could not compare too many of them: this proves nothing"
    # Conditions that never fail, or never hold, would prove nothing.
    assert all(outcomes[operation] == {"done", "refused"} for operation in ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheck"))


def test_every_kind_of_expression_was_tried(shapes: list[Shape]) -> None:
    assert {name for shape in shapes for name in shape.texts} == set(expressions.EXPRESSIONS)
    assert len(shapes) > 60, "after a part of the end-to-end tests only"
