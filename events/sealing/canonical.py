"""The one spelling of an event, and of a seal: what is hashed. docs/sealing.md describes both.

An event's text is a JSON array of all its columns, as PostgreSQL itself writes it: whoever reads
the row gets the same bytes, and no program of ours stands between the row and its hash. `jsonb`
has one spelling a value (keys by length, then bytes; one space after `:` and `,`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

FORMAT = 1  # of both texts; a new column of events needs a new one
NAME = "leadops seal"
NO_SEAL = bytes(32)  # what the first seal is chained to

# Microseconds in UTC, whatever the session's zone; numbers of 64 bits as text, since JSON readers
# lose digits beyond 2^53.
_SPELT = {
    "timestamp": """to_char("timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "digest": "encode(digest, 'hex')",
    "tx": "tx::text",
}
COLUMNS = (
    "id",
    "seq",
    "type",
    "timestamp",
    "lead_id",
    "flow_id",
    "entity_id",
    "outcome",
    "reason",
    "duration_ms",
    "snapshot",
    "exchange_id",
    "digest",
    "data",
    "tx",
)
SQL = f"json_build_array({', '.join(_SPELT.get(name, name) for name in COLUMNS)})::text"


def read(text: str | bytes) -> dict[str, Any]:
    """The columns by name. Raises ValueError where it is no event's text."""
    values = json.loads(text)
    if not isinstance(values, list) or len(values) != len(COLUMNS):
        raise ValueError("This is not the text of an event.")
    return dict(zip(COLUMNS, values, strict=True))


def moment(at: datetime) -> str:
    """A moment in UTC, to the microsecond: `2026-11-21T09:01:31.004607Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a seal says: `events` rows of the month with from_tx <= tx < to_tx, and their root."""

    n: int
    month: date
    from_tx: int
    to_tx: int
    events: int
    first_at: datetime
    last_at: datetime
    root: bytes
    previous: bytes
    sealed_at: datetime

    def text(self) -> str:
        """What is hashed: a JSON array without spaces."""
        return json.dumps([NAME, FORMAT, *self.words()], separators=(",", ":"))

    def words(self) -> Sequence[int | str]:
        return (
            self.n,
            f"{self.month:%Y-%m}",
            str(self.from_tx),
            str(self.to_tx),
            self.events,
            moment(self.first_at),
            moment(self.last_at),
            self.root.hex(),
            self.previous.hex(),
            moment(self.sealed_at),
        )

    def hash(self) -> bytes:
        return sha256(self.text().encode()).digest()
