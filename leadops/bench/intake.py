"""`bench intake`: posts of leads to the API, against bare inserts of the same rows."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from leadops.bench import bundles, load
from leadops.bench.system import SOURCE_KEY, System, running
from leadops.env import PROJECT

PACED = 150.0  # posts a second at which the response time is measured
STATES = ("TX", "CA", "FL")
STORED = "SELECT count(*) FROM events_lead WHERE flow_id <> 'bare'"


def request(port: int) -> Any:
    """Makes the bytes of one post."""
    head = (
        f"POST /api/v1/flows/bench/leads HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {SOURCE_KEY}\r\nContent-Type: application/json\r\n"
    )

    def make(number: int) -> bytes:
        body = json.dumps(
            {
                "email": f"person{number}@example.com",
                "phone_1": f"555555{number % 10_000:04d}",
                "first_name": "Ann",
                "last_name": "Example",
                "state": STATES[number % 3],
                "sent_at": time.time(),
            }
        ).encode()
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return make


def bare(home: str, *, seconds: float, processes: int) -> float:
    """Leads a second that as many bare processes insert, the same rows, a transaction a lead."""
    workers = [
        subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "leadops.bench.bare", "intake", home, str(seconds)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    return sum(float(worker.communicate()[0]) for worker in workers)


def run(seconds: float) -> dict[str, Any]:
    with running(workers=0) as system:
        system.load(bundles.one_buyer(f"{system.buyers_url}/accept"))
        return _figures(system, seconds)


def _figures(system: System, seconds: float) -> dict[str, Any]:
    make = request(system.port)
    warm = _post(system, make, seconds=2, rate=50.0, connections=8)
    paced = _post(system, make, seconds=seconds, rate=PACED, connections=16)
    full = _post(system, make, seconds=seconds, rate=None, connections=16)
    bare_rate = bare(str(system.home), seconds=min(seconds, 5.0), processes=2)
    return {
        "rate": full.rate,
        "bare_rate": bare_rate,
        "ratio": full.rate / bare_rate if bare_rate else 0.0,
        "p50_ms": paced.percentile_ms(0.50),
        "p95_ms": paced.percentile_ms(0.95),
        "paced_rate": PACED,
        "full_p95_ms": full.percentile_ms(0.95),
        "errors": paced.errors + full.errors,
        "lost": lost(system, warm, paced, full),
    }


def _post(system: System, make: Any, **options: Any) -> load.Load:
    return asyncio.run(load.post(system.port, make, **options))


def lost(system: System, *loads: load.Load) -> int:
    """Leads that were answered and are not there."""
    answered = sum(each.sent - each.errors for each in loads)
    with system.connect() as connection:
        row = connection.execute(STORED).fetchone()
    return max(0, answered - (row[0] if row else 0))
