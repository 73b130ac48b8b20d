from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from leadops.lib import processes

linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux only")

FAMILY = """
import os, signal, sys
from leadops.lib import processes
processes.children_die_with_us()
child = os.fork()
if child == 0:
    grandchild = os.fork()
    if grandchild == 0:
        os.write(1, b"%d\\n" % os.getpid())
        signal.pause()
    os.write(1, b"%d\\n" % os.getpid())
signal.pause()
"""


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@linux
def test_children_and_theirs_die_when_a_process_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    descendants = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(_runs(pid) for pid in descendants))
    parent.stdout.close()


@linux
def test_it_finds_the_processes_of_a_run() -> None:
    marked = subprocess.Popen(["sleep", "60"], env={**os.environ, "LEADOPS_RUN": "/a run"})
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, "LEADOPS_RUN": "/a run too"})
    try:
        wait_for(lambda: processes.marked("LEADOPS_RUN", "/a run") == [marked.pid])
        sizes = {each.pid: each.bytes for each in processes.residents("LEADOPS_RUN", "/a run")}
        assert set(sizes) == {marked.pid, os.getpid()}
        assert sizes[os.getpid()] > 10_000_000
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_it_kills_a_whole_group() -> None:
    leader = subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True)
    assert processes.group_of(leader.pid) == leader.pid
    assert processes.kill_group(leader.pid)
    assert leader.wait() == -signal.SIGKILL
    wait_for(lambda: not processes.kill_group(leader.pid))


def test_a_process_that_is_gone_is_no_error() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert processes.group_of(gone.pid) is None
    assert not processes.kill(gone.pid)


def test_it_tells_when_nothing_of_a_process_is_left() -> None:
    one = subprocess.Popen(["sleep", "60"])
    assert not processes.has_ended(one.pid)
    one.kill()
    wait_for(lambda: processes.has_ended(one.pid))  # not buried yet
    one.wait()
    assert processes.has_ended(one.pid)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
