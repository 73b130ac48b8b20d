"""Take a lead on: what its steps say, what the pattern wants next, what an attempt came to.

Works on a `Run` in memory and touches nothing else; `turn.py` loads and saves it. Every function
may be called again with the same state and does then what it did before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from events import shapes
from events.vocabulary import EventType
from flows.admission import Admit, Hold, Skip, admit, choose
from flows.desk import Desk
from flows.patterns.base import Candidate, Done, Send, Situation, Try, TryState, Wait
from flows.patterns.orders import OrderContext
from flows.plans import DeliverStep, FilterStep
from flows.runs import DeliveryState, Run, WorkState
from leadops.lib import money
from recipients.deliver import Attempt
from recipients.outcomes import Outcome, Result
from recipients.plan import EndpointPlan, RecipientPlan
from recipients.retry import GiveUp, RetryIn

RETRY_LANE = ":retry"  # retries take their own share of a pump: they never starve first attempts
LEASE_MARGIN = 15.0  # seconds a lease outlives its attempt's deadline
RESUME_SPREAD = 0.5  # seconds over which held deliveries come back, at random

TRY_STATES = {
    "waiting": TryState.WAITING,
    "sending": TryState.WAITING,
    "accepted": TryState.ACCEPTED,
    "declined": TryState.DECLINED,
    "failed": TryState.FAILED,
    "skipped": TryState.SKIPPED,
    "review": TryState.UNKNOWN_HOLD,
}
FINAL = frozenset({"accepted", "declined", "failed", "skipped"})
# Spreads retries so that they do not come back together; nothing secret hangs on it.
_random = Random()  # noqa: S311


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Work that ended nobody's turn: claimed again and again without coming to an end."""

    claims: int

    @property
    def reason(self) -> str:
        return f"Quarantined after {self.claims} claims without an end"


def advance(run: Run, desk: Desk) -> None:
    """Walk the flow from where the lead stands, until it must wait or is done."""
    lead = run.lead
    while lead.status == "working":
        step = run.flow.step(lead.step)
        if step is None:
            complete(run)
        elif isinstance(step, FilterStep):
            _filter(run, step)
        elif not _deliver(run, step, desk):
            _review_if_stuck(run)
            break
        else:
            lead.step += 1
    if run.work:
        run.work.done = True


def _review_if_stuck(run: Run) -> None:
    """Nothing under way and something held: only a person can take the lead on."""
    if any(d.state in ("waiting", "sending") for d in run.deliveries):
        return
    held = next((d for d in run.deliveries if d.state == "review"), None)
    if held:
        run.lead.status = "review"
        run.lead.reason = held.reason


def complete(run: Run, *, stopped_by: str = "") -> None:
    """Every step is done, or a filter stopped the lead."""
    lead = run.lead
    sold = [d for d in run.deliveries if d.state == "accepted" and not d.late]
    lead.status = "done"
    lead.result = "sold" if sold else "stopped" if stopped_by else "unsold"
    lead.reason = stopped_by or ("" if sold else _last_reason(run))
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
        sales=_sales(lead.cost, sold),
    )


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
    return reasons[-1] if reasons else "No recipient took it"


def _filter(run: Run, step: FilterStep) -> None:
    verdict = step.rule.evaluate(run.lead.values)
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
    failed = verdict.failed
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
        complete(run, stopped_by=reason)
    else:
        run.lead.step += 1


def _deliver(run: Run, step: DeliverStep, desk: Desk) -> bool:
    """Do what the pattern wants next; True when it wants nothing more."""
    while True:
        decision = step.pattern.decide(_situation(run, step))
        if isinstance(decision, Done):
            return True
        if isinstance(decision, Wait):
            return False
        assert isinstance(decision, Send)  # noqa: S101  the three there are
        for candidate in decision.candidates:
            delivery = run.new_delivery(candidate.recipient, candidate.price)
            dispatch(run, delivery, desk)


def _situation(run: Run, step: DeliverStep) -> Situation:
    return Situation(
        candidates=step.order(step.candidates, OrderContext(seed=run.lead.id)),
        remediation=step.remediation,
        tries=tuple(
            Try(recipient=d.recipient_id, state=TRY_STATES[d.state], sent=d.attempts > 0)
            for d in run.deliveries
            if d.step == run.lead.step
        ),
        age=(run.journal.at - run.lead.created_at).total_seconds(),
    )


def dispatch(run: Run, delivery: DeliveryState, desk: Desk) -> None:
    """Admit a delivery: begin its attempt, let it wait, or skip it."""
    plan = desk.plans.recipients[delivery.recipient_id]
    verdict = admit(
        plan,
        run.lead.values,
        endpoint_kind=delivery.endpoint,
        test=run.lead.test,
        attempted=delivery.attempts > 0,
        conditions=desk.conditions,
        now=desk.now,
    )
    delivery.changed = True
    if isinstance(verdict, Skip):
        _skip(run, delivery, plan, verdict.reason)
    elif isinstance(verdict, Hold):
        wait = verdict.seconds
        _wait(delivery, None if wait is None else wait + _random.random() * RESUME_SPREAD)
        delivery.waits_for = verdict.reason
    elif desk.may_start(lane(delivery)):
        _begin(run, delivery, plan, verdict, desk)
    else:
        _wait(delivery, 0.0)


def lane(delivery: DeliveryState) -> str:
    return delivery.recipient_id + (RETRY_LANE if delivery.attempts else "")


def _wait(delivery: DeliveryState, seconds: float | None) -> None:
    delivery.state = "waiting"
    work = _work(delivery)
    work.due_in = seconds
    work.lane = lane(delivery)
    work.lease = None
    work.claims = 0


def _work(delivery: DeliveryState) -> WorkState:
    if delivery.work is None:
        delivery.work = WorkState(
            kind="deliver",
            lead_id=delivery.lead_id,
            delivery_id=delivery.id,
            lane=delivery.recipient_id,
        )
    return delivery.work


def _skip(run: Run, delivery: DeliveryState, plan: RecipientPlan, reason: str) -> None:
    _finish(run, delivery, "skipped", Result(Outcome.SKIPPED, reason=reason))
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_SKIPPED,
        entity_id=plan.id,
        outcome=Outcome.SKIPPED,
        reason=reason,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
    )


def _begin(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, admitted: Admit, desk: Desk
) -> None:
    """Record the attempt, before anything is sent: a crash leaves it visible, without an end."""
    endpoint = admitted.endpoint
    delivery.attempts += 1
    delivery.tries += 1
    delivery.state = "sending"
    delivery.waits_for = ""
    delivery.endpoint = endpoint.kind if endpoint.kind != "regional" else "production"
    delivery.mapping_version = plan.version
    delivery.first_attempt_at = delivery.first_attempt_at or run.journal.at
    timeout = plan.retry.timeout(endpoint.timeout, delivery.tries)
    work = _work(delivery)
    work.hold = timeout + LEASE_MARGIN
    work.lease = "start"
    if delivery.attempts > 1:
        run.journal.record(
            run.lead,
            EventType.RETRY_ATTEMPTED,
            entity_id=plan.id,
            recipient=shapes.recipient(plan),
            delivery={"id": delivery.id},
            metadata={"attempt_number": delivery.attempts},
        )
    _record_attempt(run, delivery, plan, endpoint, timeout)
    desk.starts.append((run, delivery, endpoint))


def _record_attempt(
    run: Run,
    delivery: DeliveryState,
    plan: RecipientPlan,
    endpoint: EndpointPlan,
    timeout: float,
) -> None:
    step = run.flow.step(delivery.step)
    exclusive = isinstance(step, DeliverStep) and step.pattern.exclusive
    age = (run.journal.at - run.lead.created_at).total_seconds()
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_ATTEMPT,
        entity_id=plan.id,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
        delivery_plan=shapes.delivery_plan(
            endpoint,
            _price(run, delivery, None),
            exclusive=exclusive,
            priority=_priority(step, delivery),
            timeout=timeout,
        ),
        lead_snapshot=shapes.lead_snapshot(run.lead.values, age),
        metadata={"attempt_number": delivery.attempts},
    )


def _priority(step: Any, delivery: DeliveryState) -> int:
    """The recipient's place in the step, from 1; the remediation pool comes last."""
    candidates: tuple[Candidate, ...] = getattr(step, "candidates", ())
    for place, candidate in enumerate(candidates, 1):
        if candidate.recipient == delivery.recipient_id:
            return place
    return len(candidates) + 1


def settle(run: Run, delivery: DeliveryState, attempt: Attempt, desk: Desk) -> None:
    """Take in what an attempt came to, then let the pattern go on."""
    result = attempt.result
    plan = desk.plans.recipients[delivery.recipient_id]
    delivery.changed = True
    delivery.outcome = result.outcome.value
    delivery.category = result.category.value if result.category else ""
    delivery.reason = result.reason[:500]
    if result.accepted:
        _accept(run, delivery, plan, attempt)
    else:
        _refuse(run, delivery, plan, attempt, desk)
    advance(run, desk)


def _accept(run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt) -> None:
    lead = run.lead
    step = run.flow.step(delivery.step)
    exclusive = isinstance(step, DeliverStep) and step.pattern.exclusive
    delivery.late = lead.status != "working" or (
        exclusive and any(d.state == "accepted" for d in run.deliveries if d.step == delivery.step)
    )
    price = Decimal(0) if delivery.late else _price(run, delivery, attempt.result)
    price = price or Decimal(0)
    delivery.revenue = price
    delivery.buyer_lead_id = attempt.result.buyer_lead_id[:200]
    delivery.reason = ""
    _finish(run, delivery, "accepted", None)
    if not delivery.late:
        lead.revenue += price
        lead.sales += 1
    cost = money.share(lead.cost, max(lead.sales, 1))[-1]
    late: dict[str, Any] = {"late": True} if delivery.late else {}
    run.journal.record(
        lead,
        EventType.RECIPIENT_DELIVERED,
        entity_id=plan.id,
        outcome=Outcome.ACCEPTED,
        duration_ms=round(attempt.seconds * 1000),
        exchange=_exchange(delivery, attempt),
        recipient=shapes.recipient(plan),
        delivery=shapes.delivery(
            delivery.id, attempt, price=shapes.money(price), margin=shapes.money(price - cost)
        ),
        response=shapes.response(attempt),
        metadata=shapes.metadata(plan, delivery.endpoint, attempt_number=delivery.attempts),
        **late,
    )


def _price(run: Run, delivery: DeliveryState, result: Result | None) -> Decimal | None:
    """What the reply said, else what was agreed; test leads never earn."""
    if run.lead.test:
        return Decimal(0)
    if result is not None and result.price is not None:
        return result.price
    return delivery.price


def _refuse(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt, desk: Desk
) -> None:
    """Anything but accepted: retry, use the backup, hold for review, or give up."""
    result = attempt.result
    endpoint = _endpoint(plan, delivery, run)
    if result.outcome is Outcome.UNAUTHORIZED and endpoint:
        desk.pause(endpoint, f"Paused: {result.reason}")
    decision = plan.retry.after(result, attempt=delivery.tries, rng=_random)
    if isinstance(decision, RetryIn):
        if result.outcome is Outcome.RATE_LIMITED and endpoint:
            desk.hold(endpoint, decision.seconds)
        _record_error(run, delivery, plan, attempt, retry_eligible=True)
        _schedule_retry(run, delivery, plan, decision.seconds)
        return
    if result.outcome.is_technical and _use_backup(run, delivery, plan):
        _record_error(run, delivery, plan, attempt, retry_eligible=True)
        _schedule_retry(run, delivery, plan, 0.0)
        return
    if result.outcome.is_technical:
        _record_error(run, delivery, plan, attempt, retry_eligible=False)
    _give_up(run, delivery, plan, attempt, decision)


def _endpoint(plan: RecipientPlan, delivery: DeliveryState, run: Run) -> EndpointPlan | None:
    return choose(plan, run.lead.values, endpoint_kind=delivery.endpoint, test=run.lead.test)


def _use_backup(run: Run, delivery: DeliveryState, plan: RecipientPlan) -> bool:
    if delivery.endpoint == "backup" or plan.backup is None or run.lead.test:
        return False
    delivery.endpoint = "backup"
    delivery.tries = 0
    return True


def _schedule_retry(run: Run, delivery: DeliveryState, plan: RecipientPlan, seconds: float) -> None:
    _wait(delivery, seconds)
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
        metadata={"attempt_number": delivery.attempts + 1, "endpoint": delivery.endpoint},
    )


def _give_up(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, attempt: Attempt, decision: GiveUp
) -> None:
    result = attempt.result
    if decision.then == "hold" or _may_have_it(run, delivery, result, decision):
        state = "review"
    else:
        state = "failed" if result.outcome.is_technical else "declined"
    _finish(run, delivery, state, result)
    # A business answer ends attempt and delivery in one event; a technical end has had its
    # recipient.error, which carries the exchange.
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_FAILED,
        entity_id=plan.id,
        outcome=result.outcome,
        reason=result.reason,
        duration_ms=round(attempt.seconds * 1000),
        exchange=None if result.outcome.is_technical else _exchange(delivery, attempt),
        **_failure_fields(run, delivery, plan, attempt, retry_eligible=False),
    )


def _may_have_it(run: Run, delivery: DeliveryState, result: Result, decision: GiveUp) -> bool:
    """An exclusive lead of unknown fate goes to nobody else, unless the policy says so."""
    step = run.flow.step(delivery.step)
    if result.outcome is not Outcome.UNKNOWN or decision.then == "move_on":
        return False
    if not isinstance(step, DeliverStep) or not step.pattern.exclusive:
        return False
    situation = _situation(run, step)
    return bool(situation.untried or situation.untried_remediation)


def _record_error(
    run: Run,
    delivery: DeliveryState,
    plan: RecipientPlan,
    attempt: Attempt,
    *,
    retry_eligible: bool,
) -> None:
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_ERROR,
        entity_id=plan.id,
        outcome=attempt.result.outcome,
        reason=attempt.result.reason,
        duration_ms=round(attempt.seconds * 1000),
        exchange=_exchange(delivery, attempt),
        **_failure_fields(run, delivery, plan, attempt, retry_eligible=retry_eligible),
    )


def _failure_fields(
    run: Run,
    delivery: DeliveryState,
    plan: RecipientPlan,
    attempt: Attempt,
    *,
    retry_eligible: bool,
) -> dict[str, Any]:
    first = delivery.first_attempt_at or run.journal.at
    return {
        "recipient": shapes.recipient(plan),
        "delivery": shapes.delivery(
            delivery.id, attempt, attempted_price=shapes.money(_price(run, delivery, None))
        ),
        "failure": shapes.failure(attempt.result, retry_eligible=retry_eligible),
        "response": shapes.response(attempt),
        "metadata": shapes.metadata(
            plan,
            delivery.endpoint,
            attempt_number=delivery.attempts,
            total_attempts=delivery.attempts,
            first_attempt=first.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        ),
    }


def _finish(run: Run, delivery: DeliveryState, state: str, result: Result | None) -> None:
    delivery.state = state
    delivery.waits_for = ""
    delivery.changed = True
    if result is not None:
        delivery.outcome = result.outcome.value
        delivery.category = result.category.value if result.category else ""
        delivery.reason = result.reason[:500]
    else:
        delivery.outcome, delivery.category = Outcome.ACCEPTED.value, ""
    if state in FINAL:
        delivery.finished_at = run.journal.at
    if delivery.work:
        delivery.work.done = True


def _exchange(delivery: DeliveryState, attempt: Attempt) -> dict[str, Any] | None:
    request, reply = attempt.request, attempt.reply
    if request is None:
        return None
    return {
        "delivery_id": delivery.id,
        "attempt": delivery.attempts,
        "duration_ms": round(attempt.seconds * 1000),
        "method": request.method,
        "url": request.url,
        "request_headers": dict(request.headers),
        "request_body": request.body,
        "status": reply.status if reply else None,
        "reply_headers": dict(reply.headers) if reply else {},
        "reply_body": reply.body if reply else "",
        "error": "" if reply else f"{attempt.result.reason}: {attempt.result.details}",
    }


def left_behind(run: Run, delivery: DeliveryState, desk: Desk) -> None:
    """A lease ran out with the attempt under way: it may have arrived, nobody knows."""
    unknown = Result(
        Outcome.UNKNOWN,
        reason="No result",
        details="The worker that sent it did not come back; it may have arrived",
    )
    settle(run, delivery, Attempt(result=unknown, request=None, reply=None, seconds=0.0), desk)


def quarantine(run: Run, work: WorkState, plans: Any) -> None:
    """Put aside what cannot be finished; a person decides."""
    case = Quarantine(work.claims)
    work.done = True
    delivery = run.delivery(work.delivery_id) if work.delivery_id else None
    if delivery is None:
        run.lead.status = "review"
        run.lead.reason = case.reason
        return
    plan = plans.recipients[delivery.recipient_id]
    result = Result(Outcome.UNKNOWN, reason=case.reason)
    _finish(run, delivery, "review", result)
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_FAILED,
        entity_id=plan.id,
        outcome=result.outcome,
        reason=case.reason,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
        failure=shapes.failure(result, retry_eligible=True),
        metadata={"attempt_number": delivery.attempts},
    )
    _review_if_stuck(run)


def _ms(span: timedelta) -> int:
    return max(0, round(span.total_seconds() * 1000))
