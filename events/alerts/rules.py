"""Is a figure within its bound? Pure: a summary in, a verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from events.metrics import Summary
from leadops.lib import durations


class State(StrEnum):
    WITHIN = "within"
    CROSSED = "crossed"
    SILENT = "silent"  # too little happened to say anything: what is open stays open


@dataclass(frozen=True, slots=True)
class Bound:
    """One of `below` and `above` is set; rates as shares, times in ms. `over` is in seconds."""

    metric: str
    label: str
    below: Decimal | None
    above: Decimal | None
    over: float
    minimum: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`text` is a sentence for people when the bound was crossed."""

    state: State
    text: str = ""


def judge(bound: Bound, summary: Summary, *, subject: str) -> Verdict:
    """Judge one figure of `subject`, a name as people know it."""
    value = _value(bound.metric, summary)
    if value is None or summary.attempts < bound.minimum:
        return Verdict(State.SILENT)
    if bound.below is not None and value < bound.below:
        return Verdict(State.CROSSED, _text(bound, subject, value, "below", bound.below))
    if bound.above is not None and value > bound.above:
        return Verdict(State.CROSSED, _text(bound, subject, value, "above", bound.above))
    return Verdict(State.WITHIN)


def _value(metric: str, summary: Summary) -> Decimal | None:
    value = {
        "delivery_rate": summary.delivery_rate,
        "error_rate": summary.error_rate,
        "response_ms": summary.p95,
        "revenue": summary.revenue,
    }[metric]
    return None if value is None else Decimal(str(value))


def _text(bound: Bound, subject: str, value: Decimal, side: str, limit: Decimal) -> str:
    return (
        f"{subject}: {bound.label} is {_shown(bound.metric, value)} over "
        f"{durations.text(bound.over)}, {side} {_shown(bound.metric, limit)}"
    )


def _shown(metric: str, value: Decimal) -> str:
    if metric.endswith("_rate"):
        return f"{value * 100:.1f} %"
    return f"{value:.0f} ms" if metric == "response_ms" else f"{value:,.2f}"
