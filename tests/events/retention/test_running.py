"""What is no longer kept goes, and nothing else; what stays agrees with itself."""

from __future__ import annotations

import threading
from decimal import Decimal

import psycopg
import pytest
from django.db import connection
from django.db.models.functions import Now

from events import verify
from events.models import Delivery, Event, Exchange, Lead, LeadKey, Snapshot, Trim, TrimRun
from events.retention import planning, running, terms, thinning
from events.sealing import seals
from flows.byhand import by_hand, retrying
from flows.models import Flow
from recipients.outcomes import Outcome
from tests.events.retention.ages import DAY, keep, month_of, older, there
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = 100  # days


@pytest.fixture
def play():
    return scene(recipient("abc"))


def sold(play, number: int) -> str:
    answer = play.post(email=f"{number}@example.com", phone_1=f"555555{number:04}")
    play.play(abc=[attempt(Outcome.ACCEPTED, price=Decimal(45))])
    return str(answer.lead_id)


def waiting(play) -> str:
    return str(play.post(email="waits@example.com", phone_1="5555559999").lead_id)


def run(**limits: float) -> TrimRun:
    trim = running.start(by="olga")
    assert trim is not None
    while not running.work(trim.id, seconds=60, stopping=lambda: False):
        pass
    trim.refresh_from_db()
    return trim


def problems() -> dict[str, list[str]]:
    return {check.name: check.problems for check in verify.run() if check.problems}


def money() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, sum(n), sum(revenue), sum(cost) FROM events_figure GROUP BY 1")
        return sorted(cursor.fetchall())


def test_months_that_are_out_go_and_everything_else_agrees(play):
    old, between = sold(play, 1), sold(play, 2)
    retrying.retry_delivery(Delivery.objects.get(lead_id=between).id, by="olga", force=True)
    older(LONG_AGO)
    play.play(abc=[attempt(Outcome.ACCEPTED)])  # goes on today
    new = sold(play, 3)
    figures = money()
    keep(events=40, exchanges=30, snapshots=60)
    seals.seal()
    done = run()
    assert (done.state, done.note) == ("done", "")
    month = month_of(LONG_AGO)
    assert not any(there(kept.value, month) for kept in terms.Kept)
    assert set(Exchange.objects.values_list("lead_id", flat=True)) == {between, new}
    assert set(Snapshot.objects.values_list("lead_id", flat=True)) == {new}
    assert not Event.objects.filter(lead_id=old).exists()
    assert Event.objects.filter(lead_id=between).order_by("seq").first().seq > 1
    assert (Lead.objects.count(), LeadKey.objects.filter(lead_id=old).exists()) == (3, False)
    assert money() == figures
    assert problems() == {}
    told = Event.objects.filter(type="record.trimmed")
    assert {event.data["table"] for event in told} == {kept.value for kept in terms.Kept}
    assert Trim.objects.filter(whole=True, month=month).count() == 3

    trims = Trim.objects.count()
    assert (run().rows, Trim.objects.count()) == (0, trims)
    with pytest.raises(by_hand.NotNow, match="no longer kept"):
        retrying.retry_delivery(Delivery.objects.get(lead_id=old).id, by="olga", force=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE events_trim SET rows = rows + 1 WHERE table_name = 'events_event'")
    assert set(problems()) == {"trims", "seals"}


def test_events_that_are_not_sealed_stay(play):
    sold(play, 1)
    older(LONG_AGO)
    keep(events=40)
    done = run()
    assert "not sealed yet" in done.note
    assert there("events_event", month_of(LONG_AGO))
    assert problems() == {}


def test_nothing_of_a_lead_under_way_goes(play):
    through, held = sold(play, 1), waiting_for_review(play)
    under_way = waiting(play)
    older(LONG_AGO)
    keep(events=40, exchanges=30, snapshots=30)
    seals.seal()
    done = run()
    assert "2 leads are still under way or in review" in done.note
    assert set(Snapshot.objects.values_list("lead_id", flat=True)) == {under_way, held}
    assert Event.objects.filter(lead_id=through).exists()  # a month of events goes as a whole
    assert problems() == {}


def waiting_for_review(play) -> str:
    lead_id = sold(play, 2)
    Lead.objects.filter(id=lead_id).update(status="review", held_at=Now())
    return lead_id


def test_a_flow_keeps_its_own_for_longer_and_another_for_shorter(play):
    usual, long, short = (sold(play, number) for number in (1, 2, 3))
    flows = {
        name: Flow.objects.create(slug=name, name=name, exchanges_kept=days * DAY)
        for name, days in (("long", 400), ("short", 10))
    }
    for name, lead_id in (("long", long), ("short", short)):
        Lead.objects.filter(id=lead_id).update(flow=flows[name])
    older(LONG_AGO - 80)
    keep(exchanges=30)
    assert run().rows == 1
    assert set(Exchange.objects.values_list("lead_id", flat=True)) == {usual, long}
    older(80)
    assert run().rows == 1
    assert set(Exchange.objects.values_list("lead_id", flat=True)) == {long}
    told = Trim.objects.order_by("id").values_list("flow_id", "rows", "whole")
    assert list(told) == [(flows["short"].id, 1, False), (play.flow.id, 1, False)]
    assert "trims" not in problems()


def many_blocks() -> None:
    """More snapshots, so that they take several blocks of the table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_snapshot SELECT id || n, lead_id, 10 + n, at, "
            "jsonb_build_object('a', repeat(md5(id), 40)) "
            "FROM events_snapshot, generate_series(1, 9) n"
        )


def test_a_run_that_was_killed_is_gone_on_with(play, monkeypatch):
    for number in range(4):
        sold(play, number)
    older(LONG_AGO)
    Flow.objects.create(slug="other", name="Other", snapshots_kept=400 * DAY)  # no whole months
    keep(snapshots=30)
    many_blocks()
    monkeypatch.setattr(thinning, "BLOCKS", 1)
    rows = Snapshot.objects.count()
    trim = running.start()
    first = running.Runner(trim.id)
    while not trim.rows:
        assert first.step()
        trim.refresh_from_db()
    assert 0 < trim.rows < rows
    assert running.start() is None
    assert running.work(trim.id, seconds=60, stopping=lambda: False)  # its lease runs yet
    TrimRun.objects.update(worked_until=Now())
    while not running.work(trim.id, seconds=60, stopping=lambda: False):
        pass
    trim.refresh_from_db()
    assert (trim.state, trim.rows, Snapshot.objects.count()) == ("done", rows, 0)
    assert [e.data["rows"] for e in Event.objects.filter(type="record.trimmed")] == [rows]
    assert problems() == {}


def test_a_run_that_was_cancelled_says_what_went(play, monkeypatch):
    for number in range(2):
        sold(play, number)
    older(LONG_AGO)
    Flow.objects.create(slug="other", name="Other", snapshots_kept=400 * DAY)
    keep(snapshots=30)
    many_blocks()
    monkeypatch.setattr(thinning, "BLOCKS", 1)
    trim = running.start()
    runner = running.Runner(trim.id)
    while not trim.rows:
        assert runner.step()
        trim.refresh_from_db()
    assert running.cancel(trim.id)
    assert not runner.step()
    assert not running.cancel(trim.id)
    trim.refresh_from_db()
    assert trim.state == "cancelled"
    assert Event.objects.get(type="record.trimmed").data["rows"] == trim.rows > 0
    assert "trims" not in problems()


def test_writers_lose_nothing_while_a_month_is_dropped(play):
    sold(play, 1)
    older(LONG_AGO)
    keep(exchanges=30)
    stop, written, wrong = threading.Event(), [], []
    sql = (
        "INSERT INTO events_exchange SELECT 'w' || %s, 'lead', '', 1, clock_timestamp(), 1, '', "
        "'', '{}', '', 200, '{}', '', ''"
    )

    def write() -> None:
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
            while not stop.is_set():
                try:
                    other.execute(sql, [len(written)])
                    written.append(1)
                except psycopg.Error as error:  # pragma: no cover  only when it fails
                    wrong.append(error)
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = run()
        before = len(written)
        while len(written) == before and not wrong:
            stop.wait(0.01)
    finally:
        stop.set()
        writer.join()
    assert (wrong, done.note) == ([], "")
    assert not there("events_exchange", month_of(LONG_AGO))
    assert Exchange.objects.filter(lead_id="lead").count() == len(written)


def test_it_does_not_wait_long_for_somebody_who_reads(play, monkeypatch):
    sold(play, 1)
    older(LONG_AGO)
    keep(exchanges=30)
    monkeypatch.setattr(running, "TRIES", 2)
    monkeypatch.setattr(running, "PAUSE", 0.01)
    with psycopg.connect(**connection.get_connection_params()) as reader:
        reader.execute("SELECT count(*) FROM events_exchange")
        assert "the next run tries again" in run().note
    assert there("events_exchange", month_of(LONG_AGO))
    assert run().note == ""
    assert not there("events_exchange", month_of(LONG_AGO))


def test_the_plan_says_what_goes_without_touching_it(play):
    sold(play, 1)
    older(LONG_AGO)
    keep(exchanges=30, snapshots=60)
    plan = planning.plan(terms.load())
    month = month_of(LONG_AGO)
    found = {due.month.kept: (due.whole, due.waits) for due in plan if due.month.first == month}
    assert found == {terms.Kept.EXCHANGES: (True, ""), terms.Kept.SNAPSHOTS: (True, "")}
    assert sum(due.freed for due in plan) > 0
    assert Exchange.objects.exists()
    assert Snapshot.objects.exists()
