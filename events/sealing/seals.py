"""Sealing what has settled, seal after seal, in one chain.

All seals of a batch have the same range of transactions, one for each month that has events in it;
ranges follow each other without a gap from 0 on. So every event is in exactly one seal, whatever
order its transaction committed in, and an event that appears later in a sealed range is a forgery.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from django.db import connection, transaction

from events.models import Seal
from events.sealing import canonical, copied, settled
from events.sealing.canonical import Facts
from events.sealing.merkle import LEAF, Tree

BATCH = 50_000  # events, and as many more as the last transaction wrote
LOCK = "hashtextextended('leadops sealing', 0)"  # held by who seals
INSERT = """
    INSERT INTO events_seal (n, month, from_tx, to_tx, events, first_at, last_at, root, previous,
                             sealed_at, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sealed. `complete`: nothing that may be sealed is left."""

    seals: int = 0
    events: int = 0
    complete: bool = False

    def __add__(self, other: Sealed) -> Sealed:
        return Sealed(self.seals + other.seals, self.events + other.events, other.complete)


class Month:
    """The events of one month in a batch."""

    def __init__(self, at: int) -> None:
        self.tree = Tree()
        self.first = self.last = at

    def add(self, at: int, text: bytes) -> None:
        self.tree.add(sha256(LEAF + text).digest())
        if at < self.first:
            self.first = at
        elif at > self.last:
            self.last = at


def seal(
    *,
    delay: float = 0.0,
    seconds: float = float("inf"),
    batch: int = BATCH,
    wait: bool = True,
    stopping: Callable[[], bool] = lambda: False,
) -> Sealed:
    """Seal what has settled and is older than `delay` seconds, batch by batch for some seconds.

    Each batch is a transaction. Another sealer is waited for; without `wait` it is left to it.
    """
    end, done = time.monotonic() + seconds, Sealed()
    while not stopping():
        made = _batch(delay=delay, limit=batch, wait=wait)
        done += made
        if made.complete or not made.seals or time.monotonic() >= end:
            break
    return done


@transaction.atomic
def _batch(*, delay: float, limit: int, wait: bool) -> Sealed:
    with connection.cursor() as cursor:
        if not _alone(cursor, wait):
            return Sealed()
        last = Seal.objects.only("n", "to_tx", "hash").first()  # read under the lock
        start = last.to_tx if last else 0
        bound = settled.bound(cursor, delay)
        if bound <= start:
            return Sealed(complete=True)
        end = settled.batch_end(cursor, start=start, bound=bound, limit=limit)
        months = read(cursor, start=start, end=end)
        facts = _facts(cursor, months, last, span=(start, end))
        for each in facts:
            cursor.execute(INSERT, _values(each))
    events = sum(each.events for each in facts)
    return Sealed(len(facts), events, complete=end == bound)


def _alone(cursor: Any, wait: bool) -> bool:
    if wait:
        cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        return True
    cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK})")
    return bool(cursor.fetchone()[0])


def read(cursor: Any, *, start: int, end: int) -> dict[date, Month]:
    """The trees of a range as its rows are now, by month."""
    months: dict[int, Month] = {}
    for month, _, at, text in settled.texts(cursor, start=start, end=end):
        if month not in months:
            months[month] = Month(at)
        months[month].add(at, text)
    return {copied.day(days): months[days] for days in sorted(months)}


def _facts(
    cursor: Any, months: dict[date, Month], last: Seal | None, *, span: tuple[int, int]
) -> list[Facts]:
    cursor.execute("SELECT clock_timestamp()")
    now: datetime = cursor.fetchone()[0]
    n, previous = (last.n, bytes(last.hash)) if last else (0, canonical.NO_SEAL)
    made = []
    for month, held in months.items():
        n += 1
        facts = Facts(
            n=n,
            month=month,
            from_tx=span[0],
            to_tx=span[1],
            events=held.tree.count,
            first_at=copied.moment(held.first),
            last_at=copied.moment(held.last),
            root=held.tree.root(),
            previous=previous,
            sealed_at=now,
        )
        previous = facts.hash()
        made.append(facts)
    return made


def _values(facts: Facts) -> Sequence[Any]:
    return (
        facts.n,
        facts.month,
        facts.from_tx,
        facts.to_tx,
        facts.events,
        facts.first_at,
        facts.last_at,
        facts.root,
        facts.previous,
        facts.sealed_at,
        facts.hash(),
    )


def facts_of(seal: Seal) -> Facts:
    """What the row says; its hash may be another than the row's."""
    return Facts(
        n=seal.n,
        month=seal.month,
        from_tx=seal.from_tx,
        to_tx=seal.to_tx,
        events=seal.events,
        first_at=seal.first_at,
        last_at=seal.last_at,
        root=bytes(seal.root),
        previous=bytes(seal.previous),
        sealed_at=seal.sealed_at,
    )
