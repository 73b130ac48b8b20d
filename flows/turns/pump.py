"""The pump: claims what is due, sends it on threads, completes it in batches.

One pump runs in one worker process of the `pump` cluster, in a slot that an advisory lock keeps
for it. Its main thread alone talks to the database; the sending threads alone talk to buyers.
A window of attempts is kept full: results are taken in, and new work begun, every 20 ms or 64
results, while the other attempts go on. They also go on between two turns of duty: a pump lives
as long as its process, and waits for the slowest buyer only when it is told to stop.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import socket
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from flows import plans
from flows.delivery import takingin
from flows.delivery.batching import Beginning
from flows.delivery.batchwork import BatchEnded, BatchSending
from flows.delivery.takingin import TakingIn
from flows.turns import turn
from flows.turns.askers import Answered, Askers
from flows.turns.desk import Sending
from flows.turns.returns import Returns
from flows.turns.senders import Ended, Senders
from flows.turns.window import Window
from flows.turns.worktable import LEASE_MARGIN
from leadops.lib import claim, wake
from leadops.lib.bulk import dumps
from leadops.lib.http import Door
from leadops.lib.http.addresses import Network
from recipients.secretuse import SecretUse
from recipients.tokenstore import keyring

log = logging.getLogger(__name__)

SLOT_CLASS = 0x4C4F  # "LO": advisory locks of pump slots
BATCH = 128  # results, after which a turn is due at once
FLUSH = 0.02  # seconds a result waits for others at most
POLL = 0.25  # seconds between looks at the clock when no wake-up comes
BEAT = 1.0  # seconds between heartbeats
# Seconds a thread keeps the interpreter at most while others want it: with Python's 5 ms the main
# thread, back from the database, waits longer for its turn than the database took.
SWITCH = 0.001
# Objects a turn makes and frees again many times over; Python would look for circles among them
# every 700.
GARBAGE = 100_000
# Threads that put questions: an auction has dozens of pings under way at once, each for as long as
# its buyer takes. They are made as they are needed.
ASKERS = 256
BATCHES = "batch"  # the kind of work that is a batch's
BATCH_SECONDS = 0.05  # after which no further slice of a batch is begun before other work
RECONNECT = 0.5  # seconds between tries after the database went away


@lru_cache(maxsize=8)
def door(private_networks: tuple[Network, ...], size: int) -> Door:
    """The way out of this process: its threads and idle connections outlive a pump."""
    return Door(private_networks=private_networks, pool_size=size)


@dataclass
class Pump:
    """One pump, for many turns of duty."""

    stopping: Callable[[], bool]
    size: int = field(default_factory=lambda: settings.LEADOPS_PUMP_THREADS)

    def __post_init__(self) -> None:
        self.lease = str(uuid.uuid4())
        self.window = Window(self.size)
        self.returns: Returns[Ended | Answered | BatchEnded] = Returns()
        way_out = door(tuple(settings.LEADOPS_PRIVATE_NETWORKS), self.size)
        self.senders = Senders(self.size, way_out, self.returns, keyring())
        self.askers = Askers(ASKERS, way_out, self.returns, keyring())
        self.secret_use = SecretUse(keyring())
        self.results: list[Ended | Answered | BatchEnded] = []
        self.claimed: list[claim.Claimed] = []  # by a turn that failed: ours as long as the lease
        self.batches: deque[Beginning | TakingIn] = deque()  # at hand, slice by slice
        self.listener: psycopg.Connection[tuple[object, ...]] | None = None
        self.slot = -1
        self.last_beat = 0.0
        self.last_turn = time.monotonic()
        self.sent = 0
        self.refused = 0
        self.open = True

    def run(self, seconds: float) -> None:
        """Pump for so many seconds, or until told to stop; then the pump is over.

        After its seconds it may run again, and takes in what has ended meanwhile. Raises what is
        a mistake of ours; then, too, the pump is over.
        """
        sys.setswitchinterval(SWITCH)
        gc.set_threshold(GARBAGE)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not self.stopping():
                self._pass(claiming=True)
            if not self.stopping():
                return
            self._drain()
        except BaseException:
            self.close()
            raise
        self.close()

    def close(self) -> None:
        """Give back slot, pipe and threads; what is under way is left to its leases."""
        if not self.open:
            return
        self.open = False
        self._sign_off()
        self.senders.close()
        self.askers.close()
        self.returns.close()
        if self.listener is not None:
            self.listener.close()

    def _drain(self) -> None:
        """Claim nothing more; complete what is under way, as far as the stop leaves time."""
        give_up = time.monotonic() + settings.LEADOPS_STOP_SECONDS
        while self._is_busy() and time.monotonic() < give_up:
            self._pass(claiming=False)

    def _is_busy(self) -> bool:
        return bool(self.window.held or self.results or self.batches)

    def _pass(self, *, claiming: bool) -> None:
        try:
            self._connect()
            self._collect()
            worked = self._due() and self._turn(claiming=claiming)
            if not self._batches(claiming=claiming) and not worked:
                self._wait()
            self._beat()
        except (DatabaseError, InterfaceError, psycopg.Error):
            # Results are kept and taken in again; their leases decide whether they still count.
            log.exception("The database is away; trying again")
            self._disconnect()
            time.sleep(RECONNECT)

    def _due(self) -> bool:
        """A turn is due when it is worth its round trips, or when somebody has waited enough.

        Half of what is under way is worth it: the other half keeps the senders busy meanwhile.
        """
        enough = min(BATCH, max(1, self.window.held.total() // 2))
        return len(self.results) >= enough or time.monotonic() - self.last_turn >= FLUSH

    def _turn(self, *, claiming: bool) -> bool:
        """Claim, complete, begin; True when there may be more to do at once."""
        taken, self.results = self.results, []
        for lane in _places(taken):
            self.window.release(lane)
        claimed, self.claimed = self.claimed, []
        try:
            claimed = claimed or (self._claim() if claiming else [])
            if not claimed and not taken:
                return False
            self.batches += [self._beginning(each) for each in claimed if each.kind == BATCHES]
            claimed = [each for each in claimed if each.kind != BATCHES]
            done = self._take(claimed, taken, claiming=claiming)
        except Exception:
            for lane in _places(taken):
                self.window.held[lane] += 1
            self.results, self.claimed = taken + self.results, claimed
            raise
        self._dispatch(done)
        self.refused += done.refused
        self.last_turn = time.monotonic()
        return True

    def _take(
        self,
        claimed: list[claim.Claimed],
        taken: list[Ended | Answered | BatchEnded],
        *,
        claiming: bool,
    ) -> turn.Done:
        """The turn itself; the places it hands out are given back, `_dispatch` takes them."""
        ended = [each for each in taken if isinstance(each, BatchEnded)]
        with self._places(claiming=claiming) as may_start:
            return turn.take(
                turn.Turn(
                    claimed,
                    [
                        *((e.sending, e.attempt) for e in taken if isinstance(e, Ended)),
                        *(result for each in ended for result in each.results),
                    ],
                    self.lease,
                    settings.LEADOPS_LEASE,
                    may_start,
                    [(e.inquiry, e.answers) for e in taken if isinstance(e, Answered)],
                    ended,
                )
            )

    def _beginning(self, claimed: claim.Claimed) -> Beginning:
        return Beginning(claimed, self.lease, settings.LEADOPS_LEASE)

    def _batches(self, *, claiming: bool) -> bool:
        """Take batches on for a moment, slice by slice and each in its turn; whether there were
        any. After a fault of the database the same slice is tried again, as long as its lease
        stands."""
        end, found = time.monotonic() + BATCH_SECONDS, False
        while self.batches and not (found and time.monotonic() > end):
            each, found = self.batches[0], True
            was_placed = each.placed
            try:
                with self._places(claiming=claiming) as may_start:
                    done = each.step(may_start)
            finally:
                if each.placed and not was_placed:
                    self.window.held[each.lane] += 1
            self.batches.popleft()
            if not each.over:
                self.batches.append(each)
            elif each.placed:
                self.window.release(each.lane)
            self._dispatch(done)
            self.refused += done.refused
        return found

    @contextlib.contextmanager
    def _places(self, *, claiming: bool) -> Iterator[Callable[[str], bool]]:
        """What hands out places as long as a turn lasts."""
        reserved: Counter[str] = Counter()

        def may_start(lane: str) -> bool:
            if not claiming or not self.window.take(lane):
                return False
            reserved[lane] += 1
            return True

        try:
            yield may_start
        finally:
            for lane, count in reserved.items():
                for _ in range(count):
                    self.window.release(lane)

    def _dispatch(self, done: turn.Done) -> None:
        now = time.monotonic()
        for inquiry in done.asks:
            if not inquiry.notice:
                self.window.held[inquiry.lane] += 1
            self.askers.ask(inquiry)
        sendings: list[Sending | BatchSending] = [*done.starts, *done.batches]
        for sending in sendings:
            self.window.held[sending.lane] += 1
            self.sent += 1
            self.senders.send(sending, now + LEASE_MARGIN / 2)

    def _claim(self) -> list[claim.Claimed]:
        """Claim as much as there is room for, lane by lane.

        On the listening connection, which does not wait for the disk: a claim that a crash of
        the database forgets is a claim that nobody has acted on.
        """
        assert self.listener is not None  # noqa: S101  connected at the start of the pass
        window = self.window
        if not window.free:
            return []
        places = {lane: window.room(lane) for lane in {*window.held, *window.waiting}}
        share = max(1, window.free // max(1, len(window.waiting)))
        with self.listener.cursor() as cursor:
            claimed = claim.claim(
                cursor,
                "flows_work",
                lease=self.lease,
                seconds=settings.LEADOPS_LEASE,
                places={lane: min(room, share) for lane, room in places.items()},
                otherwise=min(BATCH, max(1, share)),
            )
        window.waiting = {c.lane for c in claimed}
        return claimed

    def _collect(self) -> None:
        self.askers.expire()
        for each in self.returns.take():
            if isinstance(each, BatchEnded) and takingin.is_large(each):
                self.batches.append(TakingIn(each, self.lease, settings.LEADOPS_LEASE))
            else:
                self.results.append(each)

    def _wait(self) -> None:
        """Until a result or a wake-up comes, or the poll is due."""
        assert self.listener is not None  # noqa: S101  connected at the start of the pass
        # Also when no turn is due yet: the wake-up for it may have been heard already.
        soon = self.results or self.window.held or not self._due()
        if self._rung():
            return
        seconds = min(FLUSH if soon else POLL, self.askers.until_next())
        select.select([self.returns.fd, self.listener.fileno()], [], [], seconds)
        self._rung()

    def _rung(self) -> bool:
        """Whether there was a wake-up; one that arrived during a claim is not in the socket."""
        assert self.listener is not None  # noqa: S101  connected at the start of the pass
        return bool(list(self.listener.notifies(timeout=0)))

    def _connect(self) -> None:
        """The listening connection also holds the slot: it is free as soon as we are gone."""
        if self.listener is not None and not self.listener.closed:
            return
        connection.ensure_connection()
        parameters = connection.get_connection_params()
        for own in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(own, None)
        self.listener = psycopg.connect(**parameters, autocommit=True)
        self.slot = take_slot(self.listener)
        self.listener.execute("SET synchronous_commit = off")
        self.listener.execute(f"LISTEN {wake.CHANNEL}")

    def _disconnect(self) -> None:
        connection.close()
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def _sign_off(self) -> None:
        """Leave no heartbeat behind that would look like a pump that hangs."""
        with contextlib.suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
            self.secret_use.write()
            cursor.execute(
                "DELETE FROM flows_pump WHERE slot = %s AND pid = %s", [self.slot, os.getpid()]
            )

    def _beat(self) -> None:
        if time.monotonic() - self.last_beat < BEAT:
            return
        self.last_beat = time.monotonic()
        self.secret_use.write_if_due()
        state = {
            "held": self.window.held.total(),
            "lanes": len(self.window.held),
            "sent": self.sent,
            "refused": self.refused,
            "revision": plans.newest(),
        }
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO flows_pump (slot, pid, host, beat, state) "
                "VALUES (%s, %s, %s, clock_timestamp(), %s) "
                "ON CONFLICT (slot) DO UPDATE SET pid = excluded.pid, host = excluded.host, "
                "beat = excluded.beat, state = excluded.state",
                [self.slot, os.getpid(), socket.gethostname(), dumps(state)],
            )


def _places(taken: list[Ended | Answered | BatchEnded]) -> list[str]:
    """The lanes of the places that these held; notices hold none."""
    return [
        each.lane for each in taken if not isinstance(each, Answered) or not each.inquiry.notice
    ]


def take_slot(held: psycopg.Connection[tuple[object, ...]]) -> int:
    """Take the first free slot for as long as the connection lives."""
    slot = 0
    while True:
        row = held.execute("SELECT pg_try_advisory_lock(%s, %s)", [SLOT_CLASS, slot]).fetchone()
        if row and row[0]:
            return slot
        slot += 1
