"""The search of events, and searches that people keep."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from events import cursors, directory, visibility
from events.eventpages import filters as words
from events.eventpages import saved, shown, walking
from events.eventpages.columns import USUAL, Columns
from events.eventpages.filters import Filters
from events.eventpages.likeness import again_url
from events.eventpages.walking import Place
from events.exports.subjects import SUBJECTS
from events.pages import page
from events.visibility import Sight
from events.vocabulary import EventType
from events.zones import remembered

PAGE: Final = 50
ROUNDS: Final = 40  # times that the page looks further back by itself
TOO_SLOW: Final = "That took too long to find. Narrow the period, or choose a recipient or type."


@dataclass(slots=True)
class Found:
    """A page of events. `after`: the cursor of the next; `until`: where the search stopped for
    now, because its time was up."""

    rows: list[shown.Row] = field(default_factory=list)
    after: str = ""
    until: datetime | None = None
    problem: str = ""


@never_cache
@login_required
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Events, newest first; only the rows where the page asks for more of them by itself."""
    user: Any = request.user
    zone = remembered(request.session)
    chosen, problems = Filters.read(request.GET)
    columns = Columns.read(request.GET)
    found = _found(chosen, columns, request, zone=zone)
    turn = _number(request.GET.get("turn", ""))
    return page(
        request,
        "events/list.html",
        "Events",
        zone=zone,
        chosen=chosen,
        columns=columns,
        usual=",".join(USUAL),
        found=found,
        problems=[*problems, *filter(None, [found.problem])],
        began=request.GET.get("after", ""),
        further=turn + 1 if found.until and turn < ROUNDS else None,
        searches=list(saved.visible(user)),
        mine=set(saved.changeable(user).values_list("id", flat=True)),
        export=_export(user, chosen, zone),
        again=_again(user, chosen, zone),
        options=_options(user),
        sees_personal=visibility.of_user(user).sees_personal,
    )


def _found(chosen: Filters, columns: Columns, request: HttpRequest, *, zone: ZoneInfo) -> Found:
    sight = visibility.of_user(request.user)
    now = datetime.now(UTC)
    try:
        start, end = chosen.bounds(zone, now)
        wanted = walking.search(chosen, sight, start=start, end=end)
        walked = walking.walk(wanted, most=PAGE, after=_place(request.GET.get("after", "")))
    except walking.TooSlow:
        return Found(problem=TOO_SLOW)
    except (walking.Nothing, ValueError, OverflowError) as error:
        return Found(problem=str(error))
    events = _kept(shown.events_at(walked.found, sight), chosen, sight)
    names = shown.names_for(events, request.user)
    after = cursors.encode(*walked.next) if walked.next else ""
    return Found(shown.rows(events, columns, names), after, walked.until)


def _kept(events: list[Any], chosen: Filters, sight: Sight) -> list[Any]:
    """What a masked word hides cannot be searched for."""
    if sight.sees_personal or not chosen.words:
        return events
    return [e for e in events if all(word.lower() in e.reason.lower() for word in chosen.words)]


def _place(cursor: str) -> Place | None:
    """Where a cursor points; one that is none begins anew."""
    try:
        return cursors.time_and_id(cursor)
    except ValueError:
        return None


def _number(text: str) -> int:
    return int(text[:4]) if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Exporting:
    """Where these events are exported; `without`: filters that exports do not know."""

    url: str
    without: list[str]


RENAMED: Final = {"lead": "lead_id", "delivery": "delivery_id", "recipient": "entity_id"}


def _export(user: Any, chosen: Filters, zone: ZoneInfo) -> Exporting | None:
    """None for those who may not. Exports go by whole days, in UTC."""
    if not user.exports:
        return None
    known = SUBJECTS["events"].known
    pairs, without = [("what", "events")], []
    for name, value in _absolute(chosen, zone).pairs():
        called = name if name in known else RENAMED.get(name, name)
        if name in ("start", "end"):
            pairs.append((name, _day(value, last=name == "end")))
        elif called in known:
            pairs.append((called, _party(value) if called == "entity_id" else value))
        elif name != "period":
            without.append(name)
    return Exporting(f"{reverse('exports:new')}?{urlencode(pairs)}", without)


def _day(moment: str, *, last: bool) -> str:
    """The day of a bound; of an end, which is not included itself, the last day before it."""
    at = datetime.fromisoformat(moment) - timedelta(seconds=1 if last else 0)
    return at.date().isoformat()


def _party(slug: str) -> str:
    party = directory.party("recipients.Recipient", slug)
    return party.id if party else slug


def _again(user: Any, chosen: Filters, zone: ZoneInfo) -> str:
    """The address at which the deliveries of these events are sent again, for who may; blank
    without a filter, for that would be all there ever were."""
    if not user.operates or not (chosen.type or chosen.recipient or chosen.flow or chosen.outcome):
        return ""
    return again_url(chosen.outcome, _absolute(chosen, zone).query)


def _absolute(chosen: Filters, zone: ZoneInfo) -> Filters:
    """With its period as moments, so that it means the same tomorrow."""
    try:
        return chosen.within(*chosen.bounds(zone, datetime.now(UTC)))
    except (ValueError, OverflowError):
        return chosen.within(None, None)


def _options(user: Any) -> dict[str, Any]:
    """What the filters offer; to account managers no names of those they have no part in."""
    everything = user.sees_all
    recipients = user.visible_recipients().order_by("name").only("id", "slug", "name")
    flows = (
        directory.parties("flows.Flow")
        if everything
        else directory.flows_of(recipient.id for recipient in recipients)
    )
    groups = [
        (group, [kind for kind in EventType if kind.group == group]) for group in words.GROUPS
    ]
    return {
        "groups": groups,
        "flows": flows,
        "sources": directory.parties("flows.Source") if everything else [],
        "recipients": recipients,
        "outcomes": [(word, word.replace("_", " ")) for word in words.OUTCOMES],
        "categories": [(word, word.replace("_", " ")) for word in words.CATEGORIES],
        "periods": [(name, text) for name, (text, _) in words.PERIODS.items()],
        "tests": list(words.TESTS.items()),
    }


@login_required
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """Keep the search that the page showed."""
    query = QueryDict(request.POST.get("query", "")[:4_000])
    chosen, _ = Filters.read(query)
    try:
        made = saved.keep(
            request.user,
            chosen,
            Columns.read(query),
            name=request.POST.get("name", ""),
            shared=request.POST.get("shared") == "1",
        )
    except saved.NotKept as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('events:list')}?{query.urlencode()}")
    messages.success(request, f"The search “{made.name}” is kept.")
    return redirect(f"{reverse('events:list')}?{made.query}")


@login_required
@require_POST
def throw_away(request: HttpRequest, id: str) -> HttpResponse:
    """Throw a kept search away; 404 for one that is somebody else's."""
    found = saved.changeable(request.user).filter(pk=id).first()
    if found is None:
        raise Http404("There is no such search.")
    found.delete()
    messages.success(request, f"The search “{found.name}” is no longer kept.")
    return redirect("events:list")
