"""What is decided about passing on to a source, by people or by its server: recorded, with why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from events import alerting
from events.journal import Journal
from events.passing.wanting import LINES, TASK
from events.vocabulary import EventType
from leadops.lib import queue

PAUSE = """
    UPDATE events_feedbackline SET paused_at = clock_timestamp(), paused_reason = %s
    WHERE source_id = %s AND paused_at IS NULL RETURNING paused_at
"""
RESUME = """
    UPDATE events_feedbackline
    SET paused_at = NULL, paused_reason = '', failures = 0, failing_since = NULL, lease = '',
        due_at = clock_timestamp()
    WHERE source_id = %s AND paused_at IS NOT NULL RETURNING clock_timestamp()
"""
# The day after which it is given up begins anew.
WAITING = """
    UPDATE events_passedfeedback SET due_at = clock_timestamp(), failing_since = NULL
    WHERE source_id = %s AND state = 'waiting'
"""
AGAIN = """
    UPDATE events_passedfeedback
    SET state = 'waiting', due_at = clock_timestamp(), failing_since = NULL, settled_at = NULL,
        tries = 0, batch = ''
    WHERE id = ANY(%s) AND state = 'failed' RETURNING source_id
"""
SOURCES = "SELECT id, name, slug, clock_timestamp() FROM flows_source WHERE id = ANY(%s)"
# Whoever sends to them keeps the lease.
AT_ONCE = """
    UPDATE events_feedbackline
    SET failures = 0, failing_since = NULL,
        due_at = CASE WHEN lease = '' THEN clock_timestamp() ELSE due_at END
    WHERE source_id IN (SELECT source_id FROM events_passedfeedback WHERE id = ANY(%s))
"""


def pause(source: Any, *, reason: str, by: str = "", alert: bool = False) -> bool:
    """Pass nothing on to it; what is said meanwhile waits. False when it was paused."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LINES, [[source.id]])
        cursor.execute(PAUSE, [reason[:300], source.id])
        row = cursor.fetchone()
        if row is None:
            return False
        journal = _note(EventType.FEEDBACK_PAUSED, source, row[0], reason=reason, by=by)
        if alert:
            text = f"Feedback is passed on to {source.name} no more: {reason}"
            alerting.raise_alert(
                cursor, journal, subject=_subject(source), text=text, entity_id=source.id
            )
        journal.write(cursor)
    return True


def resume(source: Any, *, reason: str = "", by: str) -> bool:
    """Go on, with all that has waited. False when it was not paused."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RESUME, [source.id])
        row = cursor.fetchone()
        if row is None:
            return False
        cursor.execute(WAITING, [source.id])
        journal = _note(EventType.FEEDBACK_RESUMED, source, row[0], reason=reason, by=by)
        alerting.resolve_alerts(cursor, journal, subject=_subject(source), entity_id=source.id)
        journal.write(cursor)
        queue.enqueue(TASK)
    return True


def send_again(ids: Sequence[str], *, by: str) -> int:
    """Have failed ones sent once more, under the same message ids; how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(AGAIN, [list(ids)])
        chosen = Counter(row[0] for row in cursor.fetchall())
        cursor.execute(AT_ONCE, [list(ids)])
        if chosen:
            _note_again(cursor, chosen, by=by)
            queue.enqueue(TASK)
    return chosen.total()


def _note_again(cursor: Any, chosen: Counter[str], *, by: str) -> None:
    cursor.execute(SOURCES, [list(chosen)])
    for id, name, slug, at in cursor.fetchall():
        journal = Journal(at)
        journal.operation(
            EventType.FEEDBACK_RETRIED,
            entity_id=id,
            reason=f"{chosen[id]:,} sent again by {by}",
            source={"id": id, "name": name, "slug": slug},
            by=by,
            total=chosen[id],
        )
        journal.write(cursor)


def _note(kind: EventType, source: Any, at: Any, *, reason: str, by: str) -> Journal:
    journal = Journal(at)
    named = {"id": source.id, "name": source.name, "slug": source.slug}
    given = {"by": by} if by else {}
    journal.operation(kind, entity_id=source.id, reason=reason, source=named, **given)
    return journal


def _subject(source: Any) -> str:
    return f"feedback to {source.id}"
