"""What a walk through a flow has come by: steps, who is asked there, and whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flows.simulation.door import Door
from flows.simulation.leads import Posted
from flows.simulation.requests import Shown
from leadops.lib import durations


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that would be made, and what is supposed of its answer."""

    name: str
    supposed: str
    request: Shown | None


@dataclass(slots=True)
class Turn:
    """A recipient of a delivery step. `place` is its turn, from 1; None: it would not come to it.

    `verdict`: sent, waits, skipped, or not reached; `after` seconds of the lead's age.
    """

    recipient: str
    name: str
    place: int | None
    verdict: str
    reason: str = ""
    price: Decimal | None = None
    weight: Decimal | None = None
    priority: int | None = None
    opens_after: float = 0.0
    had: str = ""
    routing: Mapping[str, Any] | None = None
    endpoint: str = ""
    request: Shown | None = None
    after: float = 0.0
    remediation: bool = False
    bid: Decimal | None = None

    @property
    def age(self) -> str:
        """How old the lead is when its turn comes; blank: at once."""
        return durations.text(round(self.after)) if self.after >= 1 else ""

    @property
    def opens(self) -> str:
        """From which age of the lead it may have it; blank: at once."""
        return durations.text(self.opens_after) if self.opens_after else ""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One single rule of a filter: what it says, what it saw, and whether it held."""

    text: str
    seen: str
    held: bool


@dataclass(slots=True)
class Station:
    """A step as the lead met it. `passed` None: it decides nothing. `explained`: each rule that
    was evaluated, with whether it held and what it saw."""

    id: str
    name: str
    kind: str
    reached: bool = False
    passed: bool | None = None
    said: str = ""
    evaluated: tuple[Evaluated, ...] = ()
    asked: list[Asked] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    how: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """`result`: rejected, stopped, sold, unsold, or review; blank where it would still wait."""

    posted: Posted
    door: Door
    stations: tuple[Station, ...]
    result: str
    reason: str

    @property
    def first(self) -> Turn | None:
        """Who would have the lead before anybody else, if need be later; None: nobody."""
        turns = [turn for station in self.stations for turn in station.turns]
        return next((turn for turn in turns if turn.verdict in ("sent", "waits")), None)
