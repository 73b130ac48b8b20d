"""What a source is told of feedback, in a bundle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.models import Source
from leadops.config import loading
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).parents[3] / "docs" / "feedback.md"

BUNDLE = """
leadops: 1
destinations:
  - {slug: partner, kind: http, settings: {url: "https://partner.example.com/files"}}
sources:
  - {slug: quiet, name: Quiet}
  - slug: web
    name: Web
    feedback:
      url: https://web.example.com/feedback
      kinds: [return]
      mode: summary
      every: 1h
      format: csv
      destination: partner
      include: [reason]
      fields: [click_id]
"""


def test_it_loads_what_a_source_wants_and_writes_it_as_it_was() -> None:
    load(BUNDLE)
    web = Source.objects.get(slug="web")
    assert (web.feedback_mode, web.feedback_every, web.feedback_format) == ("summary", 3600, "csv")
    assert (web.feedback_include, web.feedback_fields) == (["reason"], ["click_id"])
    assert web.feedback_destination is not None
    assert web.feedback_destination.slug == "partner"
    dumped = loading.dump()
    assert load(dumped) == []
    assert load(BUNDLE) == []
    assert "destination: partner" in dumped
    assert dumped.count("feedback:") == 1, "nothing is said of a source that wants none"


def test_without_its_key_the_destination_goes_and_is_missed() -> None:
    load(BUNDLE)
    (said,) = mistakes(changed("      destination: partner\n", "", BUNDLE))
    assert "Summaries need a destination" in said
    load(changed("      mode: summary\n", "", changed("      destination: partner\n", "", BUNDLE)))
    assert Source.objects.get(slug="web").feedback_destination is None


TEMPLATE = """
leadops: 1
destinations:
  - {slug: mail, kind: email, settings: {to: partner@example.com}}
sources:
  - slug: web
    name: Web
    feedback:
      kinds: [conversion]
      destination: mail
      every: 7d
      at: 7:00
      timezone: America/New_York
      format: xml
      xml_root: outcome
      template: |
        lead: {{lead.id}}
        key: ${PARTNER_TOKEN}
        {{#if feedback.value}}
        value: {{number feedback.value}}
        {{/if}}
"""


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTNER_TOKEN", "t0ken-of-partner")


@pytest.mark.usefixtures("token")
def test_it_loads_a_template_and_a_clock_and_writes_them_as_they_were() -> None:
    load(TEMPLATE)
    web = Source.objects.get(slug="web")
    assert (str(web.feedback_at), web.feedback_timezone) == ("07:00:00", "America/New_York")
    assert (web.feedback_format, web.feedback_xml_root) == ("xml", "outcome")
    assert "key: ${PARTNER_TOKEN}\n" in web.feedback_template, "filled in when it is sent"
    dumped = loading.dump()
    assert load(dumped) == []
    assert load(TEMPLATE) == []
    load(BUNDLE)
    assert Source.objects.get(slug="web").feedback_template == ""


@pytest.mark.usefixtures("token")
def test_a_mistake_in_a_template_has_its_line_in_the_file() -> None:
    wrong = changed("number feedback.value", "number feedback.valeu", TEMPLATE)
    (said,) = mistakes(wrong)
    line = next(n for n, text in enumerate(wrong.splitlines(), 1) if "valeu" in text)
    assert said.startswith(f"b.yaml:{line}: sources[0].feedback.template: ")
    assert "did you mean feedback.value?" in said
    (said,) = mistakes(changed("timezone: America/New_York", "timezone: Mars/Base", TEMPLATE))
    assert "is no time zone" in said
    (said,) = mistakes(changed("at: 7:00", "at: seven", TEMPLATE))
    assert "is no time of day" in said
    (said,) = mistakes(changed("format: xml", "format: yaml", TEMPLATE))
    assert "yaml" in said


def test_the_examples_of_the_documentation_load(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEB_FORM_A_WEBHOOK", "PARTNER_KEY"):
        monkeypatch.setenv(name, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    examples = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert len(examples) == 4
    for example in examples:
        load(f"leadops: 1\n{example}")
        assert load(f"leadops: 1\n{example}") == []
