"""A bundle's YAML as nodes that know their lines.

Built from parser events rather than by `yaml.load`: so every value keeps its line and its
spelling (15.00 stays 15.00), repeated keys are seen, and nothing recurses on what a stranger wrote.
Plain words read after YAML 1.2's core schema: NO and ON are texts (states and provinces), 01234 is
a text (a postal code), dates are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from leadops.config.problems import BundleError, Problem, Problems
from leadops.config.references import PRIVATE, hide, reveal

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_NODES: Final = 200_000
MAX_DEPTH: Final = 60

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]*(?:[eE][-+][0-9]{1,3})?\Z", re.ASCII)
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_TEXT_TAG = "tag:yaml.org,2002:str"
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True, eq=False)
class Node:
    """A value of the file. `value` is a dict or list of nodes, or a scalar spelt `text`.

    `line` is that of the value, for objects and lists that of their key. `is_literal` marks a
    text written with `|`: its lines are the file's, from the next one on.
    """

    value: Any
    line: int
    text: str = ""
    is_literal: bool = False
    size: int = 1
    key_lines: dict[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """In the words of a message."""
        if isinstance(self.value, dict):
            return "an object"
        if isinstance(self.value, list):
            return "a list"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool):
            return f"“{self.text}”"
        return f"the number {self.text}" if not isinstance(self.value, str) else "a text"


def parse(data: bytes, *, name: str) -> Node:
    """The top node of a bundle; raises BundleError with all that is wrong with its YAML."""
    text = _decoded(data, name)
    composer = _Composer()
    try:
        composer.run(yaml.parse(hide(text), Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        composer.problems.found.append(_from_yaml(error, text))
    except yaml.YAMLError as error:
        composer.problems.add(1, "", f"This is not YAML: {error}")
    except _TooMuch as error:
        composer.problems.add(error.line, error.path, error.message)
    if composer.problems or composer.top is None:
        raise BundleError(name, composer.problems.found or [Problem(1, "", "The file is empty")])
    return composer.top


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1024 / 1024:.1f} MiB"
        raise BundleError(name, [Problem(1, "", f"The file has {size}; 5 MiB are the most")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BundleError(name, [Problem(line, "", "The file is not UTF-8 text")]) from error
    for pattern in (_UNREADABLE, PRIVATE):
        if found := pattern.search(text):
            line = text.count("\n", 0, found.start()) + 1
            message = f"The character U+{ord(found[0]):04X} cannot stand in a bundle"
            raise BundleError(name, [Problem(line, "", message)])
    return text


def _from_yaml(error: yaml.MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = min(mark.line + 1, text.count("\n") + 1) if mark else 1
    written = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    message = reveal(error.problem or "This is not YAML")
    if "\t" in written[: len(written) - len(written.lstrip())]:
        message += " (lines are indented with spaces, not tabs)"
    elif "{{" in written or (line > 1 and "{{" in text.splitlines()[line - 2]):
        message += " (write values with {{…}} in quotes)"
    return Problem(line, "", f"YAML: {message}")


class _TooMuch(Exception):
    def __init__(self, line: int, path: str, message: str) -> None:
        self.line, self.path, self.message = line, path, message


@dataclass(slots=True)
class _Frame:
    """An object or list that is still open."""

    node: Node
    path: str
    anchor: str | None
    key: str | None = None
    key_line: int = 0
    merged: list[Node] = field(default_factory=list)

    def child_path(self) -> str:
        if isinstance(self.node.value, list):
            return f"{self.path}[{len(self.node.value)}]"
        return f"{self.path}.{self.key}" if self.path else self.key or ""


class _Composer:
    """Goes through the events once, keeping what is open."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.top: Node | None = None
        self._open: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}
        self._count = 0

    def run(self, events: Iterator[Any]) -> None:
        documents = 0
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _TooMuch(line, "", "A bundle is one document")
            elif isinstance(event, yaml.AliasEvent):
                node = self._alias(event, line)
                self._add(node, line, None, weight=node.size)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event, line)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._begin(event, line)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                self._end()

    def _begin(self, event: Any, line: int) -> None:
        is_object = isinstance(event, yaml.MappingStartEvent)
        top = self._open[-1] if self._open else None
        path = top.child_path() if top else ""
        self._check_tag(event, line)
        if len(self._open) >= MAX_DEPTH:
            raise _TooMuch(line, "", f"The file nests deeper than {MAX_DEPTH} levels")
        if top and top.key is None and isinstance(top.node.value, dict):
            raise _TooMuch(line, top.path, "A key is a text; write values with {{…}} in quotes")
        if top and isinstance(top.node.value, dict):
            line = top.key_line
        if event.anchor:
            self._anchors[event.anchor] = None
        node = Node({} if is_object else [], line)
        self._open.append(_Frame(node, path, event.anchor))

    def _end(self) -> None:
        frame = self._open.pop()
        for other in frame.merged:
            for key, child in other.value.items():
                frame.node.value.setdefault(key, child)
                frame.node.key_lines.setdefault(key, other.key_lines.get(key, other.line))
        children = frame.node.value
        if isinstance(children, dict):
            children = children.values()
        frame.node.size = 1 + sum(child.size for child in children)
        self._add(frame.node, frame.node.line, frame.anchor)

    def _scalar(self, event: Any, line: int) -> None:
        self._check_tag(event, line)
        text = reveal(event.value)
        if _UNREADABLE.search(text):
            self._report(line, "Control characters cannot stand in a bundle")
            text = _UNREADABLE.sub("", text)
        frame = self._open[-1] if self._open else None
        if frame and frame.key is None and isinstance(frame.node.value, dict):
            self._key(frame, text, line)
            return
        value = _value_of(text) if event.implicit[0] and event.tag is None else text
        self._add(Node(value, line, text, event.style == "|"), line, event.anchor)

    def _key(self, frame: _Frame, text: str, line: int) -> None:
        frame.key, frame.key_line = text, line
        if text in frame.node.value:
            first = frame.node.key_lines[text]
            path = frame.child_path()
            self.problems.add(line, path, f"The key stands here twice, first in line {first}")

    def _alias(self, event: Any, line: int) -> Node:
        frame = self._open[-1] if self._open else None
        if frame and frame.key is None and isinstance(frame.node.value, dict):
            raise _TooMuch(line, frame.path, "A key is a text, not an alias")
        node = self._anchors.get(event.anchor)
        if node is None:
            known = event.anchor in self._anchors
            message = "refers to what it stands in" if known else "refers to nothing before it"
            raise _TooMuch(line, "", f"*{event.anchor} {message}")
        return node

    def _add(self, node: Node, line: int, anchor: str | None, *, weight: int = 1) -> None:
        self._count += weight
        if not self._open:
            self.top = node
        else:
            self._put(self._open[-1], node, line)
        if anchor:
            self._anchors[anchor] = node
        if node.size > MAX_NODES or self._count > MAX_NODES:
            raise _TooMuch(line, "", f"The file holds more than {MAX_NODES:,} values")

    def _put(self, frame: _Frame, node: Node, line: int) -> None:
        children = frame.node.value
        if isinstance(children, list):
            children.append(node)
            return
        key, frame.key = frame.key or "", None
        if key == "<<":
            self._merge(frame, node, line)
            return
        children.setdefault(key, node)
        frame.node.key_lines.setdefault(key, frame.key_line)

    def _merge(self, frame: _Frame, node: Node, line: int) -> None:
        others = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(other.value, dict) for other in others):
            frame.merged.extend(others)
        else:
            self.problems.add(line, frame.path, "<< takes an object, or a list of objects")

    def _check_tag(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!", _TEXT_TAG):
            self._report(line, f"YAML tags ({event.tag[:60]}) are not used in bundles")

    def _report(self, line: int, message: str) -> None:
        path = self._open[-1].child_path() if self._open else ""
        self.problems.add(line, path, message)


def _value_of(text: str) -> Any:
    """A plain scalar's value."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
