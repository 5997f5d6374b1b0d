"""Every answer that the OpenAPI document names was given during the tests, and no other."""

from support import answers

# What an operation may answer without a word in the document: RFC 9110's answers of the router.
UNDOCUMENTED = {404, 405}


def test_every_documented_answer_was_seen():
    seen = answers.seen()
    missing = {name: sorted(left) for name, statuses in answers.documented().items() if (left := statuses - seen[name] - {status for known, status in answers.UNSEEN if known == name})}
    assert missing == {}


def test_every_seen_answer_is_documented():
    documented = answers.documented()
    strange = {name: sorted(left) for name, statuses in answers.seen().items() if (left := statuses - documented[name] - UNDOCUMENTED - {status for known, status in answers.IN_PROSE if known == name})}
    assert strange == {}
