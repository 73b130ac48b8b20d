"""The block form, first of all by the examples that people write."""

from __future__ import annotations

from typing import Any

import pytest

from recipients.mapping import (
    MappingError,
    Row,
    compile_rows,
    compile_text,
    document_of,
    rows_of,
    rows_of_text,
)
from tests.recipients.mapping.examples import CONTEXT


def render(text: str, **lead: Any) -> dict[str, Any]:
    context = {**CONTEXT, "lead": {**CONTEXT["lead"], **lead}}
    rendered = compile_text(text).render(context)
    assert compile_rows(rows_of_text(text)).render(context) == rendered
    return rendered


def test_it_reads_a_simple_mapping() -> None:
    text = """
# Direct field to field
their_field: {{our_field}}
contactEmail: {{lead.email}}
primaryPhone: {{lead.phone_1}}
"""
    assert render(text, our_field="ours") == {
        "their_field": "ours",
        "contactEmail": "Mary@Example.com",
        "primaryPhone": "+15555551234",
    }


def test_it_reads_a_transformed_mapping() -> None:
    text = """
# Format adjustments
phoneFormatted: {{format lead.phone_1 "(###) ###-####"}}
fullName: {{lead.first_name}} {{lead.last_name}}
stateFullName: {{#compare lead.state "==" "CA"}}California{{/compare}}
submittedDate: {{format lead.timestamp "YYYY-MM-DD"}}
"""
    assert render(text) == {
        "phoneFormatted": "(555) 555-1234",
        "fullName": "Mary o'neil-smith",
        "stateFullName": "California",
        "submittedDate": "2024-01-15",
    }
    assert "stateFullName" not in render(text, state="TX")


CONDITIONAL = """
# Include fields conditionally
{{#if lead.phone_2}}
  secondaryPhone: {{lead.phone_2}}
{{/if}}

{{#if lead.score > 70}}
  priority: "HIGH"
{{else}}
  priority: "NORMAL"  
{{/if}}
"""  # noqa: W291


def test_it_reads_a_conditional_mapping() -> None:
    assert render(CONDITIONAL) == {"secondaryPhone": "5555550000", "priority": "HIGH"}
    assert render(CONDITIONAL, score=60, phone_2="") == {"priority": "NORMAL"}


NESTED = """
# Build complex structures
applicant:
  name:
    first: {{lead.first_name}}
    last: {{lead.last_name}}
  contact:
    email: {{lead.email}}
    phone: 
      primary: {{lead.phone_1}}
      {{#if lead.phone_2}}
      secondary: {{lead.phone_2}}
      {{/if}}
  address:
    street: {{lead.address_1}}
    city: {{lead.city}}
    state: {{lead.state}}
    zip: {{lead.postal_code}}
"""  # noqa: W291


def test_it_reads_a_nested_mapping() -> None:
    expected: dict[str, Any] = {
        "applicant": {
            "name": {"first": "Mary", "last": "o'neil-smith"},
            "contact": {
                "email": "Mary@Example.com",
                "phone": {"primary": "+15555551234", "secondary": "5555550000"},
            },
            "address": {
                "street": "1 Main St",
                "city": "St. Helena",
                "state": "CA",
                "zip": "02134",
            },
        }
    }
    assert render(NESTED) == expected
    del expected["applicant"]["contact"]["phone"]["secondary"]
    assert render(NESTED, phone_2=None) == expected


def test_it_keeps_the_level_of_the_if_line_after_a_nested_part() -> None:
    assert list(render(NESTED + CONDITIONAL)) == ["applicant", "secondaryPhone", "priority"]


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("FirstName: {{lead.first_name}}\nLead_Score__c: {{lead.score}}",
         {"FirstName": "Mary", "Lead_Score__c": 85}),
        ("number1: {{lead.phone_1}}\naccount_number: {{lead.id}}\n"
         "priority: {{#if lead.score > 80}}1{{else}}2{{/if}}",
         {"number1": "+15555551234", "account_number": "lead_7K9mHpQR3x2B5N8j", "priority": "1"}),
        ('phoneNumber: {{format lead.phone_1 "##########"}}', {"phoneNumber": "5555551234"}),
        ("lead_source: {{source.name}}", {"lead_source": "Web Form A"}),
        ('list: "New Leads - {{lead.product_interest}}"', {"list": "New Leads - Auto"}),
    ],
)  # fmt: skip
def test_it_reads_the_field_mappings_of_the_integrations(
    text: str, payload: dict[str, Any]
) -> None:
    assert render(text) == payload


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ("a: 1\nb: 1.5\nc: true\nd: 007\ne: '1'\nf: yes", {"a": 1, "b": 1.5, "c": True,
                                                           "d": "007", "e": "1", "f": "yes"}),
        ("a: x # comment\nb: a#b\nc: '# no'\nd: \"x # y\"", {"a": "x", "b": "a#b", "c": "# no",
                                                             "d": "x # y"}),
        ("a: http://x.y/{{lead.state}}", {"a": "http://x.y/CA"}),
        ('"First Name": x\n\'b c\': y', {"First Name": "x", "b c": "y"}),
        ("a.b: x", {"a.b": "x"}),
        ('a: "{{format lead.phone_1 \\"###-###-####\\"}}"', {"a": "555-555-1234"}),
        ('a: "{{format lead.phone_1 "###-###-####"}}"', {"a": "555-555-1234"}),
        ("a: 'it''s'", {"a": "it's"}),
        ("a:\nb: x", {"b": "x"}),
        ("a:\n  - x\n  - {{lead.score}}\n  - n: 1\n    m: 2\n  -\n    k: 3",
         {"a": ["x", 85, {"n": 1, "m": 2}, {"k": 3}]}),
        ("a:\n- x\n- y\nb: 1", {"a": ["x", "y"], "b": 1}),
        ("a:\n  {{#if lead.none}}\n  - x\n  {{/if}}\n  - y", {"a": ["y"]}),
        ("a: {b: 1, c: [x, \"{{lead.state}}\"]}", {"a": {"b": 1, "c": ["x", "CA"]}}),
        ("a: |\n  one {{lead.state}}\n   two\nb: 1", {"a": "one CA\n two\n", "b": 1}),
        ("a: >-\n  one\n  two", {"a": "one two"}),
        ("a:\n  value: {{lead.none}}\n  keep_blank: true", {"a": ""}),
        ("a:\n  value: x\n  when: lead.score > 90\nb: 1", {"b": 1}),
        ('a: {value: "{{lead.score}}", when: "lead.score > 80"}', {"a": 85}),
        ("a:\n  value: x", {"a": {"value": "x"}}),
        ("{{#unless lead.none}}\na: 1\n{{/unless}}", {"a": 1}),
        ('{{#compare lead.state "==" "CA"}}\na: 1\n{{/compare}}', {"a": 1}),
        ("{{#compare lead.state == 'TX'}}\na: 1\n{{else}}\na: 2\n{{/compare}}", {"a": 2}),
        ("{{#if lead.none}}\na: 1\n{{else if lead.score > 80}}\na: 2\n{{else}}\na: 3\n{{/if}}",
         {"a": 2}),
        ("{{#if lead.none}}\na: 1\n{{else if lead.score > 90}}\na: 2\n{{else}}\na: 3\n{{/if}}",
         {"a": 3}),
        ("{{#if lead.score}}a: {{lead.score}}{{else}}a: 0{{/if}}", {"a": 85}),
        ("a:\n{{#if lead.score}}\n  b: 1\n{{/if}}", {"a": {"b": 1}}),
        ("{{#if lead.score}}\na:\n  b: 1\n  {{#if lead.none}}\n  c: 2\n  {{/if}}\n{{/if}}\nd: 3",
         {"a": {"b": 1}, "d": 3}),
        ("a:\n  b: 1\n{{! a comment }}\nc: 2", {"a": {"b": 1}, "c": 2}),
        ("---\na: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("a:\n  #text: {{lead.state}} # a comment\n  # text: none\n  @b: c",
         {"a": {"#text": "CA", "@b": "c"}}),
        ("a:\n  - #cdata: x\n    @b: c\n  - #text:\n      - y",
         {"a": [{"#cdata": "x", "@b": "c"}, {"#text": ["y"]}]}),
        ("soap:a:\n  x:b: http://c", {"soap:a": {"x:b": "http://c"}}),
        ("a:\n  #json:\n    b: {{lead.score}}\n    c: [1, {d: x}]",
         {"a": '{"b":85,"c":[1,{"d":"x"}]}'}),
        ("", {}),
    ],
)  # fmt: skip
def test_it_reads(text: str, payload: dict[str, Any]) -> None:
    assert render(text) == payload


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb", 2, "a colon"),
        ("a: 1\n{{lead.x}}", 2, "key is missing"),
        ("a: 1\n  b: 2", 2, "indentation"),
        ("a:\n    b: 1\n  c: 2", 3, "indentation"),
        ("{{#if lead.x}}\na: 1", 1, "not closed"),
        ("a: 1\n{{/if}}", 2, "outside a block"),
        ("a: 1\n{{else}}", 2, "outside a block"),
        ("{{#if lead.x}}\na: 1\n{{/unless}}", 3, "is expected"),
        ("{{#each lead.x}}\na: 1\n{{/each}}", 1, "around keys"),
        ("a: 1\na: 2", 2, "twice"),
        ("a: 1\nb: {{nope lead.x}}", 2, "Unknown helper"),
        ("a: 1\n\n# c\nb:\n  c: {{lead.x", 5, "not closed"),
        ("{{#if leed.x}}\n{{/if}}", 1, "Unknown name"),
        ("a:\n  - x\n  b: 1", 3, "dash"),
        ("a:\n  b: 1\n  - x", 3, "names or a list"),
        ("- x", 1, "begins with names"),
        ("a: [1, 2", 1, "list or an object"),
        ("b:\n  {{#if lead.x}}\na: 1\n  {{/if}}", 3, "outside the block"),
    ],
)
def test_it_points_at_the_line_that_is_wrong(text: str, line: int, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        compile_text(text)
    assert message in caught.value.message
    assert caught.value.line == line


def test_it_points_at_the_column_within_a_value() -> None:
    with pytest.raises(MappingError) as caught:
        compile_text("a:\n  b: x {{nope lead.x}}")
    assert (caught.value.line, caught.value.column) == (2, 10)


def test_it_gives_rows_with_their_conditions() -> None:
    rows = rows_of_text(CONDITIONAL)
    assert rows == [
        Row("secondaryPhone", "{{lead.phone_2}}", "lead.phone_2"),
        Row("priority", "HIGH", "lead.score > 70"),
        Row("priority", "NORMAL", "not (lead.score > 70)"),
    ]
    assert rows_of(document_of(rows)) == rows
