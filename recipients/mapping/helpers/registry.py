"""Helpers by name, and how a call in a template is bound to one.

A helper is a plain function: values in, a value out. Its signature says what it takes: parameters
without a default are required, keyword-only ones are given as name=value. It never raises on a
value that it cannot work on; each says in its docstring what comes back then.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from recipients.mapping.scope import Evaluate, Scope


class BadArguments(ValueError):
    """The call cannot be right, whatever the values: a mistake to show at save."""


class Argument(Protocol):
    """What the parser hands over for each argument."""

    @property
    def evaluate(self) -> Evaluate: ...
    @property
    def constant(self) -> bool: ...
    @property
    def value(self) -> Any: ...


Prepare = Callable[[Sequence[Argument], Mapping[str, Argument]], None]
"""Looks at the written arguments of a call; raises BadArguments."""

Function = TypeVar("Function", bound=Callable[..., Any])

REGISTRY: Final[dict[str, Helper]] = {}

_CALL: Final = re.compile(r"\{\{[^}]*\}\}")
_STANDS_FOR: Final = {"count": "5", "width": "10", "pattern": '"^[A-Z]"'}
_USUAL: Final = {"numbers": "lead.income", "lists": "lead.interests", "dates": "now"}


@dataclass(frozen=True, slots=True)
class Helper:
    """One helper: its function and what a call may look like."""

    name: str
    function: Callable[..., Any]
    least: int
    most: int | None
    named: frozenset[str]
    any_named: bool
    required: frozenset[str] = frozenset()
    prepare: Prepare | None = None

    @property
    def summary(self) -> str:
        """The first sentence of what it does, for the console's list of helpers."""
        return (inspect.getdoc(self.function) or "").split("\n\n")[0].replace("\n", " ")

    @property
    def example(self) -> str:
        """A call of it: the one of its description, or its parameters by name."""
        for found in _CALL.findall(inspect.getdoc(self.function) or ""):
            if not found.startswith("{{#"):
                own = re.sub(rf"\b{self._first_name}\b", self.name, found, count=1)
                return own if f"{self.name} " in own else str(found)
        return f"{{{{{' '.join([self.name, *self._usual()])}}}}}"

    @property
    def _first_name(self) -> str:
        """That which its description speaks of."""
        return next(name for name, known in REGISTRY.items() if known.function is self.function)

    def _usual(self) -> list[str]:
        """Arguments that stand for those that must be given."""
        value = _USUAL.get(self.function.__module__.rpartition(".")[2], "lead.email")
        plain = [
            parameter
            for parameter in inspect.signature(self.function).parameters.values()
            if parameter.kind is parameter.POSITIONAL_ONLY
        ]
        needed = [parameter.name for parameter in plain if parameter.default is parameter.empty]
        rest = [_STANDS_FOR.get(name, f'"{name}"') for name in needed[1:]]
        if self.least > len(needed) or not needed:
            return [value, value.replace("email", "phone_1")]
        return [value, *rest]

    def bind(self, arguments: Sequence[Argument], named: Mapping[str, Argument]) -> Evaluate:
        """The call as a closure; BadArguments where it cannot be right."""
        self._check(arguments, named)
        if self.prepare is not None:
            self.prepare(arguments, named)
        return _closure(
            self.function,
            [argument.evaluate for argument in arguments],
            {name: argument.evaluate for name, argument in named.items()},
        )

    def _check(self, arguments: Sequence[Argument], named: Mapping[str, Argument]) -> None:
        if len(arguments) < self.least:
            hint = f"; for a field of that name write lead.{self.name}" if not arguments else ""
            raise BadArguments(f"needs {_values(self.least)}{hint}")
        if self.most is not None and len(arguments) > self.most:
            raise BadArguments(f"takes {_values(self.most)} at most, {len(arguments)} are given")
        if absent := self.required - set(named):
            raise BadArguments(f"needs {min(absent)}=…")
        unknown = [name for name in named if name not in self.named]
        if unknown and not self.any_named:
            known = ", ".join(sorted(self.named)) or "none"
            raise BadArguments(f"has no option {unknown[0]} (it has: {known})")


def helper(*names: str, prepare: Prepare | None = None) -> Callable[[Function], Function]:
    """Registers the function under these names."""

    def register(function: Function) -> Function:
        parameters = inspect.signature(function).parameters.values()
        plain = [p for p in parameters if p.kind is p.POSITIONAL_ONLY]
        if any(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters):
            raise TypeError(f"{function.__name__}: put a / behind what a template gives by place")
        for name in names:
            REGISTRY[name] = Helper(
                name=name,
                function=function,
                least=sum(p.default is p.empty for p in plain),
                most=None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(plain),
                named=frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY),
                any_named=any(p.kind is p.VAR_KEYWORD for p in parameters),
                required=frozenset(
                    p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty
                ),
                prepare=prepare,
            )
        return function

    return register


def literal(argument: Argument | None) -> Any:
    """The argument's value where it is written in the template, None where it is computed."""
    return argument.value if argument is not None and argument.constant else None


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _closure(
    function: Callable[..., Any], arguments: list[Evaluate], named: dict[str, Evaluate]
) -> Evaluate:
    if named:
        return lambda scope: function(
            *[argument(scope) for argument in arguments],
            **{name: argument(scope) for name, argument in named.items()},
        )
    if len(arguments) == 1:
        first = arguments[0]
        return lambda scope: function(first(scope))
    if len(arguments) == 2:
        return _two(function, *arguments)
    return lambda scope: function(*[argument(scope) for argument in arguments])


def _two(function: Callable[..., Any], first: Evaluate, second: Evaluate) -> Evaluate:
    def call(scope: Scope) -> Any:
        return function(first(scope), second(scope))

    return call
