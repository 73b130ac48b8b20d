"""The figures, counted once more from the whole record by their one definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from events import buckets, rollups
from events.models import Counted
from events.retention.gone import KEPT_FROM

CHUNK = 5_000  # rows held in memory

SLICE = timedelta(days=7)  # of the record, asked for at once

COUNTED = sorted(rollups.COUNTING)
KEY = ", ".join(Counted.KEY)
SUMS = ", ".join(f"sum({column})" for column in Counted.SUMS)


def _kept(fields: tuple[tuple[str, ...], ...]) -> str:
    """Of an event's own fields these alone, in the same places."""
    parts = {path[0]: path for path in fields}
    named = (
        f"'{name}', e.data -> '{name}'"
        if len(path) == 1
        else f"'{name}', jsonb_build_object('{path[1]}', e.data -> '{name}' -> '{path[1]}')"
        for name, path in parts.items()
    )
    return f"jsonb_strip_nulls(jsonb_build_object({', '.join(named)}))"


# Events that are alike in all that counts come as one row, and how many they are. Their times are
# of one bucket: the shortest stands for it, and they are added up.
ALIKE = f"""
    SELECT e.type, date_trunc('hour', e.timestamp, 'UTC'), l.flow_id, l.source_id, e.entity_id,
           e.outcome, e.reason, min(e.duration_ms), l.test, {_kept(rollups.COUNTED_FIELDS)}::text,
           count(*), sum(e.duration_ms)
    FROM events_event e JOIN events_lead l ON l.id = e.lead_id
    WHERE e.type = ANY(%(types)s) AND e.timestamp >= %(start)s AND e.timestamp < %(end)s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 9, 10, width_bucket(e.duration_ms, %(edges)s)
"""  # noqa: S608  our own names
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
        for row in _alike():
            *happened, n, ms = row
            found.events += n
            for cell in rollups.cells(_happening(happened)):
                yield _times(cell, n, ms)

    return rollups.summed(cells())


def _times(cell: rollups.Cell, n: int, ms: int | None) -> rollups.Cell:
    """What `n` events count for that each count as `cell`, but for their `ms` in all."""
    timed = cell.bucket != buckets.NO_BUCKET
    return cell._replace(
        n=cell.n * n,
        ms=ms or 0 if timed else cell.ms * n,
        revenue=cell.revenue * n,
        cost=cell.cost * n,
    )


def _alike() -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        # Else the groups of a week go over the disk.
        cursor.execute("SET LOCAL work_mem TO '128MB'")
        cursor.execute("SELECT min(timestamp), max(timestamp) FROM events_event")
        first, last = cursor.fetchone()
        edges = buckets.edges()
        for start, end in _slices(first, last):
            asked: dict[str, Any] = {"types": COUNTED, "edges": edges, "start": start, "end": end}
            cursor.execute(ALIKE, asked)
            yield from cursor.fetchall()


def _slices(first: datetime | None, last: datetime | None) -> Iterator[tuple[datetime, datetime]]:
    while first is not None and last is not None and first <= last:
        yield first, first + SLICE
        first += SLICE


def _happening(happened: list[Any]) -> rollups.Happening:
    kind, at, flow_id, source_id, entity_id, outcome, reason, duration_ms, test, data = happened
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
