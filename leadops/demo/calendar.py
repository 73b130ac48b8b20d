"""When leads come: more by day than by night, fewer at weekends. Pure, and the same every time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random

PEOPLE_A_DAY = 100_000  # numbers set aside for each day's people
WEEKDAYS = (1.05, 1.12, 1.1, 1.05, 1.0, 0.68, 0.6)  # Monday first
# Shares of a day's leads by the hour, UTC; most people are in America.
HOURS = (4, 3, 2, 2, 1, 1, 1, 1, 1, 2, 3, 4, 6, 8, 9, 10, 10, 10, 9, 9, 8, 8, 7, 6)
REPEATS = 0.03  # people who are sent once more some days later
REPEAT_DAYS = 6


@dataclass(frozen=True, slots=True)
class Arrival:
    """A lead that comes at `at`; `person` numbers who it is, `repeats` when it came before."""

    at: datetime
    person: int
    repeats: datetime | None = None


@lru_cache(maxsize=64)
def firsts(day: date, volume: int) -> tuple[Arrival, ...]:
    """Those who come for the first time on a day of which `volume` leads are the average."""
    rng = Random(f"{day} {volume}")  # noqa: S311  no secret
    swing = 1 + 0.08 * math.sin(day.toordinal() / 3.1) + rng.uniform(-0.05, 0.05)
    count = min(round(volume * WEEKDAYS[day.weekday()] * swing), PEOPLE_A_DAY)
    midnight = datetime.combine(day, time(), UTC)
    moments = sorted(midnight + _moment(rng) for _ in range(count))
    first = day.toordinal() * PEOPLE_A_DAY
    return tuple(Arrival(at, first + number) for number, at in enumerate(moments))


def arrivals(day: date, volume: int) -> list[Arrival]:
    """All leads of a day in order of time, with some that came before."""
    rng = Random(f"repeats {day}")  # noqa: S311
    fresh = firsts(day, volume)
    again = []
    for arrival in fresh:
        if rng.random() < REPEATS:
            earlier = firsts(day - timedelta(days=rng.randint(1, REPEAT_DAYS)), volume)
            if earlier:
                known = rng.choice(earlier)
                again.append(Arrival(arrival.at + timedelta(seconds=7), known.person, known.at))
    return sorted([*fresh, *again], key=lambda each: each.at)


def _moment(rng: Random) -> timedelta:
    hour = rng.choices(range(24), HOURS)[0]
    return timedelta(hours=hour, seconds=rng.uniform(0, 3600))
