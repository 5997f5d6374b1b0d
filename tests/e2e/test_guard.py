"""Every row of tests/fixtures/ssrf_urls.json under production's outgoing policy: rejected by the
API, and, written into the config table directly, refused by the dispatcher without a packet: as
a delivery, a test event, a manual retry and a redrive.

The stack runs in its own network namespace: if the guard were broken, its packets would end
there, and be seen. Rows that need a DNS server or a redirecting receiver (verdicts block_connect
and no_follow) have their own resolver in functions/adapters/tests/egress; no name is resolved
here. Rows that are allowed name public addresses: they are created inactive and never published
to.
"""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import boto3
import pytest

from support import stack
from support.client import Answer, Api, Tenant
from support.isolated_stack import NoNamespace, SealedStack

# One isolated stack for all of it.
pytestmark = pytest.mark.xdist_group("guard")

# Every row's host is refused; the operator of the isolated stack allows this one, to prove that the
# watch sees a delivery's packets.
CONTROL = "203.0.113.250"
PARAMETERS = f"AllowedCidrs={CONTROL}/32 MaxWebhookTimeoutSeconds=10 DispatcherTimeoutSeconds=20 QueueVisibilitySeconds=20 AuthorizerTtlSeconds=300"

# In these rows the spelling of the URL is wrong; in all others, the destination.
SPELLING = {
    *("control_chars", "backslash", "scheme", "http_not_allowed", "odd_slashes", "userinfo", "fragment", "empty_label"),
    *("label_too_long", "name_too_long", "label_chars", "trailing_dot", "parse_error", "too_long"),
}

PER_TENANT = 25
HARMLESS = "https://example.com/hook"


def rows(verdict: str) -> list[Any]:
    table = json.loads((stack.FIXTURES / "ssrf_urls.json").read_text())["rows"]
    chosen = [row for row in table if row["verdict"] == verdict]
    assert len(chosen) > 20, f"{len(chosen)} rows of verdict {verdict}"
    return [pytest.param(row, id=f"{row['id']}-{row.get('reason', 'allowed')}") for row in chosen]


class Strict:
    """The isolated stack with what the tests need of it."""

    def __init__(self, sealed: SealedStack) -> None:
        self.sealed = sealed
        self.operator = Api(sealed.outputs["apiUrl"], sealed.outputs["operatorKey"])
        self.tenant = self.new_tenant()

    def new_tenant(self) -> Tenant:
        name = stack.unique()
        self.operator.put(f"/v1/tenants/{name}", {"contract": "kuviq"}).ok(201)
        return Tenant(name, "kuviq", self.operator, self.operator)

    def aws(self, service: str):
        known = self.sealed.outputs
        credentials = {"aws_access_key_id": known["accessKeyId"], "aws_secret_access_key": known["secretAccessKey"]}
        return boto3.client(service, endpoint_url=known["awsEndpointUrl"], region_name=known["region"], **credentials)

    def url(self, row: dict[str, Any]) -> str:
        """The row's URL, with its two abbreviations written out."""
        own = f"{self.sealed.outputs['stack']['HttpApiId']}.execute-api.{self.sealed.outputs['region']}.amazonaws.com"
        return row["url"].replace("/a*2100", "/a" * 1050).replace("THIS-API.execute-api.REGION.amazonaws.com", own)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    directory: Path = tmp_path_factory.mktemp("sealed")
    try:
        sealed = SealedStack(directory, PARAMETERS)
    except NoNamespace as reason:
        pytest.skip(f"without a network namespace no packet may be sent: {reason}")
    try:
        yield Strict(sealed)
    finally:
        sealed.close()
        shutil.rmtree(directory, ignore_errors=True)


# ---- At the API --------------------------------------------------------------------------------


class Asked:
    """The answers to all rows together: an answer waits for two functions, and there are
    hundreds."""

    def __init__(self, strict: Strict) -> None:
        self.tenant = strict.tenant
        self.path = self.tenant.path("/webhooks")
        # A valid webhook, into which the forbidden URLs are patched.
        self.kept = self.tenant.new_webhook(HARMLESS, active=False)
        forbidden, public = ([parameter.values[0] for parameter in rows(verdict)] for verdict in ("reject", "allow"))
        with ThreadPoolExecutor(8) as pool:
            made = pool.map(lambda row: self._create(strict.url(row)), forbidden + public)
            changed = pool.map(lambda row: self._change(strict.url(row)), forbidden)
            self.made = dict(zip((row["id"] for row in forbidden + public), made))
            self.changed = dict(zip((row["id"] for row in forbidden), changed))

    def _create(self, url: str) -> Answer:
        return self.tenant.api.post(self.path, {"url": url, "events": ["*"], "active": False})

    def _change(self, url: str) -> Answer:
        return self.tenant.api.patch(f"{self.path}/{self.kept['id']}", {"url": url})


@pytest.fixture(scope="module")
def asked(strict: Strict) -> Asked:
    return Asked(strict)


@pytest.mark.parametrize("row", rows("reject"))
def test_a_forbidden_url_is_refused_at_creation_and_at_change_with_its_reason(asked: Asked, row: dict[str, Any]) -> None:
    for answer in (asked.made[row["id"]], asked.changed[row["id"]]):
        assert answer.status == 422, f"{row['url']!r} got {answer.status}: {answer.raw[:300]!r}"
        assert answer.code == "invalid_url"
        assert answer.json["reason"] == row["reason"], f"{row['url']!r}: {answer.json}"
        assert answer.json["field"] == "url" and answer.json["detail"].endswith(".")


@pytest.mark.parametrize("row", rows("allow"))
def test_a_public_url_is_accepted(asked: Asked, row: dict[str, Any]) -> None:
    assert asked.made[row["id"]].ok(201)["active"] is False


def test_plain_http_and_an_inside_name_are_told_together(asked: Asked) -> None:
    answer = asked.tenant.api.post(asked.path, {"url": "http://localhost:3000/hook", "events": ["*"], "active": False})
    assert (answer.status, answer.json["reason"]) == (422, "http_not_allowed"), answer
    assert "use https." in answer.json["detail"] and "The host name is an internal one" in answer.json["detail"]


def test_a_refused_url_leaves_no_trace(asked: Asked) -> None:
    listed = asked.tenant.api.get(asked.path, limit=100).ok()["items"]
    accepted = {answer.json["id"]: answer.json["url"] for answer in asked.made.values() if answer.status == 201}
    assert {hook["id"]: hook["url"] for hook in listed} == {asked.kept["id"]: HARMLESS, **accepted}


# ---- At the dispatcher -------------------------------------------------------------------------


class Published:
    """One event for each of some tenants, whose webhooks got the rows' URLs by a direct write
    into the table."""

    def __init__(self, strict: Strict) -> None:
        self.table, self.dynamo = strict.sealed.outputs["stack"]["ConfigTableName"], strict.aws("dynamodb")
        forbidden = [parameter.values[0] for parameter in rows("reject")]
        tenants = [strict.new_tenant() for _ in range(0, len(forbidden), PER_TENANT)]
        self.tenant_of = {row["id"]: tenants[number // PER_TENANT] for number, row in enumerate(forbidden)}
        with ThreadPoolExecutor(8) as pool:
            made = pool.map(lambda tenant: tenant.new_webhook(HARMLESS, active=False), self.tenant_of.values())
            self.webhook_of = {row["id"]: webhook["id"] for row, webhook in zip(forbidden, made)}
        self.reason_of = {self.webhook_of[row["id"]]: row["reason"] for row in forbidden}
        keys = {item["id"]["S"]: {"pk": item["pk"], "sk": item["sk"]} for item in self._rows() if "url" in item}
        for row in forbidden:
            self._write(keys[self.webhook_of[row["id"]]], strict.url(row))
        active = sorted(item["url"]["S"] for item in self._rows() if item.get("active", {}).get("BOOL"))
        assert active == sorted(strict.url(row) for row in forbidden), "publish only after every active URL is forbidden"

        quiet, self._deadline = strict.sealed.packets(), time.monotonic() + 180
        for tenant in tenants:
            tenant.publish("item.created", {"canary": 1})
        self.letters = {letter["webhookId"]: letter for tenant in tenants for letter in self._letters(tenant)}
        self.packets = strict.sealed.packets()[len(quiet) :]

    def _letters(self, tenant: Tenant) -> list[dict[str, Any]]:
        """The letters that arrived, even if some are missing: each row's own test reports its
        own."""
        count = list(self.tenant_of.values()).count(tenant)
        try:
            return tenant.wait_for_dead_letters(count, within=max(1, self._deadline - time.monotonic()), limit=100)
        except AssertionError:
            return tenant.dead_letters(limit=100)

    def deliveries(self, row: str) -> list[dict[str, Any]]:
        return self.tenant_of[row].deliveries(webhookId=self.webhook_of[row])

    def _rows(self) -> list[dict[str, Any]]:
        pages = self.dynamo.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def _write(self, key: dict[str, Any], url: str) -> None:
        self.dynamo.update_item(
            TableName=self.table,
            Key=key,
            UpdateExpression="SET #url = :url, #active = :on",
            ConditionExpression="#url = :harmless AND #active = :off",
            ExpressionAttributeNames={"#url": "url", "#active": "active"},
            ExpressionAttributeValues={":url": {"S": url}, ":harmless": {"S": HARMLESS}, ":on": {"BOOL": True}, ":off": {"BOOL": False}},
        )


@pytest.fixture(scope="module")
def published(strict: Strict) -> Published:
    return Published(strict)


@pytest.mark.parametrize("row", rows("reject"))
def test_a_forbidden_url_in_the_table_is_a_dead_letter_with_its_reason(published: Published, row: dict[str, Any]) -> None:
    letter = published.letters.get(published.webhook_of[row["id"]])
    assert letter, f"{row['url']!r} did not become a dead letter: {published.deliveries(row['id'])}"
    expected = expected_code(row["reason"])
    assert letter["reason"] == expected and letter["lastError"] == expected
    assert letter["attempts"] == 1 and "lastResponseCode" not in letter
    delivery = published.tenant_of[row["id"]].delivery(letter["deliveryId"])
    assert delivery["status"] == "failed"
    (attempt,) = delivery["attemptLog"]
    assert attempt["error"] == {"code": expected, "message": row["reason"]}, "the guard's own reason is recorded"


def test_not_a_packet_was_sent_for_any_of_them(published: Published) -> None:
    assert published.packets == []


# ---- The other ways to send: test event, manual retry, redrive ----------------------------------


class SentAgain:
    """Every delivery retried manually, every webhook tested, then all dead letters redriven by a
    job for each tenant."""

    def __init__(self, strict: Strict, published: Published) -> None:
        quiet = strict.sealed.packets()
        letters = [letter for letter in published.letters.values() if letter["webhookId"] in published.webhook_of.values()]
        tenants = {webhook: published.tenant_of[row] for row, webhook in published.webhook_of.items()}
        # One row of each reason: the code that sends is the same for all rows, and each answer
        # waits for three functions.
        chosen = list({published.reason_of[letter["webhookId"]]: letter for letter in letters}.values())
        with ThreadPoolExecutor(4) as pool:
            self.tried = dict(pool.map(lambda letter: self._try_out(tenants[letter["webhookId"]], letter), chosen))
            self.retried = dict(pool.map(lambda letter: self._retry(tenants[letter["webhookId"]], letter), chosen))
        self.redriven = {hook: found for tenant in {t.id: t for t in tenants.values()}.values() for hook, found in self._redrive(tenant)}
        self.packets = strict.sealed.packets()[len(quiet) :]

    @staticmethod
    def _try_out(tenant: Tenant, letter: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        # A tenant may run three test events at a time.
        answer = stack.eventually(
            lambda: (a := tenant.api.post(tenant.path(f"/webhooks/{letter['webhookId']}/test"), {})).status != 409 and a, 60, "a free slot for the test"
        )
        return letter["webhookId"], answer.ok()

    @staticmethod
    def _retry(tenant: Tenant, letter: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The manual attempt, from the log."""
        tenant.api.post(tenant.path(f"/deliveries/{letter['deliveryId']}/retry")).ok(202)

        def made() -> dict[str, Any]:
            by_hand = [a for a in tenant.delivery(letter["deliveryId"])["attemptLog"] if a["trigger"] == "manual"]
            assert by_hand
            return by_hand[0]

        return letter["webhookId"], stack.eventually(made, 60, "the manual attempt")

    @staticmethod
    def _redrive(tenant: Tenant) -> list[tuple[str, dict[str, Any]]]:
        """The letters that followed the redriven ones."""
        before = {letter["id"]: letter for letter in tenant.all_dead_letters()}
        job = tenant.api.post(tenant.path("/redrives"), {"ratePerSecond": 500}).ok(202)["id"]
        progress = stack.eventually(
            lambda: (p := tenant.api.get(tenant.path(f"/redrives/{job}")).ok())["status"] == "completed" and p, 60, "the job to end", every=0.2
        )
        assert (progress["done"], progress["failed"]) == (len(before), 0)

        def died_again() -> list[dict[str, Any]]:
            after = [letter for letter in tenant.all_dead_letters() if letter["id"] not in before]
            assert len(after) == len(before), f"{len(after)} of {len(before)}"
            return after

        return [(letter["webhookId"], letter) for letter in stack.eventually(died_again, 60, "all to die again", every=0.2)]


@pytest.fixture(scope="module")
def sent_again(strict: Strict, published: Published) -> SentAgain:
    assert published.packets == []
    return SentAgain(strict, published)


def expected_code(reason: str) -> str:
    return "invalid_url" if reason in SPELLING else "address_blocked"


def test_a_test_event_to_a_forbidden_url_is_refused_with_its_reason(published: Published, sent_again: SentAgain) -> None:
    reasons = {webhook: published.reason_of[webhook] for webhook in sent_again.tried}
    assert set(reasons.values()) == set(published.reason_of.values()), "one webhook of each reason was tested"
    for webhook, answer in sent_again.tried.items():
        assert answer["success"] is False and "responseCode" not in answer
        assert (answer["errorCode"], answer["error"]) == (expected_code(reasons[webhook]), f"The URL or its address is blocked: {reasons[webhook]}.")


def test_a_retry_by_hand_to_a_forbidden_url_is_refused_with_its_reason(published: Published, sent_again: SentAgain) -> None:
    assert {published.reason_of[webhook] for webhook in sent_again.retried} == set(published.reason_of.values())
    for webhook, attempt in sent_again.retried.items():
        reason = published.reason_of[webhook]
        assert attempt["error"] == {"code": expected_code(reason), "message": reason} and "responseCode" not in attempt


def test_a_redrive_to_a_forbidden_url_ends_as_a_dead_letter_again(published: Published, sent_again: SentAgain) -> None:
    assert set(sent_again.redriven) == set(published.webhook_of.values()), "every row"
    for webhook, letter in sent_again.redriven.items():
        assert letter["reason"] == letter["lastError"] == expected_code(published.reason_of[webhook])


def test_not_a_packet_was_sent_by_any_of_these_doors(sent_again: SentAgain) -> None:
    assert sent_again.packets == []


def test_the_watch_would_have_seen_a_packet(strict: Strict, published: Published) -> None:
    tenant, before = strict.new_tenant(), len(strict.sealed.packets())
    tenant.new_webhook(f"https://{CONTROL}/hook", overrides={"timeoutSeconds": 2, "retryDelaysSeconds": []})
    tenant.publish()
    (letter,) = tenant.wait_for_dead_letters()
    assert (letter["reason"], letter["lastError"]) == ("exhausted", "connect")
    assert strict.sealed.packets()[before:] == [{"proto": "tcp", "to": CONTROL, "port": 443}]
