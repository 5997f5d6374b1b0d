"""Names that must not come back, the width of comments, and the length of test names.

The words were this project's own: a reader had to translate them. Each is written with a dot
here, so that a search for it finds no use.
"""

import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 100
# Files whose comments begin with a hash and which have no docstrings.
PLAIN = {".yaml", ".yml", ".sh", ".guard"}
MAX_NAME = 80

# Anywhere, in any case: in code, comments, strings, tests and pages.
EVERYWHERE = [
    "err.and", "under.taker", "fore.man", "post.man", "ros.ter", "in va.in", "what there is n.ot", "long.est_", "mo.st_[a-z]", "usu.al_", "deep.est_", "larg.est_", "short.est_",
    "side.track", "gone o.n with", "of the w.orld", "a life of its o.wn", "a life of their o.wn", "own l.ife", "less le.ss", r"\bburi.al", r"\bun.seal", "sent twice in s.ecret", "the wor.ld for himself", r"\bwit.ness", "if nothing is sa.id",
]  # fmt: skip
# Names of Rust types, functions and fields that were replaced by the field's words.
NAMES = [
    "Wit.ness", "Mo.ment", "Sho.wn", "Wi.red", "Announ.cer", "Under.takerPorts", "Fore.manPorts", "Dispatcher.Ports", "Out.box", "Kms.Vault", "System.Moment", "JobErr.and", "Log.Table", "Reco.rded",
    "Id.Claim", "Signing.Moment", "Pa.ces", "Sealed.BasicAuth", "Sealed.Header", "Dynamo.Directory", "Unf.it", "keep_.last", "note_.again", "settle_.claiming", "deliver_.new", "may_.warn", "is_at_.rest",
    "carry_.next", "judge_.address", "judge_.header", "judge_.name", "bury_.message", "mark_.sent", "release_.id", "claim_.id", "IN_.VAIN", "KNOWN_.TO_ALL", "NOTED_.EVERY", "BETWEEN_.LOOKS", "LOG_.SHARDS",
    "Id.Request", "Header.Denied", "At.Once", "Job.Calls", "Sealed.Secret", "nobody_.context", "fault_.body", "Any.bodys", "GIV.ERS", "Shown.Counts", "show_.whole", "ask_.manual", "note_.call", "call_.again",
    "Des.k", "Man.ner", "Sweeper.Ports", "judge_.headers", "judge_.header_set", "keep_.all", "claim_.name", "retry_by_.hand", "Ti.cket", "fresh_.at", "HIC.CUPS", "set_.again", "take_.lease", "end_.lease", "keep_.attempt",
]  # fmt: skip
# Type names that exist only as an alias of another type's.
ALIASES = [r"\bas Pro.blem\b", r"\bProblem as Fail.ure\b"]
# Variables, parameters, log messages and metrics that have a new name.
SETTINGS = ["Longest.WebhookTimeoutSeconds", "POSTEL_OWN.HOSTS", "POSTEL_LONG.EST", "\"to the slow l.ane\"", "\"a message comes b.ack\""]

SUFFIXES = {".rs", ".py", ".md", ".yaml", ".yml", ".sh", ".guard", ".ini"}
# Recorded data, and the list of words for the pages.
DATA = ("tests/fixtures/", "tests/fuzz/corpus/", "tests/oracles/npm/", "tests/structure/test_words.py")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "clients/cli", "functions", "tests", "infra", "docs", "*.md", "Makefile"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in listed if not name.startswith(DATA) and (ROOT / name).is_file() and (Path(name).suffix in SUFFIXES or name == "Makefile")]


FILES = tracked()
RUST = [path for path in FILES if path.suffix == ".rs"]


def joined(words: list[str]) -> str:
    """Without the dots that split the words; a dot of an expression is written as `[^\\n]`."""
    return "|".join(word.replace(".", "") for word in words)


def uses(files: list[Path], pattern: re.Pattern) -> dict[str, str]:
    """Each line that a pattern matches, by file and line."""
    found = {}
    for path in files:
        text = path.read_text()
        if pattern.search(text):
            lines = enumerate(text.splitlines(), 1)
            found |= {f"{path.relative_to(ROOT)}:{number}": line.strip()[:120] for number, line in lines if pattern.search(line)}
    return found


def test_no_word_of_the_projects_own_is_anywhere():
    assert len(FILES) > 300, "the sources are somewhere else"
    assert uses(FILES, re.compile(joined(EVERYWHERE), re.IGNORECASE)) == {}


@pytest.mark.parametrize("words", [NAMES, ALIASES], ids=["names", "aliases"])
def test_no_replaced_name_is_in_rust(words):
    assert uses(RUST, re.compile(joined([rf"\b{word}\b" for word in words]) if words is NAMES else joined(words))) == {}


def test_no_replaced_setting_or_log_event_is_anywhere():
    assert uses(FILES, re.compile(joined(SETTINGS))) == {}


def test_limits_are_named_max_min_and_default():
    wrong = re.compile(r"^\s*(?:pub(?:\([a-z]+\))? )?(?:const|static) (?:LONG|MOST|LARG|DEEP|SHORT|USUAL|FEW|LEAST)(?:EST)?(?:_[A-Z_]+)?:")
    assert uses(RUST, wrong) == {}


# A table, a fence, a drawing or a link has its own form, and a single word cannot be broken.
FREE = re.compile(r"^\s*(?:(?://[/!]?|#)\s*)?(?:\||```|\S+$)|https?://\S{40,}|\S {2,}\S")


def comments(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that are a comment, or within a docstring."""
    text = path.read_text()
    lines = list(enumerate(text.splitlines(), 1))
    if path.suffix in PLAIN:
        return [(number, line) for number, line in lines if re.match(r"\s*#(?! (?:checkov|shellcheck))", line)]
    if path.suffix == ".rs":
        return [(number, line) for number, line in lines if re.match(r"\s*//", line)]
    return [(number, line) for number, line in lines if re.match(r"\s*#(?! ?(?:noqa|fmt|ruff|type))", line)] + docstrings(text)


def docstrings(text: str) -> list[tuple[int, str]]:
    found, before = [], None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        stands_alone = before in (None, tokenize.INDENT, tokenize.NEWLINE, tokenize.DEDENT)
        if token.type == tokenize.STRING and stands_alone and token.string.lstrip("rRbBuU").startswith('"""'):
            lines = text.splitlines()[token.start[0] - 1 : token.end[0]]
            found += [(token.start[0] + number, line) for number, line in enumerate(lines)]
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type
    return found


def too_wide(found: list[tuple[int, str]]) -> dict[int, int]:
    return {number: len(line) for number, line in found if len(line) > WIDTH and not FREE.search(line)}


def test_comments_wrap_at_100_columns():
    wide = {}
    for path in FILES:
        if path.suffix in (".rs", ".py", *PLAIN):
            wide |= {f"{path.relative_to(ROOT)}:{number}": width for number, width in too_wide(comments(path)).items()}
    assert wide == {}


def test_a_comment_of_101_columns_is_too_wide_and_what_cannot_be_broken_is_not(tmp_path: Path):
    words = "word " * 19
    for name, text, wide in [
        ("a.rs", f"/// {words}1\n", False),
        ("b.rs", f"/// {words}12\n", True),
        ("c.rs", f"/// {'x' * 200}\n// | {words} | cell |\n", False),
        ("d.py", f'def f():\n    """{words}word word"""\n', True),
        ("f.yaml", f"  # {words}word\n", True),
        ("e.py", f'def f():\n    g("""{words}word word""")\n', False),
    ]:
        (tmp_path / name).write_text(text)
        assert bool(too_wide(comments(tmp_path / name))) == wide, name


def test_test_names_have_at_most_80_characters():
    long = {}
    for path in FILES:
        if path.suffix in (".rs", ".py"):
            names = re.findall(r"^\s*(?:pub(?:\([a-z]+\))? )?(?:async )?(?:fn|def) (\w+)", path.read_text(), re.MULTILINE)
            long |= {f"{path.relative_to(ROOT)}: {name}": len(name) for name in names if len(name) > MAX_NAME}
    assert long == {}
