"""The binaries of the real build deliver, and a panic in one message leaves its neighbours
delivered."""

import os
import subprocess
import time
from pathlib import Path

import elf
from support import disturb, logs, stack
from support.client import event_bytes, new_tenant
from support.contracts import check_standard
from support.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

# The binaries are those for AWS, without test code: the fault comes from outside. While the file
# exists, the system refuses each new thread, though not for lack of resources: tokio, which
# resolves names on threads, panics then.
REFUSES_THREADS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *with) {
  const char *flag = getenv("THREADS_REFUSED_WHILE");
  if (flag && access(flag, F_OK) == 0) return EPERM;
  int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = dlsym(RTLD_NEXT, "pthread_create");
  return real(thread, how, run, with);
}
"""


def test_an_event_by_each_door_is_delivered(receiver: Receiver):
    tenant = new_tenant("standard")
    tenant.new_webhook(receiver.url("/hook"), secret=SECRET)
    by_http = tenant.publish("item.created", {"door": "http"})
    tenant.publish_sqs("item.created", {"door": "sqs"})
    stack.eventually(lambda: len(receiver.requests("/hook")) == 2, 30, "two deliveries")
    assert sorted(check_standard(request, SECRET)["data"]["door"] for request in receiver.requests("/hook")) == ["http", "sqs"]
    stack.eventually(lambda: tenant.event(by_http)["deliveries"][0]["status"] == "completed", 30, "the log's entry")


def test_a_panic_behind_one_message_leaves_its_neighbours_delivered(receiver: Receiver, tmp_path: Path):
    library, refused = preloaded(tmp_path), tmp_path / "refused"
    neighbour, panicking = new_tenant("standard"), new_tenant("standard")
    neighbour.new_webhook(receiver.url("/neighbour"), secret=SECRET)
    # A name is resolved on a thread; the neighbours' receiver is an address.
    panicking.new_webhook("https://postel-panics.example/hook")

    def record(tenant, number: int) -> dict:
        return stack.sqs_record(event_bytes("item.created", {"number": number}, tenantId=tenant.id).decode(), group=tenant.id)

    batch = [record(panicking if number == 4 else neighbour, number) for number in range(10)]
    with disturb.run_with("DispatcherFunction", LD_PRELOAD=str(library), THREADS_REFUSED_WHILE=str(refused)):
        assert stack.invoke_with([record(neighbour, 10)]) == {"batchItemFailures": []}, "it starts"
        began = time.time()
        refused.touch()
        answer = stack.invoke_with(batch)
        assert answer == {"batchItemFailures": [{"itemIdentifier": batch[4]["messageId"]}]}
        refused.unlink()
        # The process is the same, and the message that comes back is processed normally.
        assert stack.invoke_with([batch[4]]) == {"batchItemFailures": []}
    assert sorted(check_standard(request, SECRET)["data"]["number"] for request in receiver.requests("/neighbour")) == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10]
    stack.eventually(lambda: [line for line in logs.lines(logs.group_of("DispatcherFunction"), began) if "OS can't spawn worker thread" in line], 30, "the panic")


def test_a_build_cannot_be_deployed_for_another_processor():
    """With sam itself, as docs/deploying.md says: CloudFormation rejects the parameter before it
    changes anything."""
    built = elf.read(ROOT / ".aws-sam" / "bootstraps" / "dispatcher").machine
    other = {"x86_64": "arm64", "arm64": "x86_64"}[built]
    known, name = stack.outputs(), stack.unique("postel-other")
    place = {"AWS_ENDPOINT_URL": known["awsEndpointUrl"], "AWS_DEFAULT_REGION": known["region"], "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    silent = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(ROOT / ".local" / "sam")}
    sam = [str(ROOT / ".local" / "package" / "bin" / "sam"), "deploy", "--stack-name", name, "--no-confirm-changeset"]
    done = subprocess.run([*sam, "--parameter-overrides", f"Architecture={other}"], cwd=ROOT, env=os.environ | place | silent, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0 and f"Parameter 'Architecture' value '{other}' is not in AllowedValues" in done.stderr, done.stdout[-1000:] + done.stderr


def preloaded(place: Path) -> Path:
    """Compiled with the C compiler that `make package` installs."""
    source, library = place / "refuses_threads.c", place / "refuses_threads.so"
    source.write_text(REFUSES_THREADS)
    compiler = [str(ROOT / ".local" / "package" / "bin" / "python"), "-m", "ziglang", "cc"]
    subprocess.run([*compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True, timeout=120)
    return library
