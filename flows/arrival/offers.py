"""Offers that sources were made by pings, kept until a lead is sent for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import orjson
from django.db import connection
from django.utils import timezone

from flows.models import SourcePing
from flows.patterns.base import Bid
from flows.turns.states import LeadState, Offered
from recipients.prices import By, Priced

KEPT = timedelta(days=7)
UNKNOWN = "The offer of this ping is over, used, or never was"
TAKE = """
    UPDATE flows_sourceping SET lead_id = %s
    WHERE id = %s AND flow_id = %s AND source_id = %s AND test = %s
      AND lead_id = '' AND expires_at > %s
    RETURNING price, step_id, bids, flow_version, services_cost, asked
"""


@dataclass(frozen=True, slots=True)
class Held:
    """An offer that a lead makes use of: its price, and the bids behind it."""

    price: Decimal
    bids: Sequence[Offered]
    flow_version: int = 0  # of the flow that made it
    services_cost: Decimal = Decimal(0)  # of those asked for the ping
    asked: Sequence[str] = ()  # digests of the questions whose answers are kept

    @property
    def priced(self) -> Priced:
        return Priced(self.price, By.PING)


def take(lead: LeadState, ping_id: str) -> Held | None:
    """Hold a source to its ping, in the transaction that stores its lead; None where there is no
    offer of that name for it any more. Of two leads for one offer the second finds none."""
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE, [lead.id, ping_id, lead.flow_id, lead.source_id, lead.test, lead.created_at]
        )
        row = cursor.fetchone()
    if row is None:
        return None
    price, step_id, written, flow_version, services_cost, asked = row
    bids = [_offered(step_id, *bid) for bid in orjson.loads(written)]
    return Held(price, bids, flow_version, services_cost, orjson.loads(asked))


def _offered(step_id: str, recipient: str, amount: str | None, bid_id: str, reason: str) -> Offered:
    bid = Bid(recipient, None if amount is None else Decimal(amount), bid_id, reason)
    return Offered(step_id, bid, new=True)


def forget_old() -> int:
    """Delete offers that are long over; how many."""
    return SourcePing.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
