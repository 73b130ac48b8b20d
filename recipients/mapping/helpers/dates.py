"""`format`, and helpers on dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from recipients.mapping import formats
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
    if len(arguments) > 2 and arguments[2].constant:
        zone = literal(arguments[2])
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


_UNITS: Final = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_LIMIT: Final = 1_000_000


def _good_unit(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    if len(arguments) > 2 and _unit(literal(arguments[2])) is None:
        raise BadArguments(f"the unit is one of {', '.join(_UNITS)}, in quotes")


def _unit(name: Any) -> timedelta | None:
    return _UNITS.get(text_of(name).lower().removesuffix("s"))


@helper("date_add", prepare=_good_unit)
def date_add(value: Any, amount: Any, unit: Any = "days", /) -> date | None:
    """The date moved: `{{format (date_add now 30 "days") "YYYY-MM-DD"}}`. Blank for no date."""
    moment, count, step = date_of(value), number_of(amount), _unit(unit)
    if moment is None or count is None or step is None or abs(count) > _LIMIT:
        return None
    try:
        return moment + float(count) * step
    except OverflowError:
        return None


@helper("age")
def age(value: Any, at: Any = None, /) -> int | None:
    """Whole years since the date: `{{age lead.date_of_birth now}}`. Blank for no date."""
    born, today = date_of(value), date_of(at) or datetime.now(UTC)
    if born is None:
        return None
    before_birthday = (today.month, today.day) < (born.month, born.day)
    years = today.year - born.year - before_birthday
    return years if years >= 0 else None
