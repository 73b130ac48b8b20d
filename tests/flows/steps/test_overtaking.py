"""Sold at once to the first: what becomes of everybody else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection

from events.models import Delivery, Event
from flows.byhand import retrying, reviewing
from flows.models import Work
from flows.turns import turn
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db

ACCEPTED = attempt(Outcome.ACCEPTED, buyer_lead_id="B-1")


def no(outcome=Outcome.REJECTED):
    return attempt(outcome, reason="No")


def begin(*slugs, **facts):
    """A lead that has just gone to all of them at once."""
    play = scene(*(recipient(slug, "40.00") for slug in slugs), pattern="simultaneous", **facts)
    answer = play.post()
    return play, answer, {sending.plan.slug: sending for sending in play.start()}


def states(answer):
    rows = Delivery.objects.filter(lead_id=answer.lead_id).select_related("recipient")
    return {row.recipient.slug: (row.state, row.sold, row.late) for row in rows}


def delivered(answer):
    events = Event.objects.filter(lead_id=answer.lead_id, type="recipient.delivered")
    return [
        (e.data["delivery"]["price"], e.data.get("late", False)) for e in events.order_by("seq")
    ]


def margins(answer):
    events = Event.objects.filter(lead_id=answer.lead_id, type="recipient.delivered")
    return [e.data["delivery"]["margin"] for e in events.order_by("seq")]


def test_it_sends_to_all_at_once():
    _, _, sent = begin("abc", "best", "core")
    assert sent.keys() == {"abc", "best", "core"}


def test_the_first_acceptance_ends_the_lead_while_others_are_under_way():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["best"], ACCEPTED)])
    lead = play.lead(answer)
    assert (lead.status, lead.result, lead.revenue, lead.sales) == ("done", "sold", 40, 1)
    play.take((), [(sent["abc"], no())])
    assert states(answer) == {
        "abc": ("declined", False, False),
        "best": ("accepted", True, False),
    }
    assert not Work.objects.exists()


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_acceptance_is_late_and_earns_nothing(at_once):
    play, answer, sent = begin("abc", "best")
    results = [(sent["abc"], ACCEPTED), (sent["best"], ACCEPTED)]
    if at_once:
        play.take((), results)
    else:
        play.take((), results[:1])
        play.take((), results[1:])
    assert delivered(answer) == [(40, False), (0, True)]
    assert states(answer) == {"abc": ("accepted", True, False), "best": ("accepted", False, True)}
    lead = play.lead(answer)
    assert (lead.revenue, lead.sales) == (Decimal(40), 1)
    assert lead.cost > 0
    assert margins(answer) == [float(lead.revenue - lead.cost), 0]  # the cost is counted once
    assert play.types(answer).count("flow.completed") == 1


def test_what_waits_for_a_retry_is_never_sent():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["abc"], no(Outcome.SERVER_ERROR))])
    play.take((), [(sent["best"], ACCEPTED)])
    assert states(answer)["abc"] == ("skipped", False, False)
    assert play.event(answer, "recipient.skipped").reason == "Sold to Best"
    assert not Work.objects.exists()
    play.hurry()
    assert play.start() == []


def test_what_is_due_in_the_very_turn_of_the_sale_is_not_sent():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["abc"], no(Outcome.SERVER_ERROR))])
    play.hurry()
    done = play.take(play.claim(), [(sent["best"], ACCEPTED)])
    assert done.starts == []
    assert states(answer)["abc"][0] == "skipped"
    assert not Work.objects.exists()


def test_what_waits_for_a_place_is_never_sent():
    play = scene(recipient("abc"), recipient("best"), pattern="simultaneous")
    answer = play.post()
    places = iter([True, False])
    done = turn.take(
        turn.Turn(play.claim(), [], play.lease, play.lease_seconds, lambda _: next(places))
    )
    [first] = done.starts
    play.take((), [(first, ACCEPTED)])
    assert play.event(answer, "recipient.skipped").reason == f"Sold to {first.plan.name}"
    assert play.start() == []


@pytest.mark.parametrize(
    "outcome", [Outcome.SERVER_ERROR, Outcome.UNKNOWN, Outcome.UNREADABLE, Outcome.RATE_LIMITED]
)
def test_what_fails_after_the_sale_is_not_tried_again_nor_held(outcome):
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["best"], ACCEPTED)])
    play.take((), [(sent["abc"], no(outcome))])
    assert states(answer)["abc"][0] == "failed"
    assert not Work.objects.exists()


def test_an_attempt_left_behind_after_the_sale_ends():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["best"], ACCEPTED)])
    play.expire()
    assert play.start() == []
    assert states(answer)["abc"][0] == "failed"
    assert not Work.objects.exists()


def test_what_a_person_sends_again_after_the_sale_keeps_its_retries():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["best"], ACCEPTED), (sent["abc"], no())])
    held = play.delivery("abc")
    retrying.retry_delivery(held.id, by="olga", force=True)
    [again] = play.start()
    play.take((), [(again, no(Outcome.SERVER_ERROR))])
    assert states(answer)["abc"][0] == "waiting"


def test_a_sale_recorded_by_hand_ends_what_waits():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["abc"], no(Outcome.UNREADABLE)), (sent["best"], no(Outcome.SERVER_ERROR))])
    held = play.delivery("abc")
    assert held.state == "review"
    reviewing.accept(held.id, by="olga", reason="They said so")
    assert states(answer)["best"][0] == "skipped"
    assert play.start() == []
    assert play.lead(answer).result == "sold"
    assert not Work.objects.exists()


def test_nobody_takes_it():
    play, answer, sent = begin("abc", "best")
    play.take((), [(sent["abc"], no()), (sent["best"], no())])
    assert play.lead(answer).result == "unsold"


def test_the_pool_gets_what_all_refused():
    pool = recipient("pool", "1.00")
    play, _, sent = begin("abc", "best", remediation=pool)
    play.take((), [(sent["abc"], no())])
    done = play.take((), [(sent["best"], no())])
    assert [sending.plan.slug for sending in done.starts] == ["pool"]


def test_everybody_may_buy_where_the_pattern_is_not_exclusive():
    play = scene(recipient("abc"), recipient("best"), pattern="multi")
    answer = play.post()
    sent = {sending.plan.slug: sending for sending in play.start()}
    play.take((), [(sent["abc"], no(Outcome.SERVER_ERROR))])
    play.take((), [(sent["best"], ACCEPTED)])
    assert states(answer)["abc"][0] == "waiting"


def test_a_result_that_comes_with_the_sale_after_its_lease_ran_out_ends_nothing_twice():
    play, answer, sent = begin("abc", "best")
    with connection.cursor() as cursor:  # only this one was left behind
        cursor.execute(
            "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' WHERE id = %s",
            [sent["abc"].work_id],
        )
    assert play.start() == []
    play.hurry()
    done = play.take(play.claim(), [(sent["best"], ACCEPTED), (sent["abc"], no(Outcome.UNKNOWN))])
    assert done.refused == 1
    ends = [
        kind for kind in play.types(answer) if kind in ("recipient.skipped", "recipient.failed")
    ]
    assert ends == ["recipient.skipped"]
    assert not Work.objects.exists()
