"""A rule that is not saved yet, tried on recent leads."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from events.models import Delivery, Lead, Snapshot
from events.visibility import Sight
from flows.models import FlowSource
from flows.trying import ruletrials
from flows.trying.ruletrials import Judges, Whose, tried
from leadops.lib import conditions
from tests.factories import make_flow, make_recipient, make_source, post_lead

pytestmark = pytest.mark.django_db

STATES = ("TX", "TX", "CA", "NY", "FL", "NY")


@pytest.fixture
def source():
    return make_source()


@pytest.fixture
def flow(source):
    made = make_flow(source, make_recipient())
    for place, state in enumerate(STATES):
        post(made, source, place, state=state, score=str(70 + 5 * place))
    return made


def post(flow, source, place, **values):
    return post_lead(
        flow, source, email=f"a{place}@example.com", phone_1=f"512555000{place}", **values
    )


def one(field, op="is", value=None):
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def trial(flow, document, *, sight=None, **whose):
    return tried(conditions.parse(document), Whose([flow.id], **whose), sight or Sight())


def test_it_counts_who_would_pass_and_what_stops_the_others(flow):
    found = trial(flow, {"all": [one("state", "in", ["TX", "CA", "FL"]), one("score", "gt", 75)]})
    assert (found.looked, found.passed) == (6, 2)
    assert found.decided == {"all.0": 2, "all.1": 2}
    assert found.held == {"all.0": 4, "all.1": 4}
    assert [each.why for each in found.examples] == [
        "state is NY, not in TX, CA, FL",
        "state is NY, not in TX, CA, FL",
        "score is 75, not above 75",
        "score is 70, not above 75",
    ]


def test_it_takes_ten_examples_of_the_newest(flow, source):
    for place in range(10, 18):
        post(flow, source, place, state="NY")
    found = trial(flow, one("state", "is", "AK"))
    assert (found.looked, found.passed, len(found.examples)) == (14, 0, 10)
    newest = Lead.objects.order_by("-created_at", "-id").first()
    assert found.examples[0].lead_id == newest.id


def test_it_takes_the_newest_in_parts_and_no_more_than_it_should(flow, monkeypatch):
    monkeypatch.setattr(ruletrials, "CHUNK", 2)
    assert trial(flow, one("state", "is", "TX")).looked == 6
    monkeypatch.setattr(ruletrials, "MOST", 3)
    found = trial(flow, one("state", "is", "TX"))
    assert (found.looked, found.passed) == (3, 0)


def test_it_stops_when_its_time_is_over(flow, monkeypatch):
    monkeypatch.setattr(ruletrials, "SECONDS", 0.0)
    found = trial(flow, one("state", "is", "TX"))
    assert (found.looked, found.stopped) == (0, True)


def test_it_stops_a_database_that_takes_too_long(flow, monkeypatch):
    def sleeps(*args, **kwargs):
        return Lead.objects.filter(flow_id=flow.id).extra(where=["pg_sleep(30) IS NOT NULL"])

    monkeypatch.setattr(Whose, "leads", sleeps)
    monkeypatch.setattr(ruletrials, "SECONDS", 0.3)
    assert trial(flow, one("state", "is", "TX")).stopped


def test_criteria_judge_what_arrives_and_filters_what_was_accepted(flow, source):
    FlowSource.objects.get().save()
    row = FlowSource.objects.get()
    row.accept = one("state", "is_not", "AZ")
    row.save()
    assert post(flow, source, 20, state="AZ").outcome == "rejected"
    rule = one("state", "is", "AZ")
    assert trial(flow, rule).looked == 6
    found = trial(flow, rule, judges=Judges.ARRIVING)
    assert (found.looked, found.passed) == (7, 1)


def test_criteria_judge_parsed_values_not_what_was_posted(flow):
    found = trial(flow, one("email.domain", "is", "example.com"), judges=Judges.ARRIVING)
    assert (found.looked, found.passed) == (6, 6)


def test_it_tries_one_sources_leads_alone(flow):
    other = make_source("other")
    FlowSource.objects.create(flow=flow, source=other)
    post(flow, other, 30, state="TX")
    found = trial(flow, one("source.slug", "is", "other"), source=other.id)
    assert (found.looked, found.passed) == (1, 1)
    assert trial(flow, one("source.slug", "is", "other")).looked == 7


def test_it_shows_no_personal_values_to_those_who_may_not_see_them(flow):
    recipient = make_recipient("premier")
    for lead in Lead.objects.all():
        Delivery.objects.create(lead=lead, recipient=recipient, flow_id=flow.id, step=1)
    sight = Sight(recipients=frozenset({recipient.id}))
    document = {"any": [one("email", "is", "nobody"), one("state", "is", "AK")]}
    found = trial(flow, document, sight=sight)
    assert found.looked == 6
    assert (
        found.examples[0].why == "none of these held: email is •••, not nobody; state is NY, not AK"
    )
    assert "example.com" not in str(found)


def test_it_counts_erased_leads_apart(flow):
    lead = Lead.objects.order_by("created_at").first()
    Snapshot.objects.filter(lead_id=lead.id).delete()
    found = trial(flow, one("state", "not_blank"))
    assert (found.looked, found.erased) == (5, 1)


def test_it_names_the_fields_that_it_cannot_judge(flow):
    rule = conditions.parse({"all": [one("ssn.masked", "is", "x"), one("ssn", "valid")]})
    assert ruletrials.unseen(rule, [flow.id]) == ["ssn.masked"]
    assert ruletrials.unseen(rule, []) == []


def test_older_leads_come_after_newer_ones(flow):
    Lead.objects.filter(pk=Lead.objects.order_by("created_at").last().pk).update(
        created_at=timezone.now() - timedelta(days=3)
    )
    found = trial(flow, one("state", "is", "AK"))
    moments = [each.at for each in found.examples]
    assert moments == sorted(moments, reverse=True)
