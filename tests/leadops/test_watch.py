"""What the watchdog decides, on a clock of the tests' own."""

from __future__ import annotations

import os

import pytest

from leadops.lib import queue
from leadops.supervision import State
from leadops.vitals import Beat, StreamsBeat, Vitals
from leadops.watch import COMING_UP, Judge, Newcomers, Patience, Verdict

HERE = "here"
NOTHING = Verdict()


@pytest.fixture
def judge() -> Judge:
    return Judge(lease=90.0, host=HERE)


def beat(slot: int = 0, *, age: float = 0.5, pid: int = 4_000_000) -> Beat:
    return Beat(slot=slot, pid=pid, host=HERE, age=age)


def seen(
    *beats: Beat, oldest_due: float = 0.0, oldest_id: int = 0, longest_wait: float = 0.0
) -> Vitals:
    return Vitals(
        beats=beats,
        due=0,
        oldest_due=oldest_due,
        oldest_id=oldest_id,
        longest_wait=longest_wait,
    )


def test_patience_runs_out_once_it_has_lasted() -> None:
    patience = Patience(5.0)
    assert [patience.runs_out(True, now) for now in (0.0, 3.0, 5.0)] == [False, False, True]


def test_patience_starts_anew_with_good_news() -> None:
    patience = Patience(5.0)
    patience.runs_out(True, 0.0)
    patience.runs_out(False, 4.0)
    assert not patience.runs_out(True, 6.0)


def test_patience_waits_for_what_it_has_set_off() -> None:
    patience = Patience(5.0, grace=20.0)
    patience.runs_out(True, 0.0)
    assert patience.runs_out(True, 5.0)
    assert not patience.runs_out(True, 6.0)
    assert not patience.runs_out(True, 12.0)
    assert patience.runs_out(True, 25.0)


def test_patience_doubles_while_acting_does_not_help() -> None:
    patience = Patience(5.0, grace=0.0)
    acted = [now for now in range(200) if patience.runs_out(True, float(now))]
    assert acted == [5, 16, 37, 78, 119, 160]
    patience.runs_out(False, 200.0)
    assert [patience.runs_out(True, now) for now in (201.0, 206.0)] == [False, True]


def test_it_leaves_pumps_that_beat_alone(judge: Judge) -> None:
    for now in range(100):
        assert judge.verdict(seen(beat(0), beat(1)), 10, float(now)) == NOTHING


def test_it_restarts_the_cluster_when_no_pump_ever_beats(judge: Judge) -> None:
    verdicts = [judge.verdict(seen(), 10, float(now)) for now in range(6)]
    assert verdicts[:5] == [NOTHING] * 5
    assert verdicts[5].programs == (queue.PUMP,)


def test_it_restarts_the_cluster_when_one_pump_is_gone_for_good(judge: Judge) -> None:
    judge.verdict(seen(beat(0), beat(1)), 10, 0.0)
    gone = seen(beat(0), beat(1, age=60))
    verdicts = [judge.verdict(gone, 10, float(now)) for now in range(1, 7)]
    assert verdicts[-1].programs == (queue.PUMP,)


def test_it_gives_a_stopped_pump_its_lease_before_it_ends_it(judge: Judge) -> None:
    ours, cluster = os.getpid(), os.getpgid(0)
    judge.verdict(seen(beat(0), beat(1, pid=ours)), cluster, 0.0)
    for age in range(1, 120):
        stopped = seen(beat(0), beat(1, pid=ours, age=float(age)))
        assert judge.verdict(stopped, cluster, float(age)) == NOTHING
    late = seen(beat(0), beat(1, pid=ours, age=121.0))
    assert judge.verdict(late, cluster, 121.0) == Verdict(pids=(ours,))


def test_it_does_not_end_a_stranger_with_a_reused_pid(judge: Judge) -> None:
    late = seen(beat(0), beat(1, pid=os.getpid(), age=500.0))
    assert judge.verdict(late, 1, 0.0).pids == ()


def test_it_does_not_end_a_process_of_another_machine(judge: Judge) -> None:
    elsewhere = Beat(slot=1, pid=os.getpid(), host="there", age=500.0)
    assert judge.verdict(seen(beat(0), elsewhere), os.getpgid(0), 0.0).pids == ()


def test_it_restarts_pumps_that_beat_but_take_nothing(judge: Judge) -> None:
    verdicts = [
        judge.verdict(seen(beat(), oldest_due=31.0 + now, oldest_id=7), 10, float(now))
        for now in range(40)
    ]
    assert [verdict.programs for verdict in verdicts].count((queue.PUMP,)) == 1


def test_a_long_backlog_that_moves_is_no_hang(judge: Judge) -> None:
    for now in range(100):
        moving = seen(beat(), oldest_due=300.0, oldest_id=now + 1)
        assert judge.verdict(moving, 10, float(now)) == NOTHING


def test_it_restarts_the_misc_cluster_when_its_tasks_wait_for_long(judge: Judge) -> None:
    waiting = [judge.verdict(seen(beat(), longest_wait=9.0 + now), 10, now) for now in (0, 899)]
    assert waiting == [NOTHING, NOTHING]
    assert judge.verdict(seen(beat(), longest_wait=909.0), 10, 900).programs == (queue.MISC,)


def test_it_restarts_a_web_server_that_does_not_answer(judge: Judge) -> None:
    assert not judge.web_hangs(False, 0.0)
    assert not judge.web_hangs(True, 4.0)
    assert not judge.web_hangs(False, 6.0)
    assert judge.web_hangs(False, 11.0)


def test_it_restarts_a_streams_process_that_is_silent(judge: Judge) -> None:
    def hangs(age: float, now: float, pid: int = 7) -> bool:
        return judge.streams_hang(StreamsBeat(HERE, "/home", pid, age), 7, now)

    assert not any(hangs(0.5, float(now)) for now in range(20))
    assert [hangs(6.0, 20.0), hangs(11.0, 25.0)] == [False, True]
    assert not hangs(0.5, 40.0)
    assert [hangs(0.5, 50.0, pid=8), hangs(0.5, 55.0, pid=8)] == [False, True], "a predecessor's"
    assert not hangs(0.5, 70.0)
    assert [judge.streams_hang(None, 7, now) for now in (80.0, 85.0)] == [False, True]


def test_what_was_never_seen_alive_is_coming_up_and_does_not_hang() -> None:
    newcomers = Newcomers()

    def coming_up(pid: int, seconds: float, alive: bool) -> bool:
        state = State(pid=pid, seconds=seconds, running=True, given_up=False)
        return newcomers.is_one("web", state, alive=alive)

    assert coming_up(1, 30.0, False), "a busy machine"
    assert not coming_up(1, 40.0, True)
    assert not coming_up(1, 50.0, False), "it was up: this is a hang"
    assert coming_up(2, 1.0, False), "started anew"
    assert not coming_up(2, COMING_UP, False), "it has had its time"


def test_only_its_own_pumps_show_that_a_cluster_is_up(judge: Judge) -> None:
    ours = beat(pid=os.getpid())
    assert judge.beats_from(seen(ours), os.getpgid(0))
    assert not judge.beats_from(seen(ours), 1)
    assert not judge.beats_from(seen(beat(pid=os.getpid(), age=6.0)), os.getpgid(0))
