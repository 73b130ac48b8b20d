"""Files of leads taken in over the API: send one, watch it, steer it, take what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

import orjson
from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import exceptions, serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flows import plans
from flows.importing import columns, files, steering, taking, working
from flows.importing.reading import CHUNK, Encoding, Refused
from flows.importing.taking import Wanted
from flows.models import LeadImport
from flows.models.lead_import import FASTEST
from flows.plan import FlowPlan, SourcePlan
from leadops.lib import patience, queue
from leadops.lib.access import Operates, caller
from leadops.lib.api import Conflict, TooLarge, WrongShape

FORM = 64 * 1024  # bytes of a form beside its file
WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": None}
IMPORT = inline_serializer(
    "LeadImport",
    {
        "id": serializers.CharField(),
        "flow": serializers.CharField(),
        "source": serializers.CharField(),
        "state": serializers.ChoiceField(LeadImport.State.choices),
        "test": serializers.BooleanField(),
        "filename": serializers.CharField(),
        "encoding": serializers.CharField(),
        "rows": serializers.IntegerField(),
        "done": serializers.IntegerField(),
        "accepted": serializers.IntegerField(),
        "rejected": serializers.IntegerField(),
        "failed": serializers.IntegerField(help_text="Rows that cannot be read as leads"),
        "reasons": serializers.DictField(child=serializers.IntegerField()),
        "cost": serializers.FloatField(),
        "rate": serializers.IntegerField(help_text="Rows a second at most"),
        "columns": serializers.ListField(
            child=inline_serializer(
                "LeadImportColumn",
                {
                    "name": serializers.CharField(),
                    "to": serializers.CharField(help_text="A field; blank: left out"),
                },
            )
        ),
        "problem": serializers.CharField(help_text="Why it paused itself, or has not started"),
        "waits_for": serializers.CharField(),
        "warnings": serializers.ListField(child=serializers.CharField()),
        "created_at": serializers.DateTimeField(),
        "finished_at": serializers.DateTimeField(allow_null=True),
    },
)
OPTIONS = {
    "source": "Slug or id of the source that the leads come from",
    "mapping": 'Column → field as JSON, e.g. {"E-Mail": "email"}; blank: left out. What is not '
    "named goes where it is proposed to go",
    "test": "true: test leads",
    "header": "true or false: does the first line name the columns? Default: found by itself",
    "rate": f"Rows a second, 1 to {FASTEST}; default 50",
    "start": "false: only keep it and propose columns; `POST /imports/{id}/resume` starts it",
    "again": "true: though the same file was imported before",
}


class CsvFile(BaseParser):
    """A bare CSV body, on disk: `{"file": …}`."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        kept = tempfile.TemporaryFile()  # noqa: SIM115  closed with the request's data
        size = 0
        while data := stream.read(CHUNK):
            size += len(data)
            if size > taking.MOST_BYTES:
                raise TooLarge(taking.MOST_BYTES)
            kept.write(data)
        declared = getattr(stream, "META", {}).get("CONTENT_LENGTH") or "0"
        if declared.isdecimal() and size < int(declared):
            raise exceptions.ParseError("The body is shorter than its Content-Length.")
        kept.seek(0)
        return {"file": kept}


class ImportsView(APIView):
    """`POST /api/v1/flows/{flow}/imports`"""

    parser_classes = [MultiPartParser, CsvFile]
    permission_classes = [Operates]

    @extend_schema(
        summary="Take a CSV file of leads in",
        parameters=[
            OpenApiParameter(name, str, description=text, required=name == "source")
            for name, text in OPTIONS.items()
        ],
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    **{
                        name: {"type": "string", "description": text}
                        for name, text in OPTIONS.items()
                    },
                },
                "required": ["file", "source"],
            },
            "text/csv": OpenApiTypes.BINARY,
        },
        responses={202: IMPORT},
    )
    def post(self, request: Request, flow: str) -> Response:
        length = request.META.get("CONTENT_LENGTH") or ""
        if length.isdecimal() and int(length) > taking.MOST_BYTES + FORM:
            raise TooLarge(taking.MOST_BYTES)
        plan = plans.current(caller(request).revision).flow(flow)
        if plan is None:
            raise exceptions.NotFound(f"There is no flow {flow!r}.")
        patience.for_file(request.META)
        data = cast("Mapping[str, Any]", request.data)
        file = data.get("file")
        if file is None or isinstance(file, str):
            raise WrongShape("Send a file.", {"file": "A CSV file."})
        asked = _Asked({**request.query_params.dict(), **_texts(data)})
        source, wanted = asked.source(plan), asked.wanted(_by(request), getattr(file, "name", ""))
        start, again = asked.flag("start") is not False, asked.flag("again") is True
        asked.check()
        with transaction.atomic():
            job = _taken(plan, source, file, wanted, asked)
            if start:
                _started(job, plan, by=wanted.by, again=again)
        return Response(_shown(job), status=202)


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in data.items() if isinstance(value, str)}


def _taken(
    plan: FlowPlan, source: SourcePlan, file: BinaryIO, wanted: Wanted, asked: _Asked
) -> LeadImport:
    try:
        job = taking.take(plan, source.id, file, wanted)
        if targets := asked.targets(job):
            taking.settle(job, targets, taking.targets_of(plan, source.id))
    except Refused as error:
        raise WrongShape("The file was not taken.", {"file": str(error)}) from error
    asked.check()
    return job


def _started(job: LeadImport, plan: FlowPlan, *, by: str, again: bool) -> None:
    earlier = taking.same_file(job)
    if earlier is not None and not again:
        raise Conflict(f"This file was imported before, as {earlier.id}. Send again=true.")
    found = columns.problems(job.targets, taking.needed(plan, job.source_id))
    if found:
        raise WrongShape("The columns do not do.", {"mapping": " ".join(found)})
    taking.begin(job, plan, by=by)
    queue.enqueue(working.TASK, job.id)


class _Asked:
    """The parameters; `check` raises WrongShape with all that is wrong."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.problems: dict[str, str] = {}

    def check(self) -> None:
        if self.problems:
            raise WrongShape("Some parameters are not what they should be.", self.problems)

    def source(self, plan: FlowPlan) -> SourcePlan:
        found = plans.current().source(self.given.get("source", ""))
        if found is None or found.id not in plan.terms:
            text = f"A source that may send to {plan.slug}."
            raise WrongShape("Say which source the leads come from.", {"source": text})
        return found

    def flag(self, name: str) -> bool | None:
        text = self.given.get(name, "").lower()
        if text not in WORDS:
            self.problems[name] = "Write true or false."
        return WORDS.get(text)

    def wanted(self, by: str, filename: str) -> Wanted:
        rate = self.given.get("rate", "50")
        if not (rate.isdecimal() and len(rate) < 6 and 1 <= int(rate) <= FASTEST):
            self.problems["rate"], rate = f"A number from 1 to {FASTEST}.", "1"
        return Wanted(
            by=by,
            filename=str(filename) if isinstance(filename, str) else "",
            test=self.flag("test") is True,
            rate=int(rate),
            header=self.flag("header"),
        )

    def targets(self, job: LeadImport) -> list[str]:
        """Where the columns go, by `mapping`; none: as proposed."""
        text = self.given.get("mapping", "")
        if not text:
            return []
        try:
            mapping = orjson.loads(text)
        except orjson.JSONDecodeError:
            mapping = None
        if not isinstance(mapping, dict) or not all(isinstance(v, str) for v in mapping.values()):
            self.problems["mapping"] = "An object of columns and fields."
            return []
        if unknown := [name for name in mapping if name not in job.columns]:
            self.problems["mapping"] = f"There is no column {unknown[0][:100]!r}."
            return []
        taken = set(mapping.values())
        return [
            mapping.get(name, "" if target in taken else target)
            for name, target in zip(job.columns, job.targets, strict=True)
        ]


class _OneView(APIView):
    permission_classes = [Operates]

    def job(self, id: str) -> LeadImport:
        found = LeadImport.objects.select_related("flow", "source").filter(pk=id).first()
        if found is None:
            raise exceptions.NotFound(f"There is no import {id!r}.")
        return found


class ImportView(_OneView):
    """`GET /api/v1/imports/{id}`"""

    @extend_schema(summary="How far an import has come", responses={200: IMPORT})
    def get(self, request: Request, id: str) -> Response:
        return Response(_shown(self.job(id)))


class ImportPauseView(_OneView):
    """`POST /api/v1/imports/{id}/pause`"""

    @extend_schema(summary="Take no row in for now", request=None, responses={200: IMPORT})
    def post(self, request: Request, id: str) -> Response:
        steering.pause(self.job(id).id, by=_by(request))
        return Response(_shown(self.job(id)))


class ImportResumeView(_OneView):
    """`POST /api/v1/imports/{id}/resume`"""

    @extend_schema(
        summary="Go on, or start what was only kept", request=None, responses={200: IMPORT}
    )
    def post(self, request: Request, id: str) -> Response:
        job = self.job(id)
        with transaction.atomic():
            if job.may_start:
                plan = plans.current().flows.get(job.flow_id)
                if plan is None or job.source_id not in plan.terms:
                    raise Conflict("The flow takes no leads of this source at the moment.")
                _started(job, plan, by=_by(request), again=True)
            elif steering.resume(job.id, by=_by(request)):
                queue.enqueue(working.TASK, job.id)
        return Response(_shown(self.job(id)))


class ImportCancelView(_OneView):
    """`POST /api/v1/imports/{id}/cancel`"""

    @extend_schema(summary="Take the rest not in", request=None, responses={200: IMPORT})
    def post(self, request: Request, id: str) -> Response:
        steering.cancel(self.job(id).id, by=_by(request))
        return Response(_shown(self.job(id)))


class ImportErrorsView(_OneView):
    """`GET /api/v1/imports/{id}/errors`"""

    @extend_schema(
        summary="The rows that are no leads, as they came, with the reason",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, id: str) -> StreamingHttpResponse:
        job = _kept(self.job(id))
        if not files.shown_to(caller(request).user, job):
            raise exceptions.PermissionDenied("Personal values are not shown to your role.")
        files.record(job, "rejected rows", by=_by(request))
        return _file(files.errors(job), f"{job.id}-errors.csv")


class ImportAcceptedView(_OneView):
    """`GET /api/v1/imports/{id}/accepted`"""

    @extend_schema(
        summary="The ids of the leads that were accepted, by row",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, id: str) -> StreamingHttpResponse:
        job = _kept(self.job(id))
        files.record(job, "accepted ids", by=_by(request))
        return _file(files.accepted(job), f"{job.id}-accepted.csv")


def _kept(job: LeadImport) -> LeadImport:
    if job.purged_at is not None:
        raise exceptions.NotFound("The rows of this import are deleted; its counts stay.")
    return job


def _file(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _by(request: Request) -> str:
    return str(caller(request).user.get_username())


def _shown(job: LeadImport) -> dict[str, Any]:
    warnings = []
    if job.odd_line:
        label = Encoding(job.encoding).label
        warnings.append(f"Line {job.odd_line:,} is no UTF-8; the file is read as {label}.")
    if repeated := columns.repeated(job.columns):
        warnings.append(f"More than one column is named {', '.join(repeated)}.")
    pairs = zip(job.columns, job.targets, strict=True)
    names = ("id", "state", "test", "filename", "done", "accepted", "rejected", "failed")
    return {
        **{name: getattr(job, name) for name in names},
        "flow": job.flow.slug,
        "source": job.source.slug,
        "encoding": Encoding(job.encoding).label,
        "rows": job.total,
        "reasons": job.reasons,
        "cost": float(job.cost),
        "rate": job.rate,
        "columns": [{"name": name, "to": target} for name, target in pairs],
        "problem": job.problem,
        "waits_for": job.waits_for,
        "warnings": warnings,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }
