"""All at once; the first to accept wins."""

from __future__ import annotations

from flows.patterns.base import Decision, Pattern, Send, Situation, Wait, last_resort, sold


class Simultaneous(Pattern):
    """Everyone gets the lead at once, and the first acceptance ends the step.

    What was not sent by then never is; an acceptance that comes after it is a late one. The
    remediation pool is asked when all have said no. Whoever joined the step meanwhile gets the
    lead too, but not while it is under review who has it.
    """

    name = "simultaneous"
    label = "Simultaneous"
    uses_remediation = True

    def decide(self, situation: Situation) -> Decision:
        if situation.sold:
            return sold(situation)
        if situation.untried and not situation.held:
            return Send(situation.untried)
        if situation.open:
            return Wait()
        return last_resort(situation)
