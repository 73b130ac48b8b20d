"""Card numbers that a source posted: nobody here may keep them, so the lead is refused. Pure.

Under which names a long number is not suspected is written in docs/field-types.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from flows.fields import parse
from flows.fields.text import clean, plain
from leadops.lib import cards

REASON: Final = "Card numbers are refused"
# Fields whose long numbers are what their type says, where it can read them.
NUMERIC: Final = frozenset({"phone", "number", "currency", "range", "date", "time"})

# One in ten identifiers of sixteen digits has a card's check digit by chance: those of networks
# and trackers (leadgen_id, clickId, ts) are no cards because they say so; so are telephones'.
_OTHER = re.compile(r"(?:^|_)(?:[a-z]*ids?|key|token|ref|reference|ts|time|timestamp)\d*(?:_|$)")
_TELEPHONE = re.compile(r"(?:^|_)(?:[a-z]*phone|mobile|cell|tel|fax)\d*(?:_|$)")
LONGEST_TELEPHONE: Final = 15  # digits; ITU-T E.164
_CARD = re.compile(r"card|(?:^|_)(?:cc|pan)(?:_|$)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BARE = re.compile(r"\d+", re.ASCII)
_MASKED_NAME: Final = "•••"


def without(
    values: Mapping[str, Any], types: Mapping[str, str], *, mask: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """`values` with `mask` for all that carry a card number, and the names of those (at the top).

    `types` are the flow's fields by name. A name that is a card number is masked too.
    """
    kept: dict[str, Any] = {}
    refused: list[str] = []
    for name, value in values.items():
        shown = _MASKED_NAME if _in_text(name) else name
        kind = types.get(name, "")
        # A type that reads numbers knows better than the name.
        clear = _clear("" if kind in NUMERIC else name, value, mask)
        if clear is not value and kind in NUMERIC and parse(kind, value).valid:
            clear = value
        kept[shown] = clear
        if clear is not value or shown is not name:
            refused.append(shown)
    return kept, tuple(refused)


def reason(names: Collection[str]) -> str:
    """Why the lead is refused: where the numbers stood, never what they were."""
    shown = ", ".join(name[:60] for name in list(names)[:5])
    return f"{REASON}: {shown}" if shown else REASON


def _clear(name: str, value: Any, mask: str) -> Any:
    """`value` itself where it bears no card number at any depth."""
    if isinstance(value, str):
        return mask if len(value) >= cards.FEWEST_DIGITS and _bears(name, value) else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return mask if abs(value) >= 10**12 and _bears(name, f"{value:.0f}") else value
    if isinstance(value, list):
        clear = [_clear(name, item, mask) for item in value]
        same = all(one is was for one, was in zip(clear, value, strict=True))
        return value if same else clear
    if isinstance(value, dict):
        return _clear_group(value, mask)
    return value


def _clear_group(values: dict[str, Any], mask: str) -> dict[str, Any]:
    clear = {
        _MASKED_NAME if _in_text(name) else name: _clear(name, value, mask)
        for name, value in values.items()
    }
    same = clear.keys() == values.keys() and all(clear[key] is values[key] for key in values)
    return values if same else clear


def _bears(name: str, text: str) -> bool:
    text = text if text.isascii() else plain(clean(text))
    if _BARE.fullmatch(text) and _names_another(name, len(text)):
        return False
    if text.startswith(("http://", "https://")):
        # The numbers of a path are those of pages and profiles.
        query = text.partition("?")[2].partition("#")[0]
        return bool(query) and any(_bears(key, value) for key, value in _pairs(query))
    return _in_text(text)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, max_num_fields=100)
    except ValueError:
        return [("", query)]


def _in_text(text: str) -> bool:
    return len(text) >= cards.FEWEST_DIGITS and next(cards.spans(text), None) is not None


@lru_cache(maxsize=4096)
def _names_another(name: str, digits: int) -> bool:
    """Does the name say that its number is an identifier, a moment or a telephone's?"""
    spelt = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", name).lower())
    if _CARD.search(spelt):
        return False
    telephone = digits <= LONGEST_TELEPHONE and _TELEPHONE.search(spelt)
    return bool(telephone or _OTHER.search(spelt))
