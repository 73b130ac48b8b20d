"""Whether two rates differ by more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEVEL = 0.05  # a difference as large comes by chance less often than this
FEWEST = 5  # expected cases of each kind, below which the normal distribution is no likeness


@dataclass(frozen=True, slots=True)
class Comparison:
    """`z` and two-sided `p` are None where there are too few cases to say anything."""

    z: float | None = None
    p: float | None = None

    @property
    def is_enough(self) -> bool:
        return self.p is not None

    @property
    def differs(self) -> bool:
        return self.p is not None and self.p < LEVEL


def compare(first: tuple[int, int], second: tuple[int, int]) -> Comparison:
    """Two (successes, cases), by the two-proportion z-test with pooled variance: NIST/SEMATECH
    e-Handbook of Statistical Methods, 7.3.3, "How can we determine whether two processes produce
    the same proportion of defectives?". Positive `z`: the second rate is the higher."""
    (yes, cases), (other_yes, other_cases) = first, second
    if not (0 <= yes <= cases and 0 <= other_yes <= other_cases):
        raise ValueError("There cannot be more successes than cases")
    if not cases or not other_cases:
        return Comparison()
    pooled = (yes + other_yes) / (cases + other_cases)
    if min(cases, other_cases) * min(pooled, 1 - pooled) < FEWEST:
        return Comparison()
    error = math.sqrt(pooled * (1 - pooled) * (1 / cases + 1 / other_cases))
    z = (other_yes / other_cases - yes / cases) / error
    return Comparison(z, math.erfc(abs(z) / math.sqrt(2)))
