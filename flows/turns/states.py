"""What a turn works on, row by row: leads, the bids for them, deliveries, and due work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from flows.patterns.base import Bid
from leadops.lib import secrets
from leadops.lib.bulk import dumps
from leadops.lib.claim import Claimed


@dataclass(slots=True)
class LeadState:
    """A lead's row, plus `values`: its newest snapshot."""

    id: str
    flow_id: str
    source_id: str
    created_at: datetime
    status: str
    result: str
    reason: str
    test: bool
    demo: bool
    currency: str
    cost: Decimal
    revenue: Decimal
    sales: int
    step: int
    seq: int
    snapshot: int
    salt: bytes | None
    sensitive: str = ""  # encrypted JSON of what no snapshot holds
    step_id: str = ""
    completed_at: datetime | None = None
    held_at: datetime | None = None
    services_cost: Decimal = Decimal(0)  # what of `cost` was paid to services
    inquiry: str = ""  # the one under way; the engine waits for its answers
    flow_version: int = 0  # that it goes by; 0: its flow as it is
    values: Mapping[str, Any] = field(default_factory=dict)
    row: Sequence[Any] = ()  # as it was read
    _hidden: Mapping[str, Any] | None = None
    _sealed_anew: bool = False

    @classmethod
    def of(cls, row: Sequence[Any]) -> LeadState:
        """A row of `rows.LOCK_LEADS`."""
        state = cls(*row)
        state.row = row
        return state

    @property
    def hidden(self) -> Mapping[str, Any]:
        """`sensitive` in clear; raises Unreadable under a lost key."""
        if self._hidden is None:
            self._hidden = orjson.loads(secrets.decrypt(self.sensitive)) if self.sensitive else {}
        return self._hidden

    def hide(self, values: Mapping[str, Any]) -> None:
        """Keep values that no snapshot is to hold."""
        self._hidden = {**self.hidden, **values}
        self.sensitive = secrets.encrypt(dumps(self._hidden))
        self._sealed_anew = True

    @property
    def was_sealed(self) -> bool:
        """Whether `sensitive` has changed."""
        return self._sealed_anew

    @property
    def known(self) -> Mapping[str, Any]:
        """All that is known of the lead: what rules judge and mappings send."""
        return {**self.values, **self.hidden} if self.hidden else self.values


@dataclass(slots=True)
class WorkState:
    """A row of due work and what becomes of it: kept, postponed or removed."""

    kind: str
    lead_id: str
    delivery_id: str | None
    lane: str
    id: int | None = None
    claims: int = 0
    begun: bool = False  # its attempt is under way, under the lease of this turn
    due_in: float | None = 0.0  # seconds from now; None: when somebody resumes it
    hold: float = 0.0
    done: bool = False
    claimed: Claimed | None = None  # as this turn got it

    def stands(self, lease_seconds: float) -> bool:
        """Whether its row says already what this turn would write: it was claimed for the attempt
        that begins, and for long enough."""
        row = self.claimed
        return (
            self.begun
            and row is not None
            and (row.lane, row.claims) == (self.lane, self.claims)
            and self.hold <= max(lease_seconds, row.hold)
        )


@dataclass(slots=True)
class DeliveryState:
    """A delivery's row, and the work that drives it."""

    id: str
    lead_id: str
    recipient_id: str
    flow_id: str
    step: int
    step_id: str = ""
    state: str = "waiting"
    outcome: str = ""
    category: str = ""
    reason: str = ""
    waits_for: str = ""
    attempts: int = 0
    tries: int = 0
    endpoint: str = "production"
    price: Decimal | None = None
    revenue: Decimal = Decimal(0)
    buyer_lead_id: str = ""
    late: bool = False
    sold: bool = False  # accepted in time once: it earned then, and earns nothing again
    in_doubt: bool = False  # an attempt had no answer: the buyer may have the lead
    mapping_version: int = 0
    routing: Mapping[str, Any] | str | None = None  # see `chosen_by`; as JSON once it was stored
    pricing: Mapping[str, Any] | str | None = None  # see `priced_by`; the same
    holds: Sequence[Any] | str | None = None  # see `capacity.holds_of`; the same
    batch: str = ""  # the one it goes with, or went with last
    created_at: datetime | None = None
    first_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    held_at: datetime | None = None
    row: Sequence[Any] = ()  # as it was read
    new: bool = False
    work: WorkState | None = None

    @classmethod
    def of(cls, row: Sequence[Any]) -> DeliveryState:
        """A row of `rows.DELIVERIES`."""
        state = cls(*row)
        state.row = row
        return state

    @property
    def chosen_by(self) -> Mapping[str, Any] | None:
        """The figures that it was chosen by, where its step learns."""
        return _kept(self.routing)

    @property
    def priced_by(self) -> Mapping[str, Any] | None:
        """How its price came about; None: it is the fixed one, or nobody has said one."""
        return _kept(self.pricing)


def _kept(found: Mapping[str, Any] | str | None) -> Mapping[str, Any] | None:
    return (orjson.loads(found) if isinstance(found, str) else found) or None


@dataclass(frozen=True, slots=True)
class Offered:
    """A bid in the step it was made in; `new`: in this turn. `told` is as in the table; `changed`
    when that has changed."""

    step_id: str
    bid: Bid
    new: bool = False
    told: str = ""
    changed: bool = False

    def with_told(self, told: str) -> Offered:
        return replace(self, told=told, changed=True)
