"""How recipients behave, measured for the steps that learn from it.

Once a minute the figures of a window are taken from the record's roll-ups into a small table, flow
by flow; a pump reads that table at most once a minute, beside what a turn reads anyway. So no lead
waits for a figure, and every pump routes by the same ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from events import figures
from events.metrics import Summary
from events.periods import Span
from flows.models import Measured
from flows.patterns.base import Candidate
from flows.patterns.orders import ONE, ZERO, Measure

READ = "SELECT flow_id, over, recipient_id, deliveries, accepted, returned FROM flows_measured"
LEARN_FROM = 50  # deliveries, where a step does not say
FRESH = 60.0  # seconds
PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Learn:
    """What a step learns from: the deliveries and returns of the last `over` seconds, of those
    recipients that had at least `minimum` deliveries."""

    over: float
    minimum: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted of a recipient in a window. Deliveries were sent and came to an end."""

    deliveries: int = 0
    accepted: int = 0
    returned: int = 0

    def measure(self) -> Measure:
        """Raises ZeroDivisionError without a delivery."""
        return Measure(
            acceptance=_share(self.accepted, self.deliveries),
            # Returns of leads that were sold before the window may exceed its sales.
            return_rate=min(ONE, _share(self.returned, max(self.accepted, self.returned, 1))),
            measured=True,
        )


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole).quantize(PLACES)


def measures(
    candidates: Iterable[Candidate], counts: Mapping[str, Counts], minimum: int
) -> dict[str, Measure]:
    """How each candidate behaves. Of whom too little is known counts as the mean of the others:
    neither favoured nor shut out; where nothing is known of anybody, prices alone decide."""
    names = {candidate.recipient for candidate in candidates}
    known = {
        name: counts[name].measure()
        for name in names
        if name in counts and counts[name].deliveries >= max(1, minimum)
    }
    neutral = Measure()
    if known:
        neutral = Measure(
            acceptance=_mean(measure.acceptance for measure in known.values()),
            return_rate=_mean(measure.return_rate for measure in known.values()),
        )
    return {name: known.get(name, neutral) for name in names}


def _mean(values: Iterable[Decimal]) -> Decimal:
    listed = list(values)
    return (sum(listed, ZERO) / len(listed)).quantize(PLACES)


@dataclass(slots=True)
class Memory:
    """What this process has read, and the measures made of it."""

    read_at: float = float("-inf")  # monotonic
    counts: dict[tuple[str, float], dict[str, Counts]] = field(default_factory=dict)
    made: dict[tuple[Any, ...], Mapping[str, Measure]] = field(default_factory=dict)

    def is_due(self) -> bool:
        return time.monotonic() - self.read_at >= FRESH

    def take(self, rows: Iterable[Sequence[Any]]) -> None:
        """From the rows of `READ`."""
        self.counts, self.made = {}, {}
        for flow_id, over, recipient_id, *numbers in rows:
            self.counts.setdefault((flow_id, over), {})[recipient_id] = Counts(*numbers)
        self.read_at = time.monotonic()

    def measures(
        self, flow_id: str, candidates: Sequence[Candidate], learn: Learn
    ) -> Mapping[str, Measure]:
        key = (flow_id, learn, *(candidate.recipient for candidate in candidates))
        found = self.made.get(key)
        if found is None:
            counts = self.counts.get((flow_id, learn.over), {})
            found = self.made[key] = measures(candidates, counts, learn.minimum)
        return found

    def forget(self) -> None:
        self.read_at, self.counts, self.made = float("-inf"), {}, {}


memory = Memory()


def refresh(windows: Iterable[tuple[str, float]]) -> None:
    """Measure anew for each flow and window (in seconds); drop what nobody learns from."""
    wanted = sorted(set(windows))
    rows = [row for flow_id, over in wanted for row in _measured(flow_id, over)]
    with transaction.atomic():
        Measured.objects.all().delete()
        Measured.objects.bulk_create(rows)


def _measured(flow_id: str, over: float) -> list[Measured]:
    now = datetime.now(UTC)
    span = Span(now - timedelta(seconds=over), now, ZoneInfo("UTC"))
    groups = ("recipient_id", "kind", "outcome")
    [cells] = figures.read(figures.Scope(span, flow=flow_id), [groups])
    summaries: dict[str, Summary] = figures.summaries(cells, [], "recipient_id")
    return [
        Measured(
            flow_id=flow_id,
            over=over,
            recipient_id=recipient_id,
            deliveries=summary.deliveries,
            accepted=summary.accepted,
            returned=summary.returns,
        )
        for recipient_id, summary in summaries.items()
        if recipient_id
    ]
