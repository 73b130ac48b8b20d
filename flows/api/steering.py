"""Staff pause and resume recipients, and send deliveries again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.models import Delivery
from flows.byhand import by_hand, retrying, steering
from leadops.lib.access import Operates
from leadops.lib.api import Conflict, FormParser, JsonParser, WrongShape
from recipients.models import Recipient

TRUE = (True, "true", "1", "yes")
FALSE = (False, "false", "0", "no", "")
CONDITION = inline_serializer(
    "RecipientCondition",
    {
        "recipient": serializers.CharField(),
        "paused": serializers.BooleanField(),
        "reason": serializers.CharField(),
    },
)


class SteeringView(APIView):
    """What only ops and administrators may do."""

    parser_classes = [JsonParser, FormParser]
    permission_classes = [Operates]

    @staticmethod
    def body(request: Request) -> dict[str, Any]:
        if not isinstance(request.data, dict):
            raise WrongShape("Send an object.")
        return dict(request.data)

    @staticmethod
    def by(request: Request) -> str:
        principal: Any = request.user
        return str(principal.user.get_username())


def recipient_of(slug: str) -> Recipient:
    """By slug or id; raises NotFound."""
    found = Recipient.objects.filter(slug=slug).first() or Recipient.objects.filter(pk=slug).first()
    if found is None:
        raise exceptions.NotFound(f"There is no recipient {slug!r}.")
    return found


def condition(slug: str) -> Response:
    recipient = recipient_of(slug)
    return Response(
        {
            "recipient": recipient.slug,
            "paused": recipient.paused_at is not None,
            "reason": recipient.paused_reason,
        }
    )


class PauseView(SteeringView):
    """`POST /api/v1/recipients/{slug}/pause`"""

    @extend_schema(
        summary="Pause a recipient",
        request=inline_serializer("Pause", {"reason": serializers.CharField(required=False)}),
        responses={200: CONDITION},
    )
    def post(self, request: Request, slug: str) -> Response:
        reason = self.body(request).get("reason", "")
        if not isinstance(reason, str):
            raise WrongShape("The reason is a text.", {"reason": "Not a text."})
        steering.pause_recipient(recipient_of(slug), by=self.by(request), reason=reason)
        return condition(slug)


class ResumeView(SteeringView):
    """`POST /api/v1/recipients/{slug}/resume`"""

    @extend_schema(summary="Resume a recipient", request=None, responses={200: CONDITION})
    def post(self, request: Request, slug: str) -> Response:
        recipient, by = recipient_of(slug), self.by(request)
        steering.resume_recipient(recipient, by=by)
        for endpoint in recipient.endpoints.filter(paused_at__isnull=False):
            steering.resume_endpoint(endpoint, by=by)
        return condition(slug)


class RetryView(SteeringView):
    """`POST /api/v1/deliveries/{id}/retry`"""

    @extend_schema(
        summary="Send a delivery again",
        request=inline_serializer("Retry", {"force": serializers.BooleanField(required=False)}),
        responses={
            202: inline_serializer(
                "RetryAnswer",
                {"delivery": serializers.CharField(), "state": serializers.CharField()},
            )
        },
    )
    def post(self, request: Request, id: str) -> Response:
        force = self.body(request).get("force", False)
        if force not in TRUE + FALSE:
            raise WrongShape("It is forced or it is not.", {"force": "Write true or false."})
        try:
            retrying.retry_delivery(id, by=self.by(request), force=force in TRUE)
        except Delivery.DoesNotExist as error:
            raise exceptions.NotFound(f"There is no delivery {id!r}.") from error
        except by_hand.NotNow as error:
            raise Conflict(str(error)) from error
        return Response({"delivery": id, "state": "waiting"}, status=202)
