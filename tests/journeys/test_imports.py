"""A file of leads and an export whose workers die in the middle, with live leads beside them: every
row once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import requests

from leadops.buyers import Buyers
from tests.journeys import exporting, stage
from tests.journeys.stage import PRICE, Stream
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

ROWS = 600
BAD = 3  # rows among them that are no leads
RATE = 60
KEY = "ops-key-of-the-journeys-0123456789"
LEASE_SECONDS = 5
SETTLE_SECONDS = 120.0
# Its lease ends, and a schedule that runs by the minute finds it.
TAKEN_UP_SECONDS = 300.0
SETUP = """
from leadops.accounts.models import AccountKey, User

key = AccountKey(user=User.objects.create_user(username="olga", role="ops"))
key.set({key!r})
key.save()
"""
IMPORT = "SELECT state, total, accepted, rejected, failed FROM flows_leadimport"
DONE = "SELECT accepted + rejected + failed FROM flows_leadimport"


@pytest.fixture
def system(buyers: Buyers) -> Iterator[LiveSystem]:
    system = LiveSystem("--workers", "2", environment={"LEADOPS_LEASE": f"{LEASE_SECONDS}s"})
    try:
        system.start()
        stage.set_up(system, f"{buyers.url}/accept")
        system.manage("shell", "-v0", "-c", SETUP.format(key=KEY))
        yield system
    finally:
        system.discard()


def file() -> bytes:
    lines = [f"row{n}@example.com" for n in range(ROWS - BAD)]
    lines[100:100] = ["no mail", "a,b", '"open']
    return "\n".join(["E-Mail", *lines]).encode()


def send(system: LiveSystem) -> str:
    answer = requests.post(
        f"{system.url}/api/v1/flows/auto/imports?source=web&rate={RATE}",
        data=file(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "text/csv"},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def kill_workers(system: LiveSystem) -> None:
    for worker in system.workers("misc"):
        worker.kill()


def kill_cluster(system: LiveSystem) -> None:
    """Its main process: the supervisor ends what is left of it and starts another."""
    system.main("misc").kill()


@pytest.mark.parametrize("kill", [kill_workers, pytest.param(kill_cluster, marks=pytest.mark.soak)])
def test_every_row_is_taken_once_although_the_workers_were_killed(
    kill: Callable[[LiveSystem], None], system: LiveSystem, buyers: Buyers
) -> None:
    exporting.fill(system)
    with Stream(system, rate=20) as stream:
        id = send(system)
        wait_for(lambda: 50 < done(system) < ROWS, 120, what="the middle of the import")
        export = exporting.begin(system, KEY)
        wait_for(lambda: exporting.is_midway(system), 120, what="the middle of the export")
        kill(system)
        left, exported = done(system), exporting.rows(system)
        assert (left < ROWS, exported < exporting.ROWS) == (True, True)
        wait_for(lambda: done(system) > left + 1, TAKEN_UP_SECONDS, what="another worker")
        wait_for(lambda: system.sql(IMPORT)[0][0] == "done", 180, what="the end of the import")
    assert stream.problems == []
    assert system.sql(IMPORT) == [("done", ROWS, ROWS - BAD, 1, 2)]
    wait_for(lambda: stage.settled(system), SETTLE_SECONDS, what="the end of all work")
    check_books(system, id, live=len(stream.answered))
    check_buyer(buyers, live=len(stream.answered))
    wait_for(lambda: exporting.is_done(system), TAKEN_UP_SECONDS, what="the end of the export")
    exporting.check(system, export, KEY)


def done(system: LiveSystem) -> int:
    return int(system.value(DONE))


def check_books(system: LiveSystem, id: str, *, live: int) -> None:
    """Every row is one lead, counted and paid for once."""
    rows = "SELECT count(*), count(DISTINCT lead_id) FROM flows_leadimportrow WHERE lead_id <> ''"
    assert system.sql(rows) == [(ROWS - 2, ROWS - 2)]
    taken = (
        "SELECT count(*), count(DISTINCT data->'import'->>'row') FROM events_event "
        "WHERE type = 'source.accepted' AND data->'import'->>'id' = %s"
    )
    assert system.sql(taken, id) == [(ROWS - BAD, ROWS - BAD)]
    leads = "SELECT count(*) FROM events_lead WHERE status <> 'rejected'"
    assert system.value(leads) == ROWS - BAD + live
    assert system.value("SELECT sum(revenue) FROM events_lead") == PRICE * (ROWS - BAD + live)
    ended = "SELECT count(*) FROM events_event WHERE type = 'import.ended'"
    assert system.value(ended) == 1
    assert system.manage("verify", check=False).returncode == 0


def check_buyer(buyers: Buyers, *, live: int) -> None:
    seen = Counter(entry["idempotency_key"] for entry in buyers.log(path="/accept"))
    assert set(seen.values()) == {1}
    assert len(seen) == ROWS - BAD + live
