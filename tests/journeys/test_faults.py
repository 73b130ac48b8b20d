"""Faults under load: whatever dies, no lead is lost, nothing is counted twice, work goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from leadops.buyers import Buyers, running_buyers
from leadops.lib import postgres
from tests.journeys import stage
from tests.journeys.stage import Stream
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

LEASE_SECONDS = 5
RECOVERY_SECONDS = 30.0
ENOUGH = 20  # leads sold show that all goes on
SETTLE_SECONDS = 60.0

embedded = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the server is not ours")


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as buyers:
        yield buyers


@pytest.fixture(scope="module")
def shared(buyers: Buyers) -> Iterator[LiveSystem]:
    """A system with a buyer that takes 50 ms, so that attempts are always under way."""
    system = LiveSystem("--workers", "2", environment={"LEADOPS_LEASE": f"{LEASE_SECONDS}s"})
    try:
        system.start()
        stage.set_up(system, f"{buyers.url}/accept?ms=50")
        yield system
    finally:
        system.discard()


def kill_idle_worker(system: LiveSystem) -> None:
    system.workers("misc")[0].kill()


def kill_busy_pump(system: LiveSystem) -> None:
    os.kill(system.pump_pids()[0], signal.SIGKILL)


def kill_all_pumps(system: LiveSystem) -> None:
    for pid in system.pump_pids():
        os.kill(pid, signal.SIGKILL)


def kill_cluster(system: LiveSystem) -> None:
    system.main("pump").kill()


def kill_sentinel(system: LiveSystem) -> None:
    system.main("pump").children()[0].kill()


def kill_web(system: LiveSystem) -> None:
    system.main("web").kill()


def kill_web_worker(system: LiveSystem) -> None:
    system.role("web")[-1].kill()


def kill_database(system: LiveSystem) -> None:
    system.kill_database()


def restart_database(system: LiveSystem) -> None:
    postgres.stop(system.home)


def kill_up_and_start_again(system: LiveSystem) -> None:
    assert system.up is not None
    system.up.kill()
    system.up.wait()
    system.start()


@pytest.mark.parametrize(
    "fault",
    [
        kill_idle_worker,
        kill_busy_pump,
        kill_all_pumps,
        kill_cluster,
        kill_sentinel,
        kill_web,
        kill_web_worker,
        pytest.param(kill_database, marks=embedded),
        pytest.param(restart_database, marks=embedded),
        kill_up_and_start_again,
    ],
)
def test_it_lives_through(
    fault: Callable[[LiveSystem], None], live: LiveSystem, buyers: Buyers
) -> None:
    with Stream(live) as stream:
        _wait_until_it_flows(live, stream)
        fault(live)
        _wait_until_it_flows(live, stream)
    wait_for(lambda: stage.settled(live), SETTLE_SECONDS, what="the end of all work")
    stage.check_books(live, stream, buyers)


def test_a_pump_stopped_past_its_lease_changes_nothing_when_it_goes_on(
    live: LiveSystem, buyers: Buyers
) -> None:
    """Its attempts are taken up by the other pump; what it writes late is refused."""
    with Stream(live) as stream:
        _wait_until_it_flows(live, stream)
        before = live.value(UNKNOWN)
        stopped = _stop_in_the_middle(live)
        # A lease outlives its attempt's deadline, whatever LEADOPS_LEASE says. The watchdog may
        # have ended the pump by then: what it left behind is the same.
        ended = "the end of the stopped pump's leases"
        wait_for(lambda: live.value(UNKNOWN) > before, 60, what=ended)
        with contextlib.suppress(ProcessLookupError):
            os.kill(stopped, signal.SIGCONT)
        _wait_until_it_flows(live, stream)
    wait_for(lambda: stage.settled(live), SETTLE_SECONDS, what="the end of all work")
    stage.check_books(live, stream, buyers)


UNKNOWN = "SELECT count(*) FROM events_event WHERE type = 'recipient.error' AND outcome = 'unknown'"
SOLD = "SELECT count(*) FROM events_lead WHERE id = ANY(%s) AND sales > 0"
UNDER_WAY = "SELECT id FROM events_delivery WHERE state = 'sending'"


def _stop_in_the_middle(system: LiveSystem) -> int:
    """Stop a pump that has attempts under way, and give its process."""
    for number in range(40):
        pid = system.pump_pids()[number % 2]
        os.kill(pid, signal.SIGSTOP)
        before = set(system.sql(UNDER_WAY))
        time.sleep(1)  # the other pump ends its own
        if before & set(system.sql(UNDER_WAY)):
            return pid
        os.kill(pid, signal.SIGCONT)
    raise AssertionError("No pump had anything under way.")


def _wait_until_it_flows(system: LiveSystem, stream: Stream) -> None:
    """Leads that are answered from now on are sold."""
    began = time.monotonic()

    def sold() -> int:
        fresh = [lead for at, lead in list(stream.answers) if at > began]
        return int(system.value(SOLD, fresh))

    wait_for(lambda: sold() >= ENOUGH, RECOVERY_SECONDS, what="sales as before")
