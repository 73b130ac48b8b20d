"""So many times within a time, and a rest after each firing. Pure."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Terms:
    """`within` and `rest` in seconds; no rest fires each time anew."""

    times: int = 1
    within: float = 600.0
    rest: float = 0.0

    @property
    def remembers(self) -> bool:
        """Whether anything of one event matters for the next."""
        return self.times > 1 or self.rest > 0


@dataclass(frozen=True, slots=True)
class Count:
    """Of one subject: the moments that count, in order, seconds since 1970; when it fired last;
    how often it would have fired since, had it not rested."""

    moments: tuple[float, ...] = ()
    fired: float | None = None
    held: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """It fires. `held`: what its rest kept from firing before."""

    times: int
    held: int


def take(count: Count, at: float, terms: Terms) -> tuple[Count, Hit | None]:
    """One more at a moment. Events come in the record's order, which is nearly that of time."""
    moments = list(count.moments)
    insort(moments, at)
    newest = moments[-1]
    moments = [each for each in moments if each > newest - terms.within][-terms.times :]
    if len(moments) < terms.times:
        return replace(count, moments=tuple(moments)), None
    if _rests(count, at, terms):
        return replace(count, moments=tuple(moments), held=count.held + 1), None
    return Count((), at, 0), Hit(len(moments), count.held)


def _rests(count: Count, at: float, terms: Terms) -> bool:
    return terms.rest > 0 and count.fired is not None and at - count.fired < terms.rest


def anew(count: Count) -> Count:
    """Something came that starts the count anew; a rest goes on."""
    return replace(count, moments=())
