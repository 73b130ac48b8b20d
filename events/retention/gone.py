"""What is no longer kept, for those who look for it: since when the record begins, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Max

from events.models import Event, Lead, Trim
from events.retention import terms
from events.retention.terms import Kept
from leadops.lib import durations

NO_LONGER, ERASED = "no longer kept", "erased"
# For checks of the whole record: the record's events begin here, for all leads.
KEPT_FROM = (
    "(SELECT coalesce(max(until), '-infinity'::timestamptz) FROM events_trim "
    "WHERE table_name = 'events_event')"
)
# Whatever was made since then has all of its events: a row's own time and that of its first
# event are of two clocks.
WHOLE_FROM = f"({KEPT_FROM} + interval '1 hour')"
# Of a lead `l`: whether all of its snapshots must still be there.
ALL_SNAPSHOTS = """
    l.created_at >= coalesce((
        SELECT max(t.until) FROM events_trim t
        WHERE t.table_name = 'events_snapshot' AND (t.whole OR t.flow_id = l.flow_id)
    ), '-infinity') + interval '1 hour'
"""
_THERE = "SELECT id FROM events_exchange WHERE id = ANY(%s) AND at BETWEEN %s AND %s"


def events_from() -> datetime | None:
    """Events before this are no longer kept; None where all are."""
    found = Trim.objects.filter(table_name=Kept.EVENTS).aggregate(until=Max("until"))
    until: datetime | None = found["until"]
    return until


def words(kept: Kept, flow_id: str) -> str:
    """`no longer kept (30 days)`."""
    return _words(terms.load().of(kept, flow_id))


def _words(seconds: float) -> str:
    if seconds >= durations.FOREVER:
        return NO_LONGER  # the settings were others when it went
    days = round(seconds / 86_400)
    return f"{NO_LONGER} ({days} day{'' if days == 1 else 's'})"


def why(kept: Kept, event: Event) -> str:
    """What to say in place of an event's exchange or snapshot that is not there."""
    erased = Lead.objects.filter(id=event.lead_id, salt=None).exists()
    return ERASED if erased else words(kept, event.flow_id)


def exchanges(events: Iterable[Event]) -> Mapping[str, str]:
    """By exchange id, what to say of those that are gone."""
    chosen = {event.exchange_id: event for event in events if event.exchange_id}
    if chosen:
        times = [event.timestamp for event in chosen.values()]
        with connection.cursor() as cursor:
            cursor.execute(_THERE, [list(chosen), min(times), max(times)])
            for (exchange_id,) in cursor.fetchall():
                chosen.pop(exchange_id, None)
    if not chosen:
        return {}
    in_force = terms.load()
    leads = Lead.objects.filter(id__in={event.lead_id for event in chosen.values()}, salt=None)
    erased = set(leads.values_list("id", flat=True))
    return {
        exchange_id: ERASED
        if event.lead_id in erased
        else _words(in_force.of(Kept.EXCHANGES, event.flow_id))
        for exchange_id, event in chosen.items()
    }


@dataclass(frozen=True, slots=True)
class Begins:
    """The record begins at a time, for it is kept for so long: for a lead from before."""

    at: datetime
    words: str


def begins(lead: Lead) -> Begins | None:
    """What to say of a lead that is older than the events that are kept."""
    at = events_from()
    if at is None or lead.created_at >= at:
        return None
    return Begins(at, words(Kept.EVENTS, lead.flow_id))
