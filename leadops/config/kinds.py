"""Kinds of values in a bundle: how each is read for the models, and written back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any

from leadops.config.items import Item
from leadops.lib import durations, money

Read = Callable[[Item], Any]
Write = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`read` gives the model's value, raises ValueError, or reports and gives None.

    `write` gives what YAML shows. `is_secret` values are written as references only.
    """

    name: str
    read: Read
    write: Write = lambda value: value
    is_secret: bool = False


def _text(item: Item) -> str | None:
    text = item.text()
    return None if text is None else item.readable(text)


def _kept(item: Item) -> str | None:
    text = item.text()
    return None if text is None else item.file.lookup.keep(text)


def _boolean(item: Item) -> bool | None:
    value = item.node.value
    if isinstance(value, bool):
        return value
    item.expected("true or false")
    return None


def _integer(item: Item) -> int | None:
    value = item.node.value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    item.expected("a whole number")
    return None


def _money(item: Item) -> Decimal | None:
    text = _text(item)
    return None if text is None else money.parse(text)


def _duration(item: Item) -> float | None:
    text = _text(item)
    return None if text is None else durations.parse(text)


def _retention(item: Item) -> float | None:
    text = _text(item)
    return None if text is None else durations.parse_retention(text)


_PERCENT = re.compile(r"\s*(-?\d{1,9}(?:\.\d{1,6})?)\s*%\s*\Z", re.ASCII)


def _bound(item: Item) -> Decimal | None:
    """A number, `90%` as 0.9, or a length of time in milliseconds (response times are)."""
    text = _text(item)
    if text is None:
        return None
    if found := _PERCENT.match(text):
        return Decimal(found[1]) / 100
    try:
        return _decimal_of(text)
    except ValueError:
        pass
    try:
        return Decimal(repr(durations.parse(text))) * 1000
    except ValueError:
        raise ValueError(f"“{text[:40]}” is no bound; write 90%, 0.9, 2s or 100.00") from None


def _decimal(item: Item) -> Decimal | None:
    text = _text(item)
    return None if text is None else _decimal_of(text)


def _decimal_of(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"“{text[:40]}” is not a number") from None
    if not number.is_finite():
        raise ValueError(f"“{text[:40]}” is not a number")
    return number


def _clock(item: Item) -> time | None:
    text = item.text()
    try:
        return None if text is None else time.fromisoformat(text.zfill(5))
    except ValueError:
        raise ValueError(f"“{text[:20]}” is no time of day; write 06:00") from None  # type: ignore[index]


def _object(item: Item) -> dict[str, Any] | None:
    if isinstance(item.node.value, dict):
        return dict(item.plain())
    item.expected("an object of keys and values")
    return None


def _kept_object(item: Item) -> dict[str, Any] | None:
    if isinstance(item.node.value, dict):
        return dict(item.plain(keep=True))
    item.expected("an object of keys and values")
    return None


def _list(item: Item) -> list[Any] | None:
    if isinstance(item.node.value, list):
        return list(item.plain())
    item.expected("a list")
    return None


def amount(value: Decimal) -> Decimal:
    """Two places at least: 45.0000 is written 45.00, 0.1250 as 0.125."""
    plain = value.normalize()
    exponent = plain.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return plain.quantize(Decimal(1).scaleb(-max(places, 2)))


def number(value: Decimal) -> Decimal:
    plain = value.normalize()
    return plain.quantize(Decimal(1)) if plain == plain.to_integral_value() else plain


# The database does not keep the order of keys in JSON: they are written in one of our own.


def _in_order(rules: Any) -> Any:
    """A rule reads field, operator, value."""
    if isinstance(rules, list):
        return [_in_order(rule) for rule in rules]
    if not isinstance(rules, dict) or "field" not in rules:
        return {k: _in_order(v) for k, v in rules.items()} if isinstance(rules, dict) else rules
    return {key: rules[key] for key in ("field", "op", "value") if key in rules}


def _status(text: str) -> int | str:
    """One status is a number, as people write it; 5xx and 200-299 are texts."""
    return int(text) if re.fullmatch("[1-9][0-9]{2}", text) else text


TEXT = Kind("text", _text)
KEPT = Kind("text", _kept)  # the workers fill its references in
SECRET = Kind("secret", _kept, is_secret=True)
BOOLEAN = Kind("boolean", _boolean)
INTEGER = Kind("integer", _integer)
MONEY = Kind("money", _money, lambda value: amount(Decimal(value)))
NUMBER = Kind("number", _decimal, lambda value: number(Decimal(value)))
RETENTION = Kind("duration", _retention, lambda value: durations.retention_text(value))
DURATION = Kind("duration", _duration, lambda value: durations.text(value))
CLOCK = Kind("time", _clock, lambda value: f"{value:%H:%M}")
BOUND = Kind("bound", _bound, lambda value: number(Decimal(value)))
OBJECT = Kind("object", _object, lambda value: dict(sorted(value.items())))
KEPT_OBJECT = Kind("object", _kept_object, lambda value: dict(sorted(value.items())))
RULES = Kind("rules", _object, _in_order)
STATUS = Kind("text", _text, _status)
LIST = Kind("list", _list)
