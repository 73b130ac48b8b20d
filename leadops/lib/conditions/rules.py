"""From a rule's document to closures, and from values to a verdict."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadops.lib import patterns
from leadops.lib.conditions.errors import ConditionError, step
from leadops.lib.conditions.operators import OPERATORS, Compiled, Operator
from leadops.lib.conditions.values import finder, is_blank
from leadops.lib.conditions.verdicts import Failure, Verdict

DEEPEST = 10
MOST_RULES = 500
LONGEST_NAME = 200

Values = Mapping[str, Any]
# The one-element list counts the rules looked at.
Run = Callable[[Values, list[int]], Failure | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule. `document` is its canonical form, equal to what `parse` takes.

    `fields` are the fields it reads, in order; `size` counts its single rules.
    """

    document: dict[str, Any]
    text: str
    fields: tuple[str, ...]
    size: int
    run: Run = field(repr=False, compare=False)

    @property
    def is_always(self) -> bool:
        """It has nothing to check and holds for every lead."""
        return not self.size

    def evaluate(self, values: Values) -> Verdict:
        """Stops at the first rule that decides. A pattern that runs too long fails the whole."""
        looked_at = [0]
        try:
            failure = self.run(values, looked_at)
        except _TooSlow as slow:
            failure = slow.failure
        return Verdict(failure is None, looked_at[0], failure)


class _TooSlow(Exception):
    """Carries the failure past every `not` and `any`: what could not be checked never holds."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def _always(values: Values, looked_at: list[int]) -> Failure | None:
    return None


ALWAYS = Rule({}, "always", (), 0, _always)


def parse(document: Any) -> Rule:
    """The rule written as `document`; None and {} hold always.

    Raises ConditionError with the path of the first mistake.
    """
    if document is None or document == {} or document == {"all": []}:
        return ALWAYS
    return _Parser().node(document, "", depth=1, negated=False)


class _Parser:
    """One parse: it counts the rules of the whole document."""

    def __init__(self) -> None:
        self.count = 0

    def node(self, document: Any, path: str, *, depth: int, negated: bool) -> Rule:
        if not isinstance(document, Mapping):
            raise ConditionError(
                "is written as {all: […]}, {any: […]}, {not: {…}} or {field, op, value}", path
            )
        if depth > DEEPEST:
            raise ConditionError(f"is nested deeper than {DEEPEST} levels", path)
        group = next((word for word in ("all", "any", "not") if word in document), None)
        if group is None:
            return self.leaf(document, path, negated=negated)
        _refuse_others(document, {group}, path)
        inner, inside = document[group], step(path, group)
        if group == "not":
            turned = self.node(inner, inside, depth=depth + 1, negated=not negated)
            text = f"not ({turned.text})"
            return Rule({"not": turned.document}, text, turned.fields, turned.size, turned.run)
        return self.group(group, inner, inside, depth=depth, negated=negated)

    def group(self, word: str, inner: Any, path: str, *, depth: int, negated: bool) -> Rule:
        if not isinstance(inner, (list, tuple)):
            raise ConditionError("takes a list of rules", path)
        if not inner:
            raise ConditionError("needs at least one rule", path)
        children = [
            self.node(child, step(path, index), depth=depth + 1, negated=negated)
            for index, child in enumerate(inner)
        ]
        # Not all of them is any of their opposites, and the other way round: only so can a
        # failure inside a `not` name the rule and the value that decided.
        join = _run_all if (word == "all") is not negated else _run_any
        runs = tuple(child.run for child in children)
        return Rule(
            document={word: [child.document for child in children]},
            text=_joined(" and " if word == "all" else " or ", children),
            fields=tuple(dict.fromkeys(name for child in children for name in child.fields)),
            size=sum(child.size for child in children),
            run=runs[0] if len(runs) == 1 else join(runs),
        )

    def leaf(self, document: Mapping[str, Any], path: str, *, negated: bool) -> Rule:
        self.count += 1
        if self.count > MOST_RULES:
            raise ConditionError(f"a rule has at most {MOST_RULES} parts", path)
        _refuse_others(document, {"field", "op", "value"}, path)
        name = _field_name(document.get("field"), step(path, "field"))
        word, operator = _operator(document.get("op"), step(path, "op"))
        compiled = _compile(operator, document.get("value"), step(path, "value"))
        canonical = {"field": name, "op": word}
        if operator.takes_value:
            canonical["value"] = compiled.document
        text = f"{name} {operator.holds.format(compiled.said)}"
        verdict = f"ruled out by: not ({text})" if negated else operator.fails.format(compiled.said)
        run = _run_leaf(_Leaf(name, word, operator, compiled, verdict, negated))
        return Rule(canonical, text, (name,), 1, run)


def _refuse_others(document: Mapping[str, Any], known: set[str], path: str) -> None:
    for key in document:
        if key not in known:
            expected = ", ".join(sorted(known))
            raise ConditionError(f"is not expected here; known: {expected}", step(path, str(key)))


def _field_name(raw: Any, path: str) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ConditionError("names a field", path)
    name = raw.strip().removeprefix("lead.")
    if len(name) > LONGEST_NAME or not name.isprintable() or "" in name.split("."):
        raise ConditionError("is not a field's name", path)
    return name


def _operator(raw: Any, path: str) -> tuple[str, Operator]:
    if isinstance(raw, str) and raw in OPERATORS:
        return raw, OPERATORS[raw]
    near = difflib.get_close_matches(str(raw)[:50].lower(), OPERATORS, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(OPERATORS)}"
    raise ConditionError(f"“{str(raw)[:50]}” is not an operator; {hint}", path)


def _compile(operator: Operator, raw: Any, path: str) -> Compiled:
    if not operator.takes_value and not is_blank(raw):
        raise ConditionError("this operator takes no value", path)
    return operator.compile(raw, path)


def _joined(word: str, children: list[Rule]) -> str:
    if len(children) == 1:
        return children[0].text
    return word.join(f"({child.text})" if child.size > 1 else child.text for child in children)


@dataclass(frozen=True, slots=True)
class _Leaf:
    name: str
    word: str
    operator: Operator
    compiled: Compiled
    verdict: str
    negated: bool

    def failure(self, values: Values, verdict: str = "") -> Failure:
        seen = finder(self.name)(values)
        verdict = verdict or self.verdict
        reason = values.get(f"{self.name}.reason") if self.word == "valid" else None
        if isinstance(reason, str) and reason:
            verdict = f"{verdict} ({reason})"
        return Failure(self.name, self.word, self.compiled.document, seen, verdict)


def _run_leaf(leaf: _Leaf) -> Run:
    reads = leaf.operator.reads
    find = finder(f"{leaf.name}.{reads}" if reads else leaf.name)
    test, negated = leaf.compiled.test, leaf.negated

    def run(values: Values, looked_at: list[int]) -> Failure | None:
        looked_at[0] += 1
        try:
            held = test(find(values))
        except patterns.PatternTimeout:
            verdict = f"and {leaf.compiled.said} took too long to try"
            raise _TooSlow(leaf.failure(values, verdict)) from None
        return None if held is not negated else leaf.failure(values)

    return run


def _run_all(runs: tuple[Run, ...]) -> Run:
    def run(values: Values, looked_at: list[int]) -> Failure | None:
        for child in runs:
            failure = child(values, looked_at)
            if failure is not None:
                return failure
        return None

    return run


def _run_any(runs: tuple[Run, ...]) -> Run:
    def run(values: Values, looked_at: list[int]) -> Failure | None:
        failures = []
        for child in runs:
            failure = child(values, looked_at)
            if failure is None:
                return None
            failures.append(failure)
        first = failures[0]
        parts = tuple(failures)
        return Failure(first.field, first.op, first.expected, first.seen, first.verdict, parts)

    return run
