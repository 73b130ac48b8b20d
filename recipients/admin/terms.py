"""How caps and prices are written in forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from leadops.lib.admin import About, Choice, Terms
from recipients.caps import Full, Per
from recipients.pricefigures import OFFERED

AT_THE_DOOR: Final = About(judges="arriving", beside="source")
CAPS: Final = Terms(
    noun="cap",
    keys=(("count", "Leads, at most"), ("money", "Money, at most")),
    choices=(
        Choice("per", "Per", tuple((per.value, f"per {per.value}") for per in Per)),
        Choice("full", "When it is full", (("", "full: move on"), (Full.HOLD.value, "full: hold"))),
        Choice("timezone", "Time zone, where it is another", placeholder="own time zone"),
    ),
    whole=("count",),
    none="No caps: as many as come.",
)
DOOR_CAPS: Final = replace(
    CAPS,
    choices=(CAPS.choices[0], CAPS.choices[2]),
    about=AT_THE_DOOR,
    none="No caps: all are taken.",
)
PRICES: Final = Terms(
    noun="price",
    keys=(("price", "Price"), ("add", "Then add"), ("percent", "Then add percent")),
    more=OFFERED,
    none="No rules: the price above.",
)
SOURCE_PRICES: Final = replace(PRICES, about=AT_THE_DOOR)
