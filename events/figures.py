"""Reads counted events, grouped as asked, in one pass however many groupings.

Rollups and the tallies not yet folded are read as one, so figures are those of this moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from events.buckets import NO_BUCKET
from events.metrics import Cell, Summary, merge, summarise
from events.models import Counted
from events.periods import Span

Kind = Counted.Kind
# The columns that cells can be grouped by. `time` is the start of an interval.
COLUMNS = ("time", "recipient_id", "flow_id", "source_id", "kind", "outcome", "category",
           "reason", "attempt", "bucket")  # fmt: skip
CELL = ("kind", "outcome", "category", "reason", "attempt")
OF_STEPS = [kind.value for kind in (Kind.FILTER, Kind.ENHANCE, Kind.AUCTION, Kind.RESULT)]
SUM = "sum(n)::bigint, sum(ms)::bigint, sum(revenue), sum(cost), max(hour)"


@dataclass(frozen=True, slots=True)
class Row:
    """One group: its values of the columns grouped by, and its sums. `latest` is the last hour
    in which something was counted."""

    key: dict[str, Any]
    n: int
    ms: int
    revenue: Decimal
    cost: Decimal
    latest: datetime

    def cell(self) -> Cell:
        own = {name: self.key[name] for name in CELL if name in self.key}
        return Cell(**own, n=self.n, ms=self.ms, revenue=self.revenue, cost=self.cost)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cells count. None: all. Test leads never do. `steps`: those of flows' steps and ends
    as well, which stand under the ids of steps in the place of recipients'."""

    span: Span
    recipients: Collection[str] | None = None
    flow: str | None = None
    source: str | None = None
    steps: bool = False


def read(
    scope: Scope, groupings: Sequence[Sequence[str]], *, interval: str = "hour"
) -> list[list[Row]]:
    """The rows of each grouping, in one query; `interval` is the step of the column `time`."""
    used = [name for name in COLUMNS if any(name in group for group in groupings)]
    sets = ", ".join(f"({', '.join(group)})" for group in groupings)
    where, values = _where(scope)
    inner = ", ".join(_inner(name, interval) for name in used)
    zone = {"interval": interval, "zone": scope.span.zone.key}
    sql = (
        f"SELECT grouping({', '.join(used)}), {', '.join(used)}, {SUM} "  # noqa: S608  our names
        f"FROM (SELECT {inner}, n, ms, revenue, cost, hour FROM events_figure WHERE {where}) AS f "
        f"GROUP BY GROUPING SETS ({sets})"
    )
    masks = {_mask(used, group): index for index, group in enumerate(groupings)}
    found: list[list[Row]] = [[] for _ in groupings]
    with transaction.atomic(), connection.cursor() as cursor:
        # Room to count in hashes; PostgreSQL else sorts the rows once for every grouping.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(sql, {**values, **zone})
        for mask, *row in cursor.fetchall():
            index = masks[mask]
            named = dict(zip(used, row, strict=False))
            key = {name: named[name] for name in groupings[index]}
            found[index].append(Row(key, *row[len(used) :]))
    return found


def _inner(column: str, interval: str) -> str:
    if column != "time":
        return column
    if interval == "hour":  # as it is kept; a zone half an hour off would cut it elsewhere
        return "hour AS time"
    return "date_trunc(%(interval)s, hour, %(zone)s) AS time"


def _mask(used: Sequence[str], group: Sequence[str]) -> int:
    """What `grouping()` gives for the rows of a group: a bit set for each column left out."""
    return sum(1 << place for place, name in enumerate(reversed(used)) if name not in group)


def _where(scope: Scope) -> tuple[str, dict[str, Any]]:
    parts = ["NOT test", "hour >= %(start)s", "hour < %(end)s"]
    values: dict[str, Any] = {"start": scope.span.first_hour, "end": scope.span.end}
    if not scope.steps:
        parts.append("kind <> ALL(%(steps)s)")
        values["steps"] = OF_STEPS
    if scope.recipients is not None:
        parts.append("recipient_id = ANY(%(recipients)s)")
        values["recipients"] = sorted(scope.recipients)
    for column in ("flow", "source"):
        if chosen := getattr(scope, column):
            parts.append(f"{column}_id = %({column})s")
            values[column] = chosen
    return " AND ".join(parts), values


def summaries(
    cells: Sequence[Row], buckets: Sequence[Row], by: str, *, cost_of: str = "share"
) -> dict[Any, Summary]:
    """A summary for each value of the column `by`, from rows grouped by (by, kind, outcome) and by
    (by, bucket)."""
    grouped: dict[Any, list[Cell]] = defaultdict(list)
    histograms: dict[Any, dict[int, int]] = defaultdict(dict)
    for row in cells:
        grouped[row.key[by]].append(row.cell())
    for row in buckets:
        if row.key["bucket"] != NO_BUCKET:
            histograms[row.key[by]][row.key["bucket"]] = row.n
    return {
        value: summarise(found, histograms.get(value), cost_of=cost_of)
        for value, found in grouped.items()
    }


def histogram(rows: Sequence[Row]) -> dict[int, int]:
    """The counts of rows grouped by bucket alone."""
    return {row.key["bucket"]: row.n for row in rows if row.key["bucket"] != NO_BUCKET}


def total(cells: Sequence[Row], buckets: Sequence[Row], *, cost_of: str = "share") -> Summary:
    """One summary of all rows, whatever else they are grouped by."""
    histograms = [{row.key["bucket"]: row.n} for row in buckets if row.key["bucket"] != NO_BUCKET]
    return summarise((row.cell() for row in cells), merge(histograms), cost_of=cost_of)
