"""Conditions of rows that are written as rules."""

from __future__ import annotations

import pytest

from recipients.mapping import (
    MappingError,
    Row,
    compile_document,
    compile_rows,
    document_of,
    rows_of,
)

RULE = {
    "any": [
        {"field": "state", "op": "in", "value": ["TX"]},
        {"field": "vip", "op": "is", "value": True},
    ]
}
CONTEXT = {"lead": {"state": "tx", "email": "a@b.co"}, "source": {"campaign_id": "w24"}}


@pytest.mark.parametrize(
    ("when", "sent"),
    [
        ('{"field": "state", "op": "is", "value": "TX"}', True),
        ("{field: lead.state, op: is_not, value: TX}", False),
        ("{field: source.campaign_id, op: is, value: W24}", True),
        ("  {not: {field: email, op: contains, value: '@'}}", False),
    ],
)
def test_a_row_is_sent_where_its_rule_holds(when, sent):
    mapping = compile_rows([Row("email", "{{lead.email}}", when)])
    assert mapping.render(CONTEXT) == ({"email": "a@b.co"} if sent else {})


def test_it_knows_the_paths_that_a_rule_reads():
    when = "{all: [{field: state, op: not_blank}, {field: source.campaign_id, op: not_blank}]}"
    paths = compile_rows([Row("a", "1", when)]).paths
    assert {"lead.state", "source.campaign_id"} <= paths


@pytest.mark.parametrize(
    ("when", "line", "says"),
    [
        ("{field: state, op: iz, value: TX}", 1, "op: “iz” is not an operator"),
        (
            "{all: [\n  {field: state, op: is, value: TX},\n  {field: x, op: lt, value: y}]}",
            3,
            "all.1",
        ),
        ("{field: state", 1, "expected"),
    ],
)
def test_it_points_at_a_mistake(when, line, says):
    with pytest.raises(MappingError, match=says) as caught:
        compile_rows([Row("email", "x", when)])
    assert (caught.value.line, caught.value.path) == (line, "email")


def test_a_document_writes_it_as_an_object_and_reads_it_back():
    document = {"email": {"value": "{{lead.email}}", "when": RULE}}
    rows = rows_of(document)
    assert rows[0].when.startswith("{")
    assert document_of(rows) == document
    assert compile_document(document).render(CONTEXT) == {"email": "a@b.co"}


def test_conditions_around_one_another_hold_together():
    inner = {"field": "vip", "op": "is", "value": True}
    document = {
        "who": {"value": {"email": {"value": "{{lead.email}}", "when": inner}}, "when": RULE}
    }
    mapping = compile_document(document)
    assert mapping.render(CONTEXT) == {}
    lead = {**CONTEXT["lead"], "vip": True}
    assert mapping.render({"lead": lead}) == {"who": {"email": "a@b.co"}}
    document["who"]["when"] = "lead.state"
    with pytest.raises(MappingError, match="write both as rules"):
        compile_document(document)
