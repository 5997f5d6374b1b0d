"""Which changes of the OpenAPI document break a client of an older one.

`compatibility.py OLD NEW` prints one line for each: the operation, the member, what changed. The
policy is in docs/api.md, Versions and compatibility; tests/structure compares
functions/api/openapi.json with the newest document in functions/api/released.

What a client sends must stay allowed, so a narrower schema breaks it. What a client receives must
stay expected, so a wider schema breaks it. An event that a webhook receives counts as received.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
# What a request may not exceed, and what it must reach.
UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
LOWER = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
# A request that fitted may not fit another one of these.
EXACT = ("pattern", "multipleOf", "uniqueItems")
SENT, RECEIVED = "sent", "received"

Json = dict[str, Any]


class Document:
    """One OpenAPI document, its references followed."""

    def __init__(self, content: Json) -> None:
        self.content = content

    def followed(self, node: Any) -> Json:
        """Without `$ref`; what is beside a reference takes precedence."""
        beside: Json = {}
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.content
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name.replace("~1", "/").replace("~0", "~")]
            beside = {key: value for key, value in node.items() if key != "$ref"} | beside
            node = target
        return (node | beside) if isinstance(node, dict) else {}

    def flat(self, schema: Any) -> Json:
        """A schema with its `allOf` merged, and with a variant `null` as a type."""
        schema = self.followed(schema)
        merged = {key: value for key, value in schema.items() if key not in ("allOf", "oneOf", "anyOf")}
        for part in map(self.flat, schema.get("allOf", [])):
            merged = part | merged | {"properties": part.get("properties", {}) | merged.get("properties", {})}
            merged["required"] = sorted({*part.get("required", []), *schema.get("required", []), *merged.get("required", [])})
        variants = [variant for key in ("oneOf", "anyOf") for variant in schema.get(key, [])]
        others = [variant for variant in variants if self.followed(variant).get("type") != "null"]
        if len(others) == 1:
            merged = self.flat(others[0]) | merged
        elif others:
            merged["variants"] = {variant.get("$ref", f"#{number}").rpartition("/")[2]: variant for number, variant in enumerate(others, 1)}
        if len(others) < len(variants) and types(merged):
            merged["type"] = sorted(types(merged) | {"null"})
        return merged

    def operations(self) -> dict[tuple[str, str], tuple[str, Json]]:
        """Each with its path, by method and the path without the names of its parameters."""
        found = {}
        for path, item in self.content.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    shared = {"parameters": [*item.get("parameters", []), *item[method].get("parameters", [])]}
                    found[method, re.sub(r"{\w+}", "{}", path)] = path, item[method] | shared
        return found

    def parameters(self, operation: Json) -> dict[tuple[str, str], Json]:
        found = map(self.followed, operation.get("parameters", []))
        return {(parameter["in"], parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]): parameter for parameter in found}

    def access(self, operation: Json) -> list[dict[str, set[str]]]:
        """The alternatives, each with the roles it asks for by scheme."""
        alternatives = operation.get("security", self.content.get("security", []))
        return [{scheme: set(roles) for scheme, roles in one.items()} for one in alternatives] or [{}]


def types(schema: Json) -> set[str]:
    """Empty for any type."""
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def values(schema: Json) -> list[Any] | None:
    """The values of a closed list."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def breaking(old: Json, new: Json) -> list[str]:
    """A line for each change that breaks a client of the old document."""
    return list(dict.fromkeys(Comparison(Document(old), Document(new)).changes()))


class Comparison:
    """Of two documents."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new

    def changes(self) -> Iterator[str]:
        after = self.new.operations()
        for key, (path, operation) in self.old.operations().items():
            place = f"{key[0].upper()} {path}"
            if key in after:
                yield from self.operation(place, path, operation, *after[key])
            else:
                yield f"{place}: is gone"
        for name, item in self.old.content.get("webhooks", {}).items():
            for method, operation in item.items():
                place = f"webhook {name}"
                if method in METHODS:
                    now = self.new.content.get("webhooks", {}).get(name, {}).get(method)
                    yield from [f"{place}: is gone"] if now is None else self.webhook(place, operation, now)
        kept = self.new.content.get("components", {}).get("schemas", {})
        for name in self.old.content.get("components", {}).get("schemas", {}):
            if name not in kept:
                yield f"schema {name}: is gone; generated clients have a type of this name"

    def operation(self, place: str, path: str, old: Json, new_path: str, new: Json) -> Iterator[str]:
        for before, now in zip(re.findall(r"{(\w+)}", path), re.findall(r"{(\w+)}", new_path), strict=True):
            if before != now:
                yield f"{place}: path parameter `{before}` is called `{now}`"
        if old.get("operationId") != new.get("operationId"):
            yield f"{place}: operation `{old.get('operationId')}` is called `{new.get('operationId')}`"
        allowed = self.old.access(old)
        wanted = self.new.access(new)
        for one in allowed:
            if not any(all(roles <= one.get(scheme, set()) and scheme in one for scheme, roles in other.items()) for other in wanted):
                yield f"{place}: needs {' or '.join(sorted(map(access_words, wanted)))}, needed {access_words(one)}"
        yield from self.parameters(place, old, new)
        yield from self.request(place, old.get("requestBody"), new.get("requestBody"))
        yield from self.responses(place, old, new)

    def parameters(self, place: str, old: Json, new: Json) -> Iterator[str]:
        before, now = self.old.parameters(old), self.new.parameters(new)
        for (where, name), parameter in before.items():
            if where == "path":
                # The names of these were compared.
                continue
            at = f"{place}: {where} parameter `{parameter['name']}`"
            if (where, name) not in now:
                yield f"{at} is gone"
                continue
            if now[where, name].get("required") and not parameter.get("required"):
                yield f"{at} is required now"
            yield from self.schemas(at, parameter.get("schema"), now[where, name].get("schema"), SENT)
        for (where, name), parameter in now.items():
            if where != "path" and parameter.get("required") and (where, name) not in before:
                yield f"{place}: {where} parameter `{parameter['name']}` is new and required"
        paths = ([parameter.get("schema") for (where, _), parameter in side.items() if where == "path"] for side in (before, now))
        for number, (schema, other) in enumerate(zip(*paths), 1):
            yield from self.schemas(f"{place}: path parameter {number}", schema, other, SENT)

    def request(self, place: str, old: Any, new: Any) -> Iterator[str]:
        before, now = self.old.followed(old), self.new.followed(new)
        if now.get("required") and not before.get("required"):
            yield f"{place}: the body is required now"
        yield from self.contents(f"{place}: body", before, now, SENT)

    def contents(self, at: str, old: Json, new: Json, direction: str) -> Iterator[str]:
        now = new.get("content", {})
        for kind, content in old.get("content", {}).items():
            if kind not in now:
                yield f"{at}: {kind} is gone"
            else:
                yield from self.schemas(at, content.get("schema"), now[kind].get("schema"), direction)

    def responses(self, place: str, old: Json, new: Json) -> Iterator[str]:
        now = new.get("responses", {})
        for status, response in old.get("responses", {}).items():
            if status not in now:
                yield f"{place}: status {status} is gone"
                continue
            before, after = self.old.followed(response), self.new.followed(now[status])
            yield from self.contents(f"{place}: {status}", before, after, RECEIVED)
            codes = [code for code in before.get("x-postel-codes", []) if code not in after.get("x-postel-codes", [])]
            yield from (f"{place}: {status}: code `{code}` is gone" for code in codes)
            headers = {name.lower() for name in after.get("headers", {})}
            yield from (f"{place}: {status}: header `{name}` is gone" for name in before.get("headers", {}) if name.lower() not in headers)
        for status in now:
            if status not in old.get("responses", {}):
                yield f"{place}: status {status} is new"

    def webhook(self, place: str, old: Json, new: Json) -> Iterator[str]:
        """What a client receives here is the request."""
        before, now = self.old.parameters(old), self.new.parameters(new)
        for key, parameter in before.items():
            at = f"{place}: {key[0]} `{parameter['name']}`"
            if key not in now:
                yield f"{at} is gone"
                continue
            if parameter.get("required") and not now[key].get("required"):
                yield f"{at} may be absent now"
            yield from self.schemas(at, parameter.get("schema"), now[key].get("schema"), RECEIVED)
        bodies = self.old.followed(old.get("requestBody")), self.new.followed(new.get("requestBody"))
        yield from self.contents(f"{place}: body", *bodies, RECEIVED)
        for status in old.get("responses", {}):
            if status not in new.get("responses", {}):
                yield f"{place}: the answer {status} is gone"

    def schemas(self, at: str, old: Any, new: Any, direction: str, above: tuple = ()) -> Iterator[str]:
        """`above` holds the references that lead here: a schema may contain itself."""
        named = tuple(side.get("$ref") if isinstance(side, dict) else None for side in (old, new))
        if None not in named:
            if named in above:
                return
            above = (*above, named)
        before, now = self.old.flat(old), self.new.flat(new)
        yield from self.values(at, before, now, direction)
        if direction == SENT:
            yield from self.bounds(at, before, now)
        yield from self.variants(at, before, now, direction, above)
        yield from self.members(at, before, now, direction, above)
        for key, suffix in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", ".* (name)")):
            if isinstance(before.get(key), dict) and isinstance(now.get(key), dict):
                yield from self.schemas(at + suffix, before[key], now[key], direction, above)
        if now.get("additionalProperties") is False and before.get("additionalProperties") is not False:
            yield f"{at}: takes no further members now" if direction == SENT else f"{at}: is closed for members that it does not list"

    def values(self, at: str, old: Json, new: Json, direction: str) -> Iterator[str]:
        """Types, closed and open lists, formats, defaults."""
        yield from type_changes(at, types(old), types(new), direction)
        before, now = values(old), values(new)
        if direction == SENT and now is not None and (before is None or [value for value in before if value not in now]):
            lost = "" if before is None else ", no longer " + ", ".join(str(value) for value in before if value not in now)
            yield f"{at}: takes only {', '.join(map(str, now))}{lost}"
        if direction == RECEIVED and before is None and now is not None:
            yield f"{at}: is a closed list now"
        if direction == RECEIVED and before is not None:
            added = [str(value) for value in now or [] if value not in before]
            if now is None or added:
                yield f"{at}: was a closed list and may now be {', '.join(added) or 'anything'}"
        gone = [value for value in old.get("x-extensible-enum", []) if value not in (*new.get("x-extensible-enum", []), *(now or []))]
        if gone:
            yield f"{at}: {', '.join(map(str, gone))} is gone"
        if old.get("format") != new.get("format") and (direction == RECEIVED or "format" in new):
            yield f"{at}: has the format {new.get('format', 'none')}, had {old.get('format', 'none')}"
        if "default" in old and old["default"] != new.get("default"):
            yield f"{at}: has the default {json.dumps(new.get('default'))}, had {json.dumps(old['default'])}"

    def bounds(self, at: str, old: Json, new: Json) -> Iterator[str]:
        for keys, tighter in ((UPPER, lambda now, before: now < before), (LOWER, lambda now, before: now > before)):
            for key in keys:
                before = old.get(key, 0 if key.startswith("min") and key != "minimum" else None)
                if key in new and (before is None or tighter(new[key], before)):
                    yield f"{at}: {key} is {new[key]}, was {'none' if key not in old else old[key]}"
        for key in EXACT:
            if new.get(key, False) is not False and new[key] != old.get(key):
                yield f"{at}: {key} is {new[key]}, was {old.get(key, 'none')}"

    def variants(self, at: str, old: Json, new: Json, direction: str, above: tuple) -> Iterator[str]:
        before, now = old.get("variants", {}), new.get("variants", {})
        for name in sorted(before.keys() & now.keys()):
            yield from self.schemas(f"{at} ({name})", before[name], now[name], direction, above)
        if direction == SENT and now:
            yield from (f"{at}: the variant {name} is gone" for name in before if name not in now)
        if direction == RECEIVED and (before or now):
            yield from (f"{at}: the variant {name} is new" for name in now if name not in before)

    def members(self, at: str, old: Json, new: Json, direction: str, above: tuple) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        was, is_now = set(old.get("required", [])), set(new.get("required", []))
        for name in before:
            if name not in now:
                yield f"{at}.{name}: is gone"
                continue
            if direction == RECEIVED and name in was - is_now:
                yield f"{at}.{name}: may be absent now"
            yield from self.schemas(f"{at}.{name}", before[name], now[name], direction, above)
        if direction == SENT:
            yield from (f"{at}.{name}: is {'required now' if name in before else 'new and required'}" for name in sorted(is_now - was))


def type_changes(at: str, old: set[str], new: set[str], direction: str) -> Iterator[str]:
    """A whole number is a number, too."""
    wide, narrow = (old, new) if direction == SENT else (new, old)
    lost = {kind for kind in wide - narrow if not (kind == "integer" and "number" in narrow)}
    if narrow and (lost or not wide):
        told = [" or ".join(sorted(side)) or "anything" for side in (new, old)]
        yield f"{at}: is {told[0]}, was {told[1]}"


def access_words(alternative: dict[str, set[str]]) -> str:
    roles = [role for scheme in sorted(alternative) for role in sorted(alternative[scheme]) or [scheme]]
    return " and ".join(f"`{role}`" for role in roles) or "no credential"


# ---- Releases ------------------------------------------------------------------------------------


def number(version: str) -> tuple[int, int, int]:
    major, minor, patch = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version).groups()
    return int(major), int(minor), int(patch)


def newest(folder: Path) -> Path | None:
    """The document of the newest release: `<version>.json`. None if nothing is released."""
    return max(folder.glob("*.json"), key=lambda path: number(path.stem), default=None)


def may_break(released: str, current: str) -> bool:
    """A new major version may, and before 1.0 a new minor one."""
    before, now = number(released), number(current)
    return now[:2] > before[:2] if before[0] == now[0] == 0 else now[0] > before[0]


def objections(released: Json, current: Json, changelog: str) -> list[str]:
    """What keeps the current document from being released after the released one."""
    changes = breaking(released, current)
    before, now = released["info"]["version"], current["info"]["version"]
    if not changes or not may_break(before, now):
        return changes
    section = re.search(rf"^## \[(?:Unreleased|{re.escape(now)})\](.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section and re.search(r"^### Breaking$", section[1], re.MULTILINE):
        return []
    return [f"CHANGELOG.md has no section `### Breaking` for {now}, which breaks clients of {before}:", *changes]


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: compatibility.py OLD NEW", file=sys.stderr)
        return 2
    old, new = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    changes = breaking(old, new)
    print("\n".join(changes) or "no client breaks")
    return bool(changes)


if __name__ == "__main__":
    sys.exit(main())
