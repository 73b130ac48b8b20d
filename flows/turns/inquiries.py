"""Calls about a lead that deliver it to nobody: enhancement services, and pings for bids.

What is asked together is one inquiry: its questions go out at once and come back as one, when all
have answered or the time is up. The lead's row names the inquiry under way, so that answers count
once and those of a worker given up for dead not at all; its own work row holds the lease. Nothing
is owed to anybody asked: after a crash the questions are simply asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from recipients.deliver import Attempt
from recipients.outcomes import Outcome, Result
from recipients.plan import Context, EndpointPlan, RecipientPlan

LANE = ":ask"  # inquiries have their own share of a pump: new leads and deliveries go on beside


@dataclass(frozen=True, slots=True)
class Question:
    """One call. `about` is the id of the enhancement step or of the recipient that is asked."""

    about: str
    plan: RecipientPlan
    endpoint: EndpointPlan
    context: Context
    begun: datetime | None = None
    key: bytes = b""  # under which its answer is kept


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Questions about one lead, to be answered within `seconds`. A `notice` asks nothing:
    nobody waits for it, and it takes no place of a pump."""

    id: str
    lead_id: str
    lane: str
    questions: tuple[Question, ...]
    seconds: float
    test: bool = False
    # What becomes of its steps that nobody is asked for: see `enhancing`.
    settled: Mapping[str, Any] = field(default_factory=dict)
    notice: bool = False
    work_id: int = 0
    lease: str = ""


# In the order of the questions; None where no answer came in time.
Answers = Sequence[Attempt | None]


def unanswered(inquiry: Inquiry, reason: str) -> Attempt:
    """What stands in the record for a question to which no answer came in time."""
    return Attempt(Result(Outcome.UNKNOWN, reason=reason), seconds=inquiry.seconds)
