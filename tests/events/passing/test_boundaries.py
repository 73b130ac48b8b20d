"""When summaries are due, by the source's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.passing.boundaries import boundary, zone_of

NEW_YORK = ZoneInfo("America/New_York")
DAY, HOUR = 86_400.0, 3_600.0


@pytest.mark.parametrize(
    ("now", "every", "at", "due"),
    [
        ("2026-11-21T17:42:05+00:00", DAY, time(0), "2026-11-21T05:00:00+00:00"),
        ("2026-11-21T04:59:59+00:00", DAY, time(0), "2026-11-20T05:00:00+00:00"),
        ("2026-11-21T17:42:05+00:00", DAY, time(7, 30), "2026-11-21T12:30:00+00:00"),
        ("2026-11-21T17:42:05+00:00", HOUR, time(0, 15), "2026-11-21T17:15:00+00:00"),
        ("2026-11-21T17:42:05+00:00", 7 * DAY, time(0), "2026-11-16T05:00:00+00:00"),
        # The day of 23 hours begins at its midnight, whichever offset holds later.
        ("2026-03-08T20:00:00+00:00", DAY, time(0), "2026-03-08T05:00:00+00:00"),
        # The clock leaps over half past two: it comes half an hour into the new time.
        ("2026-03-08T07:10:00+00:00", DAY, time(2, 30), "2026-03-07T07:30:00+00:00"),
        ("2026-03-08T07:40:00+00:00", DAY, time(2, 30), "2026-03-08T07:30:00+00:00"),
        # One o'clock comes twice.
        ("2026-11-01T05:40:00+00:00", HOUR, time(0), "2026-11-01T05:00:00+00:00"),
        ("2026-11-01T06:40:00+00:00", HOUR, time(0), "2026-11-01T06:00:00+00:00"),
    ],
)
def test_periods_are_those_of_the_zone(now: str, every: float, at: time, due: str) -> None:
    found = boundary(datetime.fromisoformat(now), every, zone=NEW_YORK, at=at)
    assert found.isoformat() == due


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([300.0, HOUR, 6 * HOUR, DAY, 7 * DAY]),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.times(),
)
def test_it_is_never_ahead_and_never_far_behind(
    now: datetime, every: float, zone: str, at: time
) -> None:
    due = boundary(now, every, zone=ZoneInfo(zone), at=at)
    assert due <= now
    assert now - due < timedelta(seconds=every) + timedelta(hours=2) + timedelta(seconds=every)


def test_a_zone_that_is_gone_is_utc() -> None:
    assert zone_of("Mars/Base") is UTC
