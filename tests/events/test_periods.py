from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from events.periods import Span, floor

NEW_YORK = ZoneInfo("America/New_York")


def span(start: str, end: str, zone: ZoneInfo) -> Span:
    return Span(datetime.fromisoformat(start), datetime.fromisoformat(end), zone)


def test_it_steps_by_days_of_the_zone_over_the_change_of_clocks():
    # 2026-03-08 has 23 hours in New York.
    steps = span("2026-03-07T05:00Z", "2026-03-10T04:00Z", NEW_YORK).steps("day")
    assert [step.isoformat() for step in steps] == [
        "2026-03-07T05:00:00+00:00",
        "2026-03-08T05:00:00+00:00",
        "2026-03-09T04:00:00+00:00",
    ]


def test_it_gives_every_hour_once_when_clocks_go_back():
    steps = span("2026-11-01T04:00Z", "2026-11-01T08:00Z", NEW_YORK).steps("hour")
    assert len(steps) == len(set(steps)) == 4


def test_it_goes_back_by_the_calendar():
    earlier = span("2026-03-09T04:00Z", "2026-03-10T04:00Z", NEW_YORK).earlier(7)
    assert earlier.start.isoformat() == "2026-03-02T05:00:00+00:00"


@pytest.mark.parametrize(
    ("interval", "start"),
    [
        ("hour", "2026-11-20T23:00:00+00:00"),
        ("day", "2026-11-20T05:00:00+00:00"),
        ("week", "2026-11-16T05:00:00+00:00"),
        ("month", "2026-11-01T04:00:00+00:00"),
    ],
)
def test_it_finds_the_start_of_an_interval(interval: str, start: str):
    at = datetime(2026, 11, 20, 23, 40, tzinfo=UTC)
    assert floor(at, interval, NEW_YORK).isoformat() == start


def test_it_refuses_to_draw_endless_series():
    with pytest.raises(ValueError, match="more than"):
        span("2000-01-01T00:00Z", "2026-01-01T00:00Z", NEW_YORK).steps("hour")


@pytest.mark.parametrize(
    ("end", "interval"),
    [("2026-01-02T00:00Z", "hour"), ("2026-01-31T00:00Z", "day"), ("2026-12-01T00:00Z", "week")],
)
def test_it_chooses_steps_that_a_chart_can_show(end: str, interval: str):
    assert span("2026-01-01T00:00Z", end, NEW_YORK).interval == interval


def test_an_hour_belongs_to_the_day_in_which_it_begins():
    # Midnight in Kolkata is 18:30 UTC: the hour from 18:00 began the day before.
    kolkata = ZoneInfo("Asia/Kolkata")
    whole = span("2026-01-01T18:30Z", "2026-01-02T18:30Z", kolkata)
    assert whole.first_hour.isoformat() == "2026-01-01T19:00:00+00:00"
    part = span("2026-01-02T10:15Z", "2026-01-02T18:30Z", kolkata)
    assert part.first_hour.isoformat() == "2026-01-02T10:00:00+00:00"
