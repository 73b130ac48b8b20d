"""An hour against the same hour of other days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from events.hooks.unusual import METRICS, Bounds, Hour, judge

AT = datetime(2026, 3, 2, 14, tzinfo=UTC)
USUAL = [Hour(part, 100) for part in (18, 20, 22, 19, 21, 20, 20)]


def said(now: Hour, past: list[Hour] = USUAL, **fields: Any) -> str:
    given = {"metric": "rejection_rate", "direction": "above", "deviations": 3.0,
             "factor": None, "minimum": 20, **fields}  # fmt: skip
    return judge(Bounds(**given), now, past, subject="ABC", hour=AT)


def test_it_explains_with_the_figures() -> None:
    assert said(Hour(62, 100)) == (
        "ABC: rejection rate 62.0 % (62 of 100) in the hour from 2026-03-02 14:00 UTC; usual at "
        "that hour is 20.0 % ± 4.0 % (the same hour of 7 days), 3.1 times that, 10.5 deviations "
        "away"
    )


def test_what_chance_alone_may_do_is_usual() -> None:
    assert said(Hour(24, 100)) == ""
    even = [Hour(0, 1000)] * 10
    assert said(Hour(1, 1000), even) == "", "one of a thousand, though it was none before"
    assert said(Hour(40, 1000), even) != ""


def test_it_says_nothing_of_too_little() -> None:
    assert said(Hour(9, 10)) == "", "an hour of ten"
    assert said(Hour(62, 100), USUAL[:2]) == "", "two days"


def test_both_bounds_must_be_crossed_where_both_are_set() -> None:
    assert said(Hour(40, 100)) != ""
    assert said(Hour(40, 100), factor=3.0) == ""
    assert said(Hour(62, 100), factor=3.0) != ""


def test_leads_that_stay_away_are_seen() -> None:
    past = [Hour(n, n) for n in (100, 110, 95, 105)]
    fields = {"metric": "leads", "direction": "below"}
    assert "leads 0 in the hour" in said(Hour(0, 0), past, **fields)
    assert said(Hour(300, 300), past, **fields) == ""
    assert said(Hour(300, 300), past, metric="leads", direction="either") != ""


counts = st.integers(0, 10_000)


@given(
    metric=st.sampled_from(sorted(METRICS)),
    direction=st.sampled_from(["above", "below", "either"]),
    hours=st.lists(st.tuples(counts, counts), min_size=1, max_size=20),
    deviations=st.none() | st.floats(1, 10),
    factor=st.none() | st.floats(1, 10),
)
def test_it_always_comes_to_an_answer(
    metric: str,
    direction: str,
    hours: list[tuple[int, int]],
    deviations: float | None,
    factor: float | None,
) -> None:
    now, *past = [Hour(min(pair), max(pair)) for pair in hours]
    fields = {"metric": metric, "direction": direction, "factor": factor}
    text = said(now, past, deviations=deviations, **fields)
    assert "nan" not in text
    assert "inf" not in text
    if past and all(each == now for each in past):
        assert text == "", "nothing is unlike itself"
