"""The words of a plain text reply, each with patterns that find it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_TOKENS: Final = 40
_SIGNS: Final = ("|", "\t", ";", ",")
_NAMED: Final = re.compile(r"(?P<name>[A-Za-z_][\w-]{0,40})(?P<sign>[=:])(?P<value>\S+)")
_END: Final = ".,;:!)\"'"
_WORD: Final = r"(\S*\w)"


@dataclass(frozen=True, slots=True)
class Token:
    """A word; `patterns` are selectors, the best first."""

    label: str
    text: str
    patterns: tuple[str, ...]


def tokens(text: str) -> Iterator[Token]:
    """All of the text first, then its words: parted by | tab ; or , where it has them."""
    text = text.strip()
    if not text:
        return
    yield Token("All of it", text, (r"regex:(?s)^.*\S",))
    lines = text.splitlines()
    count = 0
    for number, line in enumerate(lines, 1):
        start = f"Line {number}, " if len(lines) > 1 else ""
        for token in _in_line(line, is_first=number == 1):
            count += 1
            if count > MAX_TOKENS:
                return
            yield Token(f"{start}{token.label}", token.text, token.patterns)


def _in_line(line: str, *, is_first: bool) -> Iterator[Token]:
    sign = next((sign for sign in _SIGNS if line.count(sign) >= (1 if sign in "|\t" else 2)), "")
    if sign:
        yield from _columns(line, sign, is_first=is_first)
        return
    words = line.split()
    for place, word in enumerate(words):
        text = word.rstrip(_END) or word
        named = _NAMED.fullmatch(text)
        if named:
            yield _named(named)
        else:
            before = words[place - 1] if place else ""
            yield Token(f"word {place + 1}", text, _patterns(before, place, is_first=is_first))


def _columns(line: str, sign: str, *, is_first: bool) -> Iterator[Token]:
    # No sign needs an escape in brackets.
    skipped = rf"[^{sign}]*{re.escape(sign)}"
    for place, part in enumerate(line.split(sign)):
        anchor = "^" if is_first else _line_of(line, sign)
        pattern = rf"regex:{anchor}{skipped * place}([^{sign}\r\n]*)"
        yield Token(f"part {place + 1}", part.strip(), (pattern,) if place < 12 else ())


def _line_of(line: str, sign: str) -> str:
    """Where a later line begins: by its first part, as lines may come in any number."""
    return rf"(?m)^(?={re.escape(line.split(sign)[0].strip())})"


def _named(found: re.Match[str]) -> Token:
    name, sign, value = found["name"], found["sign"], found["value"].strip("\"'")
    pattern = rf"regex:\b{re.escape(name)}{sign}"
    return Token(name, value, (rf"{pattern}([^\s&|;,]+)", rf"{pattern}\W([^\s&|;,\"']+)"))


def _patterns(before: str, place: int, *, is_first: bool) -> tuple[str, ...]:
    """By the word before it in a sentence, by its place among codes."""
    skipped = r"\S+\s+" * place
    by_place = rf"regex:^{skipped}{_WORD}" if is_first and place < 8 else ""
    by_word = rf"regex:{re.escape(before)}\s+{_WORD}" if before and place > 1 else ""
    is_sentence = before.rstrip(_END).isalpha()
    found = (by_word, by_place) if is_sentence else (by_place, by_word)
    return tuple(filter(None, found))
