"""Two payloads beside each other, what a payload leaves out, and what helpers look like."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.mapping import HELPERS, LeftOut, Row, compile_rows, compile_template, differences

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(st.text(max_size=4), VALUES, max_size=5)


def test_it_names_the_keys_that_differ():
    before = {"a": 1, "b": [1, 2], "c": {"d": "x"}, "same": {"e": None}}
    after = {"a": "1", "b": [1, 3], "c": {"e": "x"}, "same": {"e": None}}
    found = [(each.key, each.before, each.after) for each in differences(before, after)]
    assert found == [
        ("a", "1", '"1"'),
        ("b.1", "2", "3"),
        ("c.e", None, '"x"'),
        ("c.d", '"x"', None),
    ]


def test_it_tells_true_from_one():
    assert differences({"a": True}, {"a": 1})


@given(PAYLOADS)
def test_a_payload_does_not_differ_from_itself(payload):
    assert differences(payload, json.loads(json.dumps(payload))) == ()


@given(PAYLOADS, VALUES)
def test_it_finds_a_key_that_is_new(payload, value):
    found = differences(payload, {**payload, "new one": value})
    assert found
    assert all(each.key.startswith("new one") and each.before is None for each in found)


def test_it_says_what_is_left_out_and_why():
    mapping = compile_rows(
        [
            Row("a.b", "{{lead.x}}"),
            Row("c", "1", when="lead.y"),
            Row("d", "{{lead.z}}"),
            Row("e", "", keep_blank=True),
        ]
    )
    assert mapping.left_out({"lead": {"z": 0}}) == [
        LeftOut("a.b", blank=True),
        LeftOut("c", blank=False),
    ]


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_every_helper_has_an_example_that_compiles(name):
    assert name in HELPERS[name].example
    compile_template(HELPERS[name].example)
