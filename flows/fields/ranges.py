"""Ranges as forms offer them: `10-20`, `$50k to $75k`, `10+`, `under 10`, or one number."""

from __future__ import annotations

import re
from decimal import Decimal

from flows.fields.numbers import LONGEST, MONEY, amount, plain_number
from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_UNIT = r"(?:\s?(?:k|m|thousand|million)\b)?"
_NUMBER = rf"-?\s?[$£€¥]?\s?-?[\d.,]+{_UNIT}"
_BETWEEN = r"(?:-|~|\.\.\.?|\bto\b|\band\b|\bthrough\b|\bthru\b|\s)"
_TWO = re.compile(rf"(?:between |from )?({_NUMBER})\s?{_BETWEEN}\s?({_NUMBER})", re.IGNORECASE)
_FROM = r"over|above|more than|greater than|at least|no less than|from|minimum|min|>=?|≥"
_OR_MORE = r"\+|plus|(?:or|and) (?:more|up|over|above)"
_OPEN = re.compile(rf"(?:(?:{_FROM})\s?({_NUMBER})|({_NUMBER})\s?(?:{_OR_MORE}))", re.IGNORECASE)
_TO = r"under|below|less than|fewer than|up to|at most|no more than|maximum|max|<=?|≤"
_OR_LESS = r"(?:or|and) (?:less|fewer|under|below)"
_UP_TO = re.compile(rf"(?:(?:{_TO})\s?({_NUMBER})|({_NUMBER})\s?(?:{_OR_LESS}))", re.IGNORECASE)
# Excellent (720+): a word, and what it stands for.
_NAMED = re.compile(r"[a-z][a-z -]*\(([^()]+)\)", re.IGNORECASE)
_SCALE = re.compile(r"[a-z]+$", re.IGNORECASE)


def read_range(given: Given) -> Read:
    """`5-10`, `10+`, `<10` or `10`; a range that was written backwards is turned round."""
    text = " ".join(plain(given.text).split())
    if len(text) > LONGEST:
        raise Invalid("is not a range of numbers")
    if named := _NAMED.fullmatch(text):
        text = named[1].strip()
    if found := _TWO.fullmatch(text):
        return _between(*sorted(_bounds(found[1].strip(), found[2].strip())))
    if found := _OPEN.fullmatch(text):
        low = _bound(found[1] or found[2])
        return Read(f"{plain_number(low)}+", {"min": plain_number(low)})
    if found := _UP_TO.fullmatch(text):
        high = _bound(found[1] or found[2])
        return Read(f"<{plain_number(high)}", {"max": plain_number(high)})
    one = _bound(text)
    return _between(one, one)


def _bounds(low: str, high: str) -> tuple[Decimal, Decimal]:
    """Both ends. The k of `50-75k` is meant for both; that of `500-1k` for its own alone."""
    unit = _SCALE.search(high)
    if unit and not _SCALE.search(low) and _bound(low) < _bound(high[: unit.start()]):
        low = f"{low}{unit[0]}"
    return _bound(low), _bound(high)


def _between(low: Decimal, high: Decimal) -> Read:
    least, most = plain_number(low), plain_number(high)
    components = {"min": least, "max": most, "avg": plain_number((low + high) / 2)}
    return Read(str(least) if least == most else f"{least}-{most}", components)


def _bound(text: str) -> Decimal:
    try:
        return amount(text.strip(), units=MONEY)
    except Invalid:
        raise Invalid("is not a range of numbers") from None


RANGE = FieldType(
    "range",
    "Range of numbers",
    read_range,
    ("min", "max", "avg"),
    takes="$50k to $75k, 100-200, under 500, 500+",
)
