"""Conditions on a reply: `status = "accepted"`, `//code > 0 and not_found`, `errors.0`.

    condition := all ("or" all)*
    all       := test ("and" test)*
    test      := selector (= != < > <= >= ~) value  |  selector

Text is compared with respect for case, numbers as numbers; `~` looks for a regular expression.
A selector alone asks whether it finds something true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from leadops.lib import patterns
from recipients.mapping.errors import RenderError
from recipients.mapping.values import OPERATORS, is_blank, text_of
from recipients.responses.budget import Budget
from recipients.responses.reading import Reading
from recipients.responses.selectors import Kind, Selector, SelectorError, compile_selector

MAX_CONDITION: Final = 2000
_OPERATOR: Final = re.compile(r"\s*(==|!=|<=|>=|=|<|>|~)\s*")
_SPACED_OPERATOR: Final = re.compile(r"\s+(==|!=|<=|>=|=|<|>|~)\s+")
_JOINT: Final = re.compile(r"\s+(and|or|AND|OR|&&|\|\|)\s+")
_VALUE: Final = re.compile(
    r"""(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<bare>[^"'\s]+)"""
)
_FALSE: Final = frozenset({"false", "0", "no", "null", "none"})


class ConditionError(ValueError):
    """The condition cannot be used."""


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison, or the question whether a selector finds something."""

    text: str
    selector: Selector
    operator: str = ""
    holds_for: Callable[[Any, Budget], bool] | None = None

    def holds(self, reading: Reading) -> bool:
        found = reading.values(self.selector)
        if self.holds_for is None:
            return any(map(_says_yes, found))
        # "Not equal" must be true of all; and a value that isn't there proves nothing.
        quantifier = all if self.operator == "!=" else any
        return bool(found) and quantifier(self.holds_for(each, reading.budget) for each in found)

    def understands(self, reading: Reading) -> bool:
        """Whether the reply has what the test looks at, so that a "no" is the buyer's."""
        if self.selector.kind is Kind.PATTERN and self.holds_for is None:
            return reading.is_plain_text
        return bool(reading.values(self.selector))

    def denies(self, reading: Reading) -> bool:
        """Whether it fails for what the reply says, not for what it leaves blank."""
        if self.holds(reading) or not self.understands(reading):
            return False
        found = reading.values(self.selector)
        return not found or not all(map(is_blank, found))

    def saw(self, reading: Reading) -> str:
        """The test with what it saw: `status = "denied"`."""
        found = reading.texts(self.selector)
        if not found or self.selector.kind is Kind.PATTERN:
            return self.text
        return f'{self.selector.text} = "{found[0][:100]}"'


@dataclass(frozen=True, slots=True)
class Condition:
    """Tests, joined: any of the groups, all tests of a group."""

    text: str
    groups: tuple[tuple[Test, ...], ...]

    def holds(self, reading: Reading) -> bool:
        return any(all(test.holds(reading) for test in group) for group in self.groups)

    def understands(self, reading: Reading) -> bool:
        """Whether any of its tests finds what it looks at."""
        return any(test.understands(reading) for test in self._tests())

    def gap(self, reading: Reading) -> Test | None:
        """The test that finds nothing where the rest of its group says yes and nothing no: what the
        reply answers cannot be told. None where there is no such test."""
        for group in self.groups:
            holding = [test for test in group if test.holds(reading)]
            if 0 < len(holding) < len(group) and not any(t.denies(reading) for t in group):
                return next(test for test in group if test not in holding)
        return None

    def saw(self, reading: Reading) -> str:
        """The first test that failed, with what it saw."""
        for test in self._tests():
            if test.understands(reading) and not test.holds(reading):
                return test.saw(reading)
        return self.text

    def _tests(self) -> Iterator[Test]:
        for group in self.groups:
            yield from group


def compile_condition(text: str) -> Condition:
    """The condition of a text; ConditionError where it is wrong."""
    if len(text) > MAX_CONDITION:
        raise ConditionError(f"The condition is longer than {MAX_CONDITION} characters")
    groups: list[list[Test]] = [[]]
    for joint, part in _parts(text.strip()):
        if joint == "or":
            groups.append([])
        groups[-1].append(_test(part))
    return Condition(text.strip(), tuple(map(tuple, groups)))


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """The tests with the word before each; words in quotes and brackets do not join."""
    at, joint = 0, ""
    for found in _JOINT.finditer(text):
        if _is_outside(text[at : found.start()]):
            yield joint, text[at : found.start()]
            joint = "or" if found[1].lower() in ("or", "||") else "and"
            at = found.end()
    yield joint, text[at:]


def _is_outside(text: str) -> bool:
    """Whether no quote or bracket of the text is open at its end."""
    quote, depth, index = "", 0, 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            depth += (char in "[(") - (char in "])")
        index += 1
    return not quote and depth == 0


def _test(text: str) -> Test:
    text = text.strip()
    if not text:
        raise ConditionError("A condition is missing")
    has_prefix = text.startswith(("regex:", "css:"))
    for found in (_SPACED_OPERATOR if has_prefix else _OPERATOR).finditer(text):
        value = _VALUE.fullmatch(text[found.end() :].strip())
        if value and _is_outside(text[: found.start()]):
            return _comparison(text, text[: found.start()], found[1], value)
    if _OPERATOR.search(_QUOTED.sub("", text)) and not has_prefix and "[" not in text:
        raise ConditionError(f"{text!r} is no condition: put the value in quotes")
    return Test(text, _selector(text))


_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")


def _comparison(text: str, path: str, operator: str, value: re.Match[str]) -> Test:
    operator = {"==": "="}.get(operator, operator)
    wanted = re.sub(r"\\(.)", r"\1", value["quoted"][1:-1]) if value["quoted"] else value["bare"]
    if operator == "~":
        quoted = value["quoted"]
        wanted = quoted[1:-1].replace(f"\\{quoted[0]}", quoted[0]) if quoted else wanted
        return Test(text, _selector(path), operator, _pattern_test(wanted))
    if not value["quoted"] and wanted == "null":
        wanted = ""
    compare = OPERATORS[operator]
    return Test(text, _selector(path), operator, lambda seen, _: _safely(compare, seen, wanted))


def _safely(compare: Callable[[Any, Any], bool], seen: Any, wanted: str) -> bool:
    try:
        return compare(seen, wanted)
    except RenderError:
        return False  # a value too deep or too long to be written: equal to nothing


def _pattern_test(pattern: str) -> Callable[[Any, Budget], bool]:
    try:
        patterns.check(pattern)
        compiled = patterns.compile(pattern)
    except patterns.PatternError as exc:
        raise ConditionError(exc.message) from exc

    def matches(seen: Any, budget: Budget) -> bool:
        try:
            return budget.search(compiled, text_of(seen)) is not None
        except RenderError:
            return False

    return matches


def _selector(text: str) -> Selector:
    try:
        return compile_selector(text)
    except SelectorError as exc:
        raise ConditionError(str(exc)) from exc


def _says_yes(value: Any) -> bool:
    """Something, and not a no: false, 0 and their words are none."""
    if is_blank(value) or value is False or value == 0:
        return False
    return not (isinstance(value, str) and value.strip().lower() in _FALSE)
