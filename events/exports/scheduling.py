"""Exports by the clock: begun when they are due, of the day, week or month before; sent where
their schedule says, again and again until they have arrived or nobody expects it any more."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, BinaryIO, cast
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from events import visibility
from events.destinations import delivering
from events.exports import keeping, noting, steering
from events.exports.formats import FORMATS
from events.exports.wanted import Wanted
from events.models import Export, ExportSchedule
from events.visibility import Sight
from events.vocabulary import EventType
from leadops.lib.api import WrongShape

log = logging.getLogger(__name__)

BY = "schedule"
AT_ONCE = 10  # begun or sent a run
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
CLAIMED = timedelta(minutes=10)  # whoever sends has it for as long
IN_MEMORY = 8 * 1024 * 1024
PASSING = frozenset({"network", "system"})  # what may be well again by itself
Every = ExportSchedule.Every


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to but without `end`, UTC."""

    start: datetime
    end: datetime


def next_after(schedule: ExportSchedule, now: datetime) -> datetime:
    """The first moment after now at which it is due, UTC."""
    zone = ZoneInfo(schedule.timezone)
    day = _first_day(schedule, now.astimezone(zone).date())
    while (due := _moment(day, schedule.at, zone)) <= now:
        day = _day_after(schedule, day)
    return due


def _first_day(schedule: ExportSchedule, day: date) -> date:
    """The newest day, not after this one, on which it is due."""
    match schedule.every:
        case Every.WEEK:
            return day - timedelta(days=day.weekday())
        case Every.MONTH:
            return day.replace(day=1)
    return day


def _day_after(schedule: ExportSchedule, day: date) -> date:
    match schedule.every:
        case Every.WEEK:
            return day + timedelta(days=7)
        case Every.MONTH:
            return (day + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=1)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def period(schedule: ExportSchedule, due: datetime) -> Period:
    """What an export that is due then is of: the whole day, week or month before, in its zone."""
    zone = ZoneInfo(schedule.timezone)
    end = _first_day(schedule, due.astimezone(zone).date())
    match schedule.every:
        case Every.WEEK:
            start = end - timedelta(days=7)
        case Every.MONTH:
            start = (end - timedelta(days=1)).replace(day=1)
        case _:
            start = end - timedelta(days=1)
    midnight = time(0)
    return Period(_moment(start, midnight, zone), _moment(end, midnight, zone))


def plan(schedule: ExportSchedule, now: datetime) -> None:
    """Set when it is due next, as it is saved."""
    schedule.next_at = next_after(schedule, now) if schedule.active else None


# --- beginning


def begin_due() -> int:
    """Begin the exports that are due; how many. One that was missed is begun once, not as often
    as it was missed."""
    now = timezone.now()
    unplanned = ExportSchedule.objects.filter(active=True, next_at__isnull=True)
    for schedule in unplanned[:AT_ONCE]:
        plan(schedule, now)
        schedule.save(update_fields=["next_at"])
    due = ExportSchedule.objects.filter(active=True, next_at__lte=now).order_by("next_at")
    return sum(_begin(id, now) for id in list(due.values_list("id", flat=True)[:AT_ONCE]))


def _begin(id: str, now: datetime) -> bool:
    with transaction.atomic():
        rows = ExportSchedule.objects.select_for_update(skip_locked=True)
        schedule = rows.filter(pk=id, active=True, next_at__lte=now).first()
        if schedule is None or schedule.next_at is None:
            return False
        covered = period(schedule, schedule.next_at)
        schedule.next_at = next_after(schedule, now)
        schedule.save(update_fields=["next_at"])
        try:
            with transaction.atomic():
                begin(schedule, covered)
        except (WrongShape, steering.NotTheirs) as error:
            said = getattr(error, "fields", None) or ""
            log.error("The export %s cannot be made: %s %s", schedule, error, said)
            return False
    return True


def begin(schedule: ExportSchedule, covered: Period) -> Export:
    """Have the file of a period made; raises WrongShape."""
    wanted = Wanted(
        what=schedule.what,
        format=schedule.format,
        filters={
            **schedule.filters,
            "start": covered.start.isoformat(),
            "end": covered.end.isoformat(),
        },
        fields=tuple(schedule.fields),
        with_lead=schedule.with_lead,
        reason=_reason(schedule),
    )
    return steering.start(
        wanted, by=BY, sight=sight_of(schedule), schedule=schedule.slug, masked=schedule.masked
    )


def _reason(schedule: ExportSchedule) -> str:
    whose = "" if schedule.masked else f", for {schedule.owner or 'nobody'}"
    return f"By schedule {schedule.slug}{whose}"


def sight_of(schedule: ExportSchedule) -> Sight:
    """What its file shows: masked, of everything; otherwise what its owner may see and take away
    by now. Who has gone, or may export no more, lends it no sight of personal values."""
    owner: Any = schedule.owner
    if schedule.masked or owner is None or not steering.may_export(owner):
        return Sight(personal=False)
    return visibility.of_user(owner)


# --- sending


def send_due() -> int:
    """Send what is done and waits to be sent; how many arrived."""
    now = timezone.now()
    waiting = Export.objects.filter(send_at__lte=now, state=Export.State.DONE)
    found = waiting.order_by("send_at").values_list("id", flat=True)
    return sum(_send(id) for id in list(found[:AT_ONCE]))


def _claim(id: str) -> Export | None:
    """Nobody else sends it for a while, this try counted; None: somebody does."""
    now = timezone.now()
    mine = Export.objects.filter(Q(pk=id), Q(send_at__lte=now), Q(purged_at__isnull=True))
    if not mine.update(send_at=now + CLAIMED, send_tries=F("send_tries") + 1):
        return None
    return Export.objects.get(pk=id)


def _send(id: str) -> bool:
    export = _claim(id)
    if export is None:
        return False
    schedule = (
        ExportSchedule.objects.filter(slug=export.schedule).select_related("destination").first()
    )
    if schedule is None:
        _note(export, error="Its schedule is gone.", again=None)
        return False
    try:
        with _file(export) as file:
            delivering.deliver(
                schedule.destination,
                export.filename,
                FORMATS[export.format].content_type,
                file,
                key=export.id,
            )
    except delivering.Undelivered as error:
        _note(export, error=str(error)[:300], again=_again(export, schedule, error), to=schedule)
        return False
    except keeping.Gone:
        _note(export, error="Its file is no longer kept.", again=None, to=schedule)
        return False
    _note(export, error="", again=None, to=schedule)
    return True


def _file(export: Export) -> BinaryIO:
    """The file, on disk where it is large."""
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  closed by the caller
    for data in keeping.pieces(export.id, export.pieces):
        file.write(data)
    file.seek(0)
    return cast(BinaryIO, file)


def _again(export: Export, schedule: ExportSchedule, error: Any) -> datetime | None:
    """When it is sent again; None: no more."""
    if export.send_tries >= schedule.tries:
        return None
    wait = min(FIRST_WAIT * 4 ** (export.send_tries - 1), LONGEST_WAIT)
    if error.retry_after:
        wait = max(wait, timedelta(seconds=min(error.retry_after, 86_400)))
    if error.category not in PASSING:
        wait = max(wait, timedelta(minutes=15))  # somebody has to mend it first
    again = timezone.now() + wait
    return again if export.expires_at is None or again < export.expires_at else None


def _note(
    export: Export, *, error: str, again: datetime | None, to: ExportSchedule | None = None
) -> None:
    """How it went, on its row and in the record."""
    with noting.noted() as journal:
        row = Export.objects.select_for_update().get(pk=export.pk)
        row.send_error, row.send_at = error, again
        row.sent_at = row.sent_at if error else journal.at
        row.save(update_fields=["send_error", "send_at", "sent_at"])
        where = to.destination.slug if to else None
        told = f"Not sent: {error}" if error else f"{row.rows:,} rows sent to {where}"
        journal.operation(
            EventType.EXPORT_SENT,
            entity_id=row.id,
            reason=told,
            schedule=row.schedule,
            destination=where,
            arrived=not error,
            attempt=row.send_tries,
            again_at=again.isoformat() if again else None,
            rows=row.rows,
            bytes=row.bytes,
            sha256=row.sha256,
        )
