"""An auction: a part of the lead to all, the whole of it to whoever bids most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from flows.patterns.base import (
    Ask,
    Candidate,
    Decision,
    Done,
    Pattern,
    Send,
    Situation,
    Wait,
    last_resort,
    sold,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A bid that counts, and what it is worth to us."""

    candidate: Candidate
    amount: Decimal

    @property
    def value(self) -> Decimal:
        """What remains of the bid after our margin and the penalty for returned leads."""
        return self.amount * (1 - self.candidate.margin) * (1 - self.candidate.penalty)


class PingPost(Pattern):
    """All are asked at once; the best offer gets the lead, after a failure the next best.

    Offers are ranked by their value, equal ones by the step's order. Who makes none, or one below
    its minimum, gets nothing. The remediation pool takes part in no auction: it gets what nobody
    who bid has taken, or what nobody bid for.
    """

    name = "ping_post"
    label = "Ping/post"
    uses_remediation = True
    asks = True

    def decide(self, situation: Situation) -> Decision:
        if situation.open:
            return Wait()
        if situation.sold:
            return sold(situation)
        asked = tuple(c for c in situation.untried if c.static_bid is None)
        if situation.bids is None and asked and not situation.tries:
            return Ask(asked)
        ranked = offers(situation)
        if ranked:
            best = ranked[0]
            return Send((replace(best.candidate, price=best.amount),))
        if situation.untried and not situation.tries and situation.remediation is None:
            return no_offer(situation)
        return last_resort(situation)


def offers(situation: Situation) -> list[Offer]:
    """The offers of those that were not turned to yet, the best first."""
    # The sort keeps the order of the list between equals.
    return sorted(_offers(situation), key=lambda offer: offer.value, reverse=True)


def _offers(situation: Situation) -> Iterator[Offer]:
    bids = {bid.recipient: bid.amount for bid in situation.bids or ()}
    for candidate in situation.untried:
        amount = bids.get(candidate.recipient, candidate.static_bid)
        if amount is not None and amount >= (candidate.minimum_bid or 0):
            yield Offer(candidate, amount)


def no_offer(situation: Situation) -> Done:
    """The end of an auction that nobody won, saying what was missing."""
    bids = {bid.recipient: bid.amount for bid in situation.bids or ()}
    counts = Counter(
        "without a bid"
        if bids.get(candidate.recipient, candidate.static_bid) is None
        else "below the minimum"
        for candidate in situation.untried
    )
    said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return Done(sold=False, reason=f"No bid to take: {said}")
