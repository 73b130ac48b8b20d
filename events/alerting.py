"""Alerts: raised once, open until resolved."""

from __future__ import annotations

from typing import Any

from events.journal import Journal
from events.vocabulary import EventType
from leadops.lib import ids

ENTITY_LENGTH = 32  # of the record's column; a subject may be longer


def entity_of(subject: str) -> str:
    """What the record names as an alert's entity where nothing else is known."""
    return subject[:ENTITY_LENGTH]


def raise_alert(
    cursor: Any,
    journal: Journal,
    *,
    subject: str,
    text: str,
    threshold_id: int | None = None,
    entity_id: str = "",
) -> bool:
    """Open an alert and record it; False when one about the same is open already.

    `entity_id` is for the record, where the subject itself is no entity's id.
    """
    alert_id = ids.new_id("alrt")
    cursor.execute(
        "INSERT INTO events_alert (id, threshold_id, subject, text, raised_at) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        [alert_id, threshold_id, subject, text[:500], journal.at],
    )
    if cursor.rowcount == 0:
        return False
    journal.operation(
        EventType.ALERT_RAISED,
        entity_id=entity_id or entity_of(subject),
        reason=text,
        alert_id=alert_id,
    )
    return True


def resolve_alerts(
    cursor: Any,
    journal: Journal,
    *,
    subject: str,
    threshold_id: int | None = None,
    entity_id: str = "",
) -> int:
    """Close what is open about a subject; give the number closed."""
    cursor.execute(
        "UPDATE events_alert SET resolved_at = %s WHERE subject = %s AND resolved_at IS NULL "
        "AND threshold_id IS NOT DISTINCT FROM %s RETURNING id, text",
        [journal.at, subject, threshold_id],
    )
    closed = cursor.fetchall()
    for alert_id, text in closed:
        journal.operation(
            EventType.ALERT_RESOLVED,
            entity_id=entity_id or entity_of(subject),
            reason=text,
            alert_id=alert_id,
        )
    return len(closed)
