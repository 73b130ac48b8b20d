"""Opening hours by the clock on the wall, also on the days on which clocks are put."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.hours import Closed, Hours, Whose, parse
from recipients.leadzones import STATES, zone_of
from recipients.termerrors import TermError

NEW_YORK = ZoneInfo("America/New_York")
OFFICE = {"mon-fri": "9am-8pm", "sat": "10-14"}


def office(**options) -> Hours:
    found = parse({**OFFICE, **options})
    assert found is not None
    return found


def at(text: str, zone: ZoneInfo = NEW_YORK, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T09:00", True),  # Friday
        ("2026-11-20T08:59:59", False),
        ("2026-11-20T19:59:59", True),
        ("2026-11-20T20:00", False),
        ("2026-11-21T10:00", True),  # Saturday
        ("2026-11-21T14:00", False),
        ("2026-11-22T12:00", False),  # Sunday
    ],
)
def test_it_is_open_within_the_hours_of_the_day(moment, is_open):
    assert office().is_open(at(moment), NEW_YORK) is is_open


def test_it_opens_next_on_the_next_day_that_it_has_hours_on():
    assert office().opens(at("2026-11-21T15:00"), NEW_YORK) == at("2026-11-23T09:00")
    now = at("2026-11-20T12:00")
    assert office().opens(now, NEW_YORK) == now
    assert office().closes(now, NEW_YORK) == at("2026-11-20T20:00")


def test_it_is_closed_on_holidays():
    found = office(holidays=["2026-12-25"])
    assert not found.is_open(at("2026-12-25T12:00"), NEW_YORK)
    assert found.opens(at("2026-12-24T21:00"), NEW_YORK) == at("2026-12-26T10:00")


def test_it_takes_several_ranges_a_day_and_ranges_over_midnight():
    found = parse({"mon": "9-12, 13-17", "fri-sat": "10pm-2am"})
    assert found is not None
    assert not found.is_open(at("2026-11-23T12:30"), NEW_YORK)
    assert found.is_open(at("2026-11-23T13:00"), NEW_YORK)
    assert found.is_open(at("2026-11-21T01:30"), NEW_YORK)  # Friday night
    assert found.is_open(at("2026-11-22T01:30"), NEW_YORK)  # Saturday night
    assert not found.is_open(at("2026-11-22T02:00"), NEW_YORK)
    assert not found.is_open(at("2026-11-22T22:30"), NEW_YORK)


def test_a_whole_day_is_a_whole_day():
    found = parse({"daily": "24h", "holidays": ["2026-12-25"]})
    assert found is not None
    assert found.is_open(at("2026-11-23T00:00"), NEW_YORK)
    assert found.closes(at("2026-12-24T12:00"), NEW_YORK) == at("2026-12-25T00:00")
    assert found.opens(at("2026-12-25T12:00"), NEW_YORK) == at("2026-12-26T00:00")


def test_what_the_clock_jumps_over_opens_when_it_has_jumped():
    found = parse({"sun": "2:30am-5am"})  # 2 to 3 am is not there on 8 March 2026
    assert found is not None
    assert found.opens(at("2026-03-08T01:00"), NEW_YORK) == at("2026-03-08T03:00")


def test_what_the_clock_shows_twice_is_open_twice():
    found = parse({"sun": "1am-1:30am"})  # 1 to 2 am comes twice on 1 November 2026
    assert found is not None
    assert found.is_open(at("2026-11-01T01:10", fold=0), NEW_YORK)
    assert found.is_open(at("2026-11-01T01:10", fold=1), NEW_YORK)
    between = at("2026-11-01T01:40", fold=0)
    assert found.opens(between, NEW_YORK) == at("2026-11-01T01:00", fold=1)


def test_it_reads_all_that_can_be_said():
    found = office(closed="skip", timezone="lead", hold_at_most="12h")
    assert (found.closed, found.whose, found.hold_at_most) == (Closed.SKIP, Whose.LEAD, 43_200)
    assert parse({}) is None


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ([], ""),
        ({"someday": "9-5"}, "someday"),
        ({"mon": "nine"}, "mon"),
        ({"mon": "9-25"}, "mon"),
        ({"mon-fri": "9-17", "tue": "9-12"}, "tue"),
        ({"closed": "hold"}, ""),
        ({**OFFICE, "closed": "maybe"}, "closed"),
        ({**OFFICE, "timezone": "mine"}, "timezone"),
        ({**OFFICE, "holidays": "2026-12-25"}, "holidays"),
        ({**OFFICE, "holidays": ["Christmas"]}, "holidays.0"),
        ({**OFFICE, "hold_at_most": "soon"}, "hold_at_most"),
    ],
)
def test_it_says_what_is_wrong_and_where(document, path):
    with pytest.raises(TermError) as told:
        parse(document)
    assert told.value.path == path


ZONES = st.sampled_from(
    ["America/New_York", "Europe/London", "Asia/Kolkata", "America/St_Johns", "America/Havana",
     "Asia/Beirut", "Australia/Sydney", "UTC"]
).map(ZoneInfo)  # fmt: skip
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
TIMES = st.builds("{}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 30]))
SPANS = st.builds("{}-{}".format, TIMES, TIMES)
WEEKS = st.dictionaries(
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), SPANS, min_size=1
)


@given(WEEKS, MOMENTS, ZONES)
def test_the_next_opening_is_open_and_the_first(week, now, zone):
    found = parse(week)
    assert found is not None
    opens = found.opens(now, zone)
    if opens is None:
        pytest.fail("it opens every week")
    assert opens >= now
    assert found.is_open(opens, zone)
    # Every half hour of the wait is closed: spans and clocks change on half hours only.
    moment = now
    while moment < opens:
        assert not found.is_open(moment, zone)
        moment += timedelta(minutes=30)
    if opens > now:
        assert not found.is_open(opens - timedelta(seconds=1), zone)


@given(WEEKS, MOMENTS, ZONES)
def test_it_closes_when_it_says(week, now, zone):
    found = parse(week)
    assert found is not None
    if not found.is_open(now, zone):
        return
    closes = found.closes(now, zone)
    if closes is not None:
        assert not found.is_open(closes, zone)
        assert found.is_open(closes - timedelta(seconds=1), zone) or closes - now < timedelta(
            seconds=1
        )


def test_a_lead_lives_where_it_says():
    assert zone_of({"state": "CA"}) == ZoneInfo("America/Los_Angeles")
    assert zone_of({"state": "CA", "timezone": "America/Denver"}) == ZoneInfo("America/Denver")
    assert zone_of({"state": "CA", "timezone": "Nowhere/At_All"}) == ZoneInfo("America/Los_Angeles")
    assert zone_of({"state": "Bavaria"}) is None
    assert zone_of({}) is None
    assert len(STATES) >= 50 + 13
