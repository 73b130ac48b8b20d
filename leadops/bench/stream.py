"""`bench stream`: events written at a steady rate, read by many streams, one of which never reads.

The lag is from an event's own time, taken just before its transaction, to when a reader has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from events.journal import Journal
from events.vocabulary import EventType
from flows.turns.states import LeadState
from leadops.bench.system import System, connect, running, start_manage, wait_for
from leadops.lib import ids

RATE = 1_000  # events a second
READERS = 30
WRITERS = 2
EVENTS_A_LEAD = 4
KEY = "bench-staff-key-0123456789"
BUNDLE = """
leadops: 1
accounts:
  - {username: bench, role: ops, key: "${BENCH_STAFF_KEY}"}
"""
SETTLE_SECONDS = 30.0


@dataclass
class Seen:
    """What one reader has got."""

    events: int = 0
    lags: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)


def run(seconds: float) -> dict[str, Any]:
    with running(workers=0, environment={"BENCH_STAFF_KEY": KEY}) as system:
        system.load(BUNDLE)
        with _streams(system):
            return asyncio.run(_measure(system, seconds))


@contextlib.contextmanager
def _streams(system: System) -> Iterator[subprocess.Popen[str]]:
    process = start_manage(
        {**system.environment, "LEADOPS_CALLER_STREAMS": str(READERS + 2)}, "streams"
    )
    try:
        socket = system.home / "run" / "streams.sock"
        wait_for(socket.exists, 60.0, "the streams' process")
        yield process
    finally:
        process.terminate()
        process.wait(20)


async def _measure(system: System, seconds: float) -> dict[str, Any]:
    readers = [Seen() for _ in range(READERS)]
    connections = [await _open(system.port) for _ in range(READERS + 1)]  # one is never read from
    tasks = [
        asyncio.ensure_future(_read(connections[number][0], seen, whole=number == 0))
        for number, seen in enumerate(readers)
    ]
    written = await asyncio.to_thread(_write, system, seconds)
    until = time.perf_counter() + SETTLE_SECONDS
    while time.perf_counter() < until and any(seen.events < written for seen in readers):
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    for _, writer in connections:
        writer.close()
    return _figures(readers, written, seconds)


def _figures(readers: list[Seen], written: int, seconds: float) -> dict[str, Any]:
    lags = sorted(lag for seen in readers for lag in seen.lags)
    whole = readers[0]
    return {
        "rate": written / seconds,
        "bare_rate": float(RATE),
        "ratio": written / seconds / RATE,
        "p50_ms": lags[len(lags) // 2] * 1000,
        "p95_ms": lags[int(len(lags) * 0.95)] * 1000,
        "p99_ms": lags[int(len(lags) * 0.99)] * 1000,
        "most_ms": lags[-1] * 1000,
        "readers": len(readers),
        "readers_that_never_read": 1,
        "errors": len(whole.ids) - len(set(whole.ids)),
        "lost": sum(max(0, written - seen.events) for seen in readers),
    }


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(
        f"GET /api/v1/events/stream HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {KEY}\r\n\r\n".encode()
    )
    status = await reader.readline()
    if b" 200 " not in status:
        raise RuntimeError(f"The stream answers {status!r}")
    while await reader.readline() not in (b"\r\n", b""):
        pass
    return reader, writer


async def _read(reader: asyncio.StreamReader, seen: Seen, *, whole: bool) -> None:
    """Count events; look into all, or into the last that came together."""
    rest = b""
    while data := await reader.read(2**18):
        now = time.time()
        *lines, rest = (rest + data).split(b"\n")
        events = [line for line in lines if line]
        seen.events += len(events)
        for line in events if whole else events[-1:]:
            event = orjson.loads(line)
            at = datetime.fromisoformat(event["timestamp"]).timestamp()
            seen.lags.append(now - at)
            if whole:
                seen.ids.append(event["id"])


def _write(system: System, seconds: float) -> int:
    """Events at RATE a second, by several connections; how many."""
    counts = [0] * WRITERS
    threads = [
        threading.Thread(target=_writer, args=(system, seconds, counts, number))
        for number in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _writer(system: System, seconds: float, counts: list[int], number: int) -> None:
    start = time.perf_counter()
    with connect(system.home) as connection:
        while (now := time.perf_counter() - start) < seconds:
            if (ahead := counts[number] * WRITERS / RATE - now) > 0:
                time.sleep(ahead)
            journal = Journal(datetime.now(UTC))
            for _ in range(3):
                _lead(journal)
            with connection.transaction(), connection.pipeline(), connection.cursor() as cursor:
                journal.write(cursor)
            counts[number] += 3 * EVENTS_A_LEAD


def _lead(journal: Journal) -> None:
    lead = LeadState(
        ids.new_id("lead"), "bench", "bench", journal.at, "working", "", "", True, True,
        "USD", Decimal(0), Decimal(0), 0, 0, 2, 2, b"x" * 16,
    )  # fmt: skip
    values = {"email": "person@example.com", "state": "TX", "first_name": "Ann"}
    journal.record(lead, EventType.SOURCE_SUBMITTED, entity_id="bench", values=values)
    journal.record(lead, EventType.RECIPIENT_ATTEMPT, entity_id="bench")
    journal.record(lead, EventType.RECIPIENT_DELIVERED, entity_id="bench", outcome="accepted")
    journal.record(lead, EventType.FLOW_COMPLETED, entity_id="bench")
