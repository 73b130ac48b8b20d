"""Tables that are missing: left to the operator where an earlier version's stand."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from leadops import tables

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """An entry for each time that tables are made."""
    calls: list[bool] = []
    monkeypatch.setattr(tables, "migrate", lambda: calls.append(True))
    return calls


def test_it_is_content_with_tables_that_are_up_to_date(made: list[bool]) -> None:
    tables.require()
    assert made == []


def test_it_makes_the_tables_of_an_empty_database(made: list[bool]) -> None:
    MigrationRecorder(connection).flush()
    tables.require()
    assert made == [True]


def test_it_leaves_the_tables_of_an_earlier_version_to_the_operator(made: list[bool]) -> None:
    recorder = MigrationRecorder(connection)
    _, latest = max(key for key in recorder.applied_migrations() if key[0] == "flows")
    recorder.record_unapplied("flows", latest)
    with pytest.raises(CommandError, match="1 migrations behind"):
        call_command("bundle", "dump")
    assert made == []
