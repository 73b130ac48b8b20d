"""Reading a date that is written in a known pattern, such as DD/MM/YYYY."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final

from recipients.mapping.formats.dates import MONTHS, TOKENS, zone_of

_PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "YYYY": ("year", r"\d{4}"),
    "YY": ("short_year", r"\d{2}"),
    "MMMM": ("month_name", r"[A-Za-z]{3,9}"),
    "MMM": ("month_name", r"[A-Za-z]{3}"),
    "MM": ("month", r"\d{2}"),
    "M": ("month", r"\d{1,2}"),
    "DD": ("day", r"\d{2}"),
    "Do": ("day", r"\d{1,2}(?=st|nd|rd|th)"),
    "D": ("day", r"\d{1,2}"),
    "HH": ("hour", r"\d{2}"),
    "H": ("hour", r"\d{1,2}"),
    "hh": ("hour", r"\d{2}"),
    "h": ("hour", r"\d{1,2}"),
    "mm": ("minute", r"\d{2}"),
    "m": ("minute", r"\d{1,2}"),
    "ss": ("second", r"\d{2}"),
    "s": ("second", r"\d{1,2}"),
    "SSS": ("millisecond", r"\d{3}"),
    "A": ("half", r"[AaPp]\.?[Mm]\.?"),
    "a": ("half", r"[AaPp]\.?[Mm]\.?"),
    "Z": ("zone", r"Z|[+-]\d{2}:?\d{2}"),
    "ZZ": ("zone", r"Z|[+-]\d{2}:?\d{2}"),
}
_CENTURY_TURN: Final = 69
"""Two digits from here on are of the last century, as POSIX has it."""


@dataclass(frozen=True, slots=True)
class DateReader:
    """A pattern, compiled for reading."""

    pattern: re.Pattern[str]
    has_time: bool

    def read(self, text: str, zone: tzinfo | None) -> date | None:
        """The date, or the moment where the pattern has hours; None where the text is other.

        A moment without a zone of its own is in `zone`, else UTC.
        """
        found = self.pattern.fullmatch(text.strip()) if len(text) < 100 else None
        if found is None:
            return None
        parts = {name: value for name, value in found.groupdict().items() if value is not None}
        try:
            day = date(_year(parts), _month(parts), int(parts.get("day", "1")))
            return _moment(day, parts, zone) if self.has_time else day
        except ValueError:
            return None


@lru_cache(maxsize=256)
def parse_reading(pattern: str) -> DateReader | None:
    """The reader of a pattern; None where it names no year, a token twice, or no token it knows."""
    written, at, names = "", 0, []
    for token in TOKENS.finditer(pattern):
        written += re.escape(pattern[at : token.start()])
        at = token.end()
        if token["literal"] is not None:
            written += re.escape(token["literal"])
            continue
        if token[0] not in _PARTS:
            return None
        name, digits = _PARTS[token[0]]
        names.append(name)
        written += f"(?P<{name}>{digits})" + ("[a-z]{2}" if token[0] == "Do" else "")
    if len(names) != len(set(names)) or not {"year", "short_year"} & set(names):
        return None
    return DateReader(re.compile(written + re.escape(pattern[at:]), re.ASCII), "hour" in names)


def _year(parts: Mapping[str, str]) -> int:
    if "year" in parts:
        return int(parts["year"])
    short = int(parts["short_year"])
    return short + (1900 if short >= _CENTURY_TURN else 2000)


def _month(parts: Mapping[str, str]) -> int:
    """ValueError for a name that no month has."""
    if "month_name" not in parts:
        return int(parts.get("month", "1"))
    short = parts["month_name"][:3].title()
    return [month[:3] for month in MONTHS].index(short) + 1


def _moment(day: date, parts: Mapping[str, str], zone: tzinfo | None) -> datetime:
    hour = int(parts["hour"])
    if half := parts.get("half"):
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    own = zone_of(parts["zone"]) if "zone" in parts else None
    return datetime(
        day.year,
        day.month,
        day.day,
        hour,
        int(parts.get("minute", "0")),
        int(parts.get("second", "0")),
        int(parts.get("millisecond", "0")) * 1000,
        tzinfo=own or zone or UTC,
    )
