"""The configuration as workers use it: compiled once, immutable, reloaded when it changes."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Protocol

from django.db import connection, transaction

from events.masking import Private
from flows import contents
from flows import versions as flow_versions
from flows.arrival import consent, terms
from flows.arrival.terms import Stored, Terms
from flows.models import Flow, FlowField, Revision, Source, Step
from flows.patterns import registry
from flows.patterns.base import Candidate, Pattern
from flows.patterns.orders import Order
from flows.pricing.wanted import Wanted
from flows.steps import bids, enhancements, shares
from flows.steps.enhancements import EnhanceStep as EnhanceStep
from flows.steps.learning import LEARN_FROM, Learn
from leadops.lib import conditions
from recipients import caps, prices, suppression, versions
from recipients.caps import Cap
from recipients.loading import load_recipients, stored_secrets
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


log = logging.getLogger(__name__)

REVISION = "SELECT number FROM flows_revision WHERE id = 1"


@dataclass
class _Cache:
    plans: Plans | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_cache = _Cache()


def current(revision: int | None = None) -> Plans:
    """The plans of `revision` (default: the newest) or later, loaded if this process has others."""
    if revision is None:
        revision = newest()
    plans = _cache.plans
    if plans is None or plans.revision < revision:
        with _cache.lock:
            if _cache.plans is None or _cache.plans.revision < revision:
                _cache.plans = load()
            plans = _cache.plans
    return plans


class Outdated(Exception):
    """This process has other plans than those in force."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"Revision {revision} is in force")
        self.revision = revision


def loaded(revision: int) -> Plans:
    """The plans of `revision` where this process has them; raises Outdated.

    For use in a transaction: loading there would read other configuration in every query.
    """
    plans = _cache.plans
    if plans is None or plans.revision < revision:
        raise Outdated(revision)
    return plans


def cached() -> Plans | None:
    """The plans that this process has, whatever their revision."""
    return _cache.plans


def forget() -> None:
    """Drop what this process has compiled."""
    _cache.plans = None


def newest() -> int:
    with connection.cursor() as cursor:
        cursor.execute(REVISION)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def changed() -> None:
    """Say that configuration has changed; true for others when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO flows_revision (id, number) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET number = flows_revision.number + 1"
        )


def load() -> Plans:
    """Read and compile everything; about a dozen queries, whatever the size.

    What somebody changed without recording a version is recorded here, as it was found: leads are
    told apart by the number of the version that they came under.
    """
    versions.keep_all()
    with transaction.atomic():  # one moment for all of them
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        revision = Revision.objects.filter(id=1).values_list("number", flat=True).first() or 0
        recipients = load_recipients()
        sources = {source.id: _source(source) for source in Source.objects.all()}
        flows = {plan.id: plan for plan in _flows(recipients)}
        drafts = flow_versions.drafts(plan.id for plan in flows.values() if not plan.version)
    for draft in drafts:
        number = flow_versions.record(draft)
        flows[draft.flow_id] = replace(flows[draft.flow_id], version=number)
    return Plans(
        revision=revision,
        flows=flows,
        flow_slugs={plan.slug: plan.id for plan in flows.values()},
        sources=sources,
        recipients=recipients,
        choosy={id: plan for id, plan in recipients.items() if plan.looks_up},
        earlier=Earlier(
            Needs(counts=any(plan.caps or plan.limits for plan in recipients.values()))
            | needs_of(flows.values())
        ),
    )


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


def _recipients(steps: tuple[StepPlan, ...]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, DeliverStep):
            yield from (candidate.recipient for candidate in step.candidates)
            if step.remediation:
                yield step.remediation.recipient


def step_caps(steps: tuple[StepPlan, ...]) -> Iterator[Cap]:
    for step in steps:
        if isinstance(step, DeliverStep):
            yield from step.caps
            for listed in step.recipient_caps.values():
                yield from listed


def _source(source: Source) -> SourcePlan:
    return SourcePlan(
        id=source.id,
        slug=source.slug,
        name=source.name,
        active=source.active,
        price=source.price,
        values={
            **source.fields,
            "id": source.id,
            "slug": source.slug,
            "name": source.name,
            "price": source.price,
        },
        open_submit=source.open_submit,
        allowed_origins=frozenset(source.allowed_origins),
        redirect_hosts=tuple(source.redirect_hosts),
    )


def _flows(recipients: Mapping[str, RecipientPlan]) -> list[FlowPlan]:
    """All flows that compile. Of one that does not, leads wait until it is mended."""
    found, stored = [], functools.cache(stored_secrets)
    names = {plan.id: plan.name for plan in recipients.values()}
    numbers = flow_versions.newest()
    query = Flow.objects.prefetch_related("fields", "sources__source", "suppress")
    for flow in query.prefetch_related("steps__recipients", "steps__enhancement"):
        try:
            plan = _flow(flow, recipients, stored)
        except (ValueError, KeyError) as error:  # every compile error of ours is a ValueError
            log.error("The flow %s cannot be used: %s", flow.slug, error)
            continue
        digest = contents.digest(contents.written(flow, names))
        number, recorded = numbers.get(flow.id, (0, ""))
        found.append(replace(plan, digest=digest, version=number if recorded == digest else 0))
    return found


def _flow(flow: Flow, recipients: Mapping[str, RecipientPlan], stored: Stored) -> FlowPlan:
    base = FlowPlan(
        id=flow.id,
        slug=flow.slug,
        name=flow.name,
        currency=flow.currency,
        active=flow.active,
        fields=(),
        terms={row.source_id: terms.of(row, stored) for row in flow.sources.all()},
        steps=(),
        caps=caps.parse(flow.caps, owner=flow.id),
        duplicates=tuple(tuple(group) for group in flow.duplicate_match),
        duplicates_within=flow.duplicate_within or 0.0,
        suppress=suppression.plans_of(flow.suppress.all()),
    )
    return inside(base, flow, flow.fields.all(), flow.steps.all(), recipients, stored)


def inside(
    base: FlowPlan,
    flow: Flow,
    fields: Iterable[FlowField],
    steps: Iterable[Step],
    recipients: Mapping[str, RecipientPlan],
    stored: Stored,
) -> FlowPlan:
    """`base` with all that leads inside go by, compiled from rows."""
    steps = list(steps)
    others = [step.name for step in steps if step.kind == Step.Kind.ENHANCE]
    compiled = tuple(
        enhancements.compiled(step, stored, others=others)
        if step.kind == Step.Kind.ENHANCE
        else _step(step, recipients)
        for step in steps
    )
    typed = [FieldPlan(f.name, f.type, f.required, f.privacy) for f in fields]
    return replace(
        base,
        currency=flow.currency,
        fields=tuple(typed),
        steps=compiled,
        recipients=frozenset(_recipients(compiled)),
        step_caps=tuple(step_caps(compiled)),
        waits=any(isinstance(s, DeliverStep) and s.pattern.uses_tiers for s in compiled),
        consent=_consent(flow),
        private=Private.of(
            {f.name: f.privacy for f in typed},
            *(step.private for step in compiled if isinstance(step, EnhanceStep)),
        ),
    )


def _consent(flow: Flow) -> consent.Terms | None:
    if not flow.consent_field:
        return None
    return consent.Terms(
        field=flow.consent_field,
        required=flow.consent_required,
        max_age=flow.consent_max_age,
        at=flow.consent_at,
        text=flow.consent_text,
    )


def _step(step: Step, recipients: Mapping[str, RecipientPlan]) -> StepPlan:
    if step.kind == Step.Kind.FILTER:
        return FilterStep(
            id=step.id,
            name=step.name,
            rule=conditions.parse(step.rules),
            reason=step.reason,
            stops=step.on_fail == Step.OnFail.STOP,
        )
    candidates = tuple(
        Candidate(
            recipient=row.recipient_id,
            price=recipients[row.recipient_id].price if row.price is None else row.price,
            weight=row.weight,
            priority=row.priority,
            opens_after=row.opens_after or 0.0,
        )
        for row in step.recipients.all()
    )
    remediation = step.remediation_id
    pattern = registry.PATTERNS[step.pattern]
    if pattern.asks:
        candidates = tuple(bids.with_terms(c, recipients[c.recipient]) for c in candidates)
    return DeliverStep(
        id=step.id,
        name=step.name,
        pattern=pattern,
        deadline=step.auction_deadline,
        offer_valid=step.offer_valid,
        tell_losers=step.tell_losers,
        order=registry.ORDERS[step.order],
        candidates=candidates,
        remediation=(
            Candidate(recipient=remediation, price=recipients[remediation].price)
            if remediation
            else None
        ),
        skips_open_breakers=step.while_open == Step.WhileOpen.SKIP,
        order_name=step.order,
        account=shares.account(step.id, step.order, candidates),
        opens_early=step.when_declined == Step.WhenDeclined.OPEN_NEXT,
        learn=_learn(step),
        prices=dict(_prices(step, candidates, recipients)),
        caps=caps.parse(step.caps, owner=step.id),
        recipient_caps={
            row.recipient_id: caps.parse(
                row.caps,
                owner=f"{step.id}:{row.recipient_id}",
                zone=recipients[row.recipient_id].timezone,
            )
            for row in step.recipients.all()
            if row.caps
        },
    )


def _prices(
    step: Step, candidates: tuple[Candidate, ...], recipients: Mapping[str, RecipientPlan]
) -> Iterator[tuple[str, Prices]]:
    """What is paid by rules: by those in the step's list first, then by the recipient's own."""
    bids = {each.recipient: each.static_bid for each in candidates}
    for row in step.recipients.all():
        plan = recipients[row.recipient_id]
        bid = bids[plan.id] if plan.has_static_bid else None
        otherwise = plan.prices if bid is None else Prices(bid, whose="static bid")
        fixed = row.price if bid is None else None
        found = Prices(fixed, prices.parse(row.prices), "step", otherwise, plan.timezone)
        if found.has_rules:
            yield plan.id, found
    pool = step.remediation_id
    if pool and pool not in bids and recipients[pool].prices.rules:
        yield pool, recipients[pool].prices


def _learn(step: Step) -> Learn | None:
    if step.learn_over is None:
        return None
    minimum = LEARN_FROM if step.learn_minimum is None else step.learn_minimum
    return Learn(step.learn_over, minimum)
