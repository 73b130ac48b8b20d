"""Masked values of one lead, for those whose role may reveal them; recorded with the reason."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import visibility
from events.viewing import revealing
from events.viewing.recording import Where
from events.viewing.revealing import (
    REASON_LENGTH,
    Class,
    NoReason,
    NothingLeft,
    NotYours,
    TooOften,
)
from leadops.lib.access import IsStaff
from leadops.lib.api import Conflict, FormParser, JsonParser, WrongShape

WORDS = [each.value for each in Class]
ASKED = inline_serializer(
    "Reveal",
    {
        "reason": serializers.CharField(max_length=REASON_LENGTH, help_text="Why; recorded."),
        "classes": serializers.ListField(
            child=serializers.ChoiceField(WORDS),
            required=False,
            help_text="Without: personal.",
        ),
    },
)
ANSWER = inline_serializer(
    "Revealed",
    {
        "lead_id": serializers.CharField(),
        "event_id": serializers.CharField(help_text="The lead.viewed that says so."),
        "classes": serializers.ListField(child=serializers.ChoiceField(WORDS)),
        "values": serializers.DictField(
            allow_null=True, help_text="The lead as it is now; null where not asked for."
        ),
        "sensitive": serializers.DictField(
            allow_null=True, help_text="What no snapshot holds; null where not asked for."
        ),
    },
)


class RevealView(APIView):
    """`POST /api/v1/leads/{id}/reveal`"""

    permission_classes = [IsStaff]
    parser_classes = [JsonParser, FormParser]

    @extend_schema(
        summary="Reveal masked values of a lead",
        description="For roles that the settings of the record name, with a reason. Each call is "
        "recorded as lead.viewed: who, why, which fields, no values. Limited to so many an hour.",
        request=ASKED,
        responses=ANSWER,
        examples=[
            OpenApiExample(
                "Personal values",
                value={"reason": "The buyer asks about a wrong number, ticket 4711"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, lead_id: str) -> Response:
        user: Any = visibility.caller(request).user
        lead = visibility.of_user(user).leads().filter(id=lead_id).first()
        if lead is None:
            raise exceptions.NotFound(f"There is no lead {lead_id!r}.")
        reason, classes = _asked(request.data)
        try:
            made = revealing.reveal(user, lead, classes=classes, reason=reason, where=Where.API)
        except NotYours as error:
            raise exceptions.PermissionDenied(str(error)) from error
        except NoReason as error:
            raise WrongShape(str(error), {"reason": "Say why."}) from error
        except NothingLeft as error:
            raise Conflict(str(error)) from error
        except TooOften as error:
            raise exceptions.Throttled(error.seconds, str(error)) from error
        return Response(
            {
                "lead_id": lead.id,
                "event_id": made.event,
                "classes": sorted(made.classes),
                "values": made.values if Class.PERSONAL in made.classes else None,
                "sensitive": made.sensitive if Class.SENSITIVE in made.classes else None,
            }
        )


def _asked(body: Any) -> tuple[str, set[Class]]:
    """The reason and the classes; raises WrongShape."""
    if not hasattr(body, "get"):
        raise WrongShape("Send an object.", {})
    reason = body.get("reason", "")
    if not isinstance(reason, str) or len(reason) > REASON_LENGTH:
        raise WrongShape(
            "The reason is a text.", {"reason": f"A text of {REASON_LENGTH} characters at most."}
        )
    given = body.getlist("classes") if hasattr(body, "getlist") else body.get("classes")
    words = given if given else [Class.PERSONAL.value]
    if not isinstance(words, list) or any(word not in WORDS for word in words):
        raise WrongShape("No such class.", {"classes": f"Of {', '.join(WORDS)}."})
    return reason, {Class(word) for word in words}
