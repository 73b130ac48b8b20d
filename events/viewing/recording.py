"""What the record says of people who look at leads: `lead.viewed`, once a person and lead in ten
minutes for plain views, and each time where masked values were revealed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from events import leads, visibility
from events.journal import Journal
from events.models import Event
from events.vocabulary import EventType
from leadops.lib.access import Caller, Principal

AGAIN_AFTER = timedelta(minutes=10)
MOST_NAMES = 100  # of fields, in one event
# A posted name is the source's to choose, and may itself say something of the person.
_NAME = re.compile(r"[A-Za-z][\w.-]{0,59}\Z", re.ASCII)


class How(StrEnum):
    OPENED = "opened"
    REVEALED = "revealed"


class Where(StrEnum):
    CONSOLE = "console"
    API = "api"


def entity_of(user: Any) -> str:
    """What events name a person by; as in the history of configuration."""
    return f"user:{user.pk}"


def opened(user: Any, lead_id: str, where: Where) -> None:
    """Note that somebody sees a lead, where the account asks for it, before it is shown."""
    if not visibility.settings_for(user).views_recorded:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        locked = leads.lock(cursor, [lead_id])
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        if lead_id in locked and not _seen(user, lead_id, journal):
            note(journal, locked[lead_id], user, how=How.OPENED, where=where)
            leads.save(cursor, list(locked.values()))
            journal.write(cursor)


def called(principal: Principal, lead_id: str) -> None:
    """The same of a call of the API; sources and partners are no people of ours."""
    if principal.kind is Caller.STAFF:
        opened(principal.user, lead_id, Where.API)


def _seen(user: Any, lead_id: str, journal: Journal) -> bool:
    """Whether the record says so already of the last minutes."""
    found = Event.objects.filter(
        lead_id=lead_id,
        type=EventType.LEAD_VIEWED,
        entity_id=entity_of(user),
        timestamp__gt=journal.at - AGAIN_AFTER,
    )
    return found.exists()


def note(
    journal: Journal,
    lead: leads.LockedLead,
    user: Any,
    *,
    how: How,
    where: Where,
    reason: str = "",
    classes: Iterable[str] = (),
    fields: Iterable[str] = (),
) -> str:
    """The event's id. Field names alone, no values."""
    return journal.record(
        lead,
        EventType.LEAD_VIEWED,
        entity_id=entity_of(user),
        reason=reason,
        by=user.get_username(),
        role=str(user.role),
        how=how.value,
        where=where.value,
        classes=sorted(classes),
        fields=[name for name in sorted(set(fields)) if _NAME.match(name)][:MOST_NAMES],
    )
