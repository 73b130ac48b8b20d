"""Staff look values up in suppression lists, put them on and take them off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flows.suppression import entries
from flows.suppression.values import Unusable
from leadops.lib.access import IsStaff, Operates, caller
from leadops.lib.api import FormParser, JsonParser, WrongShape
from recipients.models import SuppressionList
from recipients.suppression import plan_of

LONGEST = 500  # characters of a value

VALUES = inline_serializer(
    "SuppressionValues",
    {
        "values": serializers.ListField(
            child=serializers.CharField(),
            help_text=f"At most {entries.AT_ONCE:,}; plain values, or hashes for a list of hashes",
        )
    },
)
LIST = inline_serializer(
    "SuppressionList",
    {
        "slug": serializers.CharField(),
        "name": serializers.CharField(),
        "fields": serializers.ListField(child=serializers.CharField()),
        "type": serializers.CharField(),
        "hashed": serializers.ChoiceField(["none", "md5", "sha256"]),
        "entries": serializers.IntegerField(),
    },
)
LISTS = inline_serializer(
    "SuppressionLists",
    {
        "results": serializers.ListField(child=LIST),
        "next": serializers.URLField(allow_null=True),
    },
)


class SuppressionView(APIView):
    """What all of these calls share."""

    parser_classes = [JsonParser, FormParser]
    permission_classes = [IsStaff]

    def row(self, request: Request, slug: str) -> SuppressionList:
        """The list; account managers, who look after recipients of theirs, see none."""
        _permit(request)
        found = SuppressionList.objects.filter(slug=slug).first()
        if found is None:
            raise exceptions.NotFound(f"There is no suppression list {slug!r}.")
        return found


def _permit(request: Request) -> None:
    if not caller(request).user.has_perm("recipients.view_suppressionlist"):
        raise exceptions.PermissionDenied("Your role sees no suppression lists.")


class SuppressionListsView(SuppressionView):
    """`GET /api/v1/suppression-lists`"""

    @extend_schema(
        summary="All suppression lists, with the number of their entries",
        responses={200: LISTS},
    )
    def get(self, request: Request) -> Response:
        _permit(request)
        found = [_shown(row) for row in SuppressionList.objects.order_by("slug")]
        return Response({"results": found, "next": None})


class SuppressionEntriesView(SuppressionView):
    """`POST`, `DELETE /api/v1/suppression-lists/{slug}/entries`"""

    permission_classes = [Operates]

    @extend_schema(
        summary="Put values on a list; all of them or none",
        request=VALUES,
        responses={
            200: inline_serializer(
                "SuppressionAdded",
                {
                    "added": serializers.IntegerField(help_text="That were not there"),
                    "entries": serializers.IntegerField(),
                },
            )
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        row, texts = self.row(request, slug), values_of(request)
        try:
            added = entries.add(row, texts, by=_by(request))
        except Unusable as error:
            raise WrongShape("Nothing was added.", {"values": f"{error}."}) from error
        return Response({"added": added, "entries": _number(row)})

    @extend_schema(
        summary="Take values off a list",
        request=VALUES,
        responses={
            200: inline_serializer(
                "SuppressionRemoved",
                {"removed": serializers.IntegerField(), "entries": serializers.IntegerField()},
            )
        },
    )
    def delete(self, request: Request, slug: str) -> Response:
        row, texts = self.row(request, slug), values_of(request)
        try:
            removed = entries.remove(row, texts, by=_by(request))
        except Unusable as error:
            raise WrongShape("Nothing was removed.", {"values": f"{error}."}) from error
        return Response({"removed": removed, "entries": _number(row)})


class SuppressionCheckView(SuppressionView):
    """`POST /api/v1/suppression-lists/{slug}/check`: by POST, for values are not for logs."""

    @extend_schema(
        summary="Are values on a list?",
        request=VALUES,
        responses={
            200: inline_serializer(
                "SuppressionChecked",
                {
                    "results": serializers.ListField(
                        child=serializers.BooleanField(allow_null=True),
                        help_text="In the order of the values; null: it can be no value of it",
                    )
                },
            )
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        row = self.row(request, slug)
        return Response({"results": entries.check(plan_of(row), values_of(request))})


def values_of(request: Request) -> Sequence[str]:
    """`values`: texts or whole numbers; raises WrongShape."""
    data = request.data
    found: Any = data.get("values") if isinstance(data, dict) else None
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list) or not found:
        raise WrongShape('Send {"values": […]}.', {"values": "A list of values."})
    if len(found) > entries.AT_ONCE:
        raise WrongShape("Too many.", {"values": f"At most {entries.AT_ONCE:,} at once."})
    for place, value in enumerate(found):
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise WrongShape("Not all are values.", {f"values.{place}": "Not a text."})
        if len(str(value)) > LONGEST:
            raise WrongShape("Not all are values.", {f"values.{place}": "Too long."})
    return [str(value) for value in found]


def _by(request: Request) -> str:
    return str(caller(request).user.get_username())


def _number(row: SuppressionList) -> int:
    row.refresh_from_db(fields=["entries"])
    return row.entries


def _shown(row: SuppressionList) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "name": row.name,
        "fields": row.fields,
        "type": row.value_type,
        "hashed": row.hashed,
        "entries": row.entries,
    }
