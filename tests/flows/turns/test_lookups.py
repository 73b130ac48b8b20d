"""What a recipient must not get: leads it has already, leads without consent."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events.models import Delivery
from flows.delivery import dispatching
from flows.models import (
    DuplicateClaim,
    Flow,
    FlowField,
    FlowSource,
    RecipientClaim,
    Source,
    Step,
    StepRecipient,
)
from flows.turns.turn import Done
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db

ACCEPTED, REJECTED = attempt(Outcome.ACCEPTED), attempt(Outcome.REJECTED)
DAYS = 86_400.0
TODAY = f"Duplicate: Previously submitted {timezone.now():%Y-%m-%d}"


def picky(slug: str = "a", **values: Any) -> Recipient:
    made = recipient(slug, sandbox=True)
    given = {"duplicate_match": [["email"], ["phone_1"]], "duplicate_within": 30 * DAYS, **values}
    for name, value in given.items():
        setattr(made, name, value)
    made.save()
    return made


def states(slug: str) -> list[str]:
    rows = Delivery.objects.filter(recipient__slug=slug).order_by("id")
    return [row.state for row in rows]


class TestDuplicates:
    def test_a_recipient_gets_a_lead_once_and_the_next_buyer_the_second(self):
        drama = scene(picky("a"), recipient("b"), pattern="waterfall")
        drama.post()
        drama.play(a=[ACCEPTED])
        answer = drama.post(phone_1="5125550199")
        drama.play(b=[ACCEPTED])
        assert drama.event(answer, "recipient.skipped").reason == TODAY
        assert (states("a"), states("b")) == (["accepted", "skipped"], ["accepted"])

    def test_it_holds_across_flows(self):
        a = picky("a")
        drama = scene(a)
        drama.post()
        drama.play(a=[ACCEPTED])
        other = _second_flow(a)
        other.post(state="CA")
        other.play()
        assert states("a") == ["accepted", "skipped"]

    @pytest.mark.parametrize(
        "first",
        [
            [REJECTED],
            [attempt(Outcome.INVALID)],
            [attempt(Outcome.UNAVAILABLE)] * 4,
            [attempt(Outcome.SERVER_ERROR)] * 4,
        ],
    )
    def test_what_it_did_not_get_it_may_get_again(self, first):
        drama = scene(picky("a"))
        drama.post()
        drama.play(a=list(first))
        drama.post()
        drama.play(a=[ACCEPTED])
        assert states("a")[-1] == "accepted"

    @pytest.mark.parametrize("outcome", [Outcome.UNREADABLE, Outcome.DUPLICATE])
    def test_what_it_may_have_it_does_not_get_again(self, outcome):
        drama = scene(picky("a"))
        drama.post()
        drama.play(a=[attempt(outcome)])
        drama.post()
        drama.play()
        assert states("a")[-1] == "skipped"

    def test_an_attempt_without_an_answer_counts(self):
        drama = scene(picky("a"))
        drama.post()
        drama.play(a=[attempt(Outcome.UNKNOWN)] * 4)
        drama.post()
        drama.play()
        assert states("a")[-1] == "skipped"

    def test_a_retry_is_no_duplicate_of_itself(self):
        drama = scene(picky("a"))
        drama.post()
        drama.play(a=[attempt(Outcome.SERVER_ERROR), attempt(Outcome.UNKNOWN), ACCEPTED])
        assert states("a") == ["accepted"]
        assert RecipientClaim.objects.count() == 2

    def test_the_window_ends(self):
        drama = scene(picky("a"))
        drama.post()
        drama.play(a=[ACCEPTED])
        RecipientClaim.objects.update(at=timezone.now() - timedelta(days=31))
        drama.post()
        drama.play(a=[ACCEPTED])
        assert states("a") == ["accepted", "accepted"]
        young = RecipientClaim.objects.filter(at__gte=timezone.now() - timedelta(days=1))
        assert young.count() == 2

    def test_the_reason_names_the_day_it_was_sent(self):
        drama = scene(picky("a"))
        drama.post()
        drama.play(a=[ACCEPTED])
        RecipientClaim.objects.update(at=timezone.now() - timedelta(days=9))
        answer = drama.post()
        drama.play()
        day = timezone.now() - timedelta(days=9)
        said = drama.event(answer, "recipient.skipped").reason
        assert said == f"Duplicate: Previously submitted {day:%Y-%m-%d}"

    def test_test_leads_are_apart(self):
        drama = scene(picky("a"))
        drama.post(test=True)
        drama.play(a=[ACCEPTED])
        drama.post()
        drama.play(a=[ACCEPTED])
        drama.post(test=True)
        drama.play()
        assert states("a") == ["accepted", "accepted", "skipped"]

    def test_of_two_in_one_turn_one_is_sent(self):
        drama = scene(picky("a"))
        for _ in range(3):
            drama.post()
        assert len(drama.start()) == 1
        assert sorted(states("a")) == ["sending", "skipped", "skipped"]

    def test_a_lead_that_makes_trouble_takes_nothing_with_it(self, monkeypatch):
        drama = scene(picky("a"))
        first, _ = drama.post(), drama.post()
        record = dispatching._record_attempt

        def fails(run: Any, *args: Any) -> None:
            record(run, *args)
            if run.lead.id == first.lead_id:
                raise RuntimeError("trouble")

        monkeypatch.setattr(dispatching, "_record_attempt", fails)
        assert len(drama.start()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_turns_at_once_one_sends():
    drama = scene(picky("a"))
    for _ in range(2):
        drama.post()
    claimed = sorted(drama.claim(), key=lambda each: each.lead_id)
    both, done = threading.Barrier(2), []

    def run(part: Any) -> None:
        try:
            both.wait()
            done.append(drama.take([part]))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[part]) for part in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2
    assert sum(len(each.starts) for each in done) == 1
    assert sorted(states("a")) == ["sending", "skipped"]


@pytest.mark.django_db(transaction=True)
def test_many_turns_at_once_send_each_value_once():
    drama = scene(picky("a"))
    for place in range(24):
        drama.post(email=f"p{place % 4}@example.com", phone_1=f"51255501{place % 3:02}")
    claimed = drama.claim()
    start, done = threading.Barrier(4), []

    def run(part: list[Any]) -> None:
        try:
            start.wait()
            pump: Scene = replace(drama)
            done.append(pump.take(part) if part else Done())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[claimed[n::4]]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = [each for turn in done for each in turn.starts]
    leads = [sending.context["lead"] for sending in sent]
    assert len({lead["email"] for lead in leads}) == len(leads)
    assert len({lead["phone_1"] for lead in leads}) == len(leads)
    assert leads


class TestConsent:
    def flow(self, drama: Scene, **values: Any) -> None:
        for name, value in {"consent_field": "cert", **values}.items():
            setattr(drama.flow, name, value)
        drama.flow.save()

    def test_a_flow_that_requires_it_rejects_leads_without(self):
        drama = scene(recipient("a"))
        self.flow(drama, consent_required=True)
        answer = drama.post()
        assert answer.reason == "Consent required: cert is missing"
        assert drama.event(answer, "source.rejected").data["consent"]["present"] is False
        assert drama.post(cert="https://cert.trustedform.com/1").outcome == "accepted"

    def test_the_accepted_event_says_what_the_lead_came_with(self):
        drama = scene(recipient("a"))
        self.flow(drama, consent_at="agreed", consent_text="words", consent_max_age=30 * DAYS)
        agreed = (timezone.now() - timedelta(hours=2)).isoformat()
        answer = drama.post(cert="https://cert/1", agreed=agreed, words="I agree to be called")
        kept = drama.event(answer, "source.accepted").data["consent"]
        assert kept["valid"] is True
        assert kept["text_present"] is True
        assert kept["age_seconds"] == pytest.approx(7200, abs=60)
        assert "I agree" not in str(kept)

    def test_old_consent_is_rejected_where_it_is_required(self):
        drama = scene(recipient("a"))
        self.flow(drama, consent_required=True, consent_at="agreed", consent_max_age=30 * DAYS)
        agreed = (timezone.now() - timedelta(days=40)).isoformat()
        answer = drama.post(cert="x", agreed=agreed)
        assert answer.reason == "Consent required: 40d old, 30d at most"

    def test_where_it_is_not_required_the_record_says_how_it_was(self):
        drama = scene(recipient("a"))
        self.flow(drama)
        answer = drama.post()
        assert answer.outcome == "accepted"
        assert drama.event(answer, "source.accepted").data["consent"] == {
            "field": "cert", "present": False, "valid": False, "required": False,
            "problem": "cert is missing",
        }  # fmt: skip

    def test_a_recipient_may_require_what_the_flow_does_not(self):
        a = recipient("a")
        Recipient.objects.filter(slug="a").update(consent_required=True)
        drama = scene(a, recipient("b"), pattern="waterfall")
        self.flow(drama)
        answer = drama.post()
        drama.play(b=[ACCEPTED])
        said = drama.event(answer, "recipient.skipped").reason
        assert said == "Consent required: cert is missing"

    def test_consent_grows_old_while_a_lead_waits(self):
        a = recipient("a")
        a.consent_required, a.consent_max_age = True, DAYS
        a.save()
        drama = scene(a)
        self.flow(drama)
        answer = drama.post(cert="x")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE events_lead SET created_at = created_at - interval '26 hours'")
        drama.play()
        assert drama.event(answer, "recipient.skipped").reason == (
            "Consent required: 26h old, 1d at most"
        )


class TestDuplicatesOfASource:
    def drama(self, **flow: Any) -> tuple[Scene, Scene]:
        first = scene(recipient("a"))
        for name, value in flow.items():
            setattr(first.flow, name, value)
        first.flow.save()
        other = Source.objects.create(slug="other", name="Other")
        FlowSource.objects.create(flow=first.flow, source=other)
        terms = FlowSource.objects.get(source=first.source)
        terms.duplicate_match, terms.duplicate_within = [["email"]], DAYS
        terms.save()
        return first, Scene(first.flow, other, lease=str(uuid.uuid4()))

    def test_only_leads_of_that_source_count(self):
        mine, other = self.drama()
        assert other.post().outcome == other.post().outcome == "accepted"
        assert mine.post().outcome == "accepted"
        assert mine.post().reason == TODAY
        assert other.post().outcome == "accepted"

    def test_it_stands_beside_the_sets_of_the_flow(self):
        mine, other = self.drama(duplicate_match=[["phone_1"]], duplicate_within=DAYS)
        assert other.post().outcome == "accepted"
        assert mine.post(email="x@example.com").reason == TODAY
        assert mine.post(phone_1="5125550100").outcome == "accepted"
        assert mine.post(phone_1="5125550101").reason == TODAY

    def test_each_has_a_window_of_its_own(self):
        mine, _ = self.drama(duplicate_match=[["email"]], duplicate_within=30 * DAYS)
        mine.post()
        assert DuplicateClaim.objects.count() == 2
        DuplicateClaim.objects.update(at=timezone.now() - timedelta(days=2))
        day = timezone.now() - timedelta(days=2)
        assert mine.post().reason == f"Duplicate: Previously submitted {day:%Y-%m-%d}"
        DuplicateClaim.objects.update(at=timezone.now() - timedelta(days=31))
        assert mine.post().outcome == "accepted"


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_identical_posts_at_once_one_is_accepted():
    drama = scene(recipient("a"))
    drama.flow.duplicate_match, drama.flow.duplicate_within = [["email"], ["phone_1"]], DAYS
    drama.flow.save()
    start, outcomes = threading.Barrier(10), []

    def run() -> None:
        try:
            start.wait()
            outcomes.extend(drama.post().outcome for _ in range(10))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 100
    assert outcomes.count("accepted") == 1


def _second_flow(to: Recipient) -> Scene:
    source = Source.objects.create(slug="web2", name="Web 2")
    flow = Flow.objects.create(slug="home", name="Home")
    FlowField.objects.create(flow=flow, name="email", type="email")
    FlowSource.objects.create(flow=flow, source=source)
    step = Step.objects.create(flow=flow, name="buyers", kind="deliver", pattern="single")
    StepRecipient.objects.create(step=step, recipient=to)
    return Scene(flow, source)
