"""Breakers of a recipient's endpoints: how they stand, and staff opening and closing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import visibility
from flows.api.steering import SteeringView, recipient_of
from flows.byhand import steering
from leadops.lib import durations
from leadops.lib.access import IsStaff
from leadops.lib.api import Conflict, WrongShape
from recipients import policies
from recipients.breaker import Breaker, State
from recipients.models import Endpoint, Recipient

KINDS = list(Endpoint.Kind.values)
REASON: dict[str, Any] = {"reason": serializers.CharField(max_length=steering.REASON_LENGTH)}
STANDING: dict[str, Any] = {
    "endpoint": serializers.CharField(),
    "kind": serializers.ChoiceField(KINDS),
    "state": serializers.ChoiceField([state.value for state in State]),
    "reason": serializers.CharField(),
    "since": serializers.DateTimeField(allow_null=True),
    "probe_at": serializers.DateTimeField(
        allow_null=True, help_text="Open: when one delivery probes it; null: not by itself."
    ),
    "failed": serializers.IntegerField(help_text="Of the counted attempts."),
    "counted": serializers.IntegerField(),
}
BREAKERS = inline_serializer(
    "Breakers",
    {
        "recipient": serializers.CharField(),
        "enabled": serializers.BooleanField(help_text="Whether failures open them."),
        "breakers": inline_serializer("Breaker", STANDING, many=True),
    },
)


class BreakersView(APIView):
    """`GET /api/v1/recipients/{slug}/breakers`, for staff who see the recipient"""

    permission_classes = [IsStaff]

    @extend_schema(summary="A recipient's breakers", responses={200: BREAKERS})
    def get(self, request: Request, slug: str) -> Response:
        recipient = recipient_of(slug)
        if not visibility.of(visibility.caller(request)).sees_recipient(recipient.pk):
            raise exceptions.NotFound(f"There is no recipient {slug!r}.")
        return Response(standing_of(recipient))


class OpenBreakerView(SteeringView):
    """`POST /api/v1/recipients/{slug}/breakers/{endpoint}/open`"""

    @extend_schema(
        summary="Open an endpoint's breaker",
        request=inline_serializer(
            "OpenBreaker",
            {
                **REASON,
                "wait": serializers.CharField(
                    required=False, help_text="E.g. 5m; without: until somebody closes it."
                ),
            },
        ),
        responses={200: BREAKERS},
    )
    def post(self, request: Request, slug: str, endpoint: str) -> Response:
        body, recipient = self.body(request), recipient_of(slug)
        found = _endpoint_of(recipient, endpoint)
        reason, wait = _reason(body), _wait(body)
        steering.open_breaker(found, by=self.by(request), reason=reason, wait=wait)
        return Response(standing_of(recipient))


class CloseBreakerView(SteeringView):
    """`POST /api/v1/recipients/{slug}/breakers/{endpoint}/close`"""

    @extend_schema(
        summary="Close an endpoint's breaker",
        request=inline_serializer("CloseBreaker", REASON),
        responses={200: BREAKERS},
    )
    def post(self, request: Request, slug: str, endpoint: str) -> Response:
        body, recipient = self.body(request), recipient_of(slug)
        found = _endpoint_of(recipient, endpoint)
        steering.close_breaker(found, by=self.by(request), reason=_reason(body))
        return Response(standing_of(recipient))


def standing_of(recipient: Recipient) -> dict[str, Any]:
    """How the breakers of all endpoints stand, production first."""
    found = list(recipient.endpoints.select_related("breaker"))
    found.sort(key=lambda each: (KINDS.index(each.kind), each.position))
    return {
        "recipient": recipient.slug,
        "enabled": policies.breaker_policy(recipient).enabled,
        "breakers": [_standing(each) for each in found],
    }


def _standing(endpoint: Endpoint) -> dict[str, Any]:
    row = getattr(endpoint, "breaker", None)
    value = row.value() if row is not None else Breaker()
    is_open = value.state is State.OPEN
    return {
        "endpoint": endpoint.pk,
        "kind": endpoint.kind,
        "state": value.state.value,
        "reason": value.reason if value.state is not State.CLOSED else "",
        "since": _moment(value.since),
        "probe_at": _moment(value.until) if is_open else None,
        "failed": value.failed,
        "counted": len(value.window),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _endpoint_of(recipient: Recipient, named: str) -> Endpoint:
    """By id, or by kind where there is one of it; raises NotFound, Conflict."""
    every = list(recipient.endpoints.all())
    found = [each for each in every if each.pk == named]
    found = found or [each for each in every if each.kind == named]
    if not found:
        raise exceptions.NotFound(f"{recipient.name} has no endpoint {named!r}.")
    if len(found) > 1:
        raise Conflict(f"There are {len(found)} {named} endpoints: give the id of one.")
    return found[0]


def _reason(body: dict[str, Any]) -> str:
    reason = body.get("reason", "")
    if not isinstance(reason, str) or not reason.strip():
        raise WrongShape("Say why: the reason stands in the record.", {"reason": "Write a text."})
    if len(reason) > steering.REASON_LENGTH:
        limit = f"{steering.REASON_LENGTH} characters at most."
        raise WrongShape("The reason is too long.", {"reason": limit})
    return reason


def _wait(body: dict[str, Any]) -> float | None:
    """Seconds; None: until somebody closes it."""
    given = body.get("wait")
    if given in (None, ""):
        return None
    try:
        seconds = durations.parse(given)
    except ValueError as error:
        raise WrongShape("The wait is no duration.", {"wait": str(error)}) from error
    if not seconds:
        raise WrongShape("The wait is no duration.", {"wait": "Longer than nothing."})
    return seconds
