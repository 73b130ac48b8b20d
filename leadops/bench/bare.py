"""The bare limits: the least a program could do for the same effect on this machine.

Run as a module in processes of their own:
`python -m leadops.bench.bare intake|deliver|deliver_full|flow|ping …`; prints the rate, a second.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import psycopg
import requests

from leadops.bench.system import connect
from leadops.lib import ids

BATCH = 64
TABLES = ("event", "snapshot", "exchange", "tally", "delivery", "lead", "leadkey")

EVENT = (
    "INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome, "
    "reason, duration_ms, snapshot, exchange_id, digest, data) VALUES "
    "(%s, %s, %s, clock_timestamp(), %s, 'bare', %s, 'accepted', '', 1, 1, '', %s, %s)"
)
SNAPSHOT = (
    "INSERT INTO events_snapshot (id, lead_id, version, at, body) "
    "VALUES (%s, %s, %s, clock_timestamp(), %s)"
)
LEAD = (
    "INSERT INTO events_lead (id, flow_id, source_id, status, result, reason, test, demo, "
    "currency, cost, revenue, sales, step, seq, snapshot, sensitive, salt) "
    "VALUES (%s, 'bare', 'bare', 'done', '', '', true, true, 'USD', 0, 0, 0, 0, 2, 2, '', %s)"
)
KEY = "INSERT INTO events_leadkey (lead_id, kind, digest) VALUES (%s, 'email', %s)"
WORK = (
    "INSERT INTO flows_work (kind, lead_id, lane, claims, hold, due_at) "
    "VALUES ('advance', %s, 'bare', 0, 0, 'infinity')"
)
TALLY = (
    "INSERT INTO events_tally (hour, kind, flow_id, source_id, recipient_id, outcome, category, "
    "reason, attempt, bucket, test, n, ms, revenue, cost) VALUES "
    "(date_trunc('hour', now()), 'lead', 'bare', 'bare', '', 'accepted', '', '', 0, -1, true, "
    "1, 0, 0, 0)"
)
BODY = json.dumps(
    {
        "id": "lead_0VbZ64NU0cYmMmJIl9Qr",
        "email": "person@example.com",
        "email.valid": True,
        "email.domain": "example.com",
        "phone_1": "5555551234",
        "first_name": "Ann",
        "last_name": "Example",
        "state": "TX",
        "source.name": "Bench",
    }
)
PAYLOAD = json.dumps(
    {
        "firstName": "Ann",
        "lastName": "Example",
        "email": "person@example.com",
        "phoneNumber": "5555551234",
        "stateCode": "TX",
    }
).encode()
PING = b'{"state": "TX", "score": 81}'
HEADERS = {"Content-Type": "application/json"}
LEAD_VALUES = json.loads(BODY)
STATES = {"TX": "Texas", "CA": "California"}
TOO_MANY = re.compile("too many", re.IGNORECASE)
FULL_HEADERS = {
    **HEADERS,
    "Content-Encoding": "gzip",
    "Authorization": "Bearer bench-token-0123456789",
}


def intake(home: str, seconds: float) -> float:
    """Leads a second, inserted row by row in one transaction a lead, in one pipeline each."""
    done = 0
    with connect(Path(home)) as connection:
        start = time.perf_counter()
        while time.perf_counter() - start < seconds:
            insert_lead(connection)
            done += 1
        return done / (time.perf_counter() - start)


def insert_lead(connection: psycopg.Connection[Any]) -> None:
    """The rows that an accepted lead leaves, in one transaction and one pipeline."""
    lead = ids.new_id("lead")
    with connection.transaction(), connection.pipeline(), connection.cursor() as cursor:
        cursor.execute(LEAD, [lead, b"x" * 16])
        for version in (1, 2):
            cursor.execute(SNAPSHOT, [ids.new_id("snap"), lead, version, BODY])
            cursor.execute(
                EVENT, [ids.new_id("evt"), version, "bare", lead, "bare", b"y" * 32, "{}"]
            )
        for digest in (b"a" * 16, b"b" * 16):
            cursor.execute(KEY, [lead, digest])
        cursor.execute(WORK, [lead])
        cursor.execute(TALLY)


def deliver(
    home: str, url: str, seconds: float, threads: int, *, leads: bool = False, full: bool = False
) -> float:
    """Deliveries a second: a pooled session on threads, results written by COPY in batches.

    With `leads` each thread also writes the lead before it sends it: the bare limit of a flow.
    With `full` each sends as much as a demanding buyer wants.
    """
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=threads))
    replies: SimpleQueue[Replied] = SimpleQueue()
    end = time.perf_counter() + seconds

    def send() -> None:
        with connect(Path(home)) if leads else contextlib.nullcontext() as connection:
            while time.perf_counter() < end:
                if connection:
                    insert_lead(connection)
                post()

    def post() -> None:
        body = json.dumps(payload(LEAD_VALUES)).encode() if full else PAYLOAD
        data, headers = (gzip.compress(body, 6), FULL_HEADERS) if full else (body, HEADERS)
        before = time.perf_counter()
        reply = session.post(url, data=data, headers=headers, timeout=10)
        if outcome(reply, full=full) != "accepted":
            raise RuntimeError(reply.text)
        replies.put(Replied(body, reply.text, time.perf_counter() - before))

    workers = [threading.Thread(target=send) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start, done = time.perf_counter(), 0
    with connect(Path(home)) as connection:
        for batch in _batches(replies, workers):
            with connection.transaction(), connection.cursor() as cursor:
                copy_rows(cursor, batch)
            done += len(batch)
    return done / (time.perf_counter() - start)


def payload(lead: dict[str, Any]) -> dict[str, Any]:
    """What `bundles.one_buyer(full=True)` sends of a lead, written out by hand."""
    first, last, phone, state = (lead[n] for n in ("first_name", "last_name", "phone_1", "state"))
    return {
        "firstName": first,
        "lastName": last,
        "email": lead["email"],
        "phoneNumber": phone,
        "stateCode": state,
        "applicant": {
            "name": {"first": first, "last": last},
            "phone": f"({phone[:3]}) {phone[3:6]}-{phone[6:]}",
            "state": state.upper(),
        },
        "fullName": f"{first} {last}",
        "emailHash": hashlib.sha256(lead["email"].encode()).hexdigest(),
        "priority": "HIGH" if (lead.get("score") or 0) > 70 else "NORMAL",
        "stateName": STATES.get(state, "Other"),
        "day": datetime.now(UTC).date().isoformat(),
        "campaign": lead.get("source.campaign_id") or "none",
        "leadId": lead["id"],
        "flow": "Bench",
        "attempt": 1,
        "buyer": "Buyer",
    }


def outcome(reply: requests.Response, *, full: bool) -> str:
    """What a reply comes to, by the bench's rules written out by hand."""
    text, said = reply.text, reply.json()
    if full:
        if (400 <= reply.status_code < 500 and "DUP" in text) or "duplicate lead" in text:
            return "duplicate"
        if TOO_MANY.search(text):
            return "rate_limited"
        if said.get("error", {}).get("code") == "E12":
            return "invalid"
        if "refused" in reply.headers.get("X-Result", ""):
            return "rejected"
    return "accepted" if said.get("status") == "accepted" else "rejected"


class Replied(NamedTuple):
    """What was sent, what came back, and in how many seconds."""

    body: bytes
    text: str
    seconds: float


def _batches(
    replies: SimpleQueue[Replied], workers: list[threading.Thread]
) -> Iterator[list[Replied]]:
    while any(worker.is_alive() for worker in workers) or not replies.empty():
        batch: list[Replied] = []
        try:
            batch.append(replies.get(timeout=0.05))
            while len(batch) < BATCH:
                batch.append(replies.get(timeout=0.02))
        except Empty:
            pass
        if batch:
            yield batch


def copy_rows(cursor: psycopg.Cursor[Any], batch: list[Replied]) -> None:
    """The rows of deliveries: three events, an exchange, a delivery each, three tallies in all."""
    leads = [ids.new_id("lead") for _ in batch]
    with cursor.copy(
        "COPY events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome, "
        "reason, duration_ms, snapshot, exchange_id, digest, data) FROM STDIN"
    ) as copy:
        for lead in leads:
            for seq, kind in enumerate(("attempt", "delivered", "completed"), 3):
                row = (ids.new_id("evt"), seq, kind, "now", lead, "bare", "bare", "accepted", "")
                copy.write_row((*row, 1, 2, "", b"x" * 32, BODY))
    with cursor.copy(
        "COPY events_exchange (id, lead_id, delivery_id, attempt, at, duration_ms, method, url, "
        "request_headers, request_body, status, reply_headers, reply_body, error) FROM STDIN"
    ) as copy:
        for lead, done in zip(leads, batch, strict=True):
            sent = (ids.new_id("exc"), lead, "bare", 1, "now", round(done.seconds * 1000), "POST")
            copy.write_row((*sent, "http://", "{}", done.body.decode(), 200, "{}", done.text, ""))
    with cursor.copy(
        "COPY events_tally (hour, kind, flow_id, source_id, recipient_id, outcome, category, "
        "reason, attempt, bucket, test, n, ms, revenue, cost) FROM STDIN"
    ) as copy:
        for kind in ("attempt", "delivery", "share"):
            cell = ("today", kind, "bare", "bare", "bare", "accepted", "", "", 1, 0, True)
            copy.write_row((*cell, len(batch), 1, 45, 15))
    with cursor.copy(
        "COPY events_delivery (id, lead_id, recipient_id, flow_id, step, state, outcome, "
        "category, reason, waits_for, attempts, tries, endpoint, price, revenue, buyer_lead_id, "
        "late, mapping_version) FROM STDIN"
    ) as copy:
        for lead in leads:
            sold = (ids.new_id("dlv"), lead, "bare", "bare", 1, "accepted", "accepted", "", "", "")
            copy.write_row((*sold, 1, 1, "production", 45, 45, ids.new_id("x"), False, 1))


def ping(seconds: float, urls: list[str]) -> float:
    """Auctions a second: the same question to all `urls` at once, one auction after another."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=len(urls)))
    done, start = 0, time.perf_counter()
    with ThreadPoolExecutor(len(urls)) as pool:
        while time.perf_counter() - start < seconds:
            answers = pool.map(lambda url: session.post(url, data=PING, headers=HEADERS), urls)
            max(answer.json()["price"] for answer in answers)
            done += 1
    return done / (time.perf_counter() - start)


def main(arguments: list[str]) -> None:
    kind, home, *rest = arguments
    if kind == "ping":
        rate = ping(float(home), rest)
    elif kind == "intake":
        rate = intake(home, float(rest[0]))
    else:
        url, seconds, threads = rest[0], float(rest[1]), int(rest[2])
        flow, full = kind == "flow", kind == "deliver_full"
        rate = deliver(home, url, seconds, threads, leads=flow, full=full)
    sys.stdout.write(f"{rate}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
