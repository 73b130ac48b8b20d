"""The watchdog of `manage.py up`: looks from outside, and restarts what hangs.

supervisord restarts what dies. A process can also live and do nothing: wedged, stopped,
deadlocked. What counts is what can be seen of it: an answer, a sign of life, work done.
"""

from __future__ import annotations

import http.client
import logging
import socket
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from leadops import vitals
from leadops.lib import postgres, processes, queue
from leadops.supervision import State, Supervisor
from leadops.vitals import Beat, StreamsBeat, Vitals

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0  # what the web server gets to answer
SILENT_SECONDS = 5.0  # pumps beat every second
FROZEN_MARGIN = 30.0  # beyond a lease, before a silent pump that still lives is killed
START_GRACE = 10.0  # what a program gets before its silence counts
COMING_UP = 90.0  # what it gets to show its first sign of life: a busy machine starts it slowly
MOST_PATIENCE = 8  # times the limit, when starting anew does not help


class Patience:
    """Turns bad news that lasts into one action, then waits before the next.

    Each action without good news since doubles what the next one takes: on a machine too busy to
    start a program in time, killing it again only makes it later.
    """

    def __init__(self, limit: float, *, grace: float = START_GRACE) -> None:
        self.limit = limit
        self._limit = limit
        self.grace = grace
        self._since: float | None = None
        self._not_before = float("-inf")

    def runs_out(self, bad: bool, now: float) -> bool:
        """Whether it has been bad for the limit on end, and long enough since the last."""
        if not bad:
            self._since, self._limit = None, self.limit
            return False
        self._since = now if self._since is None else self._since
        if now - self._since < self._limit or now < self._not_before:
            return False
        self._since, self._not_before = None, now + self.grace
        self._limit = min(2 * self._limit, MOST_PATIENCE * self.limit)
        return True

    def rest(self) -> None:
        """What is starting is neither good news nor bad: look anew once it has had its time."""
        self._since = None


class Newcomers:
    """Programs that have been started and not been seen alive. They do not hang: to kill them
    would only make a busy machine busier, and nothing would ever come up."""

    def __init__(self) -> None:
        self._up: dict[str, int] = {}  # the process last seen alive, by program

    def is_one(self, name: str, state: State, *, alive: bool) -> bool:
        """Whether it may still be on its way up. Whoever asks from its first second on knows of
        one that comes up and hangs at once."""
        if alive:
            self._up[name] = state.pid
        if state.seconds < START_GRACE:
            return True
        return self._up.get(name) != state.pid and state.seconds < COMING_UP


@dataclass(frozen=True)
class Verdict:
    """What to kill; supervisord, or a cluster's sentinel, starts it anew."""

    programs: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()


class Judge:
    """Decides from what is seen; touches nothing. Times are seconds of one monotonic clock."""

    def __init__(self, *, lease: float, host: str) -> None:
        self.lease = lease
        self.host = host
        self.web = Patience(5.0)
        self.pumps = Patience(5.0)
        self.streams = Patience(5.0)
        self.stuck = Patience(30.0, grace=120.0)
        self.misc = Patience(900.0)  # its tasks may take ten minutes
        self._most_beating = 0
        self._oldest_id = 0

    def web_hangs(self, answers: bool, now: float) -> bool:
        return self.web.runs_out(not answers, now)

    def streams_hang(self, beat: StreamsBeat | None, pid: int, now: float) -> bool:
        """Whether the process `pid`, which has had its time to start, gives no sign of life: a
        beat of its predecessor is none of it."""
        silent = beat is None or beat.pid != pid or beat.age >= SILENT_SECONDS
        return self.streams.runs_out(silent, now)

    def beats_from(self, seen: Vitals, cluster: int) -> bool:
        """Whether a pump of this very cluster has beaten lately."""
        return any(
            beat.age < SILENT_SECONDS
            and beat.host == self.host
            and processes.group_of(beat.pid) == cluster
            for beat in seen.beats
        )

    def verdict(self, seen: Vitals, cluster: int, now: float) -> Verdict:
        """`cluster` is the pid of the pumps' main process; 0 while it is being started."""
        programs = []
        frozen = [beat for beat in seen.beats if self._is_frozen(beat, cluster)]
        if self._pumps_are_missing(seen, len(frozen), now) or self._work_is_stuck(seen, now):
            self._most_beating = 0
            programs.append(queue.PUMP)
        if self.misc.runs_out(seen.longest_wait > SILENT_SECONDS, now):
            programs.append(queue.MISC)
        overdue = [beat.pid for beat in frozen if beat.age > self.lease + FROZEN_MARGIN]
        return Verdict(tuple(programs), tuple(overdue))

    def _pumps_are_missing(self, seen: Vitals, frozen: int, now: float) -> bool:
        """No pump beats, or fewer than did. One that is stopped but lives is given its time:
        others carry on, and its late results are refused."""
        beating = sum(beat.age < SILENT_SECONDS for beat in seen.beats)
        self._most_beating = max(self._most_beating, beating)
        missing = beating == 0 or beating + frozen < self._most_beating
        return self.pumps.runs_out(missing, now)

    def _is_frozen(self, beat: Beat, cluster: int) -> bool:
        return (
            beat.age >= SILENT_SECONDS
            and beat.host == self.host
            and cluster > 0
            and processes.group_of(beat.pid) == cluster
        )

    def _work_is_stuck(self, seen: Vitals, now: float) -> bool:
        """The same row has been late for long: pumps that beat but take nothing."""
        same = seen.oldest_id == self._oldest_id
        self._oldest_id = seen.oldest_id
        return self.stuck.runs_out(same and seen.oldest_due > self.stuck.limit, now)


class Watchdog:
    """One look a second at everything that `up` runs."""

    def __init__(self, supervisor: Supervisor, *, home: Path, port: int) -> None:
        self.supervisor = supervisor
        self.home = home
        self.port = port
        self.judge = Judge(lease=settings.LEADOPS_LEASE, host=socket.gethostname())
        self.newcomers = Newcomers()
        self._started_again = float("-inf")

    def look(self) -> None:
        """Look at each part once, and help it where needed. Raises nothing of theirs."""
        if not self.supervisor.is_alive():
            log.error("supervisord has died; starting it again")
            self.supervisor.start()
            return
        try:
            self._look_at_database()
            states = self.supervisor.states()
            self._start_given_up(states)
            self._look_at_web(states.get("web"))
            seen = vitals.read()
            self._look_at_workers(states, seen)
            self._look_at_streams(states.get("streams"), seen)
        except (DatabaseError, InterfaceError):
            connection.close()  # the next look connects anew
        except (OSError, xmlrpc.client.Error, postgres.ServerError) as error:
            log.warning("The watchdog could not look: %s", error)

    def _look_at_database(self) -> None:
        if not settings.ENVIRONMENT.database_url and postgres.ensure(self.home):
            log.error("The embedded PostgreSQL had died; it runs again")

    def _look_at_web(self, web: State | None) -> None:
        if web is None or not web.running:
            self.judge.web.rest()
            return
        answers = probe(self.port, "/healthz") is not None
        if self.newcomers.is_one("web", web, alive=answers):
            self.judge.web.rest()
            return
        if self.judge.web_hangs(answers, time.monotonic()):
            self._kill("web", web)

    def _look_at_streams(self, streams: State | None, seen: Vitals) -> None:
        if streams is None or not streams.running:
            self.judge.streams.rest()
            return
        beat = seen.streams_of(self.judge.host, str(self.home))
        alive = beat is not None and beat.pid == streams.pid
        if self.newcomers.is_one("streams", streams, alive=alive):
            self.judge.streams.rest()
            return
        if self.judge.streams_hang(beat, streams.pid, time.monotonic()):
            self._kill("streams", streams)

    def _look_at_workers(self, states: Mapping[str, State], seen: Vitals) -> None:
        pump = states.get(queue.PUMP)
        if pump is None or not pump.running:
            self.judge.pumps.rest()
            return
        alive = self.judge.beats_from(seen, pump.pid)
        if self.newcomers.is_one(queue.PUMP, pump, alive=alive):
            self.judge.pumps.rest()
            return
        verdict = self.judge.verdict(seen, pump.pid, time.monotonic())
        for name in verdict.programs:
            self._kill(name, states[name])
        for pid in verdict.pids:
            log.error("A pump (pid %d) gives no sign of life; ending it", pid)
            processes.kill(pid)

    def _start_given_up(self, states: Mapping[str, State]) -> None:
        if time.monotonic() - self._started_again < START_GRACE:
            return
        for name, state in states.items():
            if state.given_up:
                self._started_again = time.monotonic()
                log.error("%s did not start; trying again. Its log says why", name)
                self.supervisor.start_again(name)

    def _kill(self, name: str, state: State) -> None:
        log.error("%s hangs; starting it again", name)
        if state.pid:
            processes.kill_group(state.pid)


def probe(port: int, path: str) -> int | None:
    """The status with which our web server answers; None when it does not."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        line.request("GET", path, headers={"Host": _own_name()})
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        line.close()


def _own_name() -> str:
    """A host name that Django accepts."""
    names = [name for name in settings.ALLOWED_HOSTS if not name.startswith((".", "*"))]
    return names[0] if names else "localhost"
