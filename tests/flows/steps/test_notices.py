"""Who bid in vain is told, once, without the price, and nobody waits for it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from events.models import Event
from flows.models import Bid, Step
from flows.turns import turn
from flows.turns.inquiries import Inquiry
from recipients.deliver import Attempt, rehearse
from recipients.models import Ping, Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, scene
from tests.flows.steps.test_auctions import NO, answer, begin, bid, bidder

pytestmark = pytest.mark.django_db
ACCEPTED = attempt(Outcome.ACCEPTED)


def told(slug: str, **terms: Any) -> Recipient:
    return bidder(slug, lost_url=f"https://{slug}.example/lost?bid={{{{bid.id}}}}", **terms)


def auction(*recipients: Recipient) -> Scene:
    stage = scene(*recipients, pattern="ping_post")
    Step.objects.filter(kind="deliver").update(tell_losers=True)
    return stage


def sell(stage: Scene, **bids: Attempt | None) -> turn.Done:
    """Post to the best bid, who accepts."""
    (post,) = answer(stage, begin(stage), **bids).starts
    return stage.take((), [(post, ACCEPTED)])


def names(inquiry: Inquiry) -> list[str]:
    return [question.plan.slug for question in inquiry.questions]


def come_back(stage: Scene, notice: Inquiry, *answers: Attempt | None) -> turn.Done:
    return turn.take(
        turn.Turn([], [], stage.lease, stage.lease_seconds, lambda _: True, [(notice, answers)])
    )


def test_it_tells_those_who_bid_and_were_not_sent_the_lead() -> None:
    stage = auction(told("a"), told("b"), told("c"), told("d"))
    stage.post()
    (notice,) = sell(stage, a=bid("45"), b=bid("52"), c=bid("38"), d=NO).asks
    assert notice.notice
    assert names(notice) == ["a", "c"]


def test_who_declined_the_lead_knows_already() -> None:
    stage = auction(told("a"), told("b"))
    stage.post()
    (post,) = answer(stage, begin(stage), a=bid("45"), b=bid("52")).starts
    (next_best,) = stage.take((), [(post, attempt(Outcome.REJECTED))]).starts
    assert stage.take((), [(next_best, ACCEPTED)]).asks == []


def test_it_posts_the_bid_id_and_that_it_lost_and_nothing_else() -> None:
    stage = auction(told("a"), told("b"))
    stage.post()
    (notice,) = sell(stage, a=bid("45", "A 7"), b=bid("52")).asks
    (question,) = notice.questions
    made = rehearse(question.plan, question.endpoint, question.context, reply=None)
    assert made.request is not None
    assert made.request.method == "POST"
    assert made.request.url == "https://a.example/lost?bid=A%207"
    assert json.loads(made.request.body or "") == {"bid_id": "A 7", "outcome": "lost"}
    assert "52" not in f"{made.request.headers}"


def test_its_address_knows_nothing_of_the_person() -> None:
    stage = auction(
        bidder("a", lost_url="https://a.example/lost?who={{lead.email}}&bid={{bid.id}}"), told("b")
    )
    stage.post()
    (notice,) = sell(stage, a=bid("45", "A7"), b=bid("52")).asks
    (question,) = notice.questions
    made = rehearse(question.plan, question.endpoint, question.context, reply=None)
    assert made.request is not None
    assert "ann" not in made.request.url


def test_nobody_is_told_who_has_no_address_or_whose_step_does_not_say_so() -> None:
    stage = auction(bidder("a"), bidder("b"))
    stage.post()
    assert sell(stage, a=bid("45"), b=bid("52")).asks == []
    Step.objects.filter(kind="deliver").update(tell_losers=False)
    Ping.objects.update(lost_url="https://buyer.example/lost")
    Recipient.objects.get(slug="a").save()
    stage.post(email="other@example.com")
    assert sell(stage, a=bid("45"), b=bid("52")).asks == []


def test_nobody_is_told_of_a_lead_that_is_not_sold() -> None:
    stage = auction(told("a"), told("b", minimum=Decimal(60)))
    stage.post()
    (post,) = answer(stage, begin(stage), a=bid("45"), b=bid("52")).starts
    assert stage.take((), [(post, attempt(Outcome.REJECTED))]).asks == []


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (attempt(Outcome.ACCEPTED), "accepted", ""),
        (attempt(Outcome.SERVER_ERROR, reason="HTTP 500"), "server_error", "HTTP 500"),
        (None, "unknown", "No answer in time"),
    ],
)
def test_the_record_says_what_came_of_it(reply: Attempt | None, outcome: str, reason: str) -> None:
    stage = auction(told("a"), told("b"))
    lead = stage.post()
    (notice,) = sell(stage, a=bid("45", "A7"), b=bid("52")).asks
    assert stage.lead(lead).status == "done"  # it has not waited
    done = come_back(stage, notice, reply)
    assert (done.refused, done.starts, done.asks) == (0, [], [])
    event = stage.event(lead, "auction.told")
    assert (event.outcome, event.reason, event.entity_id) == (
        outcome, reason, notice.questions[0].about,
    )  # fmt: skip
    assert event.data["bid"] == {"amount": 45.0, "id": "A7"}
    assert "52" not in json.dumps(event.data["recipient"] | event.data["step"])


def test_what_came_of_it_is_recorded_once() -> None:
    stage = auction(told("a"), told("b"))
    stage.post()
    (notice,) = sell(stage, a=bid("45"), b=bid("52")).asks
    come_back(stage, notice, ACCEPTED)
    come_back(stage, notice, ACCEPTED)
    assert Event.objects.filter(type="auction.told").count() == 1
    assert sorted(Bid.objects.values_list("told", flat=True)) == ["", "accepted"]


def test_a_notice_takes_no_place_of_a_pump() -> None:
    stage = auction(told("a"), told("b"))
    stage.post()
    (post,) = answer(stage, begin(stage), a=bid("45"), b=bid("52")).starts
    assert len(stage.take((), [(post, ACCEPTED)], places=False).asks) == 1


def test_who_always_bids_the_same_cannot_be_told() -> None:
    ping = Ping(recipient=Recipient(slug="a"), static_bid=Decimal(5), lost_url="https://a.example")
    with pytest.raises(ValidationError, match="not asked"):
        ping.clean()


@pytest.mark.parametrize("url", ["buyer.example/lost", "sftp://a.example/x", "https://a/{{#if}}"])
def test_an_address_that_cannot_be_posted_to_is_refused(url: str) -> None:
    made = told("a")
    made.ping.lost_url = url
    with pytest.raises(ValidationError):
        made.ping.full_clean()
