"""Times of day, and points in time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from flows.fields.dates import LONGEST, ZONE, day_of
from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_TIME = re.compile(
    r"(\d{1,2})(?:[:.h](\d{2})(?:[:.](\d{2})(?:[.,]\d{1,9})?)?)?\s?(?:([ap])\.?\s?m?\.?)?",
    re.IGNORECASE | re.ASCII,
)
_WORDS = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
_DATED = re.compile(
    rf"(?P<day>.{{6,40}}?)[\sT,]+(?:at )?(?P<clock>\d{{1,2}}:\d\d[\d:.,]*(?:\s?[ap]\.?m\.?)?)"
    rf"\s?(?P<zone>{ZONE})",
    re.IGNORECASE | re.ASCII,
)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")


def read_time(given: Given) -> Read:
    """`14:30` or `14:30:05`; a point in time as ISO 8601 in UTC (which is meant without a zone)."""
    text = " ".join(plain(given.text).split())
    if len(text) > LONGEST:
        raise Invalid("is not a time")
    if _ISO.fullmatch(text) and (moment := _iso(text)):
        return _point(moment)
    if found := _DATED.fullmatch(text):
        return _point(_dated(day_of(found["day"]), found["clock"], found["zone"]))
    clock = _clock(text)
    text = clock.isoformat() if clock.second else clock.isoformat("minutes")
    return Read(text, {"hour": clock.hour, "minute": clock.minute, "second": clock.second})


def _clock(text: str) -> time:
    found = _TIME.fullmatch(_WORDS.get(text.lower(), text))
    if found is None or not (found[2] or found[4]):
        raise Invalid("is not a time")
    hour = _hour(int(found[1]), found[4])
    try:
        return time(hour, int(found[2] or 0), int(found[3] or 0))
    except ValueError:
        raise Invalid("is a time that does not exist") from None


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise Invalid("is a time that does not exist")
    return hour % 12 + (12 if half in ("p", "P") else 0)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _dated(day: date, clock: str, zone: str) -> datetime:
    moment = datetime.combine(day, _clock(clock))
    found = _OFFSET.search(zone)
    if found is None:
        return moment
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if offset >= timedelta(days=1):
        raise Invalid("is a time that does not exist")
    return moment.replace(tzinfo=timezone(offset if found[1] == "+" else -offset))


def _point(moment: datetime) -> Read:
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise Invalid("is a time that does not exist") from None
    normal = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Read(normal, {"hour": moment.hour, "minute": moment.minute, "second": moment.second})


TIME = FieldType(
    "time",
    "Time",
    read_time,
    ("hour", "minute", "second"),
    takes="14:30, 2:30 pm, noon, or a day with its time",
)
