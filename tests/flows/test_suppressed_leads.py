"""Leads on suppression lists: rejected at the door, or kept from one recipient."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from events.models import Event
from flows import plans
from flows.suppression import entries
from flows.turns import lookups
from leadops.lib import wire
from recipients.models import SuppressionList
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db

PHONE = "5555551234"  # that of the scene's lead


def make_list(slug: str = "dnc", *values: str, **how: Any) -> SuppressionList:
    row = SuppressionList.objects.create(slug=slug, name=slug, **{"fields": ["phone_1"], **how})
    if values:
        entries.add(row, values, by="olga")
    return row


def guarded(*rows: SuppressionList) -> Scene:
    drama = scene(recipient("a"))
    drama.flow.suppress.set(rows)
    return drama


def test_a_lead_on_a_list_of_its_flow_is_rejected_and_told_which():
    drama = guarded(make_list("dnc", "+1 (555) 555-1234"))
    answer = drama.post()
    assert (answer.outcome, answer.reason) == ("rejected", "Suppressed: on list dnc")
    assert drama.types(answer) == ["source.submitted", "source.rejected"]
    assert drama.post(phone_1="5125550199", email="b@example.com").outcome == "accepted"


def test_a_list_looks_at_all_its_fields_and_at_no_others():
    both = make_list("both", "5125550100", fields=["phone_1", "phone_2"])
    drama = guarded(both)
    assert drama.post(phone_1="5125550100").outcome == "rejected"
    assert drama.post(phone_2="512-555-0100").outcome == "rejected"
    assert drama.post(phone_3="512-555-0100").outcome == "accepted"


def test_one_lists_value_is_not_anothers():
    first = make_list("first", "5125550100", fields=["phone_1"])
    drama = guarded(first, make_list("second", fields=["phone_2"]))
    assert drama.post(phone_2="5125550100").outcome == "accepted"


def test_a_hash_of_a_usual_form_is_enough():
    known = hashlib.md5(f"1{PHONE}".encode(), usedforsecurity=False).hexdigest()
    phones = make_list("hashed", known, hashed="md5")
    assert guarded(phones).post().reason == "Suppressed: on list hashed"


def test_a_component_can_be_on_a_list():
    drama = guarded(make_list("domains", "Example.com", fields=["email.domain"]))
    assert drama.post().reason == "Suppressed: on list domains"
    assert drama.post(email="ann@example.org").outcome == "accepted"


def test_the_record_holds_no_value_of_the_list():
    drama = guarded(make_list("dnc", PHONE))
    drama.post()
    assert not Event.objects.filter(data__icontains=PHONE).exists()


def test_a_rejected_lead_makes_no_duplicate():
    row = make_list("dnc", PHONE)
    drama = guarded(row)
    drama.flow.duplicate_match, drama.flow.duplicate_within = [["email"]], 86_400
    drama.flow.save()
    assert drama.post().outcome == "rejected"
    entries.remove(row, [PHONE], by="olga")
    assert drama.post().outcome == "accepted"


def test_all_lists_of_a_flow_are_one_statement(monkeypatch):
    drama = guarded(make_list("one", "5125550100"), make_list("two"), make_list("three"))
    lists = plans.current().flows[drama.flow.id].suppress
    assert len(lists) == 3
    cursors: list[Any] = []
    monkeypatch.setattr(entries.wire, "cursor", lambda make=wire.cursor: _noted(cursors, make()))
    assert entries.suppressed_by(lists, {"phone_1": "5125550100"}) == "one"
    assert entries.suppressed_by(lists, {"phone_1": "5125550101"}) == ""
    assert entries.suppressed_by(lists, {}) == ""
    assert len(cursors) == 2


def _noted(cursors: list[Any], cursor: Any) -> Any:
    cursors.append(cursor)
    return cursor


def test_a_recipient_passes_by_leads_on_its_own_list():
    a, b = recipient("a"), recipient("b")
    a.suppress.add(make_list("opt-outs", PHONE))
    drama = scene(a, b, pattern="waterfall")
    answer = drama.post()
    drama.play(b=[attempt(Outcome.ACCEPTED)])
    assert drama.event(answer, "recipient.skipped").reason == "Suppressed: on list opt-outs"
    assert (drama.delivery("a").state, drama.delivery("b").state) == ("skipped", "accepted")


def test_a_lead_that_gets_on_a_list_is_not_sent_again():
    a = recipient("a")
    row = make_list("opt-outs")
    a.suppress.add(row)
    drama = scene(a)
    answer = drama.post()
    starts = drama.start()
    drama.take((), [(starts[0], attempt(Outcome.SERVER_ERROR))])
    entries.add(row, [PHONE], by="olga")
    drama.hurry()
    assert drama.start() == []
    assert drama.delivery("a").state == "failed"
    assert drama.event(answer, "recipient.failed").reason == "Suppressed: on list opt-outs"


def test_nothing_is_looked_up_where_nobody_asks(monkeypatch):
    drama = scene(recipient("a"))
    for name in ("_suppressed", "_taken", "_values"):
        monkeypatch.setattr(lookups, name, lambda *_: pytest.fail("looked up"))
    drama.post()
    assert len(drama.start()) == 1


def test_a_turn_of_many_leads_looks_once(monkeypatch):
    a, b = recipient("a"), recipient("b")
    for each in (a, b):
        each.suppress.add(make_list(f"of-{each}", "5125550101"))
    drama = scene(a, b, pattern="multi")
    for place in range(4):
        drama.post(phone_1=f"51255501{place:02}", email=f"p{place}@example.com")
    looks, look = [], entries.on_lists
    monkeypatch.setattr(entries, "on_lists", lambda pairs: looks.append(1) or look(pairs))
    assert len(drama.start()) == 6
    assert len(looks) == 1
