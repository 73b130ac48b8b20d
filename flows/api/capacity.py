"""Caps, hours and limits of recipients as they stand now; caps of flows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import visibility
from flows.api.steering import recipient_of
from flows.delivery.standings import (
    CapStanding,
    Held,
    HoursStanding,
    LimitStanding,
    of_flow,
    standing_of,
)
from flows.models import Flow
from leadops.lib.access import Caller, IsStaff, IsStaffOrPartner
from leadops.lib.api import Conflict
from recipients.models import Recipient

CAP: dict[str, Any] = {
    "per": serializers.CharField(),
    "unit": serializers.ChoiceField(["count", "money"]),
    "limit": serializers.FloatField(),
    "used": serializers.FloatField(help_text="Accepted in this window."),
    "reserved": serializers.FloatField(help_text="Held by deliveries under way."),
    "resets_at": serializers.DateTimeField(),
    "full": serializers.ChoiceField(["skip", "hold"]),
    "has_rules": serializers.BooleanField(help_text="It counts only the leads of its rules."),
    "step": serializers.CharField(help_text="Blank: the recipient's own, for all flows."),
}
HOURS: dict[str, Any] = {
    "open": serializers.BooleanField(),
    "next": serializers.DateTimeField(allow_null=True, help_text="When it closes, or opens."),
    "closed": serializers.ChoiceField(["hold", "skip"]),
    "timezone_of": serializers.ChoiceField(["recipient", "lead"]),
}
LIMIT: dict[str, Any] = {
    "of": serializers.CharField(),
    "limit": serializers.IntegerField(),
    "used": serializers.IntegerField(),
    "waiting": serializers.IntegerField(),
}
HELD: dict[str, Any] = {
    "delivery": serializers.CharField(),
    "lead": serializers.CharField(),
    "reason": serializers.CharField(),
    "goes_at": serializers.DateTimeField(allow_null=True, help_text="null: when it is resumed"),
}
CAPACITY = inline_serializer(
    "Capacity",
    {
        "recipient": serializers.CharField(),
        "timezone": serializers.CharField(),
        "hours": inline_serializer("CapacityHours", HOURS, allow_null=True),
        "caps": inline_serializer("CapacityCap", CAP, many=True),
        "limits": inline_serializer("CapacityLimit", LIMIT, many=True),
        "held": inline_serializer("CapacityHeld", HELD, many=True),
        "held_count": serializers.IntegerField(help_text="Counted up to 1000."),
    },
)


OF_FLOW = {key: field for key, field in CAP.items() if key != "step"} | {
    "of": serializers.CharField(
        help_text="The source, or the step and its recipient. Blank: the flow, at its door."
    ),
}
FLOW_CAPACITY = inline_serializer(
    "FlowCapacity",
    {
        "flow": serializers.CharField(),
        "caps": inline_serializer("FlowCapacityCap", OF_FLOW, many=True),
    },
)


class CapacityView(APIView):
    """`GET /api/v1/recipients/{slug}/capacity`, for staff who see the recipient, and itself"""

    permission_classes = [IsStaffOrPartner]

    @extend_schema(summary="A recipient's caps, hours and limits now", responses={200: CAPACITY})
    def get(self, request: Request, slug: str) -> Response:
        recipient = recipient_of(slug)
        caller = visibility.caller(request)
        if not visibility.of(caller).sees_recipient(recipient.pk):
            raise exceptions.NotFound(f"There is no recipient {slug!r}.")
        try:
            return Response(capacity_of(recipient, ours=caller.kind is Caller.STAFF))
        except ValueError as error:
            raise Conflict(f"Configuration error: {error}") from error


class FlowCapacityView(APIView):
    """`GET /api/v1/flows/{flow}/capacity`, for staff who see all recipients"""

    permission_classes = [IsStaff]

    @extend_schema(summary="A flow's caps now", responses={200: FLOW_CAPACITY})
    def get(self, request: Request, flow: str) -> Response:
        found = Flow.objects.filter(Q(slug=flow) | Q(pk=flow)).first()
        if found is None or not visibility.of(visibility.caller(request)).sees_all:
            raise exceptions.NotFound(f"There is no flow {flow!r}.")
        try:
            caps = of_flow(found)
        except ValueError as error:
            raise Conflict(f"Configuration error: {error}") from error
        return Response({"flow": found.slug, "caps": [_cap_of_flow(each) for each in caps]})


def _cap_of_flow(each: CapStanding) -> dict[str, Any]:
    return {("of" if key == "step" else key): value for key, value in _cap(each).items()}


def capacity_of(recipient: Recipient, *, ours: bool) -> dict[str, Any]:
    """`ours`: for staff; a partner is not told where else its caps stand, nor single leads."""
    found = standing_of(recipient)
    return {
        "recipient": recipient.slug,
        "timezone": recipient.timezone,
        "hours": _hours(found.hours),
        "caps": [_cap(each) for each in found.caps if ours or not each.where],
        "limits": [_limit(each) for each in found.limits],
        "held": [_held(each) for each in found.held] if ours else [],
        "held_count": found.held_count,
    }


def _cap(each: CapStanding) -> dict[str, Any]:
    return {
        "per": each.cap.per.value,
        "unit": "money" if each.cap.is_money else "count",
        "limit": float(each.cap.most),
        "used": float(each.used),
        "reserved": float(each.reserved),
        "resets_at": _moment(each.resets_at),
        "full": each.cap.full.value,
        "has_rules": each.cap.when is not None,
        "step": each.where,
    }


def _limit(each: LimitStanding) -> dict[str, Any]:
    return {"of": each.name, "limit": each.most, "used": each.used, "waiting": each.waiting}


def _hours(found: HoursStanding | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "open": found.is_open,
        "next": _moment(found.next),
        "closed": found.hours.closed.value,
        "timezone_of": found.hours.whose.value,
    }


def _held(each: Held) -> dict[str, Any]:
    return {
        "delivery": each.delivery_id,
        "lead": each.lead_id,
        "reason": each.reason,
        "goes_at": _moment(each.goes_at),
    }


def _moment(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
