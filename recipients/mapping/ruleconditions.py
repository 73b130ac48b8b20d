"""Conditions of a row that are written as rules: `{field: score, op: gt, value: 80}`.

The rule language of filters serves in a mapping as well, as JSON or YAML in the row's condition.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from leadops.lib import conditions, documents
from leadops.lib.conditions import ConditionError, Rule
from leadops.lib.documents import DocumentError
from recipients.mapping.errors import MappingError, Source
from recipients.mapping.scope import Scope

MIXED = "A rule within an expression: write both as rules, or both as expressions"


def is_rule(text: str) -> bool:
    """Whether a condition is a rule rather than an expression, which begins with no single {."""
    bare = text.lstrip()
    return bare.startswith("{") and not bare.startswith("{{")


def compiled(source: Source) -> Rule:
    """The rule of a condition. Raises MappingError with the line of the mistake."""
    try:
        document = documents.read(source.text)
    except DocumentError as error:
        raise _at(source, error.message, error.line) from error
    try:
        return conditions.parse(document)
    except ConditionError as error:
        raise _at(source, str(error), documents.line_of(source.text, error.path) or 1) from error


def _at(source: Source, message: str, line: int) -> MappingError:
    before = source.text.splitlines(keepends=True)[: line - 1]
    return source.error(message, sum(map(len, before)))


def holds(rule: Rule) -> Callable[[Scope], bool]:
    return lambda scope: rule.evaluate(scope.context).passed


def text_of(document: Mapping[str, Any]) -> str:
    """A rule of a document as a row's condition keeps it."""
    return json.dumps(document, ensure_ascii=False, default=str)


def document_of(text: str) -> Any:
    """A condition as a document writes it: rules as objects, expressions as texts."""
    if not is_rule(text):
        return text
    try:
        return documents.read(text)
    except DocumentError:
        return text


def plain(text: str) -> str:
    """A condition as `text_of` writes rules, however it was laid out; expressions as they are."""
    document = document_of(text)
    return text_of(document) if isinstance(document, Mapping) else text


def both(outer: str, own: str, path: str) -> str:
    """One condition that holds where both do. Raises MappingError."""
    if not outer or not own:
        return outer or own
    if is_rule(outer) and is_rule(own):
        return text_of({"all": [document_of(outer), document_of(own)]})
    if is_rule(outer) or is_rule(own):
        raise MappingError(MIXED, path=path)
    return f"({outer}) and ({own})"
