"""What a source is told of feedback, in a bundle."""

from __future__ import annotations

import pytest

from flows.models import Source
from leadops.config import loading
from tests.leadops.config.bundles import changed, load, mistakes

pytestmark = pytest.mark.django_db

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
