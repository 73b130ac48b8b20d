"""Every pattern and every order by the name that the bundle and the console use: a line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flows.patterns import orders
from flows.patterns.base import Pattern
from flows.patterns.batch import InBatches
from flows.patterns.exclusive_window import ExclusiveWindow
from flows.patterns.multi import Multi
from flows.patterns.orders import Order
from flows.patterns.ping_post import PingPost
from flows.patterns.simultaneous import Simultaneous
from flows.patterns.single import Single
from flows.patterns.waterfall import Waterfall

PATTERNS: Mapping[str, Pattern] = MappingProxyType(
    {
        pattern.name: pattern
        for pattern in (
            Single(),
            Multi(),
            Waterfall(),
            ExclusiveWindow(),
            Simultaneous(),
            PingPost(),
            InBatches(),
        )
    }
)

ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "listed": orders.listed,
        "priority": orders.priority,
        "round_robin": orders.round_robin,
        "weighted": orders.weighted,
        "percentage": orders.percentage,
        "best_price": orders.best_price,
        "longest_idle": orders.longest_idle,
    }
)

# Orders that look at what each recipient has had: for their steps account is kept.
COUNTED = frozenset({"round_robin", "weighted", "percentage", "longest_idle"})
# Orders that use a recipient's weight; where it changes, the account begins anew.
WEIGHING = frozenset({"weighted", "percentage"})
# Orders that can learn from how recipients behave.
LEARNING = frozenset({"weighted", "best_price"})
