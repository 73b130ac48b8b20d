"""One after the other, until somebody accepts."""

from __future__ import annotations

from flows.patterns.base import Decision, Pattern, Send, Situation, Wait, last_resort, sold


class Waterfall(Pattern):
    """The next in order after a rejection, a final error or a skip; then the remediation pool.

    Never two at once, and never the next while one may still hold the lead: an attempt under
    review after a lost answer stops the waterfall, because moving on may sell the lead twice.
    """

    name = "waterfall"
    label = "Waterfall"
    uses_remediation = True

    def decide(self, situation: Situation) -> Decision:
        if situation.open:
            return Wait()
        if situation.sold:
            return sold(situation)
        if situation.untried:
            return Send(situation.untried[:1])
        return last_resort(situation)
