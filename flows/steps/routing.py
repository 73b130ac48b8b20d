"""What a step's pattern is asked with: its recipients at this lead's prices, in the step's order,
and what became of them so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from events import shapes
from flows.patterns.base import Bid, Candidate, Situation, Try, TryState
from flows.patterns.orders import Measure, OrderContext
from flows.plan import DeliverStep
from flows.pricing import figures as pricing
from flows.steps.learning import memory
from flows.turns.runs import Run
from leadops.lib import durations
from recipients.plan import RecipientPlan
from recipients.prices import NOTHING as NO_FIGURES
from recipients.prices import Figures, Prices

TRY_STATES = {
    "waiting": TryState.WAITING,
    "sending": TryState.WAITING,
    "accepted": TryState.ACCEPTED,
    "declined": TryState.DECLINED,
    "failed": TryState.FAILED,
    "skipped": TryState.SKIPPED,
    "review": TryState.UNKNOWN_HOLD,
}
NOTHING: Mapping[str, Measure] = {}


def situation(run: Run, step: DeliverStep) -> Situation:
    context = OrderContext(
        seed=run.lead.id, shares=run.book.shares(step.account), measures=_measures(run, step)
    )
    return Situation(
        candidates=_penalised(step, step.order(candidates(run, step), context), context),
        remediation=remediation(run, step),
        tries=tuple(
            Try(
                recipient=d.recipient_id,
                state=TryState.ACCEPTED if d.sold else TRY_STATES[d.state],
                sent=d.attempts > 0,
            )
            for d in run.deliveries
            if d.step == run.lead.step
        ),
        bids=_bids(run, step),
        age=age(run),
        opens_early=step.opens_early,
    )


def _bids(run: Run, step: DeliverStep) -> tuple[Bid, ...] | None:
    """Those made in this step; None where nobody was asked yet."""
    return tuple(each.bid for each in run.bids if each.step_id == step.id) or None


def age(run: Run) -> float:
    """The lead's, in seconds since it was accepted."""
    return (run.journal.at - run.lead.created_at).total_seconds()


def candidates(run: Run, step: DeliverStep) -> tuple[Candidate, ...]:
    """The step's recipients in its list's order, at what each pays for this lead: by rules of the
    step or its own where there are any, else its price."""
    if not step.prices:
        return step.candidates
    return tuple(_priced(run, step, each) for each in step.candidates)


def remediation(run: Run, step: DeliverStep) -> Candidate | None:
    """The step's remediation pool, at what it pays for this lead."""
    return step.remediation and _priced(run, step, step.remediation)


def _priced(run: Run, step: DeliverStep, candidate: Candidate) -> Candidate:
    prices = step.prices.get(candidate.recipient)
    if prices is None:
        return candidate
    found = prices.of(run.judged, _known(run, candidate.recipient, prices))
    if found is None:
        return candidate
    return replace(
        candidate,
        price=found.price,
        static_bid=None if candidate.static_bid is None else found.price,
        pricing=found.facts(),
    )


def by_itself(run: Run, plan: RecipientPlan) -> Candidate:
    """A recipient outside of the flow's steps, at what it pays for this lead."""
    found = plan.prices.of(run.judged, _known(run, plan.id, plan.prices))
    facts = found.facts() if found and plan.prices.has_rules else None
    return Candidate(plan.id, found.price if found else None, pricing=facts)


def _known(run: Run, recipient_id: str, prices: Prices) -> Figures:
    wanted = prices.figures
    return pricing.memory.of(recipient_id, run.flow.id, wanted) if wanted else NO_FIGURES


def _penalised(
    step: DeliverStep, those: tuple[Candidate, ...], context: OrderContext
) -> tuple[Candidate, ...]:
    """In an auction that learns, a bid counts less by the share of leads its bidder returns."""
    if not (step.asks and context.measures):
        return those
    return tuple(replace(c, penalty=context.measures[c.recipient].return_rate) for c in those)


def penalty(run: Run, step: DeliverStep, candidate: Candidate) -> dict[str, Any]:
    """The figures behind a bid's penalty, for the record; none where the step does not learn."""
    measure = _measures(run, step).get(candidate.recipient)
    if measure is None or step.learn is None:
        return {}
    return {
        "return_rate": float(measure.return_rate),
        "measured": measure.measured,
        "over": durations.text(step.learn.over),
    }


def priced_by(run: Run, step: DeliverStep, candidate: Candidate) -> Mapping[str, Any] | None:
    """How the price came about that a recipient is sent the lead at; None: nothing but its fixed
    price was asked."""
    if step.asks and any(
        each.step_id == step.id and each.bid.recipient == candidate.recipient for each in run.bids
    ):
        return {"by": "bid"}
    return candidate.pricing


def _measures(run: Run, step: DeliverStep) -> Mapping[str, Measure]:
    if step.learn is None:
        return NOTHING
    return memory.measures(run.flow.id, step.candidates, step.learn)


def reasons(run: Run, step: DeliverStep, candidate: Candidate) -> dict[str, Any] | None:
    """The figures that put a recipient where it stood, for the record; None where the step does
    not learn. `measured` is false of one that counts as the mean of the others."""
    measure = _measures(run, step).get(candidate.recipient)
    if measure is None or step.learn is None:
        return None
    expected = None if candidate.price is None else measure.expected(candidate.price)
    return {
        "order": step.order_name,
        "price": shapes.money(candidate.price),
        "acceptance": float(measure.acceptance),
        "return_rate": float(measure.return_rate),
        "expected": None if expected is None else round(float(expected), 4),
        "measured": measure.measured,
        "over": durations.text(step.learn.over),
    }
