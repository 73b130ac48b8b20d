"""What is wrong with a bundle: every mistake with its line and its path."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. `line` counts from 1; `path` leads to it: `recipients[0].endpoint.timeout`."""

    line: int
    path: str
    message: str

    def text(self, name: str) -> str:
        where = f"{name}:{self.line}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class BundleError(Exception):
    """The bundle cannot be loaded; nothing was changed. `problems` stand in order of lines."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(problem.text(name) for problem in self.problems))


@dataclass(slots=True)
class Problems:
    """Collects mistakes, so that a file is told all of them at once."""

    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, path: str, message: str) -> None:
        self.found.append(Problem(line, path, message))

    def __bool__(self) -> bool:
        return bool(self.found)


def suggestion(word: str, known: Iterable[str]) -> str:
    """“; did you mean x?”, or what there is, or nothing to choose from."""
    words = list(known)
    near = difflib.get_close_matches(word[:80].lower(), words, 1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known here: {', '.join(words)}" if words else ""
