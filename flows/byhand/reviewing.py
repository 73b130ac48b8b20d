"""What people decide about what waits for review: who gets it instead, how it ends, or that work
goes on. Sending it again is in `retrying.py`, changing its data in `editing.py`.

Each takes `by` (who decides) and `seen` (the number of the lead's newest event when they looked),
and raises NotNow where things are no longer as they were.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from events import shapes
from events.models import Delivery
from events.vocabulary import EventType
from flows import plans
from flows.byhand import by_hand, retrying
from flows.byhand.by_hand import REASON_LENGTH, UNDER_WAY, NotNow
from flows.delivery import settling
from flows.patterns.base import Candidate
from flows.plan import DeliverStep, Plans
from flows.pricing import figures
from flows.steps import engine, overtaking, routing
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from recipients.outcomes import Outcome, Result

# After these the buyer may have the lead, whatever it has said.
UNCERTAIN = frozenset({Outcome.UNKNOWN, Outcome.UNREADABLE, Outcome.DUPLICATE})
ENDS = ("failed", "declined")


def may_have_it(delivery: Any) -> bool:
    """Whether the recipient may have the lead already; of a model or a state."""
    return bool(delivery.in_doubt) or delivery.outcome in UNCERTAIN


def buyers(deliveries: Iterable[Any]) -> list[str]:
    """The ids of who accepted the lead, also those whose delivery was sent again since; of models
    or states."""
    had = (each.recipient_id for each in deliveries if each.sold or each.state == "accepted")
    return list(dict.fromkeys(had))


def close(
    delivery_id: str, *, by: str, reason: str, decision: str, end: bool = False,
    seen: int | None = None,
) -> None:  # fmt: skip
    """It failed, or the recipient declined it; the flow goes on, or the lead ends here."""
    if decision not in ENDS:
        raise ValueError(f"{decision!r} is neither of {ENDS}")
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run, delivery = _held(cursor, delivery_id, current, journal, seen)
        reason = by_hand.impersonal(cursor, run, reason)
        if end:
            _end(run, current, by=by, reason=reason, first=(delivery, decision))
        else:
            _close(run, delivery, current, by=by, reason=reason, decision=decision)
        by_hand.save(cursor, run, advance=_goes_on(run))


def accept(
    delivery_id: str, *, by: str, reason: str, price: Decimal | None = None,
    buyer_lead_id: str = "", seen: int | None = None,
) -> None:  # fmt: skip
    """The recipient has taken it after all: a sale, at `price` or the one agreed."""
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run, delivery = _held(cursor, delivery_id, current, journal, seen)
        plan = current.recipients[delivery.recipient_id]
        if (
            not run.lead.test
            and not delivery.sold
            and (who := retrying.sold_to_another(run, delivery))
        ):
            raise NotNow(f"The lead was sold to {current.recipients[who].name} meanwhile.")
        said = by_hand.impersonal(cursor, run, reason)
        _note(run, delivery, current, by=by, reason=said, decision="accepted", then="go_on")
        _take_on(run)
        own_id = by_hand.impersonal(cursor, run, buyer_lead_id) if "@" in buyer_lead_id else ""
        result = Result(Outcome.ACCEPTED, price=price, buyer_lead_id=own_id or buyer_lead_id)
        settling.accept_by_hand(run, delivery, plan, result, by=by)
        overtaking.end_the_waiting(run, delivery, current)
        by_hand.save(cursor, run, advance=_goes_on(run))


def send_elsewhere(
    delivery_id: str, recipient_id: str, *, by: str, force: bool = False, seen: int | None = None
) -> str:
    """Give the lead to another recipient in the same step; the id of its delivery.

    A lead that is done goes on its way again by it. `force` does so although the first may have
    it, or somebody bought it.
    """
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run, held = _held(cursor, delivery_id, current, journal, seen)
        _check_elsewhere(run, held, recipient_id, current, force=force)
        by_hand.read_values(cursor, run)
        agreed = _agreed(run, held.step, recipient_id, current)
        reason = "Sent to another recipient instead"
        _close(run, held, current, by=by, reason=reason, decision="failed")
        known = next(
            (d for d in run.deliveries if (d.step, d.recipient_id) == (held.step, recipient_id)),
            None,
        )
        if known is not None:
            retrying.send_again(cursor, run, known, current, by=by, force=force)
            return known.id
        facts = retrying.reopen_lead(cursor, run, held.step)
        run.lead.step = min(run.lead.step, held.step)
        made = run.new_delivery(recipient_id, agreed.price, pricing=agreed.pricing)
        run.journal.record(
            run.lead,
            EventType.REVIEW_REDIRECTED,
            entity_id=recipient_id,
            reason=f"Chosen by {by}",
            by=by,
            recipient=shapes.recipient(current.recipients[recipient_id]),
            delivery={"id": made.id},
            instead_of=held.id,
            **facts,
        )
        by_hand.save(cursor, run, send=[made])
        return made.id


def release(lead_id: str, *, by: str, seen: int | None = None) -> None:
    """Let work go on with a lead that was put aside."""
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run = _aside(cursor, lead_id, current, journal, seen)
        if any(d.state == "review" for d in run.deliveries):
            raise NotNow("A delivery of this lead waits for review; decide on that.")
        _take_on(run)
        run.journal.record(
            run.lead,
            EventType.REVIEW_RELEASED,
            entity_id=run.lead.flow_id,
            reason=f"Released by {by}",
            by=by,
        )
        by_hand.save(cursor, run, advance=True)


def close_lead(lead_id: str, *, by: str, reason: str, seen: int | None = None) -> None:
    """The lead ends here, with all of its deliveries that wait for review."""
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run = _aside(cursor, lead_id, current, journal, seen)
        _end(run, current, by=by, reason=by_hand.impersonal(cursor, run, reason))
        by_hand.save(cursor, run)


def _held(
    cursor: Any, delivery_id: str, current: Plans, journal: Any, seen: int | None
) -> tuple[Run, DeliveryState]:
    """The lead locked, and its delivery that waits for review."""
    found = Delivery.objects.only("lead_id").get(pk=delivery_id)
    run = by_hand.locked(cursor, found.lead_id, current, journal, seen=seen)
    delivery = run.deliveries[[d.id for d in run.deliveries].index(delivery_id)]
    if delivery.state != "review":
        raise NotNow(f"This does not wait for review any more: it is {delivery.state}.")
    return run, delivery


def _aside(cursor: Any, lead_id: str, current: Plans, journal: Any, seen: int | None) -> Run:
    run = by_hand.locked(cursor, lead_id, current, journal, seen=seen)
    if run.lead.status != "review":
        raise NotNow("This lead does not wait for review any more.")
    return run


def _check_elsewhere(
    run: Run, held: DeliveryState, recipient_id: str, current: Plans, *, force: bool
) -> None:
    """Raises NotNow where the other recipient must not get the lead."""
    plan = current.recipients.get(recipient_id)
    if plan is None:
        raise NotNow("There is no such recipient.")
    if plan.paused_reason:
        raise NotNow(plan.paused_reason)
    if recipient_id == held.recipient_id:
        raise NotNow(f"{plan.name} is who it waits for; send it again instead.")
    if run.lead.status == "done" and not force and (had := buyers(run.deliveries)):
        names = " and ".join(current.recipients[who].name for who in had)
        raise NotNow(f"{names} bought the lead before; say that another gets it all the same.")
    if may_have_it(held) and not force:
        first = current.recipients[held.recipient_id].name
        raise NotNow(f"{first} may have the lead already; say that another gets it all the same.")
    if not force and (buyer := retrying.sold_to_another(run, held)):
        raise NotNow(f"The lead was sold to {current.recipients[buyer].name} meanwhile.")


def _agreed(run: Run, step: int, recipient_id: str, current: Plans) -> Candidate:
    """A recipient at what it pays in a step; at what it pays anywhere where the step does not
    know it."""
    found = run.flow.step(step)
    if current.needs.figures:
        figures.memory.renew()
    if isinstance(found, DeliverStep):
        for candidate in routing.candidates(run, found):
            if candidate.recipient == recipient_id:
                return candidate
    return routing.by_itself(run, current.recipients[recipient_id])


def _close(
    run: Run, delivery: DeliveryState, current: Plans, *, by: str, reason: str, decision: str,
    then: str = "go_on",
) -> None:  # fmt: skip
    _note(run, delivery, current, by=by, reason=reason, decision=decision, then=then)
    delivery.state, delivery.finished_at = decision, run.journal.at
    delivery.reason = _said(by, reason)
    if then == "go_on":
        _take_on(run)


def _note(
    run: Run, delivery: DeliveryState, current: Plans, *, by: str, reason: str, decision: str,
    then: str,
) -> None:  # fmt: skip
    plan = current.recipients[delivery.recipient_id]
    run.journal.record(
        run.lead,
        EventType.REVIEW_CLOSED,
        entity_id=plan.id,
        outcome=delivery.outcome,
        reason=_said(by, reason),
        by=by,
        decision=decision,
        then=then,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
    )


def _end(
    run: Run, current: Plans, *, by: str, reason: str,
    first: tuple[DeliveryState, str] | None = None,
) -> None:  # fmt: skip
    """Close whatever waits and complete the lead; raises NotNow while something is under way."""
    if run.lead.status not in ("review", "working"):
        raise NotNow("The lead is done already; close only the delivery.")
    if any(d.state in UNDER_WAY for d in run.deliveries):
        raise NotNow("Another delivery of this lead is under way; close only this one.")
    for delivery in run.deliveries:
        if delivery.state == "review":
            decision = first[1] if first and first[0] is delivery else "failed"
            _close(run, delivery, current, by=by, reason=reason, decision=decision, then="end")
    if first is None:
        run.journal.record(
            run.lead,
            EventType.REVIEW_CLOSED,
            entity_id=run.lead.flow_id,
            reason=_said(by, reason),
            by=by,
            decision="failed",
            then="end",
        )
    engine.complete(run, current, reason=_said(by, reason))


def _take_on(run: Run) -> None:
    if run.lead.status == "review":
        run.lead.status, run.lead.reason = "working", ""


def _goes_on(run: Run) -> bool:
    return run.lead.status == "working"


def _said(by: str, reason: str) -> str:
    return f"Closed by {by}: {reason.strip()}"[:REASON_LENGTH]
