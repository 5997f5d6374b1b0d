"""The DynamoDB expressions that Postel's functions sent, from the local cloud's trail, and items
on which they can be tested."""

import base64
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any, Iterator

from support import stack, cloudtrail

TABLES = ("ConfigTable", "LogTable", "DeadLettersTable")
OPERATIONS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
EXPRESSIONS = ("KeyConditionExpression", "FilterExpression", "ConditionExpression", "UpdateExpression", "ProjectionExpression")
# For each expression this many calls, newest first: their values differ.
SAMPLES = 3


@dataclass
class Shape:
    """One operation with its expressions; operations with the same texts and names are one
    shape."""

    operation: str
    table: str
    texts: dict[str, str]
    names: dict[str, str]
    index: str | None
    samples: list[dict[str, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.operation} {self.table} {json.dumps(self.texts)} {json.dumps(self.names)}"

    @property
    def key(self) -> str:
        """The same for expressions that set the same attributes in another order: a row's
        attributes are unordered."""
        words = {name: sorted(text.replace(",", " ").split()) for name, text in self.texts.items()}
        return json.dumps([self.operation, self.table, self.index, words, self.names], sort_keys=True)

    @property
    def attributes(self) -> list[tuple[str, ...]]:
        """The paths in its expressions."""
        paths = set()
        for text in self.texts.values():
            for path in re.findall(r"(?<![:\w.#])[#A-Za-z_][\w#]*(?:\.[#\w]+)*", text):
                parts = tuple(self.names.get(part, part) for part in path.split("."))
                if parts[0].upper() not in WORDS and not (len(parts) == 1 and parts[0] in FUNCTIONS):
                    paths.add(parts)
        return sorted(paths)


WORDS = {"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"}
FUNCTIONS = {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size", "if_not_exists", "list_append"}


def sent() -> list[Shape]:
    """Every expression of every function, once."""
    logical = {stack.resource(name): name for name in TABLES}
    shapes: dict[str, Shape] = {}
    for operation, asked in _asked():
        table = logical[asked["TableName"]]
        texts = {name: asked[name] for name in EXPRESSIONS if asked.get(name)}
        shape = Shape(operation, table, texts, asked.get("ExpressionAttributeNames") or {}, asked.get("IndexName"))
        known = shapes.setdefault(shape.key, shape)
        if len(known.samples) < SAMPLES:
            known.samples.append(asked)
    return [shapes[name] for name in sorted(shapes)]


def _asked() -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls with expressions, with those of transactions and batches one by one."""
    for function in cloudtrail.FUNCTIONS:
        for operation in OPERATIONS:
            for asked in cloudtrail.calls(function, operation):
                for name, one in _parts(operation, _bytes(asked)):
                    if any(one.get(expression) for expression in EXPRESSIONS):
                        yield name, one


def _bytes(asked: Any) -> Any:
    """The values in boto3's form: the trail has bytes in base64."""
    if isinstance(asked, list):
        return [_bytes(one) for one in asked]
    if not isinstance(asked, dict):
        return asked
    if asked.keys() == {"B"} and isinstance(asked["B"], str):
        return {"B": base64.b64decode(asked["B"])}
    return {name: _bytes(one) for name, one in asked.items()}


def _parts(operation: str, asked: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if operation == "TransactWriteItems":
        for item in asked["TransactItems"]:
            ((kind, one),) = item.items()
            yield {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheck"}[kind], one
    elif operation == "BatchGetItem":
        for table, one in asked["RequestItems"].items():
            yield "GetItem", {"TableName": table, "Key": one["Keys"][0]} | {name: one[name] for name in (*EXPRESSIONS, "ExpressionAttributeNames") if name in one}
    else:
        yield operation, asked


# ---- Items -------------------------------------------------------------------------------------


def items(shape: Shape, sample: dict[str, Any], rng: random.Random, count: int) -> Iterator[dict[str, Any] | None]:
    """Possible states of a key: no item, or an item whose attributes are the call's own values,
    others near them, of other types, or missing."""
    values = list((sample.get("ExpressionAttributeValues") or {}).values()) + [value for name, value in (sample.get("Item") or {}).items()]
    yield None
    for _ in range(count - 1):
        item: dict[str, Any] = {}
        for path in shape.attributes:
            if path[0] not in ("pk", "sk"):
                _put(item, path, values, rng)
        yield item


def _put(item: dict[str, Any], path: tuple[str, ...], values: list[Any], rng: random.Random) -> None:
    if rng.random() < 0.3:
        return
    if len(path) == 1:
        item.setdefault(path[0], _value(values, rng))
    elif rng.random() < 0.1:
        item[path[0]] = _value(values, rng)
    else:
        inner = item.setdefault(path[0], {"M": {}})
        if "M" in inner:
            _put(inner["M"], path[1:], values, rng)


def _value(values: list[Any], rng: random.Random) -> dict[str, Any]:
    if values and rng.random() < 0.8:
        value = rng.choice(values)
        return near(value, rng) if rng.random() < 0.5 else value
    return rng.choice([{"S": ""}, {"S": "a"}, {"N": "0"}, {"N": "-1.5"}, {"BOOL": True}, {"NULL": True}, {"L": []}, {"M": {}}, {"B": b"\x00"}, {"SS": ["a", "b"]}])


def near(value: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    ((kind, what),) = value.items()
    if kind == "N":
        return {"N": str(int(float(what)) + rng.choice((-1, 1, 1000)))}
    if kind == "S":
        return {"S": rng.choice((f"{what}x", what[:-1], what.upper(), f"{what[:-1]}~"))}
    if kind == "BOOL":
        return {"BOOL": not what}
    if kind in ("SS", "NS"):
        return {kind: sorted({*what, "1"})} if rng.random() < 0.5 else {kind: what[:1]}
    return value
