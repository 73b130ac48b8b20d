"""After a restore into another cluster: transactions are counted from the beginning there.

The record's order is by transaction, so what is written next must come after what there is. All
numbers of transactions go through two functions in SQL, `events_tx()` for what is written now and
`events_horizon()`; both add `events_tx_offset()`, which a dump carries along and `resume` raises.
"""

from __future__ import annotations

import logging

from django.db import connection, transaction

log = logging.getLogger(__name__)

# What is next is asked of the snapshot: it takes no number. The asking transaction may have one.
NEXT = """
    greatest(pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
             pg_current_xact_id_if_assigned()::text::bigint + 1) + events_tx_offset()
"""
KNOWN = """
    greatest(
        coalesce((SELECT max(tx)::text::bigint + 1 FROM events_event), 0),
        coalesce((SELECT to_tx FROM events_seal ORDER BY n DESC LIMIT 1), 0)
    )
"""
BEHIND = f"SELECT {KNOWN} - ({NEXT})"
# So that whoever is open now, and has a number already, writes after the record, too.
MOVE = f"SELECT {KNOWN} - pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
OFFSET = """
    CREATE OR REPLACE FUNCTION events_tx_offset() RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {offset}::bigint
"""


def behind() -> int:
    """How many transactions this cluster's counter is behind the record; 0 when all is well."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND)
        return max(0, int(cursor.fetchone()[0]))


def problem() -> str:
    """What is wrong and what to do, in a sentence; blank when all is well."""
    if not (missing := behind()):
        return ""
    return (
        f"the record is {missing} transactions ahead of this database, as after a restore into "
        "another cluster: run `manage.py seal --after-restore`"
    )


def after_migrate() -> None:
    """`resume`, where the database is far enough for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regproc('events_tx_offset'), to_regclass('events_seal')")
        if None not in cursor.fetchone() and behind():
            resume()


@transaction.atomic
def resume() -> int:
    """Have transactions counted on from where the record is; gives by how much it was moved.

    Writers are waited for, and wait: none may write with a number of before.
    """
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE events_event IN SHARE ROW EXCLUSIVE MODE")
        if missing := behind():
            cursor.execute(MOVE)
            cursor.execute(OFFSET.format(offset=int(cursor.fetchone()[0])))
            log.warning("Transactions are counted on from the record's: moved by %s", missing)
    return missing
