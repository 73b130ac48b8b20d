"""The walk: the engine is let go, and what it wants from outside is supposed.

Enhancement services are not asked: a lead that was here before has their answers, others go on
without. Buyers are not sent anything: they are supposed all to decline, so that everybody whose
turn would come is seen, or the first to take it. Where the engine waits, the clock is put forward.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from events.journal import Journal
from events.vocabulary import EventType
from flows.arrival import storing
from flows.arrival.webdesk import book_of, desk_of
from flows.delivery import capacity, dispatching, sendings, settling
from flows.delivery.admission import Admit, Hold
from flows.plan import DeliverStep, FilterStep, FlowPlan, Plans, StepPlan
from flows.simulation.door import HIDDEN, at_the_door
from flows.simulation.leads import APPENDED, BadLead, Posted
from flows.simulation.requests import Rehearsals, asked
from flows.simulation.stations import Asked, Evaluated, Station, Turn, Walk
from flows.steps import engine, enhancing, routing
from flows.steps.accounts import Book
from flows.turns import lookups
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from leadops.lib.conditions.verdicts import show
from recipients.deliver import Attempt
from recipients.outcomes import Outcome, Result
from recipients.plan import EndpointPlan

MOST: Final = 500  # moves of a walk
SUPPOSED: Final = "Supposed"


class Suppose(StrEnum):
    """What buyers are supposed to say."""

    DECLINE = "decline"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What walks of one flow have in common, read once."""

    current: Plans
    flow: FlowPlan
    desk: Desk
    book: Book
    at: datetime

    @classmethod
    def of(cls, current: Plans, flow: FlowPlan, at: datetime) -> Grounds:
        return cls(current, flow, desk_of(current, at), book_of(flow.id, current), at)

    def fresh_desk(self) -> Desk:
        """Of its own, so that one walk leaves no trace for the next."""
        desk = Desk(
            now=self.at,
            plans=self.current,
            may_start=lambda _: True,
            conditions=dict(self.desk.conditions),
        )
        desk.breakers.known = copy.deepcopy(self.desk.breakers.known)
        return desk


def walk(
    grounds: Grounds, posted: Posted, *, suppose: Suppose = Suppose.DECLINE, requests: bool = True
) -> Walk:
    """Walk a lead through the flow. `requests`: with those that would go out. Raises BadLead."""
    source = grounds.current.sources.get(posted.source_id)
    if source is None or source.id not in grounds.flow.terms:
        raise BadLead("The flow takes no leads from this source.")
    door = at_the_door(grounds.flow, source, posted, at=grounds.at)
    stations = [_station(step) for step in grounds.flow.steps]
    if not door.accepted:
        return Walk(posted, door, tuple(stations), "rejected", door.reasons[0])
    run = Run(
        lead=door.prepared.lead,
        flow=grounds.flow,
        journal=Journal(grounds.at),
        source=source,
        book=copy.deepcopy(grounds.book),
    )
    run.lead.values, run.lead._hidden = door.prepared.values, door.prepared.sensitive
    storing.record(door.prepared, run.journal)
    desk = grounds.fresh_desk()
    desk.facts = lookups.look_up([run], grounds.current, at=grounds.at)
    capacity.read(run.counters, [run], grounds.current, at=grounds.at)
    if grounds.current.keeps_answers:
        enhancing.look_up([run], (), desk)
    walker = _Walker(grounds, run, desk, posted, suppose, stations, requests=requests)
    walker.through()
    result = run.lead.result or ("review" if run.lead.status == "review" else "")
    return Walk(posted, door, tuple(stations), result, run.lead.reason)


def _station(step: StepPlan) -> Station:
    kind = type(step).__name__.removesuffix("Step").lower()
    how = ""
    if isinstance(step, DeliverStep):
        how = f"{step.pattern.label}, order: {step.order_name.replace('_', ' ')}"
    return Station(step.id, step.name, kind, how=how)


class _Walker:
    def __init__(
        self,
        grounds: Grounds,
        run: Run,
        desk: Desk,
        posted: Posted,
        suppose: Suppose,
        stations: list[Station],
        *,
        requests: bool,
    ) -> None:
        self.grounds, self.run, self.desk, self.posted = grounds, run, desk, posted
        self.suppose, self.requests = suppose, requests
        self.stations = {station.id: station for station in stations}
        self.rehearsals = Rehearsals()
        self.noted: dict[str, Turn] = {}  # by delivery

    def through(self) -> None:
        engine.advance(self.run, self.desk)
        for _ in range(MOST):
            self._note()
            if not self._go_on():
                break
        self._note()
        self._explain()

    # --- what the engine wants from outside

    def _go_on(self) -> bool:
        """Suppose one thing that the engine waits for; False where it waits for nothing."""
        if self.desk.asks:
            _, inquiry = self.desk.asks.pop(0)
            self._answer(inquiry)
        elif self.desk.starts:
            _, delivery, endpoint = self.desk.starts.pop(0)
            self._send(delivery, endpoint)
        elif self.desk.gathering.joining:
            joining = self.desk.gathering.joining.pop(0)
            self.noted[joining.delivery.id].reason = "With its next batch, "
            self._send(joining.delivery, joining.endpoint)
        elif held := next((d for d in self.run.deliveries if d.state == "waiting"), None):
            self._pass_over(held)
        elif self.run.lead.status == "working" and self._due_in() > 0:
            self._put_forward(self._due_in())
        else:
            return False
        return True

    def _due_in(self) -> float:
        """Seconds until the step itself wants to be asked again; 0 where it does not."""
        work = self.run.work
        return 0.0 if work is None or work.done or work.due_in is None else work.due_in

    def _put_forward(self, seconds: float) -> None:
        at = self.desk.now + timedelta(seconds=seconds)
        self.run.journal.at = self.desk.now = at
        engine.advance(self.run, self.desk)

    def _send(self, delivery: DeliveryState, endpoint: EndpointPlan) -> None:
        turn = self.noted[delivery.id]
        turn.verdict, turn.endpoint = "sent", delivery.endpoint
        if self.requests:
            sending = sendings.sending(
                self.run, delivery, endpoint, self.desk, lease="", work_id=None
            )
            turn.request = self.rehearsals.of(sending)
        self._settle(delivery)

    def _settle(self, delivery: DeliveryState) -> None:
        if self.suppose is Suppose.ACCEPT:
            result = Result(Outcome.ACCEPTED)
        else:
            result = Result(Outcome.REJECTED, reason=SUPPOSED)
        settling.settle(self.run, delivery, Attempt(result), self.desk)

    def _pass_over(self, delivery: DeliveryState) -> None:
        """One that waits, or would be tried again: the walk goes on as if it had declined."""
        turn = self.noted[delivery.id]
        if turn.verdict != "sent":
            turn.verdict, turn.reason = "waits", delivery.waits_for
        dispatching.finish(
            self.run, delivery, "declined", Result(Outcome.REJECTED, reason=SUPPOSED)
        )
        engine.advance(self.run, self.desk)

    def _answer(self, inquiry: Inquiry) -> None:
        step = self.run.flow.step(self.run.lead.step)
        answers: Answers = [self._supposed(step, question) for question in inquiry.questions]
        self.run.lead.inquiry = ""
        engine.take_answers(self.run, inquiry, answers, self.desk)

    def _supposed(self, step: StepPlan | None, question: Any) -> Attempt:
        """What a service or a buyer is supposed to answer, noted at its step."""
        shown = asked(question) if self.requests else None
        if isinstance(step, DeliverStep):
            candidates = routing.candidates(self.run, step)
            price = next((c.price for c in candidates if c.recipient == question.about), None)
            said = f"Supposed to bid its price, {price or 0:.2f}"
            self._at(step.id).asked.append(Asked(question.plan.name, said, shown))
            return Attempt(Result(Outcome.ACCEPTED, price=price or Decimal(0)))
        found = next((each for each in self.run.flow.steps if each.id == question.about), None)
        name = found.name if found else question.plan.name
        start = f"{APPENDED}{name}."
        captures = {
            key.removeprefix(start): value
            for key, value in self.posted.appended.items()
            if key.startswith(start)
        }
        said = (
            f"Has its answer of then: {', '.join(sorted(captures))}"
            if captures
            else "Would ask; goes on here without its values"
        )
        self._at(question.about).asked.append(Asked(name, said, shown))
        # Never as a failure: a step may say that one stops the lead.
        return Attempt(Result(Outcome.ACCEPTED, captures=captures))

    # --- what is noted

    def _at(self, step_id: str) -> Station:
        station = self.stations[step_id]
        station.reached = True
        return station

    def _note(self) -> None:
        """Every delivery that the engine has made since: whose turn it was."""
        for delivery in self.run.deliveries:
            if delivery.id in self.noted:
                continue
            station = self._at(delivery.step_id)
            plan = self.desk.plans.recipients[delivery.recipient_id]
            turn = Turn(
                recipient=plan.id,
                name=plan.name,
                place=len(station.turns) + 1,
                verdict="skipped" if delivery.state == "skipped" else "waits",
                reason=delivery.reason if delivery.state == "skipped" else delivery.waits_for,
                price=delivery.price,
                routing=delivery.chosen_by,
                after=routing.age(self.run),
            )
            self.noted[delivery.id] = turn
            station.turns.append(turn)

    def _explain(self) -> None:
        """Filters as the record would say it; of delivery steps what its order went by, and those
        to whom it would not have come."""
        for event in self.run.journal.events:
            station = self.stations.get(event["entity_id"])
            group = event["type"].partition(".")[0]
            if station is None or group not in ("filter", "enhancement"):
                continue
            station.reached = True
            if group == "enhancement":
                station.said = "" if station.asked else event["reason"] or "Its kept answer serves"
                continue
            station.passed = event["type"] == EventType.FILTER_PASSED
            station.said = event["reason"] or "Passed"
        for place, step in enumerate(self.run.flow.steps):
            station = self.stations[step.id]
            if isinstance(step, FilterStep) and station.reached:
                station.evaluated = tuple(self._looked(step))
            station.reached |= place < self.run.lead.step and self._was_not_stopped(place)
            if isinstance(step, DeliverStep):
                self._order(step, station)

    def _looked(self, step: FilterStep) -> Iterator[Evaluated]:
        hidden = {field.name for field in self.run.flow.fields if field.privacy == "sensitive"}
        for each in step.rule.explain(self.run.judged):
            secret = each.field.partition(".")[0] in hidden
            yield Evaluated(each.text, HIDDEN if secret else show(each.seen), each.held)

    def _was_not_stopped(self, place: int) -> bool:
        return self.run.lead.result != "stopped" or place <= self.run.lead.step

    def _order(self, step: DeliverStep, station: Station) -> None:
        if not station.reached and self.run.lead.result == "stopped":
            return
        fresh = copy.copy(self.run)
        fresh.book = self.grounds.book
        bids = {each.bid.recipient: each.bid.amount for each in self.run.bids}
        shares = self.grounds.book.shares(step.account)
        turned = {turn.recipient: turn for turn in station.turns}
        for candidate in routing.situation(fresh, step).candidates:
            turn = turned.get(candidate.recipient) or self._not_reached(fresh, step, candidate)
            if turn.place is None:
                station.turns.append(turn)
            turn.price = candidate.price if turn.price is None else turn.price
            turn.weight, turn.priority = candidate.weight, candidate.priority
            turn.opens_after = candidate.opens_after
            turn.bid = bids.get(candidate.recipient)
            if share := shares.get(candidate.recipient):
                turn.had = f"{share.sent} given, {share.accepted} accepted"
        pool = step.remediation.recipient if step.remediation else ""
        for turn in station.turns:
            turn.remediation = turn.recipient == pool

    def _not_reached(self, run: Run, step: DeliverStep, candidate: Any) -> Turn:
        """It would not have come to this one; and whether it could have had the lead."""
        plan = self.desk.plans.recipients[candidate.recipient]
        found = dispatching.verdict(run, plan, self.desk, step=step)
        could = "would be sent it"
        if not isinstance(found, Admit):
            could = f"{'would wait' if isinstance(found, Hold) else 'skipped'}: {found.reason}"
        return Turn(
            recipient=plan.id,
            name=plan.name,
            place=None,
            verdict="not reached",
            reason=f"If its turn came: {could}",
            routing=routing.reasons(run, step, candidate),
        )
