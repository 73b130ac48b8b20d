"""`format`, and helpers on dates."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from typing import Any, Final

from recipients.mapping import formats
from recipients.mapping.formats.datereading import parse_reading
from recipients.mapping.formats.dates import date_of, zone_of
from recipients.mapping.helpers.registry import Argument, BadArguments, helper, literal
from recipients.mapping.values import is_blank, number_of, text_of


def _good_format(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    pattern = literal(arguments[1])
    if arguments[1].constant and formats.parse(text_of(pattern)) is None:
        raise BadArguments(
            f"{text_of(pattern)!r} is no format: use # for digits, "
            "date tokens such as YYYY-MM-DD, or a number pattern such as 0,0.00"
        )
    _check_zone(arguments)


def _check_zone(arguments: Sequence[Argument]) -> None:
    """The third argument, where it is written out, is a time zone."""
    zone = literal(arguments[2]) if len(arguments) > 2 else None
    if not is_blank(zone) and zone_of(text_of(zone)) is None:
        raise BadArguments(f"{text_of(zone)!r} is no time zone, such as America/New_York")


@helper("format", prepare=_good_format)
def format_(value: Any, pattern: Any, timezone: Any = None, /) -> str:
    """The value in a format: `{{format lead.phone_1 "(###) ###-####"}}`.

    `#` masks, date tokens (with a time zone behind them, if wanted), number patterns. Blank stays
    blank; a value that does not suit the format comes back as its own text, a number with the
    wrong count of digits for its mask as its bare digits.
    """
    if is_blank(value):
        return ""
    write = formats.parse(text_of(pattern))
    zone = None if is_blank(timezone) else zone_of(text_of(timezone))
    written = None if write is None else write(value, zone)
    return text_of(value) if written is None else written


def _good_reading(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    if len(arguments) > 1:
        pattern = literal(arguments[1])
        if not isinstance(pattern, str) or parse_reading(pattern) is None:
            raise BadArguments("the pattern is of date tokens, in quotes, such as DD/MM/YYYY")
    _check_zone(arguments)


@helper("read_date", prepare=_good_reading)
def read_date(value: Any, pattern: Any = None, timezone: Any = None, /) -> date | None:
    """The date in a text: `{{format (read_date lead.dob "DD/MM/YYYY") "YYYY-MM-DD"}}`.

    Without a pattern, what `format` understands. Blank where the text is no such date. A moment
    without a zone is in the time zone behind the pattern, else UTC.
    """
    zone = None if is_blank(timezone) else zone_of(text_of(timezone))
    if is_blank(pattern):
        return date_of(value)
    reader = parse_reading(text_of(pattern))
    return reader.read(text_of(value), zone) if reader is not None else None


_UNITS: Final = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS: Final = {"month": 1, "year": 12}
_LIMIT: Final = 1_000_000


def _good_unit(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    if len(arguments) > 2 and _unit(literal(arguments[2])) not in {*_UNITS, *_MONTHS}:
        raise BadArguments(f"the unit is one of {', '.join((*_UNITS, *_MONTHS))}, in quotes")


def _unit(name: Any) -> str:
    return text_of(name).lower().removesuffix("s")


@helper("date_add", prepare=_good_unit)
def date_add(value: Any, amount: Any, unit: Any = "days", /) -> date | None:
    """The date moved: `{{format (date_add now 30 "days") "YYYY-MM-DD"}}`. Blank for no date."""
    moment, count, name = date_of(value), number_of(amount), _unit(unit)
    if moment is None or count is None or abs(count) > _LIMIT:
        return None
    try:
        if name in _MONTHS:
            return _months_later(moment, int(count) * _MONTHS[name])
        return moment + float(count) * _UNITS[name]
    except (OverflowError, ValueError):
        return None


def _months_later(moment: date, count: int) -> date:
    """The same day so many months on, or the month's last; ValueError where the calendar ends."""
    years, month = divmod(moment.month - 1 + count, 12)
    year = moment.year + years
    if not MINYEAR <= year <= MAXYEAR:
        raise ValueError(year)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


@helper("days_between")
def days_between(first: Any, second: Any, /) -> int | None:
    """Whole days from the first date to the second: `{{days_between lead.move_date now}}`.

    Blank where either is no date.
    """
    begin, end = date_of(first), date_of(second)
    return None if begin is None or end is None else (_day(end) - _day(begin)).days


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


@helper("age")
def age(value: Any, at: Any = None, /) -> int | None:
    """Whole years since the date: `{{age lead.date_of_birth now}}`. Blank for no date."""
    born, today = date_of(value), date_of(at) or datetime.now(UTC)
    if born is None:
        return None
    before_birthday = (today.month, today.day) < (born.month, born.day)
    years = today.year - born.year - before_birthday
    return years if years >= 0 else None
