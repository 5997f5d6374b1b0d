"""What schemathesis may not do to a stack: reach beyond this machine, or touch what other tests have made.

Whatever it generates, the URL of a webhook becomes that of a closed port on loopback before the request leaves, so that no delivery, test event or retry
can go anywhere else. schemathesis judges a request as it is sent, so what is replaced is not taken for what it was.
"""

import os
import re

import schemathesis

CLOSED = os.environ["POSTEL_FUZZ_URL"]
TENANT = os.environ["POSTEL_FUZZ_TENANT"]
assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", CLOSED), "the only place that may be written into a webhook"

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# By operation and path parameter: what a name looks like, and how one of ours begins.
OURS = {
    "put_tenant": ("tenant", ID, TENANT + "-"),
    "delete_tenant": ("tenant", ID, TENANT + "-"),
    "put_contract": ("name", re.compile(r"[a-z0-9-]{1,64}"), "fuzz-"),
    "delete_contract": ("name", re.compile(r"[a-z0-9-]{1,64}"), "fuzz-"),
    "put_event_type": ("type", re.compile(r"[A-Za-z0-9_.-]{1,256}"), "fuzz."),
    "delete_event_type": ("type", re.compile(r"[A-Za-z0-9_.-]{1,256}"), "fuzz."),
    # The operator sees everybody's: what these would put back or delete may be another test's.
    "redrive_any_dead_letter": ("letter", re.compile(r"dl_[0-7][0-9A-HJKMNP-TV-Z]{25}"), "dl_7"),
    "delete_any_dead_letter": ("letter", re.compile(r"dl_[0-7][0-9A-HJKMNP-TV-Z]{25}"), "dl_7"),
}


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    if operation in ("create_webhook", "patch_webhook"):
        case.body = harmless(case.body)
    parameters = case.path_parameters or {}
    if operation in OURS:
        name, pattern, prefix = OURS[operation]
        value = parameters.get(name)
        if isinstance(value, str) and pattern.fullmatch(value) and not value.startswith(prefix):
            parameters[name] = prefix + value[len(prefix):]
    elif "tenant" in parameters and operation != "get_tenant" and ID.fullmatch(str(parameters["tenant"])):
        parameters["tenant"] = TENANT


def harmless(body):
    """The same body with a URL that leads nowhere: one that is none stays none."""
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        return body | {"url": CLOSED if re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*:", body["url"]) else "-"}
    # Not to be read for what it might say.
    return "-" if isinstance(body, (str, bytes)) else body
