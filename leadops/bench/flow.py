"""`bench flow`: post → filter → delivery → accepted by the buyer, everything on one machine.

`rate` is what was sold a second while `target_rate` was posted; the bare limit is a loop that
writes a lead, sends it and writes what came of it, as fast as it can.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

from leadops.bench import bundles, load
from leadops.bench.deliver import bare
from leadops.bench.intake import lost, request
from leadops.bench.system import System, running, wait_for

CALM = 100.0  # leads a second at which the time from post to the buyer's door is measured
CALM_SECONDS = 20.0
LOAD = 250.0  # leads a second that must be sustained
PUMPS = 1
BARE_THREADS = 8
SETTLE_SECONDS = 60.0
ENDED = "SELECT count(*) FROM events_lead WHERE result = 'sold'"


# A list of a million, of digests that nobody has.
SUPPRESS = """
    INSERT INTO recipients_suppressionentry (list_id, digest)
    SELECT (SELECT id FROM recipients_suppressionlist), decode(md5(n::text), 'hex')
    FROM generate_series(1, 1000000) AS n
"""


def run(seconds: float, *, busy: bool = False) -> dict[str, Any]:
    """`busy`: with ten rules, a kept answer of a service, duplicates, a million suppressed values
    and caps."""
    with running(workers=PUMPS, log_buyers=True) as system:
        url = f"{system.buyers_url}/accept"
        if busy:
            system.load(bundles.busy_flow(url, f"{system.buyers_url}/lookup"))
            with system.connect() as connection:
                connection.execute(SUPPRESS)
                connection.execute("VACUUM ANALYZE recipients_suppressionentry")
        else:
            system.load(bundles.one_buyer(url))
        make = request(system.port)
        warm = _post(system, make, seconds=3, rate=50.0)
        calm = _post(system, make, seconds=min(seconds, CALM_SECONDS), rate=CALM)
        time.sleep(1)
        doors = _doors(system, calm.sent)
        memory = system.memory()
        sustained, sold_rate = _sustain(system, make, seconds)
        grown = {
            name: kib - memory[name] for name, kib in system.memory().items() if name in memory
        }
        ended = warm.sent + calm.sent + sustained.sent
        sold = _settle(system, ended)
        bare_rate = bare(system, url, threads=BARE_THREADS, kind="flow")
        return {
            "rate": sold_rate,
            "target_rate": LOAD,
            "bare_rate": bare_rate,
            "ratio": sold_rate / bare_rate if bare_rate else 0.0,
            "p50_ms": _percentile(doors, 0.50),
            "p95_ms": _percentile(doors, 0.95),
            "door_p99_ms": _percentile(doors, 0.99),
            "post_p95_ms": sustained.percentile_ms(0.95),
            "errors": warm.errors + calm.errors + sustained.errors,
            "lost": lost(system, warm, calm, sustained) + max(0, ended - sold),
            "most_grown_kib": max(grown.values(), default=0),
            "most_grown": max(grown, key=lambda name: grown[name], default=""),
        }


def _sustain(system: System, make: Any, seconds: float) -> tuple[load.Load, float]:
    """Post at the full rate; give also the rate at which leads were sold meanwhile."""
    before, start = _count(system), time.perf_counter()
    posted = _post(system, make, seconds=seconds, rate=LOAD)
    took = time.perf_counter() - start
    return posted, (_count(system) - before) / took


def _post(system: System, make: Any, **options: Any) -> load.Load:
    return asyncio.run(load.post(system.port, make, connections=24, **options))


def _count(system: System) -> int:
    with system.connect() as connection:
        row = connection.execute(ENDED).fetchone()
    return row[0] if row else 0


def _settle(system: System, expected: int) -> int:
    """Sold leads once all that were posted have ended, or the time is over."""
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: _count(system) >= expected, SETTLE_SECONDS, "sales")
    return _count(system)


def _doors(system: System, count: int) -> list[float]:
    """Milliseconds from the post of each lead to its arrival at the buyer's door."""
    found = []
    for entry in system.buyer_log(count):
        body = entry["body"]
        sent = (json.loads(body) if isinstance(body, str) else body).get("sentAt")
        if sent:
            found.append((entry["timestamp"] - float(sent)) * 1000)
    return found


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
