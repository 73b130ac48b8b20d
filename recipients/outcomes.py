"""What an attempt came to: the words of `docs/outcomes-and-events.md`. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

# A value that was read from a reply.
Scalar = str | int | float | bool


class Outcome(StrEnum):
    """One word for every way an attempt can end."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNREADABLE = "unreadable"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"

    @property
    def is_technical(self) -> bool:
        """Counts in the error rate: the other side, or the way to it, did not do its part."""
        return self in TECHNICAL

    @property
    def is_answer(self) -> bool:
        """The buyer understood the lead and decided on it."""
        return self in ANSWERS


TECHNICAL = frozenset(
    {
        Outcome.SERVER_ERROR,
        Outcome.UNREADABLE,
        Outcome.UNAVAILABLE,
        Outcome.UNKNOWN,
        Outcome.RATE_LIMITED,
        Outcome.UNAUTHORIZED,
    }
)
ANSWERS = frozenset({Outcome.ACCEPTED, Outcome.REJECTED, Outcome.DUPLICATE, Outcome.INVALID})


class Category(StrEnum):
    """Why an attempt failed, finely: what ops would look at first."""

    NETWORK = "network"
    AUTHENTICATION = "authentication"
    VALIDATION = "validation"
    RATE_LIMIT = "rate_limit"
    SYSTEM = "system"
    BUSINESS = "business"
    CONFIGURATION = "configuration"
    SECURITY = "security"


class FailureClass(StrEnum):
    """Why an attempt failed, coarsely: the three classes of the field's own documents."""

    TECHNICAL = "technical"
    BUSINESS = "business"
    AUTHENTICATION = "authentication"


CATEGORY_OF: Mapping[Outcome, Category] = MappingProxyType(
    {
        Outcome.REJECTED: Category.BUSINESS,
        Outcome.DUPLICATE: Category.BUSINESS,
        Outcome.INVALID: Category.VALIDATION,
        Outcome.UNAUTHORIZED: Category.AUTHENTICATION,
        Outcome.RATE_LIMITED: Category.RATE_LIMIT,
        Outcome.SERVER_ERROR: Category.SYSTEM,
        Outcome.UNREADABLE: Category.CONFIGURATION,
        Outcome.UNAVAILABLE: Category.NETWORK,
        Outcome.UNKNOWN: Category.NETWORK,
        Outcome.SKIPPED: Category.BUSINESS,
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """An attempt's outcome and what was read from the reply.

    `price` is what the buyer said it pays, None where it said nothing (0 is a price).
    `retry_after` is in seconds from the reply, already bounded.
    `reason` is in the buyer's words where it gave any, else ours; `details` add technical facts.
    """

    outcome: Outcome
    reason: str = ""
    category: Category | None = None
    price: Decimal | None = None
    buyer_lead_id: str = ""
    message: str = ""
    details: str = ""
    retry_after: float | None = None
    captures: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.category is None and self.outcome in CATEGORY_OF:
            object.__setattr__(self, "category", CATEGORY_OF[self.outcome])

    @property
    def accepted(self) -> bool:
        return self.outcome is Outcome.ACCEPTED

    @property
    def failure_class(self) -> FailureClass:
        if self.outcome is Outcome.UNAUTHORIZED:
            return FailureClass.AUTHENTICATION
        return FailureClass.TECHNICAL if self.outcome.is_technical else FailureClass.BUSINESS
