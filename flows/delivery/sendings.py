"""From a begun delivery to the attempt that a sender makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from typing import Any

from flows.turns.desk import Desk, Sending
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from recipients.plan import EndpointPlan, RecipientPlan


def hiding(plan: RecipientPlan, run: Run) -> RecipientPlan:
    """The plan with a redactor that knows the lead's sensitive values too."""
    if hidden := run.lead.hidden:
        return dataclasses.replace(plan, redactor=plan.redactor.also(map(str, hidden.values())))
    return plan


def hidden_of(runs: Iterable[Run]) -> set[str]:
    """The sensitive values of all these leads, as texts."""
    return {str(value) for run in runs for value in run.lead.hidden.values()}


def hiding_values(plan: RecipientPlan, hidden: Collection[str]) -> RecipientPlan:
    """The plan with a redactor that knows these values too."""
    return dataclasses.replace(plan, redactor=plan.redactor.also(hidden)) if hidden else plan


def context(run: Run, plan: RecipientPlan, desk: Desk, *, id: str, attempt: int) -> dict[str, Any]:
    """What mappings and templates may name; `id` is the delivery's, and its idempotency key."""
    return {
        "lead": run.lead.known,
        "source": desk.plans.sources[run.lead.source_id].values,
        "flow": {"id": run.flow.id, "slug": run.flow.slug, "name": run.flow.name},
        "recipient": plan.fields,
        "now": desk.now,
        "delivery": {"id": id, "attempt": attempt, "idempotency_key": id},
        "delivery_attempt": attempt,
    }


def _with_bid(context: dict[str, Any], run: Run, delivery: DeliveryState) -> dict[str, Any]:
    """Where the delivery comes of an auction, what was bid is known as {{bid.id}}."""
    for each in run.bids:
        if each.step_id == delivery.step_id and each.bid.recipient == delivery.recipient_id:
            return {**context, "bid": {"id": each.bid.bid_id, "amount": each.bid.amount}}
    return context


def sending(
    run: Run,
    delivery: DeliveryState,
    endpoint: EndpointPlan,
    desk: Desk,
    *,
    lease: str,
    work_id: int | None,
    batch: str = "",
    who: str = "",
) -> Sending:
    """An attempt that has begun, with all that is needed to make it; `work_id` of fresh work.
    `batch` is the one it goes with, `who` its name to the breaker then."""
    work = delivery.work
    plan = desk.plans.recipients[delivery.recipient_id].of_version(delivery.mapping_version)
    assert work is not None  # noqa: S101  begun deliveries have work
    plan = hiding(plan, run)
    return Sending(
        work_id=work.id or work_id or 0,
        lease=lease,
        lead_id=run.lead.id,
        delivery_id=delivery.id,
        attempt=delivery.attempts,
        tries=delivery.tries,
        lane=work.lane,
        plan=plan,
        endpoint=endpoint,
        context=_with_bid(
            context(run, plan, desk, id=delivery.id, attempt=delivery.attempts), run, delivery
        ),
        test=run.lead.test,
        hold=work.hold,
        begun=desk.now,
        batch=batch,
        who=who,
    )
