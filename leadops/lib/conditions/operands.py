"""The value a rule compares with: read once, when the rule is parsed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from leadops.lib.conditions import values
from leadops.lib.conditions.errors import ConditionError, step

MOST_OPERANDS = 10_000
LONGEST_TEXT = 10_000

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Operand:
    """One comparison value under each of its readings, None where it has no such reading.

    `number` is any numeric reading, used against numbers. Text is compared as a number only when
    the rule itself was `written_as_number`: else 007 would be 7 and 02134 would be 2134.
    """

    document: str | int | float | bool
    text: str
    number: Decimal | int | None
    written_as_number: bool
    flag: bool | None
    written_as_flag: bool
    day: date | None
    moment: datetime | None

    def equals(self, value: Any) -> bool:
        if isinstance(value, str):
            return self._equals_text(value)
        if isinstance(value, bool):
            return self.flag is value
        if isinstance(value, date):
            return self._equals_date(value)
        number = values.as_number(value)
        return number is not None and number == self.number

    def _equals_text(self, value: str) -> bool:
        if values.fold(value) == self.text:
            return True
        if self.written_as_number:
            return values.as_number(value) == self.number
        if self.written_as_flag:
            return values.as_flag(value) is self.flag
        return self.day is not None and self._equals_date(value)

    def _equals_date(self, value: Any) -> bool:
        if self.moment is not None:
            return values.as_moment(value) == self.moment
        return self.day is not None and values.as_date(value) == self.day


def one(raw: Any, path: str) -> Operand:
    """The operand `raw` as written in a rule's document. Raises ConditionError."""
    document = _plain(raw, path)
    text = document if isinstance(document, str) else values.as_text(document) or ""
    is_number = not isinstance(document, (str, bool))
    day = values.as_date(document) if isinstance(document, str) else None
    return Operand(
        document=document,
        text=values.fold(text),
        number=values.as_number(document),
        written_as_number=is_number,
        flag=values.as_flag(document),
        written_as_flag=isinstance(document, bool),
        day=day,
        # A bare date is a whole day; only what names an hour is a point in time.
        moment=values.as_moment(document) if day and len(text.strip()) > 10 else None,
    )


def several(raw: Any, path: str) -> tuple[Operand, ...]:
    """The operands of a list. Raises ConditionError, with the place in the list."""
    if not isinstance(raw, (list, tuple)):
        raise ConditionError("takes a list of values", path)
    if not raw:
        raise ConditionError("the list is empty", path)
    if len(raw) > MOST_OPERANDS:
        raise ConditionError(f"takes at most {MOST_OPERANDS} values; use a list of its own", path)
    return tuple(one(item, step(path, index)) for index, item in enumerate(raw))


def _plain(raw: Any, path: str) -> str | int | float | bool:
    """The value as JSON can hold it: dates of YAML become ISO text, decimals numbers."""
    if values.is_blank(raw):
        raise ConditionError("needs a value; use blank or not_blank for an empty one", path)
    if isinstance(raw, str):
        if len(raw) > LONGEST_TEXT:
            raise ConditionError(f"is longer than {LONGEST_TEXT} characters", path)
        return _storable(raw, path)
    if isinstance(raw, (date, time)):
        return raw.isoformat()
    if isinstance(raw, bool):
        return raw
    if values.as_number(raw) is None or values.as_text(raw) is None:
        raise ConditionError("takes text, a number, true, false or a date", path)
    return _json_number(raw)


def _storable(text: str, path: str) -> str:
    """The text, unless it holds what no database takes: NUL, or half a character."""
    if "\x00" in text or (not text.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in text)):
        raise ConditionError("holds a character that cannot be kept", path)
    return text


def _json_number(raw: float | Decimal) -> int | float:
    if isinstance(raw, Decimal):
        return int(raw) if raw == raw.to_integral_value() and abs(raw) < 10**18 else float(raw)
    return raw


def among(operands: tuple[Operand, ...]) -> Test:
    """A test for being one of many, by look-up rather than by trying each."""
    texts = frozenset(operand.text for operand in operands)
    numbers = frozenset(operand.number for operand in operands if operand.number is not None)
    written = frozenset(operand.number for operand in operands if operand.written_as_number)
    flags = frozenset(operand.flag for operand in operands if operand.flag is not None)
    words = frozenset(operand.flag for operand in operands if operand.written_as_flag)
    days = frozenset(each.day for each in operands if each.day and each.moment is None)
    moments = frozenset(each.moment for each in operands if each.moment is not None)

    def dated(value: Any) -> bool:
        if days and values.as_date(value) in days:
            return True
        return bool(moments) and values.as_moment(value) in moments

    def test(value: Any) -> bool:
        if isinstance(value, str):
            if values.fold(value) in texts or (written and values.as_number(value) in written):
                return True
            return dated(value) or (bool(words) and values.as_flag(value) in words)
        if isinstance(value, bool):
            return value in flags
        if isinstance(value, date):
            return dated(value)
        return values.as_number(value) in numbers

    return test
