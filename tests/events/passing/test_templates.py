"""Templates of a source's own: where a mistake is, what they may read, what comes of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from events.passing import writing
from events.passing.message import Telling
from events.passing.templates import compiled
from events.passing.writing import Form, Written
from recipients.mapping import MappingError

AT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
LEAD = {
    "id": "lead_LC123456789",
    "product": "home_insurance",
    "creative": "banner_v2",
    "keyword": "home insurance quotes",
    "appended.quality.overall": 85,
    "appended.quality.data": 90,
    "appended.quality.likelihood": 80,
    "appended.survey.satisfaction": 88,
}


def telling(number: int = 1, **said: Any) -> Telling:
    known = {
        "feedback_id": f"fbk_{number}",
        "kind": "conversion",
        "lead_id": LEAD["id"],
        "flow": "home",
        "test": False,
        "value": "1250.00",
        "reason": None,
        "occurred_at": "2024-01-14T15:45:00.000Z",
        "received_at": "2024-01-15T10:30:00.000Z",
    }
    return Telling(
        id=f"pfb_{number}",
        at=AT,
        said={**known, **said},
        days_to_convert=3,
        lead=LEAD,
        flow={"slug": "home", "name": "Home"},
        source={"slug": "SOURCE_ABC", "name": "ABC", "id": "src_1", "campaign_id": "winter_2024"},
    )


def form(format: str, template: str = "", **changed: Any) -> Form:
    known = {
        "slug": "web",
        "feedback_format": format,
        "feedback_template": template,
        "feedback_xml_root": "feedback",
        "feedback_include": ["value", "reason"],
        "feedback_fields": [],
    }
    return Form.of(SimpleNamespace(**{**known, **changed}))


def one(format: str, template: str = "", **changed: Any) -> str:
    return writing.one(form(format, template, **changed), telling()).body.decode()


# --- what a partner's own format looks like

INDIVIDUAL = """
lead_id: {{replace lead.id "lead_" ""}}
source_id: {{source.slug}}
feedback_date: {{format now "YYYY-MM-DDTHH:mm:ss"}}Z
outcome:
  status: {{lookup feedback.kind conversion="converted" return="returned" default=feedback.kind}}
  conversion_date: {{format feedback.occurred_at "YYYY-MM-DDTHH:mm:ss"}}Z
  value: {{number feedback.value}}
  product: {{lead.product}}
quality:
  overall_score: {{lead.appended.quality.overall}}
  data_quality: {{lead.appended.quality.data}}
  conversion_likelihood: {{lead.appended.quality.likelihood}}
  customer_satisfaction: {{lead.appended.survey.satisfaction}}
attribution:
  campaign: {{source.campaign_id}}
  creative: {{lead.creative}}
  keyword: {{lead.keyword}}
"""


def test_it_writes_the_feedback_of_one_lead_as_partners_know_it() -> None:
    assert json.loads(one("json", INDIVIDUAL)) == {
        "lead_id": "LC123456789",
        "source_id": "SOURCE_ABC",
        "feedback_date": "2024-01-15T10:30:00Z",
        "outcome": {
            "status": "converted",
            "conversion_date": "2024-01-14T15:45:00Z",
            "value": 1250.00,
            "product": "home_insurance",
        },
        "quality": {
            "overall_score": 85,
            "data_quality": 90,
            "conversion_likelihood": 80,
            "customer_satisfaction": 88,
        },
        "attribution": {
            "campaign": "winter_2024",
            "creative": "banner_v2",
            "keyword": "home insurance quotes",
        },
    }


def test_xml_is_the_same_in_elements() -> None:
    template = '@id: {{feedback.id}}\nkind: {{feedback.kind}}\nnote: "<{{lead.keyword}}>"'
    assert one("xml", template, feedback_xml_root="outcome").endswith(
        '<outcome id="fbk_1"><kind>conversion</kind>'
        "<note>&lt;home insurance quotes&gt;</note></outcome>"
    )
    usual = one("xml")
    assert usual.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<feedback><type>feedback.')
    assert "<data><feedback_id>fbk_1</feedback_id><kind>conversion</kind>" in usual


def test_tables_have_the_columns_of_the_template_also_where_they_are_blank() -> None:
    template = "when: {{feedback.occurred_at}}\nwho.id: {{lead.id}}\nsub: {{lead.sub_id}}\nn: '=1'"
    lines = one("csv", template).removeprefix("\ufeff").splitlines()
    assert lines[0].replace('"', "") == "when,who.id,sub,n"
    assert lines[1] == '"2024-01-14T15:45:00.000Z","lead_LC123456789","","\'=1"'


def test_a_text_knows_its_place_in_the_summary() -> None:
    template = (
        "{{#if summary.first}}H|{{summary.count}}|{{summary.totals.conversion}}\n{{/if}}"
        "{{summary.number}}|{{feedback.kind}}|{{feedback.days_to_convert}}\n"
        "{{#if summary.last}}T|{{summary.id}}\n{{/if}}"
    )
    told = [telling(1), telling(2, kind="return")]
    written = writing.many(form("text", template), told, id="fbs_1")
    assert written.body.decode() == "H|2|1\n1|conversion|3\n2|return|3\nT|fbs_1\n"
    assert written.content_type == "text/plain; charset=utf-8"


def test_a_summary_in_xml_holds_all_and_their_totals() -> None:
    written = writing.many(form("xml"), [telling(1), telling(2, kind="return")], id="fbs_1")
    text = written.body.decode()
    assert (
        "<summary><source>web</source><test>false</test><totals><conversion>1</conversion>" in text
    )
    assert text.count("<feedback><feedback_id>") == 2
    assert "<id>fbs_1</id>" in text
    assert written.parts[1].startswith("<feedback><feedback_id>fbk_2")


@pytest.mark.parametrize("format", ["json", "xml", "csv", "xlsx", "text"])
def test_the_same_feedback_gives_the_same_message_in_each_format(format: str) -> None:
    template = "{{feedback.kind}} {{lead.id}}" if format == "text" else ""

    def written() -> Written:
        return writing.many(form(format, template), [telling(1), telling(2)], id="fbs_1")

    first = written()
    assert len(first.parts) == 2
    assert format == "xlsx" or first.body == written().body


# --- mistakes


@pytest.mark.parametrize(
    ("template", "line", "column", "said"),
    [
        ("a: 1\nb: {{uper lead.x}}", 2, 6, "Did you mean upper?"),
        ("a: {{feedback.kind", 1, 4, "not closed"),
        ("a: 1\nb: {{upper feedback.valeu}}", 2, 12, "did you mean feedback.value?"),
        ("a: {{recipient.name}}", 1, 6, "nothing of 'recipient'"),
        ("a: {{flow.currency}}", 1, 6, "there is slug, name"),
        ("a: {{delivery_attempt}}", 1, 6, "nothing of 'delivery_attempt'"),
    ],
)
def test_a_mistake_is_told_with_its_place(template: str, line: int, column: int, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        compiled(template, "json")
    assert said in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_text_is_told_the_same() -> None:
    with pytest.raises(MappingError, match="line 2, column 9") as caught:
        compiled("Hello\nIt is {{feedback.knd}}.", "text")
    assert "feedback.kind" in caught.value.message


def test_what_cannot_be_written_says_so() -> None:
    with pytest.raises(writing.Unwritable, match="not an XML name"):
        one("xml", '"1st": {{feedback.kind}}')
