"""A delivery at the desk: sent now, made to wait, or skipped; and the attempt that begins."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from events import shapes
from events.vocabulary import EventType
from flows.delivery import breakers, capacity, gathering
from flows.delivery.admission import Admit, Hold, Moment, Skip, Verdict, admit
from flows.delivery.gathering import BACKSTOP, WAITS, Joining
from flows.patterns.base import Candidate
from flows.plan import DeliverStep, StepPlan
from flows.steps import shares
from flows.turns.desk import Desk
from flows.turns.runs import Run
from flows.turns.states import DeliveryState, WorkState
from flows.turns.worktable import LEASE_MARGIN
from recipients.outcomes import Outcome, Result
from recipients.plan import EndpointPlan, RecipientPlan
from recipients.retry import Then

RETRY_LANE = ":retry"  # retries take their own share of a pump: they never starve first attempts
FINAL = frozenset({"accepted", "declined", "failed", "skipped"})
# Spreads what would otherwise come back together; nothing secret hangs on it.
JITTER = Random()  # noqa: S311


def dispatch(run: Run, delivery: DeliveryState, desk: Desk) -> None:
    """Admit a delivery: begin its attempt, let it wait, skip it, or end it when it is too old."""
    plan = desk.plans.recipients[delivery.recipient_id]
    if delivery.tries and plan.retry.too_late(age(run, delivery)):
        _abandon(run, delivery, plan, f"{delivery.reason}; too late to try again".lstrip("; "))
        return
    found = verdict(run, plan, desk, step=run.flow.step(delivery.step), delivery=delivery)
    if isinstance(found, Skip) and delivery.attempts:
        _abandon(run, delivery, plan, found.reason)
    elif isinstance(found, Skip):
        skip(run, delivery, plan, found.reason)
    elif isinstance(found, Hold):
        wait = found.seconds
        if found.busy is not None:
            capacity.wait(run, delivery, found.busy)
        else:
            capacity.leave(run, delivery)
        postpone(delivery, None if wait is None else wait + JITTER.random() * found.spread)
        delivery.waits_for = found.reason[:200]
    elif how := gathering.how_to(plan, run.flow.step(delivery.step), found.endpoint):
        _gather(run, delivery, plan, Joining(run, delivery, how, found.endpoint), desk)
    elif desk.may_start(lane(delivery)):
        _begin(run, delivery, plan, found, desk)
    else:
        postpone(delivery, 0.0)


def verdict(
    run: Run,
    plan: RecipientPlan,
    desk: Desk,
    *,
    step: StepPlan | None,
    delivery: DeliveryState | None = None,
    moment: Moment | None = None,
) -> Verdict:
    """Whether a recipient may have the lead now, by a delivery of its own or by a new one.
    `moment`: endpoints count as they were then."""
    return admit(
        plan,
        run.judged,
        endpoint_kind=delivery.endpoint if delivery else "production",
        test=run.lead.test,
        attempted=delivery is not None and delivery.attempts > 0,
        private=run.flow.private,
        facts=desk.facts.of(run, plan),
        conditions=moment.conditions if moment else desk.conditions,
        breakers=moment.breakers if moment else desk.breakers,
        room=capacity.room(run, plan, step, delivery, price=_expected(run, plan, delivery)),
        created_at=run.lead.created_at,
        moves_on=isinstance(step, DeliverStep) and step.skips_open_breakers,
        in_doubt=delivery is not None and delivery.in_doubt,
        now=moment.at if moment else desk.now,
        partial=run.partial,
    )


def _expected(run: Run, plan: RecipientPlan, delivery: DeliveryState | None) -> Decimal | None:
    """What a delivery will most likely bring."""
    agreed = price_of(run, delivery, None) if delivery else None
    return plan.price if agreed is None else agreed


def lane(delivery: DeliveryState) -> str:
    return delivery.recipient_id + (RETRY_LANE if delivery.attempts else "")


def age(run: Run, delivery: DeliveryState) -> float:
    """Seconds since the delivery's first attempt began."""
    return (run.journal.at - (delivery.first_attempt_at or run.journal.at)).total_seconds()


def postpone(delivery: DeliveryState, seconds: float | None) -> None:
    delivery.state = "waiting"
    work = _work(delivery)
    work.due_in = seconds
    work.lane = lane(delivery)
    work.begun = False
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


def skip(run: Run, delivery: DeliveryState, plan: RecipientPlan, reason: str) -> None:
    """End a delivery that is not under way without sending it, or sending it again."""
    result = Result(Outcome.SKIPPED, reason=reason)
    finish(run, delivery, "skipped", result)
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_SKIPPED,
        entity_id=plan.id,
        outcome=Outcome.SKIPPED,
        reason=reason,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
        failure=shapes.failure(result, retry_eligible=False),
        metadata=shapes.metadata(plan, delivery.endpoint, attempt_number=delivery.attempts),
    )


def _abandon(run: Run, delivery: DeliveryState, plan: RecipientPlan, reason: str) -> None:
    """End a delivery that was tried and is not tried again; its last outcome is its outcome."""
    result = Result(Outcome(delivery.outcome or Outcome.SKIPPED), reason=reason)
    then = plan.retry.rule(result.outcome).then
    finish(
        run,
        delivery,
        "review" if then is Then.HOLD or _doubtful(run, delivery, plan) else "failed",
        result,
    )
    record_given_up(run, delivery, plan, result, retry_eligible=plan.retry.retries(result.outcome))


def record_given_up(
    run: Run,
    delivery: DeliveryState,
    plan: RecipientPlan,
    result: Result,
    *,
    retry_eligible: bool,
) -> None:
    """Record a delivery's end that no attempt of now has brought: nothing was sent or answered."""
    run.journal.record(
        run.lead,
        EventType.RECIPIENT_FAILED,
        entity_id=plan.id,
        outcome=result.outcome,
        reason=result.reason,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
        failure=shapes.failure(result, retry_eligible=retry_eligible),
        metadata=shapes.metadata(
            plan,
            delivery.endpoint,
            attempt_number=delivery.attempts,
            total_attempts=delivery.attempts,
            mapping_version=delivery.mapping_version,
        ),
    )


def _doubtful(run: Run, delivery: DeliveryState, plan: RecipientPlan) -> bool:
    """The buyer may have an exclusive lead, and the policy does not say to move on all the same."""
    step = run.flow.step(delivery.step)
    exclusive = isinstance(step, DeliverStep) and step.pattern.exclusive
    moves_on = plan.retry.rule(Outcome.UNKNOWN).then is Then.MOVE_ON
    return delivery.in_doubt and exclusive and not moves_on


def _gather(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, joining: Joining, desk: Desk
) -> None:
    """Let a delivery wait for its batch, with the places in caps that it has been admitted to."""
    step, expected = run.flow.step(delivery.step), _expected(run, plan, delivery)
    capacity.take(run, plan, step, delivery, price=expected)
    if delivery.batch:
        desk.gathering.again[delivery.id] = delivery.batch
    else:
        desk.gathering.joining.append(joining)
    postpone(delivery, joining.how.age + BACKSTOP)
    delivery.waits_for = WAITS


def begin_together(
    run: Run, delivery: DeliveryState, plan: RecipientPlan, admitted: Admit, desk: Desk
) -> None:
    """Record the attempt of a delivery that goes with a batch; the batch begins it."""
    _begin(run, delivery, plan, admitted, desk, alone=False)


def take_along(delivery: DeliveryState, plan: RecipientPlan, endpoint: EndpointPlan) -> None:
    """The attempt is in the record already, by a worker that died before its batch was sent: it is
    this worker's now."""
    work = _work(delivery)
    work.hold = plan.retry.timeout(endpoint.timeout, delivery.tries) + LEASE_MARGIN
    work.begun = True


def _begin(
    run: Run,
    delivery: DeliveryState,
    plan: RecipientPlan,
    admitted: Admit,
    desk: Desk,
    *,
    alone: bool = True,
) -> None:
    """Record the attempt, before anything is sent: a crash leaves it visible, without an end."""
    endpoint = admitted.endpoint
    name = plan.name_of(endpoint)
    if name != delivery.endpoint:
        delivery.tries = 0  # each endpoint has all of its tries
    delivery.endpoint = name
    delivery.attempts += 1
    delivery.tries += 1
    delivery.state = "sending"
    delivery.waits_for = ""
    delivery.mapping_version = plan.version_for(run.lead.id, before=delivery.mapping_version)
    delivery.first_attempt_at = delivery.first_attempt_at or run.journal.at
    timeout = plan.retry.timeout(endpoint.timeout, delivery.tries)
    work = _work(delivery)
    work.hold = timeout + LEASE_MARGIN
    work.begun = True
    if delivery.attempts > 1:
        run.journal.record(
            run.lead,
            EventType.RETRY_ATTEMPTED,
            entity_id=plan.id,
            recipient=shapes.recipient(plan),
            delivery={"id": delivery.id},
            metadata=shapes.metadata(
                plan,
                delivery.endpoint,
                used=endpoint,
                attempt_number=delivery.attempts,
                mapping_version=delivery.mapping_version,
            ),
        )
    if alone:
        delivery.batch = ""
    _record_attempt(run, delivery, plan, endpoint, timeout)
    if alone:
        desk.breakers.enter(
            plan,
            endpoint,
            who=breakers.who(delivery.id, delivery.attempts),
            lease=work.hold,
            delivery_id=delivery.id,
            lead_id=run.lead.id,
        )
    desk.facts.claim(run, delivery, plan, desk.now)
    step, expected = run.flow.step(delivery.step), _expected(run, plan, delivery)
    capacity.take(run, plan, step, delivery, price=expected)
    if alone:
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
            price_of(run, delivery, None),
            exclusive=exclusive,
            priority=_priority(step, delivery),
            timeout=timeout,
        )
        | ({"routing": delivery.chosen_by} if delivery.routing else {})
        | ({"pricing": delivery.priced_by} if delivery.pricing else {}),
        lead_snapshot=shapes.lead_snapshot(run.lead.values, age),
        metadata=shapes.metadata(
            plan,
            delivery.endpoint,
            used=endpoint,
            attempt_number=delivery.attempts,
            mapping_version=delivery.mapping_version,
            **in_batch(delivery),
        ),
    )


def in_batch(delivery: DeliveryState) -> dict[str, str]:
    """What the record of an attempt says of the batch that it goes with."""
    return {"batch_id": delivery.batch} if delivery.batch else {}


def _priority(step: Any, delivery: DeliveryState) -> int:
    """The recipient's place in the step, from 1; the remediation pool comes last."""
    candidates: tuple[Candidate, ...] = getattr(step, "candidates", ())
    for place, candidate in enumerate(candidates, 1):
        if candidate.recipient == delivery.recipient_id:
            return place
    return len(candidates) + 1


def price_of(run: Run, delivery: DeliveryState, result: Result | None) -> Decimal | None:
    """What the reply said, else what was agreed; test leads never earn."""
    if run.lead.test:
        return Decimal(0)
    if result is not None and result.price is not None:
        return result.price
    return delivery.price


def pricing_of(
    run: Run, delivery: DeliveryState, result: Result, *, by_hand: bool
) -> Mapping[str, Any]:
    """How the price of `price_of` came about: in the order in which it looks."""
    if run.lead.test:
        return {"by": "test"}
    if result.price is not None:
        return {"by": "person" if by_hand else "reply"}
    return delivery.priced_by or {"by": "none" if delivery.price is None else "fixed"}


def finish(run: Run, delivery: DeliveryState, state: str, result: Result | None) -> None:
    shares.ending(run, delivery, state)
    delivery.state = state
    delivery.waits_for = ""
    capacity.settle(run, delivery)
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
