"""The rows of due work, as a turn reads and writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.turns.runs import Run
from flows.turns.states import WorkState
from leadops.lib import wire
from leadops.lib.bulk import dumps

LEASE_MARGIN = 15.0  # seconds a lease outlives its attempt's deadline
LOCK = "SELECT id, lease::text FROM flows_work WHERE id = ANY(%s) FOR UPDATE"
DELETE = "DELETE FROM flows_work WHERE id = ANY(%s)"
DROP = "DELETE FROM flows_work WHERE delivery_id = ANY(%s)"
# A lead that waited for a time, and has come to its end before.
DROP_OWN = "DELETE FROM flows_work WHERE kind = 'advance' AND lead_id = ANY(%s)"
COLUMNS = (
    "id bigint, kind text, lead_id text, delivery_id text, lane text, claims smallint, "
    "lease uuid, hold float, due_in float"
)
DUE = """
    CASE WHEN r.due_in IS NULL THEN 'infinity'::timestamptz
         ELSE clock_timestamp() + r.due_in * interval '1 second' END
"""
INSERT = f"""
    INSERT INTO flows_work (kind, lead_id, delivery_id, lane, claims, lease, hold, due_at)
    SELECT r.kind, r.lead_id, r.delivery_id, r.lane, r.claims, r.lease, r.hold, {DUE}
    FROM json_to_recordset(%s::json) AS r({COLUMNS})
    -- A lead's own work may be there already, due at another time.
    ON CONFLICT (lead_id) WHERE kind = 'advance' DO UPDATE SET
        lane = excluded.lane, lease = excluded.lease, hold = excluded.hold,
        due_at = excluded.due_at, claims = excluded.claims
    RETURNING id, coalesce(delivery_id, lead_id)
"""  # noqa: S608
UPDATE = f"""
    UPDATE flows_work w SET lane = r.lane, claims = r.claims, lease = r.lease, hold = r.hold,
        due_at = {DUE}
    FROM json_to_recordset(%s::json) AS r({COLUMNS}) WHERE w.id = r.id
"""  # noqa: S608


@dataclass(slots=True)
class Changes:
    """What becomes of the work of a turn."""

    fresh: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)  # deliveries
    ended: list[str] = field(default_factory=list)  # leads

    def write(self, cursor: Any, inserted: Any) -> None:
        """Write all; `inserted` then gives the new rows' ids, each with that of its delivery, or
        of its lead where the work is the lead's own."""
        if self.done:
            cursor.execute(DELETE, [wire.array(self.done)])
        if self.dropped:
            cursor.execute(DROP, [wire.array(self.dropped)])
        if self.ended:
            cursor.execute(DROP_OWN, [wire.array(self.ended)])
        if self.kept:
            cursor.execute(UPDATE, [dumps(self.kept)])
        if self.fresh:
            inserted.execute(INSERT, [dumps(self.fresh)])


def changes(runs: Sequence[Run], *, lease: str, lease_seconds: float) -> Changes:
    """The work of all runs: begun work keeps or gets the lease, waiting work loses it."""
    found = Changes()
    for run in runs:
        found.dropped += run.dropped
        if run.flow.waits and run.lead.status != "working":
            found.ended.append(run.lead.id)
        for work in run.works():
            if work.id is None:
                if not work.done:
                    found.fresh.append(_row(work, lease, lease_seconds))
            elif work.done:
                found.done.append(work.id)
            elif not work.stands(lease_seconds):
                found.kept.append(_row(work, lease, lease_seconds))
    return found


def _row(work: WorkState, lease: str, lease_seconds: float) -> dict[str, Any]:
    begun = work.begun
    return {
        "id": work.id,
        "kind": work.kind,
        "lead_id": work.lead_id,
        "delivery_id": work.delivery_id,
        "lane": work.lane,
        "claims": work.claims,
        "lease": lease if begun else None,
        "hold": work.hold,
        "due_in": max(lease_seconds, work.hold) if begun else work.due_in,
    }
