"""An event has one spelling, with every column in it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from django.db import connection

from events.sealing import canonical
from tests.events.sealing.written import write


def text(zone: str = "UTC") -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE %s", [zone])
        cursor.execute(f"SELECT {canonical.SQL} FROM events_event")
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_it_spells_every_column_of_the_table():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute "
            "WHERE attrelid = 'events_event'::regclass AND attnum > 0 AND NOT attisdropped"
        )
        assert {name for (name,) in cursor.fetchall()} == set(canonical.COLUMNS)


@pytest.mark.django_db
def test_it_is_the_same_in_every_zone():
    write(7, at=datetime(2026, 11, 21, 9, 1, 31, 4607, tzinfo=UTC), z=1)
    said = text()
    assert text("Asia/Tokyo") == said
    assert said == (
        '["evt_00000000070000000000", 1, "filter.passed", "2026-11-21T09:01:31.004607Z", '
        '"lead_1", "flow_1", "step_1", "", "said \\"no\\"\\tä", 12, 1, "", "00ff", '
        '{"a": 1.5, "z": 1}, "7"]'
    )
    assert canonical.read(said)["data"] == {"a": 1.5, "z": 1}


def test_it_refuses_what_is_no_event():
    for wrong in ("[1]", "{}", "x"):
        with pytest.raises(ValueError):
            canonical.read(wrong)


def test_a_seal_is_hashed_with_all_that_it_says():
    at = datetime(2026, 11, 21, tzinfo=UTC)
    facts = canonical.Facts(2, date(2026, 11, 1), 5, 2**60, 3, at, at, b"r", b"p", at)
    said = json.loads(facts.text())
    assert said[:5] == ["leadops seal", 1, 2, "2026-11", "5"]
    assert said[5] == str(2**60)
    assert " " not in facts.text().replace("leadops seal", "")
