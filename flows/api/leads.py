"""Sources post leads here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from flows import plans
from flows.api import entry, waiting
from flows.arrival.intake import receive
from flows.arrival.preparing import Submission
from flows.arrival.storing import Answer
from leadops.lib.access import IsSource, caller
from leadops.lib.api import FormParser, JsonParser


class LeadsView(APIView):
    """`POST /api/v1/flows/{flow}/leads`: one lead, answered when it is stored."""

    parser_classes = [JsonParser, FormParser]
    permission_classes = [IsSource]

    @extend_schema(
        summary="Post a lead",
        request={
            "application/json": {"type": "object", "additionalProperties": True},
            "application/x-www-form-urlencoded": {"type": "object", "additionalProperties": True},
        },
        responses={
            201: inline_serializer(
                "LeadAnswer",
                {
                    "outcome": serializers.ChoiceField(["accepted", "rejected"]),
                    "reason": serializers.CharField(),
                    "reasons": serializers.ListField(child=serializers.CharField()),
                    "lead": inline_serializer(
                        "LeadLink",
                        {"id": serializers.CharField(), "url": serializers.URLField()},
                    ),
                    "price": serializers.FloatField(),
                    "result": serializers.CharField(
                        required=False, help_text="With Prefer: wait=N; null: not ended yet."
                    ),
                },
            )
        },
        examples=[
            OpenApiExample(
                "A lead",
                value={"email": "john@example.com", "phone_1": "5555551234", "state": "TX"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, flow: str) -> Response:
        current = plans.current(caller(request).revision)
        source, plan = entry.parties(current, flow, caller(request).id)
        entry.check_address(request, source, plan)
        submission = read(request)
        answer = receive(plan, source, submission, at=caller(request).at)
        told = body(answer, request)
        headers = {"Idempotent-Replayed": "true"} if answer.repeated else {}
        seconds = waiting.wanted(request.headers.get("Prefer", ""))
        if seconds is not None:
            sock = request.META.get("gunicorn.socket")
            told["result"] = waiting.result(answer.lead_id, seconds, gone=waiting.gone(sock))
            headers["Preference-Applied"] = "wait"
        return Response(told, status=201, headers=headers)


def read(request: Request) -> Submission:
    """The lead a request carries; raises WrongShape."""
    data = request.data
    if not data and request.stream is None:
        raise exceptions.ParseError("The body is empty.")
    return entry.submission_of(data, request.headers)


def body(answer: Answer, request: Request) -> dict[str, Any]:
    """The answer of the contract."""
    return {
        "outcome": answer.outcome,
        "reason": answer.reason,
        "reasons": list(answer.reasons),
        "lead": {
            "id": answer.lead_id,
            "url": reverse("lead", [answer.lead_id], request=request),
        },
        "price": float(answer.price),
    }
