"""Following the record: nothing is lost and nothing repeated, however transactions overlap."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from events import following
from events.following import EVERYTHING, START, Choice, Position
from events.journal import Journal
from events.models import Event
from events.vocabulary import EventType
from leadops.lib import ids

WRITERS, TRANSACTIONS = 4, 12


def write(
    *, events: int = 1, pause: float = 0.0, give_up: bool = False, **fields: Any
) -> list[str]:
    """A transaction with some events, that stays open for a while; their ids."""
    fields.setdefault("entity_id", "usr_x")
    kind = fields.pop("kind", EventType.CONFIG_CHANGED)
    found = []
    with transaction.atomic(), connection.cursor() as cursor:
        for number in range(events):
            journal = Journal(datetime.now(UTC))
            found.append(journal.operation(kind, **fields))
            journal.write(cursor)
            if number < events - 1 or events == 1:
                time.sleep(pause)
        if give_up:
            transaction.set_rollback(True)
    return [] if give_up else found


def drain(after: Position, *, limit: int = 1000, choice: Choice = EVERYTHING) -> list[str]:
    chunks = list(following.each(after, limit=limit, choice=choice))
    return [event.id for chunk in chunks for event in chunk.events]


def in_order() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM events_event ORDER BY tx, id")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db(transaction=True)
def test_it_neither_loses_nor_repeats_while_others_commit_in_another_order() -> None:
    """Writers hold transactions open for random times and some give up; a reader reconnects at
    random, by the id of the last event it has."""
    dice = random.Random(7)
    written: list[str] = []
    plans = [
        [
            (dice.randrange(1, 5), dice.uniform(0, 0.03), dice.random() < 0.2)
            for _ in range(TRANSACTIONS)
        ]
        for _ in range(WRITERS)
    ]

    def work(plan: list[tuple[int, float, bool]]) -> None:
        try:
            for events, pause, give_up in plan:
                written.extend(write(events=events, pause=pause, give_up=give_up))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    seen: list[str] = []
    position, alive, caught_up = START, True, False
    while alive or not caught_up:
        alive = any(thread.is_alive() for thread in threads)
        chunk = following.read(position, limit=dice.randrange(1, 8))
        seen += [event.id for event in chunk.events]
        position, caught_up = chunk.reached, chunk.caught_up
        if seen and dice.random() < 0.3:
            position = following.position_of(seen[-1])
    assert sorted(seen) == sorted(written)
    assert len(seen) == len(set(seen))
    assert seen == in_order()


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_holds_back_what_came_after_it() -> None:
    began, end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                journal = Journal(datetime.now(UTC))
                journal.operation(EventType.CONFIG_CHANGED, entity_id="first")
                journal.write(cursor)
                began.set()
                end.wait(30)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert began.wait(30)
    later = write()
    assert drain(START) == []
    end.set()
    thread.join()
    assert drain(START)[1:] == later


@pytest.mark.django_db(transaction=True)
class TestPositions:
    def test_a_choice_moves_on_over_what_it_does_not_want(self) -> None:
        for number in range(6):
            write(entity_id="rcp_a" if number % 3 == 0 else "rcp_b", flow_id="flow_1")
        only = Choice(parties=frozenset({"rcp_a"}), flows=frozenset({"flow_1"}))
        chunk = following.read(START, limit=3, choice=only)
        assert len(chunk.events) == 1
        assert not chunk.caught_up
        assert len(drain(START, limit=2, choice=only)) == 2
        assert drain(START, choice=Choice(types=frozenset({"lead.erased"}))) == []

    def test_an_event_is_found_by_its_id(self) -> None:
        first, second = write()[0], write()[0]
        assert drain(following.position_of(first)) == [second]
        assert drain(following.tip()) == []
        assert Position.read(str(following.position_of(second))).id == second

    def test_a_moment_is_a_position(self) -> None:
        write()
        time.sleep(0.05)
        between = datetime.now(UTC)
        second = write()
        assert drain(following.position_at(between)) == second
        assert drain(following.position_at(datetime.now(UTC) + timedelta(days=1))) == []

    def test_ids_that_are_none_or_gone_say_so(self) -> None:
        with pytest.raises(following.NoSuchPosition) as nothing:
            following.position_of(ids.new_id("evt"))
        assert not isinstance(nothing.value, following.Trimmed)
        with pytest.raises(following.Trimmed):
            following.position_of(ids.new_id("evt", at=datetime(2001, 1, 1, tzinfo=UTC)))
        for text in (
            "",
            "evt_",
            "lead_0VbbLlX51T63ac33fvvr",
            "evt_0VbbLlX51T63ac33fvv'",
            "evt_" + "z" * 20,
        ):
            with pytest.raises((ValueError, following.NoSuchPosition)):
                following.position_of(text)

    def test_lag_counts_and_dates_what_waits(self) -> None:
        write()
        place = following.tip()
        write(), write()
        lag = following.lag(place)
        assert lag.events == 2
        assert lag.since == Event.objects.order_by("timestamp")[1].timestamp


@pytest.mark.parametrize("text", ["", "1", "x.evt_", "1.lead_x", "9" * 30 + ".", "1.evt_1"])
def test_positions_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Position.read(text)


@pytest.mark.django_db
def test_it_walks_the_index_and_does_not_sort_the_record() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        statement = (
            f"EXPLAIN SELECT id FROM events_event WHERE {following.AFTER} AND {following.SETTLED} "
            f"ORDER BY {following.ORDER} LIMIT 100"
        )
        cursor.execute(statement, {"tx": "5", "id": ""})
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Incremental Sort" in plan
    assert "tx_idx" in plan
