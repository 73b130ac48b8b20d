"""What a test case expects of a request, and how the request made differs from it. Pure."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from leadops.lib import documents

MOST_LINES = 400  # of a difference that is shown
_TAGS = re.compile(r">\s*<")


class Side(StrEnum):
    """Where a line of a difference stands."""

    BOTH = "both"
    EXPECTED = "expected"
    ACTUAL = "actual"


@dataclass(frozen=True, slots=True)
class Line:
    side: Side
    text: str


def difference(expected: str, payload: Any, body: str, *, exact: bool) -> tuple[Line, ...]:
    """Line by line, empty where the request is as expected.

    An object is held against `payload`, which are JSON values, and a text against `body`. Unless
    `exact`, they may hold more. ValueError.
    """
    wanted = parsed(expected)
    if isinstance(wanted, dict):
        actual = payload if exact else _narrowed(payload, wanted)
        return _lines(shown(wanted), shown(actual))
    one, other = _flat(wanted), _flat(body)
    same = one == other if exact else one in other
    return () if same or not one else _lines(_laid_out(wanted), _laid_out(body))


def speaks_of_body(expected: str) -> bool:
    """Whether it is the body that is expected to be so. ValueError."""
    return bool(expected.strip()) and not isinstance(parsed(expected), dict)


def parsed(text: str) -> Any:
    """An object, written as JSON or YAML, that is expected of the mapping; else the text itself,
    expected of the body. ValueError for JSON that is none."""
    stripped = text.strip()
    if stripped.startswith("<"):
        return stripped
    try:
        found = json.loads(stripped)
    except ValueError:
        found = _yaml(stripped)
    return found if isinstance(found, dict) else stripped


def _yaml(text: str) -> Any:
    try:
        return documents.read(text)
    except documents.DocumentError:
        if text.startswith("{"):
            raise
        return None


def canonical(expected: Any) -> str:
    """How it is kept: objects as JSON, whatever they were written in."""
    found = parsed(expected) if isinstance(expected, str) else expected
    if isinstance(found, dict):
        return json.dumps(found, indent=2, ensure_ascii=False)
    return str(found)


def shown(value: Any) -> str:
    """JSON as people read it, its keys in order."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _narrowed(actual: Any, expected: Any) -> Any:
    """What of `actual` is spoken of in `expected`, at any depth."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        return {key: _narrowed(actual[key], expected[key]) for key in expected if key in actual}
    if isinstance(actual, list) and isinstance(expected, list) and len(actual) == len(expected):
        return [_narrowed(*pair) for pair in zip(actual, expected, strict=True)]
    return actual


def _flat(text: str) -> str:
    """Without what does not count: space around tags, at line ends, in rows."""
    return " ".join(_TAGS.sub("><", text).split())


def _laid_out(text: str) -> str:
    return _TAGS.sub(">\n<", text.strip())


def _lines(expected: str, actual: str) -> tuple[Line, ...]:
    if expected == actual:
        return ()
    sides = {"  ": Side.BOTH, "- ": Side.EXPECTED, "+ ": Side.ACTUAL}
    found = difflib.ndiff(expected.splitlines(), actual.splitlines())
    lines = [Line(sides[line[:2]], line[2:]) for line in found if line[:2] in sides]
    return tuple(lines[:MOST_LINES])
