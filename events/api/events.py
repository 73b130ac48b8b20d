"""Event lists: of a lead in order, of a flow and of all newest first."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import cursors, directory, visibility
from events.eventjson import events_json
from events.filters import filtered
from events.models import Event
from events.parameters import DEFAULT_LIMIT, MOST, Parameters, limit, next_url
from events.visibility import Sight
from leadops.lib.access import IsStaff, IsStaffOrSource
from leadops.lib.api import WrongShape

PAGE = inline_serializer(
    "EventPage",
    {
        "results": serializers.ListField(
            child=serializers.DictField(),
            help_text="Envelope (id, type, timestamp, lead_id, flow_id, entity_id, seq, outcome, "
            "reason, duration_ms), the type's own fields, and the lead at that moment.",
        ),
        "next": serializers.URLField(allow_null=True),
    },
)
LIMIT = OpenApiParameter("limit", int, description=f"At most {MOST}.")
CURSOR = OpenApiParameter("cursor", str, description="From `next`.")
EXCLUDE = OpenApiParameter("exclude", str, enum=["lead"], description="Leave out snapshots.")
FILTERS = [
    OpenApiParameter("lead_id", str),
    OpenApiParameter("type", str, many=True, description="Repeatable; `recipient.*` is a group."),
    OpenApiParameter("entity_id", str),
    OpenApiParameter("outcome", str, many=True),
    OpenApiParameter("start", OpenApiTypes.DATETIME, description="A day or a moment; UTC."),
    OpenApiParameter("end", OpenApiTypes.DATETIME, description="Excluded; a day is included."),
    LIMIT,
    CURSOR,
    EXCLUDE,
]


def _with_lead(text: str) -> bool:
    if text != "lead":
        raise ValueError("Only lead can be left out.")
    return False


class EventsView(APIView):
    """Events of all leads and of operations, newest first."""

    permission_classes = [IsStaff]

    @extend_schema(summary="Events", parameters=FILTERS, responses=PAGE)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def page(self, request: Request, **own: str) -> Response:
        sight = visibility.of(visibility.caller(request))
        asked = Parameters(request.query_params)
        count = asked.read("limit", limit, DEFAULT_LIMIT)
        with_lead = asked.read("exclude", _with_lead, True)
        after = asked.read("cursor", cursors.time_and_id, None)
        events = _filtered(sight.events().filter(**own), asked)
        found = list(_older(events, after).order_by("-timestamp", "-id")[: count + 1])
        shown, more = found[:count], found[count:]
        cursor = cursors.encode(shown[-1].timestamp, shown[-1].id) if more else None
        return Response(
            {
                "results": events_json(shown, sight, with_lead=with_lead),
                "next": next_url(request, cursor) if cursor else None,
            }
        )


class FlowEventsView(EventsView):
    """Events of one flow, newest first."""

    @extend_schema(summary="A flow's events", parameters=FILTERS, responses=PAGE)
    def get(self, request: Request, flow: str) -> Response:  # type: ignore[override]
        found = directory.party("flows.Flow", flow)
        if found is None:
            raise exceptions.NotFound(f"There is no flow {flow!r}.")
        return self.page(request, flow_id=found.id)


class LeadEventsView(APIView):
    """The timeline of one lead, in order."""

    permission_classes = [IsStaffOrSource]

    @extend_schema(summary="A lead's timeline", parameters=FILTERS[1:], responses=PAGE)
    def get(self, request: Request, lead_id: str) -> Response:
        sight = visibility.of(visibility.caller(request))
        asked = Parameters(request.query_params)
        count = asked.read("limit", limit, MOST)
        with_lead = asked.read("exclude", _with_lead, True)
        after = asked.read("cursor", cursors.number, 0)
        events = _filtered(timeline(lead_id, sight).filter(seq__gt=after), asked)
        found = list(events[: count + 1])
        shown, more = found[:count], found[count:]
        return Response(
            {
                "results": events_json(shown, sight, with_lead=with_lead),
                "next": next_url(request, cursors.encode(shown[-1].seq)) if more else None,
            }
        )


def timeline(lead_id: str, sight: Sight) -> QuerySet[Event]:
    """A lead's events in order; raises NotFound for leads out of sight."""
    if not sight.leads().filter(id=lead_id).exists():
        raise exceptions.NotFound(f"There is no lead {lead_id!r}.")
    return sight.events().filter(lead_id=lead_id).order_by("seq")


def _filtered(events: QuerySet[Event], asked: Parameters) -> QuerySet[Event]:
    """The events that are asked for; raises WrongShape for all parameters that are wrong."""
    try:
        found = filtered(events, asked.query)
    except WrongShape as error:
        asked.problems.update(error.fields or {})
    asked.check()
    return found


def _older(events: QuerySet[Event], after: tuple[Any, str] | None) -> QuerySet[Event]:
    if after is None:
        return events
    at, event_id = after
    # The first condition alone lets PostgreSQL begin at the right place of its index.
    return events.filter(timestamp__lte=at).exclude(Q(timestamp=at) & Q(id__gte=event_id))
