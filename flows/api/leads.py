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
from flows.api import waiting
from flows.intake import Answer, Submission, receive
from flows.plans import FlowPlan, Plans, SourcePlan
from leadops.lib.access import IsSource, caller
from leadops.lib.api import MAX_FIELDS, Conflict, FormParser, JsonParser, WrongShape

MAX_NAME = 100  # characters of a field's name
MAX_DEPTH = 10
MAX_KEY = 255  # characters of an Idempotency-Key
TRUE = frozenset({"1", "true", "yes", "on"})


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
        source, plan = self._parties(request, flow, current)
        submission = read(request)
        answer = receive(plan, source, submission, at=caller(request).at)
        told = body(answer, request)
        headers = {"Idempotent-Replayed": "true"} if answer.repeated else {}
        seconds = waiting.wanted(request.headers.get("Prefer", ""))
        if seconds is not None:
            told["result"] = waiting.result(answer.lead_id, seconds)
            headers["Preference-Applied"] = "wait"
        return Response(told, status=201, headers=headers)

    @staticmethod
    def _parties(request: Request, flow: str, current: Plans) -> tuple[SourcePlan, FlowPlan]:
        """The source and flow, if they deal with each other at the moment."""
        plan = current.flow(flow)
        source = current.sources.get(caller(request).id)
        if plan is None:
            raise exceptions.NotFound(f"There is no flow {flow!r}.")
        if source is None or not source.active:
            raise exceptions.PermissionDenied("This source is switched off.")
        if source.id not in plan.terms:
            raise exceptions.PermissionDenied(f"This source may not send to {plan.slug}.")
        if not plan.active:
            raise Conflict(f"The flow {plan.slug} is paused; it takes no leads.")
        return source, plan


def read(request: Request) -> Submission:
    """The lead a request carries; raises WrongShape."""
    data = request.data
    if not data and request.stream is None:
        raise exceptions.ParseError("The body is empty.")
    if not isinstance(data, dict):
        raise WrongShape("A lead is an object of fields.")
    check(data)
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY:
        raise WrongShape(f"Idempotency-Key: at most {MAX_KEY} characters.")
    values = dict(data)
    test = values.pop("test", False)
    test = test is True or str(test).lower() in TRUE
    test = test or request.headers.get("X-LeadOps-Test", "").lower() in TRUE
    return Submission(values=values, test=test, key=key.replace("\0", ""))


def check(data: dict[str, Any]) -> None:
    """Bounds on what a lead may look like."""
    if len(data) > MAX_FIELDS:
        raise WrongShape(f"A lead has at most {MAX_FIELDS} fields.")
    problems = {}
    for name, value in data.items():
        if not name or len(name) > MAX_NAME or not name.isprintable():
            problems[name[:MAX_NAME] or "(blank)"] = "Not a name for a field."
        elif deeper(value, MAX_DEPTH):
            problems[name] = f"Nested deeper than {MAX_DEPTH} levels."
    if problems:
        raise WrongShape("Some fields cannot be taken.", problems)


def deeper(value: Any, levels: int) -> bool:
    """Is the value nested deeper than so many levels?"""
    if not isinstance(value, dict | list):
        return False
    if levels <= 0:
        return True
    items = value.values() if isinstance(value, dict) else value
    return any(deeper(item, levels - 1) for item in items)


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
