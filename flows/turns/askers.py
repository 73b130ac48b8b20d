"""The threads that put the questions of inquiries, all of one inquiry at once."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings

from flows.turns.inquiries import Answers, Inquiry, Question
from flows.turns.returns import Returns
from leadops.lib.http import Door
from leadops.lib.http.addresses import Network
from recipients.auth import Keyring
from recipients.deliver import Attempt, deliver
from recipients.tokenstore import keyring

# Of a pump, for notices: those of a buyer that hangs keep no auction waiting.
NOTICE_THREADS = 8
THREADS = 64  # of a web process, for all pings that it answers at once


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
        self.notices = ThreadPoolExecutor(NOTICE_THREADS, thread_name_prefix="notice")

    def ask(self, inquiry: Inquiry) -> None:
        """Put all questions of an inquiry; its answers come back once."""
        asking = _Asking(inquiry, self.returns)
        self.under_way.add(asking)
        if not inquiry.questions:
            asking.end()
        pool = self.notices if inquiry.notice else self.pool
        for place, question in enumerate(inquiry.questions):
            pool.submit(self._put, asking, place, question)

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
        for pool in (self.pool, self.notices):
            pool.shutdown(wait=False, cancel_futures=True)

    def _put(self, asking: _Asking, place: int, question: Question) -> None:
        test = asking.inquiry.test
        attempt = put(question, ends=asking.ends, test=test, door=self.door, keyring=self.keyring)
        if attempt is not None:
            asking.answer(place, attempt)


def put(
    question: Question, *, ends: float, test: bool, door: Door, keyring: Keyring
) -> Attempt | None:
    """Put one question, to be answered before `ends` (monotonic); None when that is over."""
    left = ends - time.monotonic()
    if left <= 0:
        return None
    timeout = min(question.endpoint.timeout, left)
    return deliver(
        question.plan,
        dataclasses.replace(question.endpoint, timeout=timeout),
        question.context,
        attempt=1,
        idempotency_key=str(question.context["delivery"]["idempotency_key"]),
        test=test,
        door=door,
        keyring=keyring,
    )


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


@lru_cache(maxsize=2)
def _own(networks: tuple[Network, ...]) -> tuple[ThreadPoolExecutor, Door]:
    """The threads and the way out of a process that waits for its answers itself."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="asker"), Door(
        private_networks=networks, pool_size=THREADS
    )


def put_all(inquiry: Inquiry) -> Answers:
    """Put all questions at once and wait for the answers, as long as there is time."""
    pool, door = _own(tuple(settings.LEADOPS_PRIVATE_NETWORKS))
    ends = time.monotonic() + inquiry.seconds

    def one(question: Question) -> Attempt | None:
        return put(question, ends=ends, test=inquiry.test, door=door, keyring=keyring())

    futures = [pool.submit(one, question) for question in inquiry.questions]
    wait(futures, timeout=inquiry.seconds)
    return [future.result() if future.done() else None for future in futures]
