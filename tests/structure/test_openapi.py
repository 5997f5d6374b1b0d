"""What the OpenAPI document says without a running stack: the examples fit their schemas, and the
deliveries that it shows are signed as the contracts say."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "functions/api/openapi.json").read_text())
EXAMPLES = json.loads((ROOT / "functions/api/examples.json").read_text())
CONTRACTS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "functions/domain/contracts").glob("*.json")}
OPERATIONS = {operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()}


def fits(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = {"components": DOCUMENT["components"]} | schema
    return [error.message for error in jsonschema.Draft202012Validator(whole).iter_errors(value)]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_example_fits_its_schema(name):
    operation = OPERATIONS[name]
    for place, example in EXAMPLES[name].items():
        told = operation["responses"][place] if place.isdigit() else operation["requestBody"]
        for content in told["content"].values():
            assert fits(example, content["schema"]) == [], place
            assert example in [one["value"] for one in content["examples"].values()]


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_a_receiver_can_verify_the_delivery_that_the_document_shows(name):
    contract, told = CONTRACTS[name], DOCUMENT["webhooks"][name]["post"]
    content = told["requestBody"]["content"]["application/json"]
    (example,) = content["examples"].values()
    assert fits(example["value"], content["schema"]) == []
    assert list(example["value"]) == list(contract["envelope"])
    headers = {parameter["name"]: parameter["example"] for parameter in told["parameters"]}
    assert headers.keys() >= {"webhook-id", "webhook-timestamp", "user-agent"} | set(contract.get("headers", {}))
    if not (scheme := contract.get("signature")):
        assert "signs nothing" in told["description"]
        return
    secret = re.search(r"signed with the secret `([^`]+)`", told["description"])[1]
    key = base64.b64decode(secret.removeprefix("whsec_")) if scheme["secret"] == "whsec" else secret.encode()
    body = json.dumps(example["value"], separators=(",", ":"), ensure_ascii=False)
    parts = {"{id}": headers["webhook-id"], "{timestamp}": headers["webhook-timestamp"], "{body}": body}
    signed = re.sub(r"\{\w+\}", lambda found: parts[found[0]], scheme["signedText"])
    digest = hmac.new(key, signed.encode(), hashlib.sha256)
    text = digest.hexdigest() if scheme["encoding"] == "hex" else base64.b64encode(digest.digest()).decode()
    assert headers[scheme["header"]] == scheme.get("prefix", "") + text


def test_the_document_names_a_host_and_no_other_place():
    (server,) = DOCUMENT["servers"]
    assert server["url"] == "https://{host}" and server["variables"]["host"]["default"].endswith("example.com")
