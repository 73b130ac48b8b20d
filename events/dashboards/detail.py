"""One recipient: how it does, over time and against the period before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from events import figures, metrics
from events.dashboards.choices import Choice
from events.dashboards.waiting import Open, open_deliveries
from events.figures import Row, Scope
from events.metrics import AttemptSuccess, Economics, Summary
from events.models import Event, Lead
from events.periods import DAY
from events.vocabulary import EventType
from recipients.models import Recipient

FAILURES = 12  # latest failures shown
REASONS = 10
FAILED = (EventType.RECIPIENT_FAILED.value, EventType.RECIPIENT_ERROR.value)


@dataclass(frozen=True, slots=True)
class Detail:
    total: Summary
    before: Summary
    economics: Economics
    economics_before: Economics
    steps: Mapping[datetime, Summary]
    by_category: list[tuple[str, int]]
    by_reason: list[tuple[str, int]]
    by_attempt: list[AttemptSuccess]
    by_class: list[tuple[str, int, float]]
    failures: list[Event]
    waiting: list[Open]


def detail(recipient: Recipient, choice: Choice) -> Detail:
    cells, buckets, reasons, attempts = figures.read(
        Scope(choice.span, recipients=[recipient.id]),
        [["time", "kind", "outcome"], ["time", "bucket"],
         ["kind", "outcome", "category", "reason"], ["kind", "outcome", "attempt"]],
        interval=choice.span.interval,
    )  # fmt: skip
    was, was_buckets = figures.read(
        Scope(choice.before, recipients=[recipient.id]), [["kind", "outcome"], ["bucket"]]
    )
    ended = [row.cell() for row in reasons]
    total, before = figures.total(cells, buckets), figures.total(was, was_buckets)
    return Detail(
        total=total,
        before=before,
        economics=metrics.economics(total, choice.span.length / DAY),
        economics_before=metrics.economics(before, choice.before.length / DAY),
        steps=figures.summaries(cells, buckets, "time"),
        by_category=metrics.failures(ended, "category"),
        by_reason=metrics.failures(ended, "reason")[:REASONS],
        by_attempt=metrics.retry_success(row.cell() for row in attempts),
        by_class=metrics.response_classes(total.buckets),
        failures=latest_failures(recipient, cells, choice),
        waiting=open_deliveries(recipient.id, choice.span),
    )


def latest_failures(recipient: Recipient, cells: Sequence[Row], choice: Choice) -> list[Event]:
    """The newest failures, test leads' left out. The figures say how far back to look: without
    that, a buyer that rarely fails would have all of its events read."""
    since, found = choice.span.end, 0
    failing = [
        row
        for row in cells
        if row.key["kind"] == "attempt" and row.key["outcome"] not in ("accepted", "skipped")
    ]
    for row in sorted(failing, key=lambda row: row.key["time"], reverse=True):
        since, found = max(row.key["time"], choice.span.start), found + row.n
        if found >= FAILURES:
            break
    if not found:
        return []
    return list(
        Event.objects.filter(
            entity_id=recipient.id,
            type__in=FAILED,
            timestamp__gte=since,
            timestamp__lt=choice.span.end,
        )
        .exclude(Exists(Lead.objects.filter(pk=OuterRef("lead_id"), test=True)))
        .only("id", "type", "timestamp", "lead_id", "outcome", "reason", "duration_ms")
        .order_by("-timestamp", "-id")[:FAILURES]
    )
