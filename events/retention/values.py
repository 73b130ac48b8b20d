"""What leads hold of a person beside their snapshots goes with these: values too sensitive for
a snapshot. The keys under which leads are found go when nothing else is kept of them."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from events.retention import underway
from events.retention.terms import Kept, Terms

# `flows_flow` belongs to the app above; it is named here, not imported.
SENSITIVE = f"""
    WITH out_now AS (
        SELECT l.id FROM events_lead l LEFT JOIN flows_flow f ON f.id = l.flow_id
        WHERE l.sensitive <> '' AND l.created_at < %(some)s AND l.created_at
              < %(now)s - coalesce(f.snapshots_kept, %(account)s) * interval '1 second'
          AND NOT {underway.OF_ONE}
        LIMIT 2000 FOR UPDATE OF l SKIP LOCKED
    )
    UPDATE events_lead SET sensitive = '' FROM out_now WHERE events_lead.id = out_now.id
"""  # noqa: S608
KEYS = f"""
    DELETE FROM events_leadkey WHERE id = ANY(ARRAY(
        SELECT k.id FROM events_leadkey k JOIN events_lead l ON l.id = k.lead_id
        WHERE k.created_at < %s AND NOT {underway.OF_ONE} LIMIT 2000
    ))
"""  # noqa: S608


def forget(terms: Terms) -> None:
    """Take what is out, two thousand at a time, each in a transaction of its own."""
    some = terms.some_out(Kept.SNAPSHOTS)
    if some is not None:
        account = terms.account[Kept.SNAPSHOTS]
        _all(SENSITIVE, {"some": some, "now": terms.now, "account": account})
    if (before := _nothing_kept(terms)) is not None:
        _all(KEYS, [before])


def _nothing_kept(terms: Terms) -> datetime | None:
    """Of leads older than this neither values, nor requests, nor events are kept."""
    found = [terms.all_out(kept) for kept in Kept]
    times = [each for each in found if each is not None]
    return min(times) if len(times) == len(found) else None


def _all(sql: str, values: object) -> None:
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)  # type: ignore[arg-type]
            if cursor.rowcount < 1:
                return
