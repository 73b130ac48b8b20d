"""Who of a large batch goes: the same for all of its slices.

The first slice says by which breakers, conditions and clock, and its first delivery where the batch
goes. Until there is one a hold is everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.delivery import dispatching, gathering, settling
from flows.delivery.admission import Admit, Hold, Moment
from flows.delivery.batchwork import too_late
from flows.steps import engine, overtaking
from flows.turns.desk import Desk
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from recipients.plan import EndpointPlan, RecipientPlan


@dataclass(frozen=True, slots=True)
class First:
    """The delivery that was recorded first: where the batch goes, and how."""

    plan: RecipientPlan
    endpoint: EndpointPlan
    tries: int

    @classmethod
    def of(cls, delivery: DeliveryState, endpoint: EndpointPlan, desk: Desk) -> First:
        return cls(desk.plans.recipients[delivery.recipient_id], endpoint, delivery.tries)


Start = tuple[Run, DeliveryState, EndpointPlan]


@dataclass(slots=True)
class Slice:
    """What a transaction does; nothing of it counts before its commit. `moment` is what its
    deliveries are admitted by, `held` why the batch is not sent now."""

    first: First | None
    moment: Moment
    starts: list[Start] = field(default_factory=list)
    held: Hold | None = None
    troubled: list[str] = field(default_factory=list)

    def start(self, run: Run, delivery: DeliveryState, endpoint: EndpointPlan, desk: Desk) -> None:
        self.first = self.first or First.of(delivery, endpoint, desk)
        self.starts.append((run, delivery, endpoint))

    def forget(self, run: Run, first: First | None) -> None:
        """The lead makes trouble."""
        self.troubled.append(run.lead.id)
        self.starts = [each for each in self.starts if each[0] is not run]
        if not self.starts:
            self.first = first


def admit(run: Run, delivery: DeliveryState, found: Slice, desk: Desk) -> None:
    """Record its attempt and let it go with the batch, or let it go another way."""
    plan = desk.plans.recipients[delivery.recipient_id]
    verdict = dispatching.verdict(
        run,
        plan,
        desk,
        step=run.flow.step(delivery.step),
        delivery=delivery,
        moment=found.moment,
    )
    if isinstance(verdict, Hold) and found.first is None:
        delivery.work = None  # stays as it is stored
        found.held = verdict
    elif isinstance(verdict, Admit) and _fits(verdict, found):
        if delivery.state == "waiting":
            dispatching.begin_together(run, delivery, plan, verdict, desk)
        elif run.lead.salt is None or overtaking.is_overtaken(run, delivery):
            _leave_out(run, delivery, desk)
            return
        else:
            dispatching.take_along(delivery, plan, verdict.endpoint)
        found.start(run, delivery, verdict.endpoint, desk)
    elif delivery.state == "sending":
        _leave_out(run, delivery, desk, goes_elsewhere=isinstance(verdict, Admit))
    else:
        if isinstance(verdict, Admit) or not delivery.attempts:
            delivery.batch = ""  # it goes another way, or with a later batch
        dispatching.dispatch(run, delivery, desk)
        if delivery.state not in ("waiting", "sending"):
            engine.advance(run, desk)


def _leave_out(
    run: Run, delivery: DeliveryState, desk: Desk, *, goes_elsewhere: bool = False
) -> None:
    """Its attempt was recorded by a worker that died, and it is not to go with the batch now."""
    if goes_elsewhere or delivery.attempts <= 1:
        delivery.batch = ""
    settling.settle(run, delivery, too_late(), desk)


def _fits(verdict: Admit, found: Slice) -> bool:
    """Whether it goes where the first of the batch goes."""
    if found.first:
        return verdict.endpoint.id == found.first.endpoint.id
    return gathering.takes(verdict.endpoint)
