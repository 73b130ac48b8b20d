"""Every table of the database is known to hold nobody's data, or is reached by erasures."""

from __future__ import annotations

import pytest
from django.db import connection

from events.privacy import holdings

pytestmark = pytest.mark.django_db

TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""


def test_it_knows_every_table_and_no_other():
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        there = {row[0] for row in cursor.fetchall()}
    held = {each.table for each in holdings.all_holdings()}
    impersonal = holdings.impersonal_tables()
    unknown = there - held - impersonal.keys()
    assert not unknown, (
        f"{sorted(unknown)}: say what they hold about people. Register a holding, or name them "
        "among those that hold nothing personal, with the reason: events/privacy/held.py or "
        "flows/privacy/held.py"
    )
    assert not (held | impersonal.keys()) - there
    assert not held & impersonal.keys()
    assert all(len(reason) > 5 for reason in impersonal.values())
