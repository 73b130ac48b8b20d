"""Sealing and checking while others write, in short and long transactions: no false alarm, and in
the end every event in exactly one seal."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from events import verify
from events.journal import Journal
from events.models import Event, Seal
from events.sealing import checking, seals
from events.vocabulary import EventType

WRITERS, ROUNDS, LONG_ROUNDS = 3, 25, 4


def write(number: int) -> None:
    journal = Journal(datetime.now(UTC))
    for _ in range(number):
        journal.operation(EventType.CONFIG_CHANGED, entity_id="x", note="ä")
    with connection.cursor() as cursor:
        journal.write(cursor)


def short(_: int) -> int:
    """Many small transactions, some of them taken back."""
    kept = 0
    for each in range(ROUNDS):
        with transaction.atomic():
            write(3)
            if each % 5 == 0:
                transaction.set_rollback(True)
            else:
                kept += 3
    connection.close()
    return kept


def long(_: int) -> int:
    """Few that write, wait, and write again."""
    for _ in range(LONG_ROUNDS):
        with transaction.atomic():
            write(2)
            time.sleep(0.15)
            write(2)
    connection.close()
    return LONG_ROUNDS * 4


def sealing(over: threading.Event) -> int:
    """Two of these at once must not fork the chain."""
    made = 0
    while not over.is_set():
        made += seals.seal(batch=7, wait=False).seals
    connection.close()
    return made


def looking(over: threading.Event) -> list[str]:
    problems: list[str] = []
    while not over.is_set():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            problems += checking.check().problems
        problems += checking.check().problems  # and of no one moment
    connection.close()
    return problems


@pytest.mark.django_db(transaction=True)
def test_writers_never_make_a_false_alarm():
    over = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        around = [pool.submit(sealing, over), pool.submit(sealing, over)]
        looks = pool.submit(looking, over)
        writers = [pool.submit(short, n) for n in range(WRITERS)] + [pool.submit(long, 0)]
        try:
            written = sum(writer.result() for writer in writers)
        finally:
            over.set()
        assert looks.result() == []
        made = sum(each.result() for each in around)
    made += seals.seal().seals
    assert made == Seal.objects.count() > 1
    assert sum(seal.events for seal in Seal.objects.all()) == written == Event.objects.count()
    found = checking.check()
    assert (found.problems, found.waiting, found.events) == ([], 0, written)
    assert next(each for each in verify.run() if each.name == "seals").problems == []
