"""Caps and limits at work: exact whatever the number of pumps, and nothing lost with a worker."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.utils import timezone

from events.models import Delivery, Lead
from flows import plans
from flows.delivery import capacity, counters
from flows.delivery.counters import Counters
from flows.models import CapCount, Step, StepRecipient, Work
from leadops.lib import claim
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.events.conftest import clear_record
from tests.flows.scene import Scene, attempt, recipient, scene

__all__ = ["clear_record"]

pytestmark = pytest.mark.django_db


def shop(*slugs: str, pattern: str = "waterfall", **fields) -> Scene:
    made = [recipient(slug) for slug in slugs or ("a",)]
    for name, value in fields.items():
        setattr(made[0], name, value)
    made[0].save()
    return scene(*made, pattern=pattern)


def post(here: Scene, count: int = 1, **values) -> list[str]:
    return [
        here.post(email=f"p{uuid.uuid4().hex}@example.com", **values).lead_id for _ in range(count)
    ]


def accept(here: Scene, starts, **facts) -> list:
    results = [(each, attempt(Outcome.ACCEPTED, **facts)) for each in starts]
    return here.take((), results).starts


def count(kind: str = "") -> CapCount:
    return CapCount.objects.get(key__endswith=kind) if kind else CapCount.objects.get()


def skipped(lead_id: str, slug: str = "a") -> str:
    return Delivery.objects.get(lead=lead_id, recipient__slug=slug, state="skipped").reason


class TestCaps:
    def test_it_reserves_before_sending_and_uses_up_what_is_accepted(self):
        here = shop(caps=[{"count": 2, "per": "day"}])
        post(here)
        starts = here.start()
        assert (count().reserved, count().used) == (1, 0)
        assert Delivery.objects.get().holds
        accept(here, starts)
        assert (count().reserved, count().used) == (0, 1)
        assert Delivery.objects.get().holds is None

    def test_it_moves_on_from_a_buyer_that_is_full(self):
        here = shop("a", "b", caps=[{"count": 1, "per": "day"}])
        first, second = post(here, 2)
        here.play(a=[attempt(Outcome.ACCEPTED)], b=[attempt(Outcome.ACCEPTED)])
        assert Delivery.objects.filter(state="accepted").count() == 2
        late = Delivery.objects.get(state="skipped")
        assert late.reason == "Daily cap reached (1/1)"
        assert Lead.objects.filter(id__in=[first, second], result="sold").count() == 2

    def test_it_waits_for_the_next_window_where_it_is_told_to(self):
        here = shop(caps=[{"count": 0, "per": "day", "full": "hold"}])
        post(here)
        assert not here.start()
        delivery = Delivery.objects.get()
        assert (delivery.state, delivery.waits_for) == ("waiting", "Daily cap reached (0/0)")

    def test_it_gives_back_what_was_declined(self):
        here = shop(caps=[{"count": 1, "per": "week"}])
        post(here)
        here.play(a=[attempt(Outcome.REJECTED)])
        assert (count().reserved, count().used) == (0, 0)
        post(here)
        assert len(here.start()) == 1

    def test_it_gives_back_between_two_tries(self):
        here = shop(caps=[{"count": 1, "per": "day"}])
        post(here)
        (sending,) = here.start()
        here.take((), [(sending, attempt(Outcome.SERVER_ERROR))])
        assert Delivery.objects.get().state == "waiting"
        assert count().reserved == 0

    def test_it_keeps_the_place_of_a_lead_whose_fate_nobody_knows(self):
        here = shop(caps=[{"count": 1, "per": "day"}])
        post(here)
        (sending,) = here.start()
        here.take((), [(sending, attempt(Outcome.UNKNOWN))])
        assert count().reserved == 1
        here.hurry()
        (again,) = here.start()
        assert count().reserved == 1
        accept(here, [again])
        assert (count().reserved, count().used) == (0, 1)

    def test_it_loses_no_place_with_a_worker(self):
        here = shop(caps=[{"count": 1, "per": "day"}], limits={"concurrency": 1})
        Recipient.objects.get().retry_rules.create(outcome="unknown", times=0, then="fail")
        post(here)
        here.start()
        here.expire()
        here.take(here.claim())
        assert Delivery.objects.get().state in ("failed", "review")
        if Delivery.objects.get().state == "failed":
            assert {c.reserved for c in CapCount.objects.all()} == {0}
        assert count("room").reserved == 0

    def test_it_counts_nothing_of_a_late_result(self):
        here = shop(caps=[{"count": 5, "per": "day"}])
        post(here)
        starts = here.start()
        here.expire()
        other = Scene(here.flow, here.source)
        other.take(other.claim())
        done = here.take((), [(starts[0], attempt(Outcome.ACCEPTED))])
        assert done.refused == 1
        assert (count().reserved, count().used) == (1, 0)

    def test_it_counts_money_as_it_was_paid(self):
        here = shop(caps=[{"money": "100.00", "per": "month"}])
        post(here, 3)
        starts = here.start()
        assert len(starts) == 2
        assert count().reserved == 90
        accept(here, starts, price=Decimal("20.00"))
        assert (count().reserved, count().used) == (0, 40)
        reason = Delivery.objects.get(state="skipped").reason
        assert reason == "Monthly cap reached (90.00/100.00)"

    def test_it_takes_in_a_price_above_what_was_expected(self):
        here = shop(caps=[{"money": "90.00", "per": "month"}])
        post(here, 1)
        starts = here.start()
        post(here, 2)
        here.take(here.claim(), [(starts[0], attempt(Outcome.ACCEPTED, price=Decimal("80.00")))])
        assert count().used == 80
        assert count().reserved == 0

    def test_several_caps_must_all_have_room(self):
        texas = {"field": "state", "op": "is", "value": "TX"}
        here = shop(caps=[{"count": 3, "per": "day"}, {"count": 1, "per": "day", "when": texas}])
        post(here, 2, state="TX")
        post(here, 3, state="CA")
        assert len(here.start()) == 3
        reasons = sorted(d.reason for d in Delivery.objects.filter(state="skipped"))
        assert reasons == ["Daily cap reached (1/1)", "Daily cap reached (3/3)"]

    def test_test_leads_take_no_place(self):
        made = recipient("a", sandbox=True)
        made.caps = [{"count": 0, "per": "day"}]
        made.save()
        here = scene(made)
        here.post(test=True)
        assert len(here.start()) == 1
        assert not CapCount.objects.exists()

    def test_steps_and_recipients_in_them_have_caps_of_their_own(self):
        here = shop("a", "b")
        Step.objects.filter(name="buyers").update(caps=[{"count": 2, "per": "day"}])
        row = StepRecipient.objects.get(recipient__slug="a")
        row.caps = [{"count": 1, "per": "day"}]
        row.save()
        post(here, 3)
        assert sorted(each.plan.slug for each in here.start()) == ["a", "b"]

    def test_a_raised_cap_goes_on_counting(self):
        here = shop(caps=[{"count": 1, "per": "day"}])
        post(here)
        here.play(a=[attempt(Outcome.ACCEPTED)])
        made = Recipient.objects.get()
        made.caps = [{"count": 2, "per": "day"}]
        made.save()
        post(here, 2)
        assert len(here.start()) == 1

    def test_without_caps_nothing_is_asked(self, monkeypatch):
        def asked() -> None:
            raise AssertionError

        monkeypatch.setattr(counters.wire, "cursor", asked)
        counting = Counters()
        capacity.read(counting, [], plans.current(), at=timezone.now())
        counting.write()
        assert not plans.current().has_caps


def test_it_forgets_windows_that_are_long_over():
    now = timezone.now()
    for key, days in (("a:per_second", 1), ("a:x", 1), ("a:y", 61)):
        at = now - timedelta(days=days)
        CapCount.objects.create(key=key, starts=at, ends=at + timedelta(seconds=1))
    assert counters.forget_old() == 2
    assert CapCount.objects.get().key == "a:x"


class TestLimits:
    def test_it_sends_no_more_at_once_than_it_may(self):
        here = shop(limits={"concurrency": 2})
        post(here, 5)
        starts = here.start()
        assert len(starts) == 2
        waiting = Delivery.objects.filter(state="waiting")
        assert {d.waits_for for d in waiting} == {"Concurrency limit reached: 2 at once to A"}
        assert count("room").booked == 3

    def test_who_ends_lets_the_next_in_at_once(self):
        here = shop(limits={"concurrency": 2})
        post(here, 5)
        sold = 0
        starts = here.start()
        while starts:
            assert len(starts) <= 2
            sold += len(starts)
            accept(here, starts)
            starts = here.start()  # what was woken is due
        assert sold == 5
        assert (count("room").reserved, count("room").booked) == (0, 0)
        assert not Work.objects.exists()

    def test_who_comes_later_stands_behind_those_who_wait(self):
        here = shop(limits={"concurrency": 1})
        first, second = post(here, 1)[0], None
        starts = here.start()
        second = post(here, 1)[0]
        assert not here.start()
        accept(here, starts)
        post(here, 1)
        (next_one,) = here.start()
        assert next_one.lead_id == second != first

    def test_it_begins_no_more_in_a_second_than_it_may(self):
        here = shop(limits={"per_minute": 3})
        post(here, 8)
        starts = here.start()
        assert len(starts) == 3
        windows = list(CapCount.objects.order_by("starts").values_list("used", "booked"))
        assert windows in ([(3, 0), (0, 3), (0, 2)], [(3, 3), (0, 2)])
        due = Work.objects.filter(lease=None).order_by("due_at")
        assert len({each.due_at for each in due}) == 5

    def test_who_waits_for_something_else_stands_in_nobodys_way(self):
        here = shop(limits={"concurrency": 1})
        post(here, 2)
        starts = here.start()
        assert count("room").booked == 1
        made = Recipient.objects.get()
        made.caps = [{"count": 0, "per": "month", "full": "hold"}]
        made.save()
        here.take((), [(starts[0], attempt(Outcome.REJECTED))])
        assert not here.start()
        assert Delivery.objects.get(state="waiting").waits_for.startswith("Monthly cap")
        assert (count("room").reserved, count("room").booked) == (0, 0)

    def test_they_leave_test_leads_alone(self):
        made = recipient("a", sandbox=True)
        made.limits = {"concurrency": 1}
        made.save()
        here = scene(made)
        for _ in range(3):
            here.post(test=True, email=f"{uuid.uuid4().hex}@example.com")
        assert len(here.start()) == 3


@pytest.mark.django_db(transaction=True)
def test_a_cap_is_exact_under_many_pumps(clear_record):
    """Pumps in threads, each taking turns as fast as it can: reserved places are given back by
    those who are declined, and taken by others."""
    here = shop(caps=[{"count": 40, "per": "day", "full": "hold"}])
    post(here, 120)
    errors: list[BaseException] = []

    def pump(number: int) -> None:
        mine = Scene(here.flow, here.source, lease=str(uuid.uuid4()))
        try:
            for round_ in range(200):
                with connection.cursor() as cursor:
                    claimed = claim.claim(
                        cursor,
                        "flows_work",
                        lease=mine.lease,
                        seconds=90,
                        places={},
                        otherwise=3,
                    )
                starts = mine.take(claimed).starts
                results = [
                    (each, attempt(Outcome.REJECTED if (i + round_) % 3 == 0 else Outcome.ACCEPTED))
                    for i, each in enumerate(starts)
                ]
                mine.take((), results)
                if not starts and not Work.objects.filter(lease=None).exists():
                    break
                with connection.cursor() as cursor:
                    cursor.execute(
                        "UPDATE flows_work SET due_at = clock_timestamp() WHERE id IN ("
                        "SELECT id FROM flows_work WHERE lease IS NULL "
                        "AND delivery_id IS NOT NULL FOR UPDATE SKIP LOCKED)"
                    )
                if Delivery.objects.filter(state="accepted").count() >= 40 and not starts:
                    break
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=pump, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    accepted = Delivery.objects.filter(state="accepted").count()
    assert accepted == 40
    assert (count().reserved, count().used) == (0, 40)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "terms", [{"caps": [{"count": 1, "per": "month"}]}, {"limits": {"concurrency": 1}}]
)
def test_of_two_turns_that_count_on_one_place_the_second_is_taken_anew(
    terms, clear_record, monkeypatch
):
    """Both have read that there is a place before either writes."""
    here = shop(**terms)
    post(here, 2)
    both = threading.Barrier(2)
    met = threading.local()
    write = Counters.write

    def meet(counting: Counters) -> None:
        if not hasattr(met, "once"):
            met.once = True
            both.wait(timeout=60)
        write(counting)

    monkeypatch.setattr(Counters, "write", meet)
    plans.current()
    claimed = here.claim()
    started: list = []

    def take(one) -> None:
        try:
            started.extend(here.take([one]).starts)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take, args=(one,)) for one in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 1
    assert Delivery.objects.filter(state="sending").count() == 1
    assert CapCount.objects.get().reserved == 1
