"""The operators: what each takes, what it tests, and how it is said.

Every operator is a row of `OPERATORS`; a new one is a function and a row.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from leadops.lib import patterns
from leadops.lib.conditions import operands, values
from leadops.lib.conditions.errors import ConditionError, step
from leadops.lib.conditions.operands import Operand, Test
from leadops.lib.conditions.verdicts import show


@dataclass(frozen=True, slots=True)
class Compiled:
    """An operator with its value: the test, the value as kept in the document and as said."""

    test: Test
    document: Any = None
    said: str = ""


Compile = Callable[[Any, str], Compiled]


class Takes(StrEnum):
    """What stands under `value`."""

    ONE = "one"
    SEVERAL = "several"
    TWO = "two"
    PATTERN = "pattern"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Operator:
    """`label` is the choice in an editor, `holds` and `fails` are templates around the value: “is
    in {}”, “not in {}”. `of_validity`: it looks at whether the field is valid, not at its value.
    """

    label: str
    holds: str
    fails: str
    compile: Compile
    takes: Takes = Takes.ONE
    of_validity: bool = False

    @property
    def takes_value(self) -> bool:
        return self.takes is not Takes.NONE


def _one(build: Callable[[Operand], Test]) -> Compile:
    def compile_one(raw: Any, path: str) -> Compiled:
        if isinstance(raw, (list, tuple, dict)) and raw:
            raise ConditionError("takes one value, not several", path)
        operand = operands.one(raw, path)
        return Compiled(build(operand), operand.document, show(operand.document))

    return compile_one


def _several(build: Callable[[tuple[Operand, ...]], Test]) -> Compile:
    def compile_several(raw: Any, path: str) -> Compiled:
        read = operands.several(raw, path)
        document = [operand.document for operand in read]
        return Compiled(build(read), document, show(document))

    return compile_several


def _without(test: Test) -> Compile:
    return lambda raw, path: Compiled(test)


def _negated(build: Callable[[Any], Test]) -> Callable[[Any], Test]:
    """The opposite test; a missing value is not the excluded one, so it holds."""

    def build_negated(operand: Any) -> Test:
        test = build(operand)
        return lambda value: not test(value)

    return build_negated


def _is(operand: Operand) -> Test:
    return operand.equals


def _contains(operand: Operand) -> Test:
    """Text holds a part; a list (of an appended reply) holds an element."""

    def test(value: Any) -> bool:
        if isinstance(value, (list, tuple)):
            return any(operand.equals(element) for element in value)
        text = values.as_text(value)
        return text is not None and operand.text in values.fold(text)

    return test


_lacks = _negated(_contains)


def _is_there(value: Any) -> bool:
    return not values.is_blank(value)


def _is_true(value: Any) -> bool:
    return value is True


def _is_false(value: Any) -> bool:
    return value is False


# What can be put in order, in the order in which an operand is tried as each.
_KINDS: tuple[Callable[[Any], Any], ...] = (
    values.as_number,
    values.as_date,
    values.as_time,
)


def _reader(operand: Operand, path: str) -> Callable[[Any], Any]:
    if operand.moment is not None:
        return values.as_moment
    for reader in _KINDS:
        if reader(operand.document) is not None:
            return reader
    raise ConditionError("takes a number, a date (2024-01-31) or a time (14:30)", path)


def _ordered(compare: Callable[[Any, Any], bool]) -> Compile:
    def compile_ordered(raw: Any, path: str) -> Compiled:
        if isinstance(raw, (list, tuple, dict)) and raw:
            raise ConditionError("takes one value, not several", path)
        operand = operands.one(raw, path)
        read = _reader(operand, path)
        bound = read(operand.document)

        def test(value: Any) -> bool:
            seen = read(value)
            return seen is not None and compare(seen, bound)

        return Compiled(test, operand.document, show(operand.document))

    return compile_ordered


def _between(raw: Any, path: str) -> Compiled:
    """Both ends belong to it."""
    if not isinstance(raw, (list, tuple)) or len(raw) != 2:
        raise ConditionError("takes two values: [low, high]", path)
    low, high = (operands.one(item, step(path, index)) for index, item in enumerate(raw))
    read = _reader(low, step(path, 0))
    least, most = read(low.document), read(high.document)
    if most is None or _reader(high, step(path, 1)) is not read:
        raise ConditionError("is of another kind than the first value", step(path, 1))
    if least > most:
        raise ConditionError("the first value is above the second", path)

    def test(value: Any) -> bool:
        seen = read(value)
        return seen is not None and bool(least <= seen <= most)

    said = f"{show(low.document)} and {show(high.document)}"
    return Compiled(test, [low.document, high.document], said)


@lru_cache(maxsize=2048)
def _check_once(pattern: str) -> None:
    patterns.check(pattern)


def _matches(raw: Any, path: str) -> Compiled:
    """Case counts in a pattern unless it begins with (?i): lowering one would make \\D a \\d.

    What could run for ever is refused here, so that a form or a bundle can point at it.
    """
    if not isinstance(raw, str) or not raw:
        raise ConditionError("takes a regular expression", path)
    operands.one(raw, path)
    try:
        _check_once(raw)
        pattern = patterns.compile(raw)
    except patterns.PatternError as error:
        at = error.position
        where = "" if at is None else f" (character {at + 1})"
        raise ConditionError(f"{error}{where}", path, position=at) from error

    def test(value: Any) -> bool:
        text = values.as_text(value)
        return text is not None and bool(pattern.search(text.strip()))

    return Compiled(test, raw, f"/{show(raw)}/")


OPERATORS: dict[str, Operator] = {
    "is": Operator("is", "is {}", "not {}", _one(_is)),
    "is_not": Operator("is not", "is not {}", "and must not be {}", _one(_negated(_is))),
    "in": Operator("is one of", "is in {}", "not in {}", _several(operands.among), Takes.SEVERAL),
    "not_in": Operator(
        "is none of",
        "is not in {}",
        "and must not be in {}",
        _several(_negated(operands.among)),
        Takes.SEVERAL,
    ),
    "contains": Operator("contains", "contains {}", "without {}", _one(_contains)),
    "not_contains": Operator(
        "does not contain", "does not contain {}", "and must not contain {}", _one(_lacks)
    ),
    "lt": Operator("is below", "is below {}", "not below {}", _ordered(operator.lt)),
    "lte": Operator("is at most", "is at most {}", "not at most {}", _ordered(operator.le)),
    "gt": Operator("is above", "is above {}", "not above {}", _ordered(operator.gt)),
    "gte": Operator("is at least", "is at least {}", "not at least {}", _ordered(operator.ge)),
    "between": Operator("is between", "is between {}", "not between {}", _between, Takes.TWO),
    "matches": Operator(
        "matches", "matches {}", "which does not match {}", _matches, Takes.PATTERN
    ),
    "blank": Operator(
        "is blank", "is blank", "and must be blank", _without(values.is_blank), Takes.NONE
    ),
    "not_blank": Operator(
        "is not blank", "is not blank", "and must not be", _without(_is_there), Takes.NONE
    ),
    "valid": Operator(
        "is valid", "is valid", "not valid", _without(_is_true), Takes.NONE, of_validity=True
    ),
    "invalid": Operator(
        "is invalid", "is invalid", "not invalid", _without(_is_false), Takes.NONE, of_validity=True
    ),
}
