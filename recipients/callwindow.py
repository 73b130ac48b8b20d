"""When somebody may be called: `9am-8pm`, in their own time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_MOMENT: Final = re.compile(r"(\d{1,2})(?::([0-5]\d))?\s*(am|pm)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallWindow:
    """From `opens` on and before `closes`, by the clock on the wall; within one day."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, text: str) -> CallWindow:
        """Raises ValueError."""
        opens, dash, closes = text.replace("–", "-").partition("-")
        if not dash:
            raise ValueError("write from and to, such as 9am-8pm or 09:00-20:00")
        window = cls(moment(opens), moment(closes))
        if window.closes <= window.opens:
            raise ValueError("it must close later than it opens, on the same day")
        return window

    def next(self, now: datetime, zone: ZoneInfo) -> datetime:
        """`now` where it is open, else the moment at which it opens next; in the zone."""
        local = now.astimezone(zone)
        if self.opens <= local.time() < self.closes:
            return local
        later = local.time() >= self.closes
        day = local.date() + timedelta(days=1 if later else 0)
        return datetime.combine(day, self.opens, zone)


def moment(text: str) -> time:
    """A time of day such as `9am`, `8:30pm` or `20:30`; raises ValueError."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text.strip()!r} is no time: write 9am, 8:30pm or 20:30")
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text.strip()!r} is no time")
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23:
        raise ValueError(f"{text.strip()!r} is no time")
    return time(hour, minute)
