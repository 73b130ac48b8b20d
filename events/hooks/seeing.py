"""Events as hooks look at them: their own fields, the lead's money, and its plain values.

Everything is read for a whole batch, and only for events that some hook could be about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from events import rollups
from events.following import Choice
from events.hooks.loading import Names
from events.hooks.pausing import MARK
from events.hooks.watches import MONEY, Seen, Watch, could
from events.vocabulary import EventType

COLUMNS = ("id", "type", "timestamp", "lead_id", "flow_id", "entity_id", "outcome", "reason",
           "duration_ms", "snapshot", "data")  # fmt: skip
OWN = tuple(kind.value for kind in EventType if kind.group == "hook")
SEEN_TYPES = frozenset(kind.value for kind in EventType if kind.group != "hook")
LEADS = "SELECT id, source_id, test, currency FROM events_lead WHERE id = ANY(%s)"
VALUES = """
    SELECT s.lead_id, s.version, s.body::text
    FROM unnest(%s::text[], %s::int[]) AS w(lead_id, version)
    JOIN events_snapshot s ON s.lead_id = w.lead_id AND s.version = w.version
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the record."""

    id: str
    type: str
    timestamp: datetime
    lead_id: str
    flow_id: str
    entity_id: str
    outcome: str
    reason: str
    duration_ms: int | None
    snapshot: int
    data: Mapping[str, Any]

    @property
    def recipient_id(self) -> str:
        return self.entity_id if self.entity_id.startswith("rcp_") else ""

    @property
    def by_hook(self) -> bool:
        """Whether a hook did it: no hook looks at that, or two would start each other for ever."""
        if self.type in OWN or "hook" in self.data:
            return True
        own_alert = self.type.startswith("alert.") and self.entity_id.startswith("hook_")
        return own_alert or str(self.data.get("by", "")).startswith(MARK)


def choice(watches: Sequence[Watch]) -> Choice:
    """What of the record any of them could be about."""
    if all(watch.types for watch in watches):
        return Choice(types=frozenset().union(*(watch.types for watch in watches)) & SEEN_TYPES)
    return Choice(types=SEEN_TYPES)


def seen(
    rows: Sequence[tuple[Any, ...]], watches: Sequence[Watch], names: Names
) -> list[tuple[Seen, list[Watch]]]:
    """The events in order, each with the hooks that it could be for; others are left out."""
    wanted: list[tuple[Row, list[Watch]]] = []
    for values in rows:
        own = [each for each in watches if _could(each, values)]
        if own and not (row := _row(values)).by_hook:
            wanted.append((row, own))
    leads = _leads({row.lead_id for row, _ in wanted if row.lead_id})
    bodies = _bodies([row for row, own in wanted if any(each.reads_lead for each in own)])
    return [(_seen(row, leads, bodies, names), own) for row, own in wanted]


def _could(watch: Watch, values: tuple[Any, ...]) -> bool:
    _, kind, at, _, flow_id, entity_id, *_ = values
    return could(watch, kind, flow_id, entity_id, at)


def _row(values: tuple[Any, ...]) -> Row:
    *others, data = values
    return Row(*(*others, orjson.loads(data)))  # our cursors give JSON as text


def _leads(ids: set[str]) -> dict[str, tuple[Any, ...]]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LEADS, [sorted(ids)])
        return {row[0]: row for row in cursor.fetchall()}


def _bodies(rows: Sequence[Row]) -> dict[tuple[str, int], dict[str, Any]]:
    keys = sorted({(row.lead_id, row.snapshot) for row in rows if row.lead_id})
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(VALUES, [[id for id, _ in keys], [version for _, version in keys]])
        return {(row[0], row[1]): orjson.loads(row[2]) for row in cursor.fetchall()}


def _seen(
    row: Row,
    leads: Mapping[str, tuple[Any, ...]],
    bodies: Mapping[tuple[str, int], Mapping[str, Any]],
    names: Names,
) -> Seen:
    _, source_id, test, currency = leads.get(row.lead_id, ("", "", False, ""))
    values = _plain(bodies.get((row.lead_id, row.snapshot)), row.flow_id, names)
    if row.type == EventType.FLOW_COMPLETED:
        values |= {name: row.data[name] for name in MONEY if name in row.data}
        values["currency"] = currency
    values["event"] = _own_fields(row, source_id, names)
    return Seen(
        id=row.id,
        type=row.type,
        at=row.timestamp,
        flow_id=row.flow_id,
        lead_id=row.lead_id,
        recipient_id=row.recipient_id,
        source_id=source_id,
        test=test,
        reason=rollups.reason_class(row.reason),
        values=values,
    )


def _plain(body: Mapping[str, Any] | None, flow_id: str, names: Names) -> dict[str, Any]:
    """What says nothing about the person: hooks talk to the outside."""
    if not body:
        return {}
    private = names.private_of(flow_id)
    return {name: value for name, value in body.items() if name not in private}


def _own_fields(row: Row, source_id: str, names: Names) -> dict[str, Any]:
    known = {**row.data}
    if row.recipient_id and "recipient" not in known:
        known["recipient"] = names.of(row.recipient_id)
    return {
        **known,
        "id": row.id,
        "type": row.type,
        "group": row.type.partition(".")[0],
        "outcome": row.outcome,
        "reason": row.reason,
        "duration_ms": row.duration_ms,
        "timestamp": row.timestamp,
        "lead_id": row.lead_id,
        "entity_id": row.entity_id,
        "flow": names.of(row.flow_id) if row.flow_id else None,
        "source": names.of(source_id) if source_id else None,
    }
