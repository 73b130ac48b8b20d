"""The desk of one turn: what the engine may see and ask for beyond the lead in hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.delivery.admission import Condition
from flows.delivery.breakers import Breakers
from flows.delivery.gathering import Gathering
from flows.plan import Plans
from flows.steps.answers import Kept
from flows.turns.lookups import Lookup
from flows.turns.runs import DeliveryState, Run
from recipients.plan import EndpointPlan, RecipientPlan

if TYPE_CHECKING:
    from flows.turns.inquiries import Inquiry


@dataclass(frozen=True, slots=True)
class Sending:
    """An attempt that has been recorded and is now to be made."""

    work_id: int
    lease: str
    lead_id: str
    delivery_id: str
    attempt: int
    tries: int
    lane: str
    plan: RecipientPlan
    endpoint: EndpointPlan
    context: Mapping[str, Any]
    test: bool
    hold: float
    begun: datetime | None = None
    batch: str = ""  # the batch it goes with
    judges: bool = True  # its result speaks for the endpoint: of a batch that of one does
    who: str = ""  # of its breaker, where it is not the delivery itself


@dataclass(slots=True)
class Desk:
    """`may_start(lane)` says whether the pump has a place free, and takes it. `tells`: its owner
    sends notices."""

    now: datetime
    plans: Plans
    may_start: Callable[[str], bool]
    conditions: dict[str, Condition] = field(default_factory=dict)
    facts: Lookup = field(default_factory=Lookup)
    answers: Kept = field(init=False)  # of services
    breakers: Breakers = field(init=False)
    starts: list[tuple[Run, DeliveryState, EndpointPlan]] = field(default_factory=list)
    asks: list[tuple[Run, Inquiry]] = field(default_factory=list)
    tells: bool = False
    notices: list[Inquiry] = field(default_factory=list)
    gathering: Gathering = field(default_factory=Gathering)
    pauses: dict[str, str] = field(default_factory=dict)  # endpoint → reason
    holds: dict[str, datetime] = field(default_factory=dict)  # endpoint → not before
    alarms: dict[str, tuple[str, str]] = field(default_factory=dict)  # endpoint → recipient, text

    def __post_init__(self) -> None:
        self.breakers = Breakers(self.now)
        self.answers = Kept(self.now)

    def pause(self, endpoint: EndpointPlan, reason: str) -> None:
        self.pauses[endpoint.id] = reason
        self.conditions[endpoint.id] = Condition(paused_reason=reason)

    def alarm(self, plan: RecipientPlan, endpoint: EndpointPlan, text: str) -> None:
        self.alarms[endpoint.id] = (plan.id, text)

    def hold(self, endpoint: EndpointPlan, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        self.holds[endpoint.id] = max(until, self.holds.get(endpoint.id, until))
        self.conditions[endpoint.id] = Condition(not_before=until)
