"""What is no longer kept, for those who look for it: since when the record begins, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection
from django.db.models import Max

from events.models import Event, Trim
from events.retention import terms
from events.retention.terms import Kept
from leadops.lib import durations

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
    seconds = terms.load().of(kept, flow_id)
    return _words(seconds)


def _words(seconds: float) -> str:
    if seconds >= durations.FOREVER:
        return "no longer kept"  # the settings were others when it went
    days = round(seconds / 86_400)
    return f"no longer kept ({days} day{'' if days == 1 else 's'})"


def exchanges(events: Iterable[Event]) -> Mapping[str, str]:
    """By exchange id, what to say of those that are gone."""
    chosen = {event.exchange_id: event for event in events if event.exchange_id}
    if not chosen:
        return {}
    times = [event.timestamp for event in chosen.values()]
    with connection.cursor() as cursor:
        cursor.execute(_THERE, [list(chosen), min(times), max(times)])
        for (exchange_id,) in cursor.fetchall():
            chosen.pop(exchange_id, None)
    if not chosen:
        return {}
    in_force = terms.load()
    return {
        exchange_id: _words(in_force.of(Kept.EXCHANGES, event.flow_id))
        for exchange_id, event in chosen.items()
    }
