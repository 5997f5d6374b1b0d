"""docs/operational-events.md lists the types and the members of the code."""

import json
import re

import pytest
from test_readme import FUNCTIONS, ROOT, coded, first_codes, rows, section, text

SOURCE = (FUNCTIONS / "domain/src/operational_event/kind.rs").read_text()
COMMON = ["id", "type", "time", "stack", "tenantId"]
# An example as the code puts it together: see the macro `kinds!`.
TABLE = re.findall(r'^    \w+ = "(.*?)", .*\n.*\n +r#"(.*)"#;', SOURCE, re.MULTILINE)
EXAMPLES = [json.loads(f'{{"id":"","type":"{kind}","time":"","stack":"",{own}}}') for kind, own in TABLE]
OF_WEBHOOK = ["webhookId", "host", "contract", "active"]
PAGE = "operational-events.md"


def test_the_page_lists_every_type_in_the_order_of_the_code() -> None:
    types = [example["type"] for example in EXAMPLES]
    assert len(types) == SOURCE.count('"#;') > 0
    assert first_codes(PAGE, "Events") == COMMON + types


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["type"])
def test_the_page_names_every_member(example: dict) -> None:
    assert list(example)[:5] == COMMON
    told = next(row for row in rows(PAGE, "Events") if coded(row[0]) == [example["type"]])[2]
    further = [member for member in example if member not in COMMON]
    if "webhookId" in example and "host" in example:
        assert further[:4] == OF_WEBHOOK
        further = further[4:]
    whole = told if "the same" not in told and "see below" not in told else section(PAGE, "Events")
    assert [member for member in further if f"`{member}`" not in whole] == []


def test_the_page_says_for_how_long_a_batch_is_repeated() -> None:
    template = (ROOT / "infra/template.yaml").read_text()
    ages = {int(age) for age in re.findall(r"MaximumRecordAgeInSeconds: (\d+)", template)}
    assert {f"**For {age // 3600} hours.**" for age in ages} == {"**For 22 hours.**"}
    assert "**For 22 hours.**" in text(PAGE) and "another two hours" in text(PAGE)


def test_the_page_gives_the_maximum_size_of_a_body() -> None:
    limit = int(re.search(r"MAX_BODY_BYTES: usize = (\d+);", (FUNCTIONS / "domain/src/operational_event/mod.rs").read_text())[1])
    assert f"at most {limit // 1024} KB" in text(PAGE)
