"""The measured figures that price rules read: how many leads, and how well they did.

Once a minute they are taken from the record's roll-ups into a small table; every process reads
that table at most once a minute. So no lead waits for a figure, and all price by the same ones.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from events import figures, periods
from events.metrics import Summary
from events.periods import Span
from flows.models import PriceFigure
from flows.pricing.wanted import Wanted
from recipients.pricefigures import Figure, Period, Rate
from recipients.prices import Figures

READ = "SELECT subject_id, flow_id, name, value FROM flows_pricefigure"
FRESH = 60.0  # seconds
PLACES = Decimal("0.0001")
COUNTED = ("kind", "outcome")


@dataclass(slots=True)
class Memory:
    """What this process has read."""

    read_at: float = float("-inf")  # monotonic
    values: dict[tuple[str, str, str], Decimal | None] = field(default_factory=dict)

    def is_due(self) -> bool:
        return time.monotonic() - self.read_at >= FRESH

    def take(self, rows: Iterable[Sequence[object]]) -> None:
        """From the rows of `READ`."""
        self.values = {(str(s), str(f), str(n)): value for s, f, n, value in rows}  # type: ignore[misc]
        self.read_at = time.monotonic()

    def renew(self) -> None:
        """Read anew if it is time; for callers who have no statement of their own to add it to."""
        if self.is_due():
            with connection.cursor() as cursor:
                cursor.execute(READ)
                self.take(cursor.fetchall())

    def of(self, subject: str, flow_id: str, wanted: Iterable[Figure]) -> Figures:
        """The figures by name. What was not measured yet is 0 of a volume, else None."""
        return {each.name: self._one(subject, flow_id, each) for each in wanted}

    def _one(self, subject: str, flow_id: str, figure: Figure) -> Decimal | None:
        unmeasured = Decimal(0) if figure.period else None
        return self.values.get((subject, flow_id, figure.name), unmeasured)

    def forget(self) -> None:
        self.read_at, self.values = float("-inf"), {}


memory = Memory()


def refresh(wanted: Iterable[Wanted], *, at: datetime | None = None) -> None:
    """Measure anew what prices read; drop what none reads any more."""
    rows = list(_measured(set(wanted), at or datetime.now(UTC)))
    with transaction.atomic():
        PriceFigure.objects.all().delete()
        PriceFigure.objects.bulk_create(rows)


def _measured(wanted: set[Wanted], at: datetime) -> Iterator[PriceFigure]:
    """One reading for each span of time, whatever the number of those measured in it."""
    together: dict[tuple[Span, bool, bool], list[Wanted]] = defaultdict(list)
    for each in wanted:
        together[_span(each, at), each.of_source, each.figure.total].append(each)
    for (span, of_source, total), those in together.items():
        found = _summaries(span, those, of_source=of_source, total=total)
        for each in those:
            summary = found.get((each.subject, "" if total else each.flow_id), Summary())
            yield PriceFigure(
                subject_id=each.subject,
                flow_id=each.flow_id,
                name=each.figure.name,
                value=_value(each, summary),
            )


def _summaries(
    span: Span, those: Sequence[Wanted], *, of_source: bool, total: bool
) -> Mapping[tuple[str, str], Summary]:
    """By subject and flow; the flow is blank where all count together."""
    column = "source_id" if of_source else "recipient_id"
    by = (column,) if total else (column, "flow_id")
    recipients = None if of_source else {each.subject for each in those}
    [rows] = figures.read(figures.Scope(span, recipients=recipients), [(*by, *COUNTED)])
    grouped: dict[tuple[str, str], list[figures.Row]] = defaultdict(list)
    for row in rows:
        grouped[row.key[column], "" if total else row.key["flow_id"]].append(row)
    return {key: figures.total(found, []) for key, found in grouped.items()}


def _span(each: Wanted, at: datetime) -> Span:
    zone = ZoneInfo(each.zone)
    figure = each.figure
    if figure.period is None:
        return Span(at - timedelta(days=figure.days), at, zone)
    interval = {"today": "day", "yesterday": "day"}.get(
        figure.period, figure.period.removeprefix("last_")
    )
    start = periods.floor(at, interval, zone)
    if figure.period in (Period.TODAY, Period.WEEK, Period.MONTH):
        return Span(start, at, zone)
    before = periods.floor(start - timedelta(hours=12), interval, zone)
    return Span(before, start, zone)


def _value(each: Wanted, summary: Summary) -> Decimal | None:
    """Volumes: of a recipient its acceptances, of a source the leads accepted from it."""
    if each.figure.period is not None:
        return Decimal(summary.leads_accepted if each.of_source else summary.accepted)
    match each.figure.rate:
        case Rate.DELIVERIES:
            return Decimal(summary.deliveries)
        case Rate.DELIVERY_RATE:
            return _share(summary.accepted, summary.deliveries)
        case Rate.CONVERSION_RATE:
            return _share(summary.conversions, summary.accepted)
        case _:
            return _share(summary.returns, summary.accepted)


def _share(part: int, whole: int) -> Decimal | None:
    """At most 1: what is fed back may be of leads that were sold before."""
    if not whole:
        return None
    return min(Decimal(1), (Decimal(part) / whole).quantize(PLACES))
