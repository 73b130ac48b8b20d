"""Texts that people type and the permanent record keeps: without what they repeat of a person.
Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from events.masking import MASK, TextMask, mentions

TELLING = 4  # characters from which a value in an id is no chance
_NO_DIGIT = re.compile(r"\D+")
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\"']+@[^\s@,;:<>()\[\]\"']+\.[^\s@,;:<>()\[\]\"'.]{2,}")
# Ten to fifteen digits, however they are parted, that belong to no longer word.
_PHONE = re.compile(r"(?<![\w-])\+?(?:\(?\d\)?[\s().-]{0,2}){9,14}\d(?![\w-])")


def without_addresses(text: str) -> str:
    """The text with whatever looks like an e-mail address or a phone number masked."""
    return _PHONE.sub(MASK, _EMAIL.sub(MASK, text))


def scrubbed(text: str, words: Collection[str]) -> str:
    """The text without these values of a lead, in any spelling of them, and without addresses and
    numbers."""
    if text and mentions(text, words):
        named = {str(place): word for place, word in enumerate(words)}
        text = TextMask([named], dict.fromkeys(named, "personal")).text(text)
    return without_addresses(text)


def tells(own_id: str, known: Iterable[Any]) -> bool:
    """Whether somebody's own name for a lead repeats one of the lead's values, and not by
    chance."""
    plain, digits = own_id.lower(), _NO_DIGIT.sub("", own_id)
    for value in known:
        word = str(value).strip().lower()
        number = _NO_DIGIT.sub("", word)
        if len(word) >= TELLING and word in plain:
            return True
        if len(number) >= 10 and number[-10:] in digits:
            return True
    return False
