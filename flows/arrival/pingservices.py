"""The services of enhancement steps, asked for a source's ping: what it has the fields for.

Everything about a ping has an end: services have half of the time that bids have, all rounds of
them together, and what they took is taken from the bids. A service that is slower is gone without.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import Any, Final

from events.vocabulary import ENHANCEMENTS
from flows.plan import DeliverStep, FlowPlan
from flows.steps import answers as kept_answers
from flows.steps import enhancing
from flows.steps.enhancements import EnhanceStep
from flows.turns import askers
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry
from flows.turns.runs import Run

SHARE: Final = 0.5  # of the time for bids
USUAL: Final = 2.0  # seconds, of a flow without auctions
KEPT_LONGER: Final = 3600.0  # seconds after the offer: the lead may wait for a worker


@dataclass(slots=True)
class Clock:
    """The time that a ping has for services, in seconds, and the questions to keep answers to."""

    seconds: float
    spent: float = 0.0
    kept: list[tuple[EnhanceStep, bytes, dict[str, Any]]] = field(default_factory=list)

    @property
    def left(self) -> float:
        return max(0.0, self.seconds - self.spent)

    def for_bids(self, deadline: float) -> float:
        """What remains of an auction's time."""
        return max(deadline - self.spent, deadline * SHARE)


def clock_of(flow: FlowPlan) -> Clock:
    deadlines = (step.deadline for step in flow.steps if isinstance(step, DeliverStep))
    return Clock(SHARE * (next(deadlines, 0.0) or USUAL))


def ask(run: Run, desk: Desk, clock: Clock) -> None:
    """Ask the services of the round at hand and append what they say; the run goes on behind
    them. Only a no stops it, where a step says so: whoever did not answer is asked at the post."""
    inquiry = enhancing.for_ping(run, desk)
    inquiry = dataclasses.replace(inquiry, seconds=min(inquiry.seconds, clock.left))
    began = time.monotonic()
    answers = askers.put_all(inquiry) if inquiry.questions else ()
    clock.spent += time.monotonic() - began
    enhancing.take(run, inquiry, answers, desk)
    run.stopped_by = ""
    _sort(run, inquiry, answers, clock)


def _sort(run: Run, inquiry: Inquiry, answers: Answers, clock: Clock) -> None:
    """Note the answers that are kept for the lead, and the no that stops it."""
    steps = {step.id: step for step in run.flow.steps if isinstance(step, EnhanceStep)}
    for question, answer in zip(inquiry.questions, answers, strict=True):
        step = steps[question.about]
        if answer is None or answer.reply is None or answer.result.outcome.is_technical:
            continue
        if not answer.result.accepted:
            run.stopped_by = run.stopped_by or (step.name if step.stops else "")
        elif not question.key:
            asked = kept_answers.question_of(step, question.context, test=inquiry.test)
            clock.kept.append((step, asked, dict(answer.result.captures)))


def keep_for(desk: Desk, clock: Clock, ping_id: str, *, valid: float) -> list[str]:
    """Keep the answers for the lead of an offer; the digests of their questions."""
    for row in desk.answers.new.values():
        row["lead_id"] = ping_id
    for step, asked, values in clock.kept:
        digest = kept_answers.of_ping(asked, ping_id)
        desk.answers.keep(step, digest, ping_id, values, ping=valid + KEPT_LONGER)
    return [asked.hex() for _, asked, _ in clock.kept if asked]


def told(run: Run) -> list[dict[str, Any]]:
    """What came of it, for the record: no values."""
    return [
        {
            "enhancement": event["data"]["enhancement"],
            "outcome": event["outcome"],
            "reason": event["reason"],
            "duration_ms": event["duration_ms"],
            **{name: event["data"][name] for name in ("cost", "cached") if name in event["data"]},
        }
        for event in run.journal.events
        if event["type"] in ENHANCEMENTS
    ]
