"""Webhooks are imported from another system with their ids, secrets and times, first as a dry
run, and again after an interruption.

POSTEL_IMPORT_COUNT makes it the long run: 1000 webhooks instead of a hundred.
"""

import base64
import csv
import hashlib
import hmac
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from support import client, stack
from support.client import Tenant
from support.receiver import Receiver, Request

ROOT = Path(__file__).resolve().parents[2]
IMPORTER = ROOT / "clients" / "import" / "postel_import.py"
COUNT = int(os.environ.get("POSTEL_IMPORT_COUNT", "100"))
PER_TENANT = 40
URL = "https://receiver.example.com/hook"


def secret_of(number: int) -> str:
    return "whsec_" + base64.b64encode(hashlib.sha256(f"secret {number}".encode()).digest()).decode()


def run(what: str, file: Path, *options: str) -> tuple[int, list[dict], str]:
    """The importer's exit status, its report in the order of the file, and its output."""
    known = stack.outputs()
    written_to = file.with_name(f"{stack.unique('report')}.ndjson")
    environment = os.environ | {"API_URL": known["apiUrl"], "OPERATOR_KEY": known["operatorKey"]}
    done = subprocess.run([sys.executable, IMPORTER, what, file, *options, "--report", written_to], env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout == "" and written_to.stat().st_mode & 0o777 == 0o600
    report = [json.loads(line) for line in written_to.read_text().splitlines()]
    return done.returncode, sorted(report, key=lambda result: result["line"]), done.stderr


def results(report: list[dict]) -> dict[str, int]:
    return {kind: sum(r["result"] == kind for r in report) for kind in ("checked", "created", "exists", "error")}


def written(file: Path, lines: list[dict]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def is_signed(request: Request, secret: str) -> bool:
    headers = request.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split()


def test_imported_webhooks_keep_ids_secrets_and_times_and_all_deliver(receiver: Receiver, tmp_path: Path):
    batch = stack.unique("import")
    tenants = [f"{batch}-{n}" for n in range(-(-COUNT // PER_TENANT))]
    lines = [
        {
            "tenantId": tenants[n // PER_TENANT],
            "id": f"ep_{n:05}",
            "url": receiver.url(f"/{n}"),
            "events": ["item.*"],
            "secret": secret_of(n),
            "active": False,
            "createdAt": f"2024-03-01T09:00:00.{n % 1000:03}Z",
        }
        for n in range(COUNT)
    ]
    file = written(tmp_path / "webhooks.ndjson", lines)
    operator = client.operator()
    webhooks = lambda tenant: operator.all(f"/v1/tenants/{tenant}/webhooks")  # noqa: E731

    assert run("tenants", file)[0] == 0
    status, report, told = run("webhooks", file)
    assert (status, results(report)["checked"]) == (0, COUNT), told
    assert all(webhooks(tenant) == [] for tenant in tenants), "a dry run makes nothing"

    # Half of it is imported, then all of it, then all again.
    half = written(tmp_path / "half.ndjson", lines[: COUNT // 2])
    assert results(run("webhooks", half, "--run")[1])["created"] == COUNT // 2
    status, report, told = run("webhooks", file, "--run")
    assert (status, results(report)["created"], results(report)["exists"]) == (0, COUNT - COUNT // 2, COUNT // 2), told
    again = run("webhooks", file, "--run")[1]
    assert results(again)["exists"] == COUNT and [r["id"] for r in again] == [line["id"] for line in lines]
    assert results(run("webhooks", file)[1])["exists"] == COUNT, "a dry run tells it as well"

    for tenant in tenants:
        found = {(w["id"], w["createdAt"], w["url"]) for w in webhooks(tenant)}
        assert found == {(line["id"], line["createdAt"], line["url"]) for line in lines if line["tenantId"] == tenant}
    for line in lines:
        operator.patch(f"/v1/tenants/{line['tenantId']}/webhooks/{line['id']}", {"active": True}).ok()
    assert results(run("webhooks", file, "--run")[1])["exists"] == COUNT, "changed or not"
    for tenant in tenants:
        operator.post(f"/v1/tenants/{tenant}/events", {"type": "item.created", "data": {}}).ok(202)
    receiver.wait(COUNT, within=60 + COUNT / 5, path=None)
    arrived = receiver.requests(None)
    assert len(arrived) == COUNT and {r.path for r in arrived} == {f"/{n}" for n in range(COUNT)}
    assert all(is_signed(r, secret_of(int(r.path[1:]))) for r in arrived)


def test_every_line_with_an_error_is_reported_and_takes_no_other_with_it(tenant: Tenant, tmp_path: Path):
    right = {"tenantId": tenant.id, "id": "ep_1", "url": URL, "events": ["*"], "secret": secret_of(1)}
    texts = [
        json.dumps(right),
        "{",
        json.dumps({"url": URL}),
        json.dumps(right | {"id": "ep_2", "url": "https://10.0.0.1/"}),
        json.dumps(right | {"tenantId": "no-such-tenant"}),
        "",
        json.dumps(right | {"id": "ep_1", "name": "twice"}),
        json.dumps(right | {"id": "a.b"}),
        json.dumps({"tenantId": tenant.id, "url": URL, "events": ["*"]}),
    ]
    file = tmp_path / "webhooks.ndjson"
    file.write_text("\n".join(texts))
    for options in ([], ["--run"]):
        status, report, told = run("webhooks", file, *options)
        found = {r["line"]: (r["result"], r.get("code"), r.get("field")) for r in report}
        good = ("created" if options else "checked", None, None)
        assert status == 1 and found == {
            1: good,
            2: ("error", None, None),
            3: ("error", None, None),
            4: ("error", "invalid_url", "url"),
            5: ("error", "not_found", "tenantId"),
            7: ("error", None, None),
            8: ("error", "invalid_value", "id"),
            9: good,
        }, told
        assert "line 4: invalid_url (url)" in told and secret_of(1) not in told
    assert [r["line"] for r in report if "secret" in r] == [9], "a generated secret is in the report"
    # A line without an id is recognised from its content.
    report = run("webhooks", file, "--run")[1]
    assert results(report)["exists"] == 2
    assert [r["line"] for r in report if r.get("secretShown") is False] == [9], "its secret was shown before, or never"
    assert len(tenant.api.all(tenant.path("/webhooks"))) == 2
    # A line with other content is reported.
    changed = written(tmp_path / "changed.ndjson", [right | {"events": ["item.*"]}])
    assert [r["code"] for r in run("webhooks", changed)[1]] == ["id_conflict"]


def test_a_csv_file_says_the_same(tenant: Tenant, tmp_path: Path):
    end = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    file = tmp_path / "webhooks.csv"
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["tenantId", "id", "url", "events", "secret", "active", "name", "header:X-A", "basicAuth.username", "basicAuth.password", "previousSecrets"])
        rows.writerow([tenant.id, "one", URL, "item.* order.created", secret_of(1), "false", "Orders, and more", "1", "", "", ""])
        rows.writerow([tenant.id, "two", URL, "*", secret_of(2), "", "", "", "user", "word", json.dumps([{"secret": secret_of(3), "endsAt": end}])])
        rows.writerow([tenant.id, "three", URL, "*", secret_of(2), "no"])
    status, report, told = run("webhooks", file, "--run")
    assert status == 1 and results(report) == {"checked": 0, "created": 2, "exists": 0, "error": 1}, told
    one, two = (tenant.webhook(name) for name in ("one", "two"))
    assert (one["events"], one["active"], one["name"], list(one["headers"])) == (["item.*", "order.created"], False, "Orders, and more", ["X-A"])
    assert two["active"] is True and two["basicAuth"]["username"] == "user" and [p["endsAt"] for p in two["previousSecrets"]] == [end.replace("Z", ".000Z")]


# ---- What the importer sends -------------------------------------------------------------------


def test_the_old_secrets_of_a_webhook_sign_until_their_ends(tenant: Tenant, receiver: Receiver):
    now = datetime.now(timezone.utc)
    at = lambda seconds: (now + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"  # noqa: E731
    older = [{"secret": secret_of(2), "endsAt": at(3600)}, {"secret": secret_of(3), "endsAt": at(7200)}]
    body = {"url": receiver.url(), "events": ["*"], "secret": secret_of(1), "previousSecrets": older}
    made = tenant.operator.post(tenant.path("/webhooks"), body).ok(201)
    assert [p["endsAt"] for p in made["previousSecrets"]] == [at(7200), at(3600)]
    tenant.publish()
    (request,) = receiver.wait(1)
    assert all(is_signed(request, secret_of(n)) for n in (1, 2, 3)) and not is_signed(request, secret_of(4))


@pytest.mark.parametrize("member", ["createdAt", "previousSecrets"])
def test_only_the_operator_imports(tenant: Tenant, member: str):
    given = {"createdAt": "2024-01-01T00:00:00Z", "previousSecrets": [{"secret": secret_of(2), "endsAt": "2100-01-01T00:00:00Z"}]}
    body = {"url": URL, "events": ["*"], member: given[member]}
    for path in ("/webhooks", "/webhooks?dryRun=true"):
        refused = tenant.api.post(tenant.path(path), body)
        assert (refused.status, refused.code, refused.json["field"]) == (403, "forbidden", member)
    late = tenant.operator.post(tenant.path("/webhooks"), {"url": URL, "events": ["*"], "previousSecrets": given["previousSecrets"]})
    assert (late.status, late.code, late.json["field"]) == (422, "invalid_timestamp", "previousSecrets[0].endsAt")
    future = tenant.operator.post(tenant.path("/webhooks"), {"url": URL, "events": ["*"], "createdAt": "2100-01-01T00:00:00Z"})
    assert (future.status, future.code, future.json["field"]) == (422, "invalid_timestamp", "createdAt")
    assert tenant.api.all(tenant.path("/webhooks")) == []


def test_a_dry_run_checks_all_that_the_creation_checks_and_makes_nothing(tenant: Tenant):
    path = tenant.path("/webhooks")
    dry = lambda **body: tenant.api.post(f"{path}?dryRun=true", {"url": URL, "events": ["*"]} | body)  # noqa: E731
    tried = dry(id="one", name="Orders").ok()
    assert (tried["id"], tried["name"]) == ("one", "Orders") and "secret" not in tried
    for body, code in (({"url": "https://10.0.0.1/"}, "invalid_url"), ({"events": []}, "invalid_events"), ({"contract": "none"}, "invalid_contract"), ({"secret": "short"}, "invalid_secret")):
        assert dry(**body).code == code
    assert tenant.api.all(path) == []
    made = tenant.api.post(path, {"url": URL, "events": ["*"], "id": "one"}).ok(201)
    assert made.pop("secret")
    same = dry(id="one")
    assert same.ok() == made and same.headers["idempotent-replayed"] == "true"
    assert dry(id="one", name="other").code == "id_conflict"
    for _ in range(24):
        tenant.new_webhook(URL)
    assert dry().code == "webhook_limit"
    wrong = tenant.api.post(f"{path}?dryRun=yes", {"url": URL, "events": ["*"]})
    assert (wrong.code, wrong.json["field"]) == ("invalid_filter", "dryRun")
