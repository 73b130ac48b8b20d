"""The threads that make a pump's attempts. They alone talk to recipients."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from queue import SimpleQueue

from flows.desk import Sending
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver
from recipients.outcomes import Outcome, Result


@dataclass(frozen=True, slots=True)
class Ended:
    sending: Sending
    attempt: Attempt


class Senders:
    """Threads that make attempts; what they bring back is told through a pipe."""

    def __init__(self, count: int, door: Door, keyring: Keyring | None = None) -> None:
        self.jobs: SimpleQueue[tuple[Sending, float] | None] = SimpleQueue()
        self.ended: SimpleQueue[Ended] = SimpleQueue()
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_write, False)
        os.set_blocking(self.wake_read, False)
        self.door = door
        self.keyring = keyring or Keyring()
        self._pipe = threading.Lock()
        self._closed = False
        self.threads = [
            threading.Thread(target=self._run, name=f"sender-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def send(self, sending: Sending, not_after: float) -> None:
        """Queue an attempt; past `not_after` (monotonic) it is not made any more."""
        self.jobs.put((sending, not_after))

    def close(self) -> None:
        """Let the threads end, each after its attempt."""
        for _ in self.threads:
            self.jobs.put(None)
        with self._pipe:
            self._closed = True
            os.close(self.wake_read)
            os.close(self.wake_write)

    def _ring(self) -> None:
        """Not after the pipe is closed: its number may be somebody else's by then."""
        with self._pipe, contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            if not self._closed:
                os.write(self.wake_write, b"!")

    def _run(self) -> None:
        while job := self.jobs.get():
            sending, not_after = job
            if time.monotonic() > not_after:
                attempt = _too_late()
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
            self.ended.put(Ended(sending, attempt))
            self._ring()


def _too_late() -> Attempt:
    """This process was stopped so long that its lease may be gone; nothing is sent."""
    result = Result(
        Outcome.UNAVAILABLE, reason="Not sent", details="The worker was stopped past its lease"
    )
    return Attempt(result=result, request=None, reply=None, seconds=0.0)
