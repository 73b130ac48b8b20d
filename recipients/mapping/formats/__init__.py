"""`format`: which kind of format a pattern is, and a value written in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

from recipients.mapping.formats import dates, masks, numbers
from recipients.mapping.values import iso, number_of, text_of

Format = Callable[[Any, tzinfo | None], str | None]
"""A value and a time zone in, the text out; None where the value does not suit."""

_MAX_PATTERN: Final = 200


def _iso(value: Any, zone: tzinfo | None) -> str | None:
    moment = dates.date_of(value)
    if moment is None:
        return None
    shifted = moment.astimezone(zone) if isinstance(moment, datetime) and zone else moment
    return iso(shifted)


_NAMED: Final[dict[str, Format]] = {
    "e164": lambda value, _: masks.e164(text_of(value)),
    "iso": _iso,
    "iso8601": _iso,
}


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Format | None:
    """The format of a pattern: a name, a number pattern, a mask or date tokens; None for none."""
    if not pattern or len(pattern) > _MAX_PATTERN:
        return None
    if named := _NAMED.get(pattern.lower()):
        return named
    if number := numbers.parse(pattern):
        return lambda value, _: _number(value, number)
    if "#" in pattern:
        return lambda value, _: masks.mask(text_of(value), pattern)
    if date := dates.parse_pattern(pattern):
        return lambda value, zone: _date(value, date, zone)
    return None


def _number(value: Any, pattern: numbers.NumberFormat) -> str | None:
    number = number_of(value)
    return None if number is None else pattern.write(number)


def _date(value: Any, pattern: dates.DateFormat, zone: tzinfo | None) -> str | None:
    moment = dates.date_of(value)
    return None if moment is None else dates.write(moment, pattern, zone)
