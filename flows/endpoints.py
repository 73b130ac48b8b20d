"""What befalls endpoints: refused credentials pause one, a full one is left alone for a while."""

from __future__ import annotations

from django.db import connection

from events import alerting, shapes
from events.journal import Journal
from events.vocabulary import EventType
from flows.desk import Desk

# Those that are not to be used at the moment; a handful at most.
CONDITIONS = """
    SELECT id, paused_at IS NOT NULL, paused_reason, not_before FROM recipients_endpoint
    WHERE paused_at IS NOT NULL OR not_before > clock_timestamp()
"""


def write(desk: Desk, journal: Journal) -> None:
    """Write what befell endpoints: paused by a refusal of our credentials, or told to wait."""
    if not desk.pauses and not desk.holds:
        return
    with connection.cursor() as cursor:
        # All of them first, in order: another turn may hold and pause the same.
        cursor.execute(
            "SELECT FROM recipients_endpoint WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [[*desk.holds, *desk.pauses]],
        )
        for endpoint_id, until in sorted(desk.holds.items()):
            cursor.execute(
                "UPDATE recipients_endpoint SET not_before = greatest(not_before, %s) "
                "WHERE id = %s",
                [until, endpoint_id],
            )
        for endpoint_id, reason in sorted(desk.pauses.items()):
            cursor.execute(
                "UPDATE recipients_endpoint SET paused_at = clock_timestamp(), paused_reason = %s "
                "WHERE id = %s AND paused_at IS NULL RETURNING recipient_id",
                [reason[:300], endpoint_id],
            )
            row = cursor.fetchone()
            if row:
                journal.operation(
                    EventType.RECIPIENT_PAUSED,
                    entity_id=row[0],
                    reason=reason,
                    recipient=shapes.recipient(desk.plans.recipients[row[0]]),
                    endpoint_id=endpoint_id,
                )
                alerting.raise_alert(cursor, journal, subject=row[0], text=reason)
