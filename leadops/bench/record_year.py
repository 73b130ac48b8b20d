"""`bench record_year`: a year of ten million events, queried, sealed and trimmed while one writes.

A year of leads with ten events each, in a database of its own: laid down day by day, as days come.
Disk: about 8 GB while it runs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from events.models import Event
from leadops.bench.system import connect
from leadops.env import PROJECT
from leadops.lib import postgres

EVENTS = 10_000_000
EVENTS_A_LEAD = 10
DAYS = 365
KEPT = {"events_kept": 300, "exchanges_kept": 30, "snapshots_kept": 300}  # days
EXCHANGES = 75  # days back that there are any: what is older went long ago
PAGE = 51  # a page of fifty, and whether there is more

LEADS = """
    INSERT INTO events_lead (id, flow_id, source_id, created_at, completed_at, status, result,
        reason, test, demo, currency, cost, revenue, sales, step, seq, snapshot, sensitive, salt)
    SELECT 'lead_' || %(day)s || lpad(i::text, 12, '0'), 'flow_' || (i %% 4), 'src_' || (i %% 10),
           %(at)s + i * %(apart)s * interval '1 ms', %(at)s + i * %(apart)s * interval '1 ms',
           'done', 'sold', '', false, false, 'USD', 10, 45, 1, 2, 10, 1, '', '\\x00'
    FROM generate_series(1, %(leads)s) i
"""
RECORD = """
    INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome,
        reason, duration_ms, snapshot, exchange_id, data)
    SELECT 'evt_' || %(day)s || lpad((i * 10 + k)::text, 12, '0'), k, (ARRAY[
            'source.submitted', 'source.accepted', 'filter.passed', 'recipient.delivery_attempt',
            'recipient.error', 'retry.scheduled', 'retry.attempted', 'recipient.delivery_attempt',
            'recipient.delivered', 'flow.completed'])[k],
        %(at)s + (i * %(apart)s + k * 7) * interval '1 ms',
        'lead_' || %(day)s || lpad(i::text, 12, '0'), 'flow_' || (i %% 4),
        CASE WHEN k BETWEEN 4 AND 9 THEN 'rcp_' || (i %% 40) ELSE '' END,
        (ARRAY['', '', '', '', CASE WHEN i %% 50 = 0 THEN 'timeout' ELSE 'server_error' END, '', '',
               '', 'accepted', ''])[k],
        CASE k WHEN 5 THEN 'HTTP 503' ELSE '' END,
        CASE WHEN k IN (5, 9) THEN (i * 37) %% 900 END, 1,
        CASE WHEN k IN (5, 9) THEN 'exc_' || %(day)s || lpad((i * 10 + k)::text, 12, '0')
             ELSE '' END,
        CASE WHEN k BETWEEN 4 AND 9 THEN jsonb_build_object(
            'recipient', jsonb_build_object('id', 'rcp_' || (i %% 40), 'name', 'Buyer'),
            'delivery', jsonb_build_object('id', 'dlv_' || i, 'price', 45.0),
            'metadata', jsonb_build_object('attempt_number', 1, 'endpoint', 'production'))
        ELSE jsonb_build_object('step', 'geographic_filter') END
    FROM generate_series(1, %(leads)s) i, generate_series(1, 10) k
"""
SNAPSHOTS = """
    INSERT INTO events_snapshot (id, lead_id, version, at, body)
    SELECT 'snap_' || %(day)s || lpad(i::text, 12, '0'),
        'lead_' || %(day)s || lpad(i::text, 12, '0'), 1, %(at)s + i * %(apart)s * interval '1 ms',
        jsonb_build_object('email', 'person' || i || '@example.com', 'phone_1', '5555' || i,
            'state', 'TX', 'first_name', 'Ann', 'last_name', 'Ville', 'city', 'Austin')
    FROM generate_series(1, %(leads)s) i
"""
BODIES = """
    INSERT INTO events_exchange (id, lead_id, delivery_id, attempt, at, duration_ms, method, url,
        request_headers, request_body, status, reply_headers, reply_body, error)
    SELECT 'exc_' || %(day)s || lpad((i * 10 + k)::text, 12, '0'),
        'lead_' || %(day)s || lpad(i::text, 12, '0'), 'dlv_' || i, 1,
        %(at)s + (i * %(apart)s + k * 7) * interval '1 ms', 40, 'POST',
        'https://buyer.example/leads', '{"Content-Type": "application/json"}',
        repeat(md5(i::text), 20), 200, '{"Content-Type": "application/json"}',
        '{"status": "accepted"}', ''
    FROM generate_series(1, %(leads)s) i, unnest(ARRAY[5, 9]) k
"""
WRITE = """
    INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome,
        reason, duration_ms, snapshot, exchange_id, data)
    VALUES ('evt_w' || %s, 1, 'filter.passed', clock_timestamp(), 'lead_w', 'flow_0', '', '', '',
            NULL, 1, '', '{}')
"""


def run(seconds: float, *, events: int = EVENTS) -> dict[str, Any]:
    leads = events // EVENTS_A_LEAD // DAYS
    with _database() as (home, environment):
        figures: dict[str, Any] = {"events": leads * EVENTS_A_LEAD * DAYS}
        with connect(home) as connection:
            connection.autocommit = True
            with _timed(figures, "setup_seconds"):
                lay_down(connection, leads=leads)
            figures["setup_gb"] = _size(connection)
            figures |= _queried(connection, seconds, leads=leads)
        figures |= _child(environment, "seal_here")
        figures |= _trimmed(home, environment)
        with connect(home) as connection:
            figures["left_gb"] = _size(connection)
    return {**figures, "errors": figures["writer_errors"], "lost": figures["writer_lost"]}


@contextmanager
def _database() -> Iterator[tuple[Path, dict[str, str]]]:
    home = Path(tempfile.mkdtemp(prefix="leadops-bench-"))
    home.chmod(0o755)
    environment = {**os.environ, "LEADOPS_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    postgres.attach(home)  # else it would stop with the last of our commands
    try:
        _manage(environment, "migrate", "-v0")
        yield home, environment
    finally:
        postgres.leave()
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@contextmanager
def _timed(figures: dict[str, Any], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    figures[name] = time.perf_counter() - start


def lay_down(connection: psycopg.Connection[Any], *, leads: int, days: int = DAYS) -> None:
    """A year until yesterday, so many leads a day, each day in transactions of its own."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=days)
    _months(connection, first, today)
    for number in range(days):
        day = first + timedelta(days=number)
        values = {
            "day": f"{day:%Y%m%d}",
            "at": datetime(day.year, day.month, day.day, tzinfo=UTC),
            "apart": 86_000_000 // max(leads, 1),
            "leads": leads,
        }
        recent = (today - day).days <= EXCHANGES
        for statement in (LEADS, RECORD, SNAPSHOTS, *([BODIES] if recent else [])):
            connection.execute(statement, values)
    connection.execute("ANALYZE events_event")


def _months(connection: psycopg.Connection[Any], first: date, last: date) -> None:
    from events import partitions

    for month in partitions.months(first, last):
        for table in partitions.TABLES:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {partitions.name_of(table, month)} "
                f"PARTITION OF {table} {partitions.bounds(month)}"
            )


def _size(connection: psycopg.Connection[Any]) -> float:
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return float(row[0]) / 1e9 if row else 0.0


# --- queried


def _lists() -> dict[str, Any]:
    """What the console and the API ask for, by what is chosen."""
    events = Event.objects.order_by("-timestamp", "-id")
    month = datetime.now(UTC) - timedelta(days=200)
    return {
        "all": events,
        "type": events.filter(type="recipient.error"),
        "flow": events.filter(flow_id="flow_2"),
        "recipient": events.filter(entity_id="rcp_7"),
        "flow and type": events.filter(flow_id="flow_1", type="recipient.delivered"),
        "recipient and outcome": events.filter(entity_id="rcp_0", outcome="timeout"),
        "outcome": events.filter(outcome="timeout"),
        "month": events.filter(timestamp__lt=month, type="recipient.delivered"),
    }


def _queried(connection: psycopg.Connection[Any], seconds: float, *, leads: int) -> dict[str, Any]:
    """Milliseconds: of a lead's timeline, of pages of the event list by filter."""
    chance = random.Random(7)  # noqa: S311
    today = datetime.now(UTC).date()

    def timeline() -> Any:
        day = today - timedelta(days=chance.randint(1, DAYS))
        lead_id = f"lead_{day:%Y%m%d}{chance.randint(1, leads):012}"
        return Event.objects.filter(lead_id=lead_id).order_by("seq")

    times = _measure(connection, timeline, seconds / 2)
    found = {"timeline_p50_ms": _share(times, 0.5), "timeline_p95_ms": _share(times, 0.95)}
    by_list = {
        name: _measure(connection, lambda q=query: q[:PAGE], seconds / 16)  # type: ignore[misc]
        for name, query in _lists().items()
    }
    every = sorted(ms for times in by_list.values() for ms in times)
    slowest = max(by_list, key=lambda name: _share(by_list[name], 0.95))
    return {
        **found,
        "list_p50_ms": _share(every, 0.5),
        "list_p95_ms": _share(every, 0.95),
        "list_slowest": slowest,
        "list_slowest_p95_ms": _share(by_list[slowest], 0.95),
    }


def _measure(
    connection: psycopg.Connection[Any], query: Callable[[], Any], seconds: float
) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        sql, values = query().query.sql_with_params()
        before = time.perf_counter()
        connection.execute(sql, values).fetchall()
        times.append((time.perf_counter() - before) * 1000)
    return sorted(times)


def _share(times: list[float], wanted: float) -> float:
    return times[min(int(len(times) * wanted), len(times) - 1)]


# --- sealed and trimmed, by the commands' own code in a process that has this database


def _child(environment: dict[str, str], function: str) -> dict[str, Any]:
    code = f"from leadops.bench import record_year; record_year.{function}()"
    out = _manage(environment, "shell", "--no-imports", "-c", code)
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def seal_here() -> None:
    from events.sealing import seals

    figures: dict[str, Any] = {}
    with _timed(figures, "seal_seconds"):
        done = seals.seal()
    print(json.dumps({**figures, "sealed_events": done.events}))  # noqa: T201


def trim_here() -> None:
    """Trim by terms under which a month or two of events go, and one flow keeps its requests."""
    from django.db import connection

    from events.models import RecordSettings, TrimRun
    from events.retention import dropping, running
    from events.retention.months import Month
    from flows.models import Flow

    kept = {name: days * 86_400.0 for name, days in KEPT.items()}
    RecordSettings.objects.update_or_create(id=1, defaults=kept)
    Flow.objects.create(id="flow_0", slug="longer", name="Longer", exchanges_kept=70 * 86_400.0)
    drops: list[float] = []
    plain = dropping.drop

    def timed(month: Month, run: TrimRun) -> int:
        start = time.perf_counter()
        rows = plain(month, run)
        drops.append(time.perf_counter() - start)
        return rows

    dropping.drop = timed  # only to see how long it takes
    figures: dict[str, Any] = {}
    run = running.start(by="bench")
    with _timed(figures, "trim_seconds"):
        running.work(run.id, seconds=1e6, stopping=lambda: False)  # type: ignore[union-attr]
    done = TrimRun.objects.get(id=run.id)  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(rows) FILTER (WHERE NOT whole), 0), "
            "coalesce(max(rows) FILTER (WHERE whole AND table_name = 'events_event'), 0) "
            "FROM events_trim"
        )
        thinned, month = cursor.fetchone()
    figures |= {"tables_dropped": len(drops), "largest_month_events": int(month)}
    figures |= {"drop_worst_seconds": max(drops, default=0.0)}
    figures |= {"trimmed_rows": done.rows, "thinned_rows": int(thinned), "left": done.note}
    print(json.dumps(figures))  # noqa: T201


def _trimmed(home: Path, environment: dict[str, str]) -> dict[str, Any]:
    """The trim, while somebody writes event after event."""
    writer = _Writer(home)
    writer.start()
    time.sleep(2)
    usual = sorted(writer.pauses)
    try:
        figures = _child(environment, "trim_here")
    finally:
        writer.stop.set()
        writer.join()
    with connect(home) as connection:
        row = connection.execute("SELECT count(*) FROM events_event WHERE lead_id = 'lead_w'")
        there = (row.fetchone() or (0,))[0]
    return {
        **figures,
        "writer_events": len(writer.pauses),
        "writer_p50_ms": _share(usual, 0.5),
        "writer_worst_before_ms": usual[-1],
        "writer_worst_ms": max(writer.pauses),
        "writer_errors": writer.errors,
        "writer_lost": len(writer.pauses) - there,
    }


class _Writer(threading.Thread):
    """Inserts one event after the other, each committed, and notes how long each took."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.home, self.stop = home, threading.Event()
        self.pauses: list[float] = []
        self.errors = 0

    def run(self) -> None:
        with connect(self.home) as connection:
            connection.autocommit = True
            while not self.stop.wait(0.002):
                before = time.perf_counter()
                try:
                    connection.execute(WRITE, [len(self.pauses)])
                except psycopg.Error:
                    self.errors += 1
                    continue
                self.pauses.append((time.perf_counter() - before) * 1000)
