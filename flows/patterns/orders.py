"""How a step puts its recipients in order before its pattern is asked.

Of equals the first of the list comes first, always: nothing is drawn by lot, so the same figures
give the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from flows.patterns.base import Candidate

ONE = Decimal(1)
ZERO = Decimal(0)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Share:
    """What a recipient has had of a step's leads. `sent` counts leads that were given to it,
    `ended` those of them that it has answered; `last_at` is when the newest was given."""

    sent: int = 0
    ended: int = 0
    accepted: int = 0
    last_at: datetime | None = None

    @property
    def promised(self) -> int:
        """Accepted, or perhaps to be: what is still unanswered counts as accepted until it is."""
        return self.accepted + max(0, self.sent - self.ended)


NOTHING = Share()


@dataclass(frozen=True, slots=True)
class Measure:
    """How a recipient has behaved: the share of leads that it accepts, and of these the share that
    it returns. Without `measured` too little is known of it, and the figures are the others'."""

    acceptance: Decimal = ONE
    return_rate: Decimal = ZERO
    measured: bool = False

    def expected(self, price: Decimal) -> Decimal:
        """The revenue that a lead brings on average: price × acceptance × (1 − return rate)."""
        return price * self.acceptance * (1 - self.return_rate)


@dataclass(frozen=True, slots=True)
class OrderContext:
    """What an order may look at beside the candidates themselves.

    `shares` says what each recipient has had, for orders that keep account of it; `measures` how
    each has behaved, for steps that learn from it, and is empty elsewhere. `seed` is the lead's id.
    """

    seed: str = ""
    shares: Mapping[str, Share] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)

    def share(self, candidate: Candidate) -> Share:
        return self.shares.get(candidate.recipient, NOTHING)

    def value(self, candidate: Candidate) -> Decimal | None:
        """What a lead brings from this one: its price, or what is expected of it where the step
        learns. None where no price is known."""
        measure = self.measures.get(candidate.recipient)
        if candidate.price is None or measure is None:
            return candidate.price
        return measure.expected(candidate.price)


Order = Callable[[tuple[Candidate, ...], OrderContext], tuple[Candidate, ...]]


def listed(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """As the step lists them."""
    return candidates


def priority(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """The lowest priority number first."""
    return tuple(sorted(candidates, key=lambda candidate: candidate.priority))


def round_robin(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """Whoever was given fewest leads first."""
    return tuple(sorted(candidates, key=lambda candidate: context.share(candidate).sent))


def weighted(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """Whoever is furthest behind its weight in leads given to it first; weight 0 last.

    Where the step learns, a weight counts times what a lead is expected to bring.
    """
    factors = _factors(candidates, context)
    return tuple(
        sorted(
            candidates,
            key=lambda c: _filled(context.share(c).sent, c.weight * factors[c.recipient]),
        )
    )


def percentage(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """Whoever is furthest behind its share of the accepted leads first; weight 0 last.

    Weights are percentages, or any numbers in the same proportion.
    """
    return tuple(sorted(candidates, key=lambda c: _filled(context.share(c).promised, c.weight)))


def best_price(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """The highest price first, or the highest expected revenue where the step learns; those
    without a price last."""

    def dearest(candidate: Candidate) -> tuple[bool, Decimal]:
        value = context.value(candidate)
        return value is None, -(value or ZERO)

    return tuple(sorted(candidates, key=dearest))


def longest_idle(candidates: tuple[Candidate, ...], context: OrderContext) -> tuple[Candidate, ...]:
    """Whoever was last given a lead the longest time ago first; those who never were before all."""
    return tuple(sorted(candidates, key=lambda c: context.share(c).last_at or NEVER))


def _filled(count: int, weight: Decimal) -> tuple[bool, Decimal]:
    """How full a share is: the emptiest sorts first, what has no weight last."""
    return (True, Decimal(count)) if weight <= 0 else (False, count / weight)


def _factors(candidates: tuple[Candidate, ...], context: OrderContext) -> dict[str, Decimal]:
    """What each one's weight is multiplied by: what it is expected to bring; the mean of the
    others for those without a price; 1 where the step does not learn."""
    if not context.measures:
        return {candidate.recipient: ONE for candidate in candidates}
    values = {candidate.recipient: context.value(candidate) for candidate in candidates}
    known = [value for value in values.values() if value is not None]
    mean = sum(known, ZERO) / len(known) if known else ONE
    return {name: mean if value is None else value for name, value in values.items()}
