"""When an endpoint is left alone because it fails: a state machine of values.

    closed ── too many failures ──▶ open ── its wait is over ──▶ probing (one attempt)
      ▲                              ▲                              │
      │                              ├── failed: waits twice as long ┤
      └── ramping: 2, 4, 8 at a time ◀── succeeded ─────────────────┘

What is sent while it is probing or ramping has a lease: a worker that never comes back holds
nobody up for longer. What was sent before a change of state says nothing about the state after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from recipients.outcomes import Outcome

GOOD, BAD = "+", "-"
# Good attempts in a row after which nobody needs to look at an endpoint any more.
CALM = 10
SUCCESSES = frozenset({Outcome.ACCEPTED, Outcome.REJECTED, Outcome.DUPLICATE, Outcome.INVALID})
FAILURES = frozenset(
    {Outcome.SERVER_ERROR, Outcome.UNREADABLE, Outcome.UNAVAILABLE, Outcome.UNKNOWN}
)
# Attempts let through at a time after a good probe; after the last of these it is closed.
RAMP = (2, 4, 8)
MOST_COUNTED = 1_000
# Seconds after which a held delivery asks again at the latest: policies may have changed.
LOOK_AGAIN = 300.0
ROUNDING = 1e-9  # shares are floats


class State(StrEnum):
    CLOSED = "closed"  # in use
    OPEN = "open"  # left alone
    PROBING = "probing"  # one attempt is under way to see how it is
    RAMPING = "ramping"  # a few at a time


@dataclass(frozen=True, slots=True)
class Policy:
    """Opens when more than the share `failures` of the last `of` counted attempts failed, of at
    least `at_least`, or on `in_a_row` failures. Waits in seconds: the first, and the longest."""

    enabled: bool = True
    failures: float = 0.5
    of: int = 100
    at_least: int = 20
    in_a_row: int = 10
    wait: float = 300.0
    longest: float = 3600.0

    def __post_init__(self) -> None:
        if not 0 < self.failures <= 1:
            raise ValueError("failures is a share above 0 % and at most 100 %")
        if not (1 <= self.at_least <= self.of <= MOST_COUNTED and 1 <= self.in_a_row <= self.of):
            raise ValueError(
                f"at_least and in_a_row lie between 1 and of, which is at most {MOST_COUNTED}"
            )
        if not 0 < self.wait <= self.longest:
            raise ValueError("wait is above 0 and no longer than longest_wait")


DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class Breaker:
    """An endpoint's breaker. `window` has a sign for each counted attempt, the newest last.

    `wait` is what the present opening waits, in seconds. `until`: open, from then a probe may go
    (None: not before somebody closes it); probing and ramping, the end of the lease. `since` is
    when the state began. Ramping, `used` of `quota` attempts were let through and `back` came.
    """

    state: State = State.CLOSED
    window: str = ""
    wait: float = 0.0
    until: datetime | None = None
    since: datetime | None = None
    probe: str = ""
    quota: int = 0
    used: int = 0
    back: int = 0
    reason: str = ""

    @property
    def failed(self) -> int:
        return self.window.count(BAD)

    @property
    def share(self) -> float:
        """Failures of all that the window holds, 0 of nothing."""
        return self.failed / len(self.window) if self.window else 0.0

    @property
    def calm(self) -> bool:
        """Closed, and the last CALM counted attempts were good."""
        last = self.window[-CALM:]
        return self.state is State.CLOSED and len(last) == CALM and BAD not in last

    def at_rest(self, policy: Policy) -> bool:
        """A further success would change nothing: closed, and the window full of successes."""
        return (
            self.state is State.CLOSED and len(self.window) >= policy.of and BAD not in self.window
        )


def sign(outcome: Outcome, *, sent: bool, answered: bool) -> str | None:
    """What an attempt says about the endpoint, None for nothing.

    What never left for the endpoint is no failure of it, and without an answer is no success.
    """
    if outcome in SUCCESSES and answered:
        return GOOD
    return BAD if outcome in FAILURES and sent else None


def judge(window: str, policy: Policy) -> str:
    """Why a window opens the breaker; blank when it does not."""
    bad = window.count(BAD)
    if window.endswith(BAD * policy.in_a_row):
        return f"{policy.in_a_row} failures in a row"
    if len(window) >= policy.at_least and bad > policy.failures * len(window) + ROUNDING:
        return f"{bad} of the last {len(window)} attempts failed"
    return ""


def take(
    breaker: Breaker,
    policy: Policy,
    sign: str | None,
    *,
    now: datetime,
    who: str = "",
    begun: datetime | None = None,
) -> Breaker:
    """The breaker after attempt `who`, which began at `begun`, came to `sign` (None: to nothing
    that says anything)."""
    if breaker.state is State.PROBING:
        return _probed(breaker, policy, sign, now=now) if who == breaker.probe else breaker
    stale = breaker.since is not None and (begun is None or begun < breaker.since)
    if stale or breaker.state is State.OPEN:
        return breaker
    if breaker.state is State.RAMPING:
        return _ramped(breaker, policy, sign, now=now)
    return _counted(breaker, policy, sign, now=now)


def _counted(breaker: Breaker, policy: Policy, sign: str | None, *, now: datetime) -> Breaker:
    if sign is None:
        return breaker
    after = replace(breaker, window=(breaker.window + sign)[-policy.of :])
    # A success opens nothing, though it may push another out of the window.
    reason = judge(after.window, policy) if sign == BAD else ""
    return _opened(after, policy.wait, now=now, reason=reason) if reason else after


def _probed(breaker: Breaker, policy: Policy, sign: str | None, *, now: datetime) -> Breaker:
    if sign is None:
        return replace(breaker, state=State.OPEN, probe="", until=now, since=now)
    if sign == BAD:
        longer = min(max(breaker.wait, policy.wait) * 2, policy.longest)
        return _opened(breaker, longer, now=now, reason="The probe failed")
    return replace(
        breaker,
        state=State.RAMPING,
        window=GOOD,
        probe="",
        quota=RAMP[0],
        used=0,
        back=0,
        until=None,
        since=now,
    )


def _ramped(breaker: Breaker, policy: Policy, sign: str | None, *, now: datetime) -> Breaker:
    if sign is None:  # its place is free again
        return replace(breaker, used=max(breaker.used - 1, breaker.back))
    window = (breaker.window + sign)[-policy.of :]
    after = replace(breaker, window=window, back=breaker.back + 1)
    if sign == BAD and after.failed > policy.failures * len(window) + ROUNDING:
        longer = min(max(breaker.wait, policy.wait) * 2, policy.longest)
        reason = f"{after.failed} of {len(window)} attempts failed after it had recovered"
        return _opened(after, longer, now=now, reason=reason)
    if after.back < after.quota:
        return after
    further = [quota for quota in RAMP if quota > after.quota]
    if further:
        return replace(after, quota=further[0], used=0, back=0, until=None)
    return Breaker(window=window, since=now)


def _opened(breaker: Breaker, wait: float, *, now: datetime, reason: str) -> Breaker:
    return Breaker(
        state=State.OPEN,
        window=breaker.window,
        wait=wait,
        until=now + timedelta(seconds=wait),
        since=now,
        reason=reason,
    )


def enter(breaker: Breaker, *, now: datetime, who: str, lease: float) -> Breaker | None:
    """The breaker with attempt `who` let through for `lease` seconds; None when it may not go."""
    over = breaker.until is not None and breaker.until <= now
    end = now + timedelta(seconds=lease)
    if breaker.state is State.CLOSED:
        return breaker
    if breaker.state is State.RAMPING:
        # What did not come back within its lease is not waited for.
        used = breaker.back if over else breaker.used
        if used >= breaker.quota:
            return None
        later = end if over else max(end, breaker.until or end)
        return replace(breaker, used=used + 1, until=later)
    if not over:
        return None
    return replace(breaker, state=State.PROBING, probe=who, until=end, since=now)


def asks_again(breaker: Breaker, now: datetime) -> float:
    """Seconds after which a delivery that may not go should ask again."""
    if breaker.state is State.RAMPING:
        return 1.0
    if breaker.state is State.PROBING:
        return min(max(breaker.wait / 20, 0.5), 15.0)
    if breaker.until is None:
        return LOOK_AGAIN
    return min(max((breaker.until - now).total_seconds(), 0.0), LOOK_AGAIN)


def spread(breaker: Breaker) -> float:
    """Seconds over which held deliveries ask again, so that they do not come all at once."""
    return min(max(breaker.wait / 10, 0.5), 30.0)


def opened_by_hand(breaker: Breaker, *, now: datetime, reason: str, wait: float | None) -> Breaker:
    """Open for `wait` seconds, then a probe goes; None: until somebody closes it."""
    opened = _opened(breaker, wait or 0.0, now=now, reason=reason)
    return opened if wait is not None else replace(opened, until=None)


def closed_by_hand(*, now: datetime) -> Breaker:
    """Closed with an empty window; what was sent before is not counted any more."""
    return Breaker(since=now)
