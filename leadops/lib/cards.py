"""Payment card numbers, told from other long numbers by issuer, length and check digit. Pure.

Numbers and lengths after the card networks' published ranges (ISO/IEC 7812-1 issuer numbers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FEWEST_DIGITS = 13

# 13 to 19 digits, whole or parted by single blanks or hyphens; neither a part of a word, of a
# fraction or of a telephone number with its +, nor of a longer number.
# The look-behind stands second, so that the search can jump from one possible start to the next.
_LIKELY = re.compile(r"[2-6](?<![\w.+-].)(?:[ -]?\d){12,18}(?![\w-])", re.ASCII)

_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|095|6\d|8\d|9\d)\d{11,16}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}"  # Maestro
)
# A telephone number and its extension make 13 or 14 digits as well, in groups of their own.
_SHORT_GROUPS = re.compile(r"\d+|\d{4}[ -]\d{6}[ -]\d{4}|\d{4}([ -])\d{3}\1\d{3}\1\d{3}")
_LONG_ENOUGH = 15


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand in `text`. Linear in its length."""
    for found in _LIKELY.finditer(text):
        if is_card(found[0]):
            yield found.span()


def mask(text: str, by: str) -> str:
    """`text` with `by` for every card number."""
    return _LIKELY.sub(lambda found: by if is_card(found[0]) else found[0], text)


def is_card(text: str) -> bool:
    """Is the whole of `text` the number of a card, with a right check digit?"""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) < _LONG_ENOUGH and not _SHORT_GROUPS.fullmatch(text):
        return False
    return bool(_ISSUED.fullmatch(digits)) and _luhn([int(char) for char in digits])


def _luhn(digits: list[int]) -> bool:
    """ISO/IEC 7812-1: every second digit from the right is doubled, the sum ends in 0."""
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return any(digits) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
