"""Events go only when they are sealed: the seals then prove what there was.

The seals' table is written by the sealing; it is only read here.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from events.retention.months import Month

SEALED = "SELECT coalesce(sum(events), 0), max(to_tx)::text FROM events_seal WHERE month = %s"


def missing(month: Month) -> str:
    """Why the month may not go, for it is not sealed to the last row; blank when it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('events_seal') IS NOT NULL")
        sealed = 0
        if cursor.fetchone()[0]:
            cursor.execute(SEALED, [month.first])
            sealed = int(cursor.fetchone()[0])
        there = _rows(cursor, month)
    if there == sealed:
        return ""
    return f"{there - sealed} of its {there} events are not sealed yet"


def missing_by_index(month: Month) -> str:
    """As `missing`, without counting."""
    with connection.cursor() as cursor:
        return "its last events are not sealed yet" if more_came(cursor, month) else ""


def more_came(cursor: Any, month: Month) -> bool:
    """Whether events came into the month since it was sealed; by the index on `tx`."""
    cursor.execute("SELECT to_regclass('events_seal') IS NOT NULL")
    last = None
    if cursor.fetchone()[0]:
        cursor.execute(SEALED, [month.first])
        last = cursor.fetchone()[1]
    cursor.execute(
        f"SELECT EXISTS (SELECT FROM {month.name} WHERE tx >= %s::xid8)",  # noqa: S608
        [last or "0"],
    )
    return bool(cursor.fetchone()[0])


def _rows(cursor: Any, month: Month) -> int:
    cursor.execute(f"SELECT count(*) FROM {month.name}")  # noqa: S608  our own name
    return int(cursor.fetchone()[0])
