"""Following the record: what has settled, in its one order, from a position on.

The record's order is (tx, id): the writing transaction, then the id. Transactions commit in another
order than they began, so a reader that takes whatever is there would pass by rows that commit later
with a smaller number. What is older than every transaction still open (the horizon) has settled:
nothing will ever come before it or between it. Readers take settled rows alone, and so neither
lose nor repeat one, however many write.

A long transaction that writes holds the horizon back, and with it every follower.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from django.db import connection

from events.models import Event
from leadops.lib import ids

# The statement's own snapshot: what it says has settled, the same statement sees.
# It is the xmin, counted as the record counts (migration 0023): a restore may move that on.
HORIZON = "events_horizon()"
SETTLED = f"tx < {HORIZON}"
# The bounds of `tx` alone walk the index; a row comparison would not.
AFTER = "tx >= %(tx)s::xid8 AND (tx > %(tx)s::xid8 OR id > %(id)s)"
ORDER = "tx, id"

COLUMNS = tuple(column.name for column in Event._meta.fields)
_DATA = COLUMNS.index("data")
CHUNK = 1_000  # rows a statement
_CURSOR = re.compile(r"(\d{1,19})\.((?:evt_[0-9A-Za-z]{20})?)", re.ASCII)
# An id is made when its row is, but by another machine's clock, and a transaction takes its time.
_APART = timedelta(days=1)


class NoSuchPosition(LookupError):
    """The record has no such event."""


class Trimmed(NoSuchPosition):
    """Retention has dropped the month in which the event would stand."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the record: behind the row (tx, id), or before all of `tx` where id is empty."""

    tx: int
    id: str = ""

    def __str__(self) -> str:
        return f"{self.tx}.{self.id}"

    @classmethod
    def read(cls, text: str) -> Position:
        """The position that `str` wrote; raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if found is None or int(found[1]) >= 2**63:
            raise ValueError("Not a position in the record.")
        return cls(int(found[1]), found[2])


START = Position(0)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events a follower wants; an empty field leaves all. `parties` are their entities."""

    types: frozenset[str] = frozenset()
    flows: frozenset[str] = frozenset()
    parties: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()

    @property
    def columns(self) -> Mapping[str, frozenset[str]]:
        """The values wanted, of the columns that are chosen by."""
        wanted = {
            "type": self.types,
            "flow_id": self.flows,
            "entity_id": self.parties,
            "lead_id": self.leads,
            "outcome": self.outcomes,
        }
        return {name: values for name, values in wanted.items() if values}

    def wants(self, event: Event) -> bool:
        """The same as `condition`, of an event at hand."""
        return all(getattr(event, name) in values for name, values in self.columns.items())

    def condition(self) -> tuple[str, dict[str, list[str]]]:
        """SQL and its parameters."""
        columns = self.columns
        text = " AND ".join(f"{name} = ANY(%(only_{name})s)" for name in columns) or "TRUE"
        return text, {f"only_{name}": sorted(values) for name, values in columns.items()}


EVERYTHING = Choice()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows in order, each with its position, and how far that has read.

    `reached` moves on over rows that were not wanted, too; it names no event where all was read.
    `caught_up`: nothing more has settled.
    """

    rows: Sequence[tuple[Position, tuple[Any, ...]]]
    reached: Position
    caught_up: bool
    columns: Sequence[str] = field(default=COLUMNS)

    @property
    def events(self) -> list[Event]:
        """The rows as events; only where all columns were read."""
        return [_event(row) for _, row in self.rows]


def _event(row: tuple[Any, ...]) -> Event:
    values = list(row)
    values[_DATA] = orjson.loads(values[_DATA])  # our cursors give JSON as text
    return Event.from_db(None, COLUMNS, values)


def horizon() -> int:
    """The first transaction that has not settled."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {HORIZON}::text")
        return int(cursor.fetchone()[0])


def tip() -> Position:
    """Behind all that has settled by now."""
    return Position(horizon())


# One statement reads a bounded piece of the index, wanted or not, so that a choice that fits
# almost nothing neither reads for ever nor stands still.
READ = """
    WITH piece AS MATERIALIZED (
        SELECT {columns}, tx FROM events_event
        WHERE {after} AND {settled} ORDER BY {order} LIMIT %(limit)s
    ), told AS (
        SELECT *, ({wanted}) AS wanted, row_number() OVER (ORDER BY {order}) AS place,
               count(*) OVER () AS places
        FROM piece
    )
    SELECT {columns}, tx::text, id, wanted, places, {horizon}::text
    FROM told WHERE wanted OR place = places ORDER BY place
"""


def read(
    after: Position,
    *,
    limit: int = CHUNK,
    choice: Choice = EVERYTHING,
    columns: Sequence[str] = COLUMNS,
) -> Chunk:
    """The settled rows after a position, at most `limit` read and of these the wanted ones.

    One statement: it and what it calls settled are of one moment.
    """
    wanted, parameters = choice.condition()
    named = dict.fromkeys([*columns, "id", *choice.columns])
    statement = READ.format(
        columns=", ".join(named),
        after=AFTER,
        settled=SETTLED,
        order=ORDER,
        wanted=wanted,
        horizon=HORIZON,
    )
    with connection.cursor() as cursor:
        parameters |= {"tx": str(after.tx), "id": after.id, "limit": limit}  # type: ignore[dict-item]
        cursor.execute(statement, parameters)
        found = cursor.fetchall()
    return _chunk(found, after, limit=limit, columns=columns)


def _chunk(
    found: Sequence[tuple[Any, ...]], after: Position, *, limit: int, columns: Sequence[str]
) -> Chunk:
    if not found:
        return Chunk((), after, True, columns)
    width = len(columns)
    kept = [(Position(int(row[-5]), row[-4]), row[:width]) for row in found if row[-3]]
    tx, id, _, places, settled = found[-1][-5:]
    if places == limit:
        return Chunk(kept, Position(int(tx), id), False, columns)
    # All below the horizon has been read; from there on no row of old needs to be passed again.
    return Chunk(kept, max(after, Position(int(settled))), True, columns)


def each(after: Position, *, limit: int = CHUNK, choice: Choice = EVERYTHING) -> Iterator[Chunk]:
    """All chunks from a position to what has settled by now; the last may hold no rows."""
    caught_up = False
    while not caught_up:
        chunk = read(after, limit=limit, choice=choice)
        after, caught_up = chunk.reached, chunk.caught_up
        yield chunk


# --- where an event stands

BY_ID = "SELECT tx::text FROM events_event WHERE id = %s"
WITHIN = f"{BY_ID} AND timestamp BETWEEN %s AND %s"
MONTHS = r"""
    SELECT min(substring(c.relname FROM '\d{4}_\d{2}$')) FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events_event'::regclass
"""


def position_of(event_id: str) -> Position:
    """Right behind an event. Raises ValueError for what is no event's id, NoSuchPosition,
    and Trimmed where retention has dropped the event's time."""
    if not event_id.startswith("evt_"):
        raise ValueError("An event's id begins with evt_.")
    made = ids.moment(event_id)
    with connection.cursor() as cursor:
        cursor.execute(WITHIN, [event_id, made - _APART, made + _APART])
        row = cursor.fetchone()
        if row is None:  # of past traffic, or by a clock that is far off: look in every month
            cursor.execute(BY_ID, [event_id])
            row = cursor.fetchone()
    if row is not None:
        return Position(int(row[0]), event_id)
    if made < oldest():
        raise Trimmed(f"The record no longer holds the time of {event_id}.")
    raise NoSuchPosition(f"There is no event {event_id}.")


def oldest() -> datetime:
    """From when on the record is kept: the first month that has a partition."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS)
        found = cursor.fetchone()[0]
    if found is None:
        return datetime.fromtimestamp(0, UTC)
    return datetime(int(found[:4]), int(found[5:]), 1, tzinfo=UTC)


# The events of a moment are written within some transactions of about then.
SINCE = """
    SELECT min(tx)::text FROM (
        SELECT tx FROM events_event WHERE timestamp >= %s ORDER BY timestamp, id LIMIT %s
    ) AS first
"""
NEAR = 50_000


def position_at(moment: datetime) -> Position:
    """Before the events of a moment and after it; some older ones may follow as well. Behind all
    that has settled when nothing is that young."""
    with connection.cursor() as cursor:
        cursor.execute(SINCE, [moment, NEAR])
        found = cursor.fetchone()[0]
    return tip() if found is None else Position(int(found))


# --- how far behind

MOST_COUNTED = 10_000
# Of a place in the columns or parameters `tx` and `id`: how many follow, and since when.
LAG = f"""
    SELECT jsonb_build_array(count(*), min(timestamp)) FROM (
        SELECT timestamp FROM events_event e
        WHERE e.tx >= {{tx}}::text::xid8 AND (e.tx > {{tx}}::text::xid8 OR e.id > {{id}})
        ORDER BY e.tx, e.id LIMIT {MOST_COUNTED}
    ) AS waiting
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Lag:
    """How many events are after a position, counted to MOST_COUNTED, and when the first was."""

    events: int
    since: datetime | None


def lag(after: Position) -> Lag:
    with connection.cursor() as cursor:
        cursor.execute(LAG.format(tx="%s", id="%s"), [str(after.tx), str(after.tx), after.id])
        return lag_of(cursor.fetchone()[0])


def lag_of(found: str | Sequence[Any]) -> Lag:
    """What LAG gave, as JSON or read already."""
    read: Any = orjson.loads(found) if isinstance(found, str) else found
    count, since = read
    return Lag(count, datetime.fromisoformat(since) if since else None)
