"""The threads that make a pump's attempts. They and the askers alone talk to the outside."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
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


class Senders:
    """Threads that make attempts, and bring back what they came to."""

    def __init__(
        self, count: int, door: Door, returns: Returns[Any], keyring: Keyring | None = None
    ) -> None:
        self.jobs: SimpleQueue[tuple[Sending | BatchSending, float] | None] = SimpleQueue()
        self.returns = returns
        self.door = door
        self.keyring = keyring or Keyring()
        self.threads = [
            threading.Thread(target=self._run, name=f"sender-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def send(self, sending: Sending | BatchSending, not_after: float) -> None:
        """Queue an attempt; past `not_after` (monotonic) it is not made any more."""
        self.jobs.put((sending, not_after))

    def close(self) -> None:
        """Let the threads end, each after its attempt."""
        for _ in self.threads:
            self.jobs.put(None)

    def _run(self) -> None:
        while job := self.jobs.get():
            sending, not_after = job
            if isinstance(sending, BatchSending):
                self.returns.put(self._batch(sending, not_after))
                continue
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
