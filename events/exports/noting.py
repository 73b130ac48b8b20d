"""What is done to an export and what the record says of it: one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from events.journal import Journal


@contextmanager
def noted() -> Iterator[Journal]:
    """A journal of the database's clock; written and committed where nothing was raised."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        yield journal
        if journal.events:
            journal.write(cursor)
