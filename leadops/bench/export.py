"""`bench export`: a million events as a file: seconds by the clock and of the processor, which says
more where others use the machine, and the memory of the process that makes it. The rows are made in
the database."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from leadops.bench.system import System, running
from leadops.env import PROJECT

EVENTS = 1_000_000
A_LEAD = 5  # events of a lead; two of its snapshots are pointed at
FORMATS = ("csv", "jsonl", "parquet", "xlsx")

# Ids and moments grow as those of real traffic: a day's worth, evenly.
LEADS = """
    INSERT INTO events_snapshot (id, lead_id, version, at, body)
    SELECT 'snap_' || lpad((n * 2 + v)::text, 20, '0'), 'lead_' || lpad(n::text, 20, '0'), v,
        now() - interval '1 day' + n * interval '1 day' / %(leads)s,
        jsonb_build_object(
            'id', 'lead_' || lpad(n::text, 20, '0'), 'email', 'person.' || n || '@example.com',
            'email.valid', true, 'email.domain', 'example.com', 'email.user', 'person.' || n,
            'phone_1', '5125550000', 'phone_1.valid', true, 'phone_1.area', '512',
            'first_name', 'Ann', 'last_name', 'Smith', 'state', 'TX', 'state.name', 'Texas',
            'score', 85, 'campaign', 'winter_2024', 'source.name', 'Web Form A')
    FROM generate_series(1, %(leads)s) AS n, generate_series(1, 2) AS v
"""
ROWS = """
    INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome,
        reason, duration_ms, snapshot, exchange_id, digest, data)
    SELECT 'evt_' || lpad((n * 5 + s)::text, 20, '0'), s,
        (ARRAY['source.submitted', 'source.accepted', 'recipient.delivery_attempt',
               'recipient.delivered', 'flow.completed'])[s],
        now() - interval '1 day' + n * interval '1 day' / %(leads)s + s * interval '1 ms',
        'lead_' || lpad(n::text, 20, '0'), 'flow_bench', 'rcp_bench', 'accepted', '', 12,
        1 + s / 3, '', NULL,
        CASE WHEN s = 4 THEN jsonb_build_object(
            'recipient', jsonb_build_object('id', 'rcp_bench', 'name', 'ABC Insurance',
                'slug', 'abc-insurance', 'type', 'buyer'),
            'delivery', jsonb_build_object('id', 'dlv_' || n, 'method', 'HTTP POST',
                'url', 'https://api.abc.example/leads', 'price', 45.0, 'margin', 30.0),
            'response', jsonb_build_object('status_code', 200, 'parsed',
                jsonb_build_object('buyer_lead_id', 'B-' || n, 'acceptance', true)),
            'metadata', jsonb_build_object('attempt_number', 1, 'integration', 'http'))
        ELSE '{"source": {"id": "src_bench", "name": "Web Form A", "slug": "web-form-a"}}' END
    FROM generate_series(1, %(leads)s) AS n, generate_series(1, 5) AS s
"""
# The workers' own code in a process of its own, so that its memory is known; prints one object.
MAKE = """
import json, resource, sys, time
import django
django.setup()
from events.exports import steering, working
from events.exports.wanted import Wanted
from events.models import Export
from events.visibility import Sight
from leadops.lib import queue
queue.enqueue = lambda *_, **__: None
asked = Wanted(format=sys.argv[1], fields=tuple(filter(None, sys.argv[2].split(","))),
    filters={"type": ["source.*", "recipient.*", "flow.*"]})
began = time.process_time()
export = steering.start(asked, by="bench", sight=Sight())
while export.is_open:
    working.work(export.pk, seconds=20, stopping=lambda: False)
    export = Export.objects.get(pk=export.pk)
print(json.dumps({"state": export.state, "rows": export.rows, "bytes": export.bytes,
    "seconds": (export.finished_at - export.created_at).total_seconds(),
    "cpu_seconds": time.process_time() - began,
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
LEAD_COLUMNS = ("email", "phone_1", "first_name", "last_name", "state", "score", "campaign")


def run(seconds: float) -> dict[str, Any]:
    """`seconds` says nothing: a million events take as long as they take."""
    with running(workers=1) as system:
        _fill(system)
        found = {format: _made(system, format) for format in FORMATS}
    csv = found["csv"]
    return {
        "rate": csv.rows / csv.seconds,
        "events": EVENTS,
        **{f"{name}_seconds": round(made.seconds, 1) for name, made in found.items()},
        **{f"{name}_cpu_seconds": round(made.cpu_seconds, 1) for name, made in found.items()},
        **{f"{name}_peak_mb": round(made.peak_mb) for name, made in found.items()},
        "csv_mb": round(csv.bytes / 1_000_000),
        "errors": sum(made.state != "done" for made in found.values()),
        "lost": sum(abs(EVENTS - made.rows) for made in found.values()),
    }


def _fill(system: System) -> None:
    leads = EVENTS // A_LEAD
    with system.connect() as connection:
        connection.execute(LEADS, {"leads": leads})
        connection.execute(ROWS, {"leads": leads})
        connection.execute("ANALYZE events_event, events_snapshot")


@dataclass(frozen=True, slots=True)
class Made:
    """A finished export, and the most memory that its process has held."""

    state: str
    rows: int
    bytes: int
    seconds: float
    cpu_seconds: float
    peak_mb: float


def _made(system: System, format: str) -> Made:
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-c", MAKE, format, _columns(format)],
        cwd=PROJECT,
        env={**system.environment, "DJANGO_SETTINGS_MODULE": "leadops.settings"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Made(**json.loads(done.stdout.splitlines()[-1]))


def _columns(format: str) -> str:
    """The usual columns and a lead's values, as a flow with these fields has them."""
    if format == "jsonl":
        return ""
    from events.exports.subjects import SUBJECTS

    usual = [name for name in SUBJECTS["events"].columns if name != "other"]
    return ",".join([*usual, *(f"lead.{name}" for name in LEAD_COLUMNS), "other"])
