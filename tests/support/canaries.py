"""Secrets that may be shown once and stored nowhere: the client records each one that a test
creates, and they are searched for in everything that is stored.

Each process knows the secrets that it created and searches for them in every response; all
processes write to one file next to the stack's outputs, for the search at the end of a run.
"""

import base64
import fcntl
import json
import subprocess
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any, Iterable, Iterator

from support import logs, stack, cloudtrail

# Shorter ones ("new", "third") occur in many texts by chance.
MIN_LENGTH = 16

# Own headers that are not secrets: of those that functions/domain/src/masking.rs names, the ones
# that tests use.
HARMLESS = {"accept"}

# The document's examples send a secret that it shows itself.
PUBLISHED = (Path(__file__).resolve().parents[2] / "functions" / "api" / "openapi.json").read_text()

_known: dict[str, str] = {}


def _file() -> Path:
    return stack.outputs_path().with_name("canaries.jsonl")


def note(kind: str, secret: str) -> None:
    """Records a secret; from now on it is searched for."""
    if len(secret) < MIN_LENGTH or secret in _known or secret in PUBLISHED:
        return
    _known[secret] = kind
    with _file().open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps({"kind": kind, "secret": secret, "stack": stack.outputs()["apiUrl"]}) + "\n")


def known() -> dict[str, str]:
    """The secrets that this process created, with their kinds."""
    return dict(_known)


def gathered() -> dict[str, str]:
    """All secrets that were created in this stack, in any process, with their kinds."""
    found = {stack.outputs()["operatorKey"]: "operator's key"}
    if _file().is_file():
        for line in _file().read_text().splitlines():
            one = json.loads(line)
            if one["stack"] == stack.outputs()["apiUrl"]:
                found[one["secret"]] = one["kind"]
    return found


# ---- At the API --------------------------------------------------------------------------------


def of_exchange(method: str, path: str, body: Any, status: int, raw: bytes) -> None:
    """Records the secrets of a request and its response, and fails if the response shows one
    that it must not."""
    given = dict(_in_request(path, body))
    shown = dict(_in_answer(path, raw)) if status in (200, 201) else {}
    may_show = set(given) | set(shown) if _shows_secrets(method, path) and status in (200, 201) else set()
    for secret, kind in (given | shown).items():
        note(kind, secret)
    for secret, kind in list(_known.items()):  # a copy: other threads of the test learn of more meanwhile
        if secret not in may_show and any(form in raw for form in _forms_in_json(secret)):
            raise AssertionError(f"the answer to {method} {path} ({status}) shows {'an' if kind[0] in 'aeiou' else 'a'} {kind}: {raw[:300]!r}")


def _shows_secrets(method: str, path: str) -> bool:
    """Whether the route shows a secret once: a new key, a new webhook, a new secret."""
    path = path.split("?")[0]
    return method == "POST" and path.endswith(("/keys", "/sessions", "/sessions/exchange", "/webhooks", "/secret/rotate"))


def _in_request(path: str, body: Any) -> Iterator[tuple[str, str]]:
    if isinstance(body, dict) and "/webhooks" in path:
        if isinstance(secret := body.get("secret"), str):
            yield secret, "webhook's secret"
        if isinstance(basic := body.get("basicAuth"), dict) and isinstance(password := basic.get("password"), str):
            yield password, "Basic password"
            yield base64.b64encode(f"{basic.get('username')}:{password}".encode()).decode(), "Basic credentials"
        if isinstance(headers := body.get("headers"), dict):
            for name, value in headers.items():
                if isinstance(value, str) and name.lower() not in HARMLESS:
                    yield value, "webhook's header"


def _in_answer(path: str, raw: bytes) -> Iterator[tuple[str, str]]:
    if path.endswith(("/keys", "/sessions", "/exchange", "/webhooks", "/rotate")) and raw.startswith(b"{"):
        made = json.loads(raw)
        for member, kind in (("code", "session's code"), ("token", "session's token")):
            if isinstance(opens := made.get(member), str):
                yield opens, kind
                yield opens.split("_")[-1], f"{kind}'s secret part"
        if isinstance(key := made.get("key"), str):
            yield key, "API key"
            yield key.split("_")[-1], "API key's secret part"
        if isinstance(secret := made.get("secret"), str):
            yield secret, "webhook's secret"


def _forms_in_json(secret: str) -> set[bytes]:
    return {secret.encode(), json.dumps(secret)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode()}


# ---- In whatever is kept -----------------------------------------------------------------------


def forms(secret: str) -> set[str]:
    """A secret in plaintext, in JSON (once and twice), in a URL and in base64."""
    in_json = json.dumps(secret)[1:-1]
    plain = {secret, in_json, json.dumps(in_json)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], urllib.parse.quote(secret, safe="")}
    # A line break would end the pattern and start another.
    return {form for form in plain | {base64.b64encode(secret.encode()).decode().rstrip("=")} if not set(form) & {"\n", "\r"}}


def search(secrets: Iterable[str], texts: Iterable[tuple[str, str]]) -> tuple[dict[str, str], int]:
    """Where each secret was found, by secret; and how many bytes were searched. Uses grep, which
    searches for thousands at once."""
    secret_of = {form: secret for secret in secrets for form in forms(secret)}
    found: dict[str, str] = {}
    searched = 0
    with tempfile.TemporaryDirectory() as directory:
        patterns, haystack = Path(directory, "patterns"), Path(directory, "haystack")
        patterns.write_text("\n".join(secret_of))
        with haystack.open("w", errors="surrogatepass") as file:
            for place, text in texts:
                line = text.replace("\n", " ")
                searched += len(line)
                file.write(f"{place}\t{line}\n")
        done = subprocess.run(["grep", "-aoF", "-n", "-f", patterns, haystack], env={"LC_ALL": "C"}, capture_output=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        lines = haystack.read_text(errors="surrogatepass").split("\n") if done.stdout else []
        for hit in done.stdout.decode().splitlines():
            number, form = hit.split(":", 1)
            found.setdefault(secret_of[form], lines[int(number) - 1][:400])
    return found, searched


def everything() -> Iterator[tuple[str, str]]:
    """Everything that the stack stores and logs behind the API, each piece with its position:
    tables, logs, messages, schedules."""
    for table in ("ConfigTable", "LogTable", "DeadLettersTable"):
        for item in stack.scan(table):
            yield f"{table} {item['pk']['S']} {item['sk']['S']}", json.dumps(item, default=_plain)
    for group in logs.groups():
        for line in logs.all_lines(group):
            yield f"log {group}", line
    for schedule in _schedules():
        yield f"schedule {schedule['Name']}", json.dumps(schedule, default=str)
    for function in cloudtrail.FUNCTIONS:
        for name in ("SendMessage", "SendMessageBatch", "POST.scheduler"):
            for asked in cloudtrail.calls(function, name):
                yield f"message of {function}", json.dumps(asked)
    for queue in ("EventsQueue", "EventsDeadLetterQueue", "DeliveriesQueue", "DeliveriesDeadLetterQueue", "JobsQueue"):
        attributes = stack.aws("sqs").get_queue_attributes(QueueUrl=stack.resource(queue), AttributeNames=["All"])["Attributes"]
        yield f"queue {queue}", json.dumps(attributes)


def _plain(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _schedules() -> Iterator[dict[str, Any]]:
    """The schedules of retries. MiniStack lists only the first hundred; the contents of the
    others are in the recorded calls that created them."""
    scheduler, group = stack.aws("scheduler"), stack.outputs()["stack"]["RetryScheduleGroupName"]
    for listed in scheduler.list_schedules(GroupName=group)["Schedules"]:
        try:
            yield scheduler.get_schedule(GroupName=group, Name=listed["Name"])
        except scheduler.exceptions.ResourceNotFoundException:
            pass  # Fired meanwhile.
