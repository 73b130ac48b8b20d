"""Ask for an export with a look at its first rows; the list; how far one has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events import cursors, directory, following, leadtags, visibility
from events.exports import gathering, keeping, steering, wanted
from events.exports.cells import cells
from events.exports.subjects import SUBJECTS
from events.exports.wanted import Wanted
from events.models import Delivery, Export, Lead
from events.models.export import Format, What
from events.pages import page
from events.visibility import Sight
from events.vocabulary import EventType
from events.zones import remembered
from leadops.lib.api import WrongShape
from recipients.outcomes import Category, Outcome

PAGE = 50
SAMPLE = 20
TITLE = "Exports"
OWN = ("what", "format", "fields", "reason")
SEVERAL = frozenset({"type", "outcome"})
LABELS = {
    "lead_id": "Lead id", "flow": "Flow", "source": "Source", "recipient": "Recipient",
    "entity_id": "Recipient", "type": "Types", "outcome": "Outcomes", "status": "Status",
    "result": "Result", "state": "State", "category": "Category", "test": "Test leads",
    "tag": "Tag", "start": "From", "end": "Until, included",
}  # fmt: skip
CHOICES = {
    "outcome": [(word.value, word.value) for word in Outcome],
    "category": [(word.value, word.value) for word in Category],
    "status": list(Lead.Status.choices),
    "result": [choice for choice in Lead.Result.choices if choice[0]],
    "state": list(Delivery.State.choices),
    "test": [("false", "Without test leads"), ("true", "Test leads")],
}
ORDER = (
    "start", "end", "flow", "source", "recipient", "entity_id", "type", "state", "status",
    "result", "outcome", "category", "tag", "test", "lead_id",
)  # fmt: skip


@never_cache
@login_required
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The exports that somebody sees, the newest first."""
    user: Any = request.user
    rows = steering.visible(user).order_by("-created_at", "-id")
    after = request.GET.get("after", "")
    try:
        at, id = cursors.time_and_id(after)
        rows = rows.filter(created_at__lte=at).exclude(Q(created_at=at) & Q(id__gte=id))
    except ValueError:
        after = ""
    found = list(rows[: PAGE + 1])
    more = found[PAGE - 1] if len(found) > PAGE else None
    return page(
        request,
        "exports/list.html",
        TITLE,
        zone=remembered(request.session),
        exports=found[:PAGE],
        working=any(export.is_open for export in found[:PAGE]),
        began=after,
        after=cursors.encode(more.created_at, more.id) if more else "",
        may=steering.may_export(user),
        kept=keeping.KEPT.days,
    )


@dataclass(slots=True)
class Look:
    """The first rows of what was asked for, or what is wrong with it."""

    columns: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    problems: Mapping[str, str] = field(default_factory=dict)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The form, with the first rows of what it asks for; a post looks, or begins it."""
    user: Any = request.user
    if not steering.may_export(user):
        raise PermissionDenied
    sight = visibility.of_user(user)
    given = request.POST if request.method == "POST" else request.GET
    what = given.get("what", "")
    what = what if what in SUBJECTS else What.EVENTS.value
    document = _document(given, what)
    look = Look()
    looked = "look" in given or given.get("do") in ("look", "export")
    if request.method == "POST" and given.get("do") == "export":
        try:
            asked = wanted.read(document)
            export = steering.start(asked, by=user.get_username(), sight=sight)
            return redirect("exports:one", export.id)
        except (WrongShape, steering.NotTheirs, steering.TooMany, DataError) as error:
            look.problems = _problems(error)
    elif looked:
        look = _look(document, user.get_username(), sight)
    return page(
        request,
        "exports/new.html",
        "New export",
        zone=remembered(request.session),
        what=what,
        format=given.get("format", Format.CSV.value),
        whats=What.choices,
        formats=Format.choices,
        inputs=_inputs(user, what, given),
        fields=given.get("fields", ""),
        reason=given.get("reason", ""),
        without_lead=given.get("exclude") == "lead",
        look=look,
        looked=looked,
        sample=SAMPLE,
        sees_personal=sight.sees_personal,
        kept=keeping.KEPT.days,
    )


def _document(given: QueryDict, what: str) -> dict[str, Any]:
    """What the form says, as the API takes it."""
    filters: dict[str, Any] = {}
    for name in SUBJECTS[what].known:
        values = [text.strip() for text in given.getlist(name) if text.strip()]
        if values:
            filters[name] = values if name in SEVERAL else values[0]
    names = given.get("fields", "").replace("\n", ",").split(",")
    return {
        "what": what,
        "format": given.get("format") or "csv",
        "filters": filters,
        "fields": [name.strip() for name in names if name.strip()],
        "exclude": given.get("exclude") or None,
        "reason": given.get("reason", ""),
    }


def _problems(error: Exception) -> Mapping[str, str]:
    if isinstance(error, WrongShape):
        return error.fields or {"": str(error.detail)}
    return {"": "These values cannot be read." if isinstance(error, DataError) else str(error)}


def _look(document: Mapping[str, Any], by: str, sight: Sight) -> Look:
    """The first rows; nothing is begun and nothing written down."""
    try:
        asked = wanted.read({**document, "format": "csv"})
        rows = gathering.sample(_draft(asked, by, sight), SAMPLE)
    except (WrongShape, steering.NotTheirs, DataError) as error:
        return Look(problems=_problems(error))
    columns = steering.columns(asked)
    return Look(columns, [cells(record, columns) for record in rows])


def _draft(asked: Wanted, by: str, sight: Sight) -> Export:
    return Export(
        what=asked.what,
        format="csv",
        filters=dict(asked.filters),
        with_lead=asked.with_lead,
        columns=steering.columns(asked),
        created_by=by,
        recipients=None if sight.recipients is None else sorted(sight.recipients),
        personal=sight.sees_personal,
        horizon=following.horizon(),
        begun_at=timezone.now(),
    )


@dataclass(frozen=True, slots=True)
class Input:
    """A filter of the form. Without choices it is written."""

    name: str
    label: str
    value: str
    values: list[str]
    choices: list[tuple[str, str]] | None
    kind: str = "text"
    several: bool = False


def _inputs(user: Any, what: str, given: QueryDict) -> list[Input]:
    known = SUBJECTS[what].known
    return [
        Input(
            name,
            LABELS[name],
            given.get(name, ""),
            given.getlist(name),
            _choices(user, what, name),
            kind="date" if name in ("start", "end") else "text",
            several=name in SEVERAL,
        )
        for name in ORDER
        if name in known and (name != "tag" or user.sees_all)
    ]


def _choices(user: Any, what: str, name: str) -> list[tuple[str, str]] | None:
    """What a filter offers; to account managers no names of those they have no part in."""
    match name:
        case "flow" | "source":
            model = {"flow": "flows.Flow", "source": "flows.Source"}[name]
            parties = directory.parties(model) if user.sees_all else []
            return [(party.slug, party.name) for party in parties]
        case "recipient" | "entity_id":
            rows = user.visible_recipients().order_by("name")
            key = "slug" if name == "recipient" else "id"
            return list(rows.values_list(key, "name"))
        case "type":
            groups = sorted({f"{kind.group}.*" for kind in EventType})
            return [(text, text) for text in (*groups, *(kind.value for kind in EventType))]
        case "tag":
            return [(tag, tag) for tag in leadtags.given()] or None
    return CHOICES.get(name)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, id: str) -> HttpResponse:
    """An export: how far it has come, its file. A post cancels it or makes a link."""
    user: Any = request.user
    export = steering.visible(user).filter(pk=id).first()
    if export is None:
        raise Http404("There is no such export.")
    may_take = steering.may_take(user, export)
    if request.method == "POST":
        _act(request, export, may_take=may_take)
        return redirect("exports:one", id)
    made = request.session.pop("export_link", None)
    query = QueryDict(mutable=True)
    for name, value in export.filters.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    query.update({"what": export.what, "format": export.format, "fields": ",".join(export.fields)})
    return page(
        request,
        "exports/one.html",
        TITLE,
        zone=remembered(request.session),
        export=export,
        filters=[(name, _words(value)) for name, value in export.filters.items()],
        may_take=may_take,
        may_cancel=steering.may_cancel(user, export),
        link=made if made and made.get("export") == export.id else None,
        again=f"{reverse('exports:new')}?{query.urlencode()}&look=1",
        may=steering.may_export(user),
    )


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _act(request: HttpRequest, export: Export, *, may_take: bool) -> None:
    user: Any = request.user
    by = user.get_username()
    match request.POST.get("do"):
        case "cancel" if steering.may_cancel(user, export):
            done = steering.cancel(export.id, by=by)
            said = "Cancelled. No file is kept." if done else "It had ended already."
            messages.success(request, said)
        case "link" if may_take and export.has_file:
            link = steering.link(export, by=by)
            path = request.build_absolute_uri(reverse("exports:file", args=[link.token]))
            request.session["export_link"] = {"export": export.id, "url": path}
        case _:
            raise PermissionDenied
