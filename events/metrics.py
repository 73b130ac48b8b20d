"""Every figure, defined once: pure functions over counted cells.

The API, the dashboards and the alerts all read their figures from here. What a cell counts is
said by `events.rollups.cells`; here is what the counts mean.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from events.buckets import bucket_ms
from recipients.outcomes import TECHNICAL, Outcome

ZERO = Decimal(0)
ONE_PERCENT = Decimal("0.01")
MONTH = 30  # days
ANSWERED_NO = frozenset({Outcome.REJECTED, Outcome.DUPLICATE, Outcome.INVALID})
# Upper bounds in ms of the response classes of the field's documents; the last has none.
CLASSES = (("under 500 ms", 500), ("to 2 s", 2_000), ("to 5 s", 5_000), ("over 5 s", None))


@dataclass(frozen=True, slots=True)
class Cell:
    """Some counted events: `n` of them, their response times summed, their money."""

    kind: str
    outcome: str = ""
    category: str = ""
    reason: str = ""
    attempt: int = 0
    n: int = 0
    ms: int = 0
    revenue: Decimal = ZERO
    cost: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one recipient, flow, interval, … Rates are shares (0.9 is 90 %), None where
    there is nothing to divide by; times in milliseconds; `buckets` count attempts by time."""

    leads: int = 0
    leads_accepted: int = 0
    attempts: int = 0
    technical: int = 0  # attempts that failed technically
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    skipped: int = 0
    conversions: int = 0
    returns: int = 0
    returned: Decimal = ZERO  # revenue taken back, above zero
    revenue: Decimal = ZERO
    cost: Decimal = ZERO
    ms: int = 0
    buckets: Mapping[int, int] = field(default_factory=dict)

    @property
    def deliveries(self) -> int:
        """Deliveries that were sent and reached a final outcome."""
        return self.accepted + self.rejected + self.failed

    @property
    def delivery_rate(self) -> float | None:
        return share(self.accepted, self.deliveries)

    @property
    def error_rate(self) -> float | None:
        return share(self.technical, self.attempts)

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost

    @property
    def average_ms(self) -> float | None:
        """Over the attempts that were timed: one that was never sent took no time."""
        return share(self.ms, sum(self.buckets.values()) or self.attempts)

    @property
    def p50(self) -> float | None:
        return percentile(self.buckets, 0.50)

    @property
    def p95(self) -> float | None:
        return percentile(self.buckets, 0.95)

    @property
    def p99(self) -> float | None:
        return percentile(self.buckets, 0.99)


def summarise(
    cells: Iterable[Cell], buckets: Mapping[int, int] | None = None, *, cost_of: str = "share"
) -> Summary:
    """The figures of some cells.

    `cost_of` says which cells' cost counts: `share`, each sale's part of its lead's cost (the
    cost of recipients), or `lead`, what was paid for every lead (the cost of flows and of all).
    """
    counts: Counter[str] = Counter()
    revenue = returned = cost = ZERO
    for cell in cells:
        counts.update(_counts(cell))
        revenue += cell.revenue
        if cell.kind == "feedback" and cell.outcome == "return":
            returned -= cell.revenue
        if cell.kind == cost_of:
            cost += cell.cost
    return Summary(
        **counts, returned=returned, revenue=revenue, cost=cost, buckets=dict(buckets or {})
    )


def _counts(cell: Cell) -> dict[str, int]:
    """What a cell adds to the counts of a summary."""
    if cell.kind == "attempt":
        technical = cell.n if cell.outcome in TECHNICAL else 0
        return {"attempts": cell.n, "technical": technical, "ms": cell.ms}
    if cell.kind == "delivery":
        return {_ending(cell.outcome): cell.n}
    if cell.kind == "lead":
        return {"leads": cell.n, "leads_accepted": cell.n if cell.outcome == "accepted" else 0}
    if cell.kind == "feedback" and cell.outcome in ("conversion", "return"):
        return {f"{cell.outcome}s": cell.n}
    return {}


def _ending(outcome: str) -> str:
    """The word under which a delivery's final outcome is counted."""
    if outcome in (Outcome.ACCEPTED, Outcome.SKIPPED):
        return str(outcome)
    return "rejected" if outcome in ANSWERED_NO else "failed"


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def percentile(buckets: Mapping[int, int], wanted: float) -> float | None:
    """The response time in ms that a share of the attempts did not exceed, 2.5 % off at most."""
    total = sum(buckets.values())
    seen = 0
    for number in sorted(buckets):
        seen += buckets[number]
        if seen >= wanted * total:
            return bucket_ms(number)
    return None


def response_classes(buckets: Mapping[int, int]) -> list[tuple[str, int, float]]:
    """How many attempts fell into each class, and which share of all."""
    counts: Counter[str] = Counter()
    for number, n in buckets.items():
        counts[_response_class(bucket_ms(number))] += n
    total = counts.total()
    return [(name, counts[name], counts[name] / total if total else 0.0) for name, _ in CLASSES]


def _response_class(ms: float) -> str:
    return next(name for name, bound in CLASSES if bound is None or ms < bound)


@dataclass(frozen=True, slots=True)
class AttemptSuccess:
    """What the attempts of one number came to; `added` is their part of all that was sent."""

    number: int
    attempts: int
    accepted: int
    added: float

    @property
    def rate(self) -> float:
        return self.accepted / self.attempts if self.attempts else 0.0


def retry_success(cells: Iterable[Cell]) -> list[AttemptSuccess]:
    """By number of the attempt: how many were made, and how many of the deliveries they won."""
    made: Counter[int] = Counter()
    won: Counter[int] = Counter()
    for cell in cells:
        if cell.kind == "attempt":
            made[cell.attempt] += cell.n
            if cell.outcome == Outcome.ACCEPTED:
                won[cell.attempt] += cell.n
    first = made[1] or max(made.values(), default=0)
    return [
        AttemptSuccess(number, made[number], won[number], won[number] / first if first else 0.0)
        for number in sorted(made)
    ]


@dataclass(frozen=True, slots=True)
class Economics:
    """What a lead brought on average, and what a better delivery rate would. Money per lead;
    None where nothing was sold.

    A lead's cost is paid whether or not it is delivered. So a delivery that fails has lost that
    cost, and one that succeeds instead brings its whole price: `revenue` is what a per cent more
    is worth, not `margin`.
    """

    revenue: Decimal | None = None
    cost: Decimal | None = None
    monthly: Decimal = ZERO  # deliveries, at the volume of the period
    one_percent: Decimal | None = None  # more profit a month

    @property
    def margin(self) -> Decimal | None:
        """Of a lead that was delivered."""
        return None if self.revenue is None or self.cost is None else self.revenue - self.cost

    @property
    def lost(self) -> Decimal | None:
        """The margin of one that was not, and that nobody else took."""
        return None if self.cost is None else -self.cost


def economics(summary: Summary, days: float) -> Economics:
    """The economics of a recipient over a period of so many days.

    One more per cent a month = deliveries a month × 1 % × average price. The average price is the
    revenue, less what was taken back, of an accepted lead. None where nothing was sold, and
    where every delivery is accepted already.
    """
    monthly = Decimal(summary.deliveries * MONTH) / Decimal(str(days)) if days > 0 else ZERO
    if not summary.accepted:
        return Economics(monthly=monthly)
    revenue = summary.revenue / summary.accepted
    better = summary.accepted < summary.deliveries
    return Economics(
        revenue=revenue,
        cost=summary.cost / summary.accepted,
        monthly=monthly,
        one_percent=monthly * ONE_PERCENT * revenue if better else None,
    )


def failures(cells: Iterable[Cell], by: str) -> list[tuple[str, int]]:
    """Attempts that were not accepted, by `category` or `reason`, the most first.

    Attempts, not deliveries: what a retry saved is a failure to look into all the same.
    """
    counts: Counter[str] = Counter()
    for cell in cells:
        if cell.kind == "attempt" and cell.outcome != Outcome.ACCEPTED:
            counts[getattr(cell, by) or "not given"] += cell.n
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def merge(histograms: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Several counts by bucket as one."""
    total: defaultdict[int, int] = defaultdict(int)
    for histogram in histograms:
        for number, n in histogram.items():
            total[number] += n
    return dict(total)


def change(now: float | Decimal | None, before: float | Decimal | None) -> float | None:
    """By which share a figure grew since the period before; None where that says nothing."""
    if now is None or not before:
        return None
    return float((now - before) / abs(before))  # type: ignore[operator]  # both of one type


def as_json(summary: Summary) -> dict[str, Any]:
    """A summary under the API's keys."""
    return {
        "attempts": summary.attempts,
        "deliveries": summary.deliveries,
        "accepted": summary.accepted,
        "rejected": summary.rejected,
        "failed": summary.failed,
        "skipped": summary.skipped,
        "delivery_rate": _rounded(summary.delivery_rate),
        "error_rate": _rounded(summary.error_rate),
        "revenue": float(summary.revenue),
        "cost": float(summary.cost),
        "margin": float(summary.margin),
        "conversions": summary.conversions,
        "returns": summary.returns,
        "response_ms": {
            "avg": _rounded(summary.average_ms, 1),
            "p50": _rounded(summary.p50, 1),
            "p95": _rounded(summary.p95, 1),
            "p99": _rounded(summary.p99, 1),
        },
    }


def _rounded(value: float | None, places: int = 4) -> float | None:
    return None if value is None else round(value, places)
