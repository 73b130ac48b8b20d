"""Pings at `/flows/{flow}/sources/{source}/ping`: a bid without a lead's identity.

The one place where the submit addresses ask for a bid. Until inbound pings exist there is none to
give, and the sender is told so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from flows.intake import Submission
from flows.plans import FlowPlan, SourcePlan


class NoPings(Exception):
    """This flow answers no pings; the text says why."""


@dataclass(frozen=True, slots=True)
class Bid:
    """What a ping is answered: a price above 0 is a bid. `id` is to come with the post."""

    price: Decimal
    id: str = ""
    reason: str = ""


def bid_for(flow: FlowPlan, source: SourcePlan, submission: Submission, *, at: datetime) -> Bid:
    """The bid for a ping. Raises NoPings."""
    raise NoPings("Pings are not available in this version. Post the lead to …/submit.")
