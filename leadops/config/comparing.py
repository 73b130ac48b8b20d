"""What differs between two states of an object, in the bundle's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from leadops.config.concealing import Hidden

LONGEST = 60
# What tells the entries of a list apart, where they are objects.
_NAMES = ("filter", "deliver", "recipient", "source", "slug", "name")


@dataclass(frozen=True, slots=True)
class Change:
    """`sign` is + (added), ~ (changed), or - (in the database alone)."""

    sign: str
    kind: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        head = f"{self.sign} {self.kind} {self.name}"
        return f"{head}: {self.detail}" if self.detail else head


def changes(
    kind: str, name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> list[Change]:
    """The changes of one object; None stands for: there was no such thing."""
    if before is None:
        return [Change("+", kind, name)]
    return [Change("~", kind, name, detail) for detail in differences(before, after)]


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """A sentence for each difference: `price 40.00 → 45.00`."""
    one, other = _named(one), _named(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        yield from _in_objects(one, other, path)
    elif isinstance(one, Hidden) and isinstance(other, Hidden) and one != other:
        yield f"{path} changed"
    elif _plain(one) != _plain(other):
        yield f"{path} {_shown(one)} → {_shown(other)}"


def _in_objects(one: Mapping[str, Any], other: Mapping[str, Any], path: str) -> Iterator[str]:
    for key in [*one, *(key for key in other if key not in one)]:
        here = f"{path}.{key}" if path else str(key)
        if _absent(other, key):
            if not _absent(one, key):
                yield f"{here} removed"
        elif _absent(one, key):
            yield f"{here} added{_value(other[key])}"
        else:
            yield from differences(one[key], other[key], here)
    kept = [key for key in one if key in other]
    order = [key for key in other if key in one]
    if kept != order:
        yield f"{path} order {', '.join(map(str, kept))} → {', '.join(map(str, order))}".lstrip()


def _absent(document: Mapping[str, Any], key: str) -> bool:
    return document.get(key) is None


def _named(value: Any) -> Any:
    """A list of texts, or of objects with names, as an object; other lists as they are."""
    if not isinstance(value, list):
        return value
    named: dict[str, Any] = {}
    for item in value:
        name = _name(item)
        if name is None or name in named:
            return value
        named[name] = {} if isinstance(item, str) else item
    return named


def _name(item: Any) -> str | None:
    if isinstance(item, str):
        return item
    if not isinstance(item, Mapping):
        return None
    return next((str(item[key]) for key in _NAMES if item.get(key)), None)


def _plain(value: Any) -> Any:
    return value.normalize() if isinstance(value, Decimal) else value


def _value(value: Any) -> str:
    return "" if isinstance(value, Mapping | list) else f": {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return _cut(json.dumps(_simple(value), ensure_ascii=False))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_cut(value)}"' if " " in value or not value or "\n" in value else _cut(value)
    return str(value)


def _simple(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _simple(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_simple(item) for item in value]
    return value if isinstance(value, str | int | float | bool) else str(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
