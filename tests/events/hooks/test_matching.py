"""What fits, how often it takes, and when it rests."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from events.hooks.repetition import Count, Terms, anew, take
from events.hooks.watches import Seen, Watch, fire, match
from leadops.lib import conditions

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def seen(number: int = 0, *, subject: str = "rcp_a", test: bool = False, **event: Any) -> Seen:
    kind = event.pop("type", "recipient.error")
    return Seen(
        id=f"evt_{number}",
        type=kind,
        at=AT + timedelta(seconds=number),
        flow_id="flow_a",
        lead_id="lead_a",
        recipient_id=subject,
        source_id="src_a",
        test=test,
        reason="",
        values={"event": {"type": kind, **event}},
    )


def watch(
    when: Any = None, *, reset: Any = None, terms: Terms | None = None, **fields: Any
) -> Watch:
    return Watch(
        "hook_a",
        "a",
        "A",
        rule=conditions.parse(when),
        reset=conditions.parse(reset) if reset else None,
        terms=terms or Terms(),
        **fields,
    )


def texts(hook: Watch, events: list[Seen]) -> list[str]:
    matches = [found for each in events if (found := match(hook, each))]
    return [each.text for each in fire(matches, {})[0]]


def test_it_says_what_it_saw() -> None:
    hook = watch({"field": "event.delivery.price", "op": "gt", "value": 50})
    assert texts(hook, [seen(delivery={"price": 60}), seen(1, delivery={"price": 40})]) == [
        "event.delivery.price is 60"
    ]


def test_it_takes_so_many_within_the_time_of_one_recipient() -> None:
    hook = watch(per="recipient", terms=Terms(3, 60.0))
    near = [seen(number, subject=who) for number in (0, 10, 20) for who in ("rcp_a", "rcp_b")]
    far = [seen(number, subject="rcp_c") for number in (0, 40, 80)]
    assert texts(hook, [*near, *far]) == ["3 times within 1m, the last: recipient.error"] * 2


def test_a_success_starts_failures_in_a_row_anew() -> None:
    hook = watch(
        {"field": "event.type", "op": "is", "value": "recipient.error"},
        reset={"field": "event.type", "op": "is", "value": "recipient.delivered"},
        per="recipient",
        terms=Terms(3, 600.0),
    )
    good = seen(2, type="recipient.delivered")
    assert texts(hook, [seen(0), seen(1), good, seen(3), seen(4)]) == []
    assert len(texts(hook, [seen(0), seen(1), good, seen(3), seen(4), seen(5)])) == 1


def test_it_rests_and_then_says_what_it_kept_back() -> None:
    hook = watch(terms=Terms(1, 60.0, rest=100.0))
    said = texts(hook, [seen(number) for number in (0, 10, 20, 100)])
    assert said == ["recipient.error", "recipient.error (2 more while it rested)"]


def test_tests_and_events_without_a_recipient_are_not_counted() -> None:
    assert match(watch(), seen(test=True)) is None
    assert match(watch(tests=True), seen(test=True)) is not None
    assert match(watch(per="recipient"), seen(subject="")) is None


def test_a_pattern_that_never_ends_is_given_up() -> None:
    when = {"field": "event.reason", "op": "matches", "value": "(x+x+)+y"}
    try:
        hook = watch(when)
    except conditions.ConditionError:
        return  # refused at once: as good
    began = time.thread_time()
    assert match(hook, seen(reason="x" * 5_000)) is None
    assert time.thread_time() - began < 5


@given(
    gaps=st.lists(st.floats(0, 100), max_size=60),
    times=st.integers(1, 5),
    within=st.floats(1, 100),
    rest=st.floats(0, 100),
)
def test_firings_are_as_rare_as_they_are_meant_to_be(
    gaps: list[float], times: int, within: float, rest: float
) -> None:
    """Whatever comes: no two firings within a rest, none without its events in the time, and
    without a rest every event is in one firing at most."""
    terms, count, at = Terms(times, within, rest), Count(), 1_000.0
    moments, fired, held = [], [], 0
    for gap in gaps:
        at += gap
        moments.append(at)
        count, hit = take(count, at, terms)
        assert len(count.moments) <= times
        if hit is not None:
            assert hit.held == held
            assert sum(at - within < each <= at for each in moments) >= times
            held = 0
            fired.append(at)
        held = count.held
    assert all(later - one >= rest for one, later in itertools.pairwise(fired))
    assert len(fired) * times <= len(moments)
    assert anew(count).fired == count.fired
