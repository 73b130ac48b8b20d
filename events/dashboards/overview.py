"""All recipients side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from events import figures
from events.dashboards.choices import Choice
from events.dashboards.standing import ENDPOINTS, Standing, standings
from events.figures import Row, Scope
from events.metrics import Summary
from events.vocabulary import EventType
from recipients.models import Recipient

EMPTY = Summary()
LAST_FAILURES = """
    SELECT e.* FROM unnest(%s::text[], %s::timestamptz[]) AS r(recipient_id, hour)
    CROSS JOIN LATERAL (
        SELECT entity_id, lead_id, timestamp, reason FROM events_event
        WHERE entity_id = r.recipient_id AND type = ANY(%s)
            AND timestamp >= r.hour AND timestamp < r.hour + interval '1 hour'
            AND NOT EXISTS (
                SELECT 1 FROM events_lead AS l WHERE l.id = events_event.lead_id AND l.test
            )
        ORDER BY timestamp DESC LIMIT 1
    ) e
"""
FAILED = [EventType.RECIPIENT_FAILED.value, EventType.RECIPIENT_ERROR.value]


@dataclass(frozen=True, slots=True)
class Failure:
    """The latest failure of a recipient; `lead_id` is blank where only figures are left."""

    at: datetime
    reason: str = ""
    lead_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    recipient: Recipient
    standing: Standing
    figures: Summary
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Overview:
    """`total` and `before` are of the whole scope, `steps` its course over time."""

    lines: list[Line]
    recipients_total: Summary
    total: Summary
    before: Summary
    steps: Mapping[datetime, Summary]


SORTS: dict[str, Callable[[Line], Any]] = {
    "name": lambda line: line.recipient.name.lower(),
    "deliveries": lambda line: line.figures.deliveries,
    "delivery_rate": lambda line: line.figures.delivery_rate,
    "attempts": lambda line: line.figures.attempts,
    "error_rate": lambda line: line.figures.error_rate,
    "p50": lambda line: line.figures.p50,
    "p95": lambda line: line.figures.p95,
    "revenue": lambda line: line.figures.revenue,
    "cost": lambda line: line.figures.cost,
    "margin": lambda line: line.figures.margin,
    "returns": lambda line: line.figures.returns,
    "failure": lambda line: line.failure.at if line.failure else None,
}
DEFAULT_SORT = "-revenue"


def overview(
    recipients: QuerySet[Recipient], choice: Choice, *, everything: bool, flow: str, now: datetime
) -> Overview:
    """The figures of some recipients; `everything` counts every lead's cost, sold or not."""
    shown = list(recipients.prefetch_related(ENDPOINTS))
    ids = None if everything else [recipient.id for recipient in shown]
    cost_of = "lead" if everything else "share"
    cells, buckets, over_time = figures.read(
        Scope(choice.span, recipients=ids, flow=flow or None),
        [["recipient_id", "kind", "outcome"], ["recipient_id", "bucket"],
         ["time", "kind", "outcome"]],
        interval=choice.span.interval,
    )  # fmt: skip
    was, was_buckets = figures.read(
        Scope(choice.before, recipients=ids, flow=flow or None), [["kind", "outcome"], ["bucket"]]
    )
    by_recipient = figures.summaries(cells, buckets, "recipient_id")
    failures = _failures(cells)
    standing = standings(shown, now)
    return Overview(
        lines=[
            Line(each, standing[each.id], by_recipient.get(each.id, EMPTY), failures.get(each.id))
            for each in shown
        ],
        recipients_total=figures.total(cells, buckets),
        total=figures.total(cells, buckets, cost_of=cost_of),
        before=figures.total(was, was_buckets, cost_of=cost_of),
        steps=figures.summaries(over_time, (), "time", cost_of=cost_of),
    )


def _failures(cells: Iterable[Row]) -> dict[str, Failure]:
    """The latest failure of each recipient; the figures say in which hour to look."""
    hours: dict[str, datetime] = {}
    for row in cells:
        if row.key["kind"] in ("attempt", "delivery") and row.key["outcome"] not in (
            "accepted",
            "skipped",
        ):
            name = row.key["recipient_id"]
            hours[name] = max(row.latest, hours.get(name, row.latest))
    if not hours:
        return {}
    found = {name: Failure(hour) for name, hour in hours.items()}
    with connection.cursor() as cursor:
        cursor.execute(LAST_FAILURES, [list(hours), list(hours.values()), FAILED])
        for name, lead_id, at, reason in cursor.fetchall():
            found[name] = Failure(at, reason, lead_id)
    return found


def ordered(lines: Sequence[Line], sort: str) -> list[Line]:
    """Sorted by a column, `-` for the greatest first; what has no figure comes last."""
    value = SORTS.get(sort.lstrip("-"), SORTS["name"])
    known = [line for line in lines if value(line) is not None]
    unknown = [line for line in lines if value(line) is None]
    return sorted(known, key=value, reverse=sort.startswith("-")) + unknown
