"""One stream: from a position to its end, at the pace of its reader."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from events.streaming import feed as feeding
from events.streaming import writing
from events.streaming.asked import Asked
from events.streaming.feed import Feed
from events.streaming.recent import Batch
from events.visibility import Sight
from leadops.lib.api import AWAY

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0
WRITE_SECONDS = 30.0  # in which a reader must take something
LAST_SECONDS = 3.0  # for the last line
BUFFER = 256 * 1024  # bytes that wait for one reader, beside what the kernel holds
AWAY_SECONDS = 1.0


class Ended(Exception):
    """Why a stream ends from our side; `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Stream:
    """A reader's connection. Behind what is kept in memory it reads the record itself, piece by
    piece, when its reader has taken the last one; so there is never much to keep for it."""

    def __init__(
        self,
        asked: Asked,
        feed: Feed,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.asked = asked
        self.sight: Sight | None = None
        self.sent = 0  # events
        self._feed = feed
        self._reader, self._writer = reader, writer
        self._position = asked.after
        self._passed = asked.after.id  # the last event looked at
        self._rows = feeding.SMALLEST
        self._ending: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        writer.transport.set_write_buffer_limits(high=BUFFER)

    def end(self, why: Ended) -> None:
        """Have it end soon, with a last line."""
        if not self._ending.done():
            self._ending.set_result(why)

    async def run(self) -> None:
        """Serve until either side ends it."""
        work = asyncio.ensure_future(self._serve())
        gone = asyncio.ensure_future(self._until_gone())
        try:
            ends: list[asyncio.Future[Any]] = [work, gone, self._ending]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._finish(work)
        finally:
            for task in (work, gone):
                task.cancel()
            with contextlib.suppress(Exception):
                self._writer.transport.abort()

    async def _finish(self, work: asyncio.Future[None]) -> None:
        """A last line where one of us has a reason to end."""
        why = self._ending.result() if self._ending.done() else None
        if work.done():
            error = work.exception()
            why = error if isinstance(error, Ended) else why
            if error is not None and not isinstance(error, Ended | OSError):
                log.error("A stream broke: %s", type(error).__name__, exc_info=error)
        else:
            work.cancel()
            await asyncio.wait({work})
        if why is not None:
            await self._say_goodbye(why)

    async def _say_goodbye(self, why: Ended) -> None:
        going_on = f" Go on with after={self._passed}." if self._passed else ""
        message = f"{why.message}{going_on}"
        line = writing.closing(self.asked.form, why.code, message, self._passed)
        with contextlib.suppress(OSError, TimeoutError):
            self._write(line)
            if self.asked.chunked:
                self._writer.write(writing.LAST_CHUNK)
            self._writer.close()
            await asyncio.wait_for(self._writer.wait_closed(), LAST_SECONDS)

    async def _until_gone(self) -> None:
        """Returns when the reader has hung up; whatever it says is passed over."""
        with contextlib.suppress(OSError):
            while await self._reader.read(4096):
                pass

    async def _serve(self) -> None:
        form = self.asked.form
        self._writer.write(writing.head(form, chunked=self.asked.chunked))
        await self._send(writing.opening(form) or writing.heartbeat(form, ""))
        while True:
            batch = await self._next()
            if batch is None:
                await self._send(writing.heartbeat(form, self._passed))
            else:
                await self._pass_on(batch)

    async def _next(self) -> Batch | None:
        """What comes next; None when for a while nothing does."""
        recent = self._feed.recent
        if not recent.covers(self._position):
            return await self._behind()
        batch = recent.after(self._position)
        if batch is None:
            news = self._feed.news
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), HEARTBEAT_SECONDS)
            batch = recent.after(self._position)
        return batch

    async def _behind(self) -> Batch | None:
        """From the record itself. A choice that fits little is given larger pieces of it."""
        try:
            batch = await self._feed.behind(self._position, self.asked.choice, self._rows)
        except AWAY:
            await asyncio.sleep(AWAY_SECONDS)
            return None
        few = len(batch.events) * 10 < self._rows
        self._rows = min(self._rows * 2, feeding.LARGEST) if few else feeding.SMALLEST
        return batch

    async def _pass_on(self, batch: Batch) -> None:
        """Write what of a batch is wanted, and move on behind it."""
        if self.sight is None:
            raise Ended("unauthorized", "This key or account may no longer read.")
        try:
            pieces = await self._feed.pieces(batch, self.sight, self.asked)
        except AWAY:
            await asyncio.sleep(AWAY_SECONDS)
            return
        for piece in pieces:
            # First: once it is written, nothing of it may come again, however this ends.
            self._passed, self.sent = piece.last, self.sent + piece.events
            await self._send(piece.data)
        self._position = batch.end
        if batch.events:
            self._passed = batch.events[-1].id

    def _write(self, data: bytes) -> None:
        self._writer.write(writing.framed(data, chunked=self.asked.chunked))

    async def _send(self, data: bytes) -> None:
        """Write, and wait while too much of it is still with us. Raises Ended for a reader that
        takes nothing."""
        self._write(data)
        try:
            await asyncio.wait_for(self._writer.drain(), WRITE_SECONDS)
        except TimeoutError:
            raise Ended("too_slow", f"Nothing was read for {WRITE_SECONDS:.0f} s.") from None
