"""Expressions: what stands between the braces, compiled to closures.

expression := both ("or" both)*
both       := negated ("and" negated)*
negated    := ("not" | "!") negated | comparison
comparison := operand (operator operand)?
operand    := helper argument* name=argument*  |  argument
argument   := path | "text" | number | true | false | null | "(" expression ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, NoReturn

from recipients.mapping import helpers, paths, ruleconditions
from recipients.mapping.errors import Source
from recipients.mapping.scope import MAX_DEPTH, Evaluate, Scope
from recipients.mapping.values import OPERATORS, is_true


class Token(NamedTuple):
    kind: str
    text: str
    offset: int


_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?(?![\w.]))
    |(?P<named>[A-Za-z_][\w-]*=(?![=]))
    |(?P<operator>===|!==|==|!=|<>|<=|>=|&&|\|\||<|>|=|!|\(|\))
    |(?P<name>(?:@[a-z]+|[^\W\d][\w-]*|\[[^\]]+\])(?:\.(?:[\w-]+|\[[^\]]+\]))*)""",
    re.VERBOSE | re.DOTALL,
)
_SEGMENT: Final = re.compile(r"\[([^\]]+)\]|([^.\[\]]+)")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
_CONSTANTS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None, "none": None}
_WORDS: Final = frozenset({"and", "or", "not"})
_WORD_OPERATORS: Final = frozenset({"contains", "in", "starts_with", "ends_with"})


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `constant` says that `evaluate` gives `value` whatever the scope."""

    evaluate: Evaluate
    constant: bool = False
    value: Any = None


@dataclass(slots=True)
class Compiling:
    """What one compilation knows: the roots that paths may have, and the paths it has met."""

    roots: frozenset[str] = paths.ROOTS
    read: set[str] = field(default_factory=set)
    loops: int = 0

    @classmethod
    def with_roots(cls, extra: Collection[str]) -> Compiling:
        return cls(roots=paths.ROOTS | frozenset(extra))


def constant(value: Any) -> Expression:
    return Expression(lambda _: value, constant=True, value=value)


def tokens_of(source: Source, start: int, end: int) -> list[Token]:
    """The tokens of source.text[start:end]; a MappingError at what is none."""
    found: list[Token] = []
    at = start
    while at < end:
        match = _TOKEN.match(source.text, at, end)
        if match is None:
            raise source.error(f"Unexpected {source.text[at]!r}", at)
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), at))
        at = match.end()
    return found


class Parser:
    """Reads one expression from the tokens of a tag."""

    def __init__(
        self, source: Source, tokens: list[Token], compiling: Compiling, *, end: int
    ) -> None:
        self._source = source
        self._tokens = tokens
        self._compiling = compiling
        self._end = end
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        """One expression that takes every token."""
        if not self._tokens:
            self.fail("An expression is missing")
        parsed = self.expression()
        self.expect_end()
        return parsed

    def expect_end(self) -> None:
        if (token := self._peek()) is None:
            return
        if self._at == 1 and self._tokens[0].kind == "name":
            self._unknown_helper(self._tokens[0])
        self.fail(f"Unexpected {token.text!r}")

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.fail(f"Parentheses nest deeper than {MAX_DEPTH} levels")
        parsed = self._either()
        self._depth -= 1
        return parsed

    def argument(self) -> Expression:
        """One argument; used by blocks that take several."""
        token = self._next("A value is missing")
        if token.kind == "string":
            return constant(_unquote(token.text))
        if token.kind == "number":
            return constant(_number(token.text))
        if token.text == "(":
            parsed = self.expression()
            if self._next("A closing parenthesis is missing").text != ")":
                self._at -= 1
                self.fail("A closing parenthesis is missing")
            return parsed
        if token.kind == "name" and token.text not in _WORDS:
            return self._path(token)
        raise self._source.error(f"A value is missing before {token.text!r}", token.offset)

    def operator(self) -> Callable[[Any, Any], bool]:
        """A comparison's operator, quoted or not."""
        token = self._next('An operator is missing, such as "=="')
        text = _unquote(token.text) if token.kind == "string" else token.text
        if text not in OPERATORS:
            self._at -= 1
            self.fail(f"Unknown operator {text!r}: use one of {' '.join(OPERATORS)}")
        return OPERATORS[text]

    def fail(self, message: str) -> NoReturn:
        token = self._peek()
        raise self._source.error(message, token.offset if token else self._end)

    def _either(self) -> Expression:
        sides = [self._both()]
        while self._take("or", "||"):
            sides.append(self._both())
        if len(sides) == 1:
            return sides[0]
        tests = [side.evaluate for side in sides]
        return Expression(lambda scope: any(is_true(test(scope)) for test in tests))

    def _both(self) -> Expression:
        sides = [self._negated()]
        while self._take("and", "&&"):
            sides.append(self._negated())
        if len(sides) == 1:
            return sides[0]
        tests = [side.evaluate for side in sides]
        return Expression(lambda scope: all(is_true(test(scope)) for test in tests))

    def _negated(self) -> Expression:
        negations = 0
        while self._take("not", "!"):
            negations += 1
        parsed = self._comparison()
        if not negations:
            return parsed
        test, wanted = parsed.evaluate, negations % 2 == 0
        return Expression(lambda scope: is_true(test(scope)) is wanted)

    def _comparison(self) -> Expression:
        left = self._operand()
        token = self._peek()
        if token is None or not (_is_operator(token)):
            return left
        self._at += 1
        compare, first, second = OPERATORS[token.text], left.evaluate, self._operand().evaluate
        return Expression(lambda scope: compare(first(scope), second(scope)))

    def _operand(self) -> Expression:
        token = self._peek()
        if token is None or token.kind != "name" or token.text not in helpers.REGISTRY:
            return self.argument()
        self._at += 1
        return self._call(token)

    def _call(self, name: Token) -> Expression:
        arguments: list[Expression] = []
        named: dict[str, Expression] = {}
        while (token := self._peek()) is not None and not _ends_call(token):
            if token.kind == "named":
                self._at += 1
                named[token.text[:-1]] = self.argument()
            elif named:
                self.fail("Arguments with a name stand last")
            else:
                arguments.append(self.argument())
        try:
            evaluate = helpers.REGISTRY[name.text].bind(arguments, named)
        except helpers.BadArguments as exc:
            raise self._source.error(f"{name.text}: {exc}", name.offset) from exc
        return Expression(evaluate)

    def _path(self, token: Token) -> Expression:
        if token.text in _CONSTANTS:
            return constant(_CONSTANTS[token.text])
        segments = tuple(a or b for a, b in _SEGMENT.findall(token.text))
        root = segments[0]
        if len(segments) > paths.MAX_SEGMENTS:
            raise self._source.error("The path has too many parts", token.offset)
        if root in paths.LOOP_ROOTS:
            return self._loop_path(token, segments)
        if root in self._compiling.roots:
            self._compiling.read.add(".".join(segments))
            return Expression(paths.reader(segments))
        if len(segments) > 1:
            self._unknown_root(token, root)
        if root in helpers.REGISTRY:
            raise self._source.error(
                f"{root} is a helper and stands first; for a field write lead.{root}", token.offset
            )
        self._compiling.read.update((f"source.{root}", f"lead.{root}"))
        return Expression(paths.bare_reader(root))

    def _loop_path(self, token: Token, segments: tuple[str, ...]) -> Expression:
        if not self._compiling.loops:
            raise self._source.error(f"{segments[0]} has a meaning only in #each", token.offset)
        if segments[0] != "this" and len(segments) > 1:
            raise self._source.error(f"{segments[0]} has no parts", token.offset)
        return Expression(paths.reader(segments))

    def _unknown_root(self, token: Token, root: str) -> NoReturn:
        raise self._source.error(
            f"Unknown name {root!r}: a path begins with {', '.join(sorted(self._compiling.roots))}"
            + _meant(root, self._compiling.roots),
            token.offset,
        )

    def _unknown_helper(self, token: Token) -> NoReturn:
        raise self._source.error(
            f"Unknown helper {token.text!r}" + _meant(token.text, helpers.REGISTRY), token.offset
        )

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, missing: str) -> Token:
        token = self._peek()
        if token is None:
            self.fail(missing)
        self._at += 1
        return token

    def _take(self, *texts: str) -> bool:
        token = self._peek()
        if token is None or token.kind == "string" or token.text not in texts:
            return False
        self._at += 1
        return True


def _is_operator(token: Token) -> bool:
    if token.kind == "operator":
        return token.text in OPERATORS
    return token.kind == "name" and token.text in _WORD_OPERATORS


def _ends_call(token: Token) -> bool:
    if token.kind == "operator":
        return token.text != "("
    return token.kind == "name" and (token.text in _WORDS or token.text in _WORD_OPERATORS)


def _meant(name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]}?" if close else ""


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)


def _number(text: str) -> int | float:
    return float(text) if any(mark in text for mark in ".eE") else int(text[:400])


def condition(source: Source, compiling: Compiling) -> Callable[[Scope], bool]:
    """The compiled text of a `when`: an expression, with or without its braces; or a rule."""
    if ruleconditions.is_rule(source.text):
        rule = ruleconditions.compiled(source)
        for name in rule.fields:
            root = name.partition(".")[0]
            compiling.read.add(name if root in compiling.roots else f"lead.{name}")
        return ruleconditions.holds(rule)
    start, end = 0, len(source.text)
    stripped = source.text.strip()
    if stripped.startswith("{{") and stripped.endswith("}}"):
        start = source.text.index("{{") + 2
        end = source.text.rindex("}}")
        for opening in ("#if ", "#unless "):
            if source.text[start:end].lstrip().startswith(opening):
                raise source.error("Write only the condition, without #if", start)
    test = Parser(source, tokens_of(source, start, end), compiling, end=end).whole().evaluate
    return lambda scope: is_true(test(scope))
