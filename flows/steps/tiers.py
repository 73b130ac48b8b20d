"""Leads that wait for the next tier of an exclusive window, when they go on by another version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leadops.lib import wake as bell

# What a turn has in hand is asked anew by that turn.
WAKE = """
    UPDATE flows_work SET due_at = clock_timestamp() WHERE id IN (
        SELECT id FROM flows_work
        WHERE lead_id = ANY(%s) AND kind = 'advance' AND lease IS NULL
          AND due_at > clock_timestamp() AND due_at < 'infinity'
        FOR UPDATE SKIP LOCKED
    )
"""


def wake(cursor: Any, lead_ids: Sequence[str]) -> None:
    """Have leads asked anew that wait: their tier may open at another time, or be gone."""
    cursor.execute(WAKE, [list(lead_ids)])
    if cursor.rowcount:
        bell.ring(cursor)
