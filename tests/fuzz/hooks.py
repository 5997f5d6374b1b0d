"""What schemathesis may not do to a stack: reach beyond this machine, or touch what other tests have made.

Whatever it generates, the URL of a webhook becomes that of a closed port on loopback before the request leaves, so that no delivery, test event or retry
can go anywhere else. schemathesis judges a request as it is sent, so what is replaced is not taken for what it was.
"""

import json
import os
import re

import schemathesis

CLOSED = os.environ["POSTEL_FUZZ_URL"]
TENANT = os.environ["POSTEL_FUZZ_TENANT"]
assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", CLOSED), "the only place that may be written into a webhook"

BUILTIN = ("standard", "kuviq", "kazinex", "inspectorio", "kliq")
LARGEST = 1e300
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CONTRACT = re.compile(r"[a-z0-9-]{1,64}")
TYPE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
LETTER = re.compile(r"dl_[0-7][0-9A-HJKMNP-TV-Z]{25}")
# Ids that there are, by path parameter, and what one looks like: nobody would hit one by chance.
KNOWN = json.loads(os.environ["POSTEL_FUZZ_KNOWN"])
FORMS = {"event": ID, "key": re.compile(r"[A-Za-z0-9_-]{12}"), "delivery": re.compile(r"dlv_[0-9A-Za-z_-]{46}"), "letter": LETTER}
# By operation: the path parameter, what a name looks like, and how one of ours begins.
OURS = {
    "put_tenant": ("tenant", ID, f"{TENANT}-"),
    "delete_tenant": ("tenant", ID, f"{TENANT}-"),
    "put_contract": ("name", CONTRACT, f"{TENANT}-"),
    "delete_contract": ("name", CONTRACT, f"{TENANT}-"),
    "put_event_type": ("type", TYPE, f"{TENANT}."),
    "delete_event_type": ("type", TYPE, f"{TENANT}."),
    # The operator sees everybody's: what these put back or delete may be another test's. There is none so far in the future.
    "redrive_any_dead_letter": ("letter", LETTER, "dl_7"),
    "delete_any_dead_letter": ("letter", LETTER, "dl_7"),
}


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    if operation in ("create_webhook", "patch_webhook"):
        case.body = known(harmless(case.body))
    if isinstance(case.body, (dict, list)):
        case.body = plain(case.body)
    parameters = case.path_parameters or {}
    if operation in OURS:
        name, pattern, prefix = OURS[operation]
        value = str(parameters.get(name, ""))
        if pattern.fullmatch(value) and not value.startswith(prefix):
            parameters[name] = prefix + value[len(prefix) :]
    elif ID.fullmatch(str(parameters.get("tenant", ""))) and operation != "get_tenant":
        parameters["tenant"] = TENANT
        # In a chain of requests the ids are those that came before.
        if case.meta is None or case.meta.phase.name.value != "stateful":
            for name in KNOWN.keys() & parameters.keys():
                parameters[name] = there(name, str(parameters[name]))


def there(name, value):
    """An id that there is, for two in three of those that might be."""
    chance = sum(value.encode(errors="replace"))
    if FORMS[name].fullmatch(value) and chance % 3:
        return KNOWN[name][chance % len(KNOWN[name])]
    return value


def harmless(body):
    """The same body with a URL that leads nowhere: one that is none stays none."""
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        return body | {"url": CLOSED if re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*:", body["url"]) else "-"}
    # Not to be read for what it might say.
    return "-" if isinstance(body, (str, bytes)) else [] if isinstance(body, list) else body


def known(body):
    """With a contract that there is in place of one that there may be: else hardly any webhook would be made."""
    if isinstance(body, dict) and isinstance(body.get("contract"), str) and CONTRACT.fullmatch(body["contract"]):
        return body | {"contract": BUILTIN[len(body["contract"]) % len(BUILTIN)]}
    return body


def plain(value):
    """JSON Schema takes 2.0 for an integer, and numbers of any size; serde and its like take neither, and nobody writes them."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0 if abs(value) > LARGEST else int(value) if float(value).is_integer() else value
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
