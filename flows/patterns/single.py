"""One recipient: the first of the step's order."""

from __future__ import annotations

from flows.patterns.base import Decision, Pattern, Send, Situation, Wait, sold, unsold


class Single(Pattern):
    """The first in order gets the lead, and nobody after it, whatever it answers.

    With a rotating order this is plain rotation: whoever is first at that moment. What was tried
    decides, not who stands first now, because the order may have moved on since.
    """

    name = "single"
    label = "Single recipient"

    def decide(self, situation: Situation) -> Decision:
        if situation.open:
            return Wait()
        if situation.sold:
            return sold(situation)
        if situation.tries or not situation.untried:
            return unsold(situation)
        return Send(situation.untried[:1])
