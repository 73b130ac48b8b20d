"""What leads looked like at given events, and what changed between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import connection

from events.models import Event

# `at` is bounded so that PostgreSQL leaves out later months; a snapshot is never younger than
# the event that points at it.
BY_VERSION = """
    SELECT s.lead_id, s.version, s.body FROM events_snapshot s
    JOIN unnest(%s::text[], %s::smallint[]) AS w(lead_id, version)
        ON s.lead_id = w.lead_id AND s.version = w.version
    WHERE s.at <= %s
"""


@dataclass(slots=True)
class Snapshots:
    """Versions of leads' values, read at once. Erased ones are not there."""

    bodies: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Snapshots:
        """The versions that the events point at."""
        chosen = [event for event in events if event.lead_id and event.snapshot]
        if not chosen:
            return cls()
        wanted = {(event.lead_id, event.snapshot) for event in chosen}
        return cls.read(wanted, max(event.timestamp for event in chosen))

    @classmethod
    def read(cls, wanted: Iterable[tuple[str, int]], until: Any) -> Snapshots:
        pairs = sorted(wanted)
        with connection.cursor() as cursor:
            cursor.execute(BY_VERSION, [[p[0] for p in pairs], [p[1] for p in pairs], until])
            found = cursor.fetchall()
        return cls({(lead_id, version): _loaded(body) for lead_id, version, body in found})

    def at(self, event: Event) -> Mapping[str, Any] | None:
        return self.bodies.get((event.lead_id, event.snapshot))


def _loaded(body: Any) -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads(body) if isinstance(body, str | bytes) else body
    return loaded


class Change(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SAME = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One value of a snapshot beside what it was before."""

    name: str
    value: Any
    before: Any
    change: Change


def compare(values: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Line]:
    """Every value of a snapshot and of the one before it, by name."""
    if before is None:
        return [Line(name, values[name], None, Change.SAME) for name in sorted(values)]
    return [
        Line(name, values.get(name), before.get(name), _change(name, values, before))
        for name in sorted({*values, *before})
    ]


def _change(name: str, values: Mapping[str, Any], before: Mapping[str, Any]) -> Change:
    if name not in before:
        return Change.ADDED
    if name not in values:
        return Change.REMOVED
    return Change.SAME if before[name] == values[name] else Change.CHANGED
