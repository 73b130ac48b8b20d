"""`hours`, `caps` and `limits`: when and how much somebody takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from leadops.config.items import Item
from leadops.config.kinds import MONEY, OBJECT, RULES, Kind
from leadops.config.shapes import Key
from recipients import caps, hours


def _caps(item: Item) -> Any:
    return caps.normal(item.plain())


def _write_caps(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: _WRITE.get(key, _same)(each[key]) for key in caps.KEYS if key in each}
        for each in value
    ]


def _same(value: Any) -> Any:
    return value


_WRITE = {"money": lambda value: MONEY.write(Decimal(str(value))), "when": RULES.write}


def _hours(item: Item) -> dict[str, Any] | None:
    if not isinstance(item.node.value, dict):
        item.expected("an object such as {mon-fri: 9am-8pm, closed: hold}")
        return None
    return dict(hours.normal(item.plain()))


def _write_hours(value: dict[str, Any]) -> dict[str, Any]:
    """Days first, in the order of the week."""
    return {key: value[key] for key in sorted(value, key=_place)}


def _place(key: str) -> tuple[int, str]:
    if key in hours.OPTIONS:
        return 10 + hours.OPTIONS.index(key), key
    first = key[:3].lower()
    return (hours.DAYS.index(first) if first in hours.DAYS else 7), key


CAPS = Key("caps", Kind("caps", _caps, _write_caps))
OF_RECIPIENT = (
    Key("hours", Kind("hours", _hours, _write_hours)),
    CAPS,
    Key("limits", OBJECT),
)
