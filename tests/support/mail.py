"""The local cloud's SES: the mails that it accepted, and the identity that must be verified, as
on AWS."""

import json
import urllib.request
from dataclasses import dataclass

from support import stack


@dataclass(frozen=True)
class Mail:
    """One mail that SES accepted."""

    sender: str
    to: list[str]
    subject: str
    text: str


def sender() -> str:
    """The address that the stack sends from, verified. On AWS its owner does that once, with a
    link in a mail."""
    address = stack.parameter("SenderAddress")
    assert address, "deploy the tests' stack with SenderAddress=postel@example.com, as tests/gate.sh does"
    ses = stack.aws("sesv2")
    try:
        ses.create_email_identity(EmailIdentity=address)
    except ses.exceptions.AlreadyExistsException:
        pass
    assert ses.get_email_identity(EmailIdentity=address)["VerifiedForSendingStatus"]
    return address


def mails() -> list[Mail]:
    """All mails so far, the oldest first."""
    with urllib.request.urlopen(f"{stack.outputs()['awsEndpointUrl']}/_ministack/ses/messages", timeout=10) as answer:
        taken = json.load(answer)["messages"].values()
    found = sorted((m for messages in taken for m in messages), key=lambda m: m["Timestamp"])
    return [Mail(m["Source"], m["To"], m["Subject"], m["BodyText"]) for m in found]


def mails_to(address: str) -> list[Mail]:
    """The mails to an address."""
    return [mail for mail in mails() if address in mail.to]


def wait_for_mails(address: str, count: int, within: float = 60) -> list[Mail]:
    """The mails to an address, as soon as there are `count`."""

    def there() -> list[Mail]:
        found = mails_to(address)
        assert len(found) >= count, f"{len(found)} of {count} mails: {[m.subject for m in found]}"
        return found

    return stack.eventually(there, within, f"{count} mails to {address}")
