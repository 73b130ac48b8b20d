"""`bench events`: what recording costs, an event: the journal's rows against bare COPY."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from events.journal import Journal
from events.vocabulary import EventType
from flows.turns.states import LeadState
from leadops.bench import bare
from leadops.bench.system import connect, running
from leadops.lib import ids

BATCH = 64
EVENTS_A_LEAD = 3


def run(seconds: float) -> dict[str, Any]:
    with running(workers=1) as system:
        rate, times = journal_rate(system.home, seconds)
        bare_rate = _bare(system.home, seconds)
    ordered = sorted(times)
    return {
        "rate": rate,
        "bare_rate": bare_rate,
        "ratio": rate / bare_rate,
        "p50_ms": ordered[len(ordered) // 2],
        "p95_ms": ordered[int(len(ordered) * 0.95)],
        "errors": 0,
        "lost": 0,
        "added_ms_an_event": 1000 / rate,
    }


def journal_rate(home: Path, seconds: float) -> tuple[float, list[float]]:
    """Events a second through the journal, and each event's share of its batch in ms."""
    done, times = 0, []
    start = time.perf_counter()
    with connect(home) as connection:
        while time.perf_counter() - start < seconds:
            before = time.perf_counter()
            journal = Journal(datetime.now(UTC))
            for _ in range(BATCH):
                _moments(journal)
            with connection.transaction(), connection.pipeline(), connection.cursor() as cursor:
                journal.write(cursor)
            done += BATCH * EVENTS_A_LEAD
            times.append((time.perf_counter() - before) * 1000 / (BATCH * EVENTS_A_LEAD))
    return done / (time.perf_counter() - start), times


def _moments(journal: Journal) -> None:
    lead = LeadState(
        ids.new_id("lead"), "bench", "bench", journal.at, "working", "", "", True, True,
        "USD", Decimal(0), Decimal(0), 0, 0, 2, 2, b"x" * 16,
    )  # fmt: skip
    facts: dict[str, Any] = {"recipient": {"id": "bench", "name": "Buyer", "type": "buyer"}}
    journal.record(lead, EventType.RECIPIENT_ATTEMPT, entity_id="bench", **facts)
    journal.record(
        lead,
        EventType.RECIPIENT_DELIVERED,
        entity_id="bench",
        outcome="accepted",
        duration_ms=12,
        delivery={"price": 45.0, "margin": 30.0},
        metadata={"attempt_number": 1},
        **facts,
    )
    journal.record(lead, EventType.FLOW_COMPLETED, entity_id="bench", outcome="accepted")


def _bare(home: Path, seconds: float) -> float:
    """The same number of events a second by COPY, with the other rows of a delivery."""
    done, start = 0, time.perf_counter()
    batch = [bare.Replied(bare.PAYLOAD, "{}", 0.012)] * BATCH
    with connect(home) as connection:
        while time.perf_counter() - start < seconds:
            with connection.transaction(), connection.cursor() as cursor:
                bare.copy_rows(cursor, batch)
            done += BATCH * EVENTS_A_LEAD
    return done / (time.perf_counter() - start)
