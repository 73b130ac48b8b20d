"""`manage.py up` as an operator meets it: start, faults of its processes, stop."""

from __future__ import annotations

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from leadops.lib import postgres
from leadops.watch import START_GRACE
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

RECOVERY_SECONDS = 60.0  # thrice what it takes at worst here: other machines are slower


def age(process: psutil.Process) -> float:
    """Seconds since its start; the watchdog gives a program some of them to come up."""
    return time.time() - process.create_time()


def is_ready(system: LiveSystem) -> bool:
    return system.get("/readyz", timeout=3).status_code == 200


def test_it_starts_says_ready_once_and_stops_clean(stopped: LiveSystem) -> None:
    stopped.start()
    assert stopped.get("/healthz").text == "ok\n"
    assert stopped.get("/readyz").json() == {"ready": True, "reasons": []}
    assert "leadops_work_due" in stopped.get("/metrics").text
    assert stopped.get("/static/admin/css/base.css").status_code == 200
    began = time.monotonic()
    assert stopped.stop() == 0
    assert time.monotonic() - began < 30
    assert stopped.lines.empty()
    assert postgres.pids(stopped.home) == []
    assert stopped.start() < 30  # and again, on what the first run left
    assert stopped.stop() == 0


def test_a_bundle_can_be_loaded_before_the_first_start(fresh: LiveSystem, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.yaml"
    bundle.write_text("leadops: 1\nsources: [{slug: web-form-a, name: Web Form A}]\n")
    with ThreadPoolExecutor(2) as pool:  # even by two at once, who both find no tables
        loads = [pool.submit(fresh.manage, "bundle", "load", str(bundle)) for _ in range(2)]
    said = sorted(load.result().stdout for load in loads)
    assert said == ["+ source web-form-a\n1 change\n", "= nothing to change (0 changes)\n"]
    fresh.start()
    assert fresh.stop() == 0


def test_a_busy_port_is_a_clear_error(stopped: LiveSystem) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = stopped.manage("up", "--port", str(taken.getsockname()[1]), check=False)
    assert refused.returncode == 1
    assert "cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_second_up_says_so(live: LiveSystem) -> None:
    second = live.manage("up", "--port", "1", check=False)
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert is_ready(live)


@pytest.mark.parametrize("name", ["web", "pump", "misc"])
def test_a_killed_program_comes_back_without_orphans(live: LiveSystem, name: str) -> None:
    before = {process.pid for process in live.role(name)}
    live.main(name).kill()
    wait_for(lambda: not before & {process.pid for process in live.role(name)}, RECOVERY_SECONDS)
    took = wait_for(lambda: live.role(name) and is_ready(live), RECOVERY_SECONDS)
    assert took < RECOVERY_SECONDS


@pytest.mark.parametrize("name", ["pump", "misc"])
def test_a_killed_worker_is_replaced(live: LiveSystem, name: str) -> None:
    victim = live.workers(name)[0]
    victim.kill()
    wait_for(lambda: len(live.workers(name)) == 2 and victim not in live.workers(name))
    wait_for(lambda: is_ready(live), RECOVERY_SECONDS)


def test_a_killed_pump_is_replaced_by_another(live: LiveSystem) -> None:
    wait_for(lambda: len(live.pump_pids()) == 2)
    victim = live.pump_pids()[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(set(live.pump_pids()) - {victim}) == 2, RECOVERY_SECONDS)


def test_killed_idle_workers_do_not_wedge_a_cluster(live: LiveSystem) -> None:
    for victim in live.workers("misc"):
        victim.kill()
    wait_for(lambda: len(live.workers("misc")) == 2)
    live.manage("shell", "-v0", "-c", "from leadops.lib import queue; queue.enqueue('os.getpid')")
    wait_for(lambda: live.value("SELECT count(*) FROM django_q_ormq WHERE key = 'misc'") == 0)


def test_a_stopped_web_server_is_replaced(live: LiveSystem) -> None:
    wait_for(lambda: age(live.main("web")) > START_GRACE)
    for process in live.role("web"):
        process.suspend()
    wait_for(lambda: is_ready(live), RECOVERY_SECONDS)


def test_a_stopped_pump_cluster_is_replaced(live: LiveSystem) -> None:
    wait_for(lambda: len(live.pump_pids()) == 2)
    before = live.pump_pids()
    wait_for(lambda: age(live.main("pump")) > START_GRACE)
    for process in live.role("pump"):
        process.suspend()
    wait_for(lambda: set(live.pump_pids()).isdisjoint(before) and is_ready(live), RECOVERY_SECONDS)


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the server is not ours to kill")
def test_a_killed_database_comes_back(live: LiveSystem) -> None:
    live.sql("CREATE TABLE kept AS SELECT 42 AS answer")
    live.kill_database()
    wait_for(lambda: live.value("SELECT answer FROM kept") == 42, RECOVERY_SECONDS)
    wait_for(lambda: is_ready(live), RECOVERY_SECONDS)


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="the server is not ours to kill")
def test_a_restarted_database_is_met_again(live: LiveSystem) -> None:
    postgres.stop(live.home)
    wait_for(lambda: is_ready(live) and len(live.pump_pids()) == 2, RECOVERY_SECONDS)


def test_a_killed_supervisor_comes_back(live: LiveSystem) -> None:
    assert live.up is not None
    before = {process.pid for process in live.processes()}
    [supervisord] = psutil.Process(live.up.pid).children()[-1:]
    supervisord.kill()
    wait_for(lambda: not before & {process.pid for process in live.processes()}, RECOVERY_SECONDS)
    wait_for(lambda: is_ready(live), RECOVERY_SECONDS)


def test_what_a_killed_up_leaves_is_cleared(live: LiveSystem) -> None:
    assert live.up is not None
    live.up.kill()
    live.up.wait()
    assert live.start() < 30
    assert live.stop() == 0
    assert postgres.pids(live.home) == []


def test_ctrl_c_stops_all(live: LiveSystem) -> None:
    assert live.up is not None
    os.killpg(live.up.pid, signal.SIGINT)
    assert live.up.wait(30) == 0
    assert live.processes() == []
