"""What goes out of the record before somebody who follows it has read it: said, never silent.

As time runs out an alert says how much is left. When a month goes nevertheless, what each reader
missed of it is recorded, in the transaction that drops the month.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from events import alerting, following
from events.journal import Journal
from events.models import Alert, EventSubscription
from events.parameters import stamp
from events.retention import terms
from events.retention.months import Month
from events.retention.readers import Left, Reader, left, readers
from events.vocabulary import EventType

# An alert at each of these, before what waits is gone.
STAGES = (("week", timedelta(days=7)), ("day", timedelta(days=1)))
LATE = timedelta(hours=2)  # more than any batch waits to be full
SUBJECT = "kept:"

MISSED = """
    SELECT count(*), min(timestamp), max(timestamp) FROM {month}
    WHERE {after} AND timestamp >= %(since)s AND {wanted}
"""
END = """
    SELECT id FROM {month} WHERE {after} AND timestamp >= %(since)s AND {wanted}
    ORDER BY tx {way}, id {way} LIMIT 1
"""


# --- before


def warn() -> int:
    """Say for whom time runs out, close what is over; how many alerts were raised."""
    raised = 0
    in_force = terms.load()
    wrong = {
        subject: (reader, text)
        for reader in readers()
        if reader.active
        for subject, text in _trouble(reader, left(reader, in_force), in_force.now)
    }
    with transaction.atomic(), connection.cursor() as cursor:
        journal = _now(cursor)
        for subject in _open() - set(wrong):
            alerting.resolve_alerts(cursor, journal, subject=subject, entity_id=_entity(subject))
        for subject, (reader, text) in wrong.items():
            raised += alerting.raise_alert(
                cursor, journal, subject=subject, text=text, entity_id=reader.id
            )
        journal.write(cursor)
    return raised


def _trouble(reader: Reader, found: Left | None, now: datetime) -> Iterator[tuple[str, str]]:
    if found is None or now - found.since < LATE:
        return
    text = (
        f"{reader.name}: events since {found.since:%Y-%m-%d %H:%M} UTC wait to be read, and are "
        f"kept until {found.words(now)}. What is not read by then is missed"
    )
    for stage, before in STAGES:
        if found.time(now) <= before:
            yield f"{SUBJECT}{reader.id}:{stage}", text


def _open() -> set[str]:
    found = Alert.objects.filter(subject__startswith=SUBJECT, resolved_at=None)
    return set(found.values_list("subject", flat=True))


def _entity(subject: str) -> str:
    return subject.split(":")[1]


# --- when it happens


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that a reader wanted and has not had; the first and the last of them, in order."""

    events: int
    begin: datetime
    end: datetime
    first: str
    last: str

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "from": stamp(self.begin),
            "to": stamp(self.end),
            "first": self.first,
            "last": self.last,
        }


def note(cursor: Any, month: Month) -> None:
    """Record for each reader what it misses of a month of events, which the caller is to drop in
    this transaction. Until it ends no reader moves."""
    journal: Journal | None = None
    for reader, missed in list(_missed(cursor, month, readers(lock=True))):
        journal = journal or _now(cursor)
        _note(cursor, journal, month, reader, missed)
    if journal is not None:
        journal.write(cursor)


def _missed(cursor: Any, month: Month, all: Iterable[Reader]) -> Iterator[tuple[Reader, Missed]]:
    for reader in all:
        wanted, parameters = reader.choice.condition()
        given = {"tx": str(reader.at.tx), "id": reader.at.id, "since": reader.since, **parameters}
        named = {"month": month.name, "after": following.AFTER, "wanted": wanted}
        ends = []
        for way in ("ASC", "DESC"):
            cursor.execute(END.format(way=way, **named), given)
            ends += [row[0] for row in cursor.fetchall()]
        if ends:
            cursor.execute(MISSED.format(**named), given)
            yield reader, Missed(*cursor.fetchone(), *ends)


def _note(cursor: Any, journal: Journal, month: Month, reader: Reader, missed: Missed) -> None:
    text = (
        f"{reader.name} missed {missed.events:,} events of {missed.begin:%Y-%m-%d %H:%M} to "
        f"{missed.end:%Y-%m-%d %H:%M} UTC, which are no longer kept"
    )
    journal.operation(
        _kind(reader),
        entity_id="" if reader.id == "hooks" else reader.id,
        reason=text,
        missed=missed.as_json(),
        month=f"{month.first:%Y-%m}",
        **_who(reader),
    )
    type(reader.row).objects.filter(pk=reader.row.pk).update(
        missed=F("missed") + missed.events,
        missed_from=missed.begin,
        missed_to=missed.end,
        missed_at=journal.at,
    )
    if reader.active:
        subject = f"missed:{reader.id}:{month.first:%Y-%m}"
        alerting.raise_alert(cursor, journal, subject=subject, text=text, entity_id=reader.id)


def _kind(reader: Reader) -> EventType:
    if isinstance(reader.row, EventSubscription):
        return EventType.SUBSCRIPTION_MISSED
    return EventType.HOOK_MISSED


def _who(reader: Reader) -> dict[str, Any]:
    if isinstance(reader.row, EventSubscription):
        return {"subscription": {"id": reader.row.id, "slug": reader.row.slug}}
    return {}


def _now(cursor: Any) -> Journal:
    cursor.execute("SELECT clock_timestamp()")
    return Journal(cursor.fetchone()[0])
