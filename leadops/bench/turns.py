"""The measuring loop of the benches that run in memory: turns by rounds, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles
from typing import Any

Turn = Callable[[], bool]
"""One turn; whether it came to what it should."""

Clock = Callable[[], float]


class Rounds:
    """The seconds that a turn took, by name, each the mean of a round of `size` turns: the clock
    itself costs a part of one."""

    def __init__(self, size: int, *, clock: Clock = time.perf_counter) -> None:
        self.size = size
        self.clock = clock
        self.times: dict[str, list[float]] = {}
        self.errors = 0

    def play(self, turns: Mapping[str, Turn], *, seconds: float) -> None:
        """Rounds of each in turn, so that a noisy moment strikes all."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for name, turn in turns.items():
                self.round(name, turn)

    def round(self, name: str, turn: Turn) -> None:
        before = self.clock()
        right = sum(turn() for _ in range(self.size))
        self.times.setdefault(name, []).append((self.clock() - before) / self.size)
        self.errors += self.size - right

    def middle(self, name: str) -> float:
        """The median, in seconds."""
        return median(self.times[name])

    def microseconds(self) -> dict[str, float]:
        """The medians, as figures of a report."""
        return {f"{name}_us": self.middle(name) * 1e6 for name in self.times}

    def against(self, bare: str, *, ours: str) -> dict[str, Any]:
        """The figures that every bench reports: `ours` beside the `bare` limit."""
        times, middle, limit = self.times[ours], self.middle(ours), self.middle(bare)
        slowest = quantiles(times, n=20)[-1] if len(times) > 1 else middle
        return {
            "rate": 1 / middle,
            "bare_rate": 1 / limit,
            "ratio": limit / middle,
            "p50_ms": middle * 1000,
            "p95_ms": slowest * 1000,
            "errors": self.errors,
            "lost": 0,
        }
