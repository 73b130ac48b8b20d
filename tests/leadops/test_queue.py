from __future__ import annotations

import os

import pytest
from django.db import connection

from leadops.lib import queue
from leadops.lib.queue import Every


def lock_all(age: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE django_q_ormq SET lock = now() - interval '{age}'")


@pytest.mark.django_db
def test_tasks_wait_in_their_own_cluster() -> None:
    queue.enqueue("os.getpid")
    queue.enqueue("os.getpid", cluster=queue.PUMP)
    queue.enqueue("os.getpid", "lead_1", cluster=queue.PUMP)
    assert (queue.pending(queue.MISC), queue.pending(queue.PUMP)) == (1, 2)


@pytest.mark.django_db
def test_tasks_being_worked_on_do_not_wait() -> None:
    queue.enqueue("os.getpid")
    lock_all("-10 min")
    assert queue.pending(queue.MISC) == 0
    assert queue.longest_wait(queue.MISC) == 0


@pytest.mark.django_db
def test_it_says_how_long_the_first_task_has_waited() -> None:
    queue.enqueue("os.getpid")
    lock_all("40 s")
    queue.enqueue("os.getpid")
    assert 39 < queue.longest_wait(queue.MISC) < 60


@pytest.mark.django_db
def test_wake_ups_of_pumps_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WAITING_LIMIT", 2)
    for _ in range(5):
        queue.wake_pump()
    assert queue.pending(queue.PUMP) == 2


@pytest.mark.django_db
def test_a_pump_task_that_has_begun_does_not_come_back() -> None:
    from django_q.models import OrmQ

    queue.wake_pump()
    queue.wake_pump()
    queue._forget({"ack_id": OrmQ.objects.first().pk})
    assert queue.pending(queue.PUMP) == 1


@pytest.mark.django_db
def test_a_new_cluster_forgets_only_what_was_claimed() -> None:
    queue.wake_pump()
    lock_all("-10 min")
    queue.wake_pump()
    queue.enqueue("os.getpid")
    queue._forget_claimed(queue.PUMP)
    lock_all("0 s")
    assert (queue.pending(queue.PUMP), queue.pending(queue.MISC)) == (1, 1)


@pytest.mark.django_db
def test_a_pump_that_is_told_to_stop_wakes_no_other() -> None:
    queue.stopping.set()
    try:
        queue.wake_pump()
    finally:
        queue.stopping.clear()
    assert queue.pending(queue.PUMP) == 0


@pytest.mark.django_db
def test_schedules_become_exactly_those_wanted() -> None:
    from django_q.models import Schedule

    queue.keep_schedules([Every("one", "a.b"), Every("two", "a.c", 5)])
    first = Schedule.objects.get(name="two").next_run
    queue.keep_schedules([Every("two", "a.c", 10), Every("three", "a.d")])
    kept = Schedule.objects.get(name="two")
    assert set(Schedule.objects.values_list("name", flat=True)) == {"two", "three"}
    assert (kept.minutes, kept.next_run, kept.cluster) == (10, first, queue.MISC)


def test_the_settings_avoid_the_traps_of_the_library() -> None:
    misc = queue.configuration()
    pump = {**misc, **misc["ALT_CLUSTERS"][queue.PUMP]}
    for cluster in (misc, pump):
        assert cluster["save_limit"] == -1
        assert cluster["ack_failures"] is True
        assert cluster["catch_up"] is False
        assert cluster["bulk"] <= cluster["queue_limit"] <= cluster["workers"]
        assert cluster["retry"] > cluster["timeout"]
    assert pump["timeout"] >= 15 * 60


def test_workers_are_given_to_the_cluster_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in queue.environment(queue.PUMP, 7).items():
        monkeypatch.setenv(name, value)
    assert not queue.needs_restart(queue.PUMP, 7)
    assert queue.needs_restart(queue.MISC)
    chosen = queue.configuration()
    assert chosen["ALT_CLUSTERS"][queue.PUMP]["workers"] == 7
    assert chosen["workers"] == queue.MISC_WORKERS


def test_the_flag_is_seen_by_forked_children() -> None:
    flag = queue.Flag()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        flag.set()
        os.write(writing, b"set")
        os._exit(0)
    os.read(reading, 3)
    os.waitpid(child, 0)
    assert flag.is_set()
