"""Ranges as forms offer them: `10-20`, `$50,000 to $75,000`, `10+`, `under 10`, or one number."""

from __future__ import annotations

import re
from decimal import Decimal

from flows.fields.numbers import amount, plain_number
from flows.fields.text import plain
from flows.fields.value import FieldType, Given, Invalid, Read

_NUMBER = r"-?\s*[$£€¥]?\s*[\d.,]+\s*k?"
_TWO = re.compile(
    rf"({_NUMBER})\s*(?:-|–|—|\.\.\.?|\bto\b|\band\b|\s)\s*({_NUMBER})", re.IGNORECASE
)
_OPEN = re.compile(
    rf"(?:(?:over|above|more than|at least|from|>=?)\s*({_NUMBER})"
    rf"|({_NUMBER})\s*(?:\+|or more|and up|and over))",
    re.IGNORECASE,
)
_UP_TO = re.compile(
    rf"(?:(?:under|below|less than|up to|at most|<=?)\s*({_NUMBER})|({_NUMBER})\s*or less)",
    re.IGNORECASE,
)


def read_range(given: Given) -> Read:
    """`5-10`, `10+`, `<10` or `10`; a range that was written backwards is turned round."""
    text = " ".join(plain(given.text).split())
    if found := _TWO.fullmatch(text):
        low, high = sorted((_bound(found[1]), _bound(found[2])))
        return _between(low, high)
    if found := _OPEN.fullmatch(text):
        low = _bound(found[1] or found[2])
        return Read(f"{plain_number(low)}+", {"min": plain_number(low)})
    if found := _UP_TO.fullmatch(text):
        high = _bound(found[1] or found[2])
        return Read(f"<{plain_number(high)}", {"max": plain_number(high)})
    one = _bound(text)
    return _between(one, one)


def _between(low: Decimal, high: Decimal) -> Read:
    least, most = plain_number(low), plain_number(high)
    components = {"min": least, "max": most, "avg": plain_number((low + high) / 2)}
    return Read(str(least) if least == most else f"{least}-{most}", components)


def _bound(text: str) -> Decimal:
    text = text.strip()
    try:
        if text[-1:] in ("k", "K"):
            return amount(text[:-1].strip()) * 1000
        return amount(text)
    except Invalid:
        raise Invalid("is not a range of numbers") from None


RANGE = FieldType("range", "Range of numbers", read_range, ("min", "max", "avg"))
