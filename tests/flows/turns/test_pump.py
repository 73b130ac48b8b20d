"""The pump's places, its claims, and the whole of it against a real buyer on loopback."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from events.models import Delivery, Event, Lead
from flows.models import Pump as Heartbeat
from flows.models import Work
from flows.turns.pump import Pump
from flows.turns.window import Window
from leadops.buyers import running_buyers
from leadops.lib import claim
from recipients.models import Endpoint
from tests.flows.scene import recipient, scene


class TestWindow:
    def test_a_lane_alone_takes_three_quarters(self):
        window = Window(128)
        assert sum(window.take("a") for _ in range(200)) == 96

    def test_several_lanes_share_evenly_and_a_new_one_finds_room(self):
        window = Window(120)
        while window.take("hung"):
            pass
        assert window.take("new")
        taken = Counter(lane for lane in ("b", "c") for _ in range(200) if window.take(lane))
        assert window.held.total() <= 120
        assert min(taken.values()) >= 1

    def test_retries_take_a_third_of_a_lanes_share(self):
        window = Window(120)
        assert sum(window.take("a:retry") for _ in range(200)) == 30

    def test_a_released_place_is_free_again(self):
        window = Window(4)
        while window.take("a"):
            pass
        window.release("a")
        assert window.take("a")


@pytest.mark.django_db
class TestClaim:
    def work(self, lane: str, count: int, **facts: Any) -> None:
        Work.objects.bulk_create(
            Work(
                kind="deliver", lead_id=f"l{lane}{n}", delivery_id=f"d{lane}{n}", lane=lane, **facts
            )
            for n in range(count)
        )

    def claim(self, **options):
        defaults = {"lease": "0" * 32, "seconds": 60.0, "places": {}, "otherwise": 10}
        with connection.cursor() as cursor:
            return claim.claim(cursor, "flows_work", **{**defaults, **options})

    def test_it_takes_of_every_lane_so_that_a_backlog_starves_nobody(self):
        self.work("busy", 500)
        self.work("quiet", 2)
        lanes = Counter(c.lane for c in self.claim())
        assert lanes == {"busy": 10, "quiet": 2}

    def test_it_keeps_to_the_places_of_a_lane(self):
        self.work("a", 5)
        self.work("b", 5)
        assert Counter(c.lane for c in self.claim(places={"a": 1, "b": 0})) == {"a": 1}

    def test_it_takes_the_oldest_first(self):
        self.work("a", 3)
        oldest = Work.objects.last()
        Work.objects.filter(pk=oldest.pk).update(due_at="2020-01-01T00:00Z")
        assert [c.id for c in self.claim(otherwise=1)] == [oldest.pk]

    def test_it_leaves_what_is_not_due(self):
        self.work("a", 1)
        Work.objects.update(due_at="2999-01-01T00:00Z")
        assert self.claim() == []

    def test_a_lane_full_of_held_work_does_not_slow_claims_down(self):
        """The index finds what is due; it does not walk over what waits for somebody."""
        self.work("held", 5000, due_at="9999-01-01T00:00Z")
        self.work("other", 1)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE flows_work")
            cursor.execute(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
                + claim.CLAIM.format(table="flows_work", most=1_000),
                {"lease": "0" * 32, "seconds": 1, "places": "{}", "otherwise": 10},
            )
            plan = cursor.fetchone()[0][0]["Plan"]
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 100

    def test_it_counts_the_claim_and_makes_the_lease_long_enough(self):
        self.work("a", 1)
        Work.objects.update(hold=500.0)
        [claimed] = self.claim()
        assert claimed.claims == 1
        assert not claimed.left_behind
        left = Work.objects.get().due_at.timestamp() - time.time()
        assert 490 < left < 510

    def test_a_row_without_end_never_stops_the_others(self):
        self.work("a", 1, claims=32_767)
        self.work("b", 1)
        assert Counter(c.lane for c in self.claim()) == {"a": 1, "b": 1}

    def test_it_says_when_a_row_was_left_behind(self):
        self.work("a", 1)
        self.claim(seconds=-1.0)
        [again] = self.claim()
        assert again.left_behind
        assert again.claims == 2


@pytest.mark.django_db(transaction=True)
def test_it_pumps_leads_to_a_real_buyer_until_told_to_stop():
    buyer = recipient("abc")
    play = scene(buyer)
    with running_buyers() as buyers:
        Endpoint.objects.update(url=f"{buyers.url}/accept?price=41.50")
        answers = [play.post(email=f"p{n}@example.com") for n in range(50)]
        pump = Pump(stopping=lambda: not Work.objects.exists(), size=8)
        pump.run(30)
        keys = {entry["idempotency_key"] for entry in buyers.log()}
    assert Lead.objects.filter(result="sold").count() == 50
    assert keys == set(Delivery.objects.values_list("id", flat=True))
    assert Event.objects.filter(type="flow.completed").count() == 50
    assert play.lead(answers[0]).revenue == 41.5
    assert not Heartbeat.objects.exists()
    assert pump.window.held.total() == 0


@pytest.mark.django_db(transaction=True)
def test_two_pumps_send_each_lead_once():
    play = scene(recipient("abc"))
    with running_buyers() as buyers:
        Endpoint.objects.update(url=f"{buyers.url}/accept?ms=5")
        for n in range(60):
            play.post(email=f"p{n}@example.com")

        def pump() -> None:
            Pump(stopping=lambda: not Work.objects.exists(), size=8).run(30)
            connection.close()

        threads = [threading.Thread(target=pump) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert buyers.stats()["repeats"] == 0
        assert buyers.stats()["total"] == 60
    assert Lead.objects.filter(result="sold").count() == 60


@pytest.mark.django_db(transaction=True)
def test_a_pump_that_was_stopped_past_its_lease_does_not_send(monkeypatch):
    play = scene(recipient("abc"))
    monkeypatch.setattr("flows.turns.pump.LEASE_MARGIN", -1.0)
    with running_buyers() as buyers:
        Endpoint.objects.update(url=f"{buyers.url}/accept")
        answer = play.post()
        pump = Pump(stopping=lambda: pump.sent > 0, size=2)
        pump.run(10)
        assert buyers.stats()["total"] == 0
    error = play.event(answer, "recipient.error")
    assert (error.outcome, error.reason) == ("unavailable", "Not sent")


@pytest.fixture
def market():
    """A scene whose buyer listens on loopback."""
    play = scene(recipient("abc"))
    with running_buyers() as buyers:
        Endpoint.objects.update(url=f"{buyers.url}/accept")
        play.buyers = buyers
        yield play


def until_sold(play, pump, count, seconds=10.0):
    """Turns of duty until so many leads are sold."""
    end = time.monotonic() + seconds
    while Lead.objects.filter(result="sold").count() < count and time.monotonic() < end:
        pump.run(0.1)
    assert Lead.objects.filter(result="sold").count() == count


@pytest.mark.django_db(transaction=True)
class TestDuty:
    """A pump lives for many turns of duty."""

    def test_it_goes_on_with_what_the_last_turn_has_under_way(self, market):
        Endpoint.objects.update(url=f"{market.buyers.url}/accept?ms=3000")
        market.post()
        pump = Pump(stopping=lambda: False, size=2)
        began = time.monotonic()
        while not pump.sent:
            pump.run(0.05)
        assert time.monotonic() - began < 2.5, "A turn of duty waited for a slow buyer."
        until_sold(market, pump, 1)
        pump.close()
        assert market.buyers.stats()["repeats"] == 0

    def test_it_keeps_no_threads_and_files_over_many_turns(self, market):
        pump = Pump(stopping=lambda: False, size=4)
        pump.run(0.1)
        before = None
        for n in range(10):
            market.post(email=f"p{n}@example.com")
            until_sold(market, pump, n + 1)
            before = before or self.held()
        assert self.held() == before
        pump.close()

    def test_many_pumps_one_after_the_other_leave_nothing_behind(self, market):
        before = None
        for n in range(10):
            pump = Pump(stopping=lambda: False, size=4)
            market.post(email=f"p{n}@example.com")
            until_sold(market, pump, n + 1)
            pump.close()
            for thread in pump.senders.threads:
                thread.join(5)
            before = before or self.held()
        assert self.held() == before

    def test_a_sender_that_ends_late_rings_no_stranger(self, market):
        Endpoint.objects.update(url=f"{market.buyers.url}/accept?ms=300")
        market.post()
        pump = Pump(stopping=lambda: False, size=1)
        while not pump.sent:
            pump.run(0.05)
        pump.close()
        # Whoever opens files next gets the pipe's numbers.
        strangers = [os.pipe() for _ in range(4)]
        pump.senders.threads[0].join(5)
        for read, write in strangers:
            os.set_blocking(read, False)
            with pytest.raises(BlockingIOError):
                os.read(read, 1)
            os.close(read)
            os.close(write)

    @staticmethod
    def held():
        """Threads and open files of this process."""
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.django_db(transaction=True)
class TestWakeUps:
    """However it falls, a lead never waits for the poll."""

    @pytest.fixture
    def pump(self, market, monkeypatch):
        pump = Pump(stopping=lambda: False, size=2)
        pump._pass(claiming=True)
        # So long that waiting for it is told from a wake-up on any machine.
        monkeypatch.setattr("flows.turns.pump.POLL", 20.0)
        yield pump
        pump.close()

    def waits(self, pump):
        began = time.monotonic()
        pump._wait()
        return time.monotonic() - began

    def test_it_hears_what_came_during_a_claim(self, pump, market):
        market.post()
        pump.listener.execute("SELECT 1")  # reads the wake-up from the socket
        assert self.waits(pump) < 10

    def test_it_hears_what_came_before_a_turn_was_due(self, pump, market):
        market.post()
        self.waits(pump)
        pump.last_turn = time.monotonic()
        assert self.waits(pump) < 10

    def test_it_sleeps_when_there_is_nothing(self, pump, monkeypatch):
        monkeypatch.setattr("flows.turns.pump.POLL", 0.25)
        pump.last_turn = 0.0
        assert self.waits(pump) > 0.2


@pytest.mark.django_db(transaction=True)
def test_a_full_pump_claims_nothing(market):
    market.post()
    pump = Pump(stopping=lambda: False, size=2)
    pump._connect()
    pump.window.held.update(a=1, b=1)
    assert pump._claim() == []
    assert Work.objects.get().claims == 0
    pump.close()


@pytest.mark.django_db(transaction=True)
def test_what_a_failed_turn_had_claimed_is_not_left_to_its_lease(market, monkeypatch):
    real = Pump._take

    def fail_once(self, claimed, taken, *, claiming):
        monkeypatch.setattr(Pump, "_take", real)
        raise psycopg.OperationalError("deadlock detected")

    monkeypatch.setattr(Pump, "_take", fail_once)
    market.post()
    pump = Pump(stopping=lambda: False, size=2)
    until_sold(market, pump, 1)
    pump.close()
