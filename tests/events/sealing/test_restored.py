"""After a restore into a cluster whose counter is behind, transactions are counted on."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from events import following
from events.sealing import checking, restored, seals
from tests.events.sealing.written import write
from tests.events.test_journal import AT, EventType, Journal, Lead

pytestmark = pytest.mark.django_db

FAR = 5_000_000_000


def test_it_is_well_where_nothing_was_restored():
    write(10)
    seals.seal()
    assert restored.problem() == ""
    assert restored.resume() == 0


def test_it_counts_on_from_where_the_record_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "LEADOPS_HOME", tmp_path)
    write(FAR, lead="old")
    (problem,) = checking.check().problems
    assert "manage.py seal --after-restore" in problem
    with pytest.raises(CommandError, match="after-restore"):
        call_command("seal")

    call_command("seal", "--after-restore")
    assert "sealed 1 events in 1 seals" in capsys.readouterr().out
    assert following.horizon() > FAR
    lead, journal = Lead(), Journal(AT)
    journal.record(lead, EventType.SOURCE_SUBMITTED, entity_id="src_1")
    with connection.cursor() as cursor:
        journal.write(cursor)
        cursor.execute(
            "SELECT min(tx::text::bigint) FROM events_event WHERE lead_id = %s", [lead.id]
        )
        assert cursor.fetchone()[0] > FAR
    found = checking.check()
    assert (found.problems, found.waiting) == ([], 1)


def test_migrate_counts_on_by_itself():
    write(FAR)
    restored.after_migrate()
    assert restored.problem() == ""
    assert following.horizon() >= FAR
