"""A lead's row, locked to be written about: what the journal needs, and what feedback changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leadops.lib.bulk import Table

LEAD = Table("events_lead", {"id": "text", "seq": "integer", "revenue": "numeric"})
# In order of ids, as everybody locks leads: nobody waits in a circle.
LOCK = """
    SELECT id, flow_id, source_id, test, seq, snapshot, salt, revenue
    FROM events_lead WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""


@dataclass(slots=True)
class LockedLead:
    """A `journal.Subject` whose row nobody else changes until the transaction ends."""

    id: str
    flow_id: str
    source_id: str
    test: bool
    seq: int
    snapshot: int
    salt: bytes | None
    revenue: Decimal


def lock(cursor: Any, lead_ids: Iterable[str]) -> dict[str, LockedLead]:
    """The leads by id, locked; those that do not exist are left out."""
    cursor.execute(LOCK, [sorted(set(lead_ids))])
    return {row[0]: LockedLead(*row) for row in cursor.fetchall()}


def save(cursor: Any, leads: Sequence[LockedLead]) -> None:
    """Write back the number of the newest event and the revenue."""
    rows = [{"id": lead.id, "seq": lead.seq, "revenue": lead.revenue} for lead in leads]
    LEAD.update(cursor, rows)
