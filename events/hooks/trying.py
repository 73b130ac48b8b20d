"""What a hook would have done: the last of the record, or the last hours, looked at anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction

from events.hooks import figures, judging, loading, seeing
from events.hooks.figures import HOUR
from events.hooks.firing import Happening, hide, of_event
from events.hooks.loading import Names
from events.hooks.watches import Watch
from events.models import EventHook

EVENTS = 1_000
HOURS = 24
SHOWN = 20
SECONDS = 10  # that the look at the record may take
LAST = """
    SELECT {columns} FROM events_event WHERE type = ANY(%s) AND timestamp > %s
    ORDER BY timestamp DESC, id DESC LIMIT %s
"""
FAR_BACK = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Would:
    """One firing that would have been."""

    at: datetime
    text: str
    lead_id: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """`looked`: events, or hours; `times` in all, of which `shown` are the newest. `trouble`: why
    it could not be tried to the end."""

    looked: int
    times: int
    shown: Sequence[Would]
    unit: str
    since: datetime | None = None
    trouble: str = ""


def tried(hook: EventHook, now: datetime) -> Trial:
    """Without switching it on; nothing is written."""
    names = Names().fresh()
    return _on_hours(hook, names, now) if hook.metric else _on_events(hook, names, now)


def _on_events(hook: EventHook, names: Names, now: datetime) -> Trial:
    kept, hook.armed_at = hook.armed_at, None
    watch = loading.watch(hook, names)
    hook.armed_at = kept
    try:
        rows = _last(watch, now)
    except OperationalError:
        return Trial(0, 0, (), "event", trouble=f"The record did not answer within {SECONDS} s.")
    judged = judging.judge(seeing.seen(rows, [watch], names), known={})
    given = [of_event(each, hook, names) for each in judged.fired]
    with connection.cursor() as cursor:
        hide(cursor, given[-SHOWN:])
    moments = [each.match.seen.at for each in judged.fired]
    would = [_would(each, at) for each, at in zip(given, moments, strict=True)]
    since = rows[0][2] if rows else None
    trouble = judged.stopped.get(hook.id, "")
    return Trial(len(rows), len(would), would[: -SHOWN - 1 : -1], "event", since, trouble)


def _last(watch: Watch, now: datetime) -> list[tuple[Any, ...]]:
    """The newest events that it could be about, in order of time."""
    kinds = sorted(seeing.choice([watch]).types)
    statement = LAST.format(columns=", ".join(seeing.COLUMNS))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{SECONDS}s'")
        cursor.execute(statement, [kinds, now - FAR_BACK, EVENTS])
        return list(reversed(cursor.fetchall()))


def _would(each: Happening, at: datetime) -> Would:
    return Would(at, each.text, each.lead_id, each.event_id)


def _on_hours(hook: EventHook, names: Names, now: datetime) -> Trial:
    newest = figures.over(now)
    hours = [newest - HOUR * back for back in range(HOURS)]
    found = figures.unlike_of(hook, names, hours)
    would = [_would(each, hour) for hour in hours for each in found[hour]]
    return Trial(HOURS, len(would), would[:SHOWN], "hour", hours[-1])
