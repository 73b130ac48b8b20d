"""Date patterns in the tokens of the field (those of Moment.js), and reading dates from values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from recipients.mapping.values import is_blank, text_of

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
TOKENS: Final = re.compile(
    r"\[(?P<literal>[^\]]*)\]|YYYY|YY|MMMM|MMM|MM|M|dddd|ddd|DDDD|DD|Do|D|HH|H|hh|h|mm|m|SSS|ss|s"
    r"|SS|S|A|a|ZZ|Z|z|X|x"
)
_LETTERS: Final = re.compile(r"(?!T)[^\W\d_]")
_US_DATE: Final = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AaPp][Mm])?)?",
    re.ASCII,
)
_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})?", re.ASCII)
_ZONE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
_DATE_LENGTH: Final = len("YYYY-MM-DD")
_EPOCH_LIMITS: Final = (10**8, 10**14)
_MILLISECONDS_FROM: Final = 10**11


def _hour12(moment: datetime) -> int:
    return moment.hour % 12 or 12


def _offset(moment: datetime, colon: str) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02d}{colon}{minutes % 60:02d}"


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


_WRITERS: Final[dict[str, Callable[[datetime], str]]] = {
    "YYYY": lambda t: f"{t.year:04d}",
    "YY": lambda t: f"{t.year % 100:02d}",
    "MMMM": lambda t: MONTHS[t.month - 1],
    "MMM": lambda t: MONTHS[t.month - 1][:3],
    "MM": lambda t: f"{t.month:02d}",
    "M": lambda t: str(t.month),
    "dddd": lambda t: _DAYS[t.weekday()],
    "ddd": lambda t: _DAYS[t.weekday()][:3],
    "DDDD": lambda t: f"{t.timetuple().tm_yday:03d}",
    "DD": lambda t: f"{t.day:02d}",
    "Do": lambda t: _ordinal(t.day),
    "D": lambda t: str(t.day),
    "HH": lambda t: f"{t.hour:02d}",
    "H": lambda t: str(t.hour),
    "hh": lambda t: f"{_hour12(t):02d}",
    "h": lambda t: str(_hour12(t)),
    "mm": lambda t: f"{t.minute:02d}",
    "m": lambda t: str(t.minute),
    "ss": lambda t: f"{t.second:02d}",
    "s": lambda t: str(t.second),
    "S": lambda t: str(t.microsecond // 100_000),
    "SS": lambda t: f"{t.microsecond // 10_000:02d}",
    "SSS": lambda t: f"{t.microsecond // 1000:03d}",
    "A": lambda t: "AM" if t.hour < 12 else "PM",
    "a": lambda t: "am" if t.hour < 12 else "pm",
    "Z": lambda t: _offset(t, ":"),
    "ZZ": lambda t: _offset(t, ""),
    "z": lambda t: t.tzname() or "",
    "X": lambda t: str(int(t.timestamp())),
    "x": lambda t: str(int(t.timestamp() * 1000)),
}

DateFormat = tuple[str | Callable[[datetime], str], ...]


def parse_pattern(pattern: str) -> DateFormat | None:
    """The pattern's parts; None where no date token stands in it, or letters that are none.

    The T between date and time may stand as it is, other letters in [brackets].
    """
    if _LETTERS.search(TOKENS.sub("", pattern)):
        return None
    parts: list[str | Callable[[datetime], str]] = []
    at = 0
    for found in TOKENS.finditer(pattern):
        parts.append(pattern[at : found.start()])
        literal = found["literal"]
        parts.append(_WRITERS[found[0]] if literal is None else literal)
        at = found.end()
    parts.append(pattern[at:])
    return tuple(part for part in parts if part != "") if any(map(callable, parts)) else None


def write(moment: date, parts: DateFormat, zone: tzinfo | None) -> str | None:
    """The moment in the pattern, None where the calendar ends.

    A plain date is never shifted by a time zone: a birthday is the same day everywhere.
    """
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
        moment = moment if zone is None else _shifted(moment, zone)
    elif zone is not None:
        moment = _shifted(moment, zone)
    try:
        return "".join(part if isinstance(part, str) else part(moment) for part in parts)
    except (OverflowError, ValueError, OSError):
        return None


def _shifted(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):
        return moment


@lru_cache(maxsize=256)
def zone_of(name: str) -> tzinfo | None:
    """The time zone of an IANA name ("America/New_York") or an offset ("+05:30"); None if none."""
    text = name.strip()
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if offset := _OFFSET.fullmatch(text):
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        if hours > 14 or minutes > 59:
            return None
        length = timedelta(hours=hours, minutes=minutes)
        return timezone(-length if offset[1] == "-" else length)
    if not _ZONE_NAME.fullmatch(text):
        return None
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        return None


def date_of(value: Any) -> date | None:
    """The date or moment in a value; None where there is none.

    Understands ISO 8601, US dates (M/D/YYYY, with a time or without), e-mail dates, and seconds
    or milliseconds since 1970.
    """
    if isinstance(value, date):
        return value
    if isinstance(value, bool) or is_blank(value):
        return None
    if isinstance(value, int | float | Decimal):
        return _of_epoch(value)
    return _of_text(text_of(value).strip())


def _of_epoch(value: float | Decimal) -> datetime | None:
    if not _EPOCH_LIMITS[0] <= value < _EPOCH_LIMITS[1]:
        return None
    seconds = float(value) / 1000 if value >= _MILLISECONDS_FROM else float(value)
    return datetime.fromtimestamp(seconds, UTC)


def _of_text(text: str) -> date | None:
    if len(text) > 64:
        return None
    if text.isascii() and text.isdigit() and len(text) in (10, 13):
        return _of_epoch(int(text))
    if us := _US_DATE.fullmatch(text):
        return _of_us(us)
    for read in (_of_iso, parsedate_to_datetime):
        try:
            return read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _of_iso(text: str) -> date:
    return date.fromisoformat(text) if len(text) <= _DATE_LENGTH else datetime.fromisoformat(text)


def _of_us(found: re.Match[str]) -> date | None:
    month, day, year, hour, minute, second, half = found.groups()
    try:
        plain = date(int(year), int(month), int(day))
        if hour is None:
            return plain
        hours = int(hour)
        if half:
            hours = hours % 12 + (12 if half.lower() == "pm" else 0)
        return datetime(
            plain.year, plain.month, plain.day, hours, int(minute), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
