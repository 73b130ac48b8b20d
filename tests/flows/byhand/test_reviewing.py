"""People decide about what waits for review."""

from __future__ import annotations

from decimal import Decimal

import pytest

from events import verify
from events.models import Delivery, Event, Lead
from flows.byhand import retrying, reviewing
from flows.byhand.by_hand import NotNow
from flows.models import Step, Work
from flows.steps import engine
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db


def accepted(**facts):
    return attempt(Outcome.ACCEPTED, **facts)


def held(pattern: str = "waterfall", outcome: Outcome = Outcome.UNREADABLE):
    """abc answered what nobody understands; premier would be next."""
    play = scene(recipient("abc"), recipient("premier", "40.00"), pattern=pattern)
    answer = play.post()
    answers = [attempt(outcome, reason="Not understood")]
    if pattern == "multi":
        play.play(abc=answers, premier=[attempt(Outcome.REJECTED, reason="No")])
    else:
        play.play(abc=answers)
    assert play.lead(answer).status == "review"
    return play, answer


def seq(play: Scene, answer) -> int:
    return play.lead(answer).seq


def problems() -> list[str]:
    return [problem for check in verify.run() for problem in check.problems]


def test_it_knows_since_when_something_waits():
    play, answer = held()
    delivery = play.delivery("abc")
    assert delivery.held_at == play.event(answer, "recipient.failed").timestamp
    assert play.lead(answer).held_at == delivery.held_at
    reviewing.close(delivery.id, by="olga", reason="They never got it", decision="failed")
    assert play.delivery("abc").held_at is None
    assert play.lead(answer).held_at is None


class TestClosing:
    def test_the_flow_goes_on_to_the_next_buyer(self):
        play, answer = held()
        delivery = play.delivery("abc")
        reviewing.close(delivery.id, by="olga", reason="They say no", decision="declined")
        play.play(premier=[accepted()])
        assert (play.lead(answer).result, play.delivery("abc").state) == ("sold", "declined")
        event = play.event(answer, "review.closed")
        assert event.data["by"] == "olga"
        assert (event.data["decision"], event.data["then"]) == ("declined", "go_on")
        assert event.reason == "Closed by olga: They say no"
        assert problems() == []

    def test_the_lead_ends_there_where_somebody_says_so(self):
        play, answer = held()
        delivery = play.delivery("abc")
        reviewing.close(delivery.id, by="olga", reason="Fraud", decision="failed", end=True)
        lead = play.lead(answer)
        assert (lead.status, lead.result) == ("done", "unsold")
        assert lead.reason == "Closed by olga: Fraud"
        assert not Work.objects.exists()
        assert play.types(answer)[-2:] == ["review.closed", "flow.completed"]
        assert problems() == []

    def test_another_delivery_of_the_lead_waits_on(self):
        play = scene(recipient("abc"), recipient("premier"), pattern="multi")
        answer = play.post()
        play.play(
            abc=[attempt(Outcome.UNREADABLE, reason="Odd")],
            premier=[attempt(Outcome.UNREADABLE, reason="Odd as well")],
        )
        reviewing.close(play.delivery("abc").id, by="olga", reason="No", decision="failed")
        play.play()
        assert play.lead(answer).status == "review"
        assert play.delivery("premier").state == "review"

    def test_it_does_not_end_a_lead_that_another_is_just_sent(self):
        play = scene(recipient("abc"), recipient("premier"), pattern="multi")
        answer = play.post()
        first, _ = play.start()
        play.take((), [(first, attempt(Outcome.UNREADABLE, reason="Odd"))])
        with pytest.raises(NotNow, match="under way"):
            reviewing.close(
                first.delivery_id, by="olga", reason="Fraud", decision="failed", end=True
            )
        assert play.lead(answer).status == "working"
        assert Delivery.objects.get(id=first.delivery_id).state == "review"


class TestTwoAtOnce:
    def test_the_second_is_told_that_it_is_decided(self):
        play, _ = held()
        delivery = play.delivery("abc")
        reviewing.close(delivery.id, by="olga", reason="No", decision="failed")
        with pytest.raises(NotNow, match="any more"):
            reviewing.close(delivery.id, by="omar", reason="No", decision="failed")
        assert Event.objects.filter(type="review.closed").count() == 1

    def test_what_happened_since_somebody_looked_is_not_decided_over(self):
        play, answer = held()
        delivery, seen = play.delivery("abc"), seq(play, answer)
        retrying.retry_delivery(delivery.id, by="olga", seen=seen)
        play.play(abc=[attempt(Outcome.UNREADABLE, reason="Still odd")])
        with pytest.raises(NotNow, match="in the meantime"):
            reviewing.close(delivery.id, by="omar", reason="No", decision="failed", seen=seen)
        assert play.delivery("abc").state == "review"

    def test_nothing_is_sent_twice(self):
        play, answer = held()
        delivery, seen = play.delivery("abc"), seq(play, answer)
        retrying.retry_delivery(delivery.id, by="olga", seen=seen)
        for _ in range(2):
            with pytest.raises(NotNow):
                retrying.retry_delivery(delivery.id, by="omar", seen=seen)
        assert Work.objects.count() == 1


class TestAcceptedAfterAll:
    def test_it_is_a_sale_at_the_price_that_the_buyer_named(self):
        play, answer = held()
        reviewing.accept(
            play.delivery("abc").id, by="olga", reason="They told me on the phone",
            price=Decimal(30), buyer_lead_id="B-7",
        )  # fmt: skip
        play.play()
        lead, delivery = play.lead(answer), play.delivery("abc")
        assert (lead.status, lead.result, lead.revenue) == ("done", "sold", Decimal(30))
        assert (delivery.state, delivery.buyer_lead_id) == ("accepted", "B-7")
        told = play.event(answer, "recipient.delivered")
        assert (told.data["by"], told.data["delivery"]["price"]) == ("olga", 30.0)
        assert problems() == []

    def test_without_a_price_it_is_the_one_agreed(self):
        play, answer = held()
        reviewing.accept(play.delivery("abc").id, by="olga", reason="They have it")
        assert play.lead(answer).revenue == Decimal(45)

    def test_a_test_lead_earns_nothing(self):
        play = scene(recipient("abc", sandbox=True))
        answer = play.post(test=True)
        play.play(abc=[attempt(Outcome.UNREADABLE, reason="Odd")])
        reviewing.accept(play.delivery("abc").id, by="olga", reason="x", price=Decimal(9))
        assert play.lead(answer).revenue == 0


class TestSendingElsewhere:
    def test_the_next_gets_it_though_the_first_may_have_it_when_somebody_says_so(self):
        play, answer = held()
        premier = Recipient.objects.get(slug="premier")
        delivery = play.delivery("abc")
        with pytest.raises(NotNow, match="Abc may have the lead"):
            reviewing.send_elsewhere(delivery.id, premier.id, by="olga")
        made = reviewing.send_elsewhere(delivery.id, premier.id, by="olga", force=True)
        play.play(premier=[accepted()])
        assert play.lead(answer).result == "sold"
        found = Delivery.objects.get(id=made)
        assert (found.state, found.revenue) == ("accepted", Decimal(40))
        event = play.event(answer, "review.redirected")
        assert (event.entity_id, event.data["instead_of"]) == (premier.id, delivery.id)
        assert play.delivery("abc").state == "failed"
        assert problems() == []

    def test_a_recipient_of_no_step_may_get_it(self):
        play, answer = held(pattern="single")
        other = recipient("other", "12.50")
        reviewing.send_elsewhere(play.delivery("abc").id, other.id, by="olga", force=True)
        play.play(other=[accepted()])
        lead = play.lead(answer)
        assert (lead.result, lead.revenue) == ("sold", Decimal("12.50"))

    def test_one_that_was_asked_before_is_asked_again_under_its_old_key(self):
        play, answer = held(pattern="multi")
        before = play.delivery("premier")
        made = reviewing.send_elsewhere(
            play.delivery("abc").id, before.recipient_id, by="olga", force=True
        )
        assert made == before.id
        play.play(premier=[accepted()])
        assert play.lead(answer).result == "sold"
        assert problems() == []

    @pytest.mark.parametrize(("pattern", "revenue"), [("multi", 70), ("single", 30)])
    def test_a_sold_lead_that_is_done_goes_on_when_somebody_says_so(self, pattern, revenue):
        """A step that sells a lead once earns once, whoever takes it besides."""
        play = scene(recipient("abc"), pattern=pattern)
        premier = recipient("premier", "40.00")
        answer = play.post()
        play.play(abc=[accepted(price=Decimal(30))])
        sold = play.delivery("abc")
        retrying.retry_delivery(sold.id, by="olga", force=True)
        play.play(abc=[attempt(Outcome.UNREADABLE, reason="Odd")])
        assert (play.lead(answer).status, play.delivery("abc").state) == ("done", "review")
        with pytest.raises(NotNow, match="Abc bought the lead before"):
            reviewing.send_elsewhere(sold.id, premier.id, by="olga")
        reviewing.send_elsewhere(sold.id, premier.id, by="olga", force=True)
        assert play.lead(answer).status == "working"
        assert play.event(answer, "review.redirected").data["shares_back"]
        play.play(premier=[accepted()])
        lead = play.lead(answer)
        assert (lead.status, lead.result, lead.revenue) == ("done", "sold", Decimal(revenue))
        assert play.types(answer).count("flow.completed") == 2
        assert problems() == []

    def test_one_whose_data_was_erased_goes_to_nobody(self):
        play, answer = held()
        Lead.objects.filter(pk=answer.lead_id).update(salt=None)
        premier = Recipient.objects.get(slug="premier")
        with pytest.raises(NotNow, match="erased"):
            reviewing.send_elsewhere(play.delivery("abc").id, premier.id, by="olga", force=True)
        assert play.delivery("abc").state == "review"

    def test_one_that_is_switched_off_gets_nothing(self):
        play, _ = held()
        premier = Recipient.objects.get(slug="premier")
        premier.active = False
        premier.save()
        with pytest.raises(NotNow, match="switched off"):
            reviewing.send_elsewhere(play.delivery("abc").id, premier.id, by="olga", force=True)
        assert play.delivery("abc").state == "review"

    def test_the_first_ones_managers_do_not_learn_who_got_it(self):
        play, answer = held()
        premier = Recipient.objects.get(slug="premier")
        reviewing.send_elsewhere(play.delivery("abc").id, premier.id, by="olga", force=True)
        event = play.event(answer, "review.closed")
        assert "premier" not in f"{event.reason} {event.data}".lower()


class TestPutAside:
    """A lead on which every worker failed before there was any delivery."""

    @pytest.fixture
    def aside(self, monkeypatch):
        play = scene(recipient("abc"))
        answer = play.post()
        with monkeypatch.context() as patch:
            patch.setattr(engine, "_filter", lambda *_: 1 / 0)
            play.start()
        lead = play.lead(answer)
        assert (lead.status, Delivery.objects.count()) == ("review", 0)
        return play, answer

    def test_it_is_recorded(self, aside):
        play, answer = aside
        assert play.types(answer)[-1] == "review.held"
        assert play.lead(answer).held_at is not None

    def test_it_is_released_and_goes_its_way(self, aside):
        play, answer = aside
        reviewing.release(answer.lead_id, by="olga", seen=seq(play, answer))
        play.play(abc=[accepted()])
        assert play.lead(answer).result == "sold"
        assert play.event(answer, "review.released").data["by"] == "olga"
        assert problems() == []

    def test_it_is_closed(self, aside):
        play, answer = aside
        reviewing.close_lead(answer.lead_id, by="olga", reason="Junk")
        lead = play.lead(answer)
        assert (lead.status, lead.result, lead.reason) == ("done", "unsold", "Closed by olga: Junk")
        assert problems() == []

    def test_it_is_released_once(self, aside):
        _, answer = aside
        reviewing.release(answer.lead_id, by="olga")
        with pytest.raises(NotNow):
            reviewing.release(answer.lead_id, by="omar")
        with pytest.raises(NotNow):
            reviewing.close_lead(answer.lead_id, by="omar", reason="Junk")

    def test_a_flow_that_cannot_be_used_is_named(self, aside):
        _, answer = aside
        Step.objects.filter(kind="filter").update(rules={"all": [{"field": "x", "op": "odd"}]})
        from flows import plans

        plans.changed()
        with pytest.raises(NotNow, match="flow cannot be used"):
            reviewing.release(answer.lead_id, by="olga")
        assert Lead.objects.get().status == "review"
