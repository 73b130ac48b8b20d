"""People correct the data of leads."""

from __future__ import annotations

import pytest

from events.models import Delivery, Event, Snapshot
from flows.byhand import editing, retrying
from flows.byhand.by_hand import NotNow
from flows.byhand.editing import Invalid
from flows.models import Flow, FlowField
from recipients.outcomes import Outcome
from tests.flows.scene import LEAD, attempt, recipient, scene

pytestmark = pytest.mark.django_db


def held(**given):
    play = scene(recipient("abc"))
    FlowField.objects.filter(name="state").update(privacy="plain")
    FlowField.objects.exclude(name="state").update(privacy="personal")
    FlowField.objects.create(
        flow=Flow.objects.get(), name="ssn", type="ssn", privacy="sensitive", position=9
    )
    answer = play.post(**given)
    play.play(abc=[attempt(Outcome.UNREADABLE, reason="Not understood")])
    return play, answer


def newest(answer):
    return Snapshot.objects.filter(lead_id=answer.lead_id).latest("version").body


def test_it_makes_a_new_version_and_says_which_fields():
    play, answer = held()
    before = play.lead(answer)
    changed = editing.edit(
        answer.lead_id, {"state": "ca", "email": "bob@example.com"}, by="olga", seen=before.seq
    )
    assert sorted(changed) == ["email", "state"]
    assert play.lead(answer).snapshot == before.snapshot + 1
    values = newest(answer)
    assert (values["state"], values["email"]) == ("CA", "bob@example.com")
    assert values["email.domain"] == "example.com"
    assert values["first_name"] == "Ann"  # which no field describes
    event = play.event(answer, "lead.edited")
    assert event.data["by"] == "olga"
    assert {"field": "state", "before": "TX", "after": "CA"} in event.data["changes"]


def test_private_values_do_not_enter_the_permanent_record():
    play, answer = held()
    editing.edit(answer.lead_id, {"email": "bob@example.com"}, by="olga")
    event = play.event(answer, "lead.edited")
    assert event.data["changes"] == [{"field": "email", "before": "•••", "after": "•••"}]
    assert "bob" not in str(event.data) + event.reason


def test_what_is_sent_next_has_the_new_values():
    play, answer = held()
    editing.edit(answer.lead_id, {"email": "bob@example.com"}, by="olga")
    retrying.retry_delivery(play.delivery("abc").id, by="olga")
    (sending,) = play.start()
    assert sending.context["lead"]["email"] == "bob@example.com"
    assert sending.delivery_id == Delivery.objects.get().id


def test_it_takes_sensitive_values_apart_from_the_snapshot():
    play, answer = held(ssn="123-45-6789")
    editing.edit(answer.lead_id, {"ssn": "457-55-5462"}, by="olga")
    assert newest(answer)["ssn"] == "•••"
    assert "5462" not in str(newest(answer))
    retrying.retry_delivery(play.delivery("abc").id, by="olga")
    (sending,) = play.start()
    assert str(sending.context["lead"]["ssn"]).replace("-", "") == "457555462"


def test_it_finds_fault_with_values_as_the_door_does():
    play, answer = held()
    with pytest.raises(Invalid) as caught:
        editing.edit(answer.lead_id, {"email": "", "phone_1": "12", "state": "Narnia"}, by="olga")
    assert sorted(caught.value.problems) == ["email", "phone_1", "state"]
    assert caught.value.problems["email"] == "This field is required."
    assert not Event.objects.filter(type="lead.edited").exists()
    assert newest(answer)["state"] == "TX"
    assert play.lead(answer).status == "review"


def test_it_takes_no_card_number_from_staff_either():
    _, answer = held()
    with pytest.raises(Invalid) as caught:
        editing.edit(answer.lead_id, {"phone_1": "4111 1111 1111 1111"}, by="olga")
    assert caught.value.problems == {"phone_1": "Card numbers are refused."}


def test_a_blank_takes_an_optional_value_away():
    _, answer = held()
    assert editing.edit(answer.lead_id, {"phone_1": ""}, by="olga") == ["phone_1"]
    assert not [name for name in newest(answer) if name.startswith("phone_1")]


def test_what_says_the_same_is_no_change():
    play, answer = held()
    assert editing.edit(answer.lead_id, {"email": LEAD["email"], "state": "TX"}, by="olga") == []
    assert not Event.objects.filter(type="lead.edited").exists()
    assert play.lead(answer).status == "review"


def test_the_lead_is_found_by_its_new_address_too():
    from events.leadpages.finding import find
    from events.visibility import Sight

    _, answer = held()
    editing.edit(answer.lead_id, {"email": "bob@example.com"}, by="olga")
    for address in ("bob@example.com", "ann@example.com"):
        assert [lead.id for lead in find(address, Sight())] == [answer.lead_id]


def test_a_later_lead_with_the_new_address_is_its_duplicate():
    play, answer = held()
    Flow.objects.update(duplicate_match=[["email"], ["phone_1"]], duplicate_within=86_400)
    from flows import plans

    plans.changed()
    editing.edit(answer.lead_id, {"email": "bob@example.com"}, by="olga")
    second = play.post(email="bob@example.com", phone_1="5555559999")
    assert (second.outcome, second.reason.partition(":")[0]) == ("rejected", "Duplicate")


def test_it_leaves_a_lead_on_its_way_alone():
    play = scene(recipient("abc"))
    answer = play.post()
    play.start()
    with pytest.raises(NotNow, match="on its way"):
        editing.edit(answer.lead_id, {"state": "CA"}, by="olga")


def test_of_two_who_edit_the_second_is_told():
    play, answer = held()
    seen = play.lead(answer).seq
    editing.edit(answer.lead_id, {"state": "CA"}, by="olga", seen=seen)
    with pytest.raises(NotNow, match="in the meantime"):
        editing.edit(answer.lead_id, {"state": "FL"}, by="omar", seen=seen)
    assert newest(answer)["state"] == "CA"
