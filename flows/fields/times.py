"""Times of day, and points in time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_TIME = re.compile(
    r"(\d{1,2})(?::(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?\s*(?:([ap])\.?m?\.?)?",
    re.IGNORECASE | re.ASCII,
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)


def read_time(given: Given) -> Read:
    """`14:30` or `14:30:05`; a point in time as ISO 8601 in UTC (which is meant without a zone)."""
    text = plain(given.text)
    if _MOMENT.fullmatch(text):
        return _moment(text)
    found = _TIME.fullmatch(text)
    if found is None or not (found[2] or found[4]):
        raise Invalid("is not a time")
    hour, minute = _hour(int(found[1]), found[4]), int(found[2] or 0)
    second = int(found[3] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Invalid("is a time that does not exist")
    text = f"{hour:02}:{minute:02}" + (f":{second:02}" if found[3] else "")
    return Read(text, {"hour": hour, "minute": minute, "second": second})


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise Invalid("is a time that does not exist")
    return hour % 12 + (12 if half in ("p", "P") else 0)


def _moment(text: str) -> Read:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid("is a time that does not exist") from None
    normal = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Read(normal, {"hour": moment.hour, "minute": moment.minute, "second": moment.second})


TIME = FieldType("time", "Time", read_time, ("hour", "minute", "second"))
