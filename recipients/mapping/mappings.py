"""A compiled mapping: context in, payload out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as ReadMapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from recipients.mapping.blocktext import Entry, read_block_text
from recipients.mapping.documents import MAX_ROWS, Row, rows_of
from recipients.mapping.errors import MappingError, RenderError, Source
from recipients.mapping.expressions import Compiling, condition
from recipients.mapping.keys import Segment, parse_key, write_key
from recipients.mapping.markup import MarkupError, prefix_of, xml_of
from recipients.mapping.scope import MAX_DEPTH, Evaluate, Scope
from recipients.mapping.templates import Template, compile_source, guarded
from recipients.mapping.values import is_blank, json_of, measure, plain

_ABSENT: Final = object()


def _xml_document(value: ReadMapping[str, Any]) -> str:
    ((root, inside),) = value.items()
    try:
        return xml_of(root, inside)
    except MarkupError as exc:
        raise RenderError(f"The value cannot be written as XML: {exc}") from exc


EMBEDDINGS: Final[ReadMapping[Segment, Callable[[Any], str]]] = {
    "#json": json_of,
    "#xml": _xml_document,
}
"""Keys under which a whole document stands that is sent as one text, by how it is written."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One compiled row: its value where every condition holds and it is not blank."""

    key: str
    value: Evaluate
    conditions: tuple[Callable[[Scope], bool], ...]
    keep_blank: bool
    keeps_null: bool

    def render(self, scope: Scope) -> Any:
        """The plain value, or _ABSENT where the row is left out."""
        for holds in self.conditions:
            if not holds(scope):
                return _ABSENT
        value = self.value(scope)
        if type(value) is str:
            if value and not value.isspace():
                scope.grow(len(value))
                return value if value.isascii() else plain(value)
        elif not is_blank(value):
            value = plain(value)
            scope.grow(measure(value))
            return value
        if not self.keep_blank:
            return _ABSENT
        if self.keeps_null:
            return None
        return value if isinstance(value, list | dict | str) else ""


@dataclass(slots=True)
class _Branch:
    """An object or a list of the payload, with what it holds in order."""

    children: dict[Segment, _Branch | list[_Leaf]] = field(default_factory=dict)
    embeds: Callable[[Any, Scope], str] | None = None
    """Set where it is a document in one text: how that is written."""
    parts: tuple[tuple[Segment, Evaluate], ...] = ()
    """How each child is rendered, in order; made when all are known."""

    @property
    def is_list(self) -> bool:
        return any(isinstance(segment, int) for segment in self.children)

    def settle(self) -> None:
        """Choose once what every rendering would have to."""
        self.parts = tuple((name, _rendering(child)) for name, child in self.children.items())

    def render(self, scope: Scope) -> Any:
        """A dict, a list or a document's text of what is not left out; _ABSENT for nothing."""
        rendered = {}
        for segment, part in self.parts:
            if (value := part(scope)) is not _ABSENT:
                rendered[segment] = value
        if not rendered:
            return _ABSENT
        if self.embeds is not None:
            return self.embeds(next(iter(rendered.values())), scope)
        return list(rendered.values()) if type(segment) is int else rendered


def _rendering(child: _Branch | list[_Leaf]) -> Evaluate:
    if isinstance(child, _Branch):
        return child.render
    return partial(_at, child[0]) if len(child) == 1 else partial(_last, child)


def _last(leaves: Sequence[_Leaf], scope: Scope) -> Any:
    """The last row whose condition holds wins; the one without a condition is the default."""
    value: Any = _ABSENT
    for leaf in leaves:
        if (found := _at(leaf, scope)) is not _ABSENT:
            value = found
    return value


def _at(leaf: _Leaf, scope: Scope) -> Any:
    try:
        scope.tick()
        return leaf.render(scope)
    except RenderError as exc:
        raise (exc if exc.path else RenderError(exc.message, leaf.key)) from None
    except Exception as exc:
        # Values come from outside: whatever they provoke must not stop a delivery's worker.
        raise RenderError(f"Could not be rendered: {type(exc).__name__}", leaf.key) from exc


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A key that a payload has not: its value is `blank`, or else its condition does not hold."""

    key: str
    blank: bool


def _left_out(branch: _Branch, scope: Scope) -> Iterator[LeftOut]:
    for child in branch.children.values():
        if isinstance(child, _Branch):
            yield from _left_out(child, scope)
        elif _last(child, scope) is _ABSENT:
            applied = any(all(holds(scope) for holds in leaf.conditions) for leaf in child)
            yield LeftOut(child[0].key, applied)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A compiled mapping; made once for a version, rendered for every lead, by any thread.

    `paths` are the paths that it reads, with their roots ("lead.email"); a bare name stands in it
    both as source.name and lead.name.
    """

    paths: frozenset[str]
    _root: _Branch

    def render(self, context: ReadMapping[str, Any]) -> dict[str, Any]:
        """The payload, keys in the order of the rows. RenderError where a bound is reached."""
        return self._render(Scope(context))

    def missing(self, context: ReadMapping[str, Any]) -> list[str]:
        """The paths that were read and are not in the context, in order; for previews."""
        seen: dict[str, None] = {}
        self._render(Scope(context, missing=seen))
        return list(seen)

    def left_out(self, context: ReadMapping[str, Any]) -> list[LeftOut]:
        """The keys that are not in the payload, in its order; for previews."""
        scope = Scope(context)
        return guarded(lambda: list(_left_out(self._root, scope)), "")

    def _render(self, scope: Scope) -> dict[str, Any]:
        rendered = guarded(lambda: self._root.render(scope), "")
        return {} if rendered is _ABSENT else rendered


def compile_rows(rows: Iterable[Row], *, roots: Collection[str] = ()) -> Mapping:
    """The mapping of rows. MappingError, with the row's key, line and column, where one is wrong.

    `roots` are further names that paths may begin with.
    """
    entries = []
    for row in rows:
        try:
            segments = parse_key(row.key)
        except ValueError as exc:
            raise MappingError(str(exc), path=row.key) from exc
        when = (Source(row.when, path=row.key),) if row.when.strip() else ()
        entries.append(
            Entry(segments, Source(row.value, path=row.key), when, keep_blank=row.keep_blank)
        )
    return _compile(entries, roots)


def compile_document(document: ReadMapping[str, Any], *, roots: Collection[str] = ()) -> Mapping:
    """The mapping of a document, nested as in the bundle."""
    return compile_rows(rows_of(document), roots=roots)


def compile_text(text: str, *, roots: Collection[str] = ()) -> Mapping:
    """The mapping of a text in the block form; positions of errors are those of the text."""
    return _compile(read_block_text(text, roots=roots), roots)


def rows_of_text(text: str, *, roots: Collection[str] = ()) -> list[Row]:
    """The rows that a text in the block form stands for."""
    return [
        Row(write_key(entry.segments), entry.value.text, _joined(entry), entry.keep_blank)
        for entry in read_block_text(text, roots=roots)
    ]


def _joined(entry: Entry) -> str:
    texts = [source.text for source in entry.conditions]
    return texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)


def _compile(entries: Sequence[Entry], roots: Collection[str]) -> Mapping:
    if len(entries) > MAX_ROWS:
        raise MappingError(f"A mapping has {MAX_ROWS} rows at most")
    compiling = Compiling.with_roots(roots)
    root = _Branch()
    for entry in entries:
        leaves = _place(root, entry)
        if not entry.conditions and any(not leaf.conditions for leaf in leaves):
            raise entry.value.error("The key is given twice")
        leaves.append(_leaf(entry, compiling))
    _arrange(root, ())
    return Mapping(paths=frozenset(compiling.read), _root=root)


def _leaf(entry: Entry, compiling: Compiling) -> _Leaf:
    template = compile_source(entry.value, compiling)
    return _Leaf(
        key=write_key(entry.segments),
        value=_value(template),
        conditions=tuple(condition(source, compiling) for source in entry.conditions),
        keep_blank=entry.keep_blank,
        keeps_null=entry.value.text.strip() == "{{null}}",
    )


def _value(template: Template) -> Evaluate:
    return template.write if template.evaluate is None else template.evaluate


def _place(root: _Branch, entry: Entry) -> list[_Leaf]:
    """The list of leaves at the entry's key, made where it is new."""
    if len(entry.segments) > MAX_DEPTH:
        raise entry.value.error(f"The key nests deeper than {MAX_DEPTH} levels")
    branch = root
    for segment in entry.segments[:-1]:
        child = branch.children.setdefault(segment, _Branch())
        if not isinstance(child, _Branch):
            raise entry.value.error("The key has a value and parts of its own")
        branch = child
    leaves = branch.children.setdefault(entry.segments[-1], [])
    if isinstance(leaves, _Branch):
        raise entry.value.error("The key has a value and parts of its own")
    return leaves


def _arrange(branch: _Branch, path: tuple[Segment, ...]) -> None:
    """Puts lists in the order of their places, and a key's unconditional row first.

    MappingError where places and names are mixed.
    """
    kinds = {isinstance(segment, int) for segment in branch.children}
    if kinds == {True, False} or (not path and True in kinds):
        first = next(s for s in branch.children if isinstance(s, int))
        raise MappingError(
            "Places of a list and names are mixed" if path else "A payload begins with names",
            path=write_key((*path, first)),
        )
    if kinds == {True}:
        branch.children = dict(sorted(branch.children.items(), key=lambda item: int(item[0])))
    if embedding := EMBEDDINGS.keys() & branch.children.keys():
        _embed(branch, str(min(map(str, embedding))), path)
    for segment, child in branch.children.items():
        if isinstance(child, _Branch):
            _arrange(child, (*path, segment))
        else:
            child.sort(key=lambda leaf: bool(leaf.conditions))
    branch.settle()


def _embed(branch: _Branch, name: str, path: tuple[Segment, ...]) -> None:
    """Makes the branch one text: the document that stands under `#json` or `#xml` in it."""
    where = write_key((*path, name))
    if not path or len(branch.children) > 1:
        raise MappingError(f"{name} stands alone under the key that takes the text", path=where)
    inside = branch.children[name]
    if name == "#xml" and not (isinstance(inside, _Branch) and _is_one_name(inside)):
        raise MappingError("An XML document has one name at its root", path=where)
    branch.embeds = _embedder(EMBEDDINGS[name], write_key(path))


def _is_one_name(branch: _Branch) -> bool:
    names = [prefix_of(str(name)) for name in branch.children]
    return len(names) == 1 and names[0] is not None and not branch.is_list


def _embedder(write: Callable[[Any], str], key: str) -> Callable[[Any, Scope], str]:
    def embed(value: Any, scope: Scope) -> str:
        try:
            text = write(value)
            scope.grow(len(text))
        except RenderError as exc:
            raise RenderError(exc.message, key) from None
        return text

    return embed
