"""When a recipient's share of a step's leads counts: given, ended, accepted; see `accounts`."""

from __future__ import annotations

from flows.turns.runs import Run
from flows.turns.states import DeliveryState


def given(run: Run, delivery: DeliveryState) -> None:
    """A recipient was chosen and not skipped at once: the lead is under way to it, or waits."""
    if delivery.state != "skipped":
        _add(run, delivery, sent=1)


def ending(run: Run, delivery: DeliveryState, state: str) -> None:
    """A delivery is about to end in `state`. What was skipped without having been sent does not
    count; a person's decision on what waits for review has been counted when it went there."""
    if state == "skipped" and not delivery.attempts:
        if not delivery.new:
            _add(run, delivery, sent=-1)
    elif delivery.state != "review":
        _add(run, delivery, ended=1)


def reopening(run: Run, delivery: DeliveryState) -> None:
    """A delivery that has ended is sent again: its answer is open once more."""
    if delivery.attempts:
        _add(run, delivery, ended=-1)
    else:
        _add(run, delivery, sent=1)


def sold(run: Run, delivery: DeliveryState) -> None:
    _add(run, delivery, accepted=1)


def _add(
    run: Run, delivery: DeliveryState, *, sent: int = 0, ended: int = 0, accepted: int = 0
) -> None:
    """Count something of a delivery, where its step keeps account and lists its recipient."""
    step = run.flow.step(delivery.step)
    key = getattr(step, "account", "")
    if not key or step is None or run.lead.test:
        return
    if delivery.recipient_id not in {c.recipient for c in getattr(step, "candidates", ())}:
        return
    run.book.add(
        key,
        delivery.recipient_id,
        (run.flow.id, step.id),
        at=run.journal.at,
        sent=sent,
        ended=ended,
        accepted=accepted,
    )
