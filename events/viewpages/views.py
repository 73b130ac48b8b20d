"""The button that reveals, and the list of who saw what."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from events import cursors, visibility
from events.models import Event, RecordSettings
from events.pages import page
from events.viewing import recording, revealing
from events.viewing.recording import How, Where
from events.viewing.revealing import Class, NoReason, NothingLeft, NotYours, TooOften
from events.vocabulary import EventType
from events.zones import remembered

SHOWN = 50


@never_cache
@login_required
@require_POST
def reveal(request: HttpRequest, lead_id: str) -> HttpResponse:
    """Masked values of a lead for a few minutes, on its page."""
    user: Any = request.user
    lead = visibility.of_user(user).leads().filter(id=lead_id).first()
    if lead is None:
        raise Http404("There is no such lead.")
    classes = {each for each in Class if each in request.POST.getlist("class")}
    try:
        revealing.reveal(
            user, lead, classes=classes, reason=request.POST.get("reason", ""), where=Where.CONSOLE
        )
    except NotYours as error:
        raise PermissionDenied(str(error)) from error
    except (NoReason, NothingLeft, TooOften) as error:
        messages.error(request, str(error))
    event = request.POST.get("event", "")
    query = f"?{urlencode({'event': event})}" if event.startswith("evt_") else ""
    return redirect(reverse("leads:lead", args=[lead.id]) + query)


@never_cache
@login_required
@require_safe
def views(request: HttpRequest) -> HttpResponse:
    """Who saw what, the newest first: for administrators and auditors."""
    user: Any = request.user
    if user.role not in ("administrator", "auditor"):
        raise PermissionDenied("Administrators and auditors see who looked at what.")
    chosen = {name: request.GET.get(name, "").replace("\0", "")[:60] for name in FILTERS}
    rows, after = _page(_chosen(chosen), request.GET.get("after", ""))
    return page(
        request,
        "leads/views.html",
        "Views of leads",
        zone=remembered(request.session),
        rows=[(event, str(event.data.get("role", "")).replace("_", " ")) for event in rows],
        chosen=chosen,
        people=_people(),
        hows=[(How.REVEALED.value, "Revealed"), (How.OPENED.value, "Opened")],
        older=urlencode({**{k: v for k, v in chosen.items() if v}, "after": after}),
        after=after,
        filtered=any(chosen.values()),
        recorded=RecordSettings.current().views_recorded,
    )


FILTERS = ("person", "how", "lead")


def _chosen(chosen: dict[str, str]) -> QuerySet[Event]:
    rows = Event.objects.filter(type=EventType.LEAD_VIEWED)
    if chosen["person"]:
        rows = rows.filter(entity_id=chosen["person"])
    if chosen["lead"]:
        rows = rows.filter(lead_id=chosen["lead"].strip())
    if chosen["how"]:
        rows = rows.filter(data__how=chosen["how"])
    return rows


def _people() -> list[tuple[str, str]]:
    """All who have or had an account, by the id that events name them by."""
    users: Any = get_user_model().objects.order_by("username").only("pk", "username")
    return [(recording.entity_of(user), user.get_username()) for user in users]


def _page(rows: QuerySet[Event], cursor: str) -> tuple[list[Event], str]:
    if cursor:
        try:
            at, id = cursors.time_and_id(cursor)
            rows = rows.filter(timestamp__lte=at).exclude(Q(timestamp=at) & Q(id__gte=id))
        except ValueError:
            pass
    found = list(rows.order_by("-timestamp", "-id")[: SHOWN + 1])
    shown = found[:SHOWN]
    more = len(found) > SHOWN
    return shown, cursors.encode(shown[-1].timestamp, shown[-1].id) if more else ""
