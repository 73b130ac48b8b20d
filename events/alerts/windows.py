"""What was counted in the last minutes or hours, by recipient.

Figures are kept by the hour. A window shorter than two of them is counted from the events
themselves, by the same definition (`rollups.cells`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from events import figures, metrics, rollups
from events.buckets import NO_BUCKET
from events.metrics import Cell, Summary
from events.periods import Span
from events.vocabulary import ATTEMPT_ENDS, DELIVERY_ENDS, EventType

SHORT = timedelta(hours=2)
LONGEST_QUERY = "20s"
COUNTED = sorted({*ATTEMPT_ENDS, *DELIVERY_ENDS, EventType.FEEDBACK_PROCESSED})
# Alike events are counted as one with a number: thousands of groups instead of millions of rows.
ALIKE = """
    SELECT e.type, e.entity_id, e.outcome, e.duration_ms,
           e.data -> 'delivery' -> 'price', e.data ->> 'kind', e.data -> 'money', count(*)
    FROM events_event e JOIN events_lead l ON l.id = e.lead_id
    WHERE e.type = ANY(%s) AND e.timestamp > %s AND e.timestamp <= %s AND NOT l.test
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


@dataclass
class Counted:
    """The cells and response times of one recipient, or of all."""

    cells: list[Cell] = field(default_factory=list)
    buckets: dict[int, int] = field(default_factory=dict)

    def summary(self) -> Summary:
        return metrics.summarise(self.cells, self.buckets)


def counted(over: float, now: datetime) -> dict[str, Counted]:
    """By recipient, what was counted in the `over` seconds before `now`; tests never count."""
    span = timedelta(seconds=over)
    return _from_events(now - span, now) if span < SHORT else _from_figures(now - span, now)


def together(parts: Iterable[Counted]) -> Counted:
    parts = list(parts)
    return Counted(
        [cell for part in parts for cell in part.cells],
        metrics.merge(part.buckets for part in parts),
    )


def _from_events(start: datetime, end: datetime) -> dict[str, Counted]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_QUERY}'")
        cursor.execute(ALIKE, [COUNTED, start, end])
        rows = cursor.fetchall()
        cursor.execute("SET LOCAL statement_timeout = DEFAULT")
    found: dict[str, Counted] = defaultdict(Counted)
    for row in rows:
        for cell in rollups.cells(_happening(row, end)):
            _add(found[cell.recipient_id], cell, row[-1])
    return found


def _happening(row: tuple[Any, ...], at: datetime) -> rollups.Happening:
    kind, entity_id, outcome, duration_ms, price, feedback, money, _ = row
    return rollups.Happening(
        type=kind,
        at=at,
        flow_id="",
        source_id="",
        entity_id=entity_id,
        outcome=outcome,
        reason="",
        duration_ms=duration_ms,
        test=False,
        data={"delivery": {"price": price}, "kind": feedback, "money": money},
    )


def _add(counted: Counted, cell: rollups.Cell, times: int) -> None:
    counted.cells.append(
        Cell(
            kind=cell.kind,
            outcome=cell.outcome,
            n=cell.n * times,
            ms=cell.ms * times,
            revenue=cell.revenue * times,
        )
    )
    if cell.bucket != NO_BUCKET:
        bucket = cell.bucket
        counted.buckets[bucket] = counted.buckets.get(bucket, 0) + times


def _from_figures(start: datetime, end: datetime) -> dict[str, Counted]:
    scope = figures.Scope(Span(start, end, ZoneInfo("UTC")))
    by_outcome, by_time = figures.read(
        scope, [("recipient_id", "kind", "outcome"), ("recipient_id", "bucket")]
    )
    found: dict[str, Counted] = defaultdict(Counted)
    for row in by_outcome:
        found[row.key["recipient_id"]].cells.append(row.cell())
    for row in by_time:
        if row.key["bucket"] != NO_BUCKET:
            found[row.key["recipient_id"]].buckets[row.key["bucket"]] = row.n
    return found
