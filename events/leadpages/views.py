"""The lead pages: the list with its search, and one lead with all that happened to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import directory, leadtags, visibility
from events.feedback import said
from events.goingon import goes_on
from events.leadpages.changes import changes
from events.leadpages.finding import find
from events.leadpages.inspector import Shown, inspect
from events.leadpages.listing import (
    PERIODS,
    TESTS,
    Filters,
    Page,
    exported,
    listed,
)
from events.leadpages.path import path
from events.leadpages.phases import course
from events.leadpages.timeline import GROUPS, Step, timeline
from events.models import Delivery, Event, Lead
from events.pages import page
from events.retention import gone
from events.viewing import recording
from events.viewing.curtain import curtain as curtain_of
from events.viewing.recording import Where
from events.visibility import Sight, lead_reason
from events.zones import remembered

ENDED = frozenset({Lead.Status.DONE, Lead.Status.REJECTED})


@never_cache
@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The latest leads, or those that were looked for; a single find opens at once."""
    user: Any = request.user
    sight = visibility.of_user(user)
    text = request.GET.get("q", "").strip()
    chosen = Filters.read(request.GET)
    found = Page(find(text, sight)) if text else listed(sight, chosen)
    if text and len(found.leads) == 1:
        return redirect("leads:lead", found.leads[0].id)
    deliveries = found.deliveries(sight)
    due = goes_on(found.leads, chain.from_iterable(deliveries.values()))
    return page(
        request,
        "leads/search.html",
        "Leads",
        zone=remembered(request.session),
        text=text,
        chosen=chosen,
        rows=[
            (lead, theirs, lead_reason(sight, lead), _until(due, lead, theirs))
            for lead in found.leads
            for theirs in [deliveries.get(lead.id, [])]
        ],
        after=found.after,
        sees_all=sight.sees_all,
        options=_options(user),
        export=urlencode(exported(chosen, datetime.now(UTC)))
        if user.exports and not chosen.tag
        else "",
    )


def _until(
    due: Mapping[str, datetime], lead: Lead, deliveries: Iterable[Delivery]
) -> datetime | None:
    """When the lead goes on at the earliest, None where it waits for no time."""
    ids = (lead.id, *(delivery.id for delivery in deliveries))
    return min((due[id] for id in ids if id in due), default=None)


def _options(user: Any) -> dict[str, Any]:
    """What the filters offer; to account managers no names of those they have no part in."""
    everything = user.sees_all
    return {
        "flows": directory.parties("flows.Flow") if everything else [],
        "sources": directory.parties("flows.Source") if everything else [],
        "recipients": user.visible_recipients().only("slug", "name"),
        "statuses": Lead.Status.choices,
        "results": [choice for choice in Lead.Result.choices if choice[0]],
        "periods": [(name, words) for name, (words, _) in PERIODS.items()],
        "tests": list(TESTS.items()),
        "tags": [(tag, tag) for tag in leadtags.given()] if everything else [],
    }


@never_cache
@login_required
@require_safe
def lead(request: HttpRequest, lead_id: str) -> HttpResponse:
    """One lead; 404 for those the viewer may not see."""
    sight = visibility.of_user(request.user)
    leads = leadtags.with_tags(sight.leads(), sight).select_related("flow", "source")
    found = leads.filter(id=lead_id).first()
    if found is None:
        raise Http404("There is no such lead.")
    recording.opened(request.user, found.id, Where.CONSOLE)
    curtain = curtain_of(request.user, found, sight)
    sight = curtain.sight
    events = list(sight.events().filter(lead_id=found.id).order_by("seq"))
    said.put(events)
    deliveries = list(
        sight.deliveries().filter(lead=found).select_related("recipient").order_by("id")
    )
    names = _names(found, deliveries)
    changed = changes(events, sight)
    steps = timeline(events, names)
    group = request.GET.get("group", "")
    shown = [step for step in steps if not group or step.group == group]
    due = goes_on([found], deliveries)
    chosen = _chosen(request, shown or steps, sight, events)
    return page(
        request,
        "leads/lead.html",
        "Lead",
        zone=remembered(request.session),
        subtitle=found.id,
        lead=found,
        reason=lead_reason(sight, found),
        deliveries=[(delivery, due.get(delivery.id)) for delivery in deliveries],
        waits_until=due.get(found.id),
        steps=shown,
        changed=changed,
        course=course(events, names),
        path=path(events, names, ended=found.status in ENDED),
        group=group,
        groups=[each for each in GROUPS if any(step.group == each for step in steps)],
        shown=chosen,
        begins=gone.begins(found) if not events or events[0].seq > 1 else None,
        sees_all=sight.sees_all,
        took=_took(found),
        margin=found.revenue - found.cost,
        curtain=curtain,
    )


def _names(lead: Lead, deliveries: Any) -> dict[str, str]:
    names = {delivery.recipient_id: delivery.recipient.name for delivery in deliveries}
    names |= directory.steps(lead.flow_id)
    return {**names, lead.source_id: lead.source.name, lead.flow_id: lead.flow.name}


def _chosen(
    request: HttpRequest, steps: list[Step], sight: Sight, everything: list[Event]
) -> Shown | None:
    """The event in the inspector: the one asked for, else the newest."""
    events: dict[str, Event] = {step.event.id: step.event for step in steps}
    newest = steps[-1].event if steps else None
    event = events.get(request.GET.get("event", ""), newest)
    if event is None:
        return None
    first = next(each for each in everything if each.snapshot == event.snapshot)
    return inspect(event, sight, fresh=first.id == event.id)


def _took(lead: Lead) -> float | None:
    """From the post to the end of the flow, in ms."""
    if lead.completed_at is None:
        return None
    return (lead.completed_at - lead.created_at).total_seconds() * 1000
