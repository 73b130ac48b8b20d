"""From a failure to all that is like it, and on to what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import directory, visibility
from events.eventpages import alike as likeness
from events.eventpages import shown
from events.eventpages.columns import TEXTS, USUAL, Columns
from events.eventpages.walking import Nothing, TooSlow
from events.models import Event
from events.pages import page
from events.zones import remembered
from recipients.outcomes import Outcome

LISTED = 10


@never_cache
@login_required
@require_safe
def alike(request: HttpRequest, id: str) -> HttpResponse:
    """The pattern that an event is part of; 404 for one that the viewer may not see."""
    user: Any = request.user
    sight = visibility.of_user(user)
    event = sight.events().filter(id=id).first()
    if event is None:
        raise Http404("There is no such event.")
    zone = remembered(request.session)
    name = request.GET.get("period", likeness.USUAL)
    start, end = likeness.period(event, name, datetime.now(UTC))
    also = request.GET.getlist("also") if "period" in request.GET else ["category"]
    if not sight.sees_personal:  # it would stand in the page's links as it was recorded
        also = [name for name in also if name != "reason"]
    chosen = likeness.like(event, also)
    found, problem = None, ""
    try:
        found = likeness.pattern(chosen, sight, start=start, end=end, zone=zone)
    except TooSlow:
        problem = "That took too long to find. Choose a shorter period."
    except Nothing as error:
        problem = str(error)
    shown.masked([event], sight)
    latest = found.newest[:LISTED] if found else []
    names = shown.names_for([event, *latest], user)
    query = chosen.within(start, end).query
    return page(
        request,
        "events/alike.html",
        "All like this",
        zone=zone,
        event=event,
        about=names.get(event.entity_id, ""),
        period=name if name in likeness.SPANS else likeness.USUAL,
        periods=[(key, words) for key, (words, _) in likeness.SPANS.items()],
        start=start,
        end=end,
        also=[
            (key, text, key in also)
            for key, text in _also(event)
            if key != "reason" or sight.sees_personal
        ],
        found=found,
        problem=problem,
        columns=Columns(),
        rows=shown.rows(latest, Columns(USUAL), names),
        all_of_them=f"{reverse('events:list')}?{query}",
        ways=_ways(user, event, query) if sight.sees_recipient(event.entity_id) else {},
    )


def _also(event: Event) -> list[tuple[str, str]]:
    """What else the event has that others may share, as `category: server error`."""
    labels = {"category": "category", "reason": "reason", "mapping": "mapping version",
              "endpoint": "endpoint", "status": "response code"}  # fmt: skip
    found = []
    for name in likeness.ALSO:
        value = TEXTS[name](event) if name in TEXTS else event.reason
        if value not in (None, ""):
            found.append((name, f"{labels[name]} {str(value).replace('_', ' ')[:60]}"))
    return found


def again_url(outcomes: Sequence[str], query: str) -> str:
    """Where the deliveries of these events are sent again: those that a buyer declined stand under
    another word than those that failed."""
    declined = bool(outcomes) and not any(Outcome(word).is_technical for word in outcomes)
    state = "declined" if declined else "failed"
    return f"{reverse('review:retries')}?{urlencode({'state': state, 'events': query})}"


def _ways(user: Any, event: Event, query: str) -> dict[str, str]:
    """Where the failure is mended: addresses by name, those that the viewer may use."""
    recipient = directory.party("recipients.Recipient", event.entity_id)
    if recipient is None:
        return {}
    found = {"recipient": reverse("dashboards:recipient", args=[recipient.slug])}
    of_lead = urlencode({"lead": event.lead_id, "event": event.id}) if event.lead_id else ""
    if user.has_perm("recipients.change_recipient"):
        for name, page_name in (("mapping", "mapping"), ("test", "testing")):
            at = reverse(f"admin:recipients_recipient_{page_name}", args=[quote(recipient.id)])
            found[name] = f"{at}?{of_lead}"
    if user.operates and event.outcome and event.type.startswith("recipient."):
        found["again"] = again_url([event.outcome], query)
    return found
