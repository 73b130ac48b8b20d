"""A mapping's two written forms, and the way between them without loss.

Rows are what the console edits: a dotted key, a template, a condition. A document is what the
bundle holds: nested objects and lists whose leaves are templates, constants, or
`{value, when, keep_blank}`. Names in a document are taken as they stand: a dot in one is a dot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from recipients.mapping import ruleconditions
from recipients.mapping.errors import MappingError
from recipients.mapping.keys import Segment, parse_key, write_key
from recipients.mapping.scope import MAX_DEPTH
from recipients.mapping.values import is_blank, iso

MAX_ROWS: Final = 1000

_OPTIONS: Final = frozenset({"value", "when", "keep_blank"})
_CONSTANT: Final = re.compile(
    r"\{\{(?:(?P<word>true|false|null)|(?P<empty>list|object)|(?P<number>-?\d+(?P<float>\.\d+)?"
    r"(?P<power>e[+-]?\d{1,3})?))\}\}"
)
_WORDS: Final = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a mapping.

    `key` is a dotted path in the payload, `value` a template, `when` a condition (an expression
    without braces): the row is left out where it does not hold. A blank value is left out too,
    unless `keep_blank`.
    """

    key: str
    value: str
    when: str = ""
    keep_blank: bool = False


def rows_of(document: Mapping[str, Any]) -> list[Row]:
    """The rows of a document. MappingError, with the path, where a leaf is of no known kind."""
    if not isinstance(document, Mapping):
        raise MappingError("A mapping is an object of keys and values")
    # Counted while walking: aliases make a small YAML text a document without end.
    rows = list(islice(_rows(document, (), when="", keep_blank=False), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise MappingError(f"A mapping has {MAX_ROWS} rows at most")
    return rows


def _rows(node: Any, path: tuple[Segment, ...], *, when: str, keep_blank: bool) -> Iterator[Row]:
    if len(path) > MAX_DEPTH:
        raise MappingError(f"Nests deeper than {MAX_DEPTH} levels", path=write_key(path))
    if path and (cases := _cases(node)) is not None:
        for case in cases:
            yield from _rows(case, path, when=when, keep_blank=keep_blank)
    elif path and _is_leaf(node):
        yield from _leaf(node, path, when=when, keep_blank=keep_blank)
    elif isinstance(node, Mapping) and (node or not path):
        for name, child in node.items():
            yield from _rows(child, (*path, _name(name, path)), when=when, keep_blank=keep_blank)
    elif isinstance(node, list | tuple) and node:
        for index, child in enumerate(node):
            yield from _rows(child, (*path, index), when=when, keep_blank=keep_blank)
    else:
        yield Row(write_key(path), _text(node, path), when, keep_blank)


def _leaf(
    node: Mapping[str, Any], path: tuple[Segment, ...], *, when: str, keep_blank: bool
) -> Iterator[Row]:
    own, keep = node.get("when", ""), node.get("keep_blank", False)
    if own is None:
        own = ""
    if isinstance(own, bool):
        own = "true" if own else "false"
    if isinstance(own, Mapping):
        own = ruleconditions.text_of(own)
    if not isinstance(own, str):
        raise MappingError(
            "`when` is a text, such as lead.score > 80, or a rule", path=write_key(path)
        )
    own = ruleconditions.plain(own)
    if not isinstance(keep, bool):
        raise MappingError("`keep_blank` is true or false", path=write_key(path))
    both = ruleconditions.both(when, own, write_key(path))
    value = node["value"]
    if _is_leaf(value):  # a guarded object whose names happen to be these words
        for name, child in value.items():
            yield from _rows(child, (*path, str(name)), when=both, keep_blank=keep_blank or keep)
    elif (inner := _cases(value)) is not None:
        yield from _rows(list(inner), (*path, "cases"), when=both, keep_blank=keep_blank or keep)
    else:
        yield from _rows(value, path, when=both, keep_blank=keep_blank or keep)


def _is_leaf(node: Any) -> bool:
    """`value` with `when` or `keep_blank`; `value` alone is an object of one name."""
    return isinstance(node, Mapping) and len(node) > 1 and "value" in node and set(node) <= _OPTIONS


def _cases(node: Any) -> list[Any] | None:
    """The entries of `{cases: [{value, when}, …]}`: several rows of one key."""
    if not isinstance(node, Mapping) or set(node) != {"cases"}:
        return None
    cases = node["cases"]
    if isinstance(cases, list) and cases and all(_is_leaf(case) for case in cases):
        return cases
    return None


def _name(name: Any, path: tuple[Segment, ...]) -> str:
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise MappingError(f"{name!r} is no name for a key", path=write_key(path))
    text = str(name)
    if not text.strip():
        raise MappingError("A key is empty", path=write_key(path))
    return text


def _text(leaf: Any, path: tuple[Segment, ...]) -> str:
    """A leaf as the template of a row."""
    if isinstance(leaf, str):
        return leaf
    if leaf is None:
        return "{{null}}"
    if isinstance(leaf, bool):
        return "{{true}}" if leaf else "{{false}}"
    if isinstance(leaf, int | float | Decimal) and not is_blank(leaf):
        return f"{{{{{leaf}}}}}"
    if isinstance(leaf, date):
        return iso(leaf)
    if isinstance(leaf, list | tuple):
        return "{{list}}"
    if isinstance(leaf, Mapping):
        return "{{object}}"
    raise MappingError(f"{type(leaf).__name__} is no value for a mapping", path=write_key(path))


def document_of(rows: Iterable[Row]) -> dict[str, Any]:
    """The document of these rows: `rows_of` gives the same rows back.

    Rows of one key that do not stand together are brought together at the first. MappingError
    where a key is wrong, or both a value and an object.
    """
    root = _Node()
    for row in rows:
        try:
            segments = parse_key(row.key)
        except ValueError as exc:
            raise MappingError(str(exc), path=row.key) from exc
        root.add(segments, row)
    written = root.document()
    return written if isinstance(written, dict) else {str(i): v for i, v in enumerate(written)}


class _Node:
    """A place in the document while it is put together: leaves, or children."""

    __slots__ = ("children", "leaves")

    def __init__(self) -> None:
        self.children: dict[Segment, _Node] = {}
        self.leaves: list[Row] = []

    def add(self, segments: tuple[Segment, ...], row: Row) -> None:
        node = self
        for segment in segments:
            if node.leaves:
                raise MappingError("The key has a value and parts of its own", path=row.key)
            node = node.children.setdefault(segment, _Node())
        if node.children:
            raise MappingError("The key has a value and parts of its own", path=row.key)
        node.leaves.append(row)

    def document(self) -> Any:
        if self.leaves:
            written = [_leaf_of(row) for row in self.leaves]
            return written[0] if len(written) == 1 else {"cases": [_full(r) for r in self.leaves]}
        if any(isinstance(segment, int) for segment in self.children):
            if not all(isinstance(segment, int) for segment in self.children):
                first = next(iter(self.children))
                raise MappingError("Places of a list and names are mixed", path=str(first))
            ordered = sorted(self.children.items(), key=lambda item: int(item[0]))
            return [child.document() for _, child in ordered]
        written_object = {str(name): child.document() for name, child in self.children.items()}
        if _is_leaf(written_object) or _cases(written_object) is not None:
            return {"value": written_object, "keep_blank": False}
        return written_object


def _leaf_of(row: Row) -> Any:
    if not row.when and not row.keep_blank:
        return _constant(row.value)
    return _full(row)


def _full(row: Row) -> dict[str, Any]:
    full: dict[str, Any] = {"value": _constant(row.value)}
    if row.when:
        full["when"] = ruleconditions.document_of(row.when)
    if row.keep_blank or not row.when:
        full["keep_blank"] = row.keep_blank
    return full


def _constant(text: str) -> Any:
    """The constant that a row's value stands for, else its text."""
    found = _CONSTANT.fullmatch(text)
    if found is None:
        return text
    if found["word"]:
        return _WORDS[found["word"]]
    if found["empty"]:
        return [] if found["empty"] == "list" else {}
    number: int | float = float(found["number"])
    if not (found["float"] or found["power"]):
        number = int(found["number"])
    return number if f"{{{{{number}}}}}" == text else text
