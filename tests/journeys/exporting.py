"""A long export whose worker is killed: it is taken up again, and every row is in its file once."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter

import requests

from tests.journeys.system import LiveSystem

ROWS = 200_000  # ten pieces
KIND = "config.changed"
# Events of no lead: what else the journey looks at does not know them.
FILL = """
    INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome,
        reason, duration_ms, snapshot, exchange_id, digest, data)
    SELECT 'evt_' || lpad(n::text, 20, '0'), 0, %s, now() - n * interval '1 ms', '', '', '', '',
        'row ' || n, NULL, 0, '', NULL, '{"by": "journey"}'
    FROM generate_series(1, %s) AS n
"""
EXPORT = "SELECT state, rows FROM events_export"


def fill(system: LiveSystem) -> None:
    """What an export takes a while for."""
    system.sql(FILL, KIND, ROWS)


def begin(system: LiveSystem, key: str) -> str:
    """Have it exported; the export's id."""
    asked = {"format": "csv", "filters": {"type": [KIND]}, "exclude": "lead"}
    answer = system.post("/api/v1/exports", asked, key, timeout=30)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def rows(system: LiveSystem) -> int:
    """How many were gathered so far."""
    return int(system.sql(EXPORT)[0][1])


def is_midway(system: LiveSystem) -> bool:
    return 0 < rows(system) < ROWS


def is_done(system: LiveSystem) -> bool:
    state = system.sql(EXPORT)[0][0]
    assert state not in ("failed", "cancelled")
    return bool(state == "done")


def check(system: LiveSystem, id: str, key: str) -> None:
    """The file is what was promised, and has each event once: those from before it began."""
    headers = {"Authorization": f"Bearer {key}"}
    shown = requests.get(f"{system.url}/api/v1/exports/{id}", headers=headers, timeout=30).json()
    data = requests.get(shown["download"], headers=headers, timeout=120).content
    assert (len(data), hashlib.sha256(data).hexdigest()) == (shown["bytes"], shown["sha256"])
    ids = [row["id"] for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))]
    assert [id for id, times in Counter(ids).items() if times > 1] == []
    before = "SELECT id FROM events_event WHERE type = %s AND timestamp < %s"
    assert set(ids) == {id for (id,) in system.sql(before, KIND, shown["created_at"])}
    assert len(ids) == shown["rows"] >= ROWS
