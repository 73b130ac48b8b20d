"""Masks: `(###) ###-####` puts a value's digits where the # stand."""

from __future__ import annotations

import re
from typing import Final

_EXTENSION: Final = re.compile(r"\s*(?:x|ext\.?|extension|#)\s*\d+\s*$", re.IGNORECASE)
_NOT_DIGITS: Final = re.compile(r"[^0-9]")
_US_DIGITS: Final = 10


def mask(text: str, pattern: str) -> str:
    """The digits of the text in the mask's places.

    A US number's leading 1 or +1 is dropped for masks of ten places, an extension always. Where
    the digits do not fill the mask exactly, they come back bare: nothing is invented or lost. A
    number from elsewhere that happens to have ten digits (+49 30 901820) fits no mask of ten
    places, which are a US number's, and keeps its +.
    """
    places = pattern.count("#")
    digits = _NOT_DIGITS.sub("", text)
    foreign = text.lstrip().startswith("+") and not pattern.lstrip().startswith("+#")
    if foreign and len(digits) == places == _US_DIGITS:
        return f"+{digits}"
    if len(digits) > places:
        digits = _NOT_DIGITS.sub("", _EXTENSION.sub("", text))
    if len(digits) == places + 1 == _US_DIGITS + 1 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) != places:
        return digits
    if places == len(pattern):
        return digits
    following = iter(digits)
    return "".join(next(following) if c == "#" else c for c in pattern)


def e164(text: str) -> str:
    """The phone number as +15555551234; ten digits are taken as a US number."""
    digits = _NOT_DIGITS.sub("", _EXTENSION.sub("", text))
    if len(digits) == _US_DIGITS and not text.strip().startswith("+"):
        return f"+1{digits}"
    return f"+{digits}" if digits else ""
