"""Event lists: of a lead in order, of a flow and of all newest first; and one event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from events import directory, visibility
from events.api import paging
from events.api.described import EVENT, EVENT_PAGE, EVENT_PAGES, EVENTS_SHOWN
from events.api.frugal import ConditionalView, bounded
from events.api.selecting import Selection
from events.eventjson import events_json
from events.filters import filtered
from events.models import Event
from events.parameters import DEFAULT_LIMIT, MOST, Parameters, limit, next_url
from events.viewing import recording
from events.visibility import Sight
from leadops.lib.access import IsStaff, IsStaffOrSource
from leadops.lib.api import WrongShape

LIMIT = OpenApiParameter("limit", int, description=f"At most {MOST}.")
CURSOR = OpenApiParameter("cursor", str, description="From `next`; good for the same filters.")
EXCLUDE = OpenApiParameter("exclude", str, enum=["lead"], description="Leave out snapshots.")
FIELDS = OpenApiParameter(
    "fields",
    str,
    description="Only these, parted by commas: `id,type,recipient.name,lead.email`.",
)
SHOWING = [EXCLUDE, FIELDS]
FILTERS = [
    OpenApiParameter("lead_id", str),
    OpenApiParameter("type", str, many=True, description="Repeatable; `recipient.*` is a group."),
    OpenApiParameter("entity_id", str),
    OpenApiParameter("outcome", str, many=True),
    OpenApiParameter("start", OpenApiTypes.DATETIME, description="A day or a moment; UTC."),
    OpenApiParameter("end", OpenApiTypes.DATETIME, description="Excluded; a day is included."),
    LIMIT,
    CURSOR,
    *SHOWING,
]


@dataclass(frozen=True, slots=True)
class Showing:
    """How events are shown: which fields of them, with the lead or without."""

    selection: Selection
    with_lead: bool

    @classmethod
    def read(cls, asked: Parameters) -> Showing:
        with_lead = asked.read("exclude", _with_lead, True)
        selection = asked.read("fields", Selection.read, Selection())
        if not with_lead and selection.paths and selection.wants_lead:
            asked.problems.setdefault("exclude", "The fields ask for the lead.")
        return cls(selection, with_lead and selection.wants_lead)

    def of(self, events: Sequence[Event], sight: Sight) -> list[dict[str, Any]]:
        return self.selection.of_all(events_json(events, sight, with_lead=self.with_lead))


def _with_lead(text: str) -> bool:
    if text != "lead":
        raise ValueError("Only lead can be left out.")
    return False


class EventsView(ConditionalView):
    """Events of all leads and of operations, newest first."""

    permission_classes = [IsStaff]

    @extend_schema(summary="Events", parameters=FILTERS, responses=EVENT_PAGES, examples=EVENT_PAGE)
    def get(self, request: Request) -> Response:
        return self.page(request)

    def page(self, request: Request, **own: str) -> Response:
        sight = visibility.of(visibility.caller(request))
        asked = Parameters(request.query_params)
        count = asked.read("limit", limit, DEFAULT_LIMIT)
        showing = Showing.read(asked)
        after = asked.read("cursor", lambda text: paging.moment(request, text), None)
        events = _filtered(sight.events().filter(**own), asked)
        with bounded():
            found = list(_older(events, after).order_by("-timestamp", "-id")[: count + 1])
            return _page(request, found, count, showing, sight, lambda e: (e.timestamp, e.id))


class FlowEventsView(EventsView):
    """Events of one flow, newest first."""

    @extend_schema(
        summary="A flow's events", parameters=FILTERS, responses=EVENT_PAGES, examples=EVENT_PAGE
    )
    def get(self, request: Request, flow: str) -> Response:  # type: ignore[override]
        found = directory.party("flows.Flow", flow)
        if found is None:
            raise exceptions.NotFound(f"There is no flow {flow!r}.")
        return self.page(request, flow_id=found.id)


class LeadEventsView(ConditionalView):
    """The timeline of one lead, in order."""

    permission_classes = [IsStaffOrSource]

    @extend_schema(
        summary="A lead's timeline",
        parameters=FILTERS[1:],
        responses=EVENT_PAGES,
        examples=EVENT_PAGE,
    )
    def get(self, request: Request, lead_id: str) -> Response:
        sight = visibility.of(visibility.caller(request))
        asked = Parameters(request.query_params)
        count = asked.read("limit", limit, MOST)
        showing = Showing.read(asked)
        after = asked.read("cursor", lambda text: paging.number(request, text), 0)
        events = _filtered(timeline(lead_id, sight).filter(seq__gt=after), asked)
        recording.called(visibility.caller(request), lead_id)
        with bounded():
            found = list(events[: count + 1])
            return _page(request, found, count, showing, sight, lambda event: (event.seq,))


class EventView(ConditionalView):
    """One event."""

    permission_classes = [IsStaffOrSource]

    @extend_schema(summary="An event", parameters=SHOWING, responses=EVENT, examples=EVENTS_SHOWN)
    def get(self, request: Request, id: str) -> Response:
        sight = visibility.of(visibility.caller(request))
        asked = Parameters(request.query_params)
        showing = Showing.read(asked)
        asked.check()
        event = sight.events().filter(id=id.replace("\0", "")).first()
        # A source may know of events of its own leads, and of no others.
        if event is None or (sight.source and not sight.leads().filter(id=event.lead_id).exists()):
            raise exceptions.NotFound(f"There is no event {id!r}.")
        recording.called(visibility.caller(request), event.lead_id)
        return Response(showing.of([event], sight)[0])


def timeline(lead_id: str, sight: Sight) -> QuerySet[Event]:
    """A lead's events in order; raises NotFound for leads out of sight."""
    if not sight.leads().filter(id=lead_id).exists():
        raise exceptions.NotFound(f"There is no lead {lead_id!r}.")
    return sight.events().filter(lead_id=lead_id).order_by("seq")


def _page(
    request: Request,
    found: list[Event],
    count: int,
    showing: Showing,
    sight: Sight,
    position: Callable[[Event], tuple[Any, ...]],
) -> Response:
    """The first `count` of what was found, and where the rest is."""
    shown, more = found[:count], found[count:]
    cursor = paging.sealed(request, *position(shown[-1])) if more else ""
    return Response(
        {
            "results": showing.of(shown, sight),
            "next": next_url(request, cursor) if cursor else None,
        }
    )


def _filtered(events: QuerySet[Event], asked: Parameters) -> QuerySet[Event]:
    """The events that are asked for; raises WrongShape for all parameters that are wrong."""
    try:
        found = filtered(events, asked.query)
    except WrongShape as error:
        asked.problems.update(error.fields or {})
    asked.check()
    return found


def _older(events: QuerySet[Event], after: tuple[datetime, str] | None) -> QuerySet[Event]:
    if after is None:
        return events
    at, event_id = after
    # The first condition alone lets PostgreSQL begin at the right place of its index.
    return events.filter(timestamp__lte=at).exclude(Q(timestamp=at) & Q(id__gte=event_id))
