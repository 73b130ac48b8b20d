"""Amounts of money: exact decimals, at most twelve digits of which four stand after the point."""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

PLACES = 4
DIGITS = 12
_CENT = Decimal("0.01")
_UNIT = Decimal("0.0001")
_MOST = Decimal(10) ** (DIGITS - PLACES)

_AMOUNT = re.compile(
    r"(?P<sign>-?)\s*\$?\s*(?P<minus>-?)\s*"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,30}(?:\.\d+)?|\.\d+)",
    re.ASCII,
)


def parse(value: str | float | Decimal, *, negative: bool = False) -> Decimal:
    """The amount, with at most four places. Takes `45`, `45.00`, `$1,045.50` and plain numbers.

    Raises ValueError for anything else, for more digits than are kept (nothing is rounded
    silently), and below zero unless `negative`.
    """
    amount = _read(value)
    if amount < 0 and not negative:
        raise ValueError(f"{amount} is below zero.")
    if abs(amount) >= _MOST:
        raise ValueError(f"The amount has more than {DIGITS - PLACES} digits before the point.")
    kept = amount.quantize(_UNIT)
    if kept != amount:
        raise ValueError(f"{amount} has more than {PLACES} places after the point.")
    places = min(max(_places(amount), 0), PLACES)
    # As it was written: 45 stays 45, 45.00 stays 45.00. Adding nothing makes -0 plain 0.
    return kept.quantize(Decimal(1).scaleb(-places)) + 0


def _read(value: str | float | Decimal) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"An amount is written as 45.00, not as a {type(value).__name__}.")
    if isinstance(value, str):
        return _from_text(value.strip())
    # The shortest spelling of a float is what its writer meant: 45.1, not 45.10000000000000142.
    amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite():
        raise ValueError(f"{value} is not an amount.")
    return amount


def _from_text(text: str) -> Decimal:
    found = _AMOUNT.fullmatch(text) if len(text) <= 60 else None
    if found is None or (found["sign"] and found["minus"]):
        raise ValueError(f"“{text[:40]}” is not an amount. Write it as 45.00.")
    sign = found["sign"] or found["minus"]
    return Decimal(f"{sign}{found['digits'].replace(',', '')}")


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def cents(amount: Decimal) -> Decimal:
    """Rounded to two places, half to the even cent, so that many roundings do not drift."""
    return amount.quantize(_CENT, rounding=ROUND_HALF_EVEN)


def share(cost: Decimal, parts: int) -> list[Decimal]:
    """`cost` in `parts` equal amounts of four places; the first takes what is left over.

    The sum is exactly `cost`. Raises ValueError for fewer than one part.
    """
    if parts < 1:
        raise ValueError("A cost is shared between one or more.")
    each = (cost / parts).quantize(_UNIT, rounding=ROUND_DOWN)
    return [cost - each * (parts - 1), *[each] * (parts - 1)]
