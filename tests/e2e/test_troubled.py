"""What a webhook and the operator's list say of a receiver that fails, is slow or is gone."""

import pytest
from support import client, slow, stack
from support.receiver import Receiver, Reply

# A process changes the mark of a webhook once in this time at most.
CHANGE_SECONDS = 10
URL = "https://receiver.example.com/hook"


@pytest.fixture
def tenant() -> client.Tenant:
    return client.new_tenant("standard")


def mine(tenant: client.Tenant, **query) -> list[str]:
    """The tenant's webhooks in the operator's list."""
    return [hook["id"] for hook in tenant.operator.all("/v1/webhooks", **query) if hook["tenantId"] == tenant.id]


def test_a_webhook_fails_from_the_second_failed_attempt_until_the_next_success(tenant: client.Tenant, receiver: Receiver):
    receiver.answer(Reply(503))
    hook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [1, 3000]})["id"]
    assert tenant.webhook(hook)["state"] == "active" and "failingSince" not in tenant.webhook(hook)
    event = tenant.publish()
    failing = stack.eventually(lambda: (found := tenant.webhook(hook))["state"] == "failing" and found, 60, "it to fail")
    first = stack.eventually(lambda: len(log := tenant.delivery_of(event)["attemptLog"]) == 2 and log[0])
    assert failing["failingSince"] == first["at"], "since the first of the failed attempts"
    assert mine(tenant) == mine(tenant, state="failing") == mine(tenant, state="slow,failing") == [hook]
    assert mine(tenant, state="disabled") == mine(tenant, state="slow") == []
    failed = lambda: [one["id"] for one in tenant.api.get(tenant.path("/webhooks"), state="failing").ok()["items"]]  # noqa: E731
    assert failed() == [hook]
    # Its owner's change leaves the mark.
    assert tenant.patch_webhook(hook, name="orders")["failingSince"] == first["at"]

    receiver.answer(200)

    def recovered() -> bool:
        tenant.wait_for_status(tenant.publish(), "completed")
        return "failingSince" not in tenant.webhook(hook)

    stack.eventually(recovered, CHANGE_SECONDS + 60, "the mark to be removed", every=1)
    assert tenant.webhook(hook)["state"] == "active" and failed() == mine(tenant) == []


def test_a_first_failure_and_a_test_event_are_no_sign(tenant: client.Tenant, receiver: Receiver):
    receiver.answer(Reply(503))
    hook = tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})["id"]
    tenant.wait_for_status(tenant.publish(), "retrying")
    tenant.api.post(tenant.path(f"/webhooks/{hook}/test")).ok()
    assert tenant.webhook(hook)["state"] == "active" and mine(tenant) == []


def test_a_refused_delivery_is_a_sign_and_another_url_starts_anew(receiver: Receiver):
    tenant = client.new_tenant("kuviq")
    receiver.answer(Reply(404))
    hook = tenant.new_webhook(receiver.url())["id"]
    tenant.wait_for_status(tenant.publish(), "failed")
    stack.eventually(lambda: mine(tenant, state="failing") == [hook], 30, "it to be listed")
    moved = tenant.patch_webhook(hook, url=receiver.url("/new"))
    assert moved["state"] == "active" and "failingSince" not in moved
    assert mine(tenant) == [] and tenant.webhook(hook) == moved


def test_a_disabled_webhook_is_listed_until_its_owner_switches_it_on(tenant: client.Tenant, receiver: Receiver):
    receiver.answer(Reply(410))
    hook = tenant.new_webhook(receiver.url())["id"]
    tenant.publish()
    off = stack.eventually(lambda: (found := tenant.webhook(hook))["state"] == "disabled" and found, 60, "it to be disabled")
    assert off["disabledReason"] == "gone" and off["disabledAt"] == off["updatedAt"]
    stack.eventually(lambda: mine(tenant, state="disabled") == [hook], 30, "it to be listed")
    renamed = tenant.patch_webhook(hook, name="orders")
    assert renamed["disabledAt"] == off["disabledAt"] and mine(tenant) == [hook]
    on = tenant.patch_webhook(hook, active=True)
    assert on["state"] == "active" and not {"disabledAt", "disabledReason", "failingSince"} & on.keys()
    assert mine(tenant) == []
    inactive = tenant.patch_webhook(hook, active=False)
    assert inactive["state"] == "inactive" and inactive["disabledAt"] == inactive["updatedAt"]
    assert mine(tenant) == [], "its owner's own decision"
    # What a response adds may come back.
    tenant.api.patch(tenant.path(f"/webhooks/{hook}"), inactive | {"basicAuth": None}).ok()


def test_a_deleted_webhook_is_not_listed_and_a_slow_one_is(tenant: client.Tenant, receiver: Receiver):
    hooks = [tenant.new_webhook(URL)["id"] for _ in range(3)]
    for hook in hooks:
        slow.mark(tenant.id, hook)
    assert sorted(mine(tenant)) == sorted(mine(tenant, state="slow")) == sorted(hooks)
    assert [hook for hook in (one["id"] for one in tenant.api.get(tenant.path("/webhooks"), state="slow").ok()["items"])] == hooks[::-1]
    tenant.api.delete(tenant.path(f"/webhooks/{hooks[0]}")).ok(204)
    assert sorted(mine(tenant, limit=1)) == sorted(hooks[1:]), "page by page"
    tenant.operator.delete(f"/v1/tenants/{tenant.id}").ok(204)
    assert mine(tenant) == []


def test_the_list_of_troubled_webhooks_refuses_what_it_does_not_know(operator: client.Api):
    for query, code in (({"state": "active"}, "invalid_filter"), ({"state": ""}, "invalid_filter"), ({"x": 1}, "unknown_parameter"), ({"limit": 0}, "invalid_limit")):
        refused = operator.get("/v1/webhooks", **query)
        assert (refused.status, refused.code) == (400, code), query


def test_the_webhooks_of_a_tenant_are_found_by_contract(tenant: client.Tenant):
    standard, kuviq = (tenant.new_webhook(URL, contract=contract)["id"] for contract in ("standard", "kuviq"))
    of = lambda **query: [hook["id"] for hook in tenant.api.get(tenant.path("/webhooks"), **query).ok()["items"]]  # noqa: E731
    assert of(contract="kuviq") == of(contract="kuviq", state="active,slow") == [kuviq]
    assert of(contract="standard") == [standard] and of(contract="kliq") == of(state="inactive") == []
    assert tenant.api.get(tenant.path("/webhooks"), contract="A B").code == "invalid_filter"
