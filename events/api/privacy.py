"""Erasures and access requests, by administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
    inline_serializer,
)
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import cursors
from events.models import Lead, PrivacyRequest
from events.parameters import stamp
from events.privacy import copying, erasing, finding
from events.privacy.finding import NotFindable, Person
from leadops.lib.access import IsStaff, caller
from leadops.lib.api import FormParser, JsonParser, WrongShape

KINDS = ("email", "phone", "lead_id")
PAGE = 100
REASON_LENGTH = 300
ERASURE = inline_serializer(
    "Erasure",
    {
        "id": serializers.CharField(allow_null=True, help_text="Null for a dry run."),
        "state": serializers.ChoiceField(["found", "running", "done"]),
        "by": serializers.CharField(),
        "reason": serializers.CharField(),
        "looked_for": serializers.ChoiceField(KINDS),
        "leads": serializers.ListField(child=serializers.CharField()),
        "erased": serializers.DictField(
            child=serializers.IntegerField(), help_text="Rows, by table; of a dry run: held."
        ),
        "total": serializers.IntegerField(help_text="Rows; 0: nothing is held."),
        "message": serializers.CharField(),
        "at": serializers.DateTimeField(allow_null=True),
    },
)
FOUND_OR_PAST = PolymorphicProxySerializer(
    component_name="ErasureOrPast",
    serializers=[
        ERASURE,
        inline_serializer(
            "Erasures",
            {
                "results": ERASURE.__class__(many=True),
                "next": serializers.URLField(allow_null=True),
            },
        ),
    ],
    resource_type_field_name=None,
)
WHO: dict[str, Any] = {
    "email": serializers.CharField(required=False),
    "phone": serializers.CharField(required=False),
    "lead_id": serializers.CharField(required=False),
    "reason": serializers.CharField(max_length=REASON_LENGTH),
}
ASKED = inline_serializer(
    "ErasureRequest",
    {
        **WHO,
        "dry_run": serializers.BooleanField(required=False, help_text="Only say what is held."),
        "suppress": serializers.CharField(
            required=False, help_text="A suppression list that the person is put on."
        ),
        "unsuppress": serializers.BooleanField(
            required=False, help_text="Take the person off all suppression lists."
        ),
    },
)
COPY_ASKED = inline_serializer(
    "AccessRequest",
    {**WHO, "format": serializers.ChoiceField(["json", "zip"], required=False)},
)


class Administers(IsStaff):
    """Administrators alone."""

    def has_permission(self, request: Request, view: Any) -> bool:
        may = super().has_permission(request, view)
        return may and bool(caller(request).user.is_superuser)


class _PrivacyView(APIView):
    permission_classes = [Administers]
    parser_classes = [JsonParser, FormParser]


class ErasuresView(_PrivacyView):
    """`/api/v1/erasures`"""

    @extend_schema(
        summary="What is held about a person; without one, past erasures",
        parameters=[OpenApiParameter(name, OpenApiTypes.STR) for name in (*KINDS, "cursor")],
        responses=FOUND_OR_PAST,
    )
    def get(self, request: Request) -> Response:
        given = {name: request.query_params.get(name, "") for name in KINDS}
        if not any(given.values()):
            return Response(_listed(request))
        return Response(_found_json(_person(given), _by(request)))

    @extend_schema(
        summary="Erase a person",
        request=ASKED,
        responses={200: ERASURE, 201: ERASURE, 202: ERASURE},
        examples=[
            OpenApiExample(
                "By e-mail",
                value={"email": "john.smith@example.com", "reason": "Asked by mail, ticket 4711"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = _object(request, "dry_run", "suppress", "unsuppress")
        found = _person(data)
        if _flag(data, "dry_run"):
            return Response(_found_json(found, _by(request)))
        reason = _reason(data)
        add_to, take_off = str(data.get("suppress") or ""), _flag(data, "unsuppress")
        if add_to and take_off:
            raise WrongShape("Put them on a list or take them off.", {"suppress": "Or the other."})
        try:
            done = erasing.erase(
                found, by=_by(request), reason=reason, add_to=add_to, take_off=take_off
            )
        except LookupError as error:
            raise WrongShape("No such list.", {"suppress": str(error.args[0])}) from error
        return Response(erasure_json(done), status=201 if done.is_done else 202)


class ErasureView(_PrivacyView):
    """`/api/v1/erasures/{id}`"""

    @extend_schema(summary="An erasure", responses=ERASURE)
    def get(self, request: Request, id: str) -> Response:
        found = PrivacyRequest.objects.filter(pk=id).first()
        if found is None:
            raise exceptions.NotFound(f"There is no erasure {id[:40]!r}.")
        return Response(erasure_json(found))


class AccessRequestsView(_PrivacyView):
    """`/api/v1/access-requests`"""

    @extend_schema(
        summary="A copy of everything that is held about a person",
        request=COPY_ASKED,
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
        examples=[
            OpenApiExample(
                "By phone",
                value={"phone": "(512) 555-1234", "reason": "Access request, ticket 4712"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Any:
        if not copying.may_take(caller(request).user):
            raise exceptions.PermissionDenied(copying.MASKED)
        data = _object(request, "format")
        found, reason = _person(data), _reason(data)
        if data.get("format", "json") not in ("json", "zip"):
            raise WrongShape("An unknown format.", {"format": "json or zip."})
        try:
            made = copying.copy(found)
        except copying.TooMany as error:
            raise WrongShape(str(error)) from error
        copying.record(found, by=_by(request), reason=reason)
        if data.get("format") == "zip":
            return _file(copying.as_zip(made))
        return Response(made)


def _file(packed: bytes) -> HttpResponse:
    return HttpResponse(
        packed,
        content_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="copy.zip"'},
    )


def _object(request: Request, *more: str) -> Mapping[str, Any]:
    """Of known keys alone: a slip in `dry_run` must erase nobody."""
    if not isinstance(request.data, dict):
        raise WrongShape("Write an object: {…}.")
    known = (*WHO, *more)
    unknown = [str(key)[:60] for key in request.data if key not in known]
    if unknown:
        said = f"There is no such key; these are: {', '.join(known)}."
        raise WrongShape("Some keys are unknown.", dict.fromkeys(unknown, said))
    return request.data


def _person(given: Mapping[str, Any]) -> Person:
    """Who is named, by exactly one of the three."""
    named = [name for name in KINDS if given.get(name)]
    if len(named) != 1:
        raise WrongShape("Name the person once.", {"email": "One of email, phone, lead_id."})
    kind = named[0]
    value = given[kind]
    if not isinstance(value, str):
        raise WrongShape("Write a text.", {kind: "Write a text."})
    try:
        return finding.person(kind, value)
    except NotFindable as error:
        raise WrongShape("Nobody can be found by this.", {kind: str(error)}) from error
    except Lead.DoesNotExist as error:
        raise exceptions.NotFound("There is no such lead.") from error


def _reason(data: Mapping[str, Any]) -> str:
    reason = data.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise WrongShape("Say why.", {"reason": "This field is required."})
    if len(reason) > REASON_LENGTH:
        raise WrongShape("Too long.", {"reason": f"At most {REASON_LENGTH} characters."})
    return reason.replace("\0", "")


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name, False)
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes", "on")
    if not isinstance(value, bool):
        raise WrongShape("Not yes or no.", {name: "true or false."})
    return value


def _by(request: Request) -> str:
    return str(caller(request).user.get_username())


def _found_json(found: Person, by: str) -> dict[str, Any]:
    counted = finding.held(found)
    held: dict[str, int] = {}
    for each in counted:
        held[each.table] = held.get(each.table, 0) + each.rows
    return {
        "id": None,
        "state": "found",
        "by": by,
        "reason": "",
        "looked_for": found.kind,
        "leads": list(found.lead_ids),
        "related": list(found.related),
        "erased": {},
        "held": held,
        "total": sum(held.values()),
        "message": _held_words(found, held),
        "at": None,
    }


def _held_words(found: Person, held: Mapping[str, int]) -> str:
    if not held:
        return f"{erasing.NOTHING_HELD}."
    return f"{sum(held.values()):,} rows in {len(held)} tables, of {len(found.lead_ids)} leads."


def erasure_json(row: PrivacyRequest) -> dict[str, Any]:
    """A request as the API shows it."""
    total = sum(row.counts.values())
    nothing = row.is_done and not row.leads and not total
    return {
        "id": row.id,
        "action": row.action,
        "state": row.state,
        "by": row.by,
        "reason": row.reason,
        "looked_for": row.kind,
        "leads": row.leads,
        "erased": row.counts,
        "total": total,
        "message": f"{erasing.NOTHING_HELD}." if nothing else _done_words(row, total),
        "at": stamp(row.created_at),
    }


def _done_words(row: PrivacyRequest, total: int) -> str:
    if row.action == PrivacyRequest.Action.COPY:
        return f"A copy of {len(row.leads)} leads was handed out."
    if not row.is_done:
        return f"{row.position} of {len(row.leads)} leads are erased; the workers do the rest."
    return f"{total:,} rows of {len(row.leads)} leads are erased."


def _listed(request: Request) -> dict[str, Any]:
    rows = PrivacyRequest.objects.order_by("-created_at", "-id")
    if given := request.query_params.get("cursor", ""):
        try:
            at, id = cursors.time_and_id(given)
        except ValueError as error:
            raise WrongShape("Not a cursor.", {"cursor": str(error)}) from error
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=id))
    found = list(rows[: PAGE + 1])
    shown, more = found[:PAGE], len(found) > PAGE
    following = None
    if more:
        cursor = cursors.encode(shown[-1].created_at, shown[-1].id)
        following = request.build_absolute_uri(f"{request.path}?cursor={cursor}")
    return {"results": [erasure_json(row) for row in shown], "next": following}
