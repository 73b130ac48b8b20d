"""Text and payloads in plain ASCII, for receivers that know nothing else."""

from __future__ import annotations

import unicodedata
from typing import Any

from anyascii import anyascii

from recipients.mapping.values import is_list, is_object


def plain_letters(text: str) -> str:
    """The text with every letter beyond ASCII as its nearest plain ones: "Zoë Weiß" Zoe Weiss.

    What has no likeness is left out.
    """
    # Composed first: a letter and its accent may come as two characters.
    return text if text.isascii() else anyascii(unicodedata.normalize("NFKC", text))


def in_plain_letters(value: Any) -> Any:
    """The payload with its texts in plain letters; names stay as they are written."""
    if isinstance(value, str):
        return plain_letters(value)
    if is_object(value):
        return {name: in_plain_letters(one) for name, one in value.items()}
    if is_list(value):
        return [in_plain_letters(one) for one in value]
    return value
