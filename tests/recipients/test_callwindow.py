from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.callwindow import CallWindow

ZONES = ["America/New_York", "America/Phoenix", "Asia/Kathmandu", "Pacific/Apia", "UTC"]


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        ("9am-8pm", time(9), time(20)),
        ("9:30 AM - 12pm", time(9, 30), time(12)),
        ("12am–11:59pm", time(0), time(23, 59)),
        ("09:00-20:00", time(9), time(20)),
        ("8-21", time(8), time(21)),
    ],
)
def test_it_reads_windows_as_people_write_them(text: str, opens: time, closes: time) -> None:
    assert CallWindow.parse(text) == CallWindow(opens, closes)


@pytest.mark.parametrize("text", ["", "9am", "8pm-9am", "9am-9am", "25-26", "13pm-14pm", "a-b"])
def test_it_refuses_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match=r"write|close|no time"):
        CallWindow.parse(text)


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    opens=st.integers(0, 22),
    hours=st.integers(1, 23),
)
def test_the_moment_is_in_the_window_and_not_past(
    now: datetime, zone: ZoneInfo, opens: int, hours: int
) -> None:
    window = CallWindow(time(opens), time(min(23, opens + hours)))
    found = window.next(now, zone)
    assert found >= now
    assert window.opens <= found.time() < window.closes
    if found > now:
        assert found.time() == window.opens
        # Two days, where a zone left one out.
        assert (found - now).total_seconds() <= 49 * 3600
