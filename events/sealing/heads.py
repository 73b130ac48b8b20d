"""Publishing heads: the last seal's number and hash, to where whoever writes our database does not.

At a configured interval, and only when something was sealed since: to the file of heads under
LEADOPS_HOME, and to the destinations that the record's settings name (mail, object store, SFTP,
HTTP, folder). Every head and every failure is kept in `events_head`. The newest one stands in a
file of its own all the time.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from io import BytesIO

from django.db import connection

from events.destinations.delivering import Undelivered, deliver
from events.models import Destination, Head, RecordSettings, Seal
from events.sealing import published
from leadops.lib.http import Door

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds, a destination
CONTENT_TYPE = "application/json"


class Unpublished(Exception):
    """It is not there; the text says why."""


def publish(
    *,
    now: datetime | None = None,
    force: bool = False,
    here: bool = False,
    door: Door | None = None,
) -> int:
    """Publish the head wherever it is due; gives how many places took it. Failures are kept.
    `force`: everywhere, `here`: to the file alone, whatever the interval."""
    seal = Seal.objects.first()
    if seal is None:
        return 0
    _note(seal)
    wanted, now = RecordSettings.current(), now or _now()
    interval = timedelta(seconds=0 if force or here else wanted.heads_every)
    places = [published.PLACE, *([] if here else dict.fromkeys(wanted.heads_to))]
    due = [place for place in places if _due(place, seal, before=now - interval)]
    return sum(_publish(place, seal, now, door) for place in due)


def _note(seal: Seal) -> None:
    try:
        published.note(seal)
    except OSError as error:
        log.warning("Head %s was not noted: %s", seal.n, error)


def _due(place: str, seal: Seal, *, before: datetime) -> bool:
    last = published.last(place)
    if last is None or last.published_at is None:
        return True
    return last.n < seal.n and last.published_at <= before


def _publish(place: str, seal: Seal, now: datetime, door: Door | None) -> bool:
    """True when it is there. One open try a place is kept, with its error."""
    error = ""
    try:
        _take(place, seal, door)
    except (Unpublished, Undelivered, OSError) as failure:
        error = str(failure)[:300]
        log.warning("Head %s was not published to %s: %s", seal.n, place, error)
    Head.objects.update_or_create(
        place=place,
        published_at=None,
        defaults={"n": seal.n, "hash": bytes(seal.hash), "tried_at": now, "error": error},
        create_defaults={
            "n": seal.n,
            "hash": bytes(seal.hash),
            "tried_at": now,
            "error": error,
            "place": place,
            "published_at": None if error else now,
        },
    )
    if not error:
        Head.objects.filter(place=place, published_at=None).update(published_at=now)
    return not error


def _take(place: str, seal: Seal, door: Door | None) -> None:
    if place == published.PLACE:
        published.append(seal)
        return
    destination = Destination.objects.filter(slug=place).first()
    if destination is None:
        raise Unpublished("There is no such destination.")
    name = f"leadops-head-{seal.n:012d}.json"
    text = published.line(seal).encode() + b"\n"
    deliver(destination, name, CONTENT_TYPE, BytesIO(text), door=door, timeout=TIMEOUT)


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
