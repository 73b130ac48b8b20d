"""Whatever was changed behind the record's back is found; and nothing else is."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from events.models import Head, Seal
from events.sealing import canonical, checking, published, seals
from tests.events.sealing.written import NEXT_MONTH, THIS_MONTH, sql, write

pytestmark = pytest.mark.django_db

LATER = THIS_MONTH + timedelta(hours=1)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "LEADOPS_HOME", tmp_path)
    return tmp_path


@pytest.fixture
def record(home):
    """Three seals: two of this month, one of the next beside the second; and an event unsealed."""
    write(10, 3)
    write(11, 3)
    seals.seal(batch=6)
    sql("UPDATE events_seal SET to_tx = 20")
    reseal()
    write(20, 3, at=LATER)
    write(21, 3, at=NEXT_MONTH)
    seals.seal(batch=6)
    assert [seal.events for seal in Seal.objects.order_by("n")] == [6, 3, 3]
    assert check() == []


def reseal() -> None:
    """Make every hash fit again, as somebody would who can write everything."""
    previous = canonical.NO_SEAL
    for seal in Seal.objects.order_by("n"):
        sql("UPDATE events_seal SET previous = %s WHERE n = %s", previous, seal.n)
        previous = seals.facts_of(Seal.objects.get(n=seal.n)).hash()
        sql("UPDATE events_seal SET hash = %s WHERE n = %s", previous, seal.n)


def check() -> list[str]:
    return checking.check().problems


ONE = "WHERE id = 'evt_00000000110000000001'"


@pytest.mark.parametrize(
    "change",
    [
        "id = 'evt_00000000110000000009'",
        "seq = seq + 1",
        "type = 'filter.passeD'",
        "timestamp = timestamp + interval '1 microsecond'",
        "lead_id = 'lead_2'",
        "flow_id = 'flow_2'",
        "entity_id = ''",
        "outcome = 'x'",
        "reason = reason || ' '",
        "duration_ms = NULL",
        "snapshot = 2",
        "exchange_id = 'e'",
        "digest = NULL",
        "data = jsonb_set(data, '{a}', '1.6')",
        "tx = '12'",
    ],
)
def test_it_finds_a_changed_column(record, change):
    sql(f"UPDATE events_event SET {change} {ONE}")
    (problem,) = check()
    assert problem.startswith("seal 1 (")
    assert problem.endswith("its events were changed, or their order")


def test_it_finds_events_that_changed_places(record):
    first, second = "evt_00000000100000000000", "evt_00000000110000000000"
    sql("UPDATE events_event SET tx = '11' WHERE id = %s", first)
    sql("UPDATE events_event SET tx = '10' WHERE id = %s", second)
    assert "order" in check()[0]


def test_it_finds_a_missing_event(record):
    sql(f"DELETE FROM events_event {ONE}")
    assert "1 of its 6 events are missing" in check()[0]
    sql("DELETE FROM events_event WHERE tx < '20'")
    assert "6 of its 6 events are missing" in check()[0]


def test_it_finds_an_event_that_moved_out_of_its_seal(record):
    sql(f"UPDATE events_event SET timestamp = %s {ONE}", NEXT_MONTH)
    problems = check()
    assert any("1 of its 6 events are missing" in problem for problem in problems)
    assert any("no seal covers them: evt_00000000110000000001" in problem for problem in problems)


def test_it_finds_an_inserted_event(record):
    write(15)
    assert "has 7 events, sealed were 6: 1 were inserted" in check()[0]


def test_it_finds_an_event_inserted_into_a_month_that_had_none_then(record):
    write(15, at=NEXT_MONTH)
    (problem,) = check()
    assert "no seal covers them: evt_00000000150000000000" in problem


def test_it_waits_for_what_came_after_the_last_seal():
    write(10)
    found = checking.check()
    assert (found.problems, found.waiting) == ([], 1)
    assert found.text() == "0 seals, 0 events, 1 not sealed yet"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("DELETE FROM events_seal WHERE n = 2", "seal 2 is missing"),
        ("DELETE FROM events_seal WHERE n = 1", "seal 1 is missing"),
        ("UPDATE events_seal SET events = 5 WHERE n = 1", "seal 1 was changed"),
        ("UPDATE events_seal SET root = previous WHERE n = 2", "seal 2 was changed"),
        ("UPDATE events_seal SET last_at = now() WHERE n = 2", "seal 2 was changed"),
        ("UPDATE events_seal SET previous = root WHERE n = 2", "does not follow seal 1"),
    ],
)
def test_it_finds_a_changed_or_removed_seal(record, harm, said):
    sql(harm)
    assert any(said in problem for problem in check())


def test_it_finds_a_gap_between_seals_that_fit_each_other(record):
    sql("UPDATE events_seal SET from_tx = 21 WHERE n > 1")
    reseal()
    assert any("seal 2 does not begin where seal 1 ends" in problem for problem in check())


def test_it_finds_that_published_seals_were_removed(record, home):
    published.append(Seal.objects.get(n=3))
    assert check() == []
    sql("DELETE FROM events_seal WHERE n > 1")
    assert check() == ["seal 3 is missing: it was published (in heads.jsonl)"]


def test_it_finds_a_chain_that_was_made_anew(record, home):
    published.append(Seal.objects.get(n=2))
    sql(f"UPDATE events_event SET outcome = 'sold' {ONE}")
    sql("DELETE FROM events_seal")
    seals.seal()
    sql("INSERT INTO events_seal SELECT * FROM events_seal WHERE false")
    assert check() == ["seal 2 is not the one that was published (in heads.jsonl)"]


def test_it_knows_published_heads_from_its_table_and_from_files_given(record, home):
    seal = Seal.objects.get(n=2)
    Head.objects.create(place="mail", n=2, hash=b"other", tried_at=LATER, published_at=LATER)
    elsewhere = home / "kept.jsonl"
    elsewhere.write_text(json.dumps({"n": 9, "hash": bytes(seal.hash).hex()}) + "\n\nnothing\n")
    problems = checking.check(files=[elsewhere]).problems
    assert "the heads in kept.jsonl cannot be read: line 3 is no head" in problems
    assert any("seal 2 is not the one that was published (to mail" in each for each in problems)


def drop(rows: int) -> None:
    """As retention does, but for its event."""
    sql("DELETE FROM events_event WHERE timestamp < %s", NEXT_MONTH)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_trim (run, month, table_name, flow_id, whole, until, rows, bytes) "
            "VALUES ('r', %s, 'events_event', '', true, %s, %s, 0)",
            [THIS_MONTH, NEXT_MONTH, rows],
        )


def test_it_keeps_the_seals_of_a_month_that_retention_dropped(record):
    drop(rows=9)
    data = {"table": "events_event", "month": f"{THIS_MONTH:%Y-%m}"}
    write(30, at=NEXT_MONTH, **data)
    sql("UPDATE events_event SET type = 'record.trimmed' WHERE tx = '30'")
    found = checking.check()
    assert found.problems == []
    assert f"rows of {THIS_MONTH:%Y-%m} were dropped by retention, 2 seals kept" in found.text()


def test_it_does_not_believe_a_forged_note_of_retention(record):
    drop(rows=8)
    problems = check()
    assert any("no event of the record says so" in problem for problem in problems)
    assert any("dropped 8 rows, its seals are of 9" in problem for problem in problems)


def test_it_lists_no_more_than_it_is_asked_for(record):
    sql("DELETE FROM events_event")
    assert len(checking.check(most=2).problems) == 2


def test_it_tells_how_far_it_is(record):
    said = []
    checking.check(said=lambda done, all: said.append((done, all)))
    assert said[-1] == (3, 3)
