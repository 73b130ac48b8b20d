"""The journal writes what happened, whole, in order, and nobody changes it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from events.journal import REASON_LENGTH, Journal, salted_digest
from events.models import Event, Exchange, Snapshot
from events.models.record import AppendOnly
from events.vocabulary import EventType
from leadops.lib import ids

pytestmark = pytest.mark.django_db

AT = datetime.now(UTC).replace(microsecond=123_000)


@dataclass
class Lead:
    id: str = "lead_1"
    flow_id: str = "flow_1"
    source_id: str = "src_1"
    test: bool = False
    seq: int = 0
    snapshot: int = 0
    salt: bytes | None = b"salt"


def write(journal: Journal) -> None:
    with connection.cursor() as cursor:
        journal.write(cursor)


def event(**facts) -> Event:
    lead, journal = Lead(), Journal(AT)
    journal.record(lead, EventType.SOURCE_SUBMITTED, entity_id="src_1", **facts)
    write(journal)
    return Event.objects.get()


def test_it_numbers_the_events_of_a_lead():
    lead, journal = Lead(seq=4), Journal(AT)
    for _ in range(3):
        journal.record(lead, EventType.FILTER_PASSED, entity_id="step_1")
    write(journal)
    assert lead.seq == 7
    assert list(Event.objects.order_by("id").values_list("seq", flat=True)) == [5, 6, 7]


def test_it_keeps_the_moment_to_the_millisecond():
    assert event().timestamp == AT


def test_it_makes_a_version_of_the_values_with_a_salted_digest():
    values = {"email": "ann@example.com", "score": 5}
    found = event(values=values)
    snapshot = Snapshot.objects.get()
    assert (found.snapshot, snapshot.version, snapshot.body) == (1, 1, values)
    assert bytes(found.digest) == salted_digest(b"salt", values)
    assert salted_digest(b"other", values) != salted_digest(b"salt", values)


def test_it_points_at_the_exchange():
    exchange = {
        "delivery_id": "dlv_1",
        "attempt": 1,
        "duration_ms": 5,
        "method": "POST",
        "url": "https://x.example",
        "request_headers": {},
        "request_body": "a",
        "status": None,
        "reply_headers": {},
        "reply_body": "",
        "error": "reset",
    }
    assert event(exchange=exchange).exchange_id == Exchange.objects.get().id


def test_it_takes_what_no_column_can_hold():
    found = event(reason="x" * 2000, note="a\x00b", deep={"n": 10**25, "t": (1, AT)})
    assert len(found.reason) == REASON_LENGTH
    assert found.data["note"] == "a�b"


def test_it_lets_a_type_have_fields_called_kind_and_lead():
    assert event(kind="return").data == {"kind": "return"}


def test_it_notes_operations_about_no_lead():
    journal = Journal(AT)
    journal.operation(EventType.RECIPIENT_PAUSED, entity_id="rcp_1", reason="by olga", by="olga")
    write(journal)
    found = Event.objects.get()
    assert (found.lead_id, found.seq, found.data) == ("", 0, {"by": "olga"})


def test_it_gives_ids_that_sort_like_the_moments():
    first = event()
    assert ids.new_id("evt") > first.id


def test_it_gives_past_moments_ids_of_the_past():
    then = AT - timedelta(days=40)
    with ids.moved_clock(lambda: then):
        journal = Journal(then)
        lead = Lead()
        made = [
            journal.record(lead, EventType.FILTER_PASSED, entity_id="step_1") for _ in range(50)
        ]
    assert made == sorted(made)
    assert made[-1] < ids.new_id("evt", at=then + timedelta(seconds=1))
    assert ids.new_id("evt") > ids.new_id("evt", at=AT - timedelta(days=1))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events_event SET reason = 'another'",
        "DELETE FROM events_event",
        "TRUNCATE events_event",
    ],
)
def test_it_cannot_be_changed_in_the_database(statement):
    event()
    with (
        pytest.raises((InternalError, ProgrammingError), match="never"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Event.objects.exists()


def test_it_cannot_be_changed_through_the_model():
    found = event()
    with pytest.raises(AppendOnly):
        found.save()
    with pytest.raises(AppendOnly):
        found.delete()


def test_it_finds_a_months_events_in_the_months_table():
    event()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM events_event_{AT:%Y_%m}")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM events_event_rest")
        assert cursor.fetchone() == (0,)
