from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipients import breaker
from recipients.breaker import BAD, GOOD, RAMP, Breaker, Policy, State
from recipients.outcomes import Outcome

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
POLICY = Policy()
SMALL = Policy(of=10, at_least=4, in_a_row=3, wait=60, longest=400)


def later(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def after(signs: str, policy: Policy = POLICY, found: Breaker | None = None) -> Breaker:
    found = found or Breaker()
    for sign in signs:
        found = breaker.take(found, policy, sign, now=NOON, begun=NOON)
    return found


def opened(policy: Policy = SMALL) -> Breaker:
    found = after(BAD * policy.in_a_row, policy)
    assert found.state is State.OPEN
    return found


def probing(policy: Policy = SMALL) -> Breaker:
    found = breaker.enter(opened(policy), now=later(policy.wait), who="p", lease=25)
    assert found is not None
    return found


def ramping(policy: Policy = SMALL) -> Breaker:
    return breaker.take(probing(policy), policy, GOOD, now=later(61), who="p")


def test_it_opens_after_ten_failures_in_a_row():
    assert after(GOOD * 90 + BAD * 9).state is State.CLOSED
    found = after(GOOD * 90 + BAD * 10)
    assert (found.state, found.reason) == (State.OPEN, "10 failures in a row")
    assert (found.wait, found.until) == (300, later(300))


def test_it_opens_when_more_than_half_of_at_least_twenty_failed():
    assert after("-+" * 10 + "+-" * 10).state is State.CLOSED  # exactly half
    assert after("--+" * 6 + "-").state is State.CLOSED  # two thirds, but of 19
    found = after("--+" * 6 + "--")
    assert (found.state, found.reason) == (State.OPEN, "14 of the last 20 attempts failed")


def test_it_forgets_what_the_window_no_longer_holds():
    found = after("+-" * 30 + GOOD * 100)
    assert found.window == GOOD * 100
    assert found.at_rest(POLICY)


def test_it_flaps_below_its_threshold_without_opening():
    assert after("+-" * 500).state is State.CLOSED
    assert after("+--" * 500).state is State.OPEN


@pytest.mark.parametrize(
    ("outcome", "sent", "answered", "sign"),
    [
        (Outcome.ACCEPTED, True, True, GOOD),
        (Outcome.REJECTED, True, True, GOOD),
        (Outcome.DUPLICATE, True, True, GOOD),
        (Outcome.INVALID, True, True, GOOD),
        (Outcome.INVALID, False, False, None),  # the mapping failed
        (Outcome.INVALID, True, False, None),  # our own door refused the address
        (Outcome.SERVER_ERROR, True, True, BAD),
        (Outcome.UNREADABLE, True, True, BAD),
        (Outcome.UNAVAILABLE, True, False, BAD),
        (Outcome.UNAVAILABLE, False, False, None),  # the worker was stopped past its lease
        (Outcome.UNKNOWN, True, False, BAD),
        (Outcome.UNKNOWN, False, False, None),  # the worker did not come back
        (Outcome.UNAUTHORIZED, True, True, None),
        (Outcome.RATE_LIMITED, True, True, None),
        (Outcome.SKIPPED, False, False, None),
    ],
)
def test_it_counts_what_tells_about_the_endpoint(outcome, sent, answered, sign):
    assert breaker.sign(outcome, sent=sent, answered=answered) == sign


def test_it_lets_one_probe_through_when_the_wait_is_over():
    found = opened()
    assert breaker.enter(found, now=later(59), who="p", lease=25) is None
    first = breaker.enter(found, now=later(60), who="p", lease=25)
    assert first is not None
    assert (first.state, first.probe, first.until) == (State.PROBING, "p", later(85))
    assert breaker.enter(first, now=later(60), who="q", lease=25) is None


def test_it_lets_another_probe_through_when_the_lease_of_the_first_is_over():
    second = breaker.enter(probing(), now=later(86), who="q", lease=25)
    assert second is not None
    assert second.probe == "q"
    # The first comes back after all: it is not the probe any more.
    assert breaker.take(second, SMALL, GOOD, now=later(87), who="p") == second


def test_a_failed_probe_waits_twice_as_long_up_to_the_longest_wait():
    found, now, waits = probing(), 60.0, []
    for _ in range(5):
        found = breaker.take(found, SMALL, BAD, now=later(now), who="p")
        assert found.state is State.OPEN
        waits.append(found.wait)
        now += found.wait
        entered = breaker.enter(found, now=later(now), who="p", lease=25)
        assert entered is not None
        found = entered
    assert waits == [120, 240, 400, 400, 400]


def test_a_probe_that_tells_nothing_makes_room_for_the_next_at_once():
    found = breaker.take(probing(), SMALL, None, now=later(70), who="p")
    assert (found.state, found.until, found.wait) == (State.OPEN, later(70), 60)
    assert breaker.enter(found, now=later(70), who="q", lease=25) is not None


def test_it_ramps_up_and_closes():
    found, now = ramping(), later(62)
    for quota in RAMP:
        assert (found.state, found.quota) == (State.RAMPING, quota)
        for number in range(quota):
            entered = breaker.enter(found, now=now, who=f"{number}", lease=25)
            assert entered is not None
            found = entered
        assert breaker.enter(found, now=now, who="more", lease=25) is None
        for _ in range(quota):
            found = breaker.take(found, SMALL, GOOD, now=now, begun=now)
    assert (found.state, found.wait, found.until) == (State.CLOSED, 0, None)
    assert found.window == GOOD * 10


def test_it_opens_for_longer_when_it_fails_while_ramping():
    found = breaker.take(ramping(), SMALL, BAD, now=later(63), begun=later(62))
    assert found.state is State.RAMPING  # one of two
    found = breaker.take(found, SMALL, BAD, now=later(63), begun=later(62))
    assert (found.state, found.wait) == (State.OPEN, 120)


def test_it_does_not_wait_for_ramping_attempts_that_never_come_back():
    found = ramping()
    for _ in range(2):
        found = breaker.enter(found, now=later(62), who="x", lease=25) or found
    assert breaker.enter(found, now=later(80), who="y", lease=25) is None
    assert breaker.enter(found, now=later(88), who="y", lease=25) is not None


def test_what_began_before_says_nothing_after():
    assert breaker.take(opened(), SMALL, GOOD, now=later(1), begun=NOON) == opened()
    found = ramping()
    assert breaker.take(found, SMALL, BAD, now=later(63), begun=NOON) == found
    closed = breaker.closed_by_hand(now=later(100))
    assert breaker.take(closed, SMALL, BAD, now=later(101), begun=NOON) == closed


def test_staff_open_it_for_a_while_or_until_they_close_it():
    for_long = breaker.opened_by_hand(Breaker(), now=NOON, reason="Maintenance", wait=None)
    assert breaker.enter(for_long, now=later(1e7), who="p", lease=25) is None
    assert breaker.asks_again(for_long, NOON) == breaker.LOOK_AGAIN
    for_a_minute = breaker.opened_by_hand(Breaker(), now=NOON, reason="Maintenance", wait=60)
    assert breaker.enter(for_a_minute, now=later(60), who="p", lease=25) is not None


@pytest.mark.parametrize(
    "numbers",
    [
        {"failures": 0},
        {"failures": 1.1},
        {"at_least": 101},
        {"in_a_row": 0},
        {"in_a_row": 101},
        {"of": 1001},
        {"wait": 0},
        {"wait": 4000},
    ],
)
def test_it_refuses_a_policy_that_makes_no_sense(numbers):
    with pytest.raises(ValueError, match=r"failures|at_least|wait"):
        Policy(**numbers)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    of = draw(st.integers(1, 30))
    return Policy(
        failures=draw(st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.0])),
        of=of,
        at_least=draw(st.integers(1, of)),
        in_a_row=draw(st.integers(1, of)),
        wait=draw(st.floats(1, 100)),
        longest=draw(st.floats(100, 1000)),
    )


@given(policies(), st.text("+-", max_size=200))
def test_a_closed_one_opens_at_the_first_failure_that_makes_it_so(policy: Policy, signs: str):
    found = Breaker()
    for place, sign in enumerate(signs, 1):
        found = breaker.take(found, policy, sign, now=NOON, begun=NOON)
        window = signs[max(0, place - policy.of) : place]
        share = window.count(BAD) / len(window)
        failing = len(window) >= policy.at_least and share > policy.failures + 1e-12
        in_a_row = len(window) - len(window.rstrip(BAD)) >= policy.in_a_row
        if sign == BAD and (failing or in_a_row):
            assert found.state is State.OPEN
            return
        assert (found.state, found.window) == (State.CLOSED, window)


Move = tuple[str, float]


@given(
    policies(),
    st.lists(
        st.tuples(st.sampled_from(["enter", GOOD, BAD, "nothing", "lose"]), st.floats(0, 2000)),
        max_size=120,
    ),
)
def test_it_never_lets_more_through_than_its_state_allows(policy: Policy, moves: list[Move]):
    """Attempts come and go at any times: at most one probe, at most the quota, and never stuck."""
    found, now, number = Breaker(), NOON, 0
    under_way: dict[str, tuple[datetime, datetime]] = {}  # who → began, end of lease
    for kind, seconds in moves:
        now += timedelta(seconds=seconds)
        if kind == "enter":
            number += 1
            entered = breaker.enter(found, now=now, who=f"{number}", lease=25)
            if entered is not None:
                found = entered
                under_way[f"{number}"] = (now, now + timedelta(seconds=25))
        elif under_way:
            who, (begun, _) = next(iter(under_way.items()))
            del under_way[who]
            sign = {"nothing": None}.get(kind, kind)
            if kind != "lose":
                found = breaker.take(found, policy, sign, now=now, who=who, begun=begun)
        alive = [
            end for begun, end in under_way.values() if end > now and begun >= (found.since or NOON)
        ]
        if found.state is State.PROBING:
            assert len(alive) <= 1
        if found.state is State.RAMPING:
            assert len(alive) <= found.quota
            assert found.back <= found.used <= found.quota
        assert found.wait <= policy.longest
        assert len(found.window) <= policy.of
        # Whatever happened: after the longest wait and a lease somebody may go.
        patient = now + timedelta(seconds=policy.longest + 25)
        assert breaker.enter(found, now=patient, who="last", lease=25) is not None


@given(policies(), st.integers(0, 40))
def test_a_success_changes_nothing_at_rest(policy: Policy, more: int):
    found = Breaker(window=GOOD * policy.of)
    assert found.at_rest(policy)
    assert after(GOOD * more, policy, found) == found
    assert not replace(found, window=found.window[1:]).at_rest(policy)
