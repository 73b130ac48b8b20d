"""Documents as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import documents
from leadops.lib.documents import DocumentError

RULE = {"all": [{"field": "state", "op": "in", "value": ["NO", "ON"]}]}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abNOyes: -{}#'\"\n", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abz", min_size=1), inner),
    max_leaves=8,
)


def test_it_keeps_short_states_texts():
    assert documents.read("value: [NO, ON, yes, off]") == {"value": ["NO", "ON", "yes", "off"]}


def test_it_takes_json_as_well():
    assert documents.read('{"all": [{"field": "a", "op": "is", "value": true}]}') == {
        "all": [{"field": "a", "op": "is", "value": True}]
    }


def test_it_keeps_dates_texts():
    assert documents.read("since: 2026-01-31") == {"since": "2026-01-31"}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("all:\n  - {field: state", 2, "expected"),
        ("a: 1\nb: 2\na: 3", 3, "twice"),
        ("a: &x [1]\nb: *x", 2, "anchors"),
        ("a: !!python/object:os.system {}", 1, "could not"),
    ],
)
def test_it_names_the_line_of_a_mistake(text, line, says):
    with pytest.raises(DocumentError) as caught:
        documents.read(text)
    assert caught.value.line == line
    assert says in str(caught.value)


def test_it_refuses_a_document_nested_beyond_reason():
    with pytest.raises(DocumentError):
        documents.read("[" * 50_000)


def test_it_finds_the_line_of_a_part():
    text = "all:\n  - {field: state, op: is, value: TX}\n  - field: score\n    op: over\n"
    assert documents.line_of(text, "all.1.op") == 4
    assert documents.line_of(text, "all.0.op") == 2
    assert documents.line_of(text, "all.1.nothing") == 3
    assert documents.line_of("", "all") is None


@given(PLAIN)
def test_it_reads_back_what_it_writes(value):
    assert documents.read(documents.write(value)) == value


def test_it_writes_a_rule_as_people_do():
    assert documents.write(RULE).splitlines()[0] == "all:"
