"""Windows of the calendar, also where clocks are put; and what a cap may say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.caps import Cap, Full, Per, normal, parse
from recipients.limits import parse as parse_limits
from recipients.termerrors import TermError

ZONES = st.sampled_from(
    ["America/New_York", "Europe/London", "Asia/Kolkata", "America/St_Johns", "America/Havana",
     "Asia/Beirut", "America/Sao_Paulo", "UTC"]
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def cap(per: str = "day", zone: str = "America/New_York", **document) -> Cap:
    (found,) = parse([{"count": 100, "per": per, **document}], owner="rcp_1", zone=zone)
    return found


@given(MOMENTS, ZONES, st.sampled_from(list(Per)))
def test_every_moment_lies_in_one_window_and_windows_follow_each_other(at, zone, per):
    one = cap(per, zone)
    starts, ends = one.window(at)
    assert starts <= at < ends
    assert one.window(starts) == (starts, ends)
    assert one.window(ends - timedelta(microseconds=1)) == (starts, ends)
    assert one.window(ends)[0] == ends


def test_a_day_is_the_recipients_day():
    at = datetime(2026, 11, 21, 3, 30, tzinfo=UTC)  # still the 20th in New York
    assert cap().window(at)[0] == datetime(2026, 11, 20, 5, tzinfo=UTC)


def test_the_day_on_which_clocks_are_put_is_longer():
    starts, ends = cap().window(datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert ends - starts == timedelta(hours=25)


def test_weeks_begin_on_mondays_and_months_on_the_first():
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert cap("week", "UTC").window(at)[0] == datetime(2026, 11, 16, tzinfo=UTC)
    assert cap("month", "UTC").window(at) == (
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
    )


def test_it_says_what_was_reached():
    assert cap().reached(Decimal(100)) == "Daily cap reached (100/100)"
    (money,) = parse([{"money": 5000, "per": "month"}], owner="x")
    assert money.reached(Decimal(4990)) == "Monthly cap reached (4990.00/5000.00)"


def test_a_cap_counts_on_when_its_number_changes():
    assert cap().key == cap(count=7).key == cap(full="hold").key
    assert cap().key != cap("week").key
    assert cap(full="hold").full is Full.HOLD


def test_what_is_worth_nothing_goes_while_anything_is_left():
    (money,) = parse([{"money": 10, "per": "day"}], owner="x")
    assert money.has_room(Decimal("9.99"), money.takes(None))
    assert not money.has_room(Decimal(10), money.takes(None))
    assert not money.has_room(Decimal(5), money.takes(Decimal("5.01")))


def test_amounts_are_kept_as_text():
    assert normal([{"money": 5000, "per": "month"}]) == [{"money": "5000.00", "per": "month"}]
    assert normal([{"money": "lots"}]) == [{"money": "lots"}]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, ""),
        ([1], "0"),
        ([{"per": "day"}], "0"),
        ([{"count": 1, "money": 1, "per": "day"}], "0"),
        ([{"count": -1, "per": "day"}], "0.count"),
        ([{"count": 1.5, "per": "day"}], "0.count"),
        ([{"count": True, "per": "day"}], "0.count"),
        ([{"money": "lots", "per": "day"}], "0.money"),
        ([{"count": 1}], "0.per"),
        ([{"count": 1, "per": "year"}], "0.per"),
        ([{"count": 1, "per": "day", "full": "burst"}], "0.full"),
        ([{"count": 1, "per": "day", "timezone": "Mars"}], "0.timezone"),
        ([{"count": 1, "per": "day", "when": {"field": "x", "op": "?"}}], "0.when.op"),
        ([{"count": 1, "per": "day", "each": 1}], "0.each"),
        ([{"count": 1, "per": "day"}, {"count": 2, "per": "day"}], ""),
    ],
)
def test_it_says_what_is_wrong_and_where(document, path):
    with pytest.raises(TermError) as told:
        parse(document, owner="x")
    assert told.value.path == path


@pytest.mark.parametrize(
    ("document", "path"),
    [([], ""), ({"concurrency": 0}, "concurrency"), ({"per_hour": 5}, "per_hour"),
     ({"per_second": True}, "per_second")],
)  # fmt: skip
def test_limits_say_so_too(document, path):
    with pytest.raises(TermError) as told:
        parse_limits(document, owner="x")
    assert told.value.path == path
