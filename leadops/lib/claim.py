"""Leases on rows: who works on what is due, and until when.

A claim is one UPDATE: it takes due rows nobody else is taking (SKIP LOCKED), counts the claim,
and moves `due_at` to the end of the lease, all by the database's clock. Whoever finishes a row
must still hold its lease; a worker that was stopped past it finds its lease gone.

Rows are taken lane by lane, so that one busy or slow lane leaves places to the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leadops.lib.bulk import dumps


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is now ours. `left_behind`: its last worker's lease ran out."""

    id: int
    kind: str
    lead_id: str
    delivery_id: str | None
    lane: str
    claims: int
    hold: float
    left_behind: bool


# Counted no further: a row that nobody can end must not break the claims of all others.
MOST_CLAIMS = 1_000

# `lanes` walks the index from lane to lane instead of reading it whole. The clock is the
# statement's: a volatile one could not bound the index, and every claim would read all that is held
# in a lane. The array keeps the planner from reading the whole table for the few rows picked.
CLAIM = """
    WITH RECURSIVE lanes(lane) AS (
        (SELECT lane FROM {table} ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (SELECT w.lane FROM {table} w WHERE w.lane > l.lane ORDER BY w.lane LIMIT 1)
        FROM lanes l WHERE l.lane IS NOT NULL
    ), picked AS (
        SELECT due.id, due.lease FROM lanes l CROSS JOIN LATERAL (
            SELECT w.id, w.lease FROM {table} w
            WHERE w.lane = l.lane AND w.due_at <= statement_timestamp()
            ORDER BY w.due_at
            LIMIT coalesce((%(places)s::jsonb ->> l.lane)::int, %(otherwise)s)
            FOR UPDATE SKIP LOCKED
        ) due
        WHERE l.lane IS NOT NULL
    )
    UPDATE {table} t SET
        claims = least(t.claims + 1, {most}),
        lease = %(lease)s,
        due_at = clock_timestamp() + greatest(%(seconds)s, t.hold) * interval '1 second'
    FROM picked WHERE t.id = picked.id AND t.id = ANY(ARRAY(SELECT id FROM picked))
    RETURNING t.id, t.kind, t.lead_id, t.delivery_id, t.lane, t.claims, t.hold,
              picked.lease IS NOT NULL
"""


def claim(
    cursor: Any,
    table: str,
    *,
    lease: str,
    seconds: float,
    places: Mapping[str, int],
    otherwise: int,
) -> list[Claimed]:
    """Claim due rows: of each lane at most `places[lane]`, of lanes not named `otherwise`.

    The lease is `seconds` long, longer where a row asks for it (`hold`).
    """
    cursor.execute(
        CLAIM.format(table=table, most=MOST_CLAIMS),
        {
            "lease": lease,
            "seconds": seconds,
            "places": dumps(places),
            "otherwise": otherwise,
        },
    )
    return [Claimed(*row) for row in cursor.fetchall()]
