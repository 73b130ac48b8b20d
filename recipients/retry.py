"""When to try again, as immutable values: nothing here sleeps or looks at a clock.

The defaults are the table of docs/outcomes-and-events.md. "3 times" means three retries after the
first try.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from recipients.outcomes import Outcome, Result

# A buyer cannot make us wait longer, in seconds.
MAX_RETRY_AFTER = 300.0
# No attempt takes longer than this, in seconds, however often its time-out grew.
MAX_TIMEOUT = 300.0
# What an attempt may need beside its deadline (map, build, read, record), in seconds.
DEADLINE_MARGIN = 15.0


class Then(StrEnum):
    """What follows the last try."""

    FAIL = "fail"  # final: the pattern decides on the next recipient
    RETRY_SAME = "retry_same"  # final after the tries on the same buyer: never another one
    MOVE_ON = "move_on"  # the next recipient, although this one may have the lead
    HOLD = "hold"  # a person looks at it


@dataclass(frozen=True, slots=True)
class RetryRule:
    """`times` retries; the wait is `backoff` seconds, times `factor` each further time.

    `jitter` takes up to that share off the wait, so that a thousand leads which failed together
    do not come back together.
    """

    times: int = 0
    backoff: float = 1.0
    factor: float = 2.0
    then: Then = Then.FAIL
    jitter: float = 0.2
    max_wait: float = MAX_RETRY_AFTER

    def __post_init__(self) -> None:
        if self.times < 0 or self.backoff < 0 or self.factor < 1 or not 0 <= self.jitter <= 1:
            raise ValueError("times and backoff are not negative, factor ≥ 1, jitter 0 to 1")
        if self.max_wait <= 0:
            raise ValueError("max_wait is above 0")

    def wait(self, attempt: int, *, rng: random.Random) -> float:
        """Seconds between try number `attempt` (from 1) and the next."""
        return self.longest(attempt) * (1 - self.jitter * rng.random())

    def longest(self, attempt: int) -> float:
        """The wait after try number `attempt` before the jitter takes from it."""
        # The exponent is bounded because a float overflows at 2 ** 1024.
        return min(self.backoff * self.factor ** min(attempt - 1, 64), self.max_wait)

    def asked(self, seconds: float, *, rng: random.Random) -> float:
        """Seconds to wait where the buyer asked for so many: spread above its word as far as the
        bound leaves room, and below the bound where it asked for more."""
        spread = self.jitter * rng.random() / 2
        if seconds > MAX_RETRY_AFTER:
            return MAX_RETRY_AFTER * (1 - spread)
        return min(max(seconds, 0.0) * (1 + spread), MAX_RETRY_AFTER)


@dataclass(frozen=True, slots=True)
class RetryIn:
    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    then: Then


Decision = RetryIn | GiveUp

NO_RETRY = RetryRule()
_THREE_TIMES = RetryRule(times=3)

DEFAULT_RULES: Mapping[Outcome, RetryRule] = MappingProxyType(
    {
        Outcome.SERVER_ERROR: _THREE_TIMES,
        Outcome.UNAVAILABLE: _THREE_TIMES,
        Outcome.UNKNOWN: RetryRule(times=3, then=Then.RETRY_SAME),
        Outcome.RATE_LIMITED: RetryRule(times=5, backoff=30.0),
        Outcome.UNREADABLE: RetryRule(then=Then.HOLD),
    }
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A rule for each outcome; outcomes without one are not retried.

    `timeout_growth` multiplies the time-out with each try; `max_age` ends all retries that many
    seconds after the first try.
    """

    rules: Mapping[Outcome, RetryRule] = field(default_factory=lambda: DEFAULT_RULES)
    timeout_growth: float = 1.5
    max_age: float | None = None

    def rule(self, outcome: Outcome) -> RetryRule:
        return self.rules.get(outcome, NO_RETRY)

    def after(
        self, result: Result, *, attempt: int, rng: random.Random, age: float = 0.0
    ) -> Decision:
        """What follows try number `attempt` (from 1) that came to `result`, `age` seconds after
        the first try."""
        rule = self.rule(result.outcome)
        if attempt > rule.times:
            return GiveUp(rule.then)
        wait = rule.wait(attempt, rng=rng)
        if result.retry_after is not None:
            wait = rule.asked(result.retry_after, rng=rng)
        if self.too_late(age + wait):
            return GiveUp(rule.then)
        return RetryIn(wait)

    def too_late(self, age: float) -> bool:
        """Whether no retry may begin `age` seconds after the first try."""
        return self.max_age is not None and age > self.max_age

    def retries(self, outcome: Outcome) -> bool:
        """Whether a first attempt with this outcome would be tried again."""
        return self.rule(outcome).times > 0

    def timeout(self, base: float, attempt: int) -> float:
        """Seconds allowed to try number `attempt` of an endpoint whose time-out is `base`."""
        grown = base * self.timeout_growth ** min(attempt - 1, 64)
        return min(grown, max(base, MAX_TIMEOUT))

    def deadline_margin(self, base: float, attempt: int) -> float:
        """Seconds after which such a try can no longer be running: the least that a lease lasts."""
        return self.timeout(base, attempt) + DEADLINE_MARGIN


DEFAULT_POLICY = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Try:
    """A try as it would come if every one before took its whole time-out and ended so.

    `earliest` and `latest` are seconds after the first try began, apart by the jitter; `timeout`
    is what this try may take.
    """

    number: int
    earliest: float
    latest: float
    timeout: float


def timeline(policy: RetryPolicy, outcome: Outcome, *, base: float, held: bool) -> list[Try]:
    """The tries that `outcome` after `outcome` brings, the first included.

    `base` is the endpoint's time-out in seconds. `held`: each try takes all of its time-out, as it
    does when no answer comes; else an answer comes at once.
    """
    rule = policy.rule(outcome)
    earliest = latest = 0.0
    tries = [Try(1, 0.0, 0.0, policy.timeout(base, 1))]
    for number in range(1, rule.times + 1):
        took = tries[-1].timeout if held else 0.0
        full = rule.longest(number)
        earliest += took + full * (1 - rule.jitter)
        latest += took + full
        if policy.too_late(latest):
            break
        tries.append(Try(number + 1, earliest, latest, policy.timeout(base, number + 1)))
    return tries
