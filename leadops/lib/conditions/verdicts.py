"""What a rule came to, with the evidence."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

MOST_SHOWN = 10
LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """The rule that failed and the value it saw.

    `text` is a sentence for reasons and reports. Where several rules failed only together, the
    first is described here and all of them stand in `parts` and in `text`: the branches of an
    `any` of which none held, or of an `all` inside a `not` that `all_held`. `path` leads to the
    rule in its document, or to the group.
    """

    field: str
    op: str
    expected: Any
    seen: Any
    verdict: str
    parts: tuple[Failure, ...] = ()
    path: str = ""
    all_held: bool = False

    @property
    def text(self) -> str:
        if self.all_held:
            return f"ruled out, as these hold together: {'; '.join(self._facts)}"
        if self.parts:
            return "none of these held: " + "; ".join(part.text for part in self.parts)
        return f"{self.field} is {show(self.seen)}, {self.verdict}"

    @property
    def _facts(self) -> list[str]:
        return [
            part.text if part.parts else f"{part.field} is {show(part.seen)}" for part in self.parts
        ]

    def masked(self, fields: Container[str], *, mask: str = "•••") -> Failure:
        """The same failure with the values of `fields` hidden, for readers who may not see them."""
        parts = tuple(part.masked(fields, mask=mask) for part in self.parts)
        root = self.field.partition(".")[0]
        hidden = self.seen is not None and (self.field in fields or root in fields)
        return replace(self, seen=mask if hidden else self.seen, parts=parts)


@dataclass(frozen=True, slots=True)
class Looked:
    """One single rule looked at by itself: what it saw, and whether it held."""

    path: str
    text: str
    field: str
    seen: Any
    held: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the rule held, how many single rules were looked at, and the one that decided."""

    passed: bool
    evaluated: int
    failed: Failure | None = None

    def __bool__(self) -> bool:
        return self.passed


def show(value: Any) -> str:
    """A value in a sentence: short, on one line."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return _show_several(value)
    if isinstance(value, Mapping):
        return "a group of values"
    text = " ".join(_text(value).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _show_several(values: Sequence[Any]) -> str:
    shown = ", ".join(show(value) for value in values[:MOST_SHOWN]) or "missing"
    left = len(values) - MOST_SHOWN
    return f"{shown} and {left} more" if left > 0 else shown


def _text(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    # str() of an enormous integer raises, and nobody reads one.
    if isinstance(value, int) and value.bit_length() > 512:
        return "an enormous number"
    return str(value)
