"""Helpers on numbers, in decimals. What is no number gives blank, and so does an impossible sum."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DecimalException,
)
from typing import Any, Final

from recipients.mapping.helpers.registry import Argument, BadArguments, helper, literal
from recipients.mapping.values import is_blank, is_list, number_of, text_of

_CONTEXT: Final = Context(prec=34, Emax=99, Emin=-99)
_OPERATIONS: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "+": _CONTEXT.add,
    "-": _CONTEXT.subtract,
    "*": _CONTEXT.multiply,
    "/": _CONTEXT.divide,
    "%": _CONTEXT.remainder,
}
_WHOLE: Final = re.compile(r"[+-]?\d+(?:\.0*)?", re.ASCII)


def _good_sum(arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
    if len(arguments) % 2 == 0:
        raise BadArguments('write values with an operator between each two: math a "+" b')
    for argument in arguments[1::2]:
        if literal(argument) not in _OPERATIONS:
            raise BadArguments(f"the operator is one of {' '.join(_OPERATIONS)}, in quotes")


@helper("math", prepare=_good_sum)
def math(first: Any, operator: Any, second: Any, /, *more: Any, decimals: Any = None) -> Any:
    """A sum, from left to right: `{{math lead.income "/" 12 decimals=2}}`.

    Operators + - * / %. Blank where a value is no number, and for a division by zero.
    """
    steps = (operator, second, *more)
    total = number_of(first)
    try:
        for sign, value in zip(steps[::2], steps[1::2], strict=True):
            number = number_of(value)
            if total is None or number is None:
                return None
            total = _OPERATIONS[sign](total, number)
        return None if total is None else _result(total, decimals)
    except DecimalException:
        return None


@helper("round")
def round_(value: Any, decimals: Any = 0, /) -> Any:
    """Rounded to so many decimals, halves away from zero."""
    return _quantized(value, decimals, ROUND_HALF_UP)


@helper("floor")
def floor(value: Any, decimals: Any = 0, /) -> Any:
    """Rounded down."""
    return _quantized(value, decimals, ROUND_FLOOR)


@helper("ceil")
def ceil(value: Any, decimals: Any = 0, /) -> Any:
    """Rounded up."""
    return _quantized(value, decimals, ROUND_CEILING)


@helper("abs")
def absolute(value: Any, /) -> Any:
    """The number without its sign."""
    number = number_of(value)
    return None if number is None else _result(abs(number), None)


@helper("min")
def least(*values: Any) -> Any:
    """The smallest of the numbers; others are passed over."""
    numbers = list(_numbers(values))
    return _result(min(numbers), None) if numbers else None


@helper("max")
def greatest(*values: Any) -> Any:
    """The largest of the numbers; others are passed over."""
    numbers = list(_numbers(values))
    return _result(max(numbers), None) if numbers else None


@helper("number")
def number(value: Any, /) -> Any:
    """The value as a number: "$1,045.50" becomes 1045.50; blank where it is none."""
    found = number_of(value)
    return None if found is None else _result(found, None)


@helper("integer")
def integer(value: Any, /) -> Any:
    """The value as a whole number, the decimals cut off; blank where it is no number."""
    found = number_of(value)
    return None if found is None or found.adjusted() > 99 else int(found)


_YES: Final = frozenset({"true", "yes", "y", "1", "on", "t", "x"})
_NO: Final = frozenset({"false", "no", "n", "0", "off", "f"})


@helper("boolean")
def boolean(value: Any, yes: Any = True, no: Any = False, /) -> Any:
    """Yes or no: `{{boolean lead.opt_in}}` true, `{{boolean lead.opt_in "Y" "N"}}` Y.

    Understands true/false, yes/no, y/n, 1/0, on/off. Blank where the value is none of them.
    """
    word = text_of(value).strip().lower()
    return yes if word in _YES else no if word in _NO else None


def _numbers(values: Iterable[Any]) -> Iterable[Decimal]:
    for value in values:
        for item in value if is_list(value) else (value,):
            if (found := number_of(item)) is not None:
                yield found


def _quantized(value: Any, decimals: Any, rounding: str) -> Any:
    found = number_of(value)
    if found is None:
        return None
    try:
        return _whole_or_decimal(found.quantize(_step(decimals), rounding, _CONTEXT), decimals)
    except DecimalException:
        return None


def _step(decimals: Any) -> Decimal:
    places = number_of(decimals)
    return Decimal(1).scaleb(-min(max(int(places or 0), 0), 20))


def _result(value: Decimal, decimals: Any) -> Any:
    """A whole number as int, else a Decimal; with `decimals`, exactly so many places."""
    if not is_blank(decimals):
        return _quantized(value, decimals, ROUND_HALF_UP)
    text = format(value, "f") if abs(value.adjusted()) < 40 else ""
    return int(value) if _WHOLE.fullmatch(text) else value


def _whole_or_decimal(value: Decimal, decimals: Any) -> Any:
    return value if (number_of(decimals) or 0) > 0 else int(value)
