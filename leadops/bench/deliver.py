"""`bench deliver`: how fast pumps deliver what is due, against a bare loop of requests.

Leads are put into the database ready for delivery and released at once; the clock runs from
there until the last one has ended.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

from leadops.bench import bundles
from leadops.bench.system import System, running, wait_for
from leadops.env import PROJECT

# Enough to keep the pumps busy for the time asked, on a fast machine.
EXPECTED = {0: 2_000, 100: 1_200}
BARE_SECONDS = 6.0
BARE_THREADS = {0: 16, 100: 128}
PUMPS = 2

# Leads that have passed their filter and stand before their one delivery.
PREPARE = """
    WITH numbers AS (
        SELECT n, 'lead_0Bench' || lpad(n::text, 14, '0') AS lead,
               'dlv_0Bench' || lpad(n::text, 14, '0') AS delivery
        FROM generate_series(%(first)s, %(first)s - 1 + %(count)s) AS n
    ), places AS (
        SELECT (SELECT id FROM flows_flow WHERE slug = 'bench') AS flow,
               (SELECT id FROM flows_source WHERE slug = 'bench') AS source,
               (SELECT id FROM recipients_recipient WHERE slug = 'buyer') AS recipient
    ), leads AS (
        INSERT INTO events_lead (id, flow_id, source_id, status, result, reason, test, demo,
            currency, cost, revenue, sales, step, seq, snapshot, sensitive, salt)
        SELECT lead, flow, source, 'working', '', '', false, false, 'USD', 15, 0, 0, 1, 3, 1, '',
            decode(md5(lead), 'hex')
        FROM numbers, places
    ), snapshots AS (
        INSERT INTO events_snapshot (id, lead_id, version, at, body)
        SELECT 'snap' || lead, lead, 1, clock_timestamp(), jsonb_build_object(
            'id', lead, 'email', 'person' || n || '@example.com', 'phone_1', '5555551234',
            'first_name', 'Ann', 'last_name', 'Example', 'state', 'TX')
        FROM numbers
    ), deliveries AS (
        INSERT INTO events_delivery (id, lead_id, recipient_id, flow_id, step, state, outcome,
            category, reason, waits_for, attempts, tries, endpoint, price, revenue,
            buyer_lead_id, late, mapping_version)
        SELECT delivery, lead, recipient, flow, 1, 'waiting', '', '', '', '', 0, 0, 'production',
            45, 0, '', false, 0
        FROM numbers, places
    )
    INSERT INTO flows_work (kind, lead_id, delivery_id, lane, claims, hold, due_at)
    SELECT 'deliver', lead, delivery, recipient, 0, 0, 'infinity' FROM numbers, places
"""
LEFT = "SELECT count(*) FROM flows_work"
RATE = """
    SELECT count(*), extract(epoch FROM max(finished_at) - min(first_attempt_at)),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY took),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY took)
    FROM (SELECT finished_at, first_attempt_at,
                 extract(epoch FROM finished_at - first_attempt_at) * 1000 AS took
          FROM events_delivery WHERE state = 'accepted' AND flow_id <> 'bare') AS done
"""


def run(seconds: float, *, latency_ms: int = 0, full: bool = False) -> dict[str, Any]:
    """Deliver for about `seconds` to a buyer that answers after `latency_ms`; `full`: to one that
    wants much of a request, of the bare loop too."""
    with running(workers=PUMPS) as system:
        query = f"?ms={latency_ms}" if latency_ms else ""
        url = f"{system.buyers_url}/accept{query}"
        system.load(bundles.one_buyer(url, full=full))
        count = int(seconds * EXPECTED[latency_ms])
        figures = deliver(system, count, limit=seconds * 10 + 60)
        kind = "deliver_full" if full else "deliver"
        bare_rate = bare(system, url, threads=BARE_THREADS[latency_ms], kind=kind)
    rate = figures["rate"]
    return {
        "rate": rate,
        "bare_rate": bare_rate,
        "ratio": rate / bare_rate if bare_rate else 0.0,
        "p50_ms": figures["p50_ms"],
        "p95_ms": figures["p95_ms"],
        "errors": count - figures["accepted"] - figures["left"],
        "lost": figures["left"],
        "deliveries": count,
        "latency_ms": latency_ms,
    }


def deliver(system: System, count: int, *, limit: float, first: int = 1) -> dict[str, Any]:
    """Put so many leads before their delivery, numbered from `first`, and wait until all ended."""
    with system.connect() as connection:
        connection.execute(PREPARE, {"count": count, "first": first})
        connection.execute("ANALYZE")
        connection.execute("UPDATE flows_work SET due_at = clock_timestamp()")
        connection.execute("SELECT pg_notify('leadops_work', '')")
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: connection.execute(LEFT).fetchone() == (0,), limit, "deliveries")
        left = connection.execute(LEFT).fetchone()
        accepted, took, p50, p95 = connection.execute(RATE).fetchone() or (0, 0, 0, 0)
    return {
        "rate": accepted / float(took) if took else 0.0,
        "accepted": accepted,
        "left": left[0] if left else 0,
        "p50_ms": float(p50 or 0),
        "p95_ms": float(p95 or 0),
    }


def bare(system: System, url: str, *, threads: int, kind: str = "deliver") -> float:
    """Deliveries a second of as many bare processes, with the same rows written by COPY.

    `kind` `deliver_full` sends what a demanding buyer wants, `flow` writes each lead before it is
    sent.
    """
    command = [sys.executable, "-m", "leadops.bench.bare", kind, str(system.home), url]
    workers = [
        subprocess.Popen(  # noqa: S603  our own module
            [*command, str(BARE_SECONDS), str(threads)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PUMPS)
    ]
    return sum(float(worker.communicate()[0]) for worker in workers)
