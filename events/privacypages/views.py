"""Find a person, see what is held, hand out a copy, erase. What is looked for is posted: it gets
into no address, and so into no log and no history of a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events import cursors, visibility
from events.models import Lead, PrivacyRequest
from events.pages import page
from events.privacy import copying, erasing, finding, minimisation
from events.privacy.finding import Held, Person
from events.zones import remembered
from recipients.models import SuppressionList

SHOWN = 25
LEADS_SHOWN = 50
KINDS = PrivacyRequest.Kind.choices
REASON_LENGTH = erasing.REASON_LENGTH


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody has posted."""

    kind: str
    value: str
    do: str
    reason: str
    lists: str

    @classmethod
    def read(cls, post: Any) -> Asked:
        def text(name: str, longest: int) -> str:
            return str(post.get(name, "")).replace("\0", "").strip()[:longest]

        value = text("value", finding.LONGEST)
        return cls(
            kind=text("kind", 10) or guessed(value),
            value=value,
            do=text("do", 10),
            reason=text("reason", REASON_LENGTH),
            lists=text("lists", 60),
        )


def guessed(value: str) -> str:
    """What kind of thing it is that somebody typed."""
    if value.startswith("lead_"):
        return PrivacyRequest.Kind.LEAD
    return PrivacyRequest.Kind.EMAIL if "@" in value else PrivacyRequest.Kind.PHONE


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Look somebody up, and the list of past requests."""
    _may(request)
    if request.method != "POST":
        return _page(request)
    asked = Asked.read(request.POST)
    try:
        found = finding.person(asked.kind, asked.value)
    except finding.NotFindable as error:
        return _page(request, asked=asked, problem=str(error))
    except Lead.DoesNotExist:
        return _page(request, asked=asked, problem="There is no such lead.")
    match asked.do:
        case "copy":
            return _copy(request, asked, found)
        case "erase":
            return _erase(request, asked, found)
    return _page(request, asked=asked, found=found)


def _copy(request: HttpRequest, asked: Asked, found: Person) -> HttpResponse:
    if not copying.may_take(request.user):
        raise PermissionDenied(copying.MASKED)
    if not asked.reason:
        return _page(request, asked=asked, found=found, problem="Say why: it stays in the record.")
    try:
        made = copying.copy(found)
    except copying.TooMany as error:
        return _page(request, asked=asked, found=found, problem=str(error))
    noted = copying.record(found, by=_by(request), reason=asked.reason)
    return HttpResponse(
        copying.as_zip(made),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{noted.id}.zip"'},
    )


def _erase(request: HttpRequest, asked: Asked, found: Person) -> HttpResponse:
    if not asked.reason:
        return _page(request, asked=asked, found=found, problem="Say why: it stays in the record.")
    if request.POST.get("sure") != "yes":
        return _page(request, asked=asked, found=found, problem="Tick that it is to be for good.")
    try:
        done = erasing.erase(
            found,
            by=_by(request),
            reason=asked.reason,
            add_to=asked.lists.removeprefix("add:") if asked.lists.startswith("add:") else "",
            take_off=asked.lists == "remove",
        )
    except LookupError as error:
        return _page(request, asked=asked, found=found, problem=str(error.args[0]))
    rows = sum(done.counts.values())
    if done.is_done:
        said = f"Erased {rows:,} rows." if rows else "Nothing was held; the request is recorded."
        messages.success(request, said)
    return redirect("privacy:request", done.id)


@never_cache
@login_required
@require_safe
def request_page(request: HttpRequest, id: str) -> HttpResponse:
    """One request: who asked, what came of it."""
    _may(request)
    row = PrivacyRequest.objects.filter(pk=id).first()
    if row is None:
        raise Http404("There is no such request.")
    return page(
        request,
        "privacy/request.html",
        "Privacy",
        zone=remembered(request.session),
        subtitle=row.id,
        row=row,
        rows=sorted(row.counts.items()),
        total=sum(row.counts.values()),
        leads=row.leads[:LEADS_SHOWN],
        part=row.position / len(row.leads) if row.leads else 1.0,
    )


@never_cache
@login_required
@require_safe
def disclosed(request: HttpRequest, lead_id: str) -> HttpResponse:
    """Which fields of a lead went to whom, as far as the viewer may see who."""
    sight = visibility.of_user(request.user)
    lead = sight.leads().select_related("flow").filter(id=lead_id).first()
    if lead is None:
        raise Http404("There is no such lead.")
    return page(
        request,
        "privacy/disclosed.html",
        "Lead",
        zone=remembered(request.session),
        subtitle=lead.id,
        lead=lead,
        account=minimisation.of_lead(lead, sight),
    )


def _page(
    request: HttpRequest,
    *,
    asked: Asked | None = None,
    found: Person | None = None,
    problem: str = "",
) -> HttpResponse:
    earlier, after = _earlier(request.GET.get("after", ""))
    held: Sequence[Held] = finding.held(found) if found else ()
    return page(
        request,
        "privacy/start.html",
        "Privacy",
        zone=remembered(request.session),
        asked=asked,
        found=found,
        held=held,
        rows=sum(each.rows for each in held),
        leads=found.leads[-LEADS_SHOWN:] if found else (),
        problem=problem,
        kinds=KINDS,
        lists=SuppressionList.objects.order_by("name"),
        copied=copying.may_take(request.user),
        masked=copying.MASKED,
        earlier=earlier,
        after=after,
    )


def _earlier(cursor: str) -> tuple[list[PrivacyRequest], str]:
    """A page of past requests, and where the next begins."""
    rows = PrivacyRequest.objects.order_by("-created_at", "-id")
    if cursor:
        try:
            at, id = cursors.time_and_id(cursor)
            rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=id))
        except ValueError:
            pass
    found = list(rows[: SHOWN + 1])
    shown = found[:SHOWN]
    more = len(found) > SHOWN
    return shown, cursors.encode(shown[-1].created_at, shown[-1].id) if more else ""


def _may(request: HttpRequest) -> None:
    if not getattr(request.user, "is_superuser", False):
        raise PermissionDenied


def _by(request: HttpRequest) -> str:
    user: Any = request.user
    return str(user.get_username())
