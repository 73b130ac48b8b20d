"""What came of an import, to take away: that somebody did is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from flows.importing import files
from flows.importpages.people import acting, import_of
from flows.models import LeadImport


@never_cache
@login_required
@require_GET
def errors(request: HttpRequest, id: str) -> StreamingHttpResponse:
    """The rows that are no leads, with the reasons."""
    job = _kept(request, id)
    if not files.shown_to(request.user, job):
        raise PermissionDenied("Rows of files are shown to those who see personal values.")
    files.record(job, "rejected rows", by=acting(request))
    return _file(files.errors(job), f"{job.id}-errors.csv")


@never_cache
@login_required
@require_GET
def accepted(request: HttpRequest, id: str) -> StreamingHttpResponse:
    """The ids of the leads that were accepted."""
    job = _kept(request, id)
    files.record(job, "accepted ids", by=acting(request))
    return _file(files.accepted(job), f"{job.id}-accepted.csv")


def _kept(request: HttpRequest, id: str) -> LeadImport:
    acting(request)
    job = import_of(request, id)
    if job.purged_at is not None:
        raise Http404("The rows of this import are deleted; its counts stay.")
    return job


def _file(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
