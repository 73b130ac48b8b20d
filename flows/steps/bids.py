"""The bids for the leads of a turn, as it reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from flows.models import Bid as BidRow
from flows.patterns.base import Bid, Candidate
from flows.turns.runs import Run
from flows.turns.states import Offered
from leadops.lib.bulk import Table, dumps
from recipients.plan import PingPlan, RecipientPlan

KEPT = timedelta(days=7)  # beyond that no auction is still going on
READ = """
    SELECT lead_id, step_id, told, recipient_id, amount, bid_id, reason FROM flows_bid
    WHERE lead_id = ANY(%s) ORDER BY id
"""
TABLE = Table(
    "flows_bid",
    {
        "lead_id": "text",
        "step_id": "text",
        "recipient_id": "text",
        "amount": "numeric",
        "bid_id": "text",
        "reason": "text",
        "told": "text",
        "at": "timestamptz",
    },
)
TOLD = """
    UPDATE flows_bid AS b SET told = r.told
    FROM json_to_recordset(%s::json)
        AS r(lead_id text, step_id text, recipient_id text, told text)
    WHERE b.lead_id = r.lead_id AND b.step_id = r.step_id AND b.recipient_id = r.recipient_id
"""


def offered(row: Sequence[Any]) -> Offered:
    """From a row of `READ`, its lead's id left out."""
    step_id, told, *bid = row
    return Offered(step_id, Bid(*bid), told=told)


def save(cursor: Any, runs: Iterable[Run]) -> None:
    """Write the bids that came in this turn, and who was told."""
    fresh, told = [], []
    for run in runs:
        for each in run.bids:
            if each.new:
                fresh.append(_row(run.lead.id, each, run.journal.at))
            elif each.changed:
                told.append(_row(run.lead.id, each, run.journal.at))
    TABLE.insert(cursor, fresh, suffix="ON CONFLICT DO NOTHING")
    if told:
        cursor.execute(TOLD, [dumps(told)])


def insert(cursor: Any, lead_id: str, made: Iterable[Offered], *, at: datetime) -> None:
    """Write bids that a lead comes with."""
    TABLE.insert(cursor, [_row(lead_id, each, at) for each in made])


def _row(lead_id: str, offered: Offered, at: datetime) -> dict[str, Any]:
    return {
        "lead_id": lead_id,
        "step_id": offered.step_id,
        "recipient_id": offered.bid.recipient,
        "amount": offered.bid.amount,
        "bid_id": offered.bid.bid_id[:200],
        "reason": offered.bid.reason[:500],
        "told": offered.told,
        "at": at,
    }


def forget_old() -> int:
    """Delete the bids of auctions that are long over; how many."""
    return BidRow.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]


def with_terms(candidate: Candidate, plan: RecipientPlan) -> Candidate:
    """A candidate of an auction with its terms; one that is not asked offers what it pays."""
    ping = plan.ping or PingPlan()
    never_asked = ping.asks is None
    return replace(
        candidate,
        static_bid=_first(ping.static_bid, candidate.price) if never_asked else None,
        minimum_bid=ping.minimum,
        margin=ping.margin,
    )


def _first(*amounts: Decimal | None) -> Decimal | None:
    return next((amount for amount in amounts if amount is not None), None)
