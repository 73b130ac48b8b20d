"""Deliveries of a recipient that have not ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from events.models import Delivery
from events.periods import Span

MOST = 20
# Due at infinity: when somebody resumes it.
DUE = """
    SELECT w.delivery_id, nullif(coalesce(b.due_at, w.due_at), 'infinity') FROM flows_work w
    -- what waits for its batch goes when that goes
    LEFT JOIN events_delivery d ON d.id = w.delivery_id AND d.waits_for = 'Batch'
    LEFT JOIN flows_work b ON b.delivery_id = d.batch
    WHERE w.lane = ANY(%s) AND w.kind = 'deliver' ORDER BY w.due_at LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Open:
    """A delivery under way, waiting, or held for a person. `due`: when it is tried next."""

    delivery: Delivery
    due: datetime | None


def open_deliveries(recipient_id: str, span: Span) -> list[Open]:
    """The first to be due, at most 21; then those held for review that arrived in the span.

    What is due is read from the work table, which holds nothing else and so stays small.
    """
    due = _due(recipient_id)
    rows = Delivery.objects.select_related("lead").only(
        "id", "lead__test", "state", "waits_for", "attempts", "reason", "created_at"
    )
    found = [Open(row, due[row.id]) for row in rows.filter(id__in=due)]
    held = rows.filter(
        recipient=recipient_id,
        state=Delivery.State.REVIEW,
        created_at__gte=span.start,
        created_at__lt=span.end,
    )
    found += [Open(row, None) for row in held.order_by("-created_at")[: MOST + 1]]
    return sorted(found, key=lambda each: each.delivery.created_at)[: MOST + 1]


def _due(recipient_id: str) -> dict[str, datetime | None]:
    """By delivery: when it is due, None for when somebody resumes it."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [[recipient_id, f"{recipient_id}:retry"], MOST + 1])
        return dict(cursor.fetchall())
