"""Dates as ISO, Americans and spelling people write them; and dates of birth, with the age."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

OLDEST = 130
"""Years; nobody has lived longer."""

_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_MONTHS = {
    word: number for number, name in enumerate(_MONTH_NAMES, start=1) for word in (name, name[:3])
} | {"sept": 9}

# A time after the date is understood and left away; JavaScript's too: GMT-0500 (Eastern …).
ZONE = r"(?:(?:Z|UTC|GMT)?(?:[+-]\d{2}:?\d{2})?(?:\s*\([a-z .]{1,60}\))?)?"
_CLOCK = (
    r"(?:[T\s,]+(?:at\s+)?[0-2]?\d:[0-5]\d(?::\d{2}(?:[.,]\d{1,9})?)?\s*(?:[ap]\.?m\.?)?"
    rf"\s*{ZONE})?"
)
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+)?"
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"'?(?P<year>\d{4}|\d{2})"
_FORMS = tuple(
    re.compile(form + _CLOCK, re.IGNORECASE | re.ASCII)
    for form in (
        r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})",
        r"(?P<year>(?:1[89]|2[01])\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>\d{2})",
        r"(?P<month>\d{2})(?P<day>\d{2})(?P<year>\d{4})",
        rf"(?P<month>\d{{1,2}})(\s?[-/.]\s?| )(?P<day>\d{{1,2}})\2{_YEAR}",
        rf"{_WEEKDAY}{_MONTH}[\s-]+{_DAY},?[\s-]+{_YEAR}",
        rf"{_WEEKDAY}{_DAY}(?:\s+of\s+|[\s-]?){_MONTH},?[\s-]*{_YEAR}",
        rf"(?P<year>\d{{4}})[\s/.-]{_MONTH}[\s/.-](?P<day>\d{{1,2}})",
    )
)
LONGEST = 120  # characters

Century = Callable[[int, int, int], int]


def read_date(given: Given) -> Read:
    """`2024-01-15`. Of a year in two digits 69–99 are the last century, after POSIX."""
    day = day_of(_text(given))
    return Read(day.isoformat(), {"year": day.year, "month": day.month, "day": day.day})


def read_date_of_birth(given: Given) -> Read:
    """A date with the age in whole years. A year in two digits is the last one that has been."""
    today = given.today or datetime.now(UTC).date()

    def century(year: int, month: int, day: int) -> int:
        return 2000 if (2000 + year, month, day) <= (today.year, today.month, today.day) else 1900

    born = _date(_text(given), century)
    if born > today:
        raise Invalid("is in the future")
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age > OLDEST:
        raise Invalid(f"is more than {OLDEST} years ago")
    components = {"age": age, "year": born.year, "month": born.month, "day": born.day}
    return Read(born.isoformat(), components)


def day_of(text: str) -> date:
    """The day of a date in any of the forms. Raises Invalid."""
    return _date(text, lambda year, month, day: 1900 if year >= 69 else 2000)


def _text(given: Given) -> str:
    text = plain(given.text).replace("’", "'")
    if isinstance(given.raw, int) and len(text) == 7:
        # A number cannot keep the zero that 01311980 begins with.
        text = text.zfill(8)
    return text


def _date(text: str, century: Century) -> date:
    if len(text) > LONGEST:
        raise Invalid("is not a date")
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        raise Invalid("is not a date")
    year, month, day = int(found["year"]), _month(found["month"]), int(found["day"])
    if month > 12 >= day and found.start("month") < found.start("year"):
        # No thirteenth month: the day came first.
        month, day = day, month
    if len(found["year"]) == 2:
        year += century(year, month, day)
    try:
        return date(year, month, day)
    except ValueError:
        raise Invalid("is a date that does not exist") from None


def _month(text: str) -> int:
    if text.isdecimal():
        return int(text)
    month = _MONTHS.get(text.lower())
    if month is None:
        raise Invalid("is not a date")
    return month


DATE = FieldType(
    "date",
    "Date",
    read_date,
    ("year", "month", "day"),
    takes="1/15/2024 (month first), 2024-01-15, Jan 15, 2024, 01152024",
)
DATE_OF_BIRTH = FieldType(
    "date_of_birth",
    "Date of birth",
    read_date_of_birth,
    ("age", "year", "month", "day"),
    takes="a date; two digits of a year are the last such year",
)
