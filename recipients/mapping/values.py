"""What values are to the mapping language: blank, true, a number, text, and how two compare.

Only plain values are known here (text, numbers, booleans, dates, lists, dicts). Anything else is
blank: an object of ours never reaches a buyer, and no attribute is ever read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final, TypeGuard
from uuid import UUID

import orjson

from recipients.mapping.errors import RenderError
from recipients.mapping.scope import MAX_DEPTH, MAX_OUTPUT

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_MONEY_JUNK = re.compile(r"[\s,$€£¥_]|USD|EUR|GBP")
_MAX_DIGITS: Final = 400


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether the value has named parts."""
    return isinstance(value, dict | MappingProxyType)


def is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def is_blank(value: Any) -> bool:
    """Nothing to send: missing, empty or only spaces. 0 and false are values."""
    if isinstance(value, str):
        return not value or value.isspace()
    if value is None:
        return True
    if isinstance(value, bool | int | date | UUID):
        return False
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Decimal):
        return not value.is_finite()
    if is_list(value) or is_object(value):
        return not value
    return not isinstance(value, bytes) or not value


def is_true(value: Any) -> bool:
    """What counts in {{#if}}: everything but blank and false. 0 is a value, so it counts."""
    return value is not False and not is_blank(value)


def iso(moment: date) -> str:
    """ISO 8601; a moment in milliseconds, UTC as Z. A moment without a zone is taken as UTC."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):
        return ""


def text_of(value: Any) -> str:
    """The value as it stands in a text. Blank is ""; lists and objects are compact JSON."""
    if isinstance(value, str):
        return str.__str__(value)
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    return ""


def json_of(value: Any) -> str:
    """Compact JSON, Decimals digit for digit. RenderError where the value nests too deep."""
    try:
        return orjson.dumps(plain(value), default=_digits, option=orjson.OPT_NON_STR_KEYS).decode()
    except (orjson.JSONEncodeError, RecursionError) as exc:
        raise RenderError(f"The value cannot be written as JSON: {exc}") from exc


def _digits(value: Any) -> orjson.Fragment:
    return orjson.Fragment(_decimal_text(value) if isinstance(value, Decimal) else "null")


def _int_text(value: int) -> str:
    if value.bit_length() > _MAX_DIGITS * 4:
        raise RenderError("A number is too long")
    return int.__repr__(value)


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return ""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return float.__repr__(value)


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        return ""
    return format(value, "f") if abs(value.adjusted()) < _MAX_DIGITS else str(value)


_WRITERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    int: _int_text,
    float: _float_text,
    Decimal: _decimal_text,
    datetime: iso,
    date: iso,
    UUID: str,
    bytes: lambda value: value.decode("utf-8", "replace"),
    list: json_of,
    tuple: json_of,
    dict: json_of,
    MappingProxyType: json_of,
}


def plain(value: Any, *, depth: int = 0) -> Any:
    """The value as a payload may hold it: moments as ISO text, unknown objects as None.

    Numbers keep their type, but for those beyond 64 bits, which become text. Raises RenderError
    where lists and objects nest deeper than the bound.
    """
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _plain_number(value)
    if depth > MAX_DEPTH:
        raise RenderError(f"The value nests deeper than {MAX_DEPTH} levels")
    if is_list(value):
        return [plain(item, depth=depth + 1) for item in value]
    if is_object(value):
        return {_clean(text_of(key)): plain(item, depth=depth + 1) for key, item in value.items()}
    return text_of(value) or None


def _plain_number(value: float | Decimal) -> Any:
    if isinstance(value, int):
        # JSON encoders stop at 64 bits; what is longer is a code rather than a number.
        return int(value) if -(2**63) <= value < 2**63 else _int_text(value)
    return value if math.isfinite(value) else None


def _clean(text: str) -> str:
    """The text without lone surrogates, which no encoding can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return str.__str__(text)


def measure(value: Any) -> int:
    """Roughly how many characters a plain value takes in the payload."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(measure, value)) + len(value)
    if isinstance(value, dict):
        return sum(len(key) + measure(item) for key, item in value.items())
    return 8


def number_of(value: Any) -> Decimal | None:
    """The value as a number; text may carry a currency sign and thousands ("$1,045.50").

    None where it is no number, or not a finite one.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        text = _int_text(value) if isinstance(value, int) else float.__repr__(value)
    elif isinstance(value, Decimal):
        return value if value.is_finite() else None
    else:
        text = _MONEY_JUNK.sub("", value) if isinstance(value, str) and len(value) < 100 else ""
    return Decimal(text) if text and _NUMBER.fullmatch(text) else None


def _compared_number(value: Any) -> Decimal | float | int | None:
    """A number for comparison. "007" is no number: codes with leading zeros stay text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return None if is_blank(value) else value
    if isinstance(value, str) and len(value) < 100 and _PLAIN_NUMBER.fullmatch(value.strip()):
        try:
            return Decimal(value.strip())
        except InvalidOperation:
            return None
    return None


def _pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides in one kind: numbers if both are numeric, else text."""
    first, second = _compared_number(left), _compared_number(right)
    if first is not None and second is not None:
        return _exact(first), _exact(second)
    return text_of(left), text_of(right)


def _exact(number: float | Decimal) -> Decimal:
    return Decimal(float.__repr__(number)) if isinstance(number, float) else Decimal(number)


def equal(left: Any, right: Any) -> bool:
    """Numbers as numbers, the rest as text with respect for case; blank equals blank."""
    if is_blank(left) or is_blank(right):
        return is_blank(left) and is_blank(right)
    first, second = _pair(left, right)
    return bool(first == second)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        if is_blank(left) or is_blank(right):
            return False
        return test(*_pair(left, right))

    return compare


def contains(container: Any, item: Any) -> bool:
    """Whether the list holds the item, or the text the other text (with respect for case)."""
    if is_blank(container) or is_blank(item):
        return False
    if is_list(container):
        return any(equal(each, item) for each in container[:MAX_OUTPUT])
    return text_of(item) in text_of(container)


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "==": equal,
        "===": equal,
        "=": equal,
        "!=": lambda left, right: not equal(left, right),
        "!==": lambda left, right: not equal(left, right),
        "<>": lambda left, right: not equal(left, right),
        "<": _ordered(lambda left, right: left < right),
        "<=": _ordered(lambda left, right: left <= right),
        ">": _ordered(lambda left, right: left > right),
        ">=": _ordered(lambda left, right: left >= right),
        "contains": contains,
        "in": lambda left, right: contains(right, left),
        "starts_with": lambda left, right: text_of(left).startswith(text_of(right) or "\0"),
        "ends_with": lambda left, right: text_of(left).endswith(text_of(right) or "\0"),
    }
)
