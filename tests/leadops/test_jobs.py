"""Leases on long jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from leadops.lib.jobs import Jobs

pytestmark = pytest.mark.django_db

JOBS = Jobs("job_for_tests")


@pytest.fixture(autouse=True)
def table(db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE job_for_tests (id text, state text, "
            "created_at timestamptz DEFAULT clock_timestamp(), worked_until timestamptz)"
        )
        for id, state in (("a", "queued"), ("b", "running"), ("c", "done")):
            cursor.execute("INSERT INTO job_for_tests (id, state) VALUES (%s, %s)", [id, state])
        yield
        cursor.execute("DROP TABLE job_for_tests")


def run(id: str, steps: list[bool], *, seconds: float = 60.0) -> bool:
    return JOBS.work(id, lambda: steps.pop(0), seconds=seconds, lease=60, stopping=lambda: False)


def test_it_takes_steps_until_nothing_is_left():
    steps = [True, True, False, True]
    assert run("a", steps)
    assert steps == [True]
    assert JOBS.unfinished() == ["a", "b"]


def test_it_stops_when_its_time_is_over_or_it_is_told_to():
    assert not run("a", [True], seconds=0.0)
    assert not JOBS.work("a", lambda: True, seconds=60.0, lease=60, stopping=lambda: True)


def test_one_worker_has_it_until_its_lease_ends():
    assert JOBS.claim("a", 60)
    assert not JOBS.claim("a", 60)
    assert run("a", [])
    assert JOBS.unfinished() == ["b"]
    with connection.cursor() as cursor:
        past = datetime.now(UTC) - timedelta(seconds=1)
        cursor.execute("UPDATE job_for_tests SET worked_until = %s", [past])
    assert JOBS.unfinished() == ["a", "b"]
    JOBS.renew("a", 60)
    assert JOBS.unfinished() == ["b"]


def test_what_has_ended_is_nobodys():
    assert not JOBS.claim("c", 60)
    assert run("c", [])


def test_it_is_free_again_after_a_step_that_breaks():
    def breaks() -> bool:
        raise KeyError

    with pytest.raises(KeyError):
        JOBS.work("a", breaks, seconds=60.0, lease=60, stopping=lambda: False)
    assert JOBS.claim("a", 60)
