"""All recipients of the list, each on its own."""

from __future__ import annotations

from flows.patterns.base import Decision, Pattern, Send, Situation, Wait, sold, unsold


class Multi(Pattern):
    """Everyone gets the lead and none waits for another; sold when any accepts."""

    name = "multi"
    label = "All recipients"
    exclusive = False

    def decide(self, situation: Situation) -> Decision:
        if situation.untried:
            return Send(situation.untried)
        if situation.open:
            return Wait()
        return sold(situation) if situation.sold else unsold(situation)
