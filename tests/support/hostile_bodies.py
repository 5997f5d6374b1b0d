"""Bodies for the events queue that no ordinary publisher sends, generated from a seed; and the
expected result for each.

The expectation is written only from docs/api.md, the API's interface and RFC 8259 and 3339; none
of Postel's code is used. Mutation makes valid events too, so every body is evaluated, whatever
its generator intended.
"""

import calendar
import json
import random
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Callable, Iterator

# What SQS accepts:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
REFUSED_BY_SQS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MAX_SQS_BYTES = 1024 * 1024
MAX_BYTES = 256 * 1024
MAX_DEPTH = 128

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TYPE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Expected:
    """`refused` by SQS, `dead` for one of the reasons, or `delivered`: a valid event after all."""

    kind: str
    reasons: frozenset[str] = frozenset()
    event_id: str | None = None


def dead(*reasons: str) -> Expected:
    return Expected("dead", frozenset(reasons))


class _NoJson(Exception):
    pass


class _Number(str):
    """A JSON number in its original spelling: Python would round it, or reject it for its
    length."""


class _Members(list):
    """A JSON object's members in their order, including repeated names."""


def _no_constant(text: str) -> None:
    raise _NoJson(text)


def fate(body: str, tenants: set[str]) -> Expected:
    """The expected result of a body, if these tenants exist and the sender may publish for all
    of them."""
    size = len(body.encode("utf-8", "surrogatepass"))
    if not body or size > MAX_SQS_BYTES or REFUSED_BY_SQS.search(body):
        return Expected("refused")
    if size > MAX_BYTES:
        return dead("payload_too_large")
    if _depth(body) > MAX_DEPTH:
        return dead("malformed_json")
    try:
        value = json.loads(body, object_pairs_hook=_Members, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant)
    except (ValueError, _NoJson):
        # The first problem is reported: broken text may begin with a member that is already wrong.
        return dead("malformed_json", "invalid_event")
    if not isinstance(value, _Members):
        return dead("invalid_event")
    return _object(value, tenants)


def _object(value: _Members, tenants: set[str]) -> Expected:
    members = dict(value)
    tenant = members.get("tenantId")
    if len(value) == 2 and set(members) == {"tenantId", "stored"} and _is(tenant, NAME) and _is(members["stored"], ULID):
        # A message as the HTTP API writes it, for an event that does not exist.
        return dead("undeliverable") if tenant in tenants else dead("unknown_tenant")
    if any(SURROGATE.search(text) for text in _read_as_text(members)):
        # Half a character is not text; parsers differ in whether they call it broken JSON.
        return dead("malformed_json", "invalid_event")
    if any(isinstance(member, _Number) and name != "data" and float(member) in (float("inf"), float("-inf")) for name, member in value):
        return dead("malformed_json", "invalid_event")
    known = {"tenantId", "id", "type", "timestamp", "data", "context"}
    if len(members) < len(value) or not members.keys() <= known or not {"tenantId", "type", "data"} <= members.keys():
        return dead("invalid_event")
    right = (
        _is(tenant, NAME)
        and _is(members["type"], TYPE)
        and (members.get("id") is None or _is(members["id"], NAME))
        and (members.get("timestamp") is None or _is_time(members["timestamp"]))
        and _is_context(members.get("context"))
    )
    if not right:
        return dead("invalid_event")
    return Expected("delivered", event_id=members.get("id")) if tenant in tenants else dead("unknown_tenant")


def _read_as_text(members: dict[str, Any]) -> Iterator[str]:
    yield from members
    yield from (value for name, value in members.items() if name != "data" and isinstance(value, str))
    if isinstance(members.get("context"), _Members):
        yield from (name for name, _ in members["context"])


def _is(value: Any, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and not isinstance(value, _Number) and form.fullmatch(value) is not None


def _is_time(value: Any) -> bool:
    found = RFC3339.fullmatch(value) if isinstance(value, str) and not isinstance(value, _Number) else None
    if not found:
        return False
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if second == 60:
        return _may_have_leap_second((year, month, day, hour, minute), found[8])
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(max(year, 1), month)[1] and hour <= 23 and minute <= 59 and second <= 59


def _may_have_leap_second(minute: tuple[int, ...], offset: str) -> bool:
    """At the end of the last minute of a month in UTC, and at no other time."""
    ahead = timedelta(0) if offset in "Zz" else timedelta(hours=int(offset[1:3]), minutes=int(offset[4:])) * (-1 if offset[0] == "-" else 1)
    try:
        last = datetime(*minute) - ahead
    except (ValueError, OverflowError):
        return False
    return (last.hour, last.minute) == (23, 59) and last.day == calendar.monthrange(last.year, last.month)[1]


def _is_context(value: Any) -> bool:
    if value is None:
        return True
    if not isinstance(value, _Members):
        return False
    names = {name for name, _ in value}
    if len(names) > 16 or any(not 1 <= len(name.encode()) <= 64 for name in names):
        return False
    return len(names) == len(value) and not any(isinstance(member, list) for _, member in value)


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside of strings, whether or not it is JSON."""
    deepest = depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*(?:"|$)|[\[\]{}]', text, re.DOTALL):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth = max(0, depth - 1)
    return deepest


# ---- Bodies ------------------------------------------------------------------------------------

Family = Callable[["BodyGenerator"], str]
FAMILIES: list[Family] = []
# Hundreds of KiB each: a few are enough, and the local cloud keeps all of them in memory.
HEAVY: list[Family] = []


def family(make: Family) -> Family:
    FAMILIES.append(make)
    return make


def heavy_family(make: Family) -> Family:
    HEAVY.append(make)
    return make


class BodyGenerator:
    """Generates bodies for a tenant: each family equally often, the heavy ones together as often
    as one family."""

    def __init__(self, seed: int, tenant: str) -> None:
        self.random, self.tenant, self._made = random.Random(seed), tenant, 0

    def bodies(self, number: int) -> Iterator[tuple[str, str]]:
        """The name of its family, and the body."""
        for count in range(number):
            turn = count % (len(FAMILIES) + 1)
            make = FAMILIES[turn] if turn < len(FAMILIES) else self.random.choice(HEAVY)
            yield make.__name__, make(self)

    def event(self, **changed: Any) -> dict[str, Any]:
        """A valid event. A member that is set to ... is left out."""
        self._made += 1
        pick = self.random
        event: dict[str, Any] = {"tenantId": self.tenant, "type": pick.choice(["item.created", "a", "visit.submitted.x"])}
        if pick.random() < 0.3:
            event["id"] = f"hostile-{self._made}-{pick.getrandbits(40)}"
        if pick.random() < 0.3:
            event["timestamp"] = "2026-01-31T12:00:00Z"
        event["data"] = {"number": self._made, "text": "\u00fc\U0001f600", "list": [1.5, None, True]}
        if pick.random() < 0.2:
            event["context"] = {"project_id": "p1"}
        return {name: value for name, value in (event | changed).items() if value is not ...}

    def text(self, **changed: Any) -> str:
        return json.dumps(self.event(**changed), ensure_ascii=self.random.random() < 0.5)

    def with_raw(self, **raw: str) -> str:
        """An event with members in the given spelling, which json.dumps would not write."""
        rest = json.dumps(self.event(**dict.fromkeys(raw, ...)))[:-1]
        return rest + "".join(f', "{name}": {value}' for name, value in raw.items()) + "}"

    def word(self, most: int = 40) -> str:
        alphabet = "aZ09_-.# /\\\"'{}[]:,\u00e9\u4e2d\U0001f4a3\u202e\u200b\ufeff\t\n"
        return "".join(self.random.choices(alphabet, k=self.random.randint(1, most)))

    def value(self, depth: int = 3) -> Any:
        kind = self.random.randrange(9 if depth else 7)
        if kind == 7:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        if kind == 8:
            return {self.word(8): self.value(depth - 1) for _ in range(self.random.randrange(4))}
        return [None, True, False, self.word(), "", self.random.randint(-(2**70), 2**70), self.random.uniform(-1e300, 1e300)][kind]


@family
def garbage(make: BodyGenerator) -> str:
    return make.word(400)


@family
def another_format(make: BodyGenerator) -> str:
    number = make.random.getrandbits(60)
    return make.random.choice(
        [
            f"<event><tenantId>{make.tenant}</tenantId><n>{number}</n></event>",
            f"tenantId={make.tenant}&type=item.created&data={number}",
            f"tenantId: {make.tenant}\ntype: item.created\ndata: {number}\n",
            f"eyJhbGciOiJub25lIn0.eyJuIjoi{number}In0.",
            f"() {{ :; }}; /bin/echo {number}",
            f"'; DROP TABLE events; -- {number}",
            f"${{jndi:ldap://127.0.0.1/{number}}}",
            f"%7B%22tenantId%22%3A%22{make.tenant}%22%2C%22n%22%3A{number}%7D",
            f"\x1f\u008b\u0008{number}" if number % 2 else f"{number}",
        ]
    )


@family
def another_services_envelope(make: BodyGenerator) -> str:
    return json.dumps(
        make.random.choice(
            [
                {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:x", "Message": make.text()},
                {"version": "0", "id": "1", "detail-type": "item.created", "source": "x", "detail": make.event()},
                {"Records": [{"messageId": "1", "body": make.text()}]},
                {"specversion": "1.0", "id": "1", "type": "item.created", "source": "/x", "data": make.event()},
                {"body": make.text(), "isBase64Encoded": False},
                {"events": [make.event(), make.event()]},
                {"event": "item.created", "timestamp": "2026-01-31T12:00:00Z", "data": {"n": make.random.random()}},
            ]
        )
    )


@family
def cut_off(make: BodyGenerator) -> str:
    text = make.text()
    return text[: make.random.randrange(1, len(text))]


@family
def a_character_changed(make: BodyGenerator) -> str:
    text = list(make.text())
    for _ in range(make.random.randint(1, 3)):
        at = make.random.randrange(len(text))
        text[at : at + make.random.randrange(2)] = make.random.choice(["", "\\", '"', "{", "]", ",", "0", "\t", "\u00e9", "\\u0000", "\\ud800"])
    return "".join(text) or "x"


@family
def a_wrong_type(make: BodyGenerator) -> str:
    return make.text(**{make.random.choice(["tenantId", "id", "type", "timestamp", "data", "context"]): make.value()})


@family
def a_member_missing(make: BodyGenerator) -> str:
    return make.text(**{make.random.choice(["tenantId", "type", "data"]): ...})


@family
def an_unknown_version(make: BodyGenerator) -> str:
    name = make.random.choice(["version", "v", "specversion", "schema", "$schema", "dataVersion", "tenant_id", "TenantId", "t\u0435nantId", "__proto__"])
    return make.text(**{name: make.random.choice([2, "2.0", 99, None, {}, "http://127.0.0.1/schema"])})


@heavy_family
def a_long_unknown_name(make: BodyGenerator) -> str:
    return make.text(**{make.random.choice("k\u0001\u4e2d") * make.random.choice([300, 40_000, 250_000]): 1})


@family
def nested_too_deep(make: BodyGenerator) -> str:
    levels = make.random.choice([128, 129, 200, 1_000, 2_000])
    opening, closing = make.random.choice([("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
    inner = opening * levels + "1" + closing * make.random.choice([levels, levels, 0])
    return make.random.choice([inner, make.with_raw(data=inner), make.with_raw(context=f'{{"a":{inner}}}'), make.with_raw(type=inner)])


@heavy_family
def nested_very_deep(make: BodyGenerator) -> str:
    return make.with_raw(data="[" * make.random.choice([10_000, 100_000]) + make.random.choice(["", "]" * 10_000]))


@family
def nested_just_deep_enough(make: BodyGenerator) -> str:
    levels = make.random.choice([1, 100, 126, 127])
    return make.with_raw(data="[" * levels + "]" * levels)


@family
def brackets_in_text(make: BodyGenerator) -> str:
    return make.text(data='\\"' + "[{" * make.random.choice([64, 1_000]))


@family
def huge_numbers(make: BodyGenerator) -> str:
    number = make.random.choice(["1E400", "-1e999999999", "9" * 5_000, "0." + "0" * 9_000 + "1", "-0", "1.0E+2", "18446744073709551616", "01", "+1", "0x10", "1_000", ".5", "5.", "1e"])
    return make.with_raw(**{make.random.choice(["data", "data", "type", "id", "timestamp", "context", "tenantId"]): number})


@family
def repeated_names(make: BodyGenerator) -> str:
    return make.random.choice(
        [
            make.with_raw(data="1")[:-1] + ', "data": 2}',
            make.with_raw(data="1")[:-1] + ', "type": "item.created"}',
            make.with_raw(data="1")[:-1] + f', "tenantId": "{make.tenant}"}}',
            make.with_raw(data="1")[:-1] + ', "tenantId": "somebody-else"}',
            make.with_raw(data='{"a":1,"a":2,"a":{"a":1,"a":2}}'),
            make.with_raw(data="1", context='{"a":1,"a":"2"}'),
        ]
    )


@family
def half_characters(make: BodyGenerator) -> str:
    half = make.random.choice(['"\\ud800"', '"\\udc00\\ud800"', '"\\uDBFF"', '"a\\ud83dz"', '"\\ud83d\\ude00"'])
    place = make.random.choice(["data", "data", "in data", "name in data", "type", "id", "tenantId", "timestamp", "context", "name", "name in context"])
    if place == "name":
        return make.with_raw(data="1")[:-1] + f", {half}: 1}}"
    raw = {
        "in data": {"data": f"[{half}]"},
        "name in data": {"data": f"{{{half}:1}}"},
        "context": {"data": "1", "context": f'{{"a":{half}}}'},
        "name in context": {"data": "1", "context": f"{{{half}:1}}"},
    }
    return make.with_raw(**raw.get(place, {place: half}))


@family
def control_characters(make: BodyGenerator) -> str:
    character = make.random.choice(["\0", "\x01", "\x1b", "\x7f", "\ufffe", "\uffff", "\ufdd0", "\U0001fffe", "\t", "\n", "\r", "\u0085", "\u2028"])
    written = character if make.random.random() < 0.6 else json.dumps(character)[1:-1]
    return make.with_raw(**{make.random.choice(["data", "data", "type", "id", "timestamp"]): f'"x{written}y"'})


@family
def not_quite_json(make: BodyGenerator) -> str:
    text = make.text()
    return make.random.choice(
        [
            text.replace('"', "'"),
            text[:-1] + ",}",
            "// a comment\n" + text,
            text[:-1] + "/**/}",
            "\ufeff" + text,
            text + text,
            text + "\n" + make.text(),
            text + make.random.choice([" x", "\x0b", "]", "}", ",", ";"]),
            f"callback({text})",
            make.with_raw(data="NaN"),
            make.with_raw(data="-Infinity"),
            make.with_raw(data="undefined"),
            make.with_raw(data="True"),
            json.dumps(text),
            "\u00a0" + text,
            f"{text[:-1]}, }}",
            text.replace(":", "=", 1),
        ]
    )


@family
def white_space(make: BodyGenerator) -> str:
    return make.random.choice([" ", "\n\t\r ", "  " + make.text() + "\r\n", make.text().replace(",", "\t ,\n")])


@heavy_family
def too_much_white_space(make: BodyGenerator) -> str:
    return " " * make.random.choice([MAX_BYTES, 100_000]) + make.text()


@family
def no_object(make: BodyGenerator) -> str:
    by_places = [make.tenant, None, "item.created", None, {"number": make.random.random()}, None]
    stored = [make.tenant, "01ARZ3NDEKTSV4RRFFQ69G5FAV"]
    return json.dumps(make.random.choice([by_places, by_places, stored, [make.event()], make.word(), 17, None, True, [], {}, [[make.tenant]]]))


@family
def forged_words_of_our_own(make: BodyGenerator) -> str:
    """Internal messages of Postel's functions, and variations."""
    ulid = "".join(make.random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=25))
    event, webhook = make.random.choice("01234567") + ulid, "".join(make.random.choices("0123456789abcdefghjkmnpqrstvwxyz", k=20))
    delivery = f"dlv_{event}{webhook}"
    tenant = make.random.choice([make.tenant, make.tenant, "nobody", "../config", ""])
    return json.dumps(
        make.random.choice(
            [
                {"tenantId": tenant, "stored": event},
                {"tenantId": tenant, "stored": event.lower()},
                {"tenantId": tenant, "stored": "8" + ulid},
                {"tenantId": tenant, "stored": event, "data": 1},
                {"tenantId": tenant, "stored": 1},
                {"tenantId": tenant, "stored": None},
                {"stored": event},
                {"tenantId": tenant, "deliveryId": delivery, "sequence": 1},
                {"tenantId": tenant, "deliveryId": delivery, "manual": "token"},
                {"tenantId": tenant, "deliveryId": delivery, "sequence": 4294967296},
                {"tenantId": tenant, "jobId": event, "step": 0},
                [tenant, event],
            ]
        )
    )


@family
def a_wrong_name(make: BodyGenerator) -> str:
    once = f"{make.random.getrandbits(80):025d}"
    right = [once, f"-{once}", f"evt_{once}", f"evt_0{once}", once.rjust(64, "a")]
    wrong = ["", "a.b", "x" * 65, "\u00fc", "a b", "../x", "a\n", "evt_1/..", "#", "*", "\u0430bc", f"{once}\n", f"{once} "]
    return make.text(id=make.random.choice(right + wrong))


@family
def a_wrong_type_name(make: BodyGenerator) -> str:
    return make.text(type=make.random.choice(["", " ", "a b", "*", "item.*", "\u00fc.b", "a/b", "x" * 257, "x" * 256, ".", "..", "-", "a.b\n", "<script>", "{type}"]))


@family
def a_wrong_time(make: BodyGenerator) -> str:
    zone = make.random.choice(["", "Z", "z", "+02:00", "-00:00", "+2", "+0200", "+24:00", "+02:60", "[UTC]", "Z[Europe/Paris]", " UTC"])
    time = make.random.choice(
        [
            "2026-01-31T12:00:00", "2026-01-31t12:00:00", "2026-01-31 12:00:00", "2026-01-31T12", "2026-01-31T12:00", "2026-01-31T1200", "20260131T120000",
            "2026-01-31T12:00:60", "2026-01-31T24:00:00", "2026-01-31T12:60:00", "2026-02-30T12:00:00", "2024-02-29T12:00:00", "2026-13-01T12:00:00",
            "2026-01-31T12:00:00.5", "2026-01-31T12:00:00,5", "2026-01-31T12:00:00.123456789", "2026-01-31T12:00:00.", "-000001-01-01T00:00:00",
            "+002026-01-31T12:00:00", "12:00:00", "2026-01-31", "2026-031T12:00:00", "2026-W05-6T12:00:00", "\u0662\u0660\u0662\u0666-01-31T12:00:00", "now", "",
            "1767225600", "Sat, 31 Jan 2026 12:00:00",
        ]
    )  # fmt: skip
    return make.text(timestamp=time + zone)


@family
def a_wrong_context(make: BodyGenerator) -> str:
    return make.text(
        context=make.random.choice(
            [
                {f"n{n}": n for n in range(17)},
                {f"n{n}": n for n in range(16)},
                {"": 1},
                {"x" * 65: 1},
                {"x" * 64: 1},
                {"\u00fc" * 33: 1},
                {"a": {}},
                {"a": [1]},
                {"a": None, "b": "x" * 1000, "c": -1.5},
                [],
                "text",
                [["a", 1]],
            ]
        )
    )


@family
def a_tenant_that_is_none(make: BodyGenerator) -> str:
    tenant = make.random.choice(
        ["", "nobody", "#nobody", "*", "../x", "x" * 64, "x" * 65, make.tenant.upper(), make.tenant + " ", make.tenant + "#0", f"{make.tenant}\u0000", "\u00fc", "null"]
    )
    return make.text(tenantId=tenant)


@heavy_family
def too_large(make: BodyGenerator) -> str:
    size = make.random.choice([MAX_BYTES + 1, 2 * MAX_BYTES, 300_000]) if make.random.random() < 0.9 else MAX_SQS_BYTES
    filler = make.random.choice(["x", "\u4e2d", "["])
    text = make.with_raw(data='"{}"')
    room = size - len(text.encode()) + 2
    return text.replace("{}", filler * (room // len(filler.encode())) + "x" * (room % len(filler.encode())))


@heavy_family
def just_large_enough(make: BodyGenerator) -> str:
    text = make.with_raw(data='"{}"')
    return text.replace("{}", "x" * (make.random.choice([MAX_BYTES, MAX_BYTES - 1, 200_000]) - len(text.encode()) + 2))


@family
def an_event_after_all(make: BodyGenerator) -> str:
    return make.text(data=make.value())
