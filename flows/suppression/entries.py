"""Who is on a list: one statement for a lead and all its lists, and few for many values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from events.journal import Journal
from events.vocabulary import EventType
from flows.suppression import values
from leadops.lib import wire
from recipients.models import SuppressionList
from recipients.plan import ListPlan
from recipients.suppression import plan_of

AT_ONCE = 10_000  # values of one call

# The order of the lists is that of the flow: the first that a lead is on is named.
FIND = """
    SELECT r.list_id FROM unnest(%s::int[], %s::bytea[]) WITH ORDINALITY AS r(list_id, digest, n)
    WHERE EXISTS (
        SELECT FROM recipients_suppressionentry e
        WHERE e.list_id = r.list_id AND e.digest = r.digest
    )
    ORDER BY r.n LIMIT 1
"""
FIND_ALL = """
    SELECT r.list_id, r.digest FROM unnest(%s::int[], %s::bytea[]) AS r(list_id, digest)
    JOIN recipients_suppressionentry e ON e.list_id = r.list_id AND e.digest = r.digest
"""
FOUND = """
    SELECT digest FROM recipients_suppressionentry
    WHERE list_id = %s AND digest = ANY(%s::bytea[])
"""
# Sorted: two that add the same values do not wait for one another in a circle.
ADD = """
    INSERT INTO recipients_suppressionentry (list_id, digest)
    SELECT %s, d FROM unnest(%s::bytea[]) AS d GROUP BY d ORDER BY d
    ON CONFLICT DO NOTHING
"""
REMOVE = """
    DELETE FROM recipients_suppressionentry WHERE list_id = %s AND digest = ANY(%s::bytea[])
"""
COUNTED = """
    UPDATE recipients_suppressionlist
    SET entries = greatest(entries + %s, 0), changed_at = clock_timestamp() WHERE id = %s
"""


def wanted(lists: Iterable[ListPlan], lead: Mapping[str, Any]) -> list[tuple[ListPlan, bytes]]:
    """What to look for where, for a lead."""
    return [
        (plan, digest)
        for plan in lists
        for name in plan.fields
        if (value := lead.get(name)) not in (None, "")
        for digest in values.digests(plan, value)
    ]


def suppressed_by(lists: Sequence[ListPlan], lead: Mapping[str, Any]) -> str:
    """The slug of the first list that the lead is on, blank: of none. One statement."""
    pairs = wanted(lists, lead)
    if not pairs:
        return ""
    connection.ensure_connection()  # intake asks before its transaction begins
    with wire.cursor() as cursor:
        cursor.execute(FIND, [[plan.id for plan, _ in pairs], [digest for _, digest in pairs]])
        row = cursor.fetchone()
    return next(plan.slug for plan in lists if plan.id == row[0]) if row else ""


def on_lists(pairs: Sequence[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """Those of the pairs of list and digest that are there. One statement."""
    if not pairs:
        return set()
    with wire.cursor() as cursor:
        cursor.execute(FIND_ALL, [[list_id for list_id, _ in pairs], [d for _, d in pairs]])
        return {(list_id, bytes(digest)) for list_id, digest in cursor.fetchall()}


def check(plan: ListPlan, texts: Sequence[str]) -> list[bool | None]:
    """Is each on the list? None for what cannot be a value of it."""
    looked = [_sought(plan, text) for text in texts]
    every = [digest for each in looked if each for digest in each]
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [plan.id, every])
        there = {bytes(row[0]) for row in cursor.fetchall()}
    return [None if each is None else any(d in there for d in each) for each in looked]


def _sought(plan: ListPlan, text: str) -> list[bytes] | None:
    try:
        return values.sought(plan, text)
    except values.Unusable:
        return None


def add(row: SuppressionList, texts: Sequence[str], *, by: str) -> int:
    """Put values on the list, all of them or none; how many were not there. Raises Unusable."""
    plan = plan_of(row)
    found = [_entry(plan, place, text) for place, text in enumerate(texts)]
    with transaction.atomic():
        lock(row.pk)
        changed = run(ADD, plan.id, found)
        _note(row, changed, "added", by)
    return changed


def remove(row: SuppressionList, texts: Sequence[str], *, by: str) -> int:
    """Take values off the list; how many entries there were. Raises Unusable."""
    plan = plan_of(row)
    found = [digest for text in texts for digest in values.sought(plan, text)]
    with transaction.atomic():
        lock(row.pk)
        changed = run(REMOVE, plan.id, found)
        _note(row, -changed, "removed", by)
    return changed


def _entry(plan: ListPlan, place: int, text: str) -> bytes:
    try:
        return values.entry(plan, text)
    except values.Unusable as error:
        raise values.Unusable(f"Value {place + 1} {error}") from error


def lock(list_id: int) -> None:
    """Whoever changes a list holds its row first: nobody waits in a circle."""
    SuppressionList.objects.select_for_update().get(pk=list_id)


def run(statement: str, list_id: int, digests: Sequence[bytes]) -> int:
    """Add or remove digests; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [list_id, list(digests)])
        return int(cursor.rowcount)


def counted(list_id: int, change: int) -> None:
    """Keep the number of entries, which nobody counts."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [change, list_id])


def _note(row: SuppressionList, change: int, did: str, by: str) -> None:
    if change:
        counted(row.id, change)
        recorded(row, did, abs(change), by)


def recorded(row: SuppressionList, did: str, number: int, by: str, **facts: Any) -> None:
    """Say in the record how many entries came or went, and by whom; never which."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        noun = "entry" if number == 1 else "entries"
        journal.operation(
            EventType.CONFIG_CHANGED,
            entity_id=f"suppression_list:{row.pk}",
            reason=f"Suppression list {row}: {number:,} {noun} {did}",
            object={
                "model": "suppression list",
                "id": str(row.pk),
                "slug": row.slug,
                "name": row.name,
            },
            by=by,
            before={},
            after={f"entries {did}": number, **facts},
        )
        journal.write(cursor)
