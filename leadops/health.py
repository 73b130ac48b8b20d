"""`/healthz`, `/readyz` and `/metrics`: for load balancers, the watchdog and Prometheus."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from events import partitions
from events.sealing import restored, state
from leadops import vitals
from leadops.lib import processes
from leadops.vitals import Vitals

PUMP_SILENT_SECONDS = 10.0
STREAMS_SILENT_SECONDS = 10.0
DUE_LATE_SECONDS = 30.0
TASK_LATE_SECONDS = 300.0

Sample = tuple[dict[str, str], float]


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process is alive and answers. Asks nothing of the database."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> JsonResponse:
    """200 when leads can be taken and are being delivered; 503 with the reasons otherwise.

    What hurts no lead is a warning, and this machine stays in its load balancer.
    """
    warnings: list[str] = []
    try:
        now = vitals.read()
        reasons = [*trouble(now), *filter(None, [restored.problem()])]
        warnings = list(trouble_beside(now, socket.gethostname(), str(settings.LEADOPS_HOME)))
    except (DatabaseError, InterfaceError):
        reasons = ["database: does not answer"]
    said: dict[str, Any] = {"ready": not reasons, "reasons": reasons}
    if warnings:
        said["warnings"] = warnings
    answer = JsonResponse(said, status=503 if reasons else 200)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # asked every second
    return answer


def trouble(now: Vitals) -> Iterator[str]:
    """What is wrong, a sentence each."""
    beat = now.freshest_beat()
    if beat is None:
        yield "pumps: none has started"
    elif beat > PUMP_SILENT_SECONDS:
        yield f"pumps: no sign of life for {beat:.0f} s"
    if now.oldest_due > DUE_LATE_SECONDS:
        yield f"work: the oldest due row is {now.oldest_due:.0f} s late"
    if now.longest_wait > TASK_LATE_SECONDS:
        yield f"broker: a background task has waited {now.longest_wait:.0f} s"


def trouble_beside(now: Vitals, host: str, home: str) -> Iterator[str]:
    """What is wrong on this machine beside the way of leads."""
    streams = now.streams_of(host, home)
    if streams is not None and streams.age > STREAMS_SILENT_SECONDS:
        yield f"streams: no sign of life for {streams.age:.0f} s"


@require_safe
@never_cache
def metrics(_request: HttpRequest) -> HttpResponse:
    """Prometheus text. Bounded queries only: a large backlog or table costs no more."""
    try:
        families = [*_work(vitals.read()), *_breakers(), *_events(), *_record(), _seals()]
        up = 1.0
    except (DatabaseError, InterfaceError):
        families, up = [], 0.0
    families += [_family("database_up", "1 when the database answers.", [({}, up)]), _memory()]
    return HttpResponse("".join(families), content_type="text/plain; version=0.0.4; charset=utf-8")


def _work(now: Vitals) -> list[str]:
    limit = vitals.COUNT_LIMIT
    beats: list[Sample] = [({"slot": str(beat.slot)}, beat.age) for beat in now.beats]
    waits: list[Sample] = [({}, now.longest_wait)]
    streams = [({"host": beat.host, "home": beat.home}, beat) for beat in now.streams]
    silent: list[Sample] = [(labels, beat.age) for labels, beat in streams]
    read: list[Sample] = [(labels, float(beat.open)) for labels, beat in streams]
    return [
        _family("work_due", f"Rows that are due, counted up to {limit}.", [({}, now.due)]),
        _family("work_oldest_due_seconds", "How late the oldest is.", [({}, now.oldest_due)]),
        _family("pump_beat_age_seconds", "Since a pump's last sign of life.", beats),
        _family("task_wait_seconds", "Wait of the first background task.", waits),
        _family("streams_beat_age_seconds", "Since their process's last sign of life.", silent),
        _family("streams_open", "Streams that are being read.", read),
    ]


def _breakers() -> list[str]:
    """How many endpoints are left alone, and how many are being tried out again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('recipients_breaker')")
        if cursor.fetchone()[0] is None:
            return []
        cursor.execute(
            "SELECT state, count(b.endpoint_id) FROM unnest(%s::text[]) AS state "
            "LEFT JOIN recipients_breaker b USING (state) GROUP BY state ORDER BY state",
            [["open", "probing", "ramping"]],
        )
        samples: list[Sample] = [({"state": state}, float(n)) for state, n in cursor.fetchall()]
    return [_family("breakers", "Endpoints whose breaker is not closed.", samples)]


def _events() -> list[str]:
    """This hour's and the last hour's counts, from the roll-ups that dashboards read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('events_figure')")
        if cursor.fetchone()[0] is None:
            return []
        cursor.execute(
            "SELECT kind, outcome, sum(n) FROM events_figure WHERE NOT test "
            "AND hour >= date_trunc('hour', now()) - interval '1 hour' GROUP BY kind, outcome"
        )
        samples: list[Sample] = [
            ({"kind": kind, "outcome": outcome}, float(n)) for kind, outcome, n in cursor.fetchall()
        ]
    return [_family("events_recent", "Counted events of this hour and the last.", samples)]


def _seals() -> str:
    """Alarm when this grows: a transaction that is never ended, or no background workers."""
    samples: list[Sample] = [({}, state.lag_seconds())]
    return _family("seal_lag_seconds", "Age of the first event without a seal.", samples)


def _memory() -> str:
    run = os.environ.get(processes.RUN_VARIABLE, "")
    samples: list[Sample] = [
        ({"process": each.role, "pid": str(each.pid)}, each.bytes)
        for each in processes.residents(processes.RUN_VARIABLE, run)
    ]
    return _family("process_resident_bytes", "Memory that a process holds.", samples)


def _record() -> list[str]:
    found = partitions.readiness()
    ahead = (found.until - datetime.now(UTC)).total_seconds()
    nets = [
        ({"table": table}, float(partitions.net_of(table) in found.nets))
        for table in partitions.TABLES
    ]
    return [
        _family("record_ahead_seconds", "For how long its partitions are made.", [({}, ahead)]),
        _family("record_net_used", "1 when rows lie in the default partition.", nets),
    ]


def _family(name: str, text: str, samples: Iterable[Sample]) -> str:
    """One metric in Prometheus' text format 0.0.4; all of ours are gauges."""
    lines = [f"# HELP leadops_{name} {text}", f"# TYPE leadops_{name} gauge"]
    lines += [f"leadops_{name}{_labels(labels)} {value:g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: dict[str, Any]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
