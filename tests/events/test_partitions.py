"""The record's months are made ahead; who falls into the net is seen, and got out again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from events import partitions, partitionwatch, tasks
from events.models import Alert, Event
from events.partitions import Readiness
from tests.flows.scene import recipient, scene

pytestmark = pytest.mark.django_db

# A month long past, and the one after: no other test makes them.
FIRST, SECOND = date(2019, 3, 1), date(2019, 4, 1)


def sql(statement: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def fall(*months: date) -> None:
    """Have an event in each month, which has no table."""
    for number, month in enumerate(months):
        sql(
            "INSERT INTO events_event SELECT 'evt_net' || %s, seq, type, %s, lead_id, flow_id, "
            "entity_id, outcome, reason, duration_ms, snapshot, exchange_id, digest, data, '77' "
            "FROM events_event LIMIT 1",
            number,
            datetime(month.year, month.month, 3, tzinfo=UTC),
        )


def table_of(event_id: str) -> str:
    rows = sql("SELECT tableoid::regclass::text FROM events_event WHERE id = %s", event_id)
    return str(rows[0][0])


@pytest.fixture
def lead():
    return scene(recipient("abc")).post()


def mend() -> str:
    out = StringIO()
    call_command("partitions", mend=True, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("months", [(FIRST,), (FIRST, SECOND)])
def test_rows_in_the_net_raise_an_alarm_until_they_are_moved(lead, months):
    fall(*months)
    tasks.make_partitions()
    assert Alert.objects.get(resolved_at=None).subject == partitionwatch.NET
    with pytest.raises(CommandError, match="--mend"):
        call_command("partitions", stdout=StringIO())
    before = sql("SELECT * FROM events_event WHERE tx = '77' ORDER BY id")
    assert f"events_event: {len(months)} rows moved" in mend()
    for number, month in enumerate(months):
        assert table_of(f"evt_net{number}") == partitions.name_of("events_event", month)
    assert sql("SELECT * FROM events_event WHERE tx = '77' ORDER BY id") == before
    assert partitions.readiness().nets == ()
    assert not Alert.objects.filter(resolved_at=None).exists()
    fall(date(2019, 5, 1))
    assert partitions.readiness().nets == ("events_event_rest",)


def test_what_was_moved_stays_append_only(lead):
    fall(FIRST)
    partitions.mend()
    with pytest.raises(Exception, match="never changed"):
        sql("DELETE FROM events_event WHERE id = 'evt_net0'")


def test_a_month_in_the_net_does_not_keep_others_from_being_made(lead):
    fall(FIRST)
    made = partitions.ensure(FIRST)
    assert partitions.name_of("events_event", FIRST) not in made
    assert partitions.name_of("events_event", SECOND) in made
    assert partitions.name_of("events_snapshot", FIRST) in made
    partitions.mend()
    assert partitions.ensure(FIRST) == []


def test_the_alarm_comes_when_the_months_are_not_made_ahead():
    now = datetime(2026, 11, 21, tzinfo=UTC)
    ahead = Readiness(datetime(2027, 2, 1, tzinfo=UTC), ())
    assert not list(partitionwatch.trouble(ahead, now))
    late = Readiness(now + timedelta(days=10), ())
    assert [subject for subject, _ in partitionwatch.trouble(late, now)] == [partitionwatch.AHEAD]


def test_the_watch_sees_a_missing_month():
    sql(f"DROP TABLE {partitions.name_of('events_exchange', next_month())}")
    partitionwatch.watch()
    assert Alert.objects.get(resolved_at=None).subject == partitionwatch.AHEAD
    assert Event.objects.filter(type="alert.raised").exists()
    tasks.make_partitions()
    assert not Alert.objects.filter(resolved_at=None).exists()


def next_month() -> date:
    return partitions.following(datetime.now(UTC).date().replace(day=1))


def test_metrics_tell_both(client):
    lines = client.get("/metrics").content.decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert found['leadops_record_net_used{table="events_event"}'] == "0"
    ahead = float(found["leadops_record_ahead_seconds"])
    assert ahead > partitionwatch.FAR_ENOUGH.total_seconds()
