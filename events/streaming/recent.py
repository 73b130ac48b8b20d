"""The youngest part of the record, kept in memory for all streams of a process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from events.following import Chunk, Position
from events.models import Event

MOST_EVENTS = 5_000


@dataclass(slots=True)
class Batch:
    """Events between two positions; `made` keeps what was made of them, for streams alike. `young`
    ones are what streams that keep up are waiting for."""

    start: Position
    end: Position
    positions: Sequence[Position]
    events: Sequence[Event]
    made: dict[Any, Any] = field(default_factory=dict)
    young: bool = False

    @classmethod
    def of(cls, start: Position, chunk: Chunk) -> Batch:
        return cls(start, chunk.reached, [at for at, _ in chunk.rows], chunk.events)

    def after(self, position: Position) -> Batch:
        """The part behind a position; all of it where that is the whole."""
        if position <= self.start:
            return self
        first = next((n for n, at in enumerate(self.positions) if at > position), None)
        if first is None:
            return Batch(position, self.end, (), ())
        rest, events = self.positions[first:], self.events[first:]
        return Batch(position, self.end, rest, events, young=self.young)


class Recent:
    """Batches in order without a gap, from `start` to `end`; None while nothing is followed."""

    def __init__(self, most: int = MOST_EVENTS) -> None:
        self._most = most
        self._batches: deque[Batch] = deque()
        self._held = 0
        self.start: Position | None = None
        self.end: Position | None = None

    def forget(self) -> None:
        """Nothing is followed any more."""
        self._restart(None)

    def _restart(self, at: Position | None) -> None:
        self._batches.clear()
        self._held = 0
        self.start = self.end = at

    def add(self, before: Position, chunk: Chunk) -> None:
        """What came after a position; where the last did not end there, all begins anew."""
        if before != self.end:
            self._restart(before)
        if chunk.rows:
            batch = Batch.of(before, chunk)
            batch.young = True
            self._batches.append(batch)
            self._held += len(batch.events)
        self.end = chunk.reached
        while self._held > self._most and len(self._batches) > 1:
            gone = self._batches.popleft()
            self._held -= len(gone.events)
            self.start = gone.end

    def covers(self, position: Position) -> bool:
        """Whether all that comes after a position, as far as it is known, is here."""
        return self.start is not None and position >= self.start

    def after(self, position: Position) -> Batch | None:
        """The first batch that reaches behind a position; None where nothing does yet."""
        for batch in self._batches:
            if batch.end > position:
                return batch.after(position)
        return None
