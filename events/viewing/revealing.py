"""Masked values of one lead, shown to one person for a while: for a reason, and recorded first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from events import directory, leads, visibility
from events.journal import Journal
from events.masking import APPENDED, MASK, TOLD, personal_names
from events.models import Event, Lead
from events.privacy import values
from events.privacy.wording import scrubbed
from events.snapshots import Snapshots
from events.viewing import recording
from events.viewing.recording import How, Where
from events.vocabulary import EventType

LASTS = timedelta(minutes=5)
REASON_LENGTH = 300
AN_HOUR = timedelta(hours=1)
# One person's reveals one after the other: the limit holds whatever comes at once.
TURN = "SELECT pg_advisory_xact_lock(hashtextextended('leadops.reveal ' || %s, 0))"
REVEALED = """
    SELECT count(*), min(timestamp) FROM (
        SELECT timestamp FROM events_event
        WHERE entity_id = %s AND type = %s AND timestamp > %s AND data->>'how' = %s
        ORDER BY timestamp DESC LIMIT %s
    ) newest
"""


class Class(StrEnum):
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


class NotYours(PermissionError):
    """This role may not reveal this."""


class NoReason(ValueError):
    """Nobody said why."""


class NothingLeft(LookupError):
    """There are no such values: none were kept, or they were erased."""


class TooOften(Exception):
    """This person has revealed as many leads as one may; `seconds` until the next."""

    def __init__(self, seconds: int, most: int) -> None:
        super().__init__(f"You have revealed {most} leads within an hour; wait a while.")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Revealed:
    """What a reveal gives. `values` is the lead as it is now, `sensitive` what no snapshot has."""

    event: str
    until: datetime
    classes: frozenset[Class]
    values: Mapping[str, Any]
    sensitive: Mapping[str, Any]


def allowed(user: Any) -> frozenset[Class]:
    """The classes that somebody may reveal; what the role is shown anyway is none of them, for
    there is nothing to reveal."""
    settings = visibility.settings_for(user)
    found = set()
    if user.role in settings.revealed_by and not visibility.sees_personal(user):
        found.add(Class.PERSONAL)
    if settings.sensitive_revealed and user.role == "administrator":
        found.add(Class.SENSITIVE)
    return frozenset(found)


def reveal(
    user: Any, lead: Lead, *, classes: Iterable[Class], reason: str, where: Where
) -> Revealed:
    """Record it, and give the values. The caller has seen that the lead is within sight. Raises
    NotYours, NoReason, NothingLeft, TooOften."""
    wanted = frozenset(classes)
    if not wanted or not wanted <= allowed(user):
        raise NotYours("Your role may not reveal this.")
    if not reason.strip():
        raise NoReason("Say why: it stays in the record.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TURN, [recording.entity_of(user)])
        locked = leads.lock(cursor, [lead.id])[lead.id]
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        _limited(cursor, user, journal.at)
        shown, hidden = _values(lead, wanted, journal.at)
        event = recording.note(
            journal,
            locked,
            user,
            how=How.REVEALED,
            where=where,
            reason=_worded(cursor, lead, reason),
            classes=wanted,
            fields=_fields(lead, shown, hidden, wanted),
        )
        leads.save(cursor, [locked])
        journal.write(cursor)
    return Revealed(event, journal.at + LASTS, wanted, shown, hidden)


def _limited(cursor: Any, user: Any, at: datetime) -> None:
    most = visibility.settings_for(user).reveals_per_hour
    asked = [recording.entity_of(user), EventType.LEAD_VIEWED.value, at - AN_HOUR]
    cursor.execute(REVEALED, [*asked, How.REVEALED.value, most])
    count, first = cursor.fetchone()
    if count >= most:
        raise TooOften(max(1, round((first + AN_HOUR - at).total_seconds())), most)


def _values(
    lead: Lead, wanted: frozenset[Class], at: datetime
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The newest values as they are now, and the sensitive ones; raises NothingLeft."""
    now = Lead.objects.get(pk=lead.pk)  # under the lock: it may have been erased meanwhile
    newest = (now.id, now.snapshot)
    shown = Snapshots.read([newest], at).bodies.get(newest)
    if Class.PERSONAL in wanted and shown is None:
        raise NothingLeft("The lead's values are not kept any more.")
    hidden = sensitive(now) if Class.SENSITIVE in wanted else {}
    if wanted == {Class.SENSITIVE} and not hidden:
        raise NothingLeft("The lead has no sensitive values.")
    return shown or {}, hidden


def sensitive(lead: Lead) -> dict[str, Any]:
    """The values that stand in no snapshot, by name."""
    found: dict[str, Any] = json.loads(lead.sensitive) if lead.sensitive else {}
    return found


def _fields(
    lead: Lead, shown: Mapping[str, Any], hidden: Iterable[str], wanted: frozenset[Class]
) -> set[str]:
    """The fields whose values were masked and are not now, without their components. Sensitive
    ones stay masked among the personal ones."""
    names = set(hidden)
    if Class.PERSONAL in wanted:
        masked = personal_names(shown, directory.privacy(lead.flow_id))
        names |= {n for n in masked if shown[n] != MASK and not n.endswith(TOLD)}
    return {name if name.startswith(APPENDED) else name.partition(".")[0] for name in names}


def _worded(cursor: Any, lead: Lead, reason: str) -> str:
    """Why, as the record keeps it: without what it repeats of the person."""
    known = values.of_leads(cursor, [lead.id], lead.created_at).get(lead.id, {})
    words = {str(value) for value in [*known.values(), *sensitive(lead).values()]}
    return scrubbed(reason.replace("\0", "").strip()[:REASON_LENGTH], words)


# --- of the pages: what somebody has revealed of late


def open_until(user: Any, lead_id: str) -> dict[Class, datetime]:
    """What this person may see of the lead now, by its own last reveals, and until when."""
    may = allowed(user)
    if not may:
        return {}
    now = datetime.now(UTC)
    rows = Event.objects.filter(
        lead_id=lead_id,
        type=EventType.LEAD_VIEWED,
        entity_id=recording.entity_of(user),
        timestamp__gt=now - LASTS,
        data__how=How.REVEALED.value,
        data__where=Where.CONSOLE.value,
    ).values_list("timestamp", "data__classes")
    found: dict[Class, datetime] = {}
    for at, classes in rows:
        for each in classes:
            if each in may:
                found[Class(each)] = max(at + LASTS, found.get(Class(each), at))
    return found
