"""Look a value up, put one on a list or take it off, send a file, watch it go in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from events.pages import page
from events.zones import remembered
from flows.suppression import entries as listed
from flows.suppression import uploads
from flows.suppression.lines import Refused
from flows.suppression.values import LONGEST, Unusable
from leadops.lib import patience, queue
from recipients.models import SuppressionList, SuppressionUpload
from recipients.suppression import TYPES, plan_of

SHOWN = 20
FORM = 64 * 1024  # bytes of a form beside its file


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def entries(request: HttpRequest, slug: str) -> HttpResponse:
    """A list and the files sent to it. A post looks a value up: it does not get into addresses."""
    row = _list(request, slug)
    sought = _value(request) if request.method == "POST" else ""
    return _page(request, row, sought=sought)


def _page(request: HttpRequest, row: SuppressionList, **context: Any) -> HttpResponse:
    sought = context.get("sought", "")
    return page(
        request,
        "suppression/list.html",
        "Suppression lists",
        zone=remembered(request.session),
        subtitle=row.name,
        row=row,
        kind=TYPES.get(row.value_type, row.value_type),
        found=listed.check(plan_of(row), [sought])[0] if sought else None,
        changes=_may_change(request),
        modes=SuppressionUpload.Mode.choices,
        most=uploads.MOST_BYTES // (1024 * 1024),
        earlier=row.uploads.order_by("-created_at")[:SHOWN],
        flows=row.flows.order_by("name"),
        recipients=row.recipients.order_by("name"),
        **context,
    )


@never_cache
@login_required
@require_http_methods(["POST"])
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Put the value on the list, or take it off."""
    by = _acting(request)
    row, value = _list(request, slug), _value(request)
    adds = request.POST.get("do") == "add"
    try:
        done = (listed.add if adds else listed.remove)(row, [value], by=by)
    except Unusable:
        messages.error(request, f"This is no value of the list: not a {_noun(row)}.")
        return redirect("suppression:list", slug)
    if adds:
        messages.success(request, "Added." if done else "It was on the list already.")
    else:
        messages.success(request, "Removed." if done else "It was not on the list.")
    return redirect("suppression:list", slug)


@never_cache
@csrf_exempt  # looked at in `_take`: Django's own look would read the whole file first
@login_required
@require_http_methods(["POST"])
def send(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a file. Too large a one is refused before it is read."""
    _acting(request)
    row = _list(request, slug)
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length) > uploads.MOST_BYTES + FORM:
        messages.error(request, f"A file has at most {uploads.MOST_BYTES // (1024 * 1024)} MB.")
        return redirect("suppression:list", slug)
    patience.for_file(request.META)
    taken: HttpResponse = _take(request, row)
    return taken


@csrf_protect
def _take(request: HttpRequest, row: SuppressionList) -> HttpResponse:
    file, mode = request.FILES.get("file"), request.POST.get("mode", "")
    if file is None or mode not in SuppressionUpload.Mode.values:
        messages.error(request, "Choose a file, and what to do with it.")
        return redirect("suppression:list", row.slug)
    try:
        with transaction.atomic():
            made = uploads.start(
                row,
                file,  # type: ignore[arg-type]  # reads and seeks as a binary file does
                by=_acting(request),
                mode=mode,
                column=request.POST.get("column", "")[:100],
                filename=file.name or "",
            )
            queue.enqueue(uploads.TASK, made.id)
    except Refused as error:
        messages.error(request, str(error))
        return redirect("suppression:list", row.slug)
    return redirect("suppression:upload", made.id)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, id: str) -> HttpResponse:
    """How far a file has come; it looks again by itself while it runs. A post cancels it."""
    _permit(request)
    found = SuppressionUpload.objects.select_related("target").filter(pk=id).first()
    if found is None:
        raise Http404("There is no such upload.")
    if request.method == "POST":
        _acting(request)
        done = uploads.cancel(id)
        kept = "What was added stays." if found.mode == "add" else "The rest is left."
        messages.success(request, f"Cancelled. {kept}" if done else "It had ended already.")
        return redirect("suppression:upload", id)
    return page(
        request,
        "suppression/upload.html",
        "Suppression lists",
        zone=remembered(request.session),
        subtitle=found.target.name,
        upload=found,
        row=found.target,
        part=found.position / found.total if found.total else 1,
        did={"add": "Added", "remove": "Removed", "replace": "On the list"}[found.mode],
        changes=_may_change(request),
    )


def _list(request: HttpRequest, slug: str) -> SuppressionList:
    _permit(request)
    found = SuppressionList.objects.filter(slug=slug).first()
    if found is None:
        raise Http404("There is no such list.")
    return found


def _value(request: HttpRequest) -> str:
    return request.POST.get("value", "").replace("\0", "").strip()[: LONGEST + 1]


def _noun(row: SuppressionList) -> str:
    return TYPES.get(row.value_type, row.value_type).lower()


def _permit(request: HttpRequest) -> None:
    if not request.user.has_perm("recipients.view_suppressionlist"):
        raise PermissionDenied("Your role sees no suppression lists.")


def _may_change(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.operates)


def _acting(request: HttpRequest) -> str:
    if not _may_change(request):
        raise PermissionDenied("Your role looks on; ops and administrators change lists.")
    user: Any = request.user
    return str(user.get_username())
