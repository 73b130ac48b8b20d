from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients.outcomes import Outcome, Result
from recipients.retry import (
    DEFAULT_POLICY,
    MAX_RETRY_AFTER,
    GiveUp,
    RetryIn,
    RetryPolicy,
    RetryRule,
    Then,
)

STEADY = random.Random(1)


def waits(policy: RetryPolicy, outcome: Outcome) -> list[float]:
    """The waits until the policy gives up."""
    found: list[float] = []
    for attempt in range(1, 50):
        decision = policy.after(Result(outcome), attempt=attempt, rng=STEADY)
        if isinstance(decision, GiveUp):
            return found
        found.append(decision.seconds)
    raise AssertionError("never gives up")


@pytest.mark.parametrize("outcome", [Outcome.SERVER_ERROR, Outcome.UNAVAILABLE, Outcome.UNKNOWN])
def test_it_retries_three_times_after_one_two_and_four_seconds(outcome: Outcome) -> None:
    first, second, third = waits(DEFAULT_POLICY, outcome)
    assert 0.8 <= first <= 1
    assert 1.6 <= second <= 2
    assert 3.2 <= third <= 4


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.ACCEPTED,
        Outcome.REJECTED,
        Outcome.DUPLICATE,
        Outcome.INVALID,
        Outcome.UNAUTHORIZED,
        Outcome.UNREADABLE,
        Outcome.SKIPPED,
    ],
)
def test_it_does_not_retry_answers(outcome: Outcome) -> None:
    assert waits(DEFAULT_POLICY, outcome) == []
    assert not DEFAULT_POLICY.retries(outcome)


def test_it_waits_at_least_as_long_as_the_buyer_asked() -> None:
    result = Result(Outcome.RATE_LIMITED, retry_after=120)
    decision = DEFAULT_POLICY.after(result, attempt=1, rng=STEADY)
    assert isinstance(decision, RetryIn)
    assert 120 <= decision.seconds <= 132


def test_it_does_not_let_the_buyer_ask_for_more_than_five_minutes() -> None:
    result = Result(Outcome.RATE_LIMITED, retry_after=86_400)
    decision = DEFAULT_POLICY.after(result, attempt=1, rng=STEADY)
    assert isinstance(decision, RetryIn)
    assert MAX_RETRY_AFTER * 0.9 <= decision.seconds <= MAX_RETRY_AFTER


@pytest.mark.parametrize("asked", [299, 300, 301, 9_999])
def test_it_never_waits_longer_than_five_minutes_for_a_buyer(asked: int) -> None:
    result = Result(Outcome.RATE_LIMITED, retry_after=asked)
    for seed in range(20):
        decision = DEFAULT_POLICY.after(result, attempt=1, rng=random.Random(seed))
        assert isinstance(decision, RetryIn)
        assert decision.seconds <= MAX_RETRY_AFTER


def test_it_waits_half_a_minute_when_the_buyer_named_no_time() -> None:
    decision = DEFAULT_POLICY.after(Result(Outcome.RATE_LIMITED), attempt=1, rng=STEADY)
    assert isinstance(decision, RetryIn)
    assert 24 <= decision.seconds <= 30


def test_it_says_what_follows_the_last_try() -> None:
    policy = RetryPolicy({Outcome.UNKNOWN: RetryRule(times=1, then=Then.MOVE_ON)})
    unknown = Result(Outcome.UNKNOWN)
    assert isinstance(policy.after(unknown, attempt=1, rng=STEADY), RetryIn)
    assert policy.after(unknown, attempt=2, rng=STEADY) == GiveUp(Then.MOVE_ON)
    assert DEFAULT_POLICY.after(unknown, attempt=4, rng=STEADY) == GiveUp(Then.RETRY_SAME)


def test_it_gives_up_when_the_next_try_would_come_too_late() -> None:
    policy = RetryPolicy(max_age=60)
    failed = Result(Outcome.SERVER_ERROR)
    assert isinstance(policy.after(failed, attempt=1, rng=STEADY, age=50), RetryIn)
    assert isinstance(policy.after(failed, attempt=1, rng=STEADY, age=59.5), GiveUp)


def test_it_gives_each_try_half_as_much_time_again() -> None:
    assert [DEFAULT_POLICY.timeout(10, attempt) for attempt in (1, 2, 3)] == [10, 15, 22.5]
    assert DEFAULT_POLICY.timeout(10, 1000) == 300
    assert DEFAULT_POLICY.timeout(600, 2) == 600
    assert DEFAULT_POLICY.deadline_margin(10, 2) > 15


@given(
    rule=st.builds(
        RetryRule,
        times=st.integers(0, 1000),
        backoff=st.floats(0, 1e6),
        factor=st.floats(1, 1e3),
        jitter=st.floats(0, 1),
    ),
    attempt=st.integers(1, 10_000),
    retry_after=st.none() | st.floats(-1e9, 1e9),
)
def test_it_never_waits_less_than_nothing_or_more_than_the_bound(
    rule: RetryRule, attempt: int, retry_after: float | None
) -> None:
    policy = RetryPolicy({Outcome.UNKNOWN: rule})
    result = Result(Outcome.UNKNOWN, retry_after=retry_after)
    decision = policy.after(result, attempt=attempt, rng=STEADY)
    if isinstance(decision, RetryIn):
        assert 0 <= decision.seconds <= MAX_RETRY_AFTER
    else:
        assert attempt > rule.times


def test_it_refuses_a_rule_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="factor"):
        RetryRule(factor=0.5)
