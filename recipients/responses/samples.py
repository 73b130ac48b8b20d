"""A sample reply laid out so that its values can be clicked, each with the rule it would make.

Every path that is proposed was compiled and run on the sample, and finds the very value it stands
beside; a value that no path of ours leads to is shown, but offers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from leadops.lib.http.messages import Reply
from recipients.mapping.errors import RenderError
from recipients.mapping.values import text_of
from recipients.responses import elements, tokens, wrappings
from recipients.responses.conditions import MAX_CONDITION, ConditionError, compile_condition
from recipients.responses.documents import (
    Document,
    Html,
    Json,
    Tree,
    document_of,
)
from recipients.responses.parsing import DocumentError
from recipients.responses.reading import Reading
from recipients.responses.rules import ReaderError, compile_paths

MAX_LINES: Final = 400
MAX_LISTED: Final = 20
"""Items of one list that are shown."""
MAX_DEPTH: Final = 20
MAX_SHOWN: Final = 300
_MAX_COMPARED: Final = 100
_MAX_CONDITION: Final = min(500, MAX_CONDITION)
_NAME: Final = re.compile(r"[^A-Za-z0-9]+")
_PLAIN_KEY: Final = re.compile(r"[^\s.\[\]=<>~!\"'()|&]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a document with the paths that may lead to it, the best first."""

    depth: int
    label: str
    value: Any = None
    paths: tuple[str, ...] = ()
    all_path: str = ""
    """The path of all values of its kind in a list, for reasons."""
    is_branch: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sample. `path` is blank where nothing can be clicked.

    `condition` holds for this value, and is blank where none can be written; `reasons` is the path
    of this value and its likes; `name` is how a capture of it would be called.
    """

    depth: int
    label: str
    value: str = ""
    path: str = ""
    condition: str = ""
    reasons: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """`form` says what the body was read as, `problem` why it could not be read as what it seems
    to be; `cut` that not all of it is shown."""

    form: str
    lines: tuple[Line, ...]
    headers: tuple[Line, ...]
    problem: str = ""
    cut: bool = False


def sample_of(reply: Reply) -> Sample:
    """The reply laid out; never raises."""
    reading = Reading(reply)
    document = reading.document
    found = list(_limited(_found(document, reading.text, 0)))
    lines = [_line(each, reading) for each in found[:MAX_LINES]]
    headers = [
        _line(Found(0, name, value, (f"header:{name}",)), reading)
        for name, value in list(reply.headers.items())[:40]
    ]
    return Sample(
        _form(document, reading.text),
        tuple(lines),
        tuple(headers),
        problem=reading.problem,
        cut=len(found) > MAX_LINES,
    )


def _form(document: Document, text: str) -> str:
    if not text.strip():
        return "Empty"
    if type(document).__name__ != "Text":
        return {"Json": "JSON", "Xml": "XML", "Html": "HTML"}[type(document).__name__]
    return "Names and values" if wrappings.pairs(text) else "Text"


def _limited(found: Iterable[Found]) -> Iterator[Found]:
    for count, each in enumerate(found):
        if count > MAX_LINES:
            return
        yield each


def _found(document: Document, text: str, depth: int) -> Iterator[Found]:
    """The values of a document, and of those inside of it."""
    if isinstance(document, Json):
        yield from _in_json(document.root, depth)
    elif isinstance(document, Tree):
        yield from _in_tree(document, depth)
    else:
        yield from _in_text(text, depth)
    if depth < 2:
        for inner in document.embedded():
            yield Found(depth, "Inside of it", is_branch=True)
            try:
                yield from _found(document_of(Reply(200, {}, b""), text=inner), inner, depth + 1)
            except DocumentError:
                continue


def _in_json(
    value: Any, depth: int, path: str = "", wide: str = "", label: str = ""
) -> Iterator[Found]:
    items = _items(value)
    if items is None or depth >= MAX_DEPTH:
        yield Found(depth, label, value, (path,) if path else (), wide)
        return
    if label:
        yield Found(depth, label, is_branch=True)
    inner = depth + bool(label)
    for key, item in items[:MAX_LISTED] if isinstance(value, list) else items:
        joined = _joined(path, key)
        wider = _joined(wide, "*" if isinstance(value, list) else key)
        yield from _in_json(item, inner, joined, wider, str(key) or '""')
    if isinstance(value, list) and len(items) > MAX_LISTED:
        yield Found(inner, f"… {len(items) - MAX_LISTED} more", is_branch=True)


def _items(value: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(value, Mapping) and value:
        return list(value.items())
    if isinstance(value, list) and value:
        return list(enumerate(value))
    return None


def _joined(path: str, key: Any) -> str:
    name = str(key)
    if path and not _PLAIN_KEY.fullmatch(name.replace(".", "x")):
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name


def _in_tree(document: Tree, depth: int) -> Iterator[Found]:
    is_html = isinstance(document, Html)
    for node in elements.nodes(document.root, is_html=is_html):
        yield Found(
            depth + min(node.depth, MAX_DEPTH),
            node.label,
            node.text or None,
            node.paths,
            node.all_path,
            is_branch=not node.text,
        )


def _in_text(text: str, depth: int) -> Iterator[Found]:
    if named := wrappings.pairs(text):
        yield from (Found(depth, name, value, (name,)) for name, value in named.items())
        return
    for token in tokens.tokens(text):
        yield Found(depth, token.label, token.text, token.patterns)


def _line(found: Found, reading: Reading) -> Line:
    if found.is_branch:
        return Line(found.depth, found.label)
    text = _text(found.value)
    path = next((path for path in found.paths if _finds(path, text, reading)), "")
    if not path:
        return Line(found.depth, found.label, _shown(found.value, text))
    wide = found.all_path
    return Line(
        depth=found.depth,
        label=found.label,
        value=_shown(found.value, text),
        path=path,
        condition=_condition(path, found.value, text, reading),
        reasons=wide if wide and _finds_among(wide, text, reading) else path,
        name=_name(found.label),
    )


def _text(value: Any) -> str:
    try:
        return "" if value is None else text_of(value).strip()
    except RenderError:
        return ""


def _shown(value: Any, text: str) -> str:
    if value is None or not text:
        return "null" if value is None else '""' if value == "" else str(value)[:MAX_SHOWN]
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _finds(path: str, text: str, reading: Reading) -> bool:
    """Whether the path leads to this text before any other; a blank value is no example."""
    found = _texts_at(path, reading)
    return bool(text) and found[:1] == [text]


def _finds_among(path: str, text: str, reading: Reading) -> bool:
    return text in _texts_at(path, reading)


def _texts_at(path: str, reading: Reading) -> list[str]:
    if len(path) > 300:
        return []
    try:
        selectors = compile_paths(path, "")
    except ReaderError:
        return []
    return reading.texts(selectors[0]) if len(selectors) == 1 else []


def _condition(path: str, value: Any, text: str, reading: Reading) -> str:
    """The condition that holds for the value: equal to it, or there, where it is long."""
    if isinstance(value, bool | int | float):
        written = f"{path} = {str(value).lower()}"
    elif len(text) > _MAX_COMPARED or "\n" in text:
        written = path
    else:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        written = f'{path} = "{quoted}"'
    try:
        holds = compile_condition(written).holds(reading)
    except ConditionError:
        return ""
    return written if holds and len(written) <= _MAX_CONDITION else ""


def _name(label: str) -> str:
    """A name for a capture: the value's own, in small letters."""
    label = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", label.rpartition(", ")[2])
    words = _NAME.sub("_", label).strip("_").lower()
    return words if words and not words[0].isdigit() else f"value_{words}" if words else "value"
