"""Words that made the pages hard to read must not come back: each with a sentence that had it,
so that a pattern that matches nothing is noticed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]

# The pattern, and the old sentence, some split in two so that a search does not find it here.
# CONTRIBUTING.md, Style, says what to write instead.
WORDS = {
    r"\bin\s+vain\b": "A wait in" " vain.",
    r"\bstands?\b(?!( in)? for\b)(?!-in\b)": "The answer is the only place where it stands.",
    r"\bwants?\b(?! to achieve)": "Webhooks that want some of them.",
    r"\bwhoever\b": "It is shown to whoever may read the tables.",
    r"\banew\b": "A delivery starts its whole schedule anew.",
    r"\bput back\b": "Without those put back.",
    r"\bby (HTTP|SQS)\b": "Each publishes events by HTTP.",
    r"\bby (itself|themselves|hand)\b(?! and in CI)": "The KMS key rotates by itself each year.",
    r"\bof the world\b": "What the domain needs of the world.",
    r"\bif nothing is said\b": "All scopes, if nothing is said.",
    r"\bwhat\s+there\s+is\s+not\b": "What there" " is not is left out.",
    r"\bnobody's\b": "Messages that are nobody's.",
    r"\bis to be\b": "A second writer is to be refused.",
    r"\bsealed?\b": "Secrets are sealed for one tenant.",
    r"\bros[t]ers?\b": "With the next ros" "ter they read.",
    r"\bin all\b(?! \()": "The bill in all.",
    r"\btold\b": "Every route is told.",
    r"\bso-many": "The so-manyth table.",
    r"\bnot tried\b": "KMS, IAM and SQS were read, not tried.",
    r"\bdice\b": "The domain rolls no dice.",
    r"\bseconds of processor\b": "The parts alone, in seconds of processor.",
    r"\bstand-ins?\b": "The requests are counted on a stand-in for AWS.",
    r"(?m)^Who ": "Who dies in between leaves the message.",
}


def prose(page: Path) -> str:
    """Without code, whose names have a separate list."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`", "", text)


@pytest.mark.parametrize("pattern, sentence", WORDS.items())
def test_each_pattern_finds_what_it_is_for(pattern: str, sentence: str) -> None:
    assert re.search(pattern, sentence, re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_keep_plain_words(page: Path) -> None:
    text = prose(page)
    found = {match[0]: text[max(0, match.start() - 40) : match.end() + 20] for pattern in WORDS for match in re.finditer(pattern, text, re.IGNORECASE)}
    assert found == {}
