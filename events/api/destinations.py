"""Whether a destination takes files: a test over the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.destinations.delivering import Undelivered
from events.destinations.trying import send_test
from events.models import Destination
from leadops.lib.access import Operates, caller

SHAPE: dict[str, Any] = {
    "destination": serializers.CharField(),
    "delivered": serializers.BooleanField(),
    "where": serializers.CharField(help_text="Of what was delivered."),
    "answer": serializers.CharField(help_text="The other side's last word."),
    "error": serializers.CharField(help_text="Why it was not delivered."),
    "may_have_arrived": serializers.BooleanField(),
}


class DestinationTestView(APIView):
    """`POST /api/v1/destinations/{slug}/test`"""

    permission_classes = [Operates]

    @extend_schema(
        summary="Send a test file to a destination",
        description="A few words as `leadops-test.txt`, within 20 seconds.",
        request=None,
        responses={200: inline_serializer("DestinationTest", SHAPE)},
    )
    def post(self, request: Request, slug: str) -> Response:
        found = Destination.objects.filter(slug=slug).first()
        if found is None:
            raise exceptions.NotFound(f"There is no destination {slug!r}.")
        told = {"destination": slug, "where": "", "answer": "", "error": ""}
        try:
            sent = send_test(found, by=caller(request).user.get_username())
        except Undelivered as error:
            said = {"error": str(error), "may_have_arrived": error.may_have_arrived}
            return Response({**told, "delivered": False, **said})
        done = {"where": sent.where, "answer": sent.answer, "may_have_arrived": True}
        return Response({**told, "delivered": True, **done})
