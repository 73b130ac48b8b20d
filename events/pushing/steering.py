"""What is decided about a subscription, by people or by its receiver: recorded, each with why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from events import alerting
from events.following import Position
from events.journal import Journal
from events.models import EventSubscription
from events.vocabulary import EventType

PAUSE = """
    UPDATE events_eventsubscription
    SET paused_at = clock_timestamp(), paused_reason = %s
    WHERE id = %s AND paused_at IS NULL RETURNING paused_at
"""
RESUME = """
    UPDATE events_eventsubscription
    SET paused_at = NULL, paused_reason = '', failures = 0, failing_since = NULL,
        due_at = clock_timestamp()
    WHERE id = %s AND paused_at IS NOT NULL RETURNING clock_timestamp()
"""
# Whoever sends at this moment loses the lease, and so cannot move the position back.
REWIND = """
    UPDATE events_eventsubscription
    SET tx = %s, after = %s, batch_id = '', batch_tx = NULL, batch_after = '', lease = '',
        due_at = clock_timestamp()
    WHERE id = %s RETURNING clock_timestamp()
"""


def pause(
    subscription: EventSubscription, *, reason: str, by: str = "", alert: bool = False
) -> bool:
    """Send it nothing more; what happens meanwhile waits for it. False when it was paused."""
    with transaction.atomic(), connection.cursor() as cursor:
        at = _changed(cursor, PAUSE, [reason[:300], subscription.id])
        if at is None:
            return False
        journal = _note(EventType.SUBSCRIPTION_PAUSED, subscription, at, reason=reason, by=by)
        if alert:
            alerting.raise_alert(
                cursor,
                journal,
                subject=_subject(subscription),
                text=f"Subscription {subscription.slug} is paused: {reason}",
                entity_id=subscription.id,
            )
        journal.write(cursor)
    return True


def resume(subscription: EventSubscription, *, by: str, reason: str = "") -> bool:
    """Go on where it was paused. False when it was not."""
    with transaction.atomic(), connection.cursor() as cursor:
        at = _changed(cursor, RESUME, [subscription.id])
        if at is None:
            return False
        journal = _note(EventType.SUBSCRIPTION_RESUMED, subscription, at, reason=reason, by=by)
        alerting.resolve_alerts(
            cursor, journal, subject=_subject(subscription), entity_id=subscription.id
        )
        journal.write(cursor)
    return True


def rewind(subscription: EventSubscription, to: Position, *, by: str, reason: str = "") -> None:
    """Go on from another place in the record, earlier or later."""
    with transaction.atomic(), connection.cursor() as cursor:
        at = _changed(cursor, REWIND, [to.tx, to.id, subscription.id])
        if at is not None:
            kind = EventType.SUBSCRIPTION_REWOUND
            _note(kind, subscription, at, reason=reason, by=by, to=str(to)).write(cursor)


def _changed(cursor: Any, statement: str, parameters: list[Any]) -> datetime | None:
    cursor.execute(statement, parameters)
    row = cursor.fetchone()
    return row[0] if row else None


def _note(
    kind: EventType, subscription: EventSubscription, at: datetime, *, reason: str, **data: str
) -> Journal:
    journal = Journal(at)
    journal.operation(
        kind,
        entity_id=subscription.id,
        reason=reason,
        subscription={"id": subscription.id, "slug": subscription.slug},
        **{name: value for name, value in data.items() if value},
    )
    return journal


def _subject(subscription: EventSubscription) -> str:
    return f"subscription {subscription.id}"
