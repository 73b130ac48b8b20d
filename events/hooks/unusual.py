"""Is an hour unlike the same hour of other days? Explained with the figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from events.metrics import Summary

FEWEST_DAYS = 3  # with figures, before anything is called usual


class Form(StrEnum):
    COUNT = "count"
    SHARE = "share"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Metric:
    """`label` in a sentence; `parts` of `whole` are shown with a share."""

    label: str
    form: Form
    value: str
    whole: str


METRICS = {
    "leads": Metric("leads", Form.COUNT, "leads", "leads"),
    "rejected_at_door": Metric(
        "share of leads refused at the door", Form.SHARE, "refused", "leads"
    ),
    "deliveries": Metric("deliveries", Form.COUNT, "deliveries", "deliveries"),
    "rejection_rate": Metric("rejection rate", Form.SHARE, "rejected", "deliveries"),
    "error_rate": Metric("error rate", Form.SHARE, "technical", "attempts"),
    "revenue": Metric("revenue", Form.MONEY, "revenue", "deliveries"),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """One of `deviations` and `factor` at least; both: both must be crossed."""

    metric: str
    direction: str
    deviations: float | None
    factor: float | None
    minimum: int


@dataclass(frozen=True, slots=True)
class Hour:
    """Of one hour: the figure, or the part and the whole of a share."""

    part: float
    whole: float

    def value(self, form: Form) -> float | None:
        if form is not Form.SHARE:
            return self.part
        return self.part / self.whole if self.whole else None


def hour_of(metric: str, summary: Summary) -> Hour:
    of = METRICS[metric]
    part = summary.leads - summary.leads_accepted if of.value == "refused" else None
    return Hour(
        float(getattr(summary, of.value)) if part is None else float(part),
        float(getattr(summary, of.whole)),
    )


def judge(bounds: Bounds, now: Hour, past: Sequence[Hour], *, subject: str, hour: datetime) -> str:
    """Why the hour is unusual, a sentence; blank where it is not, or nobody can say.

    What an hour varies by chance alone counts as usual, however even the past days were.
    """
    of = METRICS[bounds.metric]
    value = now.value(of.form)
    known = [found for each in past if (found := each.value(of.form)) is not None]
    if value is None or len(known) < FEWEST_DAYS or not _enough(bounds, now, past):
        return ""
    usual = sum(known) / len(known)
    spread = max(_deviation(known, usual), _chance(of.form, usual, now))
    far = abs(value - usual) / spread if spread else math.inf if value != usual else 0.0
    above = value > usual
    wanted = {"above": above, "below": value < usual, "either": value != usual}
    if not wanted[bounds.direction]:
        return ""
    if bounds.deviations is not None and far < bounds.deviations:
        return ""
    if bounds.factor is not None and not _times(value, usual, bounds.factor, above=above):
        return ""
    return _told(of, value, usual, spread, now, known=len(known), subject=subject, hour=hour)


def _enough(bounds: Bounds, now: Hour, past: Sequence[Hour]) -> bool:
    """A missing hour is what `below` is for: then the past must have had enough."""
    if METRICS[bounds.metric].form is Form.SHARE or bounds.direction == "above":
        return now.whole >= bounds.minimum
    mean = sum(each.whole for each in past) / len(past) if past else 0.0
    return max(now.whole, mean) >= bounds.minimum


def _deviation(values: Sequence[float], mean: float) -> float:
    """Of a sample."""
    if len(values) < 2:
        return 0.0
    return math.sqrt(sum((each - mean) ** 2 for each in values) / (len(values) - 1))


def _chance(form: Form, usual: float, now: Hour) -> float:
    """The deviation of so many tosses (binomial), or of a count (Poisson)."""
    if form is Form.SHARE:
        share = min(max(usual, 1 / (now.whole + 1)), 1 - 1 / (now.whole + 1))
        return math.sqrt(share * (1 - share) / now.whole) if now.whole else 0.0
    return math.sqrt(usual) if form is Form.COUNT and usual > 0 else 0.0


def _times(value: float, usual: float, factor: float, *, above: bool) -> bool:
    return value >= usual * factor if above else value * factor <= usual


def _told(
    of: Metric,
    value: float,
    usual: float,
    spread: float,
    now: Hour,
    *,
    known: int,
    subject: str,
    hour: datetime,
) -> str:
    of_what = f" ({now.part:,.0f} of {now.whole:,.0f})" if of.form is Form.SHARE else ""
    far = f", {abs(value - usual) / spread:,.1f} deviations away" if spread else ""
    times = f", {value / usual:,.1f} times that" if usual else ""
    return (
        f"{subject}: {of.label} {_shown(of.form, value)}{of_what} in the hour from "
        f"{hour:%Y-%m-%d %H:%M} UTC; usual at that hour is {_shown(of.form, usual)} "
        f"± {_shown(of.form, spread)} (the same hour of {known} days){times}{far}"
    )


def _shown(form: Form, value: float) -> str:
    if form is Form.SHARE:
        return f"{value * 100:.1f} %"
    return f"{value:,.2f}" if form is Form.MONEY else f"{value:,.0f}"
