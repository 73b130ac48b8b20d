"""Staff make test calls."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.steering import TRUE, SteeringView, recipient_of
from flows.trying import testcalls
from leadops.lib.api import Conflict, WrongShape
from recipients.models import Endpoint, Recipient


class TestView(SteeringView):
    """`POST /api/v1/recipients/{slug}/test`"""

    @extend_schema(
        summary="Make a test call",
        description="Sends a made-up lead, marked as a test, to an endpoint; the sandbox where "
        "none is named. Others want `confirm`, for a buyer may take it for a real lead. A good "
        "call of a paused endpoint resumes it.",
        request=inline_serializer(
            "TestCall",
            {
                "endpoint": serializers.CharField(required=False),
                "confirm": serializers.BooleanField(required=False),
                "lead": serializers.DictField(required=False),
            },
        ),
        responses={
            200: inline_serializer(
                "TestCallAnswer",
                {
                    "recipient": serializers.CharField(),
                    "endpoint": serializers.CharField(),
                    "outcome": serializers.CharField(),
                    "reason": serializers.CharField(),
                    "good": serializers.BooleanField(),
                    "resumed": serializers.BooleanField(),
                    "duration_ms": serializers.IntegerField(),
                    "request": serializers.DictField(allow_null=True),
                    "reply": serializers.DictField(allow_null=True),
                },
            )
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        recipient, body = recipient_of(slug), self.body(request)
        endpoint = _endpoint(recipient, body.get("endpoint", "sandbox"))
        if endpoint.kind != "sandbox" and body.get("confirm") not in TRUE:
            raise Conflict(
                f"The {endpoint.kind} endpoint is no sandbox; confirm sends all the same."
            )
        values = body.get("lead")
        if values is not None and not isinstance(values, dict):
            raise WrongShape("The lead is an object.", {"lead": "Not an object."})
        try:
            called = testcalls.call(recipient, endpoint, by=self.by(request), values=values)
        except testcalls.NotPossible as error:
            raise Conflict(str(error)) from error
        return Response(_told(recipient, called))


def _endpoint(recipient: Recipient, word: Any) -> Endpoint:
    """By kind or id; raises NotFound."""
    rows = recipient.endpoints.order_by("position")
    found = rows.filter(kind=str(word)).first() or rows.filter(pk=str(word)).first()
    if found is None:
        raise exceptions.NotFound(f"{recipient.slug} has no endpoint {word!r}.")
    return found


def _told(recipient: Recipient, called: testcalls.Called) -> dict[str, Any]:
    attempt = called.attempt
    sent, reply = attempt.request, attempt.reply
    return {
        "recipient": recipient.slug,
        "endpoint": str(called.endpoint.kind),
        "outcome": str(attempt.result.outcome),
        "reason": attempt.result.reason,
        "good": called.good,
        "resumed": called.resumed,
        "duration_ms": round(attempt.seconds * 1000),
        "request": sent
        and {
            "method": sent.method,
            "url": sent.url,
            "headers": dict(sent.headers),
            "body": sent.body,
        },
        "reply": reply
        and {"status": reply.status, "headers": dict(reply.headers), "body": reply.body},
    }
