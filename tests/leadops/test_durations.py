"""Durations: every spelling reads, and every length writes back to itself."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import durations


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10.0),
        ("5m", 300.0),
        ("24h", 86_400.0),
        ("30d", 2_592_000.0),
        ("1.5s", 1.5),
        (" 10 Seconds ", 10.0),
        ("5 minutes", 300.0),
        ("90", 90.0),
        (90, 90.0),
        (0.25, 0.25),
        (Decimal("0.1"), 0.1),
        (1e-05, 1e-05),
        ("0", 0.0),
    ],
)
def test_it_reads_the_spellings_of_the_bundle(written, seconds):
    assert durations.parse(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "-5s",
        "5 parsecs",
        "1h30",
        "NaN",
        "inf",
        "1e9d",
        "99999999d",
        "５s",
        "5s\n6s",
        -1,
        None,
        True,
        [],
        {},
        float("nan"),
        float("inf"),
        10**400,
        10**4200,
    ],
)
def test_it_refuses_what_is_not_a_duration(written):
    with pytest.raises(ValueError):
        durations.parse(written)


def test_it_says_what_was_wrong():
    with pytest.raises(ValueError, match="“5 parsecs” is not a duration"):
        durations.parse("5 parsecs")


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (90, "90s"),
        (120, "2m"),
        (86400, "1d"),
        (5400, "90m"),
        (1.5, "1500ms"),
        (0.0005, "0.5ms"),
    ],
)
def test_it_writes_the_largest_unit_that_divides(seconds, written):
    assert durations.text(seconds) == written


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), durations.LONGEST * 2])
def test_it_does_not_write_what_it_would_not_read(seconds):
    with pytest.raises(ValueError):
        durations.text(seconds)


@given(st.integers(0, int(durations.LONGEST * 1000)))
def test_it_loses_no_millisecond(milliseconds):
    seconds = milliseconds / 1000
    assert durations.parse(durations.text(seconds)) == seconds


@given(st.text() | st.floats() | st.integers() | st.decimals())
def test_it_raises_nothing_but_value_error(written):
    with contextlib.suppress(ValueError):
        assert durations.parse(written) >= 0
