"""Leads as the engine works on them: loaded in bulk, changed in memory, saved in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any

import orjson

from events.journal import Journal
from flows.delivery.capacity import Counters
from flows.plan import FlowPlan, SourcePlan
from flows.steps.bids import Offered
from flows.steps.ruleviews import judged
from flows.steps.shares import Book
from leadops.lib import ids, secrets
from leadops.lib.bulk import Table, dumps
from leadops.lib.claim import Claimed


@dataclass(slots=True)
class LeadState:
    """A lead's row, plus `values`: its newest snapshot."""

    id: str
    flow_id: str
    source_id: str
    created_at: datetime
    status: str
    result: str
    reason: str
    test: bool
    demo: bool
    currency: str
    cost: Decimal
    revenue: Decimal
    sales: int
    step: int
    seq: int
    snapshot: int
    salt: bytes | None
    sensitive: str = ""  # encrypted JSON of what no snapshot holds
    step_id: str = ""
    completed_at: datetime | None = None
    held_at: datetime | None = None
    services_cost: Decimal = Decimal(0)  # what of `cost` was paid to services
    inquiry: str = ""  # the one under way; the engine waits for its answers
    flow_version: int = 0  # that it goes by; 0: its flow as it is
    values: Mapping[str, Any] = field(default_factory=dict)
    row: Sequence[Any] = ()  # as it was read
    _hidden: Mapping[str, Any] | None = None
    _sealed_anew: bool = False

    @classmethod
    def of(cls, row: Sequence[Any]) -> LeadState:
        """A row of `LOCK_LEADS`."""
        state = cls(*row)
        state.row = row
        return state

    @property
    def hidden(self) -> Mapping[str, Any]:
        """`sensitive` in clear; raises Unreadable under a lost key."""
        if self._hidden is None:
            self._hidden = orjson.loads(secrets.decrypt(self.sensitive)) if self.sensitive else {}
        return self._hidden

    def hide(self, values: Mapping[str, Any]) -> None:
        """Keep values that no snapshot is to hold."""
        self._hidden = {**self.hidden, **values}
        self.sensitive = secrets.encrypt(dumps(self._hidden))
        self._sealed_anew = True

    @property
    def was_sealed(self) -> bool:
        """Whether `sensitive` has changed."""
        return self._sealed_anew

    @property
    def known(self) -> Mapping[str, Any]:
        """All that is known of the lead: what rules judge and mappings send."""
        return {**self.values, **self.hidden} if self.hidden else self.values


@dataclass(slots=True)
class WorkState:
    """A row of due work and what becomes of it: kept, postponed or removed."""

    kind: str
    lead_id: str
    delivery_id: str | None
    lane: str
    id: int | None = None
    claims: int = 0
    begun: bool = False  # its attempt is under way, under the lease of this turn
    due_in: float | None = 0.0  # seconds from now; None: when somebody resumes it
    hold: float = 0.0
    done: bool = False
    claimed: Claimed | None = None  # as this turn got it

    def stands(self, lease_seconds: float) -> bool:
        """Whether its row says already what this turn would write: it was claimed for the attempt
        that begins, and for long enough."""
        row = self.claimed
        return (
            self.begun
            and row is not None
            and (row.lane, row.claims) == (self.lane, self.claims)
            and self.hold <= max(lease_seconds, row.hold)
        )


@dataclass(slots=True)
class DeliveryState:
    """A delivery's row, and the work that drives it."""

    id: str
    lead_id: str
    recipient_id: str
    flow_id: str
    step: int
    step_id: str = ""
    state: str = "waiting"
    outcome: str = ""
    category: str = ""
    reason: str = ""
    waits_for: str = ""
    attempts: int = 0
    tries: int = 0
    endpoint: str = "production"
    price: Decimal | None = None
    revenue: Decimal = Decimal(0)
    buyer_lead_id: str = ""
    late: bool = False
    sold: bool = False  # accepted in time once: it earned then, and earns nothing again
    in_doubt: bool = False  # an attempt had no answer: the buyer may have the lead
    mapping_version: int = 0
    routing: Mapping[str, Any] | str | None = None  # see `chosen_by`; as JSON once it was stored
    pricing: Mapping[str, Any] | str | None = None  # see `priced_by`; the same
    holds: Sequence[Any] | str | None = None  # see `capacity.holds_of`; the same
    batch: str = ""  # the one it goes with, or went with last
    created_at: datetime | None = None
    first_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    held_at: datetime | None = None
    row: Sequence[Any] = ()  # as it was read
    new: bool = False
    work: WorkState | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> DeliveryState:
        """A row of `DELIVERIES`."""
        state = cls(*row)
        state.row = row
        return state

    @property
    def chosen_by(self) -> Mapping[str, Any] | None:
        """The figures that it was chosen by, where its step learns."""
        return _kept(self.routing)

    @property
    def priced_by(self) -> Mapping[str, Any] | None:
        """How its price came about; None: it is the fixed one, or nobody has said one."""
        return _kept(self.pricing)


def _kept(found: Mapping[str, Any] | str | None) -> Mapping[str, Any] | None:
    return (orjson.loads(found) if isinstance(found, str) else found) or None


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


LEAD = Table(
    "events_lead",
    {
        "id": "text",
        "status": "text",
        "result": "text",
        "reason": "text",
        "cost": "numeric",
        "services_cost": "numeric",
        "revenue": "numeric",
        "sales": "smallint",
        "step": "smallint",
        "step_id": "text",
        "seq": "integer",
        "snapshot": "smallint",
        "completed_at": "timestamptz",
        "held_at": "timestamptz",
        "inquiry": "text",
    },
)
SEALED = Table("events_lead", {"id": "text", "sensitive": "text"})
DELIVERY = Table(
    "events_delivery",
    {
        "id": "text",
        "lead_id": "text",
        "recipient_id": "text",
        "flow_id": "text",
        "step": "smallint",
        "step_id": "text",
        "state": "text",
        "outcome": "text",
        "category": "text",
        "reason": "text",
        "waits_for": "text",
        "attempts": "smallint",
        "tries": "smallint",
        "endpoint": "text",
        "price": "numeric",
        "revenue": "numeric",
        "buyer_lead_id": "text",
        "late": "boolean",
        "sold": "boolean",
        "in_doubt": "boolean",
        "mapping_version": "integer",
        "routing": "jsonb",
        "pricing": "jsonb",
        "holds": "jsonb",
        "batch": "text",
        "created_at": "timestamptz",
        "first_attempt_at": "timestamptz",
        "finished_at": "timestamptz",
        "held_at": "timestamptz",
    },
)
NOT_COLUMNS = {"values", "row", "_hidden", "_sealed_anew"}
# What a row of each is read as: the states' fields stand in the same order.
LEAD_COLUMNS = [f.name for f in fields(LeadState) if f.name not in NOT_COLUMNS]
LOCK_LEADS = f"""
    SELECT {", ".join(LEAD_COLUMNS)} FROM events_lead
    WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""  # noqa: S608
DELIVERIES = f"""
    SELECT {", ".join(DELIVERY.columns)} FROM events_delivery WHERE lead_id = ANY(%s) ORDER BY id
"""  # noqa: S608
WRITTEN_ONCE = {
    "id", "lead_id", "recipient_id", "flow_id", "step", "step_id", "routing", "pricing",
    "created_at",
}  # fmt: skip


class _Changes:
    """Finds what a turn has changed in rows of a table."""

    def __init__(self, read: Sequence[str], written: Iterable[str]) -> None:
        self.names = tuple(written)
        self._now = attrgetter(*self.names)
        self._before = itemgetter(*map(read.index, self.names))

    def of(self, state: LeadState | DeliveryState) -> dict[str, Any]:
        """The new values of the columns that have changed."""
        now, before = self._now(state), self._before(state.row)
        return {
            name: value
            for name, value, was in zip(self.names, now, before, strict=True)
            if value is not was and value != was
        }


LEAD_CHANGES = _Changes(LEAD_COLUMNS, (c for c in LEAD.columns if c != "id"))
DELIVERY_CHANGES = _Changes(
    [*DELIVERY.columns], (c for c in DELIVERY.columns if c not in WRITTEN_ONCE)
)


def save_leads(cursor: Any, runs: Sequence[Run]) -> None:
    changed = []
    for run in runs:
        if not run.flow.broken:  # it has no steps
            run.lead.step_id = run.flow.step_id(run.lead.step)
        run.lead.held_at = _held(run, run.lead.status, run.lead.held_at)
        if found := LEAD_CHANGES.of(run.lead):
            changed.append({"id": run.lead.id, **found})
    LEAD.update(cursor, changed)
    sealed = [run.lead for run in runs if run.lead.was_sealed]
    SEALED.update(cursor, [{"id": lead.id, "sensitive": lead.sensitive} for lead in sealed])


def save_deliveries(cursor: Any, runs: Sequence[Run]) -> None:
    """Insert the new ones, update the changed ones."""
    fresh, changed = [], []
    for run in runs:
        for delivery in run.deliveries:
            delivery.held_at = _held(run, delivery.state, delivery.held_at)
            if delivery.new:
                fresh.append({c: getattr(delivery, c) for c in DELIVERY.columns})
            elif found := DELIVERY_CHANGES.of(delivery):
                changed.append({"id": delivery.id, **found})
    DELIVERY.insert(cursor, fresh)
    DELIVERY.update(cursor, changed)


def _held(run: Run, state: str, since: datetime | None) -> datetime | None:
    """Since when it has been in review; None while it is not."""
    return (since or run.journal.at) if state == "review" else None
