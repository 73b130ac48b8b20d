"""Spans of time as viewers choose them: from a moment to a moment, in steps, in a time zone. Pure.

Figures are kept by the hour (UTC), so a span's ends are rounded out to hours, and in a zone that
is half an hour off, an hour belongs to the day in which it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INTERVALS = ("hour", "day", "week", "month")
# The longest span that each interval is chosen for, so that a chart has at most about 90 points.
LONGEST = {"hour": 3 * DAY + HOUR, "day": 92 * DAY, "week": 2 * 366 * DAY}
MOST_STEPS = 2_000


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`; both aware. `zone` is the viewer's."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def first_hour(self) -> datetime:
        """The first hour of figures: the one that `start` lies in, if it is of the same day."""
        hour = floor(self.start, "hour", self.zone)
        return hour if hour >= floor(self.start, "day", self.zone) else hour + HOUR

    @property
    def interval(self) -> str:
        """The steps in which a chart of this span is best drawn."""
        return next((name for name, most in LONGEST.items() if self.length <= most), "month")

    def earlier(self, days: int) -> Span:
        """The same hours so many days before, by the zone's calendar."""
        return Span(self._moved(self.start, days), self._moved(self.end, days), self.zone)

    def _moved(self, at: datetime, days: int) -> datetime:
        return (at.astimezone(self.zone) - days * DAY).astimezone(UTC)

    def steps(self, interval: str) -> list[datetime]:
        """The start of every step that the span touches. Raises ValueError for too many."""
        found, at = [], floor(self.start, interval, self.zone)
        while at < self.end:
            found.append(at)
            if len(found) > MOST_STEPS:
                raise ValueError(f"That makes more than {MOST_STEPS} intervals.")
            at = following(at, interval, self.zone)
        return found


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins in a zone, in UTC."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def floor(at: datetime, interval: str, zone: ZoneInfo) -> datetime:
    """The start, in UTC, of the interval that `at` lies in. Weeks begin on Monday."""
    if interval == "hour":
        return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = at.astimezone(zone).date()
    if interval == "week":
        day -= timedelta(days=day.weekday())
    elif interval == "month":
        day = day.replace(day=1)
    return midnight(day, zone)


def following(at: datetime, interval: str, zone: ZoneInfo) -> datetime:
    """The start of the interval after the one that begins at `at`."""
    if interval == "hour":
        return at + HOUR
    day = at.astimezone(zone).date()
    if interval == "month":
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    else:
        day += timedelta(days=7 if interval == "week" else 1)
    return midnight(day, zone)
