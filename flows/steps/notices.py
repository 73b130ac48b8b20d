"""Telling who bid for a lead in vain that it is sold, where the step says so.

Each is told once at most, at its lost URL, and never at what price. Nobody waits for it: a notice
that a crash or a stop interrupts is lost, and one that is not answered is not repeated.
"""

from __future__ import annotations

from events import shapes
from events.vocabulary import EventType
from flows.plan import DeliverStep
from flows.steps import impersonal
from flows.turns import inquiries
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry, Question
from flows.turns.runs import Run
from flows.turns.states import Offered
from leadops.lib import ids
from recipients.deliver import Attempt

SECONDS = 10.0  # for all notices of a lead
SENT = "sent"  # no answer yet, or none ever


def tell(run: Run, step: DeliverStep, desk: Desk) -> None:
    """Have everybody told who bid in this step and was never sent the lead."""
    if not (step.tell_losers and desk.tells) or run.lead.test:
        return
    id = ids.new_id("inq")
    questions = []
    for place, offered in enumerate(run.bids):
        if offered.step_id == step.id and _lost(run, offered):
            question = _question(run, offered, desk, id)
            if question is not None:
                questions.append(question)
                run.bids[place] = offered.with_told(SENT)
    if questions:
        desk.notices.append(
            Inquiry(
                id, run.lead.id, lane="", questions=tuple(questions), seconds=SECONDS, notice=True
            )
        )


def _lost(run: Run, offered: Offered) -> bool:
    if offered.bid.amount is None or offered.told:
        return False
    return not any(d.recipient_id == offered.bid.recipient and d.attempts for d in run.deliveries)


def _question(run: Run, offered: Offered, desk: Desk, inquiry_id: str) -> Question | None:
    """None where the recipient does not want to be told. Its address knows bid and recipient, and
    nothing of the person: it did not get the lead."""
    plan = desk.plans.recipients.get(offered.bid.recipient)
    ping = plan.ping if plan else None
    if plan is None or ping is None or ping.tells is None or ping.lost is None:
        return None
    key = f"{inquiry_id}-{plan.slug}"
    context = {
        "lead": {"id": run.lead.id},
        "recipient": plan.fields,
        "now": desk.now,
        "bid": {"id": offered.bid.bid_id, "amount": offered.bid.amount},
        "delivery": {"id": key, "attempt": 1, "idempotency_key": key},
        "delivery_attempt": 1,
    }
    return Question(plan.id, ping.tells, ping.lost, context)


def told(run: Run, inquiry: Inquiry, answers: Answers) -> None:
    """Record what came of notices, once."""
    for question, answer in zip(inquiry.questions, answers, strict=True):
        for place, offered in enumerate(run.bids):
            if offered.bid.recipient == question.about and offered.told == SENT:
                said = answer or inquiries.unanswered(inquiry, "No answer in time")
                attempt = impersonal.attempt(run, said)
                run.bids[place] = offered.with_told(attempt.result.outcome)
                _record(run, question, offered, attempt)


def _record(run: Run, question: Question, offered: Offered, attempt: Attempt) -> None:
    names = {step.id: step.name for step in run.flow.steps}
    run.journal.record(
        run.lead,
        EventType.AUCTION_TOLD,
        entity_id=question.about,
        outcome=attempt.result.outcome,
        reason="" if attempt.result.accepted else attempt.result.reason,
        duration_ms=round(attempt.seconds * 1000),
        exchange=shapes.exchange(attempt, delivery_id="", attempt_number=1),
        step={"id": offered.step_id, "name": names.get(offered.step_id, "")},
        recipient=shapes.recipient(question.plan),
        bid={
            "amount": shapes.money(offered.bid.amount),
            "id": impersonal.shown_id(run, offered.bid.bid_id) or None,
        },
        response=shapes.response(attempt),
    )
