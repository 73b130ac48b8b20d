"""Tiers that open as the lead grows older; a waterfall among those that are open."""

from __future__ import annotations

from flows.patterns.base import (
    Candidate,
    Decision,
    Pattern,
    Send,
    Situation,
    Wait,
    last_resort,
    sold,
)


class ExclusiveWindow(Pattern):
    """Recipients that open at the same age are a tier, and have the lead to themselves until the
    next tier opens. Those of earlier tiers keep their turn: they come first, in the step's order.

    When all that are open have said no, the lead waits for the next tier, or goes to it at once
    where the step says so (`opens_early`); the first tier is always waited for. As in a waterfall
    there are never two at once: a tier that opens while a result is outstanding waits for it.
    """

    name = "exclusive_window"
    label = "Exclusive window"
    uses_remediation = True
    uses_tiers = True

    def decide(self, situation: Situation) -> Decision:
        if situation.open:
            return Wait()
        if situation.sold:
            return sold(situation)
        if not situation.untried:
            return last_resort(situation)
        following = min(situation.untried, key=_opening)
        if following.opens_after <= situation.age or _opens_now(situation):
            return Send((following,))
        return Wait(until=following.opens_after)


def _opening(candidate: Candidate) -> float:
    """Of equals `min` gives the first: so a tier keeps the step's order."""
    return candidate.opens_after


def _opens_now(situation: Situation) -> bool:
    return situation.opens_early and bool(situation.tries)
