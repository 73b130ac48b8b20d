"""Regular expressions that always end.

Staff write patterns, buyers and leads supply the text: either may make a backtracking engine work
for hours. Every search here runs under a time limit that interrupts the engine itself (package
`regex`), and `check` refuses at save what would only ever run into that limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, cast

import regex

TIMEOUT = 0.05
"""Seconds of processor time that one search may take."""

MAX_PATTERN = 1000
_CHECK_TIMEOUT = 0.05
_CHECK_BUDGET = 2.0
_MAX_PUMPS = 120
_MAX_REPEAT = 1000
_MAX_WRITTEN_OUT = 20_000  # a quarter of a kilobyte each
_MANY = 10
_FOR_EVER = (
    "This pattern can take for ever on some texts: "
    "avoid a repeat inside a repeat, such as (a+)+ or (.*a){20}"
)


class PatternError(ValueError):
    """The pattern cannot be used. `position` counts characters from 0, None for the whole of it."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class PatternTimeout(Exception):
    """The search was stopped by its time limit; nothing is known about the text."""


class Match(Protocol):
    """The part of a match that callers use."""

    def group(self, *groups: int | str) -> Any: ...
    def groups(self) -> tuple[str | None, ...]: ...
    def start(self) -> int: ...
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Every method raises PatternTimeout when the limit is reached."""

    text: str
    ignore_case: bool
    _engine: Any

    def search(self, text: str, *, timeout: float = TIMEOUT) -> Match | None:
        """The first match anywhere in the text."""
        try:
            return cast("Match | None", self._engine.search(text, timeout=timeout))
        except (TimeoutError, MemoryError) as exc:
            raise PatternTimeout(self._too_slow()) from exc

    def fullmatch(self, text: str, *, timeout: float = TIMEOUT) -> Match | None:
        """A match of the whole text."""
        try:
            return cast("Match | None", self._engine.fullmatch(text, timeout=timeout))
        except (TimeoutError, MemoryError) as exc:
            raise PatternTimeout(self._too_slow()) from exc

    def sub(self, replacement: str, text: str, *, timeout: float = TIMEOUT) -> str:
        """The text with every match replaced by these very characters (no group references)."""
        try:
            return str(self._engine.sub(lambda _: replacement, text, timeout=timeout))
        except (TimeoutError, MemoryError) as exc:
            raise PatternTimeout(self._too_slow()) from exc

    def _too_slow(self) -> str:
        return f"The pattern {self.text!r} took too long"


@lru_cache(maxsize=2048)
def compile(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """A pattern that searches under a time limit. Respects case unless told otherwise.

    Raises PatternError with the position of a syntax error. Does not look for slowness: that is
    `check`, at save.
    """
    _refuse_unbounded(pattern)
    flags = regex.IGNORECASE if ignore_case else 0
    try:
        engine = regex.compile(pattern, flags)
    except regex.error as exc:
        raise PatternError(f"Not a valid pattern: {exc.msg}", exc.pos) from exc
    except (ValueError, OverflowError, RecursionError, KeyError, IndexError) as exc:
        raise PatternError(f"Not a valid pattern: {exc}") from exc
    return Pattern(pattern, ignore_case, engine)


def check(pattern: str, *, ignore_case: bool = False) -> None:
    """Raises PatternError where the pattern is wrong, or slow enough to be a danger."""
    compiled = compile(pattern, ignore_case=ignore_case)
    # The engine guards some of these by itself, but not all, and not in every version.
    _shape(pattern).refuse_nested_repeats()
    give_up = time.monotonic() + _CHECK_BUDGET
    for text in _adversarial_texts(pattern):
        try:
            compiled.search(text, timeout=_CHECK_TIMEOUT)
        except PatternTimeout as exc:
            raise PatternError(_FOR_EVER) from exc
        if time.monotonic() > give_up:
            raise PatternError("This pattern is too slow: make it shorter or more exact")


def _refuse_unbounded(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"The pattern is longer than {MAX_PATTERN} characters", MAX_PATTERN)
    # Recursion grows the engine's own stack, which the time limit doesn't guard.
    if found := regex.search(r"(?<!\\)(?:\\\\)*\(\?(?:R|&|P>|[+-]?\d)", pattern):
        raise PatternError("A pattern cannot call itself", found.start())
    for found in regex.finditer(r"\{(\d*),?(\d*)\}", pattern):
        if any(int(number) > _MAX_REPEAT for number in found.groups() if number):
            raise PatternError(f"A repeat is more than {_MAX_REPEAT}", found.start())
    # The engine writes repeats out as it compiles: (((a{9}){9}){9}… ten deep is all of the memory.
    try:
        size = _shape(pattern).written_out()
    except RecursionError as exc:
        raise PatternError("The pattern nests too deep") from exc
    if size > _MAX_WRITTEN_OUT:
        raise PatternError("Repeats inside repeats make this pattern too large")


def _adversarial_texts(pattern: str) -> Iterator[str]:
    """Texts that almost match: what stands before a repeat, the repeated part often, a stop.

    The characters of the pattern follow the stop once more, because the engine first looks
    whether the text holds what the pattern needs, and gives up at once where it does not.
    """
    atoms = _samples(pattern)
    needed = "".join(atoms)
    yield ""
    yield needed
    for prefix, pump in _pumps(atoms):
        for count in (30, 400):
            body = prefix + pump * max(count // len(pump), 25)
            yield body
            yield body + "\x00!"
            yield body + "\x00!" + needed


def _pumps(atoms: list[str]) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for width in (1, 2, 3):
        for start in range(len(atoms) - width + 1):
            pump = "".join(atoms[start : start + width])
            for prefix in ("", "".join(atoms[:start])):
                if (prefix, pump) not in seen and len(seen) < _MAX_PUMPS:
                    seen.add((prefix, pump))
                    yield prefix, pump


_TOKEN = regex.compile(
    r"(?P<atom>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<open>\((?:\?(?:[a-zA-Z-]*[:)]|P?<\w+>|<?[=!]|[>|#]))?)|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<repeat>[*+?]|\{(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\})[?+]?"
    r"|(?P<anchor>[\^$])|(?P<literal>.)",
    regex.DOTALL,
)
_CLASS_SAMPLES = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", "n": "\n", "t": "\t"}
_ANCHORS = "bBAZzGmM"


@dataclass(slots=True)
class _Node:
    """One part of a pattern: something that takes a character, or a group of parts."""

    text: str = ""
    low: int = 1
    high: float = 1
    parts: list[_Node] | None = None
    has_choice: bool = False

    def refuse_nested_repeats(self) -> None:
        """Raises PatternError for a repeat of something that itself repeats without a separator."""
        for part in self.parts or ():
            part.refuse_nested_repeats()
        if self.parts is not None and self.high >= _MANY:
            for part in self.parts:
                inner = part.repeated()
                if inner is not None and not self._separates(inner):
                    raise PatternError(_FOR_EVER)

    def written_out(self) -> int:
        """How many parts this is once every repeat is written as often as it must match."""
        inner = 1 if self.parts is None else sum(map(_Node.written_out, self.parts)) or 1
        return max(self.low, 1) * inner

    def repeated(self) -> _Node | None:
        """The part in here that repeats without end and takes characters."""
        if self.parts is None:
            return self if self.high == math.inf else None
        return next((found for part in self.parts if (found := part.repeated())), None)

    def _separates(self, inner: _Node) -> bool:
        """Whether each round must take a character that the inner repeat cannot take."""
        if self.has_choice:
            return False
        return any(
            part.parts is None and part.low > 0 and not _takes(inner.text, _sample(part.text))
            for part in self.parts or ()
        )


def _takes(atom: str, sample: str) -> bool:
    try:
        return regex.fullmatch(atom, sample) is not None
    except regex.error:
        return True


def _shape(pattern: str) -> _Node:
    """The pattern as a tree, roughly: enough to see repeats inside repeats."""
    root = _Node(parts=[])
    stack = [root]
    for found in _TOKEN.finditer(pattern):
        parts = stack[-1].parts or []
        if found.group("open"):
            stack[-1].parts = [*parts, group := _Node(parts=[])]
            if not found.group().endswith(")"):  # (?i) opens nothing
                stack.append(group)
        elif found.group("close"):
            del stack[max(1, len(stack) - 1) :]
        elif found.group("bar"):
            stack[-1].has_choice = True
        elif found.group("repeat") and parts:
            parts[-1].low, parts[-1].high = _bounds(found)
        elif (text := found.group("atom") or found.group("literal")) and _sample(text):
            exact = text if len(text) > 1 or text == "." else regex.escape(text)
            stack[-1].parts = [*parts, _Node(text=exact)]
    return root


def _bounds(found: Any) -> tuple[int, float]:
    sign = found.group("repeat")
    if sign in ("*", "+", "?"):
        return (1 if sign == "+" else 0), (1 if sign == "?" else math.inf)
    low, comma, high = found.group("low", "comma", "high")
    most = float(high) if high else (math.inf if comma else float(low or 1))
    return int(low or 0), most


def _samples(pattern: str) -> list[str]:
    """One sample character for everything in the pattern that takes one, in its order."""
    texts = (found.group("atom") or found.group("literal") for found in _TOKEN.finditer(pattern))
    return [sample for text in texts if text and (sample := _sample(text))]


def _sample(atom: str) -> str:
    """A character that the atom takes, "" where it takes none."""
    if atom == ".":
        return "a"
    if atom.startswith("\\") and len(atom) > 1:
        return _CLASS_SAMPLES.get(atom[1], "" if atom[1] in _ANCHORS else atom[1])
    if atom.startswith("[") and len(atom) > 2:
        chars = atom.strip("[]").removeprefix("^") or "]"
        if atom.startswith("[^"):
            return next((c for c in "a1 -\x01" if c not in chars), "a")
        return _CLASS_SAMPLES.get(chars[1:2], chars[1:2]) if chars[0] == "\\" else chars[0]
    return atom
