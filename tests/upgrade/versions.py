"""Two versions on one stack: publish and dispatcher have a published version each, and the alias
`live` says which one queues and API call. The other functions change in place, as on AWS."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import bootstraps
from settings import FUNCTIONS, state
from support import logs, stack

BUCKET = "postel-upgrade"
ALIASED = ("publish", "dispatcher")
FORMER, THIS = "1", "2"


@dataclass
class Versions:
    """The stack was deployed with the former binaries, so that version 1 is theirs."""

    former: Path
    this: Path

    def prepare(self) -> None:
        store = stack.aws("s3")
        store.create_bucket(Bucket=BUCKET)
        packages = state() / "upgrade"
        packages.mkdir(exist_ok=True)
        for version, directory in ((FORMER, self.former), (THIS, self.this)):
            for name in FUNCTIONS:
                package = bootstraps.pack(directory / name, packages / f"{name}-{version}.zip")
                store.upload_file(str(package), BUCKET, package.name)
                package.unlink()
        for name in ALIASED:
            self._replace(name, THIS)
            made = stack.aws("lambda").publish_version(FunctionName=_function(name))
            assert made["Version"] == THIS, made

    def live(self, **versions: str) -> None:
        """The version of publish, of dispatcher, or of both that is called from now on."""
        for name, version in versions.items():
            stack.aws("lambda").update_alias(FunctionName=_function(name), Name="live", FunctionVersion=version)

    def others(self, version: str) -> None:
        """Every other function."""
        for name in set(FUNCTIONS) - set(ALIASED):
            self._replace(name, version)

    def _replace(self, name: str, version: str) -> None:
        stack.aws("lambda").update_function_code(FunctionName=_function(name), S3Bucket=BUCKET, S3Key=f"{name}-{version}.zip")


def _function(name: str) -> str:
    return stack.resource(f"{name.title()}Function")


def invocations(name: str, since: float) -> Counter[str]:
    """How many invocations of a function each version has had, by the streams of its log: a
    stream's name has the version in brackets."""
    pages = stack.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=logs.group_of(f"{name.title()}Function"), startTime=int(since * 1000))
    begun = (event for page in pages for event in page["events"] if event["message"].startswith("START "))
    return Counter(re.search(r"\[(.*?)\]", event["logStreamName"])[1] for event in begun)


def unreadable(since: float) -> list[str]:
    """Lines of all functions that report a row or a message which they cannot read."""
    words = ('"fault_kind":"corrupt"', '"fault_kind":"newer"', "row.unreadable", "message.unreadable", "panicked")
    groups = [group for group in logs.groups() if group.startswith("/aws/lambda/")]
    return [line for group in groups for line in logs.lines(group, since) if any(word in line for word in words)]
