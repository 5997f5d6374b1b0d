"""The context of tenants and webhooks for envelopes: created, replaced, patched, shown in its
own spelling, and overridden by the event's own."""

import json

import pytest
from support import stack, vendors
from support.client import Api, Tenant, new_tenant
from support.receiver import Receiver

# In their own spelling: numbers that a parser would round or shorten.
RAW = b'{"organisation_id":"org_\\u0061","size":1.0,"big":12345678901234567890123}'


def test_a_context_is_shown_and_sent_as_it_was_written(operator: Api, receiver: Receiver):
    name = stack.unique("own").lower()
    contract = operator.get("/v1/contracts/kliq").ok()
    for member in ("name", "builtin", "version"):
        contract.pop(member, None)
    contract["envelope"] = {"o": "{context.organisation_id|tenantId}", "s": "{context.size}", "b": "{context.big}", "x": "{context.x|context.y|type}"}
    operator.put(f"/v1/contracts/{name}", contract).ok(201)
    tenant = new_tenant(name)
    assert "context" not in operator.get(f"/v1/tenants/{tenant.id}").ok()

    put = operator.call("PUT", f"/v1/tenants/{tenant.id}", b'{"contract":"%s","context":%s}' % (name.encode(), RAW))

    # By name, each value in its own spelling.
    shown = b'"context":{"big":12345678901234567890123,"organisation_id":"org_\\u0061","size":1.0}'
    assert put.status == 200 and shown in put.raw, put
    assert shown in operator.get(f"/v1/tenants/{tenant.id}").raw
    webhook = tenant.new_webhook(receiver.url(), secret="s", context={"x": "w"})
    path = tenant.path(f"/webhooks/{webhook['id']}")
    assert webhook["context"] == {"x": "w"}
    event = tenant.publish("item.created", {}, context={"size": 2})
    body = receiver.wait(1)[0].body
    assert body == b'{"o":"org_\\u0061","s":2,"b":12345678901234567890123,"x":"w"}', body

    patched = tenant.api.call("PATCH", path, b'{"context":{"big":1e2,"x":null}}')
    assert patched.status == 200 and b'"context":{"big":1e2}' in patched.raw, patched
    assert tenant.webhook(webhook["id"])["context"] == {"big": 100.0}
    tenant.publish("item.created", {})
    body = receiver.wait(2)[1].body
    assert body == b'{"o":"org_\\u0061","s":1.0,"b":1e2,"x":"item.created"}', body
    # A sent request is shown as it was sent, whatever has changed since.
    assert b'"x":"w"' in tenant.delivery_of(event)["request"]["body"].encode()
    assert "context" not in tenant.patch_webhook(webhook["id"], context=None)


WRONG = {
    "an object": {"a": {}},
    "a list": {"a": [1]},
    "too many names": {str(n): n for n in range(17)},
    "a long name": {"n" * 65: 1},
    "no name": {"": 1},
    "too much": {"a": "v" * 1024},
    "a text": "text",
}


@pytest.mark.parametrize("context", WRONG.values(), ids=WRONG.keys())
def test_a_context_that_cannot_be_is_refused(operator: Api, tenant: Tenant, receiver: Receiver, context):
    webhook = tenant.new_webhook(receiver.url())
    expected = (422, "invalid_value") if isinstance(context, dict) else (400, "invalid_request")
    for answer in (
        operator.put(f"/v1/tenants/{tenant.id}", {"context": context}),
        tenant.api.post(tenant.path("/webhooks"), {"url": receiver.url(), "events": ["*"], "context": context}),
        tenant.api.patch(tenant.path(f"/webhooks/{webhook['id']}"), {"context": context}),
    ):
        assert (answer.status, answer.code) == expected, answer
    assert "context" not in tenant.webhook(webhook["id"])


@pytest.mark.parametrize(("contract", "overrides", "status"), [("kuviq", {}, "failed"), ("kazinex", {"retryDelaysSeconds": [1]}, "retrying"), ("kazinex", {"retryDelaysSeconds": []}, "failed")])
def test_a_410_is_a_failure_like_other_4xx_where_the_document_does_not_say_more(receiver: Receiver, contract: str, overrides: dict, status: str):
    tenant = new_tenant(contract)
    webhook = vendors.subscribe(tenant, receiver.url(), overrides=overrides)
    receiver.answer(410, 200)

    event_id = tenant.publish(vendors.DOCUMENTED[contract].types[0])

    if status == "retrying":
        tenant.wait_for_status(event_id, "completed")
    else:
        tenant.wait_for_status(event_id, "failed")
        (letter,) = tenant.wait_for_dead_letters()
        assert letter["reason"] == ("refused" if contract == "kuviq" else "exhausted")
    assert json.dumps(tenant.webhook(webhook["id"])).count("disabledReason") == 0
    assert tenant.webhook(webhook["id"])["active"] is True
