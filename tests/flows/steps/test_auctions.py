"""Auctions of ping/post steps, turn by turn: asked at once, posted to the best, safe in a crash."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from events.models import Delivery, Event
from flows.models import Bid, Step, Work
from flows.turns import turn
from flows.turns.inquiries import Inquiry
from recipients.deliver import Attempt
from recipients.models import Endpoint, Ping, Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db


def bidder(slug: str, **terms: Any) -> Recipient:
    made = recipient(slug, sandbox=True)
    Ping.objects.create(
        recipient=made,
        mapping={"state": "{{lead.state}}"},
        bid_path="price",
        bid_id_path="bidId",
        **terms,
    )
    if "static_bid" not in terms:
        Endpoint.objects.create(
            recipient=made, kind="ping", url=f"https://{slug}.example/ping", timeout=2.0
        )
    return made


def bid(amount: str | None, bid_id: str = "") -> Attempt:
    price = None if amount is None else Decimal(amount)
    return attempt(Outcome.ACCEPTED, price=price, buyer_lead_id=bid_id)


NO = attempt(Outcome.REJECTED, reason="Not my state")


def asked(inquiry: Inquiry) -> list[str]:
    return [question.plan.slug for question in inquiry.questions]


def begin(stage: Scene) -> Inquiry:
    """Claim what is due; the one inquiry that comes of it."""
    (inquiry,) = stage.take(stage.claim()).asks
    return inquiry


def answer(stage: Scene, inquiry: Inquiry, **answers: Attempt | None) -> turn.Done:
    found = tuple(answers.get(slug) for slug in asked(inquiry))
    return turn.take(
        turn.Turn([], [], stage.lease, stage.lease_seconds, lambda _: True, [(inquiry, found)])
    )


def sent_to(done: turn.Done) -> list[str]:
    return [sending.plan.slug for sending in done.starts]


def test_it_asks_all_at_once_and_posts_to_the_highest_bid() -> None:
    stage = scene(bidder("a"), bidder("b"), bidder("c"), pattern="ping_post")
    told = stage.post()
    inquiry = begin(stage)
    assert asked(inquiry) == ["a", "b", "c"]
    done = answer(stage, inquiry, a=bid("45"), b=bid("52", "B-7"), c=bid("38"))
    (post,) = done.starts
    assert post.plan.slug == "b"
    assert post.context["bid"] == {"id": "B-7", "amount": Decimal(52)}
    stage.take((), [(post, attempt(Outcome.ACCEPTED))])
    lead = stage.lead(told)
    assert (lead.result, lead.revenue) == ("sold", Decimal(52))
    assert stage.types(told) == [
        "source.submitted", "source.accepted", "filter.passed", "auction.opened",
        "auction.bid", "auction.bid", "auction.bid", "auction.decided",
        "recipient.delivery_attempt", "recipient.delivered", "flow.completed",
    ]  # fmt: skip


def test_it_posts_to_the_next_when_the_winner_declines_and_to_the_one_after_that() -> None:
    stage = scene(bidder("a"), bidder("b"), bidder("c"), pattern="ping_post")
    told = stage.post()
    done = answer(stage, begin(stage), a=bid("45"), b=bid("52"), c=bid("38"))
    assert sent_to(done) == ["b"]
    done = stage.take((), [(done.starts[0], attempt(Outcome.REJECTED))])
    assert sent_to(done) == ["a"]
    done = stage.take((), [(done.starts[0], attempt(Outcome.DUPLICATE))])
    assert sent_to(done) == ["c"]
    stage.take((), [(done.starts[0], attempt(Outcome.ACCEPTED))])
    assert stage.lead(told).revenue == Decimal(38)
    assert "auction.opened" in stage.types(told)
    assert stage.types(told).count("auction.opened") == 1


def test_it_ranks_what_remains_after_our_margin() -> None:
    stage = scene(bidder("a", margin=Decimal("0.2")), bidder("b"), pattern="ping_post")
    stage.post()
    assert sent_to(answer(stage, begin(stage), a=bid("50"), b=bid("41"))) == ["b"]


def test_it_takes_no_bid_below_the_minimum() -> None:
    stage = scene(bidder("a", minimum=Decimal(20)), pattern="ping_post")
    told = stage.post()
    assert sent_to(answer(stage, begin(stage), a=bid("19.99"))) == []
    assert stage.lead(told).result == "unsold"


def test_a_bid_of_nothing_is_a_bid() -> None:
    stage = scene(bidder("a"), pattern="ping_post")
    stage.post()
    assert sent_to(answer(stage, begin(stage), a=bid("0"))) == ["a"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (NO, "Not my state"),
        (None, "No answer in time"),
        (bid(None), "No bid in the reply"),
        (bid("-1"), "No bid in the reply"),
        (bid("123456789012"), "No bid in the reply"),
        (attempt(Outcome.UNAVAILABLE, reason="Connection refused"), "Connection refused"),
    ],
)
def test_what_is_no_bid_says_why(reply: Attempt | None, reason: str) -> None:
    stage = scene(bidder("a"), bidder("b"), pattern="ping_post")
    told = stage.post()
    assert sent_to(answer(stage, begin(stage), a=reply, b=bid("5"))) == ["b"]
    event = Event.objects.filter(lead_id=told.lead_id, type="auction.bid").order_by("seq").first()
    assert event is not None
    assert event.reason == reason
    assert event.outcome != "accepted"
    assert event.data["bid"]["amount"] is None


def test_a_bid_below_the_minimum_says_so() -> None:
    stage = scene(bidder("a", minimum=Decimal(10)), bidder("b"), pattern="ping_post")
    told = stage.post()
    assert sent_to(answer(stage, begin(stage), a=bid("9.5"), b=bid("5"))) == ["b"]
    [left_out] = stage.event(told, "auction.decided").data["without_bid"]
    assert left_out["reason"] == "The bid of 9.50 is below the minimum of 10.00"


def test_a_static_bid_is_not_asked_and_takes_part() -> None:
    stage = scene(bidder("a"), bidder("b", static_bid=Decimal(50)), pattern="ping_post")
    stage.post()
    inquiry = begin(stage)
    assert asked(inquiry) == ["a"]
    assert sent_to(answer(stage, inquiry, a=bid("45"))) == ["b"]


def test_a_recipient_without_a_ping_offers_its_price() -> None:
    stage = scene(recipient("a", "60.00"), bidder("b"), pattern="ping_post")
    stage.post()
    assert sent_to(answer(stage, begin(stage), b=bid("55"))) == ["a"]


def test_who_would_not_get_the_lead_is_not_asked_for_it() -> None:
    off, busy = bidder("off"), bidder("busy")
    Recipient.objects.filter(pk=off.pk).update(active=False)
    Recipient.objects.filter(pk=busy.pk).update(
        filter={"all": [{"field": "state", "op": "is", "value": "CA"}]}
    )
    stage = scene(off, busy, bidder("c"), pattern="ping_post")
    told = stage.post()
    inquiry = begin(stage)
    assert asked(inquiry) == ["c"]
    answer(stage, inquiry, c=bid("5"))
    decided = stage.event(told, "auction.decided").data
    assert [each["recipient_id"] for each in decided["ranking"]] == [inquiry.questions[0].about]
    said = [each["reason"] for each in decided["without_bid"]]
    assert said[0] == "Off is switched off"
    assert said[1].startswith("Recipient's filter: ")


def test_it_ends_at_once_when_nobody_is_left_to_ask() -> None:
    only = bidder("a")
    Recipient.objects.filter(pk=only.pk).update(active=False)
    pool = recipient("pool")
    stage = scene(only, pattern="ping_post", remediation=pool)
    stage.post()
    done = stage.take(stage.claim())
    assert done.asks == []
    assert sent_to(done) == ["pool"]


def test_test_leads_are_offered_to_nobody_and_go_to_a_sandbox() -> None:
    stage = scene(bidder("a"), pattern="ping_post")
    stage.post(test=True)
    done = stage.take(stage.claim())
    assert done.asks == []
    assert [sending.endpoint.kind for sending in done.starts] == ["sandbox"]


def test_after_a_crash_it_asks_again_and_late_answers_count_for_nothing() -> None:
    stage = scene(bidder("a"), pattern="ping_post")
    told = stage.post()
    lost = begin(stage)
    assert stage.claim() == []  # its lease holds
    stage.expire()
    again = begin(stage)
    assert again.id != lost.id
    done = answer(stage, lost, a=bid("99"))
    assert (done.refused, done.starts) == (1, [])
    assert not Bid.objects.exists()
    (post,) = answer(stage, again, a=bid("45")).starts
    stage.take((), [(post, attempt(Outcome.ACCEPTED))])
    assert stage.lead(told).revenue == Decimal(45)
    assert Delivery.objects.count() == 1
    assert not Work.objects.exists()


def test_a_crash_between_bids_and_post_asks_nobody_again() -> None:
    stage = scene(bidder("a"), bidder("b"), pattern="ping_post")
    stage.post()
    (post,) = answer(stage, begin(stage), a=bid("45"), b=bid("40")).starts
    stage.expire()
    done = stage.take(stage.claim())  # the post's worker is gone: the retry comes later
    assert done.asks == []
    assert stage.hurry()
    (again,) = stage.start()
    assert again.delivery_id == post.delivery_id
    assert again.context["bid"]["amount"] == Decimal(45)


def test_answers_that_come_when_a_person_has_closed_the_lead_are_dropped() -> None:
    stage = scene(bidder("a"), pattern="ping_post")
    told = stage.post()
    inquiry = begin(stage)
    stage.lead(told).__class__.objects.filter(id=told.lead_id).update(status="done")
    assert answer(stage, inquiry, a=bid("45")).starts == []


def test_a_step_that_is_no_auction_any_more_sells_by_its_new_pattern() -> None:
    stage = scene(bidder("a"), bidder("b"), pattern="ping_post")
    stage.post()
    inquiry = begin(stage)
    Step.objects.get(kind="deliver").__class__.objects.filter(kind="deliver").update(
        pattern="waterfall"
    )
    Recipient.objects.get(slug="a").save()  # configuration has changed
    stage.move()
    assert sent_to(answer(stage, inquiry, a=bid("1"), b=bid("2"))) == ["a"]


def test_no_place_free_lets_the_auction_wait() -> None:
    stage = scene(bidder("a"), pattern="ping_post")
    told = stage.post()
    done = stage.take(stage.claim(), places=False)
    assert (done.asks, stage.lead(told).inquiry) == ([], "")
    assert asked(begin(stage)) == ["a"]


def test_a_refused_ping_pauses_its_address_and_sells_all_the_same() -> None:
    stage = scene(bidder("a"), bidder("b"), pattern="ping_post")
    stage.post()
    refused = attempt(Outcome.UNAUTHORIZED, reason="HTTP 401")
    assert sent_to(answer(stage, begin(stage), a=refused, b=bid("5"))) == ["b"]
    assert Endpoint.objects.get(recipient__slug="a", kind="ping").paused_at is not None
    stage.post(email="other@example.com")
    assert asked(begin(stage)) == ["b"]
