"""Send many deliveries again: choose, see how many, start, watch, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from events import directory
from events.eventpages.filters import Filters as EventFilters
from events.models import Delivery
from events.pages import page
from events.zones import remembered
from flows.byhand import bulkretry
from flows.byhand.bulkretry import Filters
from flows.models import BulkRetry
from flows.reviewpages.people import acting
from leadops.lib import queue

SHOWN = 30
WORDS = ("recipient", "flow", "outcome", "category", "reason")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def retries(request: HttpRequest) -> HttpResponse:
    """The form with what fits it, and what was sent again before."""
    by = acting(request)
    zone = remembered(request.session)
    asked = request.POST if request.method == "POST" else request.GET
    filters, problem = read(asked, zone)
    if request.method == "POST" and not problem:
        bulk = _start(request, filters, by)
        return redirect("review:retry", bulk.id) if bulk else redirect("review:retries")
    looked = ("start" in asked or filters.events) and not problem
    found = None
    try:
        found = bulkretry.look(filters) if looked else None
    except bulkretry.NotFound as error:
        problem = str(error)
    return page(
        request,
        "review/retries.html",
        "Send again",
        zone=zone,
        filters=filters,
        problem=problem,
        found=found,
        events=_events(filters.events),
        most=bulkretry.MOST,
        recipients=directory.parties("recipients.Recipient"),
        flows=directory.parties("flows.Flow"),
        states=[("failed", "Failed"), ("declined", "Declined"), ("review", "In review")],
        outcomes=_choices(bulkretry.OUTCOMES),
        categories=_choices(bulkretry.CATEGORIES),
        earlier=BulkRetry.objects.defer("deliveries").order_by("-created_at")[:SHOWN],
    )


LABELS = {
    "start": "From",
    "end": "to",
    "recipient": "Recipient",
    "flow": "Flow",
    "state": "State",
    "outcome": "Outcome",
    "category": "Category",
    "reason": "Reason has",
}


def _asked(filters: Mapping[str, str], zone: ZoneInfo) -> list[tuple[str, str]]:
    """What was chosen, as the form words it."""
    found = []
    for name, label in LABELS.items():
        if name in ("start", "end") and "events" in filters:
            continue  # the events have a period of their own
        if not (text := filters.get(name, "")):
            continue
        moment = _moment(text, zone) if name in ("start", "end") else None
        shown = f"{moment.astimezone(zone):%d %b %Y %H:%M}" if moment else text.replace("_", " ")
        found.append((label, shown if name != "reason" else text))
    return found


def _events(query: str) -> list[tuple[str, str]]:
    """What was chosen among events, for people."""
    chosen = EventFilters.of(query).pairs() if query else []
    return [(name, value.replace("_", " ")) for name, value in chosen if name != "period"]


def _choices(words: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(word, word.replace("_", " ")) for word in words]


def read(asked: Mapping[str, str], zone: ZoneInfo) -> tuple[Filters, str]:
    """The filters of a form, and what is wrong with them; by default the last day."""
    now = datetime.now(UTC)
    given = {name: str(asked.get(name, "")).replace("\0", "").strip()[:200] for name in WORDS}
    state = str(asked.get("state", "failed"))
    start, end = (_moment(str(asked.get(name, "")), zone) for name in ("start", "end"))
    events = EventFilters.of(str(asked.get("events", ""))).query
    filters = Filters(
        start=start or now - timedelta(days=1),
        end=end or now + timedelta(minutes=1),
        state=state if state in bulkretry.STATES else "failed",
        events=events,
        **given,
    )
    return filters, "It ends before it starts." if filters.end <= filters.start else ""


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    if found is None or not 1970 <= found.year <= 2999:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _start(request: HttpRequest, filters: Filters, by: str) -> BulkRetry | None:
    force = request.POST.get("force") == "1"
    try:
        with transaction.atomic():
            bulk = bulkretry.start(filters, by=by, force=force)
            queue.enqueue(bulkretry.TASK, bulk.id)
    except (bulkretry.TooMany, bulkretry.NoneFit, bulkretry.NotFound) as error:
        messages.error(request, str(error))
        return None
    return bulk


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def retry(request: HttpRequest, id: str) -> HttpResponse:
    """How far one has come; it looks again by itself while it runs. A post cancels it."""
    by = acting(request)
    bulk = BulkRetry.objects.defer("deliveries").filter(pk=id).first()
    if bulk is None:
        raise Http404("There is no such retry.")
    if request.method == "POST":
        done = bulkretry.cancel(id, by=by)
        said = "Cancelled. What was sent before stays sent." if done else "It had ended already."
        messages.success(request, said)
        return redirect("review:retry", id)
    return page(
        request,
        "review/retry.html",
        "Send again",
        zone=remembered(request.session),
        subtitle=bulk.id,
        bulk=bulk,
        asked=_asked(bulk.filters, remembered(request.session)),
        events=bulk.filters.get("events", ""),
        came_of=[(Delivery.State(state), n) for state, n in bulkretry.came_of(bulk.id).items()],
        part=bulk.position / bulk.total if bulk.total else 1,
        refused=_refused(bulk),
    )


def _refused(bulk: BulkRetry) -> list[tuple[str, Any]]:
    return sorted(bulk.refused.items(), key=lambda pair: (-pair[1], pair[0]))
