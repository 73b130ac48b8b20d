"""The follower: one reads the record for all hooks, batch by batch, and does what they say.

It holds the position by a lease, and moves it with compare-and-set in the transaction of what the
batch did: of two that think it theirs, one writes. Nothing is read while no hook is active.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from events import alerting, following
from events.following import Choice, Position
from events.hooks import figures, firing, judging, keeping, loading, seeing
from events.hooks.judging import Judged
from events.hooks.loading import Names
from events.journal import Journal
from events.models import EventHook
from events.vocabulary import EventType

log = logging.getLogger(__name__)

ROWS = 1_000  # of the record in one go: what it holds in a transaction
LEASE_SECONDS = 60.0  # more than the slowest batch
TURN_SECONDS = 20.0  # before it looks whether hooks have changed, and what else there is to do
TIDY_SECONDS = 3_600.0
IDLE_SECONDS = 10.0  # before the position moves on over what no hook looks for

# A first position is behind all that has settled: hooks begin with what comes from now on.
CLAIM = f"""
    INSERT INTO events_hookfollower (id, lease, due_at, tx, worked_at)
    VALUES (1, %(lease)s, clock_timestamp() + %(seconds)s * interval '1 second',
            {following.HORIZON}::text::bigint, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET lease = excluded.lease, due_at = excluded.due_at,
        tx = coalesce(events_hookfollower.tx, excluded.tx), worked_at = excluded.worked_at
    WHERE events_hookfollower.due_at <= clock_timestamp()
       OR events_hookfollower.lease = excluded.lease
    RETURNING tx, after
"""  # noqa: S608
MOVE = """
    UPDATE events_hookfollower
    SET tx = %(to_tx)s, after = %(to_after)s, read = read + %(read)s, trouble = '',
        worked_at = clock_timestamp()
    WHERE id = 1 AND lease = %(lease)s AND tx = %(tx)s AND after = %(after)s
"""
PLACE = """
    SELECT tx, after, worked_at > clock_timestamp() - %(seconds)s * interval '1 second'
    FROM events_hookfollower WHERE tx IS NOT NULL
"""
LET_GO = "UPDATE events_hookfollower SET lease = '', due_at = clock_timestamp() WHERE lease = %s"
# While nobody looks there is no place to go on from.
FORGET = "UPDATE events_hookfollower SET tx = NULL, after = '' WHERE tx IS NOT NULL AND lease = ''"
TROUBLE = "UPDATE events_hookfollower SET trouble = %s, worked_at = clock_timestamp()"
STOP = """
    UPDATE events_eventhook SET stopped_at = %s, stopped_reason = %s
    WHERE id = %s AND stopped_at IS NULL
"""


@dataclass(slots=True)
class Done:
    """What a batch came to. `mine`: it was ours to move; `more`: there is more to read."""

    read: int = 0
    fired: int = 0
    mine: bool = True
    more: bool = False


@dataclass(slots=True)
class Follower:
    """One reader; `lease` tells it from others."""

    lease: str = field(default_factory=lambda: uuid.uuid4().hex)
    names: Names = field(default_factory=Names)
    tidied_at: float = field(default_factory=time.monotonic)

    def look(self, now: datetime, *, stopping: threading.Event) -> int:
        """All there is to do now, for a while; how many events were read."""
        hooks = loading.active()
        of_events = any(not hook.metric for hook in hooks)
        if not of_events:
            _execute(FORGET)
        if not hooks:
            return 0
        figures.judge_due(hooks, self.names.fresh(), now)
        read = self._follow(stopping) if of_events else 0
        if time.monotonic() - self.tidied_at > TIDY_SECONDS:
            keeping.forget_old(now)
            self.tidied_at = time.monotonic()
        return read

    def _follow(self, stopping: threading.Event) -> int:
        end, read = time.monotonic() + TURN_SECONDS, 0
        while not stopping.is_set() and time.monotonic() < end:
            done = self.step()
            read += done.read
            if not done.mine or not done.more:
                break
        self.let_go()
        return read

    def step(self, *, rows: int = ROWS) -> Done:
        """One batch of the record."""
        hooks = loading.active()
        names = self.names.fresh()
        watches = loading.watches(hooks, names)
        if not watches:
            return Done()
        choice = seeing.choice(watches)
        if _nothing_new(choice, rows):
            return Done()
        at = self._claim()
        if at is None:
            return Done(mine=False)
        chunk = following.read(at, limit=rows, choice=choice, columns=seeing.COLUMNS)
        batch = seeing.seen([values for _, values in chunk.rows], watches, names)
        judged = judging.judge(batch)
        done = Done(len(chunk.rows), more=not chunk.caught_up)
        if chunk.reached != at:
            done.fired, done.mine = self._write(at, chunk.reached, done.read, hooks, judged)
        return done

    def _claim(self) -> Position | None:
        row = _execute(CLAIM, lease=self.lease, seconds=LEASE_SECONDS)
        return Position(*row) if row else None

    def let_go(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(LET_GO, [self.lease])

    def _write(
        self, at: Position, to: Position, read: int, hooks: Sequence[EventHook], judged: Judged
    ) -> tuple[int, bool]:
        """Everything of a batch, or nothing; how many fired, and whether it was ours."""
        by_id = {hook.id: hook for hook in hooks}
        given = [firing.of_event(f, by_id[f.match.watch.id], self.names) for f in judged.fired]
        with transaction.atomic(), connection.cursor() as cursor:
            place: dict[str, str | int] = {"tx": at.tx, "after": at.id}
            place |= {"to_tx": to.tx, "to_after": to.id, "lease": self.lease, "read": read}
            cursor.execute(MOVE, place)
            if not cursor.rowcount:
                return 0, False
            if not (given or judged.changed or judged.stopped):
                return 0, True
            journal = firing.now(cursor)
            fired = firing.carry_out(cursor, journal, given, self.names)
            matters = {hook.id: max(hook.within, hook.cool_down) for hook in hooks}
            keeping.keep(cursor, judged.counts, judged.changed, matters)
            for hook_id, why in judged.stopped.items():
                stop(cursor, journal, by_id[hook_id], why)
            journal.write(cursor)
        return fired, True


def _nothing_new(choice: Choice, rows: int) -> bool:
    """Whether there is no reason to write anything: who looks twice a second only looks."""
    row = _execute(PLACE, seconds=IDLE_SECONDS)
    if row is None or not row[2]:
        return False
    chunk = following.read(Position(*row[:2]), limit=rows, choice=choice, columns=("id",))
    return chunk.caught_up and not chunk.rows


def stop(cursor: Any, journal: Journal, hook: EventHook, why: str) -> None:
    """Look no more with a hook until somebody has seen to it."""
    cursor.execute(STOP, [journal.at, why[:300], hook.id])
    if not cursor.rowcount:
        return
    said = {"id": hook.id, "slug": hook.slug, "name": hook.name}
    journal.operation(EventType.HOOK_STOPPED, entity_id=hook.id, reason=why, hook=said)
    text = f"Hook {hook.slug} is stopped: {why}"
    alerting.raise_alert(cursor, journal, subject=f"hook {hook.id}", text=text, entity_id=hook.id)


def troubled(why: str) -> None:
    """Note for people what keeps the follower from going on."""
    with connection.cursor() as cursor:
        cursor.execute(TROUBLE, [why[:300]])


def _execute(statement: str, **values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description else None
    return row
