"""Rules in forms: as JSON, with mistakes at their places."""

from __future__ import annotations

import json

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib.admin import RulesField
from leadops.lib.admin.rules import written
from leadops.lib.validation import rules

GOOD = {"all": [{"field": "state", "op": "in", "value": ["TX", "NO"]}]}


class RuleForm(forms.Form):
    rule = RulesField(
        fields_from="flow:flow_1",
        judges="arriving",
        beside="source",
        checks=[rules],
        required=False,
    )


def form(text):
    return RuleForm({"rule": text})


@pytest.mark.parametrize(
    "text", [json.dumps(GOOD), "all:\n  - {field: state, op: in, value: [TX, NO]}", written(GOOD)]
)
def test_it_takes_json_and_yaml(text):
    made = form(text)
    assert made.is_valid(), made.errors
    assert made.cleaned_data["rule"] == GOOD


@pytest.mark.parametrize("text", ["", "  ", "{}", "null"])
def test_nothing_is_no_rule(text):
    made = form(text)
    assert made.is_valid(), made.errors
    assert made.cleaned_data["rule"] == {}


def test_it_names_all_mistakes_with_their_lines_and_tells_the_editor():
    text = (
        '{"all": [\n  {"field": "a", "op": "like"},\n  {"field": "b", "op": "lt", "value": "x"}\n]}'
    )
    made = form(text)
    assert [error.split(" ", 2)[:2] for error in made.errors["rule"]] == [
        ["Line", "2:"],
        ["Line", "3:"],
    ]
    page = str(made["rule"])
    assert "all.0.op" in page
    assert "all.1.value" in page
    assert "&quot;like&quot;" in page  # what was written is shown again
    assert "all.0.op" not in str(form(json.dumps(GOOD))["rule"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"all": [', "Line 1"),
        ('{"field": "a", "field": "b", "op": "blank"}', "twice"),
        ('{"field": "a", "op": "is", "value": NaN}{', "Line 1"),
        ("[" * 10_000, ""),
        ('{"field": "a", "op": "is", "value": "\\u0000"}', "cannot be kept"),
        ('{"field": "a", "op": "in", "value": ["\\ud800"]}', "cannot be kept"),
    ],
)
def test_it_refuses_what_is_no_rule(text, says):
    made = form(text)
    assert not made.is_valid()
    assert says in made.errors["rule"][0]


def test_it_shows_the_rule_as_json_each_part_on_its_line():
    made = RuleForm(initial={"rule": {"any": [*GOOD["all"], {"not": GOOD}]}})
    shown = made["rule"].value()
    assert made.fields["rule"].prepare_value(shown) == (
        '{"any": [\n'
        '  {"field": "state", "op": "in", "value": ["TX", "NO"]},\n'
        '  {"not": {"all": [{"field": "state", "op": "in", "value": ["TX", "NO"]}]}}\n'
        "]}"
    )


def test_what_the_page_shows_is_no_change():
    text = RuleForm().fields["rule"].prepare_value(GOOD)
    assert not RuleForm({"rule": text}, initial={"rule": GOOD}).has_changed()
    assert RuleForm({"rule": ""}, initial={"rule": GOOD}).has_changed()


def test_it_says_whose_leads_it_is_about():
    page = str(RuleForm()["rule"])
    for part in ('data-from="flow:flow_1"', 'data-judges="arriving"', 'data-beside="source"'):
        assert part in page
    assert "is none of" in page
    assert "required" not in page


documents = st.recursive(
    st.builds(
        lambda field, value: {"field": field, "op": "is", "value": value},
        st.sampled_from(["a", "b.c"]),
        st.text(min_size=1) | st.integers() | st.booleans(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"all": many}),
        st.lists(inner, min_size=1, max_size=3).map(lambda many: {"any": many}),
        inner.map(lambda rule: {"not": rule}),
    ),
    max_leaves=8,
)


@given(documents)
def test_what_it_writes_it_reads(document):
    assert json.loads(written(document)) == document
    assert RuleForm().fields["rule"].to_python(written(document)) == document
