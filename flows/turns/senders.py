"""The threads that make a pump's attempts. They and the askers alone talk to the outside."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from flows.delivery import batchwork
from flows.delivery.batchwork import BatchEnded, BatchSending, too_late
from flows.turns.desk import Sending
from flows.turns.returns import Returns
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver


@dataclass(frozen=True, slots=True)
class Ended:
    sending: Sending
    attempt: Attempt

    @property
    def lane(self) -> str:
        return self.sending.lane


FEW = 4  # threads that are always at it
LOOK_EVERY = 0.002  # seconds
# Where a look comes no later than this after its time (seconds), nobody wanted the interpreter:
# those at it wait for buyers, and one more does not stand in their way.
AT_ONCE = 0.000_12
SLOW = 200.0  # attempts begun a second, below which there cannot be too many


@dataclass(slots=True)
class Crew:
    """How many of `most` threads should be at it.

    One interpreter runs one thread at a time. Where buyers answer at once, every thread more only
    waits for its turn, and handing that round costs a third of the rate; where they take their
    time, there cannot be enough. So it begins with few, and doubles while work waits and nobody
    uses the interpreter, or hardly anything is begun; while it is used, some are let go.
    """

    most: int
    wanted: int = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = min(FEW, self.most)

    def look(self, *, begun: float, late: float) -> None:
        """Think again while work waits: `begun` attempts a second of late, and how `late` (seconds)
        the look itself got its turn."""
        if begun < SLOW or late < AT_ONCE:
            self.wanted = min(self.most, self.wanted * 2)
        else:  # by less, so that an interpreter used half of the time keeps all
            self.wanted = max(min(FEW, self.most), self.wanted * 3 // 4)


class Senders:
    """Threads that make attempts, and bring back what they came to."""

    def __init__(
        self, count: int, door: Door, returns: Returns[Any], keyring: Keyring | None = None
    ) -> None:
        self.jobs: SimpleQueue[tuple[Sending | BatchSending, float] | None] = SimpleQueue()
        self.returns = returns
        self.door = door
        self.keyring = keyring or Keyring()
        self.crew = Crew(count)
        self._given = 0
        self._work_waits = threading.Event()
        self._closed = False
        self._gates = [threading.Semaphore(0) for _ in range(count)]
        self.threads = [
            threading.Thread(target=self._run, args=(n,), name=f"sender-{n}", daemon=True)
            for n in range(count)
        ]
        self.threads.append(threading.Thread(target=self._look, name="senders' crew", daemon=True))
        for thread in self.threads:
            thread.start()

    def send(self, sending: Sending | BatchSending, not_after: float) -> None:
        """Queue an attempt; past `not_after` (monotonic) it is not made any more."""
        self.jobs.put((sending, not_after))
        self._given += 1
        if not self._work_waits.is_set():
            self._work_waits.set()

    def close(self) -> None:
        """Let the threads end, each after its attempt."""
        self._closed = True
        self._work_waits.set()
        for gate in self._gates:
            self.jobs.put(None)
            gate.release()

    def _look(self) -> None:
        while not self._closed:
            self._work_waits.wait()
            began, before = time.monotonic(), self._begun()
            time.sleep(LOOK_EVERY)
            took = time.monotonic() - began
            if self.jobs.empty():
                self._work_waits.clear()
                if self.jobs.empty():
                    continue
                self._work_waits.set()  # it came in between
            at_it = self.crew.wanted
            self.crew.look(begun=(self._begun() - before) / took, late=took - LOOK_EVERY)
            for gate in self._gates[at_it : self.crew.wanted]:
                gate.release()

    def _begun(self) -> int:
        return self._given - self.jobs.qsize()

    def _run(self, number: int) -> None:
        while True:
            if number >= self.crew.wanted and not self._closed:
                self._gates[number].acquire()
            elif job := self.jobs.get():
                self._make(*job)
            else:
                return

    def _make(self, sending: Sending | BatchSending, not_after: float) -> None:
        if isinstance(sending, BatchSending):
            self.returns.put(self._batch(sending, not_after))
            return
        if time.monotonic() > not_after:
            attempt = too_late()
        else:
            attempt = deliver(
                sending.plan,
                sending.endpoint,
                sending.context,
                attempt=sending.attempt,
                tries=sending.tries,
                idempotency_key=sending.delivery_id,
                test=sending.test,
                door=self.door,
                keyring=self.keyring,
            )
        self.returns.put(Ended(sending, attempt))

    def _batch(self, sending: BatchSending, not_after: float) -> BatchEnded:
        if time.monotonic() > not_after:
            return batchwork.unsent(sending, too_late())
        return batchwork.make(sending, door=self.door, keyring=self.keyring)
