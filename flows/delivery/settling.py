"""What an attempt came to: sold, retried, sent another way, held for review, or given up."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

from events import shapes
from events.vocabulary import EventType
from flows.delivery import breakers, capacity, dispatching
from flows.delivery.admission import choose
from flows.delivery.batchanswers import Left
from flows.plan import DeliverStep, Plans
from flows.steps import engine, impersonal, overtaking, routing, shares
from flows.turns.desk import Desk
from flows.turns.runs import Run
from flows.turns.states import DeliveryState, WorkState
from leadops.lib import money
from recipients.deliver import Attempt
from recipients.outcomes import Category, Outcome, Result
from recipients.plan import EndpointPlan, RecipientPlan
from recipients.retry import GiveUp, RetryIn, Then

ASKS_AGAIN = 300.0  # seconds until a delivery looks again whether its batch has taken it along


def settle(run: Run, delivery: DeliveryState, attempt: Attempt, desk: Desk) -> None:
    """Take in what an attempt came to, then let the pattern go on."""
    plan = desk.plans.recipients[delivery.recipient_id]
    own_id = attempt.result.buyer_lead_id
    attempt = impersonal.attempt(run, attempt, moves=impersonal.moves(plan))
    result = attempt.result
    delivery.outcome = result.outcome.value
    delivery.category = result.category.value if result.category else ""
    delivery.reason = result.reason[:500]
    delivery.in_doubt |= result.outcome is Outcome.UNKNOWN
    if result.accepted:
        _accept(run, delivery, plan, attempt)
        delivery.buyer_lead_id = impersonal.kept_id(run, own_id)
        overtaking.end_the_waiting(run, delivery, desk.plans)
    else:
        _refuse(run, delivery, plan, attempt, desk)
    engine.advance(run, desk)


def accept_by_hand(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, result: Result, **facts: Any
) -> None:
    """A person knows that the buyer took the lead: a sale as if its reply had said so."""
    _accept(run, delivery, plan, Attempt(result=result), **facts)


def _accept(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt, **facts: Any
) -> None:
    lead = run.lead
    step = run.flow.step(delivery.step)
    exclusive = isinstance(step, DeliverStep) and step.pattern.exclusive
    again = delivery.sold
    delivery.late = not again and (
        lead.status != "working"
        or (exclusive and any(d.sold for d in run.deliveries if d.step == delivery.step))
    )
    counts = not again and not delivery.late
    price = dispatching.price_of(run, delivery, attempt.result) if counts else Decimal(0)
    price = price or Decimal(0)
    delivery.revenue += price  # one that is sent again after it was sold keeps what it earned
    delivery.buyer_lead_id = attempt.result.buyer_lead_id[:200]
    delivery.reason = ""
    if not again:
        capacity.sold(run, plan, delivery, price=price)
    dispatching.finish(run, delivery, "accepted", None)
    if counts:
        delivery.sold = True
        shares.sold(run, delivery)
        lead.revenue += price
        lead.sales += plan.buys
    # What is no sale, being late or sold before, bears none of the cost: that is counted once.
    bears = counts and (plan.buys or not lead.sales)
    cost = money.share(lead.cost, max(lead.sales, 1))[-1] if bears else Decimal(0)
    by_hand = bool(facts)
    result = attempt.result
    priced = (
        {"pricing": dispatching.pricing_of(run, delivery, result, by_hand=by_hand)}
        if counts
        else {}
    )
    late: dict[str, Any] = facts if counts else {**facts, "late": True}
    run.journal.record(
        lead,
        EventType.RECIPIENT_DELIVERED,
        entity_id=plan.id,
        outcome=Outcome.ACCEPTED,
        duration_ms=_took(attempt),
        exchange=_exchange(delivery, attempt),
        recipient=shapes.recipient(plan),
        delivery=shapes.delivery(
            delivery.id,
            attempt,
            price=shapes.money(price),
            margin=shapes.money(price - cost),
            **priced,
        ),
        response=shapes.response(attempt),
        metadata=shapes.metadata(
            plan,
            delivery.endpoint,
            used=_endpoint(plan, delivery, run),
            attempt_number=delivery.attempts,
            total_attempts=delivery.attempts,
            mapping_version=delivery.mapping_version,
            **dispatching.in_batch(delivery),
        ),
        **late,
    )


def _refuse(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt, desk: Desk
) -> None:
    """Anything but accepted: retry, go another way, hold for review, or give up."""
    result = attempt.result
    endpoint = _endpoint(plan, delivery, run)
    if result.outcome is Outcome.UNAUTHORIZED and endpoint:
        desk.pause(endpoint, f"Paused: {result.reason}")
    decision = plan.retry.after(
        result,
        attempt=delivery.tries,
        rng=dispatching.JITTER,
        age=dispatching.age(run, delivery),
    )
    if isinstance(decision, RetryIn) and result.outcome is Outcome.RATE_LIMITED and endpoint:
        desk.hold(endpoint, decision.seconds)
    if overtaking.is_overtaken(run, delivery) or run.lead.salt is None:
        if result.outcome.is_technical:
            _record_error(run, delivery, plan, attempt)
        _give_up(run, delivery, plan, attempt, GiveUp(Then.FAIL))
        return
    if isinstance(decision, RetryIn):
        _record_error(run, delivery, plan, attempt)
        _schedule_retry(run, delivery, plan, decision.seconds)
        return
    if result.outcome is Outcome.SERVER_ERROR and endpoint and not run.lead.test:
        tries = "the try" if delivery.tries == 1 else f"all {delivery.tries} tries"
        text = f"{plan.name}: {tries} at the {endpoint.kind} endpoint failed: {result.reason}"
        desk.alarm(plan, endpoint, text)
    if following := _way_on(run, delivery, plan, result):
        _record_error(run, delivery, plan, attempt)
        delivery.endpoint, delivery.tries = following, 0
        _schedule_retry(run, delivery, plan, 0.0)
        return
    if result.outcome.is_technical:
        _record_error(run, delivery, plan, attempt)
    _give_up(run, delivery, plan, attempt, decision)


def _endpoint(plan: RecipientPlan, delivery: DeliveryState, run: Run) -> EndpointPlan | None:
    return choose(plan, run.judged, endpoint_kind=delivery.endpoint, test=run.lead.test)


def _way_on(run: Run, delivery: DeliveryState, plan: RecipientPlan, result: Result) -> str:
    """The recipient's next endpoint; blank where there is none, or where it must not be used.

    It is the same buyer under the same idempotency key, so no answer is no hindrance. A reply that
    nobody understood is one: the buyer has most likely decided, and a person reads what it says.
    """
    repeatable = result.outcome.is_technical and result.outcome is not Outcome.UNREADABLE
    return plan.after(delivery.endpoint) if repeatable and not run.lead.test else ""


def _schedule_retry(run: Run, delivery: DeliveryState, plan: RecipientPlan, seconds: float) -> None:
    dispatching.postpone(delivery, seconds)
    capacity.settle(run, delivery)
    retry_at = run.journal.at + timedelta(seconds=seconds)
    delivery.waits_for = "Retry"
    run.journal.record(
        run.lead,
        EventType.RETRY_SCHEDULED,
        entity_id=plan.id,
        outcome=delivery.outcome,
        reason=delivery.reason,
        retry_at=retry_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
        metadata=shapes.metadata(plan, delivery.endpoint, attempt_number=delivery.attempts + 1),
    )


def _give_up(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt, decision: GiveUp
) -> None:
    result = attempt.result
    if _may_have_it(run, delivery, plan, result):
        state = "review"
        # Not the buyer's last words: why a person is asked.
        because = f"{plan.name} may have it: an attempt had no answer"
        result = dataclasses.replace(result, reason=because, details=result.reason)
    elif decision.then == "hold":
        state = "review"
    else:
        state = "failed" if result.outcome.is_technical else "declined"
    dispatching.finish(run, delivery, state, result)
    # A business answer ends attempt and delivery in one event; a technical end has just had its
    # recipient.error, which brought the exchange.
    technical = result.outcome.is_technical
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_FAILED,
        entity_id=plan.id,
        outcome=result.outcome,
        reason=result.reason,
        duration_ms=_took(attempt),
        exchange=None if technical else _exchange(delivery, attempt),
        same_exchange=technical,
        **_failure_fields(run, delivery, plan, attempt),
    )


def _may_have_it(run: Run, delivery: DeliveryState, plan: RecipientPlan, result: Result) -> bool:
    """An exclusive lead of unknown fate goes to nobody else, unless the policy says so.

    After an attempt without an answer only a plain no tells the buyer's mind: its server's failing
    at a later attempt does not, and a duplicate may be what the first attempt brought it.
    """
    step = run.flow.step(delivery.step)
    plain_no = result.outcome is Outcome.REJECTED or result.category is Category.VALIDATION
    if not delivery.in_doubt or plain_no or overtaking.is_overtaken(run, delivery):
        return False
    if run.lead.salt is None:
        return False
    if plan.retry.rule(Outcome.UNKNOWN).then is Then.MOVE_ON:
        return False
    if not isinstance(step, DeliverStep) or not step.pattern.exclusive:
        return False
    left = routing.situation(run, step)
    return bool(left.untried or left.untried_remediation)


def _record_error(run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt) -> None:
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_ERROR,
        entity_id=plan.id,
        outcome=attempt.result.outcome,
        reason=attempt.result.reason,
        duration_ms=_took(attempt),
        exchange=_exchange(delivery, attempt),
        **_failure_fields(run, delivery, plan, attempt),
    )


def _failure_fields(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt
) -> dict[str, Any]:
    """`retry_eligible` says that the recipient's policy retries this outcome, not that a try is
    left: on the last failure it tells what may be sent again by hand."""
    first = delivery.first_attempt_at or run.journal.at
    price = shapes.money(dispatching.price_of(run, delivery, None))
    return {
        "recipient": shapes.recipient(plan),
        "delivery": shapes.delivery(delivery.id, attempt, attempted_price=price),
        "failure": shapes.failure(
            attempt.result, retry_eligible=plan.retry.retries(attempt.result.outcome)
        ),
        "response": shapes.response(attempt),
        "metadata": shapes.metadata(
            plan,
            delivery.endpoint,
            used=_endpoint(plan, delivery, run),
            attempt_number=delivery.attempts,
            total_attempts=delivery.attempts,
            mapping_version=delivery.mapping_version,
            **dispatching.in_batch(delivery),
            first_attempt=first.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        ),
    }


def _took(attempt: Attempt) -> int | None:
    """Milliseconds, None where nothing was sent by us that could have been timed."""
    return round(attempt.seconds * 1000) if attempt.request is not None else None


def _exchange(delivery: DeliveryState, attempt: Attempt) -> dict[str, Any] | None:
    return shapes.exchange(attempt, delivery_id=delivery.id, attempt_number=delivery.attempts)


def left_behind(run: Run, delivery: DeliveryState, desk: Desk, *, left: Left | None = None) -> None:
    """A lease ran out with the attempt under way: it may have arrived, nobody knows, unless its
    batch is not sent yet, or its answer is written down (`left`)."""
    plan = desk.plans.recipients[delivery.recipient_id]
    if left is None:
        unknown = Result(
            Outcome.UNKNOWN,
            reason="No result",
            details="The worker that sent it did not come back; it may have arrived",
        )
        if endpoint := _endpoint(plan, delivery, run):
            desk.breakers.lost(plan, endpoint, who=breakers.who(delivery.id, delivery.attempts))
        settle(run, delivery, Attempt(result=unknown, request=None, reply=None, seconds=0.0), desk)
    elif left.attempt is None:
        _leave_to_its_batch(delivery, left, desk)
    else:
        _take_up(run, delivery, left, left.attempt, desk)


def _leave_to_its_batch(delivery: DeliveryState, left: Left, desk: Desk) -> None:
    """It stays as it is: whoever takes its batch up takes it along."""
    desk.gathering.again[delivery.id] = left.batch_id
    if delivery.work is not None:
        delivery.work.due_in = ASKS_AGAIN
        delivery.work.claims = 0


def _take_up(run: Run, delivery: DeliveryState, left: Left, attempt: Attempt, desk: Desk) -> None:
    """Settle it by the answer that its worker had stored."""
    plan = desk.plans.recipients[delivery.recipient_id]
    endpoint = _endpoint(plan, delivery, run)
    if left.judges and endpoint:
        who = breakers.who(left.batch_id, left.tries)
        desk.breakers.ended(plan, endpoint, attempt, who=who, begun=attempt.started)
    if left.left_out:
        delivery.batch = ""
    settle(run, delivery, attempt, desk)


def quarantine(run: Run, work: WorkState, plans: Plans, reason: str) -> None:
    """Put aside what cannot be finished; a person decides."""
    work.done = True
    delivery = run.delivery(work.delivery_id) if work.delivery_id else None
    if delivery is None:
        run.lead.inquiry = ""
        if run.lead.status == "working":
            run.lead.status, run.lead.reason = "review", reason
            run.journal.record(
                run.lead, EventType.REVIEW_HELD, entity_id=run.lead.flow_id, reason=reason
            )
        return
    plan = plans.recipients[delivery.recipient_id]
    result = Result(Outcome.UNKNOWN, reason=reason)
    dispatching.finish(run, delivery, "review", result)
    dispatching.record_given_up(run, delivery, plan, result, retry_eligible=True)
    engine.review_if_stuck(run)
