"""The months of the record's tables, as the catalogue has them: names and sizes, no counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from events.retention.terms import Kept

LIST = """
    SELECT c.relname, pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint,
           pg_relation_size(c.oid) / current_setting('block_size')::int
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = %s::regclass ORDER BY c.relname
"""
_NAME = re.compile(r"_(\d{4})_(\d{2})\Z")


@dataclass(frozen=True, slots=True)
class Month:
    """A month of one table. `rows` is what PostgreSQL reckoned last; `bytes` with indexes."""

    kept: Kept
    name: str
    first: date
    bytes: int
    rows: int
    blocks: int

    @property
    def begin(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """Its first moment no more."""
        return (self.begin + timedelta(days=32)).replace(day=1)

    def __str__(self) -> str:
        return f"{self.kept.noun} of {self.first:%B %Y}"


def months(kept: Kept) -> list[Month]:
    """The oldest first. The net, which is no month, is not among them."""
    with connection.cursor() as cursor:
        cursor.execute(LIST, [kept.value])
        found = cursor.fetchall()
    return [
        Month(kept, name, date(int(at[1]), int(at[2]), 1), size, rows, blocks)
        for name, size, rows, blocks in found
        if (at := _NAME.search(name))
    ]
