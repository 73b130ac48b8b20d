"""A pricing service asked at the door, with a real one on loopback."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Event
from flows.models import FlowSource
from flows.pricing import asking
from tests.flows.pricing.conftest import Quotes
from tests.flows.scene import Scene, recipient, scene


@pytest.fixture
def play(db, quotes: Quotes) -> Scene:
    play = scene(recipient("abc"))
    ask(play, quotes)
    return play


def ask(play: Scene, quotes: Quotes, **more) -> None:
    row = FlowSource.objects.get(flow=play.flow)
    row.pricing = {
        "url": quotes.url,
        "send": {"state": "{{lead.state}}", "source": "{{source.slug}}"},
        "price": "price",
        "timeout": "2s",
        **more,
    }
    row.full_clean()
    row.save()


def accepted(answer) -> dict:
    return Event.objects.get(lead_id=answer.lead_id, type="source.accepted").data


def test_it_is_paid_what_the_service_says(play, quotes):
    answer = play.post()
    assert (answer.outcome, answer.price) == ("accepted", Decimal("12.5"))
    assert quotes.asked == [{"state": "TX", "source": play.source.slug}]
    assert play.lead(answer).cost == Decimal("12.5")
    data = accepted(answer)
    assert data["price"] == 12.5
    assert data["pricing"]["by"] == "service"
    assert isinstance(data["pricing"]["ms"], int)


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ('{"price": null}', 200, "No price"),
        ("{}", 200, "No price"),
        ('{"price": -3}', 200, "The price is below zero"),
        ('{"price": "ann@example.com"}', 200, "The price is no number"),
        ('{"price": 31}', 200, "above 30"),
        ('{"price": 1.00001}', 200, "places"),
        ("not json", 200, ""),
        ('{"price": 5}', 500, "answered 500"),
        ('{"price": 5}', 302, "answered 302"),
        ('{"message": "unknown: ann@example.com"}', 403, "answered 403"),
        ("x" * 200_000, 200, ""),
    ],
)
def test_where_it_says_no_price_the_fallback_is_paid(play, quotes, answer, status, reason):
    ask(play, quotes, max_price=30)
    quotes.answer, quotes.status = answer, status
    found = play.post()
    assert found.price == Decimal(15)
    told = accepted(found)["pricing"]
    assert told["by"] == "fallback"
    assert told["reason"]
    assert reason in told["reason"]
    assert "ann@" not in told["reason"]  # the record is for ever


def test_a_price_of_nothing_is_a_price(play, quotes):
    quotes.answer = '{"price": 0}'
    answer = play.post()
    assert answer.price == 0
    assert accepted(answer)["pricing"]["by"] == "service"


def test_its_own_fallback_stands_before_rules_and_fixed_price(play, quotes):
    row = FlowSource.objects.get(flow=play.flow)
    row.prices = [{"when": {}, "price": "9.00"}]
    row.save()
    ask(play, quotes)
    quotes.status = 500
    answer = play.post()
    assert answer.price == 9
    assert accepted(answer)["pricing"]["rule"] == 1
    ask(play, quotes, fallback=5)
    assert play.post(email="b@example.com").price == 5


def test_a_service_that_is_slow_costs_no_more_than_its_time(play, quotes):
    quotes.delay = 30.0
    ask(play, quotes, timeout="200ms")
    answer = play.post()
    assert answer.price == 15
    assert "0.2 s" in accepted(answer)["pricing"]["reason"]


def test_nothing_is_open_in_the_database_while_it_is_asked(play, quotes, monkeypatch):
    seen = []
    real = asking.ask

    def watching(*args, **kwargs):
        with CaptureQueriesContext(connection) as queries:
            found = real(*args, **kwargs)
        seen.append(len(queries))
        return found

    monkeypatch.setattr("flows.arrival.preparing.asking.ask", watching)
    play.post()
    assert seen == [0]


def test_it_is_not_asked_about_leads_that_are_not_bought(play, quotes):
    play.post(email="")
    play.post(test=True)
    assert quotes.asked == []
    first = play.post(key="k1")
    assert play.post(key="k1").lead_id == first.lead_id
    assert len(quotes.asked) == 1


def test_a_failing_service_is_left_alone_for_a_while(play, quotes):
    quotes.status = 500
    for place in range(asking.FAILURES + 3):
        answer = play.post(email=f"a{place}@example.com")
        assert answer.price == 15
    assert len(quotes.asked) == asking.FAILURES
    assert "failed before" in accepted(answer)["pricing"]["reason"]


def test_few_threads_wait_for_services(play, quotes, monkeypatch):
    monkeypatch.setattr(asking, "PLACES", threading.BoundedSemaphore(1))
    asking.PLACES.acquire()
    answer = play.post()
    assert accepted(answer)["pricing"]["reason"] == "Too many leads wait for prices"
    assert quotes.asked == []


def test_a_missing_secret_stops_no_lead_and_is_told(play, quotes):
    ask(play, quotes, headers={"X-Key": "${NOWHERE_TO_BE_FOUND}"})
    answer = play.post()
    assert (answer.outcome, answer.price) == ("accepted", 15)
    assert "NOWHERE_TO_BE_FOUND" in accepted(answer)["pricing"]["reason"]


def test_a_secret_goes_out_and_nowhere_else(play, quotes, monkeypatch):
    monkeypatch.setenv("QUOTES_KEY", "s3cret-word-77")
    ask(play, quotes, headers={"X-Key": "${QUOTES_KEY}"})
    quotes.answer, quotes.status = '{"message": "bad key s3cret-word-77"}', 422
    answer = play.post()
    assert quotes.headers[0]["X-Key"] == "s3cret-word-77"
    assert "s3cret-word-77" not in str(accepted(answer))


def test_it_may_not_reach_where_deliveries_may_not(play, quotes):
    row = FlowSource.objects.get(flow=play.flow)
    row.pricing = {"url": "http://169.254.169.254/latest", "price": "price"}
    row.save()
    assert accepted(play.post())["pricing"]["by"] == "fallback"


def test_a_price_service_that_rests_is_tried_by_one(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(asking.time, "monotonic", lambda: now[0])
    patience = asking.Patience()
    for _ in range(asking.FAILURES):
        assert patience.may_ask("a")
        patience.note("a", good=False)
    assert not patience.may_ask("a")
    assert patience.may_ask("b")
    now[0] += asking.REST + 1
    assert patience.may_ask("a")
    assert not patience.may_ask("a")
    patience.note("a", good=True)
    assert patience.may_ask("a")
