"""The process that serves all streams of this machine, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events.streaming.asked import Asked
from events.streaming.feed import Feed
from events.streaming.pulse import unwatched
from events.streaming.serving import Ended, Stream
from leadops.lib.handover import Refused, Taker

log = logging.getLogger(__name__)

KERNEL_BUFFER = 256 * 1024  # bytes that it may hold of one stream, and as much for its own ends
MOVE_SECONDS = 1.0  # between two signs that the loop turns
CHECK_SECONDS = 2.0  # between two looks at who may still read
STOP_SECONDS = 6.0  # what streams get for their last lines
STOPPING = Ended("stopping", "LeadOps stops or starts again.")
CLOSED = Ended("unauthorized", "The key was revoked, or the account closed.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many streams may be open."""

    caller: int
    all: int


class Server:
    """Takes connections at `at` and serves each as a stream, until told to stop."""

    def __init__(self, at: Path, limits: Limits) -> None:
        self.moved = unwatched
        self._taker = Taker(at, judge=self._judge, take=self._take)
        self._limits = limits
        self._open: Counter[str] = Counter()  # by user; of both threads
        self._counting = threading.Lock()
        self._streams: set[Stream] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until told to stop."""
        self._loop = asyncio.get_running_loop()
        self._feed = Feed(self._loop)
        self._feed.start()
        self._told = asyncio.Event()
        self._taker.start()
        beside = [
            asyncio.ensure_future(work()) for work in (self._check_for_ever, self._move_for_ever)
        ]
        try:
            await self._told.wait()
        finally:
            for task in beside:
                task.cancel()
            await self._stop()

    def open(self) -> int:
        """How many streams are served; for any thread."""
        return len(self._streams)

    def stop(self) -> None:
        """Have `run` end: every stream with a last line."""
        self._told.set()

    async def _stop(self) -> None:
        self._taker.stop()
        for stream in self._streams:
            stream.end(STOPPING)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        self._feed.stop()

    # --- on the taker's thread

    def _judge(self, message: Mapping[str, Any]) -> Refused | None:
        user = str(message.get("user"))
        with self._counting:
            if self._open[user] >= self._limits.caller:
                said = f"You have {self._limits.caller} streams open, as many as one caller may."
                return Refused(429, "too_many_requests", said, 5)
            if self._open.total() >= self._limits.all:
                return Refused(503, "unavailable", "Too many streams are open here.", 5)
        return None

    def _take(self, connection: socket.socket, message: Mapping[str, Any]) -> None:
        try:
            asked = Asked.read(message)
        except (ValueError, KeyError, TypeError):
            log.exception("A connection came with a message that cannot be read")
            connection.close()
            return
        with self._counting:
            self._open[asked.caller.user] += 1
        self._loop.call_soon_threadsafe(self._begin, connection, asked)

    # --- on the loop

    def _begin(self, connection: socket.socket, asked: Asked) -> None:
        # What the kernel keeps for a reader that does not read: megabytes if it is let.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        task = asyncio.ensure_future(self._serve(connection, asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._feed.want(True)

    async def _serve(self, connection: socket.socket, asked: Asked) -> None:
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
            stream = Stream(asked, self._feed, reader, writer)
            self._streams.add(stream)
            try:
                with contextlib.suppress(Exception):  # the next check finds it
                    stream.sight = (await self._feed.sights([asked.caller])).get(asked.caller)
                await stream.run()
            finally:
                self._streams.discard(stream)
        except OSError:
            connection.close()  # it has hung up already
        finally:
            with self._counting:
                self._open -= Counter([asked.caller.user])
            self._feed.want(bool(self._streams))

    async def _move_for_ever(self) -> None:
        while True:
            self.moved()
            await asyncio.sleep(MOVE_SECONDS)

    async def _check_for_ever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check()
            except Exception as error:
                log.warning("Could not look who may still read: %s", type(error).__name__)

    async def _check(self) -> None:
        """End the streams of those who may no longer read; the others see what they now may."""
        streams = list(self._streams)
        if not streams:
            return
        found = await self._feed.sights(stream.asked.caller for stream in streams)
        for stream in streams:
            stream.sight = found.get(stream.asked.caller)
            if stream.sight is None:
                stream.end(CLOSED)
