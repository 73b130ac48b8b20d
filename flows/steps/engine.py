"""Take a lead on: what its steps say, and what the pattern wants next.

The engine works on a `Run` in memory and touches nothing else; `turn.py` loads and saves it. It
may be asked again with the same state and does then what it did before.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from events import shapes
from events.vocabulary import EventType
from flows.delivery import capacity, dispatching
from flows.patterns.base import Ask, Done, Send, Wait
from flows.plan import DeliverStep, FilterStep, Plans
from flows.steps import auctions, enhancing, notices, routing, shares
from flows.steps.enhancements import EnhanceStep
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from leadops.lib import money
from recipients.outcomes import Outcome
from recipients.plan import RecipientPlan

ERASED = "Erased"  # why nothing more is done with a lead


def advance(run: Run, desk: Desk) -> None:
    """Walk the flow from where the lead stands, until it must wait or is done."""
    if run.lead.salt is None:
        stop_erased(run, desk.plans)
    else:
        _walk(run, desk)


def _walk(run: Run, desk: Desk) -> None:
    lead = run.lead
    if lead.inquiry and run.work is None:
        return  # its answers are still to come
    if lead.inquiry:
        _left_behind(run, desk)
    if run.work:
        run.work.done = True  # unless a step wants to be asked again: see `Run.own_work`
    while lead.status == "working":
        step = run.flow.step(lead.step)
        if step is None or run.stopped_by:
            complete(run, desk.plans, stopped_by=run.stopped_by)
        elif isinstance(step, FilterStep):
            _filter(run, step, desk.plans)
        elif isinstance(step, EnhanceStep):
            if not enhancing.ask(run, desk):
                break
        elif not _deliver(run, step, desk):
            review_if_stuck(run)
            break
        else:
            lead.step += 1


def _left_behind(run: Run, desk: Desk) -> None:
    """Whoever went for the answers did not come back: they are asked for anew."""
    run.lead.inquiry = ""
    if run.lead.status == "working":
        enhancing.left_behind(run, desk)


def take_answers(run: Run, inquiry: Inquiry, answers: Answers, desk: Desk) -> None:
    """Take in what was asked about a lead, and take it on; drop what nobody needs any more."""
    step = run.flow.step(run.lead.step)
    if run.lead.status == "working" and isinstance(step, EnhanceStep):
        enhancing.take(run, inquiry, answers, desk)
    if run.lead.status == "working" and isinstance(step, DeliverStep) and step.asks:
        auctions.take(run, step, inquiry, answers, desk)
    advance(run, desk)


def review_if_stuck(run: Run) -> None:
    """Nothing under way and something held: only a person can take the lead on."""
    under_way = any(d.state in ("waiting", "sending") for d in run.deliveries)
    if under_way or run.lead.status != "working":
        return
    held = next((d for d in run.deliveries if d.state == "review"), None)
    if held:
        run.lead.status = "review"
        run.lead.reason = held.reason


def stop_erased(run: Run, plans: Plans, *, by: str = "") -> int:
    """End what waits of a lead that is or will be erased, and its flow unless something is being
    sent; how many deliveries. Whoever ends last completes the flow."""
    if run.work:
        run.work.done = True
    run.lead.inquiry = ""
    ended = [d for d in run.deliveries if d.state in ("waiting", "review")]
    for delivery in ended:
        plan = plans.recipients[delivery.recipient_id]
        if delivery.state == "waiting":
            dispatching.skip(run, delivery, plan, ERASED)
            run.dropped.append(delivery.id)
        else:
            _close_erased(run, delivery, plan, by)
    under_way = any(d.state == "sending" for d in run.deliveries)
    if run.lead.status in ("working", "review") and not under_way:
        complete(run, plans, reason=ERASED)
    return len(ended)


def _close_erased(run: Run, delivery: DeliveryState, plan: RecipientPlan, by: str) -> None:
    delivery.state, delivery.finished_at = "failed", run.journal.at
    delivery.reason = ERASED
    capacity.settle(run, delivery)
    run.journal.record(
        run.lead,
        EventType.REVIEW_CLOSED,
        entity_id=plan.id,
        outcome=delivery.outcome,
        reason=ERASED,
        by=by,
        decision="failed",
        then="end",
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
    )


def complete(run: Run, plans: Plans, *, stopped_by: str = "", reason: str = "") -> None:
    """Every step is done, a filter stopped the lead, or a person ends it with a `reason`."""
    lead = run.lead
    sold = [d for d in run.deliveries if d.sold]
    lead.status = "done"
    lead.result = "sold" if sold else "stopped" if stopped_by else "unsold"
    lead.reason = stopped_by or ("" if sold else reason or _last_reason(run))
    lead.completed_at = run.journal.at
    run.journal.record(
        lead,
        EventType.FLOW_COMPLETED,
        entity_id=lead.flow_id,
        outcome=Outcome.ACCEPTED if sold else Outcome.REJECTED,
        reason=lead.reason,
        duration_ms=_ms(run.journal.at - lead.created_at),
        result=lead.result,
        revenue=shapes.money(lead.revenue),
        cost=shapes.money(lead.cost),
        margin=shapes.money(lead.revenue - lead.cost),
        sales=_sales(lead.cost, sales_of(sold, plans)),
    )


def sales_of(accepted: list[DeliveryState], plans: Plans) -> list[DeliveryState]:
    """The deliveries that share the lead's cost: to buyers; to whoever took it if none bought."""
    bought = [d for d in accepted if plans.recipients[d.recipient_id].buys]
    return bought or accepted


def _sales(cost: Decimal, sold: list[DeliveryState]) -> list[dict[str, Any]]:
    """The lead's cost is counted once, shared between its sales."""
    shares = money.share(cost, len(sold)) if sold else []
    return [
        {
            "recipient_id": delivery.recipient_id,
            "delivery_id": delivery.id,
            "price": shapes.money(delivery.revenue),
            "cost": shapes.money(share),
        }
        for delivery, share in zip(sold, shares, strict=True)
    ]


def _last_reason(run: Run) -> str:
    reasons = [d.reason for d in run.deliveries if d.reason]
    return reasons[-1] if reasons else run.missed or "No recipient took it"


def _filter(run: Run, step: FilterStep, plans: Plans) -> None:
    verdict = step.rule.evaluate(run.judged)
    facts: dict[str, Any] = {"rule_set": step.name, "rules_evaluated": verdict.evaluated}
    if verdict.passed or verdict.failed is None:
        run.journal.record(
            run.lead,
            EventType.FILTER_PASSED,
            entity_id=step.id,
            outcome=Outcome.ACCEPTED,
            **facts,
        )
        run.lead.step += 1
        return
    failed = verdict.failed.masked(run.flow.private)
    reason = step.reason or failed.text
    run.journal.record(
        run.lead,
        EventType.FILTER_FAILED,
        entity_id=step.id,
        outcome=Outcome.REJECTED,
        reason=reason,
        **facts,
        rule={"field": failed.field, "op": failed.op, "value": failed.expected},
        seen=failed.seen,
        details=failed.text,
    )
    if step.stops:
        complete(run, plans, stopped_by=reason)
    else:
        run.lead.step += 1


def _deliver(run: Run, step: DeliverStep, desk: Desk) -> bool:
    """Do what the pattern wants next; True when it wants nothing more."""
    while True:
        decision = step.pattern.decide(routing.situation(run, step))
        if isinstance(decision, Done):
            if decision.sold:
                notices.tell(run, step, desk)
            else:
                _miss(run, step)
            return True
        if isinstance(decision, Wait):
            if decision.until is not None:
                run.own_work().due_in = max(0.0, decision.until - routing.age(run))
            return False
        if isinstance(decision, Ask):
            if auctions.ask(run, step, decision.candidates, desk):
                continue
            return False
        assert isinstance(decision, Send)  # noqa: S101  the four there are
        for candidate in decision.candidates:
            delivery = run.new_delivery(
                candidate.recipient,
                candidate.price,
                routing.reasons(run, step, candidate),
                routing.priced_by(run, step, candidate),
            )
            dispatching.dispatch(run, delivery, desk)
            shares.given(run, delivery)


def _miss(run: Run, step: DeliverStep) -> None:
    """Say whom the lead could not be given: its version of the flow knows them still."""
    for id, name in step.gone:
        run.missed = f"{name} was deleted"
        run.journal.record(
            run.lead,
            EventType.RECIPIENT_SKIPPED,
            entity_id=id,
            outcome=Outcome.SKIPPED,
            reason=run.missed,
            recipient={"id": id, "name": name},
        )


def _ms(span: timedelta) -> int:
    return max(0, round(span.total_seconds() * 1000))
