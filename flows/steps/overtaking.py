"""What a sale does to the other deliveries of an exclusive step."""

from __future__ import annotations

from flows.delivery import dispatching
from flows.plan import DeliverStep, Plans
from flows.turns.runs import Run
from flows.turns.states import DeliveryState


def is_exclusive(run: Run, delivery: DeliveryState) -> bool:
    """Whether the step it belongs to sells a lead once."""
    step = run.flow.step(delivery.step)
    return isinstance(step, DeliverStep) and step.pattern.exclusive


def end_the_waiting(run: Run, delivery: DeliveryState, plans: Plans) -> None:
    """The lead was just sold by `delivery`: what is not under way now is never sent. Those under
    way end with whatever their recipients say. Does nothing where it was no sale."""
    if not delivery.sold or not is_exclusive(run, delivery):
        return
    buyer = plans.recipients[delivery.recipient_id].name
    for other in run.deliveries:
        if other.step == delivery.step and other.state == "waiting":
            plan = plans.recipients[other.recipient_id]
            dispatching.skip(run, other, plan, f"Sold to {buyer}")
            run.dropped.append(other.id)


def is_overtaken(run: Run, delivery: DeliveryState) -> bool:
    """Whether somebody else bought the lead while this was under way: it is tried no more.

    What a person had sent again after the sale is not overtaken by it.
    """
    begun = delivery.first_attempt_at
    return is_exclusive(run, delivery) and any(
        other is not delivery
        and other.step == delivery.step
        and other.sold
        and other.finished_at is not None
        and (begun is None or other.finished_at >= begun)
        for other in run.deliveries
    )
