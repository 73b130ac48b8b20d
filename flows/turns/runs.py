"""A lead in a turn: as the engine works on it, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from events.journal import Journal
from flows.delivery.counters import Counters
from flows.plan import FlowPlan, SourcePlan
from flows.steps.accounts import Book
from flows.steps.ruleviews import judged
from flows.turns.states import DeliveryState, LeadState, Offered, WorkState
from leadops.lib import ids


@dataclass(slots=True)
class Run:
    """One lead in one turn: its state, its deliveries, what happened to it."""

    lead: LeadState
    flow: FlowPlan
    journal: Journal
    deliveries: list[DeliveryState] = field(default_factory=list)
    work: WorkState | None = None  # the lead's own: take it on through the flow
    bids: list[Offered] = field(default_factory=list)
    book: Book = field(default_factory=Book)  # of the whole turn
    counters: Counters = field(default_factory=Counters)  # of the whole turn
    dropped: list[str] = field(default_factory=list)  # deliveries whose work is over
    source: SourcePlan | None = None
    stopped_by: str = ""  # a step that ends the flow, in the words of the record
    missed: str = ""  # why whom the flow knew last could not be asked
    partial: bool = False  # a ping: not all is told yet

    @property
    def judged(self) -> Mapping[str, Any]:
        """The lead as rules read it: with its source's values under `source.x`."""
        return judged(self.lead.known, self.source)

    def delivery(self, delivery_id: str) -> DeliveryState | None:
        return next((d for d in self.deliveries if d.id == delivery_id), None)

    def works(self) -> Iterable[WorkState]:
        if self.work:
            yield self.work
        yield from (d.work for d in self.deliveries if d.work)

    def own_work(self, lane: str = "") -> WorkState:
        """The lead's own work, to be done again; made where a delivery's result led here."""
        if self.work is None:
            self.work = WorkState("advance", self.lead.id, None, lane or self.lead.flow_id)
        self.work.lane = lane or self.lead.flow_id
        self.work.claims = 0
        self.work.done = self.work.begun = False
        return self.work

    def find_place(self) -> None:
        """Where the lead and its deliveries stand, now that steps may have come, gone or moved.

        Steps are known by their ids. Where one is gone, whatever stands in its place counts: so
        nobody who had the lead gets it again.
        """
        places = {step.id: place for place, step in enumerate(self.flow.steps)}
        self.lead.step = places.get(self.lead.step_id, self.lead.step)
        for delivery in self.deliveries:
            delivery.step = places.get(delivery.step_id, delivery.step)

    def new_delivery(
        self,
        recipient_id: str,
        price: Decimal | None,
        routing: Mapping[str, Any] | None = None,
        pricing: Mapping[str, Any] | None = None,
    ) -> DeliveryState:
        delivery = DeliveryState(
            id=ids.new_id("dlv"),
            lead_id=self.lead.id,
            recipient_id=recipient_id,
            flow_id=self.lead.flow_id,
            step=self.lead.step,
            step_id=self.flow.step_id(self.lead.step),
            price=price,
            routing=routing,
            pricing=pricing,
            created_at=self.journal.at,
            new=True,
        )
        self.deliveries.append(delivery)
        return delivery
