"""A lead walked through a flow without sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from events.models import Event, Lead
from flows import plans
from flows.models import CapCount, DuplicateClaim, Enhancement, Step, StepRecipient, Work
from flows.simulation.leads import BadLead, Posted, newest, pasted, posted_of
from flows.simulation.stations import Walk
from flows.simulation.walk import Grounds, Suppose, walk
from recipients.models import MappingRow, Recipient
from tests.factories import VALUES, deliver_lead, make_flow, make_recipient, make_source, post_lead

pytestmark = pytest.mark.django_db


def walked(flow: Any, source: Any, suppose: Suppose = Suppose.DECLINE, **values: Any) -> Walk:
    current = plans.current()
    grounds = Grounds.of(current, current.flows[flow.id], datetime.now(UTC))
    return walk(grounds, Posted(source.id, {**VALUES, **values}), suppose=suppose)


def scene(*names: str, **options: Any) -> tuple[Any, Any, list[Recipient]]:
    source = make_source()
    recipients = [make_recipient(name) for name in names]
    return make_flow(source, *recipients, **options), source, recipients


def test_it_turns_to_the_recipients_in_order_and_shows_what_would_go_out():
    flow, source, _ = scene("first", "second")
    found = walked(flow, source)
    filtered, buyers = found.stations
    assert filtered.passed
    assert filtered.reached
    assert [(t.place, t.name, t.verdict) for t in buyers.turns] == [
        (1, "First", "sent"),
        (2, "Second", "sent"),
    ]
    request = buyers.turns[0].request
    assert request
    assert request.request
    assert request.request.url == "https://api.first.example/leads"
    assert VALUES["email"] in request.body
    assert found.result == "unsold"


def test_it_says_who_would_not_be_reached_when_the_first_accepts():
    flow, source, _ = scene("first", "second")
    found = walked(flow, source, Suppose.ACCEPT)
    first, second = found.stations[1].turns
    assert found.result == "sold"
    assert first.verdict == "sent"
    assert second.place is None
    assert second.reason == "If its turn came: would be sent it"


def test_it_writes_nothing():
    flow, source, _ = scene("first")
    flow.duplicate_match, flow.duplicate_within = [["email"]], 86400.0
    flow.save()
    for _ in range(2):
        assert walked(flow, source).door.accepted
    for model in (Lead, Event, Work, DuplicateClaim):
        assert not model.objects.exists()


def test_it_names_the_filter_that_stops_the_lead():
    flow, source, _ = scene("first")
    found = walked(flow, source, state="NY")
    assert found.result == "stopped"
    assert found.stations[0].passed is False
    assert found.stations[0].said == "State not in approved list"
    [rule] = found.stations[0].evaluated
    assert (rule.seen, rule.held) == ("NY", False)
    assert found.stations[1].reached is False
    assert found.first is None


def test_it_shows_at_the_door_which_field_is_missing():
    flow, source, _ = scene("first")
    found = walked(flow, source, email="")
    assert found.result == "rejected"
    assert "email" in found.reason
    [email] = [each for each in found.door.fields if each.name == "email"]
    assert email.required
    assert email.valid is None


def test_it_finds_duplicates_but_not_the_lead_itself():
    flow, source, _ = scene("first")
    flow.duplicate_match, flow.duplicate_within = [["email"]], 86400.0
    flow.save()
    answer = post_lead(flow, source)
    assert walked(flow, source).reason.startswith("Duplicate: Previously submitted")
    current = plans.current()
    plan = current.flows[flow.id]
    [posted] = posted_of(plan, newest(flow.id, 5))
    assert posted.id == answer.lead_id
    again = walk(Grounds.of(current, plan, datetime.now(UTC)), posted)
    assert again.door.accepted
    assert again.first


def test_it_says_why_a_recipient_is_skipped():
    flow, source, [first, _] = scene("first", "second")
    first.filter = {"field": "state", "op": "is", "value": "CA"}
    first.save()
    found = walked(flow, source, state="TX")
    skipped, sent = found.stations[1].turns
    assert skipped.verdict == "skipped"
    assert "Recipient's filter" in skipped.reason
    assert sent.verdict == "sent"
    assert found.first is sent


def test_it_opens_later_tiers_by_the_leads_age():
    flow, source, _ = scene("first", "second", pattern="exclusive_window")
    StepRecipient.objects.filter(recipient__slug="second").update(opens_after=86400.0)
    plans.changed()
    first, second = walked(flow, source).stations[1].turns
    assert first.after == 0
    assert second.after == pytest.approx(86400, abs=1)


def test_it_hides_secrets_before_it_renders(monkeypatch):
    flow, source, [first] = scene("first")
    monkeypatch.setenv("BUYER_TOKEN", "s3cr3t-value")
    MappingRow.objects.create(recipient=first, key="token", value="${BUYER_TOKEN}")
    plans.changed()
    request = walked(flow, source).stations[1].turns[0].request
    assert request is not None
    assert "•••" in request.body
    assert "s3cr3t" not in request.body


def test_it_shows_the_figures_that_the_order_goes_by():
    flow, source, _ = scene("first", "second")
    flow.steps.filter(kind="deliver").update(order="best_price")
    StepRecipient.objects.filter(recipient__slug="second").update(price=Decimal("60"))
    plans.changed()
    first, second = walked(flow, source).stations[1].turns
    assert (first.name, first.price) == ("Second", Decimal("60"))
    assert (second.name, second.price) == ("First", Decimal("45"))


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_it_refuses_what_is_no_lead(text):
    with pytest.raises(BadLead):
        pasted(text, "src_1", test=False)


def test_it_says_that_caps_are_full_and_takes_nothing():
    flow, source, [first, _] = scene("first", "second")
    first.caps = [{"count": 1, "per": "day"}]
    first.save()
    for _ in range(2):
        one, two = walked(flow, source, Suppose.DECLINE).stations[1].turns
        assert (one.verdict, two.verdict) == ("sent", "sent")
    CapCount.objects.all().delete()
    deliver_lead(flow, source)
    one, two = walked(flow, source).stations[1].turns
    assert one.verdict == "skipped"
    assert "Daily cap reached" in one.reason
    assert two.verdict == "sent"


def test_it_looks_at_the_caps_of_the_door_and_takes_nothing():
    flow, source, _ = scene("first")
    flow.caps = [{"count": 1, "per": "day"}]
    flow.save()
    for _ in range(2):
        assert walked(flow, source).door.accepted
    post_lead(flow, source)
    assert "cap reached" in walked(flow, source).reason


def test_it_says_until_when_a_recipient_is_closed():
    flow, source, [first] = scene("first")
    today = datetime.now(UTC).date()
    closed = [str(today + timedelta(days=days)) for days in range(2)]
    first.hours = {"daily": "24h", "holidays": closed, "hold_at_most": "3d"}
    first.save()
    [turn] = walked(flow, source).stations[1].turns
    assert turn.verdict == "waits"
    assert "losed" in turn.reason


def test_it_has_the_answers_that_a_recorded_lead_had_of_services():
    flow, source, _ = scene("first")
    step = Step.objects.create(flow=flow, name="look", kind="enhance", position=0)
    Enhancement.objects.create(
        step=step,
        url="https://api.look.example/v1",
        send={"email": "{{lead.email}}"},
        append={"score": "score"},
        on_fail="stop",
    )
    Step.objects.filter(flow=flow, kind="deliver").update(position=2)
    current = plans.current()
    plan = current.flows[flow.id]
    grounds = Grounds.of(current, plan, datetime.now(UTC))
    [asked] = next(s for s in walk(grounds, Posted(source.id, VALUES)).stations if s.asked).asked
    assert asked.supposed == "Would ask; goes on here without its values"
    assert asked.request
    assert asked.request.request
    assert asked.request.request.url.startswith("https://api.look.example/v1")
    known = Posted(source.id, VALUES, appended={"appended.look.score": 7})
    found = walk(grounds, known)
    [asked] = next(s for s in found.stations if s.asked).asked
    assert asked.supposed == "Has its answer of then: score"
    assert found.first


def test_it_shows_no_sensitive_value_of_a_lead():
    flow, source, [first] = scene("first")
    MappingRow.objects.create(recipient=first, key="ssn", value="{{lead.ssn}}")
    Step.objects.filter(kind="filter").update(
        rules={"any": [{"field": "ssn", "op": "is", "value": "x"}, {"field": "ssn", "op": "valid"}]}
    )
    plans.changed()
    post_lead(flow, source, ssn="219-09-9999")
    current = plans.current()
    [posted] = posted_of(current.flows[flow.id], newest(flow.id, 1))
    grounds = Grounds.of(current, current.flows[flow.id], datetime.now(UTC))
    found = walk(grounds, posted)
    request = found.stations[1].turns[0].request
    assert request
    assert "ssn" in request.body
    shown = f"{request.body} {found.stations[0]} {found.door.fields} {found.door.reasons}"
    assert "219099999" not in shown
    assert "-9999" not in shown
