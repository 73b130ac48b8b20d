"""What hooks remember: counts and rests, for as long as they matter; firings for a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from events.hooks.repetition import Count
from leadops.lib.bulk import Table

FIRINGS_KEPT = timedelta(days=90)  # the record keeps them as long as it keeps events
MARGIN = 86_400.0  # seconds; what is followed late is counted by the events' own time
ROWS = 10_000
COUNT = Table(
    "events_hookcount",
    {
        "hook_id": "text",
        "subject": "text",
        "moments": "jsonb",
        "fired": "double precision",
        "held": "integer",
        "kept_until": "timestamptz",
    },
)
AGAIN = """
    ON CONFLICT (hook_id, subject) DO UPDATE SET moments = excluded.moments,
        fired = excluded.fired, held = excluded.held, kept_until = excluded.kept_until
"""
FORGET = (
    "DELETE FROM events_hookcount WHERE id IN "
    "(SELECT id FROM events_hookcount WHERE kept_until < clock_timestamp() LIMIT %s)"
)
FORGET_FIRINGS = (
    "DELETE FROM events_hooknotice n USING events_hookfiring f "
    "WHERE f.id = n.firing_id AND f.at < %s",
    "DELETE FROM events_hookfiring WHERE at < %s",
)


def keep(
    cursor: Any,
    counts: Mapping[tuple[str, str], Count],
    changed: Iterable[tuple[str, str]],
    seconds: Mapping[str, float],
) -> None:
    """Write the counts that changed; `seconds` is for how long a hook's matter."""
    rows = [_row(key, counts[key], seconds[key[0]]) for key in sorted(changed)]
    COUNT.insert(cursor, rows, suffix=AGAIN)


def _row(key: tuple[str, str], count: Count, seconds: float) -> dict[str, Any]:
    newest = max([*count.moments, count.fired or 0.0])
    until = max(newest, datetime.now(UTC).timestamp()) + seconds + MARGIN
    return {
        "hook_id": key[0],
        "subject": key[1],
        "moments": list(count.moments),
        "fired": count.fired,
        "held": count.held,
        "kept_until": datetime.fromtimestamp(until, UTC),
    }


def forget_old(now: datetime) -> None:
    """Drop what does not matter any more."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [ROWS])
        for statement in FORGET_FIRINGS:
            cursor.execute(statement, [now - FIRINGS_KEPT])
