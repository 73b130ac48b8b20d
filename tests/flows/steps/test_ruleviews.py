"""Rules read the values of the lead's source, at the door and further on."""

from __future__ import annotations

import pytest

from events.models import Event
from flows.models import FlowSource, Source, Step
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, post_lead

pytestmark = pytest.mark.django_db

WINTER = {"field": "source.campaign_id", "op": "is", "value": "winter_2024"}


@pytest.fixture
def source():
    made = make_source()
    Source.objects.filter(pk=made.pk).update(fields={"campaign_id": "Winter_2024"})
    return made


def test_criteria_of_a_source_read_its_values(source):
    flow = make_flow(source, make_recipient())
    FlowSource.objects.update(accept=WINTER)
    assert post_lead(flow, source).outcome == "accepted"
    row = FlowSource.objects.get()
    row.accept = {"not": WINTER}
    row.save()
    answer = post_lead(flow, source, email="other@example.com")
    assert answer.outcome == "rejected"
    assert "source.campaign_id is Winter_2024" in answer.reason


def test_filters_and_recipients_read_them(source):
    recipient = make_recipient(filter={"not": WINTER})
    flow = make_flow(source, recipient)
    step = flow.steps.get(kind=Step.Kind.FILTER)
    step.rules = {"all": [WINTER, {"field": "source.name", "op": "is", "value": "web form a"}]}
    step.save()
    lead = deliver_lead(flow, source)
    events = Event.objects.filter(lead_id=lead)
    assert events.filter(type="filter.passed").exists()
    skipped = events.get(type="recipient.skipped")
    assert "source.campaign_id is Winter_2024" in skipped.reason
