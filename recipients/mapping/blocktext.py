"""The block form of a mapping: keys by indentation, `{{#if}}` lines around them.

    applicant:
      name: {{lead.first_name}}
      {{#if lead.phone_2}}
      phone: {{lead.phone_2}}
      {{/if}}

It reads like YAML, but is none: values with braces need no quotes. A block stands at the level
of its `{{#if}}` line; the keys in it may be indented further.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from recipients.mapping import scalars
from recipients.mapping.documents import rows_of
from recipients.mapping.errors import MappingError, Source
from recipients.mapping.expressions import Compiling, condition, tokens_of
from recipients.mapping.keys import Segment, parse_key
from recipients.mapping.scope import MAX_DEPTH
from recipients.mapping.templates import MAX_TEXT, tags_of
from recipients.mapping.values import OPERATORS

_TAG_WORD: Final = re.compile(r"~?\s*(#\s*\w+|/\s*\w+|else\b)\s*(.*?)\s*~?", re.DOTALL)
_OPTIONS: Final = frozenset({"value", "when", "keep_blank"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a mapping, not yet compiled, with all the conditions that it stands under."""

    segments: tuple[Segment, ...]
    value: Source
    conditions: tuple[Source, ...] = ()
    keep_blank: bool = False


class _Piece(NamedTuple):
    """Part of a line: a block's tag, or a key with its value."""

    indent: int
    column: int
    text: str
    word: str = ""
    """`if`, `/if`, `else`, …; "" for a key."""


@dataclass(slots=True)
class _Container:
    """An open key that may hold others, or a list's open item."""

    indent: int
    segments: tuple[Segment, ...]
    line: int
    column: int
    conditions: tuple[Source, ...]
    is_item: bool = False
    items: int = 0
    children: int = 0


@dataclass(slots=True)
class _Block:
    """An open {{#if}}: its branch's condition, and those of the branches before."""

    word: str
    line: int
    indent: int
    test: Source | None
    base: int
    """How many containers were open when it began: keys in it may not close those."""
    denied: tuple[Source, ...] = ()
    indents: dict[int, int] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[Source, ...]:
        return self.denied if self.test is None else (*self.denied, self.test)


def read_block_text(text: str, *, roots: Collection[str] = ()) -> list[Entry]:
    """The entries of a mapping in the block form. MappingError at the line that is wrong."""
    if len(text) > MAX_TEXT:
        raise MappingError(f"The mapping is longer than {MAX_TEXT // 1024} KiB")
    return _with_options(_Reader(text, roots).read())


class _Reader:
    """Goes through the lines once, keeping what is open."""

    def __init__(self, text: str, roots: Collection[str]) -> None:
        self._roots = roots
        self._lines = text.expandtabs(2).splitlines()
        self._line = 0
        self._entries: list[Entry] = []
        self._open = [_Container(-1, (), 0, 1, ())]
        self._blocks: list[_Block] = []
        self._indents: dict[int, int] = {}

    def read(self) -> list[Entry]:
        while self._line < len(self._lines):
            line = self._lines[self._line]
            self._line += 1
            if line.strip() and not scalars.is_comment(line) and line.strip() != "---":
                for piece in _pieces(Source(line, self._line)):
                    self._take(piece)
        if self._blocks:
            block = self._blocks[-1]
            raise MappingError(f"{{{{#{block.word}}}}} is not closed", line=block.line)
        self._close_down_to(0)
        return self._entries

    def _take(self, piece: _Piece) -> None:
        if not piece.word:
            self._key_line(piece)
        elif piece.word.startswith("/"):
            self._end_block(piece)
        elif piece.word == "else":
            self._else(piece)
        else:
            self._begin_block(piece)

    # Blocks

    def _begin_block(self, piece: _Piece) -> None:
        if piece.word not in ("if", "unless", "compare"):
            raise self._error(piece, f"{{{{#{piece.word}}}}} cannot stand around keys")
        while len(self._open) > 1 and self._open[-1].indent >= piece.indent:
            if not self._open[-1].children and self._open[-1].indent == piece.indent:
                break  # `a:` with nothing in it yet: the block holds what it shall have
            self._close_last()
        if len(self._blocks) >= MAX_DEPTH:
            raise self._error(piece, f"Blocks nest deeper than {MAX_DEPTH} levels")
        test = self._test(piece, piece.word)
        self._blocks.append(_Block(piece.word, self._line, piece.indent, test, len(self._open)))

    def _else(self, piece: _Piece) -> None:
        block = self._block_of(piece)
        if block.test is None:
            raise self._error(piece, "A block has one {{else}}, and it stands last")
        self._close_down_to(block.base)
        block.indents.clear()
        block.denied = (*block.denied, _negated(block.test))
        word, _, rest = piece.text.partition(" ")
        if not word:
            block.test = None
        elif word in ("if", "unless", "compare"):
            inner = piece._replace(text=rest.strip(), column=piece.column + len(word) + 1)
            block.test = self._test(inner, word)
        else:
            raise self._error(piece, "Write {{else}} or {{else if …}}")

    def _end_block(self, piece: _Piece) -> None:
        block = self._block_of(piece)
        if piece.word[1:] != block.word:
            raise self._error(piece, f"{{{{/{block.word}}}}} is expected")
        self._close_down_to(block.base)
        self._blocks.pop()

    def _block_of(self, piece: _Piece) -> _Block:
        if not self._blocks:
            raise self._error(piece, f"{{{{{piece.word}}}}} stands outside a block")
        return self._blocks[-1]

    def _test(self, piece: _Piece, word: str) -> Source:
        test = Source(piece.text, self._line, piece.column)
        if word == "compare":
            test = _as_call(test)
        condition(test, Compiling.with_roots(self._roots))  # an empty block must be right as well
        return _negated(test) if word == "unless" else test

    @property
    def _conditions(self) -> tuple[Source, ...]:
        return tuple(each for block in self._blocks for each in block.conditions)

    # Keys

    def _key_line(self, piece: _Piece) -> None:
        self._close_for(piece)
        parent = self._open[-1]
        if piece.text == "-" or piece.text.startswith("- "):
            self._item(piece, parent)
            return
        if parent.items:
            raise self._error(piece, "A list has only lines that begin with a dash")
        self._check_indent(piece, parent)
        key, value, at = scalars.split_key(Source(piece.text, self._line, piece.column))
        parent.children += 1
        self._value((*parent.segments, key), value, piece, at)

    def _item(self, piece: _Piece, parent: _Container) -> None:
        if len(self._open) == 1:
            raise self._error(piece, "A payload begins with names, not with a list")
        if parent.children and not parent.items:
            raise self._error(piece, "A key has either names or a list in it")
        self._check_indent(piece, parent)
        segments = (*parent.segments, parent.items)
        parent.items += 1
        parent.children += 1
        rest = piece.text[1:]
        shift = len(piece.text) - len(rest.lstrip())
        inner = _Piece(piece.indent + shift, piece.column + shift, rest.strip())
        if inner.text and not scalars.has_key(inner.text):
            self._value(segments, inner.text, piece, shift)
            return
        item = _Container(
            piece.indent, segments, self._line, piece.column, self._conditions, is_item=True
        )
        self._open.append(item)
        if inner.text:
            self._key_line(inner)

    def _value(self, segments: tuple[Segment, ...], value: str, piece: _Piece, at: int) -> None:
        column = piece.column + at
        if not value:
            opened = _Container(piece.indent, segments, self._line, column, self._conditions)
            self._open.append(opened)
        elif scalars.is_long(value):
            self._add(segments, Source(self._long(value, piece.indent), self._line + 1))
        elif scalars.is_flow(value):
            self._flow(segments, Source(value, self._line, column))
        else:
            self._add(segments, scalars.read(Source(value, self._line, column)))

    def _long(self, sign: str, indent: int) -> str:
        """The lines behind `key: |` that are indented further."""
        lines: list[str] = []
        while self._line < len(self._lines):
            line = self._lines[self._line]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            lines.append(line)
            self._line += 1
        return scalars.join_long(sign, lines)

    def _flow(self, segments: tuple[Segment, ...], source: Source) -> None:
        """A value in YAML's short form, `{a: 1}` or `[1, 2]`."""
        for row in rows_of({"value": scalars.read_flow(source)}):
            when = (Source(row.when, source.line, source.column),) if row.when else ()
            inner = (*segments, *parse_key(row.key)[1:])
            value = Source(row.value, source.line, source.column)
            self._entries.append(Entry(inner, value, (*self._conditions, *when), row.keep_blank))

    def _add(self, segments: tuple[Segment, ...], value: Source) -> None:
        self._entries.append(Entry(segments, value, self._conditions))

    # Levels

    def _close_for(self, piece: _Piece) -> None:
        """Closes what this line no longer stands in."""
        is_item = piece.text == "-" or piece.text.startswith("- ")
        while len(self._open) > 1:
            last = self._open[-1]
            inside = piece.indent > last.indent or (
                is_item and piece.indent == last.indent and not last.is_item
            )
            if inside:
                return
            if self._blocks and len(self._open) <= self._blocks[-1].base:
                raise self._error(piece, "The key stands outside the block that it is in")
            self._close_last()

    def _check_indent(self, piece: _Piece, parent: _Container) -> None:
        """Keys of one level stand under each other; a block's keys may be further in, together."""
        in_block = bool(self._blocks) and len(self._open) <= self._blocks[-1].base
        indents = self._blocks[-1].indents if in_block else self._indents
        expected = indents.setdefault(id(parent), piece.indent)
        if piece.indent != expected:
            raise self._error(piece, f"The indentation does not match: {expected} spaces expected")

    def _close_down_to(self, count: int) -> None:
        while len(self._open) > max(count, 1):
            self._close_last()

    def _close_last(self) -> None:
        closed = self._open.pop()
        self._indents.pop(id(closed), None)
        if not closed.children:
            value = Source("", closed.line, closed.column)
            self._entries.append(Entry(closed.segments, value, closed.conditions))

    def _error(self, piece: _Piece, message: str) -> MappingError:
        return MappingError(message, line=self._line, column=piece.column)


def _pieces(source: Source) -> Iterator[_Piece]:
    """A line cut into its block tags and its keys: mostly one piece."""
    text = source.text
    indent = len(text) - len(text.lstrip())
    end = scalars.end_of_content(source)
    tags = [tag for tag in tags_of(Source(text[:end], source.line))]
    words = [_TAG_WORD.fullmatch(text[tag.start : tag.end]) for tag in tags]
    at = 0
    index = 0
    while text[at:end].strip():
        at += len(text[at:end]) - len(text[at:end].lstrip())
        if index < len(tags) and tags[index].opens == at and (word := words[index]):
            name = word[1].replace(" ", "").removeprefix("#")
            column = tags[index].start + word.start(2) + 1
            yield _Piece(indent, column, word[2], name)
            at = tags[index].closes
            index += 1
            continue
        if index < len(tags) and tags[index].opens == at and text[tags[index].start] == "!":
            at = tags[index].closes
            index += 1
            continue
        stop, index = _end_of_key(words, index)
        upto = tags[stop].opens if stop is not None else end
        yield _Piece(indent, at + 1, text[at:upto].strip())
        at = upto


def _end_of_key(words: Sequence[re.Match[str] | None], index: int) -> tuple[int | None, int]:
    """The tag before which the key's text ends (it closes a block from before), and its index."""
    depth = 0
    while index < len(words):
        word = words[index]
        if word is not None:
            if word[1].startswith("#"):
                depth += 1
            elif depth == 0:
                return index, index
            elif word[1].startswith("/"):
                depth -= 1
        index += 1
    return None, index


def _negated(test: Source) -> Source:
    """The opposite condition, its positions still those of the text."""
    opening = "not ("
    return replace(test, text=f"{opening}{test.text})", column=test.column - len(opening))


def _as_call(test: Source) -> Source:
    """`a "==" b` of a {{#compare}} as the call of the helper, the operator in quotes."""
    parts = [
        f'"{token.text}"' if token.kind == "operator" and token.text in OPERATORS else token.text
        for token in tokens_of(test, 0, len(test.text))
    ]
    opening = "compare "
    return replace(test, text=opening + " ".join(parts), column=test.column - len(opening))


def _with_options(entries: list[Entry]) -> list[Entry]:
    """`value`, `when` and `keep_blank` under one key as that key's own options."""
    groups: dict[tuple[Segment, ...], dict[Any, Entry]] = {}
    plain: set[tuple[Segment, ...]] = set()
    for entry in entries:
        parent, name = entry.segments[:-1], entry.segments[-1]
        if name not in _OPTIONS or name in groups.get(parent, {}):
            plain.add(parent)
        groups.setdefault(parent, {})[name] = entry
        plain.update(parent[:length] for length in range(len(parent)))
    collapsed = {
        parent: _option(parent, group)
        for parent, group in groups.items()
        if parent and parent not in plain and "value" in group and len(group) > 1
    }
    kept: list[Entry] = []
    for entry in entries:
        parent = entry.segments[:-1]
        if parent not in collapsed:
            kept.append(entry)
        elif entry.segments[-1] == "value":
            kept.append(collapsed[parent])
    return kept


def _option(parent: tuple[Segment, ...], group: dict[Any, Entry]) -> Entry:
    value, when, keep = group["value"], group.get("when"), group.get("keep_blank")
    if keep is not None and keep.value.text not in ("{{true}}", "{{false}}"):
        raise keep.value.error("`keep_blank` is true or false")
    tests = (when.value,) if when is not None and when.value.text.strip() else ()
    kept = keep is not None and keep.value.text == "{{true}}"
    return Entry(parent, value.value, (*value.conditions, *tests), kept)
