"""The desk of one turn: what the engine may see and ask for beyond the lead in hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flows.delivery.admission import Condition
from flows.delivery.breakers import Breakers
from flows.delivery.gathering import Gathering
from flows.plan import Plans
from flows.steps.answers import Kept
from flows.turns.inquiries import LANE, Inquiry, Question
from flows.turns.lookups import Lookup
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from flows.turns.worktable import LEASE_MARGIN
from leadops.lib import ids
from recipients.plan import EndpointPlan, RecipientPlan


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

    def ask(
        self,
        run: Run,
        *,
        seconds: float,
        questions: Callable[[str], Sequence[Question]],
        settled: Mapping[str, Any] | None = None,
    ) -> None:
        """Ask about a lead as soon as the pump has a place, and let the lead wait for the answers.

        `questions(id)` gives those of the inquiry with that id; it is called when they go out.
        """
        claims = run.work.claims if run.work else 0
        work = run.own_work(run.lead.flow_id + LANE)
        if not self.may_start(work.lane):
            work.due_in = 0.0
            work.claims = max(0, claims - 1)  # it was not for what it did that it was claimed
            return
        work.claims = claims  # until the answers come: those that kill workers are counted
        work.begun = True
        work.hold = seconds + LEASE_MARGIN
        run.lead.inquiry = ids.new_id("inq")
        inquiry = Inquiry(
            id=run.lead.inquiry,
            lead_id=run.lead.id,
            lane=work.lane,
            questions=tuple(questions(run.lead.inquiry)),
            seconds=seconds,
            settled=settled or {},
            test=run.lead.test,
        )
        self.asks.append((run, inquiry))
