"""Files made bit by bit: stopped, killed, cancelled, two at once; never half a file."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import openpyxl
import orjson
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from events import following
from events.exports import finishing, gathering, working
from events.exports.formats import workbook
from events.models import Event, Export, ExportPiece
from tests.events.exports.conftest import OLGA, World, never, work
from tests.factories import bearer

State = Export.State


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of a few rows."""
    monkeypatch.setattr(gathering, "PIECE_ROWS", 3)
    monkeypatch.setattr(gathering, "FIRST_FETCH", 2)


def steps(count: int) -> Callable[[], bool]:
    """Stop after some looks at whether to stop."""
    left = iter(range(count))
    return lambda: next(left, None) is None


def ids(client: Client, world: World, export: Export) -> list[str]:
    return [orjson.loads(line)["id"] for line in world.file(client, export).splitlines()]


def test_whoever_comes_next_goes_on(client: Client, world: World, small: None):
    for _ in range(3):
        world.lead()
    events = Event.objects.filter(type__startswith="recipient.")
    expected = set(events.values_list("id", flat=True))
    id = world.ask(client, format="jsonl", filters={"type": "recipient.*"}).json()["id"]
    turns = 0
    while Export.objects.get(pk=id).is_open:
        working.work(id, seconds=60, stopping=steps(2))
        turns += 1
    export = Export.objects.get(pk=id)
    found = ids(client, world, export)
    assert turns > 1
    assert set(found) == expected
    assert len(found) == export.rows == len(expected)


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_worker_that_dies_leaves_no_half_file(
    client: Client, world: World, small: None, monkeypatch: pytest.MonkeyPatch, format: str
):
    world.lead()
    id = world.ask(client, format=format).json()["id"]

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(finishing, "_keep_whole" if format == "xlsx" else "finish", die)
        with pytest.raises(Killed):
            work(id)
    export = Export.objects.get(pk=id)
    assert export.state == State.RUNNING
    assert not export.has_file
    path = f"/api/v1/exports/{id}/download"
    assert client.get(path, **bearer(OLGA)).status_code == 409
    export = work(id)
    assert export.state == State.DONE
    assert len(world.file(client, export)) == export.bytes


def test_a_lease_keeps_others_away(client: Client, world: World):
    id = world.ask(client, format="csv").json()["id"]
    Export.objects.filter(pk=id).update(worked_until=timezone.now() + timedelta(minutes=1))
    assert work(id).state == State.QUEUED
    Export.objects.filter(pk=id).update(worked_until=timezone.now() - timedelta(seconds=1))
    assert work(id).state == State.DONE


def test_a_cancel_stops_it_midway(client: Client, world: World, small: None):
    for _ in range(2):
        world.lead()
    id = world.ask(client, format="csv").json()["id"]
    working.work(id, seconds=60, stopping=steps(1))
    assert ExportPiece.objects.filter(export=id).exists()
    answer = client.delete(f"/api/v1/exports/{id}", **bearer(OLGA))
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert work(id).state == State.CANCELLED
    assert not ExportPiece.objects.filter(export=id).exists()
    again = client.post(f"/api/v1/exports/{id}/cancel", **bearer(OLGA))
    assert again.status_code == 409


def test_two_take_turns(client: Client, world: World, small: None):
    for _ in range(2):
        world.lead()
    one, two = (world.ask(client, format="jsonl").json()["id"] for _ in range(2))
    worked = []
    while (id := working.following_one()) is not None:
        worked.append(id)
        working.work(id, seconds=60, stopping=steps(1))
    assert worked[:4] == [one, two, one, two]
    assert {Export.objects.get(pk=id).state for id in (one, two)} == {State.DONE}


def test_what_is_written_meanwhile_is_not_in_it(
    client: Client, world: World, small: None, monkeypatch: pytest.MonkeyPatch
):
    world.lead()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        now = int(cursor.fetchone()[0])
    monkeypatch.setattr(following, "horizon", lambda: now)
    export = world.make(client, format="jsonl")
    assert (export.state, export.rows) == (State.DONE, 0)


def test_rows_that_a_sheet_does_not_hold_go_to_the_next(
    client: Client, world: World, small: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(workbook, "ROWS", 4)
    world.lead()
    export = world.make(client, format="xlsx")
    book = openpyxl.load_workbook(io.BytesIO(world.file(client, export)), read_only=True)
    rows = [row for sheet in book for row in list(sheet.values)[1:]]
    assert len(book.sheetnames) > 1
    assert len({row[0] for row in rows}) == len(rows) == export.rows


def test_what_breaks_is_tried_some_times_and_then_said(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise RuntimeError("a secret value")

    monkeypatch.setattr(gathering, "reading_of", broken)
    export = world.make(client, format="csv")
    assert export.state == State.FAILED
    assert "RuntimeError" in export.error
    assert "secret" not in export.error


def test_large_values_are_read_few_at_a_time():
    assert gathering._next_fetch(200_000 * 10, 10) == 20
    assert gathering._next_fetch(500 * 100, 100) == gathering.FETCHED
    assert gathering._next_fetch(0, 100) == gathering.FETCHED


def test_memory_does_not_grow_with_the_rows(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    """By what Python allocates; `manage.py bench export` measures the process at a million."""
    monkeypatch.setattr(gathering, "PIECE_BYTES", 128 * 1024)
    monkeypatch.setattr(gathering, "FETCHED", 200)
    world.lead()
    id = world.ask(client, format="csv", exclude="lead").json()["id"]
    columns = (
        "type, timestamp, lead_id, flow_id, entity_id, outcome, reason, duration_ms, data,"
        " snapshot, exchange_id, digest"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO events_event (id, seq, {columns}) "
            f"SELECT 'evt_' || lpad(n::text, 20, '0'), n, {columns} FROM "
            "(SELECT * FROM events_event WHERE type = 'recipient.delivered' LIMIT 1) AS one, "
            "generate_series(1, 15000) AS n"
        )
    tracemalloc.start()
    try:
        working.work(id, seconds=300, stopping=never)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    export = Export.objects.get(pk=id)
    assert (export.state, export.rows > 15_000) == (State.DONE, True)
    assert peak * 2 < export.bytes
