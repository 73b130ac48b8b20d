"""Leads that wait for the next tier of an exclusive window, when that window is changed."""

from __future__ import annotations

from functools import partial

from django.db import connection, transaction

from leadops.lib import wake

# What another turn has in hand is asked anew by that turn.
WAKE = """
    UPDATE flows_work SET due_at = clock_timestamp() WHERE id IN (
        SELECT id FROM flows_work
        WHERE lane = %s AND kind = 'advance' AND lease IS NULL
          AND due_at > clock_timestamp() AND due_at < 'infinity'
        FOR UPDATE SKIP LOCKED
    )
"""


def changed(flow_id: str) -> None:
    """A step of the flow has changed: once that holds, those that wait are asked anew, for their
    tier may open at another time, or be gone."""
    transaction.on_commit(partial(_wake, flow_id), robust=True)


def _wake(flow_id: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WAKE, [flow_id])
        if cursor.rowcount:
            wake.ring(cursor)
