"""Does everything agree with the record? Counts it all again and compares.

Reads one moment (a repeatable-read transaction), so it may run while leads go through. Every check
gives what it looked at and a bounded list of what does not agree. Where events are kept for a time
only, what is older than the first month that is kept has no events to be held against: money,
figures and ends of before stay as they are, and were checked while their events were there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from events import recount
from events.models import Delivery, Event, Feedback, Lead, PassedFeedback, Snapshot, Trim
from events.partitions import TABLES
from events.retention.gone import ALL_SNAPSHOTS, WHOLE_FROM
from events.sealing import checking

MOST = 20  # problems that a check lists

# A person may send a delivery again that ended, or record that it was accepted after all: each
# time it ends once more.
ENDS = """
    SELECT data -> 'delivery' ->> 'id' AS id,
           count(*) FILTER (WHERE type LIKE 'recipient.%') AS ends,
           count(*) FILTER (WHERE type NOT LIKE 'recipient.%') AS again,
           (array_agg(type ORDER BY seq DESC) FILTER (WHERE type LIKE 'recipient.%'))[1] AS last
    FROM events_event
    WHERE type IN ('recipient.delivered', 'recipient.failed', 'recipient.skipped')
       OR (type = 'retry.scheduled' AND data ? 'manual')
       OR (type = 'review.closed' AND data ->> 'decision' = 'accepted')
    GROUP BY 1
"""
DELIVERIES = f"""
    SELECT coalesce(d.id, ends.id), d.state, coalesce(ends.ends, 0), coalesce(ends.again, 0),
           coalesce(ends.last, 'none')
    FROM events_delivery d FULL JOIN ({ENDS}) ends ON ends.id = d.id
    WHERE d.id IS NULL
       OR (d.created_at >= {WHOLE_FROM}
           AND coalesce(ends.ends, 0) - coalesce(ends.again, 0)
               <> CASE WHEN d.state IN ('waiting', 'sending') THEN 0 ELSE 1 END)
       OR (d.state NOT IN ('waiting', 'sending')
           AND (ends.last IS NOT NULL OR d.created_at >= {WHOLE_FROM})
           AND coalesce(ends.last, '') <> CASE d.state
            WHEN 'accepted' THEN 'recipient.delivered'
            WHEN 'skipped' THEN 'recipient.skipped' ELSE 'recipient.failed' END)
    LIMIT {MOST}
"""  # noqa: S608
PRICES = f"""
    SELECT coalesce(d.id, sold.id), d.state, d.revenue, sold.price
    FROM events_delivery d FULL JOIN (
        SELECT data -> 'delivery' ->> 'id' AS id,
               sum((data -> 'delivery' ->> 'price')::numeric) AS price
        FROM events_event WHERE type = 'recipient.delivered' GROUP BY 1
    ) sold ON sold.id = d.id
    WHERE coalesce(d.revenue, -1) <> coalesce(sold.price, 0)
      AND (d.id IS NULL OR d.created_at >= {WHOLE_FROM})
    LIMIT {MOST}
"""  # noqa: S608
LEAD_MONEY = f"""
    SELECT l.id, l.revenue, coalesce(s.kept, 0), l.cost, coalesce(c.price, 0)
    FROM events_lead l
    LEFT JOIN (
        SELECT lead_id, sum(revenue) FILTER (WHERE returned_at IS NULL) AS kept
        FROM events_delivery WHERE state = 'accepted' OR revenue <> 0 GROUP BY lead_id
    ) s ON s.lead_id = l.id
    LEFT JOIN (
        SELECT lead_id, sum(coalesce(data ->> 'price', data ->> 'cost')::numeric) AS price
        FROM events_event
        WHERE type = 'source.accepted' OR (type LIKE 'enhancement.%' AND data ? 'cost')
        GROUP BY lead_id
    ) c ON c.lead_id = l.id
    WHERE l.revenue <> coalesce(s.kept, 0)
       OR (l.cost <> coalesce(c.price, 0) AND l.created_at >= {WHOLE_FROM})
    LIMIT {MOST}
"""  # noqa: S608
RETURNS = f"""
    SELECT coalesce(f.delivery_id, d.id), f.money, d.revenue
    FROM (SELECT delivery_id, sum(money) AS money FROM events_feedback
          WHERE kind = 'return' AND outcome = 'processed' GROUP BY delivery_id) f
    FULL JOIN (SELECT id, revenue FROM events_delivery WHERE returned_at IS NOT NULL) d
        ON d.id = f.delivery_id
    WHERE f.money IS NULL OR d.revenue IS NULL OR f.money <> -d.revenue
    LIMIT {MOST}
"""  # noqa: S608
FEEDBACK = f"""
    SELECT coalesce(f.id, e.id), f.outcome, e.received, e.processed, e.rejected
    FROM events_feedback f FULL JOIN (
        SELECT data ->> 'feedback_id' AS id,
               count(*) FILTER (WHERE type = 'feedback.received') AS received,
               count(*) FILTER (WHERE type = 'feedback.processed') AS processed,
               count(*) FILTER (WHERE type = 'feedback.rejected') AS rejected
        FROM events_event WHERE type LIKE 'feedback.%' AND data ? 'feedback_id' GROUP BY 1
    ) e ON e.id = f.id
    WHERE f.id IS NULL OR f.received_at >= {WHOLE_FROM} AND (coalesce(e.received, 0) <> 1
       OR coalesce(e.processed, 0) <> CASE f.outcome WHEN 'processed' THEN 1 ELSE 0 END
       OR coalesce(e.rejected, 0) <> CASE f.outcome WHEN 'rejected' THEN 1 ELSE 0 END)
    LIMIT {MOST}
"""  # noqa: S608
# What a source wanted is put aside with the feedback, and stands in its event.
PASSED = f"""
    SELECT coalesce(p.feedback_id, e.id), p.state, coalesce(e.wanted, 0), e.last
    FROM events_passedfeedback p FULL JOIN (
        SELECT data ->> 'feedback_id' AS id,
               count(*) FILTER (WHERE type = 'feedback.processed') AS wanted,
               (array_agg(type ORDER BY seq DESC)
                FILTER (WHERE type IN ('feedback.sent', 'feedback.failed')))[1] AS last,
               count(*) FILTER (WHERE type = 'feedback.sent') AS sent
        FROM events_event
        WHERE (type = 'feedback.processed' AND data ? 'pass_on')
           OR type IN ('feedback.sent', 'feedback.failed')
        GROUP BY 1
    ) e ON e.id = p.feedback_id
    WHERE p.id IS NULL OR coalesce(e.sent, 0) > 1
       OR (p.created_at >= {WHOLE_FROM} AND coalesce(e.wanted, 0) <> 1)
       OR (p.state = 'waiting' AND e.last = 'feedback.sent')
       OR (p.state <> 'waiting' AND p.settled_at >= {WHOLE_FROM}
           AND coalesce(e.last, '') <> 'feedback.' || p.state)
    LIMIT {MOST}
"""  # noqa: S608
ORDER = f"""
    SELECT coalesce(l.id, e.lead_id), l.seq, e.first, e.last, e.n
    FROM events_lead l FULL JOIN (
        SELECT lead_id, count(DISTINCT seq) AS n, count(*) AS rows, min(seq) AS first,
               max(seq) AS last
        FROM events_event WHERE lead_id <> '' GROUP BY lead_id
    ) e ON e.lead_id = l.id
    WHERE l.id IS NULL OR e.last <> l.seq OR e.n <> e.last - e.first + 1 OR e.rows <> e.n
       OR (e.first <> 1 AND l.created_at >= {WHOLE_FROM})
       OR (e.lead_id IS NULL AND greatest(l.created_at, l.completed_at) >= {WHOLE_FROM})
    LIMIT {MOST}
"""  # noqa: S608
SNAPSHOTS = f"""
    SELECT l.id, l.snapshot, coalesce(s.n, 0) FROM events_lead l LEFT JOIN (
        SELECT lead_id, count(DISTINCT version) AS n FROM events_snapshot GROUP BY lead_id
    ) s ON s.lead_id = l.id
    WHERE l.salt IS NOT NULL AND l.snapshot <> coalesce(s.n, 0) AND {ALL_SNAPSHOTS}
    LIMIT {MOST}
"""  # noqa: S608
TRIMS = f"""
    SELECT coalesce(t.table_name, e.table_name), coalesce(to_char(t.month, 'YYYY-MM'), e.month),
           t.rows, e.rows
    FROM (SELECT run, table_name, month, sum(rows) AS rows FROM events_trim
          WHERE dropped_at >= {WHOLE_FROM}
            AND run NOT IN (SELECT id FROM events_trimrun WHERE state = 'running')
          GROUP BY 1, 2, 3) t
    FULL JOIN (
        SELECT entity_id AS run, data ->> 'table' AS table_name, data ->> 'month' AS month,
               sum((data ->> 'rows')::bigint) AS rows
        FROM events_event WHERE type = 'record.trimmed'
          AND entity_id NOT IN (SELECT id FROM events_trimrun WHERE state = 'running')
          AND timestamp >= {WHOLE_FROM}
        GROUP BY 1, 2, 3
    ) e ON e.run = t.run AND e.table_name = t.table_name
       AND e.month = to_char(t.month, 'YYYY-MM')
    WHERE t.rows IS DISTINCT FROM e.rows
    LIMIT {MOST}
"""  # noqa: S608
# `flows_work` belongs to the app above; it is named here, not imported.
LOST = f"""
    SELECT l.id, '' FROM events_lead l
    WHERE l.status = 'working'
      AND NOT EXISTS (SELECT FROM flows_work w WHERE w.lead_id = l.id)
    UNION ALL
    SELECT d.lead_id, d.id FROM events_delivery d
    WHERE d.state IN ('waiting', 'sending')
      AND NOT EXISTS (SELECT FROM flows_work w WHERE w.delivery_id = d.id)
    LIMIT {MOST}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Check:
    """`looked_at` says what was compared; without `problems` it agrees."""

    name: str
    looked_at: str
    problems: list[str] = field(default_factory=list)


def run(heads: Sequence[Path] = ()) -> Iterator[Check]:
    """All checks of one moment. `heads`: files of heads that were published."""
    alone = connection.in_atomic_block  # in a caller's transaction, whose rows nobody else sees
    with transaction.atomic(), ThreadPoolExecutor(max_workers=1) as beside:
        snapshot = "" if alone else _moment()
        # Half of the work: on a connection of its own, while the other checks go on.
        sealed = beside.submit(_seals_of, snapshot, heads) if snapshot else None
        for check in CHECKS:
            yield check()
        yield sealed.result() if sealed else seals(heads)


def _moment(snapshot: str = "") -> str:
    """Have the transaction that begins see one moment, or that of a snapshot; give its name."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if snapshot:
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
        # Before the snapshot: a month that retention drops is wholly there, or noted.
        cursor.execute("LOCK TABLE events_event IN ACCESS SHARE MODE")
        if not snapshot:
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchone()[0]
    return snapshot


def _seals_of(snapshot: str, heads: Sequence[Path]) -> Check:
    try:
        with transaction.atomic():
            _moment(snapshot)
            return seals(heads)
    finally:
        connection.close()  # this thread's own


def figures() -> Check:
    """The definition of the figures, applied to the whole record once more."""
    found = recount.compare(most=MOST)
    return Check("figures", f"{found.events} events, {found.cells} cells", found.problems)


def deliveries() -> Check:
    """Every finished delivery has one terminal event, and it says the same; of deliveries older
    than the events that are kept, the last event that there is."""
    problems = [
        f"{id}: is {state or 'unknown'}, with {ends} ends (sent again {again} times), last {last}"
        for id, state, ends, again, last in _rows(DELIVERIES)
    ]
    return Check("deliveries", f"{_count(Delivery)} deliveries", problems)


def money() -> Check:
    """The prices of the events, the deliveries, the leads and the returns are the same money."""
    problems = [
        f"{id}: {state or 'unknown'} for {kept}, its events say {told}"
        for id, state, kept, told in _rows(PRICES)
    ]
    problems += [
        f"{id}: earned {revenue}, its deliveries {kept}; cost {cost}, its events say {price}"
        for id, revenue, kept, cost, price in _rows(LEAD_MONEY)
    ]
    problems += [
        f"{id}: returned for {taken}, sold for {price}" for id, taken, price in _rows(RETURNS)
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(revenue), 0), coalesce(sum(cost), 0) FROM events_lead")
        revenue, cost = cursor.fetchone()
    return Check("money", f"{revenue} earned, {cost} paid", problems[:MOST])


def feedback() -> Check:
    """Every feedback was received once and came to one end."""
    problems = [
        f"{id}: {outcome or 'unknown'}, events: {received or 0} received, {done or 0} processed, "
        f"{refused or 0} rejected"
        for id, outcome, received, done, refused in _rows(FEEDBACK)
    ]
    return Check("feedback", f"{_count(Feedback)} kept", problems)


def passed_on() -> Check:
    """Every feedback that its lead's source wanted waits, or was sent, or failed; as it says."""
    problems = [
        f"{id}: is {state or 'unknown'}, wanted {wanted} times, last event {last or 'none'}"
        for id, state, wanted, last in _rows(PASSED)
    ]
    return Check("feedback passed on", f"{_count(PassedFeedback)} put aside", problems)


def order() -> Check:
    """Each lead's events are numbered without a gap, and the lead knows the last. They begin with
    1, but for leads from before the events that are kept."""
    problems = [
        f"{id}: knows {seq}, has {n} events from {first} to {last}"
        for id, seq, first, last, n in _rows(ORDER)
    ]
    return Check("order", f"{_count(Event)} events", problems)


def snapshots() -> Check:
    """Every version of a lead that was not erased is there, as long as it is kept."""
    problems = [f"{id}: knows {n} versions, has {found}" for id, n, found in _rows(SNAPSHOTS)]
    return Check("snapshots", f"{_count(Snapshot)} versions", problems)


def nothing_lost() -> Check:
    """Whatever is not finished has work that is due, or will be."""
    problems = [
        f"{lead_id}{f' {delivery_id}' if delivery_id else ''}: under way, but nothing is due"
        for lead_id, delivery_id in _rows(LOST)
    ]
    under_way = Lead.objects.filter(status=Lead.Status.WORKING).count()
    return Check("nothing lost", f"{under_way} leads under way", problems)


def partitions() -> Check:
    """No row has fallen into the nets beside the months' own tables."""
    tables = [f"{table}_rest" for table in TABLES]
    full = [name for name in tables if _rows(f"SELECT 1 FROM {name} LIMIT 1")]  # noqa: S608
    problems = [f"{name}: holds rows of a month that has no table of its own" for name in full]
    return Check("partitions", f"{len(tables)} nets", problems)


def seals(heads: Sequence[Path] = ()) -> Check:
    """Every sealed row, and the chain of the seals up to the heads that were published."""
    found = checking.check(most=MOST, files=heads)
    return Check("seals", found.text(), found.problems)


def trims() -> Check:
    """What was taken out of the record is in the record: each month by its event."""
    problems = [
        f"{table} of {month}: {rows if rows is not None else 'no'} rows went, "
        f"events say {told if told is not None else 'nothing'}"
        for table, month, rows, told in _rows(TRIMS)
    ]
    return Check("trims", f"{_count(Trim)} months and parts of months", problems)


CHECKS: tuple[Callable[[], Check], ...] = (
    figures,
    deliveries,
    money,
    feedback,
    passed_on,
    order,
    snapshots,
    nothing_lost,
    partitions,
    trims,
)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _count(model: type[Model]) -> int:
    return model._default_manager.count()
