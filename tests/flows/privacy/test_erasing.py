"""A person is erased while things go on: nothing of them is written afterwards."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from events import verify
from events.feedback.process import take
from events.feedback.reading import Statement
from events.models import Event, Exchange, Feedback, Lead, LeadKey, PrivacyRequest, Snapshot
from events.privacy import erasing, finding
from events.vocabulary import EventType
from flows.byhand import by_hand, retrying
from flows.models import DuplicateClaim, FlowField, Work
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def play() -> Scene:
    made = scene(recipient("abc"), recipient("other", "20.00"), pattern="waterfall")
    FlowField.objects.filter(name__in=["email", "phone_1"]).update(privacy="personal")
    made.flow.duplicate_match, made.flow.duplicate_within = [["email"]], 86_400.0
    made.flow.save()
    return made


def erase(kind: str = "email", value: str = "ann@example.com") -> PrivacyRequest:
    return erasing.erase(finding.person(kind, value), by="ada", reason="Asked by mail")


def problems() -> list[str]:
    """All but seals, which look beyond this test's transaction."""
    return [p for check in verify.CHECKS for p in check().problems if "seal" not in check.__name__]


def test_it_erases_all_leads_of_a_person_and_says_so(play: Scene):
    answers = [play.post(), play.post(email="bob@example.com")]
    play.play(abc=[attempt(Outcome.ACCEPTED, buyer_lead_id="B-1") for _ in range(2)])
    done = erase("phone", "+1 (555) 555-1234")
    gone, other = (play.lead(each) for each in answers)
    assert (done.state, sorted(done.leads)) == ("done", sorted([gone.id, other.id]))
    assert (gone.salt, other.salt) == (None, None)
    held = (Snapshot, Exchange, LeadKey)
    assert not any(model.objects.filter(lead_id=gone.id).exists() for model in held)
    last = play.event(answers[0], "lead.erased")
    assert (last.reason, last.data["by"], last.data["request"]) == ("Asked by mail", "ada", done.id)
    assert last.data["erased"]["events_snapshot"] == 2
    request = Event.objects.get(type=EventType.PRIVACY_ERASED)
    assert (request.entity_id, request.data["leads"]) == (done.id, 2)
    assert problems() == []


def test_it_is_done_once_and_then_nothing_is_held(play: Scene):
    answer = play.post()
    erase()
    again = erase()
    assert (again.leads, again.counts) == ([], {})
    assert finding.held(finding.person("email", "ann@example.com")) == []
    assert finding.held(finding.person("lead_id", answer.lead_id)) == []
    assert play.types(answer).count("lead.erased") == 1


def test_it_ends_what_waits_and_what_comes_later_is_a_new_lead(play: Scene):
    answer = play.post()
    play.take(play.claim(), places=False)  # a delivery that waits for a sender
    done = erase()
    assert play.types(answer)[-3:] == ["recipient.skipped", "flow.completed", "lead.erased"]
    assert play.delivery("abc").reason == "Erased"
    assert (play.lead(answer).status, Work.objects.count()) == ("done", 0)
    assert DuplicateClaim.objects.count() == 0
    assert play.post().outcome == "accepted"
    assert done.state == "done"
    assert problems() == []


@pytest.mark.parametrize(
    ("outcome", "said", "state"),
    [
        (Outcome.ACCEPTED, {"message": "Thanks, ann@example.com"}, "accepted"),
        (Outcome.REJECTED, {"reason": "ann@example.com is known"}, "declined"),
        (Outcome.SERVER_ERROR, {"reason": "Failed at ann@example.com"}, "failed"),
        (Outcome.UNKNOWN, {"reason": "No answer"}, "failed"),
    ],
)
def test_a_send_under_way_ends_without_a_word_of_the_person(
    play: Scene, outcome: Outcome, said: Mapping[str, str], state: str
):
    answer = play.post()
    starts = play.start()
    erase()
    assert play.lead(answer).status == "working"
    play.take((), [(starts[0], attempt(outcome, **said))])
    lead = play.lead(answer)
    assert (play.delivery("abc").state, lead.status) == (state, "done")
    assert not Exchange.objects.filter(lead_id=lead.id).exists()
    assert not Snapshot.objects.filter(lead_id=lead.id).exists()
    written = [f"{e.reason} {e.data}".lower() for e in Event.objects.filter(lead_id=lead.id)]
    assert not any("ann@" in text for text in written)
    assert play.types(answer)[-1] == "flow.completed"
    assert Work.objects.count() == 0
    assert problems() == []


def test_a_lease_that_ran_out_ends_an_erased_lead(play: Scene):
    answer = play.post()
    play.start()
    erase()
    play.expire()
    play.take(play.claim())
    assert (play.lead(answer).status, play.delivery("abc").state) == ("done", "failed")
    assert problems() == []


def test_a_lead_that_waits_for_review_is_closed_and_cannot_be_sent_again(play: Scene):
    answer = play.post()
    play.play(abc=[attempt(Outcome.UNREADABLE, reason="?")])
    assert play.delivery("abc").state == "review"
    erase("lead_id", answer.lead_id)
    delivery = play.delivery("abc")
    assert (delivery.state, play.lead(answer).status) == ("failed", "done")
    with pytest.raises(by_hand.NotNow, match="erased"):
        retrying.retry_delivery(delivery.id, by="olga")
    assert problems() == []


def test_feedback_before_loses_its_words_and_later_feedback_keeps_its_money_alone(play: Scene):
    answer = play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED, buyer_lead_id="B-1")])
    sold = play.delivery("abc")
    said = Statement("quality", "lead_id", answer.lead_id, reason="Ann is a gem", key="ann@K")
    [first] = take(sold.recipient, [said])
    erase()
    kept = Feedback.objects.get(id=first.id)
    assert (kept.value, kept.reason, kept.key.startswith("erased:")) == ("", "", True)
    assert take(sold.recipient, [said])[0].id == first.id  # the same key is the same feedback
    back = Statement("return", "buyer_lead_id", "B-1", reason="Ann was angry", key="k2")
    [second] = take(sold.recipient, [back])
    row = Feedback.objects.get(id=second.id)
    assert (row.reason, row.outcome, play.lead(answer).revenue) == ("", "processed", 0)
    assert problems() == []


def test_it_works_lead_by_lead_and_goes_on_where_a_worker_left(play: Scene, monkeypatch):
    for number in range(3):
        play.post(email=f"ann{number}@example.com")
    monkeypatch.setattr(erasing, "AT_ONCE", 0.0)
    monkeypatch.setattr(erasing.queue, "enqueue", lambda *_: None)
    begun = erase("phone", "5555551234")
    assert (begun.state, begun.position) == ("running", 0)
    monkeypatch.setattr(erasing, "AT_ONCE", 60.0)
    assert erasing.resume() == 1
    begun.refresh_from_db()
    assert (begun.state, begun.position) == ("done", 3)
    assert not Lead.objects.filter(salt__isnull=False).exists()


def test_it_finds_addresses_in_fields_that_nobody_described(play: Scene):
    answer = play.post(alternate="Second@Example.com", work_phone="(737) 555-0100", note="a@b.co!")
    for kind, value in (("email", "second@example.com"), ("phone", "737-555-0100")):
        assert finding.person(kind, value).lead_ids == (answer.lead_id,)
