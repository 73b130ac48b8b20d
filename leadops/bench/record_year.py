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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from events.models import Event
from leadops.bench import years
from leadops.bench.system import connect
from leadops.bench.years import DAYS, EVENTS_A_LEAD, Year
from leadops.env import PROJECT
from leadops.lib import postgres

EVENTS = 10_000_000
KEPT = {"events_kept": 300, "exchanges_kept": 30, "snapshots_kept": 300}  # days
PAGE = 51  # a page of fifty, and whether there is more

WRITE = """
    INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome,
        reason, duration_ms, snapshot, exchange_id, data)
    VALUES ('evt_w' || %s, 1, 'filter.passed', clock_timestamp(), 'lead_w', 'flow_0', '', '', '',
            NULL, 1, '', '{}')
"""


def run(seconds: float, *, events: int = EVENTS) -> dict[str, Any]:
    year = Year(events // EVENTS_A_LEAD // DAYS)
    with _database() as (home, environment):
        figures: dict[str, Any] = {"events": year.events}
        with clocked(figures, "setup_seconds"):
            years.lay_down(lambda: _connected(home), year)
        with _connected(home) as connection:
            figures["setup_gb"] = years.size(connection)
            figures |= _queried(connection, seconds, year)
        figures |= child(environment, "record_year", "seal_here")
        figures |= _trimmed(home, environment)
        with connect(home) as connection:
            figures["left_gb"] = years.size(connection)
    return {**figures, "errors": figures["writer_errors"], "lost": figures["writer_lost"]}


@contextmanager
def _database() -> Iterator[tuple[Path, dict[str, str]]]:
    home = Path(tempfile.mkdtemp(prefix="leadops-bench-"))
    home.chmod(0o755)
    environment = {**os.environ, "LEADOPS_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    postgres.attach(home)  # else it would stop with the last of our commands
    try:
        manage(environment, "migrate", "-v0")
        yield home, environment
    finally:
        postgres.leave()
        postgres.stop(home)
        shutil.rmtree(home, ignore_errors=True)


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    return subprocess.run(  # noqa: S603  our own command
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@contextmanager
def clocked(figures: dict[str, Any], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    figures[name] = time.perf_counter() - start


def _connected(home: Path) -> psycopg.Connection[Any]:
    connection = connect(home)
    connection.autocommit = True
    return connection


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
        "recipient and outcome": events.filter(entity_id="rcp_0", outcome="rate_limited"),
        "outcome": events.filter(outcome="rate_limited"),
        "month": events.filter(timestamp__lt=month, type="recipient.delivered"),
    }


def _queried(connection: psycopg.Connection[Any], seconds: float, year: Year) -> dict[str, Any]:
    """Milliseconds: of a lead's timeline, of pages of the event list by filter."""
    chance = random.Random(7)  # noqa: S311

    def timeline() -> Any:
        lead_id = year.lead_id(chance.randint(1, year.leads), chance.randrange(year.days))
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


def child(
    environment: Mapping[str, str], module: str, function: str, *arguments: str
) -> dict[str, Any]:
    """What a function of a bench says last, run in a process of that database."""
    code = f"from leadops.bench import {module}; {module}.{function}{arguments!r}"
    out = manage(environment, "shell", "--no-imports", "-c", code)
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def seal_here() -> None:
    from events.sealing import seals

    figures: dict[str, Any] = {}
    with clocked(figures, "seal_seconds"):
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
    with clocked(figures, "trim_seconds"):
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
        figures = child(environment, "record_year", "trim_here")
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
