"""A recipient's figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import directory, figures, visibility
from events.figures import Row, Scope
from events.metrics import Summary, as_json
from events.parameters import Parameters, moment, stamp
from events.periods import INTERVALS, Span
from events.zones import zone
from leadops.lib.access import IsStaffOrPartner

GROUPS = {
    "flow": "flow_id",
    "source": "source_id",
    "outcome": "outcome",
    "category": "category",
    "reason": "reason",
    "attempt": "attempt",
}
# Whose leads a partner buys is not for it to know.
PARTNERS_GROUPS = {name: column for name, column in GROUPS.items() if name != "source"}
NAMED = {"flow": "flows.Flow", "source": "flows.Source"}
DEFAULT_SPAN = timedelta(days=7)
FIGURES: dict[str, Any] = {
    **{name: serializers.IntegerField() for name in ("attempts", "accepted", "rejected", "failed")},
    **{name: serializers.FloatField(allow_null=True) for name in ("delivery_rate", "error_rate")},
    "revenue": serializers.FloatField(),
    **{
        name: serializers.FloatField(required=False, help_text="Not for partners.")
        for name in ("cost", "margin")
    },
    "response_ms": serializers.DictField(help_text="avg, p50, p95, p99"),
}
METRICS = inline_serializer(
    "RecipientMetrics",
    {
        "recipient": serializers.DictField(),
        "start": serializers.DateTimeField(),
        "end": serializers.DateTimeField(),
        "interval": serializers.ChoiceField(INTERVALS),
        "tz": serializers.CharField(),
        "total": inline_serializer("Metrics", FIGURES),
        "series": serializers.ListField(child=serializers.DictField()),
        "groups": serializers.ListField(child=serializers.DictField(), required=False),
    },
)


class RecipientMetricsView(APIView):
    """Attempts, rates, money and response times of one recipient.

    Figures are kept by the hour: `start` and `end` are rounded out to hours.
    """

    permission_classes = [IsStaffOrPartner]

    @extend_schema(
        summary="A recipient's metrics",
        parameters=[
            OpenApiParameter("start", OpenApiTypes.DATETIME, description="Default: 7 days ago."),
            OpenApiParameter("end", OpenApiTypes.DATETIME, description="Default: now."),
            OpenApiParameter("interval", str, enum=list(INTERVALS)),
            OpenApiParameter("group_by", str, enum=list(GROUPS)),
            OpenApiParameter("tz", str, description="E.g. America/New_York. Default: UTC."),
        ],
        responses=METRICS,
    )
    def get(self, request: Request, slug: str) -> Response:
        caller = visibility.caller(request)
        recipient = directory.party("recipients.Recipient", slug)
        if recipient is None or not visibility.of(caller).sees_recipient(recipient.id):
            raise exceptions.NotFound(f"There is no recipient {slug!r}.")
        asked = Parameters(request.query_params)
        partner = caller.user is None
        groups = PARTNERS_GROUPS if partner else GROUPS
        span, interval, group = _asked(asked, caller.at, groups)
        scope = Scope(span, recipients=[recipient.id])
        answer = {"recipient": recipient.as_json(), **_head(span, interval)}
        answer |= _measured(scope, interval, group)
        return Response(_without_costs(answer) if partner else answer)


def _asked(asked: Parameters, now: Any, groups: Mapping[str, str]) -> tuple[Span, str, str]:
    """Span, interval and grouping; raises WrongShape."""
    place = asked.read("tz", zone, ZoneInfo("UTC"))
    end = asked.read("end", lambda text: moment(text, end=True, zone=place), now)
    start = asked.read("start", lambda text: moment(text, zone=place), end - DEFAULT_SPAN)
    span = Span(start, end, place)
    interval = asked.read("interval", lambda text: _one_of(text, INTERVALS), span.interval)
    group = asked.read("group_by", lambda text: _one_of(text, groups), "")
    if not asked.problems and start >= end:
        asked.problems["start"] = "Later than the end."
    if not asked.problems:
        asked.read("interval", lambda text: str(span.steps(interval)), "")
        try:
            span.steps(interval)
        except ValueError as error:
            asked.problems["interval"] = str(error)
    asked.check()
    return span, interval, group


def _one_of(text: str, words: Any) -> str:
    if text not in words:
        raise ValueError(f"One of {', '.join(words)}.")
    return text


def _head(span: Span, interval: str) -> dict[str, str]:
    return {
        "start": stamp(span.start),
        "end": stamp(span.end),
        "interval": interval,
        "tz": span.zone.key,
    }


def _measured(scope: Scope, interval: str, group: str) -> dict[str, Any]:
    """`total` and `series`, and with a grouping the same for each of its groups."""
    column = GROUPS.get(group)
    keys = [name for name in ("kind", "outcome") if name != column]
    sets = [["time", *keys], ["time", "bucket"]]
    if column:
        sets = [[*dict.fromkeys([column, "time", "kind", "outcome"])], [column, "time", "bucket"]]
    cells, buckets = figures.read(scope, sets, interval=interval)
    parts = _split(cells, buckets, column) if column else {}
    answer = _series(cells, buckets, scope.span, interval)
    if column:
        answer["groups"] = [
            {**_group(group, value), **_series(*rows, scope.span, interval)}
            for value, rows in sorted(parts.items(), key=lambda item: str(item[0]))
        ]
    return answer


def _group(group: str, value: Any) -> dict[str, Any]:
    """What a group is called: `{"outcome": "accepted"}`, `{"flow": "auto", "flow_id": …}`."""
    if group not in NAMED:
        return {group: value}
    party = directory.party(NAMED[group], value)
    return {group: party.slug if party else value, f"{group}_id": value}


def _split(
    cells: Sequence[Row], buckets: Sequence[Row], column: str
) -> dict[Any, tuple[list[Row], list[Row]]]:
    parts: dict[Any, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for row in cells:
        parts[row.key[column]][0].append(row)
    for row in buckets:
        if row.key[column] in parts:
            parts[row.key[column]][1].append(row)
    return parts


def _series(
    cells: Sequence[Row], buckets: Sequence[Row], span: Span, interval: str
) -> dict[str, Any]:
    by_time = figures.summaries(cells, buckets, "time")
    total = figures.total(cells, buckets)
    empty = Summary()
    return {
        "total": as_json(total),
        "series": [
            {"start": stamp(at), **as_json(by_time.get(at, empty))} for at in span.steps(interval)
        ],
    }


def _without_costs(answer: Any) -> Any:
    """What a partner pays is its own to know; what its leads cost us is not."""
    if isinstance(answer, list):
        return [_without_costs(item) for item in answer]
    if isinstance(answer, dict):
        return {
            name: _without_costs(value)
            for name, value in answer.items()
            if name not in ("cost", "margin")
        }
    return answer
