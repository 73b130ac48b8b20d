"""Deliveries sent again by hand: recorded, with all of their retries, under their old keys."""

from __future__ import annotations

from typing import Any

import orjson

from events import shapes
from events.models import Delivery
from events.vocabulary import EventType
from flows import plans
from flows.byhand import by_hand
from flows.byhand.by_hand import UNDER_WAY, NotNow
from flows.plan import DeliverStep, Plans
from flows.steps import shares
from flows.turns.runs import Run
from flows.turns.states import DeliveryState


def retry_delivery(
    delivery_id: str, *, by: str, force: bool = False, seen: int | None = None
) -> None:
    """Send a delivery again that ended, or that waits for review.

    Raises Delivery.DoesNotExist, and NotNow for one that is under way, or that the buyer accepted
    before (`force` sends it all the same), or where the lead has moved on since it was `seen`.
    """
    found = Delivery.objects.only("lead_id").get(pk=delivery_id)
    current = plans.current()
    with by_hand.noted() as (cursor, journal):
        run = by_hand.locked(cursor, found.lead_id, current, journal, seen=seen)
        delivery = run.deliveries[[d.id for d in run.deliveries].index(delivery_id)]
        send_again(cursor, run, delivery, current, by=by, force=force)


def send_again(
    cursor: Any,
    run: Run,
    delivery: DeliveryState,
    current: Plans,
    *,
    by: str,
    force: bool = False,
    **facts: Any,
) -> None:
    """Have a delivery of a locked lead sent again; raises NotNow before anything has changed."""
    plan = current.recipients[delivery.recipient_id]
    check(run, delivery, current, force=force)
    by_hand.read_values(cursor, run)  # without them nothing could be sent
    # A lead that was sold by it stays done: a second accept earns nothing again.
    if delivery.state != "accepted" and not delivery.sold:
        facts |= reopen_lead(cursor, run, delivery.step)
    _reopen(run, delivery)
    run.journal.record(
        run.lead,
        EventType.RETRY_SCHEDULED,
        entity_id=plan.id,
        outcome=delivery.outcome,
        reason=f"Sent again by {by}",
        retry_at=run.journal.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        manual=True,
        by=by,
        recipient=shapes.recipient(plan),
        delivery={"id": delivery.id},
        metadata=shapes.metadata(plan, delivery.endpoint, attempt_number=delivery.attempts + 1),
        **facts,
    )
    by_hand.save(cursor, run, send=[delivery])


def reopen_lead(cursor: Any, run: Run, step: int) -> dict[str, Any]:
    """Have a lead on its way again, at `step` at the latest, so that its pattern hears of the
    result; what the event that says so holds. Does nothing to a lead that is on its way."""
    if run.lead.status not in ("done", "review"):
        return {}
    completed = run.lead.status == "done"
    run.lead.status, run.lead.completed_at = "working", None
    run.lead.result, run.lead.reason = "", ""
    run.lead.step = min(run.lead.step, step)
    return {"shares_back": _shares(cursor, run.lead.id)} if completed else {}


def _shares(cursor: Any, lead_id: str) -> list[dict[str, Any]]:
    """How the lead's cost was shared when it was completed; it will be shared anew."""
    cursor.execute(
        "SELECT data ->> 'sales' FROM events_event WHERE lead_id = %s AND type = %s "
        "ORDER BY seq DESC LIMIT 1",
        [lead_id, EventType.FLOW_COMPLETED],
    )
    row = cursor.fetchone()
    return orjson.loads(row[0]) if row and row[0] else []


def check(run: Run, delivery: DeliveryState, current: Plans, *, force: bool) -> None:
    """Raises NotNow unless the delivery may be sent again."""
    if delivery.state in UNDER_WAY:
        raise NotNow("It is under way already.")
    if delivery.state == "accepted":
        if not force:
            raise NotNow("The recipient accepted it already; force sends it a second time.")
        if run.lead.status == "working":
            raise NotNow("The lead is still on its way through its flow.")
    elif not force and (buyer := sold_to_another(run, delivery)):
        name = current.recipients[buyer].name
        raise NotNow(f"The lead was sold to {name}; force sends it all the same.")


def sold_to_another(run: Run, delivery: DeliveryState) -> str:
    """The id of who has the lead exclusively; blank when nobody has."""
    step = run.flow.step(delivery.step)
    if not isinstance(step, DeliverStep) or not step.pattern.exclusive:
        return ""
    others = [
        d for d in run.deliveries if d.step == delivery.step and (d.sold or d.state == "accepted")
    ]
    return others[0].recipient_id if others else ""


def _reopen(run: Run, delivery: DeliveryState) -> None:
    """Back to waiting, on its whole route, with all of its retries."""
    shares.reopening(run, delivery)
    delivery.state, delivery.waits_for, delivery.endpoint = "waiting", "Retry", "production"
    # Its retries are counted, and grow too old, from the next attempt on.
    delivery.tries, delivery.first_attempt_at, delivery.finished_at = 0, None, None
    # Somebody's own decision: it goes with the next batch, not under the key of the last.
    delivery.batch = ""
