"""The threads that put the questions of inquiries, all of one inquiry at once."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from flows.inquiries import Answers, Inquiry, Question
from flows.returns import Returns
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver


@dataclass(frozen=True, slots=True)
class Answered:
    inquiry: Inquiry
    answers: Answers

    @property
    def lane(self) -> str:
        return self.inquiry.lane


class Askers:
    """Threads, made as they are needed, and the inquiries that they are at.

    `expire` is to be called when `until_next` says: whoever waits on the pipe does both.
    """

    def __init__(
        self, count: int, door: Door, returns: Returns[Any], keyring: Keyring | None = None
    ) -> None:
        self.door = door
        self.returns = returns
        self.keyring = keyring or Keyring()
        self.under_way: set[_Asking] = set()
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="asker")

    def ask(self, inquiry: Inquiry) -> None:
        """Put all questions of an inquiry; its answers come back once."""
        asking = _Asking(inquiry, self.returns)
        self.under_way.add(asking)
        if not inquiry.questions:
            asking.end()
        for place, question in enumerate(inquiry.questions):
            self.pool.submit(self._put, asking, place, question)

    def expire(self) -> None:
        """End the inquiries whose time is up, with the answers that there are."""
        now = time.monotonic()
        for asking in [each for each in self.under_way if each.over or each.ends <= now]:
            asking.end()
            self.under_way.discard(asking)

    def until_next(self) -> float:
        """Seconds until the time of an inquiry is up; infinite while there is none."""
        ends = min((each.ends for each in self.under_way if not each.over), default=float("inf"))
        return max(0.0, ends - time.monotonic())

    def close(self) -> None:
        """Let the threads end, each after its question."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _put(self, asking: _Asking, place: int, question: Question) -> None:
        left = asking.ends - time.monotonic()
        if left <= 0:
            return
        timeout = min(question.endpoint.timeout, left)
        attempt = deliver(
            question.plan,
            dataclasses.replace(question.endpoint, timeout=timeout),
            question.context,
            attempt=1,
            idempotency_key=str(question.context["delivery"]["idempotency_key"]),
            test=asking.inquiry.test,
            door=self.door,
            keyring=self.keyring,
        )
        asking.answer(place, attempt)


class _Asking:
    """An inquiry under way, which ends once: with its last answer, or with its time."""

    def __init__(self, inquiry: Inquiry, returns: Returns[Any]) -> None:
        self.inquiry = inquiry
        self.returns = returns
        self.ends = time.monotonic() + inquiry.seconds
        self.answers: list[Attempt | None] = [None] * len(inquiry.questions)
        self.over = False
        self._lock = threading.Lock()

    def answer(self, place: int, attempt: Attempt) -> None:
        with self._lock:
            if self.over:
                return
            self.answers[place] = attempt
            if None not in self.answers:
                self._end()

    def end(self) -> None:
        with self._lock:
            if not self.over:
                self._end()

    def _end(self) -> None:
        self.over = True
        self.returns.put(Answered(self.inquiry, tuple(self.answers)))
