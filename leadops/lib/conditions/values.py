"""Reading a lead's values: where a field's value stands, and as what it can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from leadops.lib import numerals

Find = Callable[[Mapping[str, Any]], Any]

_DATE = re.compile(r"\d{4}-\d\d-\d\d(?=$|[T ])", re.ASCII)
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?", re.ASCII)
# The sign or code of a currency, which may stand before, behind or inside: $1,200, -$5, 5 EUR.
_CURRENCY = re.compile(r"(?:US|CA|C|A)?[$£€¥₹]|\b(?:USD|CAD|GBP|EUR|AUD)\b", re.IGNORECASE)
_LONGEST_AMOUNT = 60
_TRUE = frozenset({"true", "yes", "y", "t", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "f", "0", "off"})


def finder(name: str) -> Find:
    """A function that finds the value of `name`, None where there is none.

    Values are flat with dotted keys; what lies deeper (appended replies) is walked into, and a
    context of roots (`{"lead": {…}, "source": {…}}`) is understood as well.
    """
    field, _, part = name.rpartition(".")
    return _raw_finder(field) if field and part == "raw" else _own_finder(name)


def _raw_finder(field: str) -> Find:
    """What was sent for a field: kept beside the field's value only where the two differ."""
    raw, whole, known = map(_own_finder, (f"{field}.raw", field, f"{field}.valid"))

    def find(values: Mapping[str, Any]) -> Any:
        found = raw(values)
        return whole(values) if found is None and known(values) is not None else found

    return find


def _own_finder(name: str) -> Find:
    parts = name.split(".")

    def find(values: Mapping[str, Any]) -> Any:
        found = values.get(name)
        if found is not None:
            return found
        found = _walk(values, parts) if len(parts) > 1 else None
        if found is None:
            lead = values.get("lead")
            if isinstance(lead, Mapping):
                found = lead.get(name)
                return _walk(lead, parts) if found is None and len(parts) > 1 else found
        return found

    return find


def _walk(values: Mapping[str, Any], parts: list[str]) -> Any:
    """The longest key that leads somewhere wins: `appended.s` before `appended`."""
    for split in range(len(parts) - 1, 0, -1):
        node = values.get(".".join(parts[:split]))
        for part in parts[split:]:
            node = _child(node, part)
        if node is not None:
            return node
    return None


def _child(node: Any, part: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(part)
    if isinstance(node, list) and part.isdecimal() and len(part) < 6:
        return node[int(part)] if int(part) < len(node) else None
    return None


def validity(name: str) -> Find:
    """A function that finds whether the value of `name` is valid, None where nobody knows.

    A component that says nothing of its own is as valid as its field, if it is there.
    """
    own, root = finder(f"{name}.valid"), name.partition(".")[0]
    if root == name:
        return own
    whole, part = finder(f"{root}.valid"), finder(name)

    def find(values: Mapping[str, Any]) -> Any:
        found = own(values)
        if found is None:
            found = whole(values)
            if found is True and is_blank(part(values)):
                return None
        return found

    return find


def is_blank(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, (list, tuple, Mapping)) and not value)


def fold(text: str) -> str:
    """Text as it is compared: without surrounding blanks, case or full-width forms.

    Beyond ASCII after Unicode's NFKC_Casefold: folding may leave a letter and its accent apart.
    """
    if text.isascii():
        return text.strip().casefold()
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def as_text(value: Any) -> str | None:
    """One value as text; None for groups, and for numbers too long to be one."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 512 else None
    if isinstance(value, (float, Decimal)):
        return str(value)
    return value.isoformat() if isinstance(value, (date, time)) else None


def as_number(value: Any) -> Decimal | int | None:
    """A number, or the amount of a text such as `$1,200`."""
    if isinstance(value, str):
        number = numerals.read(value)
        return _amount(value) if number is None else number
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return numerals.exact(value) if isinstance(value, (float, Decimal)) else None


def _amount(text: str) -> Decimal | None:
    if len(text) > _LONGEST_AMOUNT:
        return None
    bare = _CURRENCY.sub("", text, count=1)
    return None if bare == text else numerals.read(bare)


def as_flag(value: Any) -> bool | None:
    """True or false, from a boolean or one of the words that forms send for it."""
    if isinstance(value, bool):
        return value
    text = as_text(value)
    word = fold(text) if text is not None else ""
    return True if word in _TRUE else False if word in _FALSE else None


def as_date(value: Any) -> date | None:
    """The day that a date or a moment falls on, where it was written."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    found = _DATE.match(value.strip()) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def as_moment(value: Any) -> datetime | None:
    """A point in time; a date begins at midnight, and UTC is meant where no zone is given."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = datetime.fromisoformat(text) if _DATE.match(text) else None
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if _is_day(value) else None


def _is_day(value: Any) -> bool:
    return isinstance(value, date)


def as_time(value: Any) -> str | None:
    """A time of day as `HH:MM:SS`, which sorts as text."""
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    return None if found is None else found[0] if len(found[0]) == 8 else f"{found[0]}:00"
