"""What the charts draw: labels and lines of numbers, as JSON for charts.js."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from events.metrics import Summary
from events.periods import Span

FORMATS = {"hour": "%d %b %H:%M", "day": "%a %d %b", "week": "%d %b %Y", "month": "%b %Y"}
EMPTY = Summary()


def labels(steps: Sequence[datetime], interval: str, zone: ZoneInfo) -> list[str]:
    return [step.astimezone(zone).strftime(FORMATS[interval]) for step in steps]


def chart(
    name: str, title: str, unit: str, labels: Sequence[str], lines: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """`unit`: count, money, percent or ms; each line: label, tone, values, and for bars kind.

    A line with a unit of its own gets its own axis.
    """
    lines = [{"unit": unit, **each} for each in lines]
    empty = not any(value for line in lines for value in line["values"])
    return {
        "id": f"chart-{name}",
        "title": title,
        "unit": unit,
        "labels": list(labels),
        "lines": lines,
        "empty": empty,
        "rows": list(zip(labels, *(line["values"] for line in lines), strict=True)),
        "json": {"unit": unit, "labels": list(labels), "lines": lines},
    }


def line(label: str, tone: str, values: Sequence[Any], **more: Any) -> dict[str, Any]:
    return {"label": label, "tone": tone, "values": [plain(value) for value in values], **more}


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return round(value, 4) if isinstance(value, float) else value


def each_step(span: Span, by_time: Mapping[datetime, Summary]) -> tuple[list[str], list[Summary]]:
    """Labels and summaries of every step of a span, empty ones included."""
    steps = span.steps(span.interval)
    return labels(steps, span.interval, span.zone), [by_time.get(step, EMPTY) for step in steps]


def deliveries(names: Sequence[str], steps: Sequence[Summary]) -> dict[str, Any]:
    return chart(
        "deliveries",
        "Deliveries",
        "count",
        names,
        [
            line("Accepted", "good", [s.accepted for s in steps], kind="bar"),
            line("Rejected", "warn", [s.rejected for s in steps], kind="bar"),
            line("Failed", "bad", [s.failed for s in steps], kind="bar"),
        ],
    )


def delivery_rate(names: Sequence[str], steps: Sequence[Summary]) -> dict[str, Any]:
    return chart(
        "rate",
        "Delivery rate and attempts",
        "percent",
        names,
        [
            line("Delivery rate", "good", [s.delivery_rate for s in steps]),
            line("Attempts", "muted", [s.attempts for s in steps], kind="bar", unit="count"),
        ],
    )


def money(names: Sequence[str], steps: Sequence[Summary]) -> dict[str, Any]:
    return chart(
        "money",
        "Revenue, cost and margin",
        "money",
        names,
        [
            line("Revenue", "primary", [s.revenue for s in steps]),
            line("Cost", "muted", [s.cost for s in steps]),
            line("Margin", "good", [s.margin for s in steps], dashed=True),
        ],
    )


def response(names: Sequence[str], steps: Sequence[Summary]) -> dict[str, Any]:
    return chart(
        "response",
        "Response time",
        "ms",
        names,
        [
            line("p50", "primary", [s.p50 for s in steps]),
            line("p95", "warn", [s.p95 for s in steps]),
        ],
    )
