"""Templates: text, typed values, blocks and their errors."""

from __future__ import annotations

from typing import Any

import pytest

from recipients.mapping import MappingError, compile_template
from tests.recipients.mapping.examples import CONTEXT


def render(text: str, **lead: Any) -> Any:
    context = {**CONTEXT, "lead": {**CONTEXT["lead"], **lead}}
    return compile_template(text).render(context)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{lead.email}}", "Mary@Example.com"),
        ("{{ lead.first_name }} {{lead.state}}", "Mary CA"),
        ("{{lead.email.domain}}", "example.com"),
        ("{{lead.appended.phone_check.carrier}}", "Verizon"),
        ("{{lead.appended.phone_check.risk.level}}", 2),
        ("{{lead.appended.trust.score}}", 7),
        ("{{lead.vehicles.1.make}}", "Kia"),
        ("{{source.campaign_id}}", "winter_2024"),
        ("{{campaign_id}}", "winter_2024"),
        ("{{score}}", 85),
        ("{{flow.name}}/{{recipient.slug}}", "Auto Insurance/abc"),
        ("{{delivery.attempt}}", 2),
        ("{{lead.id}}-{{delivery_attempt}}", "lead_7K9mHpQR3x2B5N8j-2"),
        ("{{now}}", "2024-01-15T22:05:09.007Z"),
        ("{{lead.none}}", None),
        ("x{{lead.none}}y", "xy"),
        ("\\{{lead.email}}", "{{lead.email}}"),
        ("{{{lead.email}}}", "Mary@Example.com"),
        ("{{! a comment }}a{{!-- with }} in it --}}b", "ab"),
        ("a {{~ lead.state ~}} b", "aCAb"),
        ("{{lead.[first_name]}}", "Mary"),
        ('{{"a }} b"}}', "a }} b"),
    ],
)
def test_it_renders(text: str, value: Any) -> None:
    assert render(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{lead.score}}", 85),
        ("{{lead.is_owner}}", False),
        ("{{lead.debt}}", 0),
        ("{{lead.interests}}", ["auto", "home"]),
        ("{{true}}", True),
        ("{{1.5}}", 1.5),
        ("{{null}}", None),
        ("{{lead.score > 80}}", True),
        ('{{if (lead.score > 80) 1 "b"}}', 1),
    ],
)
def test_it_keeps_the_type_of_exactly_one_expression(text: str, value: Any) -> None:
    rendered = render(text)
    assert rendered == value
    assert type(rendered) is type(value)


def test_it_finds_what_was_sent_even_where_it_was_in_normal_form() -> None:
    read = {"state": "TX", "state.valid": True}
    assert render("{{lead.state.raw}}", **read) == "TX"
    assert render("{{lead.state.raw}}", **read, **{"state.raw": "texas"}) == "texas"
    assert render("{{lead.other.raw}}", other="x") is None


def test_it_makes_text_of_anything_more_than_one_expression() -> None:
    assert render(" {{lead.score}}") == " 85"
    assert render("{{#if lead.score}}1{{/if}}") == "1"


def test_it_never_reads_a_leads_value_as_a_template() -> None:
    assert render("{{lead.tricky}}") == "{{lead.email}}"
    assert render("{{upper lead.tricky}}!") == "{{LEAD.EMAIL}}!"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("lead.score > 80", True),
        ("lead.score > 85", False),
        ("lead.score >= 85", True),
        ("lead.score < 9", False),
        ('lead.score > "80"', True),
        ("lead.score == 85.0", True),
        ('lead.state == "CA"', True),
        ('lead.state == "ca"', False),
        ('lead.state != "TX"', True),
        ("lead.none > 1", False),
        ("lead.none < 1", False),
        ('lead.none == ""', True),
        ("lead.empty", False),
        ("lead.debt", True),
        ("lead.is_owner", False),
        ("not lead.is_owner", True),
        ("!lead.is_owner", True),
        ("lead.email.valid == true", True),
        ('lead.postal_code == "2134"', False),
        ("lead.score > 80 and lead.none", False),
        ("lead.none or lead.score > 80", True),
        ("lead.none && lead.x || lead.state", True),
        ("lead.state and (lead.none or lead.debt == 0)", True),
        ("not (lead.none or lead.empty)", True),
        ('lead.interests contains "auto"', True),
        ('lead.city contains "Hel"', True),
        ('one_of lead.state "TX" "CA"', True),
        ("lead.state in lead.interests", False),
        ('lead.city starts_with "St"', True),
        ('(lower lead.state) == "ca"', True),
        ('lower lead.state == "ca"', True),
    ],
)
def test_it_decides_conditions(condition: str, holds: bool) -> None:
    assert render("{{#if " + condition + "}}y{{else}}n{{/if}}") == ("y" if holds else "n")


def test_it_compares_numbers_in_texts_as_numbers() -> None:
    assert render("{{#if lead.a > lead.b}}y{{/if}}", a="100", b="85") == "y"
    assert render("{{#if lead.a > 80}}y{{/if}}", a="85.5") == "y"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{#unless lead.none}}a{{else}}b{{/unless}}", "a"),
        ('{{#compare lead.state "==" "CA"}}California{{/compare}}', "California"),
        ("{{#compare lead.score > 90}}a{{else}}b{{/compare}}", "b"),
        ("{{#if lead.none}}a{{else if lead.score > 90}}b{{else}}c{{/if}}", "c"),
        ("{{#if lead.none}}a{{else if lead.score > 80}}b{{else}}c{{/if}}", "b"),
        ('{{#if lead.none}}a{{else compare lead.state "==" "CA"}}b{{/if}}', "b"),
        (
            "{{#each lead.interests}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}}",
            "0auto,1home",
        ),
        (
            "{{#each lead.vehicles}}{{@number}}.{{this.make}} {{year}};{{/each}}",
            "1.Ford 2019;2.Kia 2022;",
        ),
        ("{{#each lead.none}}x{{else}}none{{/each}}", "none"),
        ("{{#each lead.state}}[{{this}}]{{/each}}", "[CA]"),
        ("{{#each lead.appended.phone_check}}{{@key}} {{/each}}", "carrier risk "),
        ("{{#if lead.state}}{{#if lead.none}}a{{else}}b{{/if}}c{{/if}}", "bc"),
        (
            "{{#each lead.interests}}{{#each lead.vehicles}}{{make}}{{/each}}{{this}} {{/each}}",
            "FordKiaauto FordKiahome ",
        ),
    ],
)
def test_it_renders_blocks(text: str, value: str) -> None:
    assert render(text) == value


def test_it_takes_the_lines_of_lone_block_tags_away() -> None:
    assert render("a\n{{#if lead.state}}\n  b\n{{else}}\nc\n{{/if}}\nd") == "a\n  b\nd"


def test_it_escapes_values_but_not_the_template_when_asked() -> None:
    template = compile_template("/leads/{{lead.city}}?x={{#if lead.state}}{{lead.city}}{{/if}}")
    escaped = template.text(CONTEXT, escape=lambda text: text.replace(" ", "%20"))
    assert escaped == "/leads/St.%20Helena?x=St.%20Helena"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("{{upcase lead.x}}", 1, 3, "Unknown helper 'upcase'"),
        ("{{uper lead.x}}", 1, 3, "Did you mean upper?"),
        ("{{leed.x}}", 1, 3, "Unknown name 'leed'"),
        ("a\nbc {{leed.x}}", 2, 6, "Did you mean lead?"),
        ("{{lead.x", 1, 1, "not closed"),
        ('{{"abc}}', 1, 1, "string is not closed"),
        ("{{#if lead.x}}a", 1, 1, "{{#if}} is not closed"),
        ("{{#each lead.x}}a", 1, 1, "is not closed"),
        ("a{{/if}}", 1, 2, "outside a block"),
        ("{{else}}", 1, 1, "outside a block"),
        ("{{#if lead.x}}{{/unless}}", 1, 15, "is expected"),
        ("{{#if lead.x}}{{else}}{{else}}{{/if}}", 1, 23, "one {{else}}"),
        ("{{#with lead}}{{/with}}", 1, 1, "Unknown block #with"),
        ("{{#if}}{{/if}}", 1, 6, "missing"),
        ("{{}}", 1, 3, "missing"),
        ("{{lead.x lead.y}}", 1, 3, "Unknown helper"),
        ("{{substring lead.x}}", 1, 3, "needs 2 values"),
        ("{{upper lead.x 1}}", 1, 3, "takes 1 value"),
        ("{{upper lead.x loud=1}}", 1, 3, "no option loud"),
        ('{{hash lead.x "crc"}}', 1, 3, "algorithm"),
        ('{{format lead.x "quux!"}}', 1, 3, "no format"),
        ('{{format lead.x "YYYY" "Mars/Base"}}', 1, 3, "no time zone"),
        ('{{math 1 "^" 2}}', 1, 3, "operator"),
        ('{{matches lead.x "(a+)+$"}}', 1, 3, "for ever"),
        ("{{lookup lead.x}}", 1, 3, "needs a table"),
        ("{{title}}", 1, 3, "lead.title"),
        ("{{@index}}", 1, 3, "only in #each"),
        ("{{> partial}}", 1, 1, "Partials"),
        ("{{(lead.x}}", 1, 10, "parenthesis"),
        ("{{lead.x ==}}", 1, 12, "missing"),
        ("{{lead.x § 1}}", 1, 10, "Unexpected"),
        ("{{hmac lead.x}}", 1, 3, "needs key="),
        ("{{" + "(" * 25 + "1" + ")" * 25 + "}}", 1, 23, "nest deeper"),
        ("{{#if lead.x}}" * 21 + "{{/if}}" * 21, 1, 281, "nest deeper"),
        ("x" * 70_000, 1, 1, "longer than"),
    ],
)
def test_it_says_where_a_template_is_wrong(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        compile_template(text)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_it_takes_further_roots_when_told() -> None:
    template = compile_template("{{feedback.kind}}", roots=["feedback"])
    assert template.render({"feedback": {"kind": "return"}}) == "return"


def test_it_names_the_paths_it_reads() -> None:
    template = compile_template("{{lead.email.domain}} {{#if score}}{{upper source.name}}{{/if}}")
    assert template.paths == {"lead.email.domain", "lead.score", "source.score", "source.name"}


@pytest.mark.parametrize(
    "text",
    [
        "{{lead.__class__}}",
        "{{lead.x.__class__.__mro__}}",
        "{{now.tzinfo}}",
        "{{lead.keys}}",
        "{{lead.vehicles.append}}",
        "{{source.name.upper}}",
    ],
)
def test_it_never_reads_attributes_of_objects(text: str) -> None:
    assert render(text, x="text") is None


def test_it_shows_nothing_of_unknown_objects() -> None:
    assert render("{{lead.x}}", x=object()) is None
    assert render("[{{lead.x}}]", x=object()) == "[]"
