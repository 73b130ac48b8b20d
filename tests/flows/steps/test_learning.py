"""Routing that learns: what is measured, what is made of it, what the record says."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from events.models import Event, Tally
from flows import plans, tasks
from flows.models import Measured, Step, StepRecipient
from flows.patterns.base import Candidate
from flows.steps import learning
from flows.steps.learning import Counts, measures, memory
from leadops.schedules import SCHEDULES
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene
from tests.flows.steps.test_auctions import answer, begin, bid, bidder, sent_to

WEEK = 7 * 86_400.0
A, B, C = Candidate("a"), Candidate("b"), Candidate("c")


@pytest.fixture(autouse=True)
def forgetful():
    memory.forget()
    yield
    memory.forget()


class TestMeasures:
    def test_they_are_shares_of_what_was_counted(self):
        found = measures([A], {"a": Counts(100, 40, 10)}, 50)["a"]
        assert (found.acceptance, found.return_rate) == (Decimal("0.4"), Decimal("0.25"))
        assert found.measured

    def test_who_had_too_few_counts_as_the_mean_of_the_others(self):
        counts = {"a": Counts(100, 40, 4), "b": Counts(100, 80, 0), "c": Counts(49, 0, 0)}
        found = measures([A, B, C], counts, 50)["c"]
        assert (found.acceptance, found.return_rate) == (Decimal("0.6"), Decimal("0.05"))
        assert not found.measured

    def test_prices_alone_decide_where_nothing_is_known(self):
        found = measures([A, B], {}, 50)
        assert found["a"] == found["b"]
        assert found["a"].expected(Decimal(45)) == 45

    def test_nobody_without_a_delivery_is_measured(self):
        assert not measures([A], {"a": Counts()}, 0)["a"].measured

    def test_more_returns_than_sales_are_all_of_them(self):
        assert measures([A], {"a": Counts(100, 2, 5)}, 50)["a"].return_rate == 1
        assert measures([A], {"a": Counts(100, 0, 5)}, 50)["a"].return_rate == 1


pytestmark = pytest.mark.django_db


def stage(order="best_price", minimum=2):
    play = scene(recipient("dear", "50.00"), recipient("good", "40.00"), pattern="waterfall")
    Step.objects.filter(name="buyers").update(
        order=order, learn_over=WEEK, learn_minimum=minimum, pattern="waterfall"
    )
    return play


def post(play, number):
    return play.post(email=f"lead{number}@example.com", phone_1=f"555555{number:04}")


def history(play, leads):
    """`dear` is asked first and refuses, `good` takes what it gets."""
    no = attempt(Outcome.REJECTED, reason="No")
    for number in range(leads):
        post(play, number)
        play.play(dear=[no], good=[attempt(Outcome.ACCEPTED)])


def test_it_goes_by_expected_revenue_once_enough_is_known():
    play = stage()
    history(play, 3)
    memory.forget()
    learning.refresh(plans.current().windows)
    answer = post(play, 9)
    [sending] = play.start()
    assert sending.plan.slug == "good"
    said = play.event(answer, "recipient.delivery_attempt").data["delivery_plan"]["routing"]
    assert said == {
        "order": "best_price",
        "price": 40.0,
        "acceptance": 1.0,
        "return_rate": 0.0,
        "expected": 40.0,
        "measured": True,
        "over": "7d",
    }


def test_it_goes_by_price_until_then():
    play = stage(minimum=50)
    history(play, 3)
    memory.forget()
    learning.refresh(plans.current().windows)
    post(play, 9)
    assert [s.plan.slug for s in play.start()] == ["dear"]


def test_it_reads_the_figures_once_a_minute():
    play = stage()
    post(play, 1)
    play.start()
    read = memory.read_at
    post(play, 2)
    play.start()
    assert memory.read_at == read > float("-inf")


def test_it_measures_deliveries_and_returns_of_the_flow_without_test_leads():
    play = stage()
    history(play, 2)
    dear = Recipient.objects.get(slug="dear").id
    tally = Tally.objects.filter(recipient_id=dear, kind="delivery").first()
    Tally.objects.create(**{**_values(tally), "kind": "feedback", "outcome": "return", "n": 1})
    Tally.objects.create(**{**_values(tally), "test": True, "n": 99})
    Tally.objects.create(**{**_values(tally), "flow_id": "flow_other", "n": 99})
    learning.refresh(plans.current().windows)
    row = Measured.objects.get(recipient_id=dear)
    assert (row.deliveries, row.accepted, row.returned) == (2, 0, 1)


def _values(tally):
    return {f.name: getattr(tally, f.name) for f in tally._meta.fields if f.name != "id"}


def test_the_task_measures(caplog):
    play = stage()
    history(play, 1)
    tasks.learn()
    assert Measured.objects.filter(over=WEEK).exists()
    assert not caplog.records
    assert any(each.task == "flows.tasks.learn" for each in SCHEDULES)


def test_it_forgets_windows_that_nobody_learns_from():
    play = stage()
    history(play, 1)
    learning.refresh(plans.current().windows)
    assert Measured.objects.exists()
    step = Step.objects.get(name="buyers")
    step.learn_over = None
    step.save()
    learning.refresh(plans.current().windows)
    assert not Measured.objects.exists()


def test_the_record_says_nothing_of_routing_where_the_step_does_not_learn():
    play = scene(recipient("abc"))
    answer = play.post()
    play.start()
    data = play.event(answer, "recipient.delivery_attempt").data
    assert "routing" not in data["delivery_plan"]


def test_a_held_delivery_keeps_the_figures_it_was_chosen_by():
    play = stage()
    answer = post(play, 1)
    play.take(play.claim(), places=False)
    Measured.objects.all().delete()
    play.start()
    event = Event.objects.get(lead_id=answer.lead_id, type="recipient.delivery_attempt")
    assert event.data["delivery_plan"]["routing"]["expected"] == 50.0


class TestPricesByRules:
    RULES = [{"when": {"field": "state", "op": "is", "value": "TX"}, "price": "99.00"}]

    def stage(self):
        play = scene(recipient("dear", "50.00"), recipient("good", "40.00"))
        Step.objects.filter(name="buyers").update(order="best_price")
        StepRecipient.objects.filter(recipient__slug="good").update(prices=self.RULES)
        return play

    def test_the_first_that_holds_is_the_price_and_orders_go_by_it(self):
        play = self.stage()
        answer = play.post(state="TX")
        [sending] = play.start()
        assert sending.plan.slug == "good"
        play.take((), [(sending, attempt(Outcome.ACCEPTED))])
        assert play.lead(answer).revenue == 99

    def test_without_one_it_is_the_usual_price(self):
        play = self.stage()
        play.post(state="CA")
        assert [s.plan.slug for s in play.start()] == ["dear"]
        assert play.delivery("dear").price == 50


def auction(*counted: tuple[int, int, int]):
    """Three bidders of an auction that learns, each with deliveries, sales and returns."""
    bidders = [bidder(slug) for slug in "abc"]
    play = scene(*bidders, pattern="ping_post")
    Step.objects.filter(name="buyers").update(learn_over=WEEK, learn_minimum=2)
    for each, (deliveries, accepted, returned) in zip(bidders, counted, strict=False):
        Measured.objects.create(
            flow_id=play.flow.id,
            over=WEEK,
            recipient_id=each.id,
            deliveries=deliveries,
            accepted=accepted,
            returned=returned,
        )
    plans.forget()
    return play


def test_a_bid_counts_less_by_what_its_bidder_returns():
    play = auction((100, 50, 20), (100, 50, 0))
    told = play.post()
    done = answer(play, begin(play), a=bid("50"), b=bid("31"), c=bid("30"))
    assert sent_to(done) == ["b"]  # 50 × (1 − 0.4) is 30
    ranking = play.event(told, "auction.decided").data["ranking"]
    assert [each["value"] for each in ranking] == [31.0, 30.0, 24.0]
    assert [(e["return_rate"], e["measured"], e["over"]) for e in ranking] == [
        (0.0, True, "7d"),
        (0.4, True, "7d"),
        (0.2, False, "7d"),  # nothing is known of it: the mean of the others
    ]
    assert done.starts[0].context["bid"]["amount"] == 31  # it pays what it has bid


def test_a_penalty_says_who_gets_it_and_not_what_it_pays():
    play = auction((100, 50, 20), (100, 50, 0))
    told = play.post()
    (post,) = answer(play, begin(play), a=bid("90"), b=bid("31")).starts
    play.take((), [(post, attempt(Outcome.ACCEPTED))])
    assert play.lead(told).revenue == 90


def test_an_auction_that_does_not_learn_takes_bids_as_they_are():
    play = auction((100, 50, 20), (100, 50, 0))
    Step.objects.filter(name="buyers").update(learn_over=None)
    plans.forget()
    told = play.post()
    assert sent_to(answer(play, begin(play), a=bid("50"), b=bid("31"))) == ["a"]
    assert "return_rate" not in play.event(told, "auction.decided").data["ranking"][0]


def test_an_auction_may_learn_in_any_order():
    Step(kind="deliver", name="x", pattern="ping_post", learn_over=WEEK).clean()
    with pytest.raises(ValidationError, match="Auctions do in any"):
        Step(kind="deliver", name="x", pattern="waterfall", learn_over=WEEK).clean()
