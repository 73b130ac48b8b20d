"""Caps and limits: whether there is room for a delivery, and what it takes, gives back or uses up.

What a delivery holds stands on its own row (`holds`), written in the same transaction: it is given
back or used up by whoever ends the delivery, and nothing is lost with a worker. How full they are:
see `counters`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from flows.delivery.counters import AT_ONCE, EMPTY, EVER, NOTHING, ONE, Counters, Hold
from flows.plan import Plans, StepPlan
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from recipients.caps import Cap
from recipients.limits import Rate
from recipients.outcomes import Outcome
from recipients.plan import RecipientPlan

LOOK_AGAIN = 60.0  # seconds, at most: those that wait for a place are woken
SOON = 5.0  # seconds until a cap is asked again that others may give something back to
AHEAD = 1800  # windows of a rate that are booked ahead at most


def holds_of(delivery: DeliveryState) -> list[Hold]:
    """What stands on a delivery's row."""
    found = delivery.holds
    rows: Sequence[Any] = orjson.loads(found) if isinstance(found, str) else found or []
    return [Hold(kind, key, datetime.fromisoformat(at), Decimal(n)) for kind, key, at, n in rows]


def hold(delivery: DeliveryState, holds: Iterable[Hold]) -> None:
    """Note on a delivery's row what it holds."""
    delivery.holds = [each.written() for each in holds] or None


@dataclass(frozen=True, slots=True)
class Busy:
    """No place now: it waits `seconds`, and notes down what it waits for."""

    reason: str
    seconds: float
    spread: float
    queue: Hold
    most: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What stands against a delivery: a limit, or a full cap and the seconds until it is worth
    asking again."""

    busy: Busy | None = None
    full: Cap | None = None
    taken: Decimal = NOTHING
    resets_in: float = 0.0


FREE = Room()


def read(counters: Counters, runs: Iterable[Run], plans: Plans, *, at: datetime) -> None:
    """The counts of whatever limits these leads; no statement where nothing does."""
    if plans.has_caps:
        counters.read(dict(_wanted(counters, list(runs), plans, at)))


def _wanted(
    counters: Counters, runs: Sequence[Run], plans: Plans, at: datetime
) -> Iterator[tuple[str, datetime]]:
    """Keys, each with the start of its first window that counts."""
    ids = {d.recipient_id for run in runs for d in run.deliveries if d.state == "waiting"}
    caps: list[Cap] = []
    for flow in {run.flow.id: run.flow for run in runs}.values():
        caps += flow.step_caps
        ids |= flow.recipients
    for plan in (plans.recipients[id] for id in ids if id in plans.recipients):
        caps += plan.caps
        if plan.limits.concurrency is not None:
            counters.rooms[plan.limits.key] = (plan.id, plan.limits.concurrency)
            yield plan.limits.key, EVER
        for rate in plan.limits.rates:
            yield rate.key, rate.window(at)
    for cap in caps:
        yield cap.key, cap.window(at)[0]


def room(
    run: Run,
    plan: RecipientPlan,
    step: StepPlan | None,
    delivery: DeliveryState | None,
    *,
    price: Decimal | None,
) -> Room:
    """Whether there is room for a delivery; takes nothing."""
    if run.lead.test or not (plan.limits or plan.caps or _of_step(step, plan)):
        return FREE
    held = holds_of(delivery) if delivery else []
    at = run.journal.at
    if busy := _busy(run, plan, held, at):
        return Room(busy)
    mine = {each.key for each in held if each.kind == "cap"}
    for cap in _applying(run, plan, step):
        starts, ends = cap.window(at)
        count = run.counters.known.get((cap.key, starts), EMPTY)
        if cap.key in mine or cap.has_room(count.taken, cap.takes(price)):
            continue
        wait = (ends - at).total_seconds()
        if count.used < cap.most:  # others may yet give back what they hold
            wait = min(wait, SOON)
        return Room(full=cap, taken=count.taken, resets_in=wait)
    return FREE


def _busy(run: Run, plan: RecipientPlan, held: Sequence[Hold], at: datetime) -> Busy | None:
    limits = plan.limits
    if limits.concurrency is not None:
        count = run.counters.known.get((limits.key, EVER), EMPTY)
        queued = any(each.kind == "queue" for each in held)
        if count.reserved >= limits.concurrency or (count.booked > 0 and not queued):
            said = f"{AT_ONCE} reached: {limits.concurrency} at once to {plan.name}"
            place = Hold("queue", limits.key, EVER)
            return Busy(said, LOOK_AGAIN, 0.0, place, limits.concurrency)
    for rate in limits.rates:
        starts = _window(run, rate, held, at)
        if starts > at:
            wait = (starts - at).total_seconds()
            said = f"Rate limit reached: {rate.said} to {plan.name}"
            return Busy(said, wait, rate.seconds * 0.8, Hold("rate", rate.key, starts))
    return None


def _window(run: Run, rate: Rate, held: Sequence[Hold], at: datetime) -> datetime:
    """The first window, from that of now on, that has a place for who holds these."""
    first = starts = rate.window(at)
    for ahead in range(AHEAD):
        starts = rate.after(first, ahead)
        count = run.counters.known.get((rate.key, starts), EMPTY)
        mine = sum(each.key == rate.key and each.starts == starts for each in held)
        if count.used + count.booked - mine < rate.most:
            return starts
    return starts


def wait(run: Run, delivery: DeliveryState, busy: Busy) -> None:
    """Let a delivery wait in line."""
    kept = []
    for each in holds_of(delivery):
        if each.kind in ("queue", "rate") and each.key == busy.queue.key:
            run.counters.add(each, booked=-ONE)
        else:
            kept.append(each)
    change = run.counters.add(busy.queue, booked=ONE)
    if busy.queue.kind == "queue" and change.full_at is None:
        change.full_at, change.freed = busy.most, change.reserved
    hold(delivery, [*kept, busy.queue])


def leave(run: Run, delivery: DeliveryState) -> None:
    """It waits for something else: whoever stands behind it need not wait for that."""
    kept = []
    for each in holds_of(delivery):
        if each.kind in ("queue", "rate"):
            run.counters.add(each, booked=-ONE)
        else:
            kept.append(each)
    if delivery.holds and len(kept) < len(holds_of(delivery)):
        hold(delivery, kept)


def take(
    run: Run,
    plan: RecipientPlan,
    step: StepPlan | None,
    delivery: DeliveryState,
    *,
    price: Decimal | None,
) -> None:
    """An attempt begins: reserve what it takes; it is one that `room` had nothing against."""
    if run.lead.test or not (plan.limits or plan.caps or _of_step(step, plan)):
        return
    at = run.journal.at
    kept = [each for each in holds_of(delivery) if each.kind == "cap"]
    for each in holds_of(delivery):
        if each.kind in ("queue", "rate"):
            run.counters.add(each, booked=-ONE)
    mine = {each.key for each in kept}
    for cap in () if delivery.sold else _applying(run, plan, step):
        if cap.key not in mine:
            starts, ends = cap.window(at)
            each = Hold("cap", cap.key, starts, cap.takes(price))
            run.counters.add(each, ends=ends, reserved=each.amount).limit(cap.most)
            kept.append(each)
    limits = plan.limits
    if limits.concurrency is not None:
        place = Hold("room", limits.key, EVER)
        run.counters.add(place, reserved=ONE).limit(Decimal(limits.concurrency))
        kept.append(place)
    for rate in limits.rates:
        change = run.counters.add(Hold("rate", rate.key, rate.window(at)), used=ONE)
        change.limit(Decimal(rate.most), used_only=True)
    hold(delivery, kept)


def sold(run: Run, plan: RecipientPlan, delivery: DeliveryState, *, price: Decimal) -> None:
    """A recipient has taken the lead: what was reserved is used up, money as it was paid.

    What nobody reserved counts all the same: a person said so, or the cap is younger.
    """
    step = run.flow.step(delivery.step)
    if run.lead.test or not (delivery.holds or plan.caps or _of_step(step, plan)):
        return
    applying = {cap.key: cap for cap in _applying(run, plan, step)}
    kept = []
    for each in holds_of(delivery):
        if each.kind != "cap":
            kept.append(each)
            continue
        cap = applying.pop(each.key, None)
        used = cap.takes(price) if cap else each.amount
        run.counters.add(each, reserved=-each.amount, used=used)
    for cap in applying.values():
        starts, ends = cap.window(run.journal.at)
        run.counters.add(Hold("cap", cap.key, starts), ends=ends, used=cap.takes(price))
    hold(delivery, kept)


def settle(run: Run, delivery: DeliveryState) -> None:
    """Give back what a delivery does not need any more, by the state it has come to.

    Whoever may have the lead keeps its places in caps until that is settled.
    """
    if not delivery.holds or delivery.state == "sending":
        return
    open_still = delivery.state in ("waiting", "review")
    doubtful = open_still and (delivery.in_doubt or delivery.outcome == Outcome.UNKNOWN)
    kept = []
    for each in holds_of(delivery):
        in_line = each.kind in ("queue", "rate") and delivery.state == "waiting"
        if in_line or (each.kind == "cap" and doubtful):
            kept.append(each)
        elif each.kind in ("cap", "room"):
            run.counters.add(each, reserved=-each.amount)
        else:
            run.counters.add(each, booked=-ONE)
    hold(delivery, kept)


def _of_step(step: StepPlan | None, plan: RecipientPlan) -> tuple[Cap, ...]:
    """The caps of a step, and of a recipient in it."""
    own: tuple[Cap, ...] = getattr(step, "caps", ())
    listed: Mapping[str, tuple[Cap, ...]] = getattr(step, "recipient_caps", {})
    return own + listed.get(plan.id, ())


def _applying(run: Run, plan: RecipientPlan, step: StepPlan | None) -> Iterator[Cap]:
    values = run.judged
    return (cap for cap in plan.caps + _of_step(step, plan) if cap.applies(values))
