"""Sources ask here what a lead would bring."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flows import plans
from flows.api import entry, leads
from flows.arrival import pings
from flows.arrival.pings import Offer
from leadops.lib.access import IsSource, caller
from leadops.lib.api import FormParser, JsonParser


class PingsView(APIView):
    """`POST /api/v1/flows/{flow}/pings`: an offer for a lead that is not sent yet."""

    parser_classes = [JsonParser, FormParser]
    permission_classes = [IsSource]

    @extend_schema(
        summary="Ask what a lead would bring",
        description="Send what buyers need for a bid, and nothing that names the person. The offer "
        "is honoured for a lead posted with its `ping_id` until `expires_at`, once.",
        request={
            "application/json": {"type": "object", "additionalProperties": True},
            "application/x-www-form-urlencoded": {"type": "object", "additionalProperties": True},
        },
        responses={
            201: inline_serializer(
                "PingAnswer",
                {
                    "outcome": serializers.ChoiceField(["accepted", "rejected"]),
                    "reason": serializers.CharField(),
                    "ping": inline_serializer(
                        "Ping",
                        {
                            "id": serializers.CharField(allow_null=True),
                            "expires_at": serializers.DateTimeField(allow_null=True),
                        },
                    ),
                    "price": serializers.FloatField(),
                },
            )
        },
        examples=[
            OpenApiExample("A ping", value={"state": "TX", "score": 81}, request_only=True),
            OpenApiExample(
                "An offer",
                value={
                    "outcome": "accepted",
                    "reason": "",
                    "ping": {
                        "id": "ping_0VbZ64NU0cYmMmJIl9Qr",
                        "expires_at": "2026-01-31T10:00:00.000Z",
                    },
                    "price": 40.5,
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request, flow: str) -> Response:
        current = plans.current(caller(request).revision)
        source, plan = entry.parties(current, flow, caller(request).id)
        entry.check_address(request, source, plan)
        offer = pings.answer(plan, source, leads.read(request), at=caller(request).at)
        return Response(body(offer), status=201)


def body(offer: Offer) -> dict[str, Any]:
    return {
        "outcome": "accepted" if offer.id else "rejected",
        "reason": offer.reason,
        "ping": {"id": offer.id or None, "expires_at": _moment(offer.expires_at)},
        "price": float(offer.price),
    }


def _moment(at: datetime | None) -> str | None:
    """In UTC, with milliseconds, as everywhere in the API."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
