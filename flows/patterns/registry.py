"""Every pattern and every order by the name that the bundle and the console use: a line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flows.patterns import orders
from flows.patterns.base import Pattern
from flows.patterns.multi import Multi
from flows.patterns.orders import Order
from flows.patterns.single import Single
from flows.patterns.waterfall import Waterfall

PATTERNS: Mapping[str, Pattern] = MappingProxyType(
    {
        pattern.name: pattern
        for pattern in (
            Single(),
            Multi(),
            Waterfall(),
        )
    }
)

ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "listed": orders.listed,
        "priority": orders.priority,
    }
)
