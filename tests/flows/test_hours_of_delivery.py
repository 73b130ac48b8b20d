"""Deliveries outside of a recipient's hours: held until it opens, or given to the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from events.models import Delivery
from flows.models import CapCount, Work
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene
from tests.flows.steps.test_auctions import answer, asked, begin, bid, bidder

pytestmark = pytest.mark.django_db

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def closed_today(zone: str = "UTC", **options) -> dict:
    """Open all of the day after tomorrow alone, by the clock of the zone."""
    day = datetime.now(ZoneInfo(zone)) + timedelta(days=2)
    return {DAYS[day.weekday()]: "24h", **options}


def shop(hours: dict, *slugs: str, **fields) -> Scene:
    made = [recipient(slug) for slug in slugs or ("a",)]
    made[0].hours = hours
    for name, value in fields.items():
        setattr(made[0], name, value)
    made[0].save()
    return scene(*made, pattern="waterfall")


def test_it_holds_until_it_opens():
    here = shop(closed_today(hold_at_most="5d"))
    here.post()
    assert not here.start()
    delivery, work = Delivery.objects.get(), Work.objects.get()
    assert delivery.state == "waiting"
    assert delivery.waits_for.startswith("Closed: A opens ")
    opens = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=2)
    assert timedelta(minutes=-1) < work.due_at - opens < timedelta(minutes=2)
    assert delivery.attempts == 0


def test_it_goes_to_the_next_where_it_does_not_wait():
    here = shop(closed_today(closed="skip"), "a", "b")
    here.post()
    (sending,) = here.start()
    assert sending.plan.slug == "b"
    assert Delivery.objects.get(state="skipped").reason.startswith("Closed: A opens ")


def test_a_lead_that_would_grow_too_old_goes_to_the_next():
    here = shop(closed_today(hold_at_most="1h"), "a", "b")
    here.post()
    (sending,) = here.start()
    assert sending.plan.slug == "b"
    assert "older than it is held" in Delivery.objects.get(state="skipped").reason


def test_the_leads_own_clock_may_count():
    """One zone is in the hours, the other is not: 24 hours a day in one alone of two zones."""
    now = datetime.now(UTC)
    # Half an hour around what the clock shows in California.
    there = now.astimezone(ZoneInfo("America/Los_Angeles"))
    first, last = there - timedelta(minutes=30), there + timedelta(minutes=30)
    span = {"daily": f"{first:%H:%M}-{last:%H:%M}", "closed": "skip", "timezone": "lead"}
    here = shop(span, "a", "b", timezone="Asia/Kolkata")
    here.post(state="CA")
    here.post(state="TX", email="other@example.com")
    assert sorted(each.plan.slug for each in here.start()) == ["a", "b"]


def test_what_the_buyer_may_have_waits_also_where_others_move_on():
    here = shop({"daily": "24h"}, "a", "b")
    here.post()
    (sending,) = here.start()
    here.take((), [(sending, attempt(Outcome.UNKNOWN))])
    buyer = Delivery.objects.get().recipient
    buyer.hours = closed_today(closed="skip")
    buyer.save()
    here.hurry()
    assert not here.start()
    assert Delivery.objects.get().state == "waiting"


def test_test_leads_go_at_any_time():
    made = recipient("a", sandbox=True)
    made.hours = closed_today()
    made.save()
    here = scene(made)
    here.post(test=True)
    assert len(here.start()) == 1


def test_an_auction_asks_nobody_who_is_closed_or_full_and_takes_no_place():
    full, closed, limited = bidder("full"), bidder("closed"), bidder("limited")
    full.caps = [{"count": 0, "per": "month"}]
    closed.hours = closed_today()
    limited.caps = [{"count": 1, "per": "month"}]
    for each in (full, closed, limited):
        each.save()
    stage = scene(full, closed, limited, pattern="ping_post")
    told = stage.post()
    inquiry = begin(stage)
    assert asked(inquiry) == ["limited"]
    assert not CapCount.objects.exists()
    answer(stage, inquiry, limited=bid("50"))
    assert CapCount.objects.get().reserved == 1
    without = stage.event(told, "auction.decided").data["without_bid"]
    said = sorted(each["reason"] for each in without)
    assert said[0].startswith("Closed: Closed opens ")
    assert said[1] == "Monthly cap reached (0/0)"
