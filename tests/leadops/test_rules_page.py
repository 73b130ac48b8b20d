"""What docs/rules.md says of the language is so."""

from __future__ import annotations

import re

import pytest

from leadops import env
from leadops.lib import conditions, documents

PAGE = (env.PROJECT / "docs" / "rules.md").read_text()
TX, SCORE = (
    {"field": "state", "op": "is", "value": "TX"},
    {"field": "score", "op": "gt", "value": 80},
)
SAID = [
    ({"field": "state", "op": "in", "value": ["TX", "CA"]}, {"state": "NY"}),
    ({"any": [TX, SCORE]}, {"state": "NY", "score": 7}),
    ({"not": TX}, {"state": "TX"}),
    ({"not": {"all": [TX, SCORE]}}, {"state": "TX", "score": 85}),
]


def test_it_lists_the_operators():
    table = PAGE[PAGE.index("## Operators") : PAGE.index("- **Text**")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(
        conditions.OPERATORS
    )


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_its_examples_are_rules(block):
    assert conditions.parse(documents.read(block)).size


@pytest.mark.parametrize(("document", "values"), SAID)
def test_it_says_what_rules_say(document, values):
    failed = conditions.parse(document).evaluate(values).failed
    assert f"| `{failed.text}` |" in PAGE
