"""The figures, counted once more from the whole record by their one definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db import connection

from events import rollups
from events.models import Counted
from events.retention.gone import KEPT_FROM

CHUNK = 5_000  # rows held in memory

COUNTED = sorted(rollups.COUNTING)
KEY = ", ".join(Counted.KEY)
SUMS = ", ".join(f"sum({column})" for column in Counted.SUMS)
EVENTS = """
    SELECT e.type, e.timestamp, l.flow_id, l.source_id, e.entity_id, e.outcome, e.reason,
           e.duration_ms, l.test, e.data::text
    FROM events_event e JOIN events_lead l ON l.id = e.lead_id WHERE e.type = ANY(%s)
"""
# Figures stay when their events go: those of hours from before the record are not recounted.
FIGURES = (
    f"SELECT {KEY}, {SUMS} FROM events_figure "  # noqa: S608  our own names
    f"WHERE hour >= {KEPT_FROM} GROUP BY {KEY}"
)


@dataclass(slots=True)
class Comparison:
    """How much was compared, and what differs."""

    events: int = 0
    cells: int = 0
    problems: list[str] = field(default_factory=list)


def compare(*, most: int) -> Comparison:
    """Compare the figures with a recount; list at most `most` differences.

    Streams the record by a server-side cursor, so it must be called in a transaction. Holds one
    sum for each cell.
    """
    found = Comparison()
    recounted = recount(found)
    width = len(Counted.KEY)
    for row in _stream(FIGURES, []):
        found.cells += 1
        counted, again = list(row[width:]), recounted.pop(row[:width], None)
        if again != counted and len(found.problems) < most:
            problem = f"{_cell(row)}: counted {_sums(counted)}, recounted {_sums(again)}"
            found.problems.append(problem)
    for key, again in recounted.items():
        if len(found.problems) < most:
            found.problems.append(f"{_cell(key)}: not counted, recounted {_sums(again)}")
    return found


def recount(found: Comparison) -> rollups.Sums:
    """The figures as the events say them, by cell; in a transaction, as `compare`."""

    def cells() -> Iterator[rollups.Cell]:
        for row in _stream(EVENTS, [COUNTED]):
            found.events += 1
            yield from rollups.cells(_happening(row))

    return rollups.summed(cells())


def _happening(row: tuple[Any, ...]) -> rollups.Happening:
    kind, at, flow_id, source_id, entity_id, outcome, reason, duration_ms, test, data = row
    return rollups.Happening(
        type=kind,
        at=at,
        flow_id=flow_id,
        source_id=source_id,
        entity_id=entity_id,
        outcome=outcome,
        reason=reason,
        duration_ms=duration_ms,
        test=test,
        data=orjson.loads(data),
    )


def _cell(key: tuple[Any, ...]) -> str:
    named = dict(zip(Counted.KEY, key, strict=False))
    hour = f"{named.pop('hour'):%Y-%m-%d %H:00}"
    return f"{hour} {' '.join(f'{k}={v}' for k, v in named.items() if v not in ('', 0, False))}"


def _sums(sums: list[Any] | None) -> str:
    if sums is None:
        return "nothing"
    return ", ".join(f"{name} {value}" for name, value in zip(Counted.SUMS, sums, strict=True))


def _stream(sql: str, values: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows by a server-side cursor: the record does not fit in memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, values)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows
