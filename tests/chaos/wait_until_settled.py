"""Waiting until a run has finished all work, and its reconciliation."""

import time
from collections import Counter

import accounting
from load import Crowd
from support import stack

QUEUES = ("EventsQueue", "DeliveriesQueue", "SlowQueue", "EventsDeadLetterQueue", "DeliveriesDeadLetterQueue")


def books(crowd: Crowd) -> accounting.Books:
    return accounting.read(accounting.Stack.local(stack.outputs_path()), [tenant.id for tenant in crowd.tenants])


def wait(crowd: Crowd, within: float) -> float | None:
    """The time when all work was finished: no message waits and no delivery is due. None if that
    did not happen."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not _messages() and not account(crowd).counts["due"]:
            return time.time()
        time.sleep(1)
    print(f"  not finished: {_messages()} messages, {dict(account(crowd).counts)}", flush=True)
    return None


def _messages() -> int:
    return sum(sum(stack.queue_depth(queue).values()) for queue in QUEUES)


def account(crowd: Crowd) -> accounting.Report:
    return accounting.account(books(crowd), crowd.accepted, [(post.event, post.webhook) for post in crowd.posts])


def reasons(crowd: Crowd) -> Counter:
    """Why deliveries and messages became dead letters."""
    return Counter(letter["reason"] for letter in books(crowd).letters if letter["pk"] in {tenant.id for tenant in crowd.tenants})
