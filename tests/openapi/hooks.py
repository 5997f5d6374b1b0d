"""Limits of schemathesis on a stack: it must not reach other machines, or touch objects of other
tests.

Whatever it generates, the URL of a webhook becomes that of a closed port on loopback before the
request is sent, so that no delivery, test event or retry can go anywhere else. schemathesis
checks a request as it is sent, so a replaced value is not taken for the original.
"""

import json
import os
import re

import schemathesis
from support import client

CLOSED = os.environ["POSTEL_FUZZ_URL"]
TENANT = os.environ["POSTEL_FUZZ_TENANT"]
assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", CLOSED), "the only URL that a webhook may get"

BUILTIN = ("standard", "kuviq", "kazinex", "inspectorio", "kliq")
MAX_NUMBER = 1e300
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CONTRACT = re.compile(r"[a-z0-9-]{1,64}")
TYPE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
LETTER = re.compile(r"dl_[0-7][0-9A-HJKMNP-TV-Z]{25}")
# The form of an id, by path parameter. Random ids would never exist, so most generated ones are
# replaced: by ids that existed at the start, and those in later answers.
FORMS = {
    "eventId": ID,
    "keyId": re.compile(r"[A-Za-z0-9_-]{12}"),
    "webhookId": re.compile(r"wh_[A-Za-z0-9_-]{20}"),
    "deliveryId": re.compile(r"dlv_[A-Za-z0-9_-]{46}"),
    "deadLetterId": LETTER,
    "redriveId": re.compile(r"(rd_)?[0-7][0-9A-HJKMNP-TV-Z]{25}"),
}
KNOWN = json.loads(os.environ["POSTEL_FUZZ_KNOWN"])
RECENT = 20
NAMED = re.compile(r'"(?:(?P<eventId>evt_\w{26})|(?P<webhookId>wh_[\w-]{20})|(?P<deliveryId>dlv_[\w-]{46})|(?P<deadLetterId>dl_\w{26})|(?P<redriveId>rd_[0-7][0-9A-Z]{25}))"|"id":"(?P<keyId>[\w-]{12})"')
# Also those of other tenants of this run: ids that a chain of requests has created must not be
# replaced.
SEEN = {one for ids in KNOWN.values() for one in ids}
# Filters that match something, in place of most generated ones.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt].+")
FILTERS = {"type": (TYPE, f"{TENANT}.begun"), "since": (MOMENT, "2026-01-01T00:00:00Z"), "until": (MOMENT, "2100-01-01T00:00:00Z")}
# By operation: the path parameter, the form of a name, and the prefix of this run's names.
OURS = {
    "tenants.upsert": ("tenantId", ID, f"{TENANT}-"),
    "tenants.delete": ("tenantId", ID, f"{TENANT}-"),
    "contracts.upsert": ("contractName", CONTRACT, f"{TENANT}-"),
    "contracts.delete": ("contractName", CONTRACT, f"{TENANT}-"),
    "eventTypes.upsert": ("eventType", TYPE, f"{TENANT}."),
    "eventTypes.delete": ("eventType", TYPE, f"{TENANT}."),
}
# No body at all is as good as {} here.
TAKES_NO_BODY = ("webhooks.rotateSecret", "webhooks.test")
# The operator sees all tenants' objects: these could redrive or delete another test's.
ANYBODYS = ("operatorDeadLetters.redrive", "operatorDeadLetters.delete")


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """The document leaves open what later versions may add: words of lists, forms of ids. This one
    has today's, so requests are made of them and answers may hold no others."""
    for name, schema in raw_schema["components"]["schemas"].items():
        if form := (FORMS | {"tenantId": ID}).get(name[:1].lower() + name[1:]):
            schema["pattern"] = f"^{form.pattern}$"
    narrow(raw_schema)
    for item in raw_schema["paths"].values():
        for operation in item.values():
            if operation["operationId"] in TAKES_NO_BODY:
                operation["requestBody"]["required"] = False


def narrow(value):
    if isinstance(value, dict):
        if words := value.get("x-extensible-enum"):
            value["enum"] = words
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            narrow(one)


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    # A replaced body is checked again, and a missing one would count as a wrong one.
    if operation in ("webhooks.create", "webhooks.update") and isinstance(case.body, (dict, list, str, bytes)):
        case.body = known(harmless(case.body))
    if isinstance(case.body, (dict, list)):
        case.body = plain(case.body)
    for place in (case.path_parameters or {}, case.query or {}):
        for name, value in place.items():
            if isinstance(value, str):
                place[name] = better(operation, name, value)


@schemathesis.hook
def after_call(context, case, response):
    for found in NAMED.finditer(response.text):
        name = found[found.lastgroup]
        if name not in SEEN and (case.path_parameters or {}).get("tenantId") == TENANT:
            KNOWN[found.lastgroup].append(name)
        SEEN.add(name)


def better(operation, name, value):
    """A parameter that matches something, and nothing of other tests."""
    if operation in OURS and name == OURS[operation][0]:
        _, form, prefix = OURS[operation]
        return value if not form.fullmatch(value) or value.startswith(prefix) else prefix + value[len(prefix) :]
    if operation in ANYBODYS and LETTER.fullmatch(value):
        is_ours = client.operator().get(f"/v1/tenants/{TENANT}/dead-letters/{value}").status == 200
        return value if is_ours else KNOWN["deadLetterId"][0]
    if name == "tenantId" and operation != "tenants.get":
        # Otherwise the prepared one, or, in a chain of requests, one that was created before.
        return value if not ID.fullmatch(value) or value.startswith(TENANT) else TENANT
    # The same value is always replaced by the same.
    chance = sum(value.encode(errors="replace"))
    if name in FILTERS and FILTERS[name][0].fullmatch(value) and chance % 3:
        return FILTERS[name][1]
    if name in FORMS and FORMS[name].fullmatch(value) and value not in SEEN and chance % 3:
        recent = KNOWN[name][-RECENT:]
        return recent[chance % len(recent)]
    return value


def harmless(body):
    """The same body with a harmless URL; a value that is not a URL stays unchanged."""
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        return body | {"url": CLOSED if re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*:", body["url"]) else "-"}
    # Its content must not be parsed.
    return "-" if isinstance(body, (str, bytes)) else [] if isinstance(body, list) else body


def known(body):
    """With an existing contract in place of a generated one: otherwise hardly any webhook would
    be created."""
    if isinstance(body, dict) and isinstance(body.get("contract"), str) and CONTRACT.fullmatch(body["contract"]):
        return body | {"contract": BUILTIN[len(body["contract"]) % len(BUILTIN)]}
    return body


def plain(value):
    """JSON Schema accepts 2.0 as an integer, and numbers of any size; serde and similar parsers
    accept neither, and no caller writes them."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0 if abs(value) > MAX_NUMBER else int(value) if float(value).is_integer() else value
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
