"""Hours, caps and limits in a bundle: both ways, and their mistakes at their lines."""

from __future__ import annotations

import pytest

from flows import plans
from flows.models import Flow, FlowSource, Step, StepRecipient
from leadops.config.loading import dump
from recipients.models import Recipient
from tests.leadops.config.bundles import load, mistakes

pytestmark = pytest.mark.django_db

BUNDLE = """
leadops: 1
sources: [{slug: web, name: Web}]
recipients:
  - slug: a
    name: A
    timezone: America/New_York
    endpoint: {url: "https://a.example/leads"}
    hours: {mon-fri: 9am-8pm, sat: 10-14, closed: hold, timezone: recipient, holidays: [2026-12-25]}
    caps:
      - {count: 100, per: day}
      - {money: 5000, per: month, full: hold}
      - {count: 5, per: hour, when: {field: state, op: is, value: TX}}
    limits: {concurrency: 10, per_second: 20}
flows:
  - slug: auto
    name: Auto
    caps: [{count: 1000, per: day, timezone: America/Chicago}]
    fields: {email: email}
    sources: [{source: web, caps: [{count: 50, per: hour}]}]
    steps:
      - deliver: buyers
        pattern: waterfall
        caps: [{count: 500, per: day}]
        recipients: [{recipient: a, caps: [{count: 20, per: day}]}]
"""


def test_it_reads_them_and_writes_them_back():
    load(BUNDLE)
    assert Recipient.objects.get().limits == {"concurrency": 10, "per_second": 20}
    assert Recipient.objects.get().hours["holidays"] == ["2026-12-25"]
    assert Flow.objects.get().caps[0]["timezone"] == "America/Chicago"
    assert FlowSource.objects.get().caps == [{"count": 50, "per": "hour"}]
    assert Step.objects.get().caps == [{"count": 500, "per": "day"}]
    assert StepRecipient.objects.get().caps == [{"count": 20, "per": "day"}]
    (plan,) = plans.current().recipients.values()
    assert [str(cap.most) for cap in plan.caps] == ["100", "5000.00", "5"]
    assert str(plan.caps[0].zone) == "America/New_York"
    text = dump()
    before = list(Recipient.objects.values("hours", "caps", "limits"))
    load(text)
    assert list(Recipient.objects.values("hours", "caps", "limits")) == before
    assert dump() == text


MISTAKES = [
    ("count: 100, per: day}", "count: many, per: day}", "recipients[0].caps[0].count: "),
    ("count: 100, per: day}", "count: 100, per: year}", "recipients[0].caps[0].per: "),
    ("money: 5000, per: month,", "per: month,", "recipients[0].caps[1]: "),
    ("op: is, value: TX", "op: iss, value: TX", "recipients[0].caps[2].when"),
    ("mon-fri: 9am-8pm", "mon-fri: 9am", "recipients[0].hours.mon-fri: "),
    ("mon-fri: 9am-8pm", "someday: 9am-8pm", "recipients[0].hours.someday: "),
    ("closed: hold", "closed: sleep", "recipients[0].hours.closed: "),
    ("[2026-12-25]", "[Christmas]", "recipients[0].hours.holidays"),
    ("concurrency: 10", "concurrency: 0", "recipients[0].limits.concurrency: "),
    ("count: 20, per: day", "count: 20, each: day", "recipients[0].caps[0]"),
]


@pytest.mark.parametrize(("old", "new", "path"), MISTAKES, ids=[each[1] for each in MISTAKES])
def test_it_tells_a_mistake_where_it_stands(old, new, path):
    text = BUNDLE.replace(old, new)
    assert text != BUNDLE
    line = text[: text.index(new)].count("\n") + 1
    found = mistakes(text)
    assert any(path in each and f":{line}:" in each for each in found), found
