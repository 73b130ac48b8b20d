"""Rows of a month that others of the same month outlive: deleted some blocks at a time.

By place on disk: no index is needed, a batch reads what it deletes and little more, and a run that
was stopped goes on at its block. Rows are written once, so none moves behind it.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.db.models import F

from events.models import Trim, TrimRun
from events.retention import dropping, underway
from events.retention.months import Month, months
from events.retention.terms import Kept, Terms

BLOCKS = 256  # 2 MiB of rows; their long texts stand elsewhere and go with them
# `flows_flow` belongs to the app above; it is named here, not imported.
DELETE = """
    WITH gone AS (
        DELETE FROM {table} x WHERE x.ctid = ANY(ARRAY(
            SELECT o.ctid FROM {table} o
            LEFT JOIN events_lead l ON l.id = o.lead_id
            LEFT JOIN flows_flow f ON f.id = l.flow_id
            WHERE o.ctid >= %(from)s::tid AND o.ctid < %(to)s::tid
              AND o.at < %(now)s - coalesce(f.{column}, %(account)s) * interval '1 second'
              AND (l.id IS NULL OR NOT {open})
        )) RETURNING x.lead_id
    )
    SELECT coalesce(l.flow_id, ''), count(*)
    FROM gone LEFT JOIN events_lead l ON l.id = gone.lead_id GROUP BY 1
"""


def batch(month: Month, run: TrimRun, terms: Terms) -> bool:
    """Delete what is out of the run's next blocks; False when that was the last of the month.

    Writes what went, and how far it is, in the same transaction.
    """
    first = run.block
    last = min(first + BLOCKS, month.blocks)
    with transaction.atomic(), connection.cursor() as cursor:
        state = TrimRun.objects.select_for_update().values_list("state", flat=True)
        if state.get(id=run.id) != TrimRun.State.RUNNING:
            return False  # cancelled, and its event is written
        gone = _delete(cursor, month, terms, first, last)
        for flow_id, rows in gone.items():
            _add(month, run, terms, flow_id, rows)
        rows = sum(gone.values())
        TrimRun.objects.filter(id=run.id).update(rows=F("rows") + rows, block=last)
        if last >= month.blocks:
            _finish(cursor, month, run)
    run.rows += rows
    run.block = last
    return last < month.blocks


def _delete(cursor: Any, month: Month, terms: Terms, first: int, last: int) -> dict[str, int]:
    sql = DELETE.format(table=month.name, column=month.kept.column, open=underway.OF_ONE)
    values = {
        "from": f"({first},0)",
        "to": f"({last},0)",
        "now": terms.now,
        "account": terms.account[month.kept],
    }
    cursor.execute(sql, values)
    return dict(cursor.fetchall())


def _add(month: Month, run: TrimRun, terms: Terms, flow_id: str, rows: int) -> None:
    trim, made = Trim.objects.get_or_create(
        run=run.id,
        table_name=month.kept.value,
        month=month.first,
        flow_id=flow_id,
        # Rows were out, so there is a time before which they are; of a flow it is its own.
        defaults={"until": terms.before(terms.of(month.kept, flow_id)) or terms.now, "rows": rows},
    )
    if not made:
        Trim.objects.filter(pk=trim.pk).update(rows=F("rows") + rows)


def _finish(cursor: Any, month: Month, run: TrimRun) -> None:
    """The event of what went of a month, where something did."""
    rows = Trim.objects.filter(run=run.id, table_name=month.kept.value, month=month.first)
    if total := sum(rows.values_list("rows", flat=True)):
        dropping.note(cursor, month, run, total, whole=False)


def close(cursor: Any, run: TrimRun) -> None:
    """The event of a month that a cancelled run was at, if some of it went."""
    for kept in Kept:
        for month in months(kept) if kept == run.table_name else ():
            if month.first == run.month and run.block < month.blocks:
                _finish(cursor, month, run)
