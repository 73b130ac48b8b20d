"""Response times in log-spaced buckets: percentiles from counts, 2.5 % off at most. Pure."""

from __future__ import annotations

import math

GROWTH = 1.05  # buckets grow by 5 %, so their middles err by 2.5 % at most
NO_BUCKET = -1
LARGEST = 2**31 - 1  # milliseconds: what the column of an event holds


def bucket(ms: int) -> int:
    """The log-spaced bucket of a response time in milliseconds."""
    return math.ceil(math.log(ms) / math.log(GROWTH)) if ms > 1 else 0


def bucket_ms(number: int) -> float:
    """The middle of a bucket, in milliseconds; at most 2.5 % from any of its values."""
    return 1.0 if number == 0 else float(GROWTH**number * 2 / (1 + GROWTH))


def edges() -> list[int]:
    """The first millisecond of each bucket that has one, ascending, beginning with 2: below it all
    are in bucket 0."""
    found, ms = [], 2
    while ms <= LARGEST:
        found.append(ms)
        ms = max(ms + 1, math.floor(GROWTH ** bucket(ms)))
        while bucket(ms) == bucket(found[-1]):
            ms += 1
    return found
