"""The style of the OpenAPI document: what clients that generators make of it need. Each rule yields
the places that break it; tests/structure holds functions/api/openapi.json against all of them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
from compatibility import Document, Json, types

CAMEL = r"[a-z][A-Za-z0-9]*"
# What PUT, PATCH and DELETE do to one resource, by the last part of the path.
VERBS = {"put": "upsert", "patch": "update", "delete": "delete"}
# A client's types have a number of 32 bits for this format.
MAX_INT32 = 2**31 - 1


@dataclass(frozen=True)
class Operation:
    """With its method and path."""

    method: str
    path: str
    content: Json

    @property
    def name(self) -> str:
        return self.content.get("operationId", f"{self.method.upper()} {self.path}")

    @property
    def last(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def successes(self) -> Iterator[tuple[str, Json]]:
        return ((status, response) for status, response in self.content.get("responses", {}).items() if status.startswith("2"))

    @property
    def open(self) -> bool:
        """Whether it needs no credential."""
        return self.content.get("security") in ([], [{}])


@dataclass(frozen=True)
class Node:
    """A schema within the document. `named`: it is a component, or a part of one by `allOf`."""

    place: str
    schema: Json
    named: bool


class Rules:
    """Over one document."""

    def __init__(self, content: Json) -> None:
        self.document = Document(content)
        self.operations = [Operation(key[0], path, operation) for key, (path, operation) in self.document.operations().items()]
        self.schemas: Json = content.get("components", {}).get("schemas", {})
        hooks = [Operation("webhook", name, operation) for name, item in content.get("webhooks", {}).items() for operation in item.values()]
        self.requests = list(self.walk(self.bodies(self.operations)))
        self.answers = list(self.walk([*self.responses(self.operations), *self.bodies(hooks)]))

    # ---- What a rule looks at ----

    def contents(self, holder: Any) -> Iterator[tuple[str, Json]]:
        """Each media type of a body or a response."""
        yield from self.document.followed(holder).get("content", {}).items()

    def bodies(self, operations: list[Operation]) -> Iterator[tuple[str, Any]]:
        for operation in operations:
            for _, content in self.contents(operation.content.get("requestBody", {})):
                yield f"{operation.name} body", content.get("schema", {})

    def responses(self, operations: list[Operation]) -> Iterator[tuple[str, Any]]:
        for operation in operations:
            for status, response in operation.content.get("responses", {}).items():
                for _, content in self.contents(response):
                    yield f"{operation.name} {status}", content.get("schema", {})

    def walk(self, roots: Any) -> Iterator[Node]:
        """Every schema that these lead to, a component once."""
        left = [(place, schema, False) for place, schema in roots]
        seen = set()
        while left:
            place, schema, named = left.pop()
            if not isinstance(schema, dict):
                continue
            if "$ref" in schema:
                name = schema["$ref"].rpartition("/")[2]
                if name not in seen:
                    seen.add(name)
                    left.append((name, self.document.followed({"$ref": schema["$ref"]}), True))
                continue
            yield Node(place, schema, named)
            left += [(f"{place}.{name}", member, False) for name, member in schema.get("properties", {}).items()]
            left += [(f"{place}{suffix}", schema[key], False) for key, suffix in (("items", "[]"), ("additionalProperties", ".*")) if key in schema]
            for key in ("oneOf", "anyOf", "allOf"):
                left += [(f"{place}({key} {number})", part, named and key == "allOf") for number, part in enumerate(schema.get(key, []), 1)]

    def parameters(self, operation: Operation, where: str) -> list[Json]:
        return [parameter for (place, _), parameter in self.document.parameters(operation.content).items() if place == where]

    def page(self, operation: Operation) -> bool:
        """Whether it answers a list."""
        return any("items" in self.document.flat(content.get("schema")).get("properties", {}) for _, response in operation.successes for _, content in self.contents(response))

    # ---- Names ----

    def an_operation_is_called_resource_dot_verb(self) -> Iterator[str]:
        names = Counter(operation.name for operation in self.operations)
        for operation in self.operations:
            resource, _, verb = operation.name.partition(".")
            if not re.fullmatch(rf"{CAMEL}\.{CAMEL}", operation.name) or names[operation.name] > 1:
                yield operation.name
            elif operation.method == "get" and not operation.path.startswith("/v1/"):
                continue
            elif operation.method == "get" and verb.startswith("list") != self.page(operation):
                yield operation.name
            elif operation.last.startswith("{") and operation.method in VERBS and verb != VERBS[operation.method]:
                yield operation.name
            elif operation.method == "put" and not operation.last.startswith("{") and not verb.startswith("set"):
                yield operation.name

    def an_operation_has_one_tag_which_is_an_identifier(self) -> Iterator[str]:
        described = {tag["name"] for tag in self.document.content.get("tags", []) if tag.get("description")}
        used = set()
        for operation in self.operations:
            tags = operation.content.get("tags", [])
            used |= set(tags)
            if len(tags) != 1 or not re.fullmatch(CAMEL, tags[0]) or tags[0] not in described:
                yield operation.name
        yield from (f"tag {name}" for name in described - used)

    def a_path_parameter_is_called_like_the_member_that_holds_it(self) -> Iterator[str]:
        for operation in self.operations:
            for name in re.findall(r"{(\w+)}", operation.path):
                if not re.fullmatch(r"[a-z]\w*(Id|Name|Type)", name):
                    yield f"{operation.name} {name}"

    def a_schema_has_a_name_that_generators_can_use(self) -> Iterator[str]:
        for name in self.schemas:
            # pytest collects Test…; generators call an operation's parameters …Request.
            if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name) or name.startswith("Test") or name.endswith("Request"):
                yield name

    def every_object_is_a_schema_of_its_own(self) -> Iterator[str]:
        yield from (node.place for node in [*self.requests, *self.answers] if "properties" in node.schema and not node.named)

    def a_fixed_word_stands_beside_ids_only_under_another_method(self) -> Iterator[str]:
        """Ids may be the caller's own: `batch` is one."""
        taken: dict[str, set[str]] = {}
        for operation in self.operations:
            taken.setdefault(re.sub(r"{\w+}", "{}", operation.path), set()).add(operation.method)
        for path, methods in taken.items():
            head, _, last = path.rpartition("/")
            if last != "{}" and methods & taken.get(f"{head}/{{}}", set()):
                yield path

    def texts_name_nothing_internal(self) -> Iterator[str]:
        def texts(place: str, node: Any) -> Iterator[tuple[str, str]]:
            if isinstance(node, dict):
                for key, value in node.items():
                    yield from [(place, value)] if key in ("description", "summary") and isinstance(value, str) else texts(f"{place}/{key}", value)
            elif isinstance(node, list):
                for number, value in enumerate(node):
                    yield from texts(f"{place}/{number}", value)

        yield from (place for place, text in texts("", self.document.content) if re.search(r"\w::\w|\bfunctions/|\.rs\b|\bDynamoDB\b|\bLambda\b", text))

    # ---- Lists ----

    def a_list_has_pages(self) -> Iterator[str]:
        for operation in self.operations:
            if not self.page(operation):
                continue
            query = {parameter["name"] for parameter in self.parameters(operation, "query")}
            names = [content.get("schema", {}).get("$ref", "").rpartition("/")[2] for _, response in operation.successes for _, content in self.contents(response)]
            shapes = [self.document.flat({"$ref": f"#/components/schemas/{name}"}) for name in names if name.endswith("List")]
            whole = len(shapes) == len(names) and all("$ref" in shape["properties"]["items"].get("items", {}) and "nextCursor" in shape["properties"] for shape in shapes)
            if not whole or not {"limit", "cursor"} <= query:
                yield operation.name
        yield from (node.place for node in self.answers if " " in node.place and types(node.schema) == {"array"} and "." not in node.place.rpartition(" ")[2])

    # ---- Answers are open, requests are clear ----

    def no_list_of_values_in_an_answer_is_closed(self) -> Iterator[str]:
        yield from (node.place for node in self.answers if "enum" in node.schema or "const" in node.schema)

    def an_open_list_of_values_says_so(self) -> Iterator[str]:
        for node in [*self.requests, *self.answers]:
            listed = node.schema.get("x-extensible-enum")
            if listed is not None and (types(node.schema) != {"string"} or node.schema.get("examples") != listed or "Extensible enum" not in node.schema.get("description", "")):
                yield node.place

    def no_answer_is_closed_for_further_members(self) -> Iterator[str]:
        yield from (node.place for node in self.answers if node.schema.get("additionalProperties") is False or node.schema.get("unevaluatedProperties") is False)

    def an_answer_has_one_shape(self) -> Iterator[str]:
        yield from (node.place for node in self.answers if "oneOf" in node.schema or "anyOf" in node.schema)

    def a_member_of_an_answer_without_a_value_is_absent(self) -> Iterator[str]:
        yield from (node.place for node in self.answers if "null" in types(node.schema))

    def only_a_merge_patch_takes_null(self) -> Iterator[str]:
        others = [operation for operation in self.operations if operation.method != "patch"]
        for node in self.walk(self.bodies(others)):
            variants = [*node.schema.get("oneOf", []), *node.schema.get("anyOf", [])]
            if "null" in types(node.schema) or {"type": "null"} in variants:
                yield node.place

    def a_number_fits_its_format(self) -> Iterator[str]:
        yield from (node.place for node in [*self.requests, *self.answers] if node.schema.get("format") == "int32" and node.schema.get("maximum", 0) > MAX_INT32)

    def a_body_is_required(self) -> Iterator[str]:
        yield from (operation.name for operation in self.operations if "requestBody" in operation.content and not self.document.followed(operation.content["requestBody"]).get("required"))

    def a_body_has_one_media_type(self) -> Iterator[str]:
        """Of two with one schema a generator makes a union, and openapi-python-client no client at
        all."""
        for operation in self.operations:
            if len(list(self.contents(operation.content.get("requestBody", {})))) > 1:
                yield operation.name

    # ---- Who may call, what goes wrong ----

    def an_operation_says_which_role_it_needs(self) -> Iterator[str]:
        for operation in self.operations:
            alternatives = operation.content.get("security", [])
            # Every key and session has the rest.
            anybody = operation.content.get("x-postel-principal") == "any"
            if not operation.open and not (alternatives and all(one and (anybody or all(one.values())) for one in alternatives)):
                yield operation.name

    def an_error_is_a_problem(self) -> Iterator[str]:
        for operation in self.operations:
            for status, response in operation.content.get("responses", {}).items():
                if status[0] in "45" and any(content.get("schema") != {"$ref": "#/components/schemas/Problem"} for _, content in self.contents(response)):
                    yield f"{operation.name} {status}"

    def an_operation_lists_the_errors_that_it_can_have(self) -> Iterator[str]:
        for operation in self.operations:
            due = {"429", "500", "503"}
            due |= set() if operation.open else {"401"}
            due |= {"403"} if any(roles for one in operation.content.get("security", []) for roles in one.values()) else set()
            due |= {"404"} if operation.path.count("{") and operation.method != "put" else set()
            due |= {"400", "413", "422"} if "requestBody" in operation.content else set()
            yield from (f"{operation.name} {status}" for status in sorted(due - operation.content.get("responses", {}).keys()))

    # ---- Examples and servers ----

    def examples(self) -> Iterator[tuple[str, Json, list[Any]]]:
        """For each JSON body and success: its schema and its examples."""
        for operation in self.operations:
            holders = [("body", operation.content.get("requestBody", {})), *operation.successes]
            for what, holder in holders:
                for kind, content in self.contents(holder):
                    if kind.endswith("json"):
                        named = [self.document.followed(example).get("value") for example in content.get("examples", {}).values()]
                        yield f"{operation.name} {what}", content.get("schema", {}), named + ([content["example"]] if "example" in content else [])

    def every_body_and_every_success_has_an_example(self) -> Iterator[str]:
        yield from (place for place, _, found in self.examples() if not found)

    def an_example_fits_its_schema(self) -> Iterator[str]:
        components = {"components": self.document.content.get("components", {})}
        for place, schema, found in self.examples():
            if any(not jsonschema.Draft202012Validator(components | schema).is_valid(example) for example in found):
                yield place

    def the_document_names_a_server(self) -> Iterator[str]:
        if not self.document.content.get("servers"):
            yield "servers"


ALL: dict[str, Callable[[Rules], Iterator[str]]] = {
    name: rule for name, rule in vars(Rules).items() if re.match(r"(an?|every|no|only|the|texts)_", name)
}
