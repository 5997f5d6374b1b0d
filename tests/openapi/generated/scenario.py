"""The same with openapi-python-client: modules of functions, named after the operation ids."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from postel_client import AuthenticatedClient
from postel_client.api.dead_letters import dead_letters_list
from postel_client.api.events import events_get, events_publish, events_publish_batch
from postel_client.api.keys import keys_create
from postel_client.api.redrives import redrives_create, redrives_estimate, redrives_get
from postel_client.api.tenants import tenants_upsert
from postel_client.api.webhooks import webhooks_create, webhooks_list
from postel_client.models import (
    DeadLetter,
    DeadLetterList,
    Event,
    EventAccepted,
    EventBatchAccepted,
    EventBatchCreate,
    EventCreate,
    KeyCreate,
    KeyWithSecret,
    Problem,
    Redrive,
    RedriveCreate,
    RedriveEstimate,
    RedriveFilter,
    Tenant,
    TenantUpsert,
    WebhookCreate,
    WebhookList,
    WebhookOverridesCreate,
    WebhookWithSecret,
)

T = TypeVar("T")
TENANT, SECRET = os.environ["TENANT"], os.environ["SECRET"]


def connect(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["POSTEL_URL"], token=key)


def got(wanted: type[T], answer: object) -> T:
    """The answer, if it is of the wanted type."""
    assert isinstance(answer, wanted), answer
    return answer


def eventually(what: str, ask: Callable[[], T | None]) -> T:
    """Asks until there is an answer, for a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        answer = ask()
        if answer is not None:
            return answer
        time.sleep(0.3)
    raise TimeoutError(what)


def main() -> None:
    operator = connect(os.environ["POSTEL_KEY"])
    assert got(Tenant, tenants_upsert.sync(TENANT, client=operator, body=TenantUpsert(name="Acme"))).name == "Acme"
    scopes = ["events:write", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry"]
    key = got(KeyWithSecret, keys_create.sync(TENANT, client=operator, body=KeyCreate(scopes=scopes)))
    postel = connect(key.key)

    hook = WebhookCreate(url=os.environ["RECEIVER"], events=["order.*"], secret=SECRET)
    webhook = got(WebhookWithSecret, webhooks_create.sync(TENANT, client=postel, body=hook))
    assert webhook.secret == SECRET
    hook = WebhookCreate(url=os.environ["FAILING_RECEIVER"], events=["order.lost"], secret=SECRET, overrides=WebhookOverridesCreate(retry_delays_seconds=[]))
    failing = got(WebhookWithSecret, webhooks_create.sync(TENANT, client=postel, body=hook))
    listed = got(WebhookList, webhooks_list.sync(TENANT, client=postel, limit=10))
    assert [item.id for item in listed.items] == [failing.id, webhook.id]

    placed = EventCreate(id="order-1", type_="order.placed", data={"total": 1})
    for known in (False, True):
        assert got(EventAccepted, events_publish.sync(TENANT, client=postel, body=placed)).duplicate is known
    events = [EventCreate(id="order-1", type_="order.placed", data={"total": 2}), EventCreate(id="order-2", type_="order.lost", data=None)]
    batch = got(EventBatchAccepted, events_publish_batch.sync(TENANT, client=postel, body=EventBatchCreate(events=events)))
    conflict, accepted = batch.results
    assert got(Problem, conflict.error).code == "id_conflict" and accepted.id == "order-2"

    refused = got(Problem, webhooks_create.sync(TENANT, client=postel, body=WebhookCreate(url="ftp://example.com", events=["*"])))
    assert (refused.code, refused.field) == ("invalid_url", "url")
    assert got(Problem, webhooks_list.sync(TENANT, client=connect("wrong"))).code == "invalid_key"

    def dead() -> DeadLetter | None:
        return next(iter(got(DeadLetterList, dead_letters_list.sync(TENANT, client=postel, webhook_id=failing.id)).items), None)

    assert eventually("the dead letter", dead).reason == "exhausted"
    found = got(RedriveEstimate, redrives_estimate.sync(TENANT, client=postel, body=RedriveFilter(webhook_id=failing.id)))
    assert found.count == 1
    job = got(Redrive, redrives_create.sync(TENANT, client=postel, body=RedriveCreate(webhook_id=failing.id)))

    def ended() -> Redrive | None:
        redrive = got(Redrive, redrives_get.sync(TENANT, job.id, client=postel))
        return None if redrive.status == "running" else redrive

    assert eventually("the end of the redrive", ended).done == 1

    def delivered() -> bool | None:
        event = got(Event, events_get.sync(TENANT, "order-2", client=postel))
        return all(delivery.status == "completed" for delivery in event.deliveries) or None

    assert eventually("the delivery", delivered)


if __name__ == "__main__":
    main()
