"""How credentials are stored: encrypted with their tenant's key pair, which KMS encrypts. What
that costs, and what cannot be decrypted.

KMS's requests are taken from CloudTrail, which on AWS records every one of them.
"""

import copy
import json
from typing import Any

import pytest
from support import stack
from support.client import Tenant, new_tenant
from support.receiver import Receiver

WEBHOOKS = 25
HEADERS = {f"X-Own-{n}": f"value {n:02} " + "v" * 90 + "." for n in range(32)}


def kms_calls(tenant: Tenant, name: str) -> int:
    """How often KMS was asked to encrypt or decrypt something for a tenant."""
    found = stack.aws("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}], MaxResults=50)
    asked = [json.loads(event["CloudTrailEvent"])["requestParameters"] for event in found["Events"]]
    return len([one for one in asked if (one.get("encryptionContext") or one.get("EncryptionContext") or {}).get("tenant") == tenant.id])


@pytest.mark.alone
def test_an_event_to_as_many_webhooks_and_headers_as_there_can_be_asks_kms_once(receiver: Receiver):
    tenant = new_tenant("standard")
    basic = {"username": "u", "password": "p"}
    webhooks = [tenant.new_webhook(receiver.url(f"/{n}"), headers=HEADERS, basicAuth=basic) for n in range(WEBHOOKS)]
    tenant.patch_webhook(webhooks[0]["id"], headers={"X-Own-0": "changed"})
    tenant.api.post(tenant.path(f"/webhooks/{webhooks[0]['id']}/secret/rotate"), {}).ok()
    assert kms_calls(tenant, "Encrypt") == 1, "the tenant's private key, and nothing of its webhooks"
    assert kms_calls(tenant, "Decrypt") == 0

    tenant.publish()

    requests = receiver.wait(WEBHOOKS, path=None)
    for request in requests:
        expected = HEADERS | ({"X-Own-0": "changed"} if request.path == "/0" else {})
        assert {name: request.headers[name.lower()] for name in HEADERS} == expected
        assert request.headers["authorization"] == "Basic dTpw"
    assert kms_calls(tenant, "Decrypt") == 1


def rows_of(tenant: Tenant) -> dict[str, dict[str, Any]]:
    return {item["sk"]["S"]: item for item in stack.scan("ConfigTable", tenant.id) if item["pk"]["S"] == f"tenant#{tenant.id}"}


def put(row: dict[str, Any]) -> None:
    stack.aws("dynamodb").put_item(TableName=stack.resource("ConfigTable"), Item=row)


def is_refused(tenant: Tenant) -> None:
    """The attempt fails, since the credentials cannot be decrypted, and nothing is sent: the
    test that calls this checks its receivers."""
    event = stack.unique("evt")
    record = stack.sqs_record(json.dumps({"tenantId": tenant.id, "type": "a.b", "id": event, "data": {}}), group=tenant.id)
    assert stack.invoke_with([record]) == {"batchItemFailures": []}
    (delivery,) = tenant.event(event)["deliveries"]
    attempts = tenant.delivery(delivery["id"])["attemptLog"]
    assert [attempt["error"]["code"] for attempt in attempts] == ["credentials"], attempts


def test_another_tenants_keys_and_webhook_do_not_open(receiver: Receiver):
    victim, thief = new_tenant("standard"), new_tenant("standard")
    webhook = victim.new_webhook(receiver.url("/victim"), headers={"X-Key": "k"})
    # An attacker with write access to the table copies the victim's webhook and keys into their own
    # tenant.
    of_victim, of_thief = rows_of(victim), rows_of(thief)
    stolen = copy.deepcopy(of_victim[f"webhook#{webhook['id']}"])
    stolen["pk"]["S"], stolen["tenant"]["S"] = f"tenant#{thief.id}", thief.id
    stolen["url"]["S"] = receiver.url("/thief")
    put(stolen)

    is_refused(thief)
    put(of_thief["tenant"] | {"sealing_keys": of_victim["tenant"]["sealing_keys"]})
    victim.publish()
    receiver.wait(1, path="/victim")
    is_refused(thief)

    assert receiver.requests("/thief") == []


def test_a_ciphertext_opens_for_its_own_webhook_and_use_alone(tenant: Tenant, receiver: Receiver):
    basic = {"username": "u", "password": "the password"}
    webhook = tenant.new_webhook(receiver.url("/a"), headers={"X-Key": "k", "X-Other": "o"}, basicAuth=basic)
    other = tenant.new_webhook(receiver.url("/b"), ["other.*"], headers={"X-Key": "k"})
    rows = rows_of(tenant)
    right, of_other = rows[f"webhook#{webhook['id']}"], rows[f"webhook#{other['id']}"]

    def header(row: dict[str, Any], name: str) -> dict[str, Any]:
        return row["headers"]["M"][name]["M"]

    def swapped(change) -> dict[str, Any]:
        row = copy.deepcopy(right)
        change(row)
        return row

    def header_of_another(row: dict[str, Any]) -> None:
        header(row, "X-Key")["cipher"] = header(of_other, "X-Key")["cipher"]

    def header_of_another_name(row: dict[str, Any]) -> None:
        header(row, "X-Other")["cipher"] = header(row, "X-Key")["cipher"]

    def password_as_header(row: dict[str, Any]) -> None:
        header(row, "X-Key")["cipher"] = row["basic_auth"]["M"]["cipher"]

    def secret_as_header(row: dict[str, Any]) -> None:
        header(row, "X-Key")["cipher"] = row["secrets"]["M"]["newest"]

    for change in (header_of_another, header_of_another_name, password_as_header, secret_as_header):
        put(swapped(change))
        is_refused(tenant)
    assert receiver.requests(None) == []


def test_replacing_a_tenant_keeps_its_keys_and_making_it_again_makes_new_ones(receiver: Receiver):
    tenant = new_tenant("standard")
    tenant.new_webhook(receiver.url(), headers={"X-Key": "k"})
    keys = rows_of(tenant)["tenant"]["sealing_keys"]

    tenant.operator.put(tenant.path(), {"name": "Another name"}).ok()

    assert rows_of(tenant)["tenant"]["sealing_keys"] == keys
    tenant.publish()
    assert receiver.wait(1)[0].headers["x-key"] == "k"
    tenant.operator.delete(tenant.path()).ok(204)
    tenant.operator.put(tenant.path(), {}).ok(201)
    assert rows_of(tenant)["tenant"]["sealing_keys"] != keys


def test_keys_and_ciphertexts_are_in_no_answer_of_the_api(tenant: Tenant, receiver: Receiver):
    webhook = tenant.new_webhook(receiver.url(), headers={"X-Key": "k"})
    rows = rows_of(tenant)
    hidden = [value["S"] for value in rows["tenant"]["sealing_keys"]["M"].values()]
    hidden.append(rows[f"webhook#{webhook['id']}"]["headers"]["M"]["X-Key"]["M"]["cipher"]["S"])

    answers = [tenant.operator.get(tenant.path()), tenant.operator.get("/v1/tenants"), tenant.api.get(tenant.path("/webhooks"))]

    assert [text for text in hidden for answer in answers if text in answer.raw.decode()] == []
