"""The auction of a ping/post step: ask for bids, take them in, say who won.

Who would not be sent the lead now is not asked for it either. Nothing is owed to anybody who was
asked, so a crash costs nothing but asking again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from events import shapes
from events.vocabulary import EventType
from flows.delivery import dispatching, sendings
from flows.delivery.admission import Admit, held
from flows.patterns.base import Bid, Candidate
from flows.patterns.ping_post import offers
from flows.plan import DeliverStep
from flows.steps import impersonal, routing
from flows.turns import inquiries
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry, Question
from flows.turns.runs import Run
from flows.turns.states import Offered
from flows.turns.worktable import LEASE_MARGIN
from leadops.lib import ids
from recipients.deliver import Attempt
from recipients.outcomes import Outcome
from recipients.plan import PingPlan, RecipientPlan

NOT_IN_TIME = "No answer in time"
MOST = Decimal(10) ** 8  # what the column of amounts holds


def ask(run: Run, step: DeliverStep, candidates: Sequence[Candidate], desk: Desk) -> bool:
    """Ask for bids and let the lead wait for them; True where nobody is to be asked, so that all
    there is to know is known."""
    plans = [desk.plans.recipients[each.recipient] for each in candidates]
    asked = [plan for plan in plans if not _hindrance(run, step, plan, desk)]
    if not asked:
        _close(run, step, candidates, {}, desk)
        return True
    desk.ask(
        run,
        seconds=step.deadline,
        questions=lambda id: [_question(run, plan, desk, id) for plan in asked],
    )
    if run.lead.inquiry:
        run.journal.record(
            run.lead,
            EventType.AUCTION_OPENED,
            entity_id=step.id,
            step={"id": step.id, "name": step.name},
            asked=[shapes.recipient(plan) for plan in asked],
            deadline_ms=round(step.deadline * 1000),
        )
    return False


def inquiry(run: Run, step: DeliverStep, candidates: Sequence[Candidate], desk: Desk) -> Inquiry:
    """The questions of an auction, for somebody who waits for the answers himself."""
    id = ids.new_id("inq")
    plans = [desk.plans.recipients[each.recipient] for each in candidates]
    return Inquiry(
        id=id,
        lead_id=run.lead.id,
        lane="",
        questions=tuple(
            _question(run, plan, desk, id)
            for plan in plans
            if not _hindrance(run, step, plan, desk)
        ),
        seconds=step.deadline,
        test=run.lead.test,
    )


def _hindrance(run: Run, step: DeliverStep, plan: RecipientPlan, desk: Desk) -> str:
    """Why a recipient is not asked; blank where it is."""
    ping = plan.ping
    if ping is None or ping.asks is None or ping.endpoint is None:
        return f"{plan.name} says nothing of where it is asked for bids"
    if run.lead.test:
        return "Test leads are offered to nobody: the price stands for a bid"
    verdict = dispatching.verdict(run, plan, desk, step=step)
    if not isinstance(verdict, Admit):
        return verdict.reason
    if waits := held(plan, ping.endpoint, desk.conditions, desk.now):
        return waits.reason
    refusing = desk.breakers.refusing(plan, ping.endpoint)
    return f"Breaker: {plan.name} (ping)" if refusing else ""


def _question(run: Run, plan: RecipientPlan, desk: Desk, inquiry_id: str) -> Question:
    asks, endpoint = _asked(plan)
    who = f"{inquiry_id}-{plan.slug}"
    desk.breakers.enter(
        asks,
        endpoint,
        who=who,
        lease=endpoint.timeout + LEASE_MARGIN,
        delivery_id="",
        lead_id=run.lead.id,
    )
    asks = sendings.hiding(asks, run)
    context = sendings.context(run, asks, desk, id=who, attempt=1)
    return Question(plan.id, asks, endpoint, context, desk.now)


def _asked(plan: RecipientPlan) -> tuple[RecipientPlan, Any]:
    ping = plan.ping or PingPlan()
    assert ping.asks is not None and ping.endpoint is not None  # noqa: S101, PT018  it was asked
    return ping.asks, ping.endpoint


def take(run: Run, step: DeliverStep, inquiry: Inquiry, answers: Answers, desk: Desk) -> None:
    """Take the bids in; whoever was not asked has made none."""
    made: dict[str, Bid] = {}
    for question, answer in zip(inquiry.questions, answers, strict=True):
        made[question.about] = _bid(run, step, question, answer, inquiry)
        desk.breakers.ended(
            question.plan,
            question.endpoint,
            answer or inquiries.unanswered(inquiry, NOT_IN_TIME),
            who=str(question.context["delivery"]["id"]),
            begun=question.begun,
        )
        if answer and answer.result.outcome is Outcome.UNAUTHORIZED:
            said = impersonal.attempt(run, answer).result
            desk.pause(question.endpoint, f"Paused: {said.reason}")
    asked = [c for c in step.candidates if c.static_bid is None]
    _close(run, step, asked, made, desk)


def _bid(
    run: Run, step: DeliverStep, question: Question, answer: Attempt | None, inquiry: Inquiry
) -> Bid:
    own_id = answer.result.buyer_lead_id if answer else ""
    attempt = impersonal.attempt(run, answer or inquiries.unanswered(inquiry, NOT_IN_TIME))
    result = attempt.result
    amount = result.price if result.accepted else None
    reason, outcome = result.reason, result.outcome
    if result.accepted and (amount is None or not 0 <= amount < MOST):
        amount, outcome = None, Outcome.UNREADABLE
        reason = result.details or "No bid in the reply"
    run.journal.record(
        run.lead,
        EventType.AUCTION_BID,
        entity_id=question.about,
        outcome=outcome,
        reason="" if amount is not None else reason,
        duration_ms=round(attempt.seconds * 1000),
        exchange=shapes.exchange(attempt, delivery_id="", attempt_number=1),
        step={"id": step.id, "name": step.name},
        recipient=shapes.recipient(question.plan),
        bid={"amount": shapes.money(amount), "id": result.buyer_lead_id or None},
        response=shapes.response(attempt),
    )
    return Bid(question.about, amount, own_id, "" if amount is not None else reason)


def _close(
    run: Run, step: DeliverStep, asked: Sequence[Candidate], made: dict[str, Bid], desk: Desk
) -> None:
    """Keep the bids, and record how they rank."""
    for candidate in asked:
        bid = made.get(candidate.recipient) or _without_asking(run, step, candidate, desk)
        run.bids.append(Offered(step.id, bid, new=True))
    situation = routing.situation(run, step)
    ranking = offers(situation)
    best = ranking[0] if ranking else None
    ranked = {offer.candidate.recipient for offer in ranking}
    run.journal.record(
        run.lead,
        EventType.AUCTION_DECIDED,
        entity_id=step.id,
        outcome=Outcome.ACCEPTED if best else Outcome.REJECTED,
        reason="" if best else "No bid to take",
        step={"id": step.id, "name": step.name},
        winner=best.candidate.recipient if best else None,
        ranking=[
            {
                "recipient_id": offer.candidate.recipient,
                "bid": shapes.money(offer.amount),
                "value": shapes.money(round(offer.value, 4)),
                **({"margin": float(m)} if (m := offer.candidate.margin) else {}),
                **routing.penalty(run, step, offer.candidate),
            }
            for offer in ranking
        ],
        without_bid=[
            {"recipient_id": bid.recipient, "reason": _why_not(bid, step)}
            for bid in situation.bids or ()
            if bid.recipient not in ranked
        ],
    )


def _why_not(bid: Bid, step: DeliverStep) -> str:
    """Why a recipient that was asked is not among the ranked."""
    if bid.amount is None:
        return bid.reason
    least = next((c.minimum_bid for c in step.candidates if c.recipient == bid.recipient), None)
    return f"The bid of {bid.amount:.2f} is below the minimum of {least or 0:.2f}"


def _without_asking(run: Run, step: DeliverStep, candidate: Candidate, desk: Desk) -> Bid:
    plan = desk.plans.recipients[candidate.recipient]
    reason = _hindrance(run, step, plan, desk)
    if run.lead.test:
        return Bid(candidate.recipient, candidate.price or Decimal(0), "", reason)
    return Bid(candidate.recipient, None, "", reason or NOT_IN_TIME)
