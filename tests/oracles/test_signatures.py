"""A thousand deliveries signed by Postel, verified by the official libraries of Standard
Webhooks for Python and JavaScript, pinned.

The third, for Rust, is in tests/official.rs. POSTEL_TEST_SEED sets other deliveries.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from programs import messages
from standardwebhooks import Webhook, WebhookVerificationError

COUNT = 1000
SEED = int(os.environ.get("POSTEL_TEST_SEED", 20261122))
NPM = Path(__file__).parent / "npm"


def changed(message: dict, number: int) -> list[dict]:
    """The message with one byte changed: of the body, the id, the timestamp, the signature; and
    with a secret that did not sign."""
    headers, body = message["headers"], message["body"]
    place = number * 31 % len(body)
    other = chr(ord(body[place]) ^ 1)
    signature = headers["webhook-signature"].split(" ")[0]
    letter = "A" if signature[10] != "A" else "B"
    last_digit = str((int(headers["webhook-timestamp"][-1]) + 1) % 10)
    return [
        message | {"body": body[:place] + other + body[place + 1 :]},
        message | {"headers": headers | {"webhook-id": headers["webhook-id"] + "x"}},
        message | {"headers": headers | {"webhook-timestamp": headers["webhook-timestamp"][:-1] + last_digit}},
        message | {"headers": headers | {"webhook-signature": signature[:10] + letter + signature[11:]}},
        message | {"secrets": ["whsec_" + "QUFB" * 8]},
    ]


def cases() -> list[tuple[dict, bool]]:
    """(message with the one secret to verify it with, whether it is genuine)."""
    made = messages(COUNT, SEED, int(time.time()))
    assert len(made) == COUNT
    genuine = [(message | {"secrets": [secret]}, True) for message in made for secret in message["secrets"]]
    # A changed signature is rejected if it was the only one.
    forged = [(one, False) for number, message in enumerate(made) for one in changed(message | {"secrets": message["secrets"][:1]}, number)]
    return genuine + forged


def told(language: str, given: list[tuple[dict, bool]], found: list[bool]) -> None:
    wrong = [message for (message, genuine), verdict in zip(given, found, strict=True) if verdict is not genuine]
    assert not wrong, f"{language}: {len(wrong)} of {len(given)}, the first: {wrong[0]}"
    print(f"\n{language}: {sum(genuine for _, genuine in given)} signatures verified, {sum(not genuine for _, genuine in given)} changed ones refused")


def test_the_official_python_library_verifies_a_thousand_and_no_changed_delivery() -> None:
    def verifies(message: dict) -> bool:
        try:
            Webhook(message["secrets"][0]).verify(message["body"], message["headers"], json_parse=False)
        except WebhookVerificationError:
            return False
        return True

    given = cases()
    told("Python", given, [verifies(message) for message, _ in given])


def test_the_official_javascript_library_verifies_a_thousand_and_no_changed_delivery() -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: the JavaScript library is not used")
    if not (NPM / "node_modules" / "standardwebhooks").is_dir():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=NPM, check=True, capture_output=True, timeout=120)
    given = cases()
    lines = "\n".join(json.dumps(message) for message, _ in given)
    done = subprocess.run(["node", "verify.mjs"], cwd=NPM, input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told("JavaScript", given, [line == "genuine" for line in done.stdout.splitlines()])
