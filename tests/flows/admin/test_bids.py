"""Bids on a recipient's page: what is said of them, and how it has bid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from events import figures, periods, rollups, verify
from flows.admin.bids import bids_of
from recipients.models import Endpoint, Ping, Recipient
from recipients.outcomes import Outcome
from tests.factories import make_recipient, make_user
from tests.flows.scene import attempt, scene
from tests.flows.steps.test_auctions import NO, answer, begin, bid, bidder
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def test_it_adds_up_who_was_asked_and_what_they_bid():
    stage = scene(bidder("a"), bidder("b"), bidder("c"), pattern="ping_post")
    for number, of_b in enumerate(("40", "60")):
        stage.post(email=f"lead{number}@example.com", phone_1=f"555555123{number}")
        (post,) = answer(
            stage, begin(stage), a=bid("45.01" if number else "45"), b=bid(of_b), c=None
        ).starts
        stage.take((), [(post, attempt(Outcome.ACCEPTED))])
    ids = dict(Recipient.objects.values_list("slug", "id"))
    assert dict(bids_of(ids["b"])) == {
        "Asked": "2", "Bid": "2", "Average bid": "50.00", "Best bid": "1", "No answer in time": "0",
    }  # fmt: skip
    assert dict(bids_of(ids["a"]))["Average bid"] in ("45.00", "45.01")  # to the cent
    silent = dict(bids_of(ids["c"]))
    assert (silent["Asked"], silent["Bid"], silent["No answer in time"]) == ("2", "0", "2")
    assert verify.figures().problems == []
    rollups.fold()
    assert dict(bids_of(ids["b"]))["Average bid"] == "50.00"


def test_a_bid_is_no_revenue_and_no_cost():
    stage = scene(bidder("a"), bidder("b"), pattern="ping_post")
    stage.post()
    (post,) = answer(stage, begin(stage), a=bid("45"), b=NO).starts
    stage.take((), [(post, attempt(Outcome.ACCEPTED))])
    now = datetime.now(UTC)
    span = periods.Span(now - timedelta(days=1), now + timedelta(hours=1), ZoneInfo("UTC"))
    [cells] = figures.read(figures.Scope(span), [("recipient_id", "kind", "outcome")])
    summed = figures.summaries(cells, [], "recipient_id")
    assert sum(each.revenue for each in summed.values()) == Decimal(45)
    assert sum(each.cost for each in summed.values()) == Decimal(15)


def test_its_page_takes_bids_with_their_endpoint(ops):
    abc = make_recipient()
    Endpoint.objects.create(recipient=abc, kind="ping", url="https://abc.example/ping")
    answer = submit(
        ops,
        page_of(abc),
        ping__TOTAL_FORMS="1",
        ping__0__mapping="state: '{{lead.state}}'",
        ping__0__bid_path="price",
        ping__0__margin="0.1",
        ping__0__lost_url="https://abc.example/lost?bid={{bid.id}}",
    )
    assert answer.status_code == 302, errors_of(answer)
    ping = Ping.objects.get()
    assert (ping.mapping, ping.margin) == ({"state": "{{lead.state}}"}, Decimal("0.1"))


def test_bids_without_an_endpoint_say_so(ops):
    abc = make_recipient()
    page = submit(
        ops, page_of(abc), ping__TOTAL_FORMS="1", ping__0__mapping="{}", ping__0__bid_path="price",
        ping__0__margin="0",
    )  # fmt: skip
    assert "add an endpoint of the kind ping" in " ".join(errors_of(page))
    assert not Ping.objects.exists()


def test_an_endpoint_without_bids_says_so(ops):
    abc = make_recipient()
    Endpoint.objects.create(recipient=abc, kind="ping", url="https://abc.example/ping")
    assert "it is not asked" in text_of(ops.get(page_of(abc)))
    page = submit(ops, page_of(abc), notes="changed")
    assert "say how its bids are read" in text_of(page)


def test_its_page_shows_the_week(ops):
    stage = scene(bidder("a"), pattern="ping_post")
    stage.post()
    answer(stage, begin(stage), a=bid("45"))
    assert "Average bid" in text_of(ops.get(page_of(Recipient.objects.get(slug="a"))))
