"""From a rule's document to closures, and from values to a verdict."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from leadops.lib import patterns
from leadops.lib.conditions.errors import MOST_MISTAKES, ConditionError, step, together
from leadops.lib.conditions.operators import OPERATORS, Compiled, Operator, Takes
from leadops.lib.conditions.values import Find, finder, is_blank, validity
from leadops.lib.conditions.verdicts import Failure, Looked, Verdict

DEEPEST = 10
MOST_RULES = 500
LONGEST_NAME = 200
PATTERN_SECONDS = 0.25
"""Of processor time that the patterns of one rule may take together, for one lead."""

Values = Mapping[str, Any]


class _Look:
    """One evaluation: how many rules it looked at, how long its patterns took."""

    __slots__ = ("count", "seconds")

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0


Run = Callable[[Values, _Look], Failure | None]


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
    leaves: tuple[_Leaf, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_always(self) -> bool:
        """It has nothing to check and holds for every lead."""
        return not self.size

    def reads(self, root: str) -> bool:
        """Does it read `root` or a part of it?"""
        return any(name == root or name.startswith(f"{root}.") for name in self.fields)

    def words(self, path: str) -> str:
        """The rule or group at `path` in words, blank where there is none."""
        node: Any = self.document
        for key in path.split(".") if path else ():
            node = node.get(key) if isinstance(node, dict) else _element(node, key)
        return parse(node).text if isinstance(node, dict) and node else ""

    def evaluate(self, values: Values) -> Verdict:
        """Stops at the first rule that decides. A pattern that runs too long fails the whole."""
        look = _Look()
        try:
            failure = self.run(values, look)
        except _TooSlow as slow:
            failure = slow.failure
        return Verdict(failure is None, look.count, failure)

    def explain(self, values: Values) -> Iterator[Looked]:
        """Every single rule looked at by itself, in the document's order, whatever the others
        came to. What takes too long to try does not hold."""
        look = _Look()
        for leaf in self.leaves:
            try:
                held = leaf.holds(values, look)
            except _TooSlow:
                held = False
            yield Looked(leaf.path, leaf.text, leaf.name, leaf.seen(values), held)


def _element(node: Any, key: str) -> Any:
    found = isinstance(node, list) and key.isdecimal() and int(key) < len(node)
    return node[int(key)] if found else None


class _TooSlow(Exception):
    """Carries the failure past every `not` and `any`: what could not be checked never holds."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


def _always(values: Values, look: _Look) -> Failure | None:
    return None


ALWAYS = Rule({}, "always", (), 0, _always)


def parse(document: Any) -> Rule:
    """The rule written as `document`; None and {} hold always.

    Raises ConditionError with the path of the first mistake; it brings the others along.
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
            return replace(turned, document={"not": turned.document}, text=text)
        children = self.children(inner, inside, depth=depth, negated=negated)
        return _grouped(group, children, path, negated=negated)

    def children(self, inner: Any, path: str, *, depth: int, negated: bool) -> list[Rule]:
        if not isinstance(inner, (list, tuple)):
            raise ConditionError("takes a list of rules", path)
        if not inner:
            raise ConditionError("needs at least one rule", path)
        found: list[Rule] = []
        mistakes: list[ConditionError] = []
        for index, child in enumerate(inner):
            try:
                found.append(self.node(child, step(path, index), depth=depth + 1, negated=negated))
            except ConditionError as mistake:
                mistakes += mistake.all
                if len(mistakes) >= MOST_MISTAKES:
                    break
        if mistakes:
            raise together(mistakes)
        return found

    def leaf(self, document: Mapping[str, Any], path: str, *, negated: bool) -> Rule:
        self.count += 1
        if self.count > MOST_RULES:
            raise ConditionError(f"a rule has at most {MOST_RULES} parts", path)
        _refuse_others(document, {"field", "op", "value"}, path)
        name, word, compiled = _read_leaf(document, path)
        operator = OPERATORS[word]
        canonical = {"field": name, "op": word}
        if operator.takes_value:
            canonical["value"] = compiled.document
        text = f"{name} {operator.holds.format(compiled.said)}"
        leaf = _Leaf(path, text, name, word, operator, compiled, negated)
        return Rule(canonical, text, (name,), 1, _run_leaf(leaf), (leaf,))


def _read_leaf(document: Mapping[str, Any], path: str) -> tuple[str, str, Compiled]:
    """Field, operator and value. Raises ConditionError for all that is wrong with them."""
    mistakes: list[ConditionError] = []
    name, word, compiled = "", "", Compiled(is_blank)
    try:
        name = _field_name(document.get("field"), step(path, "field"))
    except ConditionError as mistake:
        mistakes.append(mistake)
    try:
        word, operator = _operator(document.get("op"), step(path, "op"))
        compiled = _compile(operator, document.get("value"), step(path, "value"))
    except ConditionError as mistake:
        mistakes.append(mistake)
    if mistakes:
        raise together(mistakes)
    return name, word, compiled


def _grouped(word: str, children: list[Rule], path: str, *, negated: bool) -> Rule:
    # Not all of them is any of their opposites, and the other way round: only so can a
    # failure inside a `not` name the rule and the value that decided.
    runs = tuple(child.run for child in children)
    every = (word == "all") is not negated
    join = _run_all(runs) if every else _run_any(runs, path, all_held=negated)
    return Rule(
        document={word: [child.document for child in children]},
        text=_joined(" and " if word == "all" else " or ", children),
        fields=tuple(dict.fromkeys(name for child in children for name in child.fields)),
        size=sum(child.size for child in children),
        run=runs[0] if len(runs) == 1 else join,
        leaves=tuple(leaf for child in children for leaf in child.leaves),
    )


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
    if raw is None:
        raise ConditionError(f"names an operator: {', '.join(OPERATORS)}", path)
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
    path: str
    text: str
    name: str
    word: str
    operator: Operator
    compiled: Compiled
    negated: bool
    seen: Find = field(init=False)
    judged: Find = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", finder(self.name))
        object.__setattr__(
            self, "judged", validity(self.name) if self.operator.of_validity else self.seen
        )

    def holds(self, values: Values, look: _Look) -> bool:
        """Raises _TooSlow."""
        if self.operator.takes is not Takes.PATTERN:
            return self.compiled.test(self.judged(values))
        if look.seconds > PATTERN_SECONDS:
            raise self._too_slow(values)
        began = time.thread_time()
        try:
            return self.compiled.test(self.judged(values))
        except patterns.PatternTimeout:
            raise self._too_slow(values) from None
        finally:
            look.seconds += time.thread_time() - began

    def _too_slow(self, values: Values) -> _TooSlow:
        return _TooSlow(self.failure(values, f"and {self.compiled.said} took too long to try"))

    def failure(self, values: Values, verdict: str = "") -> Failure:
        seen = self.seen(values)
        if not verdict:
            said = self.operator.fails.format(self.compiled.said)
            verdict = f"ruled out by: not ({self.text})" if self.negated else said
        reason = values.get(f"{self.name}.reason") if self.word == "valid" else None
        if isinstance(reason, str) and reason:
            verdict = f"{verdict} ({reason})"
        return Failure(self.name, self.word, self.compiled.document, seen, verdict, (), self.path)


def _run_leaf(leaf: _Leaf) -> Run:
    if leaf.operator.takes is Takes.PATTERN:
        return _run_pattern(leaf)
    find, test, negated = leaf.judged, leaf.compiled.test, leaf.negated

    def run(values: Values, look: _Look) -> Failure | None:
        look.count += 1
        return None if test(find(values)) is not negated else leaf.failure(values)

    return run


def _run_pattern(leaf: _Leaf) -> Run:
    def run(values: Values, look: _Look) -> Failure | None:
        look.count += 1
        return None if leaf.holds(values, look) is not leaf.negated else leaf.failure(values)

    return run


def _run_all(runs: tuple[Run, ...]) -> Run:
    def run(values: Values, look: _Look) -> Failure | None:
        for child in runs:
            failure = child(values, look)
            if failure is not None:
                return failure
        return None

    return run


def _run_any(runs: tuple[Run, ...], path: str, *, all_held: bool) -> Run:
    def run(values: Values, look: _Look) -> Failure | None:
        failures = []
        for child in runs:
            failure = child(values, look)
            if failure is None:
                return None
            failures.append(failure)
        return replace(failures[0], parts=tuple(failures), path=path, all_held=all_held)

    return run
