"""Keys of a mapping: dotted paths into the payload.

`applicant.name.first` nests; `\\.` is a dot inside a name; a segment of digits alone is a place in
a list, and `\\0` is the name "0".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Segment = str | int
"""A name in an object, or a place in a list."""

MAX_INDEX: Final = 999


def parse_key(key: str) -> tuple[Segment, ...]:
    """The segments of a dotted key; ValueError where one is empty or a place is too large."""
    segments: list[Segment] = []
    name, escaped, is_name = "", False, False
    for char in [*key, "."]:
        if escaped:
            name, escaped, is_name = name + char, False, True
        elif char == "\\":
            escaped = True
        elif char == ".":
            segments.append(_segment(name, is_name=is_name))
            name, is_name = "", False
        else:
            name += char
    if name:  # the closing dot was taken for an escaped one
        raise ValueError("The key ends in a backslash")
    return tuple(segments)


def _segment(name: str, *, is_name: bool) -> Segment:
    if not name.strip():
        raise ValueError("The key is empty, or has an empty part")
    if is_name or not (name.isascii() and name.isdigit()):
        return name
    if len(name) > len(str(MAX_INDEX)):
        raise ValueError(f"A list has {MAX_INDEX + 1} places at most")
    return int(name)


def write_key(segments: Sequence[Segment]) -> str:
    """The dotted key of these segments: what `parse_key` reads back."""
    return ".".join(map(_written, segments))


def _written(segment: Segment) -> str:
    if isinstance(segment, int):
        return str(segment)
    text = segment.replace("\\", "\\\\").replace(".", "\\.")
    return f"\\{text}" if text.isascii() and text.isdigit() else text
