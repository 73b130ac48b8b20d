"""Reads the record for all streams of this process: what is young once for all, the rest for each.

Everything here touches the database, and so runs on threads; the event loop only waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection

from events import following
from events.eventjson import events_json
from events.following import Choice, Chunk, Position
from events.models import Event
from events.streaming import entitlement
from events.streaming.asked import Asked, Caller, Form
from events.streaming.recent import Batch, Recent
from events.streaming.writing import entry
from events.visibility import Sight

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # between two looks for what is new; none while nobody reads
LAST_SECONDS = 2.0  # for the last look, at a stop
AWAY_SECONDS = 1.0  # before the next look when the database was away
YOUNG = 1_000  # rows in one go
THREADS = 2  # that read and render for streams which are behind; more would wait for each other
YOUNG_THREADS = 2  # that render what is new, so that it waits behind nobody who has far to go
PIECE = 64 * 1024  # bytes
SMALLEST, LARGEST = 250, 16_000  # rows in one go, for one stream that is behind
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Piece:
    """Written in one go. `last` is the id of its last event."""

    data: bytes
    last: str
    events: int


class Feed:
    """`recent` and `news` belong to the event loop; the threads hand over what they read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.recent = Recent()
        self.news = asyncio.Event()
        self._loop = loop
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._pool: Executor = ThreadPoolExecutor(THREADS, thread_name_prefix="stream")
        self._young: Executor = ThreadPoolExecutor(YOUNG_THREADS, thread_name_prefix="young")
        self._follower = threading.Thread(target=self._follow, name="follow", daemon=True)

    def start(self) -> None:
        self._follower.start()

    def stop(self) -> None:
        self._ended.set()
        self._wanted.set()
        for pool in (self._pool, self._young):
            pool.shutdown(wait=False, cancel_futures=True)
        self._follower.join(LAST_SECONDS)

    def want(self, wanted: bool) -> None:
        """Whether anybody reads."""
        if wanted:
            self._wanted.set()
        else:
            self._wanted.clear()
            self.recent.forget()

    # --- on the loop

    async def run(self, work: Callable[..., T], *arguments: Any, young: bool = False) -> T:
        """`work` on a thread that has a connection of its own."""
        pool = self._young if young else self._pool
        return await self._loop.run_in_executor(pool, _guarded, work, *arguments)

    async def pieces(self, batch: Batch, sight: Sight, asked: Asked) -> list[Piece]:
        """What of a batch a stream gets, as it is written. Made once for all that want the same."""
        key = (sight, asked.form, asked.with_lead, asked.choice)
        if key not in batch.made:
            if not any(map(asked.choice.wants, batch.events)):
                return []
            lines = await self._lines(batch, sight, asked)
            batch.made[key] = cut(batch.events, lines, asked.choice)
        found: list[Piece] = batch.made[key]
        return found

    async def _lines(self, batch: Batch, sight: Sight, asked: Asked) -> Sequence[bytes]:
        key = (sight, asked.form, asked.with_lead)
        if key not in batch.made:
            made = self.run(rendered, batch.events, *key, young=batch.young)
            batch.made[key] = asyncio.ensure_future(made)
        try:
            found: Sequence[bytes] = await asyncio.shield(batch.made[key])
        except Exception:
            batch.made.pop(key, None)  # the next one tries again
            raise
        return found

    async def behind(self, after: Position, choice: Choice, rows: int) -> Batch:
        """What a stream wants that is further behind than what is kept here."""
        return Batch.of(after, await self.run(_read, after, choice, rows))

    async def sights(self, callers: Iterable[Caller]) -> dict[Caller, Sight]:
        return await self.run(entitlement.sights, list(callers), young=True)

    def _add(self, before: Position, chunk: Chunk) -> None:
        if not self._wanted.is_set():
            return
        began = before != self.recent.end
        self.recent.add(before, chunk)
        if chunk.rows or began:
            self.news.set()
            self.news = asyncio.Event()

    # --- on the follower's thread

    def _follow(self) -> None:
        while not self._ended.is_set():
            self._wanted.wait()
            try:
                self._follow_while_wanted()
            except Exception:
                if self._ended.is_set():
                    break  # the loop is gone, or the database goes
                log.exception("Following the record ended early; trying again")
                connection.close()
                self._ended.wait(AWAY_SECONDS)
        connection.close()

    def _follow_while_wanted(self) -> None:
        if self._ended.is_set():
            return
        at = following.tip()
        while self._wanted.is_set() and not self._ended.is_set():
            chunk = following.read(at, limit=YOUNG)
            self._loop.call_soon_threadsafe(self._add, at, chunk)
            at = chunk.reached
            if chunk.caught_up:
                self._ended.wait(POLL_SECONDS)


def cut(events: Sequence[Event], lines: Sequence[bytes], choice: Choice) -> list[Piece]:
    """The wanted lines that are there, joined to pieces of about PIECE bytes."""
    pieces: list[Piece] = []
    held: list[bytes] = []
    size = 0
    wanted = [pair for pair in zip(events, lines, strict=True) if pair[1] and choice.wants(pair[0])]
    for number, (event, line) in enumerate(wanted, 1):
        held.append(line)
        size += len(line)
        if size >= PIECE or number == len(wanted):
            pieces.append(Piece(b"".join(held), event.id, len(held)))
            held, size = [], 0
    return pieces


def rendered(events: Sequence[Event], sight: Sight, form: Form, lead: bool) -> list[bytes]:
    """Each event as `form` writes it, empty where it is out of sight."""
    seen = [event for event in events if sight.sees_event(event)]
    shown = {each["id"]: each for each in events_json(seen, sight, with_lead=lead)}
    return [entry(form, shown[event.id]) if event.id in shown else b"" for event in events]


def _read(after: Position, choice: Choice, rows: int) -> Chunk:
    return following.read(after, limit=rows, choice=choice)


def _guarded(work: Callable[..., T], *arguments: Any) -> T:
    """A connection that broke must not meet the next piece of work on this thread."""
    try:
        return work(*arguments)
    except Exception:
        connection.close()
        raise
