"""The work of passing feedback on: which sources are due, one worker each, post after post.

A worker holds a source by a lease on its line. One that is killed leaves a lease that runs out, and
what it had under way, with its message ids, to the next: a source may get a message twice, but
always under the same id, and the record says once that it got it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.models import FeedbackLine, PassedFeedback
from events.passing import filing, posting, steering, summaries, telling
from events.passing.boundaries import boundary, zone_of
from events.passing.message import Telling
from events.passing.settling import GIVE_UP_AFTER, Came, Settled, settle
from events.passing.wording import Way, way_to
from events.pushing.sending import Refusal
from events.pushing.working import LONGEST_WAIT
from leadops.lib.http import Door

log = logging.getLogger(__name__)

SOURCES = 4  # worked on at once, by each worker
CHUNK = 8  # posts to one source at once
FILES = 4  # files to one destination at once: servers allow few sessions of one login
LEASE_SECONDS = 60.0  # more than a chunk's time-outs
FILES_SECONDS = 150.0  # more than theirs, with the second values of secrets
SUMMARY_SECONDS = 600.0  # a file to a slow server
TURN_SECONDS = 15.0  # of one source, before others get its place
NOT_WANTED = "It is passed on no more: the source has neither URL nor destination for it"
TOO_LONG = "Not taken for a day: "

# The clocks of those that want summaries: the ends of their periods are worked out here.
CLOCKS = """
    SELECT s.id, s.feedback_every, s.feedback_timezone, s.feedback_at, clock_timestamp()
    FROM events_feedbackline l JOIN flows_source s ON s.id = l.source_id
    WHERE s.feedback_mode = 'summary' AND l.paused_at IS NULL AND l.due_at <= clock_timestamp()
"""
# Sources with something due: a feedback, or the end of a summary's period.
CLAIM = """
    UPDATE events_feedbackline SET lease = %(lease)s,
        due_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE source_id = ANY(ARRAY(
        SELECT l.source_id FROM events_feedbackline l JOIN flows_source s ON s.id = l.source_id
        WHERE l.paused_at IS NULL AND l.due_at <= clock_timestamp() AND EXISTS (
            SELECT FROM events_passedfeedback p
            WHERE p.source_id = l.source_id AND p.state = 'waiting'
              AND p.due_at <= clock_timestamp()
              AND (s.feedback_mode <> 'summary' OR p.batch <> '' OR p.created_at < (
                  SELECT u.until FROM unnest(%(sources)s::text[], %(untils)s::timestamptz[])
                      AS u(id, until) WHERE u.id = s.id)))
        ORDER BY l.due_at LIMIT %(places)s FOR UPDATE OF l SKIP LOCKED
    )) RETURNING source_id
"""
RENEW = """
    UPDATE events_feedbackline SET due_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE source_id = %(source)s AND lease = %(lease)s AND paused_at IS NULL
    RETURNING clock_timestamp()
"""
LET_GO = """
    UPDATE events_feedbackline SET lease = '',
        due_at = clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE source_id = %(source)s AND lease = %(lease)s
"""


def claim(lease: str, places: int) -> list[str]:
    """Sources that are due, now held under `lease`."""
    with connection.cursor() as cursor:
        cursor.execute(CLOCKS)
        untils = {
            id: boundary(now, every, zone=zone_of(zone), at=at)
            for id, every, zone, at, now in cursor.fetchall()
        }
        given: dict[str, Any] = {
            "lease": lease,
            "seconds": LEASE_SECONDS,
            "places": places,
            "sources": list(untils),
            "untils": list(untils.values()),
        }
        cursor.execute(CLAIM, given)
        return [row[0] for row in cursor.fetchall()]


class Turn:
    """One worker's time with one source."""

    def __init__(self, source_id: str, lease: str, door: Door, posts: ThreadPoolExecutor) -> None:
        self._keys = {"source": source_id, "lease": lease}
        self._door = door
        self._posts = posts

    def work(
        self, *, seconds: float = TURN_SECONDS, stopping: Callable[[], bool] = lambda: False
    ) -> int:
        """Send until nothing is due, nothing is taken, or the time is over; how many were taken."""
        end, taken, pause = time.monotonic() + seconds, 0, 0.0
        while not stopping() and time.monotonic() < end:
            done = self._step()
            if done is None:
                break
            taken, pause = taken + done.taken, done.wait
            if pause:
                break
        self._change(LET_GO, seconds=min(pause, LONGEST_WAIT))
        return taken

    def _step(self) -> Settled | None:
        """One chunk, or one summary; None when there is nothing to do, or it is ours no more."""
        now = self._renewed(LEASE_SECONDS)
        line = self._line() if now else None
        if now is None or line is None:
            return None
        source = line.source
        if source.feedback_mode == "summary":
            return self._summary(source, now)
        by_file = not source.feedback_url and source.feedback_destination is not None
        rows = self._due(now, FILES if by_file else CHUNK)
        if not rows:
            return None
        if not by_file:
            return self._settled(source, self._posted(source, rows, now))
        if self._renewed(FILES_SECONDS) is None:
            return None
        return self._settled(source, self._filed(source, rows))

    def _line(self) -> FeedbackLine | None:
        lines = FeedbackLine.objects.select_related("source", "source__feedback_destination")
        return lines.filter(pk=self._keys["source"]).first()

    def _due(self, now: datetime, most: int) -> list[PassedFeedback]:
        """What was tried least goes first: one that is never taken is in nobody's way."""
        waiting = PassedFeedback.objects.filter(source=self._keys["source"], state="waiting")
        due = waiting.filter(due_at__lte=now).select_related(*telling.RELATED)
        return list(due.order_by("tries", "id")[:most])

    def _posted(self, source: Any, rows: Sequence[PassedFeedback], now: datetime) -> list[Came]:
        if not source.feedback_url:
            return [Came(row, Refusal(NOT_WANTED, final=True)) for row in rows]
        way = way_to(source)
        return self._beside(
            rows, way, lambda row, told: posting.send(row, told, way, self._door, now)
        )

    def _filed(self, source: Any, rows: Sequence[PassedFeedback]) -> list[Came]:
        way, to = way_to(source), source.feedback_destination
        return self._beside(
            rows, way, lambda row, told: filing.send(row, told, way, to, self._door)
        )

    def _beside(
        self,
        rows: Sequence[PassedFeedback],
        way: Way,
        send: Callable[[PassedFeedback, Telling], Came],
    ) -> list[Came]:
        """All at once."""
        reads_lead = way.form is not None and way.form.reads_lead
        told = telling.told(rows, reads_lead=reads_lead)
        futures = [
            self._posts.submit(send, row, said) for row, said in zip(rows, told, strict=True)
        ]
        return [future.result() for future in futures]

    def _summary(self, source: Any, now: datetime) -> Settled | None:
        rows = summaries.gathered(source, now)
        if not rows or self._renewed(SUMMARY_SECONDS) is None:
            return None
        return self._settled(source, summaries.send(source, rows))

    def _settled(self, source: Any, came: Sequence[Came]) -> Settled | None:
        done = settle(source, self._keys["lease"], came)
        if done is None:
            return None
        gone = next((c.refusal for c in came if c.refusal and c.refusal.final), None)
        if gone is not None and source.feedback_url:
            steering.pause(source, reason=gone.reason, alert=True)
            return None
        if done.hopeless:
            self._give_up(source, done.hopeless)
        return done

    def _give_up(self, source: Any, why: str) -> None:
        """What has waited for as long as the source has taken nothing comes to its end."""
        old = timezone.now() - GIVE_UP_AFTER
        waiting = PassedFeedback.objects.filter(source=source, state="waiting", created_at__lt=old)
        refusal = Refusal(TOO_LONG + why, final=True)
        while rows := list(waiting.select_related("feedback")[:200]):
            came = [Came(row, refusal, tried=False) for row in rows]
            if settle(source, self._keys["lease"], came) is None:
                return

    def _renewed(self, seconds: float) -> datetime | None:
        with connection.cursor() as cursor:
            cursor.execute(RENEW, {"seconds": seconds, **self._keys})
            row = cursor.fetchone()
        return row[0] if row else None

    def _change(self, statement: str, **values: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, {**values, **self._keys})


def run(*, seconds: float, stopping: Callable[[], bool] = lambda: False) -> int:
    """Work on all sources that are due until none is, or the time is over; how many were taken.

    One that hangs takes a place of its own, and not the time of the others.
    """
    lease = uuid.uuid4().hex
    end = time.monotonic() + seconds
    found = claim(lease, SOURCES)
    if not found:
        return 0
    door = Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=SOURCES * CHUNK)
    posts = ThreadPoolExecutor(SOURCES * CHUNK, thread_name_prefix="feedback")
    turns = ThreadPoolExecutor(SOURCES, thread_name_prefix="source")

    def begin(ids: Iterable[str]) -> set[Future[int]]:
        return {turns.submit(_work, Turn(id, lease, door, posts), stopping) for id in ids}

    try:
        taken, under_way = 0, begin(found)
        while under_way:
            done, under_way = wait(under_way, timeout=1.0, return_when=FIRST_COMPLETED)
            taken += sum(each.result() for each in done)
            # Also what came while its source was still held: whoever was woken for it found none.
            if not stopping() and time.monotonic() < end:
                under_way |= begin(claim(lease, SOURCES - len(under_way)))
        return taken
    finally:
        turns.shutdown()
        posts.shutdown()
        door.close()


def _work(turn: Turn, stopping: Callable[[], bool]) -> int:
    try:
        return turn.work(stopping=stopping)
    except Exception:
        # The lease runs out, and then it is tried again.
        log.exception("Passing feedback on ended early")
        return 0
    finally:
        connection.close()
