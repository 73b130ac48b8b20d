"""What staff do to recipients and endpoints: pause, resume, open and close breakers. Each is
recorded."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connection, transaction

from events import alerting, shapes
from events.vocabulary import EventType
from flows.byhand.by_hand import REASON_LENGTH as REASON_LENGTH
from flows.byhand.by_hand import noted
from flows.delivery import dispatching, endpoints
from flows.delivery.admission import BREAKER
from leadops.lib import wake
from recipients import breaker
from recipients.breaker import State
from recipients.models import Endpoint, Recipient

Paused = TypeVar("Paused", Recipient, Endpoint)
PAUSED = ("paused_at", "paused_reason")

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


def pause_recipient(recipient: Recipient, *, by: str, reason: str = "") -> bool:
    """New leads pass it by, what was sent before waits; False when it is paused already."""
    return _pause(recipient, by=by, reason=reason)


def pause_endpoint(endpoint: Endpoint, *, by: str, reason: str = "") -> bool:
    """The recipient's other endpoints stay in use; False when it is paused already."""
    return _pause(endpoint, by=by, reason=reason)


def _pause(row: Paused, *, by: str, reason: str) -> bool:
    with noted() as (_, journal):
        found = _locked(row)
        if found.paused_at is not None:
            return False
        found.paused_at = journal.at
        found.paused_reason = reason.strip()[:REASON_LENGTH] or f"by {by}"
        found.save(update_fields=PAUSED)
        journal.operation(
            EventType.RECIPIENT_PAUSED, reason=found.paused_reason, by=by, **_named(found)
        )
    return True


def resume_recipient(recipient: Recipient, *, by: str) -> bool:
    """Let it have leads again, and what was held becomes due; False when it was not paused."""
    with noted() as (cursor, journal):
        found = _locked(recipient)
        if found.paused_at is None:
            return False
        reason = found.paused_reason
        found.paused_at, found.paused_reason = None, ""
        found.save(update_fields=PAUSED)
        journal.operation(
            EventType.RECIPIENT_RESUMED, by=by, **_named(found), was_paused_for=reason
        )
        _wake(cursor, found.id)
    return True


def resume_endpoint(endpoint: Endpoint, *, by: str, reason: str = "") -> bool:
    """Use an endpoint again that refused our credentials; False when it was not paused.

    Closes the alert that was raised when it was paused, unless another endpoint still is.
    """
    with noted() as (cursor, journal):
        found = _locked(endpoint)
        if found.paused_at is None:
            return False
        found.paused_at, found.paused_reason = None, ""
        found.save(update_fields=PAUSED)
        journal.operation(EventType.RECIPIENT_RESUMED, reason=reason, by=by, **_named(found))
        others = Endpoint.objects.filter(recipient_id=found.recipient_id, paused_at__isnull=False)
        if not others.exists():
            alerting.resolve_alerts(cursor, journal, subject=found.recipient_id)
        _wake(cursor, found.recipient_id)
    return True


def _locked(row: Paused) -> Paused:
    found: Paused = type(row)._default_manager.select_for_update().get(pk=row.pk)
    return found


def _named(row: Recipient | Endpoint) -> dict[str, Any]:
    """As events name it."""
    if isinstance(row, Recipient):
        return {"entity_id": row.id, "recipient": shapes.recipient(row)}
    return {**_named(row.recipient), "endpoint_id": row.id, "endpoint": row.kind}


def open_breaker(endpoint: Endpoint, *, by: str, reason: str, wait: float | None = None) -> None:
    """Leave an endpoint alone for `wait` seconds, then probe it; None: until somebody closes it."""
    with noted() as (cursor, journal):
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
    with noted() as (cursor, journal):
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
