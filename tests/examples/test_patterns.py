"""Whom a lead goes to: a single buyer, a waterfall with its remediation pool, a window, all at
once, each its share."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from django.db import connection

from flows import plans
from recipients.outcomes import Outcome
from tests.examples.stage import Stage

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_single_buyer_is_delivered_to_at_once(stage: Stage) -> None:
    stage.load("single-buyer-delivery")
    story = stage.post()
    assert stage.once() == 1
    assert (story.delivery.state, story.lead.status, story.lead.result) == (
        "accepted",
        "done",
        "sold",
    )
    assert stage.body()["first_name"] == "John"


def test_a_single_buyer_gets_ten_seconds_and_three_retries(stage: Stage) -> None:
    stage.load("single-buyer-delivery", ("primary-buyer/accept", "primary-buyer/error"))
    story = stage.run()
    (plan,) = plans.current().recipients.values()
    assert plan.production is not None
    assert plan.production.timeout == 10.0
    for outcome in (Outcome.SERVER_ERROR, Outcome.UNAVAILABLE, Outcome.UNKNOWN):
        assert [plan.retry.rule(outcome).longest(number) for number in (1, 2, 3)] == [1, 2, 4]
    assert (story.delivery.attempts, len(stage.log())) == (4, 4)
    assert story.lead.result == "unsold"


# Answers of A, B and C → who bought it, for how much, and whom it was offered to.
WATERFALL = {
    "the first takes it": (("accept", "accept", "accept"), "buyer-a", "50.00", 1),
    "after a rejection": (("reject", "accept", "accept"), "buyer-b", "40.00", 2),
    "after a rejection and an error": (("reject", "error", "accept"), "buyer-c", "30.00", 3),
    "after a 400 and a duplicate": (("invalid", "duplicate", "accept"), "buyer-c", "30.00", 3),
    "nobody takes it": (("reject", "error", "reject"), "remediation-pool", "2.50", 4),
}
BUYERS = ["buyer-a", "buyer-b", "buyer-c", "remediation-pool"]


@pytest.mark.parametrize("case", WATERFALL)
def test_a_waterfall_goes_on_until_somebody_takes_it(stage: Stage, case: str) -> None:
    answers, winner, price, offered = WATERFALL[case]
    stage.load(
        "waterfall",
        ("buyer-a/reject", f"buyer-a/{answers[0]}"),
        ("buyer-b/error", f"buyer-b/{answers[1]}"),
        ("buyer-c/accept", f"buyer-c/{answers[2]}"),
    )
    story = stage.run()
    assert story.to(winner).state == "accepted"
    assert story.lead.revenue == Decimal(price)
    assert story.event("recipient.delivered").data["recipient"]["slug"] == winner
    assert [slug for slug in BUYERS if stage.log(f"{slug}/")] == BUYERS[:offered]


def test_a_lead_that_not_even_the_pool_takes_is_unsold(stage: Stage) -> None:
    stage.load("waterfall", ("buyer-c/accept", "buyer-c/reject"), ("pool/accept", "pool/reject"))
    story = stage.run()
    assert (story.lead.status, story.lead.result, story.lead.revenue) == ("done", "unsold", 0)
    assert len(story.events("recipient.failed")) == 4


def days_pass(days: float) -> None:
    """Leads are older by so much, and what waits is due so much earlier."""
    with connection.cursor() as cursor:
        for table, column in (("events_lead", "created_at"), ("flows_work", "due_at")):
            cursor.execute(f"UPDATE {table} SET {column} = {column} - %s * interval '1 d'", [days])


def test_an_exclusive_window_opens_tier_by_tier(stage: Stage) -> None:
    stage.load("exclusive-window")
    story = stage.post()
    assert stage.once() == 2  # both premium partners, one after the other
    assert story.lead.status == "working"
    days_pass(0.5)
    assert stage.once() == 0
    days_pass(0.6)
    assert stage.once() == 1
    assert story.to("standard").state == "declined"
    days_pass(1)
    assert stage.once() == 1
    assert story.to("open-market").state == "accepted"
    assert (story.lead.result, story.lead.revenue) == ("sold", Decimal("10.00"))


# How old the lead is when it is sold, to whom, and for how much.
TIERS = {
    "premium-partner": (0.0, "75.00"),
    "standard-partner": (1.1, "45.00"),
    "open-market": (2.1, "15.00"),
}


@pytest.mark.parametrize("buyer", TIERS)
def test_each_tier_of_a_window_has_its_own_price(stage: Stage, buyer: str) -> None:
    days, price = TIERS[buyer]
    stage.load(
        "exclusive-tiers", (f"{buyer}/{'accept' if days > 2 else 'reject'}", f"{buyer}/accept")
    )
    story = stage.post()
    assert stage.once() == 1
    if days:
        days_pass(days)
        stage.once()
    assert story.to(buyer).state == "accepted"
    assert story.lead.revenue == Decimal(price)


def test_a_lead_sent_to_all_at_once_is_sold_once(stage: Stage) -> None:
    stage.load("simultaneous")
    story = stage.run()
    sold = [story.to(slug) for slug in ("buyer-b", "buyer-c") if story.to(slug).sold]
    assert len(sold) == 1
    assert story.lead.revenue == sold[0].price
    assert sorted(e.data.get("late", False) for e in story.events("recipient.delivered")) == [
        False,
        True,
    ]
    assert story.to("buyer-a").state == "skipped"
    assert story.to("buyer-a").reason == f"Sold to {sold[0].recipient.name}"
    assert len(stage.log()) == 3


def test_the_highest_bid_gets_the_post(stage: Stage) -> None:
    stage.load("ping-post")
    story = stage.run()
    assert story.to("buyer-b").state == "accepted"
    assert (story.lead.result, story.lead.revenue) == ("sold", Decimal("52.00"))
    partial = {"state": "TX", "loan_amount": 25000, "credit_range": "680-720"}
    for letter in "abc":
        assert stage.body(f"buyer-{letter}-ping/") == partial
    posted = stage.body("buyer-b/")
    assert posted["email"] == "john.smith@example.com"
    assert posted["bid_id"].startswith("BID")
    assert not stage.log("buyer-a/")
    assert not stage.log("buyer-c/")


def test_those_who_bid_less_are_told_without_the_price(stage: Stage) -> None:
    stage.load("ping-post")
    story = stage.run()
    assert not stage.log("buyer-b-lost/")
    for letter in "ac":
        notice = stage.body(f"buyer-{letter}-lost/")
        assert (notice["outcome"], set(notice)) == ("lost", {"bid_id", "outcome"})
    assert [e.outcome for e in story.events("auction.told")] == ["accepted", "accepted"]


# What becomes of the post of the highest bid → who bought it, for how much.
AFTER = {
    "it rejects the lead": ("reject", "buyer-a", "45.00"),
    "it has the lead already": ("duplicate", "buyer-a", "45.00"),
    "it fails": ("error", "buyer-a", "45.00"),
}


@pytest.mark.parametrize("case", AFTER)
def test_if_the_highest_bid_fails_the_next_highest_gets_it(stage: Stage, case: str) -> None:
    does, winner, price = AFTER[case]
    stage.load("ping-post", ("buyer-b/accept", f"buyer-b/{does}"))
    story = stage.run()
    assert story.to(winner).state == "accepted"
    assert story.lead.revenue == Decimal(price)
    assert len(story.events("auction.opened")) == 1


def test_if_all_but_the_lowest_reject_it_the_lowest_gets_it(stage: Stage) -> None:
    stage.load(
        "ping-post",
        ("buyer-a/accept", "buyer-a/reject"),
        ("buyer-b/accept", "buyer-b/reject"),
    )
    story = stage.run()
    assert story.lead.revenue == Decimal("38.00")
    assert not stage.log("buyer-a-lost/")  # they had it, and said no


def test_each_buyer_gets_its_share(stage: Stage) -> None:
    stage.load("percentage")
    bought: Counter[str] = Counter()
    for number in range(10):
        story = stage.run(email=f"lead{number}@example.com", state="CA")
        bought[story.delivery.recipient.slug] += 1
    assert bought == {"buyer-a": 6, "buyer-b": 4}
    story = stage.run(email="texan@example.com", state="TX")
    assert (story.delivery.recipient.slug, story.lead.revenue) == ("buyer-a", Decimal("65.00"))
