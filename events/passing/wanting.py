"""Which sources want which feedback, and their share of it put aside, with the feedback itself.

Sources belong to the app above; they are named here, not imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from leadops.lib import ids, queue
from leadops.lib.bulk import Table

TASK = "events.tasks.pass_on"
WANTS = """
    SELECT id, feedback_kinds::text FROM flows_source
    WHERE id = ANY(%s) AND feedback_kinds <> '[]'
      AND (feedback_mode = 'summary' OR feedback_url <> '' OR feedback_destination_id IS NOT NULL)
"""
LINES = """
    INSERT INTO events_feedbackline (source_id) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING
"""
PASSED = Table(
    "events_passedfeedback",
    {
        "id": "text",
        "feedback_id": "text",
        "source_id": "text",
        "state": "text",
        "created_at": "timestamptz",
    },
)

Wants = Mapping[str, frozenset[str]]


def wants(cursor: Any, source_ids: Iterable[str]) -> Wants:
    """The kinds that each of these sources wants; those that want none are left out."""
    cursor.execute(WANTS, [sorted(set(source_ids))])
    return {id: frozenset(orjson.loads(kinds)) for id, kinds in cursor.fetchall()}


def put_aside(cursor: Any, chosen: Sequence[tuple[str, str]], *, at: datetime) -> None:
    """Have feedback (id, source) passed on as soon as the transaction commits."""
    if not chosen:
        return
    cursor.execute(LINES, [sorted({source_id for _, source_id in chosen})])
    rows = [
        {
            "id": ids.new_id("pfb"),
            "feedback_id": feedback_id,
            "source_id": source_id,
            "state": "waiting",
            "created_at": at,
        }
        for feedback_id, source_id in chosen
    ]
    PASSED.insert(cursor, rows)
    queue.enqueue(TASK)
