"""How full caps and limits are, in memory: as a turn read them, and what it adds.

A turn reads the counts that its leads may need in one statement, goes on counting here, and brings
its changes to the locked rows before it commits: where somebody else was faster and there is no
room any more, it is taken anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from flows.delivery.breakers import Contended
from leadops.lib import wake, wire
from leadops.lib.bulk import dumps

NOTHING = Decimal(0)
ONE = Decimal(1)
EVER = datetime(1970, 1, 1, tzinfo=UTC)  # the only window of what has none
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
AT_ONCE = "Concurrency limit"  # what the reasons of deliveries begin with that wait for a place

READ = """
    SELECT c.key, c.starts, c.reserved, c.used, c.booked
    FROM json_to_recordset(%s::json) AS r(key text, starts timestamptz)
    JOIN flows_capcount c ON c.key = r.key AND c.starts >= r.starts
"""
CHANGES = """json_to_recordset(%s::json) AS r(
    key text, starts timestamptz, ends timestamptz, reserved numeric, used numeric, booked numeric,
    most numeric, needs numeric, full_at numeric, freed numeric, used_only boolean
)"""
MAKE = f"""
    INSERT INTO flows_capcount (key, starts, ends, reserved, used, booked)
    SELECT key, starts, ends, 0, 0, 0 FROM {CHANGES} ORDER BY key, starts
    ON CONFLICT (key, starts) DO NOTHING
"""  # noqa: S608
# All of them first, in order: another turn may want the same.
LOCK = f"""
    SELECT FROM flows_capcount c JOIN {CHANGES} ON c.key = r.key AND c.starts = r.starts
    ORDER BY c.key, c.starts FOR UPDATE OF c
"""
WRITE = f"""
    UPDATE flows_capcount c SET
        reserved = c.reserved + r.reserved, used = c.used + r.used, booked = c.booked + r.booked
    FROM {CHANGES} WHERE c.key = r.key AND c.starts = r.starts
    AND (r.most IS NULL OR r.most >= r.needs + c.used + CASE
        WHEN r.used_only THEN 0 ELSE c.reserved END)
    AND (r.full_at IS NULL OR c.booked > 0 OR r.full_at <= c.reserved + r.freed)
"""  # noqa: S608
# First come, first served: they look again after the same time, so the first is due first.
WAKE = f"""
    UPDATE flows_work w SET due_at = clock_timestamp()
    FROM json_to_recordset(%s::json) AS r(key text, recipient text, most numeric)
    JOIN flows_capcount c ON c.key = r.key AND c.booked > 0
    CROSS JOIN LATERAL (
        SELECT k.id FROM flows_work k JOIN events_delivery d ON d.id = k.delivery_id
        WHERE k.lane IN (r.recipient, r.recipient || ':retry') AND k.lease IS NULL
            AND k.due_at > statement_timestamp() AND d.waits_for LIKE '{AT_ONCE}%%'
        ORDER BY k.due_at LIMIT greatest(0, r.most - c.reserved)::int
        FOR UPDATE OF k SKIP LOCKED
    ) AS next
    WHERE w.id = next.id
"""  # noqa: S608
FORGET = """
    DELETE FROM flows_capcount WHERE ends < clock_timestamp() - interval '60 days'
        OR ends < clock_timestamp() - interval '1 hour' AND key ~ ':per_(second|minute)$'
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """What a delivery holds. `kind`: `cap` (an amount of it), `room` (a place among those under
    way), `queue` (it waits for one), `rate` (a place in a coming window)."""

    kind: str
    key: str
    starts: datetime
    amount: Decimal = ONE

    def written(self) -> list[str]:
        return [self.kind, self.key, self.starts.isoformat(), str(self.amount)]


@dataclass(frozen=True, slots=True)
class Count:
    """How full a window is."""

    reserved: Decimal = NOTHING
    used: Decimal = NOTHING
    booked: Decimal = NOTHING

    @property
    def taken(self) -> Decimal:
        return self.reserved + self.used


EMPTY = Count()


@dataclass(slots=True)
class Change:
    """What a turn adds to a window.

    `most` is what may be taken at most: with what others take meanwhile there must be room for
    `needs`, the most that the turn itself ever took at a time. `full_at`: there must have been no
    place left of so many when the first of the turn was told to wait, `freed` then being what the
    turn had added. `used_only`: what others hold does not count.
    """

    ends: datetime
    reserved: Decimal = NOTHING
    used: Decimal = NOTHING
    booked: Decimal = NOTHING
    most: Decimal | None = None
    needs: Decimal = NOTHING
    full_at: int | None = None
    freed: Decimal = NOTHING
    used_only: bool = False

    def limit(self, most: Decimal, *, used_only: bool = False) -> None:
        """Something was taken just now."""
        added = self.used if used_only else self.used + self.reserved
        self.needs = max(self.needs, added) if self.most is not None else added
        self.most, self.used_only = most, used_only


@dataclass(slots=True)
class Counters:
    """`known` are the counts as they were read, then as this turn moved them on."""

    known: dict[tuple[str, datetime], Count] = field(default_factory=dict)
    changes: dict[tuple[str, datetime], Change] = field(default_factory=dict)
    rooms: dict[str, tuple[str, int]] = field(default_factory=dict)  # key → recipient, most
    log: list[tuple[tuple[str, datetime], Count]] = field(default_factory=list)

    def read(self, wanted: Mapping[str, datetime]) -> None:
        """The counts of these keys, each from that window on; no statement for none."""
        if not wanted:
            return
        rows = [{"key": key, "starts": starts} for key, starts in sorted(wanted.items())]
        with wire.cursor() as cursor:
            cursor.execute(READ, [dumps(rows)])
            for key, starts, *figures in cursor.fetchall():
                self.known[key, starts] = Count(*figures)

    def add(
        self,
        place: Hold,
        *,
        ends: datetime | None = None,
        reserved: Decimal = NOTHING,
        used: Decimal = NOTHING,
        booked: Decimal = NOTHING,
    ) -> Change:
        """Count something in a window that ends then; unsaid: a minute after it starts."""
        name = place.key, place.starts
        usual = FOREVER if place.starts == EVER else place.starts + timedelta(minutes=1)
        change = self.changes.setdefault(name, Change(ends or usual))
        change.reserved += reserved
        change.used += used
        change.booked += booked
        self.log.append((name, Count(reserved, used, booked)))
        before = self.known.get(name, EMPTY)
        self.known[name] = Count(
            before.reserved + reserved, before.used + used, before.booked + booked
        )
        return change

    def undo(self, mark: int) -> None:
        """Take back what was counted since the log was so long: its lead makes trouble."""
        for name, added in self.log[mark:]:
            change, count = self.changes[name], self.known[name]
            change.reserved -= added.reserved
            change.used -= added.used
            change.booked -= added.booked
            self.known[name] = Count(
                count.reserved - added.reserved,
                count.used - added.used,
                count.booked - added.booked,
            )
        del self.log[mark:]

    def write(self) -> None:
        """Bring the changes to the rows; raises Contended where there is no room any more.

        Among the last that a turn does before it commits: turns that share a cap wait for each
        other no longer than that.
        """
        if not self.changes:
            return
        rows = dumps([{"key": k, "starts": at, **_row(c)} for (k, at), c in self.changes.items()])
        written = wire.cursor()
        with connection.connection.pipeline(), wire.cursor() as cursor:
            cursor.execute(MAKE, [rows])
            cursor.execute(LOCK, [rows])
            written.execute(WRITE, [rows])
        if written.rowcount < len(self.changes):
            raise Contended("A cap or a limit was reached meanwhile")
        self._wake()

    def _wake(self) -> None:
        """Those that wait for a place, as many as there are places now."""
        freed = [
            {"key": key, "recipient": recipient, "most": most}
            for key, (recipient, most) in sorted(self.rooms.items())
            if (change := self.changes.get((key, EVER))) and (change.reserved < 0 or change.booked)
        ]
        if freed:
            with wire.cursor() as cursor:
                cursor.execute(WAKE, [dumps(freed)])
                if cursor.rowcount:
                    wake.ring(cursor)


def _row(change: Change) -> dict[str, Any]:
    return {
        "ends": change.ends,
        "reserved": change.reserved,
        "used": change.used,
        "booked": change.booked,
        "most": change.most,
        "needs": change.needs,
        "full_at": change.full_at,
        "freed": change.freed,
        "used_only": change.used_only,
    }


def forget_old() -> int:
    """Delete the counts of windows that nobody asks for any more; how many."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
        return int(cursor.rowcount)
