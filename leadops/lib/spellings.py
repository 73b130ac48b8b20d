"""The ways in which texts write a number or a day, as regular expressions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

FEWEST_DIGITS = 6  # shorter numbers occur by chance
_NUMBER = re.compile(r"[\d\s().+/-]+")
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?!\d)")
_BETWEEN = r"(?:[\s().+/-]|%2[0-9A-F]){0,3}"  # as they are, or percent-encoded
_PARTED = r"(?:[-/. +]|%2[0DEF])"


def of(value: str) -> Iterator[str]:
    """Patterns for `536224455` as 536-22-4455, for `1980-02-03` as 2/3/1980; none for words."""
    if found := _DAY.match(value):
        yield from dates(*found.groups())
    if _NUMBER.fullmatch(value):
        digits = re.sub(r"\D", "", value)
        if len(digits) >= FEWEST_DIGITS:
            yield rf"(?<!\d){_BETWEEN.join(digits)}(?!\d)"


def dates(year: str, month: str, day: str) -> Iterator[str]:
    """A day in the orders and with the separators that people use."""
    loose_month, loose_day = (rf"0?{int(part)}" for part in (month, day))
    for parts in (
        (year, loose_month, loose_day),
        (loose_month, loose_day, year),
        (loose_day, loose_month, year),
    ):
        yield _PARTED.join(parts)
    yield from (year + month + day, month + day + year, day + month + year)
