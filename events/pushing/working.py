"""The work on subscriptions: who is due, one worker each, and what comes of a batch.

A worker holds a subscription by a lease on its row and writes only while the lease is its own; one
that is killed leaves a lease that runs out, and the batch under way, with its id, to the next.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from events import following
from events.following import Position
from events.models import EventSubscription
from events.pushing import steering
from events.pushing.batches import Batch, Nothing, next_batch
from events.pushing.sending import Refusal, send
from events.streaming.pulse import Moved, unwatched
from leadops.lib.http import Door

log = logging.getLogger(__name__)

THREADS = 16
POLL_SECONDS = 0.5
LEASE_SECONDS = 15.0  # for all but the sending itself, which has its time-out besides
TURN_SECONDS = 20.0  # of one subscription, before others get its thread
FIRST_WAIT, LONGEST_WAIT = 1.0, 3_600.0  # seconds between tries
GIVE_UP_AFTER = timedelta(hours=72)  # of nothing but failures

# A new one begins with what comes from now on.
CLAIM = f"""
    UPDATE events_eventsubscription SET lease = %(lease)s,
        due_at = clock_timestamp() + (timeout + %(seconds)s) * interval '1 second',
        tx = coalesce(tx, {following.HORIZON}::text::bigint)
    WHERE id = ANY(ARRAY(
        SELECT id FROM events_eventsubscription
        WHERE active AND paused_at IS NULL AND due_at <= clock_timestamp()
        ORDER BY due_at LIMIT %(places)s FOR UPDATE SKIP LOCKED
    )) RETURNING id
"""  # noqa: S608
HELD = " WHERE id = %(id)s AND lease = %(lease)s AND paused_at IS NULL AND active"
RENEW = f"""
    UPDATE events_eventsubscription
    SET due_at = clock_timestamp() + (timeout + %(seconds)s) * interval '1 second'{HELD}
    RETURNING clock_timestamp()
"""  # noqa: S608
BEGUN = f"""
    UPDATE events_eventsubscription
    SET batch_id = %(batch)s, batch_tx = %(tx)s, batch_after = %(after)s{HELD}
"""  # noqa: S608
MINE = " WHERE id = %(id)s AND lease = %(lease)s"
TAKEN = f"""
    UPDATE events_eventsubscription
    SET tx = %(tx)s, after = %(after)s, batch_id = '', batch_tx = NULL, batch_after = '',
        delivered = delivered + %(events)s, delivered_at = clock_timestamp(),
        failures = 0, failing_since = NULL{MINE}
"""  # noqa: S608
PASSED = f"""
    UPDATE events_eventsubscription
    SET tx = %(tx)s, after = %(after)s, batch_id = '', batch_tx = NULL, batch_after = ''{MINE}
"""  # noqa: S608
REFUSED = f"""
    UPDATE events_eventsubscription
    SET failures = failures + 1, failed_at = clock_timestamp(), failed_reason = %(reason)s,
        failing_since = coalesce(failing_since, clock_timestamp()), lease = '',
        due_at = clock_timestamp() + %(seconds)s * interval '1 second'{MINE}
    RETURNING clock_timestamp() - failing_since
"""  # noqa: S608
LET_GO = f"""
    UPDATE events_eventsubscription
    SET lease = '', due_at = clock_timestamp() + %(seconds)s * interval '1 second'{MINE}
"""  # noqa: S608


class Turn:
    """One worker's time with one subscription."""

    def __init__(self, subscription_id: str, lease: str, door: Door) -> None:
        self._keys = {"id": subscription_id, "lease": lease}
        self._door = door

    def work(self, *, seconds: float = TURN_SECONDS, stopping: threading.Event) -> None:
        """Send batch after batch, until nothing is left, one is refused, or the time is over."""
        end = time.monotonic() + seconds
        while not stopping.is_set() and time.monotonic() < end:
            wait = self._step()
            if wait is None:
                return
            if wait > 0:
                self._change(LET_GO, seconds=wait)
                return
        self._change(LET_GO, seconds=0.0)

    def _step(self) -> float | None:
        """One batch. Seconds until there is something to do again; None when it is ours no more."""
        now = self._renewed()
        subscription = EventSubscription.objects.filter(id=self._keys["id"]).first()
        if now is None or subscription is None:
            return None
        at = Position(subscription.tx or 0, subscription.after)
        batch = next_batch(subscription, at, now=now)
        if isinstance(batch, Nothing):
            return self._look_later(subscription, at, batch, now)
        if not self._change(BEGUN, batch=batch.id, **_place(batch.end)):
            return None
        refusal = send(subscription, self._door, id=batch.id, body=batch.body, now=now)
        return self._settle(subscription, batch, refusal)

    def _look_later(
        self, subscription: EventSubscription, at: Position, found: Nothing, now: datetime
    ) -> float:
        if found.reached > at:  # what was looked at is not looked at again
            self._change(PASSED, **_place(found.reached))
        if found.more:
            return 0.0
        if found.ready_at is None:
            return POLL_SECONDS
        age = (now - found.ready_at).total_seconds()
        return min(max(float(subscription.batch_age) - age, 0.05), LONGEST_WAIT)

    def _settle(
        self, subscription: EventSubscription, batch: Batch, refusal: Refusal | None
    ) -> float | None:
        if refusal is None:
            taken = self._change(TAKEN, events=batch.events, **_place(batch.end))
            return 0.0 if taken else None
        wait = max(refusal.wait, backoff(subscription.failures))
        with connection.cursor() as cursor:
            words: dict[str, str | float] = {
                "reason": refusal.reason[:300],
                "seconds": wait,
                **self._keys,
            }
            cursor.execute(REFUSED, words)
            row = cursor.fetchone()
        if row is not None and (refusal.final or row[0] >= GIVE_UP_AFTER):
            why = refusal.reason if refusal.final else f"{refusal.reason}, for too long"
            steering.pause(subscription, reason=why, alert=True)
        return None

    def _renewed(self) -> datetime | None:
        with connection.cursor() as cursor:
            cursor.execute(RENEW, {"seconds": LEASE_SECONDS, **self._keys})
            row = cursor.fetchone()
        return row[0] if row else None

    def _change(self, statement: str, **values: str | float) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**values, **self._keys})
            return bool(cursor.rowcount)


def _place(at: Position) -> dict[str, str | float]:
    return {"tx": at.tx, "after": at.id}


def backoff(failures: int) -> float:
    """Seconds before the next try after so many: doubled each time, up to an hour, and between
    half and all of it, so that subscriptions do not come back all at once."""
    whole = min(FIRST_WAIT * 2.0 ** min(failures, 16), LONGEST_WAIT)
    return whole * random.uniform(0.5, 1.0)  # noqa: S311


def claim(lease: str, places: int) -> list[str]:
    """Subscriptions that are due, now held under `lease`."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"lease": lease, "seconds": LEASE_SECONDS, "places": places})
        return [row[0] for row in cursor.fetchall()]


class Pushes(threading.Thread):
    """Looks for due subscriptions, and has each worked on by a thread of its own."""

    def __init__(self, moved: Moved = unwatched) -> None:
        super().__init__(name="pushes", daemon=True)
        self._moved = moved
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="push")
        self._free = threading.Semaphore(THREADS)
        networks = settings.LEADOPS_PRIVATE_NETWORKS
        self._door = Door(private_networks=networks, pool_size=THREADS)

    def run(self) -> None:
        while not self._stopping.is_set():
            self._moved()
            try:
                self._look()
            except Exception:
                log.exception("Could not look for due subscriptions; trying again")
                connection.close()
            self._stopping.wait(POLL_SECONDS)
        connection.close()

    def stop(self, seconds: float) -> None:
        """Let batches under way end, for so long."""
        self._stopping.set()
        self.join(seconds)
        end = time.monotonic() + seconds
        idle = [
            self._free.acquire(timeout=max(0.0, end - time.monotonic())) for _ in range(THREADS)
        ]
        self._pool.shutdown(wait=all(idle), cancel_futures=True)

    def _look(self) -> None:
        places = self._reserve()
        if not places:
            return
        lease = uuid.uuid4().hex
        found: list[str] = []
        try:
            found = claim(lease, places)
        finally:
            if places > len(found):
                self._free.release(places - len(found))
        for subscription_id in found:
            self._pool.submit(self._work, subscription_id, lease)

    def _reserve(self) -> int:
        places = 0
        while places < THREADS and self._free.acquire(blocking=False):
            places += 1
        return places

    def _work(self, subscription_id: str, lease: str) -> None:
        try:
            Turn(subscription_id, lease, self._door).work(stopping=self._stopping)
        except Exception:
            # The lease runs out, and then it is tried again.
            log.exception("Pushing to subscription %s ended early", subscription_id)
            connection.close()
        finally:
            self._free.release()
