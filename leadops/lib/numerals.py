"""Numbers as people write them: `1,045.50`, `(500)`, `1e3`, `５`. Rules and fields read alike."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

# Anything longer is an identifier, not a quantity; it also bounds the work.
MOST_CHARACTERS = 40

_NUMERAL = re.compile(
    r"""
    (?P<sign>[+-]?)\s*
    (?P<digits>
        \d{1,3}(?:,\d{3})+(?:\.\d*)?   # grouped by thousands
      | \d+(?:\.\d*)?
      | \.\d+
    )
    (?:e(?P<exponent>[+-]?\d{1,3}))?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# Minus signs as word processors and spreadsheets write them.
_MINUS = str.maketrans({"−": "-", "–": "-", "﹣": "-"})


def read(text: str) -> Decimal | None:
    """The number that the whole of `text` stands for, None if it stands for none.

    A bracketed number is negative, as in accounting. `nan` and `inf` are not numbers here.
    """
    text = text.strip()
    if not text or len(text) > MOST_CHARACTERS:
        return None
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_MINUS).strip()
    if text[:1] == "(" and text[-1:] == ")":
        inner = _unsigned(text[1:-1].strip())
        return None if inner is None else -inner
    return _signed(text)


def _unsigned(text: str) -> Decimal | None:
    return None if text[:1] in ("-", "+") else _signed(text)


def _signed(text: str) -> Decimal | None:
    found = _NUMERAL.fullmatch(text)
    if found is None:
        return None
    digits = found["digits"].replace(",", "")
    return Decimal(f"{found['sign']}{digits}e{found['exponent'] or 0}")


def exact(value: float | Decimal) -> Decimal | None:
    """A number already read, exactly as it would be written; None for NaN and the infinities."""
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None
