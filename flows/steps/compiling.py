"""Steps as workers use them, each kind compiled from its row by a builder of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flows.models import Step
from flows.patterns import registry
from flows.patterns.base import Candidate
from flows.plan import DeliverStep, FilterStep
from flows.steps import accounts, bids
from flows.steps.learning import LEARN_FROM, Learn
from leadops.lib import conditions
from recipients import caps, prices
from recipients.caps import Cap
from recipients.plan import RecipientPlan
from recipients.prices import Prices


def compiled(step: Step, recipients: Mapping[str, RecipientPlan]) -> FilterStep | DeliverStep:
    """A filter, or a step that delivers; raises ValueError or KeyError where it does not compile.
    Enhancements: see `enhancements.compiled`."""
    return _filter(step) if step.kind == Step.Kind.FILTER else _deliver(step, recipients)


def _filter(step: Step) -> FilterStep:
    return FilterStep(
        id=step.id,
        name=step.name,
        rule=conditions.parse(step.rules),
        reason=step.reason,
        stops=step.on_fail == Step.OnFail.STOP,
    )


def _deliver(step: Step, recipients: Mapping[str, RecipientPlan]) -> DeliverStep:
    pattern = registry.PATTERNS[step.pattern]
    candidates = tuple(_candidates(step, recipients, with_terms=pattern.asks))
    return DeliverStep(
        id=step.id,
        name=step.name,
        pattern=pattern,
        order=registry.ORDERS[step.order],
        candidates=candidates,
        remediation=_remediation(step, recipients),
        skips_open_breakers=step.while_open == Step.WhileOpen.SKIP,
        order_name=step.order,
        account=accounts.account(step.id, step.order, candidates),
        opens_early=step.when_declined == Step.WhenDeclined.OPEN_NEXT,
        learn=_learn(step),
        prices=dict(_prices(step, candidates, recipients)),
        caps=caps.parse(step.caps, owner=step.id),
        recipient_caps=dict(_recipient_caps(step, recipients)),
        deadline=step.auction_deadline,
        offer_valid=step.offer_valid,
        tell_losers=step.tell_losers,
    )


def _candidates(
    step: Step, recipients: Mapping[str, RecipientPlan], *, with_terms: bool
) -> Iterator[Candidate]:
    """The recipients of its list; `with_terms`: with those of their bids."""
    for row in step.recipients.all():
        plan = recipients[row.recipient_id]
        candidate = Candidate(
            recipient=plan.id,
            price=plan.price if row.price is None else row.price,
            weight=row.weight,
            priority=row.priority,
            opens_after=row.opens_after or 0.0,
        )
        yield bids.with_terms(candidate, plan) if with_terms else candidate


def _remediation(step: Step, recipients: Mapping[str, RecipientPlan]) -> Candidate | None:
    pool = step.remediation_id
    return Candidate(recipient=pool, price=recipients[pool].price) if pool else None


def _recipient_caps(
    step: Step, recipients: Mapping[str, RecipientPlan]
) -> Iterator[tuple[str, tuple[Cap, ...]]]:
    """The caps of single recipients in the step, each in its recipient's time zone."""
    for row in step.recipients.all():
        if row.caps:
            owner, plan = f"{step.id}:{row.recipient_id}", recipients[row.recipient_id]
            yield plan.id, caps.parse(row.caps, owner=owner, zone=plan.timezone)


def _prices(
    step: Step, candidates: tuple[Candidate, ...], recipients: Mapping[str, RecipientPlan]
) -> Iterator[tuple[str, Prices]]:
    """What is paid by rules: by those in the step's list first, then by the recipient's own."""
    static = {each.recipient: each.static_bid for each in candidates}
    for row in step.recipients.all():
        plan = recipients[row.recipient_id]
        bid = static[plan.id] if plan.has_static_bid else None
        otherwise = plan.prices if bid is None else Prices(bid, whose="static bid")
        fixed = row.price if bid is None else None
        found = Prices(fixed, prices.parse(row.prices), "step", otherwise, plan.timezone)
        if found.has_rules:
            yield plan.id, found
    pool = step.remediation_id
    if pool and pool not in static and recipients[pool].prices.rules:
        yield pool, recipients[pool].prices


def _learn(step: Step) -> Learn | None:
    if step.learn_over is None:
        return None
    minimum = LEARN_FROM if step.learn_minimum is None else step.learn_minimum
    return Learn(step.learn_over, minimum)
