"""A year of leads with ten events each, made in the database: a day as days come, all days alike.

What happens to a lead depends on its number in the day alone, so a day's figures are every day's.
Rare things are one lead's a day: the larger the record, the rarer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg

EVENTS_A_LEAD: Final = 10
DAYS: Final = 365
EXCHANGES: Final = 75  # days back that there are any, unless said: what is older went long ago
# Leads of every day with something rare, by their number.
RARE: Final = {"outcome": 17, "reason": 19, "recipient": 23, "viewed": 29}
RARE_OUTCOME: Final = "unknown"
RARE_REASON: Final = "QX-17"
RARE_TYPE: Final = "lead.viewed"

# Of a lead's number: whom it came from, where it went, what came of it.
WAYS = """
    SELECT i, %(day)s || lpad(i::text, 12, '0') AS id,
        (%(flows)s::text[])[1 + i %% %(n_sources)s %% %(n_flows)s] AS flow,
        (%(sources)s::text[])[1 + i %% %(n_sources)s] AS source,
        (%(recipients)s::text[])[CASE i WHEN %(rare_recipient)s THEN %(n_recipients)s
            ELSE 1 + (i %% %(n_sources)s * 3 + i / 7 %% 3) %% (%(n_recipients)s - 1) END]
            AS recipient,
        CASE WHEN i = %(rare_outcome)s THEN 'unknown' WHEN i = %(rare_reason)s THEN 'invalid'
            WHEN i %% 10 < 7 THEN 'accepted' WHEN i %% 10 < 9 THEN 'rejected'
            WHEN i %% 20 = 9 THEN 'duplicate' ELSE 'invalid' END AS outcome,
        CASE WHEN i %% 50 = 0 THEN 'rate_limited' WHEN i %% 5 = 1 THEN 'unavailable'
            ELSE 'server_error' END AS failure,
        i %% 500 = 3 AS test, %(at)s + i * %(apart)s * interval '1 ms' AS at
    FROM generate_series(1, %(leads)s) i
"""
LEADS = f"""
    INSERT INTO events_lead (id, flow_id, source_id, created_at, completed_at, status, result,
        reason, test, demo, currency, cost, revenue, sales, step, seq, snapshot, sensitive, salt)
    SELECT 'lead_' || id, flow, source, at, at, 'done',
        CASE outcome WHEN 'accepted' THEN 'sold' ELSE 'unsold' END, '', test, false, 'USD', 10,
        CASE outcome WHEN 'accepted' THEN 45 ELSE 0 END, (outcome = 'accepted')::int, 2, 10, 1,
        '', '\\x00'
    FROM ({WAYS}) way
"""  # noqa: S608  our own names
KEYS = f"""
    INSERT INTO events_leadkey (lead_id, kind, digest, created_at)
    SELECT 'lead_' || id, kind, decode(md5(kind || id), 'hex'), at
    FROM ({WAYS}) way, unnest(ARRAY['email', 'phone']) kind
"""  # noqa: S608
DELIVERIES = f"""
    INSERT INTO events_delivery (id, lead_id, recipient_id, flow_id, step, state, outcome,
        category, reason, waits_for, attempts, tries, endpoint, price, revenue, buyer_lead_id,
        late, sold, mapping_version, created_at, first_attempt_at, finished_at)
    SELECT 'dlv_' || id, 'lead_' || id, recipient, flow, 1,
        CASE outcome WHEN 'accepted' THEN 'accepted' WHEN 'unknown' THEN 'failed'
            ELSE 'declined' END, outcome, '', '', '', 2, 2, 'production', 45,
        CASE outcome WHEN 'accepted' THEN 45 ELSE 0 END, '', false, outcome = 'accepted', 3,
        at, at, at
    FROM ({WAYS}) way
"""  # noqa: S608
RECORD = f"""
    INSERT INTO events_event (id, seq, type, timestamp, lead_id, flow_id, entity_id, outcome,
        reason, duration_ms, snapshot, exchange_id, data)
    SELECT 'evt_' || %(day)s || lpad((i * 10 + k)::text, 12, '0'), k,
        CASE WHEN k = 3 AND i = %(rare_viewed)s THEN '{RARE_TYPE}'
            WHEN k = 9 AND outcome <> 'accepted' THEN 'recipient.failed'
            ELSE (ARRAY['source.submitted', 'source.accepted', 'filter.passed',
                'recipient.delivery_attempt', 'recipient.error', 'retry.scheduled',
                'retry.attempted', 'recipient.delivery_attempt', 'recipient.delivered',
                'flow.completed'])[k] END,
        at + k * 7 * interval '1 ms', 'lead_' || id, flow,
        CASE WHEN k < 3 THEN source WHEN k BETWEEN 4 AND 9 THEN recipient ELSE flow END,
        CASE k WHEN 5 THEN failure WHEN 9 THEN outcome ELSE '' END,
        CASE WHEN k = 5 THEN CASE failure WHEN 'unavailable' THEN 'No answer within 10 s'
                WHEN 'rate_limited' THEN 'Too many requests' ELSE 'HTTP 503' END
            WHEN k <> 9 OR outcome = 'accepted' THEN ''
            WHEN i = %(rare_reason)s THEN 'Campaign {RARE_REASON} is over'
            WHEN outcome = 'rejected' THEN 'Outside of the area that we buy in'
            WHEN outcome = 'duplicate' THEN 'Known since last month' ELSE 'Phone is wrong' END,
        CASE WHEN k IN (5, 9) THEN 40 + i %% %(n_sources)s * 60 END, 1,
        CASE WHEN k IN (5, 9) THEN 'exc_' || %(day)s || lpad((i * 10 + k)::text, 12, '0')
             ELSE '' END,
        CASE WHEN k BETWEEN 4 AND 9 THEN jsonb_build_object(
            'recipient', jsonb_build_object('id', recipient, 'name', 'Buyer'),
            'delivery', jsonb_build_object('id', 'dlv_' || id, 'price', 45.0),
            'metadata', jsonb_build_object('attempt_number', 1, 'endpoint', 'production',
                'mapping_version', 3)) || CASE
            WHEN k = 5 THEN jsonb_build_object(
                'failure', jsonb_build_object('category', CASE failure
                    WHEN 'unavailable' THEN 'network' WHEN 'rate_limited' THEN 'rate_limit'
                    ELSE 'system' END),
                'response', jsonb_build_object('status_code', 503))
            WHEN k = 9 THEN jsonb_build_object('response', jsonb_build_object('status_code',
                CASE outcome WHEN 'accepted' THEN 200 ELSE 422 END))
            ELSE '{{}}' END
        WHEN k = 2 THEN jsonb_build_object('price', 10.0)
        ELSE jsonb_build_object('step', 'geographic_filter') END
    FROM ({WAYS}) way, generate_series(1, 10) k
"""  # noqa: S608
SNAPSHOTS = f"""
    INSERT INTO events_snapshot (id, lead_id, version, at, body)
    SELECT 'snap_' || id, 'lead_' || id, 1, at,
        jsonb_build_object('email', 'person' || id || '@example.com', 'phone_1', '5555' || i,
            'state', 'TX', 'first_name', 'Ann', 'last_name', 'Ville', 'city', 'Austin')
    FROM ({WAYS}) way
"""  # noqa: S608
BODIES = f"""
    INSERT INTO events_exchange (id, lead_id, delivery_id, attempt, at, duration_ms, method, url,
        request_headers, request_body, status, reply_headers, reply_body, error)
    SELECT 'exc_' || %(day)s || lpad((i * 10 + k)::text, 12, '0'), 'lead_' || id, 'dlv_' || id, 1,
        at + k * 7 * interval '1 ms', 40, 'POST',
        'https://buyer.example/leads', '{{"Content-Type": "application/json"}}',
        repeat(md5(i::text), 20), 200, '{{"Content-Type": "application/json"}}',
        '{{"status": "accepted"}}', ''
    FROM ({WAYS}) way, unnest(ARRAY[5, 9]) k
"""  # noqa: S608
TABLES = (
    "events_event",
    "events_snapshot",
    "events_exchange",
    "events_lead",
    "events_leadkey",
    "events_delivery",
)


def _named(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}_{number}" for number in range(count))


@dataclass(frozen=True, slots=True)
class Year:
    """So many leads a day until yesterday, of these parties (ids); the last recipient is rarely
    sent to."""

    leads: int
    flows: Sequence[str] = field(default_factory=lambda: _named("flow", 4))
    sources: Sequence[str] = field(default_factory=lambda: _named("src", 10))
    recipients: Sequence[str] = field(default_factory=lambda: _named("rcp", 40))
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    days: int = DAYS
    days_of_exchanges: int = EXCHANGES

    @property
    def first(self) -> date:
        return self.today - timedelta(days=self.days)

    @property
    def events(self) -> int:
        return self.leads * EVENTS_A_LEAD * self.days

    def lead_id(self, number: int, day: int) -> str:
        """Of the `number`th lead (from 1) of a day (from 0)."""
        return f"lead_{self.first + timedelta(days=day):%Y%m%d}{number:012}"

    def values(self, day: date) -> dict[str, Any]:
        """What the statements are told of a day."""
        return {
            "day": f"{day:%Y%m%d}",
            "at": datetime(day.year, day.month, day.day, tzinfo=UTC),
            "apart": 86_000_000 // max(self.leads, 1),
            "leads": self.leads,
            **{name: list(getattr(self, name)) for name in ("flows", "sources", "recipients")},
            **{f"n_{n}": len(getattr(self, n)) for n in ("flows", "sources", "recipients")},
            **{f"rare_{name}": number for name, number in RARE.items()},
        }


def lay_down(
    connect: Callable[[], psycopg.Connection[Any]],
    year: Year,
    *,
    whole: bool = False,
    at_once: int = 1,
    after_first: Callable[[], object] = lambda: None,
) -> None:
    """The days of the year, `at_once` by as many connections; each day in
    transactions of its own; `after_first` is called when the first one is there. `whole`: with
    deliveries, and the keys by which people are found."""
    with connect() as connection:
        months(connection, year.first, year.today)
        lay_day(connection, year, 0, whole=whole)
    after_first()
    failed: list[BaseException] = []

    def lay(start: int) -> None:
        try:
            with connect() as connection:
                connection.execute("SET synchronous_commit = off")
                for number in range(start + 1, year.days, at_once):
                    lay_day(connection, year, number, whole=whole)
        except BaseException as error:  # raised below, by the caller's thread
            failed.append(error)

    with without_indexes(connect) if whole else nullcontext():
        threads = [threading.Thread(target=lay, args=(start,)) for start in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
    with connect() as connection:
        connection.execute(f"ANALYZE {', '.join(TABLES)}")


INDEXES = """
    SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'events_event'::regclass AND NOT i.indisprimary
"""


@contextmanager
def without_indexes(connect: Callable[[], psycopg.Connection[Any]]) -> Iterator[None]:
    """In here the events have their primary key alone; the other indexes are built anew at the
    end, two at once: in half the time, and in less room than rows that come one by one leave."""
    with connect() as connection:
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
    yield
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda row: _build(connect, row[1]), indexes))


def _build(connect: Callable[[], psycopg.Connection[Any]], definition: str) -> None:
    with connect() as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        # Of a partitioned table it says ON ONLY, which would leave out the months.
        connection.execute(definition.replace(" ON ONLY ", " ON "))


def lay_day(connection: psycopg.Connection[Any], year: Year, number: int, *, whole: bool) -> None:
    day = year.first + timedelta(days=number)
    values = year.values(day)
    recent = (year.today - day).days <= year.days_of_exchanges
    more = (KEYS, DELIVERIES) if whole else ()
    for statement in (LEADS, RECORD, SNAPSHOTS, *more, *((BODIES,) if recent else ())):
        connection.execute(statement, values)


def months(connection: psycopg.Connection[Any], first: date, last: date) -> None:
    """Make the months' tables of the record."""
    from events import partitions

    for month in partitions.months(first, last):
        for table in partitions.TABLES:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {partitions.name_of(table, month)} "
                f"PARTITION OF {table} {partitions.bounds(month)}"
            )


def size(connection: psycopg.Connection[Any]) -> float:
    """Gigabytes on the disk."""
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return float(row[0]) / 1e9 if row else 0.0
