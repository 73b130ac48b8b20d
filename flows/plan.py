"""What leads go by, compiled and immutable: sources, flows, their steps, and all of it together."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from events.masking import Private
from flows.arrival import consent
from flows.arrival.terms import Terms
from flows.patterns.base import Candidate, Pattern
from flows.patterns.orders import Order
from flows.pricing.wanted import Wanted
from flows.steps.enhancements import EnhanceStep
from flows.steps.learning import Learn
from leadops.lib import conditions
from recipients.caps import Cap
from recipients.plan import ListPlan, RecipientPlan
from recipients.prices import Prices


@dataclass(frozen=True, slots=True)
class FieldPlan:
    name: str
    type: str
    required: bool
    privacy: str


@dataclass(frozen=True, slots=True)
class FilterStep:
    id: str
    name: str
    rule: conditions.Rule
    reason: str
    stops: bool


@dataclass(frozen=True, slots=True)
class DeliverStep:
    """`account` is what the shares of its recipients are kept under, blank where its order needs
    none. `prices` are of those recipients whose price goes by rules."""

    id: str
    name: str
    pattern: Pattern
    order: Order
    candidates: tuple[Candidate, ...]
    remediation: Candidate | None
    skips_open_breakers: bool = False
    order_name: str = "listed"
    account: str = ""
    opens_early: bool = False
    learn: Learn | None = None
    prices: Mapping[str, Prices] = field(default_factory=dict)
    # Recipients that an earlier version names and that are there no more: id and name.
    gone: tuple[tuple[str, str], ...] = ()
    # Of all its leads, and of single recipients in it.
    caps: tuple[Cap, ...] = ()
    recipient_caps: Mapping[str, tuple[Cap, ...]] = field(default_factory=dict)
    # Seconds: of an auction, for all bids; that an offer to a source stands.
    deadline: float = 0.0
    offer_valid: float = 60.0
    tell_losers: bool = False

    @property
    def asks(self) -> bool:
        """Whether its pattern asks for bids."""
        return self.pattern.asks


StepPlan = FilterStep | DeliverStep | EnhanceStep


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """`open_submit`: leads come to its submit address without a key."""

    id: str
    slug: str
    name: str
    active: bool
    price: Decimal
    values: Mapping[str, Any]
    open_submit: bool = False
    allowed_origins: frozenset[str] = frozenset()
    redirect_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlowPlan:
    id: str
    slug: str
    name: str
    currency: str
    active: bool
    fields: tuple[FieldPlan, ...]
    terms: Mapping[str, Terms]
    steps: tuple[StepPlan, ...]
    duplicates: tuple[tuple[str, ...], ...] = ()
    duplicates_within: float = 0.0
    suppress: tuple[ListPlan, ...] = ()
    consent: consent.Terms | None = None
    # Fields whose values the permanent record does not repeat: they are in the snapshot.
    private: frozenset[str] = Private()
    # At the door.
    caps: tuple[Cap, ...] = ()
    # All who may get its leads, and the caps of its steps.
    recipients: frozenset[str] = frozenset()
    step_caps: tuple[Cap, ...] = ()
    # A step of it lets leads wait until they are old enough.
    waits: bool = False
    # The number under which it is recorded, and what tells its content from others'. 0: it is not.
    version: int = 0
    digest: str = ""
    # Why leads cannot go by it: it is of another release, say. Then it has no steps.
    broken: str = ""

    def describes(self, name: str) -> bool:
        """Whether a field of that name is one of the flow's."""
        return any(field.name == name for field in self.fields)

    def step(self, position: int) -> StepPlan | None:
        return self.steps[position] if position < len(self.steps) else None

    def step_id(self, position: int) -> str:
        """The step's id, empty beyond the last."""
        step = self.step(position)
        return step.id if step else ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What turns must read for the steps of some flows: the accounts that orders keep, the windows
    (flow, seconds) that steps learn over; figures that prices go by; bids, counts, and answers
    that steps keep."""

    accounts: frozenset[str] = frozenset()
    windows: frozenset[tuple[str, float]] = frozenset()
    figures: frozenset[Wanted] = frozenset()
    bids: bool = False
    counts: bool = False
    answers: bool = False

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            accounts=self.accounts | other.accounts,
            windows=self.windows | other.windows,
            figures=self.figures | other.figures,
            bids=self.bids or other.bids,
            counts=self.counts or other.counts,
            answers=self.answers or other.answers,
        )


@dataclass(slots=True)
class Earlier:
    """Earlier versions of flows that this process has compiled; see `flows.earlier`. `needs` are
    those of the flows as they are, and of these."""

    needs: Needs
    known: dict[tuple[str, int], FlowPlan] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class NotLoaded(Exception):
    """This process has not compiled the versions of flows that some leads go by. `wanted` are all
    that were asked for, those it has among them: flow and number."""

    def __init__(self, plans: Plans, wanted: frozenset[tuple[str, int]]) -> None:
        super().__init__(f"Not compiled yet: {sorted(wanted)}")
        self.plans, self.wanted = plans, wanted


class Follows(Protocol):
    """A lead. `flow_version` 0: it goes by its flow as it is."""

    @property
    def flow_id(self) -> str: ...

    @property
    def flow_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Plans:
    """Everything, as of one revision."""

    revision: int
    flows: Mapping[str, FlowPlan]
    flow_slugs: Mapping[str, str]
    sources: Mapping[str, SourcePlan]
    recipients: Mapping[str, RecipientPlan]
    # Recipients that do not take every lead: of theirs a turn looks up suppression and duplicates.
    choosy: Mapping[str, RecipientPlan] = field(default_factory=dict)
    earlier: Earlier = field(default_factory=lambda: Earlier(Needs()))

    @property
    def needs(self) -> Needs:
        """Of all its flows, and of the earlier versions that leads go by."""
        return self.earlier.needs

    @property
    def accounts(self) -> frozenset[str]:
        return self.earlier.needs.accounts

    @property
    def windows(self) -> frozenset[tuple[str, float]]:
        return self.earlier.needs.windows

    @property
    def has_auctions(self) -> bool:
        return self.earlier.needs.bids

    @property
    def has_caps(self) -> bool:
        """Or limits: turns count."""
        return self.earlier.needs.counts

    @property
    def keeps_answers(self) -> bool:
        """A step keeps what its service answers."""
        return self.earlier.needs.answers

    def followed(self, leads: Iterable[Follows]) -> list[FlowPlan | None]:
        """The flow of each lead, as of the version it goes by; None where its flow cannot be used.
        Raises NotLoaded."""
        found, missing, wanted = [], False, []
        for lead in leads:
            flow = self.flows.get(lead.flow_id)
            if flow is not None and lead.flow_version not in (flow.version, 0):
                key = lead.flow_id, lead.flow_version
                flow = self.earlier.known.get(key)
                missing = missing or flow is None
                wanted.append(key)
            found.append(flow)
        if missing:
            raise NotLoaded(self, frozenset(wanted))
        return found

    def flow(self, slug_or_id: str) -> FlowPlan | None:
        return self.flows.get(self.flow_slugs.get(slug_or_id, slug_or_id))

    def source(self, slug_or_id: str) -> SourcePlan | None:
        found = self.sources.get(slug_or_id)
        return found or next((s for s in self.sources.values() if s.slug == slug_or_id), None)


def needs_of(flows: Iterable[FlowPlan]) -> Needs:
    """What turns must read for these."""
    flows = list(flows)
    steps = [(flow.id, step) for flow in flows for step in flow.steps]
    delivers = [(id, step) for id, step in steps if isinstance(step, DeliverStep)]
    return Needs(
        accounts=frozenset(step.account for _, step in delivers if step.account),
        windows=frozenset((id, step.learn.over) for id, step in delivers if step.learn),
        figures=frozenset(_figures(flows)),
        bids=any(step.asks for _, step in delivers),
        counts=any(flow.step_caps for flow in flows),
        answers=any(isinstance(step, EnhanceStep) and step.keeps for _, step in steps),
    )


def _figures(flows: Iterable[FlowPlan]) -> Iterator[Wanted]:
    """What prices by rules read of recipients and sources."""
    for flow in flows:
        for step in flow.steps:
            prices = step.prices if isinstance(step, DeliverStep) else {}
            for who, found in prices.items():
                yield from (Wanted(who, flow.id, each, found.zone) for each in found.figures)
        for source_id, agreed in flow.terms.items():
            for each in agreed.prices.figures:
                yield Wanted(source_id, flow.id, each, of_source=True)


def step_caps(steps: tuple[StepPlan, ...]) -> Iterator[Cap]:
    """The caps of steps, and of recipients in them."""
    for step in steps:
        if isinstance(step, DeliverStep):
            yield from step.caps
            for listed in step.recipient_caps.values():
                yield from listed
