"""What sources and the sources of a flow have in common: names, required fields, addresses,
prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flows.pricing import service
from leadops.config.items import Item
from leadops.config.kinds import LIST, MONEY, OBJECT, RULES, Kind
from leadops.config.shapes import Key
from recipients import prices


def _prices(item: Item) -> Any:
    return prices.normal(item.plain())


def _write_prices(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "when": RULES.write(each["when"]),
            **{kind: MONEY.write(Decimal(each[kind])) for kind in prices.KINDS if kind in each},
        }
        for each in value
    ]


def _pricing(item: Item) -> dict[str, Any] | None:
    if not isinstance(item.node.value, dict):
        item.expected("an object of keys and values")
        return None
    return dict(service.normal(item.plain(keep=True)))


def _write_pricing(value: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: value[key] for key in service.KEYS if key in value}
    for key in ("max_price", "fallback"):
        if key in found:
            found[key] = MONEY.write(Decimal(found[key]))
    return found


PRICES = Kind("prices", _prices, _write_prices)
PRICING = Kind("pricing service", _pricing, _write_pricing)
KEYS = (
    Key("aliases", OBJECT),
    Key("require", LIST),
    Key("allowed_ips", LIST),
    Key("prices", PRICES),
    Key("pricing", PRICING),
)
