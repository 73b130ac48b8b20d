"""A reply's body as a document: `find` gives the values at a selector, whatever the format.

Buyers answer in JSON, XML, HTML or text, and call it what they like; so the content type is a
hint and the body decides. Nothing in a reply is trusted: no entity is resolved, nothing is
fetched, size and depth are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Protocol

import orjson
from lxml import etree, html

from leadops.lib.http.messages import Reply
from recipients.responses import wrappings
from recipients.responses.budget import Budget
from recipients.responses.charsets import decoded
from recipients.responses.parsing import (
    DocumentError,
    parse_json,
    parse_xml,
    refuse_many_elements,
)
from recipients.responses.selectors import Kind, Selector

MAX_DEPTH: Final = 100
MAX_VALUES: Final = 200


class Document(Protocol):
    """A parsed body."""

    def find(self, selector: Selector, *, budget: Budget | None = None) -> list[Any]:
        """The values at the selector, in order: none where it leads nowhere or does not apply,
        and none once the budget is spent."""

    def embedded(self) -> list[str]:
        """The texts in it that look like documents of their own."""


class Text:
    """A body without structure. Patterns work on every document, by its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def find(self, selector: Selector, *, budget: Budget | None = None) -> list[Any]:
        if selector.kind is Kind.JSON and self._pairs:
            return _at(self._pairs, selector.segments)
        matched = selector.match(self.text, budget or Budget())
        return [] if matched is None else [matched]

    def embedded(self) -> list[str]:
        return []

    @cached_property
    def _pairs(self) -> Mapping[str, str]:
        return wrappings.pairs(self.text) if type(self) is Text else {}


class Json(Text):
    """A JSON body. Raises DocumentError where it does not parse."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.root = parse_json(text)

    def find(self, selector: Selector, *, budget: Budget | None = None) -> list[Any]:
        if selector.kind is not Kind.JSON:
            return super().find(selector, budget=budget)
        return _at(self.root, selector.segments)

    def embedded(self) -> list[str]:
        return wrappings.embedded_in_json(self.root) if wrappings.may_embed(self.text) else []


class Tree(Text):
    """What XML and HTML have in common: elements, found by XPath or CSS."""

    root: etree._Element

    def find(self, selector: Selector, *, budget: Budget | None = None) -> list[Any]:
        budget = budget or Budget()
        if selector.kind is Kind.PATTERN:
            return super().find(selector, budget=budget)
        return [_value(node) for node in self.nodes(selector, budget)[:MAX_VALUES]]

    def embedded(self) -> list[str]:
        return wrappings.embedded_in_tree(self.root) if wrappings.may_embed(self.text) else []

    def nodes(self, selector: Selector, budget: Budget) -> list[Any]:
        """The elements (or texts) at a selector."""
        if selector.xpath is None:
            return []
        try:
            return selector.xpath(self.root, budget)
        except (etree.XPathError, RecursionError, ValueError):
            return []


class Xml(Tree):
    """An XML body; names are matched without their namespaces. Raises DocumentError."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.root = parse_xml(text)

    def find(self, selector: Selector, *, budget: Budget | None = None) -> list[Any]:
        if selector.kind is Kind.JSON:
            return [_value(node) for node in _xml_descend(self.root, selector.segments)]
        return super().find(selector, budget=budget)

    def nodes(self, selector: Selector, budget: Budget) -> list[Any]:
        if selector.kind is Kind.JSON:
            return list(_xml_descend(self.root, selector.segments))
        return super().nodes(selector, budget)


class Html(Tree):
    """An HTML body: whatever the tag soup. Raises DocumentError only where it is empty."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        refuse_many_elements(text, "HTML")
        parser = html.HTMLParser(no_network=True, huge_tree=False, encoding="utf-8")
        try:
            self.root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
        except (etree.LxmlError, ValueError, AssertionError) as exc:
            raise DocumentError("The HTML cannot be read") from exc


def document_of(reply: Reply, *, text: str | None = None) -> Document:
    """The reply's body, by its looks first and its content type second.

    Raises DocumentError where the body claims or seems to be JSON or XML and is not.
    """
    declared = reply.headers.get("content-type", "").lower()
    text = wrappings.unwrapped(decoded(reply) if text is None else text)
    start = text.lstrip()[:200]
    if start[:1] == '"' and (inner := _quoted(text)):
        text, start = inner, inner.lstrip()[:200]
    if start[:1] in ("{", "[") or "json" in declared:
        return _json_or_text(text, start, declared)
    if _HTML_START.match(start) or ("html" in declared and start.startswith("<")):
        return Html(text)
    if start.startswith("<"):
        return _xml_or_text(text, declared)
    # A bare JSON word, such as "OK" or true, is more useful as a text.
    return Text(text)


_HTML_START: Final = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_JSON_START: Final = re.compile(r"\{|\[\s*[\[{\"\]]")
_MARKUP_START: Final = re.compile(r"<[A-Za-z_?!]")


def _quoted(text: str) -> str:
    """The document that is sent as a JSON string; "" where it is none."""
    try:
        inner = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    return inner if isinstance(inner, str) and inner.lstrip()[:1] in ("{", "[", "<") else ""


def _json_or_text(text: str, start: str, declared: str) -> Document:
    try:
        return Json(text)
    except DocumentError:
        if start.startswith("<"):
            return Html(text) if _HTML_START.match(start) else _xml_or_text(text, "")
        if "json" in declared or _JSON_START.match(start):
            raise
        return Text(text)


def _xml_or_text(text: str, declared: str) -> Document:
    try:
        return Xml(text)
    except DocumentError:
        if "xml" in declared or _MARKUP_START.match(text.lstrip()):
            raise
        return Text(text)


def _value(node: Any) -> Any:
    """The text of an element with all its descendants, or what XPath computed."""
    if isinstance(node, etree._Element):
        return "".join(str(part) for part in node.itertext()).strip()
    return str(node).strip() if isinstance(node, str) else node


def _at(root: Any, segments: Sequence[str]) -> list[Any]:
    """The JSON values at a path, whose first name may be the source documents' `response`."""
    if len(segments) == 1 and type(root) is dict and "*" != segments[0] in root:  # as most are
        return [root[segments[0]]]
    found = _descend(root, segments)
    if not found and segments[0] == "response":
        found = _descend(root, segments[1:])
    return found[:MAX_VALUES]


def _descend(value: Any, segments: Sequence[str], depth: int = 0) -> list[Any]:
    """The JSON values at the segments; `*` stands for every item."""
    if not segments:
        return [value]
    name, rest = segments[0], segments[1:]
    if depth > MAX_DEPTH:
        return []
    if name == "*":
        items = _items(value)
        return [found for item in items for found in _descend(item, rest, depth + 1)]
    if isinstance(value, dict):
        for length in range(len(segments), 0, -1):
            key = ".".join(segments[:length])
            if key in value:
                return _descend(value[key], segments[length:], depth + 1)
        return []
    if isinstance(value, list) and name.isascii() and name.lstrip("-").isdigit() and len(name) < 6:
        index = int(name)
        if -len(value) <= index < len(value):
            return _descend(value[index], rest, depth + 1)
    return []


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())[:MAX_VALUES]
    return value[:MAX_VALUES] if isinstance(value, list) else []


def _xml_descend(root: etree._Element, segments: Sequence[str]) -> list[etree._Element]:
    """A dotted path in XML: from the root or from what it holds, so that `result` finds too."""
    names = list(segments)
    if names[0] in (root.tag, "response") and len(names) > 1:
        names = names[1:]
    found = [root]
    for name in names:
        if name.isascii() and name.isdigit():  # no element's name; the place among those found
            found = found[int(name[:6]) :][:1]
            continue
        found = [
            child
            for parent in found
            for child in parent
            if isinstance(child.tag, str) and name in ("*", child.tag)
        ][:MAX_VALUES]
    return found
