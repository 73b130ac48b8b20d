"""The places of a pump, shared between lanes."""

from __future__ import annotations

from collections import Counter

from flows.delivery.dispatching import RETRY_LANE


class Window:
    """The places of a pump, and which lane holds how many.

    A lane alone may take three quarters; several share evenly. So a buyer that hangs can never
    take every place, and a new lane always finds one.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held: Counter[str] = Counter()
        self.waiting: set[str] = set()  # lanes that had work at the last claim

    @property
    def free(self) -> int:
        return max(0, self.size - self.held.total())

    def cap(self, lane: str) -> int:
        """Places that one lane may hold; retries a third of that."""
        lanes = len({lane, *self.waiting, *(key for key, n in self.held.items() if n)})
        share = self.size * 3 // 4 if lanes == 1 else max(2, self.size // lanes)
        return max(1, share // 3) if lane.endswith(RETRY_LANE) else share

    def room(self, lane: str) -> int:
        return max(0, min(self.free, self.cap(lane) - self.held[lane]))

    def take(self, lane: str) -> bool:
        if self.room(lane) < 1:
            return False
        self.held[lane] += 1
        return True

    def release(self, lane: str) -> None:
        self.held[lane] -= 1
        if self.held[lane] <= 0:
            del self.held[lane]
