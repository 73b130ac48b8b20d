"""Fair orders on real rows: who had how many, under skips, holds, test leads and two pumps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection

from events.journal import Journal
from events.models import Lead
from flows import plans
from flows.byhand import steering
from flows.models import Step, StepRecipient, StepShare
from flows.patterns.base import Candidate
from flows.steps import accounts, shares
from flows.turns import turn
from flows.turns.runs import Run
from flows.turns.states import DeliveryState, LeadState
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db

ACCEPTED = attempt(Outcome.ACCEPTED)
NOW = datetime(2026, 11, 2, tzinfo=UTC)
NO = attempt(Outcome.REJECTED, reason="No")


def deal(order, *, pattern="single", sandbox=False, **weights):
    """A flow whose recipients have these weights."""
    play = scene(*(recipient(slug, sandbox=sandbox) for slug in weights), pattern=pattern)
    Step.objects.filter(name="buyers").update(order=order)
    for slug, weight in weights.items():
        StepRecipient.objects.filter(recipient__slug=slug).update(weight=weight)
    return play


def post(play, leads, **facts):
    for number in range(leads):
        play.post(email=f"lead{number}@example.com", phone_1=f"555555{number:04}", **facts)


def got(starts):
    return "".join(sending.plan.slug for sending in starts)


def rows():
    slugs = dict(Recipient.objects.values_list("id", "slug"))
    return {
        slugs[row.recipient_id]: (row.sent, row.ended, row.accepted)
        for row in StepShare.objects.all()
    }


def test_it_deals_in_turn_within_a_batch_and_between_batches():
    play = deal("round_robin", a=1, b=1, c=1)
    post(play, 4)
    first = got(play.start())
    post(play, 2)
    assert Counter(first + got(play.start())) == {"a": 2, "b": 2, "c": 2}


def test_it_counts_what_was_sent_answered_and_accepted():
    play = deal("round_robin", a=1, b=1)
    post(play, 3)
    starts = play.start()
    play.take((), [(sending, ACCEPTED if n else NO) for n, sending in enumerate(starts)])
    assert rows() == {"a": (2, 2, 1), "b": (1, 1, 1)}


def test_it_deals_by_weight():
    play = deal("weighted", a=3, b=1)
    post(play, 8)
    assert Counter(got(play.start())) == {"a": 6, "b": 2}


def test_it_turns_to_the_longest_idle_within_one_turn_too():
    play = deal("longest_idle", a=1, b=1, c=1)
    post(play, 6)
    assert got(play.start()) == "abcabc"


def test_it_holds_percentages_of_what_was_accepted():
    play = deal("percentage", a=50, b=50)
    for _ in range(30):
        post(play, 1)
        [sending] = play.start()
        refused = sending.plan.slug == "a" and rows()["a"][0] % 2
        play.take((), [(sending, NO if refused else ACCEPTED)])
    accepted = {slug: row[2] for slug, row in rows().items()}
    assert abs(accepted["a"] - accepted["b"]) <= 1


def test_what_was_skipped_does_not_count():
    play = deal("round_robin", pattern="waterfall", a=1, b=1)
    steering.pause_recipient(Recipient.objects.get(slug="a"), by="olga")
    post(play, 2)
    assert got(play.start()) == "bb"
    assert rows() == {"b": (2, 0, 0)}


def test_what_was_never_sent_because_another_bought_it_does_not_count():
    play = deal("round_robin", pattern="simultaneous", a=1, b=1)
    post(play, 1)
    places = iter([True, False])
    done = turn.take(
        turn.Turn(play.claim(), [], play.lease, play.lease_seconds, lambda _: next(places))
    )
    assert {row[0] for row in rows().values()} == {1}
    play.take((), [(done.starts[0], ACCEPTED)])
    assert rows() == {"a": (1, 1, 1), "b": (0, 0, 0)}


def test_test_leads_do_not_count():
    play = deal("round_robin", sandbox=True, a=1, b=1)
    post(play, 2, test=True)
    assert got(play.start()) == "aa"
    assert rows() == {}


def test_no_account_is_kept_for_orders_that_need_none():
    play = deal("priority", a=1, b=1)
    post(play, 2)
    play.start()
    assert rows() == {}
    assert plans.current().accounts == frozenset()


def test_an_account_begins_anew_when_somebody_joins():
    play = deal("round_robin", a=1, b=1)
    post(play, 4)
    play.start()
    step = Step.objects.get(name="buyers")
    StepRecipient.objects.create(step=step, recipient=recipient("c"), position=9)
    post(play, 3)
    assert sorted(got(play.start())) == ["a", "b", "c"]
    accounts.forget_old(plans.current().accounts)
    assert rows() == {"a": (1, 0, 0), "b": (1, 0, 0), "c": (1, 0, 0)}


@pytest.mark.parametrize(("order", "same"), [("weighted", False), ("round_robin", True)])
def test_weights_belong_to_an_account_where_the_order_weighs(order, same):
    one, two = (
        accounts.account("step_1", order, [Candidate("a", weight=Decimal(weight)), Candidate("b")])
        for weight in (1, 2)
    )
    assert (one == two) is same


def test_an_account_does_not_depend_on_the_places_in_the_list():
    a, b = Candidate("a"), Candidate("b")
    one = accounts.account("step_1", "round_robin", [a, b])
    assert one == accounts.account("step_1", "round_robin", [b, a])
    assert one != accounts.account("step_2", "round_robin", [a, b])


def test_two_pumps_add_to_one_account():
    play = deal("round_robin", a=1, b=1)
    post(play, 1)
    play.start()
    flow = plans.current().flows[play.flow.id]
    books = [_read(play) for _ in range(2)]
    for book in books:
        lead = LeadState(
            "lead_1", flow.id, "src", NOW, "working", "", "", False, False, "USD",
            Decimal(0), Decimal(0), 0, 1, 0, 1, None,
        )  # fmt: skip
        run = Run(lead, flow, Journal(NOW), book=book)
        shares.given(run, DeliveryState("dlv_1", "lead_1", _id("a"), flow.id, step=1))
        assert book.shares(flow.steps[1].account)[_id("a")].sent == 2
    with connection.cursor() as cursor:
        for book in books:
            book.write(cursor)
    assert rows()["a"][0] == 3


def _read(play):
    with connection.cursor() as cursor:
        cursor.execute(accounts.READ, [list(Lead.objects.values_list("id", flat=True))])
        return accounts.Book.of(cursor.fetchall())


def _id(slug):
    return Recipient.objects.get(slug=slug).id
