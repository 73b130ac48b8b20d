"""When summaries are due: whole periods of the source's own clock. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from events import zones

# Of any clock: a Monday, so that periods of seven days are weeks.
BEGINNING = date(1970, 1, 5)
MIDNIGHT = time(0)


def boundary(now: datetime, every: float, *, zone: tzinfo = UTC, at: time = MIDNIGHT) -> datetime:
    """The newest moment, not after now, at which a summary was due, UTC.

    Periods are counted by the zone's clock from a Monday at the time of day `at`: a day is from
    that time to that time, also where it has 23 hours or 25.
    """
    local = now.astimezone(zone)
    start = datetime.combine(BEGINNING, at)
    since = (local.replace(tzinfo=None) - start).total_seconds()
    due = start + timedelta(seconds=since // every * every)
    moment = due.replace(tzinfo=zone, fold=local.fold).astimezone(UTC)
    if moment > now:  # a time of day that the clock leaps over comes later on that day
        moment = (due - timedelta(seconds=every)).replace(tzinfo=zone).astimezone(UTC)
    return moment


def zone_of(name: str) -> tzinfo:
    """UTC for a zone that this machine does not know any more."""
    try:
        return zones.zone(name)
    except ValueError:
        return UTC
