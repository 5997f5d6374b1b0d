"""Credentials towards receivers: Basic authentication, headers, secrets and their rotation."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import logs, stack, vendors
from support.client import STANDARD_SECRET, Tenant, new_tenant
from support.contracts import seconds_of, verifies_as_standard
from support.receiver import Held, Receiver, Reply
from support.vendors import DOCUMENTED, SIGNATURE_HEADER

BASIC = {"username": "user", "password": "p@ss:w\u00f6rd"}
BASIC_VALUE = "Basic dXNlcjpwQHNzOnfDtnJk"
OWN_SECRET = "key-5up3r-5ecret-of-this-test"
OWN = {"X-Api-Key": OWN_SECRET, "Cookie": "session=5up3r-cookie"}


def with_credentials(tenant: Tenant, url: str) -> dict:
    return tenant.new_webhook(url, basicAuth=BASIC, headers=OWN)


def carries(request) -> dict[str, str]:
    return {name: request.headers[name] for name in ("authorization", "x-api-key", "cookie") if name in request.headers}


ALL = {"authorization": BASIC_VALUE, "x-api-key": OWN_SECRET, "cookie": OWN["Cookie"]}

# ---- They arrive, and nowhere else --------------------------------------------------------------


@pytest.mark.parametrize("contract", vendors.CONTRACTS)
def test_basic_authentication_and_headers_arrive_in_each_attempt_of_every_contract(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    vendors.subscribe(tenant, receiver.url(), basicAuth=BASIC, headers=OWN, overrides={"retryDelaysSeconds": [1]})
    receiver.answer(500, 200)

    tenant.publish(DOCUMENTED[contract].types[0])

    for request in receiver.wait(2):
        assert carries(request) == ALL
        if contract in SIGNATURE_HEADER:
            assert request.headers[SIGNATURE_HEADER[contract]], "the signature is there as well"


def test_credentials_are_never_read_back(tenant: Tenant, receiver: Receiver):
    began = time.time()
    made = tenant.api.post(
        tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "secret": STANDARD_SECRET, "basicAuth": BASIC, "headers": OWN}
    )
    webhook = made.ok(201)
    event_id = tenant.publish()
    delivery_id = tenant.wait_for_status(event_id, "completed")["id"]

    answers = {
        "POST": made,
        "PATCH": tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"name": "n", "basicAuth": BASIC, "headers": OWN}),
        "GET": tenant.api.get(tenant.path(f"/webhooks/{webhook['id']}")),
        "list": tenant.api.get(tenant.path("/webhooks")),
        "rotate": tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/secret/rotate"), {}),
        "delivery": tenant.api.get(tenant.path(f"/deliveries/{delivery_id}")),
        "deliveries": tenant.api.get(tenant.path("/deliveries")),
        "event": tenant.api.get(tenant.path(f"/events/{event_id}")),
        "operator": tenant.operator.get(tenant.path(f"/webhooks/{webhook['id']}")),
        "tenant": tenant.operator.get(tenant.path()),
    }
    hidden = [BASIC["password"], BASIC_VALUE.removeprefix("Basic "), OWN_SECRET, "5up3r-cookie"]
    kept = json.dumps([stack.scan(table, of_partition=tenant.id) for table in ("ConfigTable", "LogTable", "DeadLettersTable")], ensure_ascii=False)
    for secret in hidden:
        for what, answer in answers.items():
            assert secret not in json.dumps(answer.json, ensure_ascii=False), f"{what} gives {secret!r} away"
        assert secret not in kept, f"{secret!r} is stored in plaintext"
        for function in ("Manage", "Dispatcher", "Publish"):
            assert logs.holding(f"{function}Function", secret, began) == [], f"{function} logs {secret!r}"
    shown = answers["GET"].json
    assert shown["basicAuth"] == {"username": "user"}, "the user name may be shown"
    assert set(shown["headers"]) == set(OWN) and not set(shown["headers"].values()) & set(OWN.values())
    # The signing secret is shown in the two responses that created one, and in no other. The others
    # name it only as a member that was changed.
    assert {what for what, answer in answers.items() if '"secret":' in answer.raw.decode()} == {"POST", "rotate"}
    assert STANDARD_SECRET not in kept
    masked = {name.lower(): value for name, value in answers["delivery"].json["request"]["headers"].items()}
    assert {"authorization", "x-api-key", "cookie"} <= set(masked) and not {masked[name] for name in ALL} & set(ALL.values())


def test_credentials_can_be_replaced_and_taken_away_one_by_one(tenant: Tenant, receiver: Receiver):
    webhook = with_credentials(tenant, receiver.url())

    steps = [
        ({"headers": {"x-api-key": "other"}}, ALL | {"x-api-key": "other"}),
        ({"headers": {"Cookie": None}}, {"authorization": BASIC_VALUE, "x-api-key": "other"}),
        ({"basicAuth": {"username": "u", "password": ""}}, {"authorization": "Basic " + base64.b64encode(b"u:").decode(), "x-api-key": "other"}),
        ({"basicAuth": None}, {"x-api-key": "other"}),
        ({"headers": {"Authorization": "Bearer t.o.k"}}, {"authorization": "Bearer t.o.k", "x-api-key": "other"}),
        ({"headers": None}, {}),
    ]
    for number, (patch, expected) in enumerate(steps, start=1):
        tenant.patch_webhook(webhook["id"], **patch)
        tenant.publish()
        assert carries(receiver.wait(number)[-1]) == expected, patch
    assert not {"basicAuth", "headers"} & set(tenant.webhook(webhook["id"]))


def test_what_was_read_can_be_written_back_and_keeps_every_secret(tenant: Tenant, receiver: Receiver):
    webhook = with_credentials(tenant, receiver.url())
    shown = tenant.webhook(webhook["id"])
    own = {name: shown[name] for name in ("url", "events", "active", "contract", "overrides", "basicAuth", "headers")}
    assert set(shown["headers"].values()) == {"***"}

    steps = [
        (own | {"name": "only the name changed"}, ALL),
        ({"basicAuth": {"username": "u"}}, ALL | {"authorization": "Basic " + base64.b64encode(f"u:{BASIC['password']}".encode()).decode()}),
        ({"basicAuth": {"password": "***", "username": "user"}}, ALL),
    ]
    for number, (patch, expected) in enumerate(steps, start=1):
        tenant.patch_webhook(webhook["id"], **patch)
        tenant.publish()
        assert carries(receiver.wait(number)[-1]) == expected, patch

    path = tenant.path(f"/webhooks/{webhook['id']}")
    refused = {
        "headers.New": tenant.api.patch(path, {"headers": {"New": "***"}}),
        "headers.X-Api-Key": tenant.api.patch(path, {"url": "https://example.org/", "headers": {"X-Api-Key": "***"}}),
        "url": tenant.api.patch(path, {"url": receiver.url() + "/***"}),
        "secret": tenant.api.post(path + "/secret/rotate", {"secret": "***"}),
        "basicAuth.password": tenant.api.post(
            tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "basicAuth": {"username": "u", "password": "***"}}
        ),
    }
    for field, answer in refused.items():
        assert (answer.status, answer.code, answer.json["field"]) == (422, "masked_value", field)
    assert tenant.webhook(webhook["id"])["headers"] == shown["headers"]


# ---- What a receiver sends back ----------------------------------------------------------------

BEARER = "Bearer sk_live_VERYSECRETTOKEN1234567890"
LONG = "".join(f"{number:03}." for number in range(80))


def echoed(receiver: Receiver, text: str = "", answered: dict[str, str] | None = None, **webhook) -> dict:
    """The logged attempt of a delivery to which the receiver gave this response."""
    receiver.answer(Reply(200, answered or {}, text.encode()))
    tenant = new_tenant("kazinex")
    tenant.new_webhook(receiver.url(), **webhook)
    (attempt,) = tenant.delivery(tenant.wait_for_status(tenant.publish(), "completed")["id"])["attemptLog"]
    return attempt


@pytest.mark.parametrize(
    ("own", "secret", "text", "shown"),
    [
        ({"X-A": "acme-2026"}, "acme-2026-signing-0123456789", "acme-2026 and acme-2026-signing-0123456789", "*** and ***"),
        ({"authorization": BEARER, "a": "Bearer s"}, "s", BEARER, "Bearer ***"),
        ({"authorization": BEARER, "a": "sk_live_"}, "s", BEARER, "Bearer ***"),
        ({"authorization": BEARER}, "s", "token=sk%5Flive%5FVERYSECRET%54OKEN1234567890", "token=***"),
        ({"x-key": 'a"b/c\\d&e,f'}, "s", r"""{"x-key": "a\"b\/c\\d\u0026e,f"}""", '{"x-key": "***"}'),
        ({"Accept": "application/json"}, "s", "application/json", "application/json"),
    ],
    ids=["one in the other", "a guessed beginning", "a guessed part", "percent-encoded", "escaped in JSON", "what is no secret"],
)
def test_a_receiver_that_sends_secrets_back_does_not_bring_them_into_the_log(receiver: Receiver, own: dict[str, str], secret: str, text: str, shown: str):
    assert echoed(receiver, text, headers=own, secret=secret)["responseBody"] == shown


def test_a_guessed_user_name_does_not_show_the_password_of_basic_authentication(receiver: Receiver):
    basic = {"username": "svc-acme", "password": "hunter2-very-long"}
    sent = base64.b64encode(b"svc-acme:hunter2-very-long").decode()

    attempt = echoed(receiver, f"Basic {sent} hunter2-very-long", basicAuth=basic, headers={"a": f"Basic {sent[:12]}"})

    assert attempt["responseBody"] == "Basic *** ***"


@pytest.mark.parametrize("room", range(0, 80, 7))
def test_a_secret_at_the_end_of_what_is_kept_leaves_no_eight_characters(receiver: Receiver, room: int):
    secret = "secret-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQ"

    body = echoed(receiver, "p" * (16 * 1024 - room) + secret, secret=secret)["responseBody"]

    kept = body.lstrip("p")
    assert kept == "***" or len(kept) < 8 and secret.startswith(kept), kept


def test_a_secret_that_is_longer_than_what_is_kept_of_a_header_is_hidden_in_it(receiver: Receiver):
    attempt = echoed(receiver, answered={"Location": f"https://x.example/?echo={LONG}"}, headers={"X-Long": LONG})

    assert attempt["responseHeaders"]["location"] == "https://x.example/?echo=***"


def test_what_kind_of_answer_it_was_is_shown_beside_a_header_that_asks_for_it(receiver: Receiver):
    attempt = echoed(receiver, "{}", {"Content-Type": "application/json"}, headers={"Accept": "application/json"})

    assert attempt["responseHeaders"]["content-type"] == "application/json"


# ---- Another host ------------------------------------------------------------------------------


def test_credentials_are_dropped_when_the_urls_port_changes_and_do_not_come_back(tenant: Tenant, receiver: Receiver):
    webhook = with_credentials(tenant, receiver.url())
    with Receiver() as elsewhere:
        moved = tenant.patch_webhook(webhook["id"], url=elsewhere.url())

        assert not {"basicAuth", "headers"} & set(moved), moved
        tenant.publish()
        assert carries(elsewhere.wait(1)[0]) == {}
    back = tenant.patch_webhook(webhook["id"], url=receiver.url())
    assert not {"basicAuth", "headers"} & set(back)
    tenant.publish()
    assert carries(receiver.wait(1)[0]) == {}


def test_credentials_are_dropped_when_the_urls_host_changes(tenant: Tenant, receiver: Receiver):
    webhook = with_credentials(tenant, receiver.url())

    moved = tenant.patch_webhook(webhook["id"], url=receiver.url().replace("127.0.0.1", "localhost"))

    assert not {"basicAuth", "headers"} & set(moved)
    tenant.publish()
    assert carries(receiver.wait(1)[0]) == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1:8443/in", "https://127.0.0.1:8444/in"], ids=["the scheme", "the port"])
def test_credentials_are_dropped_when_another_part_of_the_origin_changes(tenant: Tenant, url: str):
    webhook = with_credentials(tenant, "https://127.0.0.1:8443/in")

    moved = tenant.patch_webhook(webhook["id"], url=url)

    assert not {"basicAuth", "headers"} & set(moved), moved


def test_credentials_that_come_with_the_new_url_are_taken_and_no_old_one_stays(tenant: Tenant, receiver: Receiver):
    webhook = with_credentials(tenant, "https://hooks.example.com/in")

    moved = tenant.patch_webhook(webhook["id"], url=receiver.url(), basicAuth={"username": "new", "password": "er"}, headers={"X-New": "1"})

    assert moved["basicAuth"] == {"username": "new"} and set(moved["headers"]) == {"X-New"}
    tenant.publish()
    (request,) = receiver.wait(1)
    assert carries(request) == {"authorization": "Basic " + base64.b64encode(b"new:er").decode()} and request.headers["x-new"] == "1"


def test_credentials_stay_where_only_path_and_query_change(tenant: Tenant, receiver: Receiver):
    webhook = with_credentials(tenant, receiver.url())

    tenant.patch_webhook(webhook["id"], url=receiver.url("/other?x=1"), name="moved within the house", events=["item.*"])

    tenant.publish("item.created")
    assert carries(receiver.wait(1, path="/other?x=1")[0]) == ALL


def test_a_retry_after_the_move_takes_no_credentials_along(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), basicAuth=BASIC, headers=OWN, overrides={"retryDelaysSeconds": [1]})
    first = Held(500)
    receiver.answer(first)
    tenant.publish()
    assert carries(receiver.wait(1)[0]) == ALL

    with Receiver() as elsewhere:
        tenant.patch_webhook(webhook["id"], url=elsewhere.url())
        first.let_go()

        assert carries(elsewhere.wait(1)[0]) == {}


# ---- What is refused ---------------------------------------------------------------------------

FORBIDDEN = {
    "HTTP's framing": {"Content-Length": "1"},
    "HTTP's framing in another case": {"tRANSFER-eNCODING": "chunked"},
    "the host": {"Host": "evil.example"},
    "hop by hop": {"Connection": "close"},
    "a proxy's": {"Proxy-Authorization": "Basic eA=="},
    "the content type": {"Content-Type": "text/plain"},
    "the content's coding": {"Content-Encoding": "gzip"},
    "who we are": {"User-Agent": "curl"},
    "the event's id": {"webhook-id": "evt_1"},
    "the signature": {"Webhook-Signature": "v1,x"},
    "AWS's": {"X-Amz-Security-Token": "x"},
    "AWS's metadata": {"X-aws-ec2-metadata-token": "x"},
    "HTTP's framing with an underscore": {"Content_Length": "1"},
    "the signature with an underscore": {"webhook_signature": "v1,x"},
    "what a proxy says": {"X-Forwarded-For": "10.0.0.1"},
    "another method": {"X-HTTP-Method-Override": "DELETE"},
    "a name in two spellings": {"X-A": "1", "x_a": "2"},
    "more than 32 headers": {f"X-{n}": "v" for n in range(33)},
    "no name": {"": "x"},
    "a name that is none": {"X Api": "x"},
    "a name with a line of its own": {"X-A: 1\r\nX-B": "x"},
    "a value with a line of its own": {"X-A": "1\r\nX-B: 2"},
    "a value with a zero": {"X-A": "a\x00b"},
    "a value beyond ASCII": {"X-A": "gr\u00fcn"},
    "a value with spaces that HTTP drops": {"X-A": " x"},
    "a name twice": {"X-A": "1", "x-a": "2"},
    "more than 4096 bytes": {"X-A": "v" * 4096},
}


@pytest.mark.parametrize("title", FORBIDDEN, ids=lambda title: title.replace(" ", "-"))
def test_forbidden_headers_are_refused_when_made_and_when_changed(tenant: Tenant, receiver: Receiver, title: str):
    webhook = tenant.new_webhook(receiver.url(), headers={"X-Good": "1"})

    made = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "headers": FORBIDDEN[title]})
    changed = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"name": "changed", "headers": FORBIDDEN[title]})

    for answer in (made, changed):
        assert (answer.status, answer.code) == (422, "invalid_header"), answer
        assert answer.json["field"].split(".")[0] == "headers"
        names = [json.dumps(name) for name in FORBIDDEN[title] if name]
        assert not names or any(name in answer.json["detail"] for name in names), "it names the header"
    (only,) = tenant.api.get(tenant.path("/webhooks")).ok()["items"]
    assert set(only["headers"]) == {"X-Good"} and "name" not in only, "a rejected change changes nothing"


def test_headers_may_not_pass_the_limit_step_by_step_either(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), headers={"X-A": "v" * 3000})

    answer = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"headers": {"X-B": "v" * 3000}})

    assert (answer.status, answer.code) == (422, "invalid_header"), answer
    assert set(tenant.webhook(webhook["id"])["headers"]) == {"X-A"}


def test_many_small_headers_are_counted_in_a_change_as_in_a_creation(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())

    answers = [
        tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"headers": {f"{letter}{n:02}": "v" for n in range(216)}}) for letter in "abcde"
    ]

    assert [(answer.status, answer.code) for answer in answers] == [(422, "invalid_header")] * 5
    # Names and values alone would fit: 32 headers of 124 bytes are 3,968, with 4 for each line
    # 4,096.
    fits = {f"x{n:02}": "v" * 121 for n in range(32)}
    tenant.patch_webhook(webhook["id"], headers=fits)
    one_more_byte = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"headers": {"x00": "v" * 122}})
    one_more_header = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"headers": {"x00": "v", "y": "v"}})
    for answer in (one_more_byte, one_more_header):
        assert (answer.status, answer.code) == (422, "invalid_header"), answer
    # One may be removed and another added in the same step, also another spelling of the same name.
    tenant.patch_webhook(webhook["id"], headers={"x00": None, "y": "v"})
    tenant.patch_webhook(webhook["id"], headers={"X01": "again"})
    assert set(tenant.webhook(webhook["id"])["headers"]) == set(fits) - {"x00", "x01"} | {"y", "X01"}
    for status, headers in ((201, fits), (422, fits | {"x00": "v" * 122})):
        made = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "headers": headers})
        assert made.status == status, made


# ---- The contract's headers --------------------------------------------------------------------


def own_contract(tenant: Tenant, name: str, headers: dict[str, str]) -> None:
    assert tenant.operator.put(f"/v1/contracts/{name}", CONTRACT | {"headers": headers}).status in (200, 201)


CONTRACT = {
    "envelope": {"kind": "{type}"},
    "signature": {"header": "X-Mine", "encoding": "hex", "signedText": "{body}", "secret": "literal"},
    "timeoutSeconds": 10,
    "success": ["2xx"],
    "retryDelaysSeconds": [],
}


def sent_names(request) -> list[str]:
    return sorted(name.lower().replace("_", "-") for name, _ in request.header_list)


def test_a_header_that_the_contract_now_sets_is_sent_once_and_logged_as_sent(receiver: Receiver):
    name = stack.unique("mine")
    tenant = new_tenant("standard")
    own_contract(tenant, name, {})
    webhook = tenant.new_webhook(
        receiver.url(), contract=name, secret="s", headers={"Authorization": "Bearer own", "x_tenant": "mine", "X-Free": "free"}
    )
    own_contract(tenant, name, {"Authorization": "Bearer contract", "X-Tenant": "contract"})

    event_id = tenant.publish()

    (request,) = receiver.wait(1)
    names = sent_names(request)
    assert len(names) == len(set(names)), names
    assert {n: request.headers[n] for n in ("authorization", "x-tenant", "x-free")} == {
        "authorization": "Bearer contract", "x-tenant": "contract", "x-free": "free",
    }  # fmt: skip
    shown = {n.lower(): value for n, value in tenant.wait_for_status(event_id, "completed")["request"]["headers"].items()}
    assert {n: shown[n] for n in ("authorization", "x-tenant", "x-free")} == {
        "authorization": "Bearer contract", "x-tenant": "contract", "x-free": "***",
    }  # fmt: skip
    # Its owner may change the rest as before, and gets the error when changing the header.
    tenant.patch_webhook(webhook["id"], active=False, headers={"X-More": "1"})
    again = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"headers": {"X_Tenant": "again"}})
    assert (again.status, again.code) == (422, "invalid_header") and '"X_Tenant"' in again.json["detail"], again


def test_basic_authentication_beside_the_contracts_authorization_is_refused(receiver: Receiver):
    bare, with_header = stack.unique("bare"), stack.unique("with")
    tenant = new_tenant("standard")
    own_contract(tenant, bare, {})
    own_contract(tenant, with_header, {"AUTHORIZATION": "Bearer contract", "X-Sent": "contract"})

    made = tenant.api.post(
        tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "contract": with_header, "secret": "s", "basicAuth": BASIC}
    )
    refusals = {"made": (made, "basicAuth")}
    kept = tenant.new_webhook(receiver.url(), contract=with_header, secret="s")
    changed = tenant.api.patch(tenant.path(f"/webhooks/{kept['id']}"), {"basicAuth": BASIC})
    refusals["changed"] = (changed, "basicAuth")
    for title, credentials, field in (("basic", {"basicAuth": BASIC}, "basicAuth"), ("header", {"headers": {"x_sent": "FORGED"}}, "headers")):
        webhook = tenant.new_webhook(receiver.url(), contract=bare, secret="s", **credentials)
        moved = tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"contract": with_header})
        refusals[f"moved with {title}"] = (moved, field)
        assert tenant.webhook(webhook["id"])["contract"] == bare

    for title, (answer, field) in refusals.items():
        assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_header", field), title


@pytest.mark.parametrize(("contract", "header"), [("kazinex", "x-kazinex-signature"), ("kuviq", "X-Webhook-Timestamp"), ("kliq", "X-KLIQ-SIGNATURE")])
def test_a_header_that_the_contract_sets_is_refused(receiver: Receiver, contract: str, header: str):
    tenant = new_tenant(contract)

    answer = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "secret": "s", "headers": {header: "mine"}})

    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_header", "headers"), answer


@pytest.mark.parametrize(
    "basic",
    [
        {"username": "a:b", "password": "x"},
        {"username": "a\n", "password": "x"},
        {"username": "a", "password": "x\r\ny"},
        {"username": "a" * 600, "password": "x"},
    ],
    ids=["a colon", "a line's end", "a line's end in the password", "too long"],
)
def test_basic_authentication_that_cannot_be_sent_is_refused(tenant: Tenant, receiver: Receiver, basic: dict[str, str]):
    answer = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "basicAuth": basic})

    assert (answer.status, answer.code, answer.json["field"]) == (422, "invalid_header", "basicAuth"), answer
    assert basic["password"] not in answer.raw.decode() or basic["password"] == "x"


def test_basic_authentication_and_an_authorization_header_exclude_each_other(tenant: Tenant, receiver: Receiver):
    bearer = {"authorization": "Bearer x"}
    both = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "basicAuth": BASIC, "headers": bearer})
    assert (both.status, both.code) == (422, "invalid_header")
    one = tenant.new_webhook(receiver.url(), basicAuth=BASIC)
    later = tenant.api.patch(tenant.path(f"/webhooks/{one['id']}"), {"headers": bearer})
    assert (later.status, later.code) == (422, "invalid_header")
    # One step may change from one to the other.
    tenant.patch_webhook(one["id"], basicAuth=None, headers=bearer)
    tenant.publish()
    assert carries(receiver.wait(1)[0]) == {"authorization": "Bearer x"}


# ---- Rotation ----------------------------------------------------------------------------------

OVERLAP = 8
# The dispatcher may use a webhook that it read before; an attempt's time is cut to the second.
SLACK = 1.5


def rotate(tenant: Tenant, webhook: dict, **body) -> dict:
    return tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/secret/rotate"), body).ok()


def the_end(rotated: dict) -> float:
    """When the replaced secret stops signing, from the rotation's response."""
    return seconds_of(rotated["previousSecrets"][0]["endsAt"])


def attempted_at(tenant: Tenant, request) -> float:
    """When a request's only attempt was made, on its sender's clock."""
    (attempt,) = tenant.wait_for_status(request.headers["webhook-id"], "completed")["attemptLog"]
    return seconds_of(attempt["at"])


def signed_by(request, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets whose signatures a standard delivery carries, in order."""

    def signer(one: str) -> str:
        alone = request.headers | {"webhook-signature": one}
        return next(name for name, secret in secrets.items() if verifies_as_standard(alone, request.body, secret, time.time()))

    return [signer(one) for one in request.headers["webhook-signature"].split(" ")]


def test_standard_signs_with_both_secrets_during_the_overlap_and_then_with_the_new(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    tenant.publish()
    receiver.wait(1)

    rotated = rotate(tenant, webhook, overlapSeconds=OVERLAP)

    moment = the_end(rotated)
    secrets = {"new": rotated["secret"], "old": STANDARD_SECRET}
    assert rotated["secret"].startswith("whsec_") and rotated["secret"] != STANDARD_SECRET
    assert 24 <= len(base64.b64decode(rotated["secret"].removeprefix("whsec_"), validate=True)) <= 64
    assert "secret" not in tenant.webhook(webhook["id"]), "it is shown once"
    requests = published_until(tenant, receiver, moment + 2)
    assert signed_by(requests[0], secrets) == ["old"]
    for request in requests[1:]:
        attempted = attempted_at(tenant, request)
        if attempted < moment - SLACK:
            assert signed_by(request, secrets) == ["new", "old"], "newest first"
        elif attempted > moment + SLACK:
            assert signed_by(request, secrets) == ["new"]
    assert signed_by(requests[1], secrets) == ["new", "old"] and signed_by(requests[-1], secrets) == ["new"]


@pytest.mark.parametrize("contract", ["kazinex", "kliq", "kuviq"])
def test_a_contract_with_one_signature_switches_to_the_new_secret_at_the_chosen_time(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url())
    old, new = DOCUMENTED[contract].secret, "the new one, literally \u00a7"

    rotated = rotate(tenant, webhook, secret=new, overlapSeconds=OVERLAP)

    assert rotated["secret"] == new
    moment = the_end(rotated)
    header = SIGNATURE_HEADER[contract]
    requests = published_until(tenant, receiver, moment + 2)
    by_whom = [
        next(name for name, secret in (("old", old), ("new", new)) if request.headers[header] == vendors.signature(contract, secret, request.body))
        for request in requests
    ]
    assert by_whom[0] == "old" and by_whom[-1] == "new" and by_whom == sorted(by_whom, reverse=True), by_whom
    switched = next(r for r, name in zip(requests, by_whom) if name == "new")
    last_old = [r for r, name in zip(requests, by_whom) if name == "old"][-1]
    assert attempted_at(tenant, last_old) - SLACK <= moment <= attempted_at(tenant, switched) + SLACK
    # Without an overlap at once.
    rotate(tenant, webhook, secret="third")
    tenant.publish()
    assert receiver.wait(len(requests) + 1)[-1].headers[header] == vendors.signature(contract, "third", receiver.requests()[-1].body)


@pytest.mark.parametrize("contract", ["kuviq", "standard"])
def test_a_rotation_within_the_overlap_of_another_leaves_nothing_unsigned(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url())
    header = SIGNATURE_HEADER[contract]
    secrets = {"first": DOCUMENTED[contract].secret, "second": _secret(contract), "third": _secret(contract)}
    asked = time.time()
    first = rotate(tenant, webhook, secret=secrets["second"], overlapSeconds=6)
    between = time.time()
    rotated = rotate(tenant, webhook, secret=secrets["third"], overlapSeconds=15)
    answered = time.time()
    first_end, end = the_end(first), the_end(rotated)
    assert rotated["previousSecrets"] == [rotated["previousSecrets"][0], *first["previousSecrets"]], "the newest first, and each keeps its end"
    assert asked - 0.01 <= first_end - 6 <= between + 0.01 and between - 0.01 <= end - 15 <= answered + 0.01
    requests = published_until(tenant, receiver, end + 2)

    def signers(request) -> list[str]:
        if contract == "standard":
            return signed_by(request, secrets)
        return [name for name, secret in secrets.items() if request.headers[header] == vendors.signature(contract, secret, request.body)]

    told: dict[tuple[str, ...], list[float]] = {}
    for request in requests:
        told.setdefault(tuple(signers(request)), []).append(attempted_at(tenant, request))
    expected = [("first",), ("second",), ("third",)] if contract == "kuviq" else [("third", "second", "first"), ("third", "second"), ("third",)]
    assert list(told) == expected, told
    for signs, begins, ends in zip(expected, (asked, first_end, end), (first_end, end, float("inf"))):
        assert begins - SLACK <= min(told[signs]) and max(told[signs]) <= ends + SLACK, (signs, begins, ends, told)
    assert tenant.webhook(webhook["id"])["previousSecrets"] == []
    assert {d["status"] for d in tenant.all_deliveries()} == {"completed"}


@pytest.mark.parametrize("contract", ["kuviq", "standard"])
def test_a_third_rotation_within_an_overlap_ends_a_secret_that_no_receiver_needs(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url())
    given = {}
    for overlap in (1000, 2000, 3000):
        asked = time.time()
        rotated = rotate(tenant, webhook, secret=_secret(contract), overlapSeconds=overlap)
        given[overlap] = the_end(rotated)
        assert asked - 0.01 <= given[overlap] - overlap <= time.time() + 0.01
    # With one signature the first signs alone until its promised end.
    assert [seconds_of(one["endsAt"]) for one in rotated["previousSecrets"]] == [given[3000], given[1000 if contract == "kuviq" else 2000]]


def signature_of(contract: str, secret: str, request) -> str:
    return vendors.signature(contract, secret, request.body, request.headers["webhook-id"], request.headers["webhook-timestamp"])


def _secret(contract: str) -> str:
    text = stack.unique("secret")
    return "whsec_" + base64.b64encode(text.rjust(24).encode()).decode() if contract == "standard" else text


@pytest.mark.parametrize("contract", ["kuviq", "standard"])
def test_older_secrets_are_seen_and_can_be_ended(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url())
    assert webhook["previousSecrets"] == []
    path = tenant.path(f"/webhooks/{webhook['id']}")
    rotate(tenant, webhook, overlapSeconds=3600)
    newest = rotate(tenant, webhook, secret=_secret(contract), overlapSeconds=7200)
    shown = tenant.webhook(webhook["id"])["previousSecrets"]
    assert [set(one) for one in shown] == [{"endsAt"}] * 2 and shown == newest["previousSecrets"]

    for _ in range(2):
        ended = tenant.api.delete(f"{path}/secret/previous").ok()
        assert ended["id"] == webhook["id"] and ended["previousSecrets"] == [] and "secret" not in ended

    tenant.publish()
    request = receiver.wait(1)[0]
    assert request.headers[SIGNATURE_HEADER[contract]] == signature_of(contract, newest["secret"], request)
    rotate(tenant, webhook, overlapSeconds=3600)
    last = rotate(tenant, webhook, overlapSeconds=0)
    assert last["previousSecrets"] == [], "without an overlap all older ones end"


@pytest.mark.parametrize("contract", ["kazinex", "kliq", "kuviq", "standard"])
def test_a_made_secret_has_a_prefix_only_where_the_key_is_without_it(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)

    made = tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"]}).ok(201)

    for secret in (made["secret"], rotate(tenant, made)["secret"]):
        assert secret.startswith("whsec_") == (contract == "standard"), secret
        assert len(secret) >= 43, "32 bytes"
    tenant.publish()
    request = receiver.wait(1)[0]
    signatures = request.headers[SIGNATURE_HEADER[contract]].split(" ")
    assert signature_of(contract, secret, request) == signatures[0]


def published_until(tenant: Tenant, receiver: Receiver, end: float) -> list:
    """Publishes one event after another until a time; returns all requests that ever arrived."""
    while True:
        event_id = tenant.publish()
        stack.eventually(lambda: any(r.headers["webhook-id"] == event_id for r in receiver.requests()), what="the delivery", every=0.02)
        if time.time() > end:
            return receiver.requests()
        time.sleep(0.4)


def test_a_retry_after_the_rotation_is_signed_with_the_new_secret(receiver: Receiver):
    tenant = new_tenant("kliq")
    webhook = vendors.subscribe(tenant, receiver.url(), overrides={"retryDelaysSeconds": [1]})
    answer = Held(401)
    receiver.answer(answer, 200)
    event_id = tenant.publish()
    receiver.wait(1)

    rotate(tenant, webhook, secret="new")
    answer.let_go()

    first, second = receiver.wait(2)
    header = SIGNATURE_HEADER["kliq"]
    assert first.headers[header] == vendors.signature("kliq", DOCUMENTED["kliq"].secret, first.body)
    assert second.headers[header] == vendors.signature("kliq", "new", second.body) and first.body == second.body
    # The log shows the request as it was sent.
    shown = tenant.wait_for_status(event_id, "completed")["request"]["headers"]
    assert shown["X-Kliq-Signature"] == second.headers[header]


def test_a_second_rotation_within_the_overlap_keeps_all_that_still_sign(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    second = rotate(tenant, webhook)["secret"]
    third = rotate(tenant, webhook, overlapSeconds=3600)["secret"]

    tenant.publish()

    (request,) = receiver.wait(1)
    secrets = {"third": third, "second": second, "first": STANDARD_SECRET}
    assert signed_by(request, secrets) == ["third", "second", "first"]
    # Zero ends them at once: for an owner whose secret was leaked.
    fourth = rotate(tenant, webhook, overlapSeconds=0)["secret"]
    tenant.publish()
    assert signed_by(receiver.wait(2)[1], {"fourth": fourth} | secrets) == ["fourth"]


@pytest.mark.parametrize("contract", ["kuviq", "standard"])
def test_a_rotation_that_is_asked_once_more_after_a_lost_answer_changes_nothing(receiver: Receiver, contract: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url())
    second, third = _secret(contract), _secret(contract)
    rotate(tenant, webhook, secret=second, overlapSeconds=1000)
    first = rotate(tenant, webhook, secret=third, overlapSeconds=500)
    assert len(first["previousSecrets"]) == 2

    # However it is repeated: unchanged, with a longer overlap, by several callers at once.
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda overlap: rotate(tenant, webhook, secret=third, overlapSeconds=overlap), (500, 700, 501, 900)))

    assert again == [first] * 4
    shown = tenant.webhook(webhook["id"])
    assert shown == {name: value for name, value in first.items() if name != "secret"}
    # A shorter overlap ends the older secrets sooner: one of them may have been leaked.
    sooner = rotate(tenant, webhook, secret=third, overlapSeconds=60)["previousSecrets"]
    assert len(sooner) == 2 and max(secret["endsAt"] for secret in sooner) < min(secret["endsAt"] for secret in first["previousSecrets"])
    assert rotate(tenant, webhook, secret=third, overlapSeconds=0)["previousSecrets"] == []
    # Also with the secret that it was created with.
    made = tenant.new_webhook(receiver.url("/other"), contract=contract, secret=second)
    assert rotate(tenant, made, secret=second, overlapSeconds=0) == made
    # Another secret is another rotation, and so is an older one.
    assert len(rotate(tenant, made, secret=third, overlapSeconds=60)["previousSecrets"]) == 1
    assert rotate(tenant, made, secret=second, overlapSeconds=0)["previousSecrets"] == []


def test_the_same_rotation_by_many_at_once_is_one(tenant: Tenant, receiver: Receiver):
    webhook, secret = tenant.new_webhook(receiver.url()), _secret("standard")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: tenant.api.post(tenant.path(f"/webhooks/{webhook['id']}/secret/rotate"), {"secret": secret}), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len(tenant.webhook(webhook["id"])["previousSecrets"]) == 1
    tenant.publish()
    assert signed_by(receiver.wait(1)[0], {"new": secret, "old": STANDARD_SECRET}) == ["new", "old"]


def test_a_secret_that_does_not_open_any_more_is_replaced_by_itself(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    stack.aws("dynamodb").update_item(
        TableName=stack.resource("ConfigTable"),
        Key={"pk": {"S": f"tenant#{tenant.id}"}, "sk": {"S": f"webhook#{webhook['id']}"}},
        UpdateExpression="SET secrets.newest = :broken",
        ExpressionAttributeValues={":broken": {"S": "AAAA"}},
    )
    rotate(tenant, webhook, secret=STANDARD_SECRET, overlapSeconds=0)
    tenant.publish()
    assert signed_by(receiver.wait(1)[0], {"itself": STANDARD_SECRET}) == ["itself"]


def test_a_rotation_that_cannot_be_is_refused_and_changes_nothing(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url())
    path = tenant.path(f"/webhooks/{webhook['id']}/secret/rotate")
    unsigned = new_tenant("inspectorio")
    bare = unsigned.new_webhook(receiver.url("/unsigned"), secret=None)
    assert "secret" not in bare, "there is nothing to show"
    reader = tenant.api.with_key(tenant.new_key(["webhooks:read"])["key"])
    stranger = new_tenant("standard")

    refusals = {
        "a secret too short": (tenant.api.post(path, {"secret": "whsec_c2hvcnQ="}), 422, "invalid_secret"),
        "a secret that is no base64": (tenant.api.post(path, {"secret": "whsec_ not base64 at all !!!!!!!!!!!!!"}), 422, "invalid_secret"),
        "an overlap over seven days": (tenant.api.post(path, {"overlapSeconds": 7 * 24 * 3600 + 1}), 422, "invalid_value"),
        "an overlap below nothing": (tenant.api.post(path, {"overlapSeconds": -1}), 422, "invalid_value"),
        "nothing to rotate": (unsigned.api.post(unsigned.path(f"/webhooks/{bare['id']}/secret/rotate"), {}), 422, "invalid_secret"),
        "no scope": (reader.post(path, {}), 403, "forbidden"),
        "another tenant's": (stranger.api.post(stranger.path(f"/webhooks/{webhook['id']}/secret/rotate"), {}), 404, "not_found"),
    }

    for title, (answer, status, code) in refusals.items():
        assert (answer.status, answer.code) == (status, code), title
    tenant.publish()
    assert signed_by(receiver.wait(1)[0], {"old": STANDARD_SECRET}) == ["old"]
