"""Every settled event comes into exactly one seal, and the seals into one chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from events import following
from events.models import Seal
from events.models.record import AppendOnly
from events.sealing import canonical, merkle, seals
from tests.events.sealing.written import NEXT_MONTH, NOW, THIS_MONTH, write

pytestmark = pytest.mark.django_db


def chain() -> list[Seal]:
    return list(Seal.objects.order_by("n"))


def test_it_seals_nothing_in_an_empty_record():
    assert seals.seal() == seals.Sealed(complete=True)
    assert chain() == []


def test_it_seals_each_month_of_a_batch_for_itself():
    write(10, 3)
    write(11, 2, at=NEXT_MONTH)
    assert seals.seal() == seals.Sealed(seals=2, events=5, complete=True)
    first, second = chain()
    assert (first.n, first.month, first.events) == (1, THIS_MONTH.date(), 3)
    assert (second.n, second.month, second.events) == (2, NEXT_MONTH.date(), 2)
    assert (first.from_tx, second.from_tx) == (0, 0)
    assert first.to_tx == second.to_tx <= following.horizon()
    assert bytes(first.previous) == canonical.NO_SEAL
    assert bytes(second.previous) == bytes(first.hash) == seals.facts_of(first).hash()


def test_its_root_is_over_the_events_in_the_order_of_the_record():
    write(12)
    write(11, 2)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {canonical.SQL} FROM events_event ORDER BY tx, id")
        hashes = [merkle.leaf_hash(text.encode()) for (text,) in cursor.fetchall()]
    seals.seal()
    assert bytes(chain()[0].root) == merkle.root(hashes)


def test_it_goes_on_where_it_ended_in_batches_of_whole_transactions():
    for tx in (10, 11, 12, 14):
        write(tx, 2)
    write(13, 5)
    assert seals.seal(batch=3) == seals.Sealed(seals=3, events=13, complete=True)
    made = chain()
    assert [seal.events for seal in made] == [4, 7, 2]
    assert [seal.from_tx for seal in made] == [0, 12, 14]
    assert [seal.to_tx for seal in made][:2] == [12, 14]
    assert seals.seal().events == 0


def test_it_leaves_what_is_young():
    write(10, at=NOW - timedelta(minutes=1))
    write(11, at=datetime.now(UTC) - timedelta(seconds=1))
    write(12, at=NOW - timedelta(minutes=1))
    write(13, at=NOW + timedelta(days=1))
    assert seals.seal(delay=30).events == 1
    assert seals.seal(delay=30).events == 0
    assert seals.seal().events == 3


def test_it_leaves_what_has_not_settled():
    """Rows of the test's own transaction, which is open."""
    write(10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        own = cursor.fetchone()[0]
    write(own)
    assert seals.seal().events == 1
    assert chain()[-1].to_tx <= own


def test_it_stops_when_it_is_told_to():
    write(10)
    assert seals.seal(stopping=lambda: True) == seals.Sealed()


@pytest.mark.parametrize(
    "harm", ["UPDATE events_seal SET events = 2", "DELETE FROM events_seal", "TRUNCATE events_seal"]
)
def test_nobody_changes_a_seal(harm):
    write(10)
    seals.seal()
    with (
        pytest.raises((InternalError, ProgrammingError), match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(harm)
    for change in (Seal.save, Seal.delete):
        with pytest.raises(AppendOnly):
            change(chain()[0])
