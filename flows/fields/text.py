"""From whatever a source sent to clean text."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, time
from decimal import Decimal
from typing import Any

from flows.fields.value import Invalid

LONGEST = 10_000
# As many bits as a number of about 150 digits: no field has one, and str() of more may raise.
_LARGEST_BITS = 512
_DEEPEST = 20

# Characters that print nothing, or turn the direction of what follows and so disguise it.
# Lone surrogates cannot be written to any store. Tab and line ends stay.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
# Hyphens, dashes and the minus sign, as word processors put them for a plain one.
_DASHES = dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63), "-")


def text_of(raw: Any) -> str:
    """The text of one value, cleaned. Raises Invalid for what is not one value, or too long."""
    if isinstance(raw, str):
        if len(raw) > LONGEST:
            raise Invalid(f"is longer than {LONGEST:,} characters")
        return clean(raw)
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (int, float, Decimal)):
        return _number_text(raw)
    if isinstance(raw, (date, time)):
        return raw.isoformat()
    raise Invalid("is a list, not one value" if isinstance(raw, list) else "is not one value")


def _number_text(raw: float | Decimal) -> str:
    """Without the `.0` that JSON writers add to identifiers such as phone numbers."""
    if isinstance(raw, int):
        if raw.bit_length() > _LARGEST_BITS:
            raise Invalid("is too large a number")
        return str(raw)
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 1e15:
        return str(int(raw))
    return str(raw)


def clean(text: str) -> str:
    """Without surrounding blanks and unseen characters, composed (NFC)."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text)).strip()


def narrow(text: str) -> str:
    """With full-width letters and digits as ordinary ones (NFKC), where form carries no meaning."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def plain(text: str) -> str:
    """As `narrow`, and with the digits of all scripts as 0–9 and all dashes as hyphens."""
    if text.isascii():
        return text
    text = narrow(text).translate(_DASHES)
    return text if text.isascii() else "".join(map(_as_digit, text))


def _as_digit(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else char


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def key(text: str) -> str:
    """Text as names are looked up: without case, accents, dots and doubled blanks."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text.replace("’", "'"))
        text = "".join(part for part in parts if not unicodedata.combining(part))
    return on_one_line(text.replace(".", "").replace("-", " ").replace(",", " ").casefold())


def storable(raw: Any, depth: int = 0) -> Any:
    """A raw value as the record can keep it: PostgreSQL's JSON holds neither NUL nor NaN.

    What no JSON could have brought comes back as text, what is nested too deeply as “…”.
    """
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        text = raw.replace("\x00", "�") if "\x00" in raw else raw
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
    if isinstance(raw, int):
        return raw if raw.bit_length() <= _LARGEST_BITS else f"{hex(raw)[:100]}…"
    if isinstance(raw, float):
        return raw if math.isfinite(raw) else str(raw)
    if isinstance(raw, Decimal):
        return raw if raw.is_finite() else str(raw)
    if isinstance(raw, (list, dict)):
        return "…" if depth == _DEEPEST else _storable_group(raw, depth + 1)
    return raw.isoformat() if isinstance(raw, (date, time)) else str(raw)


def _storable_group(raw: list[Any] | dict[Any, Any], depth: int) -> Any:
    if isinstance(raw, list):
        return [storable(item, depth) for item in raw]
    return {storable(str(name)): storable(item, depth) for name, item in raw.items()}
