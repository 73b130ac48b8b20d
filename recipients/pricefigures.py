"""Measured figures that price rules may read, under roots of their own. Pure.

    volume.today  volume.month  volume.total.month        how many were accepted
    quality.return_rate  quality.7d.conversion_rate       how they did, over 30 days or as written

Of a recipient's prices they are its own figures in the flow, of a source's the source's; under
`volume.total` in all flows. Rates are shares: 0.12 is 12 %.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ROOTS: Final = ("volume", "quality")
USUAL_DAYS: Final = 30
MOST_DAYS: Final = 366


class Period(StrEnum):
    """Of the calendar, in the time zone of the recipient; of a source in UTC."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "week"
    LAST_WEEK = "last_week"
    MONTH = "month"
    LAST_MONTH = "last_month"


class Rate(StrEnum):
    """What is measured over some days; `deliveries` is what the rates are shares of."""

    DELIVERIES = "deliveries"
    DELIVERY_RATE = "delivery_rate"
    RETURN_RATE = "return_rate"
    CONVERSION_RATE = "conversion_rate"


@dataclass(frozen=True, slots=True)
class Figure:
    """`period` of a volume, `rate` over `days` of a quality; `total`: in all flows."""

    name: str
    period: Period | None = None
    rate: Rate | None = None
    days: int = 0
    total: bool = False


OFFERED: Final = (
    *(f"volume.{period}" for period in Period),
    *(f"volume.total.{period}" for period in Period),
    *(f"quality.{rate}" for rate in Rate),
    *(f"quality.7d.{rate}" for rate in Rate),
)
"""Those that an editor offers; of the days of a quality any number may stand there."""

_VOLUME = re.compile(r"volume\.(total\.)?([a-z_]+)\Z")
_QUALITY = re.compile(r"quality\.(?:([1-9]\d{0,2})d\.)?([a-z_]+)\Z")


def is_figure(name: str) -> bool:
    """Whether a field of a rule is a figure; `volume` by itself may be a field of a lead."""
    root, dot, _ = name.partition(".")
    return bool(dot) and root in ROOTS


def parse(name: str) -> Figure:
    """The figure of that name; raises ValueError for one that there is not."""
    if (found := _VOLUME.match(name)) and found[2] in list(Period):
        return Figure(name, period=Period(found[2]), total=bool(found[1]))
    if (found := _QUALITY.match(name)) and found[2] in list(Rate):
        days = int(found[1] or USUAL_DAYS)
        if days <= MOST_DAYS:
            return Figure(name, rate=Rate(found[2]), days=days)
        raise ValueError(f"{name}: at most {MOST_DAYS}d")
    if name.startswith("volume."):
        raise ValueError(f"There is no {name}; there is volume.{', '.join(Period)}, and .total")
    raise ValueError(f"There is no {name}; there is quality.{', '.join(Rate)}, and .7d")
