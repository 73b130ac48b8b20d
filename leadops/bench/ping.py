"""`bench ping`: sources' pings, each answered from an auction among twenty buyers.

Three runs: instant buyers (`p95_ms` is the time from ping to answer), buyers of 50 to 150 ms with
time enough, and the same with a deadline that the slowest miss. `over_ms` is what a decision takes
beyond the slowest bid or the deadline. The bare limit asks the same buyers from as many processes,
as fast as it can.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from leadops.bench import load
from leadops.bench.system import SOURCE_KEY, System, running
from leadops.env import PROJECT

BUYERS = 20
PACED = 20.0  # pings a second
SLOWEST, FASTEST = 150, 50  # milliseconds
DEADLINE = 100  # milliseconds: half of the slow buyers miss it
WEB_PROCESSES = 2
BARE_SECONDS = 5.0


def run(seconds: float) -> dict[str, Any]:
    with running(workers=0) as system:
        instant = [f"{system.buyers_url}/accept?price={10 + n}" for n in range(BUYERS)]
        slow = [f"{url}&ms={_delay(n)}" for n, url in enumerate(instant)]
        system.load(_bundle(instant, deadline="2s"))
        _post(system, seconds=2, rate=PACED)
        paced = _post(system, seconds=seconds, rate=PACED)
        full = _post(system, seconds=seconds, rate=None)
        system.load(_bundle(slow, deadline="2s"))
        _post(system, seconds=1, rate=PACED)
        patient = _post(system, seconds=seconds, rate=PACED)
        system.load(_bundle(slow, deadline=f"{DEADLINE}ms"))
        _post(system, seconds=1, rate=PACED)
        hurried = _post(system, seconds=seconds, rate=PACED)
        bare_rate = _bare(instant)
    runs = (paced, full, patient, hurried)
    return {
        "rate": full.rate,
        "bare_rate": bare_rate,
        "ratio": full.rate / bare_rate if bare_rate else 0.0,
        "p50_ms": paced.percentile_ms(0.50),
        "p95_ms": paced.percentile_ms(0.95),
        "slow_over_ms": patient.percentile_ms(0.95) - SLOWEST,
        "deadline_over_ms": hurried.percentile_ms(0.95) - DEADLINE,
        "buyers": BUYERS,
        "paced_rate": PACED,
        "errors": sum(each.errors for each in runs),
        "lost": 0,
    }


def _delay(number: int) -> int:
    """Milliseconds of a slow buyer: evenly between the fastest and the slowest."""
    return FASTEST + (SLOWEST - FASTEST) * number // (BUYERS - 1)


def _bundle(urls: list[str], *, deadline: str) -> str:
    """One flow with an auction among buyers at `urls`."""
    recipients = "\n".join(
        f"""
  - slug: buyer-{number}
    name: Buyer {number}
    endpoint: {{url: "{url}", format: json}}
    mapping: {{email: "{{{{lead.email}}}}", bid: "{{{{bid.id}}}}"}}
    response: {{success: status = "accepted", lead_id: leadId}}
    breaker: {{enabled: false}}
    ping:
      url: "{url}"
      mapping: {{state: "{{{{lead.state}}}}", score: "{{{{lead.score}}}}"}}
      bid: price
      bid_id: leadId"""
        for number, url in enumerate(urls)
    )
    names = ", ".join(f"buyer-{number}" for number in range(len(urls)))
    return f"""
leadops: 1
sources:
  - {{slug: bench, name: Bench, key: ${{BENCH_SOURCE_KEY}}}}
recipients:{recipients}
flows:
  - slug: bench
    name: Bench
    fields: {{email: {{type: email}}, state: {{type: state}}, score: {{type: number}}}}
    sources: [{{source: bench}}]
    steps:
      - filter: states
        rules: {{all: [{{field: state, op: in, value: [TX, CA, FL]}}]}}
      - deliver: auction
        pattern: ping_post
        auction: {{deadline: {deadline}}}
        recipients: [{names}]
"""


def _post(system: System, *, seconds: float, rate: float | None) -> load.Load:
    body = json.dumps({"state": "TX", "score": 81}).encode()
    head = (
        f"POST /api/v1/flows/bench/pings HTTP/1.1\r\nHost: 127.0.0.1:{system.port}\r\n"
        f"Authorization: Bearer {SOURCE_KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    return asyncio.run(
        load.post(system.port, lambda _: head + body, seconds=seconds, rate=rate, connections=8)
    )


def _bare(urls: list[str]) -> float:
    """Auctions a second of as many bare processes as there are web processes."""
    workers = [
        subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "leadops.bench.bare", "ping", str(BARE_SECONDS), *urls],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(WEB_PROCESSES)
    ]
    return sum(float(worker.communicate()[0]) for worker in workers)
