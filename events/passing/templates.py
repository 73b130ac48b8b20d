"""A source's own template: what it is told, in its own words and its own shape. Pure.

Of the mapping language: for data (JSON, XML, CSV, Excel) a block of keys and values, for a text
the text itself. Compiled at save, so that a mistake is shown where it stands; rendered for each
feedback.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from recipients import mapping
from recipients.mapping.errors import Source
from recipients.mapping.keys import Segment, parse_key
from recipients.mapping.mappings import EMBEDDINGS
from recipients.mapping.scope import Scope

TEXT: Final = "text"
FEEDBACK: Final = (
    "id", "kind", "value", "reason", "occurred_at", "received_at", "days_to_convert", "test",
    "message_id",
)  # fmt: skip
SUMMARY: Final = ("id", "number", "count", "first", "last", "since", "until", "totals")
ROOTS: Final = frozenset({"feedback", "summary"})
# Closed: other names of these are slips of the pen. Leads and sources have names of their own.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback": FEEDBACK,
    "summary": SUMMARY,
    "flow": ("slug", "name"),
}
TOLD: Final = frozenset({*NAMES, "lead", "source", "now"})

Fill = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Own:
    """A compiled template. `columns` are those of tables, by label; `reads_lead`: of more than its
    id."""

    render: Callable[[Mapping[str, Any]], Any]
    missing: Callable[[Mapping[str, Any]], list[str]]
    paths: frozenset[str]
    columns: Mapping[str, tuple[Segment, ...]]

    @property
    def reads_lead(self) -> bool:
        return any(path.startswith("lead.") and path != "lead.id" for path in self.paths)

    def cells(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What was rendered, by column; None where it was left out."""
        return {label: _at(payload, segments) for label, segments in self.columns.items()}


def compiled(text: str, format: str, *, fill: Fill = str) -> Own:
    """The template of a text; raises MappingError, at the place in what was written.

    `fill` replaces `${NAME}`; what is wrong is looked for before.
    """
    own = _compiled(text, format)
    _check(text, own.paths)
    filled = fill(text)
    return own if filled == text else _compiled(filled, format)


def _compiled(text: str, format: str) -> Own:
    if format == TEXT:
        return _text(text)
    read = mapping.compile_text(text, roots=ROOTS)
    rows = mapping.rows_of_text(text, roots=ROOTS)
    columns = dict(_column(row.key) for row in rows)
    return Own(read.render, read.missing, read.paths, columns)


def _text(text: str) -> Own:
    template = mapping.compile_template(text, roots=ROOTS)

    def missing(context: Mapping[str, Any]) -> list[str]:
        seen: dict[str, None] = {}
        template.write(Scope(context, missing=seen))
        return list(seen)

    return Own(template.text, missing, template.paths, {})


def _column(key: str) -> tuple[str, tuple[Segment, ...]]:
    """A row's place in a table. A document in one text is one column."""
    segments = parse_key(key)
    for place, segment in enumerate(segments):
        if segment in EMBEDDINGS:
            segments = segments[:place]
            break
    return ".".join(map(str, segments)), tuple(segments)


def _at(payload: Any, segments: tuple[Segment, ...]) -> Any:
    for segment in segments:
        if isinstance(payload, Mapping):
            payload = payload.get(str(segment))
        elif isinstance(payload, list) and isinstance(segment, int) and segment < len(payload):
            payload = payload[segment]
        else:
            return None
    return payload


def _check(text: str, paths: frozenset[str]) -> None:
    """What a source may be told of, and what there is of it; raises MappingError."""
    wrong = {path: said for path in paths if (said := _mistake(path))}
    if not wrong:
        return
    at, path = min((_place(text, path), path) for path in wrong)
    raise Source(text).error(wrong[path], at)


def _mistake(path: str) -> str:
    root, _, rest = path.partition(".")
    if root not in TOLD:
        return f"A source is told nothing of {root!r}"
    name = rest.partition(".")[0]
    if root not in NAMES or not rest or name in NAMES[root]:
        return ""
    meant = get_close_matches(name, NAMES[root], n=1)
    there = f"did you mean {root}.{meant[0]}?" if meant else f"there is {', '.join(NAMES[root])}"
    return f"There is no {root}.{name}; {there}"


def _place(text: str, path: str) -> int:
    """Where it is read first."""
    found = re.search(rf"(?<![\w.]){re.escape(path)}(?!\w)", text)
    return found.start() if found else 0
