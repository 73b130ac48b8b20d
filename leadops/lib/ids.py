"""Ids that name what they stand for and sort by time: `lead_0T5kQz9aXm3…`."""

from __future__ import annotations

import os
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in ASCII order
TIME_CHARS = 8  # milliseconds since 1970 fit until the year 8888
RANDOM_CHARS = 12
_RANDOM_SPACE = 62**RANDOM_CHARS
_LOW_CHARS = 6
_LOW_SPACE = 62**_LOW_CHARS
_SHAPE = re.compile(rf"[a-z]{{1,10}}_[0-9A-Za-z]{{{TIME_CHARS + RANDOM_CHARS}}}", re.ASCII)
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)


class Sequence:
    """Hands out growing numbers: milliseconds, then randomness, then a random step."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the past; a forked child must not continue its parent's series."""
        self._lock = threading.Lock()
        # Ids are names, not secrets. The system's own source lets go of the interpreter at every
        # call, and in a process full of threads it then waits for its turn, once an id.
        self._random = random.Random(secrets.randbits(256))  # noqa: S311
        self._last_ms = -1
        self._last_random = 0

    def after(self, ms: int) -> tuple[int, int]:
        """The next (milliseconds, random part), greater than every pair given before."""
        with self._lock:
            if ms > self._last_ms:
                self._last_ms, self._last_random = ms, self._random.randrange(_RANDOM_SPACE >> 1)
            else:  # the same millisecond, or the clock stepped back
                self._last_random += 1 + self._random.getrandbits(32)
                if self._last_random >= _RANDOM_SPACE:
                    self._last_ms, self._last_random = self._last_ms + 1, 0
            return self._last_ms, self._last_random


_live = Sequence()
_moved: Callable[[], tuple[int, int]] | None = None
os.register_at_fork(after_in_child=_live.reset)


@contextmanager
def moved_clock(now: Callable[[], datetime]) -> Iterator[None]:
    """Within, ids are of the moment `now()` gives, and grow as long as it does.

    For a process that makes past traffic and nothing else: it holds for all of its threads.
    """
    global _moved
    sequence, before = Sequence(), _moved
    _moved = lambda: sequence.after(int(now().timestamp() * 1000))  # noqa: E731
    try:
        yield
    finally:
        _moved = before


def new_id(prefix: str, at: datetime | None = None) -> str:
    """`prefix_` and 20 characters 0-9A-Za-z. Within a process ids grow; `at` back-dates one.

    Sorted with collation C (byte by byte) ids stand in order of time.
    """
    if at is None:
        ms, random = _moved() if _moved else _live.after(time.time_ns() // 1_000_000)
    else:
        ms, random = int(at.timestamp() * 1000), secrets.randbelow(_RANDOM_SPACE)
    # Ids made one after the other differ in their last characters alone.
    high, low = divmod(random, _LOW_SPACE)
    return f"{prefix}_{_kept(ms, TIME_CHARS)}{_kept(high, RANDOM_CHARS - _LOW_CHARS)}{_low(low)}"


def moment(id: str) -> datetime:
    """When an id says it was made, to the millisecond, UTC; raises ValueError for what is no id."""
    if not _SHAPE.fullmatch(id):
        raise ValueError("An id is a prefix, an underscore and 20 characters 0-9A-Za-z.")
    ms = 0
    for character in id.rpartition("_")[2][:TIME_CHARS]:
        ms = ms * 62 + ALPHABET.index(character)
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError("An id is of a moment between the years 1970 and 8888.") from error


def _low(number: int) -> str:
    number, last = divmod(number, 3844)
    first, middle = divmod(number, 3844)
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


@lru_cache(maxsize=64)
def _kept(number: int, chars: int) -> str:
    pairs = []
    for _ in range(chars // 2):
        number, rest = divmod(number, 3844)
        pairs.append(_PAIRS[rest])
    return "".join(reversed(pairs))
