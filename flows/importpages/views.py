"""Choose a file and where its leads come from; say what its columns are; start, watch, steer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from events.pages import page
from events.zones import remembered
from flows import plans
from flows.importing import columns, files, steering, taking, working
from flows.importing.keeping import KEPT
from flows.importing.preview import SAMPLE, preview
from flows.importing.reading import Encoding, Refused
from flows.importing.taking import Wanted
from flows.importpages.people import acting, import_of, operates, permit
from flows.models import FlowSource, LeadImport
from flows.models.lead_import import FASTEST
from flows.plan import FlowPlan, SourcePlan
from leadops.lib import patience, queue

SHOWN = 30
FORM = 64 * 1024  # bytes of a form beside its file
TITLE = "Imports"
MARKS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
HEADERS = {"yes": True, "no": False}


@never_cache
@login_required
@require_http_methods(["GET", "HEAD"])
def overview(request: HttpRequest) -> HttpResponse:
    """The form for a file, and the imports before."""
    permit(request)
    flow, source = (request.GET.get(name, "").replace("\0", "") for name in ("flow", "source"))
    rows = LeadImport.objects.select_related("flow", "source").order_by("-created_at")
    terms = list(
        FlowSource.objects.select_related("flow", "source").order_by("flow__name", "source__name")
    )
    return page(
        request,
        "imports/list.html",
        TITLE,
        zone=remembered(request.session),
        terms=terms,
        chosen=_chosen(terms, flow, source),
        chosen_flow=flow,
        most=taking.MOST_BYTES // (1024 * 1024),
        fastest=FASTEST,
        acts=operates(request),
        earlier=(rows.filter(flow__slug=flow) if flow else rows)[:SHOWN],
    )


def _chosen(terms: Iterable[FlowSource], flow: str, source: str) -> int:
    """The pair that the form begins with, its id; of a flow alone its first source."""
    fits = (row.pk for row in terms if row.flow.slug == flow and source in ("", row.source.slug))
    return next(fits, 0)


@never_cache
@csrf_exempt  # looked at in `_take`: Django's own look would read the whole file first
@login_required
@require_http_methods(["POST"])
def send(request: HttpRequest) -> HttpResponse:
    """Take a file. Too large a one is refused before it is read."""
    acting(request)
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length) > taking.MOST_BYTES + FORM:
        messages.error(request, f"A file has at most {taking.MOST_BYTES // (1024 * 1024)} MB.")
        return redirect("imports:list")
    patience.for_file(request.META)
    taken: HttpResponse = _take(request)
    return taken


@csrf_protect
def _take(request: HttpRequest) -> HttpResponse:
    file, form = request.FILES.get("file"), request.POST
    flow, _, source = form.get("terms", "").replace("\0", "").partition("/")
    parties = _parties(flow, source)
    if file is None or parties is None:
        messages.error(request, "Choose a flow, a source of it, and a file.")
        return redirect("imports:list")
    wanted = Wanted(
        by=acting(request),
        filename=file.name or "",
        test=form.get("test") == "1",
        rate=_rate(form.get("rate", "")),
        header=HEADERS.get(form.get("header", "")),
    )
    try:
        made = taking.take(parties[0], parties[1].id, file, wanted)  # type: ignore[arg-type]
    except Refused as error:
        messages.error(request, str(error))
        return redirect("imports:list")
    return redirect("imports:one", made.id)


def _parties(flow: str, source: str) -> tuple[FlowPlan, SourcePlan] | None:
    current = plans.current()
    plan, party = current.flow(flow), current.source(source)
    if plan is None or party is None or party.id not in plan.terms:
        return None
    return plan, party


def _rate(text: str) -> int:
    return min(max(int(text), 1), FASTEST) if text.isdecimal() and len(text) < 6 else 50


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, id: str) -> HttpResponse:
    """An import: its columns before it starts, then how far it has come. A post acts."""
    job = import_of(request, id)
    if request.method == "POST":
        by = acting(request)
        act = ACTS.get(request.POST.get("do", ""))
        if act is not None:
            act(request, job, by)
        stays = LeadImport.objects.filter(pk=id).exists()
        return redirect("imports:one", id) if stays else redirect("imports:list")
    if job.may_start:
        acting(request)
        return _draft(request, job)
    return _progress(request, job)


def _draft(request: HttpRequest, job: LeadImport) -> HttpResponse:
    parties = _parties(job.flow_id, job.source_id)
    looks = parties if files.shown_to(request.user, job) else None
    shown = looks and preview(job, *looks, at=timezone.now())
    return page(
        request,
        "imports/draft.html",
        TITLE,
        zone=remembered(request.session),
        job=job,
        preview=shown,
        sample=SAMPLE,
        heads=_heads(job, parties[0]) if parties else [],
        problems=_problems(job, parties[0]) if parties else ["The flow cannot be used now."],
        repeated=columns.repeated(job.columns),
        same=taking.same_file(job),
        encoding=Encoding(job.encoding).label,
        mark=MARKS[job.delimiter],
        duplicates=bool(parties and _looks_for_duplicates(*parties)),
    )


@dataclass(frozen=True, slots=True)
class Head:
    """A column with the places where it may go."""

    name: str
    target: str
    targets: list[str]
    own: bool  # it may keep its own name


def _heads(job: LeadImport, flow: FlowPlan) -> list[Head]:
    targets = taking.targets_of(flow, job.source_id)
    needed = taking.needed(flow, job.source_id)
    marked = sorted(targets, key=lambda name: (name not in needed, targets.index(name)))
    return [
        Head(name, target, marked, name not in targets)
        for name, target in zip(job.columns, job.targets, strict=True)
    ]


def _problems(job: LeadImport, flow: FlowPlan) -> list[str]:
    return columns.problems(job.targets, taking.needed(flow, job.source_id))


def _looks_for_duplicates(flow: FlowPlan, source: SourcePlan) -> bool:
    return bool(flow.duplicates or flow.terms[source.id].duplicates)


def _progress(request: HttpRequest, job: LeadImport) -> HttpResponse:
    return page(
        request,
        "imports/progress.html",
        TITLE,
        zone=remembered(request.session),
        job=job,
        part=job.done / job.total if job.total else 1,
        left=(job.total - job.done) / job.rate,
        reasons=sorted(job.reasons.items(), key=lambda pair: (-pair[1], pair[0])),
        goes_at=job.finished_at and job.finished_at + KEPT,
        acts=operates(request),
        fastest=FASTEST,
    )


# --- what a post does


def _look(request: HttpRequest, job: LeadImport, by: str) -> None:
    _settle(request, job)


def _settle(request: HttpRequest, job: LeadImport) -> FlowPlan | None:
    parties = _parties(job.flow_id, job.source_id)
    if parties is None:
        messages.error(request, "The flow does not take leads of this source at the moment.")
        return None
    try:
        allowed = taking.targets_of(parties[0], job.source_id)
        taking.settle(job, request.POST.getlist("to"), allowed)
    except Refused as error:
        messages.error(request, str(error))
        return None
    return parties[0]


def _start(request: HttpRequest, job: LeadImport, by: str) -> None:
    flow = _settle(request, job)
    if flow is None:
        return
    if taking.same_file(job) and request.POST.get("again") != "1":
        messages.error(request, "This file was imported before. Tick that you want it again.")
        return
    try:
        with transaction.atomic():
            taking.begin(job, flow, by=by)
            queue.enqueue(working.TASK, job.id)
    except Refused as error:
        messages.error(request, str(error))


def _pause(request: HttpRequest, job: LeadImport, by: str) -> None:
    said = "Paused." if steering.pause(job.id, by=by) else "It does not run."
    messages.success(request, said)


def _resume(request: HttpRequest, job: LeadImport, by: str) -> None:
    with transaction.atomic():
        if done := steering.resume(job.id, by=by):
            queue.enqueue(working.TASK, job.id)
    messages.success(request, "It goes on." if done else "It is not paused.")


def _cancel(request: HttpRequest, job: LeadImport, by: str) -> None:
    done = steering.cancel(job.id, by=by)
    said = "Cancelled. What was taken in before stays." if done else "It had ended already."
    messages.success(request, said)


def _discard(request: HttpRequest, job: LeadImport, by: str) -> None:
    if LeadImport.objects.filter(pk=job.pk, state=LeadImport.State.DRAFT).delete()[0]:
        messages.success(request, "Discarded the file.")


def _set_rate(request: HttpRequest, job: LeadImport, by: str) -> None:
    rate = _rate(request.POST.get("rate", ""))
    steering.set_rate(job.id, rate, by=by)
    messages.success(request, f"{rate} rows a second from now on.")


ACTS: dict[str, Callable[[HttpRequest, LeadImport, str], None]] = {
    "look": _look,
    "start": _start,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "discard": _discard,
    "rate": _set_rate,
}
