"""Accept a lead: prepare it, claim what it takes, and store it, in one transaction.

What is answered has been committed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from flows.arrival import doorcaps, guards, offers, preparing, storing
from flows.arrival.preparing import Prepared, Submission
from flows.arrival.storing import Answer
from flows.plan import FlowPlan, SourcePlan
from flows.steps import answers as kept_answers
from flows.steps import bids
from flows.steps.ruleviews import judged
from flows.turns.facts import repeats
from recipients.caps import Cap


def receive(
    flow: FlowPlan,
    source: SourcePlan,
    submission: Submission,
    *,
    at: datetime,
    beside: Callable[[Prepared, Answer], None] = lambda _prepared, _answer: None,
) -> Answer:
    """Take a lead in. The answer is true when this returns: its transaction is committed.

    `flow.terms[source.id]` must exist. `beside` writes what must be true together with the lead;
    it is not called for one that was answered before. Raises DatabaseError when the lead cannot be
    stored.
    """
    prepared = preparing.prepare(flow, source, submission, at=at)
    if prepared.accepted and flow.suppress:
        preparing.look_up_suppression(prepared)
    key = guards.Key(source.id, flow.id, submission.key)
    if prepared.asks_for_price and not submission.ping:
        if submission.key and (known := guards.known_answer(key)):
            return Answer.of(known)
        preparing.ask_for_price(prepared, at=at)
    with transaction.atomic():
        if submission.key:
            known = guards.take_key(key, prepared.lead.id, at=at)
            if known is not None:
                return Answer.of(known)
        capped = _door_caps(prepared)
        before = transaction.savepoint() if capped else None
        _claim(prepared, at=at)
        held = _take_offer(prepared, submission.ping) if submission.ping else None
        if before is not None and not _within_caps(prepared, capped, before, at=at):
            held = None
        answer = storing.store(prepared, at=at)
        if held is not None:
            with connection.cursor() as cursor:
                bids.insert(cursor, prepared.lead.id, held.bids, at=at)
                if held.asked or held.services_cost:
                    kept_answers.hand_over(cursor, submission.ping, prepared.lead.id, held.asked)
        if submission.key:
            guards.keep_answer(key, answer.kept())
        beside(prepared, answer)
    return answer


def _claim(prepared: Prepared, *, at: datetime) -> None:
    """Claim its values; a lead that has the same as an earlier one is rejected."""
    if prepared.accepted and prepared.claims:
        earlier = guards.claim_duplicates(prepared.flow, prepared.lead.id, prepared.claims, at=at)
        if earlier is not None:
            prepared.reject(repeats(earlier))


def _door_caps(prepared: Prepared) -> tuple[Cap, ...]:
    if prepared.lead.test or not prepared.accepted:
        return ()
    return prepared.flow.caps + prepared.flow.terms[prepared.source.id].caps


def _within_caps(prepared: Prepared, capped: tuple[Cap, ...], before: str, *, at: datetime) -> bool:
    """Count the lead; where there is no room for it, reject it and give back what it has claimed
    since `before`: tomorrow it is no duplicate."""
    full = ""
    if prepared.accepted:
        values = judged({**prepared.values, **prepared.sensitive}, prepared.source)
        full = doorcaps.take(capped, values, price=prepared.price, at=at)
    if not full:
        transaction.savepoint_commit(before)
        return True
    transaction.savepoint_rollback(before)
    prepared.ping, prepared.lead.services_cost = "", Decimal(0)
    prepared.reject(full)
    return False


def _take_offer(prepared: Prepared, ping_id: str) -> offers.Held | None:
    """The offer that the lead's ping was made; without one the lead is rejected."""
    if not prepared.accepted:
        return None
    held = offers.take(prepared.lead, ping_id)
    if held is None:
        prepared.reject(offers.UNKNOWN)
        return None
    prepared.priced = held.priced
    prepared.ping = ping_id
    prepared.lead.services_cost = held.services_cost
    # The bids were made in a step of the flow as it was then.
    prepared.lead.flow_version = held.flow_version or prepared.lead.flow_version
    return held
