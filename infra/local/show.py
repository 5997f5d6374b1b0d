"""The demonstration of `make run`: events on their way through the deployed stack, one short
line per step, each checked."""

import json
import time
import urllib.error
import urllib.request
from typing import Callable

from receiver import Receiver, Request

TENANT = "acme"
SECRET = "a secret the user typed"
WAIT_SECONDS = 30

# A documented Kuviq sample, with spellings that a careless sender would change: key order, 98.50,
# non-ASCII letters.
DATA = (
    '{"id":"insp_7f3a","item":{"id":"item_12","name":"Förderband 3","type":"conveyor"},"result":"passed",'
    '"inspector":{"id":"usr_9","name":"Zoë Müller","email":"zoe@example.com"},'
    '"elements":[{"name":"Belt tension","result":"ok","value":98.50}],"completedAt":"2026-01-15T10:30:00Z"}'
)


class Broken(Exception):
    """A step of the demonstration failed."""


def play(outputs: dict, strict: bool) -> bool:
    """True if every step was right. Under production's outgoing policy nothing may reach
    loopback, and the demonstration shows that."""
    api = Api(outputs["apiUrl"], outputs["operatorKey"])
    receiver = Receiver()
    print("\n  Events on their way\n")
    try:
        api.call("PUT", f"/v1/tenants/{TENANT}", {"name": "Acme", "contract": "kuviq"})
        for act in (_refused,) if strict else (_delivered, _retried, _dead_and_redriven):
            act(api, receiver)
    except Broken as broken:
        print(f"    FAILED  {broken}", flush=True)
        return False
    except (LookupError, TypeError, ValueError) as strange:
        print(f"    FAILED  a response was not what the API promises: {strange!r}", flush=True)
        return False
    finally:
        receiver.close()
    print("\n  Every step was checked and is right. Next: 'First webhook' in README.md.", flush=True)
    return True


def _delivered(api: "Api", receiver: Receiver) -> None:
    _webhook(api, receiver, "/good", "inspection.completed")
    began = time.monotonic()
    event = _publish(api, "inspection.completed")
    _tell(f"published   {event}, accepted after {_ms(began)}")
    request = _requests(receiver, "/good", 1)[0]
    _tell(f"delivered   POST {receiver.url('/good')} after {_ms(began)}")
    for name in ("webhook-id", "webhook-timestamp", "x-webhook-timestamp", "x-webhook-signature"):
        _expect(name in request.headers, f"the delivery has no header {name}")
        _tell(f"            {name}: {request.headers[name]}")
    _expect(request.signed_with(SECRET), "the signature is not the HMAC-SHA256 of the body")
    _expect(request.headers["webhook-id"] == event, "webhook-id is not the event's id")
    _expect(DATA.encode() in request.body, f"the data did not arrive byte for byte: {request.body!r}")
    _tell("checked     the signature with the receiver's own HMAC, the data byte for byte")


def _retried(api: "Api", receiver: Receiver) -> None:
    receiver.answers["/shaky"] = [500, 503]
    _webhook(api, receiver, "/shaky", "item.status_changed")
    event = _publish(api, "item.status_changed")
    _tell(f"published   {event}, to a receiver that fails twice")
    requests = _requests(receiver, "/shaky", 3)
    _tell(f"retried     responses {_answers(requests)}; the same webhook-id each time, a new signature each time")
    _expect(_answers(requests) == "500, 503, 200", "the attempts are not three")
    _expect({r.headers.get("webhook-id") for r in requests} == {event}, "webhook-id changed between attempts")
    _expect(all(r.signed_with(SECRET) for r in requests), "an attempt was signed wrongly")
    _until("the delivery to be completed", lambda: _status(api, event) == "completed")


def _dead_and_redriven(api: "Api", receiver: Receiver) -> None:
    receiver.broken.add("/down")
    webhook = _webhook(api, receiver, "/down", "action.created")
    event = _publish(api, "action.created")
    _tell(f"published   {event}, to a receiver that is down")
    path = f"/v1/tenants/{TENANT}/dead-letters"
    letters = _until("the dead letter", lambda: api.call("GET", f"{path}?webhookId={webhook}")["items"])
    _expect(len(letters) == 1, f"there are {len(letters)} dead letters instead of one")
    _tell(f"dead        {letters[0]['id']}, reason {letters[0]['reason']}, after {len(_requests(receiver, '/down', 3))} attempts")
    receiver.broken.remove("/down")
    api.call("POST", f"{path}/{letters[0]['id']}/redrive", {})
    requests = _requests(receiver, "/down", 4)
    _tell(f"redriven    responses {_answers(requests)}; webhook-id {requests[-1].headers.get('webhook-id')}")
    _expect(_answers(requests) == "500, 500, 500, 200", "the redrive did not deliver")
    _expect(requests[-1].headers.get("webhook-id") == event and requests[-1].signed_with(SECRET), "the redriven event is a different one")
    _until("the delivery to be completed", lambda: _status(api, event) == "completed")


def _refused(api: "Api", receiver: Receiver) -> None:
    try:
        _webhook(api, receiver, "/inside", "inspection.completed")
    except Broken as refusal:
        _expect(" answered 4" in str(refusal), str(refusal))
        _tell(f"refused     {refusal}")
    else:
        raise Broken(f"a webhook to {receiver.url('/inside')} was accepted, with POSTEL_STRICT=1")


class Api:
    """A minimal client; an error ends the demonstration with the problem's own text."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def call(self, method: str, path: str, body: dict | str | None = None):
        payload = body if isinstance(body, str) else json.dumps(body)
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else payload.encode(),
            headers={"authorization": f"Bearer {self._key}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            raise Broken(f"{method} {path} answered {refused.code}: {refused.read().decode(errors='replace')[:300]}") from None
        except OSError as error:
            raise Broken(f"{method} {path} got no response: {error}") from None
        return json.loads(text) if text else None


def _webhook(api: Api, receiver: Receiver, path: str, event_type: str) -> str:
    wanted = {
        "url": receiver.url(path),
        "events": [event_type],
        "secret": SECRET,
        "contract": "kuviq",
        # Kuviq's delays are minutes and hours; the demonstration's are short.
        "overrides": {"retryDelaysSeconds": [1, 1]},
    }
    return api.call("POST", f"/v1/tenants/{TENANT}/webhooks", wanted)["id"]


def _publish(api: Api, event_type: str) -> str:
    # Not json.dumps, which would change the spelling of the data.
    return api.call("POST", f"/v1/tenants/{TENANT}/events", f'{{"type":"{event_type}","data":{DATA}}}')["id"]


def _status(api: Api, event: str) -> str:
    deliveries = api.call("GET", f"/v1/tenants/{TENANT}/events/{event}")["deliveries"]
    return deliveries[0]["status"] if deliveries else "none"


def _requests(receiver: Receiver, path: str, count: int) -> list[Request]:
    got = receiver.await_requests(path, count, WAIT_SECONDS)
    _expect(len(got) >= count, f"the receiver got {len(got)} of {count} requests in {WAIT_SECONDS} s, responses {_answers(got) or 'none'}")
    return got


def _until(what: str, ask: Callable):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (answer := ask()):
        _expect(time.monotonic() < deadline, f"waited {WAIT_SECONDS} s for {what}")
        time.sleep(0.2)
    return answer


def _expect(right: bool, otherwise: str) -> None:
    if not right:
        raise Broken(otherwise)


def _answers(requests: list[Request]) -> str:
    return ", ".join(str(r.answered) for r in requests)


def _ms(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"


def _tell(line: str) -> None:
    print(f"    {line}", flush=True)
