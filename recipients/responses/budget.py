"""How long reading one reply may take: patterns and paths are interrupted when it is spent.

Counted in processor time of the thread that reads, so that it holds in every sender's thread and a
busy machine takes nothing away from it.
"""

from __future__ import annotations

import time
from typing import Final

from leadops.lib import patterns

MAX_SECONDS: Final = 1.0
"""Processor time for one reply, all of its rules together."""


class Budget:
    """The time left for one reply. Used by one thread."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        self._end = time.thread_time() + seconds
        self.interrupted = False
        """Whether something was stopped, so that a "nothing found" proves nothing."""

    def allows(self) -> bool:
        """Whether there is time left; a no is remembered as an interruption."""
        if time.thread_time() < self._end:
            return True
        self.interrupted = True
        return False

    def search(self, pattern: patterns.Pattern, text: str) -> patterns.Match | None:
        """The pattern's first match; None for none, and for one that was not found in time."""
        left = self._end - time.thread_time()
        if left <= 0:
            self.interrupted = True
            return None
        try:
            return pattern.search(text, timeout=min(left, patterns.TIMEOUT))
        except patterns.PatternTimeout:
            self.interrupted = True
            return None
