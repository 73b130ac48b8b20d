"""Partners post feedback here: one, a list, or a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson
from drf_spectacular.utils import (
    OpenApiExample,
    PolymorphicProxySerializer,
    extend_schema,
    inline_serializer,
)
from rest_framework import exceptions, serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.feedback.process import Answer, take
from events.feedback.reading import KINDS, LENGTHS, Misshapen, Statement, read
from leadops.lib.access import IsPartner, Principal
from leadops.lib.api import FormParser, JsonParser, WrongShape, read_body
from recipients.models import Recipient

MAX_ITEMS = 1_000
MAX_LIST = 1024 * 1024  # bytes of a list or a file

ANSWER: dict[str, Any] = {
    "outcome": serializers.ChoiceField(["processed", "rejected"]),
    "id": serializers.CharField(allow_null=True),
    "lead_id": serializers.CharField(allow_null=True),
    "reason": serializers.CharField(),
}
STATEMENT: dict[str, Any] = {
    "kind": serializers.ChoiceField(KINDS),
    **{
        name: serializers.CharField(required=False, max_length=length)
        for name, length in LENGTHS.items()
        if name != "kind"
    },
}


ONE = inline_serializer("Feedback", STATEMENT)
ANY = PolymorphicProxySerializer(
    component_name="FeedbackOneOrMany",
    serializers=[ONE, inline_serializer("FeedbackMany", {"feedback": ONE.__class__(many=True)})],
    resource_type_field_name=None,
)
ANSWERED = inline_serializer("FeedbackAnswer", ANSWER)
ANSWERS = PolymorphicProxySerializer(
    component_name="FeedbackAnswers",
    serializers=[
        ANSWERED,
        inline_serializer("FeedbackResults", {"results": ANSWERED.__class__(many=True)}),
    ],
    resource_type_field_name=None,
)


class ListParser(JsonParser):
    """JSON, with room for a list."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(read_body(stream, MAX_LIST))
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(f"Not JSON: {error}") from error


class CsvParser(BaseParser):
    """A CSV file with a line of field names, in UTF-8."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            text = read_body(stream, MAX_LIST).decode("utf-8-sig")
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise exceptions.ParseError(f"Not CSV in UTF-8: {error}") from error
        return {"feedback": [_named(row) for row in rows]}


def _named(row: dict[Any, Any]) -> dict[str, Any]:
    """The row without surplus cells, which have no name."""
    return {name.strip().lower(): value for name, value in row.items() if isinstance(name, str)}


class FeedbackView(APIView):
    """`POST /api/v1/feedback` and `POST /api/v1/leads/{id}/feedback`."""

    parser_classes = [ListParser, FormParser, CsvParser]
    permission_classes = [IsPartner]

    @extend_schema(
        summary="Post feedback",
        description=(
            "Conversions, returns and other news about leads that were delivered to you. "
            'One object, or {"feedback": […]} with up to 1,000 of them, or a CSV file. Name the '
            "lead by one of lead_id, event_id, buyer_lead_id, email, phone. The same key is "
            "taken once and always gets the same answer."
        ),
        request={
            "application/json": ANY,
            "application/x-www-form-urlencoded": ONE,
            "text/csv": {"type": "string"},
        },
        responses={201: ANSWERS},
        examples=[
            OpenApiExample(
                "A conversion",
                value={"kind": "conversion", "lead_id": "lead_…", "value": "sold"},
                request_only=True,
            ),
            OpenApiExample(
                "Several",
                value={"feedback": [{"kind": "return", "email": "john@example.com"}]},
                request_only=True,
            ),
        ],
    )
    def post(self, request: Request, id: str = "") -> Response:
        recipient = Recipient.objects.filter(pk=request.user.id).first()
        if recipient is None:
            raise exceptions.PermissionDenied("This recipient is gone.")
        if not request.data and request.stream is None:
            raise exceptions.ParseError("The body is empty.")
        items = _items(request.data)
        if items is None:
            return self._single(request, recipient, _about(request.data, id))
        if not 1 <= len(items) <= MAX_ITEMS:
            raise WrongShape(f"Between 1 and {MAX_ITEMS} items in one list.")
        answers = many(recipient, [_about(item, id) for item in items], request)
        return Response({"results": [body(answer) for answer in answers]}, status=201)

    @staticmethod
    def _single(request: Request, recipient: Recipient, item: Any) -> Response:
        key = request.headers.get("Idempotency-Key")
        if key and isinstance(item, dict) and not item.get("key"):
            item = {**item, "key": key}
        try:
            statement = _read(recipient, item, request)
        except Misshapen as error:
            raise WrongShape("This feedback cannot be taken.", error.fields) from error
        answer = take(recipient, [statement])[0]
        if not answer.id:
            raise exceptions.NotFound(f"{answer.reason}.")
        headers = {"Idempotent-Replayed": "true"} if answer.repeated else None
        return Response(body(answer), status=201, headers=headers)


def _items(data: Any) -> list[Any] | None:
    """The items of a list, None when the data is one statement."""
    if isinstance(data, dict) and "feedback" in data:
        data = data["feedback"]
        if not isinstance(data, list):
            raise WrongShape("This is not a list.", {"feedback": "Write a list of objects."})
    return data if isinstance(data, list) else None


def _about(item: Any, lead_id: str) -> Any:
    """The item, about the lead of the address where there is one."""
    if not lead_id or not isinstance(item, dict):
        return item
    named = item.get("lead_id")
    if named and named != lead_id:
        raise WrongShape("Two leads are named.", {"lead_id": "Differs from the address."})
    return {**item, "lead_id": lead_id}


def _read(recipient: Recipient, item: Any, request: Request) -> Statement:
    caller = cast(Principal, request.user)
    return read(item, now=caller.at, zone=ZoneInfo(recipient.timezone))


def many(recipient: Recipient, items: Sequence[Any], request: Request) -> list[Answer]:
    """An answer for each item; what cannot be read is rejected and does not hold up the rest."""
    answers: list[Answer | None] = []
    statements: list[Statement] = []
    for item in items:
        try:
            statements.append(_read(recipient, item, request))
            answers.append(None)
        except Misshapen as error:
            answers.append(Answer("rejected", reason=str(error)))
    taken = iter(take(recipient, statements)) if statements else iter(())
    return [answer or next(taken) for answer in answers]


def body(answer: Answer) -> dict[str, Any]:
    """The answer of the contract."""
    return {
        "outcome": answer.outcome,
        "id": answer.id or None,
        "lead_id": answer.lead_id or None,
        "reason": answer.reason,
    }
