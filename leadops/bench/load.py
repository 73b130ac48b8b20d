"""The load: many kept-alive connections on one event loop, paced, timed one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Load:
    """What a run of posts came to. Times in seconds; `sent` counts answers, good or bad."""

    seconds: float = 0.0
    sent: int = 0
    errors: int = 0
    times: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0

    def percentile_ms(self, share: float) -> float:
        """The response time that `share` of the answers kept, in milliseconds."""
        if not self.times:
            return 0.0
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


async def post(
    port: int,
    request: Callable[[int], bytes],
    *,
    seconds: float,
    rate: float | None,
    connections: int,
) -> Load:
    """Post `request(number)` for so many seconds, at `rate` a second (None: as fast as it goes).

    A paced run keeps its timetable: a late answer does not slow the next post down.
    """
    load = Load()
    start = time.perf_counter()
    end = start + seconds
    numbers = iter(range(1 << 62))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            number = next(numbers)
            begin = start + number / rate if rate else time.perf_counter()
            if begin >= end or time.perf_counter() >= end:
                break
            if (pause := begin - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            before = time.perf_counter()
            try:
                writer.write(request(number))
                status = await answer(reader)
            except (OSError, asyncio.IncompleteReadError):
                status = 0
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            load.times.append(time.perf_counter() - before)
            load.sent += 1
            load.errors += status != 201
        writer.close()

    await asyncio.gather(*(worker() for _ in range(connections)))
    load.seconds = time.perf_counter() - start
    return load


async def answer(reader: asyncio.StreamReader) -> int:
    """Read one answer with a Content-Length; give its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return int(head[9:12])
