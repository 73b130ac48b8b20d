"""What each recipient of a step has had of its leads: the account that fair orders go by.

A turn reads the account of its leads' flows once, goes on counting in memory, and writes what it
has added: pumps at work together may each deviate by what the others' turns add, and the sums
bring that right. An account belongs to the terms of its step (order, recipients, weights): when
these change it begins anew with nothing for anybody, so whoever is new is not flooded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from flows.patterns import registry
from flows.patterns.base import Candidate
from flows.patterns.orders import NOTHING, Share
from leadops.lib.bulk import dumps

READ = """
    SELECT terms, recipient_id, sent, ended, accepted, last_at FROM flows_share
    WHERE flow_id IN (SELECT flow_id FROM events_lead WHERE id = ANY(%s))
"""
# In order of the key: two pumps that add to the same rows must not wait for each other in a circle.
ADD = """
    INSERT INTO flows_share AS s
        (terms, recipient_id, flow_id, step_id, sent, ended, accepted, last_at)
    SELECT terms, recipient_id, flow_id, step_id, sent, ended, accepted, last_at
    FROM json_to_recordset(%s::json) AS r(
        terms text, recipient_id text, flow_id text, step_id text,
        sent bigint, ended bigint, accepted bigint, last_at timestamptz
    ) ORDER BY terms, recipient_id
    ON CONFLICT (terms, recipient_id) DO UPDATE SET
        sent = s.sent + excluded.sent,
        ended = s.ended + excluded.ended,
        accepted = s.accepted + excluded.accepted,
        last_at = greatest(s.last_at, excluded.last_at)
"""
FORGET = "DELETE FROM flows_share WHERE NOT terms = ANY(%s)"

TICK = timedelta(microseconds=1)
NONE: Mapping[str, Share] = {}


def account(step_id: str, order: str, candidates: Iterable[Candidate]) -> str:
    """What the account of a step is kept under; blank where its order needs none."""
    if order not in registry.COUNTED:
        return ""
    weighs = order in registry.WEIGHING
    who = sorted(f"{c.recipient} {c.weight.normalize() if weighs else ''}" for c in candidates)
    digest = hashlib.blake2b("\n".join([order, *who]).encode(), digest_size=8).hexdigest()
    return f"{step_id}:{digest}"


@dataclass(slots=True)
class Change:
    """What a turn adds to one row. `last_at` None: no lead was given."""

    flow_id: str
    step_id: str
    sent: int = 0
    ended: int = 0
    accepted: int = 0
    last_at: datetime | None = None


@dataclass(slots=True)
class Book:
    """The accounts of a turn, by terms and recipient, and what the turn adds to them."""

    known: dict[str, dict[str, Share]] = field(default_factory=dict)
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> Book:
        """From the rows of `READ`."""
        book = cls()
        for key, recipient, *figures in rows:
            book.known.setdefault(key, {})[recipient] = Share(*figures)
        return book

    def shares(self, key: str) -> Mapping[str, Share]:
        return self.known.get(key, NONE)

    def add(
        self,
        key: str,
        recipient: str,
        place: tuple[str, str],
        *,
        at: datetime,
        sent: int = 0,
        ended: int = 0,
        accepted: int = 0,
    ) -> None:
        """Count something of a recipient, at that moment; `place` are the flow and the step."""
        shares = self.known.setdefault(key, {})
        last_at = _next(shares.values(), at) if sent > 0 else None
        before = shares.get(recipient, NOTHING)
        shares[recipient] = replace(
            before,
            sent=before.sent + sent,
            ended=before.ended + ended,
            accepted=before.accepted + accepted,
            last_at=last_at or before.last_at,
        )
        change = self.changes.setdefault((key, recipient), Change(*place))
        change.sent += sent
        change.ended += ended
        change.accepted += accepted
        change.last_at = last_at or change.last_at

    def write(self, cursor: Any) -> None:
        """Add what the turn has counted to the rows."""
        if self.changes:
            rows = [
                {
                    "terms": key,
                    "recipient_id": recipient,
                    "flow_id": change.flow_id,
                    "step_id": change.step_id,
                    "sent": change.sent,
                    "ended": change.ended,
                    "accepted": change.accepted,
                    "last_at": change.last_at,
                }
                for (key, recipient), change in self.changes.items()
            ]
            cursor.execute(ADD, [dumps(rows)])


def _next(shares: Iterable[Share], at: datetime) -> datetime:
    """The moment of a lead that is given now: later than that of any other, also where one turn
    gives many at one moment."""
    newest = max((share.last_at for share in shares if share.last_at), default=None)
    return at if newest is None or newest < at else newest + TICK


def forget_old(current: Iterable[str]) -> None:
    """Drop the accounts of terms that are no more, all but those in `current`."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [list(current)])
