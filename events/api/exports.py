"""Exports over the API: ask for one, watch it, take its file."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import Q
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import exceptions, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from events import cursors, visibility
from events.exports import serving, steering, wanted
from events.models import Export
from events.models.export import Format, What
from events.parameters import DEFAULT_LIMIT, Parameters, limit, next_url, stamp
from leadops.lib.access import IsStaff, caller
from leadops.lib.api import Conflict, JsonParser, WrongShape

EXPORT = inline_serializer(
    "Export",
    {
        "id": serializers.CharField(),
        "what": serializers.ChoiceField(What.choices),
        "format": serializers.ChoiceField(Format.choices),
        "filters": serializers.DictField(),
        "fields": serializers.ListField(child=serializers.CharField(), help_text="As asked for."),
        "columns": serializers.ListField(
            child=serializers.CharField(), help_text="Of the file; none: whole objects."
        ),
        "with_lead": serializers.BooleanField(),
        "masked": serializers.BooleanField(help_text="Personal values read •••."),
        "reason": serializers.CharField(allow_null=True),
        "created_by": serializers.CharField(),
        "schedule": serializers.CharField(allow_null=True),
        "state": serializers.ChoiceField(Export.State.choices),
        "progress": serializers.FloatField(help_text="From 0 to 1, by the time covered."),
        "rows": serializers.IntegerField(),
        "bytes": serializers.IntegerField(),
        "sha256": serializers.CharField(allow_null=True),
        "error": serializers.CharField(allow_null=True),
        "created_at": serializers.DateTimeField(),
        "started_at": serializers.DateTimeField(allow_null=True),
        "finished_at": serializers.DateTimeField(allow_null=True),
        "expires_at": serializers.DateTimeField(allow_null=True),
        "download": serializers.URLField(
            allow_null=True, help_text="Where the file is, once there is one."
        ),
    },
)
ASKED = inline_serializer(
    "ExportAsked",
    {
        "format": serializers.ChoiceField(Format.choices),
        "what": serializers.ChoiceField(What.choices, required=False, default="events"),
        "filters": serializers.DictField(
            required=False,
            help_text="Of events: lead_id, flow, type, entity_id, outcome, start, end. Of leads: "
            "lead_id, flow, source, recipient, status, result, tag, test, start, end. Of "
            "deliveries: lead_id, flow, recipient, state, outcome, category, start, end. Lists "
            "where the event list takes a filter several times.",
        ),
        "fields": serializers.ListField(
            child=serializers.CharField(),
            required=False,
            help_text="Columns in their order, such as id, type, recipient.name, lead.email.",
        ),
        "exclude": serializers.ChoiceField(["lead"], required=False),
        "reason": serializers.CharField(required=False, max_length=wanted.REASON_LENGTH),
    },
)
PAGE = inline_serializer(
    "ExportPage",
    {"results": serializers.ListField(child=EXPORT), "next": serializers.URLField(allow_null=True)},
)
SHOWN: dict[str, Any] = {
    "id": "exp_0Umk7xQ2bW4nR8tY1aZc",
    "what": "events",
    "format": "csv",
    "filters": {"type": ["recipient.*"], "start": "2026-11-01", "end": "2026-11-30"},
    "fields": ["id", "type", "timestamp", "recipient.name", "delivery.price"],
    "columns": ["id", "type", "timestamp", "recipient.name", "delivery.price"],
    "with_lead": True,
    "masked": False,
    "reason": "Billing of November",
    "created_by": "olga",
    "schedule": None,
    "state": "done",
    "progress": 1.0,
    "rows": 18250,
    "bytes": 2310444,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "error": None,
    "created_at": "2026-12-01T08:00:00.000Z",
    "started_at": "2026-12-01T08:00:00.210Z",
    "finished_at": "2026-12-01T08:00:02.001Z",
    "expires_at": "2026-12-08T08:00:02.001Z",
    "download": "https://leadops.example/api/v1/exports/exp_0Umk7xQ2bW4nR8tY1aZc/download",
}
A_QUESTION = {
    "format": "csv",
    "filters": {"type": ["recipient.*"], "start": "2026-11-01", "end": "2026-11-30"},
    "fields": ["id", "type", "timestamp", "recipient.name", "delivery.price"],
    "reason": "Billing of November",
}
QUEUED = {
    **SHOWN, "state": "queued", "progress": 0.0, "rows": 0, "bytes": 0, "sha256": None,
    "started_at": None, "finished_at": None, "expires_at": None, "download": None,
}  # fmt: skip


class Exports(IsStaff):
    """Staff who may take the record away."""

    message = "Your role exports nothing."

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and steering.may_export(caller(request).user)


class Gone(exceptions.APIException):
    status_code = status.HTTP_410_GONE
    default_code = "gone"


class Busy(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "busy"
    wait = int(serving.RETRY)


class ExportsView(APIView):
    """`POST` and `GET /api/v1/exports`"""

    parser_classes = [JsonParser]

    def get_permissions(self) -> list[Any]:
        return [Exports() if self.request.method == "POST" else IsStaff()]

    @extend_schema(
        summary="Have a file made of the record",
        description="It is made behind the scenes, of what the record holds now: ask "
        "`GET /exports/{id}` until its state is done, failed or cancelled. Account managers get "
        "the rows of their recipients, personal values masked. See docs/exports.md.",
        request=ASKED,
        responses={202: EXPORT},
        examples=[
            OpenApiExample("Deliveries of a month", value=A_QUESTION, request_only=True),
            OpenApiExample("Queued", value=QUEUED, response_only=True, status_codes=["202"]),
        ],
    )
    def post(self, request: Request) -> Response:
        user = caller(request).user
        asked = wanted.read(request.data)
        try:
            export = steering.start(asked, by=user.get_username(), sight=visibility.of_user(user))
        except WrongShape as error:
            fields = {_within(name): text for name, text in (error.fields or {}).items()}
            raise WrongShape(str(error.detail), fields) from error
        except steering.NotTheirs as error:
            raise exceptions.PermissionDenied(str(error)) from error
        except steering.TooMany as error:
            raise Conflict(str(error)) from error
        return Response(shown(export, request), status=202)

    @extend_schema(
        operation_id="v1_exports_list",
        summary="Exports, the newest first",
        description="Account managers see their own.",
        parameters=[
            OpenApiParameter("state", str, enum=Export.State.values),
            OpenApiParameter("limit", int),
            OpenApiParameter("cursor", str, description="From `next`."),
        ],
        responses=PAGE,
        examples=[
            OpenApiExample("A page", value={"results": [SHOWN], "next": None}, response_only=True)
        ],
    )
    def get(self, request: Request) -> Response:
        asked = Parameters(request.query_params)
        count = asked.read("limit", limit, DEFAULT_LIMIT)
        after = asked.read("cursor", cursors.time_and_id, None)
        state = asked.read("state", _state, "")
        asked.check()
        rows = steering.visible(caller(request).user)
        if state:
            rows = rows.filter(state=state)
        if after is not None:
            at, id = after
            rows = rows.filter(created_at__lte=at).exclude(Q(created_at=at) & Q(id__gte=id))
        found = list(rows.order_by("-created_at", "-id")[: count + 1])
        last = found[count - 1] if len(found) > count else None
        cursor = cursors.encode(last.created_at, last.id) if last else None
        return Response(
            {
                "results": [shown(export, request) for export in found[:count]],
                "next": next_url(request, cursor) if cursor else None,
            }
        )


def _within(name: str) -> str:
    return name if name in wanted.KEYS else f"filters.{name}"


def _state(text: str) -> str:
    if text not in Export.State.values:
        raise ValueError(f"One of {', '.join(Export.State.values)}.")
    return text


class _OneView(APIView):
    permission_classes = [IsStaff]

    def export(self, request: Request, id: str) -> Export:
        found = steering.visible(caller(request).user).filter(pk=id).first()
        if found is None:
            raise exceptions.NotFound(f"There is no export {id!r}.")
        return cast(Export, found)


class ExportView(_OneView):
    """`GET` and `DELETE /api/v1/exports/{id}`"""

    @extend_schema(
        summary="How far an export has come",
        responses={200: EXPORT},
        examples=[OpenApiExample("Done", value=SHOWN, response_only=True)],
    )
    def get(self, request: Request, id: str) -> Response:
        return Response(shown(self.export(request, id), request))

    @extend_schema(
        summary="Cancel an export, the same as POST …/cancel",
        responses={200: EXPORT},
        examples=[OpenApiExample("As it was left", value=SHOWN, response_only=True)],
    )
    def delete(self, request: Request, id: str) -> Response:
        return _cancelled(self.export(request, id), request)


class ExportCancelView(_OneView):
    """`POST /api/v1/exports/{id}/cancel`"""

    @extend_schema(
        summary="Make no more of a file",
        description="Only its maker and administrators; 409 when it had ended.",
        request=None,
        responses={200: EXPORT},
        examples=[OpenApiExample("As it was left", value=SHOWN, response_only=True)],
    )
    def post(self, request: Request, id: str) -> Response:
        return _cancelled(self.export(request, id), request)


def _cancelled(export: Export, request: Request) -> Response:
    user = caller(request).user
    if not steering.may_cancel(user, export):
        raise exceptions.PermissionDenied("Whoever began it may cancel it, or an administrator.")
    if not steering.cancel(export.id, by=user.get_username()):
        raise Conflict("It had ended before.")
    return Response(shown(Export.objects.get(pk=export.pk), request))


class ExportLinkView(_OneView):
    """`POST /api/v1/exports/{id}/link`"""

    permission_classes = [Exports]

    @extend_schema(
        summary="A link that opens the file without a key, for a day",
        request=None,
        responses={
            201: inline_serializer(
                "ExportLink",
                {"url": serializers.URLField(), "expires_at": serializers.DateTimeField()},
            )
        },
        examples=[
            OpenApiExample(
                "A link",
                value={
                    "url": "https://leadops.example/exports/file/exl_0Umk7xQ2bW4nR8tY1aZc:s1gn",
                    "expires_at": "2026-12-02T08:00:00.000Z",
                },
                response_only=True,
                status_codes=["201"],
            )
        ],
    )
    def post(self, request: Request, id: str) -> Response:
        export = takeable(request, self.export(request, id))
        link = steering.link(export, by=caller(request).user.get_username())
        path = reverse("exports:file", [link.token])
        body = {"url": request.build_absolute_uri(path), "expires_at": stamp(link.expires_at)}
        return Response(body, status=201)


class ExportDownloadView(_OneView):
    """`GET /api/v1/exports/{id}/download`"""

    permission_classes = [Exports]

    @extend_schema(
        summary="The file of an export",
        description="With `Range` a part of it. 409 until it is done, 410 once it is deleted. "
        "Each download is recorded.",
        parameters=[OpenApiParameter("Range", str, OpenApiParameter.HEADER)],
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (206, "text/csv"): OpenApiTypes.BINARY,
            416: OpenApiResponse(description="There is no such part."),
        },
    )
    def get(self, request: Request, id: str) -> HttpResponseBase:
        export = takeable(request, self.export(request, id))
        try:
            answer = serving.served(request._request, export)
        except serving.Full as error:
            raise Busy(str(error)) from error
        if serving.is_first(request._request):
            by = caller(request).user.get_username()
            steering.take(export, by=by, way="API", address=request.META.get("REMOTE_ADDR", ""))
        return answer


def takeable(request: Request, export: Export) -> Export:
    """The export, whose file is there and theirs; raises otherwise."""
    if not steering.may_take(caller(request).user, export):
        raise exceptions.PermissionDenied("This file holds more than you may see.")
    if export.purged_at is not None and export.state == Export.State.DONE:
        raise Gone("The file is no longer kept; export again.")
    if not export.has_file:
        raise Conflict(f"There is no file: the export is {export.state}.")
    return export


def shown(export: Export, request: Request) -> dict[str, Any]:
    path = reverse("export-download", [export.id]) if export.has_file else None
    names = ("id", "what", "format", "filters", "fields", "columns", "with_lead", "created_by",
             "state", "rows", "bytes")  # fmt: skip
    return {
        **{name: getattr(export, name) for name in names},
        "masked": not export.personal,
        "progress": round(export.progress, 3),
        "download": request.build_absolute_uri(path) if path else None,
        **{name: getattr(export, name) or None for name in ("reason", "schedule", "sha256")},
        "error": export.error or None,
        **{
            name: stamp(at) if (at := getattr(export, name)) else None
            for name in ("created_at", "started_at", "finished_at", "expires_at")
        },
    }
