"""A source's ping: what a lead would bring that is not sent yet, answered from the auction that it
would go to. The offer stands for a while; a lead posted with its id is paid that price, and goes to
the bids that were made for it.

The flow is walked in memory with what the source tells. A rule that hangs on a field the ping does
not have decides nothing yet, nor does consent that is missing: both are asked again when the lead
comes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db import connection, transaction

from events import shapes
from events.journal import Journal
from events.vocabulary import EventType
from flows import plans
from flows.arrival import pingservices, preparing
from flows.arrival.pingservices import Clock
from flows.arrival.preparing import Prepared, Submission
from flows.arrival.webdesk import book_of, desk_of
from flows.delivery import dispatching, endpoints
from flows.delivery.admission import Admit
from flows.delivery.breakers import Contended
from flows.models import SourcePing
from flows.patterns.base import Bid
from flows.patterns.ping_post import offers
from flows.plan import DeliverStep, FilterStep, FlowPlan, SourcePlan
from flows.steps import auctions, routing
from flows.steps.enhancements import EnhanceStep
from flows.turns import askers, lookups
from flows.turns.desk import Desk
from flows.turns.runs import Run
from leadops.lib import ids
from leadops.lib.conditions import ruled_out
from recipients.prices import Priced

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source is told. Without an `id` there is no offer, and the `reason` says why."""

    id: str = ""
    price: Decimal = Decimal(0)
    expires_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """The step that would sell the lead, and what remains of its best bid."""

    step: DeliverStep
    value: Decimal


class _Refused(Exception):
    """There is no offer; the text says why."""


def answer(flow: FlowPlan, source: SourcePlan, submission: Submission, *, at: datetime) -> Offer:
    """The offer for a lead that a source has; it is committed when this returns."""
    current = plans.current()
    prepared = preparing.prepare(flow, source, submission, at=at, identified=False)
    run, desk = _run(prepared, at), desk_of(current, at)
    run.book = book_of(flow.id, current)
    clock = pingservices.clock_of(flow)
    try:
        if not prepared.accepted:
            raise _Refused(prepared.reasons[0].told)
        desk.facts = lookups.look_up([run], current, at=at)
        found = _walk(run, desk, clock)
        offer = Offer(
            ids.new_id("ping"),
            _price(prepared.priced, found),
            at + timedelta(seconds=_valid(found)),
        )
    except _Refused as refused:
        offer, found = Offer(reason=str(refused)), None
    asked = pingservices.keep_for(desk, clock, offer.id, valid=_valid(found)) if offer.id else []
    _store(run, prepared, offer, found, desk=desk, asked=asked)
    _note_endpoints(desk)
    return offer


def _valid(found: _Found | None) -> float:
    return found.step.offer_valid if found else 0.0


def _run(prepared: Prepared, at: datetime) -> Run:
    """The ping as if it were a lead; what is noted of it is dropped."""
    lead = prepared.lead
    lead.values = {**prepared.values, **prepared.sensitive}
    journal = Journal(at)
    return Run(lead, prepared.flow, journal, source=prepared.source, partial=True)


def _walk(run: Run, desk: Desk, clock: Clock) -> _Found:
    """The first delivery step that would sell; raises _Refused where none would."""
    reason = "The flow delivers to nobody"
    while step := run.flow.step(run.lead.step):
        if isinstance(step, EnhanceStep):
            pingservices.ask(run, desk, clock)
            if run.stopped_by:
                raise _Refused(f"Stopped by {run.stopped_by}")
            continue
        if isinstance(step, FilterStep):
            _pass(run, step)
        else:
            value = _auction(run, step, desk, clock) if step.asks else _listed(run, step, desk)
            if value is not None:
                return _Found(step, value)
            reason = "No buyer wants it"
        run.lead.step += 1
    raise _Refused(reason)


def _pass(run: Run, step: FilterStep) -> None:
    failed = ruled_out(step.rule, run.judged)
    if failed is not None and step.stops:
        raise _Refused(step.reason or failed.masked(run.flow.private).text)


def _auction(run: Run, step: DeliverStep, desk: Desk, clock: Clock) -> Decimal | None:
    candidates = [c for c in step.candidates if c.static_bid is None]
    inquiry = auctions.inquiry(run, step, candidates, desk)
    inquiry = dataclasses.replace(inquiry, seconds=clock.for_bids(inquiry.seconds))
    answers = askers.put_all(inquiry) if inquiry.questions else ()
    auctions.take(run, step, inquiry, answers, desk)
    ranking = offers(routing.situation(run, step))
    return ranking[0].value if ranking else None


def _listed(run: Run, step: DeliverStep, desk: Desk) -> Decimal | None:
    """The best price of those who would get it now, without asking anybody."""
    prices = [
        candidate.price
        for candidate in routing.situation(run, step).candidates
        if candidate.price is not None
        and isinstance(
            dispatching.verdict(run, desk.plans.recipients[candidate.recipient], desk, step=step),
            Admit,
        )
    ]
    return max(prices, default=None)


def _price(agreed: Priced, found: _Found) -> Decimal:
    """What was agreed with the source, if the best bid covers it; else what remains of the bid."""
    if agreed.price <= 0:
        return found.value.quantize(CENT, rounding=ROUND_DOWN)
    if found.value < agreed.price:
        raise _Refused("No bid covers the agreed price")
    return agreed.price


def _store(
    run: Run,
    prepared: Prepared,
    offer: Offer,
    found: _Found | None,
    *,
    desk: Desk,
    asked: list[str],
) -> None:
    journal = Journal(run.journal.at)
    source, flow = prepared.source, prepared.flow
    journal.operation(
        EventType.PING_ANSWERED,
        entity_id=source.id,
        flow_id=flow.id,
        reason=offer.reason,
        ping={"id": offer.id or None, "expires_at": _moment(offer.expires_at)},
        source={"id": source.id, "name": source.name, "slug": source.slug},
        offered=bool(offer.id),
        price=shapes.money(offer.price) if offer.id else None,
        bids=[
            {"recipient_id": b.recipient, "bid": shapes.money(b.amount), "reason": b.reason}
            for b in (each.bid for each in run.bids)
        ],
        **({"services": services} if (services := pingservices.told(run)) else {}),
        **({"test": True} if run.lead.test else {}),
    )
    with transaction.atomic(), connection.cursor() as cursor:
        if found is not None and offer.expires_at is not None:
            SourcePing.objects.create(
                id=offer.id,
                flow_id=flow.id,
                source_id=source.id,
                at=run.journal.at,
                expires_at=offer.expires_at,
                test=run.lead.test,
                price=offer.price,
                step_id=found.step.id,
                bids=[_written(b.bid) for b in run.bids if b.step_id == found.step.id],
                flow_version=flow.version,
                services_cost=run.lead.services_cost,
                asked=asked,
            )
        desk.answers.write(cursor)
        journal.write(cursor)


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _written(bid: Bid) -> list[Any]:
    amount = None if bid.amount is None else str(bid.amount)
    return [bid.recipient, amount, bid.bid_id, bid.reason]


def _note_endpoints(desk: Desk) -> None:
    """Remember who failed or refused: nobody is asked for long who does not answer."""
    with contextlib.suppress(Contended), transaction.atomic():
        journal = Journal(desk.now)
        endpoints.write(desk, journal)
        with connection.cursor() as cursor:
            journal.write(cursor)
        endpoints.write_breakers(desk)
