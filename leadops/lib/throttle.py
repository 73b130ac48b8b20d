"""How often somebody may call, counted in this process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable


class Throttle:
    """A bucket for each caller: `burst` calls at once, then `per_minute`.

    Of more than `most` callers the ones not seen for longest are forgotten: memory stays bounded,
    whoever calls.
    """

    def __init__(
        self,
        per_minute: float,
        *,
        burst: int,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = per_minute / 60
        self.burst = burst
        self.most = most
        self.clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """0 where the call may be made, which counts it; else the seconds until one may."""
        now = self.clock()
        with self._lock:
            left, seen = self._left.pop(caller, (float(self.burst), now))
            left = min(left + (now - seen) * self.rate, float(self.burst))
            seconds = 0.0 if left >= 1 else (1 - left) / self.rate
            self._left[caller] = (left if seconds else left - 1, now)
            while len(self._left) > self.most:
                self._left.popitem(last=False)
        return seconds
