"""Files of exports: for who is signed in, and for who has a link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events.exports import serving, steering
from events.models import Export, ExportLink

# The address is the key: it goes neither to search engines nor to other sites.
PRIVATE = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Referrer-Policy": "no-referrer"}


@login_required
@require_safe
def download(request: HttpRequest, id: str) -> HttpResponseBase:
    """The file, for those who may have it; recorded."""
    user: Any = request.user
    export = steering.visible(user).filter(pk=id).first()
    if export is None:
        raise Http404("There is no such export.")
    if not steering.may_take(user, export):
        raise PermissionDenied
    if not export.has_file:
        messages.error(request, "There is no file; it is not done yet, or no longer kept.")
        return redirect("exports:one", id)
    return _taken(request, export, by=user.get_username(), way="console")


@never_cache
@require_safe
def by_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file that a signed link names. 404 for links that were revoked or never were, 410 for
    those that have expired."""
    link = ExportLink.of_token(token)
    now = timezone.now()
    if link is None or link.has_ended(now) or not link.export.has_file:
        status = 404 if link is None else 410
        return _private(render(request, "exports/ended.html", status=status))
    return _private(
        _taken(request, link.export, by=link.made_by, way=f"link {link.pk}"),
    )


def _taken(request: HttpRequest, export: Export, *, by: str, way: str) -> HttpResponseBase:
    try:
        answer = serving.served(request, export)
    except serving.Full as error:
        return HttpResponse(str(error), status=503, headers={"Retry-After": serving.RETRY})
    if serving.is_first(request) and answer.status_code in (200, 206):
        steering.take(export, by=by, way=way, address=request.META.get("REMOTE_ADDR", ""))
    return answer


def _private(answer: HttpResponseBase) -> HttpResponseBase:
    for name, value in PRIVATE.items():
        answer[name] = value
    return answer
