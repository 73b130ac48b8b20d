"""How sealing stands, in a few cheap queries: for the console and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from events import following
from events.following import Lag, Position
from events.models import Head, RecordSettings, Seal
from events.sealing import published


@dataclass(frozen=True, slots=True)
class Place:
    """Where heads go: the last one that came there, and what has failed since."""

    name: str
    last: Head | None
    failed: Head | None


@dataclass(frozen=True, slots=True)
class State:
    """`last` is the newest seal, `lag` what came after it."""

    last: Seal | None
    lag: Lag
    places: tuple[Place, ...]


def state() -> State:
    last = Seal.objects.first()
    return State(
        last=last,
        lag=following.lag(Position(last.to_tx if last else 0)),
        places=tuple(_places()),
    )


def _places() -> list[Place]:
    """The file, the places wanted now, and those where something failed."""
    failed = {head.place: head for head in Head.objects.filter(published_at=None)}
    wanted = RecordSettings.current().heads_to
    names = dict.fromkeys([published.PLACE, *wanted])
    return [Place(name, published.last(name), failed.get(name)) for name in names]


def lag_seconds() -> float:
    """How old the first event is that no seal covers; 0 when all is sealed."""
    last = Seal.objects.only("n", "to_tx").first()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(0, extract(epoch FROM clock_timestamp() - timestamp))::float8 "
            "FROM events_event WHERE tx >= %s::text::xid8 ORDER BY tx, id LIMIT 1",
            [str(last.to_tx if last else 0)],
        )
        found = cursor.fetchone()
    return float(found[0]) if found else 0.0
