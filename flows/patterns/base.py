"""What a pattern is asked and what it may answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipient of the step. `recipient` is its id; `price` what it would pay, None if unknown.

    A lower `priority` number goes first. `weight` is its share where an order uses shares.
    `opens_after` is the lead's age in seconds from which it may have the lead.

    In an auction a bid counts less by `margin` and by `penalty` (shares: 0.1 is a tenth), and
    nothing below `minimum_bid`. Who has a `static_bid` always offers that, and is not asked.

    `pricing` says for the record how the price came about, None where no rules were asked.
    """

    recipient: str
    price: Decimal | None = None
    weight: Decimal = Decimal(1)
    priority: int = 0
    opens_after: float = 0.0
    static_bid: Decimal | None = None
    minimum_bid: Decimal | None = None
    margin: Decimal = Decimal(0)
    penalty: Decimal = Decimal(0)
    pricing: Mapping[str, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Bid:
    """What a recipient offers for a lead that it has seen a part of. `amount` None: it does not
    want it, did not answer in time, or could not be understood; `reason` says which."""

    recipient: str
    amount: Decimal | None
    bid_id: str = ""
    reason: str = ""


class TryState(StrEnum):
    """How one recipient stands with the lead, over all attempts of its delivery."""

    WAITING = "waiting"
    """Created, in flight, held for its hours, or to be retried: an answer is still to come."""
    ACCEPTED = "accepted"
    DECLINED = "declined"
    """A final no: rejected, duplicate, invalid."""
    SKIPPED = "skipped"
    """Not admitted; nothing was sent."""
    FAILED = "failed"
    """Technically over: out of attempts, and the recipient's policy says to move on."""
    UNKNOWN_HOLD = "unknown_hold"
    """Sent without an answer and held for review: the buyer may have the lead."""

    @property
    def is_final(self) -> bool:
        return self not in (TryState.WAITING, TryState.UNKNOWN_HOLD)


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one recipient. `sent` says that something left for it, answered or not."""

    recipient: str
    state: TryState
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a pattern may look at. `candidates` stand in the step's order; `age` is the lead's,
    in seconds since it was accepted. `tries` may name recipients that are no longer candidates.

    `bids` are the answers to an `Ask`, None before there was one. `opens_early`: what all open
    tiers declined is offered to the next at once.
    """

    candidates: tuple[Candidate, ...]
    remediation: Candidate | None = None
    tries: tuple[Try, ...] = ()
    age: float = 0.0
    bids: tuple[Bid, ...] | None = None
    opens_early: bool = False

    @property
    def sold(self) -> bool:
        return any(attempt.state is TryState.ACCEPTED for attempt in self.tries)

    @property
    def open(self) -> bool:
        """Someone may still accept: a result is outstanding or under review."""
        return any(not attempt.state.is_final for attempt in self.tries)

    @property
    def held(self) -> bool:
        """Somebody may have the lead without having said so."""
        return any(attempt.state is TryState.UNKNOWN_HOLD for attempt in self.tries)

    @property
    def untried(self) -> tuple[Candidate, ...]:
        """The candidates that were not turned to yet, in order, each recipient once."""
        tried = {attempt.recipient for attempt in self.tries}
        fresh: dict[str, Candidate] = {}
        for candidate in self.candidates:
            if candidate.recipient not in tried:
                fresh.setdefault(candidate.recipient, candidate)
        return tuple(fresh.values())

    @property
    def untried_remediation(self) -> Candidate | None:
        pool = self.remediation
        if pool is None or any(attempt.recipient == pool.recipient for attempt in self.tries):
            return None
        return pool


@dataclass(frozen=True, slots=True)
class Send:
    """Deliver to these now; at least one, none of them tried before."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask these for their bids, all at once; at least one. The next situation has the answers."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again after the next result, or when the lead is `until` seconds old, where given."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The step is over. `reason` is a sentence for the record. Nothing more is sent; what is under
    way still ends: an acceptance then is a late one."""

    sold: bool
    reason: str


Decision = Send | Ask | Wait | Done


class Pattern(ABC):
    """One way to choose who gets the lead.

    `exclusive`: one sale at most, so a second acceptance is late and earns nothing.
    `asks`: it begins with an auction. `gathers`: its recipients get their leads in batches.
    `uses_remediation` and `uses_tiers` say whether a remediation pool and times of opening mean
    anything to it, so that a step that names them in vain can be refused when it is saved.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    exclusive: ClassVar[bool] = True
    uses_remediation: ClassVar[bool] = False
    uses_tiers: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    gathers: ClassVar[bool] = False

    @abstractmethod
    def decide(self, situation: Situation) -> Decision:
        """What next. A pure function: the same situation gives the same decision."""


_SAID = {
    TryState.DECLINED: "declined",
    TryState.FAILED: "failed",
    TryState.SKIPPED: "skipped",
}


def last_resort(situation: Situation) -> Decision:
    """Nobody is left to turn to but the remediation pool; then the end without a sale."""
    if situation.untried_remediation is not None:
        return Send((situation.untried_remediation,))
    return unsold(situation)


def unsold(situation: Situation) -> Done:
    """The end without a sale, saying how it came to that."""
    if not situation.tries:
        return Done(sold=False, reason="The step has no recipients")
    counts = Counter(attempt.state for attempt in situation.tries)
    said = ", ".join(f"{counts[state]} {word}" for state, word in _SAID.items() if counts[state])
    return Done(sold=False, reason=f"No recipient accepted: {said}")


def sold(situation: Situation) -> Done:
    """The end with at least one sale."""
    count = sum(attempt.state is TryState.ACCEPTED for attempt in situation.tries)
    return Done(sold=True, reason=f"Accepted by {count} of {len(situation.tries)} tried")
