"""Leads that wait for a tier: their time, what comes between, what is changed meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from events.models import Delivery
from flows.models import Step, StepRecipient, Work
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = 3600.0, 86_400.0
ACCEPTED = attempt(Outcome.ACCEPTED)
NO = attempt(Outcome.REJECTED, reason="No")


def window(*, when_declined="wait", remediation=None, **tiers):
    """A flow whose recipients open after so many seconds."""
    play = scene(
        *(recipient(slug) for slug in tiers), pattern="exclusive_window", remediation=remediation
    )
    for slug, seconds in tiers.items():
        StepRecipient.objects.filter(recipient__slug=slug).update(opens_after=seconds)
    Step.objects.filter(name="buyers").update(when_declined=when_declined)
    return play


def grow(seconds):
    """Let all leads be so much older, and what waits be due so much earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_lead SET created_at = created_at - %s * interval '1 second'", [seconds]
        )
        cursor.execute(
            "UPDATE flows_work SET due_at = due_at - %s * interval '1 second' WHERE lease IS NULL",
            [seconds],
        )


def slugs(sendings):
    return [sending.plan.slug for sending in sendings]


def due():
    """In how many seconds the only work is due."""
    work = Work.objects.get()
    assert (work.kind, work.lease) == ("advance", None)
    return (work.due_at - datetime.now(UTC)).total_seconds()


def decline(play, starts):
    return play.take((), [(sending, NO) for sending in starts]).starts


def test_a_lead_waits_for_the_next_tier_and_then_goes_to_it():
    play = window(abc=None, best=DAY)
    answer = play.post()
    assert decline(play, play.start()) == []
    assert play.lead(answer).status == "working"
    assert DAY - 600 < due() <= DAY
    grow(DAY + 1)
    starts = play.start()
    assert slugs(starts) == ["best"]
    play.take((), [(starts[0], ACCEPTED)])
    assert play.lead(answer).result == "sold"
    assert not Work.objects.exists()


def test_it_goes_down_a_tier_before_it_waits():
    play = window(abc=0.0, best=DAY, core=0.0)
    play.post()
    starts = play.start()
    assert slugs(starts) == ["abc"]
    starts = decline(play, starts)
    assert slugs(starts) == ["core"]
    assert decline(play, starts) == []
    assert Work.objects.get().kind == "advance"


def test_a_first_tier_of_the_future_is_waited_for():
    play = window(abc=HOUR)
    play.post()
    assert play.start() == []
    assert HOUR - 600 < due() <= HOUR
    grow(HOUR + 1)
    assert slugs(play.start()) == ["abc"]


def test_it_opens_the_next_tier_at_once_where_the_step_says_so():
    play = window(when_declined="open_next", abc=0.0, best=DAY)
    play.post()
    assert slugs(decline(play, play.start())) == ["best"]


def test_a_tier_that_opens_during_an_attempt_waits_for_its_result():
    play = window(abc=0.0, best=DAY)
    answer = play.post()
    starts = play.start()
    grow(DAY + 1)
    assert play.start() == []
    assert slugs(decline(play, starts)) == ["best"]
    assert Delivery.objects.filter(lead_id=answer.lead_id).count() == 2


def test_an_attempt_that_outlives_its_lease_keeps_the_window_closed():
    play = window(abc=0.0, best=DAY)
    play.post()
    play.start()
    grow(DAY + 1)
    play.expire()
    assert play.start() == []  # it may have arrived: the same buyer is asked again, later
    assert play.delivery("abc").state == "waiting"
    play.hurry()
    assert slugs(play.start()) == ["abc"]


def test_a_worker_that_dies_while_opening_a_tier_leaves_it_to_the_next():
    play = window(abc=0.0, best=DAY)
    play.post()
    decline(play, play.start())
    grow(DAY + 1)
    play.claim()  # and never comes back
    play.expire()
    assert slugs(play.start()) == ["best"]
    assert Delivery.objects.count() == 2


def test_a_lead_has_one_work_of_its_own_however_often_it_is_asked():
    play = window(abc=0.0, best=HOUR, core=DAY)
    answer = play.post()
    decline(play, play.start())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE flows_work SET due_at = clock_timestamp()")
    assert play.start() == []
    assert 0 < due() <= HOUR
    grow(HOUR + 1)
    starts = play.start()
    assert slugs(starts) == ["best"]
    decline(play, starts)
    assert HOUR < due() <= DAY
    assert play.lead(answer).status == "working"


def test_those_that_wait_keep_the_tiers_that_they_came_under():
    play = window(abc=0.0, best=HOUR)
    answer = play.post()
    decline(play, play.start())
    row = StepRecipient.objects.get(recipient__slug="best")
    row.opens_after = DAY
    row.save()
    grow(HOUR - 1)
    assert play.start() == []
    row.delete()
    grow(2)
    [sending] = play.start()
    assert sending.plan.slug == "best"
    play.take((), [(sending, ACCEPTED)])
    assert play.lead(answer).result == "sold"


def test_a_tier_moved_nearer_is_noticed_by_those_that_are_moved():
    play = window(abc=0.0, best=DAY)
    play.post()
    decline(play, play.start())
    grow(HOUR)
    row = StepRecipient.objects.get(recipient__slug="best")
    row.opens_after = HOUR / 2
    row.save()
    play.move()
    assert slugs(play.start()) == ["best"]


def test_a_tier_moved_away_is_waited_for_anew():
    play = window(abc=0.0, best=HOUR)
    play.post()
    decline(play, play.start())
    row = StepRecipient.objects.get(recipient__slug="best")
    row.opens_after = DAY
    row.save()
    play.move()
    assert play.start() == []
    assert DAY - 600 < due() <= DAY


def test_a_lead_ends_when_the_tier_it_waits_for_is_removed():
    play = window(abc=0.0, best=DAY)
    answer = play.post()
    decline(play, play.start())
    StepRecipient.objects.get(recipient__slug="best").delete()
    play.move()
    assert play.start() == []
    assert play.lead(answer).result == "unsold"
    assert not Work.objects.exists()


def test_a_lead_goes_on_when_its_step_is_given_another_pattern():
    play = window(abc=0.0, best=DAY)
    play.post()
    decline(play, play.start())
    step = Step.objects.get(name="buyers")
    step.pattern = "waterfall"
    step.save()
    play.move()
    assert slugs(play.start()) == ["best"]


def test_a_lead_that_ends_before_its_time_leaves_nothing_to_do():
    play = window(abc=0.0, best=DAY)
    answer = play.post()
    decline(play, play.start())
    grow(DAY + 1)
    starts = play.start()
    with connection.cursor() as cursor:  # its own work, as a crash might have left it
        cursor.execute(
            "INSERT INTO flows_work (kind, lead_id, lane, claims, hold, due_at) "
            "VALUES ('advance', %s, 'x', 0, 0, now() + interval '1 day')",
            [answer.lead_id],
        )
    play.take((), [(starts[0], ACCEPTED)])
    assert not Work.objects.exists()


def test_the_pool_comes_after_the_last_tier():
    pool = recipient("pool")
    play = window(remediation=pool, abc=0.0, best=timedelta(hours=1).total_seconds())
    play.post()
    decline(play, play.start())
    grow(HOUR + 1)
    assert slugs(decline(play, play.start())) == ["pool"]


def test_a_worker_that_dies_between_a_rejection_and_the_next_try_sells_once():
    play = window(abc=None, best=None)
    answer = play.post()
    starts = decline(play, play.start())  # recorded, and the next is begun, but never sent
    assert slugs(starts) == ["best"]
    play.expire()
    assert play.start() == []  # nobody knows whether it arrived: the same one again, in a while
    assert play.delivery("best").state == "waiting"
    play.hurry()
    [again] = play.start()
    assert (again.plan.slug, again.attempt) == ("best", 2)
    late = play.take((), [(starts[0], ACCEPTED)])
    assert late.refused == 1
    play.take((), [(again, ACCEPTED)])
    assert play.lead(answer).sales == 1
    assert Delivery.objects.filter(lead_id=answer.lead_id, sold=True).count() == 1


def test_a_rejection_that_was_never_recorded_is_an_open_question():
    play = window(abc=None, best=None)
    play.post()
    [sending] = play.start()
    play.expire()
    assert play.start() == []
    assert play.take((), [(sending, NO)]).refused == 1
    assert Delivery.objects.count() == 1
