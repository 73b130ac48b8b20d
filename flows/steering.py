"""What staff do to deliveries under way: pause, resume, retry. Each is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.db import connection, transaction

from events import alerting, shapes
from events.journal import Journal
from events.models import Delivery
from events.vocabulary import EventType
from flows import dispatching, endpoints, plans
from flows.admission import BREAKER
from flows.plans import DeliverStep, Plans
from flows.runs import (
    DELIVERIES,
    LOCK_LEADS,
    DeliveryState,
    LeadState,
    Run,
    save_deliveries,
    save_leads,
)
from leadops.lib import wake
from recipients import breaker
from recipients.breaker import State
from recipients.models import Endpoint, Recipient

REASON_LENGTH = 300
UNDER_WAY = frozenset({"waiting", "sending"})
WAKE = """
    UPDATE flows_work SET due_at = clock_timestamp()
    WHERE due_at = 'infinity' AND lane = ANY(%s)
"""
# Deliveries that wait for somebody to resume a recipient which nothing holds: it was switched on
# again or mended, or resumed in the moment in which a turn was about to hold them.
WAKE_HELD = """
    UPDATE flows_work w SET due_at = clock_timestamp()
    FROM recipients_recipient r
    WHERE w.due_at = 'infinity' AND w.lane IN (r.id, r.id || %s)
      AND r.active AND r.paused_at IS NULL
      AND NOT EXISTS (
          SELECT FROM recipients_endpoint e
          WHERE e.recipient_id = r.id AND e.paused_at IS NOT NULL
      )
"""
# Leads that could not even be put aside: whatever troubled the database may be over.
WAKE_RESTING = """
    UPDATE flows_work SET due_at = clock_timestamp() WHERE due_at = 'infinity' AND kind = 'advance'
"""


# Deliveries that wait for a breaker; what is leased is somebody else's.
WAKE_BREAKER = """
    UPDATE flows_work w SET due_at = clock_timestamp()
    FROM events_delivery d
    WHERE w.delivery_id = d.id AND w.lane = ANY(%s) AND w.lease IS NULL
      AND d.waits_for LIKE %s
"""


class NotNow(Exception):
    """The delivery cannot be retried as it stands; the text says why."""


@contextmanager
def _noted() -> Iterator[tuple[Any, Journal]]:
    """A transaction with its cursor and journal, written at its end."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        yield cursor, journal
        journal.write(cursor)


def pause_recipient(recipient: Recipient, *, by: str, reason: str = "") -> bool:
    """New leads pass it by, what was sent before waits; False when it is paused already."""
    reason = reason.strip()[:REASON_LENGTH]
    with _noted() as (_, journal):
        found = Recipient.objects.select_for_update().get(pk=recipient.pk)
        if found.paused_at is not None:
            return False
        found.paused_at, found.paused_reason = journal.at, reason or f"by {by}"
        found.save(update_fields=["paused_at", "paused_reason"])
        journal.operation(
            EventType.RECIPIENT_PAUSED,
            entity_id=found.id,
            reason=found.paused_reason,
            by=by,
            recipient=shapes.recipient(found),
        )
    return True


def resume_recipient(recipient: Recipient, *, by: str) -> bool:
    """Let it have leads again, and what was held becomes due; False when it was not paused."""
    with _noted() as (cursor, journal):
        found = Recipient.objects.select_for_update().get(pk=recipient.pk)
        if found.paused_at is None:
            return False
        reason = found.paused_reason
        found.paused_at, found.paused_reason = None, ""
        found.save(update_fields=["paused_at", "paused_reason"])
        journal.operation(
            EventType.RECIPIENT_RESUMED,
            entity_id=found.id,
            by=by,
            recipient=shapes.recipient(found),
            was_paused_for=reason,
        )
        _wake(cursor, found.id)
    return True


def resume_endpoint(endpoint: Endpoint, *, by: str, reason: str = "") -> bool:
    """Use an endpoint again that refused our credentials; False when it was not paused.

    Closes the alert that was raised when it was paused, unless another endpoint still is.
    """
    with _noted() as (cursor, journal):
        found = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        if found.paused_at is None:
            return False
        found.paused_at, found.paused_reason = None, ""
        found.save(update_fields=["paused_at", "paused_reason"])
        journal.operation(
            EventType.RECIPIENT_RESUMED,
            entity_id=found.recipient_id,
            reason=reason,
            by=by,
            recipient=shapes.recipient(found.recipient),
            endpoint_id=found.id,
            endpoint=found.kind,
        )
        others = Endpoint.objects.filter(recipient_id=found.recipient_id, paused_at__isnull=False)
        if not others.exists():
            alerting.resolve_alerts(cursor, journal, subject=found.recipient_id)
        _wake(cursor, found.recipient_id)
    return True


def open_breaker(endpoint: Endpoint, *, by: str, reason: str, wait: float | None = None) -> None:
    """Leave an endpoint alone for `wait` seconds, then probe it; None: until somebody closes it."""
    with _noted() as (cursor, journal):
        found = endpoints.lock_breaker(endpoint.id)
        after = breaker.opened_by_hand(
            found, now=journal.at, reason=_because(by, reason), wait=wait
        )
        endpoints.store_breaker(cursor, endpoint.id, after)
        journal.operation(
            EventType.BREAKER_OPENED,
            entity_id=endpoint.recipient_id,
            reason=after.reason,
            by=by,
            **endpoints.breaker_fields(endpoint.recipient, endpoint, after),
        )


def close_breaker(endpoint: Endpoint, *, by: str, reason: str) -> bool:
    """Use an endpoint again and forget its failures; what waited is due. False: it was closed."""
    with _noted() as (cursor, journal):
        found = endpoints.lock_breaker(endpoint.id)
        if found.state is State.CLOSED:
            return False
        after = breaker.closed_by_hand(now=journal.at)
        endpoints.store_breaker(cursor, endpoint.id, after)
        journal.operation(
            EventType.BREAKER_CLOSED,
            entity_id=endpoint.recipient_id,
            reason=_because(by, reason),
            by=by,
            **endpoints.breaker_fields(endpoint.recipient, endpoint, after),
        )
        alerting.resolve_alerts(cursor, journal, subject=endpoint.id)
        lanes = [endpoint.recipient_id, endpoint.recipient_id + dispatching.RETRY_LANE]
        cursor.execute(WAKE_BREAKER, [lanes, f"{BREAKER}%"])
        wake.ring(cursor)
    return True


def _because(by: str, reason: str) -> str:
    reason = reason.strip()
    return f"By {by}: {reason}"[:REASON_LENGTH] if reason else f"By {by}"


def _wake(cursor: Any, recipient_id: str) -> None:
    """What waited for somebody to resume the recipient is due now."""
    cursor.execute(WAKE, [[recipient_id, recipient_id + dispatching.RETRY_LANE]])
    wake.ring(cursor)


def wake_held() -> int:
    """Make due what waits for a recipient that may have leads, or for nobody; how many rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WAKE_HELD, [dispatching.RETRY_LANE])
        woken: int = cursor.rowcount
        cursor.execute(WAKE_RESTING)
        woken += cursor.rowcount
        if woken:
            wake.ring(cursor)
    return woken


def retry_delivery(delivery_id: str, *, by: str, force: bool = False) -> None:
    """Send a delivery again that ended, or that waits for review.

    Raises Delivery.DoesNotExist, and NotNow for one that is under way, or that the buyer accepted
    before (`force` sends it all the same).
    """
    found = Delivery.objects.only("lead_id").get(pk=delivery_id)
    current = plans.current()
    with _noted() as (cursor, journal):
        run = _locked(cursor, found.lead_id, current, journal)
        delivery = next(d for d in run.deliveries if d.id == delivery_id)
        plan = current.recipients[delivery.recipient_id]
        _check(run, delivery, force=force)
        completed = run.lead.status == "done"
        _reopen(run, delivery)
        reopened = completed and run.lead.status != "done"
        back: dict[str, Any] = {"shares_back": _shares(cursor, run.lead.id)} if reopened else {}
        run.journal.record(
            run.lead,
            EventType.RETRY_SCHEDULED,
            entity_id=plan.id,
            outcome=delivery.outcome,
            reason=f"Sent again by {by}",
            retry_at=journal.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            manual=True,
            by=by,
            recipient=shapes.recipient(plan),
            delivery={"id": delivery.id},
            metadata=shapes.metadata(plan, delivery.endpoint, attempt_number=delivery.attempts + 1),
            **back,
        )
        save_leads(cursor, [run])
        save_deliveries(cursor, [run])
        cursor.execute(
            "INSERT INTO flows_work (kind, lead_id, delivery_id, lane, claims, hold) "
            "VALUES ('deliver', %s, %s, %s, 0, 0)",
            [run.lead.id, delivery.id, dispatching.lane(delivery)],
        )
        wake.ring(cursor)


def _shares(cursor: Any, lead_id: str) -> list[dict[str, Any]]:
    """How the lead's cost was shared when it was completed; it will be shared anew."""
    cursor.execute(
        "SELECT data ->> 'sales' FROM events_event WHERE lead_id = %s AND type = %s "
        "ORDER BY seq DESC LIMIT 1",
        [lead_id, EventType.FLOW_COMPLETED],
    )
    row = cursor.fetchone()
    return orjson.loads(row[0]) if row and row[0] else []


def _locked(cursor: Any, lead_id: str, current: Plans, journal: Journal) -> Run:
    """The lead and its deliveries, locked the way pumps lock them."""
    cursor.execute(LOCK_LEADS, [[lead_id]])
    lead = LeadState(*cursor.fetchone())
    run = Run(lead=lead, flow=current.flows[lead.flow_id], journal=journal)
    cursor.execute(DELIVERIES, [[lead_id]])
    run.deliveries = [DeliveryState(*row) for row in cursor.fetchall()]
    run.find_place()
    return run


def _check(run: Run, delivery: DeliveryState, *, force: bool) -> None:
    """Raises NotNow unless the delivery may be sent again."""
    if delivery.state in UNDER_WAY:
        raise NotNow("It is under way already.")
    if delivery.state == "accepted":
        if not force:
            raise NotNow("The recipient accepted it already; force sends it a second time.")
        if run.lead.status == "working":
            raise NotNow("The lead is still on its way through its flow.")
    elif not force and (sold := _sold_to_another(run, delivery)):
        raise NotNow(f"The lead was sold to {sold}; force sends it all the same.")


def _sold_to_another(run: Run, delivery: DeliveryState) -> str:
    """Who has the lead exclusively; blank when nobody has."""
    step = run.flow.step(delivery.step)
    if not isinstance(step, DeliverStep) or not step.pattern.exclusive:
        return ""
    others = [
        d for d in run.deliveries if d.step == delivery.step and (d.sold or d.state == "accepted")
    ]
    return others[0].recipient_id if others else ""


def _reopen(run: Run, delivery: DeliveryState) -> None:
    """Back to waiting, with all of its retries. A lead that was sold by it stays done: a second
    accept earns nothing again."""
    if delivery.state != "accepted" and not delivery.sold and run.lead.status in ("done", "review"):
        run.lead.status, run.lead.completed_at = "working", None
        run.lead.result, run.lead.reason = "", ""
        run.lead.step = min(run.lead.step, delivery.step)  # its pattern hears of the result
    delivery.state, delivery.waits_for = "waiting", "Retry"
    # Its retries are counted, and grow too old, from the next attempt on.
    delivery.tries, delivery.first_attempt_at, delivery.finished_at = 0, None, None
    delivery.changed = True
