"""Every secret that any end-to-end test created, searched for in everything that the run left.

The functions ran with RUST_LOG=trace (tests/gate.sh); they have no logger that reads it, which
tests/structure checks.
"""

import json
from collections import Counter
from typing import Iterator

from support import canaries, stack
from support.client import new_tenant
from support.receiver import Receiver

# A full run has thousands; fewer mean that they were not collected.
MIN_LINES = 200
KINDS = {"operator's key", "API key", "webhook's secret", "Basic password", "webhook's header"}


def test_no_secret_of_the_whole_run_stands_in_a_table_a_log_a_queue_or_a_schedule() -> None:
    secrets, control = canaries.gathered(), seen_everywhere()
    kinds, places = Counter(secrets.values()), Counter[str]()
    showing: set[str] = set()

    def texts() -> Iterator[tuple[str, str]]:
        for place, text in canaries.everything():
            kind = place.split(" ")[0]
            places[kind] += 1
            showing.update({kind} if control in text else ())
            yield place, text

    found, searched = canaries.search(secrets, texts())
    print(f"{len(secrets)} secrets ({dict(kinds)}), {searched} bytes in {dict(places)}: {len(found)} found")
    assert len(secrets) >= MIN_LINES and KINDS <= set(kinds)
    assert showing >= {"ConfigTable", "LogTable", "log", "message"}, f"what is no secret is seen in {showing} only"
    assert found == {}, {f"{secrets[secret]} {secret}": place for secret, place in list(found.items())[:10]}


def seen_everywhere() -> str:
    """A new tenant's id, which occurs wherever a delivery leaves data."""
    with Receiver() as receiver:
        receiver.answer(500)
        tenant = new_tenant()
        tenant.new_webhook(receiver.url(), overrides={"retryDelaysSeconds": [3000]})
        delivery = tenant.wait_for_status(tenant.publish(), "retrying")
    stack.drop_schedules({delivery["id"]})
    return tenant.id


def test_the_search_finds_a_secret_however_it_is_written() -> None:
    secret = 'canary"\\\u00fc\ncanary'
    for written in (json.dumps(secret), json.dumps(json.dumps(secret)), json.dumps(secret, ensure_ascii=False)):
        found, searched = canaries.search([secret, "nowhere-at-all-nowhere"], [("a", "nothing"), ("b", f"x {written} y")])
        assert list(found) == [secret] and searched > 0, written
    assert canaries.search(["canary\n"], [("a", "x: y\n\ncanary")]) == ({}, 12), "no form of it contains a line break"
