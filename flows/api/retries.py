"""Many deliveries of a recipient sent again: start, watch, cancel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.parameters import Parameters, moment
from flows.api.steering import SteeringView, recipient_of
from flows.byhand import bulkretry
from flows.models import BulkRetry
from leadops.lib import queue
from leadops.lib.api import Conflict
from recipients.models import Recipient

MOMENT_HELP = "A day or a moment; UTC unless it says otherwise"
BULK = inline_serializer(
    "BulkRetry",
    {
        "id": serializers.CharField(allow_null=True, help_text="Null for a dry run"),
        "state": serializers.ChoiceField(["counted", "queued", "running", "done", "cancelled"]),
        "total": serializers.IntegerField(),
        "looked_at": serializers.IntegerField(),
        "sent": serializers.IntegerField(),
        "left_out": serializers.DictField(child=serializers.IntegerField()),
    },
)
BULK_REQUEST = inline_serializer(
    "BulkRetryRequest",
    {
        "start": serializers.CharField(help_text=MOMENT_HELP),
        "end": serializers.CharField(required=False, help_text="Default: now"),
        "state": serializers.ChoiceField(bulkretry.STATES, required=False),
        "outcome": serializers.ChoiceField(bulkretry.OUTCOMES, required=False),
        "category": serializers.ChoiceField(bulkretry.CATEGORIES, required=False),
        "flow": serializers.CharField(required=False),
        "reason": serializers.CharField(required=False, help_text="Looked for in the reasons"),
        "force": serializers.BooleanField(required=False),
        "dry_run": serializers.BooleanField(required=False, help_text="Only count them"),
    },
)


class BulkRetryView(SteeringView):
    """`POST /api/v1/recipients/{slug}/retry`"""

    @extend_schema(
        summary="Send many deliveries of a recipient again",
        request=BULK_REQUEST,
        responses={200: BULK, 202: BULK},
    )
    def post(self, request: Request, slug: str) -> Response:
        recipient, asked = recipient_of(slug), self.body(request)
        given = Parameters(asked)
        filters = _filters(given, recipient)
        force, dry = (given.read(name, _yes_or_no, False) for name in ("force", "dry_run"))
        given.check()
        if dry:
            found = bulkretry.look(filters)
            return Response(_shown(None, "counted", min(found.count, bulkretry.MOST + 1)))
        try:
            with transaction.atomic():
                bulk = bulkretry.start(filters, by=self.by(request), force=force)
                queue.enqueue(bulkretry.TASK, bulk.id)
        except (bulkretry.TooMany, bulkretry.NoneFit) as error:
            raise Conflict(str(error)) from error
        return Response(_of(bulk), status=202)


class BulkView(SteeringView):
    """`GET /api/v1/retries/{id}`"""

    @extend_schema(summary="How far a bulk retry has come", responses={200: BULK})
    def get(self, request: Request, id: str) -> Response:
        return Response(_of(_bulk(id)))


class BulkCancelView(SteeringView):
    """`POST /api/v1/retries/{id}/cancel`"""

    @extend_schema(summary="Send no more of them", request=None, responses={200: BULK})
    def post(self, request: Request, id: str) -> Response:
        bulkretry.cancel(_bulk(id).id, by=self.by(request))
        return Response(_of(_bulk(id)))


def _bulk(id: str) -> BulkRetry:
    found = BulkRetry.objects.defer("deliveries").filter(pk=id).first()
    if found is None:
        raise exceptions.NotFound(f"There is no retry {id!r}.")
    return found


def _of(bulk: BulkRetry) -> dict[str, Any]:
    return {
        **_shown(bulk.id, bulk.state, bulk.total),
        "looked_at": bulk.position,
        "sent": bulk.sent,
        "left_out": bulk.refused,
    }


def _shown(id: str | None, state: str, total: int) -> dict[str, Any]:
    return {
        "id": id, "state": state, "total": total, "looked_at": 0, "sent": 0, "left_out": {},
    }  # fmt: skip


def _filters(given: Parameters, recipient: Recipient) -> bulkretry.Filters:
    """What was asked for; problems are noted in `given`."""
    now = datetime.now(UTC)
    if not given.query.get("start"):
        given.problems["start"] = "Say from when on."
    return bulkretry.Filters(
        recipient=recipient.slug,
        start=given.read("start", moment, now),
        end=given.read("end", lambda text: moment(text, end=True), now + timedelta(minutes=1)),
        state=given.read("state", _one_of(bulkretry.STATES), "failed"),
        outcome=given.read("outcome", _one_of(bulkretry.OUTCOMES), ""),
        category=given.read("category", _one_of(bulkretry.CATEGORIES), ""),
        flow=given.read("flow", lambda text: text[:200], ""),
        reason=given.read("reason", lambda text: text[:200], ""),
    )


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"One of {', '.join(words)}.")
        return text

    return read


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError("Write true or false.")
    return text.lower() in ("true", "1", "yes")
