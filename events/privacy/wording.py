"""Texts that people type and the permanent record keeps: without what they repeat of a person.
Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from events.masking import MASK, TextMask, mentions

_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\"']+@[^\s@,;:<>()\[\]\"']+\.[^\s@,;:<>()\[\]\"'.]{2,}")
# Ten to fifteen digits, however they are parted, that belong to no longer word.
_PHONE = re.compile(r"(?<![\w-])\+?(?:\(?\d\)?[\s().-]{0,2}){9,14}\d(?![\w-])")


def without_addresses(text: str) -> str:
    """The text with whatever looks like an e-mail address or a phone number masked."""
    return _PHONE.sub(MASK, _EMAIL.sub(MASK, text))


def scrubbed(text: str, values: Mapping[str, Any], privacy: Mapping[str, str]) -> str:
    """The text without a lead's own personal values, and without addresses and numbers."""
    if text and mentions(text, (each for each in values.values() if each is not None)):
        text = TextMask([values], privacy).text(text)
    return without_addresses(text)


def repeats(text: str, words: Iterable[str]) -> bool:
    """Whether a text repeats one of the words, in any spelling."""
    return mentions(text, words)
